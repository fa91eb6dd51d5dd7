#include "knowledge/knowledge_json.h"

#include "base/utf8.h"

static const char *const risk_words[] = {"none", "money", NULL};

static void put_lang_strs(struct json_writer *w, const char *key,
                          const struct str values[LANG_COUNT])
{
    json_put_key(w, key);
    json_object_begin(w);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        json_kv_str(w, lang_tag((enum lang)lang), values[lang]);
    }
    json_object_end(w);
}

void category_write_json(struct json_writer *w, const struct category *c)
{
    json_object_begin(w);
    json_kv_id(w, "id", c->id.v);
    json_kv_str(w, "slug", c->slug);
    put_lang_strs(w, "name", c->name);
    put_lang_strs(w, "description", c->description);
    json_kv_str(w, "icon", c->icon);
    json_kv_i64(w, "position", c->position);
    json_put_key(w, "n_published");
    json_object_begin(w);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        json_kv_i64(w, lang_tag((enum lang)lang), c->n_published[lang]);
    }
    json_object_end(w);
    json_object_end(w);
}

static enum err get_lang_strs(const struct json *o, const char *key, size_t min, size_t max,
                              struct str out[LANG_COUNT], struct errinfo *info)
{
    const struct json *v = json_find(o, key);
    if (!json_is_object(v)) {
        return err_set(info, ERR_INVALID, key, v == NULL ? "required" : "type",
                       "an object with en and zh-CN");
    }
    enum err err = ERR_OK;
    for (int lang = 0; err == ERR_OK && lang < LANG_COUNT; lang++) {
        err = json_get_str(v, lang_tag((enum lang)lang), min, max, &out[lang], info);
    }
    return err;
}

enum err category_read_json(const struct json *o, struct category *out, struct errinfo *info)
{
    enum err err = json_get_str(o, "slug", 1, 60, &out->slug, info);
    err = err == ERR_OK ? get_lang_strs(o, "name", 1, 60, out->name, info) : err;
    err = err == ERR_OK ? get_lang_strs(o, "description", 0, 200, out->description, info) : err;
    err = err == ERR_OK ? json_get_str(o, "icon", 0, 40, &out->icon, info) : err;
    return err == ERR_OK ? json_get_i64(o, "position", -1000000, 1000000, &out->position, info)
                         : err;
}

static void put_text(struct json_writer *w, const struct article_text *x)
{
    json_kv_str(w, "title", x->title);
    json_kv_str(w, "summary", x->summary);
    json_kv_str(w, "answer", x->answer);
    json_kv_str(w, "body", x->body);
    json_kv_raw(w, "phrasings", x->phrasings);
}

static bool has_unpublished_changes(const struct translation *t)
{
    return t->published_version != t->version;
}

void translation_write_json(struct json_writer *w, const struct translation *t)
{
    json_object_begin(w);
    json_kv_cstr(w, "lang", lang_tag(t->lang));
    json_kv_cstr(w, "state", t->published_version != 0 ? "published" : "draft");
    put_text(w, &t->text);
    json_kv_i64(w, "version", t->version);
    json_put_key(w, "published_version");
    if (t->published_version != 0) {
        json_put_i64(w, t->published_version);
    } else {
        json_put_null(w);
    }
    json_kv_time(w, "published_at", t->published_at);
    json_kv_bool(w, "has_unpublished_changes", has_unpublished_changes(t));
    json_kv_time(w, "updated_at", t->updated_at);
    json_kv_i64(w, "helpful", t->helpful);
    json_kv_i64(w, "not_helpful", t->not_helpful);
    json_object_end(w);
}

static void put_article(struct json_writer *w, const struct article *a)
{
    json_kv_id(w, "id", a->id.v);
    json_kv_str(w, "slug", a->slug);
    json_kv_id(w, "category_id", a->category.v);
    json_kv_cstr(w, "risk", risk_words[a->risk]);
    json_kv_i64(w, "position", a->position);
    json_kv_time(w, "updated_at", a->updated_at);
}

