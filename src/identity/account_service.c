#include "identity/account_service.h"

#include "base/codec.h"
#include "base/log.h"
#include "base/rng.h"
#include "identity/agent_store.h"
#include "identity/auth_service.h"
#include "identity/gate_store.h"
#include "identity/login_service.h"
#include "identity/password.h"
#include "identity/role_store.h"
#include "identity/session_store.h"

const char *const account_themes[] = {"system", "light", "dark", NULL};
const char *const account_languages[] = {"system", "en", "zh-CN", NULL};

/* ---- preferences, a small JSON object in a column ---- */

static struct preferences preferences_decode(struct str text)
{
    struct preferences p = {.shortcuts = true, .sound = true};
    struct json_doc *doc __attribute__((cleanup(json_doc_free))) = NULL;
    if (json_parse(text, 4096, &doc, NULL) != ERR_OK) {
        return p;
    }
    const struct json *o = json_root(doc);
    if (json_get_enum(o, "theme", account_themes, &p.theme, NULL) != ERR_OK) {
        p.theme = 0;
    }
    if (json_get_enum(o, "language", account_languages, &p.language, NULL) != ERR_OK) {
        p.language = 0;
    }
    if (json_opt_bool(o, "shortcuts", true, &p.shortcuts, NULL) != ERR_OK ||
        json_opt_bool(o, "sound", true, &p.sound, NULL) != ERR_OK ||
        json_opt_bool(o, "desktop_notifications", false, &p.desktop_notifications, NULL) !=
            ERR_OK) {
        return (struct preferences){.shortcuts = true, .sound = true};
    }
    return p;
}

static struct str preferences_encode(struct arena *arena, const struct preferences *p)
{
    return str_printf(arena,
                      "{\"theme\":\"%s\",\"language\":\"%s\",\"shortcuts\":%s,\"sound\":%s,"
                      "\"desktop_notifications\":%s}",
                      account_themes[p->theme], account_languages[p->language],
                      p->shortcuts ? "true" : "false", p->sound ? "true" : "false",
                      p->desktop_notifications ? "true" : "false");
}

/* ---- load, update ---- */

struct load {
    struct agent_id id;
    struct arena *arena;
    struct me me;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct load *l = arg;
    struct actor actor;
    struct str preferences;
    enum err err = agent_load(txn, l->id, l->arena, &l->me.agent);
    err = err == ERR_OK ? agent_load_actor(txn, l->id, &actor) : err;
    err = err == ERR_OK ? agent_store_preferences(txn, l->id, l->arena, &preferences) : err;
    if (err == ERR_OK) {
        l->me.permissions = actor.permissions;
        l->me.needs_totp_setup = actor.needs_totp_setup;
        l->me.preferences = preferences_decode(preferences);
    }
    return err;
}

enum err account_load(struct identity *identity, struct agent_id id, struct arena *arena,
                      struct me *out)
{
    struct load l = {.id = id, .arena = arena};
    enum err err = db_read(identity->db, load_fn, &l);
    if (err == ERR_OK) {
        *out = l.me;
    }
    return err;
}

struct update {
    struct identity *identity;
    struct agent_id id;
    const struct me_patch *patch;
    struct str name, zone; /* checked */
};

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct update *u = arg;
    struct arena *arena = db_txn_arena(txn);
    struct agent agent;
    struct str preferences;
    enum err err = agent_load(txn, u->id, arena, &agent);
    err = err == ERR_OK ? agent_store_preferences(txn, u->id, arena, &preferences) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (u->patch->preferences != NULL) {
        preferences = preferences_encode(arena, u->patch->preferences);
    }
    identity_on_agent_changed(u->identity, txn, u->id);
    return agent_store_update_self(txn, u->id, u->patch->name != NULL ? u->name : agent.name,
                                   u->patch->zone != NULL ? u->zone : agent.zone, preferences);
}

enum err account_update(struct identity *identity, const struct actor *actor,
                        const struct me_patch *patch, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct update u = {.identity = identity, .id = actor->agent, .patch = patch};
    enum err err = auth_need_session(actor, info);
    if (err == ERR_OK && patch->name != NULL) {
        err = identity_check_name(arena, *patch->name, "name", 80, &u.name, info);
    }
    if (err == ERR_OK && patch->zone != NULL) {
        u.zone = str_trim(*patch->zone);
        err = identity_is_zone(u.zone) ? ERR_OK
                                       : err_set(info, ERR_INVALID, "zone", "format",
                                                 "This is not a time zone such as Asia/Shanghai.");
    }
    return err == ERR_OK ? db_write(identity->db, update_fn, &u) : err;
}

/* ---- password ---- */

struct password_change {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    struct str brand;
    struct agent_secrets secrets;
    char hash[128];
};

