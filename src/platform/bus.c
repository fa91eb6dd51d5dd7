/* What all buses have in common: listeners, followed topics, counts. */
#include "platform/bus_impl.h"

#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/db_engine.h"

/* ---- life ---- */

static void bus_name_node(struct bus_node *node, const char *name)
{
    (void)snprintf(node->id, sizeof(node->id), "%016llx", (unsigned long long)rng_u64());
    if (name != NULL && name[0] != '\0') {
        (void)snprintf(node->name, sizeof(node->name), "%s", name);
        return;
    }
    char host[BUS_NAME_MAX - 12] = "";
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0') {
        (void)snprintf(host, sizeof(host), "node");
    }
    (void)snprintf(node->name, sizeof(node->name), "%s-%ld", host, (long)getpid());
}

void bus_init(struct bus *bus, const struct bus_ops *ops, const char *name)
{
    bus->ops = ops;
    bus_name_node(&bus->node, name);
    (void)pthread_mutex_init(&bus->lock, NULL);
    (void)pthread_mutex_init(&bus->follow_lock, NULL);
    bus->followed[BUS_CONVERSATION] = idmap_new();
    bus->followed[BUS_TEAM] = idmap_new();
}

void bus_release(struct bus *bus)
{
    idmap_free(&bus->followed[BUS_CONVERSATION]);
    idmap_free(&bus->followed[BUS_TEAM]);
    (void)pthread_mutex_destroy(&bus->follow_lock);
    (void)pthread_mutex_destroy(&bus->lock);
    mem_free(bus->event_listeners);
    mem_free(bus->signal_listeners);
}

void bus_start(struct bus *bus)
{
    if (bus->ops->start != NULL && !atomic_load(&bus->is_stopped)) {
        bus->ops->start(bus);
    }
}

/* After this no thread of the bus touches the database. */
void bus_stop(struct bus *bus)
{
    if (!atomic_exchange(&bus->is_stopped, true)) {
        bus->ops->stop(bus);
        atomic_store(&bus->db, NULL);
    }
}

void bus_free(struct bus **bus)
{
    if (*bus != NULL) {
        struct db *db = atomic_load(&(*bus)->db);
        bus_stop(*bus);
        if (db != NULL) { /* it was not closed first */
            db->bus = NULL;
        }
        (*bus)->ops->free(*bus);
        *bus = NULL;
    }
}

const struct bus_node *bus_node(const struct bus *bus)
{
    return &bus->node;
}

/* ---- events ---- */

void bus_listen(struct bus *bus, event_listener fn, void *arg)
{
    (void)pthread_mutex_lock(&bus->lock);
    bus->event_listeners = mem_realloc(bus->event_listeners, bus->n_event_listeners + 1,
                                       sizeof(*bus->event_listeners));
    bus->event_listeners[bus->n_event_listeners++] =
        (struct bus_event_listener){.fn = fn, .arg = arg};
    (void)pthread_mutex_unlock(&bus->lock);
}

void bus_publish(struct bus *bus, const struct event *e)
{
    (void)pthread_mutex_lock(&bus->lock);
    for (size_t i = 0; i < bus->n_event_listeners; i++) {
        bus->event_listeners[i].fn(bus->event_listeners[i].arg, e);
    }
    (void)pthread_mutex_unlock(&bus->lock);
}

bool bus_has_hints(const struct bus *bus)
{
    return bus->ops->hint != NULL;
}

bool bus_is_prompt(struct bus *bus)
{
    return bus_has_hints(bus) && (bus->ops->is_connected == NULL || bus->ops->is_connected(bus));
}

void bus_hint(struct bus *bus, struct conversation_id c, struct team_id t)
{
    if (!atomic_load(&bus->is_stopped)) {
        bus->ops->hint(bus, bus_of_conversation(c), bus_of_team(t));
    }
}

/* ---- signals ---- */

static bool bus_is_kind(const char *kind)
{
    size_t len = strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    return len > 0 && len <= BUS_KIND_MAX && kind[len] == '\0';
}

static bool bus_is_topic(struct bus_topic topic)
{
    return topic.scope == BUS_ALL ? topic.id == 0 : topic.id > 0 && topic.scope <= BUS_TEAM;
}

