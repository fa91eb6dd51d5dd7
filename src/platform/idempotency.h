/* Idempotency-Key: a client that got no answer to a write sends it again with the same key and receives the first answer, not a second effect.
 *
 * One place serves every operation that takes a key (struct route, `takes_key`, from spec/openapi.yaml): idempotency_run stands between the server and
 * the handlers, as server_options.run. Handlers and services know nothing of it. docs/adr/0017-idempotency-keys.md has the reasoning.
 *
 * The row of the key is written in the transaction of the effect: the first db_write of the handler that succeeds carries it (db_ride, db.h). So there is
 * a row if and only if there is an effect, whenever the process dies, and of two requests at once one is rolled back. The answer follows in a write of its
 * own; when the process dies in between, a repetition is told that the request was carried out and its answer is lost (409 answer_lost), or, where the
 * operation recognises a repetition by itself, it is run again.
 * A request that failed before it changed anything leaves no row: its key is free.
 *
 * Rows are kept per caller, so that nobody reads another's answer by guessing a key, for IDEMPOTENCY_KEEP_MS. Answers can hold what is shown once (an API
 * key, an invitation's link): they are sealed with the installation's key. */
#ifndef PLATFORM_IDEMPOTENCY_H
#define PLATFORM_IDEMPOTENCY_H

#include "base/timeutil.h"
#include "platform/db.h"
#include "platform/http.h"

#define IDEMPOTENCY_KEY_MAX 255 /* bytes, visible ASCII */
#define IDEMPOTENCY_KEEP_MS TIME_DAY_MS
#define IDEMPOTENCY_ANSWER_MAX (512UL * 1024) /* larger answers are not kept: answer_lost */
/* A row without an answer is somebody at work for this long, then an answer that was lost; at once when nobody but this process writes and it has started
 * since. */
#define IDEMPOTENCY_UNDER_WAY_MS TIME_MINUTE_MS

/* ---- rows ---- */

enum idempotency {
    IDEMPOTENCY_FRESH,     /* never carried out, or forgotten by now */
    IDEMPOTENCY_REPLAY,    /* *answer_out is what the first request got */
    IDEMPOTENCY_MISMATCH,  /* the same key with another request: the client's bug */
    IDEMPOTENCY_UNDER_WAY, /* carried out a moment ago, its answer is on the way */
    IDEMPOTENCY_LOST,      /* carried out, and nobody can say what the answer was */
};
struct idempotency_id {
    struct str actor;          /* "agent:12", "visitor:7" */
    struct str key;            /* the header's value */
    struct str request_sha256; /* hex, over method, path, query and body */
};
struct idempotency_answer {
    int status;
    struct str content_type;
    struct str etag; /* empty: none */
    struct str body; /* as handed in: sealing is the caller's */
};
/* The answer lives in `arena`. A row without an answer from before `lost_before` is LOST. */
ERR_MUST_USE enum err idempotency_find(struct db_txn *txn, struct arena *arena,
                                       const struct idempotency_id *id, int64_t now,
                                       int64_t lost_before, enum idempotency *out,
                                       struct idempotency_answer *answer_out);
/* In the transaction of the effect. ERR_CONFLICT: there is such a row already, and the whole transaction must go. */
ERR_MUST_USE enum err idempotency_claim(struct db_txn *txn, const struct idempotency_id *id,
                                        int64_t now);
/* The answer to a claimed request. */
ERR_MUST_USE enum err idempotency_finish(struct db_txn *txn, const struct idempotency_id *id,
                                         const struct idempotency_answer *answer);
/* Removes at most `limit` rows that are forgotten at `now`. */
ERR_MUST_USE enum err idempotency_prune(struct db_txn *txn, int64_t now, int64_t limit,
                                        int64_t *n_removed_out);

/* ---- between server and handler ---- */

struct idempotency_gate {
    struct db *db;
    struct clock clock;
    int64_t started_at; /* of this process */
    uint8_t secret_key[32];
    /* Who asks, as a short word that is never given to somebody else; empty: nobody, and the key is not looked at. In `arena`. */
    struct str (*principal)(const void *actor, struct arena *arena);
};
/* server_options.run; `arg` is the struct idempotency_gate. Errors besides the handler's own: ERR_INVALID for the header's form; codes idempotency_mismatch
 * (422), idempotency_under_way (409, with a time to wait), idempotency_answer_lost (409), all with the field Idempotency-Key. A repeated answer carries the
 * header Idempotency-Replayed: true. */
ERR_MUST_USE enum err idempotency_run(void *arg, struct request *rq, struct response *rs,
                                      struct errinfo *info);

#endif
