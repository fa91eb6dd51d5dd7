/* Several desks on one database at the same time, as the nodes of one desk are (on SQLite, where only one may be, they take turns). */
#include "groups.h"

#include <time.h>

#include "fixture.h"

enum { N_NODES = 3, N_AGENTS = 4, N_VISITORS = 60, N_ROUNDS = 25 };

struct one_node {
    struct fixture *f;
    struct desk *desk;
    struct timers *timers;
    struct actor agents[N_AGENTS];
    unsigned seed;
    int n_accepted, n_failed;
};
struct watch {
    struct fixture *f;
    atomic_bool is_over;
    atomic_int n_looks;
    int64_t worst; /* how far anybody was ever above the capacity */
};

struct open_offers {
    int64_t ids[256], agents[256];
    size_t n;
};

static enum err open_fn(struct db_txn *txn, void *arg)
{
    struct open_offers *o = arg;
    struct db_rows *rows = NULL;
    o->n = 0;
    enum err err =
        db_query(txn, "SELECT id, agent_id FROM offers WHERE state = 0 ORDER BY id LIMIT 256", NULL,
                 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    while (o->n < ARRAY_LEN(o->ids) && db_rows_next(rows)) {
        o->ids[o->n] = db_rows_i64(rows, 0);
        o->agents[o->n++] = db_rows_i64(rows, 1);
    }
    return db_rows_close(&rows);
}

/* Work comes and goes: what is accepted is resolved half of the time, so that there is always somebody with room for one more. */
static void answer_some(struct one_node *n)
{
    struct open_offers open;
    if (db_read(n->f->db.db, open_fn, &open) != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < open.n; i++) {
        if (rand_r(&n->seed) % N_NODES != 0) {
            continue;
        }
        for (size_t a = 0; a < N_AGENTS; a++) {
            if (n->agents[a].agent.v == open.agents[i]) {
                ARENA_AUTO arena = arena_new(0);
                struct str head = {0};
                struct errinfo info = {0};
                enum err err = offer_answer(n->desk, &n->agents[a], open.ids[i],
                                            rand_r(&n->seed) % 4 != 0, arena, &head, &info);
                n->n_accepted += err == ERR_OK ? 1 : 0;
                n->n_failed += err != ERR_OK && err != ERR_CONFLICT ? 1 : 0;
            }
        }
    }
}

static void *node_main(void *arg)
{
    struct one_node *n = arg;
    for (int i = 0; i < N_ROUNDS; i++) {
        n->n_failed += desk_route_now(n->desk) != ERR_OK ? 1 : 0;
        answer_some(n);
    }
    return NULL;
}

/* In one snapshot: assigned and offered, against the capacity. */
static enum err worst_fn(struct db_txn *txn, void *arg)
{
    struct watch *w = arg;
    int64_t over = 0;
    enum err err = db_query_i64(
        txn,
        "SELECT COALESCE(MAX((SELECT COUNT(*) FROM conversations c WHERE c.assignee_id = a.id AND "
        "c.state = 0) + (SELECT COUNT(*) FROM offers o WHERE o.agent_id = a.id AND o.state = 0) - "
        "a.capacity), 0) FROM agents a",
        NULL, 0, &over);
    w->worst = err == ERR_OK && over > w->worst ? over : w->worst;
    return err;
}

static void *watch_main(void *arg)
{
    struct watch *w = arg;
    while (!atomic_load(&w->is_over)) {
        if (db_read(w->f->db.db, worst_fn, w) == ERR_OK) {
            atomic_fetch_add(&w->n_looks, 1);
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return NULL;
}

static void open_node(struct fixture *f, struct one_node *n)
{
    struct clock clock = f->desk->clock;
    assert_int_equal(timers_new(f->db.db, clock, &n->timers), ERR_OK);
    struct desk_deps deps = {
        .db = f->db.db, .timers = n->timers, .files = f->files, .clock = clock, .secret_key = {9}};
    assert_int_equal(desk_new(&deps, &n->desk, &f->info), ERR_OK);
    desk_use_identity(n->desk, f->identity);
}

static void close_node(struct one_node *n)
{
    desk_finish(n->desk);
    desk_free(&n->desk);
    timers_free(&n->timers);
}

static void two_nodes_that_offer_at_once_keep_everybody_within_capacity(void **state)
{
    struct fixture *f = *state;
    struct one_node nodes[N_NODES] = {0};
    struct watch watch = {.f = f};
    pthread_t threads[N_NODES], watcher;
    for (int i = 0; i < N_AGENTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "agent%d", i);
        nodes[0].agents[i] = fixture_agent(f, name, "agent", (struct team_id){0});
        fixture_online(f, &nodes[0].agents[i]);
    }
    for (int i = 0; i < N_VISITORS; i++) {
        struct actor v = fixture_visitor(f);
        struct message_out out;
        assert_int_equal(fixture_say(f, &v, "client-id-00001", "hello", &out), ERR_OK);
    }
    for (int i = 0; i < N_NODES; i++) {
        memcpy(nodes[i].agents, nodes[0].agents, sizeof(nodes[0].agents));
        nodes[i].f = f;
        nodes[i].seed = (unsigned)i + 1;
        open_node(f, &nodes[i]);
    }
    assert_int_equal(pthread_create(&watcher, NULL, watch_main, &watch), 0);
    for (int i = 0; i < N_NODES; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, node_main, &nodes[i]), 0);
    }
    int n_accepted = 0, n_failed = 0;
    for (int i = 0; i < N_NODES; i++) {
        (void)pthread_join(threads[i], NULL);
        n_accepted += nodes[i].n_accepted;
        n_failed += nodes[i].n_failed;
    }
    atomic_store(&watch.is_over, true);
    (void)pthread_join(watcher, NULL);
    print_message("%d answers, %d refused by the database, %d looks\n", n_accepted, n_failed,
                  atomic_load(&watch.n_looks));
    assert_true(n_accepted >= N_AGENTS);
    assert_int_equal(watch.worst, 0);
    assert_int_equal(db_read(f->db.db, worst_fn, &watch), ERR_OK);
    assert_int_equal(watch.worst, 0);
    for (int i = 0; i < N_NODES; i++) {
        close_node(&nodes[i]);
    }
}

