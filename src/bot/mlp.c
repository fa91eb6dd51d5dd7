/* Weights of a feature share one Adagrad step size (the mean of squared gradients over its row): a third of the memory traffic of one step size per weight, which is
 * what training waits for, and no worse in cross-validation. The few weights of the second layer have their own. */
#include "bot/mlp.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "bot/kernels.h"

struct mlp_params mlp_params_default(void)
{
    return (struct mlp_params){.n_hidden = 256,
                               .n_epochs = 20,
                               .rate = 0.05F,
                               .feature_drop = 0.6F,
                               .hidden_drop = 0.3F,
                               .smoothing = 0.0F,
                               .seed = 1};
}

struct picked {
    uint32_t feature;
    float value;
};

struct training {
    const struct mlp_params *p;
    const struct kernels *k;
    struct mlp *m;
    size_t width;                          /* of a row of m->out */
    float *in_squares;                     /* per feature */
    float *in_bias_squares;                /* n_hidden */
    float *out_squares, *out_bias_squares; /* as m->out, m->out_bias */
    struct picked *picked;
    uint32_t n_picked;
    float *hidden, *mask, *back; /* n_hidden */
    float *score;                /* width */
    struct rng rng;
};

static void first_weights(struct training *t)
{
    struct mlp *m = t->m;
    float scale = sqrtf(6.0F / ((float)m->n_hidden + (float)m->n_labels));
    for (size_t i = 0; i < (size_t)m->n_features * m->n_hidden; i++) {
        m->in[i] = ((float)rng_unit(&t->rng) - 0.5F) * 0.5F;
    }
    for (uint32_t h = 0; h < m->n_hidden; h++) {
        for (uint32_t l = 0; l < m->n_labels; l++) {
            m->out[h * t->width + l] = ((float)rng_unit(&t->rng) * 2.0F - 1.0F) * scale;
        }
    }
}

/* Four decisions from each random number, 16 bits each. */
static void pick_features(struct training *t, const struct feature_value *values, uint32_t n)
{
    uint64_t bits = 0;
    uint64_t keep = (uint64_t)((1.0F - t->p->feature_drop) * 65536.0F);
    float scale = 1.0F / (1.0F - t->p->feature_drop);
    t->n_picked = 0;
    for (uint32_t i = 0; i < n; i++) {
        bits = i % 4 == 0 ? rng_next(&t->rng) : bits >> 16;
        if ((bits & 0xFFFF) < keep) {
            t->picked[t->n_picked++] = (struct picked){values[i].feature, values[i].tf * scale};
        }
    }
}

static void forward(struct training *t)
{
    struct mlp *m = t->m;
    uint64_t bits = 0;
    uint64_t keep = (uint64_t)((1.0F - t->p->hidden_drop) * 65536.0F);
    float scale = 1.0F / (1.0F - t->p->hidden_drop);
    memcpy(t->hidden, m->in_bias, m->n_hidden * sizeof(float));
    for (uint32_t i = 0; i < t->n_picked; i++) {
        const struct picked *f = &t->picked[i];
        t->k->axpy(t->hidden, m->in + (size_t)f->feature * m->n_hidden, f->value, m->n_hidden);
    }
    memcpy(t->score, m->out_bias, t->width * sizeof(float));
    for (uint32_t h = 0; h < m->n_hidden; h++) {
        bits = h % 4 == 0 ? rng_next(&t->rng) : bits >> 16;
        t->mask[h] = t->hidden[h] > 0 && (bits & 0xFFFF) < keep ? scale : 0;
        t->hidden[h] *= t->mask[h];
        if (t->mask[h] > 0) {
            t->k->axpy(t->score, m->out + h * t->width, t->hidden[h], t->width);
        }
    }
    t->k->softmax(t->score, 1.0F, m->n_labels);
}

/* t->score: probabilities -> gradient of the loss. */
static void loss_gradient(struct training *t, uint32_t label)
{
    float spread = t->p->smoothing / (float)t->m->n_labels;
    for (uint32_t l = 0; l < t->m->n_labels; l++) {
        t->score[l] -= spread;
    }
    t->score[label] -= 1.0F - t->p->smoothing;
}

