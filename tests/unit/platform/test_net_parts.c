/* The small pure parts of the server: routes, proxies, rates, origins, problems, workers, metrics, assets. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "platform/metrics.h"
#include "platform/origin.h"
#include "platform/problem.h"
#include "platform/proxy.h"
#include "platform/rate_limit.h"
#include "platform/router.h"
#include "platform/static_files.h"
#include "platform/workers.h"

/* ---- router ---- */

static const struct route routes[] = {
    {.method = HTTP_GET_METHOD, .pattern = "/", .operation = "root"},
    {.method = HTTP_GET_METHOD, .pattern = "/a", .operation = "a"},
    {.method = HTTP_POST_METHOD, .pattern = "/a", .operation = "a_post"},
    {.method = HTTP_GET_METHOD, .pattern = "/a/{id}", .operation = "a_id"},
    {.method = HTTP_GET_METHOD, .pattern = "/a/me", .operation = "a_me"},
    {.method = HTTP_DELETE_METHOD, .pattern = "/a/{other}", .operation = "a_delete"},
    {.method = HTTP_GET_METHOD, .pattern = "/a/{id}/b/{sub}", .operation = "deep"},
    {.method = HTTP_GET_METHOD, .pattern = "/a/me/c", .operation = "a_me_c"},
};

static void router_finds(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path, *operation, *allow;
    } cases[] = {
        {HTTP_GET_METHOD, "/", "root", "GET, HEAD, OPTIONS"},
        {HTTP_GET_METHOD, "/a", "a", "GET, POST, HEAD, OPTIONS"},
        {HTTP_HEAD_METHOD, "/a", "a", "GET, POST, HEAD, OPTIONS"},
        {HTTP_POST_METHOD, "/a", "a_post", "GET, POST, HEAD, OPTIONS"},
        {HTTP_PUT_METHOD, "/a", NULL, "GET, POST, HEAD, OPTIONS"},
        {HTTP_GET_METHOD, "/a/me", "a_me", "GET, HEAD, OPTIONS"},
        {HTTP_GET_METHOD, "/a/12", "a_id", "GET, DELETE, HEAD, OPTIONS"},
        {HTTP_DELETE_METHOD, "/a/12", "a_delete", "GET, DELETE, HEAD, OPTIONS"},
        {HTTP_GET_METHOD, "/a/12/b/x", "deep", "GET, HEAD, OPTIONS"},
        {HTTP_GET_METHOD, "/a/me/b/x", "deep",
         "GET, HEAD, OPTIONS"}, /* back from the literal branch */
        {HTTP_GET_METHOD, "/a/", NULL, ""},
        {HTTP_GET_METHOD, "/a//b/x", NULL, ""},
        {HTTP_GET_METHOD, "/b", NULL, ""},
        {HTTP_GET_METHOD, "/a/12/b", NULL, ""},
        {HTTP_GET_METHOD, "/a/12/b/x/y", NULL, ""},
    };
    struct router *r;
    struct errinfo info;
    assert_int_equal(router_new(routes, ARRAY_LEN(routes), &r, &info), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match m;
        char names[64];
        router_find(r, cases[i].method, str_from(cases[i].path), &m);
        const char *operation = m.route ? m.route->operation : NULL;
        if ((operation == NULL) != (cases[i].operation == NULL) ||
            (operation && strcmp(operation, cases[i].operation) != 0)) {
            fail_msg("%s: %s", cases[i].path, operation ? operation : "nothing");
        }
        router_allow(m.allowed, names);
        assert_string_equal(names, cases[i].allow);
    }
    struct route_match m;
    router_find(r, HTTP_GET_METHOD, STR("/a/12/b/x y"), &m);
    assert_int_equal(m.n_params, 2);
    assert_true(str_eq_cstr((struct str){m.params[1].name, m.params[1].name_len}, "sub"));
    assert_true(str_eq_cstr(m.params[1].value, "x y"));
    router_find(r, HTTP_DELETE_METHOD, STR("/a/12"),
                &m); /* each route knows its own name of the parameter */
    assert_true(str_eq_cstr((struct str){m.params[0].name, m.params[0].name_len}, "other"));
    router_free(&r);
    static const struct route twice[] = {{.pattern = "/x/{a}"}, {.pattern = "/x/{b}"}};
    assert_int_equal(router_new(twice, 2, &r, &info), ERR_INVALID);
}

