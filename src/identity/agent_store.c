/* Lists of agents are read in three passes (agents, memberships, permissions of roles) instead of one query per agent: routing asks for all of them. */
#include "identity/agent_store.h"

#include "identity/role_store.h"

#define AGENT_COLUMNS                                                                              \
    "a.id, a.email, a.name, a.zone, a.role_id, r.name, a.is_active, CASE WHEN a.totp_sealed IS "   \
    "NULL THEN 0 ELSE 1 END, a.capacity, a.languages, "                                            \
    "a.skills, a.created_at, a.version"
#define AGENT_FROM " FROM agents a JOIN roles r ON r.id = a.role_id"

static void read_agent(const struct db_rows *rows, struct arena *arena, struct agent *out)
{
    struct agent a = {0};
    a.id.v = db_rows_i64(rows, 0);
    a.email = db_rows_dup(rows, 1, arena);
    a.name = db_rows_dup(rows, 2, arena);
    a.zone = db_rows_dup(rows, 3, arena);
    a.role.v = db_rows_i64(rows, 4);
    a.role_name = db_rows_dup(rows, 5, arena);
    a.is_active = db_rows_i64(rows, 6) != 0;
    a.has_totp = db_rows_i64(rows, 7) != 0;
    a.capacity = (int)db_rows_i64(rows, 8);
    struct text_list languages = text_list_decode(arena, db_rows_str(rows, 9));
    struct text_list skills = text_list_decode(arena, db_rows_str(rows, 10));
    a.languages = languages.items;
    a.n_languages = languages.n;
    a.skills = skills.items;
    a.n_skills = skills.n;
    a.created_at = db_rows_i64(rows, 11);
    a.version = db_rows_i64(rows, 12);
    *out = a;
}

/* Agents are sorted by id, and so are the memberships. */
static enum err add_teams(struct db_txn *txn, struct arena *arena, struct agent *agents, size_t n)
{
    struct db_rows *rows;
    enum err err =
        n == 1
            ? DB_QUERY(
                  txn, &rows,
                  "SELECT agent_id, team_id FROM team_members WHERE agent_id = $1 ORDER BY team_id",
                  db_id(agents[0].id.v))
            : db_query(txn, "SELECT agent_id, team_id FROM team_members ORDER BY agent_id, team_id",
                       NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    size_t i = 0;
    struct team_id *teams = NULL;
    while (db_rows_next(rows)) {
        int64_t agent = db_rows_i64(rows, 0);
        while (i < n && agents[i].id.v < agent) {
            i++;
            teams = NULL;
        }
        if (i == n || agents[i].id.v != agent) {
            continue;
        }
        if (teams == NULL) {
            teams = ARENA_ARRAY(arena, struct team_id, ACTOR_MAX_TEAMS);
            agents[i].teams = teams;
        }
        if (agents[i].n_teams < ACTOR_MAX_TEAMS) {
            teams[agents[i].n_teams++].v = db_rows_i64(rows, 1);
        }
    }
    return db_rows_close(&rows);
}

static enum err add_permissions(struct db_txn *txn, struct agent *agents, size_t n)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        size_t same = 0;
        while (same < i && (agents[same].role.v != agents[i].role.v || !agents[same].is_active)) {
            same++;
        }
        if (!agents[i].is_active) {
            continue;
        }
        if (same < i) {
            agents[i].permissions = agents[same].permissions;
        } else {
            err = role_store_permissions(txn, agents[i].role, &agents[i].permissions);
        }
    }
    return err;
}