static void backward(struct training *t)
{
    struct mlp *m = t->m;
    float rate = t->p->rate;
    for (uint32_t h = 0; h < m->n_hidden; h++) {
        t->back[h] = 0;
        if (t->mask[h] > 0) {
            float *row = m->out + h * t->width;
            t->back[h] = t->k->dot(row, t->score, t->width) * t->mask[h];
            t->k->adagrad(row, t->out_squares + h * t->width, t->score, t->hidden[h], rate,
                          t->width);
        }
    }
    t->k->adagrad(m->out_bias, t->out_bias_squares, t->score, 1.0F, rate, t->width);
    t->k->adagrad(m->in_bias, t->in_bias_squares, t->back, 1.0F, rate, m->n_hidden);
    float mean = t->k->dot(t->back, t->back, m->n_hidden) / (float)m->n_hidden;
    for (uint32_t i = 0; i < t->n_picked; i++) {
        const struct picked *f = &t->picked[i];
        float *squares = &t->in_squares[f->feature];
        *squares += f->value * f->value * mean;
        t->k->axpy(m->in + (size_t)f->feature * m->n_hidden, t->back,
                   -rate * f->value / (sqrtf(*squares) + 1e-6F), m->n_hidden);
    }
}

static void shuffle(uint32_t *order, uint32_t n, struct rng *rng)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}

static void epochs(struct training *t, const struct feature_rows *rows, const uint32_t *labels,
                   const atomic_bool *is_cancelled)
{
    uint32_t *order = MEM_NEW_ARRAY(uint32_t, (size_t)rows->n + 1);
    for (uint32_t i = 0; i < rows->n; i++) {
        order[i] = i;
    }
    for (uint32_t e = 0; e < t->p->n_epochs; e++) {
        shuffle(order, rows->n, &t->rng);
        for (uint32_t i = 0; i < rows->n; i++) {
            if (i % 256 == 0 && is_cancelled != NULL && atomic_load(is_cancelled)) {
                break;
            }
            uint32_t x = order[i];
            pick_features(t, rows->values + rows->starts[x], rows->starts[x + 1] - rows->starts[x]);
            forward(t);
            loss_gradient(t, labels[x]);
            backward(t);
        }
    }
    mem_free(order);
}

static uint32_t longest_row(const struct feature_rows *rows)
{
    uint32_t max = 0;
    for (uint32_t i = 0; i < rows->n; i++) {
        uint32_t n = rows->starts[i + 1] - rows->starts[i];
        max = n > max ? n : max;
    }
    return max;
}

struct mlp *mlp_train(const struct feature_rows *rows, const uint32_t *labels, uint32_t n_features,
                      uint32_t n_labels, const struct mlp_params *params,
                      const atomic_bool *is_cancelled)
{
    ASSERT(n_labels > 0 && params->n_hidden % KERNEL_LANES == 0);
    size_t width = KERNEL_PADDED(n_labels);
    size_t n_in = (size_t)n_features * params->n_hidden;
    struct mlp *m = MEM_NEW(struct mlp);
    *m = (struct mlp){.n_features = n_features,
                      .n_hidden = params->n_hidden,
                      .n_labels = n_labels,
                      .in = mem_alloc((n_in + 1) * sizeof(float)),
                      .in_bias = MEM_NEW_ARRAY(float, params->n_hidden),
                      .out = MEM_NEW_ARRAY(float, params->n_hidden *width),
                      .out_bias = MEM_NEW_ARRAY(float, width)};
    struct training t = {.p = params, .k = kernels_get(), .m = m, .width = width};
    t.in_squares = MEM_NEW_ARRAY(float, (size_t)n_features + 1);
    t.in_bias_squares = MEM_NEW_ARRAY(float, params->n_hidden);
    t.out_squares = MEM_NEW_ARRAY(float, params->n_hidden *width);
    t.out_bias_squares = MEM_NEW_ARRAY(float, width);
    t.picked = MEM_NEW_ARRAY(struct picked, (size_t)longest_row(rows) + 1);
    t.hidden = MEM_NEW_ARRAY(float, params->n_hidden * 3);
    t.mask = t.hidden + params->n_hidden;
    t.back = t.mask + params->n_hidden;
    t.score = MEM_NEW_ARRAY(float, width);
    rng_init(&t.rng, params->seed);
    first_weights(&t);
    epochs(&t, rows, labels, is_cancelled);
    mem_free(t.in_squares);
    mem_free(t.in_bias_squares);
    mem_free(t.out_squares);
    mem_free(t.out_bias_squares);
    mem_free(t.picked);
    mem_free(t.hidden);
    mem_free(t.score);
    return m;
}

void mlp_free(struct mlp **m)
{
    if (*m != NULL) {
        mem_free((*m)->in);
        mem_free((*m)->in_bias);
        mem_free((*m)->out);
        mem_free((*m)->out_bias);
        mem_free(*m);
        *m = NULL;
    }
}
