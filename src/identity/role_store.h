/* Roles and what they allow. */
#ifndef IDENTITY_ROLE_STORE_H
#define IDENTITY_ROLE_STORE_H

#include "identity/identity.h"

struct role {
    struct role_id id;
    struct str key; /* word of a built-in role; empty: made here */
    struct str name;
    struct permission_set permissions;
    bool requires_totp;
    int64_t n_agents, version;
};

ERR_MUST_USE enum err role_store_list(struct db_txn *txn, struct arena *arena, struct role **out,
                                      size_t *n_out);
ERR_MUST_USE enum err role_store_load(struct db_txn *txn, struct role_id id, struct arena *arena,
                                      struct role *out);
ERR_MUST_USE enum err role_store_find_key(struct db_txn *txn, struct str key,
                                          struct role_id *out); /* "owner" */
ERR_MUST_USE enum err role_store_permissions(struct db_txn *txn, struct role_id id,
                                             struct permission_set *out);
/* ERR_CONFLICT: the name is taken. */
ERR_MUST_USE enum err role_store_insert(struct db_txn *txn, const struct role *role,
                                        struct role_id *out);
ERR_MUST_USE enum err role_store_update(struct db_txn *txn,
                                        const struct role *role); /* raises the version */
ERR_MUST_USE enum err role_store_delete(struct db_txn *txn, struct role_id id);
ERR_MUST_USE enum err role_store_name_is_free(struct db_txn *txn, struct str name,
                                              struct role_id except, bool *out);
/* Gives the owner's role every permission that the program knows. */
ERR_MUST_USE enum err role_store_complete_owner(struct db_txn *txn);

#endif
