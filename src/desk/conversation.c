/* The transition table: one row per (event, state). Handlers follow a second, smaller table, because who has a conversation and what is to be done
 * with it are independent but for two things: resolving leaves the queue, reopening may enter it. */
#include "desk/conversation.h"

#include "base/check.h"

const char *const conversation_state_words[] = {"open", "waiting", "snoozed", "resolved", NULL};
const char *const conversation_priority_words[] = {"low", "normal", "high", "urgent", NULL};
static const char *const handler_words[] = {"bot", "queue", "agent"};

const char *conversation_state_name(enum conversation_state s)
{
    ASSERT((unsigned)s < CONVERSATION_N_STATES);
    return conversation_state_words[s];
}

const char *conversation_handler_name(enum conversation_handler h)
{
    ASSERT((unsigned)h < CONVERSATION_N_HANDLERS);
    return handler_words[h];
}

const char *conversation_priority_name(enum conversation_priority p)
{
    ASSERT((unsigned)p <= PRIORITY_URGENT);
    return conversation_priority_words[p];
}

enum { TO_OPEN = CONVERSATION_OPEN, TO_WAITING, TO_SNOOZED, TO_RESOLVED, REFUSED };

struct transition {
    int to;
    unsigned effects;
};

#define REOPEN (EFFECT_CLEAR_RESOLVED | EFFECT_ROUTE)
#define CLOSE (EFFECT_MARK_RESOLVED | EFFECT_CLEAR_WAITING | EFFECT_ROUTE)
#define WAKE EFFECT_CANCEL_SNOOZE

static const struct transition transitions[CONVERSATION_N_EVENTS][CONVERSATION_N_STATES] = {
    /* from:                 open                              waiting                                  snoozed                                     resolved */
    [ON_CUSTOMER_MESSAGE] = {{TO_OPEN, EFFECT_START_WAITING},
                             {TO_OPEN, EFFECT_START_WAITING | EFFECT_ROUTE},
                             {TO_OPEN, EFFECT_START_WAITING | EFFECT_ROUTE | WAKE},
                             {TO_OPEN, EFFECT_START_WAITING | REOPEN}},
    [ON_AGENT_REPLY] = {{TO_OPEN, EFFECT_CLEAR_WAITING},
                        {TO_WAITING, EFFECT_CLEAR_WAITING},
                        {TO_SNOOZED, EFFECT_CLEAR_WAITING},
                        {TO_OPEN, EFFECT_CLEAR_WAITING | REOPEN}},
    [ON_BOT_REPLY] = {{TO_OPEN, EFFECT_CLEAR_WAITING},
                      {TO_WAITING, EFFECT_CLEAR_WAITING},
                      {REFUSED, 0},
                      {REFUSED, 0}},
    [ON_WAIT] = {{TO_WAITING, EFFECT_CLEAR_WAITING | EFFECT_ROUTE},
                 {TO_WAITING, 0},
                 {TO_WAITING, EFFECT_CLEAR_WAITING | WAKE},
                 {TO_WAITING, REOPEN}},
    [ON_SNOOZE] = {{TO_SNOOZED, EFFECT_SET_SNOOZE | EFFECT_ROUTE},
                   {TO_SNOOZED, EFFECT_SET_SNOOZE},
                   {TO_SNOOZED, EFFECT_SET_SNOOZE},
                   {REFUSED, 0}},
    [ON_WAKE] = {{TO_OPEN, 0}, {TO_WAITING, 0}, {TO_OPEN, WAKE | EFFECT_ROUTE}, {TO_RESOLVED, 0}},
    [ON_OPEN] = {{TO_OPEN, 0},
                 {TO_OPEN, EFFECT_ROUTE},
                 {TO_OPEN, WAKE | EFFECT_ROUTE},
                 {TO_OPEN, REOPEN}},
    [ON_RESOLVE] = {{TO_RESOLVED, CLOSE},
                    {TO_RESOLVED, CLOSE},
                    {TO_RESOLVED, CLOSE | WAKE},
                    {TO_RESOLVED, 0}},
    [ON_END] = {{TO_RESOLVED, CLOSE},
                {TO_RESOLVED, CLOSE},
                {TO_RESOLVED, CLOSE | WAKE},
                {TO_RESOLVED, 0}},
    [ON_HANDOVER] = {{TO_OPEN, EFFECT_ROUTE},
                     {TO_OPEN, EFFECT_ROUTE},
                     {TO_OPEN, EFFECT_ROUTE | WAKE},
                     {REFUSED, 0}},
    [ON_ASSIGN] = {{TO_OPEN, EFFECT_ROUTE}, {TO_WAITING, 0}, {TO_SNOOZED, 0}, {TO_RESOLVED, 0}},
    [ON_QUEUE] = {{TO_OPEN, EFFECT_ROUTE}, {TO_WAITING, 0}, {TO_SNOOZED, 0}, {TO_RESOLVED, 0}},
};