/* ---- proxies ---- */

static void proxies_decide_who_calls(void **state)
{
    (void)state;
    static const struct {
        const char *trusted, *peer, *forwarded, *client;
    } cases[] = {
        {NULL, "1.2.3.4", "9.9.9.9", "1.2.3.4"},
        {"10.0.0.0/8", "1.2.3.4", "9.9.9.9", "1.2.3.4"},
        {"10.0.0.0/8", "10.1.1.1", "", "10.1.1.1"},
        {"10.0.0.0/8", "10.1.1.1", "9.9.9.9", "9.9.9.9"},
        {"10.0.0.0/8", "10.1.1.1", "6.6.6.6, 9.9.9.9",
         "9.9.9.9"}, /* what the client wrote itself is on the left */
        {"10.0.0.0/8", "10.1.1.1", "6.6.6.6, 9.9.9.9, 10.2.2.2", "9.9.9.9"},
        {"10.0.0.0/8", "10.1.1.1", "10.3.3.3, 10.2.2.2", "10.3.3.3"},
        {"10.0.0.0/8", "10.1.1.1", "rubbish, 10.2.2.2", "10.2.2.2"},
        {"10.0.0.0/8", "10.1.1.1", "9.9.9.9:4711", "9.9.9.9"},
        {"::1, fd00::/8", "::1", "[2001:db8::7]:443", "2001:db8::7"},
        {"127.0.0.1", "127.0.0.1", "::ffff:9.9.9.9", "9.9.9.9"},
        {"0.0.0.0/0", "8.8.8.8", "9.9.9.9", "9.9.9.9"},
        {"192.168.0.0/17", "192.168.127.255", "9.9.9.9", "9.9.9.9"},
        {"192.168.0.0/17", "192.168.128.0", "9.9.9.9", "192.168.128.0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct proxies *p;
        struct ip peer;
        char text[IP_TEXT_MAX];
        assert_int_equal(proxies_parse(cases[i].trusted, &p, NULL), ERR_OK);
        assert_true(ip_parse(str_from(cases[i].peer), &peer));
        struct ip client = proxies_client(p, &peer, str_from(cases[i].forwarded));
        struct str got = ip_format(&client, text);
        if (!str_eq_cstr(got, cases[i].client)) {
            fail_msg("case %zu: %s", i, text);
        }
        proxies_free(&p);
    }
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0",       "x",           "10.0.0.0/-1",
                                      "::1/129",     "10.0.0.0/8/8", "10.0.0.0/ 8x"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct proxies *p;
        assert_int_equal(proxies_parse(bad[i], &p, NULL), ERR_INVALID);
    }
}

/* ---- rates ---- */

