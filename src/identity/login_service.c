/* A sign-in is three steps: count the attempt (short write), look at the password (Argon2id, no transaction), finish (short write: code, session, throttle).
 *
 * Who can be locked out by whom: a browser in which the agent has signed in before has a throttle of its own, which nobody without its cookie can fill. Every
 * other attempt shares throttles by address and account, by address, and one for the whole world that never closes for more than a second. */
#include "identity/login_service.h"

#include "base/codec.h"
#include "base/log.h"
#include "base/rng.h"
#include "identity/agent_store.h"
#include "identity/gate_store.h"
#include "identity/session_store.h"

/* Of a random password, with today's parameters: verified against when there is no such account, so that the answer takes as long. */
static const char nobody_hash[] = "$argon2id$v=19$m=65536,t=2,p=1$X9/"
                                  "KVLkf5HM2z+FgaHJE2A$r7rmH36aymdR1F58U9+8L4qHtJxsWIyk38OYV2JEGOg";

#define USER_AGENT_MAX 200

struct attempt {
    struct identity *identity;
    struct arena *arena;
    const struct login_request *in;
    struct str email;
    int64_t now;
    struct gate gate;
    bool is_known_account, is_known_device;
    struct agent_secrets secrets;
    char new_hash[128]; /* "" or the password under today's parameters */
    struct login_result result;
    struct errinfo info;
};

/* ---- step 1: count ---- */

static void choose_gate(struct attempt *a, int64_t device)
{
    a->gate = (struct gate){0};
    if (a->is_known_device) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%lld", (long long)device);
        gate_add(&a->gate, a->identity, THROTTLE_DEVICE, (struct str){text, (size_t)n});
        return;
    }
    struct str address = gate_address(a->arena, a->in->origin.ip);
    gate_add(&a->gate, a->identity, THROTTLE_PAIR,
             str_printf(a->arena, STR_FMT " " STR_FMT, STR_ARG(address), STR_ARG(a->email)));
    gate_add(&a->gate, a->identity, THROTTLE_ADDRESS, address);
    gate_add(&a->gate, a->identity, THROTTLE_GLOBAL, STR(""));
}

static enum err count_attempt(struct db_txn *txn, void *arg)
{
    struct attempt *a = arg;
    a->is_known_account = false;
    a->is_known_device = false;
    int64_t device = 0;
    enum err err = agent_store_secrets_by_email(txn, a->email, a->arena, &a->secrets);
    if (err == ERR_OK) {
        a->is_known_account = true;
        struct token_hash hash = token_hash_of(a->in->origin.device_token);
        err = a->in->origin.device_token.len == IDENTITY_TOKEN_LEN
                  ? device_store_find(txn, &hash, a->secrets.id, &device)
                  : ERR_NOT_FOUND;
        a->is_known_device = err == ERR_OK;
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    choose_gate(a, device);
    return gate_enter(txn, &a->gate, a->now, &a->info);
}

/* ---- step 3: finish ---- */

struct str login_totp_context(struct arena *arena, struct agent_id agent)
{
    return str_printf(arena, "totp:%lld", (long long)agent.v);
}

struct str login_recovery_code_new(struct arena *arena)
{
    uint8_t raw[8];
    rng_bytes(raw, sizeof(raw));
    struct str t = str_lower_ascii(arena, codec_base32(arena, raw, sizeof(raw)));
    return str_printf(arena, "%.4s-%.4s-%.4s", t.p, t.p + 4, t.p + 8);
}

struct token_hash login_recovery_code_hash(const struct identity *identity, struct agent_id agent,
                                           struct str code)
{
    ARENA_AUTO arena = arena_new(0);
    char *plain = arena_alloc(arena, code.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.p[i] != '-' && code.p[i] != ' ') {
            plain[n++] = code.p[i];
        }
    }
    struct str lower = str_lower_ascii(arena, (struct str){plain, n});
    return identity_keyed_hash(
        identity, "recovery code",
        str_printf(arena, "%lld:" STR_FMT, (long long)agent.v, STR_ARG(lower)));
}

static bool is_totp_code(struct str code)
{
    for (size_t i = 0; i < code.len; i++) {
        if (code.p[i] < '0' || code.p[i] > '9') {
            return false;
        }
    }
    return code.len == 6;
}

