/* The sender: a thread that owns the connection. Publishing can block for as long as a server that has stopped reading makes it (the write deadline), so
 * callers only leave their words in a bounded queue; what has waited for too long is not worth sending, and without a connection nothing is kept at all.
 *
 * Hints are coalesced: whatever is committed while the last ones are on their way, and within one to five milliseconds, goes out as one. The hint on ".all" is
 * what other nodes need; those of conversations and teams are for outsiders, and only so many of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/bus_nats.h"

#define STALE_MS 2000
#define HINT_PAUSE_NS 1000000LL /* for each commit that the last hint stood for, */
#define HINT_PAUSE_MAX 5        /* at most so often */
#define BATCH 256
#define RETRY_MS 250 /* to connect anew: this, and as much as that again at random, doubled up to */
#define RETRY_MAX_MS 4000
#define RESUBSCRIBE_NS 100000000LL
#define PENDING_ALL                                                                                \
    16384 /* messages that the library may hold for us, of the subject that all use */
#define CLOSE_MS 500
#define BUFFERED_MAX (1 << 20) /* bytes that wait for the socket (TLS: see bus_nats_loop.c) */

/* What is to be done now. */
struct chores {
    struct bus_kept *signals;
    struct bus_topic hints[NATS_HINTS_MAX];
    size_t n_hints;
    bool has_hint;
    int64_t hint_at_us;
    struct bus_topic *dirty; /* heap */
    size_t n_dirty;
};

/* ---- waiting ---- */

static void nats_wait(struct nats_bus *b, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    (void)pthread_cond_timedwait(&b->wake, &b->lock, &until);
}

/* False: stop. */
static bool nats_pause(struct nats_bus *b, int64_t ms)
{
    int64_t until_ns = time_monotonic_ns() + ms * 1000000;
    (void)pthread_mutex_lock(&b->lock);
    while (!b->is_stopping && time_monotonic_ns() < until_ns) {
        nats_wait(b, until_ns);
    }
    bool goes_on = !b->is_stopping;
    (void)pthread_mutex_unlock(&b->lock);
    return goes_on;
}

static size_t nats_n_dirty(const struct nats_bus *b)
{
    return idmap_len(b->dirty[BUS_CONVERSATION]) + idmap_len(b->dirty[BUS_TEAM]);
}

static void nats_take_dirty(struct nats_bus *b, struct chores *c)
{
    size_t n = nats_n_dirty(b);
    if (n == 0) {
        return;
    }
    c->dirty = MEM_NEW_ARRAY(struct bus_topic, n);
    for (enum bus_scope scope = BUS_CONVERSATION; scope <= BUS_TEAM; scope++) {
        size_t at = 0;
        int64_t id = 0;
        void *value = NULL;
        while (idmap_next(b->dirty[scope], &at, &id, &value)) {
            c->dirty[c->n_dirty++] = (struct bus_topic){scope, id};
        }
        idmap_free(&b->dirty[scope]);
        b->dirty[scope] = idmap_new();
    }
}

/* Waits for something to do. False: stop (there may be some left to send all the same). */
static bool nats_take(struct nats_bus *b, struct chores *c)
{
    *c = (struct chores){0};
    (void)pthread_mutex_lock(&b->lock);
    int64_t hint_ns = b->hinted_ns + HINT_PAUSE_NS * b->n_hinted;
    while (!b->is_stopping && !atomic_load(&b->is_closed) && b->queue.n == 0 &&
           nats_n_dirty(b) == 0) {
        if (!b->has_hint) {
            (void)pthread_cond_wait(&b->wake, &b->lock);
        } else if (time_monotonic_ns() < hint_ns) {
            nats_wait(b, hint_ns);
        } else {
            break;
        }
    }
    if (b->has_hint && (b->is_stopping || time_monotonic_ns() >= hint_ns)) {
        c->has_hint = true;
        c->hint_at_us = b->hint_at_us;
        c->n_hints = b->n_hints;
        int64_t n = b->n_commits > HINT_PAUSE_MAX ? HINT_PAUSE_MAX : b->n_commits;
        b->n_hinted = n > 1 ? (int)n : 1;
        b->n_commits = 0;
        memcpy(c->hints, b->hints, sizeof(c->hints));
        b->has_hint = false;
        b->n_hints = 0;
    }
    c->signals = bus_queue_take(&b->queue, b->is_stopping ? SIZE_MAX : BATCH);
    nats_take_dirty(b, c);
    bool goes_on = !b->is_stopping;
    (void)pthread_mutex_unlock(&b->lock);
    return goes_on;
}

