/* The face of the room `identity`: who people are, and what they may do.
 *
 * Agents (with roles, teams, sessions, second factor), API keys, customers (anonymous or signed in through the exchange), visitor tokens.
 * Functions that take a struct db_txn run inside the caller's transaction; the others open their own and must not be called on a loop thread.
 * Everything returned lives in the arena that was handed in. */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include "base/arena.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "identity/actor.h"
#include "platform/crypto.h"
#include "platform/db.h"

struct identity;
struct request;

#define IDENTITY_TOKEN_LEN                                                                         \
    43 /* characters of a session, visitor or invitation token: 32 random bytes, base64url */
#define IDENTITY_CACHE_TTL_MS 5000

/* ---- hooks: what identity must tell rooms below it; app fills the table, any may be NULL ---- */

struct identity_hooks {
    void *arg;
    /* Inside the transaction in which an anonymous customer turned out to be `into`: move everything that is `from`'s (conversations, files, ratings ...).
     * `from` is gone afterwards. An error rolls the sign-in back. */
    enum err (*customer_merge)(void *arg, struct db_txn *txn, struct customer_id from,
                               struct customer_id into);
    /* Inside the transaction that changed a customer's profile (name, tier, locale, zone, notes ...). */
    enum err (*customer_changed)(void *arg, struct db_txn *txn, struct customer_id customer);
    /* After the commit, quick, no blocking: an agent's session ended (session 0: all of the agent's): close its sockets with 4003. */
    void (*sessions_ended)(void *arg, struct agent_id agent, struct session_id session);
    /* After the commit: what this agent may do changed (agent 0: perhaps everybody's, a role was edited): close the sockets with 4008, they resume at once
     * and identity_session_actor gives the new permissions. */
    void (*permissions_changed)(void *arg, struct agent_id agent);
    /* After the commit: visitor tokens of this customer ended (signed in as somebody else, merged): close the sockets with 4003, the widget opens again. */
    void (*visitor_ended)(void *arg, struct customer_id customer);
    /* After the commit: name, teams, languages, skills, capacity or activity of an agent changed: routing looks again. */
    void (*agent_changed)(void *arg, struct agent_id agent);
    /* Name of the workspace, for the set-up and invitation pages; inside a transaction. */
    enum err (*brand_load)(void *arg, struct db_txn *txn, struct arena *arena, struct str *out);
    enum err (*brand_store)(void *arg, struct db_txn *txn, struct str brand);
    /* "https://support.example" for invitation links; inside a transaction; empty: relative links. */
    enum err (*public_url_load)(void *arg, struct db_txn *txn, struct arena *arena,
                                struct str *out);
};

/* ---- life ---- */

struct identity_options {
    struct db *db;
    struct clock clock;
    uint8_t secret_key[32];       /* the installation's key: seals TOTP seeds */
    int64_t session_idle_ms;      /* 0: 12 hours */
    int64_t session_absolute_ms;  /* 0: 30 days */
    int64_t invitation_ms;        /* 0: 7 days */
    int64_t visitor_anonymous_ms; /* 0: 180 days without a visit */
    int64_t visitor_verified_ms;  /* 0: 24 hours after the last signed identity */
    const char
        *setup_token; /* asked of a set-up that does not come from loopback; NULL: loopback only */
    const char *
        allowed_origins; /* other origins that may write with a session, separated by spaces; NULL: none */
    struct identity_hooks hooks;
};
ERR_MUST_USE enum err identity_new(const struct identity_options *options, struct identity **out,
                                   struct errinfo *info);
void identity_free(struct identity **identity);
/* Removes what has run out (sessions, invitations, throttles, used tokens), once an hour. Before timers_start. */
struct timers;
ERR_MUST_USE enum err identity_use_timers(struct identity *identity, struct timers *timers);

/* What other nodes change: their notices drop what is kept here and call the hooks. Before the server starts. */
struct notices;
void identity_use_notices(struct identity *identity, struct notices *notices);
/* All of it: this node may have missed something. Any thread. */
void identity_forget_cached(struct identity *identity);

/* server_options.authenticate: fills rq->actor (in the request's arena) by rq->route->auth, or refuses. auth_arg is the struct identity.
 * Agents: cookie (writes also need X-CSRF-Token, and an Origin / Sec-Fetch-Site that is ours), or Authorization: Bearer shk_...
 * Visitors: Authorization: Bearer <visitor token>. */
/* The caller as a word that nobody else ever gets ("agent:12", "key:3", "visitor:7"; empty: nobody), for what is kept per caller. `actor` is a struct actor. */
struct str identity_principal(const void *actor, struct arena *arena);
ERR_MUST_USE enum err identity_authenticate(void *auth_arg, struct request *rq,
                                            struct errinfo *info);

/* ---- sockets ---- */

/* In on_open (loop thread, does not block): the session token of the request's cookie, into a buffer of the caller. False: there is none. */
bool identity_cookie_token(const struct request *rq, char out[IDENTITY_TOKEN_LEN + 1]);
/* In a worker, with the hello frame: session and CSRF token belong together and are alive. ERR_UNAUTHORIZED otherwise (close 4003). */
ERR_MUST_USE enum err identity_session_actor(struct identity *identity, struct str session_token,
                                             struct str csrf_token, struct actor *out,
                                             struct errinfo *info);
/* False: signed out, signed out by an administrator, or run out and removed. */
ERR_MUST_USE enum err session_is_there(struct db_txn *txn, struct session_id id, bool *out);

