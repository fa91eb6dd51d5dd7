/* What the files of this room share. Not for other rooms. */
#ifndef DESK_INTERNAL_H
#define DESK_INTERNAL_H

#include <stdatomic.h>

#include "desk/conversation_store.h"
#include "desk/desk.h"
#include "desk/message_store.h"
#include "desk/wire.h"

#define SIGNALS_MAX 4

struct notices;
struct signal_handler;
struct stream;
struct viewing;
struct receipts;
struct routing_state;

struct desk {
    struct db *db;
    struct bus *bus;
    struct node *node;        /* NULL: this process is the only one */
    int64_t refresh_until_ms; /* by the watch: others were there; the node's thread */
    struct idmap *
        differed; /* presence_compare's: agents whose row and registry did not agree at the last look */
    struct timers *timers;
    struct files *files;
    struct clock clock;
    uint8_t secret_key[32];
    struct desk_bot bot;
    struct identity *identity;
    struct server *server;
    struct wire wire;
    struct stream *stream;   /* who listens: owned by the writer's thread, stream.c */
    struct viewing *viewing; /* who has what open: likewise */
    struct signal_handler *signals[SIGNALS_MAX]; /* signal_service.c */
    size_t n_signals;
    struct receipts *receipts; /* read and delivered marks on their way to the rows */
    struct routing_state *routing;
    /* Facts of the workspace that the live path needs without a look into the database. */
    atomic_int csat_enabled;
    atomic_int offer_timeout_s, auto_away_minutes, reopen_hours;
    atomic_uint
        names_version; /* grows when a customer's profile changes: sockets that keep a name read it again */
    atomic_bool is_route_wanted;
    atomic_bool is_look_wanted; /* ... a while later: node_service.c */
    atomic_bool is_stopping;
    int visitor_frames_per_s, agent_frames_per_s;
    int64_t events_keep_ms, presence_grace_ms;
};

int64_t desk_now(const struct desk *desk);
/* Display name, own transaction; empty when there is no such agent. */
ERR_MUST_USE enum err desk_agent_name(struct desk *desk, struct agent_id agent, struct arena *arena,
                                      struct str *out);

/* ---- one use case on conversations, inside a write transaction ---- */

struct desk_work {
    struct desk *desk;
    struct db_txn *txn;
    struct arena *arena; /* of the transaction */
    int64_t now;
    bool is_head_changed;  /* conversation.updated is due */
    bool is_public_change; /* ... and the customer sees a difference */
    bool wants_route;
    /* Before this use case: who loses sight must be told, too. */
    struct agent_id former_assignee;
    struct team_id former_team;
    bool was_open; /* ... and whether it counted in the assignee's load */
};
struct desk_work desk_work_begin(struct desk *desk, struct db_txn *txn,
                                 const struct conversation *c);

/* Applies an event of conversation.h with all its consequences to `c`; refused: ERR_CONFLICT code "state". `by`: 0 nobody in particular.
 * The caller ends with conversation_finish. */
ERR_MUST_USE enum err conversation_do(struct desk_work *w, struct conversation *c,
                                      enum conversation_event event, struct agent_id by,
                                      struct str by_name, int64_t snoozed_until,
                                      struct errinfo *info);
/* Moves it: assignee 0 is the queue (of `team`). Says so in the conversation. */
ERR_MUST_USE enum err conversation_give(struct desk_work *w, struct conversation *c,
                                        struct agent_id agent, struct team_id team,
                                        struct errinfo *info);
/* Back to the queue when the assignee of an open conversation is offline or away. */
ERR_MUST_USE enum err conversation_requeue_if_unreachable(struct desk_work *w,
                                                          struct conversation *c);
/* Takes a new event number and appends the event. */
ERR_MUST_USE enum err conversation_append(struct desk_work *w, struct conversation *c,
                                          struct str kind, bool is_public, struct str payload);
/* System message: `params` is a JSON object of strings. */
ERR_MUST_USE enum err conversation_say(struct desk_work *w, struct conversation *c,
                                       const char *event, struct str params, bool is_public);
/* Appends conversation.updated if due, stores the row, asks for routing on commit. */
ERR_MUST_USE enum err conversation_finish(struct desk_work *w, struct conversation *c);
/* The schema Conversation, with customer, name of the assignee and rating. */
ERR_MUST_USE enum err conversation_write_json(struct db_txn *txn, struct arena *arena,
                                              const struct conversation *c, struct json_writer *w);
/* Text of the head as event payload. */
ERR_MUST_USE enum err conversation_head(struct desk_work *w, const struct conversation *c,
                                        struct str *out);

/* With a customer's message to the bot, in its transaction: an answer is due (bot_service.c). */
ERR_MUST_USE enum err bot_answer_owed(struct desk *desk, struct db_txn *txn,
                                      struct conversation_id c, struct message_id m, int64_t now);
void bot_register_timers(struct desk *desk);

/* ---- reading ---- */

/* The one question that every way of reading asks (list, get, search, events, files, sockets). */
void conversation_register_timers(struct desk *desk); /* snooze, bot_idle */
bool conversation_may_read(const struct actor *actor, struct agent_id assignee,
                           struct team_id team);
/* Loads it for an agent: ERR_NOT_FOUND when it may not be seen. Requires PERM_CONVERSATION_READ. */
ERR_MUST_USE enum err conversation_load_for(struct db_txn *txn, const struct actor *actor,
                                            struct conversation_id id, struct arena *arena,
                                            struct conversation *out, struct errinfo *info);
/* Asks for a routing run after the commit; coalesced. Any thread. */
void desk_route_soon(struct desk *desk);
void desk_route_on_commit(struct db_txn *txn, struct desk *desk);

/* ---- what a customer sees of it ---- */

struct visitor_view {
    const struct conversation *c;
    struct str agent_name;  /* empty: none */
    int score;              /* 0: not rated */
    int64_t queue_position; /* 0: not queued, or not known here */
    int64_t estimate_s;     /* < 0: no honest one */
};
void visitor_conversation_write_json(const struct desk *desk, struct json_writer *w,
                                     const struct visitor_view *v);
/* From the payload of conversation.created/updated. */
ERR_MUST_USE enum err visitor_conversation_from_head(const struct desk *desk, struct str head,
                                                     struct json_writer *w);
/* Loads name, rating and place in the queue. */
ERR_MUST_USE enum err visitor_conversation_load_json(struct desk *desk, struct db_txn *txn,
                                                     struct arena *arena,
                                                     const struct conversation *c,
                                                     struct json_writer *w);

#endif
