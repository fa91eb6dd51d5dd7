/* What the endpoints of the room share. */
#ifndef IDENTITY_HTTP_H
#define IDENTITY_HTTP_H

#include "identity/auth_service.h"
#include "identity/identity_routes.gen.h"
#include "identity/login_service.h"
#include "identity/agent_json.h"
#include "identity/text_list.h"
#include "platform/http.h"

/* Optional text: *given_out points to `text` when the key is there (null counts as empty), NULL otherwise. */
ERR_MUST_USE enum err http_opt_text(const struct json *o, const char *key, size_t max,
                                    struct str *text, const struct str **given_out,
                                    struct errinfo *info);
/* Where this request comes from; strings live in its arena. */
struct login_origin http_login_origin(const struct request *rq);
/* Sets the cookies of a fresh session and answers 201 with `Me`. */
ERR_MUST_USE enum err http_signed_in(struct request *rq, struct response *rs,
                                     const struct login_result *login, struct errinfo *info);
/* The schema `Me`; the CSRF token is of `session_token`. */
ERR_MUST_USE enum err http_write_me(struct identity *identity, struct response *rs,
                                    struct agent_id agent, struct str session_token,
                                    struct errinfo *info);

#endif
