/* Who gets what. Pure: everything that is known goes in (the time and the seed, too), a plan comes out; nothing here reads a clock or a row.
 *
 * Order: a conversation counts as having waited ROUTING_WEIGHT_MS of its priority longer than it has. Whoever came that much earlier goes first whatever the
 * priority, so nobody starves: at most those overtake you who come within the difference of the weights after you.
 * Who: agents that take work, have room, are of the conversation's team, and match. Matching widens while the customer waits: first language and topic, then the
 * language, then anybody; at once when nobody there could ever match. Among those the closest match, then the least loaded by share of the capacity, then
 * the one whose last offer is longest ago, then chance.
 * An offer runs out; the next one goes to somebody else, and to the same agent again only when nobody else is left. */
#ifndef DESK_ROUTING_H
#define DESK_ROUTING_H

#include "base/arena.h"
#include "desk/conversation.h"

#define ROUTING_WIDEN_TOPIC_MS 60000     /* from here on the topic does not matter */
#define ROUTING_WIDEN_LANGUAGE_MS 180000 /* ... nor the language */
#define ROUTING_AGAIN_MS 600000 /* an agent who did not take it is asked last for so long */

struct routing_waiting {
    struct conversation_id id;
    enum conversation_priority priority;
    int64_t queued_at;
    struct str language, topic; /* empty: any */
    struct team_id team;        /* 0: everybody's */
};
struct routing_agent {
    struct agent_id id;
    const struct str *languages; /* none: any */
    size_t n_languages;
    const struct str *skills; /* topics; none: any */
    size_t n_skills;
    const struct team_id *teams;
    size_t n_teams;
    bool sees_all;      /* serves every team */
    bool takes_work;    /* available and online */
    int capacity, load; /* load: open conversations; open offers are counted by routing_decide */
    int64_t last_offer_at;
};
struct routing_offer {
    int64_t id;
    struct conversation_id conversation;
    struct agent_id agent;
    int64_t expires_at;
};
struct routing_refusal { /* an offer that was declined or ran out */
    struct conversation_id conversation;
    struct agent_id agent;
    int64_t at;
};
struct routing_view {
    int64_t now;
    uint64_t seed;
    const struct routing_waiting *waiting;
    size_t n_waiting;
    const struct routing_agent *agents;
    size_t n_agents;
    const struct routing_offer *offers; /* open ones */
    size_t n_offers;
    const struct routing_refusal *refusals;
    size_t n_refusals;
};
struct routing_match {
    struct conversation_id conversation;
    struct agent_id agent;
};
struct routing_place {
    struct conversation_id conversation;
    int64_t position; /* 1: next, among those of the same team's queue */
};
struct routing_plan {
    const struct routing_match *offers; /* to make */
    size_t n_offers;
    const int64_t *expired; /* offers that ran out */
    size_t n_expired;
    const int64_t *withdrawn; /* offers whose agent or conversation is not there any more */
    size_t n_withdrawn;
    const struct routing_place *places; /* of everyone who waits, in order */
    size_t n_places;
    int64_t look_again_at; /* when time alone changes the answer; 0: it does not */
};
void routing_decide(struct arena *arena, const struct routing_view *view, struct routing_plan *out);

int64_t routing_weight_ms(enum conversation_priority p);
/* How long agents had conversations lately: all the time spent, of those that go on as well, and how many came to an end in it. */
struct routing_pace {
    int64_t spent_ms, n_done;
};
#define ROUTING_MOMENT_S 30 /* what an offer needs to be seen and taken */
#define ROUTING_PRIOR_HANDLING_S                                                                   \
    600 /* one conversation, before anything was seen; weighs as much as ROUTING_PRIOR_N of them */
#define ROUTING_PRIOR_N 5

/* Seconds until somebody at this place gets an agent. Who stands within the room that suitable agents have is a moment away; for the others as many conversations as
 * stand before them must end first: with `slots` at work, one ends every (mean handling time / slots). The mean is spent / ended, the usual estimate where some
 * still go on, drawn towards the prior while little was seen. How often somebody was taken lately says nothing: on a quiet day nobody came.
 * < 0: no honest estimate, no suitable agent takes work. Rounded up to what a person would say: half minutes, then minutes, then five minutes. */
int64_t routing_estimate_s(const struct routing_view *view, const struct routing_waiting *w,
                           int64_t position, struct routing_pace pace);

#endif
