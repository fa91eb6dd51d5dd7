/* What every bus does, shown on nodes that are joined: several in one process, and on a real nats-server. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/bus_impl.h"
#include "natsd.h"
#include "tmpdb.h"

#define N_NODES 3
#define HEARD_MAX 8192

struct heard {
    pthread_mutex_t lock;
    struct {
        char kind[BUS_KIND_MAX + 1], from[17], payload[64];
        struct bus_topic topic;
        size_t len;
        int64_t at;
    } items[HEARD_MAX];
    size_t n;
    atomic_bool is_slow;
};

struct world {
    struct bus *nodes[N_NODES];
    struct heard *heard[N_NODES];
};

static void hear(void *arg, const struct bus_signal *s)
{
    struct heard *h = arg;
    while (atomic_load(&h->is_slow)) {
        (void)usleep(1000);
    }
    (void)pthread_mutex_lock(&h->lock);
    if (h->n < HEARD_MAX) {
        size_t i = h->n++;
        (void)snprintf(h->items[i].kind, sizeof(h->items[i].kind), STR_FMT, STR_ARG(s->kind));
        (void)snprintf(h->items[i].from, sizeof(h->items[i].from), STR_FMT, STR_ARG(s->from));
        (void)snprintf(h->items[i].payload, sizeof(h->items[i].payload), STR_FMT,
                       STR_ARG(str_sub(s->payload, 0, 63)));
        h->items[i].topic = s->topic;
        h->items[i].len = s->payload.len;
        h->items[i].at = s->at;
    }
    (void)pthread_mutex_unlock(&h->lock);
}

static size_t n_heard(struct heard *h)
{
    (void)pthread_mutex_lock(&h->lock);
    size_t n = h->n;
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

static void wait_heard(struct heard *h, size_t n)
{
    for (int i = 0; i < 5000 && n_heard(h) < n; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(n_heard(h), n);
}

static size_t count(struct heard *h, const char *kind)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->n; i++) {
        n += strcmp(h->items[i].kind, kind) == 0;
    }
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

/* Everything that was sent before has been told to everybody: a last word that goes the same way. */
static void settle(struct world *w, struct bus *from)
{
    size_t before[N_NODES];
    for (size_t i = 0; i < N_NODES; i++) {
        before[i] = count(w->heard[i], "last");
    }
    bus_signal(from, bus_of_all(), "last", STR("{}"));
    for (size_t i = 0; i < N_NODES; i++) {
        for (int t = 0; w->nodes[i] != from && count(w->heard[i], "last") == before[i]; t++) {
            assert_true(t < 5000);
            (void)usleep(1000);
        }
    }
}

static void answer(void *arg, const struct bus_signal *s)
{
    (void)s;
    bus_signal(arg, bus_of_all(), "typing", STR("{\"answer\":true}"));
}

/* Nodes that do not speak yet. */
static void make_local(struct bus *nodes[], size_t n)
{
    nodes[0] = bus_new_local();
    for (size_t i = 1; i < n; i++) {
        nodes[i] = bus_new_local_beside(nodes[0]);
    }
}

static struct natsd natsd;

/* Each test has a prefix of its own on the one server. */
static void make_nats(struct bus *nodes[], size_t n)
{
    static atomic_int n_made;
    char prefix[32];
    (void)snprintf(prefix, sizeof(prefix), "test.n%d", atomic_fetch_add(&n_made, 1));
    for (size_t i = 0; i < n; i++) {
        struct bus_options o = {.url = natsd.url, .prefix = prefix, .key = {1}};
        assert_ok(bus_open(&o, &nodes[i], NULL));
    }
}

static void start_all(struct bus *nodes[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bus_stats stats = {0};
        bus_start(nodes[i]);
        for (int t = 0; t < 5000 && stats.is_connected == 0; t++) {
            bus_stats_get(nodes[i], &stats);
            (void)usleep(1000);
        }
        assert_int_equal(stats.is_connected, 1);
    }
}

/* Until a hint of each node has reached every other: then everybody's subscriptions are there. */
static void wait_joined(struct bus *nodes[], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bus_stats stats = {0};
        for (int t = 0; t < 5000 && stats.hints_in < (int64_t)n; t++) {
            bus_hint(nodes[(i + 1) % n], (struct conversation_id){1}, (struct team_id){0});
            bus_stats_get(nodes[i], &stats);
            (void)usleep(1000);
        }
        assert_true(stats.hints_in >= (int64_t)n);
    }
}

