/* A trained classifier as it runs: dictionary, Crammer-Singer SVM and networks, their big matrices in bytes (one scale per feature). Immutable, any thread.
 *
 * It ranks labels and says how much of a question it knows. What its numbers mean is the business of calibration (bot/calibrate.h). */
#ifndef BOT_CLASSIFIER_H
#define BOT_CLASSIFIER_H

#include "base/buf.h"
#include "bot/dictionary.h"
#include "bot/mlp.h"

#define CLASSIFIER_MAX_LABELS 2000
#define CLASSIFIER_MAX_NETS 4
#define CLASSIFIER_MAX_HIDDEN 1024

struct classifier;

/* Takes over the dictionary; knows nothing until its parts are set (different parts may be set by different threads), then never changes. */
struct classifier *classifier_new(struct dictionary **dictionary, uint32_t n_labels,
                                  uint32_t n_hidden, uint32_t n_nets);
void classifier_set_svm(struct classifier *c, const float *weights); /* as svm_train gives them */
void classifier_set_net(struct classifier *c, uint32_t i, const struct mlp *net);
/* As centroid_train gives them. Without: its scores are 0, and nothing of it is stored. */
void classifier_set_centroid(struct classifier *c, const float *weights, const float *mass);
void classifier_drop_centroid(struct classifier *c);
void classifier_free(struct classifier **c);

uint32_t classifier_n_labels(const struct classifier *c);
const struct dictionary *classifier_dictionary(const struct classifier *c);

/* KERNEL_PADDED(n_labels) floats each: margins of the SVM; logits of the networks, their mean; BM25 against the labels, 0..1. */
struct classifier_scores {
    float *margins, *logits, *closeness;
};
/* `arena` for scratch. */
void classifier_score(const struct classifier *c, struct arena *arena,
                      const struct feature_vector *v, const struct classifier_scores *out);

/* Part of a model file. decode: ERR_PROTOCOL unless the bytes at *rest make a whole, consistent classifier; advances *rest. */
void classifier_encode(const struct classifier *c, struct buf *out);
ERR_MUST_USE enum err classifier_decode(struct str *rest, struct classifier **out);

#endif
