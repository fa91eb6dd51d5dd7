/* The bus on NATS when things go wrong: servers that are killed, frozen, not there yet, or refuse us; strangers on our subjects; TLS. And what a hint is for: the
 * stream of another node looks at once. Servers are real. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <nats/nats.h>

#include "../unit.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "natsd.h"
#include "platform/bus_impl.h"
#include "platform/bus_wire.h"
#include "tmpdb.h"

#define N_SERVERS 2

struct node {
    struct bus *bus;
    atomic_int n_heard;
};

struct world {
    struct natsd servers[N_SERVERS];
    struct node a, b;
    char dir[64];
    char ca[128], key[128];
    bool is_tls;
};

static void nothing(struct str line, void *arg)
{
    (void)line;
    (void)arg;
}

static void hear(void *arg, const struct bus_signal *s)
{
    (void)s;
    atomic_fetch_add(&((struct node *)arg)->n_heard, 1);
}

static void open_node(struct node *n, struct bus_options o)
{
    struct errinfo info = {0};
    o.prefix = "test";
    o.key[0] = 1;
    if (bus_open(&o, &n->bus, &info) != ERR_OK) {
        fail_msg("%s: %s", info.field, info.message);
    }
    bus_on_signal(n->bus, "typing", hear, n);
    bus_start(n->bus);
}

static struct bus_stats stats_of(const struct node *n)
{
    struct bus_stats stats;
    bus_stats_get(n->bus, &stats);
    return stats;
}

/* Until b hears a. How long that took, in milliseconds. */
static int64_t wait_flow(struct world *w)
{
    int64_t from_ns = time_monotonic_ns();
    int before = atomic_load(&w->b.n_heard);
    for (int i = 0; i < 3000 && atomic_load(&w->b.n_heard) == before; i++) {
        bus_signal(w->a.bus, bus_of_all(), "typing", STR("{}"));
        (void)usleep(5000);
    }
    assert_true(atomic_load(&w->b.n_heard) > before);
    return (time_monotonic_ns() - from_ns) / 1000000;
}

static void wait_connected(const struct node *n, bool is_connected)
{
    for (int i = 0; i < 10000 && (stats_of(n).is_connected != 0) != is_connected; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(stats_of(n).is_connected, is_connected);
}

/* Neither a signal nor a hint, nor a change of what is followed, may take longer than this: no caller waits for a server. */
static void say_much(struct world *w, int n)
{
    int64_t worst_ns = 0;
    for (int i = 0; i < n; i++) {
        int64_t from_ns = time_monotonic_ns();
        bus_signal(w->a.bus, bus_of_all(), "typing", STR("{\"conversation\":\"123456789\"}"));
        bus_hint(w->a.bus, (struct conversation_id){i + 1}, (struct team_id){7});
        bus_follow(w->a.bus, bus_of_conversation((struct conversation_id){i % 100 + 1}));
        bus_unfollow(w->a.bus, bus_of_conversation((struct conversation_id){i % 100 + 1}));
        int64_t took_ns = time_monotonic_ns() - from_ns;
        worst_ns = took_ns > worst_ns ? took_ns : worst_ns;
    }
    assert_true(worst_ns < 200000000); /* a write to a frozen server waits for a second */
}

static void run(const char *const *argv)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void make_certificate(const struct world *w, const char *name, const char *san)
{
    char key[128];
    char cert[128];
    char ext[128];
    (void)snprintf(key, sizeof(key), "%s/%s.key", w->dir, name);
    (void)snprintf(cert, sizeof(cert), "%s/%s.pem", w->dir, name);
    (void)snprintf(ext, sizeof(ext), "subjectAltName=%s", san);
    run((const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                              "/CN=test", "-addext", ext, "-keyout", key, "-out", cert, NULL});
}

static int setup(void **state)
{
    struct world *w = MEM_NEW(struct world);
    (void)snprintf(w->dir, sizeof(w->dir), "/tmp/shXXXXXX");
    ASSERT(mkdtemp(w->dir) != NULL);
    *state = w;
    return 0;
}

/* The same with TLS, which has its own way through the client library. */
static int setup_tls(void **state)
{
    (void)setup(state);
    struct world *w = *state;
    w->is_tls = true;
    (void)snprintf(w->ca, sizeof(w->ca), "%s/good.pem", w->dir);
    (void)snprintf(w->key, sizeof(w->key), "%s/good.key", w->dir);
    make_certificate(w, "good", "IP:127.0.0.1,DNS:localhost");
    return 0;
}

static void start_server(struct world *w, size_t i)
{
    struct natsd *s = &w->servers[i];
    natsd_start(
        s, w->is_tls ? (const char *const[]){"--tls", "--tlscert", w->ca, "--tlskey", w->key, NULL}
                     : NULL);
    (void)snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%d", w->is_tls ? "tls" : "nats",
                   s->port);
}

