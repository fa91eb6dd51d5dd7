#include "identity/role_service.h"

#include "base/log.h"
#include "identity/escalation.h"
#include "platform/version.h"

struct work {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    struct role_id id;
    int64_t version;
    const struct role_write *in;
    struct role next; /* what the request asks for */
    struct role role;
    struct role *list;
    size_t n;
    struct errinfo info;
};

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    return role_store_list(txn, w->arena, &w->list, &w->n);
}

enum err role_service_list(struct identity *identity, const struct actor *actor,
                           struct arena *arena, struct role **out, size_t *n_out,
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

static enum err get_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = role_store_load(txn, w->id, w->arena, &w->role);
    return err == ERR_NOT_FOUND
               ? err_set(&w->info, err, "id", "not_found", "There is no such role.")
               : err;
}

enum err role_service_get(struct identity *identity, struct role_id id, struct arena *arena,
                          struct role *out, struct errinfo *info)
{
    struct work w = {.arena = arena, .id = id};
    enum err err = db_read(identity->db, get_fn, &w);
    if (err == ERR_OK) {
        *out = w.role;
    }
    return err_hand_on(&w.info, err, info);
}

/* ---- writing ---- */

static enum err check_write(struct work *w, struct errinfo *info)
{
    enum err err = actor_require(w->actor, PERM_ROLE_MANAGE, info);
    err = err == ERR_OK
              ? identity_check_name(w->arena, w->in->name, "name", 60, &w->next.name, info)
              : err;
    w->next.requires_totp = w->in->requires_totp;
    for (size_t i = 0; i < w->in->permissions.n && err == ERR_OK; i++) {
        enum permission p;
        struct str name = w->in->permissions.items[i];
        if (!permission_parse(name, &p)) {
            return err_set(info, ERR_INVALID, "permissions", "unknown_permission",
                           "There is no permission " STR_FMT ".", STR_ARG(str_sub(name, 0, 60)));
        }
        w->next.permissions = permission_set_with(w->next.permissions, p);
    }
    return err == ERR_OK ? escalation_check(w->actor, w->next.permissions, "permissions", info)
                         : err;
}

static enum err check_name_is_free(struct db_txn *txn, struct work *w)
{
    bool is_free = false;
    enum err err = role_store_name_is_free(txn, w->next.name, w->id, &is_free);
    return err == ERR_OK && !is_free ? err_set(&w->info, ERR_CONFLICT, "name", "name_taken",
                                               "There is a role of this name already.")
                                     : err;
}

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct role_id id = {0};
    enum err err = check_name_is_free(txn, w);
    err = err == ERR_OK ? role_store_insert(txn, &w->next, &id) : err;
    return err == ERR_OK ? role_store_load(txn, id, w->arena, &w->role) : err;
}

enum err role_service_create(struct identity *identity, const struct actor *actor,
                             const struct role_write *in, struct arena *arena, struct role *out,
                             struct errinfo *info)
{
    struct work w = {.identity = identity, .actor = actor, .arena = arena, .in = in};
    enum err err = check_write(&w, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, create_fn, &w);
    if (err == ERR_OK) {
        LOG_INFO("identity", "role made", log_i64("role", w.role.id.v),
                 log_i64("by", actor->agent.v));
        *out = w.role;
    }
    return err_hand_on(&w.info, err, info);
}

static enum err check_builtin(struct work *w)
{
    if (w->role.key.len > 0 && !str_eq(w->role.name, w->next.name)) {
        return err_set(&w->info, ERR_DENIED, "name", "builtin", "A built-in role keeps its name.");
    }
    if (str_eq_cstr(w->role.key, "owner") &&
        w->next.permissions.bits != permission_set_all().bits) {
        return err_set(&w->info, ERR_DENIED, "permissions", "builtin",
                       "The owner has every permission.");
    }
    return ERR_OK;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = get_fn(txn, w);
    err = err == ERR_OK ? version_check(w->version, w->role.version, &w->info) : err;
    err = err == ERR_OK ? escalation_check(w->actor, w->role.permissions, "id", &w->info) : err;
    err = err == ERR_OK ? check_builtin(w) : err;
    err = err == ERR_OK ? check_name_is_free(txn, w) : err;
    w->next.id = w->id;
    err = err == ERR_OK ? role_store_update(txn, &w->next) : err;
    if (err == ERR_OK) {
        identity_on_permissions_changed(w->identity, txn, (struct agent_id){0});
    }
    return err == ERR_OK ? role_store_load(txn, w->id, w->arena, &w->role) : err;
}

enum err role_service_update(struct identity *identity, const struct actor *actor,
                             struct role_id id, int64_t version, const struct role_write *in,
                             struct arena *arena, struct role *out, struct errinfo *info)
{
    struct work w = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .id = id,
                     .version = version,
                     .in = in};
    enum err err = check_write(&w, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, update_fn, &w);
    if (err == ERR_OK) {
        LOG_INFO("identity", "role changed", log_i64("role", id.v), log_i64("by", actor->agent.v));
        *out = w.role;
    }
    return err_hand_on(&w.info, err, info);
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    int64_t n_uses = 0;
    enum err err = get_fn(txn, w);
    if (err == ERR_OK && w->role.key.len > 0) {
        return err_set(&w->info, ERR_DENIED, "", "builtin", "A built-in role cannot be removed.");
    }
    err = err == ERR_OK ? escalation_check(w->actor, w->role.permissions, "id", &w->info) : err;
    err = err == ERR_OK ? DB_QUERY_I64(txn, &n_uses,
                                       "SELECT (SELECT COUNT(*) FROM agents WHERE role_id = $1) + "
                                       "(SELECT COUNT(*) FROM invitations WHERE role_id = $1)",
                                       db_id(w->id.v))
                        : err;
    if (err == ERR_OK && n_uses > 0) {
        return err_set(&w->info, ERR_CONFLICT, "", "in_use",
                       "Agents or invitations have this role: give them another one first.");
    }
    return err == ERR_OK ? role_store_delete(txn, w->id) : err;
}

enum err role_service_delete(struct identity *identity, const struct actor *actor,
                             struct role_id id, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct work w = {.identity = identity, .actor = actor, .arena = arena, .id = id};
    enum err err = actor_require(actor, PERM_ROLE_MANAGE, info);
    return err == ERR_OK ? err_hand_on(&w.info, db_write(identity->db, delete_fn, &w), info) : err;
}

void role_write_json(struct json_writer *w, const struct role *role)
{
    json_object_begin(w);
    json_kv_id(w, "id", role->id.v);
    json_kv_opt_str(w, "key", role->key);
    json_kv_str(w, "name", role->name);
    json_put_key(w, "permissions");
    json_array_begin(w);
    for (int p = 0; p < PERM_COUNT; p++) {
        if (permission_set_has(role->permissions, (enum permission)p)) {
            json_put_str(w, str_from(permission_get((enum permission)p)->name));
        }
    }
    json_array_end(w);
    json_kv_bool(w, "is_builtin", role->key.len > 0);
    json_kv_bool(w, "requires_totp", role->requires_totp);
    json_kv_i64(w, "n_agents", role->n_agents);
    json_kv_i64(w, "version", role->version);
    json_object_end(w);
}
