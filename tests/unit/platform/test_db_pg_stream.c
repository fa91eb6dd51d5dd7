/* PostgreSQL: events are told in the order of their ids although they are committed in another, and a COMMIT whose answer is lost. */
#include "tmpdb.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/bus.h"

/* ---- what the bus heard ---- */

#define HEARD_MAX 4096

struct heard {
    pthread_mutex_t lock;
    int64_t ids[HEARD_MAX];
    int n;
};

static void hear(void *arg, const struct event *e)
{
    struct heard *h = arg;
    (void)pthread_mutex_lock(&h->lock);
    if (h->n < HEARD_MAX) {
        h->ids[h->n++] = e->id.v;
    }
    (void)pthread_mutex_unlock(&h->lock);
}

static int n_heard(struct heard *h)
{
    (void)pthread_mutex_lock(&h->lock);
    int n = h->n;
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

/* Then nothing more may come either. */
static void wait_heard(struct heard *h, int n)
{
    for (int i = 0; i < 5000 && n_heard(h) < n; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(n_heard(h), n);
}

struct world;
struct writer {
    struct world *world;
    int64_t conversation;
    int64_t seq;
    atomic_bool *gate; /* NULL: does not stall */
    atomic_bool has_id;
    int64_t id;
    int64_t pause_us;
    enum err outcome;
};

struct world {
    struct tmpdb tmp;
    struct bus *bus;
    struct heard heard;
    struct writer slow; /* stalls until the gate opens */
    atomic_bool gate;
    pthread_t thread;
    bool is_running;
};

/* Also when a test has failed in between. */
static void let_go(struct world *w)
{
    atomic_store(&w->gate, true);
    if (w->is_running) {
        (void)pthread_join(w->thread, NULL);
    }
    w->is_running = false;
}

static int setup(void **state)
{
    struct world *w = MEM_NEW(struct world);
    (void)pthread_mutex_init(&w->heard.lock, NULL);
    tmpdb_open(&w->tmp);
    w->bus = bus_new_local();
    bus_listen(w->bus, hear, &w->heard);
    event_use_bus(w->tmp.db, w->bus);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    let_go(w);
    tmpdb_close(&w->tmp);
    bus_free(&w->bus);
    mem_free(w);
    return 0;
}

/* ---- writers ---- */

static enum err write_event(struct db_txn *txn, void *arg)
{
    struct writer *w = arg;
    struct event e = {.conversation.v = w->conversation,
                      .seq = w->seq,
                      .kind = STR("message.created"),
                      .is_public = true,
                      .payload = STR("{}"),
                      .at = 1};
    enum err err = event_append(txn, &e);
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &w->id,
                           "SELECT id FROM events WHERE conversation_id = $1 AND seq = $2",
                           db_i64(w->conversation), db_i64(w->seq));
    }
    atomic_store(&w->has_id, true);
    while (err == ERR_OK && w->gate != NULL && !atomic_load(w->gate)) {
        (void)usleep(1000);
    }
    if (w->pause_us > 0) {
        (void)usleep((useconds_t)w->pause_us);
    }
    return err != ERR_OK ? err : w->outcome;
}

static void *write_one(void *arg)
{
    struct writer *w = arg;
    enum err err = db_write(w->world->tmp.db, write_event, w);
    ASSERT(err == w->outcome); /* not on the test's thread */
    return NULL;
}

static enum err last_id(struct db_txn *txn, void *arg)
{
    return event_last_id(txn, arg);
}

static bool count_one(void *arg, const struct event *e)
{
    (void)e;
    ++*(int *)arg;
    return true;
}

static enum err replay_from_start(struct db_txn *txn, void *arg)
{
    int *n = arg;
    *n = 0;
    return event_replay_all(txn, (struct event_id){0}, 1000, count_one, n);
}

