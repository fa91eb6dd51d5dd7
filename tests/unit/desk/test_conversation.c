#include "groups.h"

#include "base/check.h"
#include "desk/conversation.h"

struct row {
    const char *name;
    enum conversation_event event;
    enum conversation_state state;
    enum conversation_handler handler;
    bool is_refused;
    enum conversation_state to;
    enum conversation_handler to_handler;
    unsigned with, without; /* effects that must / must not be there */
};

static const struct row rows[] = {
    {"a reply of the customer ends waiting", ON_CUSTOMER_MESSAGE, CONVERSATION_WAITING,
     HANDLER_AGENT, false, CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_START_WAITING,
     EFFECT_ENTER_QUEUE},
    {"a reply ends a snooze", ON_CUSTOMER_MESSAGE, CONVERSATION_SNOOZED, HANDLER_AGENT, false,
     CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_CANCEL_SNOOZE, 0},
    {"a reply that nobody has goes to the queue", ON_CUSTOMER_MESSAGE, CONVERSATION_SNOOZED,
     HANDLER_QUEUE, false, CONVERSATION_OPEN, HANDLER_QUEUE, EFFECT_ENTER_QUEUE | EFFECT_ROUTE, 0},
    {"a reply reopens, its agent has it", ON_CUSTOMER_MESSAGE, CONVERSATION_RESOLVED, HANDLER_AGENT,
     false, CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_CLEAR_RESOLVED, EFFECT_ENTER_QUEUE},
    {"more messages of the customer do not route again", ON_CUSTOMER_MESSAGE, CONVERSATION_OPEN,
     HANDLER_QUEUE, false, CONVERSATION_OPEN, HANDLER_QUEUE, EFFECT_START_WAITING, EFFECT_ROUTE},
    {"an answer leaves it open", ON_AGENT_REPLY, CONVERSATION_OPEN, HANDLER_AGENT, false,
     CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_CLEAR_WAITING, EFFECT_ROUTE},
    {"an answer into a resolved one reopens it", ON_AGENT_REPLY, CONVERSATION_RESOLVED,
     HANDLER_AGENT, false, CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_CLEAR_RESOLVED, 0},
    {"the bot does not talk where an agent is", ON_BOT_REPLY, CONVERSATION_OPEN, HANDLER_AGENT,
     true, CONVERSATION_OPEN, HANDLER_AGENT, 0, ~0U},
    {"the bot does not talk in the queue", ON_BOT_REPLY, CONVERSATION_OPEN, HANDLER_QUEUE, true,
     CONVERSATION_OPEN, HANDLER_QUEUE, 0, ~0U},
    {"the bot does not talk after the end", ON_BOT_REPLY, CONVERSATION_RESOLVED, HANDLER_BOT, true,
     CONVERSATION_RESOLVED, HANDLER_BOT, 0, ~0U},
    {"the bot answers", ON_BOT_REPLY, CONVERSATION_OPEN, HANDLER_BOT, false, CONVERSATION_OPEN,
     HANDLER_BOT, EFFECT_CLEAR_WAITING, EFFECT_ROUTE},
    {"handover puts it into the queue", ON_HANDOVER, CONVERSATION_OPEN, HANDLER_BOT, false,
     CONVERSATION_OPEN, HANDLER_QUEUE, EFFECT_ENTER_QUEUE | EFFECT_ROUTE, 0},
    {"handover twice changes nothing", ON_HANDOVER, CONVERSATION_OPEN, HANDLER_QUEUE, false,
     CONVERSATION_OPEN, HANDLER_QUEUE, 0, EFFECT_ENTER_QUEUE | EFFECT_LEAVE_QUEUE},
    {"an agent keeps it when a person is asked for", ON_HANDOVER, CONVERSATION_OPEN, HANDLER_AGENT,
     false, CONVERSATION_OPEN, HANDLER_AGENT, 0, EFFECT_ENTER_QUEUE},
    {"taking it leaves the queue", ON_ASSIGN, CONVERSATION_OPEN, HANDLER_QUEUE, false,
     CONVERSATION_OPEN, HANDLER_AGENT, EFFECT_LEAVE_QUEUE | EFFECT_WITHDRAW_OFFER, 0},
    {"giving it back enters the queue", ON_QUEUE, CONVERSATION_OPEN, HANDLER_AGENT, false,
     CONVERSATION_OPEN, HANDLER_QUEUE, EFFECT_ENTER_QUEUE, 0},
    {"giving back what waits for the customer does not", ON_QUEUE, CONVERSATION_WAITING,
     HANDLER_AGENT, false, CONVERSATION_WAITING, HANDLER_QUEUE, 0, EFFECT_ENTER_QUEUE},
    {"snoozing frees the agent", ON_SNOOZE, CONVERSATION_OPEN, HANDLER_AGENT, false,
     CONVERSATION_SNOOZED, HANDLER_AGENT, EFFECT_SET_SNOOZE | EFFECT_ROUTE, 0},
    {"snoozing again moves the timer", ON_SNOOZE, CONVERSATION_SNOOZED, HANDLER_AGENT, false,
     CONVERSATION_SNOOZED, HANDLER_AGENT, EFFECT_SET_SNOOZE, EFFECT_CANCEL_SNOOZE},
    {"what is resolved cannot be snoozed", ON_SNOOZE, CONVERSATION_RESOLVED, HANDLER_AGENT, true,
     CONVERSATION_RESOLVED, HANDLER_AGENT, 0, ~0U},
    {"the snooze is over", ON_WAKE, CONVERSATION_SNOOZED, HANDLER_AGENT, false, CONVERSATION_OPEN,
     HANDLER_AGENT, EFFECT_ROUTE, 0},
    {"a late timer does nothing", ON_WAKE, CONVERSATION_RESOLVED, HANDLER_AGENT, false,
     CONVERSATION_RESOLVED, HANDLER_AGENT, 0, ~0U},
    {"resolving from the queue withdraws the offer", ON_RESOLVE, CONVERSATION_OPEN, HANDLER_QUEUE,
     false, CONVERSATION_RESOLVED, HANDLER_QUEUE, EFFECT_WITHDRAW_OFFER | EFFECT_MARK_RESOLVED, 0},
    {"resolving twice counts once", ON_RESOLVE, CONVERSATION_RESOLVED, HANDLER_AGENT, false,
     CONVERSATION_RESOLVED, HANDLER_AGENT, 0, ~0U},
    {"the customer ends it", ON_END, CONVERSATION_OPEN, HANDLER_BOT, false, CONVERSATION_RESOLVED,
     HANDLER_BOT, EFFECT_MARK_RESOLVED, 0},
    {"resolving a snoozed one stops its timer", ON_RESOLVE, CONVERSATION_SNOOZED, HANDLER_AGENT,
     false, CONVERSATION_RESOLVED, HANDLER_AGENT, EFFECT_CANCEL_SNOOZE, 0},
    {"reopening by hand what the bot had asks for a person", ON_OPEN, CONVERSATION_RESOLVED,
     HANDLER_BOT, false, CONVERSATION_OPEN, HANDLER_QUEUE, EFFECT_ENTER_QUEUE, 0},
};

