/* Runs routing: when the queue, an agent or an offer changed (desk_route_soon), and when time alone changes the answer (timers). Never by sweeping. */
#ifndef DESK_ROUTING_SERVICE_H
#define DESK_ROUTING_SERVICE_H

#include "desk/desk_internal.h"
#include "desk/routing.h"

#define ROUTING_MAX_WAITING 2000 /* the oldest; the rest of a longer queue has no place yet */
#define ROUTING_PACE_MS 7200000  /* how far back the pace is looked at */

/* What customers were told last. Owned by the routing job: one runs at a time. */
struct routing_state *routing_state_new(void);
void routing_state_free(struct routing_state **state);
void routing_register_timers(struct desk *desk);

struct routing_facts {
    struct routing_view view;
    const struct customer_id *customers; /* of view.waiting */
    const struct inbox_id *inboxes;
    struct routing_pace pace;
};
/* Everything that routing looks at; without offers when only the places are wanted. */
ERR_MUST_USE enum err routing_load(struct desk *desk, struct db_txn *txn, struct arena *arena,
                                   bool with_offers, struct routing_facts *out);
/* One offer of a plan, checked again in the transaction that makes it: still in the queue, still there, still room below `capacity`? False in *made_out otherwise.
 * Two nodes that do this at once for one agent read what the other writes: on PostgreSQL the database lets one of them commit and runs the other again. */
ERR_MUST_USE enum err routing_offer(struct desk *desk, struct db_txn *txn, struct routing_match m,
                                    int capacity, int64_t now, bool *made_out);
/* Place and estimate of one conversation that is in the queue; position 0: it is not among the first. */
ERR_MUST_USE enum err routing_place_of(struct desk *desk, struct db_txn *txn, struct arena *arena,
                                       struct conversation_id c, int64_t *position_out,
                                       int64_t *estimate_s_out);

#endif
