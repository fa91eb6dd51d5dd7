/* Events are forgotten: of conversations that were resolved longer ago than `events.keep`, everything before the last message that the customer sees. Messages,
 * their history and the conversations themselves stay; events are what lets a client catch up.
 *
 * Why not the rest: a client that opens a conversation loads its newest messages and follows the events from the newest one on. So whoever loads gets on
 * without a hole, at any age. Whoever still holds less than what was forgotten is told to load again: agents by `resync` (event_floor) and by 410 of
 * /conversations/{id}/events, customers by `resync`. Nobody gets a replay with a hole in it. */
#ifndef DESK_RETENTION_H
#define DESK_RETENTION_H

#include "desk/desk_internal.h"

#define RETENTION_BATCH 10 /* conversations in one transaction: messages must not wait for it */

void retention_register_timers(struct desk *desk);
/* Sets the timer; at start. */
ERR_MUST_USE enum err retention_start(struct desk *desk);
/* One batch. *n_out: conversations looked at, less than RETENTION_BATCH when there is nothing more to do. */
ERR_MUST_USE enum err retention_prune(struct db_txn *txn, int64_t resolved_before, size_t *n_out);
/* Does a replay after `have` have a hole at its beginning? */
ERR_MUST_USE enum err retention_has_hole(struct db_txn *txn, struct conversation_id c, int64_t have,
                                         bool *out);

#endif
