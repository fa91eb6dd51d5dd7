/* A snapshot is built in one read transaction into its own arena. It costs about 10 kB per article and language, index included, and some milliseconds for a
 * hundred articles. */
#include "knowledge/kb_store.h"

#include "base/check.h"
#include "base/json.h"
#include "base/log.h"
#include "base/vec.h"
#include "knowledge/article_store.h"

/* Per language; a help centre of an exchange has some hundred. What is over it is not shown, and the log says so. */
#define KB_MAX_ARTICLES 2000

static void read_phrasings(struct kb *kb, struct kb_article *a, struct str json)
{
    struct json_doc *doc = NULL;
    if (json_parse(json, 0, &doc, NULL) != ERR_OK) {
        return;
    }
    const struct json *list = json_root(doc);
    struct str *items = ARENA_ARRAY(kb->arena, struct str, json_len(list) + 1);
    size_t n = 0;
    for (const struct json *v = json_first(list); v != NULL && json_is_array(list);
         v = json_next(v)) {
        items[n++] = str_dup(kb->arena, json_str(v));
    }
    a->phrasings = items;
    a->n_phrasings = n;
    kb->n_phrasings += n;
    json_doc_free(&doc);
}

static struct str fill(struct kb *kb, struct str text, bool is_markdown)
{
    const struct markdown_var vars[] = {{"brand", kb->site.brand}};
    return markdown_fill(kb->arena, text, vars, 1, is_markdown);
}

static void read_entry(struct kb *kb, const struct db_rows *rows, enum lang lang,
                       struct kb_entry *e)
{
    *e = (struct kb_entry){.translation = {db_rows_i64(rows, 1)},
                           .category = {db_rows_i64(rows, 2)}};
    struct kb_article *a = &e->article;
    a->id.v = db_rows_i64(rows, 0);
    a->lang = lang;
    a->risk = db_rows_i64(rows, 3) == RISK_MONEY ? RISK_MONEY : RISK_NONE;
    a->slug = db_rows_dup(rows, 4, kb->arena);
    a->title = fill(kb, db_rows_str(rows, 5), false);
    a->summary = fill(kb, db_rows_str(rows, 6), false);
    a->answer = fill(kb, db_rows_str(rows, 7), true);
    a->body = fill(kb, db_rows_str(rows, 8), true);
    read_phrasings(kb, a, db_rows_str(rows, 9));
    a->updated_at = db_rows_i64(rows, 10);
    a->helpful = db_rows_i64(rows, 11);
    a->not_helpful = db_rows_i64(rows, 12);
    a->url = str_printf(kb->arena, "/help/%s/article/" STR_FMT, lang_tag(lang), STR_ARG(a->slug));
}

static enum err load_entries(struct db_txn *txn, struct kb *kb, enum lang lang)
{
    struct db_rows *rows = NULL;
    struct kb_lang *l = &kb->langs[lang];
    enum err err = DB_QUERY(
        txn, &rows,
        "SELECT a.id, t.id, a.category_id, a.risk, a.slug, v.title, v.summary, v.answer, v.body, "
        "v.phrasings, t.published_at, t.helpful, t.not_helpful"
        " FROM article_translations t JOIN articles a ON a.id = t.article_id JOIN categories c ON "
        "c.id = a.category_id"
        " JOIN article_versions v ON v.translation_id = t.id AND v.version = t.published_version"
        " WHERE t.lang = $1 ORDER BY c.position, c.id, a.position, a.id",
        db_text(str_from(lang_tag(lang))));
    if (err != ERR_OK) {
        return err;
    }
    VEC(struct kb_entry) entries = {0};
    while (db_rows_next(rows) && entries.len < KB_MAX_ARTICLES) {
        struct kb_entry e;
        read_entry(kb, rows, lang, &e);
        VEC_PUSH(&entries, e);
    }
    l->n = entries.len;
    l->entries = ARENA_ARRAY(kb->arena, struct kb_entry, l->n + 1);
    for (size_t i = 0; i < l->n; i++) {
        l->entries[i] = entries.items[i];
    }
    VEC_RELEASE(&entries);
    if (l->n == KB_MAX_ARTICLES) {
        LOG_WARN("knowledge", "too many articles", log_i64("shown", KB_MAX_ARTICLES));
    }
    return db_rows_close(&rows);
}