static void buckets_fill_and_empty(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(10, 20, 0);
    struct ip a, b;
    int retry = 0, got = 0;
    assert_true(ip_parse(STR("1.1.1.1"), &a) && ip_parse(STR("2.2.2.2"), &b));
    for (int i = 0; i < 100; i++) {
        got += rate_limit_take(r, &a, 0, 1000, &retry);
    }
    assert_int_equal(got, 20);
    assert_int_equal(retry, 1);
    assert_true(rate_limit_take(r, &b, 0, 1000, &retry)); /* others are not punished */
    assert_true(rate_limit_take(r, &a, 1, 1000, &retry)); /* other classes have their own */
    assert_true(rate_limit_take(r, &a, 1, 1000, &retry));
    assert_false(rate_limit_take(r, &a, 1, 1000, &retry));
    for (got = 0; got < 200 && rate_limit_take(r, &a, 2, 1000, &retry); got++) {
    }
    assert_int_equal(got, 80);
    assert_false(rate_limit_take(r, &a, 0, 1099, &retry));
    assert_true(rate_limit_take(r, &a, 0, 1100, &retry));
    assert_false(rate_limit_take(r, &a, 0, 1100, &retry));
    assert_false(rate_limit_take(r, &a, 0, 500, &retry)); /* a clock that goes back gives nothing */
    got = 0;
    for (int i = 0; i < 100; i++) {
        got += rate_limit_take(r, &a, 0, 100000, &retry);
    }
    assert_int_equal(got, 20);
    rate_limit_free(&r);
}

static void strangers_do_not_grow_the_table(void **state)
{
    (void)state;
    struct rate_limit *r = rate_limit_new(10, 10, 2);
    int retry;
    for (uint32_t i = 0; i < 300000; i++) {
        struct ip ip = {.b = {0x20, 0x01, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
        assert_true(rate_limit_take(r, &ip, 0, i, &retry));
    }
    struct ip one = {.b = {0x20, 1, 1, 1, 1, 1, 1, 1, 5}},
              other_of_the_same_64 = {.b = {0x20, 1, 1, 1, 1, 1, 1, 1, 6}};
    assert_true(rate_limit_enter(r, &one));
    assert_true(rate_limit_enter(r, &other_of_the_same_64));
    assert_false(rate_limit_enter(r, &one));
    rate_limit_leave(r, &one);
    assert_true(rate_limit_enter(r, &one));
    rate_limit_free(&r);
}

/* ---- origins ---- */

static void origins(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *host;
        bool is_tls;
        const char *allowed;
        bool ok;
    } cases[] = {
        {"", "a", false, NULL, true},
        {"http://a", "a", false, NULL, true},
        {"https://a", "a", true, NULL, true},
        {"http://a", "a", true, NULL, false},
        {"http://a:81", "a:80", false, NULL, false},
        {"http://a.evil", "a", false, NULL, false},
        {"null", "a", false, NULL, false},
        {"https://x.example", "a", true, "https://y.example, https://x.example", true},
        {"https://x.example", "a", true, "https://y.example https://x.example", true},
        {"https://x.example.evil", "a", true, "https://x.example", false},
        {"https://x", "a", true, "https://x.example", false},
        {"https://anything", "a", true, "*", false},
        {"http://", "", false, "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (origin_is_allowed(str_from(cases[i].origin), str_from(cases[i].host), cases[i].is_tls,
                              cases[i].allowed) != cases[i].ok) {
            fail_msg("case %zu", i);
        }
    }
}

/* ---- problems ---- */

