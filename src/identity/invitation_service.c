#include "identity/invitation_service.h"

#include "base/log.h"
#include "identity/agent_store.h"
#include "identity/escalation.h"
#include "identity/password.h"
#include "identity/role_store.h"
#include "identity/session_store.h"

#define INVITATION_COLUMNS                                                                         \
    "i.id, i.email, i.name, i.role_id, r.name, i.team_ids, i.created_at, i.expires_at"
#define MAX_OPEN 500

static void read_invitation(const struct db_rows *rows, struct arena *arena, struct invitation *out)
{
    *out = (struct invitation){.id = db_rows_i64(rows, 0),
                               .email = db_rows_dup(rows, 1, arena),
                               .name = db_rows_dup(rows, 2, arena),
                               .role = {db_rows_i64(rows, 3)},
                               .role_name = db_rows_dup(rows, 4, arena),
                               .teams = id_list_decode(arena, db_rows_str(rows, 5)),
                               .created_at = db_rows_i64(rows, 6),
                               .expires_at = db_rows_i64(rows, 7)};
}

struct work {
    struct identity *identity;
    const struct actor *actor;
    struct arena *arena;
    int64_t now, id;
    const struct invitation_new *in;
    const struct invitation_acceptance *acceptance;
    struct token_hash hash;
    struct str brand, public_url, name, email;
    char password_hash[128];
    struct invitation *list;
    size_t n;
    struct invitation one;
    struct login_result login;
    struct errinfo info;
};

static enum err run_write(struct work *w, db_fn fn, struct errinfo *info)
{
    enum err err = db_write(w->identity->db, fn, w);
    if (err != ERR_OK && info != NULL) {
        *info = w->info;
    }
    return err;
}

/* ---- list, withdraw ---- */

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    struct db_rows *rows;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT " INVITATION_COLUMNS
                            " FROM invitations i JOIN roles r ON r.id = i.role_id WHERE "
                            "i.expires_at > $1 ORDER BY i.id DESC LIMIT 500",
                            db_i64(w->now));
    if (err != ERR_OK) {
        return err;
    }
    w->list = ARENA_ARRAY(w->arena, struct invitation, MAX_OPEN);
    w->n = 0;
    while (w->n < MAX_OPEN && db_rows_next(rows)) {
        read_invitation(rows, w->arena, &w->list[w->n++]);
    }
    return db_rows_close(&rows);
}

enum err invitation_list(struct identity *identity, const struct actor *actor, struct arena *arena,
                         struct invitation **out, size_t *n_out, struct errinfo *info)
{
    struct work w = {.identity = identity, .arena = arena, .now = identity_now(identity)};
    enum err err = actor_require(actor, PERM_AGENT_MANAGE, info);
    err = err == ERR_OK ? db_read(identity->db, list_fn, &w) : err;
    if (err == ERR_OK) {
        *out = w.list;
        *n_out = w.n;
    }
    return err;
}

static enum err withdraw_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    const struct db_val vals[] = {db_id(w->id)};
    int64_t n = 0;
    enum err err = db_exec(txn, "DELETE FROM invitations WHERE id = $1", vals, 1, &n);
    return err == ERR_OK && n == 0
               ? err_set(&w->info, ERR_NOT_FOUND, "id", "not_found", "There is no such invitation.")
               : err;
}

enum err invitation_withdraw(struct identity *identity, const struct actor *actor, int64_t id,
                             struct errinfo *info)
{
    struct work w = {.identity = identity, .id = id};
    enum err err = actor_require(actor, PERM_AGENT_MANAGE, info);
    return err == ERR_OK ? run_write(&w, withdraw_fn, info) : err;
}

/* ---- create ---- */