static void group_by_category(struct kb *kb, enum lang lang, const struct category *categories,
                              size_t n)
{
    struct kb_lang *l = &kb->langs[lang];
    l->categories = ARENA_ARRAY(kb->arena, struct kb_category, n + 1);
    size_t at = 0;
    for (size_t c = 0; c < n; c++) {
        size_t first = at;
        while (at < l->n && l->entries[at].category.v == categories[c].id.v) {
            l->entries[at].article.category_slug = categories[c].slug;
            l->entries[at].article.category_name = fill(kb, categories[c].name[lang], false);
            at++;
        }
        if (at > first) {
            l->categories[l->n_categories++] = (struct kb_category){
                .id = categories[c].id,
                .slug = categories[c].slug,
                .icon = categories[c].icon,
                .name = fill(kb, categories[c].name[lang], false),
                .description = fill(kb, categories[c].description[lang], false),
                .first = first,
                .n = at - first};
        }
    }
    ASSERT(at == l->n); /* both lists come in the order of categories, in one transaction */
}

/* Weights of the fields: chosen with bot_eval (docs/bot.md). */
static const double weight_title = 1.0, weight_summary = 0.7, weight_answer = 0.5,
                    weight_body = 0.2;

static void build_index(struct kb *kb, struct kb_lang *l)
{
    size_t size = l->n * 4 + kb->n_phrasings + 1;
    ARENA_AUTO scratch = arena_new(0);
    struct retrieval_doc *docs = ARENA_ARRAY(scratch, struct retrieval_doc, size);
    l->doc_text = ARENA_ARRAY(kb->arena, struct str, size);
    size_t n = 0;
    for (uint32_t g = 0; g < l->n; g++) {
        const struct kb_article *a = &l->entries[g].article;
        l->doc_text[n] = a->title;
        docs[n++] = (struct retrieval_doc){g, a->title, weight_title, false};
        for (size_t i = 0; i < a->n_phrasings && n + 4 < RETRIEVAL_MAX_DOCS; i++) {
            l->doc_text[n] = a->phrasings[i];
            docs[n++] = (struct retrieval_doc){g, a->phrasings[i], 1.0, false};
        }
        docs[n++] = (struct retrieval_doc){g, a->summary, weight_summary, true};
        docs[n++] = (struct retrieval_doc){g, a->answer, weight_answer, true};
        docs[n++] = (struct retrieval_doc){g, a->body, weight_body, true};
    }
    retrieval_free(&l->index);
    l->index = retrieval_new(docs, n < RETRIEVAL_MAX_DOCS ? n : RETRIEVAL_MAX_DOCS, NULL);
}

static enum err load_stamp(struct db_txn *txn, int64_t stamp[2])
{
    enum err err =
        db_query_i64(txn, "SELECT COALESCE(MAX(updated_at), 0) FROM articles", NULL, 0, &stamp[0]);
    return err == ERR_OK ? db_query_i64(txn, "SELECT COUNT(*) FROM articles", NULL, 0, &stamp[1])
                         : err;
}

static enum err load_site(struct db_txn *txn, const struct knowledge_deps *deps,
                          struct arena *arena, struct knowledge_site *site)
{
    return deps->site_load != NULL ? deps->site_load(deps->site_arg, txn, arena, site) : ERR_OK;
}

enum err kb_store_is_current(struct db_txn *txn, const struct knowledge_deps *deps,
                             const struct kb *kb, bool *out)
{
    ARENA_AUTO arena = arena_new(0);
    struct knowledge_site site = kb->site;
    int64_t stamp[2];
    enum err err = load_stamp(txn, stamp);
    if (err == ERR_OK) {
        err = load_site(txn, deps, arena, &site);
    }
    if (err == ERR_OK) {
        *out = stamp[0] == kb->stamp[0] && stamp[1] == kb->stamp[1] &&
               str_eq(site.brand, kb->site.brand) && str_eq(site.public_url, kb->site.public_url) &&
               str_eq(site.contact_url, kb->site.contact_url) &&
               site.default_lang == kb->site.default_lang;
    }
    return err;
}

enum err kb_store_load(struct db_txn *txn, const struct knowledge_deps *deps, struct kb **out)
{
    const struct kb *kb_owned = NULL;
    struct kb *kb = kb_new_empty();
    kb_owned = kb;
    enum err err = deps->site_load != NULL
                       ? deps->site_load(deps->site_arg, txn, kb->arena, &kb->site)
                       : ERR_OK;
    struct category *categories = NULL;
    size_t n_categories = 0;
    if (err == ERR_OK) {
        err = category_store_list(txn, kb->arena, &categories, &n_categories);
    }
    for (int lang = 0; err == ERR_OK && lang < LANG_COUNT; lang++) {
        err = load_entries(txn, kb, (enum lang)lang);
        if (err == ERR_OK) {
            group_by_category(kb, (enum lang)lang, categories, n_categories);
            build_index(kb, &kb->langs[lang]);
        }
    }
    if (err != ERR_OK) {
        kb_unref(&kb_owned);
        return err;
    }
    *out = kb;
    return ERR_OK;
}
