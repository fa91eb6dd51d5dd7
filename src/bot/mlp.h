/* A network with one hidden layer of ReLUs over the features, trained by Adagrad one example at a time, with features and hidden units dropped at random. Pure. */
#ifndef BOT_MLP_H
#define BOT_MLP_H

#include <stdatomic.h>

#include "bot/dictionary.h"

struct mlp_params {
    uint32_t n_hidden; /* a multiple of KERNEL_LANES */
    uint32_t n_epochs;
    float rate;         /* of learning */
    float feature_drop; /* share of features left out, each time others */
    float hidden_drop;  /* the same of hidden units */
    float smoothing;    /* share of the target that is spread over all classes */
    uint64_t seed;      /* of first weights, order, drops */
};
struct mlp_params mlp_params_default(void);

struct mlp {
    uint32_t n_features, n_hidden, n_labels;
    float *in;      /* n_features rows of n_hidden */
    float *in_bias; /* n_hidden */
    float *out;     /* n_hidden rows of KERNEL_PADDED(n_labels) */
    float *out_bias;
};

/* Ends early when *is_cancelled becomes true (NULL: never). */
struct mlp *mlp_train(const struct feature_rows *rows, const uint32_t *labels, uint32_t n_features,
                      uint32_t n_labels, const struct mlp_params *params,
                      const atomic_bool *is_cancelled);
void mlp_free(struct mlp **m);

#endif
