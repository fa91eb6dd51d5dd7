/* The rules on heads, each by its name; chunked bodies; paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/http_parser.h"

static enum http_fault parse(const char *bytes, size_t len, struct http_head *head)
{
    size_t scan = 0, end = 0;
    enum http_fault fault = http_head_find_end((struct str){bytes, len}, &scan, &end);
    if (fault != HTTP_FINE) {
        return fault;
    }
    if (end == 0) {
        return HTTP_FAULTS; /* more is needed */
    }
    return http_head_parse((struct str){bytes, end}, head);
}

#define RQ(fields) "POST /x HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
static const struct {
    const char *name;
    struct str bytes;
    enum http_fault fault;
} head_cases[] = {
    {"plain get", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_FINE},
    {"http/1.0 without host", STR_INIT("GET / HTTP/1.0\r\n\r\n"), HTTP_FINE},
    {"length", STR_INIT(RQ("Content-Length: 5\r\n")), HTTP_FINE},
    {"chunked", STR_INIT(RQ("Transfer-Encoding: chunked\r\n")), HTTP_FINE},
    {"chunked, other case", STR_INIT(RQ("transfer-encoding: Chunked\r\n")), HTTP_FINE},
    {"no end yet", STR_INIT("GET / HTTP/1.1\r\nHost: h\r\n"), HTTP_FAULTS},
    {"CL.TE", STR_INIT(RQ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")),
     HTTP_LENGTH_AND_CHUNKED},
    {"TE.CL", STR_INIT(RQ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
     HTTP_LENGTH_AND_CHUNKED},
    {"two lengths", STR_INIT(RQ("Content-Length: 5\r\nContent-Length: 6\r\n")), HTTP_LENGTH_TWICE},
    {"two equal lengths", STR_INIT(RQ("Content-Length: 5\r\nContent-Length: 5\r\n")),
     HTTP_LENGTH_TWICE},
    {"length list", STR_INIT(RQ("Content-Length: 5, 5\r\n")), HTTP_BAD_LENGTH},
    {"length with plus", STR_INIT(RQ("Content-Length: +5\r\n")), HTTP_BAD_LENGTH},
    {"negative length", STR_INIT(RQ("Content-Length: -1\r\n")), HTTP_BAD_LENGTH},
    {"hex length", STR_INIT(RQ("Content-Length: 0x5\r\n")), HTTP_BAD_LENGTH},
    {"empty length", STR_INIT(RQ("Content-Length:\r\n")), HTTP_BAD_LENGTH},
    {"huge length", STR_INIT(RQ("Content-Length: 99999999999999999999\r\n")), HTTP_BAD_LENGTH},
    {"length with space inside", STR_INIT(RQ("Content-Length: 5 0\r\n")), HTTP_BAD_LENGTH},
    {"gzip, chunked", STR_INIT(RQ("Transfer-Encoding: gzip, chunked\r\n")), HTTP_BAD_CODING},
    {"chunked twice", STR_INIT(RQ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")),
     HTTP_BAD_CODING},
    {"chunked, identity", STR_INIT(RQ("Transfer-Encoding: chunked, identity\r\n")),
     HTTP_BAD_CODING},
    {"xchunked", STR_INIT(RQ("Transfer-Encoding: xchunked\r\n")), HTTP_BAD_CODING},
    {"quoted chunked", STR_INIT(RQ("Transfer-Encoding: \"chunked\"\r\n")), HTTP_BAD_CODING},
    {"chunked on 1.0", STR_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
     HTTP_BAD_CODING},
    {"vertical tab before chunked",
     STR_INIT(RQ("Transfer-Encoding: \x0b"
                 "chunked\r\n")),
     HTTP_BAD_FIELD_VALUE},
    {"bare LF in the request line", STR_INIT("GET / HTTP/1.1\nHost: h\r\n\r\n"), HTTP_BARE_LF},
    {"bare LF after a field", STR_INIT("GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n"), HTTP_BARE_LF},
    {"bare LFs at the end", STR_INIT("GET / HTTP/1.1\r\nHost: h\n\n"), HTTP_BARE_LF},
    {"bare CR in a value", STR_INIT(RQ("X: a\rb\r\n")), HTTP_BARE_CR},
    {"bare CR in the request line", STR_INIT("GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"),
     HTTP_BARE_CR},
    {"CR CR LF", STR_INIT(RQ("X: a\r\r\n")), HTTP_BARE_CR},
    {"folded field", STR_INIT(RQ("X: a\r\n b\r\n")), HTTP_OBS_FOLD},
    {"folded with tab", STR_INIT(RQ("X: a\r\n\tTransfer-Encoding: chunked\r\n")), HTTP_OBS_FOLD},
    {"space before colon", STR_INIT(RQ("Content-Length : 5\r\n")), HTTP_SPACE_BEFORE_COLON},
    {"tab before colon", STR_INIT(RQ("Transfer-Encoding\t: chunked\r\n")), HTTP_SPACE_BEFORE_COLON},
    {"no colon", STR_INIT(RQ("nonsense\r\n")), HTTP_BAD_FIELD_NAME},
    {"empty name", STR_INIT(RQ(": x\r\n")), HTTP_BAD_FIELD_NAME},
    {"space in name", STR_INIT(RQ("a b: x\r\n")), HTTP_BAD_FIELD_NAME},
    {"NUL in name", STR_INIT(RQ("a\0b: x\r\n")), HTTP_BAD_FIELD_NAME},
    {"NUL in value", STR_INIT(RQ("a: x\0y\r\n")), HTTP_BAD_FIELD_VALUE},
    {"DEL in value", STR_INIT(RQ("a: x\x7f\r\n")), HTTP_BAD_FIELD_VALUE},
    {"empty first line", STR_INIT("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"two spaces", STR_INIT("GET  / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"space in target", STR_INIT("GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"no version", STR_INIT("GET /\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"http/0.9 style", STR_INIT("GET / \r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"version 2.0", STR_INIT("GET / HTTP/2.0\r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
    {"version 1.2", STR_INIT("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), HTTP_BAD_VERSION},
    {"lower-case version", STR_INIT("GET / http/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"unknown method", STR_INIT("BREW / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_METHOD},
    {"connect", STR_INIT("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_METHOD},
    {"method with junk", STR_INIT("GE(T / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_REQUEST_LINE},
    {"lower-case method", STR_INIT("get / HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_METHOD},
    {"absolute target", STR_INIT("GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_TARGET},
    {"star for get", STR_INIT("GET * HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_TARGET},
    {"star for options", STR_INIT("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_FINE},
    {"fragment in target", STR_INIT("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_TARGET},
    {"raw byte in target", STR_INIT("GET /\xE9 HTTP/1.1\r\nHost: h\r\n\r\n"), HTTP_BAD_TARGET},
    {"no host", STR_INIT("GET / HTTP/1.1\r\n\r\n"), HTTP_NO_HOST},
    {"two hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), HTTP_HOST_TWICE},
    {"two equal hosts", STR_INIT("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), HTTP_HOST_TWICE},
    {"host with path", STR_INIT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), HTTP_BAD_HOST},
    {"host with user", STR_INIT("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), HTTP_BAD_HOST},
    {"empty host", STR_INIT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), HTTP_BAD_HOST},
    {"host of IPv6", STR_INIT("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"), HTTP_FINE},
    {"unknown expectation", STR_INIT(RQ("Expect: miracles\r\n")), HTTP_BAD_EXPECT},
};

static void rules_of_a_head(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(head_cases); i++) {
        struct http_head head;
        enum http_fault fault = parse(head_cases[i].bytes.p, head_cases[i].bytes.len, &head);
        if (fault != head_cases[i].fault) {
            fail_msg("%s: %s instead of %s", head_cases[i].name,
                     fault == HTTP_FAULTS ? "more" : http_fault_name(fault),
                     head_cases[i].fault == HTTP_FAULTS ? "more"
                                                        : http_fault_name(head_cases[i].fault));
        }
    }
}

static void sizes_of_a_head(void **state)
{
    (void)state;
    BUF_AUTO b;
    struct http_head head;
    buf_init(&b, 100000);
    buf_add_cstr(&b, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 99; i++) {
        buf_printf(&b, "X-%d: y\r\n", i);
    }
    size_t len = b.len;
    buf_add_cstr(&b, "\r\n");
    assert_int_equal(parse(b.p, b.len, &head), HTTP_FINE);
    assert_int_equal(head.n_fields, 100);
    b.len = len;
    buf_add_cstr(&b, "One: more\r\n\r\n");
    assert_int_equal(parse(b.p, b.len, &head), HTTP_TOO_MANY_FIELDS);
    buf_clear(&b);
    buf_add_cstr(&b, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    while (b.len < HTTP_MAX_HEAD - 4) {
        buf_add_char(&b, 'x');
    }
    buf_add_cstr(&b, "\r\n\r\n");
    assert_int_equal(b.len, HTTP_MAX_HEAD);
    assert_int_equal(parse(b.p, b.len, &head), HTTP_FINE);
    b.len -= 4;
    buf_add_cstr(&b, "y\r\n\r\n");
    assert_int_equal(parse(b.p, b.len, &head), HTTP_HEAD_TOO_LARGE);
    b.len -= 4;
    buf_add_cstr(&b, "yyyy");
    assert_int_equal(parse(b.p, b.len, &head), HTTP_HEAD_TOO_LARGE); /* even without an end */
}

/* The search for the end gives the same answer however the bytes come. */
static void end_is_found_in_pieces(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nGET /next";
    for (size_t step = 1; step < 20; step++) {
        size_t scan = 0, end = 0;
        for (size_t len = step; end == 0; len += step) {
            size_t n = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
            assert_int_equal(http_head_find_end((struct str){text, n}, &scan, &end), HTTP_FINE);
        }
        assert_int_equal(end, 33);
    }
}

static void what_a_head_means(void **state)
{
    (void)state;
    struct http_head h;
    const char *a = "POST /a%20b?x=1&y HTTP/1.1\r\nhOsT: Example:8080\r\nConnection: foo, "
                    "Close\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
    assert_int_equal(parse(a, strlen(a), &h), HTTP_FINE);
    assert_int_equal(h.method, HTTP_POST_METHOD);
    assert_true(str_eq_cstr(h.path, "/a%20b"));
    assert_true(str_eq_cstr(h.query, "x=1&y"));
    assert_true(str_eq_cstr(h.host, "Example:8080"));
    assert_int_equal(h.content_length, 12);
    assert_true(h.wants_continue);
    assert_false(h.is_keep_alive);
    assert_true(str_eq_cstr(http_head_find(&h, "HOST"), "Example:8080"));
    const char *b = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_int_equal(parse(b, strlen(b), &h), HTTP_FINE);
    assert_true(h.is_keep_alive);
    const char *c = "GET /s HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
                    "websocket\r\n\r\n";
    assert_int_equal(parse(c, strlen(c), &h), HTTP_FINE);
    assert_true(h.wants_upgrade);
}

static void chunks(void **state)
{
    (void)state;
    static const struct {
        const char *name, *bytes, *data; /* data NULL: refused; ends with "..." : more is needed */
    } cases[] = {
        {"two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"},
        {"hex", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789"},
        {"leading zeros", "00000003\r\nabc\r\n0\r\n\r\n", "abc"},
        {"empty", "0\r\n\r\n", ""},
        {"extension", "5;a=b\r\nhello\r\n0\r\n\r\n", NULL},
        {"space after size", "5 \r\nhello\r\n0\r\n\r\n", NULL},
        {"bare LF after size", "5\nhello\r\n0\r\n\r\n", NULL},
        {"bare LF after data", "5\r\nhello\n0\r\n\r\n", NULL},
        {"longer than announced", "3\r\nhello\r\n0\r\n\r\n", NULL},
        {"no digits", "\r\nhello\r\n0\r\n\r\n", NULL},
        {"0x", "0x5\r\nhello\r\n0\r\n\r\n", NULL},
        {"negative", "-5\r\nhello\r\n0\r\n\r\n", NULL},
        {"nine digits", "000000005\r\nhello\r\n0\r\n\r\n", NULL},
        {"trailer", "0\r\nX: y\r\n\r\n", NULL},
        {"bare LF at the end", "0\r\n\n", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].bytes);
        for (size_t piece = 1; piece <= len; piece++) {
            struct http_chunked c = {0};
            char got[128];
            size_t n = 0, at = 0;
            enum http_chunk_result r = HTTP_CHUNK_MORE;
            while (at < len && r != HTTP_CHUNK_END && r != HTTP_CHUNK_BAD) {
                struct str data = {0};
                size_t used = 0;
                r = http_chunked_next(
                    &c, (struct str){cases[i].bytes + at, len - at < piece ? len - at : piece},
                    &used, &data);
                at += used;
                memcpy(got + n, data.p ? data.p : "", data.len);
                n += data.len;
            }
            got[n] = '\0';
            bool is_bad = r != HTTP_CHUNK_END;
            if (is_bad != !cases[i].data || (!is_bad && strcmp(got, cases[i].data) != 0)) {
                fail_msg("%s in pieces of %zu: %d %s", cases[i].name, piece, (int)r, got);
            }
        }
    }
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *decoded; /* NULL: refused */
    } cases[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/", "/a/"},
        {"/%E5%86%BB", "/\xE5\x86\xBB"},
        {"/a%20b+c", "/a b+c"},
        {"/...", "/..."},
        {"/.well-known", "/.well-known"},
        {"", NULL},
        {"a", NULL},
        {"//", NULL},
        {"/a//b", NULL},
        {"/..", NULL},
        {"/a/../b", NULL},
        {"/a/.", NULL},
        {"/./a", NULL},
        {"/%2e%2e/etc/passwd", NULL},
        {"/%2E%2e", NULL},
        {"/..%2f..%2fetc", NULL},
        {"/a%2fb", NULL},
        {"/a%5cb", NULL},
        {"/a\\b", NULL},
        {"/a%00", NULL},
        {"/a%0a", NULL},
        {"/a%", NULL},
        {"/a%2", NULL},
        {"/a%zz", NULL},
        {"/%ff", NULL},
        {"/%c0%ae%c0%ae/", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[HTTP_MAX_PATH];
        size_t len = 0;
        enum http_fault fault = http_path_decode(str_from(cases[i].raw), out, &len);
        if ((fault == HTTP_FINE) != (cases[i].decoded != NULL) ||
            (fault == HTTP_FINE && !str_eq_cstr((struct str){out, len}, cases[i].decoded))) {
            fail_msg("%s: %s %.*s", cases[i].raw, http_fault_name(fault), (int)len, out);
        }
    }
    char *lengthy = mem_alloc(HTTP_MAX_PATH + 1), out[HTTP_MAX_PATH];
    size_t len;
    memset(lengthy, 'a', HTTP_MAX_PATH + 1);
    lengthy[0] = '/';
    assert_int_equal(http_path_decode((struct str){lengthy, HTTP_MAX_PATH}, out, &len), HTTP_FINE);
    assert_int_equal(http_path_decode((struct str){lengthy, HTTP_MAX_PATH + 1}, out, &len),
                     HTTP_BAD_TARGET);
    mem_free(lengthy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_of_a_head),
        cmocka_unit_test(sizes_of_a_head),
        cmocka_unit_test(end_is_found_in_pieces),
        cmocka_unit_test(what_a_head_means),
        cmocka_unit_test(chunks),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests_name("platform_http_parser", tests, NULL, NULL);
}
