/* HTTP over real sockets: what a client may rely on, and what a hostile one gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/check.h"
#include "base/timeutil.h"
#include "testserver.h"

static char big[8 * 1024 * 1024];

static int start(void **state)
{
    static struct testserver t;
    struct server_options o = {.header_timeout_ms = 1000, .body_timeout_ms = 1000};
    testserver_start(&t, &o);
    *state = &t;
    return 0;
}

static int stop(void **state)
{
    testserver_stop(*state);
    return 0;
}

static void keep_alive_serves_many(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    for (int i = 0; i < 50; i++) {
        client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
        assert_non_null(strstr(big, "\r\n\r\nhello"));
    }
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_true(client_is_closed(fd));
    close(fd);
}

static void pipelined_answers_keep_order(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    char wanted[32];
    for (int i = 1; i <= 200; i++) {
        char rq[128];
        snprintf(rq, sizeof(rq), "GET /items/%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        client_send_text(fd, rq);
    }
    for (int i = 1; i <= 200; i++) {
        assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
        snprintf(wanted, sizeof(wanted), "{\"id\":\"%d\"", i);
        assert_non_null(strstr(big, wanted));
    }
    close(fd);
}

static void parameters_queries_and_misses(void **state)
{
    struct testserver *t = *state;
    static const struct {
        const char *request;
        int status;
        const char *has;
    } cases[] = {
        {"GET /items/12?q=%E9%80%80+x HTTP/1.1\r\nHost: x\r\n\r\n", 200,
         "\"q\":\"\xE9\x80\x80 x\""},
        {"GET /items/abc HTTP/1.1\r\nHost: x\r\n\r\n", 404, "application/problem+json"},
        {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, "not_found"},
        {"DELETE /hello HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: GET, HEAD, OPTIONS"},
        {"OPTIONS /hello HTTP/1.1\r\nHost: x\r\n\r\n", 204, "Allow: GET, HEAD, OPTIONS"},
        {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 204, "Allow:"},
        {"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", 500, "\"code\":\"internal\""},
        {"GET /socket HTTP/1.1\r\nHost: x\r\n\r\n", 426, "Upgrade: websocket"},
        {"GET /items/1 HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"v1\"\r\n\r\n", 304, "ETag: \"v1\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int fd = client_connect(t->port);
        client_send_text(fd, cases[i].request);
        assert_int_equal(client_answer(fd, big, sizeof(big)), cases[i].status);
        assert_non_null(strstr(big, cases[i].has));
        assert_null(strstr(big, "do not tell"));
        close(fd);
    }
}

static void head_has_no_body(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    client_send_text(fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    size_t n = client_read_all(fd, big, sizeof(big) - 1);
    big[n] = '\0';
    assert_non_null(strstr(big, "Content-Length: 5"));
    assert_null(strstr(big, "hello"));
    close(fd);
}

static void chunked_body_arrives_whole(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    const char *rq = "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    for (const char *c = rq; *c; c++) {
        client_send(fd, c, 1);
    }
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_non_null(strstr(big, "\"size\":11"));
    client_send_text(fd, rq); /* the connection goes on */
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    close(fd);
}

static void expect_continue_is_answered(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    client_send_text(
        fd, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 100);
    client_send_text(fd, "abc");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    close(fd);
    fd = client_connect(t->port); /* too large is told before the body is sent */
    client_send_text(
        fd,
        "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 413);
    assert_true(client_is_closed(fd));
    close(fd);
}

static void large_upload_goes_to_a_file(void **state)
{
    struct testserver *t = *state;
    size_t len = 5UL * 1024 * 1024;
    uint64_t sum = 0;
    char *body = mem_alloc(len), wanted[64];
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)(i * 7 % 251);
        sum += (uint64_t)(unsigned char)body[i];
    }
    snprintf(wanted, sizeof(wanted), "{\"size\":%zu,\"sum\":%llu,\"spooled\":true}", len,
             (unsigned long long)sum);
    int fd = client_connect(t->port);
    client_send_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5242880\r\n\r\n");
    client_send(fd, body, len);
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_non_null(strstr(big, wanted));
    client_send_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0; at < len; at += 65536) {
        client_send_text(fd, "10000\r\n");
        client_send(fd, body + at, 65536);
        client_send_text(fd, "\r\n");
    }
    client_send_text(fd, "0\r\n\r\n");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_non_null(strstr(big, wanted));
    close(fd);
    mem_free(body);
}

