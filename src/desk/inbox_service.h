#ifndef DESK_INBOX_SERVICE_H
#define DESK_INBOX_SERVICE_H

#include "desk/inbox.h"

bool inbox_origin_is_valid(struct str origin);
/* InboxWrite over what `in` holds. */
ERR_MUST_USE enum err inbox_decode(const struct json *o, struct arena *arena, struct inbox *in,
                                   struct errinfo *info);
/* Makes the key when there is none. */
ERR_MUST_USE enum err inbox_create(struct desk *desk, struct inbox *in, struct arena *arena,
                                   struct errinfo *info);
/* InboxWrite over what there is; If-Match of the request is compared in the transaction. Requires inbox.manage. */
ERR_MUST_USE enum err inbox_update(struct desk *desk, const struct actor *actor,
                                   const struct request *rq, const struct json *body,
                                   struct inbox *in, struct errinfo *info);
/* The former secret stays good for INBOX_FORMER_SECRET_MS. The text is the secret: its bytes are the HS256 key. */
ERR_MUST_USE enum err inbox_rotate_secret(struct desk *desk, struct inbox_id id,
                                          struct arena *arena, struct str *secret_out,
                                          struct errinfo *info);

#endif
