/* Use cases of the editor. Each: permission, rules on the input, one write transaction that checks versions inside, then a new snapshot if what readers see
 * may have changed. The snapshot follows in the same call, so that whoever published sees it at once. */
#include "base/check.h"
#include "base/json.h"
#include "knowledge/article_store.h"
#include "knowledge/knowledge_internal.h"
#include "platform/http.h"

static bool is_slug(struct str s)
{
    bool wants_char = true;
    for (size_t i = 0; i < s.len; i++) {
        bool is_char = (s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9');
        if (!is_char && (s.p[i] != '-' || wants_char)) {
            return false;
        }
        wants_char = !is_char;
    }
    return !wants_char;
}

static enum err check_slug(struct str slug, size_t max, struct errinfo *info)
{
    if (slug.len > max || !is_slug(slug)) {
        return err_set(info, ERR_INVALID, "slug", "format",
                       "small letters, digits and single hyphens, at most %zu", max);
    }
    return ERR_OK;
}

/* ---- articles ---- */

struct article_arg {
    struct knowledge *k;
    struct arena *arena;
    struct errinfo *info;
    const struct request *if_match;
    const struct article_patch *patch;
    struct article_id id;
    struct article article; /* create: in; all: out */
};

static enum err check_category(struct db_txn *txn, struct category_id id, struct arena *arena,
                               struct errinfo *info)
{
    struct category c;
    enum err err = category_store_load(txn, id, arena, &c);
    return err == ERR_NOT_FOUND
               ? err_set(info, ERR_INVALID, "category_id", "not_found", "no such category")
               : err;
}

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct article_arg *a = arg;
    enum err err = check_category(txn, a->article.category, a->arena, a->info);
    if (err == ERR_OK) {
        err = DB_QUERY_I64(
            txn, &a->article.position,
            "SELECT COALESCE(MAX(position), 0) + 10 FROM articles WHERE category_id = $1",
            db_i64(a->article.category.v));
    }
    if (err == ERR_OK) {
        err = article_store_insert(txn, &a->article, clock_now(&a->k->deps.clock));
    }
    return err == ERR_CONFLICT
               ? err_set(a->info, ERR_CONFLICT, "slug", "taken", "another article has this name")
               : err;
}

enum err article_create(struct knowledge *k, const struct actor *actor, struct arena *arena,
                        struct article *a, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    if (err == ERR_OK) {
        err = check_slug(a->slug, 80, info);
    }
    struct article_arg x = {.k = k, .arena = arena, .info = info, .article = *a};
    if (err == ERR_OK) {
        err = db_write(k->deps.db, create_fn, &x);
    }
    if (err == ERR_OK) {
        *a = x.article;
    }
    return err;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct article_arg *a = arg;
    enum err err = article_store_load(txn, a->id, a->arena, &a->article);
    if (err == ERR_OK && a->if_match != NULL) {
        err = request_if_match(a->if_match, a->article.version, a->info);
    }
    if (err == ERR_OK && a->patch->category.v != 0) {
        a->article.category = a->patch->category;
        err = check_category(txn, a->patch->category, a->arena, a->info);
    }
    if (err != ERR_OK) {
        return err;
    }
    a->article.risk = a->patch->risk != NULL ? *a->patch->risk : a->article.risk;
    a->article.position = a->patch->position != NULL ? *a->patch->position : a->article.position;
    err = article_store_update(txn, &a->article, clock_now(&a->k->deps.clock));
    return err == ERR_OK ? article_store_load(txn, a->id, a->arena, &a->article) : err;
}

enum err article_update(struct knowledge *k, const struct actor *actor, struct arena *arena,
                        struct article_id id, const struct request *if_match,
                        const struct article_patch *patch, struct article *out,
                        struct errinfo *info)
{
    struct article_arg x = {
        .k = k, .arena = arena, .info = info, .id = id, .if_match = if_match, .patch = patch};
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    if (err == ERR_OK) {
        err = db_write(k->deps.db, update_fn, &x);
    }
    if (err == ERR_OK) {
        *out = x.article;
        err = knowledge_reload(k);
    }
    return err;
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct article_arg *a = arg;
    enum err err = article_store_load(txn, a->id, a->arena, &a->article);
    return err == ERR_OK ? article_store_delete(txn, a->id) : err;
}

