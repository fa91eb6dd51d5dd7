#include "desk/inbox_service.h"

#include "base/codec.h"
#include "desk/message.h"
#include "desk/prechat.h"

/* "https://exchange.example" or with a port: scheme, host, nothing else. */
bool inbox_origin_is_valid(struct str o)
{
    struct str host = str_starts(o, STR("https://"))  ? str_sub(o, 8, o.len)
                      : str_starts(o, STR("http://")) ? str_sub(o, 7, o.len)
                                                      : STR("");
    if (host.len == 0 || host.len > 190) {
        return false;
    }
    for (size_t i = 0; i < host.len; i++) {
        char c = host.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == ':' || c == '[' || c == ']')) {
            return false;
        }
    }
    return true;
}

static bool is_accent(struct str s)
{
    bool good = s.len == 7 && s.p[0] == '#';
    for (size_t i = 1; i < s.len && good; i++) {
        good = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');
    }
    return good;
}

static enum err decode_origins(const struct json *o, struct arena *arena, struct inbox *in,
                               struct errinfo *info)
{
    const struct json *list = json_find(o, "allowed_origins");
    if (!json_is_array(list) || json_len(list) > INBOX_MAX_ORIGINS) {
        return err_set(info, ERR_INVALID, "allowed_origins",
                       json_is_array(list) ? "too_long" : "required", "a list of at most %d",
                       INBOX_MAX_ORIGINS);
    }
    BUF_AUTO b;
    buf_init(&b, 16384);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_array_begin(&w);
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
        if (!inbox_origin_is_valid(json_str(v))) {
            return err_set(info, ERR_INVALID, "allowed_origins", "format",
                           "like https://exchange.example, no path");
        }
        json_put_str(&w, json_str(v));
    }
    json_array_end(&w);
    in->allowed_origins = str_dup(arena, buf_str(&b));
    return buf_err(&b);
}

enum err inbox_decode(const struct json *o, struct arena *arena, struct inbox *in,
                      struct errinfo *info)
{
    const struct json *greeting = json_find(o, "greeting");
    enum err err = json_get_str(o, "name", 1, 60, &in->name, info);
    if (err == ERR_OK) {
        in->name = message_clean_line(arena, in->name);
        err = json_opt_id(o, "team_id", &in->team.v, info);
    }
    if (err == ERR_OK) {
        err = decode_origins(o, arena, in, info);
    }
    if (err == ERR_OK && !json_is_object(greeting)) {
        err = err_set(info, ERR_INVALID, "greeting", "required", "en and zh-CN");
    }
    if (err == ERR_OK) {
        err = json_get_str(greeting, "en", 0, 300, &in->greeting_en, info);
    }
    if (err == ERR_OK) {
        err = json_get_str(greeting, "zh-CN", 0, 300, &in->greeting_zh, info);
    }
    if (err == ERR_OK) {
        err = json_get_str(o, "accent", 7, 7, &in->accent, info);
    }
    if (err == ERR_OK && !is_accent(in->accent)) {
        err = err_set(info, ERR_INVALID, "accent", "format", "like #1a66ff");
    }
    if (err == ERR_OK) {
        err = json_opt_bool(o, "bot_enabled", false, &in->bot_enabled, info);
    }
    err = err != ERR_OK ? err : prechat_decode(o, arena, &in->prechat, info);
    if (err == ERR_OK && json_find(o, "identity_public_key") != NULL) {
        struct str raw = {0};
        err = json_opt_str(o, "identity_public_key", 100, &in->public_key, info);
        if (err == ERR_OK && in->public_key.len > 0 &&
            (codec_unbase64(arena, in->public_key, &raw) != ERR_OK || raw.len != 32)) {
            err = err_set(info, ERR_INVALID, "identity_public_key", "format", "32 bytes in base64");
        }
    }
    return err;
}