static void problems_name_field_and_code(void **state)
{
    (void)state;
    struct errinfo info = {0};
    BUF_AUTO b;
    struct json_writer w;
    buf_init(&b, 4096);
    json_writer_init(&w, &b);
    enum err err = err_set(&info, ERR_INVALID, "email", "too_long", "at most %d", 254);
    problem_write(&w, problem_status(err, &info), err, &info, 0xabc);
    assert_true(str_eq_cstr(
        buf_str(&b),
        "{\"type\":\"about:blank\",\"title\":\"Bad "
        "Request\",\"status\":400,\"code\":\"too_long\",\"detail\":\"at most 254\","
        "\"errors\":[{\"field\":\"email\",\"code\":\"too_long\",\"message\":\"at most 254\"}],"
        "\"request_id\":\"0000000000000abc\"}"));
    buf_clear(&b);
    json_writer_init(&w, &b);
    err = err_set(&info, ERR_INTERNAL, "table", "sql", "secret thing");
    problem_write(&w, problem_status(err, &info), err, &info, 0);
    assert_true(str_find(buf_str(&b), STR("secret")) == SIZE_MAX &&
                str_find(buf_str(&b), STR("sql")) == SIZE_MAX);
    static const struct {
        enum err err;
        const char *code;
        int status;
    } cases[] = {
        {ERR_INVALID, "x", 400},
        {ERR_NOT_FOUND, "x", 404},
        {ERR_CONFLICT, "x", 409},
        {ERR_DENIED, "x", 403},
        {ERR_UNAUTHORIZED, "x", 401},
        {ERR_LIMIT, "x", 429},
        {ERR_LIMIT, "too_large", 413},
        {ERR_CONFLICT, "version_mismatch", 412},
        {ERR_INVALID, "if_match_required", 428},
        {ERR_AGAIN, "x", 503},
        {ERR_TIMEOUT, "x", 504},
        {ERR_UNAVAILABLE, "x", 503},
        {ERR_PROTOCOL, "x", 502},
        {ERR_INTERNAL, "too_large", 500},
        {ERR_INVALID, "unsupported_media_type", 415},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_set(&info, cases[i].err, NULL, cases[i].code, "m");
        assert_int_equal(problem_status(cases[i].err, &info), cases[i].status);
        assert_int_equal(problem_status(ERR_NOT_FOUND, NULL), 404);
    }
}

/* ---- workers ---- */

#define N_KEYS 7
#define N_JOBS 7000

static _Atomic int running[N_KEYS], done;
static int last[N_KEYS];
struct job {
    int key, number;
};

static void keyed_job(void *arg)
{
    const struct job *j = arg;
    assert_int_equal(atomic_fetch_add(&running[j->key], 1), 0); /* never two of one key */
    assert_int_equal(last[j->key], j->number - 1);
    last[j->key] = j->number;
    atomic_fetch_sub(&running[j->key], 1);
    atomic_fetch_add(&done, 1);
}

static void keyed_jobs_keep_order(void **state)
{
    (void)state;
    static struct job jobs[N_JOBS];
    struct workers *w = workers_new(4, N_JOBS);
    for (int i = 0; i < N_JOBS; i++) {
        jobs[i] = (struct job){i % N_KEYS, i / N_KEYS + 1};
        assert_int_equal(workers_submit(w, (uint64_t)(i % N_KEYS) + 1, keyed_job, &jobs[i]),
                         ERR_OK);
    }
    workers_stop(w); /* runs what is queued */
    assert_int_equal(done, N_JOBS);
    assert_int_equal(workers_submit(w, 0, keyed_job, &jobs[0]), ERR_UNAVAILABLE);
    workers_free(&w);
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void gated_job(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
}

static void a_full_queue_says_so(void **state)
{
    (void)state;
    struct workers *w = workers_new(1, 5);
    int accepted = 0;
    pthread_mutex_lock(&gate);
    for (int i = 0; i < 20; i++) {
        accepted += workers_submit(w, 0, gated_job, NULL) == ERR_OK;
    }
    assert_true(accepted == 5 || accepted == 6); /* one may have been taken already */
    pthread_mutex_unlock(&gate);
    workers_free(&w);
}

/* ---- metrics ---- */

static int64_t forty_two(void *arg)
{
    (void)arg;
    return 42;
}

static void metrics_in_prometheus_text(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 10000);
    metrics_reset();
    struct metric *c = metric_counter("c_total", "A counter"),
                  *h = metric_histogram("h_seconds", "A histogram");
    metric_add(c, 2);
    metric_add(metric_counter("c_total", "A counter"), 1);
    metric_gauge_fn("g", "A gauge", forty_two, NULL);
    metric_observe_us(h, 500);
    metric_observe_us(h, 501);
    metric_observe_us(h, 99000000);
    metrics_write(&b);
    struct str s = buf_str(&b);
    assert_true(str_find(s, STR("# HELP c_total A counter\n# TYPE c_total counter\nc_total 3\n")) !=
                SIZE_MAX);
    assert_true(str_find(s, STR("\ng 42\n")) != SIZE_MAX);
    assert_true(
        str_find(s, STR("h_seconds_bucket{le=\"0.0005\"} 1\nh_seconds_bucket{le=\"0.001\"} 2\n")) !=
        SIZE_MAX);
    assert_true(
        str_find(
            s,
            STR("h_seconds_bucket{le=\"+Inf\"} 3\nh_seconds_sum 99.001001\nh_seconds_count 3\n")) !=
        SIZE_MAX);
    metrics_reset();
}

