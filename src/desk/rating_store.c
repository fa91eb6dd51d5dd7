#include "desk/rating.h"

enum err rating_load(struct db_txn *txn, struct conversation_id c, int64_t resolution,
                     struct arena *arena, struct rating *out)
{
    *out = (struct rating){0};
    if (resolution == 0) {
        return ERR_OK;
    }
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "SELECT score, comment, at FROM ratings WHERE conversation_id = $1 AND resolution = $2",
        db_i64(c.v), db_i64(resolution));
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    *out = (struct rating){.score = (int)db_rows_i64(rows, 0),
                           .comment = db_rows_dup(rows, 1, arena),
                           .at = db_rows_i64(rows, 2)};
    return db_rows_close(&rows);
}

enum err rating_insert(struct db_txn *txn, struct conversation_id c, int64_t resolution,
                       struct customer_id customer, struct agent_id agent, const struct rating *r)
{
    int64_t id = 0;
    enum err err = DB_QUERY_I64(txn, &id,
                                "INSERT INTO ratings (conversation_id, resolution, customer_id, "
                                "agent_id, score, comment, at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                                "ON CONFLICT DO NOTHING RETURNING id",
                                db_i64(c.v), db_i64(resolution), db_i64(customer.v), db_id(agent.v),
                                db_i64(r->score), db_text(r->comment), db_i64(r->at));
    return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
}
