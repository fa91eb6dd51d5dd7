/* Signals of other nodes wait here, copied, for a thread that tells them in the database's turn. Whoever brings them (the message client's threads, another
 * node of the process) never waits for a listener: when the queue is full the newest is dropped, and since what was lost may have been a burst
 * that tells of commits too, the stream looks. At most BATCH are told in one turn, so that commits are not held up for long. */
#include "platform/bus_impl.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/db_engine.h"

#define BATCH 64

struct told {
    struct told *next;
    struct bus_signal s;
    size_t size;
    char bytes[]; /* kind, payload, from */
};

struct bus_teller {
    struct bus *bus;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct told *first, **last;
    size_t n, n_bytes;
    bool is_stopping;
};

/* ---- queue ---- */

static struct str told_keep(char **at, struct str s)
{
    if (s.len > 0) {
        memcpy(*at, s.p, s.len);
    }
    struct str kept = {*at, s.len};
    *at += s.len;
    return kept;
}

static struct told *told_new(const struct bus_signal *s)
{
    size_t size = sizeof(struct told) + s->kind.len + s->payload.len + s->from.len;
    struct told *told = mem_alloc(size);
    char *at = told->bytes;
    told->next = NULL;
    told->size = size;
    told->s = *s;
    told->s.kind = told_keep(&at, s->kind);
    told->s.payload = told_keep(&at, s->payload);
    told->s.from = told_keep(&at, s->from);
    return told;
}

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
    struct told *told = told_new(s);
    (void)pthread_mutex_lock(&t->lock);
    bool fits = t->n < BUS_TELLER_MAX && t->n_bytes + told->size <= BUS_TELLER_BYTES;
    if (fits) {
        *t->last = told;
        t->last = &told->next;
        t->n++;
        t->n_bytes += told->size;
        if (t->n == 1) {
            (void)pthread_cond_signal(&t->wake);
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    if (!fits) {
        mem_free(told);
        atomic_fetch_add(&bus->overrun, 1);
        bus_tell_hint(bus);
    }
    return fits;
}

void bus_tell_hint(struct bus *bus)
{
    struct db *db = bus->db;
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

static void bus_tell_batch(struct bus *bus, struct told *batch)
{
    struct db *db = bus->db;
    bool has_turns = db != NULL && db->engine->turn_begin != NULL;
    if (has_turns) {
        db->engine->turn_begin(db);
    }
    (void)pthread_mutex_lock(&bus->lock);
    for (struct told *told = batch; told != NULL; told = told->next) {
        bus_tell_one(bus, &told->s);
    }
    (void)pthread_mutex_unlock(&bus->lock);
    if (has_turns) {
        db->engine->turn_end(db);
    }
}

static void told_free_all(struct told *told)
{
    while (told != NULL) {
        struct told *next = told->next;
        mem_free(told);
        told = next;
    }
}

/* Waits for signals and takes some; NULL: stop. */
static struct told *bus_teller_take(struct bus_teller *t)
{
    (void)pthread_mutex_lock(&t->lock);
    while (!t->is_stopping && t->first == NULL) {
        (void)pthread_cond_wait(&t->wake, &t->lock);
    }
    struct told *batch = NULL;
    if (!t->is_stopping) {
        batch = t->first;
        struct told **end = &t->first;
        for (int i = 0; i < BATCH && *end != NULL; i++) {
            t->n--;
            t->n_bytes -= (*end)->size;
            end = &(*end)->next;
        }
        t->first = *end;
        *end = NULL;
        if (t->first == NULL) {
            t->last = &t->first;
        }
    }
    (void)pthread_mutex_unlock(&t->lock);
    return batch;
}

static void *bus_teller_main(void *arg)
{
    struct bus_teller *t = arg;
    (void)pthread_setname_np(pthread_self(), "bus-teller");
    for (struct told *batch; (batch = bus_teller_take(t)) != NULL;) {
        bus_tell_batch(t->bus, batch);
        told_free_all(batch);
    }
    return NULL;
}

void bus_teller_start(struct bus *bus)
{
    struct bus_teller *t = MEM_NEW(struct bus_teller);
    t->bus = bus;
    t->last = &t->first;
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
    told_free_all(t->first);
    (void)pthread_cond_destroy(&t->wake);
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t);
}
