/* Counters, gauges and histograms in Prometheus text format (/metrics). Names and help texts live as long as the process (literals, or kept for good); increments are
 * lock-free, any thread. A name may carry labels: "stablehand_db_pool_busy{pool=\"write\"}"; all of one name have the same help and kind. Label values are of a small fixed
 * set: kinds, pools, never ids. */
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
/* "base{label=\"value\"}", kept for good; for names that are put together at start. Give it to one of the above at once. */
const char *metric_name_with(const char *base, const char *label, const char *value);
void metric_add(struct metric *m, int64_t n);
void metric_set(struct metric *m, int64_t v);
void metric_observe_us(struct metric *m, int64_t us);
void metrics_write(struct buf *out);
void metrics_reset(void); /* tests */

#endif
