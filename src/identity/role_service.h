/* Roles, teams and API keys: what administrators set up. */
#ifndef IDENTITY_ROLE_SERVICE_H
#define IDENTITY_ROLE_SERVICE_H

#include "identity/identity_internal.h"
#include "identity/role_store.h"
#include "identity/text_list.h"

ERR_MUST_USE enum err role_service_list(struct identity *identity, const struct actor *actor,
                                        struct arena *arena, struct role **out, size_t *n_out,
                                        struct errinfo *info);
struct role_write {
    struct str name;
    struct text_list permissions; /* names; ERR_INVALID code unknown_permission */
    bool requires_totp;
};
/* ERR_CONFLICT code name_taken; ERR_DENIED code escalation. */
ERR_MUST_USE enum err role_service_create(struct identity *identity, const struct actor *actor,
                                          const struct role_write *in, struct arena *arena,
                                          struct role *out, struct errinfo *info);
/* Built-in roles keep their name, and the owner's keeps all permissions (ERR_DENIED code builtin). */
ERR_MUST_USE enum err role_service_update(struct identity *identity, const struct actor *actor,
                                          struct role_id id, int64_t version,
                                          const struct role_write *in, struct arena *arena,
                                          struct role *out, struct errinfo *info);
/* ERR_CONFLICT code in_use while an agent (active or not) or an open invitation has it; ERR_DENIED code builtin. */
ERR_MUST_USE enum err role_service_delete(struct identity *identity, const struct actor *actor,
                                          struct role_id id, struct errinfo *info);
ERR_MUST_USE enum err role_service_get(struct identity *identity, struct role_id id,
                                       struct arena *arena, struct role *out, struct errinfo *info);
void role_write_json(struct json_writer *w, const struct role *role);

#endif