static void metrics_with_labels_stand_together(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 10000);
    metrics_reset();
    const char *offer = metric_name_with("runs_total", "kind", "offer");
    metric_add(metric_counter(offer, "Runs"), 1);
    metric_observe_us(metric_histogram("wait_seconds{pool=\"read\"}", "Waits"), 700);
    metric_add(metric_counter(metric_name_with("runs_total", "kind", "snooze"), "Runs"), 2);
    metric_add(metric_counter("runs_total_of_others", "Another one"), 4);
    assert_ptr_equal(metric_name_with("runs_total", "kind", "offer"), offer);
    metrics_write(&b);
    struct str s = buf_str(&b);
    assert_true(str_starts(s, STR("# HELP runs_total Runs\n# TYPE runs_total counter\n"
                                  "runs_total{kind=\"offer\"} 1\nruns_total{kind=\"snooze\"} 2\n"
                                  "# HELP wait_seconds Waits\n# TYPE wait_seconds histogram\n"
                                  "wait_seconds_bucket{pool=\"read\",le=\"0.0005\"} 0\n"
                                  "wait_seconds_bucket{pool=\"read\",le=\"0.001\"} 1\n")));
    assert_true(str_find(s, STR("wait_seconds_sum{pool=\"read\"} 0.000700\n"
                                "wait_seconds_count{pool=\"read\"} 1\n"
                                "# HELP runs_total_of_others Another one\n")) != SIZE_MAX);
    metrics_reset();
}

/* ---- embedded files ---- */

static const struct asset assets[] = {
    {.path = "/console/assets/app-Ab12_xyZ.js",
     .type = "text/javascript; charset=utf-8",
     .etag = "\"e1\"",
     .bytes = (const unsigned char *)"plain",
     .len = 5,
     .br = (const unsigned char *)"br",
     .br_len = 2,
     .gz = (const unsigned char *)"gzi",
     .gz_len = 3,
     .is_immutable = true},
    {.path = "/console/index.html",
     .type = "text/html; charset=utf-8",
     .etag = "\"e2\"",
     .bytes = (const unsigned char *)"<html>",
     .len = 6},
    {.path = "/widget/index.html",
     .type = "text/html; charset=utf-8",
     .etag = "\"e3\"",
     .bytes = (const unsigned char *)"<widget>",
     .len = 8},
    {.path = "/widget/loader.js",
     .type = "text/javascript; charset=utf-8",
     .etag = "\"e4\"",
     .bytes = (const unsigned char *)"load",
     .len = 4},
};