/* ---- subscriptions ---- */

static natsSubscription *nats_subscribe(struct nats_bus *b, struct bus_topic topic)
{
    natsSubscription *sub = NULL;
    char subject[BUS_SUBJECT_MAX];
    bus_wire_subject(b->prefix, topic, subject);
    if (natsConnection_Subscribe(&sub, b->conn, subject, nats_on_message, b->link) != NATS_OK) {
        return NULL;
    }
    nats_link_ref(b->link);
    if (natsSubscription_SetOnCompleteCB(sub, nats_on_complete, b->link) != NATS_OK) {
        LOG_ERROR(
            "bus",
            "subscription without an end"); /* the link is kept for ever: a leak and no more */
    }
    return sub;
}

/* A topic as it is wanted now. False: try again. */
static bool nats_settle(struct nats_bus *b, struct bus_topic topic)
{
    natsSubscription *sub = idmap_find(b->subs[topic.scope], topic.id);
    bool is_wanted = bus_is_followed(&b->base, topic);
    if (is_wanted && sub == NULL) {
        sub = nats_subscribe(b, topic);
        if (sub != NULL) {
            (void)idmap_put(b->subs[topic.scope], topic.id, sub);
        }
        return sub != NULL;
    }
    if (!is_wanted && sub != NULL) {
        (void)idmap_remove(b->subs[topic.scope], topic.id);
        (void)natsSubscription_Unsubscribe(sub);
        natsSubscription_Destroy(sub);
    }
    return true;
}

static void nats_mark_dirty(struct nats_bus *b, struct bus_topic topic)
{
    (void)pthread_mutex_lock(&b->lock);
    (void)idmap_put(b->dirty[topic.scope], topic.id, b);
    (void)pthread_mutex_unlock(&b->lock);
}

static void nats_settle_all(struct nats_bus *b, struct chores *c)
{
    bool failed = false;
    for (size_t i = 0; i < c->n_dirty; i++) {
        if (!nats_settle(b, c->dirty[i])) {
            nats_mark_dirty(b, c->dirty[i]);
            failed = true;
        }
    }
    mem_free(c->dirty);
    if (failed) {
        (void)nats_pause(b, RESUBSCRIBE_NS / 1000000);
    }
}

/* ---- connection ---- */

static void nats_disconnect(struct nats_bus *b)
{
    atomic_store(&b->is_connected, false);
    for (enum bus_scope scope = BUS_ALL; scope <= BUS_TEAM; scope++) {
        size_t at = 0;
        int64_t id = 0;
        void *sub = NULL;
        while (idmap_next(b->subs[scope], &at, &id, &sub)) {
            natsSubscription_Destroy(sub);
        }
        idmap_free(&b->subs[scope]);
        b->subs[scope] = idmap_new();
    }
    if (b->conn != NULL) {
        natsConnection_Close(b->conn);
        nats_loop_forget(b->loop);
        natsConnection_Destroy(b->conn);
        b->conn = NULL;
    }
    atomic_store(&b->is_closed, false);
}

static bool nats_connect(struct nats_bus *b)
{
    char url[512] = "";
    atomic_store(&b->is_closed, false);
    natsStatus status = natsConnection_Connect(&b->conn, b->options);
    if (status != NATS_OK) {
        nats_loop_forget(b->loop);
        b->conn = NULL;
        LOG_WARN("bus", "no connection", log_cstr("status", natsStatus_GetText(status)));
        return false;
    }
    nats_link_ref(b->link); /* for on_closed */
    natsSubscription *all = nats_subscribe(b, bus_of_all());
    if (all == NULL) {
        nats_disconnect(b);
        return false;
    }
    (void)natsSubscription_SetPendingLimits(all, PENDING_ALL, PENDING_ALL * 1024);
    (void)idmap_put(b->subs[BUS_ALL], 0, all);
    for (enum bus_scope scope = BUS_CONVERSATION; scope <= BUS_TEAM; scope++) {
        size_t at = 0;
        int64_t id = 0;
        void *count = NULL;
        (void)pthread_mutex_lock(&b->base.follow_lock);
        (void)pthread_mutex_lock(&b->lock);
        while (idmap_next(b->base.followed[scope], &at, &id, &count)) {
            (void)idmap_put(b->dirty[scope], id, b);
        }
        (void)pthread_mutex_unlock(&b->lock);
        (void)pthread_mutex_unlock(&b->base.follow_lock);
    }
    (void)natsConnection_GetConnectedUrl(b->conn, url, sizeof(url));
    struct nats_address server; /* the url may hold a password */
    nats_address_split(str_from(url), &server);
    LOG_INFO("bus", "connected", log_str("server", server.host), log_str("port", server.port),
             log_cstr("node", b->base.node.name));
    nats_connected(b);
    return true;
}

