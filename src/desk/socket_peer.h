/* What the two socket endpoints share: life of a connection's state, sending of messages, small frames.
 *
 * A peer is made on the connection's loop thread and counted: jobs and submitted functions hold it while they run. After `stage` says PEER_LIVE its facts do not
 * change; what does change is atomic. */
#ifndef DESK_SOCKET_PEER_H
#define DESK_SOCKET_PEER_H

#include "desk/message_service.h"

enum peer_stage { PEER_NEW, PEER_GREETING, PEER_LIVE, PEER_CLOSED };

#define PEER_MAX_VIEWS 16
#define TYPING_EVERY_MS 900 /* an "on" within this time of the last is dropped */

/* An agent has a conversation open: what typing and receipts need. Written on the writer's thread, read on the loop's: conversation last (0: free). */
struct peer_view {
    _Atomic int64_t conversation;
    _Atomic uint64_t visitor_topic;
};
struct agent_part {
    struct actor actor;
    char token[IDENTITY_TOKEN_LEN + 1];
    struct str csrf;
    struct event_id have; /* of hello; v < 0: none, only live */
    struct peer_view views[PEER_MAX_VIEWS];
    atomic_bool watches_all;
    atomic_bool is_counted; /* in the stream's registry */
    bool is_last; /* so it seemed when it left; from the write function to its done call */
};
struct visitor_part {
    struct customer_id customer;
    struct inbox_id inbox;
    struct str language, token;
    struct conversation_id have_conversation; /* of hello */
    int64_t have;
    _Atomic int64_t conversation; /* the current one, as far as this socket knows */
    _Atomic int64_t followed;     /* whose signals of other nodes concern this socket; 0: none */
};
struct peer {
    struct desk *desk;
    struct conn_id conn;
    atomic_int refs;
    atomic_int stage;
    struct str name; /* of the person: own allocation */
    unsigned names_version;
    int64_t typing_at, active_at; /* loop thread only */
    struct agent_part *agent;     /* one of the two */
    struct visitor_part *visitor;
};

struct peer *peer_new(struct desk *desk, struct conn_id conn, bool is_agent);
struct peer *peer_ref(struct peer *p);
void peer_unref(struct peer **p);
uint64_t peer_key(const struct peer *p); /* for jobs: one connection's in order */
/* For db_submit_ordered: all that one person does, over several sockets too. After hello. */
uint64_t peer_order(const struct peer *p);
struct str peer_keep(struct str s); /* heap copy, for the peer's strings */

/* Frames. */
void peer_send(const struct peer *p, struct buf *b); /* sends what was written, unless it failed */
void peer_send_problem(const struct peer *p, enum err err,
                       const struct errinfo *info); /* t: error */
void peer_send_frames(const struct peer *p,
                      const struct buf *frames); /* each ended by a NUL; the buffer may be empty */
void peer_send_cstr(const struct peer *p, const char *json);
void peer_on_ping(const struct peer *p, const struct json *frame);
void peer_send_nack_early(const struct peer *p,
                          struct str client_id); /* a message before `welcome`: send it again */
void peer_close_bad_frame(const struct peer *p, const char *why);

/* A `send` frame: decodes, submits, answers with ack or nack. On the loop thread. */
void peer_on_send(struct peer *p, const struct json *frame);
/* A typing frame's payload for `who`. */
void peer_write_typing(struct buf *b, struct conversation_id c, const char *kind, int64_t id,
                       struct str name, bool on, bool is_note);
/* Throttle: false when this "on" comes too soon. */
bool peer_may_type(struct peer *p, bool on);

/* The endpoints, for server_add_endpoint; `arg` is the desk. */
struct socket_endpoint visitor_socket_endpoint(struct desk *desk);
struct socket_endpoint agent_socket_endpoint(struct desk *desk);

#endif
