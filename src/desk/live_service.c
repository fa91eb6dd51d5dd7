/* Numbers of this moment, straight from the rows: every one is a count over an index. */
#include "desk/live.h"

#include "desk/presence.h"

#define QUARTER_MS (15 * TIME_MINUTE_MS)
#define N_QUARTERS 96

struct live {
    struct desk *desk;
    struct arena *arena;
    struct json_writer *w;
    int64_t now, midnight;
};

static int64_t seconds(int64_t ms)
{
    return ms > 0 ? ms / 1000 : 0;
}

static enum err write_queue(struct live *l, struct db_txn *txn)
{
    int64_t waiting = 0, oldest = 0, with_bot = 0, with_agents = 0;
    enum err err = db_query_i64(
        txn, "SELECT COUNT(*) FROM conversations WHERE handler = 1 AND state = 0 AND state <> 3",
        NULL, 0, &waiting);
    err = err != ERR_OK ? err
                        : db_query_i64(txn,
                                       "SELECT COALESCE(MIN(queued_at), 0) FROM conversations "
                                       "WHERE handler = 1 AND state = 0 AND state <> 3",
                                       NULL, 0, &oldest);
    err = err != ERR_OK ? err
                        : db_query_i64(txn,
                                       "SELECT COUNT(*) FROM conversations WHERE handler = 0 AND "
                                       "state = 0 AND state <> 3",
                                       NULL, 0, &with_bot);
    err = err != ERR_OK ? err
                        : db_query_i64(txn,
                                       "SELECT COUNT(*) FROM conversations WHERE handler = 2 AND "
                                       "state = 0 AND state <> 3",
                                       NULL, 0, &with_agents);
    json_kv_i64(l->w, "waiting", waiting);
    json_kv_i64(l->w, "longest_wait_s", oldest > 0 ? seconds(l->now - oldest) : 0);
    json_kv_i64(l->w, "with_bot", with_bot);
    json_kv_i64(l->w, "with_agents", with_agents);
    return err;
}

static enum err write_median(struct live *l, struct db_txn *txn)
{
    int64_t n = 0, median = 0;
    enum err err =
        DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM offers WHERE state = 1 AND answered_at >= $1",
                     db_i64(l->midnight));
    json_put_key(l->w, "median_wait_s");
    if (err != ERR_OK || n == 0) {
        json_put_null(l->w);
        return err;
    }
    err = DB_QUERY_I64(
        txn, &median,
        "SELECT waited_ms + answered_at - made_at FROM offers WHERE state = 1 AND answered_at >= "
        "$1 ORDER BY waited_ms + answered_at - made_at LIMIT 1 OFFSET $2",
        db_i64(l->midnight), db_i64(n / 2));
    json_put_i64(l->w, seconds(median));
    return err;
}

static enum err write_csat(struct live *l, struct db_txn *txn)
{
    int64_t n = 0, good = 0;
    enum err err =
        DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM ratings WHERE at >= $1", db_i64(l->midnight));
    err = err != ERR_OK ? err
                        : DB_QUERY_I64(txn, &good,
                                       "SELECT COUNT(*) FROM ratings WHERE at >= $1 AND score >= 4",
                                       db_i64(l->midnight));
    json_put_key(l->w, "csat_today");
    if (n > 0) {
        json_put_double(l->w, (double)good / (double)n);
    } else {
        json_put_null(l->w);
    }
    return err;
}

static enum err write_agents(struct live *l, struct db_txn *txn)
{
    struct agent *agents = NULL;
    size_t n = 0;
    enum err err = agent_list(txn, l->arena, &agents, &n);
    json_put_key(l->w, "agents");
    json_array_begin(l->w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        struct presence p;
        int64_t load = 0, replies = 0;
        if (!agents[i].is_active ||
            !permission_set_has(agents[i].permissions, PERM_CONVERSATION_REPLY)) {
            continue;
        }
        err = presence_load(txn, agents[i].id, l->arena, &p);
        err = err != ERR_OK ? err : presence_load_of(txn, agents[i].id, &load);
        err =
            err != ERR_OK
                ? err
                : DB_QUERY_I64(txn, &replies,
                               "SELECT COUNT(*) FROM messages WHERE author_id = $1 AND author_kind "
                               "= 1 AND kind = 0 AND client_id IS NOT NULL AND created_at >= $2",
                               db_i64(agents[i].id.v), db_i64(l->midnight));
        json_object_begin(l->w);
        json_kv_id(l->w, "agent_id", agents[i].id.v);
        json_kv_str(l->w, "name", agents[i].name);
        json_kv_cstr(l->w, "status", presence_status_words[p.status]);
        json_kv_str(l->w, "reason", p.reason);
        json_kv_bool(l->w, "is_online", p.is_online);
        json_kv_time(l->w, "since", p.since > 0 ? p.since : agents[i].created_at);
        json_kv_i64(l->w, "load", load);
        json_kv_i64(l->w, "capacity", agents[i].capacity);
        json_kv_i64(l->w, "replies_today", replies);
        json_object_end(l->w);
    }
    json_array_end(l->w);
    return err;
}

