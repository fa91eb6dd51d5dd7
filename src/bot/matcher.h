/* The seam between a question and the articles that may answer it. Retrieval stands behind it today; a trained classifier, or both with a mix, comes here. */
#ifndef BOT_MATCHER_H
#define BOT_MATCHER_H

#include "knowledge/knowledge.h"

#define BOT_MAX_MATCHES 5

struct bot_match {
    const struct kb_article *article; /* lives as long as the kb */
    struct str phrasing;              /* the one that came closest */
    double score;  /* 0..1, about the share of right answers among those with this score */
    bool is_exact; /* the very question */
};

struct bot_matcher {
    const char *name; /* stable word, for figures and the test bench: "retrieval" */
    void *self;
    /* Best first, at most `max`, each article once. Any thread, does not block. */
    size_t (*match)(void *self, const struct kb *kb, enum lang lang, struct str text,
                    struct bot_match *out, size_t max);
};

/* By kb_search. Static, has no state. */
const struct bot_matcher *bot_matcher_retrieval(void);

#endif