/* One transaction has taken its id and stalls; others pass it. */
static void pass_a_stalled_one(struct world *w, enum err outcome)
{
    w->slow = (struct writer){
        .world = w, .conversation = 1, .seq = 1, .gate = &w->gate, .outcome = outcome};
    assert_int_equal(pthread_create(&w->thread, NULL, write_one, &w->slow), 0);
    w->is_running = true;
    while (!atomic_load(&w->slow.has_id)) {
        (void)usleep(1000);
    }
    struct writer quick = {.world = w};
    for (int i = 0; i < 20; i++) {
        quick.conversation = 2 + i;
        quick.seq = 1;
        (void)write_one(&quick);
        assert_true(quick.id > w->slow.id);
    }
    struct event_id last = {0};
    int n = 0;
    (void)usleep(300000);
    assert_int_equal(n_heard(&w->heard), 0);
    assert_int_equal(db_read(w->tmp.db, last_id, &last), ERR_OK);
    assert_true(last.v < w->slow.id);
    assert_int_equal(db_read(w->tmp.db, replay_from_start, &n), ERR_OK);
    assert_int_equal(n, 0);
    let_go(w);
    int n_want = 20 + (outcome == ERR_OK);
    event_catch_up(w->tmp.db);
    wait_heard(&w->heard, n_want);
    for (int i = 1; i < n_want; i++) {
        assert_true(w->heard.ids[i] > w->heard.ids[i - 1]);
    }
    assert_true((w->heard.ids[0] == w->slow.id) == (outcome == ERR_OK));
    event_catch_up(w->tmp.db);
    assert_int_equal(db_read(w->tmp.db, last_id, &last), ERR_OK);
    assert_true(last.v == quick.id || (outcome != ERR_OK && last.v > quick.id));
}

static void nobody_reads_past_a_transaction_that_stalls(void **state)
{
    pass_a_stalled_one(*state, ERR_OK);
}

static void one_that_is_rolled_back_leaves_a_gap_and_no_more(void **state)
{
    pass_a_stalled_one(*state, ERR_DENIED);
}

/* What a failed server handed out to transactions that came to nothing, its successor hands out again. */
static void ids_that_nobody_saw_may_come_again(void **state)
{
    struct world *w = *state;
    struct writer kept = {.world = w, .conversation = 1, .seq = 1};
    (void)write_one(&kept);
    for (int i = 0; i < 5; i++) {
        struct writer vain = {.world = w, .conversation = 2, .seq = 1, .outcome = ERR_DENIED};
        (void)write_one(&vain);
    }
    event_catch_up(w->tmp.db);
    wait_heard(&w->heard, 1);
    struct event_id last = {0};
    assert_int_equal(db_read(w->tmp.db, last_id, &last), ERR_OK);
    assert_int_equal(last.v, kept.id);
    char sql[160];
    (void)snprintf(sql, sizeof(sql), "ALTER SEQUENCE \"%s\".events_id_seq RESTART WITH %lld",
                   w->tmp.schema, (long long)kept.id + 1);
    tmpdb_pg_run(sql);
    struct writer again = {.world = w, .conversation = 2, .seq = 1};
    (void)write_one(&again);
    assert_int_equal(again.id, kept.id + 1);
    event_catch_up(w->tmp.db);
    wait_heard(&w->heard, 2);
}

/* ---- many at random ---- */

#define N_THREADS 6
#define N_EACH 60

struct crowd {
    struct world *world;
    int number;
    uint64_t seed;
};

static void *write_many(void *arg)
{
    struct crowd *c = arg;
    struct rng rng;
    rng_init(&rng, c->seed + (uint64_t)c->number);
    for (int i = 0; i < N_EACH; i++) {
        struct writer w = {.world = c->world,
                           .conversation = 100 + c->number,
                           .seq = i + 1,
                           .pause_us = (int64_t)rng_below(&rng, 4000),
                           .outcome = rng_below(&rng, 5) == 0 ? ERR_DENIED : ERR_OK};
        (void)write_one(&w);
    }
    return NULL;
}

struct all {
    int64_t ids[HEARD_MAX];
    int n;
};

static bool keep(void *arg, const struct event *e)
{
    struct all *a = arg;
    a->ids[a->n++] = e->id.v;
    return true;
}

