/* The face of the room `desk`: conversations between customers and agents.
 *
 * One timeline per customer and inbox; everything that happens is an event with a gap-free seq, appended in the transaction that did it.
 * Functions here open their own transaction and must not be called on a loop thread or inside a transaction, unless they say otherwise. */
#ifndef DESK_DESK_H
#define DESK_DESK_H

#include "base/timeutil.h"
#include "desk/conversation.h"
#include "identity/identity.h"
#include "platform/db.h"
#include "platform/event.h"
#include "platform/files.h"
#include "platform/server.h"
#include "platform/timers.h"

struct desk;

/* ---- the bot, as the desk knows it; app fills the table ---- */

/* A customer wrote while the bot has the conversation. Bytes are valid during the call. */
struct desk_customer_message {
    struct conversation_id conversation;
    struct message_id message;
    int64_t seq;
    struct customer_id customer;
    struct inbox_id inbox;
    struct str body;
    struct str button;   /* id of the button that was pressed; empty: none */
    struct str language; /* of the conversation, so far */
    int n_files;
    int64_t at;
};
struct desk_bot {
    void *arg;
    bool (*is_on)(void *arg); /* any thread, cheap. NULL: there is no bot */
    /* After the commit, on the committing thread, in order: copy what is needed, queue, return. Not called twice for one message, but not after a restart
     * either: desk_bot_pending tells what was left unanswered. */
    void (*customer_message)(void *arg, const struct desk_customer_message *m);
};

/* ---- life: desk_new, then identity_new with desk_identity_hooks, then desk_use_identity, desk_endpoints, timers/server start, desk_start ---- */

struct desk_deps {
    struct db *db;           /* opened with desk_index_source among its sources */
    struct bus *bus;         /* desk_new listens */
    struct notices *notices; /* of other nodes; may be NULL */
    struct timers *timers;   /* desk_new registers its kinds */
    struct files *files;
    struct clock clock;
    uint8_t secret_key[32]; /* the installation's: seals the inboxes' secrets */
    struct desk_bot bot;
    int visitor_frames_per_s,
        agent_frames_per_s;    /* of one socket, more closes it with 4029; 0: 50 and 100 */
    int64_t presence_grace_ms; /* 0: PRESENCE_GRACE_MS */
    int64_t events_keep_ms;    /* after a conversation was resolved; 0: 90 days */
};
extern const struct db_index_source desk_index_source; /* "message" */
extern const struct db_partition
    desk_event_partition; /* "events"; keep_ms is the caller's to set */

ERR_MUST_USE enum err desk_new(const struct desk_deps *deps, struct desk **out,
                               struct errinfo *info);
/* Everything that identity must tell the desk. */
struct identity_hooks desk_identity_hooks(struct desk *desk);
void desk_use_identity(struct desk *desk, struct identity *identity);
/* One program of several: before desk_endpoints. Without it (SQLite, tests) this process is the only one. */
struct node;
void desk_use_node(struct desk *desk, struct node *node);
/* Adds the two socket endpoints; sockets and jobs go through this server from now on. Without it (tests, subcommands) nobody is listening, and routing
 * runs when desk_route_now is called. */
void desk_endpoints(struct desk *desk, struct server *server);
/* After server_start. Agents who were online when the program ended have the usual grace to come back. */
ERR_MUST_USE enum err desk_start(struct desk *desk, struct errinfo *info);
/* Before server_stop: writes what is still held back (receipts). */
void desk_stop(struct desk *desk);
/* Writes what was put off (receipts, loads): when nothing calls the desk any more and the database is still open. Also without desk_start. */
void desk_finish(struct desk *desk);
void desk_free(struct desk **desk);

/* ---- for the bot ---- */

struct desk_bot_message {
    struct conversation_id conversation;
    struct str
        client_id; /* made from the message that is answered, so that a repeated answer is recognised */
    struct str body;
    struct str meta;     /* JSON object (MessageMeta of spec/openapi.yaml), or empty */
    struct str name;     /* of the bot, in the customer's language */
    struct str language; /* detected; becomes the conversation's. Empty: leave */
    struct str topic;    /* empty: leave */
};
/* A message of the bot. ERR_CONFLICT when the bot does not have the conversation any more (a person took over, it was resolved): drop it. */
ERR_MUST_USE enum err desk_bot_reply(struct desk *desk, const struct desk_bot_message *m,
                                     struct errinfo *info);
/* Shows the customer that an answer is being made (transient; ends by itself after some seconds). Any thread. */
void desk_bot_typing(struct desk *desk, struct conversation_id conversation, struct str name,
                     bool on);

struct desk_handover {
    struct conversation_id conversation;
    enum conversation_priority priority; /* raises, never lowers */
    struct str
        reason; /* stable word: customer_asked | money_at_risk | misses | repeated | abuse | attachment | error | bot_off */
    struct str topic, language; /* empty: leave */
    struct str note;            /* for the agent, as a private note of the bot; empty: none */
    struct str name;            /* of the bot */
    /* What the bot says while it hands over, in the same transaction before the handover; body empty: nothing. */
    struct str client_id, body, meta;
};
/* Bot to queue. Harmless when it is not the bot's any more. */
ERR_MUST_USE enum err desk_handover(struct desk *desk, const struct desk_handover *h,
                                    struct errinfo *info);

/* Is an agent there who is not away? In the caller's transaction. */
ERR_MUST_USE enum err desk_is_attended(struct db_txn *txn, bool *out);

struct desk_message {
    struct message_id id;
    int64_t seq, at;
    int author_kind; /* enum author_kind of desk/message.h */
    struct str body, meta;
};
/* The newest `limit` messages that the customer can see, oldest first; in the caller's transaction. */
ERR_MUST_USE enum err desk_recent_messages(struct db_txn *txn, struct conversation_id conversation,
                                           size_t limit, struct arena *arena,
                                           struct desk_message **out, size_t *n_out);
/* The text of one message, for an agent who may read its conversation. ERR_NOT_FOUND: may not, or it was deleted. In the caller's transaction. */
ERR_MUST_USE enum err desk_message_body(struct db_txn *txn, const struct actor *actor,
                                        struct message_id id, struct arena *arena, struct str *out);
/* Calls bot.customer_message for every conversation of the bot whose last message is the customer's: after a restart, or when the bot was switched on. */
ERR_MUST_USE enum err desk_bot_pending(struct desk *desk);
/* The bot was switched off: what it has goes to the queue. */
ERR_MUST_USE enum err desk_bot_release(struct desk *desk);

/* ---- for app: demo content, subcommands, setup ---- */

struct desk_inbox_new {
    struct str key; /* empty: made up */
    struct str name;
    const struct str *allowed_origins;
    size_t n_allowed_origins;
    struct str greeting_en, greeting_zh, accent; /* accent "#1a66ff" */
    bool bot_enabled;
    struct team_id team;
    struct str secret; /* HS256; empty: none */
};
ERR_MUST_USE enum err desk_inbox_create(struct desk *desk, const struct desk_inbox_new *in,
                                        struct inbox_id *out, struct errinfo *info);
ERR_MUST_USE enum err desk_canned_create(struct desk *desk, struct str shortcut,
                                         struct str language, struct str title, struct str body);
struct desk_workspace {
    struct str brand, default_language, public_url;
};
ERR_MUST_USE enum err desk_workspace_load(struct db_txn *txn, struct arena *arena,
                                          struct desk_workspace *out);

/* Decides and applies offers now (tests, and programs without a server). */
ERR_MUST_USE enum err desk_route_now(struct desk *desk);

#endif
