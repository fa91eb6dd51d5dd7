/* Topics of one loop: who gets what, in which order, and what a joining connection may miss. Pure: sends through the callbacks, knows no socket.
 *
 * One publish is under way at a time; later ones wait behind it, so everything published in order arrives in order, on every topic. A member has
 * its own "last seq": what is not newer is a repetition and dropped. A held member collects instead, up to a byte cap. */
#ifndef PLATFORM_HUB_H
#define PLATFORM_HUB_H

#include "platform/server.h"

struct hub;
struct member; /* one connection on one topic */

/* What a connection keeps: the list of its memberships. Zeroed at the start. */
struct memberships {
    struct member *first;
};

struct hub_ops {
    void (*send)(void *conn, struct frame *frame);
    bool (*is_behind)(void *conn); /* transient frames are not worth sending */
    /* Held more than the cap: the connection should be closed as behind. */
    void (*overflow)(void *conn);
    bool (*is_same)(void *conn, struct conn_id id);
};

struct hub *hub_new(const struct hub_ops *ops, size_t max_held_bytes);
void hub_free(struct hub **hub); /* every connection must have left */
/* Joining again only changes a live member to held. */
void hub_join(struct hub *hub, struct memberships *of, void *conn, uint64_t topic, bool held);
void hub_release(struct hub *hub, struct memberships *of, uint64_t topic, int64_t after);
void hub_leave(struct hub *hub, struct memberships *of, uint64_t topic);
void hub_leave_all(struct hub *hub, struct memberships *of);
/* Takes its own reference to the frame. Nothing is sent yet. */
void hub_publish(struct hub *hub, uint64_t topic, int64_t seq, struct frame *frame,
                 const struct conn_id *except);
/* Sends to at most `max` members; true while there is more to do. */
bool hub_step(struct hub *hub, size_t max);
size_t hub_topics(const struct hub *hub);

#endif
