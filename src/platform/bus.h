/* Bus: carries committed events to whoever looks (sockets, bot, rules). A hint, the database is the truth: an implementation may lose or delay,
 * never re-order what it delivers. Implementations: bus_local.c (this process); NATS next. */
#ifndef PLATFORM_BUS_H
#define PLATFORM_BUS_H

#include "platform/event.h"

struct bus_ops {
    /* On the committing thread, in commit order; must not block. `e` and its bytes live until the call returns. */
    void (*publish)(struct bus *bus, const struct event *e);
    void (*free)(struct bus *bus);
};

struct bus_listener {
    event_listener fn;
    void *arg;
};

struct bus {
    const struct bus_ops *ops;
    struct bus_listener *listeners; /* fixed before the server starts */
    size_t n_listeners;
};

#endif
