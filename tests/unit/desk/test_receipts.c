/* What is gathered for a moment: marks folded per conversation, loads per agent. */
#include "fixture.h"

#include "groups.h"

static void flush(struct fixture *f)
{
    fixture_settle(f);
    assert_int_equal(receipts_flush(f->desk->receipts), ERR_OK);
    fixture_settle(f);
}

static void add(struct fixture *f, enum receipt_kind kind, const struct message_out *m,
                const struct actor *v, struct agent_id agent, int64_t seq)
{
    receipts_add(f->desk->receipts, kind, m->conversation, v->customer, v->inbox, agent, seq);
}

static void marks_become_one_frame_and_never_go_back(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f);
    struct message_out m = {0}, last = {0};
    for (int i = 0; i < 5; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "client-%04d", i);
        assert_int_equal(fixture_say(f, &v, id, "hello", i == 0 ? &m : &last), ERR_OK);
    }
    uint64_t topic = topic_of_visitor(v.inbox, v.customer);
    struct agent_id nobody = {0};
    add(f, RECEIPT_CUSTOMER_READ, &m, &v, nobody, 2);
    add(f, RECEIPT_CUSTOMER_READ, &m, &v, nobody, 4);
    add(f, RECEIPT_CUSTOMER_DELIVERED, &m, &v, nobody, 5);
    add(f, RECEIPT_CUSTOMER_READ, &m, &v, nobody, 3);
    flush(f);
    assert_int_equal(fixture_find_sent(f, topic, "\"t\":\"receipt\""), 1);
    struct conversation c = fixture_conversation(f, m.conversation);
    assert_int_equal(c.customer_read_seq, 4);
    assert_int_equal(c.customer_delivered_seq, 5);

    add(f, RECEIPT_CUSTOMER_READ, &m, &v, nobody, 3);
    flush(f);
    assert_int_equal(fixture_find_sent(f, topic, "\"t\":\"receipt\""), 1); /* nothing new to say */
    assert_int_equal(fixture_conversation(f, m.conversation).customer_read_seq, 4);

    add(f, RECEIPT_CUSTOMER_READ, &m, &v, nobody, 1000000);
    flush(f);
    c = fixture_conversation(f, m.conversation);
    assert_int_equal(c.customer_read_seq, c.last_seq);
    assert_true(c.last_seq >= last.seq);
}

static void a_mark_counts_only_in_ones_own_conversation(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), other = fixture_visitor(f);
    struct message_out m = {0};
    assert_int_equal(fixture_say(f, &v, "client-0001", "hello", &m), ERR_OK);
    add(f, RECEIPT_CUSTOMER_READ, &m, &other, (struct agent_id){0}, 2);
    flush(f);
    assert_int_equal(fixture_conversation(f, m.conversation).customer_read_seq, 0);
    /* Without a conversation: the current one. */
    receipts_add(f->desk->receipts, RECEIPT_CUSTOMER_READ, (struct conversation_id){0}, v.customer,
                 v.inbox, (struct agent_id){0}, 2);
    flush(f);
    assert_int_equal(fixture_conversation(f, m.conversation).customer_read_seq, 2);
}

static void unread_counts_what_came_after(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), a = fixture_agent(f, "Ann", "agent", (struct team_id){0});
    struct message_out m = {0}, second = {0};
    assert_int_equal(fixture_say(f, &v, "client-0001", "one", &m), ERR_OK);
    assert_int_equal(fixture_say(f, &v, "client-0002", "two", &second), ERR_OK);
    assert_int_equal(fixture_conversation(f, m.conversation).unread, 2);
    add(f, RECEIPT_AGENT_READ, &m, &v, a.agent, m.seq);
    flush(f);
    assert_int_equal(fixture_conversation(f, m.conversation).unread, 1);
    add(f, RECEIPT_AGENT_READ, &m, &v, a.agent, second.seq);
    flush(f);
    assert_int_equal(fixture_conversation(f, m.conversation).unread, 0);
}

/* Whatever order the marks came in: messages lock the rows of conversations in that order, too. */
static void rows_are_taken_in_their_order(void **state)
{
    struct fixture *f = *state;
    enum { N = 5 };
    static const int order[N] = {3, 0, 4, 1, 2};
    struct actor v[N];
    struct message_out m[N] = {0};
    for (int i = 0; i < N; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "client-%04d", i);
        v[i] = fixture_visitor(f);
        assert_int_equal(fixture_say(f, &v[i], id, "hello", &m[i]), ERR_OK);
    }
    for (int i = 0; i < N; i++) {
        int k = order[i];
        add(f, RECEIPT_CUSTOMER_READ, &m[k], &v[k], (struct agent_id){0}, m[k].seq);
    }
    size_t n_before = f->n_sent;
    flush(f);
    int n = 0;
    for (size_t i = n_before; i < f->n_sent; i++) {
        for (int k = 0; k < N; k++) {
            if (f->sent[i].topic == topic_of_visitor(v[k].inbox, v[k].customer) &&
                str_find(f->sent[i].text, STR("\"t\":\"receipt\"")) != SIZE_MAX) {
                assert_int_equal(k, n++);
            }
        }
    }
    assert_int_equal(n, N);
}

