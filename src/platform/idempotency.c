/* See idempotency.h. Expired keys go whenever a new one comes: an index look-up when there is nothing to remove. */
#include "platform/idempotency.h"

#include "base/timeutil.h"

#define UNDER_WAY_MS TIME_MINUTE_MS

enum err idempotency_begin(struct db_txn *txn, struct arena *arena, struct str actor,
                           struct str key, struct str request_sha256, int64_t now,
                           enum idempotency *out, struct idempotency_answer *answer_out)
{
    enum err err = DB_EXEC(txn, "DELETE FROM idempotency_keys WHERE created_at < $1",
                           db_i64(now - TIME_DAY_MS));
    if (err != ERR_OK) {
        return err;
    }
    struct db_rows *rows = NULL;
    err = DB_QUERY_ONE(txn, &rows,
                       "SELECT request_sha256, status, content_type, body, created_at FROM "
                       "idempotency_keys WHERE actor = $1 AND key = $2",
                       db_text(actor), db_text(key));
    if (err == ERR_NOT_FOUND) {
        *out = IDEMPOTENCY_FRESH;
        return DB_EXEC(txn,
                       "INSERT INTO idempotency_keys (actor, key, request_sha256, status, "
                       "content_type, body, created_at) VALUES ($1, $2, $3, 0, '', $4, $5)",
                       db_text(actor), db_text(key), db_text(request_sha256),
                       db_blob((struct str){0}), db_i64(now));
    }
    if (err != ERR_OK) {
        return err;
    }
    bool is_same = str_eq(db_rows_str(rows, 0), request_sha256);
    struct idempotency_answer answer = {.status = (int)db_rows_i64(rows, 1)};
    bool is_stale = answer.status == 0 && db_rows_i64(rows, 4) < now - UNDER_WAY_MS;
    if (is_same && answer.status != 0) {
        answer.content_type = db_rows_dup(rows, 2, arena);
        answer.body = db_rows_dup(rows, 3, arena);
    }
    err = db_rows_close(&rows);
    if (err != ERR_OK) {
        return err;
    }
    if (!is_same) {
        *out = IDEMPOTENCY_MISMATCH;
    } else if (answer.status != 0) {
        *out = IDEMPOTENCY_REPLAY;
        *answer_out = answer;
    } else if (!is_stale) {
        *out = IDEMPOTENCY_UNDER_WAY;
    } else {
        *out = IDEMPOTENCY_FRESH;
        err = DB_EXEC(txn,
                      "UPDATE idempotency_keys SET created_at = $3 WHERE actor = $1 AND key = $2",
                      db_text(actor), db_text(key), db_i64(now));
    }
    return err;
}

enum err idempotency_finish(struct db_txn *txn, struct str actor, struct str key,
                            const struct idempotency_answer *answer)
{
    return DB_EXEC(txn,
                   "UPDATE idempotency_keys SET status = $3, content_type = $4, body = $5 WHERE "
                   "actor = $1 AND key = $2",
                   db_text(actor), db_text(key), db_i64(answer->status),
                   db_text(answer->content_type), db_blob(answer->body));
}
