/* Presence and offers on a real database: offers go round, those who do not answer are set away, work comes back to the queue. */
#include "fixture.h"

#include "groups.h"

static int64_t open_offer(struct fixture *f)
{
    return fixture_count(f, "SELECT COALESCE(MAX(id), 0) FROM offers WHERE state = 0");
}

static int64_t offered_agent(struct fixture *f)
{
    return fixture_count(f, "SELECT COALESCE(MAX(agent_id), 0) FROM offers WHERE state = 0");
}

static void an_offer_is_made_and_accepted(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0}),
                 bert = fixture_agent(f, "bert", "agent", (struct team_id){0});
    struct message_out q = {0};
    struct str json = {0};
    assert_int_equal(fixture_say(f, &v, "offer-00001", "hello", &q), ERR_OK);
    assert_int_equal(open_offer(f), 0);
    fixture_online(f, &anna);
    assert_int_equal(offered_agent(f), anna.agent.v);
    assert_int_equal(fixture_find_sent(f, topic_of_agent(anna.agent), "\"t\":\"offer\""), 1);
    assert_int_equal(offer_answer(f->desk, &bert, open_offer(f), true, f->arena, &json, &f->info),
                     ERR_NOT_FOUND);
    int64_t id = open_offer(f);
    assert_int_equal(offer_answer(f->desk, &anna, id, true, f->arena, &json, &f->info), ERR_OK);
    fixture_settle(f);
    assert_int_equal(fixture_conversation(f, q.conversation).assignee.v, anna.agent.v);
    assert_int_equal(offer_answer(f->desk, &anna, id, true, f->arena, &json, &f->info),
                     ERR_CONFLICT);
    assert_string_equal(f->info.code, "gone");
    assert_int_equal(fixture_find_sent(f, topic_of_agent(anna.agent), "accepted"), 1);
}

static void a_missed_offer_goes_on_and_two_make_away(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    atomic_store(&f->desk->auto_away_minutes, 240);
    assert_int_equal(fixture_say(f, &v, "missed-0001", "hello", NULL), ERR_OK);
    fixture_online(f, &anna);
    int64_t first = open_offer(f);
    assert_int_not_equal(first, 0);
    fixture_pass(f, 31000);
    int64_t second = open_offer(f); /* nobody else is there: once more */
    assert_true(second > first);
    fixture_pass(f, 31000);
    assert_int_equal(open_offer(f), 0);
    assert_int_equal(fixture_count(f, "SELECT status FROM presence"), PRESENCE_AWAY);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM offers WHERE state = 3"), 2);
    struct actor bert = fixture_agent(f, "bert", "agent", (struct team_id){0});
    fixture_online(f, &bert);
    assert_int_equal(offered_agent(f), bert.agent.v);
    /* Only the agent comes back from that: activity does not. */
    assert_int_equal(
        fixture_presence(f, anna.agent, (struct presence_input){.event = PRESENCE_ACTIVE}), ERR_OK);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM presence WHERE status = 2"), 1);
}

static void whoever_leaves_gives_back_what_waits(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), w = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct message_out q = {0}, p = {0};
    fixture_online(f, &anna);
    assert_int_equal(fixture_say(f, &v, "leave-00001", "hello", &q), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "leave-a0001", "hi", -1, NULL),
                     ERR_OK);
    assert_int_equal(fixture_say(f, &v, "leave-00002", "so?", NULL), ERR_OK);
    assert_int_equal(fixture_say(f, &w, "leave-00003", "hello", &p), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, p.conversation, "leave-a0002", "answered", -1, NULL),
                     ERR_OK);
    assert_int_equal(
        fixture_presence(f, anna.agent, (struct presence_input){.event = PRESENCE_GONE}), ERR_OK);
    assert_int_equal(fixture_conversation(f, q.conversation).handler, HANDLER_QUEUE);
    assert_int_equal(fixture_conversation(f, q.conversation).queued_at, START_AT);
    assert_int_equal(fixture_conversation(f, p.conversation).assignee.v,
                     anna.agent.v); /* was answered: stays */
    assert_int_equal(fixture_say(f, &w, "leave-00004", "one more thing", NULL), ERR_OK);
    assert_int_equal(fixture_conversation(f, p.conversation).handler,
                     HANDLER_QUEUE); /* until its customer writes */
}