enum err agent_load(struct db_txn *txn, struct agent_id id, struct arena *arena, struct agent *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " AGENT_COLUMNS AGENT_FROM " WHERE a.id = $1",
                                db_id(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct agent a;
    read_agent(rows, arena, &a);
    err = db_rows_close(&rows);
    err = err == ERR_OK ? add_teams(txn, arena, &a, 1) : err;
    err = err == ERR_OK ? add_permissions(txn, &a, 1) : err;
    if (err == ERR_OK) {
        *out = a;
    }
    return err;
}

enum err agent_list(struct db_txn *txn, struct arena *arena, struct agent **out, size_t *n_out)
{
    int64_t count = 0;
    enum err err = agent_store_count(txn, &count);
    struct db_rows *rows = NULL;
    err = err == ERR_OK
              ? db_query(txn, "SELECT " AGENT_COLUMNS AGENT_FROM " ORDER BY a.id", NULL, 0, &rows)
              : err;
    if (err != ERR_OK) {
        return err;
    }
    struct agent *agents = ARENA_ARRAY(arena, struct agent, (size_t)count + 1);
    size_t n = 0;
    while (n < (size_t)count && db_rows_next(rows)) {
        read_agent(rows, arena, &agents[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK && n > 0) {
        err = add_teams(txn, arena, agents, n);
        err = err == ERR_OK ? add_permissions(txn, agents, n) : err;
    }
    if (err == ERR_OK) {
        *out = agents;
        *n_out = n;
    }
    return err;
}

enum err agent_load_name(struct db_txn *txn, struct agent_id id, struct arena *arena,
                         struct str *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT name FROM agents WHERE id = $1", db_id(id.v));
    if (err == ERR_NOT_FOUND) {
        *out = (struct str){"", 0};
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    struct str name = db_rows_dup(rows, 0, arena);
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = name;
    }
    return err;
}

static enum err load_actor_teams(struct db_txn *txn, struct actor *actor)
{
    struct db_rows *rows;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT team_id FROM team_members WHERE agent_id = $1 ORDER BY team_id",
                            db_id(actor->agent.v));
    if (err != ERR_OK) {
        return err;
    }
    while (actor->n_teams < ACTOR_MAX_TEAMS && db_rows_next(rows)) {
        actor->teams[actor->n_teams++].v = db_rows_i64(rows, 0);
    }
    return db_rows_close(&rows);
}

enum err agent_load_actor(struct db_txn *txn, struct agent_id id, struct actor *out)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows,
                     "SELECT a.role_id, CASE WHEN r.requires_totp = 1 AND a.totp_sealed IS NULL "
                     "THEN 1 ELSE 0 END FROM agents a "
                     "JOIN roles r ON r.id = a.role_id WHERE a.id = $1 AND a.is_active = 1",
                     db_id(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct actor actor = {.kind = ACTOR_AGENT, .agent = id};
    struct role_id role = {db_rows_i64(rows, 0)};
    actor.needs_totp_setup = db_rows_i64(rows, 1) != 0;
    err = db_rows_close(&rows);
    if (err == ERR_OK && !actor.needs_totp_setup) {
        err = role_store_permissions(txn, role, &actor.permissions);
    }
    err = err == ERR_OK ? load_actor_teams(txn, &actor) : err;
    if (err == ERR_OK) {
        *out = actor;
    }
    return err;
}

/* ---- secrets ---- */

#define SECRET_COLUMNS "id, email, name, password_hash, totp_sealed, totp_pending, is_active"

static enum err take_secrets(struct db_rows *rows, struct arena *arena, struct agent_secrets *out)
{
    struct agent_secrets s = {0};
    s.id.v = db_rows_i64(rows, 0);
    s.email = db_rows_dup(rows, 1, arena);
    s.name = db_rows_dup(rows, 2, arena);
    s.password_hash = db_rows_dup(rows, 3, arena);
    s.totp_sealed = db_rows_dup(rows, 4, arena);
    s.totp_pending = db_rows_dup(rows, 5, arena);
    s.is_active = db_rows_i64(rows, 6) != 0;
    enum err err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = s;
    }
    return err;
}

enum err agent_store_secrets(struct db_txn *txn, struct agent_id id, struct arena *arena,
                             struct agent_secrets *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " SECRET_COLUMNS " FROM agents WHERE id = $1",
                                db_id(id.v));
    return err == ERR_OK ? take_secrets(rows, arena, out) : err;
}

enum err agent_store_secrets_by_email(struct db_txn *txn, struct str email, struct arena *arena,
                                      struct agent_secrets *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(
        txn, &rows, "SELECT " SECRET_COLUMNS " FROM agents WHERE email = $1", db_text(email));
    return err == ERR_OK ? take_secrets(rows, arena, out) : err;
}

/* ---- writing ---- */

enum err agent_store_insert(struct db_txn *txn, const struct agent_new *in, struct agent_id *out)
{
    struct arena *arena = db_txn_arena(txn);
    return DB_QUERY_I64(txn, &out->v,
                        "INSERT INTO agents (email, name, password_hash, role_id, languages, "
                        "skills, capacity, created_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
                        db_text(in->email), db_text(in->name), db_text(in->password_hash),
                        db_id(in->role.v), db_text(text_list_encode(arena, in->languages)),
                        db_text(text_list_encode(arena, in->skills)),
                        db_i64(in->capacity > 0 ? in->capacity : 4), db_i64(in->now));
}

enum err agent_store_email_is_taken(struct db_txn *txn, struct str email, bool *out)
{
    int64_t n = 0;
    enum err err =
        DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM agents WHERE email = $1", db_text(email));
    if (err == ERR_OK) {
        *out = n > 0;
    }
    return err;
}

