/* Events: every change of a conversation appends one in the same transaction; after commit it goes to the bus.
 *
 * `seq` is gap-free per conversation (the desk keeps conversations.last_seq and hands the number in; UNIQUE (conversation_id, seq) stands behind it).
 * `id` grows over all conversations, and no reader is shown an id before all lower ones are finished: the last one seen is a place to go on from (on
 * PostgreSQL, where ids are taken before COMMIT, that costs a fraction of a millisecond). The database is the truth, the bus a hint. */
#ifndef PLATFORM_EVENT_H
#define PLATFORM_EVENT_H

#include "base/ids.h"
#include "platform/db.h"

struct event {
    struct event_id id;
    struct conversation_id conversation; /* 0: not about a conversation (presence, settings) */
    int64_t seq;
    struct str kind;    /* "message.created" ...: spec/socket.yaml */
    bool is_public;     /* the customer may see it */
    struct str payload; /* JSON object, as clients get it under "data" */
    int64_t at;
    /* Routing of the event to sockets, kept with it so that a replay decides as the live path did. */
    struct agent_id assignee;
    struct team_id team;
    /* Whose conversation it is: the visitor's sockets listen by (inbox, customer), because the conversation may be younger than the socket. */
    struct customer_id customer;
    struct inbox_id inbox;
};

/* Appends; after the commit the bus hears of it. e->id is not for the caller: on some engines it is known later. */
ERR_MUST_USE enum err event_append(struct db_txn *txn, struct event *e);

/* The bus (bus.h has the rest of it). Listeners are called one at a time with hooks, done calls and signal listeners, in the order of event ids; quick, no blocking. */
typedef void (*event_listener)(void *arg, const struct event *e);
struct bus;
struct bus *bus_new_local(void);
void bus_free(struct bus **bus);
void bus_listen(struct bus *bus, event_listener fn, void *arg); /* before the server starts */
void event_use_bus(struct db *db, struct bus *bus);             /* wiring, once */

/* Replay. Rows in order; fn returns false to stop. `up_to`: no event after this one (event_last_id of the same transaction, for whoever goes on with the bus);
 * EVENT_ALL: whatever is committed. */
#define EVENT_ALL ((struct event_id){INT64_MAX})
typedef bool (*event_row_fn)(void *arg, const struct event *e);
ERR_MUST_USE enum err event_replay_conversation(struct db_txn *txn, struct conversation_id c,
                                                int64_t after_seq, struct event_id up_to,
                                                bool only_public, size_t limit, event_row_fn fn,
                                                void *arg);
ERR_MUST_USE enum err event_replay_all(struct db_txn *txn, struct event_id after, size_t limit,
                                       event_row_fn fn, void *arg);
/* The bound for a replay in this transaction that is to meet the bus: EVENT_ALL where commits are told at once. */
struct event_id event_up_to(struct db_txn *txn);
/* How far the bus has been told; does not move during a hook or a done call. EVENT_ALL likewise. */
struct event_id event_told(struct db *db);
/* Waits until the bus has been told of what was committed before the call, a tenth of a second at most (somebody's transaction may take longer). For whoever
 * greets a client that comes back: it shall find in the replay what it was told is stored. Not in a transaction, not on a loop thread. */
void event_catch_up(struct db *db);
ERR_MUST_USE enum err event_last_id(struct db_txn *txn, struct event_id *out);

/* ---- forgetting ----
 * Events before `before_seq` of one conversation go; the floor (event_floor_load) rises to the highest of their ids. */
ERR_MUST_USE enum err event_prune(struct db_txn *txn, struct conversation_id c, int64_t before_seq);
/* A replay after an id below the floor, or before the first seq that is left (0: none is), would have holes: whoever asks for it must load again instead. */
ERR_MUST_USE enum err event_floor_load(struct db_txn *txn, struct event_id *out);
ERR_MUST_USE enum err event_first_seq(struct db_txn *txn, struct conversation_id c, int64_t *out);

#endif
