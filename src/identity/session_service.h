/* An agent's own sessions. */
#ifndef IDENTITY_SESSION_SERVICE_H
#define IDENTITY_SESSION_SERVICE_H

#include "identity/identity_internal.h"

struct session {
    struct session_id id;
    struct agent_id agent;
    int64_t created_at, last_seen_at, expires_at;
    struct str ip, user_agent;
};
/* Alive ones, the last used first; at most 100. */
ERR_MUST_USE enum err session_list(struct identity *identity, const struct actor *actor,
                                   struct arena *arena, struct session **out, size_t *n_out,
                                   struct errinfo *info);
/* One of the actor's own. ERR_NOT_FOUND. */
ERR_MUST_USE enum err session_end(struct identity *identity, const struct actor *actor,
                                  struct session_id id, struct errinfo *info);

#endif
