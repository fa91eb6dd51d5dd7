/* API keys: "shk_" and 43 characters, shown once, kept as a hash; a subset of what its maker may do, at any time. */
#ifndef IDENTITY_APIKEY_SERVICE_H
#define IDENTITY_APIKEY_SERVICE_H

#include "identity/identity_internal.h"
#include "identity/text_list.h"

struct apikey {
    int64_t id;
    struct str name, prefix;
    struct text_list scopes;
    int64_t created_at, expires_at, last_used_at;
};
ERR_MUST_USE enum err apikey_service_list(struct identity *identity, const struct actor *actor,
                                          struct arena *arena, struct apikey **out, size_t *n_out,
                                          struct errinfo *info);
struct apikey_new {
    struct str name;
    struct text_list
        scopes; /* names of permissions; ERR_INVALID code unknown_permission, ERR_DENIED code escalation */
    int64_t expires_at; /* 0: does not */
};
ERR_MUST_USE enum err apikey_service_create(struct identity *identity, const struct actor *actor,
                                            const struct apikey_new *in, struct arena *arena,
                                            struct apikey *out, struct str *secret_out,
                                            struct errinfo *info);
ERR_MUST_USE enum err apikey_service_delete(struct identity *identity, const struct actor *actor,
                                            int64_t id, struct errinfo *info);

#endif
