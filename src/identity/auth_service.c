/* Cookie, API key or visitor token to actor, through the cache. A write by cookie needs two proofs that it is meant: the CSRF token (which another site cannot
 * read) and, from browsers that say so, an origin that is ours. */
#include "identity/auth_service.h"

#include "base/mem.h"
#include "identity/agent_store.h"
#include "identity/session_store.h"

#define BEARER "Bearer "

/* ---- the request ---- */

const struct actor *request_actor(const struct request *rq)
{
    static const struct actor nobody = {.kind = ACTOR_NONE};
    return rq->actor != NULL ? rq->actor : &nobody;
}

const char *auth_cookie_name(const struct request *rq)
{
    return rq->is_tls ? "__Host-sh_session" : "sh_session";
}

const char *auth_device_cookie_name(const struct request *rq)
{
    return rq->is_tls ? "__Host-sh_device" : "sh_device";
}

bool identity_cookie_token(const struct request *rq, char out[IDENTITY_TOKEN_LEN + 1])
{
    struct str token = request_cookie(rq, auth_cookie_name(rq));
    if (token.len != IDENTITY_TOKEN_LEN) {
        return false;
    }
    memcpy(out, token.p, IDENTITY_TOKEN_LEN);
    out[IDENTITY_TOKEN_LEN] = 0;
    return true;
}

static struct str bearer_token(const struct request *rq)
{
    struct str header = request_header(rq, "authorization");
    struct str scheme = str_sub(header, 0, strlen(BEARER));
    return str_eq_nocase(scheme, STR(BEARER))
               ? str_trim(str_sub(header, strlen(BEARER), header.len))
               : (struct str){"", 0};
}

static bool is_listed(const char *list, struct str origin)
{
    struct str rest = str_from(list);
    struct str word;
    while (str_split(&rest, ' ', &word)) {
        if (word.len > 0 && str_eq_nocase(word, origin)) {
            return true;
        }
    }
    return false;
}

enum err auth_check_origin(const struct identity *identity, const struct request *rq,
                           struct errinfo *info)
{
    struct str origin = request_header(rq, "origin");
    struct str site = request_header(rq, "sec-fetch-site");
    if (origin.len > 0 && is_listed(identity->allowed_origins, origin)) {
        return ERR_OK;
    }
    size_t slashes = str_find(origin, STR("://"));
    struct str host =
        slashes == SIZE_MAX ? (struct str){"", 0} : str_sub(origin, slashes + 3, origin.len);
    bool is_ours = origin.len == 0 || (host.len > 0 && str_eq_nocase(host, rq->host));
    bool is_same_site =
        site.len == 0 || str_eq_cstr(site, "same-origin") || str_eq_cstr(site, "none");
    return is_ours && is_same_site
               ? ERR_OK
               : err_set(info, ERR_DENIED, "", "origin", "This request comes from another site.");
}

enum err auth_need_session(const struct actor *actor, struct errinfo *info)
{
    return actor->kind == ACTOR_AGENT ? ERR_OK
                                      : err_set(info, ERR_DENIED, "", "session_needed",
                                                "This needs a signed-in agent, not an API key.");
}

/* ---- look-ups ---- */

struct lookup {
    struct identity *identity;
    struct token_hash hash;
    int64_t now;
    struct cached_actor found;
};

static enum err load_session(struct db_txn *txn, void *arg)
{
    struct lookup *l = arg;
    struct session s;
    enum err err = session_store_find(txn, &l->hash, l->now, l->identity->session_idle_ms, &s);
    err = err == ERR_OK ? agent_load_actor(txn, s.agent, &l->found.actor) : err;
    if (err == ERR_OK) {
        l->found.actor.session = s.id;
        l->found.actor.expires_at = s.expires_at;
        l->found.last_seen_at = s.last_seen_at;
    }
    return err;
}

static enum err load_api_key(struct db_txn *txn, void *arg)
{
    struct lookup *l = arg;
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "SELECT id, agent_id, scopes, expires_at, last_used_at FROM api_keys WHERE token_hash = $1",
        token_hash_val(&l->hash));
    if (err != ERR_OK) {
        return err;
    }
    ARENA_AUTO arena = arena_new(0);
    struct session_id id = {db_rows_i64(rows, 0)};
    struct agent_id agent = {db_rows_i64(rows, 1)};
    struct text_list scopes = text_list_decode(arena, db_rows_str(rows, 2));
    int64_t expires_at = db_rows_i64(rows, 3);
    int64_t last_used_at = db_rows_i64(rows, 4);
    err = db_rows_close(&rows);
    if (err == ERR_OK && expires_at != 0 && expires_at <= l->now) {
        return ERR_NOT_FOUND;
    }
    err = err == ERR_OK ? agent_load_actor(txn, agent, &l->found.actor) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct permission_set wanted = {0};
    for (size_t i = 0; i < scopes.n; i++) {
        enum permission p;
        if (permission_parse(scopes.items[i], &p)) {
            wanted = permission_set_with(wanted, p);
        }
    }
    l->found.actor.kind = ACTOR_API_KEY;
    l->found.actor.session = id;
    l->found.actor.expires_at = expires_at;
    l->found.actor.permissions = permission_set_intersect(wanted, l->found.actor.permissions);
    l->found.last_seen_at = last_used_at;
    return ERR_OK;
}

