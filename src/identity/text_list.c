#include "identity/text_list.h"

#include "base/utf8.h"

#define COLUMN_MAX 65536

static const struct json *parse_array(struct str json, struct json_doc **doc)
{
    if (json_parse(json, COLUMN_MAX, doc, NULL) != ERR_OK) {
        return NULL;
    }
    const struct json *root = json_root(*doc);
    return json_is_array(root) ? root : NULL;
}

/* The text of the writer, in the arena. */
static struct str finish(struct arena *arena, struct buf *b)
{
    struct str out = str_dup(arena, buf_str(b));
    buf_release(b);
    return out;
}

struct text_list text_list_decode(struct arena *arena, struct str json)
{
    struct json_doc *doc __attribute__((cleanup(json_doc_free))) = NULL;
    const struct json *array = parse_array(json, &doc);
    size_t n = array != NULL ? json_len(array) : 0;
    struct str *items = ARENA_ARRAY(arena, struct str, n + 1);
    size_t i = 0;
    for (const struct json *v = n > 0 ? json_first(array) : NULL; v != NULL; v = json_next(v)) {
        items[i++] = str_dup(arena, json_str(v));
    }
    return (struct text_list){items, i};
}

void text_list_write(struct json_writer *w, const struct str *items, size_t n)
{
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        json_put_str(w, items[i]);
    }
    json_array_end(w);
}

struct str text_list_encode(struct arena *arena, struct text_list list)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, COLUMN_MAX);
    json_writer_init(&w, &b);
    text_list_write(&w, list.items, list.n);
    return finish(arena, &b);
}

static enum err bad_item(const char *key, struct errinfo *info, const char *code, const char *what)
{
    return err_set(info, ERR_INVALID, key, code, "%s must be a list of %s.", key, what);
}

/* Absent or null: *out NULL. */
static enum err find_array(const struct json *o, const char *key, size_t max_items,
                           const struct json **out, struct errinfo *info)
{
    const struct json *v = json_find(o, key);
    *out = NULL;
    if (v == NULL || json_is_null(v)) {
        return ERR_OK;
    }
    if (!json_is_array(v)) {
        return bad_item(key, info, "type", "values");
    }
    if (json_len(v) > max_items) {
        return err_set(info, ERR_INVALID, key, "too_long", "%s must have at most %zu entries.", key,
                       max_items);
    }
    *out = v;
    return ERR_OK;
}

enum err text_list_get(struct arena *arena, const struct json *o, const char *key, size_t max_items,
                       size_t max_len, struct text_list *out, bool *is_given_out,
                       struct errinfo *info)
{
    const struct json *array;
    enum err err = find_array(o, key, max_items, &array, info);
    if (err != ERR_OK || array == NULL) {
        if (err == ERR_OK) {
            *is_given_out = false;
        }
        return err;
    }
    struct str *items = ARENA_ARRAY(arena, struct str, json_len(array) + 1);
    size_t n = 0;
    for (const struct json *v = json_first(array); v != NULL; v = json_next(v)) {
        struct str s = str_trim(json_str(v));
        if (!json_is_string(v) || s.len == 0 || utf8_count(s) > max_len ||
            memchr(s.p, '\n', s.len) != NULL) {
            return bad_item(key, info, "format", "short texts");
        }
        bool is_double = false;
        for (size_t i = 0; i < n; i++) {
            is_double = is_double || str_eq(items[i], s);
        }
        if (!is_double) {
            items[n++] = str_dup(arena, s);
        }
    }
    *out = (struct text_list){items, n};
    *is_given_out = true;
    return ERR_OK;
}

static bool id_of(const struct json *v, int64_t *out)
{
    return json_is_string(v) && str_to_i64(json_str(v), out) && *out > 0;
}

struct id_list id_list_decode(struct arena *arena, struct str json)
{
    struct json_doc *doc __attribute__((cleanup(json_doc_free))) = NULL;
    const struct json *array = parse_array(json, &doc);
    size_t n = 0;
    int64_t *items = ARENA_ARRAY(arena, int64_t, (array != NULL ? json_len(array) : 0) + 1);
    for (const struct json *v = array != NULL ? json_first(array) : NULL; v != NULL;
         v = json_next(v)) {
        if (id_of(v, &items[n])) {
            n++;
        }
    }
    return (struct id_list){items, n};
}

void id_list_write(struct json_writer *w, struct id_list list)
{
    json_array_begin(w);
    for (size_t i = 0; i < list.n; i++) {
        json_put_id(w, list.items[i]);
    }
    json_array_end(w);
}

struct str id_list_encode(struct arena *arena, struct id_list list)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, COLUMN_MAX);
    json_writer_init(&w, &b);
    id_list_write(&w, list);
    return finish(arena, &b);
}

enum err id_list_get(struct arena *arena, const struct json *o, const char *key, size_t max_items,
                     struct id_list *out, bool *is_given_out, struct errinfo *info)
{
    const struct json *array;
    enum err err = find_array(o, key, max_items, &array, info);
    if (err != ERR_OK || array == NULL) {
        if (err == ERR_OK) {
            *is_given_out = false;
        }
        return err;
    }
    int64_t *items = ARENA_ARRAY(arena, int64_t, json_len(array) + 1);
    size_t n = 0;
    for (const struct json *v = json_first(array); v != NULL; v = json_next(v)) {
        int64_t id = 0;
        if (!id_of(v, &id)) {
            return bad_item(key, info, "format", "ids");
        }
        bool is_double = false;
        for (size_t i = 0; i < n; i++) {
            is_double = is_double || items[i] == id;
        }
        if (!is_double) {
            items[n++] = id;
        }
    }
    *out = (struct id_list){items, n};
    *is_given_out = true;
    return ERR_OK;
}