static struct bus_options at(const struct world *w, const char *url)
{
    return (struct bus_options){.url = url, .tls_ca = w->ca};
}

static int teardown(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < N_SERVERS; i++) {
        natsd_stop(&w->servers[i]);
    }
    bus_free(&w->a.bus);
    bus_free(&w->b.bus);
    (void)nftw(w->dir, tmpdb_rm, 16, FTW_DEPTH | FTW_PHYS);
    mem_free(w);
    return 0;
}

static void open_both(struct world *w, const char *url)
{
    open_node(&w->a, at(w, url));
    open_node(&w->b, at(w, url));
}

/* ---- servers ---- */

static void a_server_that_was_killed_comes_back(void **state)
{
    struct world *w = *state;
    start_server(w, 0);
    open_both(w, w->servers[0].url);
    bus_follow(w->b.bus, bus_of_conversation((struct conversation_id){7}));
    (void)wait_flow(w);
    natsd_stop(&w->servers[0]);
    wait_connected(&w->a, false);
    int64_t dropped = stats_of(&w->a).dropped;
    int64_t sent = stats_of(&w->a).sent;
    say_much(w, 20000);
    assert_true(stats_of(&w->a).dropped >= dropped + 20000);
    start_server(w, 0);
    (void)wait_flow(w);
    assert_int_equal(stats_of(&w->a).reconnects, 1);
    assert_true(stats_of(&w->a).sent - sent < 3000); /* nothing was kept */
    /* What was followed before still is. */
    int before = atomic_load(&w->b.n_heard);
    for (int i = 0; i < 1000 && atomic_load(&w->b.n_heard) == before; i++) {
        bus_signal(w->a.bus, bus_of_conversation((struct conversation_id){7}), "typing", STR("{}"));
        (void)usleep(5000);
    }
    assert_true(atomic_load(&w->b.n_heard) > before);
}

static void the_program_starts_without_a_server(void **state)
{
    struct world *w = *state;
    struct natsd *s = &w->servers[0];
    s->port = natsd_port();
    (void)snprintf(s->url, sizeof(s->url), "nats://127.0.0.1:%d", s->port);
    int64_t from_ns = time_monotonic_ns();
    open_both(w, s->url);
    assert_true(time_monotonic_ns() - from_ns < 500000000);
    say_much(w, 1000);
    assert_int_equal(stats_of(&w->a).is_connected, 0);
    assert_true(stats_of(&w->a).dropped >= 1000);
    natsd_start(s, NULL);
    (void)wait_flow(w);
}

static void start_clustered(struct world *w, size_t i)
{
    char listen[2][64];
    for (size_t k = 0; k < 2; k++) {
        (void)snprintf(listen[k], sizeof(listen[k]), "nats://127.0.0.1:%d",
                       w->servers[k].cluster_port);
    }
    natsd_start(&w->servers[i],
                (const char *const[]){"--cluster_name", "test", "--cluster", listen[i], "--routes",
                                      listen[1 - i], "--user", "desk", "--pass", "plum", NULL});
}

/* Two servers in one cluster; both nodes go to the one that is left. The password stands at the first only. */
static void of_two_servers_one_may_die(void **state)
{
    struct world *w = *state;
    char url[160];
    for (size_t i = 0; i < 2; i++) {
        w->servers[i].cluster_port = natsd_port();
    }
    start_clustered(w, 0);
    start_clustered(w, 1);
    (void)snprintf(url, sizeof(url), "nats://desk:plum@127.0.0.1:%d,%s", w->servers[0].port,
                   w->servers[1].url);
    open_both(w, url);
    (void)wait_flow(w);
    natsd_stop(&w->servers[0]);
    (void)wait_flow(w);
    start_clustered(w, 0);
    natsd_stop(&w->servers[1]);
    (void)wait_flow(w);
    wait_connected(&w->a, true);
}

