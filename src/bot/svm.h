/* Linear multi-class SVM after Crammer and Singer (2001): one weight vector per class, trained together so that the right class leads every other by a margin of 1.
 * Solved in the dual, one example at a time (Keerthi et al. 2008, "A sequential dual method for large scale multi-class linear SVMs"). Pure. */
#ifndef BOT_SVM_H
#define BOT_SVM_H

#include <stdatomic.h>

#include "bot/dictionary.h"

struct svm_params {
    float c;           /* price of a margin that is missed */
    float eps;         /* ends when no example violates its conditions by more */
    uint32_t n_passes; /* at most */
    uint64_t seed;     /* of the order of examples */
};
struct svm_params svm_params_default(void);

/* `weights_out`: n_features rows of KERNEL_PADDED(n_labels) floats, zeroed by the caller; score of a class = sum of value * weight. Labels are 0 .. n_labels-1.
 * Ends early, with what it has, when *is_cancelled becomes true (NULL: never). */
void svm_train(const struct feature_rows *rows, const uint32_t *labels, uint32_t n_labels,
               const struct svm_params *params, const atomic_bool *is_cancelled,
               float *weights_out);

#endif
