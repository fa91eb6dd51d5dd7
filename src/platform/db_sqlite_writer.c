/* The one writer: group commit.
 *
 * Callers append jobs to a ring under a short lock; the writer sleeps only when the ring is empty, so that there is one wake-up per quiet spell,
 * not per job, and batches form by themselves while a COMMIT waits for the disk (no artificial wait: an idle system commits at once).
 *
 * A batch is one BEGIN IMMEDIATE .. COMMIT. A function fails alone: most that fail have changed nothing yet (a refusal after a look) and need no undoing;
 * when one fails after it has written, the batch is rolled back and its functions run again, each inside a savepoint. Savepoints from the start would
 * cost a sixth of all throughput (they copy every page that a function touches) for what happens in one batch of thousands; db.h demands
 * functions that can run again, because PostgreSQL needs it as well, and `rehearses` shows the ones that cannot.
 * After COMMIT, in order: the function's commit hooks, its done call or the wake-up of its caller. Nothing is acknowledged before COMMIT has returned.
 *
 * Failure: when COMMIT fails, or SQLite gave up the whole transaction (disk full, I/O error), every function of the batch gets ERR_UNAVAILABLE and none
 * is kept. A failed fsync may leave frames in the log which a crash at that very moment would bring back; the probe, a tiny transaction of
 * our own that is tried until it succeeds, overwrites them, and only then does db_health say yes again. Meanwhile batches are tried as usual.
 *
 * Rejected: a lock-free queue (the lock is held for some 20 ns, once per job and once per batch), a condition variable per caller (a futex word
 * on the caller's stack does it). */
#include "platform/db_sqlite.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define SQ_MAX_WAITING 65536
#define SQ_PROBE_MS 500
#define SQ_SLOW_FN_NS 500000000LL

/* ---- waiting callers ---- */

