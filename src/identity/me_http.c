#include "identity/account_service.h"
#include "identity/identity_http.h"

static enum err read_preferences(const struct json *o, struct preferences *out,
                                 struct errinfo *info)
{
    enum err err = json_is_object(o) ? ERR_OK
                                     : err_set(info, ERR_INVALID, "preferences", "type",
                                               "preferences must be an object.");
    err = err == ERR_OK ? json_get_enum(o, "theme", account_themes, &out->theme, info) : err;
    err =
        err == ERR_OK ? json_get_enum(o, "language", account_languages, &out->language, info) : err;
    err = err == ERR_OK ? json_opt_bool(o, "shortcuts", true, &out->shortcuts, info) : err;
    err = err == ERR_OK ? json_opt_bool(o, "sound", true, &out->sound, info) : err;
    return err == ERR_OK
               ? json_opt_bool(o, "desktop_notifications", false, &out->desktop_notifications, info)
               : err;
}

enum err me_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    const struct json *o;
    struct str name;
    struct str zone;
    struct preferences preferences = {0};
    struct me_patch patch = {0};
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? http_opt_text(o, "name", 80, &name, &patch.name, info) : err;
    err = err == ERR_OK ? http_opt_text(o, "zone", 60, &zone, &patch.zone, info) : err;
    if (err == ERR_OK && json_find(o, "preferences") != NULL) {
        err = read_preferences(json_find(o, "preferences"), &preferences, info);
        patch.preferences = &preferences;
    }
    err = err == ERR_OK ? account_update(rq->room, actor, &patch, info) : err;
    return err == ERR_OK ? http_write_me(rq->room, rs, actor->agent,
                                         request_cookie(rq, auth_cookie_name(rq)), info)
                         : err;
}

enum err me_http_password(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct str current;
    struct str next;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "current", 1, 256, &current, info) : err;
    err = err == ERR_OK ? json_get_str(o, "new", 1, 256, &next, info) : err;
    err = err == ERR_OK ? account_change_password(rq->room, request_actor(rq), current, next, info)
                        : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

enum err me_http_totp_begin(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct str password;
    struct totp_offer offer;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "password", 1, 256, &password, info) : err;
    err = err == ERR_OK
              ? account_totp_begin(rq->room, request_actor(rq), password, rq->arena, &offer, info)
              : err;
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        json_object_begin(w);
        json_kv_str(w, "secret", offer.secret);
        json_kv_str(w, "uri", offer.uri);
        json_object_end(w);
        response_header(rs, "Cache-Control", STR("no-store"));
    }
    return err;
}

enum err me_http_totp_confirm(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct str code;
    struct str codes[LOGIN_RECOVERY_CODES];
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "code", 1, 10, &code, info) : err;
    err = err == ERR_OK
              ? account_totp_confirm(rq->room, request_actor(rq), code, rq->arena, codes, info)
              : err;
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        json_object_begin(w);
        json_put_key(w, "recovery_codes");
        text_list_write(w, codes, LOGIN_RECOVERY_CODES);
        json_object_end(w);
        response_header(rs, "Cache-Control", STR("no-store"));
    }
    return err;
}

enum err me_http_totp_remove(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o;
    struct str password;
    struct str code;
    enum err err = request_json(rq, &o, info);
    err = err == ERR_OK ? json_get_str(o, "password", 1, 256, &password, info) : err;
    err = err == ERR_OK ? json_get_str(o, "code", 1, 20, &code, info) : err;
    err = err == ERR_OK ? account_totp_remove(rq->room, request_actor(rq), password, code, info)
                        : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
