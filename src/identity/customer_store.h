/* Customers as rows. customer_load, customer_write_json, customer_update and customer_touch of identity.h live here too. */
#ifndef IDENTITY_CUSTOMER_STORE_H
#define IDENTITY_CUSTOMER_STORE_H

#include "identity/identity_internal.h"

/* `uid`, name, email, tier, locale, zone of `c`; ERR_CONFLICT: the uid is taken. */
ERR_MUST_USE enum err customer_store_insert(struct db_txn *txn, const struct customer *c,
                                            int64_t now, struct customer_id *out);
ERR_MUST_USE enum err customer_store_find_uid(struct db_txn *txn, struct str uid,
                                              struct arena *arena, struct customer *out);
/* Everything but ids and times; raises the version. */
ERR_MUST_USE enum err customer_store_save(struct db_txn *txn, const struct customer *c);
/* `from` is gone: links to it lead to `into`, its tokens are deleted, notes and fields that `into` lacks are taken over. */
ERR_MUST_USE enum err customer_store_merge(struct db_txn *txn, struct arena *arena,
                                           struct customer_id from, struct customer_id into);
/* By uid, e-mail or name prefix (case does not matter), newest first. */
ERR_MUST_USE enum err customer_store_search(struct db_txn *txn, struct str query, int64_t before_id,
                                            size_t limit, struct arena *arena, struct customer *out,
                                            size_t *n_out);

#endif