static void a_reload_takes_nothing_away(void **state)
{
    struct fixture *f = *state;
    struct presence p = {.is_online = true, .status = PRESENCE_BUSY, .reason = STR("call")};
    struct presence_change c =
        presence_apply(p, (struct presence_input){.event = PRESENCE_CONNECTED, .now = f->now});
    assert_false(c.is_changed);
    assert_int_equal(c.after.status, PRESENCE_BUSY);
    p = (struct presence){
        .is_online = true, .status = PRESENCE_AVAILABLE, .reason = STR(""), .active_at = f->now};
    struct presence_input idle = {
        .event = PRESENCE_IDLE, .now = f->now + 899999, .auto_away_ms = 900000};
    assert_false(presence_apply(p, idle).is_changed);
    idle.now++;
    c = presence_apply(p, idle);
    assert_true(c.is_changed && c.gives_back && c.after.is_automatic);
    c = presence_apply(c.after,
                       (struct presence_input){.event = PRESENCE_ACTIVE, .now = idle.now + 1});
    assert_int_equal(c.after.status, PRESENCE_AVAILABLE);
}

static void the_customer_learns_the_place(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), w = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct str json = {0};
    assert_int_equal(fixture_say(f, &v, "place-00001", "hello", NULL), ERR_OK);
    f->now += 1000;
    assert_int_equal(fixture_say(f, &w, "place-00002", "hello", NULL), ERR_OK);
    assert_int_equal(fixture_find_sent(f, topic_of_visitor(f->inbox, w.customer),
                                       "\"position\":2,\"estimate_s\":null"),
                     1);
    fixture_online(f, &anna);
    assert_int_equal(offer_answer(f->desk, &anna,
                                  fixture_count(f, "SELECT MIN(id) FROM offers WHERE state = 0"),
                                  true, f->arena, &json, &f->info),
                     ERR_OK);
    fixture_settle(f);
    assert_int_equal(fixture_find_sent(f, topic_of_visitor(f->inbox, w.customer), "\"position\":1"),
                     1);
}

static void the_bot_hands_over(void **state)
{
    struct fixture *f = *state;
    f->bot_is_on = true;
    struct actor v = fixture_visitor(f);
    struct message_out q = {0};
    assert_int_equal(fixture_say(f, &v, "bot-000001", "help", &q), ERR_OK);
    assert_int_equal(fixture_conversation(f, q.conversation).handler, HANDLER_BOT);
    assert_int_equal(f->n_bot_calls, 1);
    struct desk_bot_message m = {.conversation = q.conversation,
                                 .client_id = STR("bot-answer-1"),
                                 .body = STR("Try this"),
                                 .name = STR("Robo")};
    assert_int_equal(desk_bot_reply(f->desk, &m, &f->info), ERR_OK);
    assert_int_equal(desk_bot_reply(f->desk, &m, &f->info), ERR_OK); /* again: said already */
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM messages WHERE author_kind = 2"), 1);
    assert_int_equal(fixture_say(f, &v, "bot-000002", "human please", NULL), ERR_OK);
    struct desk_handover h = {.conversation = q.conversation,
                              .priority = PRIORITY_HIGH,
                              .reason = STR("customer_asked"),
                              .note = STR("asked for help"),
                              .name = STR("Robo"),
                              .client_id = STR("bot-answer-2"),
                              .body = STR("A person comes"),
                              .meta = STR("")};
    assert_int_equal(desk_handover(f->desk, &h, &f->info), ERR_OK);
    fixture_settle(f);
    struct conversation c = fixture_conversation(f, q.conversation);
    assert_int_equal(c.handler, HANDLER_QUEUE);
    assert_int_equal(c.priority, PRIORITY_HIGH);
    assert_int_not_equal(c.waiting_since, 0);
    m.client_id = STR("bot-answer-3");
    assert_int_equal(desk_bot_reply(f->desk, &m, &f->info), ERR_CONFLICT);
    assert_int_equal(fixture_find_sent(f, topic_of_visitor(f->inbox, v.customer), "asked for help"),
                     0);
    int64_t gaps = fixture_count(f, "SELECT MAX(seq) - COUNT(*) FROM events");
    assert_int_equal(gaps, 0);
}

int test_presence(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_offer_is_made_and_accepted, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_missed_offer_goes_on_and_two_make_away, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(whoever_leaves_gives_back_what_waits, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_reload_takes_nothing_away, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_customer_learns_the_place, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_bot_hands_over, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("presence and offers", tests, NULL, NULL);
}