/* Sanitizers keep what was freed: there it says nothing, and 0 is given. */
static long rss_kb(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
    return 0;
#endif
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %ld", &pages), 1);
    (void)fclose(f);
    return pages * 4;
}

/* The server takes nothing any more, but its socket is there: the trap for whoever writes to it in the caller's thread. */
static void a_frozen_server_holds_nobody_up(void **state)
{
    struct world *w = *state;
    start_server(w, 0);
    open_both(w, w->servers[0].url);
    (void)wait_flow(w);
    (void)kill(w->servers[0].pid, SIGSTOP);
    long before_kb = rss_kb();
    for (int i = 0; i < 30; i++) {
        say_much(w, 2000);
        (void)usleep(50000);
    }
    assert_true(stats_of(&w->a).dropped > 20000);
    assert_true(rss_kb() - before_kb < 40000);
    (void)kill(w->servers[0].pid, SIGCONT);
    (void)wait_flow(w);
    /* Nor whoever wants to end. */
    (void)kill(w->servers[0].pid, SIGSTOP);
    say_much(w, 2000);
    int64_t from_ns = time_monotonic_ns();
    bus_free(&w->a.bus);
    bus_free(&w->b.bus);
    assert_true(time_monotonic_ns() - from_ns < 6000000000);
    struct node late = {0};
    open_node(&late, at(w, w->servers[0].url));
    (void)usleep(100000); /* it takes our connection and says nothing */
    from_ns = time_monotonic_ns();
    bus_free(&late.bus);
    assert_true(time_monotonic_ns() - from_ns < 3000000000);
    (void)kill(w->servers[0].pid, SIGCONT);
}

/* Ends in all states of a connection, while words fly and the server dies and comes back: for the sanitizers. */
static void nodes_come_and_go_with_the_server(void **state)
{
    struct world *w = *state;
    struct rng rng;
    struct node nodes[6] = {0};
    unit_rng(&rng, "nodes_come_and_go_with_the_server");
    start_server(w, 0);
    open_both(w, w->servers[0].url);
    for (int i = 0; i < 300; i++) {
        struct node *n = &nodes[rng_below(&rng, 6)];
        if (n->bus == NULL) {
            open_node(n, at(w, w->servers[0].url));
        } else if (rng_below(&rng, 4) == 0) {
            bus_free(&n->bus);
        } else {
            struct bus_topic topic =
                bus_of_conversation((struct conversation_id){(int64_t)rng_below(&rng, 9) + 1});
            bus_follow(n->bus, topic);
            bus_signal(n->bus, topic, "typing", STR("{}"));
            bus_signal(w->a.bus, topic, "typing", STR("{}"));
            bus_hint(n->bus, (struct conversation_id){1}, (struct team_id){1});
        }
        if (rng_below(&rng, 40) == 0) {
            natsd_stop(&w->servers[0]);
        } else if (w->servers[0].pid == 0) {
            start_server(w, 0);
        }
        (void)usleep((useconds_t)rng_below(&rng, 5000));
    }
    for (size_t i = 0; i < 6; i++) {
        bus_free(&nodes[i].bus);
    }
    if (w->servers[0].pid == 0) {
        start_server(w, 0);
    }
    (void)wait_flow(w);
}

static void write_file(const struct world *w, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    (void)fclose(f);
}

static void a_password_that_was_wrong_for_a_while_needs_no_restart(void **state)
{
    struct world *w = *state;
    struct natsd *s = &w->servers[0];
    const char *const good[] = {"--user", "desk", "--pass", "plum", NULL};
    const char *const other[] = {"--user", "desk", "--pass", "tram", NULL};
    char url[64];
    natsd_start(s, good);
    (void)snprintf(url, sizeof(url), "nats://desk:plum@127.0.0.1:%d", s->port);
    open_both(w, url);
    (void)wait_flow(w);
    natsd_stop(s);
    natsd_start(s, other);
    wait_connected(&w->a, false);
    (void)sleep(2); /* refused twice: the library gives up */
    assert_int_equal(stats_of(&w->a).is_connected, 0);
    natsd_stop(s);
    natsd_start(s, good);
    (void)wait_flow(w);
}