static enum err password_context(struct db_txn *txn, void *arg)
{
    struct password_change *c = arg;
    enum err err = agent_store_secrets(txn, c->actor->agent, c->arena, &c->secrets);
    return err == ERR_OK ? identity_brand(c->identity, txn, c->arena, &c->brand) : err;
}

static enum err password_store(struct db_txn *txn, void *arg)
{
    struct password_change *c = arg;
    enum err err = agent_store_set_password(txn, c->actor->agent, str_from(c->hash));
    err = err == ERR_OK
              ? identity_end_sessions(c->identity, txn, c->actor->agent, c->actor->session)
              : err;
    return err == ERR_OK ? device_store_delete_all(txn, c->actor->agent) : err;
}

enum err account_change_password(struct identity *identity, const struct actor *actor,
                                 struct str current, struct str next, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct password_change c = {.identity = identity, .actor = actor, .arena = arena};
    enum err err = auth_need_session(actor, info);
    err = err == ERR_OK ? login_confirm_password(identity, actor, current, "current", info) : err;
    err = err == ERR_OK ? db_read(identity->db, password_context, &c) : err;
    err = err == ERR_OK
              ? password_check(next, c.secrets.email, c.secrets.name, c.brand, "new", info)
              : err;
    if (err == ERR_OK && str_eq(current, next)) {
        err = err_set(info, ERR_INVALID, "new", "same", "The new password is the old one.");
    }
    err = err == ERR_OK ? crypto_password_hash(next, c.hash) : err;
    err = err == ERR_OK ? db_write(identity->db, password_store, &c) : err;
    if (err == ERR_OK) {
        LOG_INFO("identity", "password changed", log_i64("agent", actor->agent.v));
    }
    return err;
}

/* ---- second factor ---- */

struct totp {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    struct str seed, code;
    struct str brand, email;
    struct gate gate;
    struct str codes[LOGIN_RECOVERY_CODES];
    struct errinfo info;
};

static enum err totp_begin_fn(struct db_txn *txn, void *arg)
{
    struct totp *t = arg;
    struct agent_secrets s;
    enum err err = agent_store_secrets(txn, t->actor->agent, t->arena, &s);
    err = err == ERR_OK ? identity_brand(t->identity, txn, t->arena, &t->brand) : err;
    if (err != ERR_OK) {
        return err;
    }
    t->email = s.email;
    struct str pending = crypto_seal(t->arena, t->identity->secret_key,
                                     login_totp_context(t->arena, t->actor->agent), t->seed);
    return agent_store_set_totp(txn, t->actor->agent, s.totp_sealed, pending);
}

enum err account_totp_begin(struct identity *identity, const struct actor *actor,
                            struct str password, struct arena *arena, struct totp_offer *out,
                            struct errinfo *info)
{
    uint8_t raw[20]; /* RFC 4226 section 4: 160 bits */
    rng_bytes(raw, sizeof(raw));
    struct totp t = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .seed = {(const char *)raw, sizeof(raw)}};
    enum err err = auth_need_session(actor, info);
    err = err == ERR_OK ? login_confirm_password(identity, actor, password, "password", info) : err;
    err = err == ERR_OK ? db_write(identity->db, totp_begin_fn, &t) : err;
    if (err == ERR_OK) {
        out->secret = codec_base32(arena, raw, sizeof(raw));
        struct str issuer = codec_percent(arena, t.brand);
        struct str email = codec_percent(arena, t.email);
        out->uri =
            str_printf(arena,
                       "otpauth://totp/" STR_FMT ":" STR_FMT "?secret=" STR_FMT "&issuer=" STR_FMT
                       "&algorithm=SHA1&digits=6&period=30",
                       STR_ARG(issuer), STR_ARG(email), STR_ARG(out->secret), STR_ARG(issuer));
    }
    return err;
}

static enum err totp_count(struct db_txn *txn, void *arg)
{
    struct totp *t = arg;
    t->gate = (struct gate){0};
    gate_add(&t->gate, t->identity, THROTTLE_SESSION,
             str_printf(db_txn_arena(txn), "code %lld", (long long)t->actor->session.v));
    return gate_enter(txn, &t->gate, identity_now(t->identity), &t->info);
}

static enum err store_recovery_codes(struct db_txn *txn, struct totp *t)
{
    struct str hashes[LOGIN_RECOVERY_CODES];
    struct token_hash *raw =
        ARENA_ARRAY(db_txn_arena(txn), struct token_hash, LOGIN_RECOVERY_CODES);
    for (size_t i = 0; i < LOGIN_RECOVERY_CODES; i++) {
        raw[i] = login_recovery_code_hash(t->identity, t->actor->agent, t->codes[i]);
        hashes[i] = (struct str){(const char *)raw[i].v, sizeof(raw[i].v)};
    }
    return agent_store_replace_recovery_codes(txn, t->actor->agent, hashes, LOGIN_RECOVERY_CODES);
}

