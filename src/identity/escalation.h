/* Nobody grants, takes or changes what goes beyond their own permissions. Pure. */
#ifndef IDENTITY_ESCALATION_H
#define IDENTITY_ESCALATION_H

#include "identity/actor.h"

/* May the actor give this set to somebody, or change whoever has it? ERR_DENIED code "escalation", naming the first permission that is missing. */
ERR_MUST_USE enum err escalation_check(const struct actor *actor, struct permission_set set,
                                       const char *field, struct errinfo *info);

#endif