static void events_do_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        struct conversation_change c =
            conversation_apply((struct conversation_facts){r->state, r->handler}, r->event);
        if (c.is_refused != r->is_refused || c.state != r->to || c.handler != r->to_handler ||
            (c.effects & r->with) != r->with || (c.effects & r->without) != 0) {
            fail_msg("%s: refused %d, %s/%s, effects %x", r->name, c.is_refused,
                     conversation_state_name(c.state), conversation_handler_name(c.handler),
                     c.effects);
        }
    }
}

static bool has(unsigned effects, unsigned e)
{
    return (effects & e) != 0;
}

/* What must hold for all 144 combinations. */
static void no_change_without_its_consequences(void **state)
{
    (void)state;
    for (int e = 0; e < CONVERSATION_N_EVENTS; e++) {
        for (int s = 0; s < CONVERSATION_N_STATES; s++) {
            for (int h = 0; h < CONVERSATION_N_HANDLERS; h++) {
                struct conversation_facts f = {(enum conversation_state)s,
                                               (enum conversation_handler)h};
                struct conversation_change c = conversation_apply(f, (enum conversation_event)e);
                if (c.is_refused) {
                    assert_true(!c.is_changed && c.effects == 0 && c.state == f.state &&
                                c.handler == f.handler);
                    continue;
                }
                bool queue_before = s == CONVERSATION_OPEN && h == HANDLER_QUEUE;
                bool queue_after = c.state == CONVERSATION_OPEN && c.handler == HANDLER_QUEUE;
                assert_int_equal(has(c.effects, EFFECT_ENTER_QUEUE), !queue_before && queue_after);
                assert_int_equal(has(c.effects, EFFECT_LEAVE_QUEUE), queue_before && !queue_after);
                assert_int_equal(has(c.effects, EFFECT_WITHDRAW_OFFER),
                                 queue_before && !queue_after);
                assert_int_equal(has(c.effects, EFFECT_MARK_RESOLVED),
                                 s != CONVERSATION_RESOLVED && c.state == CONVERSATION_RESOLVED);
                assert_int_equal(has(c.effects, EFFECT_CLEAR_RESOLVED),
                                 s == CONVERSATION_RESOLVED && c.state != CONVERSATION_RESOLVED);
                assert_int_equal(has(c.effects, EFFECT_CANCEL_SNOOZE),
                                 s == CONVERSATION_SNOOZED && c.state != CONVERSATION_SNOOZED);
                assert_int_equal(has(c.effects, EFFECT_SET_SNOOZE),
                                 c.state == CONVERSATION_SNOOZED && e == ON_SNOOZE);
                assert_false(has(c.effects, EFFECT_START_WAITING) &&
                             has(c.effects, EFFECT_CLEAR_WAITING));
                assert_int_equal(c.is_changed, c.state != f.state || c.handler != f.handler);
                /* Load counts open conversations of agents: whenever that moves, routing decides again. */
                bool load_before = s == CONVERSATION_OPEN && h == HANDLER_AGENT;
                bool load_after = c.state == CONVERSATION_OPEN && c.handler == HANDLER_AGENT;
                if (load_before != load_after || queue_before != queue_after) {
                    assert_true(has(c.effects, EFFECT_ROUTE));
                }
            }
        }
    }
}

