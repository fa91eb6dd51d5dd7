/* Lists of short texts, kept in one column as a JSON array because they are only ever read whole. */
#ifndef IDENTITY_TEXT_LIST_H
#define IDENTITY_TEXT_LIST_H

#include "base/json.h"

struct text_list {
    const struct str *items;
    size_t n;
};

/* Of our own column: anything wrong gives an empty list. */
struct text_list text_list_decode(struct arena *arena, struct str json);
struct str text_list_encode(struct arena *arena, struct text_list list);
void text_list_write(struct json_writer *w, const struct str *items, size_t n);
/* Of a request's body: an array of at most `max_items` texts of 1..`max_len` characters, trimmed, doubles dropped. Absent: *is_given_out false. */
ERR_MUST_USE enum err text_list_get(struct arena *arena, const struct json *o, const char *key,
                                    size_t max_items, size_t max_len, struct text_list *out,
                                    bool *is_given_out, struct errinfo *info);

/* The same for ids ("12" in JSON). */
struct id_list {
    const int64_t *items;
    size_t n;
};
struct id_list id_list_decode(struct arena *arena, struct str json);
struct str id_list_encode(struct arena *arena, struct id_list list);
void id_list_write(struct json_writer *w, struct id_list list);
ERR_MUST_USE enum err id_list_get(struct arena *arena, const struct json *o, const char *key,
                                  size_t max_items, struct id_list *out, bool *is_given_out,
                                  struct errinfo *info);

#endif
