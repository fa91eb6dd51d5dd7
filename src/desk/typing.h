/* "... is typing": shown to whoever has the conversation open, on every node. It ends by itself in the clients, so that a lost word or a dead node leaves nothing behind. */
#ifndef DESK_TYPING_H
#define DESK_TYPING_H

#include "desk/desk_internal.h"

struct typing {
    struct conversation_id conversation;
    const char *kind; /* "agent", "customer", "bot" */
    int64_t id;
    struct str name; /* read again by other nodes; the bot's is told */
    bool on, is_note;
};
/* Sockets of other nodes. Any thread, does not block. */
void typing_tell_others(struct desk *desk, const struct typing *t);
/* A visitor's socket: signals of other nodes about this conversation (0: none), and no other one, are for it. After PEER_CLOSED only 0. Any thread. */
struct peer;
void typing_follow(struct peer *p, struct conversation_id c);
void typing_listen(struct desk *desk, struct notices *notices);

#endif
