/* Clients that mean harm, or have a bad day: a thousand slow ones, random cuts, floods, limits. The others must not notice. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/ws_frame.h"
#include "testserver.h"

static char big[8 * 1024 * 1024];

static long resident_kb(void)
{
    char line[256];
    long kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kb;
}

static void wait_for_connections(struct testserver *t, int64_t wanted)
{
    struct server_stats st = {0};
    for (int i = 0; i < 1000; i++) {
        server_stats_get(t->server, &st);
        if (st.connections == wanted) {
            return;
        }
        usleep(10000);
    }
    fail_msg("%lld connections are left, not %lld", (long long)st.connections, (long long)wanted);
}

static void get_hello(int port)
{
    char b[4096];
    int fd = client_connect(port);
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(client_answer(fd, b, sizeof(b)), 200);
    close(fd);
}

static void a_thousand_slow_heads(void **state)
{
    (void)state;
    enum { N = 1000 };
    static int fds[N];
    static struct testserver t;
    struct server_options o = {.header_timeout_ms = 3000};
    testserver_start(&t, &o);
    get_hello(t.port);
    long before = resident_kb();
    int64_t began = time_monotonic_ns();
    for (int i = 0; i < N; i++) {
        fds[i] = client_connect(t.port);
        client_send_text(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n");
    }
    for (int round = 0; round < 10; round++) {
        int64_t at = time_monotonic_ns();
        get_hello(t.port); /* an honest one in between */
        assert_true(time_monotonic_ns() - at < 1000000000LL);
        for (int i = 0; i < N; i++) {
            client_send_text(fds[i], "X: y\r\n");
        }
        usleep(100000);
    }
    long grown = resident_kb() - before;
    if (grown > 40000) {
        fail_msg("%ld kB for %d slow heads", grown, N);
    }
    for (int i = 0; i < N; i++) { /* dripping does not move the deadline */
        assert_int_equal(client_answer(fds[i], big, sizeof(big)), 408);
        close(fds[i]);
    }
    assert_true(time_monotonic_ns() - began < 20000000000LL);
    wait_for_connections(&t, 0);
    testserver_stop(&t);
}

