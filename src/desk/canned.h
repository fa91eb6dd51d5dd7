/* Canned replies: text by shortcut and language. Changing them asks for canned.manage. */
#ifndef DESK_CANNED_H
#define DESK_CANNED_H

#include "desk/desk_internal.h"

struct canned {
    int64_t id, version;
    struct str shortcut, title, body, language;
};
/* Fills id and version. ERR_CONFLICT code taken. */
ERR_MUST_USE enum err canned_create(struct desk *desk, const struct actor *actor, struct canned *c,
                                    struct errinfo *info);
/* The version that the client saw stands in the request's If-Match; compared in the transaction. */
ERR_MUST_USE enum err canned_update(struct desk *desk, const struct actor *actor,
                                    const struct request *rq, struct canned *c,
                                    struct errinfo *info);
ERR_MUST_USE enum err canned_delete(struct desk *desk, const struct actor *actor, int64_t id,
                                    struct errinfo *info);

#endif
