/* What a conversation is, and the one place where its state changes. Pure.
 *
 * `state` is what is to be done, `handler` is who has it. Two tables say what each event does to them; conversation_apply is the only function that
 * changes either, so that a change without its consequences (timer, clock, queue) cannot be written. */
#ifndef DESK_CONVERSATION_H
#define DESK_CONVERSATION_H

#include <stdbool.h>

#include "base/ids.h"
#include "base/str.h"

/* The numbers are stored. */
enum conversation_state {
    CONVERSATION_OPEN,
    CONVERSATION_WAITING,
    CONVERSATION_SNOOZED,
    CONVERSATION_RESOLVED
};
enum conversation_handler { HANDLER_BOT, HANDLER_QUEUE, HANDLER_AGENT };
enum conversation_priority { PRIORITY_LOW, PRIORITY_NORMAL, PRIORITY_HIGH, PRIORITY_URGENT };
#define CONVERSATION_N_STATES 4
#define CONVERSATION_N_HANDLERS 3

const char *conversation_state_name(enum conversation_state s);
const char *conversation_handler_name(enum conversation_handler h);
const char *conversation_priority_name(enum conversation_priority p);
extern const char
    *const conversation_state_words[]; /* NULL-terminated, by number: for json_get_enum */
extern const char *const conversation_priority_words[];

enum conversation_event {
    ON_CUSTOMER_MESSAGE, /* within the reopen window, if it is resolved: see conversation_is_reopened_by_message */
    ON_AGENT_REPLY, /* public message of an agent */
    ON_BOT_REPLY,
    ON_WAIT, /* an agent waits for the customer */
    ON_SNOOZE,
    ON_WAKE, /* the snooze is over */
    ON_OPEN, /* an agent opens it by hand */
    ON_RESOLVE,
    ON_END,      /* the customer ends it */
    ON_HANDOVER, /* the bot, or the customer, wants a person */
    ON_ASSIGN,   /* an agent takes it, or gets it */
    ON_QUEUE,    /* back to the queue: unassigned, declined, the agent left */
    CONVERSATION_N_EVENTS
};

/* What must be done besides storing the new state: bits of conversation_change.effects. */
enum conversation_effect {
    EFFECT_SET_SNOOZE = 1, /* timer "snooze" */
    EFFECT_CANCEL_SNOOZE = 2,
    EFFECT_MARK_RESOLVED = 4,  /* resolved_at, n_resolutions; the customer may rate */
    EFFECT_CLEAR_RESOLVED = 8, /* reopened */
    EFFECT_ROUTE = 16,         /* the queue or somebody's load changed: decide again */
    EFFECT_CLEAR_WAITING = 32, /* the customer's message is answered */
    EFFECT_START_WAITING = 64, /* the customer waits from now, unless already */
    EFFECT_ENTER_QUEUE = 128,
    EFFECT_LEAVE_QUEUE = 256,
    EFFECT_WITHDRAW_OFFER = 512, /* an open offer is void */
};

struct conversation_facts {
    enum conversation_state state;
    enum conversation_handler handler;
};
struct conversation_change {
    bool is_refused; /* this event makes no sense in this state: nothing may be done */
    bool is_changed; /* state or handler differ */
    enum conversation_state state;
    enum conversation_handler handler;
    unsigned effects;
};
struct conversation_change conversation_apply(struct conversation_facts facts,
                                              enum conversation_event event);

/* A customer's message into a resolved conversation: reopens it within the window, otherwise a new one begins. */
bool conversation_is_reopened_by_message(int64_t resolved_at, int64_t now, int64_t reopen_ms);
/* A rating may be given for a resolution while it is resolved, and for this long after. */
#define CONVERSATION_RATING_MS (7LL * 24 * 3600 * 1000)
bool conversation_may_be_rated(enum conversation_state state, int64_t resolved_at, bool is_rated,
                               bool csat_enabled, int64_t now);

/* Has the writer seen what the other side, or a colleague, said publicly? expect_seq < 0: does not matter. */
bool conversation_is_stale(int64_t expect_seq, int64_t last_customer_seq, int64_t last_agent_seq,
                           bool last_agent_is_me);

#endif
