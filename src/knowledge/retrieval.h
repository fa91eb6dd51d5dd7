/* Finds the article that a customer's question is about. Pure: an index is built once, never changes, and may be read by any number of threads.
 *
 * Documents are phrasings (questions as customers write them); a group is what they stand for (an article), and may have context beside them (title, summary,
 * answer, body). Features: words of Latin and other spaced scripts (lightly stemmed), single Han characters, pairs of neighbours, and letter 4-grams of longer
 * Latin words against typing errors. One index per language.
 *
 * `rank` orders: BM25 of the best phrasing, and BM25 over the group as one document with weighted fields. `score` is for thresholds, 0..1: a logistic mix of what
 * does not depend on the size of the index (idf-weighted Jaccard with the best phrasing, share of the question that the group knows, lead over the next group),
 * fitted on the starter content so that it is about the share of right answers among those with this score (docs/bot.md has the figures). */
#ifndef KNOWLEDGE_RETRIEVAL_H
#define KNOWLEDGE_RETRIEVAL_H

#include "base/arena.h"
#include "base/str.h"

struct retrieval_doc {
    uint32_t group;  /* 0 .. n_groups-1 */
    struct str text; /* as written; copied. Context: each line counts by itself */
    double weight;   /* of the field in its group; 0: 1.0 */
    bool is_context; /* not a phrasing: counts for the group only */
};

struct retrieval_params {
    double k1, b;
    double pair_weight;      /* weight of neighbours in rank */
    double gram_weight;      /* weight of letter 4-grams, in rank and in score */
    double group_weight;     /* weight of the group as a whole beside its best phrasing, 0..1 */
    double group_k, group_b; /* BM25's k1 and b for groups */
};
struct retrieval_params retrieval_params_default(void);

#define RETRIEVAL_MAX_DOCS 50000

struct retrieval;
/* `params` NULL: the default ones. At most RETRIEVAL_MAX_DOCS documents (our caller's duty). */
struct retrieval *retrieval_new(const struct retrieval_doc *docs, size_t n,
                                const struct retrieval_params *params);
void retrieval_free(struct retrieval **r);
size_t retrieval_n_docs(const struct retrieval *r);

/* What the score is made of. */
struct retrieval_signals {
    double jaccard; /* with the group's closest phrasing */
    double known;   /* idf mass of the question's words that the group's texts have / all of it */
    double lead;    /* 1 - rank of the next group / rank of this one; 0 for all but the first */
};
struct retrieval_hit {
    uint32_t group;
    uint32_t doc; /* the group's best phrasing */
    double score;
    double rank;
    bool is_exact; /* the same text after normalising: score 1, and before all others */
    struct retrieval_signals signals;
};
#define RETRIEVAL_NONE UINT32_MAX
/* For leave-one-out tests: as if this phrasing, or this whole group, were not there. */
struct retrieval_skip {
    uint32_t doc, group;
};
/* Best group first, each group once; 0 when nothing is shared. `skip` NULL: nothing is left out. */
size_t retrieval_search(const struct retrieval *r, struct arena *arena, struct str text,
                        const struct retrieval_skip *skip, struct retrieval_hit *out, size_t max);
double retrieval_score(const struct retrieval_signals *s);

#endif
