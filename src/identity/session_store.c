#include "identity/session_store.h"

#define SESSION_COLUMNS "id, agent_id, created_at, last_seen_at, expires_at, ip, user_agent"
#define DEVICE_MS (365 * TIME_DAY_MS)
#define MAX_SESSIONS_SHOWN 100

enum err session_store_insert(struct db_txn *txn, const struct session_new *in,
                              struct session_id *out)
{
    return DB_QUERY_I64(txn, &out->v,
                        "INSERT INTO sessions (token_hash, agent_id, created_at, last_seen_at, "
                        "expires_at, ip, user_agent) "
                        "VALUES ($1, $2, $3, $3, $4, $5, $6) RETURNING id",
                        token_hash_val(in->hash), db_id(in->agent.v), db_i64(in->now),
                        db_i64(in->expires_at), db_text(in->ip), db_text(in->user_agent));
}

enum err session_store_find(struct db_txn *txn, const struct token_hash *hash, int64_t now,
                            int64_t idle_ms, struct session *out)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows,
                     "SELECT id, agent_id, created_at, last_seen_at, expires_at FROM sessions "
                     "WHERE token_hash = $1 AND expires_at > $2 AND last_seen_at > $3",
                     token_hash_val(hash), db_i64(now), db_i64(now - idle_ms));
    if (err != ERR_OK) {
        return err;
    }
    struct session s = {.id = {db_rows_i64(rows, 0)},
                        .agent = {db_rows_i64(rows, 1)},
                        .created_at = db_rows_i64(rows, 2),
                        .last_seen_at = db_rows_i64(rows, 3),
                        .expires_at = db_rows_i64(rows, 4)};
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = s;
    }
    return err;
}