static void write_team(struct live *l, struct team_id team, struct str name, int64_t waiting,
                       int64_t oldest)
{
    json_object_begin(l->w);
    json_kv_id(l->w, "team_id", team.v);
    json_kv_str(l->w, "name", name);
    json_kv_i64(l->w, "waiting", waiting);
    json_kv_i64(l->w, "longest_wait_s", oldest > 0 ? seconds(l->now - oldest) : 0);
    json_object_end(l->w);
}

static enum err write_teams(struct live *l, struct db_txn *txn)
{
    struct team *teams = NULL;
    size_t n = 0;
    enum err err = team_list(txn, l->arena, &teams, &n);
    json_put_key(l->w, "teams");
    json_array_begin(l->w);
    for (size_t i = 0; i <= n && err == ERR_OK; i++) {
        struct team_id id = i < n ? teams[i].id : (struct team_id){0};
        struct db_rows *rows = NULL;
        err = DB_QUERY_ONE(txn, &rows,
                           "SELECT COUNT(*), COALESCE(MIN(queued_at), 0) FROM conversations WHERE "
                           "handler = 1 AND state = 0 AND state <> 3 AND COALESCE(team_id, 0) = $1",
                           db_i64(id.v));
        if (err == ERR_OK) {
            if (i < n || db_rows_i64(rows, 0) > 0 || n == 0) {
                write_team(l, id, i < n ? teams[i].name : STR(""), db_rows_i64(rows, 0),
                           db_rows_i64(rows, 1));
            }
            err = db_rows_close(&rows);
        }
    }
    json_array_end(l->w);
    return err;
}

static enum err count_quarters(struct db_rows *rows, int64_t out[N_QUARTERS])
{
    while (db_rows_next(rows)) {
        int64_t q = db_rows_i64(rows, 0);
        if (q >= 0 && q < N_QUARTERS) {
            out[q] = db_rows_i64(rows, 1);
        }
    }
    return db_rows_close(&rows);
}

static enum err write_today(struct live *l, struct db_txn *txn)
{
    int64_t started[N_QUARTERS] = {0}, resolved[N_QUARTERS] = {0};
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT (created_at - $1) / 900000, COUNT(*) FROM conversations WHERE "
                            "created_at >= $1 GROUP BY (created_at - $1) / 900000",
                            db_i64(l->midnight));
    err = err != ERR_OK ? err : count_quarters(rows, started);
    if (err == ERR_OK) {
        err = DB_QUERY(txn, &rows,
                       "SELECT (resolved_at - $1) / 900000, COUNT(*) FROM conversations WHERE "
                       "state = 3 AND resolved_at >= $1 GROUP BY (resolved_at - $1) / 900000",
                       db_i64(l->midnight));
        err = err != ERR_OK ? err : count_quarters(rows, resolved);
    }
    json_put_key(l->w, "today");
    json_array_begin(l->w);
    for (int64_t q = 0; q < N_QUARTERS && l->midnight + q * QUARTER_MS <= l->now; q++) {
        json_object_begin(l->w);
        json_kv_time(l->w, "at", l->midnight + q * QUARTER_MS);
        json_kv_i64(l->w, "started", started[q]);
        json_kv_i64(l->w, "resolved", resolved[q]);
        json_object_end(l->w);
    }
    json_array_end(l->w);
    return err;
}

static enum err live_fn(struct db_txn *txn, void *arg)
{
    struct live *l = arg;
    json_object_begin(l->w);
    json_kv_time(l->w, "now", l->now);
    enum err err = write_queue(l, txn);
    err = err != ERR_OK ? err : write_median(l, txn);
    err = err != ERR_OK ? err : write_csat(l, txn);
    err = err != ERR_OK ? err : write_agents(l, txn);
    err = err != ERR_OK ? err : write_teams(l, txn);
    err = err != ERR_OK ? err : write_today(l, txn);
    json_object_end(l->w);
    return err;
}

enum err live_read(struct desk *desk, const struct actor *actor, struct arena *arena,
                   struct json_writer *w, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_LIVE_READ, info);
    if (err != ERR_OK) {
        return err;
    }
    struct live l = {.desk = desk, .arena = arena, .w = w, .now = desk_now(desk)};
    l.midnight = l.now - l.now % TIME_DAY_MS;
    return db_read(desk->db, live_fn, &l);
}