static void sq_waiter_wait(struct sq_waiter *w)
{
    while (atomic_load_explicit(&w->is_done, memory_order_acquire) == 0) {
        (void)syscall(SYS_futex, &w->is_done, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

/* The waiter may be gone as soon as is_done is set: the wake-up of an address that nobody waits on is harmless. */
static void sq_waiter_finish(struct sq_waiter *w, enum err err)
{
    w->err = err;
    atomic_store_explicit(&w->is_done, 1, memory_order_release);
    (void)syscall(SYS_futex, &w->is_done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- queue ---- */

static void sq_grow_ring(struct sq_writer *w)
{
    size_t size = w->size == 0 ? 256 : w->size * 2;
    struct sq_job *ring = MEM_NEW_ARRAY(struct sq_job, size);
    for (size_t i = 0; i < w->len; i++) {
        ring[i] = w->ring[(w->head + i) & (w->size - 1)];
    }
    mem_free(w->ring);
    w->ring = ring;
    w->size = size;
    w->head = 0;
}

static enum err sq_push(struct sq_writer *w, const struct sq_job *job)
{
    (void)pthread_mutex_lock(&w->lock);
    if (w->len >= w->max || w->is_stopping) {
        enum err err = w->is_stopping ? ERR_UNAVAILABLE : ERR_LIMIT;
        (void)pthread_mutex_unlock(&w->lock);
        return err;
    }
    if (w->len == w->size) {
        sq_grow_ring(w);
    }
    w->ring[(w->head + w->len) & (w->size - 1)] = *job;
    w->len++;
    atomic_store_explicit(&w->queue_len, w->len, memory_order_relaxed);
    bool wake = w->is_sleeping;
    w->is_sleeping = false;
    (void)pthread_mutex_unlock(&w->lock);
    if (wake) {
        (void)pthread_cond_signal(&w->wake);
    }
    return ERR_OK;
}

enum err sq_write(struct db *base, db_fn fn, void *arg)
{
    struct sq_db *db = (struct sq_db *)base;
    ASSERT(!pthread_equal(pthread_self(), db->writer.thread)); /* it would wait for itself */
    struct sq_waiter waiter = {0};
    struct sq_job job = {.fn = fn, .arg = arg, .waiter = &waiter};
    enum err err = sq_push(&db->writer, &job);
    if (err != ERR_OK) {
        return ERR_UNAVAILABLE;
    }
    sq_waiter_wait(&waiter);
    return waiter.err;
}

/* One writer: everything is in order. */
enum err sq_submit(struct db *base, const struct db_submission *s)
{
    struct sq_db *db = (struct sq_db *)base;
    struct sq_job job = {.fn = s->fn, .done = s->done, .arg = s->arg};
    return sq_push(&db->writer, &job);
}

static void sq_deadline_in(struct timespec *ts, int64_t ms)
{
    int64_t at = time_monotonic_ns() + ms * 1000000;
    ts->tv_sec = at / 1000000000;
    ts->tv_nsec = at % 1000000000;
}

/* Fills w->batch. 0: nothing came (a probe is due, or it is time to stop). */
static size_t sq_take(struct sq_writer *w, bool *is_stopping_out)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->len == 0 && !w->is_stopping) {
        w->is_sleeping = true;
        if (atomic_load(&w->health) != 0) {
            struct timespec until;
            sq_deadline_in(&until, SQ_PROBE_MS);
            if (pthread_cond_timedwait(&w->wake, &w->lock, &until) == ETIMEDOUT) {
                break;
            }
        } else {
            (void)pthread_cond_wait(&w->wake, &w->lock);
        }
    }
    w->is_sleeping = false;
    size_t n = w->len < SQ_BATCH_MAX ? w->len : SQ_BATCH_MAX;
    for (size_t i = 0; i < n; i++) {
        w->batch[i] = w->ring[(w->head + i) & (w->size - 1)];
    }
    w->head = w->size == 0 ? 0 : (w->head + n) & (w->size - 1);
    w->len -= n;
    atomic_store_explicit(&w->queue_len, w->len, memory_order_relaxed);
    *is_stopping_out = w->is_stopping;
    (void)pthread_mutex_unlock(&w->lock);
    return n;
}

/* ---- one batch ---- */

enum sq_ran {
    SQ_RAN_CLEAN, /* succeeded, or failed without having changed anything */
    SQ_RAN_DIRTY, /* failed, and what it changed is still in the transaction */
    SQ_RAN_LOST,  /* SQLite has given up the whole transaction */
};

static enum sq_ran sq_run_fn(struct sq_db *db, struct sq_job *job)
{
    struct sq_conn *conn = db->writer.conn;
    struct db_txn *txn = &conn->txn.base;
    db_txn_init(txn, &db->base, conn->arena, true);
    conn->fatal = ERR_OK;
    int64_t n_before = sqlite3_total_changes64(conn->h);
    int64_t started = time_monotonic_ns();
    job->err = job->fn(txn, job->arg);
    if (time_monotonic_ns() - started > SQ_SLOW_FN_NS) {
        LOG_WARN("db", "slow write function",
                 log_i64("ms", (time_monotonic_ns() - started) / 1000000));
    }
    if (sq_conn_close_rows(conn)) {
        LOG_ERROR("db", "a write function left rows open");
    }
    job->err = conn->fatal != ERR_OK ? conn->fatal : job->err;
    job->hooks = job->err == ERR_OK ? txn->hooks : NULL;
    if (sqlite3_get_autocommit(conn->h) != 0) {
        return SQ_RAN_LOST;
    }
    bool is_dirty = job->err != ERR_OK &&
                    (conn->fatal != ERR_OK || sqlite3_total_changes64(conn->h) != n_before);
    return is_dirty ? SQ_RAN_DIRTY : SQ_RAN_CLEAN;
}

/* In a savepoint of its own: never dirty. */
static enum sq_ran sq_run_carefully(struct sq_db *db, struct sq_job *job)
{
    struct sq_conn *conn = db->writer.conn;
    int rc = sq_conn_run(conn, "SAVEPOINT fn");
    enum sq_ran ran = SQ_RAN_CLEAN;
    if (rc == SQLITE_OK && db->rehearses) {
        ran = sq_run_fn(db, job);
        rc = ran == SQ_RAN_LOST ? SQLITE_OK : sq_conn_run(conn, "ROLLBACK TO fn");
    }
    if (rc == SQLITE_OK && ran != SQ_RAN_LOST) {
        ran = sq_run_fn(db, job);
        if (ran == SQ_RAN_DIRTY) {
            rc = sq_conn_run(conn, "ROLLBACK TO fn");
        }
        rc = rc != SQLITE_OK || ran == SQ_RAN_LOST ? rc : sq_conn_run(conn, "RELEASE fn");
    }
    if (rc != SQLITE_OK) {
        /* Undoing failed: what is in the transaction now is not what we may commit. */
        job->err = sq_conn_err(conn, rc, "SAVEPOINT");
        job->hooks = NULL;
        (void)sq_conn_run(conn, "ROLLBACK");
    }
    return rc != SQLITE_OK || ran == SQ_RAN_LOST ? SQ_RAN_LOST : SQ_RAN_CLEAN;
}

static void sq_fail_from(struct sq_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].err == ERR_OK) {
            jobs[i].err = ERR_UNAVAILABLE;
            jobs[i].hooks = NULL;
        }
    }
}

