/* Settings of the whole desk: one row. */
#ifndef DESK_WORKSPACE_H
#define DESK_WORKSPACE_H

#include "desk/desk_internal.h"

struct workspace {
    struct str brand, default_language, public_url;
    int64_t reopen_hours, offer_timeout_s, auto_away_minutes;
    bool csat_enabled;
    int64_t version;
};
ERR_MUST_USE enum err workspace_load(struct db_txn *txn, struct arena *arena,
                                     struct workspace *out);
/* ERR_CONFLICT: the version moved. The new one is version + 1. The live path learns of it after the commit. */
ERR_MUST_USE enum err workspace_store(struct desk *desk, struct db_txn *txn,
                                      const struct workspace *ws);
/* WorkspacePatch over what there is; If-Match of the request is compared in the transaction. Requires workspace.manage. */
ERR_MUST_USE enum err workspace_update(struct desk *desk, const struct actor *actor,
                                       const struct request *rq, const struct json *body,
                                       struct workspace *out, struct errinfo *info);
void workspace_remember(struct desk *desk, const struct workspace *ws);

#endif
