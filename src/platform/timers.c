/* Timers: the index on due_at is the wheel. The thread knows only the earliest due time; it sleeps until then, looks, runs what is due, looks again.
 * A commit that sets an earlier one wakes it. Nothing is kept in memory that could part from the rows, so a restart needs no loading and a million
 * snoozed conversations cost nothing.
 *
 * Firing is one write transaction: delete the row if it is still due (it may have been moved or cancelled since the look, or another node has it), run the
 * handler. If the handler fails everything is rolled back, and the row is moved to a later time, further with each attempt. Where several nodes share the rows
 * each looks every second, so that what a node set before it died fires all the same.
 *
 * Rejected: a heap of all rows in memory (must be kept in step with rollbacks and other nodes). */
#include "platform/timers.h"

#include <errno.h>
#include <pthread.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/db_engine.h"
#include "platform/metrics.h"

#define TIMERS_BATCH 256
#define TIMERS_LOOK_MS 60000 /* at the latest, whatever the clock does */
#define TIMERS_SHARED_LOOK_MS                                                                      \
    1000 /* ... where other nodes set timers, too: one that is gone cannot fire its own */
#define TIMERS_RETRY_MAX_MS (5 * TIME_MINUTE_MS)

struct timer_handler {
    const char *kind;
    timer_fn fn;
    void *arg;
    struct metric *runs, *failures;
};

struct timers {
    struct db *db;
    struct clock clock;
    VEC(struct timer_handler) handlers;
    struct metric *lag, *seconds;
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    bool is_started, is_stopping, is_kicked;
    int64_t next_due_at; /* INT64_MAX: none known */
    size_t n_firing;
    int64_t look_ms;
    bool
        is_stuck; /* a row could neither fire nor be moved: writing is down, try again in a while */
};

/* ---- rows ---- */

struct timer_moved {
    struct timers *timers;
    int64_t due_at;
};

static void timer_on_commit(void *arg)
{
    struct timer_moved *m = arg;
    struct timers *t = m->timers;
    (void)pthread_mutex_lock(&t->lock);
    if (m->due_at < t->next_due_at) {
        t->next_due_at = m->due_at;
        (void)pthread_cond_signal(&t->wake);
    }
    (void)pthread_mutex_unlock(&t->lock);
}

enum err timer_set(struct db_txn *txn, const char *kind, int64_t subject, int64_t due_at,
                   struct str payload)
{
    enum err err =
        DB_EXEC(txn,
                "INSERT INTO timers (kind, subject, due_at, payload) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, payload = "
                "excluded.payload, attempts = 0",
                db_text(str_from(kind)), db_i64(subject), db_i64(due_at), db_text(payload));
    if (err == ERR_OK && txn->db->timers != NULL) {
        struct timer_moved *m = ARENA_NEW(txn->arena, struct timer_moved);
        *m = (struct timer_moved){.timers = txn->db->timers, .due_at = due_at};
        db_on_commit(txn, timer_on_commit, m);
    }
    return err;
}

enum err timer_cancel(struct db_txn *txn, const char *kind, int64_t subject)
{
    return DB_EXEC(txn, "DELETE FROM timers WHERE kind = $1 AND subject = $2",
                   db_text(str_from(kind)), db_i64(subject));
}

enum err timer_cancel_if(struct db_txn *txn, const char *kind, int64_t subject, struct str payload)
{
    return DB_EXEC(txn, "DELETE FROM timers WHERE kind = $1 AND subject = $2 AND payload = $3",
                   db_text(str_from(kind)), db_i64(subject), db_text(payload));
}

/* ---- firing ---- */

struct firing {
    struct timers *timers;
    const struct timer_handler *handler; /* NULL: nobody handles this kind */
    struct str kind;                     /* in the round's arena */
    int64_t subject, due_at, now;
    int64_t us; /* that the handler took; -1: it had nothing to do, somebody else has the row */
    bool is_delayed; /* second step: the handler failed, the row moves */
};

