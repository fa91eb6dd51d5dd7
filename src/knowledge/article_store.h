/* Rows of the room. Private to the room. */
#ifndef KNOWLEDGE_ARTICLE_STORE_H
#define KNOWLEDGE_ARTICLE_STORE_H

#include "base/arena.h"
#include "knowledge/article.h"
#include "platform/db.h"

/* ---- category_store.c ---- */
ERR_MUST_USE enum err category_store_list(struct db_txn *txn, struct arena *arena,
                                          struct category **out, size_t *n_out);
ERR_MUST_USE enum err category_store_load(struct db_txn *txn, struct category_id id,
                                          struct arena *arena, struct category *out);
ERR_MUST_USE enum err
category_store_insert(struct db_txn *txn,
                      struct category *c); /* fills id; ERR_CONFLICT: slug taken */
ERR_MUST_USE enum err category_store_update(struct db_txn *txn, const struct category *c);
ERR_MUST_USE enum err category_store_find(struct db_txn *txn, struct str slug,
                                          struct category_id *out);

/* ---- article_store.c ---- */
ERR_MUST_USE enum err article_store_list(struct db_txn *txn, const struct article_filter *f,
                                         struct arena *arena, struct article **out, size_t *n_out);
ERR_MUST_USE enum err article_store_load(struct db_txn *txn, struct article_id id,
                                         struct arena *arena, struct article *out);
ERR_MUST_USE enum err article_store_find(struct db_txn *txn, struct str slug,
                                         struct article_id *out);
ERR_MUST_USE enum err article_store_insert(struct db_txn *txn, struct article *a,
                                           int64_t now); /* fills id, version 1 */
ERR_MUST_USE enum err article_store_update(struct db_txn *txn, const struct article *a,
                                           int64_t now); /* version + 1 */
ERR_MUST_USE enum err article_store_touch(struct db_txn *txn, struct article_id id, int64_t now);
ERR_MUST_USE enum err
article_store_delete(struct db_txn *txn,
                     struct article_id id); /* with translations, versions and votes */

/* ---- translation_store.c ---- */
ERR_MUST_USE enum err translation_store_list(struct db_txn *txn, struct article_id article,
                                             struct arena *arena, struct translation **out,
                                             size_t *n_out);
/* ERR_NOT_FOUND: none yet. */
ERR_MUST_USE enum err translation_store_load(struct db_txn *txn, struct article_id article,
                                             enum lang lang, struct arena *arena,
                                             struct translation *out);
/* Inserts (id 0, then version 1) or updates the draft (version + 1). Fills id, version, updated_at. */
ERR_MUST_USE enum err translation_store_save(struct db_txn *txn, struct translation *t,
                                             struct agent_id by, int64_t now);
ERR_MUST_USE enum err translation_store_publish(struct db_txn *txn, struct translation *t,
                                                struct agent_id by, int64_t now);
ERR_MUST_USE enum err translation_store_unpublish(struct db_txn *txn, struct translation *t);
ERR_MUST_USE enum err translation_store_versions(struct db_txn *txn, struct translation_id id,
                                                 struct arena *arena, struct article_version **out,
                                                 size_t *n_out);
/* A vote of `voter` (16 bytes); changing one's mind moves the counts. */
ERR_MUST_USE enum err translation_store_vote(struct db_txn *txn, struct translation_id id,
                                             struct str voter, bool is_helpful, int64_t now);
ERR_MUST_USE enum err
translation_store_feedback_key(struct db_txn *txn, struct arena *arena,
                               struct str *key_out); /* ERR_NOT_FOUND: not made yet */
ERR_MUST_USE enum err translation_store_set_feedback_key(struct db_txn *txn, struct str key);

#endif
