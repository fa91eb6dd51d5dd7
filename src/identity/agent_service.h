/* What administrators do with agents. */
#ifndef IDENTITY_AGENT_SERVICE_H
#define IDENTITY_AGENT_SERVICE_H

#include "identity/identity_internal.h"
#include "identity/text_list.h"

/* Any agent may see who works here. */
ERR_MUST_USE enum err agent_service_list(struct identity *identity, const struct actor *actor,
                                         struct arena *arena, struct agent **out, size_t *n_out,
                                         struct errinfo *info);
ERR_MUST_USE enum err agent_service_get(struct identity *identity, const struct actor *actor,
                                        struct agent_id id, struct arena *arena, struct agent *out,
                                        struct errinfo *info);
struct agent_patch { /* NULL: leave */
    const struct str *name;
    const struct role_id *role;
    const struct id_list *teams;
    const struct text_list *languages, *skills;
    const int *capacity;
    const bool *is_active;
};
/* `version`: as read; ERR_CONFLICT code version_mismatch when it moved. ERR_DENIED code escalation: the agent has, or would get, more than the actor has.
 * ERR_CONFLICT code last_owner. ERR_INVALID code self: nobody changes their own role or deactivates themselves. */
ERR_MUST_USE enum err agent_service_update(struct identity *identity, const struct actor *actor,
                                           struct agent_id id, int64_t version,
                                           const struct agent_patch *patch, struct arena *arena,
                                           struct agent *out, struct errinfo *info);
/* Signs an agent out everywhere, at once: sessions, their sockets, and the browsers that were known. One's own current session stays. API keys are another matter
 * (apikey_service_delete). ERR_DENIED code escalation as above. */
ERR_MUST_USE enum err agent_service_end_sessions(struct identity *identity,
                                                 const struct actor *actor, struct agent_id id,
                                                 struct errinfo *info);

#endif