static enum err fire(struct db_txn *txn, void *arg)
{
    struct firing *f = arg;
    struct db_rows *rows = NULL;
    f->us = -1;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "DELETE FROM timers WHERE (kind, subject) IN (SELECT kind, subject FROM timers WHERE kind "
        "= $1 AND subject = $2 AND due_at <= $3 FOR UPDATE SKIP LOCKED) RETURNING payload",
        db_text(f->kind), db_i64(f->subject), db_i64(f->now));
    if (err == ERR_NOT_FOUND) {
        return ERR_OK;
    }
    if (err != ERR_OK) {
        return err;
    }
    struct str payload = db_rows_dup(rows, 0, txn->arena);
    err = db_rows_close(&rows);
    if (err != ERR_OK) {
        return err;
    }
    if (f->handler == NULL) {
        return ERR_NOT_FOUND;
    }
    int64_t began = time_monotonic_ns();
    err = f->handler->fn(txn, f->handler->arg, f->subject, payload, f->now);
    f->us = (time_monotonic_ns() - began) / 1000;
    return err;
}

static void count(const struct firing *f, enum err err)
{
    struct timers *t = f->timers;
    if (f->handler == NULL || f->is_delayed) {
        return;
    }
    if (err != ERR_OK) {
        metric_add(f->handler->failures, 1);
    } else if (f->us >= 0) {
        metric_add(f->handler->runs, 1);
        metric_observe_us(t->seconds, f->us);
        metric_observe_us(t->lag, (clock_now(&t->clock) - f->due_at) * 1000);
    }
}

/* 1 s, 2 s, 4 s ... 5 min */
static enum err delay(struct db_txn *txn, void *arg)
{
    struct firing *f = arg;
    return DB_EXEC(txn,
                   "UPDATE timers SET attempts = attempts + 1, due_at = $3 + CASE WHEN attempts > "
                   "8 THEN $4 ELSE 1000 * (1 << attempts) END "
                   "WHERE kind = $1 AND subject = $2 AND due_at <= $3",
                   db_text(f->kind), db_i64(f->subject), db_i64(f->now),
                   db_i64(TIMERS_RETRY_MAX_MS));
}

static void fired(enum err err, void *arg)
{
    struct firing *f = arg;
    struct timers *t = f->timers;
    count(f, err);
    if (err != ERR_OK) {
        LOG_WARN("timers", f->handler == NULL ? "no handler" : "handler fails",
                 log_str("kind", f->kind), log_i64("subject", f->subject),
                 log_cstr("err", err_name(err)));
        if (!f->is_delayed) {
            f->is_delayed = true;
            if (db_submit(t->db, delay, fired, f) == ERR_OK) {
                return;
            }
        }
    }
    (void)pthread_mutex_lock(&t->lock);
    t->n_firing--;
    t->is_stuck = t->is_stuck || err != ERR_OK;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
}

struct look {
    struct timers *timers;
    struct arena *arena;
    int64_t now;
    struct firing *due; /* TIMERS_BATCH */
    size_t n_due;
    int64_t next_due_at;
};

static const struct timer_handler *find_handler(const struct timers *t, struct str kind)
{
    for (size_t i = 0; i < t->handlers.len; i++) {
        if (str_eq_cstr(kind, t->handlers.items[i].kind)) {
            return &t->handlers.items[i];
        }
    }
    return NULL;
}

static enum err look(struct db_txn *txn, void *arg)
{
    struct look *l = arg;
    struct db_rows *rows = NULL;
    l->n_due = 0;
    l->next_due_at = INT64_MAX;
    enum err err =
        DB_QUERY(txn, &rows, "SELECT kind, subject, due_at FROM timers ORDER BY due_at LIMIT $1",
                 db_i64(TIMERS_BATCH));
    if (err != ERR_OK) {
        return err;
    }
    while (db_rows_next(rows)) {
        int64_t due_at = db_rows_i64(rows, 2);
        if (due_at > l->now) {
            l->next_due_at = due_at;
            break;
        }
        struct firing *f = &l->due[l->n_due++];
        *f = (struct firing){.timers = l->timers, .subject = db_rows_i64(rows, 1), .now = l->now};
        f->due_at = due_at;
        f->kind = db_rows_dup(rows, 0, l->arena);
        f->handler = find_handler(l->timers, f->kind);
    }
    return db_rows_close(&rows);
}

