/* Sessions, devices, throttles, API keys, invitations and teams as rows. */
#ifndef IDENTITY_SESSION_STORE_H
#define IDENTITY_SESSION_STORE_H

#include "identity/identity_internal.h"
#include "identity/session_service.h"
#include "identity/text_list.h"
#include "identity/throttle.h"

struct session_new {
    const struct token_hash *hash;
    struct agent_id agent;
    int64_t now, expires_at;
    struct str ip, user_agent;
};
ERR_MUST_USE enum err session_store_insert(struct db_txn *txn, const struct session_new *in,
                                           struct session_id *out);
/* Alive at `now`, whatever the agent's state. ERR_NOT_FOUND. */
ERR_MUST_USE enum err session_store_find(struct db_txn *txn, const struct token_hash *hash,
                                         int64_t now, int64_t idle_ms, struct session *out);
ERR_MUST_USE enum err session_store_list(struct db_txn *txn, struct agent_id agent, int64_t now,
                                         int64_t idle_ms, struct arena *arena, struct session **out,
                                         size_t *n_out);
/* Of this agent only; *found_out tells whether there was one. */
ERR_MUST_USE enum err session_store_delete(struct db_txn *txn, struct session_id id,
                                           struct agent_id agent, bool *found_out);
ERR_MUST_USE enum err session_store_delete_all(struct db_txn *txn, struct agent_id agent,
                                               struct session_id except);
ERR_MUST_USE enum err session_store_touch(struct db_txn *txn, struct session_id id, int64_t now);

/* ERR_NOT_FOUND: this browser has never signed in as this agent. */
ERR_MUST_USE enum err device_store_find(struct db_txn *txn, const struct token_hash *hash,
                                        struct agent_id agent, int64_t *id_out);
ERR_MUST_USE enum err device_store_put(struct db_txn *txn, const struct token_hash *hash,
                                       struct agent_id agent, int64_t now);
ERR_MUST_USE enum err device_store_delete_all(struct db_txn *txn, struct agent_id agent);

ERR_MUST_USE enum err throttle_store_load(struct db_txn *txn, const struct token_hash *key,
                                          struct throttle *out); /* none: zero */
ERR_MUST_USE enum err throttle_store_save(struct db_txn *txn, const struct token_hash *key,
                                          const struct throttle *t);
ERR_MUST_USE enum err throttle_store_delete(struct db_txn *txn, const struct token_hash *key);

/* Everything that has run out. */
ERR_MUST_USE enum err session_store_purge(struct db_txn *txn, int64_t now, int64_t idle_ms,
                                          int64_t visitor_anonymous_ms);

#endif
