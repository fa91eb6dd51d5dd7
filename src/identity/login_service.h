/* Signing in: password, second factor, throttle, session. */
#ifndef IDENTITY_LOGIN_SERVICE_H
#define IDENTITY_LOGIN_SERVICE_H

#include "identity/identity_internal.h"

/* Where a request comes from, as sessions and throttles need it. */
struct login_origin {
    struct str ip, user_agent;
    struct str device_token;      /* cookie of this browser; may be empty or nonsense */
    struct str old_session_token; /* a session that this sign-in replaces; may be empty */
};
struct login_request {
    struct str email, password;
    struct str code; /* six digits or a recovery code; empty: not given */
    struct login_origin origin;
};
struct login_result {
    struct agent_id agent;
    struct str session_token;
    struct str device_token; /* for the long-lived cookie */
};
/* ERR_UNAUTHORIZED code bad_credentials | totp_required | bad_code; ERR_LIMIT code too_many_attempts with the seconds to wait in the message.
 * Takes as long for an unknown account as for a wrong password. */
ERR_MUST_USE enum err login_with_password(struct identity *identity, struct arena *arena,
                                          const struct login_request *in, struct login_result *out,
                                          struct errinfo *info);

/* Inside a transaction: a new session of this agent, and the browser becomes a known one. For sign-in, set-up and accepted invitations. */
ERR_MUST_USE enum err login_open_session(struct identity *identity, struct db_txn *txn,
                                         struct arena *arena, struct agent_id agent,
                                         const struct login_origin *origin,
                                         struct login_result *out);

/* The password of somebody who is signed in already (before changing it, or the second factor): throttled per session. ERR_INVALID with `field`, code wrong. */
ERR_MUST_USE enum err login_confirm_password(struct identity *identity, const struct actor *actor,
                                             struct str password, const char *field,
                                             struct errinfo *info);
/* A code or recovery code of this agent, used up when right. ERR_UNAUTHORIZED code bad_code. Inside a write transaction. */
ERR_MUST_USE enum err login_use_code(struct identity *identity, struct db_txn *txn,
                                     struct agent_id agent, struct str code, struct errinfo *info);

/* Ten codes "abcd-efgh-ijkl", and what is stored of them. */
#define LOGIN_RECOVERY_CODES 10
struct str login_recovery_code_new(struct arena *arena);
struct token_hash login_recovery_code_hash(const struct identity *identity, struct agent_id agent,
                                           struct str code);
struct str login_totp_context(struct arena *arena,
                              struct agent_id agent); /* what a sealed seed is bound to */

#endif