struct job {
    struct desk *desk;
    struct inbox *in;
    int64_t version;
    struct arena *arena;
    struct str secret;
    struct errinfo *info;
};

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    enum err err = inbox_insert(txn, j->in);
    return err == ERR_CONFLICT ? err_set(j->info, err, "key", "taken", "the key is taken") : err;
}

enum err inbox_create(struct desk *desk, struct inbox *in, struct arena *arena,
                      struct errinfo *info)
{
    if (in->key.len == 0) {
        struct str token = crypto_token(arena);
        in->key = str_printf(arena, "ibx_" STR_FMT, STR_ARG(str_sub(token, 0, 20)));
    }
    in->kind = STR("web_chat");
    in->prechat = in->prechat.len > 0 ? in->prechat : STR(PRECHAT_OFF);
    struct job j = {.desk = desk, .in = in, .arena = arena, .info = info};
    return db_write(desk->db, create_fn, &j);
}

struct updating {
    const struct request *rq;
    const struct json *body;
    struct inbox in;
    struct errinfo *info;
};

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct updating *j = arg;
    int64_t id = j->in.id.v;
    enum err err = inbox_load(txn, (struct inbox_id){id}, j->rq->arena, &j->in);
    if (err == ERR_NOT_FOUND) {
        return err_set(j->info, err, "id", "not_found", "no such inbox");
    }
    if (err == ERR_OK) {
        err = request_if_match(j->rq, j->in.version, j->info);
    }
    if (err == ERR_OK) {
        err = inbox_decode(j->body, j->rq->arena, &j->in, j->info);
    }
    if (err == ERR_OK) {
        err = inbox_store(txn, &j->in);
        j->in.version++;
    }
    return err;
}

enum err inbox_update(struct desk *desk, const struct actor *actor, const struct request *rq,
                      const struct json *body, struct inbox *in, struct errinfo *info)
{
    struct updating j = {.rq = rq, .body = body, .in = *in, .info = info};
    enum err err = actor_require(actor, PERM_INBOX_MANAGE, info);
    err = err != ERR_OK ? err : db_write(desk->db, update_fn, &j);
    *in = j.in;
    return err;
}

static enum err rotate_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct inbox in;
    enum err err = inbox_load(txn, j->in->id, j->arena, &in);
    if (err == ERR_NOT_FOUND) {
        return err_set(j->info, err, "id", "not_found", "no such inbox");
    }
    return err != ERR_OK
               ? err
               : inbox_store_secret(txn, in.id, inbox_seal(j->desk, in.key, j->secret, j->arena),
                                    desk_now(j->desk) + INBOX_FORMER_SECRET_MS);
}

enum err inbox_rotate_secret(struct desk *desk, struct inbox_id id, struct arena *arena,
                             struct str *secret_out, struct errinfo *info)
{
    struct inbox in = {.id = id};
    struct job j = {
        .desk = desk, .in = &in, .arena = arena, .secret = crypto_token(arena), .info = info};
    enum err err = db_write(desk->db, rotate_fn, &j);
    if (err == ERR_OK) {
        *secret_out = j.secret;
    }
    return err;
}

/* ---- for app ---- */

enum err desk_inbox_create(struct desk *desk, const struct desk_inbox_new *n, struct inbox_id *out,
                           struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    BUF_AUTO b;
    buf_init(&b, 16384);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_array_begin(&w);
    for (size_t i = 0; i < n->n_allowed_origins; i++) {
        json_put_str(&w, n->allowed_origins[i]);
    }
    json_array_end(&w);
    struct inbox in = {
        .key = n->key,
        .name = n->name,
        .team = n->team,
        .allowed_origins = buf_str(&b),
        .greeting_en = n->greeting_en,
        .greeting_zh = n->greeting_zh,
        .accent = n->accent,
        .bot_enabled = n->bot_enabled,
    };
    if (n->secret.len > 0) {
        in.secret = inbox_seal(desk, n->key, n->secret, arena);
    }
    enum err err = inbox_create(desk, &in, arena, info);
    if (err == ERR_OK) {
        *out = in.id;
    }
    return err;
}
