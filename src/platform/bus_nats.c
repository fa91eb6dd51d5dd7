/* The bus on NATS: core publish and subscribe, no JetStream (its acknowledgements come before fsync, and the database is the record anyway).
 *
 * One connection per process; a subscription for everybody's subject and one for each topic that is followed, so that a node hears of the conversations
 * that its sockets look at and no others. See bus_nats.h for the threads. */
#include "platform/bus_nats.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "platform/metrics.h"

#define CONNECT_MS 1000
#define WRITE_MS 1000
#define PING_MS 2000 /* a server that is gone without a word is noticed after three of these */
#define RECONNECT_MS 250
#define JITTER_MS 500
#define PENDING_TOPIC 512
#define OFFLINE_BYTES                                                                              \
    65536 /* that the library may keep while it is disconnected: next to nothing */

/* ---- from callers ---- */

static void nats_signal(struct bus *bus, const struct bus_signal *s)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    (void)pthread_mutex_lock(&b->lock);
    bool fits = atomic_load(&b->is_connected) && !b->is_stopping && bus_queue_put(&b->queue, s);
    if (fits && b->queue.n == 1) {
        (void)pthread_cond_signal(&b->wake);
    }
    (void)pthread_mutex_unlock(&b->lock);
    if (!fits) {
        atomic_fetch_add(&bus->dropped, 1);
    }
}

static void nats_name_hint(struct nats_bus *b, struct bus_topic topic)
{
    if (topic.id <= 0) {
        return;
    }
    for (size_t i = 0; i < b->n_hints; i++) {
        if (b->hints[i].id == topic.id && b->hints[i].scope == topic.scope) {
            return;
        }
    }
    if (b->n_hints < NATS_HINTS_MAX) {
        b->hints[b->n_hints++] = topic;
    }
}

static void nats_hint(struct bus *bus, struct bus_topic conversation, struct bus_topic team)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    if (!atomic_load(&b->is_connected)) {
        return; /* nodes look after every reconnection */
    }
    (void)pthread_mutex_lock(&b->lock);
    nats_name_hint(b, conversation);
    nats_name_hint(b, team);
    b->n_commits++;
    if (!b->has_hint) {
        b->has_hint = true;
        b->hint_at_us = nats_now_us();
        (void)pthread_cond_signal(&b->wake);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static void nats_follow(struct bus *bus, struct bus_topic topic, bool on)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    (void)on; /* the sender looks when it comes to it */
    (void)pthread_mutex_lock(&b->lock);
    if (b->is_started && !b->is_stopping) {
        (void)idmap_put(b->dirty[topic.scope], topic.id, b);
        (void)pthread_cond_signal(&b->wake);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static bool nats_is_connected(struct bus *bus)
{
    return atomic_load(&((struct nats_bus *)bus)->is_connected);
}

static void nats_stats(struct bus *bus, struct bus_stats *out)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    out->is_connected = atomic_load(&b->is_connected);
    out->reconnects = atomic_load(&b->reconnects);
}

/* ---- life ---- */

static void nats_start(struct bus *bus)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    bus_teller_start(bus);
    if (b->is_tls) {
        b->loop = nats_loop_new(b->options);
    }
    (void)pthread_mutex_lock(&b->lock);
    b->is_started = pthread_create(&b->thread, NULL, nats_sender_main, b) == 0;
    (void)pthread_mutex_unlock(&b->lock);
    if (!b->is_started) {
        LOG_ERROR("bus", "no thread for the bus: other nodes are heard of within a second");
    }
}

static void nats_stop(struct bus *bus)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    (void)pthread_mutex_lock(&b->lock);
    b->is_stopping = true;
    (void)pthread_cond_signal(&b->wake);
    (void)pthread_mutex_unlock(&b->lock);
    if (b->is_started) {
        (void)pthread_join(b->thread, NULL);
    }
    nats_link_cut(b->link);
    nats_loop_free(&b->loop);
    bus_teller_stop(bus);
}

static void nats_free(struct bus *bus)
{
    struct nats_bus *b = (struct nats_bus *)bus;
    struct bus_kept *left = bus_queue_take(&b->queue, SIZE_MAX);
    bus_kept_free(&left);
    for (enum bus_scope scope = BUS_ALL; scope <= BUS_TEAM; scope++) {
        idmap_free(&b->subs[scope]);
        idmap_free(&b->dirty[scope]);
    }
    natsOptions_Destroy(b->options);
    nats_link_unref(&b->link);
    buf_release(&b->wire);
    (void)pthread_cond_destroy(&b->wake);
    (void)pthread_mutex_destroy(&b->lock);
    bus_release(bus);
    mem_wipe(b->key, sizeof(b->key));
    mem_free(b);
}

