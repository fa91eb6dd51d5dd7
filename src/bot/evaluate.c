#include "bot/evaluate.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define N_BINS 15

double evaluate_accuracy(const struct judged *j, size_t n)
{
    size_t n_right = 0;
    for (size_t i = 0; i < n; i++) {
        n_right += j[i].wanted == j[i].got;
    }
    return n > 0 ? (double)n_right / (double)n : 0;
}

double evaluate_macro_f1(const struct judged *j, size_t n, uint32_t n_labels)
{
    struct {
        uint32_t wanted, got, right;
    } *per = mem_calloc((size_t)n_labels + 1, sizeof(*per));
    for (size_t i = 0; i < n; i++) {
        uint32_t wanted = j[i].wanted < n_labels ? j[i].wanted : n_labels;
        uint32_t got = j[i].got < n_labels ? j[i].got : n_labels;
        per[wanted].wanted++;
        per[got].got++;
        per[wanted].right += wanted == got && wanted < n_labels;
    }
    double sum = 0;
    size_t n_seen = 0;
    for (uint32_t l = 0; l <= n_labels; l++) {
        uint32_t both = per[l].wanted + per[l].got;
        if (both > 0) {
            sum += 2.0 * per[l].right / both;
            n_seen++;
        }
    }
    mem_free(per);
    return n_seen > 0 ? sum / (double)n_seen : 0;
}

double evaluate_ece(const struct judged *j, size_t n)
{
    double right[N_BINS] = {0};
    double mass[N_BINS] = {0};
    for (size_t i = 0; i < n; i++) {
        double p = (double)j[i].p;
        int bin = p >= 1 ? N_BINS - 1 : p <= 0 ? 0 : (int)(p * N_BINS);
        right[bin] += j[i].wanted == j[i].got;
        mass[bin] += p;
    }
    double error = 0;
    for (int b = 0; b < N_BINS; b++) {
        error += fabs(right[b] - mass[b]);
    }
    return n > 0 ? error / (double)n : 0;
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

double evaluate_auroc(float *in_scope, size_t n_in, float *out_of_scope, size_t n_out)
{
    if (n_in == 0 || n_out == 0) {
        return 0;
    }
    qsort(in_scope, n_in, sizeof(float), rising);
    qsort(out_of_scope, n_out, sizeof(float), rising);
    double wins = 0;
    size_t below = 0;
    size_t up_to = 0;
    for (size_t i = 0; i < n_in; i++) {
        while (below < n_out && out_of_scope[below] < in_scope[i]) {
            below++;
        }
        up_to = up_to < below ? below : up_to;
        while (up_to < n_out && out_of_scope[up_to] <= in_scope[i]) {
            up_to++;
        }
        wins += (double)below + 0.5 * (double)(up_to - below);
    }
    return wins / ((double)n_in * (double)n_out);
}

struct ranking_figures evaluate_ranking(const uint32_t *ranks, size_t n)
{
    struct ranking_figures f = {0};
    for (size_t i = 0; i < n; i++) {
        f.recall_at_1 += ranks[i] == 1;
        f.recall_at_5 += ranks[i] >= 1 && ranks[i] <= 5;
        f.mrr_at_10 += ranks[i] >= 1 && ranks[i] <= 10 ? 1.0 / ranks[i] : 0;
    }
    if (n > 0) {
        f.recall_at_1 /= (double)n;
        f.recall_at_5 /= (double)n;
        f.mrr_at_10 /= (double)n;
    }
    return f;
}
