/* Transient frames (without an event's number) to sockets, wherever they are: here after the commit, on other nodes by a notice of the same transaction. */
#ifndef DESK_TELL_H
#define DESK_TELL_H

#include "desk/desk_internal.h"

#define TELL_TOPICS_MAX 4

struct desk_frame {
    uint64_t topics[TELL_TOPICS_MAX];
    size_t n_topics;
    struct str bytes; /* as long as the transaction's arena */
};
/* To every tab of the agent. One that did not fit its buffer is not sent. */
ERR_MUST_USE enum err desk_tell_agent_on_commit(struct db_txn *txn, struct desk *desk,
                                                struct agent_id agent, const struct buf *frame);
/* `frames` live as long as the transaction's arena. */
ERR_MUST_USE enum err desk_tell_on_commit(struct db_txn *txn, struct desk *desk,
                                          const struct desk_frame *frames, size_t n);
/* The other nodes only. */
ERR_MUST_USE enum err desk_tell_others(struct db_txn *txn, struct desk *desk,
                                       const struct desk_frame *frames, size_t n);
/* A presence frame, and whether this agent can be reached. */
ERR_MUST_USE enum err desk_tell_presence_on_commit(struct db_txn *txn, struct desk *desk,
                                                   struct agent_id agent, bool is_reachable,
                                                   struct str frame);
/* To those of the agents who may hear of conversations of this assignee and team, on every node. */
ERR_MUST_USE enum err desk_tell_readers_on_commit(struct db_txn *txn, struct desk *desk,
                                                  const struct agent_id *agents, size_t n,
                                                  struct agent_id assignee, struct team_id team,
                                                  struct str frame);
/* After the commit: names that sockets keep are read again, on every node. */
ERR_MUST_USE enum err desk_tell_names(struct db_txn *txn, struct desk *desk);
/* Did other nodes run at the last look? */
bool desk_has_others(const struct desk *desk);
struct notices;
void desk_tell_handle(struct desk *desk, struct notices *notices);

#endif