static enum err load_visitor(struct db_txn *txn, void *arg)
{
    struct lookup *l = arg;
    struct db_rows *rows;
    enum err err =
        DB_QUERY_ONE(txn, &rows,
                     "SELECT id, customer_id, inbox_id, verified_until FROM visitor_tokens WHERE "
                     "token_hash = $1 AND "
                     "((verified_until IS NULL AND last_seen_at > $2) OR verified_until > $3)",
                     token_hash_val(&l->hash), db_i64(l->now - l->identity->visitor_anonymous_ms),
                     db_i64(l->now));
    if (err != ERR_OK) {
        return err;
    }
    l->found = (struct cached_actor){.actor = {.kind = ACTOR_CUSTOMER,
                                               .session = {db_rows_i64(rows, 0)},
                                               .customer = {db_rows_i64(rows, 1)},
                                               .inbox = {db_rows_i64(rows, 2)},
                                               .is_verified = !db_rows_is_null(rows, 3),
                                               .expires_at = db_rows_i64(rows, 3)},
                                     .last_seen_at = l->now};
    return db_rows_close(&rows);
}

/* ---- last use, written now and then off the request's path ---- */

struct touch {
    int64_t id, now;
    bool is_key;
};

static enum err touch_fn(struct db_txn *txn, void *arg)
{
    const struct touch *t = arg;
    return t->is_key ? DB_EXEC(txn, "UPDATE api_keys SET last_used_at = $1 WHERE id = $2",
                               db_i64(t->now), db_id(t->id))
                     : session_store_touch(txn, (struct session_id){t->id}, t->now);
}

static void touch_done(enum err err, void *arg)
{
    (void)err; /* the next request tries again */
    mem_free(arg);
}

static void touch(struct identity *identity, int64_t id, bool is_key, int64_t now)
{
    struct touch *t = MEM_NEW(struct touch);
    *t = (struct touch){id, now, is_key};
    if (db_submit(identity->db, touch_fn, touch_done, t) != ERR_OK) {
        mem_free(t);
    }
}

void identity_session_touch(struct identity *identity, struct session_id session)
{
    touch(identity, session.v, false, identity_now(identity));
}

static enum err look_up(struct identity *identity, struct str token, db_fn load, struct actor *out)
{
    struct lookup l = {
        .identity = identity, .hash = token_hash_of(token), .now = identity_now(identity)};
    if (ttl_cache_get(identity->actors, l.hash.v, l.now, &l.found) &&
        (l.found.actor.expires_at == 0 || l.found.actor.expires_at > l.now)) {
        *out = l.found.actor;
        return ERR_OK;
    }
    uint64_t epoch = ttl_cache_epoch(identity->actors);
    enum err err = db_read(identity->db, load, &l);
    if (err != ERR_OK) {
        return err;
    }
    ttl_cache_put(identity->actors, l.hash.v, epoch, l.now + IDENTITY_CACHE_TTL_MS, &l.found);
    if (l.now - l.found.last_seen_at > IDENTITY_SEEN_EVERY_MS) {
        touch(identity, l.found.actor.session.v, l.found.actor.kind == ACTOR_API_KEY, l.now);
    }
    *out = l.found.actor;
    return ERR_OK;
}

/* Kinds are checked after the look-up too: the cache is one, and a token of one kind must not pass for another. */
static enum err actor_of(struct identity *identity, struct str token, db_fn load,
                         enum actor_kind kind, struct actor *out, struct errinfo *info)
{
    struct actor actor;
    enum err err = look_up(identity, token, load, &actor);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && actor.kind != kind)) {
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
    }
    if (err != ERR_OK) {
        return err_set(info, err, "", "", "Who you are cannot be looked up now.");
    }
    *out = actor;
    return ERR_OK;
}

