/* The snapshot of what is published. Private to the room; the reading half is in knowledge.h. */
#ifndef KNOWLEDGE_KB_H
#define KNOWLEDGE_KB_H

#include <stdatomic.h>

#include "knowledge/article.h"
#include "knowledge/markdown.h"
#include "knowledge/retrieval.h"

/* A rendered page; lives in the heap, owned by its slot. */
struct kb_page {
    char etag[36]; /* with its quotes */
    size_t len;
    char html[];
};
/* Filled by whoever renders first, kept with the snapshot: a publication makes a new snapshot and with it new pages. */
typedef _Atomic(struct kb_page *) kb_page_slot;

struct kb_entry {
    struct kb_article article; /* first */
    struct translation_id translation;
    struct category_id category;
    kb_page_slot page;
};
struct kb_category {
    struct category_id id;
    struct str slug, icon, name, description;
    size_t first, n; /* its articles: entries[lang][first .. first + n - 1] */
    kb_page_slot page;
};
struct kb_lang {
    struct kb_entry *entries; /* by category and position */
    size_t n;
    struct kb_category *categories; /* only those with articles */
    size_t n_categories;
    struct retrieval *index;
    uint32_t *doc_entry;  /* document number -> entry */
    struct str *doc_text; /* phrasing as written */
    kb_page_slot home;
};
struct kb {
    atomic_int refs;
    struct arena *arena;
    struct knowledge_site site;
    int64_t stamp[2]; /* of the database when it was loaded: newest change, number of articles */
    struct kb_lang langs[LANG_COUNT];
    size_t n_phrasings;
};

struct kb *kb_new_empty(void);
const struct kb *kb_ref(const struct kb *kb);

const struct kb_entry *kb_entry_find(const struct kb *kb, enum lang lang, struct str slug);
struct kb_category *kb_category_find(const struct kb *kb, enum lang lang, struct str slug);
/* Body as HTML, article names in links resolved to what is published in this language (else in the other one). */
ERR_MUST_USE enum err kb_render_body(const struct kb *kb, enum lang lang, struct str body,
                                     struct arena *arena, struct markdown_page *out);
/* Closest other articles by the same search, for "related". */
size_t kb_related(const struct kb *kb, const struct kb_entry *entry, const struct kb_entry **out,
                  size_t max);

#endif
