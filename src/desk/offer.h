/* Offers: a conversation of the queue, held out to one agent for a while. At most one is open per conversation. */
#ifndef DESK_OFFER_H
#define DESK_OFFER_H

#include "base/json.h"
#include "desk/desk_internal.h"

/* The numbers are stored. */
enum offer_state { OFFER_OPEN, OFFER_ACCEPTED, OFFER_DECLINED, OFFER_EXPIRED, OFFER_WITHDRAWN };

struct offer {
    int64_t id;
    struct conversation_id conversation;
    struct agent_id agent;
    enum offer_state state;
    int64_t made_at, expires_at;
};
/* ERR_CONFLICT: one is open already. Sets the timer; tells the agent's sockets after the commit. */
ERR_MUST_USE enum err offer_make(struct desk *desk, struct db_txn *txn,
                                 const struct conversation *c, struct agent_id agent,
                                 int64_t expires_at, int64_t now);
/* Ends an open one; false in *done_out when it was not open any more. Tells the agent's sockets after the commit. */
ERR_MUST_USE enum err offer_end(struct desk *desk, struct db_txn *txn, int64_t id,
                                enum offer_state state, int64_t now, bool *done_out);
/* Whatever is open for this conversation is void. */
ERR_MUST_USE enum err offer_withdraw_of(struct desk *desk, struct db_txn *txn,
                                        struct conversation_id c, int64_t now);
ERR_MUST_USE enum err offer_load(struct db_txn *txn, int64_t id, struct offer *out);
/* Array of OfferBody (spec/socket.yaml); the same as frames, each ended by a NUL. */
ERR_MUST_USE enum err offer_write_open_json(struct db_txn *txn, struct arena *arena,
                                            struct agent_id agent, struct json_writer *w);
ERR_MUST_USE enum err offer_write_open_frames(struct db_txn *txn, struct arena *arena,
                                              struct agent_id agent, struct buf *out);

/* The agent's answer. Accepted: the conversation is the agent's, its head in *json_out. ERR_CONFLICT code "gone": too late. */
ERR_MUST_USE enum err offer_answer(struct desk *desk, const struct actor *actor, int64_t id,
                                   bool accept, struct arena *arena, struct str *json_out,
                                   struct errinfo *info);

#endif
