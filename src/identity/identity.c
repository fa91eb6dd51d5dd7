/* The room's object, and what its services share. Cached actors are forgotten in the commit hook of the change that made them wrong: in this process a revoked
 * session is dead when the revoking request is answered; on other nodes with the notice that goes with the change, within a second. */
#include "identity/identity_internal.h"

#include "base/check.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "identity/role_store.h"
#include "identity/session_store.h"
#include "platform/notice.h"
#include "platform/timers.h"

#define CACHE_ENTRIES 4096
#define PURGE_KIND "identity.purge"

/* ---- small things ---- */

struct token_hash token_hash_of(struct str token)
{
    struct token_hash h;
    crypto_sha256(token, h.v);
    return h;
}

struct db_val token_hash_val(const struct token_hash *h)
{
    return db_blob((struct str){(const char *)h->v, sizeof(h->v)});
}

int64_t identity_now(const struct identity *identity)
{
    return clock_now(&identity->clock);
}

struct token_hash identity_keyed_hash(const struct identity *identity, const char *purpose,
                                      struct str text)
{
    struct token_hash h;
    ARENA_AUTO arena = arena_new(0);
    struct str key = {(const char *)identity->secret_key, sizeof(identity->secret_key)};
    crypto_hmac_sha256(key, str_printf(arena, "%s:" STR_FMT, purpose, STR_ARG(text)), h.v);
    return h;
}

struct str identity_csrf_token(struct arena *arena, struct str session_token)
{
    uint8_t mac[32];
    crypto_hmac_sha256(session_token, STR("csrf"), mac);
    return codec_base64url(arena, mac, sizeof(mac));
}

enum err identity_brand(struct identity *identity, struct db_txn *txn, struct arena *arena,
                        struct str *out)
{
    *out = STR("Stablehand");
    return identity->hooks.brand_load != NULL
               ? identity->hooks.brand_load(identity->hooks.arg, txn, arena, out)
               : ERR_OK;
}

/* ---- what others must hear after a commit ---- */

enum notice_kind {
    NOTICE_PERMISSIONS,
    NOTICE_SESSIONS,
    NOTICE_AGENT,
    NOTICE_VISITOR,
    NOTICE_API_KEY
};

struct notice {
    struct identity *identity;
    enum notice_kind kind;
    struct agent_id agent;
    struct session_id session;
    struct customer_id customer;
};

static bool is_stale(const void *value, void *arg)
{
    const struct actor *actor = &((const struct cached_actor *)value)->actor;
    const struct notice *n = arg;
    switch (n->kind) {
    case NOTICE_VISITOR:
        return actor->kind == ACTOR_CUSTOMER && actor->customer.v == n->customer.v;
    case NOTICE_API_KEY:
        return actor->kind == ACTOR_API_KEY && actor->session.v == n->session.v;
    case NOTICE_PERMISSIONS:
    case NOTICE_SESSIONS:
    case NOTICE_AGENT:
        break;
    }
    return actor_is_agent(actor) && (n->agent.v == 0 || actor->agent.v == n->agent.v);
}

static void tell(void *arg)
{
    struct notice *n = arg;
    const struct identity_hooks *h = &n->identity->hooks;
    ttl_cache_remove(n->identity->actors, is_stale, n);
    switch (n->kind) {
    case NOTICE_PERMISSIONS:
        if (h->permissions_changed != NULL) {
            h->permissions_changed(h->arg, n->agent);
        }
        break;
    case NOTICE_SESSIONS:
        if (h->sessions_ended != NULL) {
            h->sessions_ended(h->arg, n->agent, n->session);
        }
        break;
    case NOTICE_AGENT:
        if (h->agent_changed != NULL) {
            h->agent_changed(h->arg, n->agent);
        }
        break;
    case NOTICE_VISITOR:
        if (h->visitor_ended != NULL) {
            h->visitor_ended(h->arg, n->customer);
        }
        break;
    case NOTICE_API_KEY:
        break;
    }
}

