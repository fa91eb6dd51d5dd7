#ifndef DESK_LIVE_H
#define DESK_LIVE_H

#include "desk/desk_internal.h"

/* The schema Live: numbers of this moment and of today (UTC). Requires live.read. */
ERR_MUST_USE enum err live_read(struct desk *desk, const struct actor *actor, struct arena *arena,
                                struct json_writer *w, struct errinfo *info);

#endif