enum err session_store_list(struct db_txn *txn, struct agent_id agent, int64_t now, int64_t idle_ms,
                            struct arena *arena, struct session **out, size_t *n_out)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY(txn, &rows,
                 "SELECT " SESSION_COLUMNS
                 " FROM sessions WHERE agent_id = $1 AND expires_at > $2 AND last_seen_at > $3 "
                 "ORDER BY last_seen_at DESC LIMIT 100",
                 db_id(agent.v), db_i64(now), db_i64(now - idle_ms));
    if (err != ERR_OK) {
        return err;
    }
    struct session *list = ARENA_ARRAY(arena, struct session, MAX_SESSIONS_SHOWN);
    size_t n = 0;
    while (n < MAX_SESSIONS_SHOWN && db_rows_next(rows)) {
        list[n++] = (struct session){.id = {db_rows_i64(rows, 0)},
                                     .agent = {db_rows_i64(rows, 1)},
                                     .created_at = db_rows_i64(rows, 2),
                                     .last_seen_at = db_rows_i64(rows, 3),
                                     .expires_at = db_rows_i64(rows, 4),
                                     .ip = db_rows_dup(rows, 5, arena),
                                     .user_agent = db_rows_dup(rows, 6, arena)};
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err session_store_delete(struct db_txn *txn, struct session_id id, struct agent_id agent,
                              bool *found_out)
{
    const struct db_val vals[] = {db_id(id.v), db_id(agent.v)};
    int64_t n = 0;
    enum err err =
        db_exec(txn, "DELETE FROM sessions WHERE id = $1 AND agent_id = $2", vals, 2, &n);
    if (err == ERR_OK) {
        *found_out = n > 0;
    }
    return err;
}

enum err session_store_delete_all(struct db_txn *txn, struct agent_id agent,
                                  struct session_id except)
{
    return DB_EXEC(txn, "DELETE FROM sessions WHERE agent_id = $1 AND id <> $2", db_id(agent.v),
                   db_i64(except.v));
}

enum err session_store_touch(struct db_txn *txn, struct session_id id, int64_t now)
{
    return DB_EXEC(txn, "UPDATE sessions SET last_seen_at = $1 WHERE id = $2 AND last_seen_at < $1",
                   db_i64(now), db_id(id.v));
}

enum err session_is_there(struct db_txn *txn, struct session_id id, bool *out)
{
    int64_t n = 0;
    enum err err =
        DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM sessions WHERE id = $1", db_id(id.v));
    *out = n > 0;
    return err;
}

enum err device_store_find(struct db_txn *txn, const struct token_hash *hash, struct agent_id agent,
                           int64_t *id_out)
{
    return DB_QUERY_I64(txn, id_out,
                        "SELECT id FROM devices WHERE token_hash = $1 AND agent_id = $2",
                        token_hash_val(hash), db_id(agent.v));
}

enum err device_store_put(struct db_txn *txn, const struct token_hash *hash, struct agent_id agent,
                          int64_t now)
{
    return DB_EXEC(
        txn,
        "INSERT INTO devices (token_hash, agent_id, created_at, last_used_at) VALUES ($1, $2, $3, "
        "$3) "
        "ON CONFLICT (token_hash, agent_id) DO UPDATE SET last_used_at = excluded.last_used_at",
        token_hash_val(hash), db_id(agent.v), db_i64(now));
}

enum err device_store_delete_all(struct db_txn *txn, struct agent_id agent)
{
    return DB_EXEC(txn, "DELETE FROM devices WHERE agent_id = $1", db_id(agent.v));
}

enum err throttle_store_load(struct db_txn *txn, const struct token_hash *key, struct throttle *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(
        txn, &rows, "SELECT failures, blocked_until, updated_at FROM throttles WHERE key = $1",
        token_hash_val(key));
    if (err == ERR_NOT_FOUND) {
        *out = (struct throttle){0};
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    struct throttle t = {db_rows_i64(rows, 0), db_rows_i64(rows, 1), db_rows_i64(rows, 2)};
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = t;
    }
    return err;
}

enum err throttle_store_save(struct db_txn *txn, const struct token_hash *key,
                             const struct throttle *t)
{
    return DB_EXEC(txn,
                   "INSERT INTO throttles (key, failures, blocked_until, updated_at) VALUES ($1, "
                   "$2, $3, $4) ON CONFLICT (key) DO UPDATE SET "
                   "failures = excluded.failures, blocked_until = excluded.blocked_until, "
                   "updated_at = excluded.updated_at",
                   token_hash_val(key), db_i64(t->failures), db_i64(t->blocked_until),
                   db_i64(t->updated_at));
}

enum err throttle_store_delete(struct db_txn *txn, const struct token_hash *key)
{
    return DB_EXEC(txn, "DELETE FROM throttles WHERE key = $1", token_hash_val(key));
}

enum err session_store_purge(struct db_txn *txn, int64_t now, int64_t idle_ms,
                             int64_t visitor_anonymous_ms)
{
    enum err err = DB_EXEC(txn, "DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2",
                           db_i64(now), db_i64(now - idle_ms));
    err = err == ERR_OK ? DB_EXEC(txn, "DELETE FROM devices WHERE last_used_at <= $1",
                                  db_i64(now - DEVICE_MS))
                        : err;
    err = err == ERR_OK
              ? DB_EXEC(txn, "DELETE FROM throttles WHERE updated_at <= $1 AND blocked_until <= $2",
                        db_i64(now - TIME_DAY_MS), db_i64(now))
              : err;
    err = err == ERR_OK
              ? DB_EXEC(txn, "DELETE FROM invitations WHERE expires_at <= $1", db_i64(now))
              : err;
    err = err == ERR_OK ? DB_EXEC(txn, "DELETE FROM used_identity_tokens WHERE expires_at <= $1",
                                  db_i64(now - TIME_HOUR_MS))
                        : err;
    err =
        err == ERR_OK
            ? DB_EXEC(
                  txn,
                  "DELETE FROM visitor_tokens WHERE verified_until IS NULL AND last_seen_at <= $1",
                  db_i64(now - visitor_anonymous_ms))
            : err;
    return err == ERR_OK
               ? DB_EXEC(txn, "DELETE FROM visitor_tokens WHERE verified_until <= $1", db_i64(now))
               : err;
}