/* The other nodes: written with the change. A failed write fails the transaction. */
static void notify_others(struct db_txn *txn, const struct notice *n)
{
    BUF_AUTO b;
    buf_init(&b, 512);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_i64(&w, "kind", n->kind);
    json_kv_i64(&w, "agent", n->agent.v);
    json_kv_i64(&w, "session", n->session.v);
    json_kv_i64(&w, "customer", n->customer.v);
    json_object_end(&w);
    enum err err = notice_add(txn, "identity", buf_str(&b), identity_now(n->identity));
    if (err != ERR_OK) {
        LOG_WARN("identity", "other nodes are not told", log_cstr("err", err_name(err)));
    }
}

static void notify(struct db_txn *txn, struct notice n)
{
    struct notice *kept = ARENA_NEW(db_txn_arena(txn), struct notice);
    *kept = n;
    db_on_commit(txn, tell, kept);
    notify_others(txn, kept);
}

/* What another node did. That an agent changed concerns the caches only: routing and the numbers of a profile are that node's work. */
static void on_notice(void *arg, const struct json *what)
{
    struct notice n = {.identity = arg};
    int64_t kind = 0;
    if (json_get_i64(what, "kind", 0, NOTICE_API_KEY, &kind, NULL) != ERR_OK ||
        json_get_i64(what, "agent", 0, INT64_MAX / 2, &n.agent.v, NULL) != ERR_OK ||
        json_get_i64(what, "session", 0, INT64_MAX / 2, &n.session.v, NULL) != ERR_OK ||
        json_get_i64(what, "customer", 0, INT64_MAX / 2, &n.customer.v, NULL) != ERR_OK) {
        return;
    }
    n.kind = (enum notice_kind)kind;
    if (n.kind == NOTICE_AGENT) {
        ttl_cache_remove(n.identity->actors, is_stale, &n);
    } else {
        tell(&n);
    }
}

void identity_use_notices(struct identity *identity, struct notices *notices)
{
    notices_handle(notices, "identity", on_notice, identity);
}

void identity_forget_cached(struct identity *identity)
{
    ttl_cache_remove(identity->actors, NULL, NULL);
}

void identity_on_permissions_changed(struct identity *identity, struct db_txn *txn,
                                     struct agent_id agent)
{
    notify(txn, (struct notice){.identity = identity, .kind = NOTICE_PERMISSIONS, .agent = agent});
}

void identity_on_sessions_ended(struct identity *identity, struct db_txn *txn,
                                struct agent_id agent, struct session_id session)
{
    notify(txn,
           (struct notice){
               .identity = identity, .kind = NOTICE_SESSIONS, .agent = agent, .session = session});
}

enum err identity_end_sessions(struct identity *identity, struct db_txn *txn, struct agent_id agent,
                               struct session_id except)
{
    struct session *sessions = NULL;
    size_t n = 0;
    enum err err = session_store_list(txn, agent, 0, 0, db_txn_arena(txn), &sessions, &n);
    err = err == ERR_OK ? session_store_delete_all(txn, agent, except) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (except.v == 0) {
        identity_on_sessions_ended(identity, txn, agent, except);
        return ERR_OK;
    }
    for (size_t i = 0; i < n; i++) {
        if (sessions[i].id.v != except.v) {
            identity_on_sessions_ended(identity, txn, agent, sessions[i].id);
        }
    }
    return ERR_OK;
}

void identity_on_agent_changed(struct identity *identity, struct db_txn *txn, struct agent_id agent)
{
    notify(txn, (struct notice){.identity = identity, .kind = NOTICE_AGENT, .agent = agent});
}

void identity_on_visitor_ended(struct identity *identity, struct db_txn *txn,
                               struct customer_id customer)
{
    notify(txn,
           (struct notice){.identity = identity, .kind = NOTICE_VISITOR, .customer = customer});
}

void identity_on_api_key_ended(struct identity *identity, struct db_txn *txn, int64_t key_id)
{
    notify(txn, (struct notice){.identity = identity, .kind = NOTICE_API_KEY, .session = {key_id}});
}

/* ---- checks of what people type ---- */

enum err identity_check_email(struct arena *arena, struct str in, const char *field,
                              struct str *out, struct errinfo *info)
{
    struct str s = str_lower_ascii(arena, str_trim(in));
    size_t at = str_find_char(s, '@');
    bool good = s.len >= 3 && s.len <= 254 && at != SIZE_MAX && at > 0 && at + 1 < s.len &&
                str_find_char(str_sub(s, at + 1, s.len), '@') == SIZE_MAX;
    for (size_t i = 0; good && i < s.len; i++) {
        good = (unsigned char)s.p[i] > 0x20 && s.p[i] != 0x7F &&
               strchr("<>()[]\\,;:\"", s.p[i]) == NULL;
    }
    if (!good) {
        return err_set(info, ERR_INVALID, field, "format", "This is not an e-mail address.");
    }
    *out = s;
    return ERR_OK;
}

