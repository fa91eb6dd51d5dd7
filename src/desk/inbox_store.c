#include "desk/inbox.h"

#include "base/codec.h"

#define COLUMNS                                                                                    \
    "id, key, name, kind, team_id, allowed_origins, greeting_en, greeting_zh, accent, "            \
    "bot_enabled, secret, former_secret, former_until, public_key, version, prechat"

static void read_inbox(const struct db_rows *r, struct arena *arena, struct inbox *out)
{
    *out = (struct inbox){
        .id.v = db_rows_i64(r, 0),
        .key = db_rows_dup(r, 1, arena),
        .name = db_rows_dup(r, 2, arena),
        .kind = db_rows_dup(r, 3, arena),
        .team.v = db_rows_i64(r, 4),
        .allowed_origins = db_rows_dup(r, 5, arena),
        .greeting_en = db_rows_dup(r, 6, arena),
        .greeting_zh = db_rows_dup(r, 7, arena),
        .accent = db_rows_dup(r, 8, arena),
        .bot_enabled = db_rows_i64(r, 9) != 0,
        .secret = db_rows_dup(r, 10, arena),
        .former_secret = db_rows_dup(r, 11, arena),
        .former_until = db_rows_i64(r, 12),
        .public_key = db_rows_dup(r, 13, arena),
        .version = db_rows_i64(r, 14),
        .prechat = db_rows_dup(r, 15, arena),
    };
}

enum err inbox_load(struct db_txn *txn, struct inbox_id id, struct arena *arena, struct inbox *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY_ONE(txn, &rows, "SELECT " COLUMNS " FROM inboxes WHERE id = $1", db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    read_inbox(rows, arena, out);
    return db_rows_close(&rows);
}

enum err inbox_load_by_key(struct db_txn *txn, struct str key, struct arena *arena,
                           struct inbox *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY_ONE(txn, &rows, "SELECT " COLUMNS " FROM inboxes WHERE key = $1", db_text(key));
    if (err != ERR_OK) {
        return err;
    }
    read_inbox(rows, arena, out);
    return db_rows_close(&rows);
}

enum err inbox_list(struct db_txn *txn, struct arena *arena, struct inbox **out, size_t *n_out)
{
    enum { MAX = 500 };
    struct db_rows *rows = NULL;
    enum err err =
        db_query(txn, "SELECT " COLUMNS " FROM inboxes ORDER BY id LIMIT 500", NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    struct inbox *list = ARENA_ARRAY(arena, struct inbox, MAX);
    size_t n = 0;
    while (n < MAX && db_rows_next(rows)) {
        read_inbox(rows, arena, &list[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err inbox_insert(struct db_txn *txn, struct inbox *in)
{
    enum err err = DB_QUERY_I64(
        txn, &in->id.v,
        "INSERT INTO inboxes (key, name, kind, team_id, allowed_origins, greeting_en, greeting_zh, "
        "accent, bot_enabled, secret, public_key, prechat, version) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1) ON CONFLICT DO NOTHING "
        "RETURNING "
        "id",
        db_text(in->key), db_text(in->name), db_text(in->kind), db_id(in->team.v),
        db_text(in->allowed_origins), db_text(in->greeting_en), db_text(in->greeting_zh),
        db_text(in->accent), db_bool(in->bot_enabled),
        in->secret.len > 0 ? db_blob(in->secret) : db_null(), db_opt_text(in->public_key),
        db_text(in->prechat));
    in->version = 1;
    return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
}

enum err inbox_store(struct db_txn *txn, const struct inbox *in)
{
    int64_t n = 0;
    enum err err = db_exec(
        txn,
        "UPDATE inboxes SET name = $3, team_id = $4, allowed_origins = $5, greeting_en = $6, "
        "greeting_zh = $7, accent = $8, bot_enabled = $9, public_key = $10, prechat = $11, "
        "version = version + 1 WHERE id = $1 AND version = $2",
        DB_ARGS(db_i64(in->id.v), db_i64(in->version), db_text(in->name), db_id(in->team.v),
                db_text(in->allowed_origins), db_text(in->greeting_en), db_text(in->greeting_zh),
                db_text(in->accent), db_bool(in->bot_enabled), db_opt_text(in->public_key),
                db_text(in->prechat)),
        &n);
    return err == ERR_OK && n == 0 ? ERR_CONFLICT : err;
}

enum err inbox_store_secret(struct db_txn *txn, struct inbox_id id, struct str sealed,
                            int64_t former_until)
{
    return DB_EXEC(txn,
                   "UPDATE inboxes SET former_secret = secret, former_until = $3, secret = $2, "
                   "version = version + 1 WHERE id = $1",
                   db_i64(id.v), db_blob(sealed), db_i64(former_until));
}

void inbox_write_json(const struct inbox *in, struct json_writer *w)
{
    json_object_begin(w);
    json_kv_id(w, "id", in->id.v);
    json_kv_str(w, "key", in->key);
    json_kv_str(w, "name", in->name);
    json_kv_str(w, "kind", in->kind);
    json_kv_id(w, "team_id", in->team.v);
    json_kv_raw(w, "allowed_origins", in->allowed_origins);
    json_put_key(w, "greeting");
    json_object_begin(w);
    json_kv_str(w, "en", in->greeting_en);
    json_kv_str(w, "zh-CN", in->greeting_zh);
    json_object_end(w);
    json_kv_str(w, "accent", in->accent);
    json_kv_bool(w, "has_identity_secret", in->secret.len > 0);
    json_kv_bool(w, "bot_enabled", in->bot_enabled);
    json_kv_raw(w, "prechat", in->prechat);
    json_kv_i64(w, "version", in->version);
    json_object_end(w);
}

struct str inbox_seal(const struct desk *desk, struct str inbox_key, struct str secret,
                      struct arena *arena)
{
    return crypto_seal(arena, desk->secret_key,
                       str_printf(arena, "inbox " STR_FMT, STR_ARG(inbox_key)), secret);
}

static enum err open_secret(const struct desk *desk, const struct inbox *in, struct str sealed,
                            struct arena *arena, struct customer_key *out)
{
    out->alg = JWT_HS256;
    return crypto_open(arena, desk->secret_key,
                       str_printf(arena, "inbox " STR_FMT, STR_ARG(in->key)), sealed, &out->key);
}

enum err inbox_keys(const struct desk *desk, const struct inbox *in, int64_t now,
                    struct arena *arena, struct customer_key out[3], size_t *n_out)
{
    size_t n = 0;
    enum err err = ERR_OK;
    if (in->secret.len > 0) {
        err = open_secret(desk, in, in->secret, arena, &out[n++]);
    }
    if (err == ERR_OK && in->former_secret.len > 0 && now < in->former_until) {
        err = open_secret(desk, in, in->former_secret, arena, &out[n++]);
    }
    if (err == ERR_OK && in->public_key.len > 0) {
        out[n].alg = JWT_EDDSA;
        err = codec_unbase64(arena, in->public_key, &out[n++].key);
    }
    *n_out = n;
    return err;
}