static enum err totp_confirm_fn(struct db_txn *txn, void *arg)
{
    struct totp *t = arg;
    struct agent_secrets s;
    enum err err = agent_store_secrets(txn, t->actor->agent, t->arena, &s);
    if (err == ERR_OK && s.totp_pending.len == 0) {
        return err_set(&t->info, ERR_CONFLICT, "", "totp_not_begun", "Begin the set-up first.");
    }
    err = err == ERR_OK
              ? crypto_open(t->arena, t->identity->secret_key,
                            login_totp_context(t->arena, t->actor->agent), s.totp_pending, &t->seed)
              : err;
    if (err != ERR_OK) {
        return err;
    }
    int64_t step = 0;
    bool is_fresh = false;
    bool is_right =
        crypto_totp_verify(t->seed, str_trim(t->code), identity_now(t->identity), 0, &step);
    err = is_right ? agent_store_use_totp_step(txn, t->actor->agent, step, &is_fresh) : ERR_OK;
    if (err == ERR_OK && !is_fresh) {
        return err_set(
            &t->info, ERR_INVALID, "code", "wrong",
            "This code is wrong. Check the clock of your phone, or wait for the next code.");
    }
    err = err == ERR_OK
              ? agent_store_set_totp(txn, t->actor->agent, s.totp_pending, (struct str){0})
              : err;
    err = err == ERR_OK ? store_recovery_codes(txn, t) : err;
    err = err == ERR_OK ? gate_pass(txn, &t->gate, identity_now(t->identity)) : err;
    if (err == ERR_OK) {
        identity_on_permissions_changed(t->identity, txn, t->actor->agent);
    }
    return err;
}

static enum err done(const struct totp *t, enum err err, struct errinfo *info)
{
    if (err != ERR_OK && info != NULL) {
        *info = t->info;
    }
    return err;
}

enum err account_totp_confirm(struct identity *identity, const struct actor *actor, struct str code,
                              struct arena *arena, struct str *codes_out, struct errinfo *info)
{
    struct totp t = {.identity = identity, .actor = actor, .arena = arena, .code = code};
    for (size_t i = 0; i < LOGIN_RECOVERY_CODES; i++) {
        t.codes[i] = login_recovery_code_new(arena);
    }
    enum err err = auth_need_session(actor, &t.info);
    err = err == ERR_OK ? db_write(identity->db, totp_count, &t) : err;
    err = err == ERR_OK ? db_write(identity->db, totp_confirm_fn, &t) : err;
    if (err == ERR_OK) {
        memcpy(codes_out, t.codes, sizeof(t.codes));
        LOG_INFO("identity", "second factor set up", log_i64("agent", actor->agent.v));
    }
    return done(&t, err, info);
}

static enum err totp_remove_fn(struct db_txn *txn, void *arg)
{
    struct totp *t = arg;
    struct agent agent;
    struct role role;
    enum err err = agent_load(txn, t->actor->agent, t->arena, &agent);
    err = err == ERR_OK ? role_store_load(txn, agent.role, t->arena, &role) : err;
    if (err == ERR_OK && role.requires_totp) {
        return err_set(&t->info, ERR_DENIED, "", "totp_required_by_role",
                       "Your role asks for a second factor.");
    }
    err =
        err == ERR_OK ? login_use_code(t->identity, txn, t->actor->agent, t->code, &t->info) : err;
    if (err == ERR_UNAUTHORIZED) {
        return err_set(&t->info, ERR_INVALID, "code", "wrong",
                       "This code is wrong or was used already.");
    }
    err = err == ERR_OK
              ? agent_store_set_totp(txn, t->actor->agent, (struct str){0}, (struct str){0})
              : err;
    err = err == ERR_OK ? agent_store_replace_recovery_codes(txn, t->actor->agent, NULL, 0) : err;
    err = err == ERR_OK ? gate_pass(txn, &t->gate, identity_now(t->identity)) : err;
    if (err == ERR_OK) {
        identity_on_permissions_changed(t->identity, txn, t->actor->agent);
    }
    return err;
}

enum err account_totp_remove(struct identity *identity, const struct actor *actor,
                             struct str password, struct str code, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct totp t = {.identity = identity, .actor = actor, .arena = arena, .code = code};
    enum err err = auth_need_session(actor, &t.info);
    err = err == ERR_OK ? login_confirm_password(identity, actor, password, "password", &t.info)
                        : err;
    err = err == ERR_OK ? db_write(identity->db, totp_count, &t) : err;
    err = err == ERR_OK ? db_write(identity->db, totp_remove_fn, &t) : err;
    if (err == ERR_OK) {
        LOG_WARN("identity", "second factor removed", log_i64("agent", actor->agent.v));
    }
    return done(&t, err, info);
}
