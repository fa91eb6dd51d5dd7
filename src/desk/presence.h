/* Is an agent there, and may work be offered? Rules are pure (presence_apply); rows and consequences are in presence_service.c.
 *
 * `is_online`: at least one tab is connected, or was until PRESENCE_GRACE_MS ago (a reload does not take anybody's work away). `status` is what the agent chose,
 * or what the desk chose for it: away after some time without activity (activity brings it back), away after offers that ran out (only the agent brings it back). */
#ifndef DESK_PRESENCE_H
#define DESK_PRESENCE_H

#include "base/json.h"
#include "desk/desk_internal.h"

#define PRESENCE_GRACE_MS (20 * TIME_SECOND_MS)
#define PRESENCE_SIGNED_OUT_GRACE_MS TIME_SECOND_MS /* signing in again at once is no absence */
#define PRESENCE_MAX_MISSED 2

enum presence_status { PRESENCE_AVAILABLE, PRESENCE_BUSY, PRESENCE_AWAY };
extern const char *const presence_status_words[];

struct presence {
    struct agent_id agent;
    enum presence_status status;
    struct str reason; /* what the agent wrote, or "idle", "missed_offers" */
    bool is_automatic; /* activity brings back "available" */
    bool is_online;
    int64_t since, active_at;
    int64_t n_missed; /* offers in a row that ran out */
};

enum presence_event {
    PRESENCE_CONNECTED,
    PRESENCE_GONE,
    PRESENCE_SET,
    PRESENCE_ACTIVE,
    PRESENCE_IDLE,
    PRESENCE_MISSED_OFFER,
    PRESENCE_ANSWERED_OFFER
};
struct presence_input {
    enum presence_event event;
    enum presence_status status; /* PRESENCE_SET */
    struct str reason;
    int64_t now, auto_away_ms;
};
struct presence_change {
    struct presence after;
    bool is_changed; /* others see a difference */
    bool is_noted;   /* the row must be stored */
    bool gives_back; /* conversations that wait for an answer go back to the queue */
};
struct presence_change presence_apply(struct presence before, struct presence_input in);
/* Work may be offered. */
bool presence_takes_work(const struct presence *p);

/* ---- rows ---- */

/* Someone who was never here is offline and available. */
ERR_MUST_USE enum err presence_load(struct db_txn *txn, struct agent_id agent, struct arena *arena,
                                    struct presence *out);
ERR_MUST_USE enum err presence_list(struct db_txn *txn, struct arena *arena, struct presence **out,
                                    size_t *n_out); /* rows only, by agent */
ERR_MUST_USE enum err presence_store(struct db_txn *txn, const struct presence *p);
/* Conversations that count against the capacity: open and assigned. */
ERR_MUST_USE enum err presence_load_of(struct db_txn *txn, struct agent_id agent,
                                       int64_t *load_out);

/* ---- who is connected (presence_nodes_service.c) ----
 * Of one node the stream's registry says it. Of several the rows of presence_nodes do: one per agent and node that has sockets of this agent. */

/* This node has sockets of the agent. ERR_AGAIN: its lease is over. */
ERR_MUST_USE enum err presence_hold(struct desk *desk, struct db_txn *txn, struct agent_id agent);
/* No longer; has another one? */
ERR_MUST_USE enum err presence_let_go(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                                      bool *is_elsewhere_out);
ERR_MUST_USE enum err presence_is_connected(struct desk *desk, struct db_txn *txn,
                                            struct agent_id agent, bool *out);
/* A node's lease ended: its agents have the grace to come back, at any node. */
ERR_MUST_USE enum err presence_node_ended(struct db_txn *txn, void *desk, int64_t node);
/* Now and then, on the node's thread: rows and registry are compared, and what differs twice in a row is mended. */
void presence_compare(struct desk *desk);

/* ---- service ---- */

/* To everybody's sockets after the commit: this agent as it is now. */
ERR_MUST_USE enum err presence_tell(struct desk *desk, struct db_txn *txn, struct agent_id agent);
/* In a write transaction: applies, stores, gives back, tells everybody after the commit. */
ERR_MUST_USE enum err presence_happened(struct desk *desk, struct db_txn *txn,
                                        struct agent_id agent, struct presence_input in);
/* The agent's own choice. Opens its transaction. */
ERR_MUST_USE enum err presence_set(struct desk *desk, const struct actor *actor,
                                   struct presence_input in);
/* The assignee of an open conversation can answer: neither offline nor away. Whoever was never here (works through the API) can. */
ERR_MUST_USE enum err presence_is_reachable(struct db_txn *txn, struct agent_id agent, bool *out);
/* Sockets. On the writer's thread. */
ERR_MUST_USE enum err presence_connected(struct desk *desk, struct db_txn *txn,
                                         struct agent_id agent);
/* A line that broke may come back (PRESENCE_GRACE_MS); whoever signed out is gone, and is offered nothing more. */
ERR_MUST_USE enum err presence_disconnecting(struct desk *desk, struct db_txn *txn,
                                             struct agent_id agent, struct session_id session,
                                             bool is_last);
/* The schema Presence. */
ERR_MUST_USE enum err presence_write_json(struct db_txn *txn, struct arena *arena,
                                          const struct presence *p, struct json_writer *w);
/* Array of everyone active. */
ERR_MUST_USE enum err presence_write_all_json(struct db_txn *txn, struct arena *arena,
                                              struct json_writer *w);
void presence_register_timers(struct desk *desk);
/* At start: whoever was online has the grace to come back. */
ERR_MUST_USE enum err presence_after_restart(struct desk *desk);

#endif