enum err login_use_code(struct identity *identity, struct db_txn *txn, struct agent_id agent,
                        struct str code, struct errinfo *info)
{
    struct agent_secrets s;
    enum err err = agent_store_secrets(txn, agent, db_txn_arena(txn), &s);
    if (err != ERR_OK) {
        return err;
    }
    struct arena *arena = db_txn_arena(txn);
    bool is_good = false;
    int64_t now = identity_now(identity);
    code = str_trim(code);
    if (is_totp_code(code) && s.totp_sealed.len > 0) {
        struct str seed;
        int64_t step = 0;
        err = crypto_open(arena, identity->secret_key, login_totp_context(arena, agent),
                          s.totp_sealed, &seed);
        if (err != ERR_OK) {
            LOG_ERROR("identity", "second factor cannot be opened: another installation's key?",
                      log_i64("agent", agent.v));
            return ERR_INTERNAL;
        }
        if (crypto_totp_verify(seed, code, now, 0, &step)) {
            err = agent_store_use_totp_step(txn, agent, step, &is_good);
        }
    } else {
        struct token_hash hash = login_recovery_code_hash(identity, agent, code);
        err = agent_store_use_recovery_code(
            txn, agent, (struct str){(const char *)hash.v, sizeof(hash.v)}, now, &is_good);
    }
    if (err == ERR_OK && !is_good) {
        return err_set(info, ERR_UNAUTHORIZED, "code", "bad_code",
                       "This code is wrong or was used already.");
    }
    return err;
}

enum err login_open_session(struct identity *identity, struct db_txn *txn, struct arena *arena,
                            struct agent_id agent, const struct login_origin *origin,
                            struct login_result *out)
{
    int64_t now = identity_now(identity);
    struct login_result r = {
        .agent = agent, .session_token = crypto_token(arena), .device_token = origin->device_token};
    if (r.device_token.len != IDENTITY_TOKEN_LEN) {
        r.device_token = crypto_token(arena);
    }
    struct token_hash session = token_hash_of(r.session_token);
    struct token_hash device = token_hash_of(r.device_token);
    struct session_new row = {.hash = &session,
                              .agent = agent,
                              .now = now,
                              .expires_at = now + identity->session_absolute_ms,
                              .ip = origin->ip,
                              .user_agent = str_sub(origin->user_agent, 0, USER_AGENT_MAX)};
    struct session_id id;
    enum err err = session_store_insert(txn, &row, &id);
    err = err == ERR_OK ? device_store_put(txn, &device, agent, now) : err;
    if (err == ERR_OK && origin->old_session_token.len == IDENTITY_TOKEN_LEN) {
        struct token_hash old = token_hash_of(origin->old_session_token);
        struct session former;
        err = session_store_find(txn, &old, now, identity->session_idle_ms, &former);
        if (err == ERR_OK) {
            bool found;
            err = session_store_delete(txn, former.id, former.agent, &found);
            identity_on_sessions_ended(identity, txn, former.agent, former.id);
        } else if (err == ERR_NOT_FOUND) {
            err = ERR_OK;
        }
    }
    if (err == ERR_OK) {
        *out = r;
    }
    return err;
}

/* Wrong codes are counted on the account only from unknown browsers; whoever guesses them there has the password. Must commit although the code was wrong. */
static enum err count_code(struct db_txn *txn, void *arg)
{
    struct attempt *a = arg;
    struct gate gate = {0};
    gate_add(&gate, a->identity, THROTTLE_TOTP,
             str_printf(db_txn_arena(txn), "%lld", (long long)a->secrets.id.v));
    return gate_enter(txn, &gate, a->now, &a->info);
}

static enum err finish(struct db_txn *txn, void *arg)
{
    struct attempt *a = arg;
    struct agent_secrets now;
    enum err err = agent_store_secrets(txn, a->secrets.id, a->arena, &now);
    if (err != ERR_OK) {
        return err;
    }
    if (!now.is_active || !str_eq(now.password_hash, a->secrets.password_hash)) {
        return err_set(&a->info, ERR_UNAUTHORIZED, "", "bad_credentials",
                       "E-mail or password is wrong.");
    }
    if (now.totp_sealed.len > 0) {
        err = login_use_code(a->identity, txn, now.id, a->in->code, &a->info);
    }
    if (err == ERR_OK && a->new_hash[0] != 0) {
        err = agent_store_set_password(txn, now.id, str_from(a->new_hash));
    }
    err = err == ERR_OK ? gate_pass(txn, &a->gate, a->now) : err;
    if (err == ERR_OK && now.totp_sealed.len > 0 && !a->is_known_device) {
        struct gate gate = {0};
        gate_add(&gate, a->identity, THROTTLE_TOTP,
                 str_printf(db_txn_arena(txn), "%lld", (long long)now.id.v));
        err = gate_pass(txn, &gate, a->now);
    }
    return err == ERR_OK
               ? login_open_session(a->identity, txn, a->arena, now.id, &a->in->origin, &a->result)
               : err;
}