static enum err check_new(struct db_txn *txn, struct work *w)
{
    bool is_taken = false;
    struct role role;
    enum err err = agent_store_email_is_taken(txn, w->email, &is_taken);
    if (err == ERR_OK && is_taken) {
        return err_set(&w->info, ERR_CONFLICT, "email", "email_taken",
                       "There is an agent with this e-mail address already.");
    }
    err = err == ERR_OK ? role_store_load(txn, w->in->role, w->arena, &role) : err;
    if (err == ERR_NOT_FOUND) {
        return err_set(&w->info, ERR_INVALID, "role_id", "not_found", "There is no such role.");
    }
    err = err == ERR_OK ? escalation_check(w->actor, role.permissions, "role_id", &w->info) : err;
    for (size_t i = 0; i < w->in->teams.n && err == ERR_OK; i++) {
        bool exists = false;
        err = team_exists(txn, (struct team_id){w->in->teams.items[i]}, &exists);
        if (err == ERR_OK && !exists) {
            return err_set(&w->info, ERR_INVALID, "team_ids", "not_found",
                           "There is no such team.");
        }
    }
    return err;
}

static enum err load_one(struct db_txn *txn, struct work *w, int64_t id)
{
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows,
                     "SELECT " INVITATION_COLUMNS
                     " FROM invitations i JOIN roles r ON r.id = i.role_id WHERE i.id = $1",
                     db_id(id));
    if (err != ERR_OK) {
        return err;
    }
    read_invitation(rows, w->arena, &w->one);
    return db_rows_close(&rows);
}

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    int64_t id = 0;
    enum err err = check_new(txn, w);
    err = err == ERR_OK
              ? DB_EXEC(txn, "DELETE FROM invitations WHERE email = $1", db_text(w->email))
              : err;
    err = err == ERR_OK
              ? DB_QUERY_I64(txn, &id,
                             "INSERT INTO invitations (token_hash, email, name, role_id, team_ids, "
                             "created_by, created_at, expires_at) "
                             "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
                             token_hash_val(&w->hash), db_text(w->email), db_text(w->name),
                             db_id(w->in->role.v), db_text(id_list_encode(w->arena, w->in->teams)),
                             db_i64(w->actor->agent.v), db_i64(w->now),
                             db_i64(w->now + w->identity->invitation_ms))
              : err;
    err = err == ERR_OK ? load_one(txn, w, id) : err;
    const struct identity_hooks *h = &w->identity->hooks;
    w->public_url = (struct str){"", 0};
    return err == ERR_OK && h->public_url_load != NULL
               ? h->public_url_load(h->arg, txn, w->arena, &w->public_url)
               : err;
}

enum err invitation_create(struct identity *identity, const struct actor *actor,
                           struct arena *arena, const struct invitation_new *in,
                           struct invitation *out, struct str *link_out, struct errinfo *info)
{
    struct str token = crypto_token(arena);
    struct work w = {.identity = identity,
                     .actor = actor,
                     .arena = arena,
                     .now = identity_now(identity),
                     .in = in,
                     .hash = token_hash_of(token)};
    enum err err = actor_require(actor, PERM_AGENT_MANAGE, info);
    err = err == ERR_OK ? identity_check_email(arena, in->email, "email", &w.email, info) : err;
    if (err == ERR_OK && str_trim(in->name).len > 0) {
        err = identity_check_name(arena, in->name, "name", 80, &w.name, info);
    }
    err = err == ERR_OK ? run_write(&w, create_fn, info) : err;
    if (err == ERR_OK) {
        *out = w.one;
        /* behind '#': the token never reaches a server's log by the address */
        *link_out = str_printf(arena, STR_FMT "/console/join#" STR_FMT, STR_ARG(w.public_url),
                               STR_ARG(token));
        LOG_INFO("identity", "invited", log_i64("by", actor->agent.v),
                 log_i64("invitation", w.one.id));
    }
    return err;
}

/* ---- use ---- */

