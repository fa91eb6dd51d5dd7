/* The bus of one process. Alone it has nobody to tell; nodes beside each other in one process (tests) share a hall: who signals goes through the others and
 * leaves the signal in their queues. The hall's lock is held meanwhile, so one that leaves the hall is told nothing more. */
#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/bus_impl.h"

struct hall {
    pthread_mutex_t lock;
    VEC(struct local_bus *) nodes;
    size_t n_refs;
};

struct local_bus {
    struct bus base;
    struct hall *hall; /* NULL: alone */
};

static void local_signal(struct bus *bus, const struct bus_signal *s)
{
    struct local_bus *local = (struct local_bus *)bus;
    if (local->hall == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&local->hall->lock);
    for (size_t i = 0; i < local->hall->nodes.len; i++) {
        struct bus *other = &local->hall->nodes.items[i]->base;
        if (other != bus) {
            atomic_fetch_add(&other->received, 1);
            atomic_fetch_add(&other->received_bytes, (int64_t)s->payload.len);
            (void)bus_tell(other, s);
        }
    }
    (void)pthread_mutex_unlock(&local->hall->lock);
    atomic_fetch_add(&bus->sent, 1);
    atomic_fetch_add(&bus->sent_bytes, (int64_t)s->payload.len);
}

static void local_hint(struct bus *bus, struct bus_topic conversation, struct bus_topic team)
{
    struct local_bus *local = (struct local_bus *)bus;
    (void)conversation;
    (void)team;
    if (local->hall == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&local->hall->lock);
    for (size_t i = 0; i < local->hall->nodes.len; i++) {
        struct bus *other = &local->hall->nodes.items[i]->base;
        if (other != bus) {
            atomic_fetch_add(&other->hints_in, 1);
            bus_tell_hint(other);
        }
    }
    (void)pthread_mutex_unlock(&local->hall->lock);
}

static void local_stop(struct bus *bus)
{
    struct local_bus *local = (struct local_bus *)bus;
    if (local->hall != NULL) {
        (void)pthread_mutex_lock(&local->hall->lock);
        for (size_t i = 0; i < local->hall->nodes.len; i++) {
            if (local->hall->nodes.items[i] == local) {
                VEC_SWAP_REMOVE(&local->hall->nodes, i);
                break;
            }
        }
        (void)pthread_mutex_unlock(&local->hall->lock);
    }
    bus_teller_stop(bus);
}

static void hall_unref(struct hall **hall)
{
    (void)pthread_mutex_lock(&(*hall)->lock);
    bool is_last = --(*hall)->n_refs == 0;
    (void)pthread_mutex_unlock(&(*hall)->lock);
    if (is_last) {
        (void)pthread_mutex_destroy(&(*hall)->lock);
        VEC_RELEASE(&(*hall)->nodes);
        mem_free(*hall);
    }
    *hall = NULL;
}

static void local_free(struct bus *bus)
{
    struct local_bus *local = (struct local_bus *)bus;
    if (local->hall != NULL) {
        hall_unref(&local->hall);
    }
    bus_release(bus);
    mem_free(local);
}

static const struct bus_ops local_ops = {
    .signal = local_signal, .hint = local_hint, .stop = local_stop, .free = local_free};
/* Alone nothing is to be said after a commit. */
static const struct bus_ops alone_ops = {
    .signal = local_signal, .stop = local_stop, .free = local_free};

struct bus *bus_new_local_named(const char *name)
{
    struct local_bus *bus = MEM_NEW(struct local_bus);
    bus_init(&bus->base, &alone_ops, name);
    return &bus->base;
}

struct bus *bus_new_local(void)
{
    return bus_new_local_named(NULL);
}

static void hall_enter(struct hall *hall, struct local_bus *bus)
{
    bus->hall = hall;
    bus->base.ops = &local_ops;
    bus_teller_start(&bus->base);
    (void)pthread_mutex_lock(&hall->lock);
    hall->n_refs++;
    VEC_PUSH(&hall->nodes, bus);
    (void)pthread_mutex_unlock(&hall->lock);
}

struct bus *bus_new_local_beside(struct bus *other)
{
    struct local_bus *beside = (struct local_bus *)other;
    ASSERT(other->ops == &alone_ops || other->ops == &local_ops);
    if (beside->hall == NULL) {
        struct hall *hall = MEM_NEW(struct hall);
        (void)pthread_mutex_init(&hall->lock, NULL);
        hall_enter(hall, beside);
    }
    struct local_bus *bus = (struct local_bus *)bus_new_local();
    hall_enter(beside->hall, bus);
    return &bus->base;
}
