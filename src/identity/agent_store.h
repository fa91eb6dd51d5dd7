/* Agents as rows. agent_load, agent_list, agent_load_name and agent_load_actor of identity.h live here too. */
#ifndef IDENTITY_AGENT_STORE_H
#define IDENTITY_AGENT_STORE_H

#include "identity/identity.h"
#include "identity/text_list.h"

/* What signing in needs. */
struct agent_secrets {
    struct agent_id id;
    struct str email, name, password_hash;
    struct str totp_sealed, totp_pending; /* empty: none */
    bool is_active;
};
ERR_MUST_USE enum err agent_store_secrets(struct db_txn *txn, struct agent_id id,
                                          struct arena *arena, struct agent_secrets *out);
ERR_MUST_USE enum err agent_store_secrets_by_email(struct db_txn *txn, struct str email,
                                                   struct arena *arena, struct agent_secrets *out);

struct agent_new {
    struct str email, name, password_hash;
    struct role_id role;
    struct text_list languages, skills;
    int capacity; /* 0: the default of the column */
    int64_t now;
};
/* ERR_CONFLICT: the e-mail is taken. */
ERR_MUST_USE enum err agent_store_insert(struct db_txn *txn, const struct agent_new *in,
                                         struct agent_id *out);
ERR_MUST_USE enum err agent_store_email_is_taken(struct db_txn *txn, struct str email, bool *out);
ERR_MUST_USE enum err agent_store_count(struct db_txn *txn, int64_t *out);
/* Active agents with this built-in role. */
ERR_MUST_USE enum err agent_store_count_active_with_role(struct db_txn *txn, struct str role_key,
                                                         int64_t *out);
/* Writes name, role, languages, skills, capacity, is_active and raises the version. */
ERR_MUST_USE enum err agent_store_update(struct db_txn *txn, const struct agent *a);
ERR_MUST_USE enum err agent_store_set_teams(struct db_txn *txn, struct agent_id id,
                                            struct id_list teams);
/* What agents change about themselves. */
ERR_MUST_USE enum err agent_store_update_self(struct db_txn *txn, struct agent_id id,
                                              struct str name, struct str zone,
                                              struct str preferences_json);
ERR_MUST_USE enum err agent_store_preferences(struct db_txn *txn, struct agent_id id,
                                              struct arena *arena, struct str *out);
ERR_MUST_USE enum err agent_store_set_password(struct db_txn *txn, struct agent_id id,
                                               struct str hash);
ERR_MUST_USE enum err agent_store_set_totp(struct db_txn *txn, struct agent_id id,
                                           struct str sealed, struct str pending); /* empty: NULL */
/* Uses a step once: false when it, or a later one, was used before. */
ERR_MUST_USE enum err agent_store_use_totp_step(struct db_txn *txn, struct agent_id id,
                                                int64_t step, bool *out);
ERR_MUST_USE enum err agent_store_replace_recovery_codes(struct db_txn *txn, struct agent_id id,
                                                         const struct str *hashes, size_t n);
ERR_MUST_USE enum err agent_store_use_recovery_code(struct db_txn *txn, struct agent_id id,
                                                    struct str hash, int64_t now, bool *out);

#endif