enum err identity_session_actor(struct identity *identity, struct str session_token,
                                struct str csrf_token, struct actor *out, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    if (session_token.len != IDENTITY_TOKEN_LEN ||
        !str_eq_consttime(csrf_token, identity_csrf_token(arena, session_token))) {
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
    }
    struct actor actor;
    enum err err = actor_of(identity, session_token, load_session, ACTOR_AGENT, &actor, info);
    if (err == ERR_OK && actor.needs_totp_setup) {
        return err_set(info, ERR_UNAUTHORIZED, "", "totp_setup_required",
                       "Set up the second factor first.");
    }
    if (err == ERR_OK) {
        *out = actor;
    }
    return err;
}

enum err identity_visitor_actor(struct identity *identity, struct str token, struct actor *out,
                                struct errinfo *info)
{
    if (token.len != IDENTITY_TOKEN_LEN) {
        return err_set(info, ERR_UNAUTHORIZED, "", "visitor_token", "Open the widget first.");
    }
    return actor_of(identity, token, load_visitor, ACTOR_CUSTOMER, out, info);
}

/* ---- the hooks of the server ---- */

struct str identity_principal(const void *actor, struct arena *arena)
{
    const struct actor *a = actor;
    switch (a->kind) {
    case ACTOR_AGENT:
        return str_printf(arena, "agent:%lld", (long long)a->agent.v);
    case ACTOR_API_KEY:
        return str_printf(arena, "key:%lld", (long long)a->session.v);
    case ACTOR_CUSTOMER:
        return str_printf(arena, "visitor:%lld", (long long)a->customer.v);
    case ACTOR_NONE:
    case ACTOR_SYSTEM:
        break;
    }
    return (struct str){0};
}

static bool is_write(enum http_method method)
{
    return method != HTTP_GET_METHOD && method != HTTP_HEAD_METHOD && method != HTTP_OPTIONS_METHOD;
}

static bool is_own_account(const char *operation)
{
    return str_starts(str_from(operation), STR("session_http_")) ||
           str_starts(str_from(operation), STR("me_http_"));
}

static enum err agent_by_cookie(struct identity *identity, const struct request *rq,
                                struct actor *out, struct errinfo *info)
{
    char token[IDENTITY_TOKEN_LEN + 1];
    if (!identity_cookie_token(rq, token)) {
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
    }
    struct str session = {token, IDENTITY_TOKEN_LEN};
    enum err err = actor_of(identity, session, load_session, ACTOR_AGENT, out, info);
    if (err != ERR_OK || !is_write(rq->method)) {
        return err;
    }
    if (!str_eq_consttime(request_header(rq, "x-csrf-token"),
                          identity_csrf_token(rq->arena, session))) {
        return err_set(info, ERR_DENIED, "", "csrf",
                       "The X-CSRF-Token of this session is missing or wrong.");
    }
    return auth_check_origin(identity, rq, info);
}

static enum err agent_of(struct identity *identity, const struct request *rq, struct actor *out,
                         struct errinfo *info)
{
    struct str bearer = bearer_token(rq);
    struct str prefix = STR(API_KEY_PREFIX);
    enum err err;
    if (bearer.len > 0) {
        err = str_starts(bearer, prefix) && bearer.len == prefix.len + IDENTITY_TOKEN_LEN
                  ? actor_of(identity, bearer, load_api_key, ACTOR_API_KEY, out, info)
                  : err_set(info, ERR_UNAUTHORIZED, "", "api_key", "This is not an API key.");
    } else {
        err = agent_by_cookie(identity, rq, out, info);
    }
    if (err == ERR_OK && out->needs_totp_setup && !is_own_account(rq->route->operation)) {
        return err_set(info, ERR_DENIED, "", "totp_setup_required",
                       "Your role asks for a second factor: set it up first.");
    }
    return err;
}

enum err identity_authenticate(void *auth_arg, struct request *rq, struct errinfo *info)
{
    struct identity *identity = auth_arg;
    struct str bearer = bearer_token(rq);
    struct actor *actor = ARENA_NEW(rq->arena, struct actor);
    enum err err = ERR_OK;
    switch (rq->route->auth) {
    case ROUTE_PUBLIC: /* credentials are a courtesy here, and only for reading */
        if (is_write(rq->method) || bearer.len > 0 ||
            agent_by_cookie(identity, rq, actor, NULL) != ERR_OK || actor->needs_totp_setup) {
            return ERR_OK;
        }
        break;
    case ROUTE_VISITOR:
        err = identity_visitor_actor(identity, bearer, actor, info);
        break;
    case ROUTE_AGENT:
        err = agent_of(identity, rq, actor, info);
        break;
    case ROUTE_ANYONE:
        err = bearer.len == IDENTITY_TOKEN_LEN
                  ? identity_visitor_actor(identity, bearer, actor, info)
                  : agent_of(identity, rq, actor, info);
        break;
    }
    if (err == ERR_OK) {
        rq->actor = actor;
    }
    return err;
}
