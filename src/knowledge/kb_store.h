/* Loads a snapshot. Private to the room. */
#ifndef KNOWLEDGE_KB_STORE_H
#define KNOWLEDGE_KB_STORE_H

#include "knowledge/kb.h"
#include "platform/db.h"

/* Everything of a snapshot from the database, one reference. */
ERR_MUST_USE enum err kb_store_load(struct db_txn *txn, const struct knowledge_deps *deps, struct kb **out);

#endif
