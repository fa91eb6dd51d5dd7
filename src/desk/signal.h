/* Short words between nodes about one conversation: who types, who looks. Over the bus while it has a connection (bus.h: quick, lossy); without one they go as
 * notices (platform/notice.h: within a second, sure, a small row each), so that a desk without a message server has them, too. */
#ifndef DESK_SIGNAL_H
#define DESK_SIGNAL_H

#include "desk/desk_internal.h"

struct signal_heard {
    struct conversation_id conversation;
    const struct json *what;
    bool is_sure; /* a row: it is not said again */
};
typedef void (*signal_fn)(struct desk *desk, const struct signal_heard *s);

/* To the other nodes that follow the conversation. Any thread, does not block. `kind` is a literal; `what` a JSON object of ids and words, no customer's text. */
void signal_send(struct desk *desk, struct conversation_id c, const char *kind, struct str what);
/* Does the bus have a connection now? */
bool signal_is_quick(const struct desk *desk);
/* On the writer's thread; once per kind, in desk_new. `notices` may be NULL. */
void signal_handle(struct desk *desk, struct notices *notices, const char *kind, signal_fn fn);

#endif
