#include "identity/identity_http.h"
#include "identity/invitation_service.h"
#include "identity/setup_service.h"

enum err setup_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct setup_state state;
    enum err err = setup_load(rq->room, rq->arena, &state);
    if (err != ERR_OK) {
        return err_set(info, err, "", "", "The state cannot be read.");
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_bool(w, "needs_owner", state.needs_owner);
    json_kv_str(w, "brand", state.brand);
    json_object_end(w);
    return ERR_OK;
}

/* Straight from this machine: the address is loopback, no proxy has passed it on, and the page was opened under a local name (a foreign name that leads here
 * would be DNS rebinding). */
static bool is_local(const struct request *rq)
{
    static const char *const addresses[] = {"127.0.0.1", "::1", "::ffff:127.0.0.1"};
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
    bool is_loopback = false;
    bool is_local_name = false;
    struct str host = rq->host;
    size_t colon = host.len;
    while (colon > 0 && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9') {
        colon--;
    }
    if (colon > 0 && host.p[colon - 1] == ':') {
        host = str_sub(host, 0, colon - 1);
    }
    for (size_t i = 0; i < 3; i++) {
        is_loopback = is_loopback || str_eq_cstr(rq->remote_ip, addresses[i]);
        is_local_name = is_local_name || str_eq_nocase(host, str_from(names[i]));
    }
    return is_loopback && is_local_name && request_header(rq, "x-forwarded-for").len == 0 &&
           request_header(rq, "forwarded").len == 0;
}

enum err setup_http_create_owner(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct setup_request in = {.is_local = is_local(rq), .origin = http_login_origin(rq)};
    struct login_result login;
    enum err err = auth_check_origin(rq->room, rq, info);
    err = err == ERR_OK ? request_json(rq, &o, info) : err;
    err = err == ERR_OK ? json_get_str(o, "email", 1, 254, &in.email, info) : err;
    err = err == ERR_OK ? json_get_str(o, "name", 1, 80, &in.name, info) : err;
    err = err == ERR_OK ? json_get_str(o, "password", 1, 256, &in.password, info) : err;
    err = err == ERR_OK ? json_get_str(o, "brand", 1, 60, &in.brand, info) : err;
    err = err == ERR_OK ? json_opt_str(o, "setup_token", 100, &in.token, info) : err;
    err = err == ERR_OK ? setup_create_owner(rq->room, rq->arena, &in, &login, info) : err;
    return err == ERR_OK ? http_signed_in(rq, rs, &login, info) : err;
}

/* ---- invitations ---- */

static void write_invitation(struct json_writer *w, const struct invitation *v, struct str link)
{
    json_object_begin(w);
    json_kv_id(w, "id", v->id);
    json_kv_str(w, "email", v->email);
    json_kv_str(w, "name", v->name);
    json_kv_id(w, "role_id", v->role.v);
    json_put_key(w, "team_ids");
    id_list_write(w, v->teams);
    json_kv_time(w, "created_at", v->created_at);
    json_kv_time(w, "expires_at", v->expires_at);
    if (link.len > 0) {
        json_kv_str(w, "link", link);
    }
    json_object_end(w);
}

enum err invitation_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct invitation *list;
    size_t n;
    enum err err = invitation_list(rq->room, request_actor(rq), rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        write_invitation(w, &list[i], (struct str){0});
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err invitation_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct invitation_new in = {0};
    struct invitation made;
    struct str link;
    bool has_teams;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "email", 1, 254, &in.email, info) : err;
    err = err == ERR_OK ? json_opt_str(o, "name", 80, &in.name, info) : err;
    err = err == ERR_OK ? json_get_id(o, "role_id", &in.role.v, info) : err;
    err = err == ERR_OK
              ? id_list_get(rq->arena, o, "team_ids", ACTOR_MAX_TEAMS, &in.teams, &has_teams, info)
              : err;
    err = err == ERR_OK
              ? invitation_create(rq->room, request_actor(rq), rq->arena, &in, &made, &link, info)
              : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_header(rs, "Cache-Control", STR("no-store"));
        write_invitation(response_json(rs), &made, link);
    }
    return err;
}

enum err invitation_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    int64_t id;
    enum err err = request_param_id(rq, "id", &id, info);
    err = err == ERR_OK ? invitation_withdraw(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

enum err invitation_http_check(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct str token;
    struct str brand;
    struct invitation v;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "token", 1, 100, &token, info) : err;
    err = err == ERR_OK ? invitation_check(rq->room, rq->arena, token, &v, &brand, info) : err;
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        json_object_begin(w);
        json_kv_str(w, "email", v.email);
        json_kv_str(w, "name", v.name);
        json_kv_str(w, "role", v.role_name);
        json_kv_str(w, "brand", brand);
        json_object_end(w);
    }
    return err;
}

enum err invitation_http_accept(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct invitation_acceptance in = {.origin = http_login_origin(rq)};
    struct login_result login;
    enum err err = auth_check_origin(rq->room, rq, info);
    err = err == ERR_OK ? request_json(rq, &o, info) : err;
    err = err == ERR_OK ? json_get_str(o, "token", 1, 100, &in.token, info) : err;
    err = err == ERR_OK ? json_get_str(o, "name", 1, 80, &in.name, info) : err;
    err = err == ERR_OK ? json_get_str(o, "password", 1, 256, &in.password, info) : err;
    err = err == ERR_OK ? invitation_accept(rq->room, rq->arena, &in, &login, info) : err;
    return err == ERR_OK ? http_signed_in(rq, rs, &login, info) : err;
}
