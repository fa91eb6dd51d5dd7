/* A fixed table: metrics are few and literal, so registration may take a lock and increments are one atomic add. */
#include "platform/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/check.h"
#include "base/mem.h"

#define MAX_METRICS 256
#define N_BUCKETS 15

static const int64_t bounds_us[N_BUCKETS] = {500,     1000,    2500,    5000,     10000,
                                             25000,   50000,   100000,  250000,   500000,
                                             1000000, 2500000, 5000000, 10000000, 30000000};
static const char *const bound_names[N_BUCKETS] = {"0.0005", "0.001", "0.0025", "0.005", "0.01",
                                                   "0.025",  "0.05",  "0.1",    "0.25",  "0.5",
                                                   "1",      "2.5",   "5",      "10",    "30"};

enum kind { COUNTER, GAUGE, GAUGE_FN, HISTOGRAM };
struct metric {
    const char *name, *help;
    enum kind kind;
    _Atomic int64_t value; /* histogram: sum in us */
    _Atomic int64_t buckets[N_BUCKETS + 1];
    int64_t (*fn)(void *arg);
    void *arg;
};

/* The one registry of the process: what it counts is the process. */
static struct metric table[MAX_METRICS];
static size_t n_metrics;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct metric *find_or_add(const char *name, const char *help, enum kind kind)
{
    pthread_mutex_lock(&mutex);
    struct metric *m = NULL;
    for (size_t i = 0; i < n_metrics && !m; i++) {
        m = strcmp(table[i].name, name) == 0 ? &table[i] : NULL;
    }
    if (!m) {
        ASSERT(n_metrics < MAX_METRICS);
        m = &table[n_metrics++];
        m->name = name;
        m->help = help;
        m->kind = kind;
    }
    ASSERT(m->kind == kind);
    pthread_mutex_unlock(&mutex);
    return m;
}

struct metric *metric_counter(const char *name, const char *help)
{
    return find_or_add(name, help, COUNTER);
}

struct metric *metric_gauge(const char *name, const char *help)
{
    return find_or_add(name, help, GAUGE);
}

struct metric *metric_histogram(const char *name, const char *help)
{
    return find_or_add(name, help, HISTOGRAM);
}

void metric_gauge_fn(const char *name, const char *help, int64_t (*fn)(void *arg), void *arg)
{
    struct metric *m = find_or_add(name, help, GAUGE_FN);
    pthread_mutex_lock(&mutex);
    m->fn = fn;
    m->arg = arg;
    pthread_mutex_unlock(&mutex);
}

void metric_add(struct metric *m, int64_t n)
{
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

void metric_observe_us(struct metric *m, int64_t us)
{
    size_t i = 0;
    while (i < N_BUCKETS && us > bounds_us[i]) {
        i++;
    }
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->value, us, memory_order_relaxed);
}

/* "name{labels}" in its parts; without labels the second is empty. */
static struct str base_of(const struct metric *m)
{
    struct str name = str_from(m->name);
    size_t brace = str_find_char(name, '{');
    return brace == SIZE_MAX ? name : str_sub(name, 0, brace);
}

static struct str labels_of(const struct metric *m)
{
    struct str name = str_from(m->name);
    size_t brace = str_find_char(name, '{');
    return brace == SIZE_MAX ? (struct str){0} : str_sub(name, brace + 1, name.len - brace - 2);
}

static void write_histogram(struct buf *out, struct metric *m)
{
    struct str base = base_of(m);
    struct str labels = labels_of(m);
    const char *comma = labels.len > 0 ? "," : "";
    const char *open = labels.len > 0 ? "{" : "";
    const char *close = labels.len > 0 ? "}" : "";
    int64_t total = 0;
    for (size_t i = 0; i <= N_BUCKETS; i++) {
        total += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        buf_printf(out, STR_FMT "_bucket{" STR_FMT "%sle=\"%s\"} %lld\n", STR_ARG(base),
                   STR_ARG(labels), comma, i < N_BUCKETS ? bound_names[i] : "+Inf",
                   (long long)total);
    }
    buf_printf(out, STR_FMT "_sum%s" STR_FMT "%s %.6f\n" STR_FMT "_count%s" STR_FMT "%s %lld\n",
               STR_ARG(base), open, STR_ARG(labels), close, (double)atomic_load(&m->value) / 1e6,
               STR_ARG(base), open, STR_ARG(labels), close, (long long)total);
}

static void write_one(struct buf *out, struct metric *m)
{
    if (m->kind == HISTOGRAM) {
        write_histogram(out, m);
        return;
    }
    int64_t v = m->kind == GAUGE_FN && m->fn
                    ? m->fn(m->arg)
                    : atomic_load_explicit(&m->value, memory_order_relaxed);
    buf_printf(out, "%s %lld\n", m->name, (long long)v);
}

/* All of one name together, as the format wants it; `at` is the first of them, or not. */
static void write_family(struct buf *out, size_t at)
{
    static const char *const types[] = {
        [COUNTER] = "counter", [GAUGE] = "gauge", [GAUGE_FN] = "gauge", [HISTOGRAM] = "histogram"};
    struct str base = base_of(&table[at]);
    for (size_t i = 0; i < at; i++) {
        if (str_eq(base_of(&table[i]), base)) {
            return;
        }
    }
    buf_printf(out, "# HELP " STR_FMT " %s\n# TYPE " STR_FMT " %s\n", STR_ARG(base), table[at].help,
               STR_ARG(base), types[table[at].kind]);
    for (size_t i = at; i < n_metrics; i++) {
        if (str_eq(base_of(&table[i]), base)) {
            write_one(out, &table[i]);
        }
    }
}

void metrics_write(struct buf *out)
{
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < n_metrics; i++) {
        write_family(out, i);
    }
    pthread_mutex_unlock(&mutex);
}

const char *metric_name_with(const char *base, const char *label, const char *value)
{
    static const char *made[MAX_METRICS];
    static size_t n_made;
    size_t size = strlen(base) + strlen(label) + strlen(value) + 6;
    char *name = mem_alloc(size);
    (void)snprintf(name, size, "%s{%s=\"%s\"}", base, label, value);
    pthread_mutex_lock(&mutex);
    size_t i = 0;
    while (i < n_made && strcmp(made[i], name) != 0) {
        i++;
    }
    if (i < n_made) {
        mem_free(name);
    } else {
        ASSERT(n_made < ARRAY_LEN(made));
        made[n_made++] = name;
    }
    const char *kept = made[i];
    pthread_mutex_unlock(&mutex);
    return kept;
}

void metrics_reset(void)
{
    pthread_mutex_lock(&mutex);
    memset(table, 0, sizeof(table));
    n_metrics = 0;
    pthread_mutex_unlock(&mutex);
}
