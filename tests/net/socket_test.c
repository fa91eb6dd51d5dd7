/* WebSockets over real sockets: echo, close codes, limits, slow readers, topics, the end. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/ws_frame.h"
#include "testserver.h"

static char big[200000];

static int start(void **state)
{
    static struct testserver t;
    struct server_options o = {.allowed_origins = "https://exchange.example"};
    testserver_start(&t, &o);
    *state = &t;
    return 0;
}

static int stop(void **state)
{
    testserver_stop(*state);
    return 0;
}

static void wait_until(const _Atomic int *counter, int wanted)
{
    for (int i = 0; i < 500 && *counter < wanted; i++) {
        usleep(10000);
    }
    assert_true(*counter >= wanted);
}

static void ten_thousand_echoes(void **state)
{
    struct testserver *t = *state;
    int fd = client_ws(t->port);
    size_t len;
    for (int i = 0; i < 10000; i++) {
        char text[64];
        int n = snprintf(text, sizeof(text), "message %d \xE9\x80\x80\xE6\xAC\xBE", i);
        client_ws_send(fd, WS_OP_TEXT, true, text, (size_t)n);
        assert_int_equal(client_ws_read(fd, big, sizeof(big), &len), WS_OP_TEXT);
        assert_string_equal(big, text);
    }
    close(fd);
}

static void large_and_fragmented_messages_come_back(void **state)
{
    struct testserver *t = *state;
    int fd = client_ws(t->port);
    char *m = mem_alloc(70000);
    size_t len;
    for (int i = 0; i < 70000; i++) {
        m[i] = (char)('a' + i % 26);
    }
    for (int round = 0; round < 20; round++) {
        client_ws_send(fd, WS_OP_TEXT, true, m, 70000);
        assert_int_equal(client_ws_read(fd, big, sizeof(big), &len), WS_OP_TEXT);
        assert_int_equal(len, 70000);
        assert_memory_equal(big, m, len);
    }
    client_ws_send(fd, WS_OP_TEXT, false, "abc\xE9", 4);
    client_ws_send(fd, WS_OP_PING, true, "p", 1);
    client_ws_send(fd, WS_OP_CONT, true, "\x80\x80", 2);
    assert_int_equal(client_ws_read(fd, big, sizeof(big), &len), WS_OP_PONG);
    assert_string_equal(big, "p");
    assert_int_equal(client_ws_read(fd, big, sizeof(big), &len), WS_OP_TEXT);
    assert_string_equal(big, "abc\xE9\x80\x80");
    mem_free(m);
    close(fd);
}

static void breaches_get_their_close_code(void **state)
{
    struct testserver *t = *state;
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        int code;
    } cases[] = {
        {"not masked", "\x81\x01x", 3, 1002},
        {"reserved bit", "\xC1\x80\0\0\0\0", 6, 1002},
        {"unknown opcode", "\x83\x80\0\0\0\0", 6, 1002},
        {"long ping", "\x89\xFE\x00\x7E\0\0\0\0", 8, 1002},
        {"split ping", "\x09\x80\0\0\0\0", 6, 1002},
        {"lone continuation", "\x80\x80\0\0\0\0", 6, 1002},
        {"text inside text", "\x01\x80\0\0\0\0\x81\x80\0\0\0\0", 12, 1002},
        {"bad utf-8", "\x81\x81\0\0\0\0\xFF", 7, 1007},
        {"cut utf-8", "\x81\x81\0\0\0\0\xE9", 7, 1007},
        {"binary", "\x82\x80\0\0\0\0", 6, 1003},
        {"too big", "\x81\xFF\0\0\0\0\0\x10\0\0\0\0\0\0", 14, 1009},
        {"not the shortest length", "\x81\xFE\x00\x01\0\0\0\0x", 9, 1002},
        {"close with bad code", "\x88\x82\0\0\0\0\x03\xED", 8, 1002},
        {"close with one byte", "\x88\x81\0\0\0\0\x03", 7, 1002},
        {"normal close", "\x88\x82\0\0\0\0\x03\xE8", 8, 1000},
        {"empty close", "\x88\x80\0\0\0\0", 6, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = client_ws(t->port);
        client_send(fd, cases[i].bytes, cases[i].len);
        int code = client_ws_close_code(fd);
        if (code != cases[i].code) {
            fail_msg("%s: %d instead of %d", cases[i].name, code, cases[i].code);
        }
        assert_true(client_is_closed(fd));
        close(fd);
    }
}

static void handshake_is_checked(void **state)
{
    struct testserver *t = *state;
    static const struct {
        const char *path, *extra;
        int status;
    } cases[] = {
        {"/socket", "Origin: https://evil.example\r\n", 403},
        {"/socket", "Origin: null\r\n", 403},
        {"/socket", "Origin: https://exchange.example\r\n", 101},
        {"/socket?token=bad", "", 401},
        {"/nowhere", "", 404},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        int fd = client_ws_at(t->port, cases[i].path, cases[i].extra, &status);
        assert_int_equal(status, cases[i].status);
        close(fd);
    }
    char own[64];
    int status;
    snprintf(own, sizeof(own), "Origin: http://127.0.0.1:%d\r\n", t->port);
    close(client_ws_at(t->port, "/socket", own, &status));
    assert_int_equal(status, 101);
}

static void hello_must_come(void **state)
{
    struct testserver *t = *state;
    int status, fd = client_ws_at(t->port, "/strict", "", &status);
    assert_int_equal(client_ws_close_code(fd), 4001);
    close(fd);
    fd = client_ws_at(t->port, "/strict", "", &status);
    client_ws_send(fd, WS_OP_TEXT, true, "accept", 6);
    usleep(800000);
    client_ws_send(fd, WS_OP_TEXT, true, "still here", 10);
    assert_int_equal(client_ws_read(fd, big, sizeof(big), NULL), WS_OP_TEXT);
    close(fd);
}

static void flood_is_closed(void **state)
{
    struct testserver *t = *state;
    int status, fd = client_ws_at(t->port, "/strict", "", &status);
    for (int i = 0; i < 100; i++) {
        client_ws_send(fd, WS_OP_TEXT, true, "x", 1);
    }
    assert_int_equal(client_ws_close_code(fd), 4029);
    close(fd);
}

static void slow_reader_is_told_to_come_back(void **state)
{
    struct testserver *t = *state;
    int closed = seen.closed, fd = client_ws(t->port);
    client_ws_send(fd, WS_OP_TEXT, true, "flood", 5);
    usleep(300000);
    assert_int_equal(client_ws_close_code(fd), 4008);
    close(fd);
    wait_until(&seen.closed, closed + 1);
    struct server_stats st;
    server_stats_get(t->server, &st);
    assert_true(st.behind_closed >= 1);
}

static void server_closes_when_asked(void **state)
{
    struct testserver *t = *state;
    int fd = client_ws(t->port);
    client_ws_send(fd, WS_OP_TEXT, true, "bye", 3);
    assert_int_equal(client_ws_close_code(fd), 4003);
    client_ws_send(fd, WS_OP_CLOSE, true, "\x0f\xa3", 2);
    assert_true(client_is_closed(fd));
    close(fd);
}

/* ---- topics ---- */

