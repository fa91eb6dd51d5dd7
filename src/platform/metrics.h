/* Counters, gauges and histograms in Prometheus text format (/metrics). Names are literals; increments are lock-free, any thread. */
#ifndef PLATFORM_METRICS_H
#define PLATFORM_METRICS_H

#include "base/buf.h"

struct metric;
struct metric *metric_counter(const char *name, const char *help);
struct metric *metric_gauge(const char *name, const char *help);
/* Seconds; buckets 0.0005 .. 30. */
struct metric *metric_histogram(const char *name, const char *help);
/* Value fetched when scraped. Registering again replaces; fn NULL: 0 (before `arg` goes away). */
void metric_gauge_fn(const char *name, const char *help, int64_t (*fn)(void *arg), void *arg);
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t v);
void metric_observe_us(struct metric *m, int64_t us);
void metrics_write(struct buf *out);
void metrics_reset(void); /* tests */

#endif
