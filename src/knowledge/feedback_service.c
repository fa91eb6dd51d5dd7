#include "knowledge/article_store.h"
#include "knowledge/knowledge_internal.h"
#include "platform/crypto.h"

struct vote_arg {
    struct knowledge *k;
    struct translation_id translation;
    struct str who;
    bool is_helpful;
};

static enum err vote_fn(struct db_txn *txn, void *arg)
{
    const struct vote_arg *a = arg;
    struct str key;
    enum err err = translation_store_feedback_key(txn, db_txn_arena(txn), &key);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_UNAVAILABLE : err;
    }
    uint8_t mac[32];
    crypto_hmac_sha256(key, a->who, mac);
    err = translation_store_vote(txn, a->translation, (struct str){(const char *)mac, 16},
                                 a->is_helpful, clock_now(&a->k->deps.clock));
    /* Taken from publication to deletion in the meantime. */
    return err == ERR_CONFLICT ? ERR_NOT_FOUND : err;
}

enum err feedback_vote(struct knowledge *k, enum lang lang, struct str slug, struct str who,
                       bool is_helpful, struct errinfo *info)
{
    KB_AUTO kb = knowledge_ref(k);
    const struct kb_entry *e = kb_entry_find(kb, lang, slug);
    if (e == NULL) {
        return err_set(info, ERR_NOT_FOUND, "slug", "not_found", "no such article");
    }
    struct vote_arg a = {k, e->translation, who, is_helpful};
    return db_write(k->deps.db, vote_fn, &a);
}
