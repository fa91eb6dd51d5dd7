#include "desk/presence.h"

static void read_presence(const struct db_rows *r, struct arena *arena, struct presence *out)
{
    *out = (struct presence){
        .agent.v = db_rows_i64(r, 0),
        .status = (enum presence_status)db_rows_i64(r, 1),
        .reason = db_rows_dup(r, 2, arena),
        .is_automatic = db_rows_i64(r, 3) != 0,
        .is_online = db_rows_i64(r, 4) != 0,
        .since = db_rows_i64(r, 5),
        .active_at = db_rows_i64(r, 6),
        .n_missed = db_rows_i64(r, 7),
    };
}

#define COLUMNS "agent_id, status, reason, is_automatic, is_online, since, active_at, n_missed"

enum err presence_load(struct db_txn *txn, struct agent_id agent, struct arena *arena,
                       struct presence *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " COLUMNS " FROM presence WHERE agent_id = $1",
                                db_i64(agent.v));
    if (err == ERR_NOT_FOUND) {
        *out = (struct presence){.agent = agent, .reason = STR("")};
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    read_presence(rows, arena, out);
    return db_rows_close(&rows);
}

enum err presence_list(struct db_txn *txn, struct arena *arena, struct presence **out,
                       size_t *n_out)
{
    int64_t count = 0;
    struct db_rows *rows = NULL;
    enum err err = db_query_i64(txn, "SELECT COUNT(*) FROM presence", NULL, 0, &count);
    if (err == ERR_OK) {
        err = db_query(txn, "SELECT " COLUMNS " FROM presence ORDER BY agent_id", NULL, 0, &rows);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct presence *list = ARENA_ARRAY(arena, struct presence, (size_t)count + 1);
    size_t n = 0;
    while (n < (size_t)count && db_rows_next(rows)) {
        read_presence(rows, arena, &list[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err presence_store(struct db_txn *txn, const struct presence *p)
{
    return DB_EXEC(txn,
                   "INSERT INTO presence (agent_id, status, reason, is_automatic, is_online, "
                   "since, active_at, n_missed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                   "ON CONFLICT (agent_id) DO UPDATE SET status = excluded.status, reason = "
                   "excluded.reason, is_automatic = excluded.is_automatic, "
                   "is_online = excluded.is_online, since = excluded.since, active_at = "
                   "excluded.active_at, n_missed = excluded.n_missed",
                   db_i64(p->agent.v), db_i64(p->status), db_text(p->reason),
                   db_bool(p->is_automatic), db_bool(p->is_online), db_i64(p->since),
                   db_i64(p->active_at), db_i64(p->n_missed));
}

enum err presence_load_of(struct db_txn *txn, struct agent_id agent, int64_t *load_out)
{
    return DB_QUERY_I64(
        txn, load_out,
        "SELECT COUNT(*) FROM conversations WHERE assignee_id = $1 AND state = 0 AND state <> 3",
        db_i64(agent.v));
}

enum err presence_is_reachable(struct db_txn *txn, struct agent_id agent, bool *out)
{
    int64_t n = 0;
    enum err err = DB_QUERY_I64(
        txn, &n,
        "SELECT COUNT(*) FROM presence WHERE agent_id = $1 AND (is_online = 0 OR status = 2)",
        db_i64(agent.v));
    if (err == ERR_OK) {
        *out = n == 0;
    }
    return err;
}