/* One round: everything that is due goes to the writer at once and is waited for. False: nothing was due. */
static bool run_round(struct timers *t, struct look *l)
{
    arena_reset(l->arena);
    l->now = clock_now(&t->clock);
    enum err err = db_read(t->db, look, l);
    if (err != ERR_OK) {
        LOG_ERROR("timers", "cannot look", log_cstr("err", err_name(err)));
        l->next_due_at = l->now + TIME_SECOND_MS;
        l->n_due = 0;
    }
    (void)pthread_mutex_lock(&t->lock);
    if (l->n_due == 0) {
        t->next_due_at = l->next_due_at < t->next_due_at ? l->next_due_at : t->next_due_at;
    }
    t->n_firing = l->n_due;
    (void)pthread_mutex_unlock(&t->lock);
    for (size_t i = 0; i < l->n_due; i++) {
        if (db_submit(t->db, fire, fired, &l->due[i]) != ERR_OK) {
            l->due[i].is_delayed =
                true; /* not even queued: the row stays as it is, the next round sees it */
            fired(ERR_LIMIT, &l->due[i]);
        }
    }
    (void)pthread_mutex_lock(&t->lock);
    while (t->n_firing > 0) {
        (void)pthread_cond_wait(&t->wake, &t->lock);
    }
    bool is_stuck = t->is_stuck;
    if (is_stuck) {
        t->next_due_at = l->now + TIME_SECOND_MS;
    }
    t->is_stuck = false;
    (void)pthread_mutex_unlock(&t->lock);
    return l->n_due > 0 && !is_stuck;
}

/* ---- thread ---- */

static void sleep_until_due(struct timers *t)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->is_stopping && !t->is_kicked) {
        int64_t now = clock_now(&t->clock);
        if (t->next_due_at <= now) {
            break;
        }
        int64_t ms = t->next_due_at - now;
        ms = ms > t->look_ms ? t->look_ms : ms;
        int64_t at = time_monotonic_ns() + ms * 1000000;
        struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
        if (pthread_cond_timedwait(&t->wake, &t->lock, &ts) == ETIMEDOUT && ms == t->look_ms) {
            break;
        }
    }
    t->is_kicked = false;
    t->next_due_at = INT64_MAX; /* before the look: what is committed after it lowers this again */
    (void)pthread_mutex_unlock(&t->lock);
}

static bool should_stop(struct timers *t)
{
    (void)pthread_mutex_lock(&t->lock);
    bool stop = t->is_stopping;
    (void)pthread_mutex_unlock(&t->lock);
    return stop;
}

static void *timers_main(void *arg)
{
    struct timers *t = arg;
    struct look l = {
        .timers = t, .arena = arena_new(0), .due = MEM_NEW_ARRAY(struct firing, TIMERS_BATCH)};
    while (!should_stop(t)) {
        if (!run_round(t, &l)) {
            sleep_until_due(t);
        }
    }
    mem_free(l.due);
    arena_free(&l.arena);
    return NULL;
}

enum err timers_new(struct db *db, struct clock clock, struct timers **out)
{
    struct timers *t = MEM_NEW(struct timers);
    t->db = db;
    t->clock = clock;
    t->next_due_at = INT64_MAX;
    t->look_ms = db_is_single_node(db) ? TIMERS_LOOK_MS : TIMERS_SHARED_LOOK_MS;
    (void)pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&t->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    t->lag = metric_histogram("stablehand_timer_lag_seconds",
                              "How late timers have fired, their transaction included");
    t->seconds =
        metric_histogram("stablehand_timer_handler_seconds", "What handlers of timers took");
    db->timers = t;
    *out = t;
    return ERR_OK;
}

void timers_handle(struct timers *t, const char *kind, timer_fn fn, void *arg)
{
    ASSERT(!t->is_started);
    struct timer_handler h = {
        .kind = kind,
        .fn = fn,
        .arg = arg,
        .runs = metric_counter(metric_name_with("stablehand_timer_runs_total", "kind", kind),
                               "Timers that fired with effect"),
        .failures =
            metric_counter(metric_name_with("stablehand_timer_failures_total", "kind", kind),
                           "Timers whose handler failed and that will be tried again"),
    };
    VEC_PUSH(&t->handlers, h);
}

enum err timers_start(struct timers *t)
{
    if (pthread_create(&t->thread, NULL, timers_main, t) != 0) {
        return ERR_UNAVAILABLE;
    }
    t->is_started = true;
    return ERR_OK;
}

void timers_kick(struct timers *t)
{
    (void)pthread_mutex_lock(&t->lock);
    t->is_kicked = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
}

void timers_free(struct timers **ptr)
{
    struct timers *t = *ptr;
    if (t == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    if (t->is_started) {
        (void)pthread_join(t->thread, NULL);
    }
    t->db->timers = NULL;
    VEC_RELEASE(&t->handlers);
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
    *ptr = NULL;
}
