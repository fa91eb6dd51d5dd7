#include "identity/actor.h"

bool actor_may(const struct actor *actor, enum permission p)
{
    return actor != NULL && permission_set_has(actor->permissions, p);
}

enum err actor_require(const struct actor *actor, enum permission p, struct errinfo *info)
{
    if (!actor_is_agent(actor) && (actor == NULL || actor->kind != ACTOR_SYSTEM)) {
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "Sign in first.");
    }
    if (!actor_may(actor, p)) {
        return err_set(info, ERR_DENIED, "", "permission", "This needs the permission %s.",
                       permission_get(p)->name);
    }
    return ERR_OK;
}

bool actor_is_agent(const struct actor *actor)
{
    return actor != NULL && (actor->kind == ACTOR_AGENT || actor->kind == ACTOR_API_KEY);
}

bool actor_is_customer(const struct actor *actor)
{
    return actor != NULL && actor->kind == ACTOR_CUSTOMER;
}

bool actor_is_in_team(const struct actor *actor, struct team_id team)
{
    for (size_t i = 0; actor != NULL && team.v != 0 && i < actor->n_teams; i++) {
        if (actor->teams[i].v == team.v) {
            return true;
        }
    }
    return false;
}

bool actor_may_see_conversation(const struct actor *actor, struct agent_id assignee,
                                struct team_id team)
{
    if (actor_may(actor, PERM_CONVERSATION_READ_ALL)) {
        return true;
    }
    if (!actor_may(actor, PERM_CONVERSATION_READ)) {
        return false;
    }
    return team.v == 0 || (assignee.v != 0 && assignee.v == actor->agent.v) ||
           actor_is_in_team(actor, team);
}

const struct actor *actor_system(void)
{
    static const struct actor program = {
        .kind = ACTOR_SYSTEM, .permissions = {((uint64_t)1 << (unsigned)PERM_COUNT) - 1}};
    return &program;
}
