/* Pools of connections: lent last in, first out, so that a quiet desk uses few of them; waiting is bounded in number and time. */
#include "platform/db_pg.h"

#include <errno.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"

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
}

void pg_pool_release(struct pg_pool *pool)
{
    for (int i = 0; i < pool->n; i++) {
        pg_conn_free(&pool->all[i]);
    }
    mem_free(pool->all);
    (void)pthread_cond_destroy(&pool->wake);
    (void)pthread_mutex_destroy(&pool->lock);
}

struct pg_conn *pg_pool_borrow(struct pg_pool *pool)
{
    int64_t at = time_monotonic_ns() + PG_BORROW_CAP_MS * 1000000LL;
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
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (conn == NULL) {
        LOG_WARN("db", "no connection came free");
    }
    return conn;
}

void pg_pool_give_back(struct pg_pool *pool, struct pg_conn *conn)
{
    (void)pthread_mutex_lock(&pool->lock);
    conn->next_free = pool->free;
    pool->free = conn;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->lock);
}