/* False: stop. */
static bool nats_connect_at_last(struct nats_bus *b)
{
    int64_t retry_ms = RETRY_MS;
    while (!nats_connect(b)) {
        if (!nats_pause(b, retry_ms + (int64_t)(rng_u64() % (uint64_t)retry_ms))) {
            return false;
        }
        retry_ms = retry_ms * 2 < RETRY_MAX_MS ? retry_ms * 2 : RETRY_MAX_MS;
    }
    return true;
}

/* ---- publishing ---- */

static void nats_publish(struct nats_bus *b, struct bus_topic topic, const struct bus_word *word)
{
    char subject[BUS_SUBJECT_MAX];
    bus_wire_subject(b->prefix, topic, subject);
    bus_wire_encode(b->key, str_from(subject), word, &b->wire);
    if (atomic_load(&b->is_connected) && natsConnection_Buffered(b->conn) < BUFFERED_MAX &&
        natsConnection_Publish(b->conn, subject, b->wire.p, (int)b->wire.len) == NATS_OK) {
        atomic_fetch_add(&b->base.sent, 1);
        atomic_fetch_add(&b->base.sent_bytes, (int64_t)b->wire.len);
    } else {
        atomic_fetch_add(&b->base.dropped, 1);
    }
}

static void nats_publish_hints(struct nats_bus *b, const struct chores *c)
{
    struct bus_word word = {.node = str_from(b->base.node.id),
                            .at_us = c->hint_at_us,
                            .kind = STR(BUS_WIRE_HINT),
                            .payload = STR("{}")};
    b->hinted_ns = time_monotonic_ns();
    nats_publish(b, bus_of_all(), &word);
    for (size_t i = 0; i < c->n_hints; i++) {
        nats_publish(b, c->hints[i], &word);
    }
}

static void nats_publish_signals(struct nats_bus *b, const struct chores *c)
{
    int64_t now_ms = nats_now_us() / 1000;
    for (const struct bus_kept *kept = c->signals; kept != NULL; kept = kept->next) {
        if (now_ms - kept->s.at > STALE_MS) {
            atomic_fetch_add(&b->base.dropped, 1);
            continue;
        }
        struct bus_word word = {.node = str_from(b->base.node.id),
                                .at_us = kept->s.at * 1000,
                                .kind = kept->s.kind,
                                .payload = kept->s.payload};
        nats_publish(b, kept->s.topic, &word);
    }
}

static void nats_do(struct nats_bus *b, struct chores *c)
{
    if (c->has_hint) {
        nats_publish_hints(b, c);
    }
    nats_publish_signals(b, c);
    bus_kept_free(&c->signals);
    nats_settle_all(b, c);
}

void *nats_sender_main(void *arg)
{
    struct nats_bus *b = arg;
    (void)pthread_setname_np(pthread_self(), "bus-sender");
    bool goes_on = nats_connect_at_last(b);
    while (goes_on) {
        struct chores chores;
        goes_on = nats_take(b, &chores);
        nats_do(b, &chores);
        if (goes_on && atomic_load(&b->is_closed)) {
            LOG_WARN("bus", "connection given up; trying anew");
            nats_disconnect(b);
            goes_on = nats_connect_at_last(b);
        }
    }
    if (atomic_load(&b->is_connected)) {
        (void)natsConnection_FlushTimeout(b->conn, CLOSE_MS);
    }
    nats_disconnect(b);
    nats_ReleaseThreadMemory();
    return NULL;
}
