/* Permissions: one table of names, the only words by which anything may be allowed.
 *
 * A role is a named set of them (data, not code); an API key carries a subset. A service asks for a permission by name, once, with actor_may or
 * actor_require (actor.h). Names are stable: they are stored, appear in the API and in spec/openapi.yaml (x-permission). Order here is free. */
#ifndef IDENTITY_PERMISSION_H
#define IDENTITY_PERMISSION_H

#include "base/str.h"

enum permission {
    PERM_CONVERSATION_READ, /* conversations assigned to me, of my teams, and those of no team */
    PERM_CONVERSATION_READ_ALL, /* every conversation; implies nothing else */
    PERM_CONVERSATION_REPLY,
    PERM_CONVERSATION_ASSIGN,
    PERM_CUSTOMER_READ,
    PERM_CUSTOMER_EDIT,
    PERM_AGENT_MANAGE,
    PERM_ROLE_MANAGE,
    PERM_TEAM_MANAGE,
    PERM_APIKEY_MANAGE,
    PERM_INBOX_MANAGE,
    PERM_WORKSPACE_MANAGE,
    PERM_CANNED_MANAGE,
    PERM_ARTICLE_READ,
    PERM_ARTICLE_MANAGE,
    PERM_ARTICLE_PUBLISH,
    PERM_BOT_READ,
    PERM_BOT_MANAGE,
    PERM_LIVE_READ,
    PERM_AUDIT_READ,
    PERM_COUNT
};

/* A set of permissions; {0} is the empty one. */
struct permission_set {
    uint64_t bits;
};

struct permission_info {
    const char *name; /* "conversation.read" */
    const char *description_en, *description_zh;
};

const struct permission_info *permission_get(enum permission p); /* never NULL */
bool permission_parse(struct str name, enum permission *out);    /* false: no such name */

bool permission_set_has(struct permission_set set, enum permission p);
struct permission_set permission_set_with(struct permission_set set, enum permission p);
struct permission_set permission_set_all(void);
/* Is every permission of `part` in `whole`? */
bool permission_set_covers(struct permission_set whole, struct permission_set part);
struct permission_set permission_set_intersect(struct permission_set a, struct permission_set b);

#endif
