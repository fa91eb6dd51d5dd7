/* Teams: queues that agents share. team_list and team_exists of identity.h live here too. */
#ifndef IDENTITY_TEAM_SERVICE_H
#define IDENTITY_TEAM_SERVICE_H

#include "identity/identity_internal.h"
#include "identity/text_list.h"

struct team_detail {
    struct team_id id;
    struct str name;
    struct id_list agents;
    int64_t version;
};
ERR_MUST_USE enum err team_service_list(struct identity *identity, const struct actor *actor,
                                        struct arena *arena, struct team_detail **out,
                                        size_t *n_out, struct errinfo *info);
struct team_write {
    struct str name;
    const struct id_list *agents; /* NULL: leave */
};
/* id 0: a new one (version ignored). ERR_CONFLICT code name_taken | version_mismatch; ERR_INVALID code not_found (agent_ids) | too_many_teams. */
ERR_MUST_USE enum err team_service_save(struct identity *identity, const struct actor *actor,
                                        struct team_id id, int64_t version,
                                        const struct team_write *in, struct arena *arena,
                                        struct team_detail *out, struct errinfo *info);
ERR_MUST_USE enum err team_service_delete(struct identity *identity, const struct actor *actor,
                                          struct team_id id, struct errinfo *info);
void team_write_json(struct json_writer *w, const struct team_detail *team);

#endif
