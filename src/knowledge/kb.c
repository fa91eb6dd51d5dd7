/* A snapshot never changes after it was loaded, except for the page slots, which go from NULL to a page once. */
#include "knowledge/kb.h"

#include "base/check.h"
#include "base/mem.h"

/* ---- life ---- */

struct kb *kb_new_empty(void)
{
    struct kb *kb = MEM_NEW(struct kb);
    atomic_init(&kb->refs, 1);
    kb->arena = arena_new(0);
    kb->site = (struct knowledge_site){.brand = STR("Stablehand"), .default_lang = LANG_EN};
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        kb->langs[lang].index = retrieval_new(NULL, 0, NULL);
    }
    return kb;
}

const struct kb *kb_ref(const struct kb *kb)
{
    atomic_fetch_add(&((struct kb *)(uintptr_t)kb)->refs, 1);
    return kb;
}

static void page_free(kb_page_slot *slot)
{
    mem_free(atomic_load(slot));
}

static void kb_free(struct kb *kb)
{
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        struct kb_lang *l = &kb->langs[lang];
        retrieval_free(&l->index);
        page_free(&l->home);
        for (size_t i = 0; i < l->n; i++) {
            page_free(&l->entries[i].page);
        }
        for (size_t i = 0; i < l->n_categories; i++) {
            page_free(&l->categories[i].page);
        }
    }
    arena_free(&kb->arena);
    mem_free(kb);
}

void kb_unref(const struct kb **kb)
{
    if (*kb != NULL) {
        struct kb *mine = (struct kb *)(uintptr_t)*kb;
        *kb = NULL;
        if (atomic_fetch_sub(&mine->refs, 1) == 1) {
            kb_free(mine);
        }
    }
}

/* ---- reading ---- */

size_t kb_n_articles(const struct kb *kb, enum lang lang)
{
    return kb->langs[lang].n;
}

const struct kb_article *kb_article_at(const struct kb *kb, enum lang lang, size_t i)
{
    ASSERT(i < kb->langs[lang].n);
    return &kb->langs[lang].entries[i].article;
}

const struct kb_entry *kb_entry_find(const struct kb *kb, enum lang lang, struct str slug)
{
    const struct kb_lang *l = &kb->langs[lang];
    for (size_t i = 0; i < l->n; i++) {
        if (str_eq(l->entries[i].article.slug, slug)) {
            return &l->entries[i];
        }
    }
    return NULL;
}

const struct kb_article *kb_article_find(const struct kb *kb, enum lang lang, struct str slug)
{
    const struct kb_entry *e = kb_entry_find(kb, lang, slug);
    return e != NULL ? &e->article : NULL;
}

struct kb_category *kb_category_find(const struct kb *kb, enum lang lang, struct str slug)
{
    const struct kb_lang *l = &kb->langs[lang];
    for (size_t i = 0; i < l->n_categories; i++) {
        if (str_eq(l->categories[i].slug, slug)) {
            return &l->categories[i];
        }
    }
    return NULL;
}

const struct knowledge_site *kb_site(const struct kb *kb)
{
    return &kb->site;
}

size_t kb_n_phrasings(const struct kb *kb)
{
    return kb->n_phrasings;
}

#define SEARCH_MAX 50

size_t kb_search(const struct kb *kb, enum lang lang, struct str text, struct kb_hit *out,
                 size_t max)
{
    const struct kb_lang *l = &kb->langs[lang];
    struct retrieval_hit hits[SEARCH_MAX];
    ARENA_AUTO arena = arena_new(0);
    size_t n =
        retrieval_search(l->index, arena, text, NULL, hits, max < SEARCH_MAX ? max : SEARCH_MAX);
    for (size_t i = 0; i < n; i++) {
        out[i] = (struct kb_hit){.article = &l->entries[hits[i].group].article,
                                 .phrasing = l->doc_text[hits[i].doc],
                                 .score = hits[i].score,
                                 .rank_score = hits[i].rank,
                                 .is_exact = hits[i].is_exact};
    }
    return n;
}

size_t kb_related(const struct kb *kb, const struct kb_entry *entry, const struct kb_entry **out,
                  size_t max)
{
    struct kb_hit hits[8];
    ARENA_AUTO arena = arena_new(0);
    struct str text = str_printf(arena, STR_FMT " " STR_FMT, STR_ARG(entry->article.title),
                                 STR_ARG(entry->article.summary));
    size_t n_hits = kb_search(kb, entry->article.lang, text, hits, 8);
    size_t n = 0;
    for (size_t i = 0; i < n_hits && n < max; i++) {
        if (hits[i].article != &entry->article) {
            out[n++] = kb_entry_find(kb, entry->article.lang, hits[i].article->slug);
        }
    }
    return n;
}

struct link_context {
    const struct kb *kb;
    enum lang lang;
};

static bool article_url(void *arg, struct str slug, struct arena *arena, struct str *url_out)
{
    const struct link_context *c = arg;
    const struct kb_article *a = kb_article_find(c->kb, c->lang, slug);
    for (int lang = 0; a == NULL && lang < LANG_COUNT; lang++) {
        a = kb_article_find(c->kb, (enum lang)lang, slug);
    }
    if (a == NULL) {
        return false;
    }
    *url_out = str_dup(arena, a->url);
    return true;
}

enum err kb_render_body(const struct kb *kb, enum lang lang, struct str body, struct arena *arena,
                        struct markdown_page *out)
{
    struct link_context context = {kb, lang};
    const struct markdown_options options = {.article_url = article_url,
                                             .arg = &context,
                                             .table_label =
                                                 lang == LANG_ZH_CN ? STR("表格") : STR("Table")};
    return markdown_render(arena, body, &options, out);
}
