#include "desk/prechat.h"

static const char *const wishes[] = {"off", "optional", "required", NULL};

bool prechat_topic_is_valid(struct str t)
{
    bool good = t.len > 0 && t.len <= 60;
    for (size_t i = 0; i < t.len && good; i++) {
        char c = t.p[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    }
    return good;
}

static enum err copy_wish(const struct json *form, const char *key, struct json_writer *w,
                          struct errinfo *info)
{
    int which = 0;
    enum err err = json_get_enum(form, key, wishes, &which, info);
    if (err == ERR_OK) {
        json_kv_cstr(w, key, wishes[which]);
    }
    return err;
}

static enum err copy_topic(const struct json *t, struct json_writer *w, struct errinfo *info)
{
    const struct json *label = json_find(t, "label");
    struct str topic = {0}, en = {0}, zh = {0};
    if (!json_is_object(t) || !json_is_object(label)) {
        return err_set(info, ERR_INVALID, "prechat.topics", "type", "a topic and its label");
    }
    enum err err = json_get_str(t, "topic", 1, 60, &topic, info);
    if (err == ERR_OK && !prechat_topic_is_valid(topic)) {
        err = err_set(info, ERR_INVALID, "prechat.topics", "format", "a-z 0-9 - _");
    }
    err = err != ERR_OK ? err : json_get_str(label, "en", 1, PRECHAT_MAX_LABEL, &en, info);
    err = err != ERR_OK ? err : json_get_str(label, "zh-CN", 1, PRECHAT_MAX_LABEL, &zh, info);
    if (err == ERR_OK) {
        json_object_begin(w);
        json_kv_str(w, "topic", topic);
        json_put_key(w, "label");
        json_object_begin(w);
        json_kv_str(w, "en", en);
        json_kv_str(w, "zh-CN", zh);
        json_object_end(w);
        json_object_end(w);
    }
    return err;
}

enum err prechat_decode(const struct json *o, struct arena *arena, struct str *out,
                        struct errinfo *info)
{
    const struct json *form = json_find(o, "prechat");
    if (form == NULL) {
        return ERR_OK;
    }
    const struct json *topics = json_find(form, "topics");
    if (!json_is_object(form) || !json_is_array(topics) || json_len(topics) > PRECHAT_MAX_TOPICS) {
        return err_set(info, ERR_INVALID, "prechat", "type", "name, email and at most %d topics",
                       PRECHAT_MAX_TOPICS);
    }
    BUF_AUTO b;
    buf_init(&b, 16384);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    enum err err = copy_wish(form, "name", &w, info);
    err = err != ERR_OK ? err : copy_wish(form, "email", &w, info);
    json_put_key(&w, "topics");
    json_array_begin(&w);
    for (const struct json *t = json_first(topics); t != NULL && err == ERR_OK; t = json_next(t)) {
        err = copy_topic(t, &w, info);
    }
    json_array_end(&w);
    json_object_end(&w);
    err = err != ERR_OK ? err : buf_err(&b);
    if (err == ERR_OK) {
        *out = str_dup(arena, buf_str(&b));
    }
    return err;
}

bool prechat_offers(struct str form, struct str topic)
{
    struct json_doc *doc = NULL;
    bool found = false;
    if (json_parse(form, form.len, &doc, NULL) != ERR_OK) {
        return false;
    }
    const struct json *t = json_first(json_find(json_root(doc), "topics"));
    for (; t != NULL && !found; t = json_next(t)) {
        found = str_eq(json_str(json_find(t, "topic")), topic);
    }
    json_doc_free(&doc);
    return found;
}
