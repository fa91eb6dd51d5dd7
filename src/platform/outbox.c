/* Outbox: a few threads, each claims one due row, hands it to its kind's handler outside of any transaction, and stores the outcome.
 *
 * A claim is a lease: a row whose process died is claimed again when the lease ends (at once at start, where no other process can hold one). So a
 * handler may see the same row twice; the idempotency key is what makes the second time harmless at the receiver. Attempts are counted when claimed, so
 * that a row which kills the process is not tried for ever. */
#include "platform/timers.h"

#include <errno.h>
#include <pthread.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vec.h"
#include "platform/db_engine.h"
#include "platform/metrics.h"

#define OUTBOX_THREADS 4
#define OUTBOX_LEASE_MS (2 * TIME_MINUTE_MS)
#define OUTBOX_LOOK_MS (30 * TIME_SECOND_MS)
#define OUTBOX_SHARED_LOOK_MS (5 * TIME_SECOND_MS) /* where other nodes add rows, too */
#define OUTBOX_TRIES 12
#define OUTBOX_BACKOFF_MAX_MS TIME_HOUR_MS
#define OUTBOX_KEEP_SENT_MS (7 * TIME_DAY_MS)

enum { OUTBOX_WAITING, OUTBOX_CLAIMED, OUTBOX_DONE, OUTBOX_DEAD_LETTER };

struct outbox_handler {
    const char *kind;
    outbox_fn fn;
    void *arg;
};

struct outbox {
    struct db *db;
    struct clock clock;
    char owner[17];
    VEC(struct outbox_handler) handlers;
    pthread_t threads[OUTBOX_THREADS];
    int n_threads;
    struct metric *results[3], *seconds; /* by enum outbox_result */
    int64_t look_ms;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake;
    bool is_stopping;
    int64_t next_due_at; /* INT64_MAX: none known */
    uint64_t n_kicks;
};

/* ---- adding ---- */

struct outbox_added {
    struct outbox *outbox;
    int64_t due_at;
};

static void note_due(struct outbox *o, int64_t due_at)
{
    (void)pthread_mutex_lock(&o->lock);
    if (due_at < o->next_due_at) {
        o->next_due_at = due_at;
    }
    o->n_kicks++;
    (void)pthread_cond_signal(&o->wake);
    (void)pthread_mutex_unlock(&o->lock);
}

static void outbox_on_commit(void *arg)
{
    const struct outbox_added *a = arg;
    note_due(a->outbox, a->due_at);
}

enum err outbox_add(struct db_txn *txn, const char *kind, struct str idempotency_key,
                    struct str payload, int64_t not_before_at)
{
    enum err err = DB_EXEC(txn,
                           "INSERT INTO outbox (kind, idempotency_key, payload, due_at, "
                           "created_at) VALUES ($1, $2, $3, $4, $4) "
                           "ON CONFLICT (kind, idempotency_key) DO NOTHING",
                           db_text(str_from(kind)), db_text(idempotency_key), db_text(payload),
                           db_i64(not_before_at));
    if (err == ERR_OK && txn->db->outbox != NULL) {
        struct outbox_added *a = ARENA_NEW(txn->arena, struct outbox_added);
        *a = (struct outbox_added){.outbox = txn->db->outbox, .due_at = not_before_at};
        db_on_commit(txn, outbox_on_commit, a);
    }
    return err;
}

/* ---- one row ---- */

struct outbox_job {
    struct outbox *outbox;
    struct arena *arena;
    int64_t now;
    bool is_found;
    int64_t id;
    struct str kind, key, payload;
    int attempt;
    int64_t next_due_at; /* when nothing was found */
    enum outbox_result result;
    int64_t retry_at;
};

static enum err claim(struct db_txn *txn, void *arg)
{
    struct outbox_job *job = arg;
    struct db_rows *rows = NULL;
    job->is_found = false;
    job->next_due_at = INT64_MAX;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "UPDATE outbox SET state = 1, attempts = attempts + 1, claimed_by = $1, due_at = $2 "
        "WHERE id = (SELECT id FROM outbox WHERE state < 2 AND due_at <= $3 ORDER BY due_at LIMIT "
        "1 FOR UPDATE SKIP LOCKED) "
        "RETURNING id, kind, idempotency_key, payload, attempts",
        db_text(str_from(job->outbox->owner)), db_i64(job->now + OUTBOX_LEASE_MS),
        db_i64(job->now));
    if (err == ERR_NOT_FOUND) {
        err = db_query_i64(txn, "SELECT due_at FROM outbox WHERE state < 2 ORDER BY due_at LIMIT 1",
                           NULL, 0, &job->next_due_at);
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err != ERR_OK) {
        return err;
    }
    job->is_found = true;
    job->id = db_rows_i64(rows, 0);
    job->kind = db_rows_dup(rows, 1, job->arena);
    job->key = db_rows_dup(rows, 2, job->arena);
    job->payload = db_rows_dup(rows, 3, job->arena);
    job->attempt = (int)db_rows_i64(rows, 4);
    return db_rows_close(&rows);
}