static const struct {
    const char *path, *encoding, *none_match;
    bool is_head;
    const char *has[4], *body; /* has NULL: not ours */
} asset_cases[] = {
    {"/console/assets/app-Ab12_xyZ.js",
     "",
     "",
     false,
     {"200 OK", "immutable", "Vary: Accept-Encoding", "nosniff"},
     "plain"},
    {"/console/assets/app-Ab12_xyZ.js",
     "gzip, br",
     "",
     false,
     {"Content-Encoding: br", "Content-Length: 2"},
     "br"},
    {"/console/assets/app-Ab12_xyZ.js", "gzip", "", false, {"Content-Encoding: gzip"}, "gzi"},
    {"/console/assets/app-Ab12_xyZ.js",
     "br;q=0, gzip;q=0.5",
     "",
     false,
     {"Content-Encoding: gzip"},
     "gzi"},
    {"/console/assets/app-Ab12_xyZ.js", "", "\"x\", W/\"e1\"", false, {"304 Not Modified"}, ""},
    {"/console/assets/app-Ab12_xyZ.js", "", "", true, {"Content-Length: 5"}, ""},
    {"/console/",
     "",
     "",
     false,
     {"200 OK", "no-cache", "frame-ancestors 'none'", "Cross-Origin-Opener-Policy"},
     "<html>"},
    {"/console/inbox/12", "", "", false, {"200 OK", "script-src 'self'"}, "<html>"},
    {"/console/assets/gone-00000000.js", "", "", false, {NULL}, NULL},
    {"/console", "", "", false, {"302 Found", "Location: /console/\r\n"}, ""},
    {"/widget/",
     "",
     "",
     false,
     {"frame-ancestors 'self' https://exchange.example", "Resource-Policy: cross-origin"},
     "<widget>"},
    {"/widget/loader.js", "br", "", false, {"max-age=300"}, "load"},
    {"/widget/else", "", "", false, {NULL}, NULL},
    {"/", "", "", false, {NULL}, NULL},
};

static void embedded_files(void **state)
{
    (void)state;
    struct static_files *f = static_files_new(assets, ARRAY_LEN(assets), NULL,
                                              "https://exchange.example;\nscript-src *");
    assert_true(str_find(static_files_policy(f, STR("/widget/")), STR(";script-src *")) ==
                SIZE_MAX); /* a setting is no way to write headers */
    for (size_t i = 0; i < ARRAY_LEN(asset_cases); i++) {
        struct static_query q = {.path = str_from(asset_cases[i].path),
                                 .accept_encoding = str_from(asset_cases[i].encoding),
                                 .if_none_match = str_from(asset_cases[i].none_match),
                                 .is_head = asset_cases[i].is_head,
                                 .keep_alive = true};
        struct frame *frames[2] = {0};
        bool found = static_files_answer(f, &q, frames);
        if (found != (asset_cases[i].has[0] != NULL)) {
            fail_msg("%s: %d", asset_cases[i].path, found);
        }
        for (int k = 0; k < 4 && asset_cases[i].has[k]; k++) {
            struct str head = {frames[0]->p, frames[0]->len};
            if (str_find(head, str_from(asset_cases[i].has[k])) == SIZE_MAX) {
                fail_msg("%s has no %s:\n" STR_FMT, asset_cases[i].path, asset_cases[i].has[k],
                         STR_ARG(head));
            }
        }
        if (found) {
            struct str body =
                frames[1] ? (struct str){frames[1]->p, frames[1]->len} : (struct str){0};
            assert_true(str_eq_cstr(body, asset_cases[i].body));
            frame_unref(&frames[0]);
            frame_unref(&frames[1]);
        }
    }
    static_files_free(&f);
    assert_true(static_files_is_hashed(STR("/a/index-B3xYz_1Q.js")));
    assert_false(static_files_is_hashed(STR("/a/index.js")));
    assert_false(static_files_is_hashed(STR("/a/help-articles.js")));
    assert_false(static_files_is_hashed(STR("/a/a-b.js")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_finds),
        cmocka_unit_test(proxies_decide_who_calls),
        cmocka_unit_test(buckets_fill_and_empty),
        cmocka_unit_test(strangers_do_not_grow_the_table),
        cmocka_unit_test(origins),
        cmocka_unit_test(problems_name_field_and_code),
        cmocka_unit_test(keyed_jobs_keep_order),
        cmocka_unit_test(a_full_queue_says_so),
        cmocka_unit_test(metrics_in_prometheus_text),
        cmocka_unit_test(metrics_with_labels_stand_together),
        cmocka_unit_test(embedded_files),
    };
    return cmocka_run_group_tests_name("platform_net_parts", tests, NULL, NULL);
}
