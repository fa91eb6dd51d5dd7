#include "identity/escalation.h"

enum err escalation_check(const struct actor *actor, struct permission_set set, const char *field,
                          struct errinfo *info)
{
    for (int p = 0; p < PERM_COUNT; p++) {
        if (permission_set_has(set, (enum permission)p) && !actor_may(actor, (enum permission)p)) {
            return err_set(info, ERR_DENIED, field, "escalation",
                           "This involves the permission %s, which you do not have.",
                           permission_get((enum permission)p)->name);
        }
    }
    return ERR_OK;
}
