#include "identity/agent_service.h"
#include "identity/apikey_service.h"
#include "identity/identity_http.h"
#include "identity/role_service.h"
#include "identity/team_service.h"

/* ---- agents ---- */

enum err agent_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct agent *list;
    size_t n;
    enum err err = agent_service_list(rq->room, request_actor(rq), rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        agent_write_json(w, &list[i]);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

/* Where the values of a patch live while the service runs. */
struct agent_values {
    struct str name;
    struct role_id role;
    struct id_list teams;
    struct text_list languages, skills;
    int64_t capacity;
    int capacity_int;
    bool is_active;
};

static enum err read_lists(struct request *rq, const struct json *o, struct agent_values *v,
                           struct agent_patch *patch, struct errinfo *info)
{
    bool has_teams = false;
    bool has_languages = false;
    bool has_skills = false;
    enum err err =
        id_list_get(rq->arena, o, "team_ids", ACTOR_MAX_TEAMS, &v->teams, &has_teams, info);
    err = err == ERR_OK ? text_list_get(rq->arena, o, "languages", 20, 20, &v->languages,
                                        &has_languages, info)
                        : err;
    err = err == ERR_OK
              ? text_list_get(rq->arena, o, "skills", 50, 60, &v->skills, &has_skills, info)
              : err;
    for (size_t i = 0; err == ERR_OK && has_languages && i < v->languages.n; i++) {
        if (!identity_is_locale(v->languages.items[i])) {
            return err_set(info, ERR_INVALID, "languages", "format",
                           "Languages are tags such as en or zh-CN.");
        }
    }
    patch->teams = has_teams ? &v->teams : NULL;
    patch->languages = has_languages ? &v->languages : NULL;
    patch->skills = has_skills ? &v->skills : NULL;
    return err;
}

static enum err read_patch(struct request *rq, struct agent_values *v, struct agent_patch *patch,
                           struct errinfo *info)
{
    const struct json *o;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? http_opt_text(o, "name", 80, &v->name, &patch->name, info) : err;
    err = err == ERR_OK ? json_opt_id(o, "role_id", &v->role.v, info) : err;
    err = err == ERR_OK ? read_lists(rq, o, v, patch, info) : err;
    err = err == ERR_OK ? json_opt_i64(o, "capacity", 0, 50, -1, &v->capacity, info) : err;
    err = err == ERR_OK ? json_opt_bool(o, "is_active", true, &v->is_active, info) : err;
    if (err != ERR_OK) {
        return err;
    }
    v->capacity_int = (int)v->capacity;
    patch->role = v->role.v != 0 ? &v->role : NULL;
    patch->capacity = v->capacity >= 0 ? &v->capacity_int : NULL;
    patch->is_active = json_is_bool(json_find(o, "is_active")) ? &v->is_active : NULL;
    return ERR_OK;
}

enum err agent_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct agent_id id;
    struct agent agent;
    struct agent_values values = {0};
    struct agent_patch patch = {0};
    int64_t version = 0;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? read_patch(rq, &values, &patch, info) : err;
    err = err == ERR_OK ? request_version(rq, &version, info) : err;
    err = err == ERR_OK ? agent_service_update(rq->room, request_actor(rq), id, version, &patch,
                                               rq->arena, &agent, info)
                        : err;
    if (err == ERR_OK) {
        response_etag(rs, agent.version);
        agent_write_json(response_json(rs), &agent);
    }
    return err;
}

enum err agent_http_end_sessions(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct agent_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? agent_service_end_sessions(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

/* ---- roles ---- */

static void write_permissions(struct json_writer *w)
{
    json_put_key(w, "permissions");
    json_array_begin(w);
    for (int p = 0; p < PERM_COUNT; p++) {
        const struct permission_info *permission = permission_get((enum permission)p);
        json_object_begin(w);
        json_kv_cstr(w, "name", permission->name);
        json_put_key(w, "description");
        json_object_begin(w);
        json_kv_cstr(w, "en", permission->description_en);
        json_kv_cstr(w, "zh-CN", permission->description_zh);
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

enum err role_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct role *list;
    size_t n;
    enum err err = role_service_list(rq->room, request_actor(rq), rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        role_write_json(w, &list[i]);
    }
    json_array_end(w);
    write_permissions(w);
    json_object_end(w);
    return ERR_OK;
}

static enum err read_role(struct request *rq, struct role_write *out, struct errinfo *info)
{
    const struct json *o;
    bool has_permissions = false;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "name", 1, 60, &out->name, info) : err;
    err = err == ERR_OK ? text_list_get(rq->arena, o, "permissions", 100, 60, &out->permissions,
                                        &has_permissions, info)
                        : err;
    if (err == ERR_OK && !has_permissions) {
        return err_set(info, ERR_INVALID, "permissions", "required", "permissions is required.");
    }
    if (err == ERR_OK && !json_is_bool(json_find(o, "requires_totp"))) {
        return err_set(info, ERR_INVALID, "requires_totp", "required",
                       "requires_totp is required.");
    }
    return err == ERR_OK ? json_opt_bool(o, "requires_totp", false, &out->requires_totp, info)
                         : err;
}

enum err role_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct role_write in = {0};
    struct role role;
    enum err err = read_role(rq, &in, info);
    err = err == ERR_OK
              ? role_service_create(rq->room, request_actor(rq), &in, rq->arena, &role, info)
              : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_etag(rs, role.version);
        role_write_json(response_json(rs), &role);
    }
    return err;
}