static enum err find_open(struct db_txn *txn, struct work *w)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT " INVITATION_COLUMNS
                                " FROM invitations i JOIN roles r ON r.id = i.role_id WHERE "
                                "i.token_hash = $1 AND i.expires_at > $2",
                                token_hash_val(&w->hash), db_i64(w->now));
    if (err == ERR_NOT_FOUND) {
        return err_set(&w->info, ERR_NOT_FOUND, "token", "invitation_gone",
                       "This invitation was used, withdrawn or has expired. Ask for a new one.");
    }
    if (err != ERR_OK) {
        return err;
    }
    read_invitation(rows, w->arena, &w->one);
    return db_rows_close(&rows);
}

static enum err check_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = find_open(txn, w);
    return err == ERR_OK ? identity_brand(w->identity, txn, w->arena, &w->brand) : err;
}

static enum err run_check(struct work *w, struct errinfo *info)
{
    enum err err = db_read(w->identity->db, check_fn, w);
    if (err != ERR_OK && info != NULL) {
        *info = w->info;
    }
    return err;
}

enum err invitation_check(struct identity *identity, struct arena *arena, struct str token,
                          struct invitation *out, struct str *brand_out, struct errinfo *info)
{
    struct work w = {.identity = identity,
                     .arena = arena,
                     .now = identity_now(identity),
                     .hash = token_hash_of(token)};
    enum err err = run_check(&w, info);
    if (err == ERR_OK) {
        *out = w.one;
        *brand_out = w.brand;
    }
    return err;
}

static enum err add_to_teams(struct db_txn *txn, struct work *w, struct agent_id id)
{
    int64_t *teams = ARENA_ARRAY(w->arena, int64_t, w->one.teams.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < w->one.teams.n; i++) {
        bool exists = false;
        enum err err = team_exists(txn, (struct team_id){w->one.teams.items[i]}, &exists);
        if (err != ERR_OK) {
            return err;
        }
        if (exists) { /* removed since the invitation */
            teams[n++] = w->one.teams.items[i];
        }
    }
    return agent_store_set_teams(txn, id, (struct id_list){teams, n});
}

static enum err accept_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    bool is_taken = false;
    enum err err = find_open(txn, w);
    err = err == ERR_OK ? agent_store_email_is_taken(txn, w->one.email, &is_taken) : err;
    if (err == ERR_OK && is_taken) {
        return err_set(&w->info, ERR_CONFLICT, "email", "email_taken",
                       "There is an agent with this e-mail address already. Sign in.");
    }
    struct agent_new agent = {.email = w->one.email,
                              .name = w->name,
                              .password_hash = str_from(w->password_hash),
                              .role = w->one.role,
                              .now = w->now};
    struct agent_id id = {0};
    err = err == ERR_OK ? agent_store_insert(txn, &agent, &id) : err;
    err = err == ERR_OK ? add_to_teams(txn, w, id) : err;
    err = err == ERR_OK ? DB_EXEC(txn, "DELETE FROM invitations WHERE id = $1", db_id(w->one.id))
                        : err;
    if (err != ERR_OK) {
        return err;
    }
    identity_on_agent_changed(w->identity, txn, id);
    return login_open_session(w->identity, txn, w->arena, id, &w->acceptance->origin, &w->login);
}

enum err invitation_accept(struct identity *identity, struct arena *arena,
                           const struct invitation_acceptance *in, struct login_result *out,
                           struct errinfo *info)
{
    struct work w = {.identity = identity,
                     .arena = arena,
                     .now = identity_now(identity),
                     .acceptance = in,
                     .hash = token_hash_of(in->token)};
    enum err err = run_check(&w, info); /* before Argon2id: strangers do not get to burn it */
    err = err == ERR_OK ? identity_check_name(arena, in->name, "name", 80, &w.name, info) : err;
    err = err == ERR_OK
              ? password_check(in->password, w.one.email, w.name, w.brand, "password", info)
              : err;
    err = err == ERR_OK ? crypto_password_hash(in->password, w.password_hash) : err;
    err = err == ERR_OK ? run_write(&w, accept_fn, info) : err;
    if (err == ERR_OK) {
        LOG_INFO("identity", "invitation accepted", log_i64("agent", w.login.agent.v));
        *out = w.login;
    }
    return err;
}