static enum err read_all(struct db_txn *txn, void *arg)
{
    struct all *a = arg;
    a->n = 0;
    return event_replay_all(txn, (struct event_id){0}, HEARD_MAX, keep, a);
}

static void the_bus_hears_each_once_in_the_order_of_ids(void **state)
{
    struct world *w = *state;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    struct crowd crowd[N_THREADS];
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        crowd[i] = (struct crowd){w, i, seed};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &crowd[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    event_catch_up(w->tmp.db);
    (void)usleep(100000);
    static struct all all;
    assert_int_equal(db_read(w->tmp.db, read_all, &all), ERR_OK);
    assert_true(all.n > N_THREADS * N_EACH / 2);
    wait_heard(&w->heard, all.n);
    assert_memory_equal(w->heard.ids, all.ids, (size_t)all.n * sizeof(all.ids[0]));
}

/* ---- a connection that breaks during COMMIT ---- */

enum cut { CUT_NEVER, CUT_BEFORE, CUT_BEHIND };

/* Stands between libpq and the server. When armed it lets the message with COMMIT through (CUT_BEHIND) or not (CUT_BEFORE), and then closes everything. */
struct proxy {
    char dir[64];
    struct sockaddr_un here, there;
    int listener;
    pthread_t thread;
    atomic_int cut;
    atomic_bool is_stopping;
    atomic_int n_cut;
    atomic_int generation;   /* raised: every connection there is ends */
    atomic_bool is_refusing; /* new ones end at once */
};

struct pipe_pair {
    struct proxy *proxy;
    int client, server;
};

static bool pass_on(int from, int to, char *buf, size_t size, ssize_t *n_out)
{
    *n_out = read(from, buf, size);
    return *n_out > 0 && (to < 0 || write(to, buf, (size_t)*n_out) == *n_out);
}

static bool is_cut(struct pipe_pair *p, char *buf, size_t size)
{
    ssize_t n = 0;
    if (!pass_on(p->client, -1, buf, size, &n)) {
        return true;
    }
    int cut = atomic_load(&p->proxy->cut);
    bool has_commit = cut != CUT_NEVER && memmem(buf, (size_t)n, "COMMIT", 6) != NULL;
    if (!has_commit || cut == CUT_BEHIND) {
        if (write(p->server, buf, (size_t)n) != n) {
            return true;
        }
    }
    if (has_commit) {
        atomic_store(&p->proxy->cut, CUT_NEVER);
        atomic_fetch_add(&p->proxy->n_cut, 1);
        struct pollfd answer = {.fd = p->server, .events = POLLIN};
        (void)poll(&answer, 1, cut == CUT_BEHIND ? 5000 : 0);
    }
    return has_commit;
}

static void *run_pair(void *arg)
{
    struct pipe_pair *p = arg;
    static _Thread_local char buf[65536];
    int generation = atomic_load(&p->proxy->generation);
    bool is_over = atomic_load(&p->proxy->is_refusing);
    while (!is_over) {
        struct pollfd fds[] = {{.fd = p->client, .events = POLLIN},
                               {.fd = p->server, .events = POLLIN}};
        ssize_t n = 0;
        is_over = poll(fds, 2, 100) < 0 || atomic_load(&p->proxy->is_stopping) ||
                  atomic_load(&p->proxy->generation) != generation;
        if (!is_over && fds[1].revents != 0) {
            is_over = !pass_on(p->server, p->client, buf, sizeof(buf), &n);
        }
        if (!is_over && fds[0].revents != 0) {
            is_over = is_cut(p, buf, sizeof(buf));
        }
    }
    (void)close(p->client);
    (void)close(p->server);
    mem_free(p);
    return NULL;
}

static void *run_proxy(void *arg)
{
    struct proxy *proxy = arg;
    while (!atomic_load(&proxy->is_stopping)) {
        struct pollfd fd = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&fd, 1, 50) != 1) {
            continue;
        }
        struct pipe_pair *p = MEM_NEW(struct pipe_pair);
        p->proxy = proxy;
        p->client = accept(proxy->listener, NULL, NULL);
        p->server = socket(AF_UNIX, SOCK_STREAM, 0);
        ASSERT(connect(p->server, (struct sockaddr *)&proxy->there, sizeof(proxy->there)) == 0);
        pthread_t thread;
        ASSERT(pthread_create(&thread, NULL, run_pair, p) == 0);
        (void)pthread_detach(thread);
    }
    return NULL;
}