void bus_on_signal(struct bus *bus, const char *kind, bus_signal_fn fn, void *arg)
{
    ASSERT(bus_is_kind(kind));
    (void)pthread_mutex_lock(&bus->lock);
    bus->signal_listeners = mem_realloc(bus->signal_listeners, bus->n_signal_listeners + 1,
                                        sizeof(*bus->signal_listeners));
    bus->signal_listeners[bus->n_signal_listeners++] =
        (struct bus_signal_listener){.kind = str_from(kind), .fn = fn, .arg = arg};
    (void)pthread_mutex_unlock(&bus->lock);
}

bool bus_is_carrying(struct bus *bus)
{
    struct bus_stats stats;
    if (bus->ops->hint == NULL || atomic_load(&bus->is_stopped)) {
        return false;
    }
    bus_stats_get(bus, &stats);
    return stats.is_connected != 0;
}

void bus_signal(struct bus *bus, struct bus_topic topic, const char *kind, struct str payload)
{
    ASSERT(bus_is_kind(kind) && bus_is_topic(topic));
    struct clock clock = clock_system();
    struct bus_signal s = {.topic = topic,
                           .kind = str_from(kind),
                           .payload = str_is_empty(payload) ? STR("{}") : payload,
                           .from = str_from(bus->node.id),
                           .at = clock_now(&clock)};
    if (payload.len > BUS_PAYLOAD_MAX) {
        LOG_WARN("bus", "signal too long", log_cstr("kind", kind),
                 log_i64("bytes", (int64_t)payload.len));
        atomic_fetch_add(&bus->dropped, 1);
    } else if (!atomic_load(&bus->is_stopped)) {
        bus->ops->signal(bus, &s);
    }
}

/* ---- following ---- */

static void bus_count_follower(struct bus *bus, struct bus_topic topic, int change)
{
    ASSERT(bus_is_topic(topic));
    if (topic.scope == BUS_ALL) {
        return;
    }
    (void)pthread_mutex_lock(&bus->follow_lock);
    struct idmap *map = bus->followed[topic.scope];
    intptr_t before = (intptr_t)idmap_find(map, topic.id);
    intptr_t after = before + change;
    ASSERT(after >= 0);
    if (after == 0) {
        (void)idmap_remove(map, topic.id);
    } else {
        (void)idmap_put(map, topic.id, (void *)after); /* NOLINT(performance-no-int-to-ptr) */
    }
    if ((before == 0 || after == 0) && bus->ops->follow != NULL) {
        bus->ops->follow(bus, topic, after != 0);
    }
    (void)pthread_mutex_unlock(&bus->follow_lock);
}

void bus_follow(struct bus *bus, struct bus_topic topic)
{
    bus_count_follower(bus, topic, 1);
}

void bus_unfollow(struct bus *bus, struct bus_topic topic)
{
    bus_count_follower(bus, topic, -1);
}

bool bus_is_followed(struct bus *bus, struct bus_topic topic)
{
    if (topic.scope == BUS_ALL) {
        return true;
    }
    (void)pthread_mutex_lock(&bus->follow_lock);
    bool is_followed = idmap_find(bus->followed[topic.scope], topic.id) != NULL;
    (void)pthread_mutex_unlock(&bus->follow_lock);
    return is_followed;
}

void bus_stats_get(struct bus *bus, struct bus_stats *out)
{
    (void)pthread_mutex_lock(&bus->follow_lock);
    size_t n_followed =
        idmap_len(bus->followed[BUS_CONVERSATION]) + idmap_len(bus->followed[BUS_TEAM]);
    (void)pthread_mutex_unlock(&bus->follow_lock);
    *out = (struct bus_stats){
        .is_connected = 1,
        .sent = atomic_load(&bus->sent),
        .sent_bytes = atomic_load(&bus->sent_bytes),
        .received = atomic_load(&bus->received),
        .received_bytes = atomic_load(&bus->received_bytes),
        .dropped = atomic_load(&bus->dropped),
        .overrun = atomic_load(&bus->overrun),
        .rejected = atomic_load(&bus->rejected),
        .hints_in = atomic_load(&bus->hints_in),
        .followed = (int64_t)n_followed,
    };
    if (bus->ops->stats != NULL) {
        bus->ops->stats(bus, out);
    }
}
