#include "desk/workspace.h"

enum err workspace_load(struct db_txn *txn, struct arena *arena, struct workspace *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        db_query_one(txn,
                     "SELECT brand, default_language, public_url, reopen_hours, offer_timeout_s, "
                     "auto_away_minutes, csat_enabled, version FROM workspace WHERE id = 1",
                     NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    *out = (struct workspace){
        .brand = db_rows_dup(rows, 0, arena),
        .default_language = db_rows_dup(rows, 1, arena),
        .public_url = db_rows_dup(rows, 2, arena),
        .reopen_hours = db_rows_i64(rows, 3),
        .offer_timeout_s = db_rows_i64(rows, 4),
        .auto_away_minutes = db_rows_i64(rows, 5),
        .csat_enabled = db_rows_i64(rows, 6) != 0,
        .version = db_rows_i64(rows, 7),
    };
    return db_rows_close(&rows);
}

void workspace_remember(struct desk *desk, const struct workspace *ws)
{
    atomic_store(&desk->csat_enabled, ws->csat_enabled);
    atomic_store(&desk->offer_timeout_s, (int)ws->offer_timeout_s);
    atomic_store(&desk->auto_away_minutes, (int)ws->auto_away_minutes);
    atomic_store(&desk->reopen_hours, (int)ws->reopen_hours);
}

struct remembered {
    struct desk *desk;
    struct workspace ws;
};

static void remember(void *arg)
{
    struct remembered *r = arg;
    workspace_remember(r->desk, &r->ws);
}

enum err workspace_store(struct desk *desk, struct db_txn *txn, const struct workspace *ws)
{
    int64_t n = 0;
    enum err err = db_exec(txn,
                           "UPDATE workspace SET brand = $1, default_language = $2, public_url = "
                           "$3, reopen_hours = $4, offer_timeout_s = $5, auto_away_minutes = $6, "
                           "csat_enabled = $7, version = version + 1 WHERE id = 1 AND version = $8",
                           DB_ARGS(db_text(ws->brand), db_text(ws->default_language),
                                   db_text(ws->public_url), db_i64(ws->reopen_hours),
                                   db_i64(ws->offer_timeout_s), db_i64(ws->auto_away_minutes),
                                   db_bool(ws->csat_enabled), db_i64(ws->version)),
                           &n);
    if (err != ERR_OK) {
        return err;
    }
    if (n == 0) {
        return ERR_CONFLICT;
    }
    struct remembered *r = ARENA_NEW(db_txn_arena(txn), struct remembered);
    *r = (struct remembered){desk, *ws};
    db_on_commit(txn, remember, r);
    return ERR_OK;
}