enum err article_delete(struct knowledge *k, const struct actor *actor, struct article_id id,
                        struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct article_arg x = {.k = k, .arena = arena, .id = id, .info = info};
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    /* What readers see goes with it: that is publishing too. */
    if (err == ERR_OK) {
        err = actor_require(actor, PERM_ARTICLE_PUBLISH, info);
    }
    if (err == ERR_OK) {
        err = db_write(k->deps.db, delete_fn, &x);
    }
    return err == ERR_OK ? knowledge_reload(k) : err;
}

/* ---- translations ---- */

struct translation_arg {
    struct knowledge *k;
    struct arena *arena;
    struct errinfo *info;
    const struct request *if_match;
    struct agent_id by;
    struct translation t;
};

static enum err draft_fn(struct db_txn *txn, void *arg)
{
    struct translation_arg *a = arg;
    struct article article;
    struct translation old = {0};
    int64_t now = clock_now(&a->k->deps.clock);
    enum err err = article_store_load(txn, a->t.article, a->arena, &article);
    if (err == ERR_OK) {
        err = translation_store_load(txn, a->t.article, a->t.lang, a->arena, &old);
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err == ERR_OK && a->if_match != NULL) {
        err = request_if_match(a->if_match, old.version, a->info);
    }
    if (err != ERR_OK) {
        return err;
    }
    old.article = a->t.article;
    old.lang = a->t.lang;
    old.text = a->t.text;
    err = translation_store_save(txn, &old, a->by, now);
    if (err == ERR_OK) {
        err = article_store_touch(txn, a->t.article, now);
    }
    if (err == ERR_OK) {
        a->t = old;
    }
    return err;
}

static enum err check_text(const struct article_text *x, struct errinfo *info)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(x->phrasings, 0, &doc, info);
    if (err == ERR_OK && json_len(json_root(doc)) > ARTICLE_MAX_PHRASINGS) {
        err = err_set(info, ERR_INVALID, "phrasings", "too_long", "at most %d phrasings",
                      ARTICLE_MAX_PHRASINGS);
    }
    json_doc_free(&doc);
    ARENA_AUTO arena = arena_new(0);
    struct markdown_page page;
    if (err == ERR_OK && markdown_render(arena, x->body, NULL, &page) != ERR_OK) {
        err = err_set(info, ERR_INVALID, "body", "markdown",
                      "the text is nested too deeply, or too long");
    }
    return err;
}

enum err article_save_draft(struct knowledge *k, const struct actor *actor, struct arena *arena,
                            const struct request *if_match, struct translation *t,
                            struct errinfo *info)
{
    struct translation_arg x = {.k = k,
                                .arena = arena,
                                .info = info,
                                .if_match = if_match,
                                .by = actor != NULL ? actor->agent : (struct agent_id){0},
                                .t = *t};
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    if (err == ERR_OK) {
        err = check_text(&t->text, info);
    }
    if (err == ERR_OK) {
        err = db_write(k->deps.db, draft_fn, &x);
    }
    if (err == ERR_OK) {
        *t = x.t;
    }
    return err;
}

