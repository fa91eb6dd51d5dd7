/* What agents do with conversations, and read of them: permission, transaction, JSON. */
#ifndef DESK_CONVERSATION_USE_H
#define DESK_CONVERSATION_USE_H

#include "desk/desk_internal.h"

/* ---- reading: opens its own read transaction and writes whole JSON values ---- */

ERR_MUST_USE enum err conversation_read_one(struct desk *desk, const struct actor *actor,
                                            struct conversation_id id, struct arena *arena,
                                            struct json_writer *w, int64_t *version_out,
                                            struct errinfo *info);
struct conversation_list_request {
    enum conversation_view view;
    struct team_id team;
    bool by_waiting;
    int64_t after, after_id;
    size_t limit;
};
/* The members "items" and "next_cursor" into the open object. */
ERR_MUST_USE enum err conversation_read_list(struct desk *desk, const struct actor *actor,
                                             const struct conversation_list_request *q,
                                             struct arena *arena, struct json_writer *w,
                                             struct errinfo *info);
ERR_MUST_USE enum err conversation_read_counts(struct desk *desk, const struct actor *actor,
                                               struct arena *arena, struct json_writer *w,
                                               struct errinfo *info);
ERR_MUST_USE enum err conversation_read_of_customer(struct desk *desk, const struct actor *actor,
                                                    struct customer_id customer, int64_t before_id,
                                                    size_t limit, struct arena *arena,
                                                    struct json_writer *w, struct errinfo *info);
ERR_MUST_USE enum err conversation_read_messages(struct desk *desk, const struct actor *actor,
                                                 struct conversation_id id, int64_t before,
                                                 size_t limit, struct arena *arena,
                                                 struct json_writer *w, struct errinfo *info);
ERR_MUST_USE enum err conversation_read_events(struct desk *desk, const struct actor *actor,
                                               struct conversation_id id, int64_t after,
                                               size_t limit, struct arena *arena,
                                               struct json_writer *w, struct errinfo *info);
ERR_MUST_USE enum err message_read_history(struct desk *desk, const struct actor *actor,
                                           struct message_id id, struct arena *arena,
                                           struct json_writer *w, struct errinfo *info);

/* ---- changing: *json_out is the head afterwards ---- */

struct conversation_patch {
    int priority;                              /* < 0: leave */
    const struct str *topic, *language, *tags; /* NULL: leave; tags: JSON array */
};
/* `version` is what the client saw: ERR_CONFLICT code version_mismatch when the head moved. */
ERR_MUST_USE enum err conversation_update(struct desk *desk, const struct actor *actor,
                                          struct conversation_id id, int64_t version,
                                          const struct conversation_patch *patch,
                                          struct arena *arena, struct str *json_out,
                                          struct errinfo *info);
ERR_MUST_USE enum err conversation_set_state(struct desk *desk, const struct actor *actor,
                                             struct conversation_id id,
                                             enum conversation_state state, int64_t snoozed_until,
                                             struct arena *arena, struct str *json_out,
                                             struct errinfo *info);
/* Agent 0 and team 0: back to everybody's queue. */
ERR_MUST_USE enum err conversation_assign(struct desk *desk, const struct actor *actor,
                                          struct conversation_id id, struct agent_id agent,
                                          struct team_id team, bool has_team, struct arena *arena,
                                          struct str *json_out, struct errinfo *info);
ERR_MUST_USE enum err conversation_mark_read(struct desk *desk, const struct actor *actor,
                                             struct conversation_id id, int64_t seq,
                                             struct errinfo *info);

#endif
