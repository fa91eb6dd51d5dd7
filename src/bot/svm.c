/* For one example with squared length A and gradient G, the best step solves   min 1/2 A |a|^2 + B.a   over  a_m <= C (right class) or 0 (others), sum a = 0,
 * with B = G - A a_old. Its solution is a_m = min(limit_m, (beta - B_m) / A), and beta comes from sorting. Examples whose conditions hold are left out of later
 * passes until all that are left hold too; then everything is looked at once more. */
#include "bot/svm.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "bot/kernels.h"

struct svm_params svm_params_default(void)
{
    return (struct svm_params){.c = 0.5F, .eps = 0.1F, .n_passes = 60, .seed = 1};
}

struct training {
    const struct feature_rows *rows;
    const uint32_t *labels;
    uint32_t n_labels;
    size_t width; /* of a row of weights */
    float c;
    const struct kernels *k;
    float *weights;
    float *alpha;    /* per example: n_labels */
    float *squares;  /* per example: squared length */
    float *gradient; /* of the example at hand: width */
    float *sorted;
    uint32_t *order;
    uint32_t n_active;
};

static float limit_of(const struct training *t, uint32_t example, uint32_t m)
{
    return t->labels[example] == m ? t->c : 0;
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x < y) - (x > y);
}

/* By how much the example violates its conditions: max G over all classes - min G over classes that may still grow. */
static float violation(struct training *t, uint32_t example)
{
    const float *alpha = t->alpha + (size_t)example * t->n_labels;
    memset(t->gradient, 0, t->width * sizeof(float));
    for (uint32_t i = t->rows->starts[example]; i < t->rows->starts[example + 1]; i++) {
        const struct feature_value *v = &t->rows->values[i];
        t->k->axpy(t->gradient, t->weights + v->feature * t->width, v->tfidf, t->width);
    }
    float max = -INFINITY;
    float min = INFINITY;
    for (uint32_t m = 0; m < t->n_labels; m++) {
        float g = t->gradient[m] + (m == t->labels[example] ? 0 : 1.0F);
        t->gradient[m] = g;
        max = g > max ? g : max;
        if (alpha[m] < limit_of(t, example, m) && g < min) {
            min = g;
        }
    }
    return max - min;
}

/* beta of the sub-problem; t->gradient holds B. Only classes that could end below their limit take part, which are few: those with B large enough. */
static float solve_beta(struct training *t, uint32_t example, float a)
{
    uint32_t label = t->labels[example];
    float lift = a * t->c;
    uint32_t n = 0;
    /* A first beta from the right class alone is a lower bound of what a class needs to take part. */
    float own = t->gradient[label] + lift;
    for (uint32_t m = 0; m < t->n_labels; m++) {
        float d = m == label ? own : t->gradient[m];
        if (d > own - lift) {
            t->sorted[n++] = d;
        }
    }
    qsort(t->sorted, n, sizeof(float), falling);
    float beta = t->sorted[0] - lift;
    uint32_t r = 1;
    while (r < n && beta < (float)r * t->sorted[r]) {
        beta += t->sorted[r++];
    }
    return beta / (float)r;
}

static void step(struct training *t, uint32_t example)
{
    float a = t->squares[example];
    float *alpha = t->alpha + (size_t)example * t->n_labels;
    for (uint32_t m = 0; m < t->n_labels; m++) {
        t->gradient[m] -= a * alpha[m];
    }
    float beta = solve_beta(t, example, a);
    const struct feature_value *values = t->rows->values + t->rows->starts[example];
    uint32_t n = t->rows->starts[example + 1] - t->rows->starts[example];
    for (uint32_t m = 0; m < t->n_labels; m++) {
        float wanted = (beta - t->gradient[m]) / a;
        float limit = limit_of(t, example, m);
        float next = wanted < limit ? wanted : limit;
        float delta = next - alpha[m];
        if (fabsf(delta) < 1e-9F) {
            continue;
        }
        alpha[m] = next;
        for (uint32_t i = 0; i < n; i++) {
            t->weights[values[i].feature * t->width + m] += delta * values[i].tfidf;
        }
    }
}

/* One pass over the active examples in random order; the largest violation met. */
static float pass(struct training *t, struct rng *rng, float shrink_below)
{
    float worst = 0;
    for (uint32_t i = t->n_active; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(rng, i);
        uint32_t swap = t->order[i - 1];
        t->order[i - 1] = t->order[j];
        t->order[j] = swap;
    }
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < t->n_active; i++) {
        uint32_t example = t->order[i];
        bool is_kept = false;
        if (t->squares[example] > 0) {
            float v = violation(t, example);
            is_kept = v > shrink_below;
            if (v > 1e-6F) {
                step(t, example);
            }
            worst = v > worst ? v : worst;
        }
        if (is_kept) {
            t->order[i] = t->order[n_kept];
            t->order[n_kept++] = example;
        }
    }
    t->n_active = n_kept;
    return worst;
}

static void solve(struct training *t, const struct svm_params *p, const atomic_bool *is_cancelled)
{
    struct rng rng;
    rng_init(&rng, p->seed);
    for (uint32_t i = 0; i < p->n_passes; i++) {
        if (is_cancelled != NULL && atomic_load(is_cancelled)) {
            return;
        }
        bool is_whole = t->n_active == t->rows->n;
        float worst = pass(t, &rng, p->eps * 0.5F);
        if (worst < p->eps && is_whole) {
            return;
        }
        if (worst < p->eps || t->n_active == 0) {
            t->n_active = t->rows->n;
        }
    }
}

void svm_train(const struct feature_rows *rows, const uint32_t *labels, uint32_t n_labels,
               const struct svm_params *params, const atomic_bool *is_cancelled, float *weights_out)
{
    ASSERT(n_labels > 0);
    struct training t = {.rows = rows,
                         .labels = labels,
                         .n_labels = n_labels,
                         .width = KERNEL_PADDED(n_labels),
                         .c = params->c,
                         .k = kernels_get(),
                         .weights = weights_out,
                         .n_active = rows->n};
    t.alpha = MEM_NEW_ARRAY(float, (size_t)rows->n *n_labels + 1);
    t.squares = MEM_NEW_ARRAY(float, (size_t)rows->n + 1);
    t.gradient = MEM_NEW_ARRAY(float, t.width);
    t.sorted = MEM_NEW_ARRAY(float, t.width);
    t.order = MEM_NEW_ARRAY(uint32_t, (size_t)rows->n + 1);
    for (uint32_t i = 0; i < rows->n; i++) {
        t.order[i] = i;
        for (uint32_t j = rows->starts[i]; j < rows->starts[i + 1]; j++) {
            t.squares[i] += rows->values[j].tfidf * rows->values[j].tfidf;
        }
    }
    solve(&t, params, is_cancelled);
    mem_free(t.alpha);
    mem_free(t.squares);
    mem_free(t.gradient);
    mem_free(t.sorted);
    mem_free(t.order);
}
