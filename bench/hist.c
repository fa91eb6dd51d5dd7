#include "hist.h"

#include <string.h>

void hist_clear(struct hist *h)
{
    memset(h, 0, sizeof(*h));
}

static unsigned bucket_of(uint64_t v)
{
    if (v < HIST_SUB) {
        return (unsigned)v;
    }
    unsigned top = 63U - (unsigned)__builtin_clzll(v); /* >= 5 */
    return (top - 4) * HIST_SUB + (unsigned)(v >> (top - 5)) % HIST_SUB;
}

static uint64_t bucket_end(unsigned b)
{
    if (b < HIST_SUB) {
        return b;
    }
    unsigned top = b / HIST_SUB + 4;
    return ((uint64_t)(HIST_SUB + b % HIST_SUB) << (top - 5)) + ((1ULL << (top - 5)) - 1);
}

void hist_add(struct hist *h, int64_t ns)
{
    ns = ns < 0 ? 0 : ns;
    h->counts[bucket_of((uint64_t)ns)]++;
    h->n++;
    h->max = ns > h->max ? ns : h->max;
}

void hist_merge(struct hist *into, const struct hist *from)
{
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->n += from->n;
    into->max = from->max > into->max ? from->max : into->max;
}

double hist_us(const struct hist *h, double percentile)
{
    uint64_t wanted = (uint64_t)((double)h->n * percentile / 100.0 + 0.5), seen = 0;
    wanted = wanted < 1 ? 1 : wanted > h->n ? h->n : wanted;
    for (unsigned i = 0; i < HIST_BUCKETS; i++) {
        seen += h->counts[i];
        if (seen >= wanted && h->n > 0) {
            uint64_t end = bucket_end(i);
            return (double)(end > (uint64_t)h->max ? (uint64_t)h->max : end) / 1000.0;
        }
    }
    return 0;
}
