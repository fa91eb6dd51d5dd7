/* Latency histogram: log-linear buckets (about 3 % wide), 1 ns to over an hour, fixed memory. */
#ifndef BENCH_HIST_H
#define BENCH_HIST_H

#include <stdint.h>

#define HIST_SUB 32
#define HIST_BUCKETS (64 * HIST_SUB)

struct hist {
    uint64_t counts[HIST_BUCKETS];
    uint64_t n;
    int64_t max;
};

void hist_clear(struct hist *h);
void hist_add(struct hist *h, int64_t ns);
void hist_merge(struct hist *into, const struct hist *from);
double hist_us(const struct hist *h,
               double percentile); /* 0..100; upper edge of the bucket, in microseconds */

#endif
