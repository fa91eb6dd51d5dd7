/* Use cases on a real database. */
#include "fixture.h"

#include <stdatomic.h>

#include "base/rng.h"
#include "groups.h"

static void a_first_message_opens_one_conversation(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f);
    struct message_out a = {0}, b = {0};
    assert_int_equal(fixture_say(f, &v, "client-0001", "hello", &a), ERR_OK);
    assert_int_equal(fixture_say(f, &v, "client-0002", "anybody?", &b), ERR_OK);
    assert_int_equal(a.conversation.v, b.conversation.v);
    assert_int_equal(a.seq, 2); /* conversation.created is 1 */
    struct conversation c = fixture_conversation(f, a.conversation);
    assert_int_equal(c.state, CONVERSATION_OPEN);
    assert_int_equal(c.handler, HANDLER_QUEUE);
    assert_int_equal(c.unread, 2);
    assert_int_equal(c.waiting_since, START_AT);
    assert_true(str_eq_cstr(c.preview, "anybody?"));
}

struct racer {
    struct fixture *f;
    struct actor v;
    int index;
    struct message_out out;
    enum err err;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    char id[32];
    snprintf(id, sizeof id, "race-client-%d", r->index);
    struct message_in in = {.author_kind = AUTHOR_CUSTOMER,
                            .author_id = r->v.customer.v,
                            .customer = r->v.customer,
                            .inbox = r->v.inbox,
                            .language = STR("en"),
                            .client_id = str_from(id),
                            .body = STR("first!"),
                            .preview = STR("first!")};
    ARENA_AUTO arena = arena_new(0);
    r->err = message_send_now(r->f->desk, &in, arena, &r->out, NULL);
    return NULL;
}

static void first_messages_at_once_open_one_conversation(void **state)
{
    struct fixture *f = *state;
    enum { N = 16 };
    struct racer racers[N];
    pthread_t threads[N];
    struct actor v = fixture_visitor(f);
    for (int i = 0; i < N; i++) {
        racers[i] = (struct racer){.f = f, .v = v, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(racers[i].err, ERR_OK);
        assert_int_equal(racers[i].out.conversation.v, racers[0].out.conversation.v);
    }
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM conversations"), 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM messages WHERE author_kind = 0"), N);
    assert_int_equal(fixture_count(f, "SELECT MAX(seq) - COUNT(*) FROM events"),
                     0); /* gap-free from 1 */
}

static void a_retry_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), other = fixture_visitor(f);
    struct message_out a = {0}, b = {0}, c = {0};
    assert_int_equal(fixture_say(f, &v, "same-client-id", "pay me", &a), ERR_OK);
    int64_t events = fixture_count(f, "SELECT COUNT(*) FROM events");
    assert_int_equal(fixture_say(f, &v, "same-client-id", "pay me", &b), ERR_OK);
    assert_true(b.is_duplicate);
    assert_int_equal(a.message.v, b.message.v);
    assert_int_equal(a.seq, b.seq);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM events"), events);
    assert_int_equal(fixture_conversation(f, a.conversation).unread, 1);
    /* Somebody else's id is somebody else's. */
    assert_int_equal(fixture_say(f, &other, "same-client-id", "mine", &c), ERR_OK);
    assert_false(c.is_duplicate);
    assert_int_not_equal(c.conversation.v, a.conversation.v);
}

static void a_retry_after_the_end_opens_nothing(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f);
    struct message_out a = {0}, b = {0};
    struct str json = {0};
    assert_int_equal(fixture_say(f, &v, "lost-ack-0001", "hi", &a), ERR_OK);
    assert_int_equal(visitor_current_do(f->desk, &v, ON_END, f->arena, &json, &f->info), ERR_OK);
    f->now += 100 * TIME_DAY_MS;
    assert_int_equal(fixture_say(f, &v, "lost-ack-0001", "hi", &b), ERR_OK);
    assert_true(b.is_duplicate);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM conversations"), 1);
}

static void reopening_has_a_window(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f);
    struct message_out a = {0}, b = {0}, c = {0};
    struct str json = {0};
    assert_int_equal(fixture_say(f, &v, "window-0001", "one", &a), ERR_OK);
    assert_int_equal(visitor_current_do(f->desk, &v, ON_END, f->arena, &json, &f->info), ERR_OK);
    f->now += 72 * TIME_HOUR_MS;
    assert_int_equal(fixture_say(f, &v, "window-0002", "two", &b), ERR_OK);
    assert_int_equal(b.conversation.v, a.conversation.v);
    assert_int_equal(fixture_conversation(f, a.conversation).state, CONVERSATION_OPEN);
    assert_int_equal(visitor_current_do(f->desk, &v, ON_END, f->arena, &json, &f->info), ERR_OK);
    f->now += 72 * TIME_HOUR_MS + 1;
    assert_int_equal(fixture_say(f, &v, "window-0003", "three", &c), ERR_OK);
    assert_int_not_equal(c.conversation.v, a.conversation.v);
}

