/* From scores to meaning: temperatures, probabilities, and the cut between a question in scope and one that nobody here can answer. Pure. */
#ifndef BOT_CALIBRATE_H
#define BOT_CALIBRATE_H

#include "base/buf.h"

/* Score of one question for each label (rows of KERNEL_PADDED(n_labels) floats) with the right label. */
struct scored {
    const float *scores;
    const uint32_t *labels;
    size_t n;
    uint32_t n_labels;
};
/* Temperature in [low, high] with the least log loss of softmax(score / T), to 1 %. */
float calibrate_temperature(const struct scored *s, float low, float high);

/* Which scripts have rules of their own: with letters an unknown word says much; Han characters are nearly all known, so there the probability decides. */
enum script { SCRIPT_LATIN, SCRIPT_HAN, SCRIPT_COUNT };

/* How sure the model was of questions that it had not seen and could answer, for one script: quantiles of the score in steps of a half percent. */
#define SCOPE_STEPS 200
struct scope {
    float quantiles[SCOPE_STEPS + 1]; /* rising */
    uint32_t n;                       /* questions behind it */
};
/* `scores` is sorted in place. */
void scope_from(struct scope *s, float *scores, uint32_t n);
/* Share of answerable questions that score lower: 0..1. "Reject when below 0.05" rejects 5 % of good questions. */
float scope_rank(const struct scope *s, float score);
/* The same for ordering questions of several scripts, without an end: 0 where the rank is 0.05, 1 where it is a half. */
float scope_standard(const struct scope *s, float score);
void scope_encode(const struct scope *s, struct buf *out);
bool scope_decode(struct str *rest, struct scope *out);

#endif
