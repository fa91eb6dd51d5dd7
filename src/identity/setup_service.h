/* First start: the owner. And agents that are made without an invitation (identity_admin.h). */
#ifndef IDENTITY_SETUP_SERVICE_H
#define IDENTITY_SETUP_SERVICE_H

#include "identity/identity_admin.h"
#include "identity/login_service.h"

struct setup_state {
    bool needs_owner;
    struct str brand;
};
ERR_MUST_USE enum err setup_load(struct identity *identity, struct arena *arena,
                                 struct setup_state *out);

struct setup_request {
    struct str email, name, password, brand, token;
    bool is_local; /* straight from this machine, no proxy between */
    struct login_origin origin;
};
/* ERR_CONFLICT code setup_done; ERR_DENIED code setup_token (field setup_token). */
ERR_MUST_USE enum err setup_create_owner(struct identity *identity, struct arena *arena,
                                         const struct setup_request *in, struct login_result *out,
                                         struct errinfo *info);

#endif