static const struct bus_ops nats_ops = {.signal = nats_signal,
                                        .hint = nats_hint,
                                        .follow = nats_follow,
                                        .start = nats_start,
                                        .stop = nats_stop,
                                        .free = nats_free,
                                        .is_connected = nats_is_connected,
                                        .stats = nats_stats};

/* ---- options ---- */

static bool is_set(const char *s)
{
    return s != NULL && s[0] != '\0';
}

static enum err bad(struct errinfo *info, const char *field, const char *code, const char *text)
{
    return err_set(info, ERR_INVALID, field, code, "%s", text);
}

void nats_address_split(struct str url, struct nats_address *out)
{
    size_t scheme = str_find(url, STR("://"));
    struct str rest = scheme == SIZE_MAX ? url : str_sub(url, scheme + 3, SIZE_MAX);
    size_t at = str_find_char(rest, '@');
    rest = at == SIZE_MAX ? rest : str_sub(rest, at + 1, SIZE_MAX);
    size_t end = rest.len;
    while (end > 0 && rest.p[end - 1] != ':' && rest.p[end - 1] != ']') {
        end--;
    }
    bool has_port = end > 0 && rest.p[end - 1] == ':';
    out->host = has_port ? str_sub(rest, 0, end - 1) : rest;
    out->port = has_port ? str_sub(rest, end, SIZE_MAX) : STR("4222");
    if (out->host.len > 2 && out->host.p[0] == '[') {
        out->host = str_sub(out->host, 1, out->host.len - 2);
    }
}

/* One server's address; what else may be wrong with it the library says. */
static bool nats_is_server(struct str url)
{
    struct nats_address a;
    int64_t port = 0;
    nats_address_split(url, &a);
    return (str_starts(url, STR("nats://")) || str_starts(url, STR("tls://"))) && a.host.len > 0 &&
           str_to_i64(a.port, &port) && port > 0 && port < 65536;
}

/* "user:password@", or nothing. */
static struct str nats_user(struct str url)
{
    size_t from = str_find(url, STR("://")) + 3;
    size_t at = str_find_char(url, '@');
    return at == SIZE_MAX ? STR("") : str_sub(url, from, at + 1 - from);
}

enum err nats_servers_parse(struct arena *arena, const char *url,
                            const char *servers_out[NATS_SERVERS_MAX], int *n_out,
                            struct errinfo *info)
{
    struct str rest = str_from(url);
    struct str piece;
    struct str user = {NULL, 0};
    int n = 0;
    while (str_split(&rest, ',', &piece)) {
        piece = str_trim(piece);
        if (!nats_is_server(piece)) {
            return bad(info, "bus.url", "format",
                       "each server is nats://host:port or tls://host:port");
        }
        if (n == NATS_SERVERS_MAX) {
            return bad(info, "bus.url", "too_long", "too many servers");
        }
        struct str own = nats_user(piece);
        user = own.len > 0 ? own : user;
        size_t after = str_find(piece, STR("://")) + 3;
        servers_out[n++] =
            own.len > 0
                ? str_to_cstr(arena, piece)
                : str_to_cstr(arena, str_printf(arena, STR_FMT STR_FMT STR_FMT,
                                                STR_ARG(str_sub(piece, 0, after)), STR_ARG(user),
                                                STR_ARG(str_sub(piece, after, SIZE_MAX))));
    }
    *n_out = n;
    return ERR_OK;
}

bool nats_is_tls(const char *url)
{
    return str_find(str_from(url), STR("tls://")) != SIZE_MAX;
}

static enum err nats_set_servers(natsOptions *options, const char *url, struct errinfo *info)
{
    const char *servers[NATS_SERVERS_MAX];
    struct arena *arena = arena_new(0);
    int n = 0;
    bool is_tls = nats_is_tls(url);
    enum err err = nats_servers_parse(arena, url, servers, &n, info);
    if (err == ERR_OK && natsOptions_SetServers(options, servers, n) != NATS_OK) {
        err = bad(info, "bus.url", "format", "not a list of nats://host:port");
    }
    if (err == ERR_OK && is_tls && natsOptions_SetSecure(options, true) != NATS_OK) {
        err = bad(info, "bus.url", "tls", "the NATS client has no TLS");
    }
    arena_free(&arena);
    return err;
}

