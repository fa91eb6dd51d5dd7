/* Writes: run the function, commit, run it again when the database says so; and the queue of what was submitted.
 *
 * Functions that lose against others again and again (a hot row, a small table that everybody reads) run alone in the end, so that all of them finish.
 *
 * A function may run again only while it is certain that it has had no effect: after a serialization failure, and after a connection broke before COMMIT
 * was sent. When it breaks between COMMIT and its answer the outcome is ERR_UNKNOWN and the function is not run again here: only the use case can tell, by looking
 * for the id that the client made (messages, idempotency keys). */
#include "platform/db_pg.h"

#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/metrics.h"

#define PG_TRIES 16
#define PG_ALONE_FROM 4 /* tries beside others */
#define PG_BACKOFF_US 500
#define PG_BACKOFF_MAX_US 100000
#define PG_SLOW_FN_NS 500000000LL

/* ---- one function ---- */

/* 0.5 ms doubled per try up to 100 ms, half of it by chance: those who met do not meet again. */
static void pg_back_off(int n_tries)
{
    int64_t us = n_tries > 8 ? PG_BACKOFF_MAX_US : (int64_t)PG_BACKOFF_US << n_tries;
    us = us > PG_BACKOFF_MAX_US ? PG_BACKOFF_MAX_US : us;
    us = us / 2 + (int64_t)(rng_u64() % (uint64_t)(us / 2 + 1));
    struct timespec ts = {.tv_sec = 0, .tv_nsec = us * 1000};
    (void)nanosleep(&ts, NULL);
}

enum err pg_job_call(struct pg_conn *conn, struct pg_job *job)
{
    arena_reset(job->arena);
    db_txn_init(&conn->txn.base, &conn->db->base, job->arena, true);
    conn->txn.base.is_light = job->is_light;
    conn->txn.has_events = false;
    int64_t started = time_monotonic_ns();
    enum err err = job->fn(&conn->txn.base, job->arg);
    if (time_monotonic_ns() - started > PG_SLOW_FN_NS) {
        LOG_WARN("db", "slow write function",
                 log_i64("ms", (time_monotonic_ns() - started) / 1000000));
    }
    if (pg_conn_close_rows(conn)) {
        LOG_ERROR("db", "a write function left rows open");
    }
    return err;
}

static enum err pg_call(struct pg_conn *conn, struct pg_job *job)
{
    pg_txn_init(conn, job->arena, true);
    return pg_job_call(conn, job);
}

enum pg_outcome pg_commit(struct pg_conn *conn)
{
    struct pg_db *db = conn->db;
    int64_t started = time_monotonic_ns();
    enum pg_outcome outcome = pg_txn_commit(conn);
    if (outcome == PG_FINE) {
        atomic_fetch_add_explicit(&db->commits, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&db->commit_us_total, (time_monotonic_ns() - started) / 1000,
                                  memory_order_relaxed);
        pg_index_notify(db);
        return PG_FINE;
    }
    if (outcome == PG_BROKEN) {
        conn->txn.err = ERR_UNKNOWN;
        metric_add(db->unknown_commits, 1);
        LOG_ERROR("db", "connection lost during COMMIT, the outcome is unknown");
    }
    pg_txn_abort(conn);
    return outcome;
}

void pg_job_tell(struct pg_db *db, struct pg_job *job, uint64_t ticket)
{
    if (job->err != ERR_OK) {
        job->hooks = NULL;
    }
    atomic_fetch_add_explicit(job->err == ERR_OK ? &db->writes : &db->failed_writes, 1,
                              memory_order_relaxed);
    pg_ticket_done(db, ticket, job);
}

/* Runs and commits. Takes the ticket under which the outcome is to be told. PG_AGAIN, or PG_BROKEN without ERR_UNKNOWN: nothing was kept. */
static enum pg_outcome pg_attempt(struct pg_conn *conn, struct pg_job *job, uint64_t *ticket_out)
{
    struct pg_db *db = conn->db;
    if (db->rehearses) {
        (void)pg_call(conn, job);
        pg_txn_abort(conn);
        if (pg_conn_ensure(conn, NULL) != ERR_OK) {
            job->err = ERR_UNAVAILABLE;
            *ticket_out = pg_ticket_take(db);
            return PG_BROKEN;
        }
    }
    job->err = pg_call(conn, job);
    job->hooks = NULL;
    job->has_events = false;
    /* The function may have failed on something that is to be tried again, or on what was sent without looking. */
    if (job->err != ERR_OK || conn->txn.outcome != PG_FINE) {
        enum pg_outcome outcome = pg_txn_flush(conn);
        if (outcome == PG_FINE && conn->txn.base.wants_serializable) {
            job->is_light = false;
            outcome = PG_AGAIN;
        }
        job->err = job->err != ERR_OK ? job->err : conn->txn.err;
        pg_txn_abort(conn);
        *ticket_out = pg_ticket_take(db);
        return outcome;
    }
    *ticket_out = pg_ticket_take(db);
    enum pg_outcome outcome = pg_commit(conn);
    if (outcome == PG_FINE) {
        job->hooks = conn->txn.base.hooks;
        job->has_events = conn->txn.has_events;
    } else {
        job->err = conn->txn.err;
    }
    return outcome;
}

