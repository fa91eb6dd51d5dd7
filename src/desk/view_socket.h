/* The conversations that an agent's socket has open. */
#ifndef DESK_VIEW_SOCKET_H
#define DESK_VIEW_SOCKET_H

#include "desk/socket_peer.h"

/* A `view` frame. On the loop thread. */
void agent_on_view(struct peer *p, const struct json *frame);
/* NULL: not open here. conversation 0: a free place. */
struct peer_view *agent_view_find(struct peer *p, int64_t conversation);

#endif
