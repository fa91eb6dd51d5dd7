/* The rows of idempotency.h. `status` 0 in a row: claimed, no answer yet. */
#include "platform/idempotency.h"

enum err idempotency_find(struct db_txn *txn, struct arena *arena, const struct idempotency_id *id,
                          int64_t now, int64_t lost_before, enum idempotency *out,
                          struct idempotency_answer *answer_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT request_sha256, status, content_type, etag, body, "
                                "created_at FROM idempotency_keys WHERE actor = $1 AND key = $2",
                                db_text(id->actor), db_text(id->key));
    if (err == ERR_NOT_FOUND) {
        *out = IDEMPOTENCY_FRESH;
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    bool is_same = str_eq(db_rows_str(rows, 0), id->request_sha256);
    int64_t created_at = db_rows_i64(rows, 5);
    struct idempotency_answer answer = {.status = (int)db_rows_i64(rows, 1),
                                        .content_type = db_rows_dup(rows, 2, arena),
                                        .etag = db_rows_dup(rows, 3, arena),
                                        .body = db_rows_dup(rows, 4, arena)};
    err = db_rows_close(&rows);
    if (err != ERR_OK) {
        return err;
    }
    if (created_at < now - IDEMPOTENCY_KEEP_MS) {
        *out = IDEMPOTENCY_FRESH;
    } else if (!is_same) {
        *out = IDEMPOTENCY_MISMATCH;
    } else if (answer.status != 0) {
        *out = IDEMPOTENCY_REPLAY;
        *answer_out = answer;
    } else {
        *out = created_at < lost_before ? IDEMPOTENCY_LOST : IDEMPOTENCY_UNDER_WAY;
    }
    return ERR_OK;
}

enum err idempotency_claim(struct db_txn *txn, const struct idempotency_id *id, int64_t now)
{
    int64_t n_changed = 0;
    enum err err =
        db_exec(txn,
                "INSERT INTO idempotency_keys (actor, key, request_sha256, status, content_type, "
                "etag, body, created_at) VALUES ($1, $2, $3, 0, '', '', $4, $5) "
                "ON CONFLICT (actor, key) DO UPDATE SET request_sha256 = excluded.request_sha256, "
                "status = 0, content_type = '', etag = '', body = excluded.body, "
                "created_at = excluded.created_at WHERE idempotency_keys.created_at < $6",
                DB_ARGS(db_text(id->actor), db_text(id->key), db_text(id->request_sha256),
                        db_blob((struct str){0}), db_i64(now), db_i64(now - IDEMPOTENCY_KEEP_MS)),
                &n_changed);
    return err == ERR_OK && n_changed == 0 ? ERR_CONFLICT : err;
}

enum err idempotency_finish(struct db_txn *txn, const struct idempotency_id *id,
                            const struct idempotency_answer *answer)
{
    return DB_EXEC(txn,
                   "UPDATE idempotency_keys SET status = $3, content_type = $4, etag = $5, body = "
                   "$6 WHERE actor = $1 AND key = $2",
                   db_text(id->actor), db_text(id->key), db_i64(answer->status),
                   db_text(answer->content_type), db_text(answer->etag), db_blob(answer->body));
}

enum err idempotency_prune(struct db_txn *txn, int64_t now, int64_t limit, int64_t *n_removed_out)
{
    return db_exec(txn,
                   "DELETE FROM idempotency_keys WHERE (actor, key) IN (SELECT actor, key FROM "
                   "idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
                   DB_ARGS(db_i64(now - IDEMPOTENCY_KEEP_MS), db_i64(limit)), n_removed_out);
}