enum err identity_check_name(struct arena *arena, struct str in, const char *field, size_t max,
                             struct str *out, struct errinfo *info)
{
    struct str s = str_trim(in);
    if (s.len == 0) {
        return err_set(info, ERR_INVALID, field, "required", "%s is required.", field);
    }
    if (utf8_count(s) > max) {
        return err_set(info, ERR_INVALID, field, "too_long", "%s must have at most %zu characters.",
                       field, max);
    }
    if (memchr(s.p, '\n', s.len) != NULL || memchr(s.p, '\t', s.len) != NULL) {
        return err_set(info, ERR_INVALID, field, "format", "%s must be one line.", field);
    }
    *out = str_dup(arena, s);
    return ERR_OK;
}

bool identity_is_locale(struct str s)
{
    if (s.len < 2 || s.len > 20) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_alnum && (c != '-' || i == 0 || i + 1 == s.len)) {
            return false;
        }
    }
    return true;
}

bool identity_is_zone(struct str s)
{
    const struct zone *zone;
    return s.len == 0 || (s.len <= 60 && zone_load(s, &zone) == ERR_OK);
}

/* ---- life ---- */

static enum err prepare(struct db_txn *txn, void *arg)
{
    (void)arg;
    return role_store_complete_owner(txn);
}

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

enum err identity_new(const struct identity_options *options, struct identity **out,
                      struct errinfo *info)
{
    enum err err = db_write(options->db, prepare, NULL);
    if (err != ERR_OK) {
        return err_set(info, err, "", "database", "Roles cannot be prepared.");
    }
    struct identity *identity = MEM_NEW(struct identity);
    identity->db = options->db;
    identity->clock = options->clock;
    memcpy(identity->secret_key, options->secret_key, sizeof(identity->secret_key));
    identity->session_idle_ms = or_default(options->session_idle_ms, 12 * TIME_HOUR_MS);
    identity->session_absolute_ms = or_default(options->session_absolute_ms, 30 * TIME_DAY_MS);
    identity->invitation_ms = or_default(options->invitation_ms, 7 * TIME_DAY_MS);
    identity->visitor_anonymous_ms = or_default(options->visitor_anonymous_ms, 180 * TIME_DAY_MS);
    identity->visitor_verified_ms = or_default(options->visitor_verified_ms, TIME_DAY_MS);
    identity->setup_token = mem_strdup(options->setup_token != NULL ? options->setup_token : "");
    identity->allowed_origins =
        mem_strdup(options->allowed_origins != NULL ? options->allowed_origins : "");
    identity->hooks = options->hooks;
    identity->actors = ttl_cache_new(sizeof(struct cached_actor), CACHE_ENTRIES);
    *out = identity;
    return ERR_OK;
}

void identity_free(struct identity **identity)
{
    struct identity *id = *identity;
    if (id == NULL) {
        return;
    }
    ttl_cache_free(&id->actors);
    mem_free(id->setup_token);
    mem_free(id->allowed_origins);
    mem_wipe(id, sizeof(*id));
    mem_free(id);
    *identity = NULL;
}

static enum err purge(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                      int64_t now)
{
    const struct identity *identity = arg;
    (void)payload;
    enum err err =
        session_store_purge(txn, now, identity->session_idle_ms, identity->visitor_anonymous_ms);
    return err == ERR_OK ? timer_set(txn, PURGE_KIND, subject, now + TIME_HOUR_MS, STR("")) : err;
}

static enum err set_purge(struct db_txn *txn, void *arg)
{
    const struct identity *identity = arg;
    return timer_set(txn, PURGE_KIND, 0, identity_now(identity) + TIME_MINUTE_MS, STR(""));
}

enum err identity_use_timers(struct identity *identity, struct timers *timers)
{
    timers_handle(timers, PURGE_KIND, purge, identity);
    return db_write(identity->db, set_purge, identity);
}
