/* Inside of the bus on NATS: shared by bus_nats*.c only.
 *
 * Threads: the sender (bus_nats_send.c) owns the connection: it connects, subscribes, publishes, closes. The client library's threads call back
 * (bus_nats_link.c) and only copy into the teller's queue or make the stream look. Callers of the bus touch queues under `lock`, nothing else. */
#ifndef PLATFORM_BUS_NATS_H
#define PLATFORM_BUS_NATS_H

#include <nats/nats.h>

#include "platform/bus_impl.h"
#include "platform/bus_wire.h"

#define NATS_SERVERS_MAX 16
#define NATS_HINTS_MAX 16 /* conversations and teams named after one batch of commits */

struct nats_bus;

/* What the library's callbacks hold on to: its threads may be late, the bus is not there for ever. Counted: one for the bus, one for each connection and
 * subscription, given back by the library's last call for it. */
struct nats_link {
    pthread_mutex_t lock;
    struct nats_bus *bus; /* NULL: stopped */
    size_t n_refs;
};

struct nats_bus {
    struct bus base;
    char prefix[BUS_PREFIX_MAX + 1];
    uint8_t key[32];
    natsOptions *options;
    struct nats_link *link;
    bool is_tls;
    struct nats_loop *loop; /* NULL: no TLS, or not started */
    struct metric *hint_delay;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct bus_queue queue;
    struct bus_topic hints[NATS_HINTS_MAX];
    size_t n_hints;
    bool has_hint;
    int64_t n_commits;                 /* that the hint stands for */
    int64_t hint_at_us;                /* of the oldest commit that waits to be told */
    struct idmap *dirty[BUS_TEAM + 1]; /* followed anew, or no longer: the sender looks which */
    bool is_stopping;

    atomic_bool is_connected;
    atomic_bool is_closed; /* the library has given the connection up */
    atomic_int_fast64_t reconnects;
    atomic_int_fast64_t complained_at; /* about what was rejected */

    /* The sender's own. */
    pthread_t thread;
    bool is_started;
    natsConnection *conn; /* NULL: none */
    struct idmap *subs[BUS_TEAM + 1];
    int64_t hinted_ns; /* when hints were sent last */
    int n_hinted;      /* for how many commits, 1 to HINT_PAUSE_MAX */
    struct buf wire;
};

/* ---- bus_nats.c ---- */
ERR_MUST_USE enum err nats_bus_new(const struct bus_options *o, struct bus **out,
                                   struct errinfo *info);
/* natsOptions with servers, credentials and TLS. */
ERR_MUST_USE enum err nats_options_new(const struct bus_options *o, natsOptions **out,
                                       struct errinfo *info);
bool nats_is_tls(const char *url);

/* "nats://user:password@host:port", "[::1]:4222", "host": without who we are; port 4222 when none is named. */
struct nats_address {
    struct str host, port;
};
void nats_address_split(struct str url, struct nats_address *out);

/* The servers of bus.url; those without user and password get those of the one before. */
ERR_MUST_USE enum err nats_servers_parse(struct arena *arena, const char *url,
                                         const char *servers_out[NATS_SERVERS_MAX], int *n_out,
                                         struct errinfo *info);

/* ---- bus_nats_probe.c: as bus_probe ---- */
ERR_MUST_USE enum err nats_probe(const struct bus_options *o, struct buf *out,
                                 struct errinfo *info);

/* ---- bus_nats_link.c ---- */
struct nats_link *nats_link_new(struct nats_bus *bus);
void nats_link_ref(struct nats_link *link);
void nats_link_unref(struct nats_link **link);
void nats_link_cut(struct nats_link *link); /* no call into the bus afterwards */
void nats_link_wire(struct nats_link *link, natsOptions *options); /* connection callbacks */
void nats_on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *link);
void nats_on_complete(void *link); /* of a subscription */
/* The connection works again, or for the first time: what was missed is looked up, and the others are told to look. */
void nats_connected(struct nats_bus *bus);

/* ---- bus_nats_loop.c: reads and writes TLS connections on a thread of its own ---- */
struct nats_loop *nats_loop_new(natsOptions *options);
/* The loop is not in the connection and does not touch it any more: after closing it, before it is destroyed. NULL is fine. */
void nats_loop_forget(struct nats_loop *loop);
void nats_loop_free(struct nats_loop **loop); /* after the last connection was closed */

/* ---- bus_nats_send.c ---- */
void *nats_sender_main(void *bus);

int64_t nats_now_us(void);

#endif
