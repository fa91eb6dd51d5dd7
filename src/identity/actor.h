/* Who asks: filled into request.actor before a handler runs, handed to every service.
 *
 * A plain value of fixed size (it is copied into and out of the session cache); it says what was true when it was looked up, at most
 * IDENTITY_CACHE_TTL_MS ago, and at once after a change made in this process. Never NULL in services: nobody is ACTOR_NONE. */
#ifndef IDENTITY_ACTOR_H
#define IDENTITY_ACTOR_H

#include "base/err.h"
#include "base/ids.h"
#include "identity/permission.h"

#define ACTOR_MAX_TEAMS 20 /* teams one agent can be in */

enum actor_kind {
    ACTOR_NONE,  /* nobody known */
    ACTOR_AGENT, /* session cookie */
    ACTOR_CUSTOMER, /* visitor token; no permissions: endpoints of visitors see only what is the customer's own */
    ACTOR_API_KEY, /* acts for the agent who made it (`agent`), with the permissions of the key that this agent still has */
    ACTOR_SYSTEM,  /* the program itself: bot, timers, subcommands; every permission */
};

struct actor {
    enum actor_kind kind;
    struct agent_id agent;       /* ACTOR_AGENT, ACTOR_API_KEY */
    struct customer_id customer; /* ACTOR_CUSTOMER */
    struct inbox_id inbox;       /* ACTOR_CUSTOMER: where the widget was opened */
    bool is_verified;            /* ACTOR_CUSTOMER: signed in through the exchange */
    struct session_id
        session; /* ACTOR_AGENT: the session; ACTOR_CUSTOMER: the visitor token's row; ACTOR_API_KEY: the key's row */
    struct permission_set permissions;
    struct team_id teams[ACTOR_MAX_TEAMS];
    size_t n_teams;
    /* The role asks for a second factor that is not set up: permissions is empty, and only routes of one's own account are open. */
    bool needs_totp_setup;
    int64_t
        expires_at; /* when the session ends at the latest (for sockets: close then); 0: does not */
};

/* False for NULL. */
bool actor_may(const struct actor *actor, enum permission p);
/* ERR_OK, or ERR_UNAUTHORIZED (nobody, or a customer) or ERR_DENIED (code "permission", the name in the message). */
ERR_MUST_USE enum err actor_require(const struct actor *actor, enum permission p,
                                    struct errinfo *info);
bool actor_is_agent(const struct actor *actor); /* ACTOR_AGENT or ACTOR_API_KEY */
bool actor_is_customer(const struct actor *actor);
bool actor_is_in_team(const struct actor *actor, struct team_id team); /* false for team 0 */
/* May this agent see a conversation with this assignee and team? conversation.read: assigned to it, of its teams, or of no team; conversation.read_all: any. */
bool actor_may_see_conversation(const struct actor *actor, struct agent_id assignee,
                                struct team_id team);
/* The program itself. Static, never freed. */
const struct actor *actor_system(void);

struct request;
/* The actor of a request; a static ACTOR_NONE when nobody is known. */
const struct actor *request_actor(const struct request *rq);

#endif
