/* Training texts as numbers: every distinct gram once, every text as a list of grams with counts. Built once, read by all fits over parts of it. Pure. */
#ifndef BOT_CORPUS_H
#define BOT_CORPUS_H

#include "base/str.h"
#include "bot/features.h"

struct corpus_item {
    uint32_t gram;
    uint32_t count;
};

struct corpus {
    uint64_t *hashes; /* per gram */
    uint8_t *kinds;   /* per gram: enum gram_kind */
    uint32_t n_grams;
    uint32_t *starts; /* per text, one more at the end: its range of items */
    struct corpus_item *items;
    uint32_t *labels; /* per text */
    uint32_t n_texts, n_labels;
};

struct corpus_text {
    struct str normalised; /* normalise_text */
    uint32_t label;        /* 0 .. n_labels-1 */
};

/* `concepts` NULL: without them. */
struct corpus *corpus_new(const struct corpus_text *texts, uint32_t n, uint32_t n_labels,
                          const struct concepts *concepts);
void corpus_free(struct corpus **c);

#endif
