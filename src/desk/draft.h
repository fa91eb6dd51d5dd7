/* Drafts: one per agent and conversation, so that what was begun here goes on there. Nobody sees another's. */
#ifndef DESK_DRAFT_H
#define DESK_DRAFT_H

#include "desk/desk_internal.h"

/* Mine, for a conversation that I may see; an empty body removes it. Requires conversation.reply. My sockets are told when one appears or goes. */
ERR_MUST_USE enum err draft_put(struct desk *desk, const struct actor *actor,
                                struct conversation_id id, enum message_kind kind, struct str body,
                                struct errinfo *info);
/* {"items": [...], "next_cursor"} into the open object: all of mine in conversations that I may see, the newest conversation first. */
ERR_MUST_USE enum err draft_read_list(struct desk *desk, const struct actor *actor,
                                      int64_t before_conversation, size_t limit,
                                      struct arena *arena, struct json_writer *w,
                                      struct errinfo *info);

#endif