static int setup(void **state, void (*make)(struct bus *nodes[], size_t n))
{
    struct world *w = MEM_NEW(struct world);
    make(w->nodes, N_NODES);
    for (size_t i = 0; i < N_NODES; i++) {
        w->heard[i] = MEM_NEW(struct heard);
        (void)pthread_mutex_init(&w->heard[i]->lock, NULL);
        static const char *const kinds[] = {"typing", "viewing", "last"};
        for (size_t k = 0; k < 3; k++) {
            bus_on_signal(w->nodes[i], kinds[k], hear, w->heard[i]);
        }
        bus_on_signal(w->nodes[i], "question", answer, w->nodes[i]);
    }
    start_all(w->nodes, N_NODES);
    wait_joined(w->nodes, N_NODES);
    *state = w;
    return 0;
}

static int setup_local(void **state)
{
    return setup(state, make_local);
}

static int setup_nats(void **state)
{
    return setup(state, make_nats);
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < N_NODES; i++) {
        atomic_store(&w->heard[i]->is_slow, false);
    }
    for (size_t i = 0; i < N_NODES; i++) {
        bus_free(&w->nodes[i]);
        mem_free(w->heard[i]);
    }
    mem_free(w);
    return 0;
}

static const struct conversation_id c7 = {7};
static const struct conversation_id c8 = {8};
static const struct team_id t7 = {7};

/* ---- cases ---- */

static void the_others_hear_it_and_the_sender_does_not(void **state)
{
    struct world *w = *state;
    bus_signal(w->nodes[0], bus_of_all(), "typing", STR("{\"a\":1}"));
    settle(w, w->nodes[0]);
    for (size_t i = 1; i < N_NODES; i++) {
        assert_int_equal(n_heard(w->heard[i]), 2);
        assert_string_equal(w->heard[i]->items[0].kind, "typing");
        assert_string_equal(w->heard[i]->items[0].payload, "{\"a\":1}");
        assert_string_equal(w->heard[i]->items[0].from, bus_node(w->nodes[0])->id);
        assert_int_equal(w->heard[i]->items[0].topic.scope, BUS_ALL);
        assert_true(w->heard[i]->items[0].at > 1700000000000);
    }
    assert_int_equal(n_heard(w->heard[0]), 0);
    assert_string_not_equal(bus_node(w->nodes[0])->id, bus_node(w->nodes[1])->id);
}

/* A follow works after a while: until it does. */
static void wait_followed(struct world *w, size_t from, size_t to, struct bus_topic topic)
{
    size_t before = count(w->heard[to], "viewing");
    for (int i = 0; i < 500 && count(w->heard[to], "viewing") == before; i++) {
        bus_signal(w->nodes[from], topic, "viewing", STR("{}"));
        (void)usleep(5000);
    }
    assert_true(count(w->heard[to], "viewing") > before);
}

static void only_what_is_followed_comes(void **state)
{
    struct world *w = *state;
    bus_follow(w->nodes[1], bus_of_conversation(c7));
    wait_followed(w, 0, 1, bus_of_conversation(c7));
    bus_signal(w->nodes[0], bus_of_conversation(c7), "typing", STR("{}"));
    bus_signal(w->nodes[0], bus_of_conversation(c8), "typing", STR("{}"));
    bus_signal(w->nodes[0], bus_of_team(t7), "typing", STR("{}"));
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    assert_int_equal(count(w->heard[2], "typing"), 0);
    bus_follow(w->nodes[2], bus_of_team(t7));
    wait_followed(w, 0, 2, bus_of_team(t7));
    bus_signal(w->nodes[0], bus_of_team(t7), "typing", STR("{}"));
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    assert_int_equal(count(w->heard[2], "typing"), 1);
    struct heard *h = w->heard[2];
    assert_int_equal(h->items[h->n - 2].topic.scope, BUS_TEAM);
    assert_int_equal(h->items[h->n - 2].topic.id, 7);
}

static void follows_are_counted(void **state)
{
    struct world *w = *state;
    struct bus_topic topic = bus_of_conversation(c7);
    struct bus_stats stats;
    bus_follow(w->nodes[1], topic);
    bus_follow(w->nodes[1], topic);
    bus_unfollow(w->nodes[1], topic);
    wait_followed(w, 0, 1, topic);
    bus_stats_get(w->nodes[1], &stats);
    assert_int_equal(stats.followed, 1);
    bus_signal(w->nodes[0], topic, "typing", STR("{}"));
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    bus_unfollow(w->nodes[1], topic);
    bus_signal(w->nodes[0], topic, "typing", STR("{}"));
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    bus_follow(w->nodes[1], topic);
    wait_followed(w, 0, 1, topic);
    bus_stats_get(w->nodes[1], &stats);
    assert_int_equal(stats.followed, 1);
}

