/* Invitations: a link that makes somebody an agent, once, within its time. */
#ifndef IDENTITY_INVITATION_SERVICE_H
#define IDENTITY_INVITATION_SERVICE_H

#include "identity/login_service.h"
#include "identity/text_list.h"

struct invitation {
    int64_t id;
    struct str email, name;
    struct role_id role;
    struct str role_name;
    struct id_list teams;
    int64_t created_at, expires_at;
};
ERR_MUST_USE enum err invitation_list(struct identity *identity, const struct actor *actor,
                                      struct arena *arena, struct invitation **out, size_t *n_out,
                                      struct errinfo *info);
struct invitation_new {
    struct str email, name; /* name may be empty */
    struct role_id role;
    struct id_list teams;
};
/* `*link_out` is shown once. An open invitation of the same address is replaced. ERR_CONFLICT code email_taken; ERR_DENIED code escalation when the role allows
 * what the inviter may not. */
ERR_MUST_USE enum err invitation_create(struct identity *identity, const struct actor *actor,
                                        struct arena *arena, const struct invitation_new *in,
                                        struct invitation *out, struct str *link_out,
                                        struct errinfo *info);
ERR_MUST_USE enum err invitation_withdraw(struct identity *identity, const struct actor *actor,
                                          int64_t id, struct errinfo *info);
/* ERR_NOT_FOUND code invitation_gone: unknown, used, withdrawn or expired. */
ERR_MUST_USE enum err invitation_check(struct identity *identity, struct arena *arena,
                                       struct str token, struct invitation *out,
                                       struct str *brand_out, struct errinfo *info);
struct invitation_acceptance {
    struct str token, name, password;
    struct login_origin origin;
};
ERR_MUST_USE enum err invitation_accept(struct identity *identity, struct arena *arena,
                                        const struct invitation_acceptance *in,
                                        struct login_result *out, struct errinfo *info);

#endif
