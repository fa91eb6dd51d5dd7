#include "base/codec.h"
#include "base/timeutil.h"
#include "platform/http_impl.h"
#include "platform/version.h"

#define INNER(rq) ((const struct http_request *)(const void *)(rq))

struct str request_header(const struct request *rq, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < INNER(rq)->n_fields; i++) {
        if (str_eq_nocase(INNER(rq)->fields[i].name, wanted)) {
            return INNER(rq)->fields[i].value;
        }
    }
    return (struct str){0};
}

struct str request_cookie(const struct request *rq, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < INNER(rq)->n_fields; i++) {
        if (!str_eq_nocase(INNER(rq)->fields[i].name, STR("cookie"))) {
            continue;
        }
        struct str rest = INNER(rq)->fields[i].value, part;
        while (str_split(&rest, ';', &part)) {
            part = str_trim(part);
            size_t eq = str_find_char(part, '=');
            if (eq != SIZE_MAX && str_eq(str_sub(part, 0, eq), wanted)) {
                struct str v = str_sub(part, eq + 1, part.len);
                bool is_quoted = v.len >= 2 && v.p[0] == '"' && v.p[v.len - 1] == '"';
                return is_quoted ? str_sub(v, 1, v.len - 2) : v;
            }
        }
    }
    return (struct str){0};
}

struct str request_param(const struct request *rq, const char *name)
{
    struct str wanted = str_from(name);
    for (size_t i = 0; i < INNER(rq)->n_params; i++) {
        const struct route_param *p = &INNER(rq)->params[i];
        if (str_eq((struct str){p->name, p->name_len}, wanted)) {
            return p->value;
        }
    }
    return (struct str){0};
}

enum err request_param_id(const struct request *rq, const char *name, int64_t *out,
                          struct errinfo *info)
{
    int64_t v;
    struct str text = request_param(rq, name);
    if (!str_to_i64(text, &v) || v <= 0 || text.p[0] == '0') {
        return err_set(info, ERR_NOT_FOUND, NULL, "not_found", "no such thing");
    }
    *out = v;
    return ERR_OK;
}

struct str request_query(const struct request *rq, const char *name)
{
    struct str wanted = str_from(name);
    struct str rest = rq->query, part;
    while (str_split(&rest, '&', &part)) {
        size_t eq = str_find_char(part, '=');
        struct str key = eq == SIZE_MAX ? part : str_sub(part, 0, eq), value;
        if (!str_eq(key, wanted)) {
            struct str decoded;
            if (codec_unpercent(rq->arena, key, true, &decoded) != ERR_OK ||
                !str_eq(decoded, wanted)) {
                continue;
            }
        }
        if (eq == SIZE_MAX ||
            codec_unpercent(rq->arena, str_sub(part, eq + 1, part.len), true, &value) != ERR_OK) {
            return (struct str){0};
        }
        return value;
    }
    return (struct str){0};
}

enum err request_query_i64(const struct request *rq, const char *name, int64_t min, int64_t max,
                           int64_t fallback, int64_t *out, struct errinfo *info)
{
    struct str text = request_query(rq, name);
    if (str_is_empty(text)) {
        *out = fallback;
        return ERR_OK;
    }
    int64_t v;
    if (!str_to_i64(text, &v)) {
        return err_set(info, ERR_INVALID, name, "format", "must be a whole number");
    }
    if (v < min || v > max) {
        return err_set(info, ERR_INVALID, name, "range", "must be between %lld and %lld",
                       (long long)min, (long long)max);
    }
    *out = v;
    return ERR_OK;
}

enum err request_json(struct request *rq, const struct json **out, struct errinfo *info)
{
    struct http_request *inner = (struct http_request *)(void *)rq;
    if (!inner->json) {
        struct str type = request_header(rq, "content-type");
        size_t semicolon = str_find_char(type, ';');
        type = str_trim(semicolon == SIZE_MAX ? type : str_sub(type, 0, semicolon));
        if (!str_eq_nocase(type, STR("application/json"))) {
            return err_set(info, ERR_INVALID, NULL, "unsupported_media_type",
                           "the body must be application/json");
        }
        enum err err = json_parse(rq->body, rq->route ? rq->route->max_body : rq->body.len,
                                  &inner->json, info);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (!json_is_object(json_root(inner->json))) {
        return err_set(info, ERR_INVALID, NULL, "type", "the body must be a JSON object");
    }
    *out = json_root(inner->json);
    return ERR_OK;
}

enum err request_page(const struct request *rq, struct page *out, struct errinfo *info)
{
    int64_t limit = 0;
    struct page page = {0};
    enum err err = request_query_i64(rq, "limit", 1, 100, 30, &limit, info);
    if (err != ERR_OK) {
        return err;
    }
    page.limit = (int)limit;
    struct str cursor = request_query(rq, "cursor"), text;
    if (!str_is_empty(cursor)) {
        size_t dot;
        if (cursor.len > 64 || codec_unbase64url(rq->arena, cursor, &text) != ERR_OK ||
            (dot = str_find_char(text, '.')) == SIZE_MAX ||
            !str_to_i64(str_sub(text, 0, dot), &page.after) ||
            !str_to_i64(str_sub(text, dot + 1, text.len), &page.after2)) {
            return err_set(info, ERR_INVALID, "cursor", "format", "not a cursor that we made");
        }
    }
    *out = page;
    return ERR_OK;
}

void json_kv_cursor(struct json_writer *w, bool has_more, int64_t after, int64_t after2)
{
    if (!has_more) {
        json_put_key(w, "next_cursor");
        json_put_null(w);
        return;
    }
    ARENA_AUTO arena = arena_new(256);
    struct str text = str_printf(arena, "%lld.%lld", (long long)after, (long long)after2);
    json_kv_str(w, "next_cursor", codec_base64url(arena, text.p, text.len));
}

enum err request_version(const struct request *rq, int64_t *out, struct errinfo *info)
{
    struct str given = request_header(rq, "if-match");
    if (str_is_empty(given)) {
        return err_set(info, ERR_INVALID, "If-Match", "if_match_required",
                       "send the ETag you are changing in If-Match");
    }
    int64_t version = 0; /* nobody's */
    bool is_tag = given.len > 3 && str_starts(given, STR("\"v")) && given.p[given.len - 1] == '"';
    if (str_eq(given, STR("*"))) {
        version = VERSION_ANY;
    } else if (is_tag && (!str_to_i64(str_sub(given, 2, given.len - 3), &version) || version < 0)) {
        version = 0;
    }
    *out = version;
    return ERR_OK;
}

enum err request_if_match(const struct request *rq, int64_t version, struct errinfo *info)
{
    int64_t seen = 0;
    enum err err = request_version(rq, &seen, info);
    return err == ERR_OK ? version_check(seen, version, info) : err;
}
