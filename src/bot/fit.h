/* Training: from texts to a classifier with temperatures and scope tables. Uses several threads, each result made by one of them alone, so that the same texts give
 * the same bytes whatever the machine. Takes seconds; run it where waiting is allowed. */
#ifndef BOT_FIT_H
#define BOT_FIT_H

#include <stdatomic.h>

#include "base/arena.h"
#include "bot/calibrate.h"
#include "bot/classifier.h"
#include "bot/svm.h"

struct fit_options {
    struct svm_params svm;
    struct mlp_params mlp;
    uint32_t n_nets;
    uint32_t n_threads; /* 0: as many as there are processors, at most 4 */
    uint64_t seed;
    const atomic_bool *is_cancelled; /* NULL: never */
};
struct fit_options fit_options_default(void);

struct calibration {
    float svm_temperature, net_temperature, closeness_temperature;
    float mixture_temperature;
    float closeness_share; /* of BM25 in the mixture; the rest is halved between SVM and networks */
    struct scope scopes[SCRIPT_COUNT];
};

/* What models that had not seen the questions made of them (out of fold). */
struct fit_check {
    uint32_t n; /* questions asked; 0: too few examples to hold any back */
    uint32_t n_right;
    uint32_t *
        labels; /* per text of the input: what it was taken for; FIT_UNASKED when it was not asked */
    float *confidence; /* per text: the probability of that */
};
#define FIT_UNASKED UINT32_MAX

struct fit_result {
    struct classifier *classifier;
    struct calibration calibration;
    struct fit_check check; /* arrays on the heap */
};
void fit_result_release(struct fit_result *r);

struct fit_text {
    struct str normalised;
    uint32_t label;
    enum script script;
};
/* Labels 0 .. n_labels-1, each of which has a text. ERR_TIMEOUT: cancelled. */
ERR_MUST_USE enum err fit(const struct fit_text *texts, uint32_t n, uint32_t n_labels,
                          const struct concepts *concepts, const struct fit_options *options,
                          struct fit_result *out);

/* ---- what a calibrated classifier says of one question ---- */
struct reading {
    float *p;            /* per label, sums to 1; KERNEL_PADDED(n_labels) */
    uint32_t best;       /* of the highest p */
    float scope_score;   /* higher: rather in scope. Comparable within one script only */
    float unknown_share; /* of its words */
    uint32_t n_features; /* 0: nothing of it is known */
};
void fit_read(const struct classifier *c, const struct calibration *k, struct arena *arena,
              const struct gram *grams, size_t n_grams, enum script script, struct reading *out);

#endif