static void what_nobody_listens_to_is_left_out(void **state)
{
    struct world *w = *state;
    bus_signal(w->nodes[0], bus_of_all(), "of_a_newer_version", STR("{}"));
    settle(w, w->nodes[0]);
    assert_int_equal(n_heard(w->heard[1]), 1);
}

static void nothing(struct str line, void *arg)
{
    (void)line;
    (void)arg;
}

static void a_signal_has_a_cap(void **state)
{
    struct world *w = *state;
    char text[BUS_PAYLOAD_MAX + 2];
    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + BUS_PAYLOAD_MAX - 2, "\"}", 2);
    bus_signal(w->nodes[0], bus_of_all(), "typing", (struct str){text, BUS_PAYLOAD_MAX});
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    assert_int_equal(w->heard[1]->items[0].len, BUS_PAYLOAD_MAX);
    bus_signal(w->nodes[0], bus_of_all(), "typing", (struct str){text, BUS_PAYLOAD_MAX + 1});
    settle(w, w->nodes[0]);
    assert_int_equal(count(w->heard[1], "typing"), 1);
    struct bus_stats stats;
    bus_stats_get(w->nodes[0], &stats);
    assert_int_equal(stats.dropped, 1);
}

struct sender {
    struct bus *bus;
    int thread;
};

static void *send_many(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < 200; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "{\"t\":%d,\"i\":%d}", s->thread, i);
        bus_signal(s->bus, i % 2 == 0 ? bus_of_all() : bus_of_conversation(c7), "typing",
                   str_from(text));
    }
    return NULL;
}

