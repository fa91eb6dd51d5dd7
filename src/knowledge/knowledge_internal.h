/* Inside of struct knowledge, and the use cases that its endpoints call. Private to the room. */
#ifndef KNOWLEDGE_INTERNAL_H
#define KNOWLEDGE_INTERNAL_H

#include <pthread.h>

#include "identity/actor.h"
#include "knowledge/kb.h"

struct knowledge {
    struct knowledge_deps deps;
    pthread_mutex_t gate; /* around `current` and its count only: taken for some nanoseconds */
    pthread_mutex_t
        building; /* one reload at a time, so that an older snapshot never replaces a newer one */
    const struct kb *current;
    _Atomic int64_t
        check_due_ns; /* when the database is asked next whether the snapshot is still what it says */
    char css_name[40]; /* "help.1a2b3c4d.css" */
};

struct request;

/* ---- article_service.c: permission, rules, one transaction, then reload ---- */
#define ARTICLE_MAX_PHRASINGS 100

ERR_MUST_USE enum err article_create(struct knowledge *k, const struct actor *actor,
                                     struct arena *arena, struct article *a, struct errinfo *info);
struct article_patch {
    struct category_id category; /* 0: leave */
    const enum article_risk *risk;
    const int64_t *position;
};
ERR_MUST_USE enum err article_update(struct knowledge *k, const struct actor *actor,
                                     struct arena *arena, struct article_id id,
                                     const struct request *if_match,
                                     const struct article_patch *patch, struct article *out,
                                     struct errinfo *info);
ERR_MUST_USE enum err article_delete(struct knowledge *k, const struct actor *actor,
                                     struct article_id id, struct errinfo *info);
/* t: article, lang and text in; the whole translation out. `if_match` NULL: whatever the version is. */
ERR_MUST_USE enum err article_save_draft(struct knowledge *k, const struct actor *actor,
                                         struct arena *arena, const struct request *if_match,
                                         struct translation *t, struct errinfo *info);
ERR_MUST_USE enum err article_publish(struct knowledge *k, const struct actor *actor,
                                      struct arena *arena, const struct request *if_match,
                                      struct article_id id, enum lang lang, struct translation *out,
                                      struct errinfo *info);
ERR_MUST_USE enum err article_unpublish(struct knowledge *k, const struct actor *actor,
                                        struct arena *arena, struct article_id id, enum lang lang,
                                        struct translation *out, struct errinfo *info);
ERR_MUST_USE enum err category_create(struct knowledge *k, const struct actor *actor,
                                      struct category *c, struct errinfo *info);
ERR_MUST_USE enum err category_update(struct knowledge *k, const struct actor *actor,
                                      struct arena *arena, struct category *c,
                                      struct errinfo *info);

/* ---- article_read_service.c ---- */
struct article_full {
    struct article article;
    struct translation *translations;
    size_t n_translations;
};
ERR_MUST_USE enum err article_read_list(struct knowledge *k, const struct actor *actor,
                                        struct arena *arena, const struct article_filter *filter,
                                        struct article_full **out, size_t *n_out,
                                        struct errinfo *info);
ERR_MUST_USE enum err article_read(struct knowledge *k, const struct actor *actor,
                                   struct arena *arena, struct article_id id,
                                   struct article_full *out, struct errinfo *info);
ERR_MUST_USE enum err article_read_versions(struct knowledge *k, const struct actor *actor,
                                            struct arena *arena, struct article_id id,
                                            enum lang lang, struct article_version **out,
                                            size_t *n_out, struct errinfo *info);
ERR_MUST_USE enum err category_read_list(struct knowledge *k, struct arena *arena,
                                         struct category **out, size_t *n_out); /* for everybody */

/* ---- feedback_service.c ---- */
/* A reader's vote on a published article. `who`: what tells readers apart (address and browser); only a keyed hash of it is kept. */
ERR_MUST_USE enum err feedback_vote(struct knowledge *k, enum lang lang, struct str slug,
                                    struct str who, bool is_helpful, struct errinfo *info);

/* ---- help_page.c: whole pages, in the heap; the caller owns them ---- */
#define HELP_MAX_PAGE (2 * 1024 * 1024)
struct kb_page *help_page_home(const struct kb *kb, enum lang lang, const char *css_name);
struct kb_page *help_page_category(const struct kb *kb, enum lang lang, const struct kb_category *c,
                                   const char *css_name);
struct kb_page *help_page_article(const struct kb *kb, const struct kb_entry *e,
                                  const char *css_name);
struct kb_page *help_page_search(const struct kb *kb, enum lang lang, struct str q,
                                 const char *css_name);
struct kb_page *help_page_missing(const struct kb *kb, enum lang lang, const char *css_name);

#endif
