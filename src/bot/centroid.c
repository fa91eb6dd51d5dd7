#include "bot/centroid.h"

#include <math.h>

#include "base/mem.h"
#include "bot/kernels.h"

/* k1 and b for groups, and weights of the kinds, as the search over articles has them (src/knowledge/retrieval.c); that of concepts by cross-validation. */
#define K 3.0
#define B 0.4

static double weight_of(enum gram_kind kind)
{
    static const double weights[GRAM_KIND_COUNT] = {
        [GRAM_WORD] = 1.0, [GRAM_PAIR] = 0.2,    [GRAM_LETTERS] = 0.15,    [GRAM_HAN] = 1.0,
        [GRAM_HANS] = 0.2, [GRAM_CONCEPT] = 2.0, [GRAM_CONCEPT_PAIR] = 0.3};
    return weights[kind];
}

static bool is_unit(enum gram_kind kind)
{
    return kind == GRAM_WORD || kind == GRAM_HAN;
}

void centroid_train(const struct dictionary *d, const struct feature_rows *rows,
                    const uint32_t *labels, uint32_t n_labels, float *weights_out, float *mass_out)
{
    size_t width = KERNEL_PADDED(n_labels);
    double *lengths = MEM_NEW_ARRAY(double, n_labels);
    double total = 0;
    for (uint32_t i = 0; i < rows->n; i++) {
        for (uint32_t j = rows->starts[i]; j < rows->starts[i + 1]; j++) {
            uint32_t f = rows->values[j].feature;
            weights_out[f * width + labels[i]] += 1.0F;
            lengths[labels[i]] += is_unit(dictionary_kind(d, f));
            total += is_unit(dictionary_kind(d, f));
        }
    }
    double mean = total > 0 ? total / n_labels : 1.0;
    for (uint32_t f = 0; f < dictionary_n(d); f++) {
        float *row = weights_out + f * width;
        uint32_t df = 0;
        for (uint32_t l = 0; l < n_labels; l++) {
            df += row[l] > 0;
        }
        double idf =
            log(1.0 + (n_labels - df + 0.5) / (df + 0.5)) * weight_of(dictionary_kind(d, f));
        mass_out[f] = (float)(idf * (K + 1.0));
        for (uint32_t l = 0; l < n_labels; l++) {
            double tf = (double)row[l];
            row[l] = (float)(idf * tf * (K + 1.0) / (tf + K * (1.0 - B + B * lengths[l] / mean)));
        }
    }
    mem_free(lengths);
}
