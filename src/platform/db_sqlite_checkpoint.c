/* Keeps the WAL short without making a commit wait for long: the hand-over.
 *
 * After commits this thread copies the log into the file (PASSIVE) about every 50 ms. Under steady load that alone never lets the log restart, because
 * new frames arrive while it copies. Past the limit it therefore copies again and again until little is left, and asks the writer for the rest
 * between two batches. When nothing is left and no reader looks at the log any more, the writer's next transaction starts at its head.
 *
 * Readers: one that begins when everything is copied reads the file, and is in nobody's way. Those from before are waited for a few milliseconds. One whose
 * snapshot is older than the end of the log keeps the rest from being copied at all; as the next read would take its place, new reads then wait at a gate
 * until it has ended and the rest is copied. A long read is not waited for: it is tried again when the log has grown by another part.
 *
 * The bound: when the disk cannot copy as fast as the writer writes, rounds never end. At twice the limit (the writer's own count of frames, after each
 * commit) the writer takes part: it waits for the round under way and copies the rest itself before it goes on. So the log is never longer than
 * twice the limit, one batch, and what is written while a long read goes on.
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
#define SQ_CHECKPOINT_ROUNDS 8
#define SQ_CHECKPOINT_REST 1000 /* frames that the writer may be asked to copy: milliseconds */
#define SQ_REST_WAIT_MS 5
#define SQ_BOUND_WAIT_MS 50 /* at the bound */
#define SQ_BUSY_MS 5000

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

static int sq_checkpoint(sqlite3 *h, int mode, int *n_log_out, int *n_copied_out)
{
    *n_log_out = -1;
    *n_copied_out = -1;
    int rc = sqlite3_wal_checkpoint_v2(h, "main", mode, n_log_out, n_copied_out);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        LOG_WARN("db", "checkpoint fails", log_i64("code", rc),
                 log_cstr("meaning", sqlite3_errstr(rc)));
    }
    return rc;
}

int sq_on_commit(void *arg, sqlite3 *h, const char *name, int n_frames)
{
    UNUSED(h);
    UNUSED(name);
    struct sq_db *db = arg;
    atomic_store_explicit(&db->writer.n_frames, n_frames, memory_order_relaxed);
    return SQLITE_OK;
}

/* True when the next transaction will start at the log's head. */
static bool sq_copy_rest(struct sq_db *db, int64_t wait_ms)
{
    sqlite3 *h = db->writer.conn->h;
    int n_log = 0;
    int n_copied = 0;
    int rc = sq_checkpoint(h, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_copied);
    if (rc == SQLITE_OK && n_copied < n_log) {
        (void)sq_gate_close(db, wait_ms);
        rc = sq_checkpoint(h, SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_copied);
        sq_gate_open(db);
    }
    if (rc == SQLITE_OK && n_copied == n_log) {
        /* Copies nothing any more: waits for the readers from before. */
        (void)sqlite3_busy_timeout(h, (int)wait_ms);
        rc = sq_checkpoint(h, SQLITE_CHECKPOINT_RESTART, &n_log, &n_copied);
        (void)sqlite3_busy_timeout(h, SQ_BUSY_MS);
    }
    return rc == SQLITE_OK && n_copied == n_log;
}

void sq_checkpoint_inline(struct sq_db *db)
{
    struct sq_writer *w = &db->writer;
    int n_frames = atomic_load_explicit(&w->n_frames, memory_order_relaxed);
    if (n_frames < w->retry_at_frames / 2) {
        w->retry_at_frames = 0; /* it has started again */
    }
    bool is_too_long = n_frames > 2 * db->wal_limit_pages;
    if (n_frames < w->retry_at_frames ||
        !(is_too_long || atomic_load_explicit(&w->wants_checkpoint, memory_order_relaxed))) {
        return;
    }
    (void)pthread_mutex_lock(&db->checkpoint_lock); /* a round that is under way ends first */
    atomic_store(&w->wants_checkpoint, false);
    if (!sq_copy_rest(db, is_too_long ? SQ_BOUND_WAIT_MS : SQ_REST_WAIT_MS)) {
        w->retry_at_frames = n_frames + db->wal_limit_pages / 8; /* somebody reads for long */
        atomic_fetch_add_explicit(&db->log_kept, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&db->checkpoint_lock);
}

/* One copy of what is there; returns how many frames have come since, or were left. */
static int sq_checkpoint_once(struct sq_db *db, struct sq_conn *conn, int *n_log_out)
{
    int n_copied = 0;
    (void)pthread_mutex_lock(&db->checkpoint_lock);
    int rc = sq_checkpoint(conn->h, SQLITE_CHECKPOINT_PASSIVE, n_log_out, &n_copied);
    (void)pthread_mutex_unlock(&db->checkpoint_lock);
    ASSERT(rc != SQLITE_OK ||
           *n_log_out >= 0); /* else this connection has not read the database yet */
    return atomic_load_explicit(&db->writer.n_frames, memory_order_relaxed) - n_copied;
}

static void sq_checkpoint_round(struct sq_db *db, struct sq_conn *conn)
{
    int n_log = 0;
    int n_left = sq_checkpoint_once(db, conn, &n_log);
    for (int i = 0; i < SQ_CHECKPOINT_ROUNDS && n_log > db->wal_limit_pages; i++) {
        if (n_left <= SQ_CHECKPOINT_REST) {
            atomic_store(&db->writer.wants_checkpoint, true);
            return;
        }
        n_left = sq_checkpoint_once(db, conn, &n_log);
    }
}

static void *sq_checkpoint_main(void *arg)
{
    struct sq_conn *conn = arg;
    struct sq_db *db = conn->db;
    (void)pthread_setname_np(pthread_self(), "db-checkpoint");
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
