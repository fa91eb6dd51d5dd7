/* Idempotency-Key: the answer to a write is kept for a day, so that a client which repeats a request it got no answer to receives the first answer
 * instead of a second effect. Kept per actor: one cannot read another's answer by guessing a key.
 *
 * Within one db_write: begin, and if FRESH do the work, then finish. (Across two transactions it works as well: in between a repetition is told
 * UNDER_WAY, for a minute at most.) When the work fails its transaction is rolled back and the key is free again. */
#ifndef PLATFORM_IDEMPOTENCY_H
#define PLATFORM_IDEMPOTENCY_H

#include "platform/db.h"

#define IDEMPOTENCY_KEY_MAX 255 /* bytes; longer ones are the caller's to refuse */

enum idempotency {
    IDEMPOTENCY_FRESH,     /* never seen (or expired): do it */
    IDEMPOTENCY_REPLAY,    /* *answer_out is what the first request got */
    IDEMPOTENCY_MISMATCH,  /* the same key with another request: the client's bug, HTTP 422 */
    IDEMPOTENCY_UNDER_WAY, /* HTTP 409 */
};
struct idempotency_answer {
    int status;
    struct str content_type, body;
};
/* `actor`: "agent:12", "visitor:7". `request_sha256`: hex, over method, path and body. The answer lives in `arena`. */
ERR_MUST_USE enum err idempotency_begin(struct db_txn *txn, struct arena *arena, struct str actor,
                                        struct str key, struct str request_sha256, int64_t now,
                                        enum idempotency *out,
                                        struct idempotency_answer *answer_out);
ERR_MUST_USE enum err idempotency_finish(struct db_txn *txn, struct str actor, struct str key,
                                         const struct idempotency_answer *answer);

#endif
