/* Bus: what the nodes of a desk tell each other, and what this node tells itself. A hint; the database is the truth.
 *
 * Three things go over it:
 *   events   committed rows (event.h). Listeners of this process hear each of them once, in the order of ids, whichever node committed it: from the commit
 *            hook on SQLite, from db_pg_stream.c on PostgreSQL. They do not travel: every node reads them from the database.
 *   hints    "something was committed: look": what makes the other nodes' streams look at once instead of within a second. The bus sends them by itself.
 *   signals  short-lived news that are no rows: presence, typing, who views what, "this session was signed out", "what this agent may do changed".
 *
 * Signals are LOSSY: one is dropped when the network is away, when a queue is full, when a node is too slow; and one that is late is late. Nothing may rest on
 * one: what must hold is a row that is looked up, or is said again after a while, or expires. What is delivered of one sender comes in the order it was sent.
 *
 *     static void on_typing(void *arg, const struct bus_signal *s)      // s->payload is JSON, s->topic.id the conversation
 *     bus_on_signal(bus, "typing", on_typing, desk);                    // before the server starts
 *     bus_follow(bus, bus_of_conversation(c));                          // somebody here looks at it ...
 *     bus_signal(bus, bus_of_conversation(c), "typing", STR("{\"agent_id\":\"7\"}"));   // to the OTHER nodes; own sockets were told before
 *     bus_unfollow(bus, bus_of_conversation(c));                        // ... and goes
 *
 * Implementations: bus_local.c (this process alone; or several nodes in one process, for tests), bus_nats.c. Both pass tests/unit/platform/test_bus.c. */
#ifndef PLATFORM_BUS_H
#define PLATFORM_BUS_H

#include "base/buf.h"
#include "platform/event.h"

/* ---- nodes ---- */

#define BUS_NAME_MAX 64
struct bus_node {
    char id[17]; /* 16 hex digits, another one at each start */
    char
        name[BUS_NAME_MAX + 1]; /* for people: setting node.name, or host name and process number */
};
const struct bus_node *bus_node(const struct bus *bus); /* lives as long as the bus */

/* ---- signals ---- */

#define BUS_PAYLOAD_MAX 4096
#define BUS_KIND_MAX 32

enum bus_scope { BUS_ALL, BUS_CONVERSATION, BUS_TEAM };
struct bus_topic {
    enum bus_scope scope;
    int64_t id; /* 0 for BUS_ALL */
};
static inline struct bus_topic bus_of_all(void)
{
    return (struct bus_topic){BUS_ALL, 0};
}
static inline struct bus_topic bus_of_conversation(struct conversation_id c)
{
    return (struct bus_topic){BUS_CONVERSATION, c.v};
}
static inline struct bus_topic bus_of_team(struct team_id t)
{
    return (struct bus_topic){BUS_TEAM, t.v};
}

struct bus_signal {
    struct bus_topic topic;
    struct str kind;
    struct str
        payload; /* a valid JSON object of at most BUS_PAYLOAD_MAX bytes; its fields are the listener's to check, the sender may be an older version */
    struct str from; /* id of the node; never this one */
    int64_t at;      /* when it was sent, by the sender's clock */
};

/* False: signals go nowhere now (no message server, or no connection to it). Any thread. */
bool bus_is_carrying(struct bus *bus);
/* To every other node that follows the topic, never to this one. Any thread, also from listeners and hooks; copies, never blocks, cannot fail: what cannot be
 * sent is dropped and counted. `kind` is a literal of [a-z0-9_.], `payload` a JSON object. Only ids and words in it, no customer's text, no secret: whoever may subscribe
 * on the message server can read it (not forge it: signals carry a MAC of the installation's key). */
void bus_signal(struct bus *bus, struct bus_topic topic, const char *kind, struct str payload);

/* Called with the signals of this kind from other nodes; before the server starts. As event listeners are: one at a time with them, with hooks and with done calls
 * ("on the writer's thread"), so what only these touch needs no lock. Quick, no blocking, no database; `s` and its bytes live until it returns. */
typedef void (*bus_signal_fn)(void *arg, const struct bus_signal *s);
void bus_on_signal(struct bus *bus, const char *kind, bus_signal_fn fn, void *arg);

/* Signals of a topic come only while it is followed; BUS_ALL always is. Counted: as many unfollows as follows. Any thread, never blocks. A follow works soon
 * afterwards (a round trip to the message server), an unfollow at once. */
bool bus_is_followed(struct bus *bus, struct bus_topic topic);
void bus_follow(struct bus *bus, struct bus_topic topic);
void bus_unfollow(struct bus *bus, struct bus_topic topic);

/* ---- life ----
 * bus_new_local, bus_listen and bus_free are in event.h. */

struct bus_options {
    /* "nats://user:password@host1:4222,nats://host2:4222" (token: "nats://token@host"); tls:// encrypts. NULL or empty: local. */
    const char *url;
    const char *prefix;    /* of all subjects: another one for each desk of a cluster of servers */
    const char *node_name; /* NULL or empty: host name and process number */
    /* Files (PEM), NULL or empty: none. Without a CA that of the system; cert and key: who we are. credentials: a .creds file. */
    const char *tls_ca, *tls_cert, *tls_key, *credentials;
    uint8_t key[32]; /* the same on all nodes of a desk */
};
/* Says what is wrong with the options; whether a server answers makes no difference. */
ERR_MUST_USE enum err bus_open(const struct bus_options *options, struct bus **out,
                               struct errinfo *info);
/* Begins to send and to hear other nodes: after the last bus_listen, bus_on_signal and event_use_bus. A message server that is not there is
 * waited for in the background, without end. Nothing to do for a local bus. */
void bus_start(struct bus *bus);
/* For the doctor: connects and asks. `out` gets a line of text for people in any case. ERR_UNAVAILABLE when no server lets us in, ERR_AGAIN when only some do.
 * Takes some seconds at worst. `info` must be given. */
ERR_MUST_USE enum err bus_probe(const struct bus_options *options, struct buf *out,
                                struct errinfo *info);

/* Another node in this process, for tests: what one signals, the others hear; a commit of one makes the others look. Ends with its bus_free, in any order. */
struct bus *bus_new_local_beside(struct bus *other);

/* Nothing is sent or told of other nodes afterwards (own commits are still told). db_close and bus_free do it by themselves. Not from a listener. */
void bus_stop(struct bus *bus);

/* After the last bus_free, before the process ends: waits for threads of the message client, which would otherwise meet OpenSSL's own end. */
void bus_end_client(void);

struct bus_stats {
    int64_t is_connected; /* 1 for a local bus */
    int64_t reconnects;
    int64_t sent, sent_bytes;         /* signals and hints */
    int64_t received, received_bytes; /* from other nodes */
    int64_t dropped;  /* signals that could not be sent: no connection, queue full, too long */
    int64_t overrun;  /* signals that came faster than they could be told, and were dropped */
    int64_t rejected; /* not ours: malformed, too long, without a good MAC */
    int64_t hints_in; /* hints from other nodes */
    int64_t followed; /* topics */
};
void bus_stats_get(struct bus *bus, struct bus_stats *out);

#endif
