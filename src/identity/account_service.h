/* One's own account: who am I, preferences, password, second factor. Actors must be agents in a session (auth_need_session). */
#ifndef IDENTITY_ACCOUNT_SERVICE_H
#define IDENTITY_ACCOUNT_SERVICE_H

#include "identity/identity_internal.h"

struct preferences {
    int theme;    /* index into account_themes */
    int language; /* index into account_languages; 0: as the browser asks for */
    bool shortcuts, sound, desktop_notifications;
};
extern const char *const account_themes[];    /* NULL-terminated */
extern const char *const account_languages[]; /* NULL-terminated */

struct me {
    struct agent agent;
    struct permission_set
        permissions; /* what is allowed now: empty while the second factor must be set up */
    bool needs_totp_setup;
    struct preferences preferences;
};
/* `actor` may be of a request or freshly made; what is allowed is read again. */
ERR_MUST_USE enum err account_load(struct identity *identity, struct agent_id id,
                                   struct arena *arena, struct me *out);

struct me_patch {
    const struct str *name, *zone;
    const struct preferences *preferences;
};
ERR_MUST_USE enum err account_update(struct identity *identity, const struct actor *actor,
                                     const struct me_patch *patch, struct errinfo *info);
/* Ends every other session of the agent and forgets its known browsers. */
ERR_MUST_USE enum err account_change_password(struct identity *identity, const struct actor *actor,
                                              struct str current, struct str next,
                                              struct errinfo *info);

/* Secret in base32, and the otpauth: address that a QR code carries. A second call makes a new secret; the working one stays until it is confirmed. */
struct totp_offer {
    struct str secret, uri;
};
ERR_MUST_USE enum err account_totp_begin(struct identity *identity, const struct actor *actor,
                                         struct str password, struct arena *arena,
                                         struct totp_offer *out, struct errinfo *info);
/* LOGIN_RECOVERY_CODES codes, shown once. ERR_CONFLICT code totp_not_begun. */
ERR_MUST_USE enum err account_totp_confirm(struct identity *identity, const struct actor *actor,
                                           struct str code, struct arena *arena,
                                           struct str *codes_out, struct errinfo *info);
/* Refused when the role requires it (ERR_DENIED code totp_required_by_role). */
ERR_MUST_USE enum err account_totp_remove(struct identity *identity, const struct actor *actor,
                                          struct str password, struct str code,
                                          struct errinfo *info);

#endif