static void proxy_start(struct proxy *p, const char *server_dir)
{
    *p = (struct proxy){.here.sun_family = AF_UNIX, .there.sun_family = AF_UNIX};
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/shpxXXXXXX");
    ASSERT(mkdtemp(p->dir) != NULL);
    (void)snprintf(p->here.sun_path, sizeof(p->here.sun_path), "%s/.s.PGSQL.5432", p->dir);
    (void)snprintf(p->there.sun_path, sizeof(p->there.sun_path), "%.80s/.s.PGSQL.5432", server_dir);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT(bind(p->listener, (struct sockaddr *)&p->here, sizeof(p->here)) == 0);
    ASSERT(listen(p->listener, 16) == 0);
    ASSERT(pthread_create(&p->thread, NULL, run_proxy, p) == 0);
}

static void proxy_stop(struct proxy *p)
{
    atomic_store(&p->is_stopping, true);
    (void)pthread_join(p->thread, NULL);
    (void)usleep(200000); /* the pairs look ten times a second */
    (void)close(p->listener);
    (void)unlink(p->here.sun_path);
    (void)rmdir(p->dir);
}

struct counted {
    int n_calls;
};

static enum err add_role(struct db_txn *txn, void *arg)
{
    struct counted *c = arg;
    c->n_calls++;
    return db_exec(txn, "INSERT INTO roles (name) VALUES ('cut off')", NULL, 0, NULL);
}

static enum err count_roles(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT COUNT(*) FROM roles WHERE name = 'cut off'", NULL, 0, arg);
}

struct detour {
    struct tmpdb tmp; /* straight */
    struct proxy proxy;
    struct db *db; /* by way of the proxy; one writer, one reader */
};

static void detour_open(struct detour *d)
{
    *d = (struct detour){0};
    tmpdb_open(&d->tmp);
    const char *host = strstr(d->tmp.url, "host=") + 5;
    char server_dir[108];
    (void)snprintf(server_dir, sizeof(server_dir), "%.*s", (int)strcspn(host, "&"), host);
    proxy_start(&d->proxy, server_dir);
    char url[700];
    (void)snprintf(url, sizeof(url), "%.*s%s%s", (int)(host - d->tmp.url), d->tmp.url, d->proxy.dir,
                   host + strlen(server_dir));
    struct db_options o = {.url = url, .n_writers = 1, .n_readers = 1};
    o.migrations = migrations_all(&o.n_migrations);
    struct errinfo info = {0};
    if (db_open(&o, &d->db, &info) != ERR_OK) {
        fail_msg("%s", info.message);
    }
}

static void detour_close(struct detour *d)
{
    db_close(&d->db);
    proxy_stop(&d->proxy);
    tmpdb_close(&d->tmp);
}

static void lose_the_answer(enum cut cut, int64_t n_want)
{
    struct detour d;
    detour_open(&d);
    atomic_store(&d.proxy.cut, cut);
    struct counted c = {0};
    assert_int_equal(db_write(d.db, add_role, &c), ERR_UNKNOWN);
    assert_int_equal(atomic_load(&d.proxy.n_cut), 1);
    assert_int_equal(c.n_calls, 1); /* not run again by itself */
    int64_t n = -1;
    assert_int_equal(db_read(d.tmp.db, count_roles, &n), ERR_OK);
    assert_int_equal(n, n_want);
    /* The engine goes on with a new connection. */
    assert_int_equal(db_write(d.db, add_role, &c), n_want == 1 ? ERR_CONFLICT : ERR_OK);
    detour_close(&d);
}

static void a_lost_answer_to_commit_is_unknown_though_it_was_kept(void **state)
{
    (void)state;
    lose_the_answer(CUT_BEHIND, 1);
}