static void an_answer_takes_the_conversation_and_stops_when_stale(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0}),
                 bert = fixture_agent(f, "bert", "agent", (struct team_id){0});
    struct message_out q = {0}, a = {0};
    assert_int_equal(fixture_say(f, &v, "stale-0001", "where is my money", &q), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "answer-0001", "we look", q.seq, &a),
                     ERR_OK);
    struct conversation c = fixture_conversation(f, q.conversation);
    assert_int_equal(c.assignee.v, anna.agent.v);
    assert_int_equal(c.handler, HANDLER_AGENT);
    assert_int_equal(c.waiting_since, 0);
    assert_int_equal(c.unread, 0);
    /* My own second one does not stop me; a colleague's view of before does. */
    assert_int_equal(
        fixture_answer(f, &anna, q.conversation, "answer-0002", "and look", q.seq, NULL), ERR_OK);
    assert_int_equal(fixture_answer(f, &bert, q.conversation, "answer-0003", "hello", q.seq, NULL),
                     ERR_CONFLICT);
    assert_string_equal(f->info.code, "stale");
    /* A note does not stop; a message of the customer does. */
    int64_t seen = fixture_conversation(f, q.conversation).last_seq;
    assert_int_equal(fixture_note(f, &bert, q.conversation, "note-00001", "careful"), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "answer-0004", "still", seen, NULL),
                     ERR_OK);
    assert_int_equal(fixture_say(f, &v, "stale-0002", "hurry", NULL), ERR_OK);
    int64_t before = fixture_count(f, "SELECT COUNT(*) FROM events");
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "answer-0005", "late", seen, NULL),
                     ERR_CONFLICT);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM events"), before);
    assert_int_equal(
        fixture_answer(f, &anna, q.conversation, "answer-0005", "regardless", -1, NULL), ERR_OK);
}

static void a_snooze_ends_by_time_and_by_reply(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct message_out q = {0};
    struct str json = {0};
    fixture_online(f, &anna);
    assert_int_equal(fixture_say(f, &v, "snooze-0001", "hi", &q), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "snooze-a001", "tomorrow", -1, NULL),
                     ERR_OK);
    assert_int_equal(conversation_set_state(f->desk, &anna, q.conversation, CONVERSATION_SNOOZED,
                                            f->now + TIME_HOUR_MS, f->arena, &json, &f->info),
                     ERR_OK);
    assert_int_equal(fixture_conversation(f, q.conversation).state, CONVERSATION_SNOOZED);
    /* Kept busy, so that the automatic away does not move the clock's other hands. */
    atomic_store(&f->desk->auto_away_minutes, 240);
    fixture_pass(f, TIME_HOUR_MS);
    assert_int_equal(fixture_conversation(f, q.conversation).state, CONVERSATION_OPEN);
    assert_int_equal(conversation_set_state(f->desk, &anna, q.conversation, CONVERSATION_SNOOZED, 0,
                                            f->arena, &json, &f->info),
                     ERR_OK);
    assert_int_equal(fixture_say(f, &v, "snooze-0002", "news?", NULL), ERR_OK);
    assert_int_equal(fixture_conversation(f, q.conversation).state, CONVERSATION_OPEN);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM timers WHERE kind = 'snooze'"), 0);
    assert_int_equal(conversation_set_state(f->desk, &anna, q.conversation, CONVERSATION_SNOOZED,
                                            f->now - 1, f->arena, &json, &f->info),
                     ERR_INVALID);
}

static void a_rating_is_given_once_per_resolution(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f), other = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct message_out q = {0};
    struct str json = {0};
    assert_int_equal(fixture_say(f, &v, "rating-0001", "hi", &q), ERR_OK);
    assert_int_equal(visitor_rate(f->desk, &v, q.conversation, 5, STR(""), &f->info),
                     ERR_CONFLICT); /* not over yet */
    assert_int_equal(conversation_set_state(f->desk, &anna, q.conversation, CONVERSATION_RESOLVED,
                                            0, f->arena, &json, &f->info),
                     ERR_OK);
    assert_int_equal(visitor_rate(f->desk, &other, q.conversation, 1, STR(""), &f->info),
                     ERR_NOT_FOUND);
    assert_int_equal(visitor_rate(f->desk, &v, q.conversation, 5, STR("thanks"), &f->info), ERR_OK);
    assert_int_equal(visitor_rate(f->desk, &v, q.conversation, 1, STR("no!"), &f->info),
                     ERR_CONFLICT);
    assert_int_equal(fixture_say(f, &v, "rating-0002", "again", NULL), ERR_OK); /* reopens */
    assert_int_equal(conversation_set_state(f->desk, &anna, q.conversation, CONVERSATION_RESOLVED,
                                            0, f->arena, &json, &f->info),
                     ERR_OK);
    assert_int_equal(visitor_rate(f->desk, &v, q.conversation, 2, STR(""), &f->info), ERR_OK);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM ratings"), 2);
}

