/* Inside of the bus: for bus*.c, and for those who publish committed events (event.c, db_pg_stream.c). */
#ifndef PLATFORM_BUS_IMPL_H
#define PLATFORM_BUS_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "platform/bus.h"

struct bus_ops {
    /* As bus_signal; the length is checked. */
    void (*signal)(struct bus *bus, const struct bus_signal *s);
    /* This node has committed events of this conversation and team (0: of none): tell the other nodes to look. Any thread, must not block. NULL: there are none. */
    void (*hint)(struct bus *bus, struct bus_topic conversation, struct bus_topic team);
    /* A topic is followed for the first time, or no longer: changes of one topic come in order. Any thread, must not block. NULL: no matter. */
    void (*follow)(struct bus *bus, struct bus_topic topic, bool on);
    void (*start)(struct bus *bus); /* NULL: nothing to do */
    void (*stop)(struct bus *bus);  /* once; maybe without start */
    void (*free)(struct bus *bus);  /* after stop; ends with bus_release */
    /* Do hints of other nodes arrive just now? NULL: always. */
    bool (*is_connected)(struct bus *bus);
    void (*stats)(struct bus *bus, struct bus_stats *out); /* NULL: what bus.c counts is all */
};

struct bus_event_listener {
    event_listener fn;
    void *arg;
};
struct bus_signal_listener {
    struct str kind;
    bus_signal_fn fn;
    void *arg;
};

struct bus_teller;
struct bus {
    const struct bus_ops *ops;
    struct bus_node node;
    /* Fixed before the server starts. */
    struct bus_event_listener *event_listeners;
    size_t n_event_listeners;
    struct bus_signal_listener *signal_listeners;
    size_t n_signal_listeners;
    /* Of the listeners: an engine that tells events itself may begin before the last one has come. */
    pthread_mutex_t lock;
    pthread_mutex_t follow_lock;
    struct idmap *followed[BUS_TEAM + 1]; /* id -> count, by scope */
    _Atomic(struct db *) db;              /* whose commits it tells; NULL: none yet, or no more */
    struct bus_teller *teller;            /* NULL: no other nodes */
    atomic_bool is_stopped;
    atomic_int_fast64_t sent, sent_bytes, received, received_bytes, dropped, overrun, rejected,
        hints_in;
};

/* Of whoever makes one: `bus` is the first member of a larger struct. name NULL: host name and process number. */
void bus_init(struct bus *bus, const struct bus_ops *ops, const char *name);
struct bus *bus_new_local_named(const char *name);
void bus_release(struct bus *bus); /* what bus_init made; not `bus` itself */

/* One committed event to the listeners. On the committing thread or the stream's. */
void bus_publish(struct bus *bus, const struct event *e);
/* This node has committed events. */
void bus_hint(struct bus *bus, struct conversation_id c, struct team_id t);
bool bus_has_hints(const struct bus *bus);
/* Somebody says when there is something to look at. */
bool bus_is_prompt(struct bus *bus);

/* ---- bus_queue.c: copies of signals that wait; bounded. Not for several threads at once. ---- */
#define BUS_QUEUE_MAX 4096
#define BUS_QUEUE_BYTES ((size_t)4 << 20)
struct bus_kept {
    struct bus_kept *next;
    struct bus_signal s;
    size_t size;
    char bytes[];
};
struct bus_queue { /* zeroed: empty */
    struct bus_kept *first, *last;
    size_t n, n_bytes;
};
bool bus_queue_put(struct bus_queue *q, const struct bus_signal *s); /* false: full */
/* The oldest, at most so many, as a list; NULL: empty. */
struct bus_kept *bus_queue_take(struct bus_queue *q, size_t max);
void bus_kept_free(struct bus_kept **list);

/* ---- bus_teller.c: signals of other nodes to the listeners ----
 * A thread of its own with a short queue; it takes the database's turn (db_engine.h), so that no listener runs beside a hook. */
void bus_teller_start(struct bus *bus);
void bus_teller_stop(struct bus *bus); /* NULL teller is fine; what waits is dropped */
/* Copies. Any thread, does not block. What nobody here follows or listens to is left out; when the queue is full the signal is dropped and counted: false. */
bool bus_tell(struct bus *bus, const struct bus_signal *s);
/* Another node has committed events. Any thread, does not block. */
void bus_tell_hint(struct bus *bus);

#endif
