/* What agents do with customers. customer_update of identity.h lives here too. */
#ifndef IDENTITY_CUSTOMER_SERVICE_H
#define IDENTITY_CUSTOMER_SERVICE_H

#include "identity/identity_internal.h"

/* At most `limit` (<= 100) before the id `before` (0: the newest). */
ERR_MUST_USE enum err customer_service_search(struct identity *identity, const struct actor *actor,
                                              struct str query, int64_t before, size_t limit,
                                              struct arena *arena, struct customer **out,
                                              size_t *n_out, struct errinfo *info);
ERR_MUST_USE enum err customer_service_get(struct identity *identity, const struct actor *actor,
                                           struct customer_id id, struct arena *arena,
                                           struct customer *out, struct errinfo *info);
/* ERR_CONFLICT code version_mismatch. */
ERR_MUST_USE enum err customer_service_update(struct identity *identity, const struct actor *actor,
                                              struct customer_id id, int64_t version,
                                              const struct customer_patch *patch,
                                              struct arena *arena, struct customer *out,
                                              struct errinfo *info);

#endif
