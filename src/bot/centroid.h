/* The third opinion: BM25 of a question against each label as one document made of all its phrasings (Robertson and Zaragoza 2009). It learns nothing from what
 * distinguishes labels, so it loses to the others with many phrasings; with few and diverse ones it is the best of the three. Calibration says how much it counts. Pure. */
#ifndef BOT_CENTROID_H
#define BOT_CENTROID_H

#include "bot/dictionary.h"

/* `weights_out`: n_features rows of KERNEL_PADDED(n_labels) floats, zeroed by the caller. `mass_out`: per feature, the most that it can weigh: the score of a label is the
 * sum of weights / the sum of masses over the question's features, at most 1. */
void centroid_train(const struct dictionary *d, const struct feature_rows *rows,
                    const uint32_t *labels, uint32_t n_labels, float *weights_out, float *mass_out);

#endif
