/* Validating getters. Every refusal names the field and a stable code, because it ends in a problem document that a form shows. */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

/* Doubles hold integers exactly up to here. */
#define MAX_EXACT 9007199254740992.0

static const struct json *find_present(const struct json *o, const char *key)
{
    const struct json *v = json_find(o, key);
    return json_is_null(v) ? NULL : v;
}

static enum err required(const char *key, struct errinfo *info)
{
    return err_set(info, ERR_INVALID, key, "required", "%s is required.", key);
}

static enum err wrong_type(const char *key, const char *want, struct errinfo *info)
{
    return err_set(info, ERR_INVALID, key, "type", "%s must be %s.", key, want);
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static enum err check_text(const char *key, struct str s, size_t min, size_t max, struct str *out,
                           struct errinfo *info)
{
    size_t n = utf8_count(s);
    if (n < min) {
        return err_set(info, ERR_INVALID, key, "too_short", "%s must have at least %zu characters.",
                       key, min);
    }
    if (n > max) {
        return err_set(info, ERR_INVALID, key, "too_long", "%s must have at most %zu characters.",
                       key, max);
    }
    if (has_control(s)) {
        return err_set(info, ERR_INVALID, key, "format", "%s must not contain control characters.",
                       key);
    }
    *out = s;
    return ERR_OK;
}

enum err json_get_str(const struct json *o, const char *key, size_t min, size_t max,
                      struct str *out, struct errinfo *info)
{
    const struct json *v = find_present(o, key);
    if (v == NULL) {
        return required(key, info);
    }
    if (!json_is_string(v)) {
        return wrong_type(key, "text", info);
    }
    return check_text(key, json_str(v), min, max, out, info);
}

enum err json_opt_str(const struct json *o, const char *key, size_t max, struct str *out,
                      struct errinfo *info)
{
    if (find_present(o, key) == NULL) {
        *out = (struct str){"", 0};
        return ERR_OK;
    }
    return json_get_str(o, key, 0, max, out, info);
}

enum err json_get_i64(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *out,
                      struct errinfo *info)
{
    const struct json *v = find_present(o, key);
    if (v == NULL) {
        return required(key, info);
    }
    double d = json_num(v);
    if (!json_is_number(v) || d != floor(d)) {
        return wrong_type(key, "a whole number", info);
    }
    if (!(d >= -MAX_EXACT && d <= MAX_EXACT) || (int64_t)d < min || (int64_t)d > max) {
        return err_set(info, ERR_INVALID, key, "range", "%s must be from %lld to %lld.", key,
                       (long long)min, (long long)max);
    }
    *out = (int64_t)d;
    return ERR_OK;
}

enum err json_opt_i64(const struct json *o, const char *key, int64_t min, int64_t max,
                      int64_t fallback, int64_t *out, struct errinfo *info)
{
    if (find_present(o, key) == NULL) {
        *out = fallback;
        return ERR_OK;
    }
    return json_get_i64(o, key, min, max, out, info);
}

enum err json_opt_bool(const struct json *o, const char *key, bool fallback, bool *out,
                       struct errinfo *info)
{
    const struct json *v = find_present(o, key);
    if (v != NULL && !json_is_bool(v)) {
        return wrong_type(key, "true or false", info);
    }
    *out = v != NULL ? json_bool(v) : fallback;
    return ERR_OK;
}

enum err json_get_id(const struct json *o, const char *key, int64_t *out, struct errinfo *info)
{
    const struct json *v = find_present(o, key);
    int64_t id;
    if (v == NULL) {
        return required(key, info);
    }
    if (!json_is_string(v)) {
        return wrong_type(key, "an id as text", info);
    }
    struct str s = json_str(v);
    if (!str_to_i64(s, &id) || id <= 0 || s.p[0] == '0') {
        return err_set(info, ERR_INVALID, key, "format", "%s is not an id.", key);
    }
    *out = id;
    return ERR_OK;
}

enum err json_opt_id(const struct json *o, const char *key, int64_t *out, struct errinfo *info)
{
    if (find_present(o, key) == NULL) {
        *out = 0;
        return ERR_OK;
    }
    return json_get_id(o, key, out, info);
}

enum err json_get_enum(const struct json *o, const char *key, const char *const *words, int *out,
                       struct errinfo *info)
{
    const struct json *v = find_present(o, key);
    if (v == NULL) {
        return required(key, info);
    }
    if (!json_is_string(v)) {
        return wrong_type(key, "text", info);
    }
    for (int i = 0; words[i] != NULL; i++) {
        if (str_eq_cstr(json_str(v), words[i])) {
            *out = i;
            return ERR_OK;
        }
    }
    return err_set(info, ERR_INVALID, key, "format", "%s is not one of the known words.", key);
}