enum err role_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct role_id id;
    struct role_write in = {0};
    struct role role;
    int64_t version = 0;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? read_role(rq, &in, info) : err;
    err = err == ERR_OK ? request_version(rq, &version, info) : err;
    err = err == ERR_OK ? role_service_update(rq->room, request_actor(rq), id, version, &in,
                                              rq->arena, &role, info)
                        : err;
    if (err == ERR_OK) {
        response_etag(rs, role.version);
        role_write_json(response_json(rs), &role);
    }
    return err;
}

enum err role_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct role_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? role_service_delete(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

/* ---- teams ---- */

enum err team_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct team_detail *list;
    size_t n;
    enum err err = team_service_list(rq->room, request_actor(rq), rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        team_write_json(w, &list[i]);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

static enum err read_team(struct request *rq, struct id_list *agents, struct team_write *out,
                          struct errinfo *info)
{
    const struct json *o;
    bool has_agents = false;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "name", 1, 60, &out->name, info) : err;
    err = err == ERR_OK ? id_list_get(rq->arena, o, "agent_ids", 1000, agents, &has_agents, info)
                        : err;
    out->agents = has_agents ? agents : NULL;
    return err;
}

enum err team_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct id_list agents;
    struct team_write in = {0};
    struct team_detail team;
    enum err err = read_team(rq, &agents, &in, info);
    err = err == ERR_OK ? team_service_save(rq->room, request_actor(rq), (struct team_id){0}, 0,
                                            &in, rq->arena, &team, info)
                        : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_etag(rs, team.version);
        team_write_json(response_json(rs), &team);
    }
    return err;
}

enum err team_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct team_id id;
    struct id_list agents;
    struct team_write in = {0};
    struct team_detail team;
    int64_t version = 0;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? read_team(rq, &agents, &in, info) : err;
    err = err == ERR_OK ? request_version(rq, &version, info) : err;
    err = err == ERR_OK ? team_service_save(rq->room, request_actor(rq), id, version, &in,
                                            rq->arena, &team, info)
                        : err;
    if (err == ERR_OK) {
        response_etag(rs, team.version);
        team_write_json(response_json(rs), &team);
    }
    return err;
}

enum err team_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct team_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? team_service_delete(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

/* ---- API keys ---- */

static void write_key(struct json_writer *w, const struct apikey *key, struct str secret)
{
    json_object_begin(w);
    json_kv_id(w, "id", key->id);
    json_kv_str(w, "name", key->name);
    json_kv_str(w, "prefix", key->prefix);
    json_put_key(w, "scopes");
    text_list_write(w, key->scopes.items, key->scopes.n);
    json_kv_time(w, "created_at", key->created_at);
    json_kv_time(w, "expires_at", key->expires_at);
    json_kv_time(w, "last_used_at", key->last_used_at);
    if (secret.len > 0) {
        json_kv_str(w, "secret", secret);
    }
    json_object_end(w);
}

enum err apikey_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct apikey *list;
    size_t n;
    enum err err = apikey_service_list(rq->room, request_actor(rq), rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        write_key(w, &list[i], (struct str){0});
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err apikey_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct apikey_new in = {0};
    struct apikey key;
    struct str secret;
    struct str expires;
    bool has_scopes = false;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "name", 1, 80, &in.name, info) : err;
    err = err == ERR_OK
              ? text_list_get(rq->arena, o, "scopes", PERM_COUNT, 60, &in.scopes, &has_scopes, info)
              : err;
    err = err == ERR_OK ? json_opt_str(o, "expires_at", 40, &expires, info) : err;
    if (err == ERR_OK && expires.len > 0 && time_parse(expires, &in.expires_at) != ERR_OK) {
        return err_set(info, ERR_INVALID, "expires_at", "format",
                       "expires_at must be a time such as 2027-01-31T00:00:00Z.");
    }
    err = err == ERR_OK ? apikey_service_create(rq->room, request_actor(rq), &in, rq->arena, &key,
                                                &secret, info)
                        : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_header(rs, "Cache-Control", STR("no-store"));
        write_key(response_json(rs), &key, secret);
    }
    return err;
}

enum err apikey_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    int64_t id;
    enum err err = request_param_id(rq, "id", &id, info);
    err = err == ERR_OK ? apikey_service_delete(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
