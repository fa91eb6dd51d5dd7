/* Loads a snapshot. Private to the room. */
#ifndef KNOWLEDGE_KB_STORE_H
#define KNOWLEDGE_KB_STORE_H

#include "knowledge/kb.h"
#include "platform/db.h"

/* Everything of a snapshot from the database, one reference. */
ERR_MUST_USE enum err kb_store_load(struct db_txn *txn, const struct knowledge_deps *deps,
                                    struct kb **out);

/* Does the snapshot still say what the database says (articles, and brand, address ... of the site)? Cheap: no article is read. */
ERR_MUST_USE enum err kb_store_is_current(struct db_txn *txn, const struct knowledge_deps *deps,
                                          const struct kb *kb, bool *out);

#endif