#define N_PUBLISHED 20000
static struct testserver *publishing;

static void *publish_all(void *arg)
{
    (void)arg;
    for (int i = 1; i <= N_PUBLISHED; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%d", i);
        struct frame *f = frame_new_text((struct str){text, (size_t)n});
        socket_publish(publishing->server, 7, i, f, NULL);
        frame_unref(&f);
        if (i % 50 == 0) {
            usleep(500);
        }
    }
    return NULL;
}

/* Members that join live, and the sequence each of them sees. */
static void published_frames_arrive_in_order_once(void **state)
{
    struct testserver *t = *state;
    enum { N = 600 }; /* more than two slices of a fan-out */
    static int fds[N];
    for (int i = 0; i < N; i++) {
        fds[i] = client_ws(t->port);
        client_ws_send(fds[i], WS_OP_TEXT, true, "join", 4);
        assert_int_equal(client_ws_read(fds[i], big, sizeof(big), NULL), WS_OP_TEXT);
    }
    for (int i = 1; i <= 50; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "%d", i);
        struct frame *f = frame_new_text((struct str){text, (size_t)n});
        socket_publish(t->server, 7, i, f, NULL);
        frame_unref(&f);
        if (i % 7 == 0) {
            close(fds[i]); /* leaves in the middle of it */
            fds[i] = -1;
        }
    }
    for (int i = 0; i < N; i++) {
        for (int k = 1; k <= 50 && fds[i] >= 0; k++) {
            assert_int_equal(client_ws_read(fds[i], big, sizeof(big), NULL), WS_OP_TEXT);
            assert_int_equal(strtol(big, NULL, 10), k);
        }
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

/* What an application does on resume, against a publisher that never stops: join held, "read the database" up to `last`, send that, release. */
static void held_join_misses_nothing(void **state)
{
    struct testserver *t = *state;
    publishing = t;
    pthread_t thread;
    int fd = client_ws(t->port);
    client_ws_send(fd, WS_OP_TEXT, true, "join-held", 9);
    assert_int_equal(client_ws_read(fd, big, sizeof(big), NULL), WS_OP_TEXT);
    assert_int_equal(pthread_create(&thread, NULL, publish_all, NULL), 0);
    usleep(20000);
    for (int i = 1; i <= 100; i++) { /* the database has these; some of them are held as well */
        char text[32];
        int n = snprintf(text, sizeof(text), "%d", i);
        struct frame *f = frame_new_text((struct str){text, (size_t)n});
        socket_send(t->server, seen_conn, f);
        frame_unref(&f);
    }
    socket_release(t->server, seen_conn, 7, 100);
    for (int i = 1; i <= N_PUBLISHED; i++) {
        assert_int_equal(client_ws_read(fd, big, sizeof(big), NULL), WS_OP_TEXT);
        assert_int_equal(strtol(big, NULL, 10), i);
    }
    pthread_join(thread, NULL);
    close(fd);
}

static void *stop_main(void *server)
{
    server_stop(server);
    return NULL;
}

static void stop_says_going_away(void **state)
{
    (void)state;
    static struct testserver t;
    struct server_options o = {0};
    testserver_start(&t, &o);
    int a = client_ws(t.port), b = client_ws(t.port), h = client_connect(t.port);
    client_send_text(h, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    usleep(50000);
    pthread_t thread;
    int64_t began = time_monotonic_ns();
    assert_int_equal(pthread_create(&thread, NULL, stop_main, t.server), 0);
    assert_int_equal(client_ws_close_code(a), 1001);
    assert_int_equal(client_ws_close_code(b), 1001);
    client_ws_send(a, WS_OP_CLOSE, true, "\x03\xe9", 2);
    client_ws_send(b, WS_OP_CLOSE, true, "\x03\xe9", 2);
    assert_int_equal(client_answer(h, big, sizeof(big)), 200); /* what was under way is answered */
    close(a);
    close(b);
    close(h);
    pthread_join(thread, NULL);
    assert_true(time_monotonic_ns() - began < 4000000000LL);
    assert_int_equal(seen.closed, 2);
    testserver_stop(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_join_misses_nothing),
        cmocka_unit_test(ten_thousand_echoes),
        cmocka_unit_test(large_and_fragmented_messages_come_back),
        cmocka_unit_test(breaches_get_their_close_code),
        cmocka_unit_test(handshake_is_checked),
        cmocka_unit_test(hello_must_come),
        cmocka_unit_test(flood_is_closed),
        cmocka_unit_test(slow_reader_is_told_to_come_back),
        cmocka_unit_test(server_closes_when_asked),
        cmocka_unit_test(published_frames_arrive_in_order_once),
    };
    const struct CMUnitTest last[] = {cmocka_unit_test(stop_says_going_away)};
    int failed = cmocka_run_group_tests_name("net_socket", tests, start, stop);
    return failed + cmocka_run_group_tests_name("net_stop", last, NULL, NULL);
}