static enum err settle(struct db_txn *txn, void *arg)
{
    const struct outbox_job *job = arg;
    int state = job->result == OUTBOX_SENT    ? OUTBOX_DONE
                : job->result == OUTBOX_RETRY ? OUTBOX_WAITING
                                              : OUTBOX_DEAD_LETTER;
    int64_t due_at = job->result == OUTBOX_RETRY ? job->retry_at : job->now;
    enum err err = DB_EXEC(txn,
                           "UPDATE outbox SET state = $2, due_at = $3, claimed_by = NULL WHERE id "
                           "= $1 AND state = 1 AND claimed_by = $4 AND attempts = $5",
                           db_i64(job->id), db_i64(state), db_i64(due_at),
                           db_text(str_from(job->outbox->owner)), db_i64(job->attempt));
    return err != ERR_OK ? err
                         : DB_EXEC(txn, "DELETE FROM outbox WHERE state = 2 AND due_at < $1",
                                   db_i64(job->now - OUTBOX_KEEP_SENT_MS));
}

/* 1 s doubled per attempt up to an hour, +-25 % so that a receiver that comes back is not met by everybody at once. */
static int64_t backoff_ms(int attempt)
{
    int64_t ms = attempt >= 13 ? OUTBOX_BACKOFF_MAX_MS : TIME_SECOND_MS << (attempt - 1);
    ms = ms > OUTBOX_BACKOFF_MAX_MS ? OUTBOX_BACKOFF_MAX_MS : ms;
    return ms * 3 / 4 + (int64_t)(rng_u64() % (uint64_t)(ms / 2));
}

static enum outbox_result send_row(const struct outbox *o, const struct outbox_job *job)
{
    for (size_t i = 0; i < o->handlers.len; i++) {
        const struct outbox_handler *h = &o->handlers.items[i];
        if (str_eq_cstr(job->kind, h->kind)) {
            return h->fn(h->arg, job->key, job->payload, job->attempt);
        }
    }
    LOG_WARN("outbox", "no handler", log_str("kind", job->kind));
    return OUTBOX_RETRY;
}

/* Claims and sends one row. False: nothing is due, or the database does not answer. */
static bool run_one(struct outbox *o, struct outbox_job *job)
{
    arena_reset(job->arena);
    job->now = clock_now(&o->clock);
    enum err err = db_write(o->db, claim, job);
    if (err != ERR_OK) {
        LOG_ERROR("outbox", "cannot claim", log_cstr("err", err_name(err)));
        job->next_due_at = job->now + TIME_SECOND_MS;
        return false;
    }
    if (!job->is_found) {
        return false;
    }
    if (clock_now(&o->clock) - job->now > OUTBOX_LEASE_MS / 2) {
        LOG_WARN("outbox", "the claim is too old to be sent on", log_i64("id", job->id));
        return true; /* this process was paused behind the claim: somebody has the row, or will */
    }
    int64_t began = time_monotonic_ns();
    job->result = send_row(o, job);
    metric_observe_us(o->seconds, (time_monotonic_ns() - began) / 1000);
    job->now = clock_now(&o->clock);
    if (job->result == OUTBOX_RETRY && job->attempt >= OUTBOX_TRIES) {
        job->result = OUTBOX_DEAD;
    }
    if (job->result == OUTBOX_RETRY) {
        job->retry_at = job->now + backoff_ms(job->attempt);
    }
    if (job->result == OUTBOX_DEAD) {
        LOG_ERROR("outbox", "given up", log_str("kind", job->kind), log_i64("id", job->id),
                  log_i64("attempts", job->attempt));
    }
    metric_add(o->results[job->result], 1);
    err = db_write(o->db, settle, job);
    if (err != ERR_OK) {
        LOG_ERROR("outbox", "outcome not stored, will be sent again", log_i64("id", job->id),
                  log_cstr("err", err_name(err)));
    }
    return true;
}

/* ---- threads ---- */