/* Two nodes with two threads each: every thread's signals come in its order, over topics as well. */
static void a_thread_is_heard_in_its_order(void **state)
{
    struct world *w = *state;
    struct sender senders[4];
    pthread_t threads[4];
    bus_follow(w->nodes[2], bus_of_conversation(c7));
    wait_followed(w, 0, 2, bus_of_conversation(c7));
    for (int i = 0; i < 4; i++) {
        senders[i] = (struct sender){w->nodes[i % 2], i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_many, &senders[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    settle(w, w->nodes[0]);
    settle(w, w->nodes[1]);
    struct heard *h = w->heard[2];
    int next[4] = {0};
    for (size_t i = 0; i < h->n; i++) {
        int t = 0;
        int n = 0;
        if (sscanf(h->items[i].payload, "{\"t\":%d,\"i\":%d}", &t, &n) == 2) {
            assert_int_equal(n, next[t]);
            next[t]++;
        }
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(next[i], 200);
    }
}

static void a_listener_that_is_slow_costs_signals_and_not_memory(void **state)
{
    struct world *w = *state;
    struct bus_stats stats;
    atomic_store(&w->heard[1]->is_slow, true);
    for (int i = 0; i < BUS_QUEUE_MAX + 1000; i++) {
        bus_signal(w->nodes[0], bus_of_all(), "typing", STR("{}"));
        if (i % 100 == 0) { /* the others keep up */
            (void)usleep(1000);
        }
    }
    struct bus_stats sender = {0};
    for (int i = 0; i < 5000; i++) {
        bus_stats_get(w->nodes[0], &sender);
        bus_stats_get(w->nodes[1], &stats);
        if (stats.overrun + sender.dropped >= 900) {
            break;
        }
        (void)usleep(1000);
    }
    assert_in_range(stats.overrun + sender.dropped, 900, 1000);
    assert_true(stats.overrun > 0);
    atomic_store(&w->heard[1]->is_slow, false);
    for (int i = 0; i < 5000 && n_heard(w->heard[1]) < BUS_QUEUE_MAX; i++) {
        (void)usleep(1000);
    }
    settle(w, w->nodes[0]);
    assert_in_range(count(w->heard[1], "typing"), BUS_QUEUE_MAX, BUS_QUEUE_MAX + 100);
}

static void a_listener_may_signal(void **state)
{
    struct world *w = *state;
    bus_signal(w->nodes[0], bus_of_all(), "question", STR("{}"));
    wait_heard(w->heard[0], 2); /* of both others */
    wait_heard(w->heard[2], 1);
}

static void one_that_has_stopped_hears_and_says_nothing(void **state)
{
    struct world *w = *state;
    bus_stop(w->nodes[1]);
    bus_signal(w->nodes[0], bus_of_all(), "typing", STR("{}"));
    bus_signal(w->nodes[1], bus_of_all(), "typing", STR("{}"));
    wait_heard(w->heard[2], 1);
    (void)usleep(20000);
    assert_int_equal(n_heard(w->heard[0]), 0);
    assert_int_equal(n_heard(w->heard[1]), 0);
    bus_stop(w->nodes[1]);
}

/* ---- beside the database ---- */

struct beside {
    struct tmpdb tmp;
    struct bus *bus, *other;
    int inside;       /* no lock: that is what is shown */
    atomic_int n_bad; /* somebody else was there */
    atomic_int n_hooks, n_signals, n_events;
};

static void be_alone(struct beside *b, atomic_int *n)
{
    int before = __atomic_fetch_add(&b->inside, 1, __ATOMIC_SEQ_CST);
    if (before != 0) {
        atomic_fetch_add(&b->n_bad, 1);
    }
    (void)usleep(200);
    (void)__atomic_fetch_sub(&b->inside, 1, __ATOMIC_SEQ_CST);
    atomic_fetch_add(n, 1);
}

static void on_hook(void *arg)
{
    be_alone(arg, &((struct beside *)arg)->n_hooks);
}

static void on_signal(void *arg, const struct bus_signal *s)
{
    (void)s;
    be_alone(arg, &((struct beside *)arg)->n_signals);
}

static void on_event(void *arg, const struct event *e)
{
    (void)e;
    atomic_fetch_add(&((struct beside *)arg)->n_events, 1);
}

static enum err write_with_hook(struct db_txn *txn, void *arg)
{
    static atomic_int seq;
    struct event e = {.conversation = {1},
                      .seq = atomic_fetch_add(&seq, 1) + 1,
                      .kind = STR("message.created"),
                      .payload = STR("{}"),
                      .at = 1};
    db_on_commit(txn, on_hook, arg);
    return event_append(txn, &e);
}

static void *signal_on_and_on(void *arg)
{
    struct beside *b = arg;
    for (int i = 0; i < 100; i++) {
        bus_signal(b->other, bus_of_all(), "typing", STR("{}"));
        (void)usleep(100);
    }
    return NULL;
}

static void told_in_turn(void (*make)(struct bus *nodes[], size_t n))
{
    struct beside b = {0};
    pthread_t thread;
    struct bus *nodes[2];
    tmpdb_open(&b.tmp);
    make(nodes, 2);
    b.bus = nodes[0];
    b.other = nodes[1];
    bus_on_signal(b.bus, "typing", on_signal, &b);
    bus_listen(b.bus, on_event, &b);
    event_use_bus(b.tmp.db, b.bus);
    start_all(nodes, 2);
    wait_joined(nodes, 2);
    assert_int_equal(pthread_create(&thread, NULL, signal_on_and_on, &b), 0);
    for (int i = 0; i < 100; i++) {
        assert_ok(db_write(b.tmp.db, write_with_hook, &b));
    }
    (void)pthread_join(thread, NULL);
    for (int i = 0; i < 5000 && (atomic_load(&b.n_signals) < 100 || atomic_load(&b.n_events) < 100);
         i++) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(&b.n_hooks), 100);
    assert_int_equal(atomic_load(&b.n_signals), 100);
    assert_int_equal(atomic_load(&b.n_events), 100);
    assert_int_equal(atomic_load(&b.n_bad), 0);
    tmpdb_close(&b.tmp);
    bus_free(&b.bus);
    bus_free(&b.other);
}

static void no_signal_is_told_beside_a_hook(void **state)
{
    (void)state;
    told_in_turn(make_local);
    told_in_turn(make_nats);
}

static int start_server(void **state)
{
    (void)state;
    log_set_sink(nothing, NULL);
    natsd_start(&natsd, NULL);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    natsd_stop(&natsd);
    return 0;
}

#define ON_LOCAL(test)                                                                             \
    {                                                                                              \
        .name = #test " (local)", .test_func = test, .setup_func = setup_local,                    \
        .teardown_func = teardown                                                                  \
    }
#define ON_NATS(test)                                                                              \
    {                                                                                              \
        .name = #test " (nats)", .test_func = test, .setup_func = setup_nats,                      \
        .teardown_func = teardown                                                                  \
    }
#define CASE(test) ON_LOCAL(test), ON_NATS(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_others_hear_it_and_the_sender_does_not),
        CASE(only_what_is_followed_comes),
        CASE(follows_are_counted),
        CASE(what_nobody_listens_to_is_left_out),
        CASE(a_signal_has_a_cap),
        CASE(a_thread_is_heard_in_its_order),
        CASE(a_listener_that_is_slow_costs_signals_and_not_memory),
        CASE(a_listener_may_signal),
        CASE(one_that_has_stopped_hears_and_says_nothing),
        cmocka_unit_test(no_signal_is_told_beside_a_hook),
    };
    int n_failed = cmocka_run_group_tests(tests, start_server, stop_server);
    bus_end_client();
    return n_failed;
}
