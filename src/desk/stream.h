/* Who hears what: committed events to the sockets that may see them.
 *
 * The registry of listening agents belongs to the writer's thread: the bus calls stream_on_event there, and everything that changes the registry runs there
 * too, as the `done` of a submitted function (desk_on_writer). So a change of the registry stands at one place in the order of commits, and no lock is needed.
 * Agents each have a topic of their own; customers one per inbox and customer. Both are numbered by event id. */
#ifndef DESK_STREAM_H
#define DESK_STREAM_H

#include "desk/desk_internal.h"

struct stream *stream_new(void);
void stream_free(struct stream **stream);

/* bus_listen. */
void stream_on_event(void *arg, const struct event *e);

/* Pure: does this agent get this event? */
bool stream_is_wanted(const struct actor *actor, const struct event *e, bool is_viewing,
                      bool watches_all);

/* {"t":"event",...}; `data` replaces the event's payload when not empty. */
void stream_write_event(struct buf *out, const struct event *e, struct str data);
/* The same for a customer: heads become VisitorConversation. False: not for customers. */
bool stream_write_visitor_event(const struct desk *desk, struct buf *out, const struct event *e);

/* ---- on the writer's thread ---- */

/* Runs fn(arg) on the writer's thread, in commit order, also when the queue is full just now. Any thread. */
void desk_on_writer(struct desk *desk, void (*fn)(void *arg), void *arg);

void stream_join(struct desk *desk, const struct actor *actor, struct conn_id conn);
/* Returns how many sockets this agent still has. */
int stream_leave(struct desk *desk, struct agent_id agent, struct conn_id conn);
/* Closes the sockets of this agent's session (0: all of the agent's; agent 0: everybody's): 4003 signed out, 4008 come again at once (what the agent may see changed). */
void stream_close(struct desk *desk, struct agent_id agent, struct session_id session, int code);
void stream_watch_all(struct desk *desk, struct agent_id agent, bool on);
/* Agents who are offline or away, as presence last said: a customer's message to one of them takes the long way, to the queue. */
void stream_set_reachable(struct desk *desk, struct agent_id agent, bool is_reachable);
bool stream_is_reachable(const struct desk *desk, struct agent_id agent);
/* Somebody of this agent listens, and may read what belongs to these two. */
bool stream_may_hear(const struct desk *desk, struct agent_id agent, struct agent_id assignee,
                     struct team_id team);
int stream_count(const struct desk *desk, struct agent_id agent);
/* Everybody who listens here. Any thread. */
size_t stream_agents(const struct desk *desk, struct agent_id *out, size_t max);

#endif