static enum err publish_fn(struct db_txn *txn, void *arg)
{
    struct translation_arg *a = arg;
    int64_t now = clock_now(&a->k->deps.clock);
    enum err err = translation_store_load(txn, a->t.article, a->t.lang, a->arena, &a->t);
    if (err == ERR_OK && a->if_match != NULL) {
        err = request_if_match(a->if_match, a->t.version, a->info);
    }
    if (err != ERR_OK || a->t.published_version == a->t.version) {
        return err;
    }
    if (a->t.text.title.len == 0 || a->t.text.body.len == 0 || a->t.text.answer.len == 0) {
        const char *field = a->t.text.title.len == 0  ? "title"
                            : a->t.text.body.len == 0 ? "body"
                                                      : "answer";
        return err_set(a->info, ERR_INVALID, field, "required",
                       "title, answer and body are needed before publishing");
    }
    err = translation_store_publish(txn, &a->t, a->by, now);
    return err == ERR_OK ? article_store_touch(txn, a->t.article, now) : err;
}

static enum err unpublish_fn(struct db_txn *txn, void *arg)
{
    struct translation_arg *a = arg;
    enum err err = translation_store_load(txn, a->t.article, a->t.lang, a->arena, &a->t);
    if (err == ERR_OK) {
        err = translation_store_unpublish(txn, &a->t);
    }
    return err == ERR_OK ? article_store_touch(txn, a->t.article, clock_now(&a->k->deps.clock))
                         : err;
}

static enum err set_published(db_fn fn, struct translation_arg *x, const struct actor *actor,
                              struct article_id id, enum lang lang, struct translation *out)
{
    enum err err = actor_require(actor, PERM_ARTICLE_PUBLISH, x->info);
    if (err == ERR_OK) {
        x->by = actor->agent;
        x->t.article = id;
        x->t.lang = lang;
        err = db_write(x->k->deps.db, fn, x);
    }
    if (err == ERR_OK) {
        *out = x->t;
        err = knowledge_reload(x->k);
    }
    return err;
}

enum err article_publish(struct knowledge *k, const struct actor *actor, struct arena *arena,
                         const struct request *if_match, struct article_id id, enum lang lang,
                         struct translation *out, struct errinfo *info)
{
    struct translation_arg x = {.k = k, .arena = arena, .info = info, .if_match = if_match};
    return set_published(publish_fn, &x, actor, id, lang, out);
}

enum err article_unpublish(struct knowledge *k, const struct actor *actor, struct arena *arena,
                           struct article_id id, enum lang lang, struct translation *out,
                           struct errinfo *info)
{
    struct translation_arg x = {.k = k, .arena = arena, .info = info};
    return set_published(unpublish_fn, &x, actor, id, lang, out);
}

/* ---- categories ---- */

struct category_arg {
    struct arena *arena;
    struct category *c;
};

static enum err category_create_fn(struct db_txn *txn, void *arg)
{
    return category_store_insert(txn, ((struct category_arg *)arg)->c);
}

static enum err category_update_fn(struct db_txn *txn, void *arg)
{
    struct category_arg *a = arg;
    struct category old;
    enum err err = category_store_load(txn, a->c->id, a->arena, &old);
    if (err == ERR_OK) {
        err = category_store_update(txn, a->c);
    }
    if (err == ERR_OK) {
        memcpy(a->c->n_published, old.n_published, sizeof(old.n_published));
    }
    return err;
}

static enum err category_write(struct knowledge *k, const struct actor *actor, db_fn fn,
                               struct category_arg *a, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_ARTICLE_MANAGE, info);
    if (err == ERR_OK) {
        err = check_slug(a->c->slug, 60, info);
    }
    if (err == ERR_OK) {
        err = db_write(k->deps.db, fn, a);
    }
    if (err == ERR_CONFLICT) {
        return err_set(info, ERR_CONFLICT, "slug", "taken", "another category has this name");
    }
    return err == ERR_OK ? knowledge_reload(k) : err;
}

enum err category_create(struct knowledge *k, const struct actor *actor, struct category *c,
                         struct errinfo *info)
{
    struct category_arg a = {.c = c};
    return category_write(k, actor, category_create_fn, &a, info);
}

enum err category_update(struct knowledge *k, const struct actor *actor, struct arena *arena,
                         struct category *c, struct errinfo *info)
{
    struct category_arg a = {.arena = arena, .c = c};
    return category_write(k, actor, category_update_fn, &a, info);
}
