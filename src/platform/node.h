/* One program among several on one database: its lease, and what becomes of the others'.
 *
 * A lease is a row of `nodes`; its number is the node's id and says how old it is (fencing: whoever takes a lease again gets a higher one). The node beats ten
 * times in a lease's time, and looks at the beats of the others. A node whose beats have not moved for the length of its lease, by the watch of whoever looks on
 * (no two clocks are compared), has its lease ended by the first that sees it: one transaction, in which everything that hung on the lease is let go (node_on_ended).
 * The owner may be alive and paused. When it goes on it finds the row ended, takes a new lease, and tells its rooms that all they hold in memory is void
 * (node_on_lost). What it does before it has looked does no harm, because nothing with an effect rests on memory: timers and outbox rows are taken by row, and rows
 * about what this process holds ask in their transaction whether the lease is held (node_check).
 *
 * A database that does not answer is no lost lease: nobody can end it, and whoever looks on counts only time in which it could see.
 *
 * Only for engines that several programs may share (db_is_single_node says no); elsewhere there is no struct node, and nothing is written. */
#ifndef PLATFORM_NODE_H
#define PLATFORM_NODE_H

#include "base/json.h"
#include "base/timeutil.h"
#include "platform/db.h"

#define NODE_LEASE_MS 10000

struct node;
struct node_options {
    struct db *db;
    struct clock clock; /* for what people read; leases go by a watch of their own */
    struct str name, version;
    int schema_version;
    int64_t lease_ms; /* 0: NODE_LEASE_MS */
};
/* Takes a lease. Nothing beats before node_start, so that should follow within a lease's time; node_beat_now in between. */
ERR_MUST_USE enum err node_open(const struct node_options *options, struct node **out,
                                struct errinfo *info);

/* ---- before node_start ---- */

/* In the transaction that ends a lease (another's, or this one's own when it stops): release what carries `id`. */
void node_on_ended(struct node *n, enum err (*fn)(struct db_txn *txn, void *arg, int64_t id),
                   void *arg);
/* On the node's thread, when the lease was lost and there is a new one: drop caches, close sockets. */
void node_on_lost(struct node *n, void (*fn)(void *arg), void *arg);
/* On the node's thread after every look, about once a second: for what must be right in time although nobody tells. May use the database. */
void node_on_tick(struct node *n, void (*fn)(void *arg), void *arg);

ERR_MUST_USE enum err node_start(struct node *n);
/* Ends the lease, so that nobody has to wait for it. While the database is open. */
void node_stop(struct node *n);
void node_free(struct node **n);

/* ---- any thread ---- */

int64_t node_id(const struct node *n); /* of the lease that is held now */
/* Beaten within the lease's time, as far as this process knows: false after a pause until the next beat. For effects that are not rows. NULL: true. */
bool node_is_alive(const struct node *n);
/* Others that held a lease at the last look. NULL: 0. */
int node_others(const struct node *n);
/* Did it hold a lease at the last look? NULL: false. */
bool node_is_other(const struct node *n, int64_t id);
/* Fence: ERR_AGAIN when this lease is over. In a transaction. */
ERR_MUST_USE enum err node_check(struct db_txn *txn, int64_t id);
/* Array of the schema Node: who holds a lease, and who did in the last hour. `n` NULL: of nobody. */
ERR_MUST_USE enum err node_write_json(const struct node *n, struct db_txn *txn,
                                      struct json_writer *w);
/* Beats and looks now, in the caller's thread (tests; before node_start). */
void node_beat_now(struct node *n);

/* What every program here must have: the same key. ERR_CONFLICT when another one is in use. Remembers the first. In a write transaction. */
ERR_MUST_USE enum err node_check_key(struct db_txn *txn, const uint8_t key[32]);

#endif