/* Reading and changing by id, for somebody who may not see the conversation: as if it were not there. */
static void assert_every_door_is_shut(struct fixture *f, const struct actor *actor,
                                      const struct message_out *q, struct json_writer *w)
{
    struct str json = {0};
    assert_int_equal(
        conversation_read_messages(f->desk, actor, q->conversation, 0, 10, f->arena, w, &f->info),
        ERR_NOT_FOUND);
    assert_int_equal(
        conversation_read_events(f->desk, actor, q->conversation, 0, 10, f->arena, w, &f->info),
        ERR_NOT_FOUND);
    assert_int_equal(message_read_history(f->desk, actor, q->message, f->arena, w, &f->info),
                     ERR_NOT_FOUND);
    assert_int_equal(message_edit(f->desk, actor, q->message, STR("x"), f->arena, &json, &f->info),
                     ERR_NOT_FOUND);
    assert_int_equal(message_delete(f->desk, actor, q->message, f->arena, &json, &f->info),
                     ERR_NOT_FOUND);
    assert_int_equal(fixture_answer(f, actor, q->conversation, "intruder-01", "hi", -1, NULL),
                     ERR_NOT_FOUND);
    assert_int_equal(fixture_note(f, actor, q->conversation, "intruder-02", "hi"), ERR_NOT_FOUND);
    assert_int_equal(conversation_mark_read(f->desk, actor, q->conversation, 5, &f->info),
                     ERR_NOT_FOUND);
    assert_int_equal(conversation_set_state(f->desk, actor, q->conversation, CONVERSATION_RESOLVED,
                                            0, f->arena, &json, &f->info),
                     ERR_NOT_FOUND);
}

/* Every way of reading, for somebody of another team. */
static void another_team_sees_nothing(void **state)
{
    struct fixture *f = *state;
    struct team_id vip = fixture_team(f, "VIP"), cards = fixture_team(f, "Cards");
    struct actor v = fixture_visitor(f),
                 boss = fixture_agent(f, "boss", "supervisor", (struct team_id){0}),
                 mine = fixture_agent(f, "mine", "agent", vip),
                 theirs = fixture_agent(f, "theirs", "agent", cards);
    struct message_out q = {0};
    struct str json = {0};
    BUF_AUTO b;
    buf_init(&b, 1 << 20);
    struct json_writer w;
    enum err err = ERR_OK;
    assert_int_equal(fixture_say(f, &v, "secret-0001", "zanzibar", &q), ERR_OK);
    assert_int_equal(conversation_assign(f->desk, &boss, q.conversation, (struct agent_id){0}, vip,
                                         true, f->arena, &json, &f->info),
                     ERR_OK);
    fixture_settle(f);
    (void)fixture_read_one(f, &mine, q.conversation, &err);
    assert_int_equal(err, ERR_OK);
    (void)fixture_read_one(f, &boss, q.conversation, &err);
    assert_int_equal(err, ERR_OK);
    (void)fixture_read_one(f, &theirs, q.conversation, &err);
    assert_int_equal(err, ERR_NOT_FOUND);
    struct conversation_list_request list = {.view = VIEW_UNASSIGNED, .limit = 50};
    for (int view = 0; view < CONVERSATION_N_VIEWS; view++) {
        list.view = (enum conversation_view)view;
        buf_clear(&b);
        json_writer_init(&w, &b);
        json_object_begin(&w);
        assert_int_equal(conversation_read_list(f->desk, &theirs, &list, f->arena, &w, &f->info),
                         ERR_OK);
        json_object_end(&w);
        assert_int_equal(str_find(buf_str(&b), STR("zanzibar")), SIZE_MAX);
    }
    buf_clear(&b);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    list.view = VIEW_UNASSIGNED;
    assert_int_equal(conversation_read_list(f->desk, &mine, &list, f->arena, &w, &f->info), ERR_OK);
    assert_int_not_equal(str_find(buf_str(&b), STR("zanzibar")), SIZE_MAX);
    buf_clear(&b);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    assert_int_equal(
        conversation_read_of_customer(f->desk, &theirs, v.customer, 0, 10, f->arena, &w, &f->info),
        ERR_OK);
    assert_int_equal(str_find(buf_str(&b), STR("zanzibar")), SIZE_MAX);
    assert_every_door_is_shut(f, &theirs, &q, &w);
    struct event e = {.kind = STR("message.created"), .team = vip, .conversation = q.conversation};
    assert_false(stream_is_wanted(&theirs, &e, true, true));
    assert_true(stream_is_wanted(&mine, &e, true, false));
    assert_false(stream_is_wanted(&mine, &e, false, false)); /* may, but neither mine nor open */
    e.assignee = mine.agent;
    assert_true(stream_is_wanted(&mine, &e, false, false));
}

