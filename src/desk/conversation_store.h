/* Rows of `conversations`. All functions run in the caller's transaction; text lives in the arena handed in. */
#ifndef DESK_CONVERSATION_STORE_H
#define DESK_CONVERSATION_STORE_H

#include "base/arena.h"
#include "desk/conversation.h"
#include "platform/db.h"

struct conversation {
    struct conversation_id id;
    struct customer_id customer;
    struct inbox_id inbox;
    enum conversation_state state;
    enum conversation_handler handler;
    enum conversation_priority priority;
    struct str topic, language, tags; /* tags: JSON array */
    struct agent_id assignee;
    struct team_id team;
    int64_t created_at, updated_at;
    int64_t waiting_since, queued_at, snoozed_until, resolved_at; /* 0: not */
    struct agent_id resolved_by;
    int64_t n_resolutions;
    int64_t last_seq, last_customer_seq, last_agent_seq;
    struct agent_id last_agent;
    int64_t unread;
    int64_t customer_read_seq, customer_delivered_seq, agent_read_seq;
    struct str preview;
    int preview_author, preview_kind;
    int64_t preview_at;
    int64_t version;
};

ERR_MUST_USE enum err conversation_load(struct db_txn *txn, struct conversation_id id,
                                        struct arena *arena, struct conversation *out);
/* The one that is not resolved. */
ERR_MUST_USE enum err conversation_load_current(struct db_txn *txn, struct customer_id customer,
                                                struct inbox_id inbox, struct arena *arena,
                                                struct conversation *out);
/* The newest, whatever its state. */
ERR_MUST_USE enum err conversation_load_latest(struct db_txn *txn, struct customer_id customer,
                                               struct inbox_id inbox, struct arena *arena,
                                               struct conversation *out);
/* Fills c->id. ERR_CONFLICT: another one is open. */
ERR_MUST_USE enum err conversation_insert(struct db_txn *txn, struct conversation *c);
/* Everything but the two customer watermarks and agent_read_seq, which receipts write beside. */
ERR_MUST_USE enum err conversation_store(struct db_txn *txn, const struct conversation *c);

/* ---- the short way of a message: one statement counts it in and says where it goes ---- */

struct conversation_slot {
    struct conversation_id id;
    struct customer_id customer;
    struct inbox_id inbox;
    enum conversation_state state;
    enum conversation_handler handler;
    struct agent_id assignee;
    struct team_id team;
    int64_t seq; /* the message's */
};
/* ERR_NOT_FOUND: this customer has none that is not resolved. */
ERR_MUST_USE enum err conversation_count_customer(struct db_txn *txn, struct customer_id customer,
                                                  struct inbox_id inbox, int64_t now,
                                                  struct str preview,
                                                  struct conversation_slot *out);
/* Public message of an agent. ERR_NOT_FOUND: no such conversation, or expect_seq is behind (conversation_is_stale). */
ERR_MUST_USE enum err conversation_count_agent(struct db_txn *txn, struct conversation_id id,
                                               struct agent_id agent, int64_t expect_seq,
                                               int64_t now, struct str preview,
                                               struct conversation_slot *out);
/* A note: only counted. */
ERR_MUST_USE enum err conversation_count_note(struct db_txn *txn, struct conversation_id id,
                                              int64_t now, struct conversation_slot *out);

/* ---- lists ---- */

enum conversation_view {
    VIEW_MINE,
    VIEW_UNASSIGNED,
    VIEW_ALL,
    VIEW_SNOOZED,
    VIEW_RESOLVED,
    VIEW_MENTIONS,
    VIEW_BOT
};
#define CONVERSATION_N_VIEWS 7
extern const char *const conversation_view_words[];

struct conversation_query {
    enum conversation_view view;
    struct agent_id me;
    struct team_id team;     /* 0: any */
    bool sees_all;           /* conversation.read_all */
    struct str teams;        /* ",3,17,": ids of my teams, the permission filter */
    bool by_waiting;         /* longest waiting first; otherwise last change first */
    int64_t after, after_id; /* cursor: sort value and id of the last row; 0: from the start */
    size_t limit;
};
ERR_MUST_USE enum err conversation_list(struct db_txn *txn, const struct conversation_query *q,
                                        struct arena *arena, struct conversation **out,
                                        size_t *n_out);
ERR_MUST_USE enum err conversation_list_of_customer(struct db_txn *txn, struct customer_id customer,
                                                    struct inbox_id inbox /* 0: any */,
                                                    int64_t before_id, size_t limit,
                                                    struct arena *arena, struct conversation **out,
                                                    size_t *n_out);
ERR_MUST_USE enum err conversation_count_view(struct db_txn *txn,
                                              const struct conversation_query *q, int64_t *out);

#endif
