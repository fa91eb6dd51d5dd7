/* The trade's own words: which of them mean the same, in both languages. "Top up", "deposit", "充值" and "入金" are one concept, so that an intent learnt from one of
 * them is known by the others. With ten phrasings per intent this is worth more than any learning; with a hundred it does no harm (docs/bot.md).
 *
 * The list is ours (concepts_words.c), made from knowledge of the trade. Immutable once built, any thread. */
#ifndef BOT_CONCEPTS_H
#define BOT_CONCEPTS_H

#include "base/arena.h"
#include "base/str.h"

struct concept {
    const char *name;
    const char *
        latin; /* comma-separated words and phrases, lower case; forms of a word are found by its stem */
    const char *han;
};
extern const struct concept concept_list[];
extern const unsigned concept_count;

struct concepts;
struct concepts *concepts_new(void); /* less than a millisecond */
void concepts_free(struct concepts **c);
/* Changes when the list does: a model is of one list. */
uint64_t concepts_fingerprint(const struct concepts *c);

#define CONCEPTS_MAX 24
/* Numbers of the concepts in a normalised text, each once, in the order of the text. */
size_t concepts_of(const struct concepts *c, struct arena *arena, struct str normalised,
                   uint32_t out[CONCEPTS_MAX]);

#endif
