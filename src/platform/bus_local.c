/* The bus of one process: listeners are called where the commit happened. */
#include "platform/bus.h"

#include <pthread.h>

#include "base/mem.h"

struct local_bus {
    struct bus base;
    pthread_mutex_t
        lock; /* of the listeners: an engine that tells events itself may begin before the last one has come */
};

static void local_publish(struct bus *bus, const struct event *e)
{
    struct local_bus *local = (struct local_bus *)bus;
    (void)pthread_mutex_lock(&local->lock);
    for (size_t i = 0; i < bus->n_listeners; i++) {
        bus->listeners[i].fn(bus->listeners[i].arg, e);
    }
    (void)pthread_mutex_unlock(&local->lock);
}

static void local_free(struct bus *bus)
{
    (void)pthread_mutex_destroy(&((struct local_bus *)bus)->lock);
    mem_free(bus->listeners);
    mem_free(bus);
}

static const struct bus_ops local_ops = {.publish = local_publish, .free = local_free};

struct bus *bus_new_local(void)
{
    struct local_bus *bus = MEM_NEW(struct local_bus);
    bus->base.ops = &local_ops;
    (void)pthread_mutex_init(&bus->lock, NULL);
    return &bus->base;
}

void bus_free(struct bus **bus)
{
    if (*bus != NULL) {
        (*bus)->ops->free(*bus);
        *bus = NULL;
    }
}

void bus_listen(struct bus *bus, event_listener fn, void *arg)
{
    struct local_bus *local = (struct local_bus *)bus;
    (void)pthread_mutex_lock(&local->lock);
    bus->listeners = mem_realloc(bus->listeners, bus->n_listeners + 1, sizeof(*bus->listeners));
    bus->listeners[bus->n_listeners++] = (struct bus_listener){.fn = fn, .arg = arg};
    (void)pthread_mutex_unlock(&local->lock);
}
