/* Keeps the WAL short without making a commit wait: the hand-over.
 *
 * After commits this thread copies the log into the file (PASSIVE) about every 50 ms. Under steady load that alone never lets the log restart, because
 * new frames arrive while it copies. Past the limit it therefore runs three more in a row, so that little is left, and asks the writer for one PASSIVE
 * between two batches: when that one leaves nothing behind, the writer's next transaction starts at the head of the log again.
 * A reader in the log forbids that, and overlapping reads would forbid it for ever: so during this one checkpoint new reads wait at a gate (a few
 * milliseconds; a long read is not waited for, the next round tries again).
 *
 * Trap: sqlite3_wal_checkpoint_v2 on a connection that has not read the database yet returns SQLITE_OK with log = -1 and does nothing, hence the read
 * at start. The log is never truncated: re-used blocks sync about twice as fast as appended ones. */
#include "platform/db_sqlite.h"

#include <errno.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define SQ_CHECKPOINT_EVERY_MS 50
#define SQ_CHECKPOINT_ROUNDS 3
#define SQ_GATE_MS 5

/* ---- followers ---- */

void sq_follower_init(struct sq_follower *f)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_cond_init(&f->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
}

void sq_follower_stop(struct sq_follower *f)
{
    if (f->is_started) {
        (void)pthread_mutex_lock(&f->lock);
        f->is_stopping = true;
        (void)pthread_cond_signal(&f->wake);
        (void)pthread_mutex_unlock(&f->lock);
        (void)pthread_join(f->thread, NULL);
        f->is_started = false;
    }
    (void)pthread_cond_destroy(&f->wake);
    (void)pthread_mutex_destroy(&f->lock);
}

void sq_follower_notify(struct sq_follower *f)
{
    if (!atomic_load_explicit(&f->is_dirty, memory_order_relaxed)) {
        (void)pthread_mutex_lock(&f->lock);
        atomic_store_explicit(&f->is_dirty, true, memory_order_relaxed);
        (void)pthread_cond_signal(&f->wake);
        (void)pthread_mutex_unlock(&f->lock);
    }
}

void sq_follower_hurry(struct sq_follower *f)
{
    (void)pthread_mutex_lock(&f->lock);
    atomic_store_explicit(&f->is_dirty, true, memory_order_relaxed);
    f->is_hurried = true;
    (void)pthread_cond_signal(&f->wake);
    (void)pthread_mutex_unlock(&f->lock);
}

bool sq_follower_is_stopping(struct sq_follower *f)
{
    (void)pthread_mutex_lock(&f->lock);
    bool is_stopping = f->is_stopping;
    (void)pthread_mutex_unlock(&f->lock);
    return is_stopping;
}

/* With the lock held. */
static void sq_follower_sleep(struct sq_follower *f, int64_t ms)
{
    int64_t until = time_monotonic_ns() + ms * 1000000;
    struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    while (!f->is_stopping && !f->is_hurried &&
           pthread_cond_timedwait(&f->wake, &f->lock, &ts) != ETIMEDOUT) {
    }
}

void sq_follower_pause(struct sq_follower *f, int64_t ms)
{
    (void)pthread_mutex_lock(&f->lock);
    sq_follower_sleep(f, ms);
    (void)pthread_mutex_unlock(&f->lock);
}

bool sq_follower_wait(struct sq_follower *f, int64_t settle_ms)
{
    (void)pthread_mutex_lock(&f->lock);
    while (!f->is_stopping && !atomic_load_explicit(&f->is_dirty, memory_order_relaxed)) {
        (void)pthread_cond_wait(&f->wake, &f->lock);
    }
    sq_follower_sleep(f, settle_ms);
    f->is_hurried = false;
    /* Cleared before the work: what is committed during it notifies again. */
    atomic_store_explicit(&f->is_dirty, false, memory_order_relaxed);
    bool go_on = !f->is_stopping;
    (void)pthread_mutex_unlock(&f->lock);
    return go_on;
}

/* ---- checkpoints ---- */

static int sq_passive(sqlite3 *h, int *n_log_out, int *n_copied_out)
{
    *n_log_out = -1;
    *n_copied_out = -1;
    return sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, n_log_out, n_copied_out);
}

void sq_checkpoint_inline(struct sq_db *db)
{
    int n_log = 0;
    int n_copied = 0;
    atomic_store(&db->writer.wants_checkpoint, false);
    (void)sq_gate_close(db, SQ_GATE_MS);
    int rc = sq_passive(db->writer.conn->h, &n_log, &n_copied);
    sq_gate_open(db);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        LOG_WARN("db", "checkpoint fails", log_i64("code", rc),
                 log_cstr("meaning", sqlite3_errstr(rc)));
    }
}

static void sq_checkpoint_round(struct sq_db *db, struct sq_conn *conn)
{
    int n_log = 0;
    int n_copied = 0;
    int rc = sq_passive(conn->h, &n_log, &n_copied);
    ASSERT(rc != SQLITE_OK || n_log >= 0); /* else this connection has not read the database yet */
    if (rc == SQLITE_OK && n_log > db->wal_limit_pages) {
        for (int i = 0; i < SQ_CHECKPOINT_ROUNDS && rc == SQLITE_OK; i++) {
            rc = sq_passive(conn->h, &n_log, &n_copied);
        }
        atomic_store(&db->writer.wants_checkpoint, true);
    }
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        LOG_WARN("db", "checkpoint fails", log_i64("code", rc),
                 log_cstr("meaning", sqlite3_errstr(rc)));
    }
}

static void *sq_checkpoint_main(void *arg)
{
    struct sq_conn *conn = arg;
    struct sq_db *db = conn->db;
    while (sq_follower_wait(&db->checkpointer, SQ_CHECKPOINT_EVERY_MS)) {
        sq_checkpoint_round(db, conn);
    }
    sq_conn_close(&conn);
    return NULL;
}

enum err sq_checkpoint_start(struct sq_db *db, struct errinfo *info)
{
    struct sq_conn *conn = NULL;
    enum err err = sq_conn_open(db, SQ_HELPER, &conn, info);
    if (err != ERR_OK) {
        return err;
    }
    int rc = sqlite3_exec(conn->h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (rc != SQLITE_OK ||
        pthread_create(&db->checkpointer.thread, NULL, sq_checkpoint_main, conn) != 0) {
        sq_conn_close(&conn);
        return err_set(info, ERR_UNAVAILABLE, "db.url", "open",
                       "cannot start the checkpoint thread");
    }
    db->checkpointer.is_started = true;
    return ERR_OK;
}

void sq_checkpoint_stop(struct sq_db *db)
{
    sq_follower_stop(&db->checkpointer);
}