static int sq_begin_again(struct sq_conn *conn)
{
    int rc = sq_conn_run(conn, "ROLLBACK");
    return rc != SQLITE_OK ? rc : sq_conn_run(conn, "BEGIN IMMEDIATE");
}

/* Runs jobs[0..n), or fewer when their memory gets large or the transaction is lost (then the code is not SQLITE_OK). */
static int sq_run_jobs(struct sq_db *db, struct sq_job *jobs, size_t n, size_t *n_done_out)
{
    struct sq_conn *conn = db->writer.conn;
    bool is_careful = db->rehearses;
    int rc = SQLITE_OK;
    size_t i = 0;
    while (i < n && rc == SQLITE_OK && arena_used(conn->arena) < SQ_BATCH_ARENA_MAX) {
        enum sq_ran ran = is_careful ? sq_run_carefully(db, &jobs[i]) : sq_run_fn(db, &jobs[i]);
        i++;
        if (ran == SQ_RAN_LOST) {
            rc = SQLITE_IOERR;
        } else if (ran == SQ_RAN_DIRTY) {
            rc = sq_begin_again(conn);
            if (i > 1 && rc == SQLITE_OK) {
                is_careful = true; /* the ones before it run again, each in its savepoint */
                i = 0;
            }
        }
    }
    *n_done_out = i;
    return rc;
}

/* Runs and commits jobs[0..n), or fewer. Returns how many have their outcome. */
static size_t sq_run_batch(struct sq_db *db, struct sq_job *jobs, size_t n, int *code_out)
{
    struct sq_conn *conn = db->writer.conn;
    int rc = sq_conn_run(conn, "BEGIN IMMEDIATE");
    if (rc != SQLITE_OK) {
        (void)sq_conn_err(conn, rc, "BEGIN IMMEDIATE");
        sq_fail_from(jobs, n);
        *code_out = rc;
        return n;
    }
    size_t n_done = 0;
    rc = sq_run_jobs(db, jobs, n, &n_done);
    if (rc == SQLITE_OK) {
        rc = sq_conn_run(conn, "COMMIT");
    }
    if (rc != SQLITE_OK) {
        LOG_ERROR("db", "batch lost", log_i64("code", rc), log_cstr("meaning", sqlite3_errstr(rc)),
                  log_i64("functions", (int64_t)n_done));
        if (sqlite3_get_autocommit(conn->h) == 0) {
            (void)sq_conn_run(conn, "ROLLBACK");
        }
        sq_fail_from(jobs, n_done);
    }
    *code_out = rc;
    return n_done;
}

void sq_turn_begin(struct db *db)
{
    (void)pthread_mutex_lock(&((struct sq_db *)db)->writer.turn);
}

void sq_turn_end(struct db *db)
{
    (void)pthread_mutex_unlock(&((struct sq_db *)db)->writer.turn);
}

/* Hooks and done calls, in commit order; then the callers that wait, so that none of them goes on before what the hooks sent is under way. */
static void sq_finish_jobs(struct sq_db *db, struct sq_job *jobs, size_t n)
{
    const struct db_answers *around = atomic_load(&db->base.answers);
    int64_t n_failed = 0;
    for (size_t i = 0; i < n; i++) {
        n_failed += jobs[i].err != ERR_OK;
    }
    atomic_fetch_add_explicit(&db->writes, (int64_t)n - n_failed, memory_order_relaxed);
    atomic_fetch_add_explicit(&db->failed_writes, n_failed, memory_order_relaxed);
    sq_turn_begin(&db->base);
    if (around != NULL) {
        around->begin(around->arg);
    }
    for (size_t i = 0; i < n; i++) {
        db_hooks_run(jobs[i].hooks);
        if (jobs[i].done != NULL) {
            jobs[i].done(jobs[i].err, jobs[i].arg);
        }
    }
    if (around != NULL) {
        around->end(around->arg);
    }
    sq_turn_end(&db->base);
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].waiter != NULL) {
            sq_waiter_finish(jobs[i].waiter, jobs[i].err);
        }
    }
}

