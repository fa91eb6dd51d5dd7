/* Notices: what other nodes must hear of a commit beside the rows themselves: a cache to drop, a socket to close, a frame for somebody's tabs.
 *
 * A notice is an event without a conversation, appended in the same transaction: it is there if and only if the change is, every node's event stream comes by it
 * within a second (with NATS at once), in one order, and a node that lost its way for a while does not miss it. The node that wrote it does not hear it: it acts
 * in its own commit hooks. Where one process has the database for itself nothing is written. For what may be lost there are signals (bus.h). */
#ifndef PLATFORM_NOTICE_H
#define PLATFORM_NOTICE_H

#include "base/json.h"
#include "base/timeutil.h"
#include "platform/bus.h"

#define NOTICE_KEEP_MS TIME_DAY_MS

/* `kind` is a literal of [a-z_]; `what` a JSON object. In a write transaction. */
ERR_MUST_USE enum err notice_add(struct db_txn *txn, const char *kind, struct str what,
                                 int64_t now);
/* Are there other nodes that could hear it at all? */
bool notice_is_wanted(const struct db_txn *txn);

struct notices;
struct notices *notices_new(struct bus *bus);
void notices_free(struct notices **n); /* after the bus */
/* Before the server starts. Called as event listeners are: on the writer's thread, quick, no database. */
typedef void (*notice_fn)(void *arg, const struct json *what);
void notices_handle(struct notices *n, const char *kind, notice_fn fn, void *arg);
/* Removes old ones; at most `limit`. */
ERR_MUST_USE enum err notice_prune(struct db_txn *txn, int64_t now, int64_t limit,
                                   int64_t *n_removed_out);

#endif