static size_t n_told(struct fixture *f, struct agent_id agent, int load)
{
    char start[64], part[64];
    (void)snprintf(start, sizeof start, "\"agent_id\":\"%lld\"", (long long)agent.v);
    (void)snprintf(part, sizeof part, "\"load\":%d,", load);
    size_t n = 0;
    for (size_t i = 0; i < f->n_sent; i++) {
        n += f->sent[i].topic == topic_of_desk() &&
             str_find(f->sent[i].text, str_from(start)) != SIZE_MAX &&
             str_find(f->sent[i].text, str_from(part)) != SIZE_MAX;
    }
    return n;
}

/* Three conversations taken at once: everybody hears of the load once, as it is then; and again when one is done. */
static void a_changed_load_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct actor a = fixture_agent(f, "Ann", "agent", (struct team_id){0});
    struct message_out m = {0}, answer = {0};
    for (int i = 0; i < 3; i++) {
        struct actor v = fixture_visitor(f);
        char id[32], reply[32];
        (void)snprintf(id, sizeof id, "client-%04d", i);
        (void)snprintf(reply, sizeof reply, "answer-%04d", i);
        assert_int_equal(fixture_say(f, &v, id, "hello", &m), ERR_OK);
        assert_int_equal(conversation_assign(f->desk, &a, m.conversation, a.agent,
                                             (struct team_id){0}, false, f->arena, &(struct str){0},
                                             NULL),
                         ERR_OK);
        assert_int_equal(fixture_answer(f, &a, m.conversation, reply, "hi", -1, &answer), ERR_OK);
    }
    flush(f);
    int64_t load =
        fixture_count(f, "SELECT COUNT(*) FROM conversations WHERE assignee_id IS NOT NULL AND "
                         "state = 0");
    assert_int_equal(n_told(f, a.agent, (int)load), 1);
    size_t n_before = f->n_sent;
    flush(f);
    assert_int_equal(f->n_sent, n_before); /* nothing changed, nothing told */

    struct actor other = fixture_agent(f, "Bob", "agent", (struct team_id){0});
    struct actor v = fixture_visitor(f);
    assert_int_equal(fixture_say(f, &v, "client-9999", "hello", &m), ERR_OK);
    struct str json = {0};
    struct actor boss = fixture_agent(f, "Sue", "supervisor", (struct team_id){0});
    assert_int_equal(conversation_assign(f->desk, &boss, m.conversation, other.agent,
                                         (struct team_id){0}, false, f->arena, &json, NULL),
                     ERR_OK);
    flush(f);
    assert_int_equal(n_told(f, other.agent, 1), 1);
    assert_int_equal(conversation_assign(f->desk, &boss, m.conversation, a.agent,
                                         (struct team_id){0}, false, f->arena, &json, NULL),
                     ERR_OK);
    flush(f);
    assert_int_equal(n_told(f, other.agent, 0), 1); /* both sides of a move */
    assert_int_equal(n_told(f, a.agent, (int)load + 1), 1);
}

static void the_end_of_a_session_is_told_in_every_inbox(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f);
    struct inbox_id last = {0};
    for (int i = 0; i < 70; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "inbox%d", i);
        struct desk_inbox_new inbox = {.key = str_from(key),
                                       .name = STR("Web"),
                                       .greeting_en = STR("Hi"),
                                       .greeting_zh = STR("Hao"),
                                       .accent = STR("#112233")};
        assert_int_equal(desk_inbox_create(f->desk, &inbox, &last, &f->info), ERR_OK);
    }
    desk_identity_hooks(f->desk).visitor_ended(f->desk, v.customer);
    fixture_settle(f);
    for (int64_t inbox = f->inbox.v; inbox <= last.v; inbox++) {
        uint64_t topic = topic_of_visitor((struct inbox_id){inbox}, v.customer);
        assert_int_equal(fixture_find_sent(f, topic, "session_ended"), 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int test_receipts(void)
{
    const struct CMUnitTest tests[] = {
        TEST(marks_become_one_frame_and_never_go_back),
        TEST(a_mark_counts_only_in_ones_own_conversation),
        TEST(unread_counts_what_came_after),
        TEST(rows_are_taken_in_their_order),
        TEST(a_changed_load_is_told_once),
        TEST(the_end_of_a_session_is_told_in_every_inbox),
    };
    return cmocka_run_group_tests_name("receipts", tests, NULL, NULL);
}
