/* In the order of resolution, so that a run goes on where the last one stood and no row is looked at twice. A conversation that is opened again and resolved
 * again comes again. */
#include "desk/retention.h"

/* The same rule as retention_prune's, for a month of events at once. What is about no conversation goes, too: whoever holds less is told to load again. */
const struct db_partition desk_event_partition = {
    .table = "events",
    .index_sql = "CREATE UNIQUE INDEX ON @ (conversation_id, seq)",
    .stays_sql =
        "EXISTS (SELECT 1 FROM conversations c WHERE c.id = e.conversation_id AND (c.state "
        "<> 3 OR c.resolved_at >= $1::bigint OR e.seq >= (SELECT COALESCE(MAX(m.seq), 0) FROM "
        "messages m WHERE m.conversation_id = c.id AND m.is_public = 1)))",
    .gone_sql =
        "UPDATE event_floor SET event_id = $1::bigint WHERE id = 1 AND event_id < $1::bigint",
};

struct place {
    int64_t resolved_at, conversation;
};

static enum err load_place(struct db_txn *txn, struct place *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        db_query_one(txn, "SELECT resolved_at, conversation_id FROM event_retention WHERE id = 1",
                     NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    *out = (struct place){db_rows_i64(rows, 0), db_rows_i64(rows, 1)};
    return db_rows_close(&rows);
}

static enum err list_due(struct db_txn *txn, struct place after, int64_t resolved_before,
                         struct place *out, size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT resolved_at, id FROM conversations WHERE state = 3 AND "
                            "resolved_at < $1 AND (resolved_at > $2 OR (resolved_at = $2 AND id > "
                            "$3)) ORDER BY resolved_at, id LIMIT $4",
                            db_i64(resolved_before), db_i64(after.resolved_at),
                            db_i64(after.conversation), db_i64(RETENTION_BATCH));
    if (err != ERR_OK) {
        return err;
    }
    size_t n = 0;
    while (n < RETENTION_BATCH && db_rows_next(rows)) {
        out[n++] = (struct place){db_rows_i64(rows, 0), db_rows_i64(rows, 1)};
    }
    *n_out = n;
    return db_rows_close(&rows);
}

static enum err prune_one(struct db_txn *txn, struct conversation_id c)
{
    int64_t keep_from = 0;
    enum err err = DB_QUERY_I64(txn, &keep_from,
                                "SELECT COALESCE(MAX(seq), 0) FROM messages WHERE conversation_id "
                                "= $1 AND is_public = 1",
                                db_i64(c.v));
    return err == ERR_OK && keep_from > 1 ? event_prune(txn, c, keep_from) : err;
}

enum err retention_prune(struct db_txn *txn, int64_t resolved_before, size_t *n_out)
{
    struct place at = {0};
    struct place due[RETENTION_BATCH];
    size_t n = 0;
    enum err err = load_place(txn, &at);
    err = err == ERR_OK ? list_due(txn, at, resolved_before, due, &n) : err;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = prune_one(txn, (struct conversation_id){due[i].conversation});
    }
    if (err == ERR_OK && n > 0) {
        err = DB_EXEC(txn,
                      "UPDATE event_retention SET resolved_at = $1, conversation_id = $2 WHERE id "
                      "= 1",
                      db_i64(due[n - 1].resolved_at), db_i64(due[n - 1].conversation));
    }
    if (err == ERR_OK) {
        *n_out = n;
    }
    return err;
}

enum err retention_has_hole(struct db_txn *txn, struct conversation_id c, int64_t have, bool *out)
{
    int64_t first = 0;
    enum err err = event_first_seq(txn, c, &first);
    if (err == ERR_OK) {
        *out = first > have + 1;
    }
    return err;
}
