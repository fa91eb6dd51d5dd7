/* Telling outcomes: commit hooks, done calls and blocked callers, one after another, in an order that dependent transactions can trust.
 *
 * Answers to COMMIT arrive on many threads. If B waited for a row that A had locked, then A's COMMIT was sent before B got the row, and B's after: so a number
 * taken just before COMMIT is sent (the ticket) orders them as the database did, and the answer's arrival need not. Outcomes wait until all lower tickets
 * are told. The thread that completes the lowest ticket tells it and all that follow without a gap; the others go on with their work.
 *
 * A COMMIT that hangs holds up what comes after it; the connection's time limits bound that. Rejected: a thread of its own for the telling (one more
 * change of threads for each acknowledgement). */
#include "platform/db_pg.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define PG_SPARE_ARENA_MAX ((size_t)256 << 10)

static _Thread_local int pg_turns; /* > 0: this thread is telling */

void pg_delivery_init(struct pg_delivery *d)
{
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_mutex_init(&d->turn, NULL);
    d->size = 1024;
    d->ring = MEM_NEW_ARRAY(struct pg_job *, d->size);
}

void pg_delivery_release(struct pg_delivery *d)
{
    ASSERT(d->first == d->next);
    while (d->spare != NULL) {
        struct pg_job *job = d->spare;
        d->spare = job->next;
        arena_free(&job->arena);
        mem_free(job);
    }
    mem_free(d->ring);
    (void)pthread_mutex_destroy(&d->lock);
    (void)pthread_mutex_destroy(&d->turn);
}

/* ---- jobs ---- */

struct pg_job *pg_job_new(struct pg_db *db)
{
    struct pg_delivery *d = &db->delivery;
    (void)pthread_mutex_lock(&d->lock);
    struct pg_job *job = d->spare;
    if (job != NULL) {
        d->spare = job->next;
    }
    (void)pthread_mutex_unlock(&d->lock);
    if (job == NULL) {
        job = MEM_NEW(struct pg_job);
        job->arena = arena_new(8192);
    }
    struct arena *arena = job->arena;
    *job = (struct pg_job){.arena = arena};
    return job;
}

/* Under the lock. */
static void pg_job_drop(struct pg_delivery *d, struct pg_job *job)
{
    if (arena_used(job->arena) > PG_SPARE_ARENA_MAX) {
        arena_free(&job->arena);
        mem_free(job);
        return;
    }
    arena_reset(job->arena);
    job->next = d->spare;
    d->spare = job;
}

/* ---- blocked callers ---- */

void pg_waiter_wait(struct pg_waiter *w)
{
    while (atomic_load_explicit(&w->is_done, memory_order_acquire) == 0) {
        (void)syscall(SYS_futex, &w->is_done, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

static void pg_waiter_finish(struct pg_waiter *w, enum err err)
{
    w->err = err;
    atomic_store_explicit(&w->is_done, 1, memory_order_release);
    (void)syscall(SYS_futex, &w->is_done, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* ---- turns ---- */

bool pg_is_delivering(void)
{
    return pg_turns > 0;
}

void pg_turn_begin(struct pg_db *db)
{
    (void)pthread_mutex_lock(&db->delivery.turn);
    pg_turns++;
}

void pg_turn_end(struct pg_db *db)
{
    pg_turns--;
    (void)pthread_mutex_unlock(&db->delivery.turn);
}

void pg_engine_turn_begin(struct db *db)
{
    pg_turn_begin((struct pg_db *)db);
}

void pg_engine_turn_end(struct db *db)
{
    pg_turn_end((struct pg_db *)db);
}

/* ---- tickets ---- */

/* A void ticket's place in the ring. */
static struct pg_job pg_nothing;

static void pg_grow_ring(struct pg_delivery *d)
{
    struct pg_job **ring = MEM_NEW_ARRAY(struct pg_job *, d->size * 2);
    for (uint64_t t = d->first; t < d->next; t++) {
        ring[t & (d->size * 2 - 1)] = d->ring[t & (d->size - 1)];
    }
    mem_free(d->ring);
    d->ring = ring;
    d->size *= 2;
}

uint64_t pg_ticket_take(struct pg_db *db)
{
    struct pg_delivery *d = &db->delivery;
    (void)pthread_mutex_lock(&d->lock);
    if (d->next - d->first == d->size) {
        pg_grow_ring(d);
    }
    uint64_t ticket = d->next++;
    d->ring[ticket & (d->size - 1)] = NULL;
    (void)pthread_mutex_unlock(&d->lock);
    return ticket;
}

static void pg_tell(struct pg_db *db, struct pg_job *job)
{
    if (job->has_events) {
        pg_stream_look(db);
    }
    db_hooks_run(job->hooks);
    if (job->waiter != NULL) {
        pg_waiter_finish(job->waiter, job->err);
    } else if (job->done != NULL) {
        job->done(job->err, job->arg);
    }
}

void pg_ticket_done(struct pg_db *db, uint64_t ticket, struct pg_job *job)
{
    struct pg_delivery *d = &db->delivery;
    (void)pthread_mutex_lock(&d->lock);
    d->ring[ticket & (d->size - 1)] = job != NULL ? job : &pg_nothing;
    if (d->is_running) { /* whoever tells now comes to this one, if its turn is near */
        (void)pthread_mutex_unlock(&d->lock);
        return;
    }
    d->is_running = true;
    while (d->first < d->next && d->ring[d->first & (d->size - 1)] != NULL) {
        struct pg_job *told = d->ring[d->first & (d->size - 1)];
        (void)pthread_mutex_unlock(&d->lock);
        if (told != &pg_nothing) {
            pg_turn_begin(db);
            pg_tell(db, told);
            pg_turn_end(db);
            if (told->key != 0) {
                pg_key_done(db, told->key);
            }
        }
        (void)pthread_mutex_lock(&d->lock);
        d->first++;
        if (told != &pg_nothing) {
            pg_job_drop(d, told);
        }
    }
    d->is_running = false;
    (void)pthread_mutex_unlock(&d->lock);
}
