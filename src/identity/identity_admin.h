/* For app only: what subcommands and the demo do without a request. */
#ifndef IDENTITY_ADMIN_H
#define IDENTITY_ADMIN_H

#include "identity/identity.h"

struct identity_agent_spec {
    struct str email, name, password;
    struct str role_key; /* built-in: owner, admin, supervisor, agent, auditor */
    const struct str *languages, *skills;
    size_t n_languages, n_skills;
    int capacity;             /* 0: default */
    bool skip_password_rules; /* demo only: passwords that are known to everybody */
};
/* ERR_CONFLICT code email_taken, ERR_NOT_FOUND code role, ERR_INVALID. Argon2id runs here: not inside a transaction. */
ERR_MUST_USE enum err identity_create_agent(struct identity *identity,
                                            const struct identity_agent_spec *spec,
                                            struct agent_id *out, struct errinfo *info);
/* Sets a new password, ends every session and removes the second factor if asked (a lost phone). ERR_NOT_FOUND. */
ERR_MUST_USE enum err identity_reset_password(struct identity *identity, struct str email,
                                              struct str password, bool remove_totp,
                                              struct errinfo *info);
ERR_MUST_USE enum err identity_create_team(struct identity *identity, struct str name,
                                           const struct agent_id *members, size_t n,
                                           struct team_id *out, struct errinfo *info);
ERR_MUST_USE enum err identity_needs_owner(struct identity *identity, bool *out);

#endif