enum err agent_store_count(struct db_txn *txn, int64_t *out)
{
    return db_query_i64(txn, "SELECT COUNT(*) FROM agents", NULL, 0, out);
}

enum err agent_store_count_active_with_role(struct db_txn *txn, struct str role_key, int64_t *out)
{
    return DB_QUERY_I64(txn, out,
                        "SELECT COUNT(*) FROM agents a JOIN roles r ON r.id = a.role_id WHERE "
                        "r.key = $1 AND a.is_active = 1",
                        db_text(role_key));
}

enum err agent_store_update(struct db_txn *txn, const struct agent *a)
{
    struct arena *arena = db_txn_arena(txn);
    return DB_EXEC(
        txn,
        "UPDATE agents SET name = $1, role_id = $2, languages = $3, skills = $4, capacity = $5, "
        "is_active = $6, version = version + 1 WHERE id = $7",
        db_text(a->name), db_id(a->role.v),
        db_text(text_list_encode(arena, (struct text_list){a->languages, a->n_languages})),
        db_text(text_list_encode(arena, (struct text_list){a->skills, a->n_skills})),
        db_i64(a->capacity), db_bool(a->is_active), db_id(a->id.v));
}

enum err agent_store_set_teams(struct db_txn *txn, struct agent_id id, struct id_list teams)
{
    enum err err = DB_EXEC(txn, "DELETE FROM team_members WHERE agent_id = $1", db_id(id.v));
    for (size_t i = 0; i < teams.n && err == ERR_OK; i++) {
        err = DB_EXEC(txn, "INSERT INTO team_members (team_id, agent_id) VALUES ($1, $2)",
                      db_id(teams.items[i]), db_id(id.v));
    }
    return err;
}

enum err agent_store_update_self(struct db_txn *txn, struct agent_id id, struct str name,
                                 struct str zone, struct str preferences_json)
{
    return DB_EXEC(txn,
                   "UPDATE agents SET name = $1, zone = $2, preferences = $3, version = version + "
                   "1 WHERE id = $4",
                   db_text(name), db_text(zone), db_text(preferences_json), db_id(id.v));
}

enum err agent_store_preferences(struct db_txn *txn, struct agent_id id, struct arena *arena,
                                 struct str *out)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows, "SELECT preferences FROM agents WHERE id = $1", db_id(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct str text = db_rows_dup(rows, 0, arena);
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = text;
    }
    return err;
}

enum err agent_store_set_password(struct db_txn *txn, struct agent_id id, struct str hash)
{
    return DB_EXEC(txn, "UPDATE agents SET password_hash = $1 WHERE id = $2", db_text(hash),
                   db_id(id.v));
}

static struct db_val opt_blob(struct str s)
{
    return s.len == 0 ? db_null() : db_blob(s);
}

enum err agent_store_set_totp(struct db_txn *txn, struct agent_id id, struct str sealed,
                              struct str pending)
{
    return DB_EXEC(txn,
                   "UPDATE agents SET totp_sealed = $1, totp_pending = $2, version = version + 1 "
                   "WHERE id = $3",
                   opt_blob(sealed), opt_blob(pending), db_id(id.v));
}

enum err agent_store_use_totp_step(struct db_txn *txn, struct agent_id id, int64_t step, bool *out)
{
    const struct db_val vals[] = {db_i64(step), db_id(id.v)};
    int64_t n = 0;
    enum err err =
        db_exec(txn, "UPDATE agents SET totp_last_step = $1 WHERE id = $2 AND totp_last_step < $1",
                vals, 2, &n);
    if (err == ERR_OK) {
        *out = n == 1;
    }
    return err;
}

enum err agent_store_replace_recovery_codes(struct db_txn *txn, struct agent_id id,
                                            const struct str *hashes, size_t n)
{
    enum err err = DB_EXEC(txn, "DELETE FROM recovery_codes WHERE agent_id = $1", db_id(id.v));
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = DB_EXEC(txn, "INSERT INTO recovery_codes (agent_id, code_hash) VALUES ($1, $2)",
                      db_id(id.v), db_blob(hashes[i]));
    }
    return err;
}

enum err agent_store_use_recovery_code(struct db_txn *txn, struct agent_id id, struct str hash,
                                       int64_t now, bool *out)
{
    const struct db_val vals[] = {db_i64(now), db_id(id.v), db_blob(hash)};
    int64_t n = 0;
    enum err err = db_exec(txn,
                           "UPDATE recovery_codes SET used_at = $1 WHERE agent_id = $2 AND "
                           "code_hash = $3 AND used_at IS NULL",
                           vals, 3, &n);
    if (err == ERR_OK) {
        *out = n == 1;
    }
    return err;
}
