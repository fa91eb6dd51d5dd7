/* Satisfaction: a customer rates a resolution, once. */
#ifndef DESK_RATING_H
#define DESK_RATING_H

#include "base/arena.h"
#include "base/err.h"
#include "base/ids.h"
#include "platform/db.h"

struct rating {
    int score; /* 1..5; 0: none */
    struct str comment;
    int64_t at;
};
/* Of the resolution with this number; score 0 when there is none. */
ERR_MUST_USE enum err rating_load(struct db_txn *txn, struct conversation_id c, int64_t resolution,
                                  struct arena *arena, struct rating *out);
/* ERR_CONFLICT: rated already. */
ERR_MUST_USE enum err rating_insert(struct db_txn *txn, struct conversation_id c,
                                    int64_t resolution, struct customer_id customer,
                                    struct agent_id agent, const struct rating *r);

#endif
