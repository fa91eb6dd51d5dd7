/* The face of the room `knowledge`: articles, the help centre, and the search that customers, agents and the bot share.
 *
 * What is published is read from an immutable snapshot in memory (struct kb): articles, categories, a retrieval index per language, rendered pages.
 * A new one is built and swapped in after every publication; readers keep the one they hold. The database is the truth, the snapshot follows it.
 *
 * Part of the face: knowledge/lang.h, knowledge/normalise.h (text as the search compares it), knowledge/retrieval.h (the index itself),
 * knowledge/entity.h (addresses, sums, coins ... in a message), knowledge/textfeat.h (stems), knowledge/markdown.h (variables, safe HTML).
 *
 * Threads: everything here from workers (it may block); kb_* functions only read and may run anywhere. */
#ifndef KNOWLEDGE_KNOWLEDGE_H
#define KNOWLEDGE_KNOWLEDGE_H

#include "base/arena.h"
#include "base/ids.h"
#include "base/timeutil.h"
#include "knowledge/lang.h"
#include "platform/db.h"

struct actor;
struct knowledge;

/* What the help centre needs to know of the desk, which is above it: app fills the function in. */
struct knowledge_site {
    struct str brand;      /* stands for {{brand}} in every text */
    struct str public_url; /* "https://support.example" for canonical links; empty: relative ones */
    struct str
        contact_url; /* page on which a reader reaches a person (one that carries the widget): path or https address; empty: no link is shown */
    enum lang default_lang;
};
struct knowledge_deps {
    struct db *db;
    struct clock clock;
    void *site_arg;
    /* Inside a read transaction; strings into the arena. NULL function: brand "Stablehand", no public address, English. */
    enum err (*site_load)(void *arg, struct db_txn *txn, struct arena *arena,
                          struct knowledge_site *out);
};

struct knowledge *knowledge_new(const struct knowledge_deps *deps);
/* Loads the first snapshot. Before it everything finds nothing. */
ERR_MUST_USE enum err knowledge_start(struct knowledge *k);
void knowledge_free(struct knowledge **k);
/* Builds the snapshot again from the database. The room calls it itself after its own changes, and notices others (brand, another node) within two seconds. */
ERR_MUST_USE enum err knowledge_reload(struct knowledge *k);

/* ---- starter content (content/ of the source, inside the program) ---- */

struct knowledge_import {
    int n_categories, n_articles,
        n_translations; /* written now; what was there already is left alone */
};
/* Adds every category and article of the starter content whose slug is not there yet, and publishes it if told. Never overwrites what people edited.
 * Then reloads. `actor`: needs article.manage (and article.publish). */
ERR_MUST_USE enum err knowledge_import_starter(struct knowledge *k, const struct actor *actor,
                                               bool publish, struct knowledge_import *out,
                                               struct errinfo *info);
/* No category yet: nobody has written anything. */
ERR_MUST_USE enum err knowledge_is_empty(struct knowledge *k, bool *out);
/* A file of content/ by its path there ("phrases.json", "canned/en.json"); false: no such file. Static bytes. */
bool knowledge_starter_file(const char *path, struct str *out);

/* ---- the snapshot ---- */

enum article_risk { RISK_NONE, RISK_MONEY };

struct kb_article {
    struct article_id id;
    enum lang lang;
    enum article_risk risk;
    struct str slug, title, summary;
    struct str answer; /* what the bot says: light Markdown, brand filled in */
    struct str body;   /* Markdown, brand filled in */
    struct str category_slug, category_name;
    struct str url;     /* path on this server: "/help/en/article/slug" */
    int64_t updated_at; /* when this version was published */
    int64_t helpful, not_helpful;
    const struct str *phrasings;
    size_t n_phrasings;
};

struct kb;
const struct kb *knowledge_ref(struct knowledge *k); /* never NULL; give it back with kb_unref */
void kb_unref(const struct kb **kb);
#define KB_AUTO __attribute__((cleanup(kb_unref))) const struct kb *

size_t kb_n_articles(const struct kb *kb, enum lang lang);
const struct kb_article *kb_article_at(const struct kb *kb, enum lang lang,
                                       size_t i); /* in order of category and position */
const struct kb_article *kb_article_find(const struct kb *kb, enum lang lang,
                                         struct str slug); /* NULL: not published */
const struct knowledge_site *kb_site(const struct kb *kb);
size_t kb_n_phrasings(const struct kb *kb); /* all languages */

/* Best article per phrasing match, best first, each article once. `text` is raw customer text (cut at 2,000 bytes). */
struct kb_hit {
    const struct kb_article *article;
    struct str phrasing; /* of this article, the one that fits best, as written */
    double
        score; /* 0..1, comparable over languages and desks: idf-weighted Jaccard, 1 = the same words */
    double rank_score; /* what the order was made by */
    bool is_exact;     /* equal after normalising */
};
size_t kb_search(const struct kb *kb, enum lang lang, struct str text, struct kb_hit *out,
                 size_t max);

#endif
