#include "identity/agent_service.h"

#include "base/log.h"
#include "identity/agent_store.h"
#include "identity/escalation.h"
#include "identity/role_store.h"
#include "identity/session_store.h"
#include "platform/version.h"

struct work {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    struct agent_id id;
    int64_t version;
    const struct agent_patch *patch;
    struct str name;
    struct agent agent;
    struct agent *list;
    size_t n;
    struct errinfo info;
};

static enum err need_agent(const struct actor *actor, struct errinfo *info)
{
    return actor_is_agent(actor) || actor->kind == ACTOR_SYSTEM
               ? ERR_OK
               : err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    return agent_list(txn, w->arena, &w->list, &w->n);
}

enum err agent_service_list(struct identity *identity, const struct actor *actor,
                            struct arena *arena, struct agent **out, size_t *n_out,
                            struct errinfo *info)
{
    struct work w = {.arena = arena};
    enum err err = need_agent(actor, info);
    err = err == ERR_OK ? db_read(identity->db, list_fn, &w) : err;
    if (err == ERR_OK) {
        *out = w.list;
        *n_out = w.n;
    }
    return err;
}

static enum err get_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = agent_load(txn, w->id, w->arena, &w->agent);
    return err == ERR_NOT_FOUND
               ? err_set(&w->info, err, "id", "not_found", "There is no such agent.")
               : err;
}

enum err agent_service_get(struct identity *identity, const struct actor *actor, struct agent_id id,
                           struct arena *arena, struct agent *out, struct errinfo *info)
{
    struct work w = {.arena = arena, .id = id};
    enum err err = need_agent(actor, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_read(identity->db, get_fn, &w);
    if (err == ERR_OK) {
        *out = w.agent;
    }
    return err_hand_on(&w.info, err, info);
}

/* ---- update ---- */

/* Permissions of a role, whoever holds it: those of an inactive agent count too. */
static enum err check_role(struct db_txn *txn, struct work *w, struct role_id role,
                           const char *field)
{
    struct permission_set set;
    enum err err = role_store_permissions(txn, role, &set);
    return err == ERR_OK ? escalation_check(w->actor, set, field, &w->info) : err;
}

static enum err check_patch(struct db_txn *txn, struct work *w)
{
    const struct agent_patch *p = w->patch;
    bool changes_role = p->role != NULL && p->role->v != w->agent.role.v;
    bool ends = p->is_active != NULL && !*p->is_active && w->agent.is_active;
    if ((changes_role || ends) && w->actor->agent.v == w->id.v) {
        return err_set(&w->info, ERR_INVALID, changes_role ? "role_id" : "is_active", "self",
                       "Somebody else must do this to you.");
    }
    enum err err = w->actor->agent.v == w->id.v ? ERR_OK : check_role(txn, w, w->agent.role, "id");
    if (err == ERR_OK && changes_role) {
        struct role role;
        err = role_store_load(txn, *p->role, w->arena, &role);
        if (err == ERR_NOT_FOUND) {
            return err_set(&w->info, ERR_INVALID, "role_id", "not_found", "There is no such role.");
        }
        err = err == ERR_OK ? check_role(txn, w, *p->role, "role_id") : err;
    }
    for (size_t i = 0; p->teams != NULL && i < p->teams->n && err == ERR_OK; i++) {
        bool exists = false;
        err = team_exists(txn, (struct team_id){p->teams->items[i]}, &exists);
        if (err == ERR_OK && !exists) {
            return err_set(&w->info, ERR_INVALID, "team_ids", "not_found",
                           "There is no such team.");
        }
    }
    return err;
}

static void apply_patch(struct work *w, struct agent *a)
{
    const struct agent_patch *p = w->patch;
    a->name = p->name != NULL ? w->name : a->name;
    a->role = p->role != NULL ? *p->role : a->role;
    a->capacity = p->capacity != NULL ? *p->capacity : a->capacity;
    a->is_active = p->is_active != NULL ? *p->is_active : a->is_active;
    if (p->languages != NULL) {
        a->languages = p->languages->items;
        a->n_languages = p->languages->n;
    }
    if (p->skills != NULL) {
        a->skills = p->skills->items;
        a->n_skills = p->skills->n;
    }
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = get_fn(txn, w);
    err = err == ERR_OK ? version_check(w->version, w->agent.version, &w->info) : err;
    err = err == ERR_OK ? check_patch(txn, w) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct agent next = w->agent;
    apply_patch(w, &next);
    err = agent_store_update(txn, &next);
    err = err == ERR_OK && w->patch->teams != NULL
              ? agent_store_set_teams(txn, w->id, *w->patch->teams)
              : err;
    int64_t n_owners = 0;
    err = err == ERR_OK ? agent_store_count_active_with_role(txn, STR("owner"), &n_owners) : err;
    if (err == ERR_OK && n_owners == 0) {
        return err_set(&w->info, ERR_CONFLICT, "", "last_owner",
                       "This is the last owner: make somebody else an owner first.");
    }
    if (err == ERR_OK && w->agent.is_active && !next.is_active) {
        err = identity_end_sessions(w->identity, txn, w->id, (struct session_id){0});
        err = err == ERR_OK ? device_store_delete_all(txn, w->id) : err;
    } else if (err == ERR_OK && (next.role.v != w->agent.role.v || w->patch->teams != NULL ||
                                 next.is_active != w->agent.is_active)) {
        identity_on_permissions_changed(w->identity, txn, w->id);
    }
    identity_on_agent_changed(w->identity, txn, w->id);
    return err == ERR_OK ? agent_load(txn, w->id, w->arena, &w->agent) : err;
}

enum err agent_service_update(struct identity *identity, const struct actor *actor,
                              struct agent_id id, int64_t version, const struct agent_patch *patch,
                              struct arena *arena, struct agent *out, struct errinfo *info)
{
    struct work w = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .id = id,
                     .version = version,
                     .patch = patch};
    enum err err = actor_require(actor, PERM_AGENT_MANAGE, info);
    if (err == ERR_OK && patch->name != NULL) {
        err = identity_check_name(arena, *patch->name, "name", 80, &w.name, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, update_fn, &w);
    if (err == ERR_OK) {
        LOG_INFO("identity", "agent changed", log_i64("agent", id.v),
                 log_i64("by", actor->agent.v));
        *out = w.agent;
    }
    return err_hand_on(&w.info, err, info);
}

/* ---- sign out ---- */

static enum err end_sessions_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    w->arena = db_txn_arena(txn);
    bool is_self = w->actor->agent.v == w->id.v;
    enum err err = get_fn(txn, w);
    err = err == ERR_OK && !is_self ? check_role(txn, w, w->agent.role, "id") : err;
    struct session_id kept = {is_self && w->actor->kind == ACTOR_AGENT ? w->actor->session.v : 0};
    err = err == ERR_OK ? identity_end_sessions(w->identity, txn, w->id, kept) : err;
    return err == ERR_OK && !is_self ? device_store_delete_all(txn, w->id) : err;
}

enum err agent_service_end_sessions(struct identity *identity, const struct actor *actor,
                                    struct agent_id id, struct errinfo *info)
{
    struct work w = {.identity = identity, .actor = actor, .id = id};
    enum err err = actor_require(actor, PERM_AGENT_MANAGE, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, end_sessions_fn, &w);
    if (err == ERR_OK) {
        LOG_INFO("identity", "sessions ended", log_i64("agent", id.v),
                 log_i64("by", actor->agent.v));
    }
    return err_hand_on(&w.info, err, info);
}