static void notes_never_reach_the_customer(void **state)
{
    struct fixture *f = *state;
    struct actor v = fixture_visitor(f),
                 anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct message_out q = {0};
    stream_join(f->desk, &anna, (struct conn_id){0, 1, 1});
    assert_int_equal(fixture_say(f, &v, "notes-00001", "hi", &q), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "notes-00002", "welcome", -1, NULL),
                     ERR_OK);
    assert_int_equal(fixture_note(f, &anna, q.conversation, "notes-00003", "suspicious"), ERR_OK);
    uint64_t to_visitor = topic_of_visitor(f->inbox, v.customer);
    assert_int_equal(fixture_find_sent(f, to_visitor, "suspicious"), 0);
    assert_int_equal(fixture_find_sent(f, to_visitor, "welcome"),
                     2); /* the message, and the preview in the head that came with it */
    assert_int_equal(fixture_find_sent(f, topic_of_agent(anna.agent), "suspicious"), 1);
    assert_false(str_eq_cstr(fixture_conversation(f, q.conversation).preview, "suspicious"));
}

/* ---- a message on its way while its agent leaves (PostgreSQL: transactions side by side) ---- */

struct leaver {
    struct fixture *f;
    struct agent_id agent;
    enum err err;
    atomic_bool is_done;
};

static enum err leave_fn(struct db_txn *txn, void *arg)
{
    struct leaver *l = arg;
    struct presence_input in = {
        .event = PRESENCE_SET, .status = PRESENCE_AWAY, .now = l->f->now, .reason = STR("break")};
    return presence_happened(l->f->desk, txn, l->agent, in);
}

static void *leave(void *arg)
{
    struct leaver *l = arg;
    l->err = db_write(l->f->db.db, leave_fn, l);
    atomic_store(&l->is_done, true);
    return NULL;
}

static void run_sql(PGconn *h, const char *sql)
{
    PGresult *result = PQexec(h, sql);
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK);
    PQclear(result);
}

static void whoever_leaves_sees_the_message_on_its_way(void **state)
{
    struct fixture *f = *state;
    if (tmpdb_pg() == NULL) {
        return; /* one function after the other: there is nothing beside it */
    }
    struct actor v = fixture_visitor(f);
    struct actor anna = fixture_agent(f, "anna", "agent", (struct team_id){0});
    struct message_out q = {0};
    fixture_online(f, &anna);
    assert_int_equal(fixture_say(f, &v, "leave-0001", "hello", &q), ERR_OK);
    assert_int_equal(fixture_answer(f, &anna, q.conversation, "answer-0001", "hi", q.seq, NULL),
                     ERR_OK);
    /* What the short way of a message does first, and has not committed. */
    PGconn *h = PQconnectdb(f->db.url);
    run_sql(h, "BEGIN ISOLATION LEVEL READ COMMITTED");
    run_sql(h, "UPDATE conversations SET unread = 1, waiting_since = 1");
    struct leaver l = {.f = f, .agent = anna.agent};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, leave, &l), 0);
    (void)usleep(300000);
    assert_false(atomic_load(&l.is_done));
    run_sql(h, "COMMIT");
    PQfinish(h);
    (void)pthread_join(thread, NULL);
    assert_int_equal(l.err, ERR_OK);
    assert_int_equal(fixture_conversation(f, q.conversation).handler, HANDLER_QUEUE);
}

int test_services(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_first_message_opens_one_conversation, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(first_messages_at_once_open_one_conversation, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_retry_changes_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_retry_after_the_end_opens_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reopening_has_a_window, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_answer_takes_the_conversation_and_stops_when_stale,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_snooze_ends_by_time_and_by_reply, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_rating_is_given_once_per_resolution, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(another_team_sees_nothing, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(notes_never_reach_the_customer, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(whoever_leaves_sees_the_message_on_its_way, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("services", tests, NULL, NULL);
}