static void sleep_until_due(struct outbox *o, uint64_t n_kicks_seen)
{
    int64_t started = time_monotonic_ns();
    while (!o->is_stopping && o->n_kicks == n_kicks_seen &&
           time_monotonic_ns() - started < o->look_ms * 1000000) {
        int64_t ms =
            o->next_due_at == INT64_MAX ? o->look_ms : o->next_due_at - clock_now(&o->clock);
        if (ms <= 0) {
            break;
        }
        ms = ms > o->look_ms ? o->look_ms : ms;
        int64_t at = time_monotonic_ns() + ms * 1000000;
        struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
        (void)pthread_cond_timedwait(&o->wake, &o->lock, &ts);
    }
}

static void *outbox_main(void *arg)
{
    struct outbox *o = arg;
    struct outbox_job job = {.outbox = o, .arena = arena_new(0)};
    (void)pthread_mutex_lock(&o->lock);
    while (!o->is_stopping) {
        uint64_t n_kicks = o->n_kicks; /* before the look: what is added during it is seen */
        (void)pthread_mutex_unlock(&o->lock);
        bool did = run_one(o, &job);
        (void)pthread_mutex_lock(&o->lock);
        if (!did) {
            o->next_due_at = job.next_due_at;
            sleep_until_due(o, n_kicks);
        }
    }
    (void)pthread_mutex_unlock(&o->lock);
    arena_free(&job.arena);
    return NULL;
}

static enum err release_claims(struct db_txn *txn, void *arg)
{
    const struct outbox *o = arg;
    return DB_EXEC(txn,
                   "UPDATE outbox SET state = 0, claimed_by = NULL, due_at = $1 WHERE state = 1",
                   db_i64(clock_now(&o->clock)));
}

enum err outbox_new(struct db *db, struct clock clock, struct outbox **out)
{
    struct outbox *o = MEM_NEW(struct outbox);
    o->db = db;
    o->clock = clock;
    o->next_due_at = INT64_MAX;
    o->look_ms = db_is_single_node(db) ? OUTBOX_LOOK_MS : OUTBOX_SHARED_LOOK_MS;
    (void)snprintf(o->owner, sizeof(o->owner), "%016llx", (unsigned long long)rng_u64());
    (void)pthread_mutex_init(&o->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&o->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    o->seconds = metric_histogram("stablehand_outbox_send_seconds", "What a try to send took");
    o->results[OUTBOX_SENT] =
        metric_counter("stablehand_outbox_sent_total", "Rows of the outbox that were sent");
    o->results[OUTBOX_RETRY] =
        metric_counter("stablehand_outbox_retries_total", "Tries that failed and will be repeated");
    o->results[OUTBOX_DEAD] =
        metric_counter("stablehand_outbox_dead_total", "Rows of the outbox that were given up");
    db->outbox = o;
    *out = o;
    return ERR_OK;
}

void outbox_handle(struct outbox *o, const char *kind, outbox_fn fn, void *arg)
{
    ASSERT(o->n_threads == 0);
    struct outbox_handler h = {.kind = kind, .fn = fn, .arg = arg};
    VEC_PUSH(&o->handlers, h);
}

enum err outbox_start(struct outbox *o)
{
    if ((o->db->engine->caps & DB_CAP_SINGLE_NODE) != 0) {
        enum err err = db_write(o->db, release_claims, o);
        if (err != ERR_OK) {
            return err;
        }
    }
    for (int i = 0; i < OUTBOX_THREADS; i++) {
        if (pthread_create(&o->threads[i], NULL, outbox_main, o) != 0) {
            return ERR_UNAVAILABLE;
        }
        o->n_threads++;
    }
    return ERR_OK;
}

void outbox_kick(struct outbox *o)
{
    (void)pthread_mutex_lock(&o->lock);
    o->n_kicks++;
    (void)pthread_cond_broadcast(&o->wake);
    (void)pthread_mutex_unlock(&o->lock);
}

void outbox_free(struct outbox **ptr)
{
    struct outbox *o = *ptr;
    if (o == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&o->lock);
    o->is_stopping = true;
    (void)pthread_cond_broadcast(&o->wake);
    (void)pthread_mutex_unlock(&o->lock);
    for (int i = 0; i < o->n_threads; i++) {
        (void)pthread_join(o->threads[i], NULL);
    }
    o->db->outbox = NULL;
    VEC_RELEASE(&o->handlers);
    (void)pthread_cond_destroy(&o->wake);
    (void)pthread_mutex_destroy(&o->lock);
    mem_free(o);
    *ptr = NULL;
}
