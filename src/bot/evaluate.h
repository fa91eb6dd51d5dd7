/* Figures for a classifier's answers, as the literature counts them. Pure. */
#ifndef BOT_EVALUATE_H
#define BOT_EVALUATE_H

#include <stddef.h>
#include <stdint.h>

struct judged {
    uint32_t wanted,
        got; /* labels; wanted may be UINT32_MAX: a label that the model does not know */
    float p; /* of `got` */
};
/* Share of right answers. 0 of nothing. */
double evaluate_accuracy(const struct judged *j, size_t n);
/* Mean over the labels that occur, wanted or got, of the harmonic mean of precision and recall. */
double evaluate_macro_f1(const struct judged *j, size_t n, uint32_t n_labels);
/* Expected calibration error: 15 bins of equal width over p, |share right - mean p| weighted by size (Guo et al. 2017). */
double evaluate_ece(const struct judged *j, size_t n);
/* Chance that a random in-scope question scores higher than a random other one, ties half. Both arrays are sorted in place. */
double evaluate_auroc(float *in_scope, size_t n_in, float *out_of_scope, size_t n_out);

/* Where the right one stands in each query's list, 1 = first, 0 = not there. */
struct ranking_figures {
    double recall_at_1, recall_at_5, mrr_at_10;
};
struct ranking_figures evaluate_ranking(const uint32_t *ranks, size_t n);

#endif