/* Somebody is at the keyboard (the `activity` frame): the session does not run idle. At most one write a minute, does not block. */
void identity_session_touch(struct identity *identity, struct session_id session);
/* A visitor token is alive. ERR_UNAUTHORIZED otherwise. */
ERR_MUST_USE enum err identity_visitor_actor(struct identity *identity, struct str token,
                                             struct actor *out, struct errinfo *info);

/* ---- agents ---- */

ID_TYPE(role_id);

struct agent {
    struct agent_id id;
    struct str email, name, zone; /* zone: IANA name, may be empty */
    struct role_id role;
    struct str role_name;
    struct permission_set permissions; /* of the role; empty when not active */
    bool is_active, has_totp;
    int capacity;                /* conversations at a time */
    const struct str *languages; /* "en", "zh-CN" */
    size_t n_languages;
    const struct str *skills; /* topics */
    size_t n_skills;
    const struct team_id *teams;
    size_t n_teams;
    int64_t created_at, version;
};
ERR_MUST_USE enum err agent_load(struct db_txn *txn, struct agent_id id, struct arena *arena,
                                 struct agent *out);
/* All of them, inactive ones too, by id. For routing: those with is_active and PERM_CONVERSATION_REPLY. */
ERR_MUST_USE enum err agent_list(struct db_txn *txn, struct arena *arena, struct agent **out,
                                 size_t *n_out);
/* Display name only; "" when there is no such agent. */
ERR_MUST_USE enum err agent_load_name(struct db_txn *txn, struct agent_id id, struct arena *arena,
                                      struct str *out);
/* What identity_authenticate would give this agent (without a session): for work done in an agent's name. */
ERR_MUST_USE enum err agent_load_actor(struct db_txn *txn, struct agent_id id, struct actor *out);

struct team {
    struct team_id id;
    struct str name;
};
ERR_MUST_USE enum err team_list(struct db_txn *txn, struct arena *arena, struct team **out,
                                size_t *n_out);
ERR_MUST_USE enum err team_exists(struct db_txn *txn, struct team_id id, bool *out);

/* ---- customers ---- */

struct customer {
    struct customer_id id;
    struct str uid; /* the exchange's own id; empty: anonymous */
    struct str name, email, tier, locale, zone, notes;
    struct str fields_json; /* object of strings */
    bool is_verified;       /* signed in through the exchange */
    int64_t created_at, last_seen_at, version;
};
/* Follows merges: the id of a customer that was merged away gives the one that stayed. */
ERR_MUST_USE enum err customer_load(struct db_txn *txn, struct customer_id id, struct arena *arena,
                                    struct customer *out);
/* The schema `Customer` of spec/openapi.yaml. */
void customer_write_json(struct json_writer *w, const struct customer *c);
struct customer_patch {
    const struct str *name, *email, *tier, *locale, *zone, *notes, *fields_json; /* NULL: leave */
};
/* Checks e-mail, zone and locale; raises the version; calls hooks.customer_changed. `version` < 0: whatever it is now; otherwise ERR_CONFLICT when it moved. */
ERR_MUST_USE enum err customer_update(struct identity *identity, struct db_txn *txn,
                                      struct customer_id id, int64_t version,
                                      const struct customer_patch *patch, struct errinfo *info);
/* Notes that the customer was there (at most one write a minute per customer). */
ERR_MUST_USE enum err customer_touch(struct db_txn *txn, struct customer_id id, int64_t now);

/* ---- visitors: how the widget opens (the endpoint is the desk's) ---- */

/* Key of an inbox by which the exchange signs: HS256 secret bytes, or the 32 bytes of an Ed25519 public key. */
struct customer_key {
    enum jwt_alg alg;
    struct str key;
};
struct customer_claims {
    struct str uid, name, email, tier, locale;
    struct str jti; /* empty: none */
    int64_t expires_at;
};
/* A token signed by the exchange's back end, pure: signature under one of `keys` (the algorithm is the key's, never the token's), `aud` is the inbox key, `exp`
 * required and at most 10 minutes ahead, `iat` required and not in the future, `sub` required (1-128 characters); 60 s of clock difference are forgiven.
 * ERR_UNAUTHORIZED with field "identity" and code identity_malformed | identity_algorithm | identity_signature | identity_expired | identity_not_yet |
 * identity_too_long | identity_audience | identity_claims. See docs/identity.md. */
ERR_MUST_USE enum err identity_verify_customer_jwt(struct arena *arena,
                                                   const struct customer_key *keys, size_t n_keys,
                                                   struct str inbox_key, struct str token,
                                                   int64_t now, struct customer_claims *out,
                                                   struct errinfo *info);

struct visitor_open {
    struct inbox_id inbox;
    struct str token; /* the widget's old one; empty, unknown or ended ones are ignored */
    const struct customer_claims *claims; /* verified by the function above; NULL: none */
    struct str locale, zone;              /* of the browser; may be empty, nonsense is ignored */
};
struct visitor_opened {
    struct str token; /* to be kept by the widget: the old one, or a new one */
    struct customer customer;
    bool is_new_customer;
    struct customer_id merged_from; /* 0: nothing was merged */
};
/* Inside a write transaction:
 * - no claims: the customer of the token; without a good token a new anonymous customer.
 * - claims: the customer of that uid (made if new, profile refreshed). If the token belonged to an anonymous customer, that one is merged into it (hooks.customer_merge)
 *   or, when the uid is new, becomes it; the old token ends and a new one is given. A token of somebody else who is signed in is left alone: nothing of theirs is merged.
 * A claims.jti seen before is ERR_UNAUTHORIZED code identity_replayed. */
ERR_MUST_USE enum err visitor_open(struct identity *identity, struct db_txn *txn,
                                   struct arena *arena, const struct visitor_open *in,
                                   struct visitor_opened *out, struct errinfo *info);

#endif
