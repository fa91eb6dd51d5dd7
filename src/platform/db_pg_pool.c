/* Pools of connections: lent last in, first out, so that a quiet desk uses few of them; waiting is bounded in number and time.
 *
 * The metrics are the process's, one set per kind of pool; a second database in one process (tests) takes them over. */
#include "platform/db_pg.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/metrics.h"

struct pg_pool_metrics {
    const char *size, *busy, *waiting;
    const char *wait, *timeouts;
};
static const struct pg_pool_metrics pool_metrics[] = {
    [PG_READER] = {"stablehand_db_pool_size{pool=\"read\"}",
                   "stablehand_db_pool_busy{pool=\"read\"}",
                   "stablehand_db_pool_waiting{pool=\"read\"}",
                   "stablehand_db_pool_wait_seconds{pool=\"read\"}",
                   "stablehand_db_pool_timeouts_total{pool=\"read\"}"},
    [PG_WRITER] = {"stablehand_db_pool_size{pool=\"write\"}",
                   "stablehand_db_pool_busy{pool=\"write\"}",
                   "stablehand_db_pool_waiting{pool=\"write\"}",
                   "stablehand_db_pool_wait_seconds{pool=\"write\"}",
                   "stablehand_db_pool_timeouts_total{pool=\"write\"}"},
};

static int64_t read_size(void *arg)
{
    return ((const struct pg_pool *)arg)->n;
}

static int64_t read_locked(struct pg_pool *pool, const int *value)
{
    (void)pthread_mutex_lock(&pool->lock);
    int64_t v = *value;
    (void)pthread_mutex_unlock(&pool->lock);
    return v;
}

static int64_t read_busy(void *arg)
{
    struct pg_pool *pool = arg;
    return read_locked(pool, &pool->n_busy);
}

static int64_t read_waiting(void *arg)
{
    struct pg_pool *pool = arg;
    return read_locked(pool, &pool->n_waiting);
}

/* `pool` NULL: the values are no more. */
static void show(const struct pg_pool_metrics *m, struct pg_pool *pool)
{
    metric_gauge_fn(m->size, "Connections of the pool", pool == NULL ? NULL : read_size, pool);
    metric_gauge_fn(m->busy, "Connections that are lent", pool == NULL ? NULL : read_busy, pool);
    metric_gauge_fn(m->waiting, "Threads that wait for a connection",
                    pool == NULL ? NULL : read_waiting, pool);
}

void pg_pool_init(struct pg_db *db, struct pg_pool *pool, enum pg_mode mode, int n, int max_waiting)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&pool->lock, NULL);
    pool->max_waiting = max_waiting;
    pool->n = n;
    pool->all = MEM_NEW_ARRAY(struct pg_conn *, (size_t)n);
    for (int i = n - 1; i >= 0; i--) {
        pool->all[i] = pg_conn_new(db, mode);
        pool->all[i]->next_free = pool->free;
        pool->free = pool->all[i];
    }
    pool->names = &pool_metrics[mode];
    pool->wait = metric_histogram(pool->names->wait, "Time that somebody waited for a connection");
    pool->timeouts =
        metric_counter(pool->names->timeouts, "Waits for a connection that were given up");
    show(pool->names, pool);
}

void pg_pool_release(struct pg_pool *pool)
{
    if (pool->names != NULL) {
        show(pool->names, NULL);
    }
    for (int i = 0; i < pool->n; i++) {
        pg_conn_free(&pool->all[i]);
    }
    mem_free(pool->all);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
}

struct pg_conn *pg_pool_borrow(struct pg_pool *pool)
{
    int64_t began = time_monotonic_ns();
    int64_t at = began + PG_BORROW_CAP_MS * 1000000LL;
    struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    (void)pthread_mutex_lock(&pool->lock);
    bool may_wait = pool->free != NULL || pool->n_waiting < pool->max_waiting;
    pool->n_waiting++;
    while (may_wait && pool->free == NULL) {
        may_wait = pthread_cond_timedwait(&pool->wake, &pool->lock, &until) != ETIMEDOUT ||
                   pool->free != NULL;
    }
    pool->n_waiting--;
    struct pg_conn *conn = pool->free;
    if (conn != NULL) {
        pool->free = conn->next_free;
        pool->n_busy++;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    metric_observe_us(pool->wait, (time_monotonic_ns() - began) / 1000);
    if (conn == NULL) {
        metric_add(pool->timeouts, 1);
        LOG_WARN("db", "no connection came free");
    }
    return conn;
}

void pg_pool_give_back(struct pg_pool *pool, struct pg_conn *conn)
{
    (void)pthread_mutex_lock(&pool->lock);
    conn->next_free = pool->free;
    pool->free = conn;
    pool->n_busy--;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}
