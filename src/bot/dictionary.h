/* The grams that a model knows, exactly: no two share a place. Immutable, any thread.
 *
 * Features are numbered by falling frequency, so that what is used most lies together in memory. */
#ifndef BOT_DICTIONARY_H
#define BOT_DICTIONARY_H

#include "base/err.h"
#include "bot/corpus.h"

#define DICTIONARY_MAX_FEATURES 2000000

struct dictionary;

/* Grams that occur in at least `min_texts` of the chosen texts; idf = ln((1 + n) / (1 + df)) + 1. */
struct dictionary *dictionary_new(const struct corpus *c, const uint32_t *texts, uint32_t n,
                                  uint32_t min_texts);
/* From a model file; the arrays are copied. ERR_INVALID when a hash comes twice or an idf is no finite positive number. */
ERR_MUST_USE enum err dictionary_from(const uint64_t *hashes, const uint8_t *kinds,
                                      const float *idf, uint32_t n, float unknown_idf,
                                      struct dictionary **out);
void dictionary_free(struct dictionary **d);

uint32_t dictionary_n(const struct dictionary *d);
uint64_t dictionary_hash(const struct dictionary *d, uint32_t feature);
enum gram_kind dictionary_kind(const struct dictionary *d, uint32_t feature);
float dictionary_idf(const struct dictionary *d, uint32_t feature);
float dictionary_unknown_idf(const struct dictionary *d); /* of a gram in no text: ln(1 + n) + 1 */
#define DICTIONARY_NONE UINT32_MAX
uint32_t dictionary_find(const struct dictionary *d, uint64_t hash);

/* A text as the classifiers take it: one entry per known feature. */
struct feature_value {
    uint32_t feature;
    float tfidf; /* (1 + ln count) idf, each block of length 1 */
    float tf;    /* 1 + ln count, the whole of length 1 */
};
struct feature_vector {
    struct feature_value *values;
    uint32_t n;
    float
        unknown_share; /* idf mass of word grams that are not known / of all word grams; 0 without any */
};
/* Of a question's grams, as features_of gives them. */
void dictionary_vector(const struct dictionary *d, struct arena *arena, const struct gram *grams,
                       size_t n, struct feature_vector *out);

/* The same for many texts of the corpus it was made from. */
struct feature_rows {
    struct feature_value *values;
    uint32_t *starts; /* per text, one more at the end */
    float *unknown_share;
    uint32_t n;
};
struct feature_rows *dictionary_rows(const struct dictionary *d, const struct corpus *c,
                                     const uint32_t *texts, uint32_t n);
void feature_rows_free(struct feature_rows **rows);

#endif
