/* From a request to who asks. */
#ifndef IDENTITY_AUTH_SERVICE_H
#define IDENTITY_AUTH_SERVICE_H

#include "identity/identity_internal.h"
#include "platform/http.h"

#define API_KEY_PREFIX "shk_"

/* The session cookie's name: "__Host-" binds it to this host and to TLS where there is TLS. */
const char *auth_cookie_name(const struct request *rq);
const char *auth_device_cookie_name(const struct request *rq);
/* Does this write come from a page of ours? Origin and Sec-Fetch-Site as far as they are there; ERR_DENIED code "origin". For public writes that set cookies;
 * identity_authenticate does it for the others. */
ERR_MUST_USE enum err auth_check_origin(const struct identity *identity, const struct request *rq,
                                        struct errinfo *info);
/* ERR_DENIED code "session_needed" unless the actor is an agent in a session (not an API key): for one's own account. */
ERR_MUST_USE enum err auth_need_session(const struct actor *actor, struct errinfo *info);

#endif
