/* Starter content into the database, in one transaction: all of it or nothing. What has the slug already is left as people made it. */
#include "base/check.h"
#include "base/json.h"
#include "knowledge/frontmatter.h"
#include "knowledge/article_store.h"
#include "knowledge/knowledge_internal.h"
#include "knowledge/starter.h"

struct import_arg {
    struct knowledge *k;
    const struct actor *actor;
    bool publish;
    struct knowledge_import done;
    struct errinfo *info;
};

static struct str both(struct arena *arena, const struct json *o, const char *key, enum lang lang)
{
    return str_dup(arena, json_str(json_find(json_find(o, key), lang_tag(lang))));
}

static enum err import_categories(struct db_txn *txn, struct import_arg *a)
{
    struct str text;
    struct json_doc *doc = NULL;
    if (!knowledge_starter_file("categories.json", &text)) {
        return ERR_INTERNAL;
    }
    enum err err = json_parse(text, 0, &doc, a->info);
    int64_t position = 0;
    for (const struct json *v = err == ERR_OK ? json_first(json_root(doc)) : NULL;
         err == ERR_OK && v != NULL; v = json_next(v)) {
        struct arena *arena = db_txn_arena(txn);
        struct category c = {.slug = str_dup(arena, json_str(json_find(v, "slug"))),
                             .icon = str_dup(arena, json_str(json_find(v, "icon"))),
                             .position = position += 10};
        for (int lang = 0; lang < LANG_COUNT; lang++) {
            c.name[lang] = both(arena, v, "name", (enum lang)lang);
            c.description[lang] = both(arena, v, "description", (enum lang)lang);
        }
        err = category_store_find(txn, c.slug, &c.id);
        if (err == ERR_NOT_FOUND) {
            err = category_store_insert(txn, &c);
            a->done.n_categories += err == ERR_OK;
        }
    }
    json_doc_free(&doc);
    return err;
}

static struct str phrasings_json(struct arena *arena, const struct article_source *s)
{
    BUF_AUTO buf;
    buf_init(&buf, 1 << 20);
    struct json_writer w;
    json_writer_init(&w, &buf);
    json_array_begin(&w);
    for (size_t i = 0; i < s->n_phrasings; i++) {
        json_put_str(&w, s->phrasings[i]);
    }
    json_array_end(&w);
    return str_dup(arena, buf_str(&buf));
}

static enum err import_article(struct db_txn *txn, const struct article_source *s, struct str slug,
                               struct article_id *id, struct import_arg *a)
{
    struct article article = {
        .slug = slug, .risk = s->is_money ? RISK_MONEY : RISK_NONE, .position = s->order};
    enum err err = category_store_find(txn, s->category, &article.category);
    if (err == ERR_OK) {
        err = article_store_insert(txn, &article, clock_now(&a->k->deps.clock));
    }
    if (err == ERR_OK) {
        a->done.n_articles++;
        *id = article.id;
    }
    return err;
}

/* "articles/<slug>/<lang>.md" */
static bool path_parse(const char *path, struct str *slug, enum lang *lang)
{
    struct str rest = str_from(path);
    struct str part;
    return str_split(&rest, '/', &part) && str_eq_cstr(part, "articles") &&
           str_split(&rest, '/', slug) && str_ends(rest, STR(".md")) &&
           lang_parse(str_sub(rest, 0, rest.len - 3), lang);
}

static enum err import_file(struct db_txn *txn, const struct starter_file *f, struct import_arg *a)
{
    struct arena *arena = db_txn_arena(txn);
    struct translation t = {0};
    struct str slug;
    if (!path_parse(f->path, &slug, &t.lang)) {
        return ERR_OK;
    }
    struct article_source s;
    enum err err = frontmatter_parse(arena, (struct str){f->bytes, f->len}, &s, a->info);
    if (err != ERR_OK) {
        return err;
    }
    err = article_store_find(txn, slug, &t.article);
    if (err == ERR_NOT_FOUND) {
        err = import_article(txn, &s, slug, &t.article, a);
    }
    if (err == ERR_OK) {
        struct translation old;
        err = translation_store_load(txn, t.article, t.lang, arena, &old);
        if (err == ERR_OK) {
            return ERR_OK; /* people have it */
        }
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    t.text = (struct article_text){s.title, s.summary, s.answer, s.body, phrasings_json(arena, &s)};
    int64_t now = clock_now(&a->k->deps.clock);
    if (err == ERR_OK) {
        err = translation_store_save(txn, &t, a->actor->agent, now);
    }
    if (err == ERR_OK && a->publish) {
        err = translation_store_publish(txn, &t, a->actor->agent, now);
    }
    a->done.n_translations += err == ERR_OK;
    return err;
}

static enum err import_fn(struct db_txn *txn, void *arg)
{
    struct import_arg *a = arg;
    a->done = (struct knowledge_import){0};
    enum err err = import_categories(txn, a);
    for (unsigned i = 0; err == ERR_OK && i < starter_n_files; i++) {
        err = import_file(txn, &starter_files[i], a);
    }
    return err;
}

enum err knowledge_import_starter(struct knowledge *k, const struct actor *actor, bool publish,
                                  struct knowledge_import *out, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    if (err == ERR_OK && publish) {
        err = actor_require(actor, PERM_ARTICLE_PUBLISH, info);
    }
    struct import_arg a = {.k = k, .actor = actor, .publish = publish, .info = info};
    if (err == ERR_OK) {
        err = db_write(k->deps.db, import_fn, &a);
    }
    if (err == ERR_OK) {
        *out = a.done;
        err = knowledge_reload(k);
    }
    return err;
}
