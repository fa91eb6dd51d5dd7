/* The bus of one process: listeners are called where the commit happened. */
#include "platform/bus.h"

#include "base/mem.h"

static void local_publish(struct bus *bus, const struct event *e)
{
    for (size_t i = 0; i < bus->n_listeners; i++) {
        bus->listeners[i].fn(bus->listeners[i].arg, e);
    }
}

static void local_free(struct bus *bus)
{
    mem_free(bus->listeners);
    mem_free(bus);
}

static const struct bus_ops local_ops = {.publish = local_publish, .free = local_free};

struct bus *bus_new_local(void)
{
    struct bus *bus = MEM_NEW(struct bus);
    bus->ops = &local_ops;
    return bus;
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
    bus->listeners = mem_realloc(bus->listeners, bus->n_listeners + 1, sizeof(*bus->listeners));
    bus->listeners[bus->n_listeners++] = (struct bus_listener){.fn = fn, .arg = arg};
}