static void staleness(void **state)
{
    (void)state;
    assert_false(conversation_is_stale(-1, 10, 10, false));
    assert_false(conversation_is_stale(10, 10, 9, false));
    assert_true(conversation_is_stale(9, 10, 5, true));
    assert_true(conversation_is_stale(9, 5, 10, false));
    assert_false(conversation_is_stale(9, 5, 10, true)); /* my own, sent a moment ago */
}

static void windows(void **state)
{
    (void)state;
    assert_true(conversation_is_reopened_by_message(1000, 1000 + 3600000, 3600000));
    assert_false(conversation_is_reopened_by_message(1000, 1001 + 3600000, 3600000));
    assert_false(
        conversation_is_reopened_by_message(1000, 1000, 0)); /* no window: always a new one */
    assert_true(
        conversation_may_be_rated(CONVERSATION_RESOLVED, 0, false, true, CONVERSATION_RATING_MS));
    assert_false(conversation_may_be_rated(CONVERSATION_RESOLVED, 0, false, true,
                                           CONVERSATION_RATING_MS + 1));
    assert_false(conversation_may_be_rated(CONVERSATION_RESOLVED, 0, true, true, 1));
    assert_false(conversation_may_be_rated(CONVERSATION_OPEN, 0, false, true, 1));
    assert_false(conversation_may_be_rated(CONVERSATION_RESOLVED, 0, false, false, 1));
}

int test_conversation(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_do_what_the_table_says),
        cmocka_unit_test(no_change_without_its_consequences),
        cmocka_unit_test(staleness),
        cmocka_unit_test(windows),
    };
    return cmocka_run_group_tests_name("conversation", tests, NULL, NULL);
}