static void a_lost_commit_is_unknown_and_not_repeated(void **state)
{
    (void)state;
    lose_the_answer(CUT_BEFORE, 0);
}

/* ---- an outage ---- */

static enum err remove_role(struct db_txn *txn, void *arg)
{
    (void)arg;
    return db_exec(txn, "DELETE FROM roles WHERE name = 'cut off'", NULL, 0, NULL);
}

static void connections_that_died_are_replaced_and_nobody_hears_of_it(void **state)
{
    (void)state;
    struct detour d;
    detour_open(&d);
    struct counted c = {0};
    int64_t n = -1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(db_write(d.db, add_role, &c), ERR_OK);
        assert_int_equal(db_read(d.db, count_roles, &n), ERR_OK);
        assert_int_equal(n, 1);
        atomic_fetch_add(&d.proxy.generation, 1);
        (void)usleep(250000);
        assert_int_equal(db_read(d.db, count_roles, &n), ERR_OK);
        assert_int_equal(db_write(d.db, remove_role, NULL), ERR_OK);
    }
    assert_true(db_health(d.db, NULL));
    detour_close(&d);
}

static void while_there_is_no_server_it_says_so_and_then_goes_on(void **state)
{
    (void)state;
    struct detour d;
    detour_open(&d);
    struct counted c = {0};
    int64_t n = -1;
    assert_int_equal(db_write(d.db, add_role, &c), ERR_OK);
    atomic_store(&d.proxy.is_refusing, true);
    atomic_fetch_add(&d.proxy.generation, 1);
    (void)usleep(250000);
    assert_int_equal(db_write(d.db, remove_role, NULL), ERR_UNAVAILABLE);
    assert_int_equal(db_read(d.db, count_roles, &n), ERR_UNAVAILABLE);
    assert_false(db_health(d.db, NULL));
    atomic_store(&d.proxy.is_refusing, false);
    /* Who looked in vain a moment ago does not look again at once. */
    for (int i = 0; i < 40 && !db_health(d.db, NULL); i++) {
        (void)usleep(50000);
    }
    assert_true(db_health(d.db, NULL));
    assert_int_equal(db_write(d.db, remove_role, NULL), ERR_OK);
    assert_int_equal(db_read(d.db, count_roles, &n), ERR_OK);
    assert_int_equal(n, 0);
    detour_close(&d);
}

static void a_connection_that_failed_once_does_not_condemn_the_node(void **state)
{
    (void)state;
    struct detour d;
    detour_open(&d);
    struct bus *bus = bus_new_local();
    int64_t n = -1;
    event_use_bus(d.db, bus);
    assert_int_equal(db_read(d.db, count_roles, &n), ERR_OK);
    atomic_store(&d.proxy.is_refusing, true); /* whoever is connected stays */
    assert_int_equal(db_write(d.db, remove_role, NULL), ERR_UNAVAILABLE);
    assert_false(db_health(d.db, NULL));
    for (int i = 0; i < 200 && !db_health(d.db, NULL); i++) {
        (void)usleep(50000);
    }
    assert_true(db_health(d.db, NULL));
    detour_close(&d);
    bus_free(&bus);
}

int main(void)
{
    if (tmpdb_pg() == NULL) {
        print_message("skipped: no SH_TEST_PG\n");
        return 77;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(nobody_reads_past_a_transaction_that_stalls),
        CASE(one_that_is_rolled_back_leaves_a_gap_and_no_more),
        CASE(ids_that_nobody_saw_may_come_again),
        CASE(the_bus_hears_each_once_in_the_order_of_ids),
        cmocka_unit_test(a_lost_answer_to_commit_is_unknown_though_it_was_kept),
        cmocka_unit_test(a_lost_commit_is_unknown_and_not_repeated),
        cmocka_unit_test(connections_that_died_are_replaced_and_nobody_hears_of_it),
        cmocka_unit_test(while_there_is_no_server_it_says_so_and_then_goes_on),
        cmocka_unit_test(a_connection_that_failed_once_does_not_condemn_the_node),
    };
    return cmocka_run_group_tests_name("postgres_stream", tests, NULL, NULL);
}