/* A unique index says no in two cases: the row was there, which the function may have meant to be told, or another transaction has just made it, and the
 * function would have seen it if it had begun later. Run again, alone, it sees it; the second time it is the former. */
static bool pg_is_worth_a_look(struct pg_conn *conn, int *n_conflicts)
{
    return conn->txn.outcome == PG_FAILED && conn->txn.err == ERR_CONFLICT && (*n_conflicts)++ == 0;
}

static enum pg_outcome pg_attempt_in_lane(struct pg_conn *conn, struct pg_job *job, bool is_alone,
                                          uint64_t *ticket_out)
{
    pthread_rwlock_t *lane = &conn->db->lane;
    (void)(is_alone ? pthread_rwlock_wrlock(lane) : pthread_rwlock_rdlock(lane));
    enum pg_outcome outcome = pg_attempt(conn, job, ticket_out);
    (void)pthread_rwlock_unlock(lane);
    return outcome;
}

/* Until it is decided. False: no connection; no ticket was taken. */
static bool pg_run_on(struct pg_conn *conn, struct pg_job *job, uint64_t *ticket_out)
{
    struct pg_db *db = conn->db;
    int n_conflicts = 0;
    for (int n_tries = 0;; n_tries++) {
        job->err = pg_conn_ensure(conn, NULL);
        if (job->err != ERR_OK) {
            return false;
        }
        bool was_light = job->is_light;
        bool is_alone = n_tries >= PG_ALONE_FROM || n_conflicts > 0;
        enum pg_outcome outcome = pg_attempt_in_lane(conn, job, is_alone, ticket_out);
        bool is_again = outcome == PG_AGAIN || (outcome == PG_BROKEN && job->err != ERR_UNKNOWN) ||
                        pg_is_worth_a_look(conn, &n_conflicts);
        if (!is_again || n_tries + 1 == PG_TRIES) {
            return true;
        }
        pg_ticket_done(db, *ticket_out, NULL);
        if (was_light && !job->is_light) {
            continue; /* it asked to; nobody was in its way */
        }
        atomic_fetch_add_explicit(&db->retries, 1, memory_order_relaxed);
        pg_back_off(n_tries);
    }
}

static void pg_run_job(struct pg_db *db, struct pg_job *job)
{
    struct pg_conn *conn = pg_pool_borrow(&db->writers);
    uint64_t ticket = 0;
    bool has_ticket = false;
    job->err = ERR_UNAVAILABLE;
    if (conn != NULL) {
        has_ticket = pg_run_on(conn, job, &ticket);
        pg_pool_give_back(&db->writers, conn);
    }
    pg_job_tell(db, job, has_ticket ? ticket : pg_ticket_take(db));
}

enum err pg_write(struct db *base, db_fn fn, void *arg)
{
    struct pg_db *db = (struct pg_db *)base;
    ASSERT(!pg_is_delivering()); /* it would wait for itself */
    struct pg_waiter waiter = {0};
    struct pg_job *job = pg_job_new(db);
    job->fn = fn;
    job->arg = arg;
    job->waiter = &waiter;
    pg_run_job(db, job);
    pg_waiter_wait(&waiter);
    return waiter.err;
}

/* ---- queue ---- */

/* What waits behind the running job of a key. */
struct pg_key_list {
    struct pg_job *first, **last;
};

static void pg_queue_push(struct pg_queue *q, struct pg_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
    q->n_ready++;
    if (q->n_sleeping > 0) {
        (void)pthread_cond_signal(&q->wake);
    }
}