/* ---- strangers ---- */

static void shout(natsConnection *stranger, const char *subject, const char *text, size_t len)
{
    assert_int_equal(natsConnection_Publish(stranger, subject, text, (int)len), NATS_OK);
}

static void a_stranger_is_not_heard(void **state)
{
    struct world *w = *state;
    natsConnection *stranger = NULL;
    BUF_AUTO wire;
    uint8_t key[32] = {1};
    uint8_t other_key[32] = {2};
    static char big[60000];
    buf_init(&wire, BUS_WIRE_MAX);
    memset(big, 'x', sizeof(big));
    start_server(w, 0);
    open_both(w, w->servers[0].url);
    (void)wait_flow(w);
    assert_int_equal(natsConnection_ConnectTo(&stranger, w->servers[0].url), NATS_OK);
    int heard = atomic_load(&w->b.n_heard);
    struct bus_word word = {
        .node = STR("0123456789abcdef"), .at_us = 1, .kind = STR("typing"), .payload = STR("{}")};
    shout(stranger, "test.all", "hello", 5);
    shout(stranger, "test.all", "", 0);
    shout(stranger, "test.all", big, sizeof(big));
    bus_wire_encode(other_key, STR("test.all"), &word, &wire);
    shout(stranger, "test.all", wire.p, wire.len);
    bus_wire_encode(key, STR("test.team.7"), &word, &wire); /* overheard there, said here */
    shout(stranger, "test.all", wire.p, wire.len);
    word.payload = STR("{\"a\":");
    bus_wire_encode(key, STR("test.all"), &word, &wire);
    shout(stranger, "test.all", wire.p, wire.len);
    word.payload = STR("[1]");
    bus_wire_encode(key, STR("test.all"), &word, &wire);
    shout(stranger, "test.all", wire.p, wire.len);
    for (int i = 0; i < 5000 && stats_of(&w->b).rejected < 7; i++) {
        (void)usleep(1000);
    }
    assert_int_equal(stats_of(&w->b).rejected, 7);
    /* Our own words come back to us by a stranger: ignored. Those of a node of ours are heard. */
    word.payload = STR("{}");
    word.node = str_from(bus_node(w->b.bus)->id);
    bus_wire_encode(key, STR("test.all"), &word, &wire);
    shout(stranger, "test.all", wire.p, wire.len);
    word.node = STR("0123456789abcdef");
    bus_wire_encode(key, STR("test.all"), &word, &wire);
    shout(stranger, "test.all", wire.p, wire.len);
    for (int i = 0; i < 5000 && atomic_load(&w->b.n_heard) == heard; i++) {
        (void)usleep(1000);
    }
    (void)usleep(20000);
    assert_int_equal(atomic_load(&w->b.n_heard), heard + 1);
    assert_int_equal(stats_of(&w->b).rejected, 7);
    natsConnection_Destroy(stranger);
}

/* A flood on a subject of ours costs its bytes, and not memory or the listeners' time. */
static void a_flood_is_thrown_away(void **state)
{
    struct world *w = *state;
    natsConnection *stranger = NULL;
    static char big[4000];
    memset(big, 'x', sizeof(big));
    start_server(w, 0);
    open_both(w, w->servers[0].url);
    (void)wait_flow(w);
    assert_int_equal(natsConnection_ConnectTo(&stranger, w->servers[0].url), NATS_OK);
    long before_kb = rss_kb();
    for (int i = 0; i < 100000; i++) {
        shout(stranger, "test.all", big, sizeof(big));
    }
    (void)natsConnection_FlushTimeout(stranger, 5000);
    assert_true(rss_kb() - before_kb < 150000);
    (void)wait_flow(w);
    assert_true(stats_of(&w->b).rejected > 1000);
    natsConnection_Destroy(stranger);
}

/* ---- TLS ---- */

