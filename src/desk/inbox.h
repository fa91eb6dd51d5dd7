/* Inboxes: the doors by which conversations come in. `key` is public and stands in the exchange's page; the identity secret is sealed. */
#ifndef DESK_INBOX_H
#define DESK_INBOX_H

#include "base/json.h"
#include "desk/desk_internal.h"

#define INBOX_FORMER_SECRET_MS (24 * TIME_HOUR_MS)
#define INBOX_MAX_ORIGINS 20

struct inbox {
    struct inbox_id id;
    struct str key, name, kind;
    struct team_id team;
    struct str allowed_origins; /* JSON array */
    struct str greeting_en, greeting_zh, accent;
    bool bot_enabled;
    struct str prechat;               /* JSON object, see prechat.h */
    struct str secret, former_secret; /* sealed; empty: none */
    int64_t former_until;
    struct str public_key; /* base64; empty: none */
    int64_t version;
};
ERR_MUST_USE enum err inbox_load(struct db_txn *txn, struct inbox_id id, struct arena *arena,
                                 struct inbox *out);
ERR_MUST_USE enum err inbox_load_by_key(struct db_txn *txn, struct str key, struct arena *arena,
                                        struct inbox *out);
ERR_MUST_USE enum err inbox_list(struct db_txn *txn, struct arena *arena, struct inbox **out,
                                 size_t *n_out);
ERR_MUST_USE enum err inbox_insert(struct db_txn *txn,
                                   struct inbox *in); /* fills id; ERR_CONFLICT: the key is taken */
ERR_MUST_USE enum err inbox_store(struct db_txn *txn,
                                  const struct inbox *in); /* ERR_CONFLICT: the version moved */
ERR_MUST_USE enum err inbox_store_secret(struct db_txn *txn, struct inbox_id id, struct str sealed,
                                         int64_t former_until);
void inbox_write_json(const struct inbox *in, struct json_writer *w);

/* The keys by which this inbox's customers may be signed just now. */
ERR_MUST_USE enum err inbox_keys(const struct desk *desk, const struct inbox *in, int64_t now,
                                 struct arena *arena, struct customer_key out[3], size_t *n_out);
struct str inbox_seal(const struct desk *desk, struct str inbox_key, struct str secret,
                      struct arena *arena);

#endif
