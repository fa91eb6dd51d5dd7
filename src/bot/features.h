/* What the classifiers see of a question: n-grams of a text that went through normalise_text. Pure, any thread.
 *
 * Words (of Latin and other spaced scripts; class words such as <txid>): themselves and pairs of neighbours; letters: every 2-, 3- and 4-gram inside each word
 * with its edges (a typing error spoils few of them); Han: every 1-, 2- and 3-gram of characters that stand together. */
#ifndef BOT_FEATURES_H
#define BOT_FEATURES_H

#include "base/arena.h"
#include "base/str.h"
#include "bot/concepts.h"

enum gram_kind {
    GRAM_WORD,
    GRAM_PAIR,    /* of neighbouring words */
    GRAM_LETTERS, /* inside a word */
    GRAM_HAN,     /* one character */
    GRAM_HANS,    /* two or three */
    GRAM_CONCEPT,
    GRAM_CONCEPT_PAIR,
    GRAM_KIND_COUNT,
};
/* Blocks are normalised apart from each other, so that a long word does not outweigh what it stands beside. */
enum gram_block { BLOCK_WORDS, BLOCK_CHARACTERS, BLOCK_CONCEPTS, BLOCK_COUNT };
enum gram_block gram_block_of(enum gram_kind kind);

struct gram {
    uint64_t hash; /* of kind and text; the same in every process, stored in models */
    enum gram_kind kind;
};

/* Every occurrence, in the order of the text: the same gram comes as often as it occurs. Texts are capped by normalise_text. */
/* `concepts` NULL: without them. */
struct gram *features_of(struct arena *arena, const struct concepts *concepts,
                         struct str normalised, size_t *n_out);

#endif
