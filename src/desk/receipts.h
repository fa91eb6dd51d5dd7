/* Read and delivered marks, and agents whose load changed: what can wait a moment and wants to be folded. The marks come with nearly every message and need not be durable at once: they are gathered here per conversation and written together,
 * a moment later, in one transaction; then both sides get one `receipt` frame. */
#ifndef DESK_RECEIPTS_H
#define DESK_RECEIPTS_H

#include "desk/desk_internal.h"

#define RECEIPTS_DELAY_MS 100

enum receipt_kind {
    RECEIPT_CUSTOMER_READ,
    RECEIPT_CUSTOMER_DELIVERED,
    RECEIPT_AGENT_READ,
    RECEIPT_AGENT_LOAD /* receipts_add_load */
};

struct receipts *receipts_new(struct desk *desk);
/* Starts the thread that writes; without it receipts_flush does. */
void receipts_start(struct receipts *r);
/* Ends the thread and writes what is left: while the database is still open. */
void receipts_stop(struct receipts *r);
void receipts_free(
    struct receipts **r); /* after receipts_stop if it was started; what came since is dropped */
/* Any thread, does not block. `customer`: whose conversation it must be (customers' marks); `conversation` 0: the customer's current one.
 * `agent`: agents' marks; permission is the caller's matter. A mark beyond the last seq counts as the last seq. */
void receipts_add(struct receipts *r, enum receipt_kind kind, struct conversation_id conversation,
                  struct customer_id customer, struct inbox_id inbox, struct agent_id agent,
                  int64_t seq);
/* This agent has one conversation more or fewer, or another capacity: everybody gets its presence, once for all that happened in a moment. Any thread, does not
 * block. */
void receipts_add_load(struct receipts *r, struct agent_id agent);
/* Writes now (tests; conversation.read over HTTP, which promises it). Not on a loop thread. */
ERR_MUST_USE enum err receipts_flush(struct receipts *r);

#endif
