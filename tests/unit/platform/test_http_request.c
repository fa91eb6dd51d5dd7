/* What handlers read from a request and what they can put into an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "platform/http_impl.h"
#include "platform/http_range.h"
#include "platform/version.h"

struct fixture {
    struct http_request hq;
    struct http_field fields[8];
    struct response rs;
};

static struct fixture *make(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    f.hq.rq.arena = *state;
    f.hq.fields = f.fields;
    response_init(&f.rs, *state, true);
    return &f;
}

static void add_field(struct fixture *f, const char *name, const char *value)
{
    f->fields[f->hq.n_fields++] = (struct http_field){str_from(name), str_from(value)};
}

static int setup(void **state)
{
    *state = arena_new(0);
    return 0;
}

static int teardown(void **state)
{
    struct arena *a = *state;
    arena_free(&a);
    return 0;
}

#define IS(value, text) assert_true(str_eq_cstr((value), (text)))

static void headers_and_cookies(void **state)
{
    struct fixture *f = make(state);
    struct request *rq = &f->hq.rq;
    add_field(f, "Content-TYPE", "text/plain");
    add_field(f, "Cookie", "a=1; bb=two words ; c=\"quoted\"; empty=; junk; a=second");
    add_field(f, "cookie", "d=4");
    IS(request_header(rq, "content-type"), "text/plain");
    IS(request_header(rq, "missing"), "");
    IS(request_cookie(rq, "a"), "1");
    IS(request_cookie(rq, "bb"), "two words");
    IS(request_cookie(rq, "c"), "quoted");
    IS(request_cookie(rq, "empty"), "");
    IS(request_cookie(rq, "junk"), "");
    IS(request_cookie(rq, "d"), "4");
    IS(request_cookie(rq, "b"), "");
    IS(request_cookie(rq, "A"), "");
}

static void queries(void **state)
{
    struct fixture *f = make(state);
    struct request *rq = &f->hq.rq;
    int64_t v = -1;
    rq->query = STR("q=%E5%86%BB%E7%BB%93+x&n=12&bad=%zz&%6eame=coded&flag&n=13&big="
                    "99999999999999999999&eq=a=b");
    IS(request_query(rq, "q"), "\xE5\x86\xBB\xE7\xBB\x93 x");
    IS(request_query(rq, "name"), "coded");
    IS(request_query(rq, "bad"), "");
    IS(request_query(rq, "flag"), "");
    IS(request_query(rq, "eq"), "a=b");
    IS(request_query(rq, "none"), "");
    assert_int_equal(request_query_i64(rq, "n", 1, 100, 5, &v, NULL), ERR_OK);
    assert_int_equal(v, 12);
    assert_int_equal(request_query_i64(rq, "none", 1, 100, 5, &v, NULL), ERR_OK);
    assert_int_equal(v, 5);
    struct errinfo info = {0};
    assert_int_equal(request_query_i64(rq, "n", 1, 10, 5, &v, &info), ERR_INVALID);
    assert_string_equal(info.field, "n");
    assert_string_equal(info.code, "range");
    assert_int_equal(request_query_i64(rq, "q", 1, 10, 5, &v, &info), ERR_INVALID);
    assert_int_equal(request_query_i64(rq, "big", 1, 10, 5, &v, &info), ERR_INVALID);
}

static void cursors_go_round(void **state)
{
    struct fixture *f = make(state);
    struct request *rq = &f->hq.rq;
    struct page page;
    BUF_AUTO b;
    struct json_writer w;
    assert_int_equal(request_page(rq, &page, NULL), ERR_OK);
    assert_true(page.limit == 30 && page.after == 0 && page.after2 == 0);
    buf_init(&b, 1000);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cursor(&w, true, -7, INT64_MAX);
    json_object_end(&w);
    struct str text = buf_str(&b);
    size_t at = str_find(text, STR(":\"")) + 2;
    struct str cursor = str_sub(text, at, text.len - at - 2);
    rq->query = str_printf(rq->arena, "limit=100&cursor=" STR_FMT, STR_ARG(cursor));
    assert_int_equal(request_page(rq, &page, NULL), ERR_OK);
    assert_true(page.limit == 100 && page.after == -7 && page.after2 == INT64_MAX);
    static const char *const bad[] = {
        "limit=0",
        "limit=101",
        "limit=x",
        "cursor=!!",
        "cursor=MTI",
        "cursor=YS5i",
        "cursor=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        rq->query = str_from(bad[i]);
        assert_int_equal(request_page(rq, &page, NULL), ERR_INVALID);
    }
}

static void bodies_are_json_objects(void **state)
{
    static const struct {
        const char *type, *body;
        enum err err;
        const char *code;
    } cases[] = {
        {"application/json", "{\"a\":1}", ERR_OK, ""},
        {"Application/JSON; charset=utf-8", "{}", ERR_OK, ""},
        {"text/plain", "{}", ERR_INVALID, "unsupported_media_type"},
        {"", "{}", ERR_INVALID, "unsupported_media_type"},
        {"application/json", "[]", ERR_INVALID, "type"},
        {"application/json", "{\"a\":", ERR_INVALID, NULL},
        {"application/json", "", ERR_INVALID, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fixture *f = make(state);
        const struct json *v;
        struct errinfo info = {0};
        add_field(f, "Content-Type", cases[i].type);
        f->hq.rq.body = str_from(cases[i].body);
        enum err err = request_json(&f->hq.rq, &v, &info);
        if (err != cases[i].err || (cases[i].code && strcmp(info.code, cases[i].code) != 0)) {
            fail_msg("case %zu: %s %s", i, err_name(err), info.code);
        }
        json_doc_free(&f->hq.json);
    }
}

static void versions_must_match(void **state)
{
    struct fixture *f = make(state);
    struct errinfo info = {0};
    assert_int_equal(request_if_match(&f->hq.rq, 3, &info), ERR_INVALID);
    assert_string_equal(info.code, "if_match_required");
    add_field(f, "If-Match", "\"v3\"");
    assert_int_equal(request_if_match(&f->hq.rq, 3, &info), ERR_OK);
    assert_int_equal(request_if_match(&f->hq.rq, 4, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "version_mismatch");
    static const struct {
        const char *tag;
        int64_t version;
    } rows[] = {{"\"v12\"", 12}, {"*", VERSION_ANY}, {"\"v-1\"", 0}, {"\"v1x\"", 0},
                {"v3", 0},       {"\"v\"", 0},       {"\"", 0},      {"W/\"v3\"", 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t version = 99;
        f->hq.fields[0].value = str_from(rows[i].tag);
        assert_int_equal(request_version(&f->hq.rq, &version, &info), ERR_OK);
        if (version != rows[i].version) {
            fail_msg("%s: %lld", rows[i].tag, (long long)version);
        }
    }
}

static void one_range_of_a_file(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        enum http_range want;
        int64_t from, len;
    } rows[] = {
        {"", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-9", HTTP_RANGE_PART, 0, 10},
        {"Bytes=90-", HTTP_RANGE_PART, 90, 10},
        {"bytes=90-1000", HTTP_RANGE_PART, 90, 10},
        {"bytes=-7", HTTP_RANGE_PART, 93, 7},
        {"bytes=-700", HTTP_RANGE_PART, 0, 100},
        {"bytes=99-99", HTTP_RANGE_PART, 99, 1},
        {"bytes=100-", HTTP_RANGE_OUTSIDE, 0, 0},
        {"bytes=-0", HTTP_RANGE_OUTSIDE, 0, 0},
        {"bytes=9-3", HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-1,5-6", HTTP_RANGE_NONE, 0, 0},
        {"bytes=--5", HTTP_RANGE_NONE, 0, 0},
        {"bytes=-", HTTP_RANGE_NONE, 0, 0},
        {"bytes= 1-2", HTTP_RANGE_NONE, 0, 0},
        {"lines=1-2", HTTP_RANGE_NONE, 0, 0},
        {"bytes", HTTP_RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-", HTTP_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t from = 0, len = 0;
        enum http_range got = http_range_parse(str_from(rows[i].header), 100, &from, &len);
        if (got != rows[i].want || from != rows[i].from || len != rows[i].len) {
            fail_msg("%s: %d %lld+%lld", rows[i].header, got, (long long)from, (long long)len);
        }
    }
    int64_t from = 0, len = 0;
    assert_int_equal(http_range_parse(STR("bytes=0-"), 0, &from, &len), HTTP_RANGE_OUTSIDE);
}

static void nothing(void *arg)
{
    ++*(int *)arg;
}

static struct str finished(struct fixture *f, const struct answer *how, struct reply *reply)
{
    int released = 0;
    response_finish(&f->rs, how, nothing, &released, reply);
    assert_int_equal(released, reply->frames[1] ? 0 : 1);
    return (struct str){reply->frames[0]->p, reply->frames[0]->len};
}

static void answers_carry_safe_headers(void **state)
{
    struct fixture *f = make(state);
    struct reply reply;
    struct answer how = {.keep_alive = true};
    response_header(&f->rs, "X-Good", STR("yes"));
    response_header(&f->rs, "X-Split", STR("a\r\nSet-Cookie: evil=1"));
    response_cookie(&f->rs, "sid", STR("abc"), 60, true);
    response_cookie(&f->rs, "gone", STR(""), 0, false);
    response_etag(&f->rs, 12);
    struct json_writer *w = response_json(&f->rs);
    json_object_begin(w);
    json_object_end(w);
    struct str head = finished(f, &how, &reply);
    static const char *const wanted[] = {
        "HTTP/1.1 200 OK\r\n",
        "X-Good: yes\r\n",
        "Set-Cookie: sid=abc; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=60\r\n",
        "Set-Cookie: gone=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0\r\n",
        "ETag: \"v12\"\r\n",
        "Content-Type: application/json\r\n",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Strict-Transport-Security",
        "Content-Length: 2\r\n\r\n{}"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (str_find(head, str_from(wanted[i])) == SIZE_MAX) {
            fail_msg("no %s in\n" STR_FMT, wanted[i], STR_ARG(head));
        }
    }
    assert_true(str_find(head, STR("evil")) == SIZE_MAX);
    frame_unref(&reply.frames[0]);
    response_release(&f->rs);
}

static void known_etags_are_not_sent_again(void **state)
{
    struct fixture *f = make(state);
    struct reply reply;
    struct answer how = {.keep_alive = true, .if_none_match = STR("\"v1\", \"v12\"")};
    response_etag(&f->rs, 12);
    response_body(&f->rs, STR("text/plain"), STR("body"));
    struct str head = finished(f, &how, &reply);
    assert_true(str_starts(head, STR("HTTP/1.1 304 ")));
    assert_true(str_find(head, STR("body")) == SIZE_MAX &&
                str_find(head, STR("Content-Length")) == SIZE_MAX);
    frame_unref(&reply.frames[0]);
    f = make(state);
    response_no_content(&f->rs);
    head = finished(f, &how, &reply);
    assert_true(str_starts(head, STR("HTTP/1.1 204 ")) && str_ends(head, STR("\r\n\r\n")));
    assert_true(str_find(head, STR("Content-Length")) == SIZE_MAX);
    frame_unref(&reply.frames[0]);
}

static void too_large_an_answer_is_our_failure(void **state)
{
    struct fixture *f = make(state);
    struct reply reply;
    struct answer how = {.keep_alive = true};
    struct json_writer *w = response_json(&f->rs);
    char *piece = arena_alloc(*state, 1000000);
    memset(piece, 'x', 1000000);
    json_array_begin(w);
    for (int i = 0; i < 9; i++) {
        json_put_str(w, (struct str){piece, 1000000});
    }
    json_array_end(w);
    struct str head = finished(f, &how, &reply);
    assert_true(str_starts(head, STR("HTTP/1.1 500 ")));
    frame_unref(&reply.frames[0]);
    response_release(&f->rs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(headers_and_cookies, setup, teardown),
        cmocka_unit_test_setup_teardown(queries, setup, teardown),
        cmocka_unit_test_setup_teardown(cursors_go_round, setup, teardown),
        cmocka_unit_test_setup_teardown(bodies_are_json_objects, setup, teardown),
        cmocka_unit_test(one_range_of_a_file),
        cmocka_unit_test_setup_teardown(versions_must_match, setup, teardown),
        cmocka_unit_test_setup_teardown(answers_carry_safe_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(known_etags_are_not_sent_again, setup, teardown),
        cmocka_unit_test_setup_teardown(too_large_an_answer_is_our_failure, setup, teardown),
    };
    return cmocka_run_group_tests_name("platform_http_request", tests, NULL, NULL);
}
