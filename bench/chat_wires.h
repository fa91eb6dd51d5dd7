/* How messages look to the two servers that bench_chat and bench_bare_chat compare. The text of a message is the same for both.
 * One wire for each load: it carries what makes the ids of its messages its own. One load at a time. */
#ifndef BENCH_CHAT_WIRES_H
#define BENCH_CHAT_WIRES_H

#include "chat_load.h"

/* bare_server.h: mark, client id, text; acknowledged with "A" + mark, delivered as "D" + all of it. */
struct chat_wire chat_wire_bare(void);
/* The program's: `send` frames of customers; sockets below `*n_agents` are agents and get the events. */
struct chat_wire chat_wire_real(const size_t *n_agents);

#endif
