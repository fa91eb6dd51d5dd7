/* The throttles that one attempt has to pass, taken together: all of them must be open, then all are counted. */
#ifndef IDENTITY_GATE_STORE_H
#define IDENTITY_GATE_STORE_H

#include "identity/session_store.h"

#define GATE_MAX 3

struct gate {
    struct {
        enum throttle_kind kind;
        struct token_hash key;
    } items[GATE_MAX];
    size_t n;
};

void gate_add(struct gate *gate, const struct identity *identity, enum throttle_kind kind,
              struct str subject);
/* An address as a throttle sees it: IPv4 whole, IPv6 by its /64. */
struct str gate_address(struct arena *arena, struct str text);
/* Inside a write transaction. ERR_LIMIT code too_many_attempts when one is closed: nothing is counted then. */
ERR_MUST_USE enum err gate_enter(struct db_txn *txn, const struct gate *gate, int64_t now,
                                 struct errinfo *info);
/* The attempt was right: device, pair, second factor and session start afresh, the shared ones get their count back. */
ERR_MUST_USE enum err gate_pass(struct db_txn *txn, const struct gate *gate, int64_t now);

#endif
