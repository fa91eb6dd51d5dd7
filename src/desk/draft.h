#ifndef DESK_DRAFT_H
#define DESK_DRAFT_H

#include "desk/desk_internal.h"

/* Mine, for a conversation that I may see; an empty body removes it. Requires conversation.reply. */
ERR_MUST_USE enum err draft_put(struct desk *desk, const struct actor *actor,
                                struct conversation_id id, enum message_kind kind, struct str body,
                                struct errinfo *info);

#endif
