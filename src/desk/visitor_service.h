/* What customers do, over HTTP. Everything is the actor's own: customer and inbox come from the token, never from the request. */
#ifndef DESK_VISITOR_SERVICE_H
#define DESK_VISITOR_SERVICE_H

#include "desk/desk_internal.h"

struct visitor_hello {
    struct str inbox_key, token, identity, locale, zone, page;
};
/* Opens the widget: the schema VisitorSession. */
ERR_MUST_USE enum err visitor_session_open(struct desk *desk, const struct visitor_hello *hello,
                                           struct arena *arena, struct json_writer *w,
                                           struct errinfo *info);
/* The customer's current conversation goes to a person, or ends. *json_out: VisitorConversation. ERR_NOT_FOUND: there is none. */
ERR_MUST_USE enum err visitor_current_do(struct desk *desk, const struct actor *actor,
                                         enum conversation_event event, struct arena *arena,
                                         struct str *json_out, struct errinfo *info);
ERR_MUST_USE enum err visitor_rate(struct desk *desk, const struct actor *actor,
                                   struct conversation_id id, int64_t score, struct str comment,
                                   struct errinfo *info);
ERR_MUST_USE enum err visitor_update_me(struct desk *desk, const struct actor *actor,
                                        const struct customer_patch *patch, struct errinfo *info);
/* Own conversation or ERR_NOT_FOUND. In the caller's transaction. */
ERR_MUST_USE enum err visitor_conversation_load(struct db_txn *txn, const struct actor *actor,
                                                struct conversation_id id, struct arena *arena,
                                                struct conversation *out, struct errinfo *info);

#endif
