/* What the wrapper accepts, the writer can write so that it is accepted again and written the same; getters never see past it. */
#include "base/check.h"
#include "base/json.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rewrite(struct json_writer *w, const struct json *v)
{
    if (json_is_object(v) || json_is_array(v)) {
        bool object = json_is_object(v);
        object ? json_object_begin(w) : json_array_begin(w);
        for (const struct json *m = json_first(v); m != NULL; m = json_next(m)) {
            if (object) {
                json_put_key_str(w, json_key(m));
            }
            rewrite(w, m);
        }
        object ? json_object_end(w) : json_array_end(w);
    } else if (json_is_string(v)) {
        ASSERT(utf8_is_valid(json_str(v)));
        json_put_str(w, json_str(v));
    } else if (json_is_number(v)) {
        json_put_double(w, json_num(v));
    } else if (json_is_bool(v)) {
        json_put_bool(w, json_bool(v));
    } else {
        ASSERT(json_is_null(v));
        json_put_null(w);
    }
}

static void try_getters(const struct json *o)
{
    static const char *const words[] = {"a", "b", NULL};
    struct errinfo info;
    struct str s;
    int64_t n;
    bool flag;
    int word;
    (void)!json_get_str(o, "k", 1, 10, &s, &info);
    (void)!json_opt_str(o, "k", 10, &s, &info);
    (void)!json_get_i64(o, "k", INT64_MIN, INT64_MAX, &n, &info);
    (void)!json_opt_bool(o, "k", true, &flag, &info);
    (void)!json_get_id(o, "k", &n, &info);
    (void)!json_get_enum(o, "k", words, &word, &info);
}

static struct str parse_and_write(struct str text, struct buf *out)
{
    struct json_doc *doc = NULL;
    if (json_parse(text, 1 << 20, &doc, NULL) != ERR_OK) {
        return (struct str){0};
    }
    struct json_writer w;
    json_writer_init(&w, out);
    rewrite(&w, json_root(doc));
    try_getters(json_root(doc));
    json_doc_free(&doc);
    return buf_str(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BUF_AUTO first;
    BUF_AUTO second;
    buf_init(&first, 8 << 20);
    buf_init(&second, 8 << 20);
    if (size > 100000) {
        return 0;
    }
    struct str once = parse_and_write((struct str){(const char *)data, size}, &first);
    if (once.len > 0) {
        ASSERT(str_eq(parse_and_write(once, &second), once));
    }
    return 0;
}
