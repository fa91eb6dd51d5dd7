/* Signals of other nodes wait here, copied, for a thread that tells them in the database's turn. Whoever brings them (the message client's threads, another
 * node of the process) never waits for a listener: when the queue is full the newest is dropped, and since what was lost may have been a burst
 * that tells of commits too, the stream looks. At most BATCH are told in one turn, so that commits are not held up for long. */
#include "platform/bus_impl.h"

#include "base/check.h"
#include "base/mem.h"
#include "platform/db_engine.h"

#define BATCH 64

struct bus_teller {
    struct bus *bus;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct bus_queue queue;
    bool is_stopping;
};

/* ---- queue ---- */

static bool bus_has_listener(const struct bus *bus, struct str kind)
{
    for (size_t i = 0; i < bus->n_signal_listeners; i++) {
        if (str_eq(bus->signal_listeners[i].kind, kind)) {
            return true;
        }
    }
    return false;
}

bool bus_tell(struct bus *bus, const struct bus_signal *s)
{
    if (!bus_has_listener(bus, s->kind) || !bus_is_followed(bus, s->topic)) {
        return true;
    }
    struct bus_teller *t = bus->teller;
    (void)pthread_mutex_lock(&t->lock);
    bool fits = bus_queue_put(&t->queue, s);
    if (fits && t->queue.n == 1) {
        (void)pthread_cond_signal(&t->wake);
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!fits) {
        atomic_fetch_add(&bus->overrun, 1);
        bus_tell_hint(bus);
    }
    return fits;
}

void bus_tell_hint(struct bus *bus)
{
    struct db *db = atomic_load(&bus->db);
    if (db != NULL && db->engine->event_look != NULL) {
        db->engine->event_look(db);
    }
}

/* ---- thread ---- */

static void bus_tell_one(struct bus *bus, const struct bus_signal *s)
{
    if (!bus_is_followed(bus, s->topic)) { /* not any more */
        return;
    }
    for (size_t i = 0; i < bus->n_signal_listeners; i++) {
        if (str_eq(bus->signal_listeners[i].kind, s->kind)) {
            bus->signal_listeners[i].fn(bus->signal_listeners[i].arg, s);
        }
    }
}

static void bus_tell_batch(struct bus *bus, struct bus_kept *batch)
{
    struct db *db = atomic_load(&bus->db);
    bool has_turns = db != NULL && db->engine->turn_begin != NULL;
    if (has_turns) {
        db->engine->turn_begin(db);
    }
    (void)pthread_mutex_lock(&bus->lock);
    for (struct bus_kept *kept = batch; kept != NULL; kept = kept->next) {
        bus_tell_one(bus, &kept->s);
    }
    (void)pthread_mutex_unlock(&bus->lock);
    if (has_turns) {
        db->engine->turn_end(db);
    }
}

/* Waits for signals and takes some; NULL: stop. */
static struct bus_kept *bus_teller_take(struct bus_teller *t)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->is_stopping && t->queue.first == NULL) {
        (void)pthread_cond_wait(&t->wake, &t->lock);
    }
    struct bus_kept *batch = t->is_stopping ? NULL : bus_queue_take(&t->queue, BATCH);
    (void)pthread_mutex_unlock(&t->lock);
    return batch;
}

static void *bus_teller_main(void *arg)
{
    struct bus_teller *t = arg;
    (void)pthread_setname_np(pthread_self(), "bus-teller");
    for (struct bus_kept *batch; (batch = bus_teller_take(t)) != NULL;) {
        bus_tell_batch(t->bus, batch);
        bus_kept_free(&batch);
    }
    return NULL;
}

void bus_teller_start(struct bus *bus)
{
    struct bus_teller *t = MEM_NEW(struct bus_teller);
    t->bus = bus;
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->wake, NULL);
    ASSERT(pthread_create(&t->thread, NULL, bus_teller_main, t) == 0);
    bus->teller = t;
}

void bus_teller_stop(struct bus *bus)
{
    struct bus_teller *t = bus->teller;
    if (t == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&t->lock);
    t->is_stopping = true;
    (void)pthread_cond_signal(&t->wake);
    (void)pthread_mutex_unlock(&t->lock);
    (void)pthread_join(t->thread, NULL);
    bus->teller = NULL;
    struct bus_kept *left = bus_queue_take(&t->queue, SIZE_MAX);
    bus_kept_free(&left);
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}
