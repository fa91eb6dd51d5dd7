/* Who has which conversation open, here and on other nodes. On the writer's thread.
 *
 * A node says for each conversation the whole list of its own viewers, when it changes and again about once a second (what goes over the bus may be lost); what is
 * not said again for VIEWING_TTL_MS is forgotten. Without a bus it is a row that is said once, and good as long as that node's lease (signal.h). So a node that
 * dies, or a word that is lost, is right again within seconds. */
#ifndef DESK_VIEWING_H
#define DESK_VIEWING_H

#include "desk/desk_internal.h"

#define VIEWING_TTL_MS 4000

struct viewing;
struct viewers;
struct viewing *viewing_new(void);
void viewing_free(struct viewing **viewing);
void viewing_listen(struct desk *desk, struct notices *notices);

/* Counts; tells everybody who has it open. */
void viewing_change(struct desk *desk, struct agent_id agent, struct conversation_id c, bool open);
/* NULL: nobody. Good until the next change. */
const struct viewers *viewing_find(const struct viewing *viewing, struct conversation_id c);
/* On a socket of this node. */
bool viewing_has(const struct viewers *viewers, struct agent_id agent);
/* Says again what is open here, and forgets what others have not said again. About once a second where there are other nodes. */
void viewing_refresh(struct desk *desk);

#endif