static void cut_upload_leaves_nothing(void **state)
{
    struct testserver *t = *state;
    char *body = mem_zalloc(1 << 20);
    for (int i = 0; i < 10; i++) {
        int fd = client_connect(t->port);
        client_send_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 5242880\r\n\r\n");
        client_send(fd, body, 1 << 20);
        close(fd);
    }
    mem_free(body);
    usleep(300000); /* testserver_stop checks that the folder is empty */
}

static void large_answer_and_file(void **state)
{
    struct testserver *t = *state;
    char path[128];
    snprintf(path, sizeof(path), "%s/file", t->spool_dir);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 3000000; i++) {
        fputc(i % 251, f);
    }
    fclose(f);
    int fd = client_connect(t->port);
    for (int round = 0; round < 2; round++) {
        client_send_text(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
        client_send_text(fd, "GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
        char *body = strstr(big, "\r\n\r\n") + 4;
        for (int i = 0; i < 3000000; i += 997) {
            assert_int_equal((unsigned char)body[i], i % 251);
        }
    }
    close(fd);
}

static void oversized_and_slow_are_refused(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHost: x\r\nX: ");
    memset(big, 'a', 20000);
    client_send(fd, big, 20000);
    assert_int_equal(client_answer(fd, big, sizeof(big)), 431);
    close(fd);
    fd = client_connect(t->port);
    client_send_text(fd,
                     "POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n");
    memset(big, 'a', 200);
    client_send(fd, big, 101);
    assert_int_equal(client_answer(fd, big, sizeof(big)), 413);
    close(fd);
    fd = client_connect(t->port);
    client_send_text(fd, "GET /hello HTTP/1.1\r\nHo");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 408);
    close(fd);
    fd = client_connect(t->port);
    client_send_text(fd, "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 408);
    close(fd);
    fd = client_connect(t->port); /* says nothing at all */
    assert_true(client_is_closed(fd));
    close(fd);
}

static void half_closed_client_gets_its_answer(void **state)
{
    struct testserver *t = *state;
    int fd = client_connect(t->port);
    client_send_text(fd, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    shutdown(fd, 1);
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_true(client_is_closed(fd));
    close(fd);
}

/* Four workers, three rounds of waiting each: a load balancer must not take that for a dead node. */
static void a_probe_is_answered_while_all_workers_wait(void **state)
{
    struct testserver *t = *state;
    int slow[12];
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        slow[i] = client_connect(t->port);
        client_send_text(slow[i], "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    usleep(50000);
    int64_t from = time_monotonic_ns();
    int fd = client_connect(t->port);
    client_send_text(fd, "GET /probe HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(client_answer(fd, big, sizeof(big)), 200);
    assert_true(time_monotonic_ns() - from < 300000000LL);
    close(fd);
    for (size_t i = 0; i < ARRAY_LEN(slow); i++) {
        assert_int_equal(client_answer(slow[i], big, sizeof(big)), 200);
        close(slow[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keep_alive_serves_many),
        cmocka_unit_test(a_probe_is_answered_while_all_workers_wait),
        cmocka_unit_test(pipelined_answers_keep_order),
        cmocka_unit_test(parameters_queries_and_misses),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(chunked_body_arrives_whole),
        cmocka_unit_test(expect_continue_is_answered),
        cmocka_unit_test(large_upload_goes_to_a_file),
        cmocka_unit_test(cut_upload_leaves_nothing),
        cmocka_unit_test(large_answer_and_file),
        cmocka_unit_test(oversized_and_slow_are_refused),
        cmocka_unit_test(half_closed_client_gets_its_answer),
    };
    return cmocka_run_group_tests_name("net_http", tests, start, stop);
}
