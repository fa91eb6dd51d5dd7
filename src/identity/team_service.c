#include "identity/team_service.h"

#include "base/log.h"
#include "identity/identity_admin.h"
#include "platform/version.h"

#define MAX_TEAMS 500

struct work {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    struct team_id id;
    int64_t version;
    const struct team_write *in;
    struct str name;
    struct team_detail team;
    struct team_detail *list;
    size_t n;
    struct errinfo info;
};

/* ---- reading ---- */

enum err team_list(struct db_txn *txn, struct arena *arena, struct team **out, size_t *n_out)
{
    struct db_rows *rows;
    enum err err =
        db_query(txn, "SELECT id, name FROM teams ORDER BY name, id LIMIT 500", NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    struct team *teams = ARENA_ARRAY(arena, struct team, MAX_TEAMS);
    size_t n = 0;
    while (n < MAX_TEAMS && db_rows_next(rows)) {
        teams[n].id.v = db_rows_i64(rows, 0);
        teams[n++].name = db_rows_dup(rows, 1, arena);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = teams;
        *n_out = n;
    }
    return err;
}

enum err team_exists(struct db_txn *txn, struct team_id id, bool *out)
{
    int64_t n = 0;
    enum err err = DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM teams WHERE id = $1", db_i64(id.v));
    if (err == ERR_OK) {
        *out = n > 0;
    }
    return err;
}

static enum err load_members(struct db_txn *txn, struct arena *arena, struct team_id id,
                             struct id_list *out)
{
    int64_t count = 0;
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_I64(txn, &count, "SELECT COUNT(*) FROM team_members WHERE team_id = $1",
                                db_id(id.v));
    err = err == ERR_OK
              ? DB_QUERY(txn, &rows,
                         "SELECT agent_id FROM team_members WHERE team_id = $1 ORDER BY agent_id",
                         db_id(id.v))
              : err;
    if (err != ERR_OK) {
        return err;
    }
    int64_t *items = ARENA_ARRAY(arena, int64_t, (size_t)count + 1);
    size_t n = 0;
    while (n < (size_t)count && db_rows_next(rows)) {
        items[n++] = db_rows_i64(rows, 0);
    }
    *out = (struct id_list){items, n};
    return db_rows_close(&rows);
}

static enum err load_team(struct db_txn *txn, struct work *w)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows, "SELECT name, version FROM teams WHERE id = $1", db_id(w->id.v));
    if (err == ERR_NOT_FOUND) {
        return err_set(&w->info, err, "id", "not_found", "There is no such team.");
    }
    if (err != ERR_OK) {
        return err;
    }
    w->team = (struct team_detail){
        .id = w->id, .name = db_rows_dup(rows, 0, w->arena), .version = db_rows_i64(rows, 1)};
    err = db_rows_close(&rows);
    return err == ERR_OK ? load_members(txn, w->arena, w->id, &w->team.agents) : err;
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct team *teams = NULL;
    size_t n = 0;
    enum err err = team_list(txn, w->arena, &teams, &n);
    w->list = ARENA_ARRAY(w->arena, struct team_detail, n + 1);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        w->id = teams[i].id;
        err = load_team(txn, w);
        w->list[i] = w->team;
    }
    w->n = n;
    return err;
}

enum err team_service_list(struct identity *identity, const struct actor *actor,
                           struct arena *arena, struct team_detail **out, size_t *n_out,
                           struct errinfo *info)
{
    struct work w = {.arena = arena};
    if (!actor_is_agent(actor)) {
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
    }
    enum err err = db_read(identity->db, list_fn, &w);
    if (err == ERR_OK) {
        *out = w.list;
        *n_out = w.n;
    }
    return err;
}

/* ---- writing ---- */

static bool holds(struct id_list list, int64_t id)
{
    for (size_t i = 0; i < list.n; i++) {
        if (list.items[i] == id) {
            return true;
        }
    }
    return false;
}

static enum err add_member(struct db_txn *txn, struct work *w, int64_t agent)
{
    int64_t n = 0;
    enum err err =
        DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM agents WHERE id = $1", db_i64(agent));
    if (err == ERR_OK && n == 0) {
        return err_set(&w->info, ERR_INVALID, "agent_ids", "not_found", "There is no such agent.");
    }
    err = err == ERR_OK
              ? DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM team_members WHERE agent_id = $1",
                             db_i64(agent))
              : err;
    if (err == ERR_OK && n >= ACTOR_MAX_TEAMS) {
        return err_set(&w->info, ERR_INVALID, "agent_ids", "too_many_teams",
                       "An agent can be in %d teams.", ACTOR_MAX_TEAMS);
    }
    return err == ERR_OK
               ? DB_EXEC(txn, "INSERT INTO team_members (team_id, agent_id) VALUES ($1, $2)",
                         db_id(w->id.v), db_id(agent))
               : err;
}

