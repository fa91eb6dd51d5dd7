/* What the editor reads: each call is one read transaction. */
#include "knowledge/article_store.h"
#include "knowledge/knowledge_internal.h"

struct read_arg {
    struct arena *arena;
    const struct article_filter *filter;
    struct article_id id;
    enum lang lang;
    struct article_full *full; /* list and get */
    size_t n_full;
    struct article_version *versions;
    size_t n_versions;
    struct category *categories;
    size_t n_categories;
};

static enum err load_translations(struct db_txn *txn, struct read_arg *a)
{
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < a->n_full; i++) {
        struct article_full *f = &a->full[i];
        err = translation_store_list(txn, f->article.id, a->arena, &f->translations,
                                     &f->n_translations);
    }
    return err;
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct read_arg *a = arg;
    struct article *articles;
    enum err err = article_store_list(txn, a->filter, a->arena, &articles, &a->n_full);
    if (err != ERR_OK) {
        return err;
    }
    a->full = ARENA_ARRAY(a->arena, struct article_full, a->n_full + 1);
    for (size_t i = 0; i < a->n_full; i++) {
        a->full[i].article = articles[i];
    }
    return load_translations(txn, a);
}

static enum err get_fn(struct db_txn *txn, void *arg)
{
    struct read_arg *a = arg;
    a->full = ARENA_NEW(a->arena, struct article_full);
    a->n_full = 1;
    enum err err = article_store_load(txn, a->id, a->arena, &a->full->article);
    return err == ERR_OK ? load_translations(txn, a) : err;
}

static enum err versions_fn(struct db_txn *txn, void *arg)
{
    struct read_arg *a = arg;
    struct translation t;
    enum err err = translation_store_load(txn, a->id, a->lang, a->arena, &t);
    return err == ERR_OK
               ? translation_store_versions(txn, t.id, a->arena, &a->versions, &a->n_versions)
               : err;
}

static enum err categories_fn(struct db_txn *txn, void *arg)
{
    struct read_arg *a = arg;
    return category_store_list(txn, a->arena, &a->categories, &a->n_categories);
}

static enum err read_as(struct knowledge *k, const struct actor *actor, db_fn fn,
                        struct read_arg *a, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_ARTICLE_READ, info);
    return err == ERR_OK ? db_read(k->deps.db, fn, a) : err;
}

enum err article_read_list(struct knowledge *k, const struct actor *actor, struct arena *arena,
                           const struct article_filter *filter, struct article_full **out,
                           size_t *n_out, struct errinfo *info)
{
    struct read_arg a = {.arena = arena, .filter = filter};
    enum err err = read_as(k, actor, list_fn, &a, info);
    if (err == ERR_OK) {
        *out = a.full;
        *n_out = a.n_full;
    }
    return err;
}

enum err article_read(struct knowledge *k, const struct actor *actor, struct arena *arena,
                      struct article_id id, struct article_full *out, struct errinfo *info)
{
    struct read_arg a = {.arena = arena, .id = id};
    enum err err = read_as(k, actor, get_fn, &a, info);
    if (err == ERR_OK) {
        *out = *a.full;
    }
    return err;
}

enum err article_read_versions(struct knowledge *k, const struct actor *actor, struct arena *arena,
                               struct article_id id, enum lang lang, struct article_version **out,
                               size_t *n_out, struct errinfo *info)
{
    struct read_arg a = {.arena = arena, .id = id, .lang = lang};
    enum err err = read_as(k, actor, versions_fn, &a, info);
    if (err == ERR_OK) {
        *out = a.versions;
        *n_out = a.n_versions;
    }
    return err;
}

enum err category_read_list(struct knowledge *k, struct arena *arena, struct category **out,
                            size_t *n_out)
{
    struct read_arg a = {.arena = arena};
    enum err err = db_read(k->deps.db, categories_fn, &a);
    if (err == ERR_OK) {
        *out = a.categories;
        *n_out = a.n_categories;
    }
    return err;
}

enum err knowledge_is_empty(struct knowledge *k, bool *out)
{
    ARENA_AUTO arena = arena_new(0);
    struct category *categories;
    size_t n;
    enum err err = category_read_list(k, arena, &categories, &n);
    if (err == ERR_OK) {
        *out = n == 0;
    }
    return err;
}