static void slow_readers_are_cut(void **state)
{
    (void)state;
    static struct testserver t;
    struct server_options o = {.body_timeout_ms = 700};
    testserver_start(&t, &o);
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = client_connect(t.port);
        int small = 4096;
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        for (int k = 0; k < 3; k++) {
            client_send_text(fds[i], "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        }
    }
    get_hello(t.port);
    wait_for_connections(&t, 0); /* nobody read a byte */
    for (int i = 0; i < 20; i++) {
        close(fds[i]);
    }
    testserver_stop(&t);
}

static void send_random(struct rng *r, int fd)
{
    static const char *const pieces[] = {
        "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /large HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n",
        "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "10000\r\n",
        "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: "
        "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "\r\n",
        "\n",
    };
    for (uint64_t n = 1 + rng_below(r, 4); n > 0; n--) {
        uint64_t what = rng_below(r, 12);
        if (what < 9) {
            size_t len = strlen(pieces[what]);
            client_send(fd, pieces[what], rng_below(r, 4) == 0 ? rng_below(r, len) : len);
        } else if (what == 9) {
            memset(big, 'b', 300000);
            client_send(fd, big, rng_below(r, 300000));
        } else if (what == 10) {
            client_ws_send(fd, WS_OP_TEXT, rng_below(r, 2) == 0, "flood", 5);
        } else {
            client_ws_send(fd, WS_OP_TEXT, true, rng_below(r, 2) ? "join" : "join-held", 4);
        }
    }
}

static void a_thousand_random_cuts(void **state)
{
    (void)state;
    static struct testserver t;
    struct server_options o = {.header_timeout_ms = 2000, .body_timeout_ms = 2000, .n_loops = 2};
    struct rng r;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&r, seed);
    testserver_start(&t, &o);
    for (int i = 0; i < 1000; i++) {
        int fd = client_connect(t.port);
        struct timeval tv = {.tv_usec = 50000};
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
        send_random(&r, fd);
        if (rng_below(&r, 3) == 0) {
            recv(fd, big, 1 + rng_below(&r, 1000), MSG_DONTWAIT);
        }
        if (rng_below(&r, 2) == 0) {
            struct linger reset = {1, 0};
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        if (i % 10 == 0) {
            usleep(1000);
        }
        close(fd);
    }
    get_hello(t.port);
    wait_for_connections(&t, 0);
    assert_int_equal(seen.opened, seen.closed); /* each on_open had its on_close */
    testserver_stop(&t);
}

static void stop_in_the_middle_of_everything(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 42);
    for (int round = 0; round < 3; round++) {
        static struct testserver t;
        struct server_options o = {.n_loops = 2, .header_timeout_ms = 500, .body_timeout_ms = 500};
        static int fds[100];
        testserver_start(&t, &o);
        for (int i = 0; i < 100; i++) {
            fds[i] = client_connect(t.port);
            struct timeval tv = {.tv_usec = 20000};
            setsockopt(fds[i], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
            send_random(&r, fds[i]);
        }
        int64_t began = time_monotonic_ns();
        server_stop(t.server);
        assert_true(time_monotonic_ns() - began < 14000000000LL);
        assert_int_equal(seen.opened, seen.closed);
        for (int i = 0; i < 100; i++) {
            close(fds[i]);
        }
        testserver_stop(&t);
    }
}

static void connections_and_rates_have_limits(void **state)
{
    (void)state;
    static struct testserver t;
    struct server_options o = {.max_connections = 20};
    int fds[40], alive = 0;
    testserver_start(&t, &o);
    for (int i = 0; i < 40; i++) {
        fds[i] = client_connect(t.port);
        client_send_text(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    for (int i = 0; i < 40; i++) {
        alive += client_answer(fds[i], big, sizeof(big)) == 200;
        close(fds[i]);
    }
    assert_int_equal(alive, 20);
    testserver_stop(&t);

    struct server_options per_ip = {.max_connections_per_ip = 5};
    testserver_start(&t, &per_ip);
    alive = 0;
    for (int i = 0; i < 10; i++) {
        fds[i] = client_connect(t.port);
        client_send_text(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        alive += client_answer(fds[i], big, sizeof(big)) == 200;
    }
    assert_int_equal(alive, 5);
    for (int i = 0; i < 10; i++) {
        close(fds[i]);
    }
    wait_for_connections(&t, 0);
    get_hello(t.port); /* places come back */
    testserver_stop(&t);

    struct server_options rate = {.rate_per_s = 10, .rate_burst = 10};
    int limited = 0;
    testserver_start(&t, &rate);
    int fd = client_connect(t.port);
    for (int i = 0; i < 15; i++) {
        client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        limited += client_answer(fd, big, sizeof(big)) == 429;
    }
    assert_true(limited >= 3 && limited <= 5);
    assert_non_null(strstr(big, "Retry-After: 1"));
    close(fd);
    testserver_stop(&t);
}

static void forwarded_addresses_need_trust(void **state)
{
    (void)state;
    static const struct {
        const char *trusted, *ip, *tls;
    } cases[] = {{NULL, "\"ip\":\"127.0.0.1\"", "\"tls\":false"},
                 {"127.0.0.1", "\"ip\":\"9.9.9.9\"", "\"tls\":true"}};
    for (int i = 0; i < 2; i++) {
        static struct testserver t;
        struct server_options o = {.trusted_proxies = cases[i].trusted};
        testserver_start(&t, &o);
        int fd = client_connect(t.port);
        client_send_text(fd,
                         "GET /items/1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: "
                         "6.6.6.6\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n\r\n");
        assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
        assert_non_null(strstr(big, cases[i].ip));
        assert_non_null(strstr(big, cases[i].tls));
        close(fd);
        testserver_stop(&t);
    }
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const struct {
    const char *target;
    int status;
} disk_cases[] = {
    {"/console/", 200},
    {"/console/any/route", 200},
    {"/console/app.js", 200},
    {"/console", 302},
    {"/console/none.js", 404},
    {"/../secret", 400},
    {"/console/../../secret", 400},
    {"/console/%2e%2e/secret", 400},
    {"/console/link", 404},
    {"/console/out/secret", 404},
    {"//etc/passwd", 400},
    {"/etc/passwd", 404},
    {"/console/..%5csecret", 400},
};

static void files_from_disk_stay_in_their_folder(void **state)
{
    (void)state;
    static struct testserver t;
    char root[] = "/tmp/stablehand-web-XXXXXX", path[128], web[64];
    assert_non_null(mkdtemp(root));
    snprintf(web, sizeof(web), "%s/web", root);
    snprintf(path, sizeof(path), "%s/console", web);
    mkdir(web, 0700);
    mkdir(path, 0700);
    write_file(root, "secret", "secret");
    write_file(path, "index.html", "<title>console</title>");
    write_file(path, "app.js", "app");
    snprintf(path, sizeof(path), "%s/console/link.txt", web);
    assert_int_equal(symlink("../../secret", path), 0);
    snprintf(path, sizeof(path), "%s/console/out", web);
    assert_int_equal(symlink("../..", path), 0);
    struct server_options o = {.web_dir = web};
    testserver_start(&t, &o);
    for (size_t i = 0; i < sizeof(disk_cases) / sizeof(disk_cases[0]); i++) {
        char rq[256];
        int fd = client_connect(t.port);
        snprintf(rq, sizeof(rq), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n",
                 strcmp(disk_cases[i].target, "/console/link") == 0 ? "/console/link.txt"
                                                                    : disk_cases[i].target);
        client_send_text(fd, rq);
        int status = client_answer(fd, big, sizeof(big));
        if (strcmp(disk_cases[i].target, "/console/out/secret") == 0 && status == 200) {
            assert_non_null(
                strstr(big, "<title>console")); /* no extension: the console's own page */
            status = 404;
        }
        if (status != disk_cases[i].status || strstr(big, "\r\n\r\nsecret")) {
            fail_msg("%s: %d", disk_cases[i].target, status);
        }
        close(fd);
    }
    testserver_stop(&t);
    static const char *const names[] = {"web/console/index.html", "web/console/app.js",
                                        "web/console/link.txt", "web/console/out", "secret"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof(path), "%s/console", web);
    rmdir(path);
    rmdir(web);
    rmdir(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_slow_heads),
        cmocka_unit_test(slow_readers_are_cut),
        cmocka_unit_test(a_thousand_random_cuts),
        cmocka_unit_test(stop_in_the_middle_of_everything),
        cmocka_unit_test(connections_and_rates_have_limits),
        cmocka_unit_test(forwarded_addresses_need_trust),
        cmocka_unit_test(files_from_disk_stay_in_their_folder),
    };
    return cmocka_run_group_tests_name("net_hostile", tests, NULL, NULL);
}