static void tls_wants_the_right_certificate(void **state)
{
    struct world *w = *state;
    char config[512];
    char path[2][128];
    char url[64];
    make_certificate(w, "good", "IP:127.0.0.1,DNS:localhost");
    make_certificate(w, "other", "DNS:elsewhere.example");
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "good" : "other";
        (void)snprintf(config, sizeof(config),
                       "tls { cert_file: \"%s/%s.pem\", key_file: \"%s/%s.key\" }\n", w->dir, name,
                       w->dir, name);
        write_file(w, name, config);
        (void)snprintf(path[i], sizeof(path[i]), "%s/%s", w->dir, name);
        natsd_start(&w->servers[i], (const char *const[]){"-c", path[i], NULL});
    }
    char ca[128];
    char other_ca[128];
    (void)snprintf(ca, sizeof(ca), "%s/good.pem", w->dir);
    (void)snprintf(other_ca, sizeof(other_ca), "%s/other.pem", w->dir);
    (void)snprintf(url, sizeof(url), "tls://localhost:%d", w->servers[0].port);
    struct bus_options o = {.url = url, .tls_ca = ca};
    open_node(&w->a, o);
    open_node(&w->b, o);
    (void)wait_flow(w);
    clock_t before =
        clock(); /* nothing goes on: nobody turns in circles around a socket that has nothing */
    (void)usleep(800000);
    assert_true(clock() - before < CLOCKS_PER_SEC / 5);
    /* Not the system's, not the other one's, and not in another's name. */
    struct node n = {0};
    open_node(&n, (struct bus_options){.url = url});
    (void)usleep(400000);
    assert_int_equal(stats_of(&n).is_connected, 0);
    bus_free(&n.bus);
    (void)snprintf(url, sizeof(url), "tls://localhost:%d", w->servers[1].port);
    open_node(&n, (struct bus_options){.url = url, .tls_ca = other_ca});
    (void)usleep(400000);
    assert_int_equal(stats_of(&n).is_connected, 0);
    bus_free(&n.bus);
}

/* ---- options ---- */