void article_write_json(struct json_writer *w, const struct article *a,
                        const struct translation *translations, size_t n)
{
    json_object_begin(w);
    put_article(w, a);
    json_kv_i64(w, "version", a->version);
    json_put_key(w, "translations");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        translation_write_json(w, &translations[i]);
    }
    json_array_end(w);
    json_object_end(w);
}

void article_summary_write_json(struct json_writer *w, const struct article *a,
                                const struct translation *translations, size_t n)
{
    json_object_begin(w);
    put_article(w, a);
    json_put_key(w, "languages");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        const struct translation *t = &translations[i];
        json_object_begin(w);
        json_kv_cstr(w, "lang", lang_tag(t->lang));
        json_kv_str(w, "title", t->text.title);
        json_kv_cstr(w, "state", t->published_version != 0 ? "published" : "draft");
        json_kv_bool(w, "has_unpublished_changes", has_unpublished_changes(t));
        json_kv_i64(w, "helpful", t->helpful);
        json_kv_i64(w, "not_helpful", t->not_helpful);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

void article_version_write_json(struct json_writer *w, const struct article_version *v)
{
    json_object_begin(w);
    json_kv_i64(w, "version", v->version);
    put_text(w, &v->text);
    json_kv_time(w, "published_at", v->published_at);
    json_kv_id(w, "published_by", v->published_by.v);
    json_object_end(w);
}

static enum err get_phrasings(struct arena *arena, const struct json *o, struct str *out,
                              struct errinfo *info)
{
    const struct json *list = json_find(o, "phrasings");
    if (!json_is_array(list) || json_len(list) > 100) {
        return err_set(info, ERR_INVALID, "phrasings",
                       list == NULL          ? "required"
                       : json_is_array(list) ? "too_long"
                                             : "type",
                       "a list of at most 100 questions");
    }
    BUF_AUTO buf;
    buf_init(&buf, 1 << 20);
    struct json_writer w;
    json_writer_init(&w, &buf);
    json_array_begin(&w);
    size_t i = 0;
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v), i++) {
        struct str s = str_trim(json_str(v));
        if (s.len == 0 || utf8_count(s) > 200) {
            char field[40];
            (void)snprintf(field, sizeof(field), "phrasings[%zu]", i);
            return err_set(info, ERR_INVALID, field,
                           !json_is_string(v) ? "type"
                           : s.len == 0       ? "too_short"
                                              : "too_long",
                           "1 to 200 characters");
        }
        json_put_str(&w, s);
    }
    json_array_end(&w);
    *out = str_dup(arena, buf_str(&buf));
    return ERR_OK;
}

enum err article_text_read_json(struct arena *arena, const struct json *o, struct article_text *out,
                                struct errinfo *info)
{
    enum err err = json_get_str(o, "title", 1, 120, &out->title, info);
    err = err == ERR_OK ? json_get_str(o, "summary", 0, 300, &out->summary, info) : err;
    err = err == ERR_OK ? json_get_str(o, "answer", 0, 2000, &out->answer, info) : err;
    err = err == ERR_OK ? json_get_str(o, "body", 0, 100000, &out->body, info) : err;
    return err == ERR_OK ? get_phrasings(arena, o, &out->phrasings, info) : err;
}

void public_article_summary_write_json(struct json_writer *w, const struct kb_article *a)
{
    json_object_begin(w);
    json_kv_str(w, "slug", a->slug);
    json_kv_str(w, "title", a->title);
    json_kv_str(w, "summary", a->summary);
    json_kv_str(w, "category", a->category_name);
    json_kv_str(w, "url", a->url);
    json_object_end(w);
}

enum err risk_read_json(const struct json *o, const char *key, bool *is_given_out,
                        enum article_risk *out, struct errinfo *info)
{
    *is_given_out = json_find(o, key) != NULL;
    if (!*is_given_out) {
        return ERR_OK;
    }
    int i = 0;
    enum err err = json_get_enum(o, key, risk_words, &i, info);
    if (err == ERR_OK) {
        *out = i == 1 ? RISK_MONEY : RISK_NONE;
    }
    return err;
}
