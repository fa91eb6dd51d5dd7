/* What the client library tells us, on its threads. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/bus_nats.h"
#include "platform/metrics.h"

#define COMPLAIN_MS (60 * TIME_SECOND_MS)

int64_t nats_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- link ---- */

struct nats_link *nats_link_new(struct nats_bus *bus)
{
    struct nats_link *link = MEM_NEW(struct nats_link);
    link->bus = bus;
    link->n_refs = 1;
    (void)pthread_mutex_init(&link->lock, NULL);
    return link;
}

void nats_link_ref(struct nats_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    link->n_refs++;
    (void)pthread_mutex_unlock(&link->lock);
}

void nats_link_unref(struct nats_link **link)
{
    struct nats_link *l = *link;
    *link = NULL;
    (void)pthread_mutex_lock(&l->lock);
    bool is_last = --l->n_refs == 0;
    (void)pthread_mutex_unlock(&l->lock);
    if (is_last) {
        (void)pthread_mutex_destroy(&l->lock);
        mem_free(l);
    }
}

void nats_link_cut(struct nats_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    link->bus = NULL;
    (void)pthread_mutex_unlock(&link->lock);
}

/* ---- messages ---- */

/* Once a minute at most: a stranger must not fill the log. */
static void nats_complain(struct nats_bus *bus, enum bus_verdict verdict)
{
    int64_t now_ms = time_monotonic_ns() / 1000000;
    int64_t last_ms = atomic_load(&bus->complained_at);
    atomic_fetch_add(&bus->base.rejected, 1);
    if ((last_ms == 0 || now_ms - last_ms >= COMPLAIN_MS) &&
        atomic_compare_exchange_strong(&bus->complained_at, &last_ms, now_ms)) {
        LOG_WARN("bus", "message rejected",
                 log_cstr("why", verdict == BUS_WIRE_FORGED
                                     ? "bad mac: do all nodes have the same data.key_file?"
                                     : "malformed"),
                 log_i64("rejected", atomic_load(&bus->base.rejected)));
    }
}

static void nats_hear_hint(struct nats_bus *bus, int64_t at_us)
{
    int64_t delay_us = nats_now_us() - at_us;
    atomic_fetch_add(&bus->base.hints_in, 1);
    metric_observe_us(bus->hint_delay, delay_us > 0 ? delay_us : 0);
    bus_tell_hint(&bus->base);
}

static void nats_hear(struct nats_bus *bus, const char *subject, struct str data)
{
    struct bus_topic topic;
    struct bus_word word;
    enum bus_verdict verdict = BUS_WIRE_MALFORMED;
    if (bus_wire_topic(bus->prefix, str_from(subject), &topic)) {
        verdict = bus_wire_decode(bus->key, str_from(subject), data, &word);
    }
    if (verdict != BUS_WIRE_GOOD) {
        nats_complain(bus, verdict);
        return;
    }
    if (str_eq_cstr(word.node, bus->base.node.id)) {
        return; /* the server does not send it back; somebody else does */
    }
    atomic_fetch_add(&bus->base.received, 1);
    atomic_fetch_add(&bus->base.received_bytes, (int64_t)data.len);
    if (str_eq(word.kind, STR(BUS_WIRE_HINT))) {
        nats_hear_hint(bus, word.at_us);
        return;
    }
    struct bus_signal s = {.topic = topic,
                           .kind = word.kind,
                           .payload = word.payload,
                           .from = word.node,
                           .at = word.at_us / 1000};
    (void)bus_tell(&bus->base, &s);
}

void nats_on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    struct nats_link *link = arg;
    (void)nc;
    (void)sub;
    (void)pthread_mutex_lock(&link->lock);
    if (link->bus != NULL) {
        nats_hear(link->bus, natsMsg_GetSubject(msg),
                  (struct str){natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg)});
    }
    (void)pthread_mutex_unlock(&link->lock);
    natsMsg_Destroy(msg);
}

void nats_on_complete(void *arg)
{
    struct nats_link *link = arg;
    nats_link_unref(&link);
}

/* ---- connection ---- */

void nats_connected(struct nats_bus *bus)
{
    (void)pthread_mutex_lock(&bus->lock);
    atomic_store(&bus->is_connected, true);
    if (!bus->has_hint) {
        bus->has_hint = true;
        bus->hint_at_us = nats_now_us();
    }
    (void)pthread_cond_signal(&bus->wake);
    (void)pthread_mutex_unlock(&bus->lock);
    bus_tell_hint(&bus->base);
}

static void on_disconnected(natsConnection *nc, void *arg)
{
    struct nats_link *link = arg;
    (void)nc;
    (void)pthread_mutex_lock(&link->lock);
    if (link->bus != NULL && atomic_exchange(&link->bus->is_connected, false)) {
        LOG_WARN("bus", "disconnected");
    }
    (void)pthread_mutex_unlock(&link->lock);
}

static void on_reconnected(natsConnection *nc, void *arg)
{
    struct nats_link *link = arg;
    (void)nc;
    (void)pthread_mutex_lock(&link->lock);
    if (link->bus != NULL) {
        atomic_fetch_add(&link->bus->reconnects, 1);
        LOG_INFO("bus", "connected again");
        nats_connected(link->bus);
    }
    (void)pthread_mutex_unlock(&link->lock);
}

/* The library's last word about a connection: by us, or after the same server has refused our credentials twice. */
static void on_closed(natsConnection *nc, void *arg)
{
    struct nats_link *link = arg;
    (void)nc;
    (void)pthread_mutex_lock(&link->lock);
    if (link->bus != NULL) {
        (void)pthread_mutex_lock(&link->bus->lock);
        atomic_store(&link->bus->is_connected, false);
        atomic_store(&link->bus->is_closed, true);
        (void)pthread_cond_signal(&link->bus->wake);
        (void)pthread_mutex_unlock(&link->bus->lock);
    }
    (void)pthread_mutex_unlock(&link->lock);
    nats_link_unref(&link);
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus status, void *arg)
{
    struct nats_link *link = arg;
    (void)nc;
    (void)sub;
    (void)pthread_mutex_lock(&link->lock);
    if (link->bus != NULL) {
        if (status == NATS_SLOW_CONSUMER) { /* what was lost may have been hints */
            atomic_fetch_add(&link->bus->base.overrun, 1);
            bus_tell_hint(&link->bus->base);
        }
        LOG_WARN("bus", "trouble", log_cstr("status", natsStatus_GetText(status)));
    }
    (void)pthread_mutex_unlock(&link->lock);
}

void nats_link_wire(struct nats_link *link, natsOptions *options)
{
    (void)natsOptions_SetDisconnectedCB(options, on_disconnected, link);
    (void)natsOptions_SetReconnectedCB(options, on_reconnected, link);
    (void)natsOptions_SetClosedCB(options, on_closed, link);
    (void)natsOptions_SetErrorHandler(options, on_error, link);
}