/* The same race, held open: both have looked, and neither has committed. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int n;
};
struct racer {
    struct fixture *f;
    struct meeting *meeting;
    struct routing_match match;
    bool has_met, made;
};

static void meet(struct meeting *m)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 1; /* where they take turns the first one waits for nobody */
    (void)pthread_mutex_lock(&m->lock);
    m->n++;
    (void)pthread_cond_broadcast(&m->came);
    while (m->n < 2 && pthread_cond_timedwait(&m->came, &m->lock, &until) == 0) {
    }
    (void)pthread_mutex_unlock(&m->lock);
}

static enum err race_fn(struct db_txn *txn, void *arg)
{
    struct racer *r = arg;
    enum err err = routing_offer(r->f->desk, txn, r->match, 1, START_AT, &r->made);
    if (err == ERR_OK && !r->has_met) {
        r->has_met = true;
        meet(r->meeting);
    }
    return err;
}

static void *race_main(void *arg)
{
    struct racer *r = arg;
    enum err err = db_write(r->f->db.db, race_fn, r);
    if (err != ERR_OK) {
        print_message("%s\n", err_name(err));
        r->made = false;
    }
    return NULL;
}

static void two_offers_for_the_last_place_are_one(void **state)
{
    struct fixture *f = *state;
    struct actor agent = fixture_agent(f, "ann", "agent", (struct team_id){0});
    atomic_store(&f->desk->is_stopping, true); /* routing leaves the two to us */
    fixture_online(f, &agent);
    struct meeting meeting = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};
    struct racer racers[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        struct actor v = fixture_visitor(f);
        struct message_out out;
        assert_int_equal(fixture_say(f, &v, "client-id-00001", "hello", &out), ERR_OK);
        racers[i] = (struct racer){
            f, &meeting, {.conversation = out.conversation, .agent = agent.agent}, false, false};
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, race_main, &racers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_int_equal(racers[0].made + racers[1].made, 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM offers WHERE state = 0"), 1);
}

struct late {
    struct conversation_id c;
    struct agent_id agent;
};

/* What a message does that saw the agent just before the end, and commits just after it. */
static enum err late_fn(struct db_txn *txn, void *arg)
{
    const struct late *l = arg;
    return DB_EXEC(txn,
                   "UPDATE conversations SET handler = 2, assignee_id = $2, waiting_since = $3 "
                   "WHERE id = $1",
                   db_i64(l->c.v), db_i64(l->agent.v), db_i64(START_AT));
}

static void a_message_that_counted_on_somebody_who_just_left_is_found(void **state)
{
    struct fixture *f = *state;
    if (db_is_one_writer(f->db.db)) {
        return; /* one after the other: there is no such message */
    }
    struct actor agent = fixture_agent(f, "ann", "agent", (struct team_id){0});
    fixture_online(f, &agent);
    atomic_store(&f->desk->is_stopping, true);
    struct actor v = fixture_visitor(f);
    struct message_out out;
    assert_int_equal(fixture_say(f, &v, "client-id-00001", "hello", &out), ERR_OK);
    assert_int_equal(
        fixture_presence(f, agent.agent, (struct presence_input){.event = PRESENCE_GONE}), ERR_OK);
    struct late late = {out.conversation, agent.agent};
    assert_int_equal(db_write(f->db.db, late_fn, &late), ERR_OK);
    fixture_pass(f, 1100);
    assert_int_equal(fixture_conversation(f, out.conversation).handler, HANDLER_QUEUE);
    assert_int_equal(db_write(f->db.db, late_fn, &late), ERR_OK); /* ten seconds on its way */
    fixture_pass(f, 12100);
    assert_int_equal(fixture_conversation(f, out.conversation).handler, HANDLER_QUEUE);
}

int test_nodes(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_that_counted_on_somebody_who_just_left_is_found,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(two_offers_for_the_last_place_are_one, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(two_nodes_that_offer_at_once_keep_everybody_within_capacity,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}