enum err pg_submit(struct db *base, const struct db_submission *s)
{
    struct pg_db *db = (struct pg_db *)base;
    struct pg_queue *q = &db->queue;
    struct pg_job *job = pg_job_new(db);
    job->key = s->key;
    job->row = s->row;
    job->is_light = s->is_light;
    job->fn = s->fn;
    job->done = s->done;
    job->arg = s->arg;
    (void)pthread_mutex_lock(&q->lock);
    enum err err = q->is_stopping ? ERR_UNAVAILABLE : q->len >= q->max ? ERR_LIMIT : ERR_OK;
    if (err == ERR_OK) {
        q->len++;
        struct pg_key_list *behind = s->key != 0 ? idmap_find(q->busy, (int64_t)s->key) : NULL;
        if (behind != NULL) {
            *behind->last = job;
            behind->last = &job->next;
        } else {
            if (s->key != 0) {
                struct pg_key_list *list = MEM_NEW(struct pg_key_list);
                list->last = &list->first;
                (void)idmap_put(q->busy, (int64_t)s->key, list);
            }
            pg_queue_push(q, job);
        }
    }
    (void)pthread_mutex_unlock(&q->lock);
    if (err != ERR_OK) {
        arena_free(&job->arena);
        mem_free(job);
    }
    return err;
}

void pg_key_done(struct pg_db *db, uint64_t key)
{
    struct pg_queue *q = &db->queue;
    (void)pthread_mutex_lock(&q->lock);
    struct pg_key_list *list = idmap_find(q->busy, (int64_t)key);
    struct pg_job *job = list->first;
    if (job == NULL) {
        (void)idmap_remove(q->busy, (int64_t)key);
        mem_free(list);
    } else {
        list->first = job->next;
        if (list->first == NULL) {
            list->last = &list->first;
        }
        pg_queue_push(q, job);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

static struct pg_job *pg_queue_pop(struct pg_queue *q)
{
    struct pg_job *job = q->first;
    q->first = job->next;
    if (q->first == NULL) {
        q->last = &q->first;
    }
    q->n_ready--;
    return job;
}

/* The first, and behind it those that may share its transaction: as many as leave work for the other threads. */
static size_t pg_queue_take(struct pg_db *db, struct pg_job **out)
{
    struct pg_queue *q = &db->queue;
    size_t share = q->n_ready / (size_t)q->n_threads;
    size_t n = 1;
    out[0] = pg_queue_pop(q);
    if (share < 2 || !pg_batch_takes(db, out[0]) || pg_batch_is_paused(db)) {
        return 1;
    }
    while (n < PG_BATCH_MAX && n < share && q->first != NULL && pg_batch_takes(db, q->first)) {
        out[n++] = pg_queue_pop(q);
    }
    return n;
}

/* They are not ours any more when this returns. */
static void pg_run_jobs(struct pg_db *db, struct pg_job **jobs, size_t n)
{
    if (n > 1 && pg_batch_run(db, jobs, n)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        pg_run_job(db, jobs[i]);
    }
}

static void *pg_queue_main(void *arg)
{
    struct pg_db *db = arg;
    struct pg_queue *q = &db->queue;
    struct pg_job *jobs[PG_BATCH_MAX];
    (void)pthread_mutex_lock(&q->lock);
    for (;;) {
        if (q->first == NULL && q->is_stopping && q->len == 0) {
            break;
        }
        if (q->first == NULL) {
            q->n_sleeping++;
            (void)pthread_cond_wait(&q->wake, &q->lock);
            q->n_sleeping--;
            continue;
        }
        size_t n = pg_queue_take(db, jobs);
        (void)pthread_mutex_unlock(&q->lock);
        pg_run_jobs(db, jobs, n);
        (void)pthread_mutex_lock(&q->lock);
        q->len -= n;
    }
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
    return NULL;
}

enum err pg_queue_start(struct pg_db *db, size_t max_waiting, int n_threads)
{
    struct pg_queue *q = &db->queue;
    q->max = max_waiting != 0 ? max_waiting : PG_MAX_WAITING;
    q->threads = MEM_NEW_ARRAY(pthread_t, (size_t)n_threads);
    for (int i = 0; i < n_threads; i++) {
        if (pthread_create(&q->threads[i], NULL, pg_queue_main, db) != 0) {
            return ERR_UNAVAILABLE;
        }
        q->n_threads++;
    }
    return ERR_OK;
}

void pg_queue_stop(struct pg_db *db)
{
    struct pg_queue *q = &db->queue;
    (void)pthread_mutex_lock(&q->lock);
    q->is_stopping = true;
    (void)pthread_cond_broadcast(&q->wake);
    (void)pthread_mutex_unlock(&q->lock);
    for (int i = 0; i < q->n_threads; i++) {
        (void)pthread_join(q->threads[i], NULL);
    }
    mem_free(q->threads);
    idmap_free(&q->busy);
    (void)pthread_mutex_destroy(&q->lock);
    (void)pthread_cond_destroy(&q->wake);
}
