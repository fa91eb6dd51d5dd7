/* Whoever sets up owns the desk: only from this machine, or with the token that was printed on its console. The check that there is no agent yet and the insert
 * are one transaction, so two set-ups at once give one owner. */
#include "identity/setup_service.h"

#include "base/log.h"
#include "identity/agent_store.h"
#include "identity/gate_store.h"
#include "identity/password.h"
#include "identity/role_store.h"
#include "identity/session_store.h"

struct state_load {
    struct identity *identity;
    struct arena *arena;
    struct setup_state state;
};

static enum err state_fn(struct db_txn *txn, void *arg)
{
    struct state_load *l = arg;
    int64_t n = 0;
    enum err err = agent_store_count(txn, &n);
    l->state.needs_owner = n == 0;
    return err == ERR_OK ? identity_brand(l->identity, txn, l->arena, &l->state.brand) : err;
}

enum err setup_load(struct identity *identity, struct arena *arena, struct setup_state *out)
{
    struct state_load l = {.identity = identity, .arena = arena};
    enum err err = db_read(identity->db, state_fn, &l);
    if (err == ERR_OK) {
        *out = l.state;
    }
    return err;
}

enum err identity_needs_owner(struct identity *identity, bool *out)
{
    ARENA_AUTO arena = arena_new(0);
    struct setup_state state;
    enum err err = setup_load(identity, arena, &state);
    if (err == ERR_OK) {
        *out = state.needs_owner;
    }
    return err;
}

struct creation {
    struct identity *identity;
    struct arena *arena;
    const struct setup_request *setup; /* NULL: an agent beside others */
    struct agent_new agent;
    struct str role_key;
    struct str brand;
    char hash[128];
    struct agent_id id;
    struct login_result login;
    struct errinfo info;
};

static enum err insert_agent(struct db_txn *txn, struct creation *c)
{
    bool is_taken = false;
    enum err err = agent_store_email_is_taken(txn, c->agent.email, &is_taken);
    if (err == ERR_OK && is_taken) {
        return err_set(&c->info, ERR_CONFLICT, "email", "email_taken",
                       "There is an agent with this e-mail address already.");
    }
    err = err == ERR_OK ? role_store_find_key(txn, c->role_key, &c->agent.role) : err;
    if (err == ERR_NOT_FOUND) {
        return err_set(
            &c->info, ERR_NOT_FOUND, "role", "role",
            "There is no built-in role of this name (owner, admin, supervisor, agent, auditor).");
    }
    err = err == ERR_OK ? agent_store_insert(txn, &c->agent, &c->id) : err;
    if (err == ERR_OK) {
        identity_on_agent_changed(c->identity, txn, c->id);
    }
    return err;
}

static enum err create_owner_fn(struct db_txn *txn, void *arg)
{
    struct creation *c = arg;
    int64_t n = 0;
    enum err err = agent_store_count(txn, &n);
    if (err == ERR_OK && n > 0) {
        return err_set(&c->info, ERR_CONFLICT, "", "setup_done",
                       "The desk has its owner. Ask for an invitation.");
    }
    err = err == ERR_OK ? insert_agent(txn, c) : err;
    if (err == ERR_OK && c->identity->hooks.brand_store != NULL) {
        err = c->identity->hooks.brand_store(c->identity->hooks.arg, txn, c->brand);
    }
    return err == ERR_OK
               ? login_open_session(c->identity, txn, c->arena, c->id, &c->setup->origin, &c->login)
               : err;
}

static enum err create_agent_fn(struct db_txn *txn, void *arg)
{
    return insert_agent(txn, arg);
}

struct token_try {
    struct identity *identity;
    struct gate gate;
    struct errinfo info;
};

static enum err count_token_try(struct db_txn *txn, void *arg)
{
    struct token_try *t = arg;
    t->gate = (struct gate){0};
    gate_add(&t->gate, t->identity, THROTTLE_SESSION, STR("set-up"));
    return gate_enter(txn, &t->gate, identity_now(t->identity), &t->info);
}

static enum err check_token(struct identity *identity, const struct setup_request *in,
                            struct errinfo *info)
{
    if (in->is_local && in->token.len == 0) {
        return ERR_OK;
    }
    struct token_try t = {.identity = identity};
    enum err err = db_write(identity->db, count_token_try, &t);
    if (err != ERR_OK) {
        if (info != NULL) {
            *info = t.info;
        }
        return err;
    }
    struct str want = str_from(identity->setup_token);
    if (want.len == 0 || !str_eq_consttime(want, in->token)) {
        return err_set(info, ERR_DENIED, "setup_token", "setup_token",
                       "Enter the set-up token that the program printed when it started.");
    }
    return ERR_OK;
}