static enum err nats_set_files(natsOptions *options, const struct bus_options *o,
                               struct errinfo *info)
{
    if (is_set(o->tls_ca) && natsOptions_LoadCATrustedCertificates(options, o->tls_ca) != NATS_OK) {
        return bad(info, "bus.tls_ca", "file", "cannot be read as certificates (PEM)");
    }
    if (is_set(o->tls_cert) != is_set(o->tls_key)) {
        return bad(info, "bus.tls_cert", "required", "bus.tls_cert and bus.tls_key go together");
    }
    if (is_set(o->tls_cert) &&
        natsOptions_LoadCertificatesChain(options, o->tls_cert, o->tls_key) != NATS_OK) {
        return bad(info, "bus.tls_cert", "file", "certificate and key cannot be read (PEM)");
    }
    if (is_set(o->credentials) && /* the library looks when it connects */
        (access(o->credentials, R_OK) != 0 ||
         natsOptions_SetUserCredentialsFromFiles(options, o->credentials, NULL) != NATS_OK)) {
        return bad(info, "bus.credentials", "file", "cannot be read");
    }
    return ERR_OK;
}

enum err nats_options_new(const struct bus_options *o, natsOptions **out, struct errinfo *info)
{
    natsOptions *options = NULL;
    if (nats_SetMessageDeliveryPoolSize(1) != NATS_OK || natsOptions_Create(&options) != NATS_OK) {
        return err_set(info, ERR_INTERNAL, NULL, "nats", "the NATS client cannot be used");
    }
    enum err err = nats_set_servers(options, o->url, info);
    if (err == ERR_OK) {
        err = nats_set_files(options, o, info);
    }
    if (err != ERR_OK) {
        natsOptions_Destroy(options);
        return err;
    }
    (void)natsOptions_SetTimeout(options, CONNECT_MS);
    (void)natsOptions_SetWriteDeadline(options, WRITE_MS);
    *out = options;
    return ERR_OK;
}

/* One thread delivers all subscriptions, so that what one node says is heard in its order over all topics. */
static void nats_tune(struct nats_bus *b)
{
    char name[BUS_NAME_MAX + 16];
    (void)snprintf(name, sizeof(name), "stablehand %s", b->base.node.name);
    (void)natsOptions_SetName(b->options, name);
    (void)natsOptions_SetNoEcho(b->options, true);
    (void)natsOptions_SetSendAsap(b->options, true);
    (void)natsOptions_UseGlobalMessageDelivery(b->options, true);
    (void)natsOptions_SetMaxPendingMsgs(b->options, PENDING_TOPIC);
    (void)natsOptions_SetAllowReconnect(b->options, true);
    (void)natsOptions_SetMaxReconnect(b->options, -1);
    (void)natsOptions_SetReconnectWait(b->options, RECONNECT_MS);
    (void)natsOptions_SetReconnectJitter(b->options, JITTER_MS, JITTER_MS);
    (void)natsOptions_SetReconnectBufSize(b->options, OFFLINE_BYTES);
    (void)natsOptions_SetPingInterval(b->options, PING_MS);
    (void)natsOptions_SetMaxPingsOut(b->options, 2);
    nats_link_wire(b->link, b->options);
}

enum err nats_bus_new(const struct bus_options *o, struct bus **out, struct errinfo *info)
{
    natsOptions *options = NULL;
    enum err err = nats_options_new(o, &options, info);
    if (err != ERR_OK) {
        return err;
    }
    struct nats_bus *b = MEM_NEW(struct nats_bus);
    bus_init(&b->base, &nats_ops, o->node_name);
    (void)snprintf(b->prefix, sizeof(b->prefix), "%s", o->prefix);
    memcpy(b->key, o->key, sizeof(b->key));
    b->options = options;
    b->is_tls = nats_is_tls(o->url);
    b->link = nats_link_new(b);
    b->hint_delay = metric_histogram("stablehand_bus_hint_delay_seconds",
                                     "From a commit on another node to the hint of it here");
    (void)pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&b->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    buf_init(&b->wire, BUS_WIRE_MAX);
    for (enum bus_scope scope = BUS_ALL; scope <= BUS_TEAM; scope++) {
        b->subs[scope] = idmap_new();
        b->dirty[scope] = idmap_new();
    }
    nats_tune(b);
    *out = &b->base;
    return ERR_OK;
}