/* Who has it afterwards. The bot keeps what it has until somebody takes it away; a person's message takes it away. */
static enum conversation_handler handler_after(enum conversation_handler handler,
                                               enum conversation_event event)
{
    switch (event) {
    case ON_ASSIGN:
        return HANDLER_AGENT;
    case ON_QUEUE:
        return HANDLER_QUEUE;
    case ON_HANDOVER:
    case ON_AGENT_REPLY:
    case ON_WAIT:
    case ON_SNOOZE:
    case ON_OPEN:
        return handler == HANDLER_BOT ? HANDLER_QUEUE : handler;
    case ON_CUSTOMER_MESSAGE: /* a reopened one goes back to whoever had it */
    case ON_BOT_REPLY:
    case ON_WAKE:
    case ON_RESOLVE:
    case ON_END:
    case CONVERSATION_N_EVENTS:
        break;
    }
    return handler;
}

static bool is_in_queue(enum conversation_state state, enum conversation_handler handler)
{
    return state == CONVERSATION_OPEN && handler == HANDLER_QUEUE;
}

struct conversation_change conversation_apply(struct conversation_facts facts,
                                              enum conversation_event event)
{
    ASSERT((unsigned)event < CONVERSATION_N_EVENTS &&
           (unsigned)facts.state < CONVERSATION_N_STATES);
    struct conversation_change out = {.state = facts.state, .handler = facts.handler};
    struct transition t = transitions[event][facts.state];
    if (t.to == REFUSED || (event == ON_BOT_REPLY && facts.handler != HANDLER_BOT)) {
        out.is_refused = true;
        return out;
    }
    out.state = (enum conversation_state)t.to;
    out.effects = t.effects;
    out.handler = handler_after(facts.handler, event);
    out.is_changed = out.state != facts.state || out.handler != facts.handler;
    bool was = is_in_queue(facts.state, facts.handler);
    bool is = is_in_queue(out.state, out.handler);
    if (!was && is) {
        out.effects |= EFFECT_ENTER_QUEUE | EFFECT_ROUTE;
    } else if (was && !is) {
        out.effects |= EFFECT_LEAVE_QUEUE | EFFECT_WITHDRAW_OFFER | EFFECT_ROUTE;
    }
    return out;
}

bool conversation_is_reopened_by_message(int64_t resolved_at, int64_t now, int64_t reopen_ms)
{
    return reopen_ms > 0 && now - resolved_at <= reopen_ms;
}

bool conversation_may_be_rated(enum conversation_state state, int64_t resolved_at, bool is_rated,
                               bool csat_enabled, int64_t now)
{
    return csat_enabled && !is_rated && state == CONVERSATION_RESOLVED &&
           now - resolved_at <= CONVERSATION_RATING_MS;
}

bool conversation_is_stale(int64_t expect_seq, int64_t last_customer_seq, int64_t last_agent_seq,
                           bool last_agent_is_me)
{
    if (expect_seq < 0) {
        return false;
    }
    return last_customer_seq > expect_seq || (last_agent_seq > expect_seq && !last_agent_is_me);
}