enum err setup_create_owner(struct identity *identity, struct arena *arena,
                            const struct setup_request *in, struct login_result *out,
                            struct errinfo *info)
{
    struct creation c = {.identity = identity,
                         .arena = arena,
                         .setup = in,
                         .role_key = STR("owner"),
                         .agent = {.now = identity_now(identity)}};
    struct setup_state state;
    enum err err = setup_load(identity, arena, &state);
    if (err == ERR_OK && !state.needs_owner) {
        return err_set(info, ERR_CONFLICT, "", "setup_done",
                       "The desk has its owner. Ask for an invitation.");
    }
    err = err == ERR_OK ? check_token(identity, in, info) : err;
    err =
        err == ERR_OK ? identity_check_email(arena, in->email, "email", &c.agent.email, info) : err;
    err =
        err == ERR_OK ? identity_check_name(arena, in->name, "name", 80, &c.agent.name, info) : err;
    err = err == ERR_OK ? identity_check_name(arena, in->brand, "brand", 60, &c.brand, info) : err;
    err = err == ERR_OK
              ? password_check(in->password, c.agent.email, c.agent.name, c.brand, "password", info)
              : err;
    err = err == ERR_OK ? crypto_password_hash(in->password, c.hash) : err;
    if (err != ERR_OK) {
        return err;
    }
    c.agent.password_hash = str_from(c.hash);
    err = db_write(identity->db, create_owner_fn, &c);
    if (err != ERR_OK) {
        if (info != NULL) {
            *info = c.info;
        }
        return err;
    }
    LOG_WARN("identity", "owner made", log_i64("agent", c.id.v));
    *out = c.login;
    return ERR_OK;
}

enum err identity_create_agent(struct identity *identity, const struct identity_agent_spec *spec,
                               struct agent_id *out, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct creation c = {.identity = identity, .arena = arena, .role_key = spec->role_key};
    c.agent = (struct agent_new){.now = identity_now(identity),
                                 .languages = {spec->languages, spec->n_languages},
                                 .skills = {spec->skills, spec->n_skills},
                                 .capacity = spec->capacity};
    struct setup_state state;
    enum err err = setup_load(identity, arena, &state);
    err = err == ERR_OK ? identity_check_email(arena, spec->email, "email", &c.agent.email, info)
                        : err;
    err = err == ERR_OK ? identity_check_name(arena, spec->name, "name", 80, &c.agent.name, info)
                        : err;
    if (err == ERR_OK && !spec->skip_password_rules) {
        err = password_check(spec->password, c.agent.email, c.agent.name, state.brand, "password",
                             info);
    }
    err = err == ERR_OK ? crypto_password_hash(spec->password, c.hash) : err;
    if (err != ERR_OK) {
        return err;
    }
    c.agent.password_hash = str_from(c.hash);
    err = db_write(identity->db, create_agent_fn, &c);
    if (err != ERR_OK) {
        if (info != NULL) {
            *info = c.info;
        }
        return err;
    }
    *out = c.id;
    return ERR_OK;
}

/* ---- a lost password, by the operator ---- */

struct reset {
    struct identity *identity;
    struct str email;
    char hash[128];
    bool remove_totp;
};

static enum err reset_fn(struct db_txn *txn, void *arg)
{
    struct reset *r = arg;
    struct agent_secrets s;
    enum err err = agent_store_secrets_by_email(txn, r->email, db_txn_arena(txn), &s);
    err = err == ERR_OK ? agent_store_set_password(txn, s.id, str_from(r->hash)) : err;
    err =
        err == ERR_OK ? identity_end_sessions(r->identity, txn, s.id, (struct session_id){0}) : err;
    err = err == ERR_OK ? device_store_delete_all(txn, s.id) : err;
    if (err == ERR_OK && r->remove_totp) {
        err = agent_store_set_totp(txn, s.id, (struct str){0}, (struct str){0});
        err = err == ERR_OK ? agent_store_replace_recovery_codes(txn, s.id, NULL, 0) : err;
    }
    return err;
}

enum err identity_reset_password(struct identity *identity, struct str email, struct str password,
                                 bool remove_totp, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct reset r = {.identity = identity, .remove_totp = remove_totp};
    enum err err = identity_check_email(arena, email, "email", &r.email, info);
    err = err == ERR_OK ? password_check(password, r.email, (struct str){0}, (struct str){0},
                                         "password", info)
                        : err;
    err = err == ERR_OK ? crypto_password_hash(password, r.hash) : err;
    err = err == ERR_OK ? db_write(identity->db, reset_fn, &r) : err;
    return err == ERR_NOT_FOUND ? err_set(info, err, "email", "not_found",
                                          "There is no agent with this e-mail address.")
                                : err;
}
