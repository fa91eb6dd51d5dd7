#include "identity/account_service.h"
#include "identity/identity_http.h"
#include "identity/session_service.h"

#define DEVICE_COOKIE_S (365LL * 24 * 3600)

/* ---- shared ---- */

enum err http_opt_text(const struct json *o, const char *key, size_t max, struct str *text,
                       const struct str **given_out, struct errinfo *info)
{
    enum err err = json_opt_str(o, key, max, text, info);
    if (err == ERR_OK) {
        *given_out = json_find(o, key) != NULL ? text : NULL;
    }
    return err;
}

struct login_origin http_login_origin(const struct request *rq)
{
    return (struct login_origin){.ip = rq->remote_ip,
                                 .user_agent = request_header(rq, "user-agent"),
                                 .device_token = request_cookie(rq, auth_device_cookie_name(rq)),
                                 .old_session_token = request_cookie(rq, auth_cookie_name(rq))};
}

static void write_preferences(struct json_writer *w, const struct preferences *p)
{
    json_put_key(w, "preferences");
    json_object_begin(w);
    json_kv_cstr(w, "theme", account_themes[p->theme]);
    json_kv_cstr(w, "language", account_languages[p->language]);
    json_kv_bool(w, "shortcuts", p->shortcuts);
    json_kv_bool(w, "sound", p->sound);
    json_kv_bool(w, "desktop_notifications", p->desktop_notifications);
    json_object_end(w);
}

enum err http_write_me(struct identity *identity, struct response *rs, struct agent_id agent,
                       struct str session_token, struct errinfo *info)
{
    struct arena *arena = response_arena(rs);
    struct me me;
    enum err err = account_load(identity, agent, arena, &me);
    if (err != ERR_OK) {
        return err_set(info, err, "", "", "Your account cannot be read.");
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "agent");
    agent_write_json(w, &me.agent);
    json_put_key(w, "permissions");
    json_array_begin(w);
    for (int p = 0; p < PERM_COUNT; p++) {
        if (permission_set_has(me.permissions, (enum permission)p)) {
            json_put_str(w, str_from(permission_get((enum permission)p)->name));
        }
    }
    json_array_end(w);
    json_kv_str(w, "csrf_token",
                session_token.len > 0 ? identity_csrf_token(arena, session_token)
                                      : (struct str){"", 0});
    json_kv_bool(w, "totp_enabled", me.agent.has_totp);
    json_kv_bool(w, "totp_required", me.needs_totp_setup);
    write_preferences(w, &me.preferences);
    json_object_end(w);
    response_header(rs, "Cache-Control", STR("no-store"));
    return ERR_OK;
}

enum err http_signed_in(struct request *rq, struct response *rs, const struct login_result *login,
                        struct errinfo *info)
{
    response_cookie(rs, auth_cookie_name(rq), login->session_token, -1, false);
    response_cookie(rs, auth_device_cookie_name(rq), login->device_token, DEVICE_COOKIE_S, true);
    response_status(rs, 201);
    return http_write_me(rq->room, rs, login->agent, login->session_token, info);
}

/* ---- endpoints ---- */

static struct str own_token(const struct request *rq, const struct actor *actor)
{
    return actor->kind == ACTOR_AGENT ? request_cookie(rq, auth_cookie_name(rq))
                                      : (struct str){"", 0};
}

enum err session_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    return http_write_me(rq->room, rs, actor->agent, own_token(rq, actor), info);
}

enum err session_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct login_request in = {.origin = http_login_origin(rq)};
    struct login_result login;
    enum err err = auth_check_origin(rq->room, rq, info);
    err = err == ERR_OK ? request_json(rq, &o, info) : err;
    err = err == ERR_OK ? json_get_str(o, "email", 1, 254, &in.email, info) : err;
    err = err == ERR_OK ? json_get_str(o, "password", 1, 256, &in.password, info) : err;
    err = err == ERR_OK ? json_opt_str(o, "code", 20, &in.code, info) : err;
    err = err == ERR_OK ? login_with_password(rq->room, rq->arena, &in, &login, info) : err;
    return err == ERR_OK ? http_signed_in(rq, rs, &login, info) : err;
}

enum err session_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    enum err err = session_end(rq->room, actor, actor->session, info);
    if (err == ERR_OK) {
        response_cookie(rs, auth_cookie_name(rq), (struct str){"", 0}, 0, false);
        response_header(rs, "Clear-Site-Data", STR("\"cache\""));
        response_no_content(rs);
    }
    return err;
}

enum err session_http_revoke(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct session_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? session_end(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

enum err session_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    struct session *list;
    size_t n;
    enum err err = session_list(rq->room, actor, rq->arena, &list, &n, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        const struct session *s = &list[i];
        json_object_begin(w);
        json_kv_id(w, "id", s->id.v);
        json_kv_time(w, "created_at", s->created_at);
        json_kv_time(w, "last_seen_at", s->last_seen_at);
        json_kv_str(w, "ip", s->ip);
        json_kv_str(w, "user_agent", s->user_agent);
        json_kv_bool(w, "is_current", s->id.v == actor->session.v);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}
