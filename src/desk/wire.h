/* What the desk wants from the network: a table of functions, so that sockets and routing run in tests without a server. wire_server.c puts
 * platform/server.h behind it; desk_new begins with a wire on which nobody listens and nobody runs jobs. */
#ifndef DESK_WIRE_H
#define DESK_WIRE_H

#include "base/ids.h"
#include "platform/server.h"

struct wire {
    void *arg;
    /* One payload to all members of the topics; a member of several gets it once if the network can tell. seq 0: transient. `except` may be NULL. */
    void (*publish)(void *arg, const uint64_t *topics, size_t n, int64_t seq, struct str payload,
                    const struct conn_id *except);
    void (*send)(void *arg, struct conn_id conn, struct str payload);
    void (*accept)(void *arg, struct conn_id conn);
    void (*close)(void *arg, struct conn_id conn, int code, const char *reason);
    void (*join)(void *arg, struct conn_id conn, uint64_t topic, bool held);
    void (*release)(void *arg, struct conn_id conn, uint64_t topic, int64_t after);
    void (*leave)(void *arg, struct conn_id conn, uint64_t topic);
    /* A job on a worker; same key: one after another, in order. False: too much waits, the job will not run. */
    bool (*work)(void *arg, uint64_t key, void (*fn)(void *arg), void *fn_arg);
};
extern const struct wire wire_null;

/* Topics: kind in the top byte. */
#define TOPIC_VISITOR 1ULL /* inbox and customer: all that this customer may see; seq = event id */
#define TOPIC_AGENT 2ULL   /* agent: all that this agent gets; seq = event id */
#define TOPIC_CONVERSATION 3ULL /* agents who have it open: typing, receipts, viewing */
#define TOPIC_DESK 4ULL         /* every agent: presence */

static inline uint64_t topic_of_visitor(struct inbox_id inbox, struct customer_id customer)
{
    return TOPIC_VISITOR << 56 | ((uint64_t)inbox.v & 0xFFFF) << 40 |
           ((uint64_t)customer.v & 0xFFFFFFFFFFULL);
}
static inline uint64_t topic_of_agent(struct agent_id agent)
{
    return TOPIC_AGENT << 56 | (uint64_t)agent.v;
}
static inline uint64_t topic_of_conversation(struct conversation_id c)
{
    return TOPIC_CONVERSATION << 56 | (uint64_t)c.v;
}
static inline uint64_t topic_of_desk(void)
{
    return TOPIC_DESK << 56;
}
/* Keys of jobs; sockets use the connection's own (top byte 0x10 and up). */
#define WORK_ROUTING (0x01ULL << 56)
#define WORK_TYPING (0x02ULL << 56) /* and the conversation */

#endif
