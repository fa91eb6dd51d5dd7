#include "bot/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bot/bytes.h"
#include "bot/kernels.h"

static double log_loss(const struct scored *s, float temperature)
{
    size_t width = KERNEL_PADDED(s->n_labels);
    const struct kernels *k = kernels_get();
    float *p = MEM_NEW_ARRAY(float, width);
    double loss = 0;
    for (size_t i = 0; i < s->n; i++) {
        memcpy(p, s->scores + i * width, width * sizeof(float));
        k->softmax(p, 1.0F / temperature, s->n_labels);
        loss -= log((double)p[s->labels[i]] + 1e-9);
    }
    mem_free(p);
    return loss;
}

/* Log loss has one valley in log T: thirds until 1 %. */
float calibrate_temperature(const struct scored *s, float low, float high)
{
    double a = log((double)low);
    double b = log((double)high);
    while (b - a > 0.01) {
        double left = a + (b - a) / 3;
        double right = b - (b - a) / 3;
        if (log_loss(s, (float)exp(left)) <= log_loss(s, (float)exp(right))) {
            b = right;
        } else {
            a = left;
        }
    }
    return (float)exp((a + b) / 2);
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

void scope_from(struct scope *s, float *scores, uint32_t n)
{
    *s = (struct scope){.n = n};
    if (n == 0) {
        return;
    }
    qsort(scores, n, sizeof(*scores), rising);
    for (uint32_t i = 0; i <= SCOPE_STEPS; i++) {
        double at = (double)i * (n - 1) / SCOPE_STEPS;
        uint32_t below = (uint32_t)at;
        uint32_t above = below + 1 < n ? below + 1 : below;
        float share = (float)(at - below);
        s->quantiles[i] = scores[below] * (1.0F - share) + scores[above] * share;
    }
}

float scope_rank(const struct scope *s, float score)
{
    if (!(score > s->quantiles[0])) {
        return 0;
    }
    for (uint32_t i = 1; i <= SCOPE_STEPS; i++) {
        if (score <= s->quantiles[i]) {
            float step = s->quantiles[i] - s->quantiles[i - 1];
            float part = step > 0 ? (score - s->quantiles[i - 1]) / step : 0;
            return ((float)(i - 1) + part) / SCOPE_STEPS;
        }
    }
    return 1.0F;
}

float scope_standard(const struct scope *s, float score)
{
    float low = s->quantiles[SCOPE_STEPS / 20];
    float middle = s->quantiles[SCOPE_STEPS / 2];
    return (score - low) / (middle - low > 1e-6F ? middle - low : 1e-6F);
}

void scope_encode(const struct scope *s, struct buf *out)
{
    bytes_put_u32(out, s->n);
    bytes_put_f32s(out, s->quantiles, SCOPE_STEPS + 1);
}

bool scope_decode(struct str *rest, struct scope *out)
{
    if (!bytes_get_u32(rest, &out->n) || !bytes_get_f32s(rest, out->quantiles, SCOPE_STEPS + 1)) {
        return false;
    }
    for (uint32_t i = 1; i <= SCOPE_STEPS; i++) {
        if (out->quantiles[i] < out->quantiles[i - 1]) {
            return false;
        }
    }
    return true;
}
