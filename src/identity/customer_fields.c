#include "identity/customer_fields.h"

#include "base/utf8.h"

#define FIELDS_MAX 50
#define FIELDS_TEXT_MAX (200 * 1024)

static void put_missing(struct json_writer *w, const struct json *from,
                        const struct json *unless_in, size_t *n)
{
    for (const struct json *v = json_first(from); v != NULL && *n < FIELDS_MAX; v = json_next(v)) {
        struct str key = json_key(v);
        bool is_there = false;
        for (const struct json *o = json_first(unless_in); o != NULL; o = json_next(o)) {
            is_there = is_there || str_eq(json_key(o), key);
        }
        if (!is_there && json_is_string(v)) {
            json_put_key_str(w, key);
            json_put_str(w, json_str(v));
            (*n)++;
        }
    }
}

struct str customer_fields_merge(struct arena *arena, struct str first, struct str second)
{
    struct json_doc *a __attribute__((cleanup(json_doc_free))) = NULL;
    struct json_doc *b __attribute__((cleanup(json_doc_free))) = NULL;
    if (json_parse(first, FIELDS_TEXT_MAX, &a, NULL) != ERR_OK ||
        json_parse(second, FIELDS_TEXT_MAX, &b, NULL) != ERR_OK) {
        return first;
    }
    BUF_AUTO buf = {0};
    struct json_writer w;
    size_t n = 0;
    buf_init(&buf, FIELDS_TEXT_MAX * 2);
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    put_missing(&w, json_root(a), NULL, &n);
    put_missing(&w, json_root(b), json_root(a), &n);
    json_object_end(&w);
    return buf_err(&buf) == ERR_OK ? str_dup(arena, buf_str(&buf)) : first;
}

enum err customer_fields_check(struct arena *arena, const struct json *o, const char *key,
                               struct str *out, bool *is_given_out, struct errinfo *info)
{
    const struct json *fields = json_find(o, key);
    if (fields == NULL) {
        *is_given_out = false;
        return ERR_OK;
    }
    if (!json_is_object(fields)) {
        return err_set(info, ERR_INVALID, key, "type", "%s must be an object of texts.", key);
    }
    size_t n = 0;
    for (const struct json *v = json_first(fields); v != NULL; v = json_next(v)) {
        struct str k = json_key(v);
        if (!json_is_string(v) || k.len == 0 || utf8_count(k) > 60 ||
            utf8_count(json_str(v)) > 500) {
            return err_set(info, ERR_INVALID, key, "format",
                           "A field has a name of 1 to 60 characters and a text of at most 500.");
        }
        n++;
    }
    if (n > FIELDS_MAX) {
        return err_set(info, ERR_INVALID, key, "too_long", "%s must have at most %d entries.", key,
                       FIELDS_MAX);
    }
    BUF_AUTO buf = {0};
    struct json_writer w;
    size_t kept = 0;
    buf_init(&buf, FIELDS_TEXT_MAX);
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    put_missing(&w, fields, NULL, &kept);
    json_object_end(&w);
    if (buf_err(&buf) != ERR_OK) {
        return err_set(info, ERR_INVALID, key, "too_long", "%s are too long.", key);
    }
    *out = str_dup(arena, buf_str(&buf));
    *is_given_out = true;
    return ERR_OK;
}
