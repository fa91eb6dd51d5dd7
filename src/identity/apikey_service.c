#include "identity/apikey_service.h"

#include "base/log.h"
#include "identity/auth_service.h"
#include "identity/escalation.h"

#define MAX_KEYS 200
#define PREFIX_LEN                                                                                 \
    10 /* "shk_" and six characters: enough to recognise a key, useless to guess it */

struct work {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    int64_t id;
    const struct apikey_new *in;
    struct str name, prefix;
    struct token_hash hash;
    struct apikey key;
    struct apikey *list;
    size_t n;
    struct errinfo info;
};

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct db_rows *rows;
    enum err err = db_query(txn,
                            "SELECT id, name, prefix, scopes, created_at, expires_at, last_used_at "
                            "FROM api_keys ORDER BY id DESC LIMIT 200",
                            NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    w->list = ARENA_ARRAY(w->arena, struct apikey, MAX_KEYS);
    w->n = 0;
    while (w->n < MAX_KEYS && db_rows_next(rows)) {
        w->list[w->n++] =
            (struct apikey){.id = db_rows_i64(rows, 0),
                            .name = db_rows_dup(rows, 1, w->arena),
                            .prefix = db_rows_dup(rows, 2, w->arena),
                            .scopes = text_list_decode(w->arena, db_rows_str(rows, 3)),
                            .created_at = db_rows_i64(rows, 4),
                            .expires_at = db_rows_i64(rows, 5),
                            .last_used_at = db_rows_i64(rows, 6)};
    }
    return db_rows_close(&rows);
}

enum err apikey_service_list(struct identity *identity, const struct actor *actor,
                             struct arena *arena, struct apikey **out, size_t *n_out,
                             struct errinfo *info)
{
    struct work w = {.arena = arena};
    enum err err = actor_require(actor, PERM_APIKEY_MANAGE, info);
    err = err == ERR_OK ? db_read(identity->db, list_fn, &w) : err;
    if (err == ERR_OK) {
        *out = w.list;
        *n_out = w.n;
    }
    return err;
}

static enum err check_scopes(const struct actor *actor, struct text_list scopes,
                             struct errinfo *info)
{
    struct permission_set set = {0};
    for (size_t i = 0; i < scopes.n; i++) {
        enum permission p;
        if (!permission_parse(scopes.items[i], &p)) {
            return err_set(info, ERR_INVALID, "scopes", "unknown_permission",
                           "There is no permission " STR_FMT ".",
                           STR_ARG(str_sub(scopes.items[i], 0, 60)));
        }
        set = permission_set_with(set, p);
    }
    if (scopes.n == 0) {
        return err_set(info, ERR_INVALID, "scopes", "required",
                       "A key needs at least one permission.");
    }
    return escalation_check(actor, set, "scopes", info);
}

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    int64_t now = identity_now(w->identity);
    w->key = (struct apikey){.name = w->name,
                             .prefix = w->prefix,
                             .scopes = w->in->scopes,
                             .created_at = now,
                             .expires_at = w->in->expires_at};
    return DB_QUERY_I64(txn, &w->key.id,
                        "INSERT INTO api_keys (token_hash, prefix, name, scopes, agent_id, "
                        "created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                        "RETURNING id",
                        token_hash_val(&w->hash), db_text(w->prefix), db_text(w->name),
                        db_text(text_list_encode(db_txn_arena(txn), w->in->scopes)),
                        db_id(w->actor->agent.v), db_i64(now),
                        w->in->expires_at == 0 ? db_null() : db_i64(w->in->expires_at));
}

enum err apikey_service_create(struct identity *identity, const struct actor *actor,
                               const struct apikey_new *in, struct arena *arena, struct apikey *out,
                               struct str *secret_out, struct errinfo *info)
{
    struct str token = crypto_token(arena);
    struct str secret = str_printf(arena, API_KEY_PREFIX STR_FMT, STR_ARG(token));
    struct work w = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .in = in,
                     .hash = token_hash_of(secret),
                     .prefix = str_sub(secret, 0, PREFIX_LEN)};
    enum err err = actor_require(actor, PERM_APIKEY_MANAGE, info);
    err = err == ERR_OK ? auth_need_session(actor, info)
                        : err; /* a key that leaked must not make others that outlive it */
    err = err == ERR_OK ? identity_check_name(arena, in->name, "name", 80, &w.name, info) : err;
    err = err == ERR_OK ? check_scopes(actor, in->scopes, info) : err;
    if (err == ERR_OK && in->expires_at != 0 && in->expires_at <= identity_now(identity)) {
        err = err_set(info, ERR_INVALID, "expires_at", "range", "This time is over.");
    }
    err = err == ERR_OK ? db_write(identity->db, create_fn, &w) : err;
    if (err == ERR_OK) {
        LOG_INFO("identity", "API key made", log_i64("key", w.key.id),
                 log_i64("by", actor->agent.v));
        *out = w.key;
        *secret_out = secret;
    }
    return err;
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    const struct db_val vals[] = {db_id(w->id)};
    int64_t n = 0;
    enum err err = db_exec(txn, "DELETE FROM api_keys WHERE id = $1", vals, 1, &n);
    if (err == ERR_OK && n == 0) {
        return err_set(&w->info, ERR_NOT_FOUND, "id", "not_found", "There is no such key.");
    }
    identity_on_api_key_ended(w->identity, txn, w->id);
    return err;
}

enum err apikey_service_delete(struct identity *identity, const struct actor *actor, int64_t id,
                               struct errinfo *info)
{
    struct work w = {.identity = identity, .id = id};
    enum err err = actor_require(actor, PERM_APIKEY_MANAGE, info);
    return err == ERR_OK ? err_hand_on(&w.info, db_write(identity->db, delete_fn, &w), info) : err;
}
