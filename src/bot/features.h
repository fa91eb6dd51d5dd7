/* What the classifiers see of a question: n-grams of a text that went through normalise_text. Pure, any thread.
 *
 * Words (of Latin and other spaced scripts; class words such as <txid>): themselves and pairs of neighbours; letters: every 2-, 3- and 4-gram inside each word
 * with its edges (a typing error spoils few of them); Han: every 1-, 2- and 3-gram of characters that stand together. */
#ifndef BOT_FEATURES_H
#define BOT_FEATURES_H

#include "base/arena.h"
#include "base/str.h"
#include "bot/concepts.h"

/* Blocks are normalised apart from each other, so that a long word does not outweigh what it stands beside. */
enum gram_block {
    GRAM_WORD,    /* words and pairs of words */
    GRAM_LETTERS, /* n-grams inside words, n-grams of Han characters */
    GRAM_CONCEPT, /* concepts of the trade, and pairs of them */
    GRAM_BLOCK_COUNT,
};

struct gram {
    uint64_t hash; /* of kind and text; the same in every process, stored in models */
    enum gram_block block;
};

/* Every occurrence, in the order of the text: the same gram comes as often as it occurs. Texts are capped by normalise_text. */
/* `concepts` NULL: without them. */
struct gram *features_of(struct arena *arena, const struct concepts *concepts,
                         struct str normalised, size_t *n_out);

#endif