/* Whoever came or went sees other conversations now. */
static enum err set_members(struct db_txn *txn, struct work *w, struct id_list before)
{
    struct id_list after = *w->in->agents;
    enum err err = ERR_OK;
    for (size_t i = 0; i < before.n && err == ERR_OK; i++) {
        if (!holds(after, before.items[i])) {
            err = DB_EXEC(txn, "DELETE FROM team_members WHERE team_id = $1 AND agent_id = $2",
                          db_id(w->id.v), db_id(before.items[i]));
            identity_on_permissions_changed(w->identity, txn, (struct agent_id){before.items[i]});
            identity_on_agent_changed(w->identity, txn, (struct agent_id){before.items[i]});
        }
    }
    for (size_t i = 0; i < after.n && err == ERR_OK; i++) {
        if (!holds(before, after.items[i])) {
            err = add_member(txn, w, after.items[i]);
            identity_on_permissions_changed(w->identity, txn, (struct agent_id){after.items[i]});
            identity_on_agent_changed(w->identity, txn, (struct agent_id){after.items[i]});
        }
    }
    return err;
}

static enum err save_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct team_id asked = w->id;
    struct team_id id = w->id;
    int64_t n = 0;
    enum err err = ERR_OK;
    w->team = (struct team_detail){0};
    if (asked.v != 0) {
        err = load_team(txn, w);
        err = err == ERR_OK ? version_check(w->version, w->team.version, &w->info) : err;
    }
    err = err == ERR_OK
              ? DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM teams WHERE name = $1 AND id <> $2",
                             db_text(w->name), db_i64(asked.v))
              : err;
    if (err == ERR_OK && n > 0) {
        return err_set(&w->info, ERR_CONFLICT, "name", "name_taken",
                       "There is a team of this name already.");
    }
    if (err == ERR_OK && asked.v == 0) {
        err = DB_QUERY_I64(txn, &id.v, "INSERT INTO teams (name) VALUES ($1) RETURNING id",
                           db_text(w->name));
    } else if (err == ERR_OK) {
        err = DB_EXEC(txn, "UPDATE teams SET name = $1, version = version + 1 WHERE id = $2",
                      db_text(w->name), db_id(asked.v));
    }
    w->id = id;
    err = err == ERR_OK && w->in->agents != NULL ? set_members(txn, w, w->team.agents) : err;
    err = err == ERR_OK ? load_team(txn, w) : err;
    w->id = asked; /* as it was, should this run again */
    return err;
}

enum err team_service_save(struct identity *identity, const struct actor *actor, struct team_id id,
                           int64_t version, const struct team_write *in, struct arena *arena,
                           struct team_detail *out, struct errinfo *info)
{
    struct work w = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .id = id,
                     .version = version,
                     .in = in};
    enum err err = actor_require(actor, PERM_TEAM_MANAGE, info);
    err = err == ERR_OK ? identity_check_name(arena, in->name, "name", 60, &w.name, info) : err;
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, save_fn, &w);
    if (err == ERR_OK) {
        LOG_INFO("identity", "team saved", log_i64("team", w.team.id.v),
                 log_i64("by", actor->agent.v));
        *out = w.team;
    }
    return err_hand_on(&w.info, err, info);
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    static const struct id_list nobody = {0};
    static const struct team_write empty = {.agents = &nobody};
    enum err err = load_team(txn, w);
    w->in = &empty;
    err = err == ERR_OK ? set_members(txn, w, w->team.agents) : err;
    return err == ERR_OK ? DB_EXEC(txn, "DELETE FROM teams WHERE id = $1", db_id(w->id.v)) : err;
}

enum err team_service_delete(struct identity *identity, const struct actor *actor,
                             struct team_id id, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct work w = {.identity = identity, .actor = actor, .arena = arena, .id = id};
    enum err err = actor_require(actor, PERM_TEAM_MANAGE, info);
    return err == ERR_OK ? err_hand_on(&w.info, db_write(identity->db, delete_fn, &w), info) : err;
}

enum err identity_create_team(struct identity *identity, struct str name,
                              const struct agent_id *members, size_t n, struct team_id *out,
                              struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    int64_t *ids = ARENA_ARRAY(arena, int64_t, n + 1);
    for (size_t i = 0; i < n; i++) {
        ids[i] = members[i].v;
    }
    struct id_list list = {ids, n};
    struct team_write in = {.name = name, .agents = &list};
    struct team_detail team;
    enum err err = team_service_save(identity, actor_system(), (struct team_id){0}, 0, &in, arena,
                                     &team, info);
    if (err == ERR_OK) {
        *out = team.id;
    }
    return err;
}

void team_write_json(struct json_writer *w, const struct team_detail *team)
{
    json_object_begin(w);
    json_kv_id(w, "id", team->id.v);
    json_kv_str(w, "name", team->name);
    json_put_key(w, "agent_ids");
    id_list_write(w, team->agents);
    json_kv_i64(w, "version", team->version);
    json_object_end(w);
}