static void options_are_checked(void **state)
{
    static const struct {
        const char *name;
        struct bus_options o;
        const char *field;
    } cases[] = {
        {"no scheme", {.url = "host:4222", .prefix = "a"}, "bus.url"},
        {"other scheme", {.url = "http://host", .prefix = "a"}, "bus.url"},
        {"empty piece", {.url = "nats://a,,nats://b", .prefix = "a"}, "bus.url"},
        {"port", {.url = "nats://a:99999999", .prefix = "a"}, "bus.url"},
        {"star", {.url = "nats://a", .prefix = "a.*"}, "bus.prefix"},
        {"all", {.url = "nats://a", .prefix = ">"}, "bus.prefix"},
        {"space", {.url = "nats://a", .prefix = "a b"}, "bus.prefix"},
        {"empty prefix", {.url = "nats://a", .prefix = ""}, "bus.prefix"},
        {"empty word", {.url = "nats://a", .prefix = "a..b"}, "bus.prefix"},
        {"end", {.url = "nats://a", .prefix = "a."}, "bus.prefix"},
        {"no ca", {.url = "tls://a", .prefix = "a", .tls_ca = "/nowhere"}, "bus.tls_ca"},
        {"half", {.url = "tls://a", .prefix = "a", .tls_cert = "/nowhere"}, "bus.tls_cert"},
        {"credentials",
         {.url = "nats://a", .prefix = "a", .credentials = "/nowhere"},
         "bus.credentials"},
        {"name", {.url = "", .prefix = "a", .node_name = "no space"}, "node.name"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bus *bus = NULL;
        struct errinfo info = {0};
        enum err err = bus_open(&cases[i].o, &bus, &info);
        assert_case(err == ERR_INVALID && strcmp(info.field, cases[i].field) == 0, cases[i].name);
    }
    struct bus *bus = NULL;
    struct bus_options good = {.url = "nats://u:p@a:1, tls://[::1]:4222", .prefix = "desk-1.eu_2"};
    assert_ok(bus_open(&good, &bus, NULL));
    bus_free(&bus);
    struct bus_options named = {.node_name = "node-1"};
    assert_ok(bus_open(&named, &bus, NULL));
    assert_string_equal(bus_node(bus)->name, "node-1");
    bus_free(&bus);
}

/* ---- hints: two nodes on one database ---- */

struct pair {
    struct world *w;
    struct db *dbs[2];
    struct bus *buses[2];
    atomic_int n_heard[2];
};

static void on_event(void *arg, const struct event *e)
{
    (void)e;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static enum err append(struct db_txn *txn, void *arg)
{
    struct event e = {.conversation = {1},
                      .seq = *(int *)arg,
                      .kind = STR("message.created"),
                      .payload = STR("{}"),
                      .at = 1};
    return event_append(txn, &e);
}

/* From the end of the commit on node 0 until node 1 has it, in microseconds. */
static int64_t commit_and_hear(struct pair *p, int seq)
{
    int before = atomic_load(&p->n_heard[1]);
    assert_ok(db_write(p->dbs[0], append, &seq));
    int64_t from_ns = time_monotonic_ns();
    while (atomic_load(&p->n_heard[1]) == before && time_monotonic_ns() - from_ns < 5000000000LL) {
        (void)usleep(50);
    }
    assert_int_equal(atomic_load(&p->n_heard[1]), before + 1);
    return (time_monotonic_ns() - from_ns) / 1000;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void a_hint_makes_the_other_node_look(void **state)
{
    struct world *w = *state;
    struct tmpdb tmp = {0};
    struct pair p = {.w = w};
    int64_t took_us[20];
    start_server(w, 0);
    tmpdb_open(&tmp);
    p.dbs[0] = tmp.db;
    struct db_options o = {.url = tmp.url};
    o.migrations = migrations_all(&o.n_migrations);
    assert_ok(db_open(&o, &p.dbs[1], NULL));
    for (size_t i = 0; i < 2; i++) {
        struct bus_options b = {.url = w->servers[0].url, .prefix = "test"};
        assert_ok(bus_open(&b, &p.buses[i], NULL));
        bus_listen(p.buses[i], on_event, &p.n_heard[i]);
        event_use_bus(p.dbs[i], p.buses[i]);
        bus_start(p.buses[i]);
        wait_connected(&(struct node){.bus = p.buses[i]}, true);
    }
    int seq = 0;
    (void)commit_and_hear(&p, ++seq);
    for (size_t i = 0; i < 20; i++) {
        took_us[i] = commit_and_hear(&p, ++seq);
        (void)usleep(20000);
    }
    qsort(took_us, 20, sizeof(took_us[0]), by_size);
    print_message("with hints: p50 %ld us, max %ld us\n", (long)took_us[10], (long)took_us[19]);
    assert_true(took_us[10] < 100000);
    natsd_stop(&w->servers[0]);
    for (size_t i = 0; i < 4; i++) {
        (void)usleep(70000);
        took_us[i] = commit_and_hear(&p, ++seq);
    }
    qsort(took_us, 4, sizeof(took_us[0]), by_size);
    print_message("without: p50 %ld us, max %ld us\n", (long)took_us[2], (long)took_us[3]);
    assert_true(took_us[3] < 2000000);
    db_close(&p.dbs[1]);
    tmpdb_close(&tmp);
    bus_free(&p.buses[0]);
    bus_free(&p.buses[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ON_TLS(test)                                                                               \
    {                                                                                              \
        .name = #test " (tls)", .test_func = test, .setup_func = setup_tls,                        \
        .teardown_func = teardown                                                                  \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(options_are_checked),
        CASE(a_server_that_was_killed_comes_back),
        ON_TLS(a_server_that_was_killed_comes_back),
        CASE(the_program_starts_without_a_server),
        CASE(of_two_servers_one_may_die),
        CASE(a_frozen_server_holds_nobody_up),
        ON_TLS(a_frozen_server_holds_nobody_up),
        CASE(nodes_come_and_go_with_the_server),
        ON_TLS(nodes_come_and_go_with_the_server),
        CASE(a_password_that_was_wrong_for_a_while_needs_no_restart),
        CASE(a_stranger_is_not_heard),
        CASE(a_flood_is_thrown_away),
        CASE(tls_wants_the_right_certificate),
    };
    const struct CMUnitTest on_postgres[] = {CASE(a_hint_makes_the_other_node_look)};
    log_set_sink(nothing, NULL);
    int n_failed = tmpdb_pg() != NULL ? cmocka_run_group_tests(on_postgres, NULL, NULL)
                                      : cmocka_run_group_tests(tests, NULL, NULL);
    bus_end_client();
    return n_failed;
}