/* ---- recovery ---- */

static int sq_probe(struct sq_conn *conn)
{
    int rc = sq_conn_run(conn, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK) {
        rc = sq_conn_run(conn, "INSERT INTO db_meta (key, value) VALUES ('probe', '1') "
                               "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS "
                               "INTEGER) % 1000000 + 1 AS TEXT)");
    }
    if (rc == SQLITE_OK) {
        rc = sq_conn_run(conn, "COMMIT");
    }
    if (rc != SQLITE_OK && sqlite3_get_autocommit(conn->h) == 0) {
        (void)sq_conn_run(conn, "ROLLBACK");
    }
    return rc;
}

static void sq_recover(struct sq_db *db, int code)
{
    atomic_store(&db->writer.health, code);
    if (sqlite3_get_autocommit(db->writer.conn->h) == 0) {
        /* Not even ROLLBACK worked: only a fresh connection is in a known state. */
        struct sq_conn *fresh = NULL;
        if (sq_conn_open(db, SQ_WRITER, &fresh, NULL) != ERR_OK) {
            return;
        }
        sq_conn_close(&db->writer.conn);
        db->writer.conn = fresh;
    }
    if (sq_probe(db->writer.conn) == SQLITE_OK) {
        atomic_store(&db->writer.health, 0);
        LOG_INFO("db", "writing works again");
    }
}

/* ---- thread ---- */

static void sq_after_commit(struct sq_db *db, size_t n, int64_t started_ns)
{
    atomic_fetch_add(&db->commits, 1);
    atomic_fetch_add_explicit(&db->commit_us_total, (time_monotonic_ns() - started_ns) / 1000,
                              memory_order_relaxed);
    if ((int64_t)n > atomic_load_explicit(&db->batch_max, memory_order_relaxed)) {
        atomic_store_explicit(&db->batch_max, (int64_t)n, memory_order_relaxed);
    }
    sq_follower_notify(&db->checkpointer);
    sq_index_notify(db);
}

static void *sq_writer_main(void *arg)
{
    struct sq_db *db = arg;
    struct sq_writer *w = &db->writer;
    (void)pthread_setname_np(pthread_self(), "db-writer");
    for (;;) {
        bool is_stopping = false;
        size_t n = sq_take(w, &is_stopping);
        if (n == 0 && is_stopping) {
            return NULL;
        }
        if (n == 0) {
            sq_recover(db, atomic_load(&w->health));
        }
        for (size_t at = 0; at < n;) {
            int code = SQLITE_OK;
            int64_t started = time_monotonic_ns();
            size_t n_done = sq_run_batch(db, w->batch + at, n - at, &code);
            if (code == SQLITE_OK) {
                if (atomic_load_explicit(&w->health, memory_order_relaxed) != 0) {
                    atomic_store(&w->health, 0);
                    LOG_INFO("db", "writing works again");
                }
                sq_after_commit(db, n_done, started);
            }
            sq_finish_jobs(db, w->batch + at, n_done);
            arena_reset(w->conn->arena);
            if (code != SQLITE_OK) {
                sq_recover(db, code);
            }
            at += n_done;
        }
        sq_checkpoint_inline(db);
    }
}

enum err sq_writer_start(struct sq_db *db, size_t max_waiting)
{
    struct sq_writer *w = &db->writer;
    w->max = max_waiting != 0 ? max_waiting : SQ_MAX_WAITING;
    w->batch = MEM_NEW_ARRAY(struct sq_job, SQ_BATCH_MAX);
    if (pthread_create(&w->thread, NULL, sq_writer_main, db) != 0) {
        return ERR_UNAVAILABLE;
    }
    w->is_started = true;
    return ERR_OK;
}

void sq_writer_stop(struct sq_db *db)
{
    struct sq_writer *w = &db->writer;
    if (w->is_started) {
        (void)pthread_mutex_lock(&w->lock);
        w->is_stopping = true;
        (void)pthread_cond_signal(&w->wake);
        (void)pthread_mutex_unlock(&w->lock);
        (void)pthread_join(w->thread, NULL);
        w->is_started = false;
    }
}
