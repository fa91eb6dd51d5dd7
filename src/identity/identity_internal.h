/* Inside of the room: what its files share. Not for others. */
#ifndef IDENTITY_INTERNAL_H
#define IDENTITY_INTERNAL_H

#include "identity/identity.h"
#include "platform/ttl_cache.h"

struct identity {
    struct db *db;
    struct clock clock;
    uint8_t secret_key[32];
    int64_t session_idle_ms, session_absolute_ms, invitation_ms, visitor_anonymous_ms,
        visitor_verified_ms;
    char *setup_token, *allowed_origins; /* "" when there is none */
    struct identity_hooks hooks;
    struct ttl_cache
        *actors; /* token hash -> struct cached_actor, of sessions, API keys and visitor tokens */
};

struct cached_actor {
    struct actor actor;
    int64_t last_seen_at; /* as stored: tells when it is time to write it again */
};

#define IDENTITY_SEEN_EVERY_MS 60000

struct token_hash {
    uint8_t v[32];
};
struct token_hash token_hash_of(struct str token);
struct db_val token_hash_val(const struct token_hash *h);

int64_t identity_now(const struct identity *identity);
/* Keyed hash of something that must not be readable in the database. */
struct token_hash identity_keyed_hash(const struct identity *identity, const char *purpose,
                                      struct str text);
/* base64url(HMAC(session token)): bound to the session, needs no storage. */
struct str identity_csrf_token(struct arena *arena, struct str session_token);
enum err identity_brand(struct identity *identity, struct db_txn *txn, struct arena *arena,
                        struct str *out);

/* On commit: forget cached actors, then tell the hooks. Agent 0: of everybody. */
void identity_on_permissions_changed(struct identity *identity, struct db_txn *txn,
                                     struct agent_id agent);
void identity_on_sessions_ended(struct identity *identity, struct db_txn *txn,
                                struct agent_id agent, struct session_id session);
/* Deletes an agent's sessions but `except` (0: all) and tells whose sockets must close. */
ERR_MUST_USE enum err identity_end_sessions(struct identity *identity, struct db_txn *txn,
                                            struct agent_id agent, struct session_id except);
void identity_on_agent_changed(struct identity *identity, struct db_txn *txn,
                               struct agent_id agent);
void identity_on_visitor_ended(struct identity *identity, struct db_txn *txn,
                               struct customer_id customer);
void identity_on_api_key_ended(struct identity *identity, struct db_txn *txn, int64_t key_id);

/* Shared checks of what people type. All trim and copy into the arena. */
ERR_MUST_USE enum err identity_check_email(struct arena *arena, struct str in, const char *field,
                                           struct str *out, struct errinfo *info); /* lower case */
ERR_MUST_USE enum err identity_check_name(struct arena *arena, struct str in, const char *field,
                                          size_t max, struct str *out, struct errinfo *info);
bool identity_is_locale(struct str s); /* BCP 47, loosely: "en", "zh-CN" */
bool identity_is_zone(struct str s);   /* an IANA name that the system knows, or empty */

#endif