static enum err refuse(struct attempt *a, enum err err, struct errinfo *info)
{
    LOG_INFO("identity", "sign-in refused",
             log_i64("agent", a->is_known_account ? a->secrets.id.v : 0),
             log_cstr("why", a->info.code));
    if (info != NULL) {
        *info = a->info;
    }
    return err;
}

enum err login_with_password(struct identity *identity, struct arena *arena,
                             const struct login_request *in, struct login_result *out,
                             struct errinfo *info)
{
    struct attempt a = {
        .identity = identity, .arena = arena, .in = in, .now = identity_now(identity)};
    a.email = str_lower_ascii(arena, str_trim(in->email));
    enum err err = db_write(identity->db, count_attempt, &a);
    if (err != ERR_OK) {
        return refuse(&a, err, info);
    }
    const char *hash =
        a.is_known_account ? str_to_cstr(arena, a.secrets.password_hash) : nobody_hash;
    bool is_right =
        crypto_password_verify(hash, in->password) && a.is_known_account && a.secrets.is_active;
    if (!is_right) {
        err = err_set(&a.info, ERR_UNAUTHORIZED, "", "bad_credentials",
                      "E-mail or password is wrong.");
        return refuse(&a, err, info);
    }
    if (a.secrets.totp_sealed.len > 0 && str_trim(in->code).len == 0) {
        return err_set(info, ERR_UNAUTHORIZED, "code", "totp_required",
                       "Enter the code of your authenticator app.");
    }
    if (a.secrets.totp_sealed.len > 0 && !a.is_known_device) {
        err = db_write(identity->db, count_code, &a);
    }
    if (err == ERR_OK && crypto_password_needs_rehash(hash) &&
        crypto_password_hash(in->password, a.new_hash) != ERR_OK) {
        a.new_hash[0] = 0; /* next time */
    }
    err = err == ERR_OK ? db_write(identity->db, finish, &a) : err;
    if (err != ERR_OK) {
        return refuse(&a, err, info);
    }
    LOG_INFO("identity", "signed in", log_i64("agent", a.result.agent.v));
    *out = a.result;
    return ERR_OK;
}

/* ---- again, inside a session ---- */

struct confirmation {
    struct identity *identity;
    struct arena *arena;
    struct agent_id agent;
    struct session_id session;
    struct str hash;
    struct gate gate;
    struct errinfo info;
};

static enum err count_confirmation(struct db_txn *txn, void *arg)
{
    struct confirmation *c = arg;
    struct agent_secrets s;
    enum err err = agent_store_secrets(txn, c->agent, c->arena, &s);
    if (err != ERR_OK) {
        return err;
    }
    c->hash = s.password_hash;
    c->gate = (struct gate){0};
    gate_add(&c->gate, c->identity, THROTTLE_SESSION,
             str_printf(db_txn_arena(txn), "%lld", (long long)c->session.v));
    return gate_enter(txn, &c->gate, identity_now(c->identity), &c->info);
}

static enum err pass_confirmation(struct db_txn *txn, void *arg)
{
    struct confirmation *c = arg;
    return gate_pass(txn, &c->gate, identity_now(c->identity));
}

enum err login_confirm_password(struct identity *identity, const struct actor *actor,
                                struct str password, const char *field, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct confirmation c = {
        .identity = identity, .arena = arena, .agent = actor->agent, .session = actor->session};
    enum err err = db_write(identity->db, count_confirmation, &c);
    if (err != ERR_OK) {
        if (info != NULL) {
            *info = c.info;
        }
        return err;
    }
    if (!crypto_password_verify(str_to_cstr(arena, c.hash), password)) {
        return err_set(info, ERR_INVALID, field, "wrong", "This is not your password.");
    }
    return db_write(identity->db, pass_confirmation, &c);
}
