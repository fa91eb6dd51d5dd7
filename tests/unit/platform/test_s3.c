/* Signatures against the examples that Amazon publishes, and what a store's refusals come to mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/timeutil.h"
#include "platform/s3_answer.h"
#include "platform/s3_sign.h"

/* docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Examples: Signature calculations" */
#define AT 1369353600000LL /* 2013-05-24 00:00 */
#define HOST                                                                                       \
    {                                                                                              \
        STR_INIT("host"), STR_INIT("examplebucket.s3.amazonaws.com")                               \
    }
#define DATE                                                                                       \
    {                                                                                              \
        STR_INIT("x-amz-date"), STR_INIT("20130524T000000Z")                                       \
    }
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WELCOME "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
#define HASH(h)                                                                                    \
    {                                                                                              \
        STR_INIT("x-amz-content-sha256"), STR_INIT(h)                                              \
    }

static const struct s3_header get_headers[] = {
    HOST, {STR_INIT("range"), STR_INIT("bytes=0-9")}, HASH(NOTHING), DATE};
static const struct s3_header put_headers[] = {
    {STR_INIT("date"), STR_INIT("Fri, 24 May 2013 00:00:00 GMT")},
    HOST,
    HASH(WELCOME),
    DATE,
    {STR_INIT("x-amz-storage-class"), STR_INIT("REDUCED_REDUNDANCY")}};
static const struct s3_header plain_headers[] = {HOST, HASH(NOTHING), DATE};

static const struct example {
    const char *name, *method, *path, *query, *hash;
    const struct s3_header *headers;
    size_t n;
    const char *signature;
} examples[] = {
    {"get", "GET", "/test.txt", "", NOTHING, get_headers, ARRAY_LEN(get_headers),
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"put", "PUT", "/test$file.text", "", WELCOME, put_headers, ARRAY_LEN(put_headers),
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"lifecycle", "GET", "/", "lifecycle=", NOTHING, plain_headers, ARRAY_LEN(plain_headers),
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list", "GET", "/", "max-keys=2&prefix=J", NOTHING, plain_headers, ARRAY_LEN(plain_headers),
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void signatures_are_those_of_the_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];
        ARENA_AUTO arena = arena_new(0);
        struct s3_signing s = {.access_key = STR("AKIAIOSFODNN7EXAMPLE"),
                               .secret_key = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                               .region = STR("us-east-1"),
                               .method = str_from(e->method),
                               .path = s3_encode(arena, str_from(e->path), true),
                               .query = str_from(e->query),
                               .headers = e->headers,
                               .n_headers = e->n,
                               .payload_sha256 = str_from(e->hash),
                               .at = AT};
        struct str text = s3_sign(arena, &s);
        if (!str_ends(text, str_from(e->signature))) {
            fail_msg("%s: " STR_FMT, e->name, STR_ARG(text));
        }
        assert_true(
            str_starts(text, STR("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
                                 "us-east-1/s3/aws4_request,SignedHeaders=")));
    }
}

static void paths_are_encoded_as_the_store_does_it(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    assert_true(str_eq_cstr(s3_encode(arena, STR("a b/c+d=e/\xC3\xBC~-._%2F"), true),
                            "a%20b/c%2Bd%3De/%C3%BC~-._%252F"));
    assert_true(str_eq_cstr(s3_encode(arena, STR("a/b"), false), "a%2Fb"));
    char date[S3_DATE_MAX];
    s3_date(AT + 3723000, date);
    assert_string_equal(date, "20130524T010203Z");
}

static const struct refusal {
    long status;
    const char *text;
    int64_t date_at;
    enum err err;
    bool again;
    const char *code, *says;
} refusals[] = {
    {0, "", 0, ERR_UNAVAILABLE, true, "no_answer", "the connection broke"},
    {404, "", 0, ERR_NOT_FOUND, false, "not_found", "gone"},
    {404, "<Error><Code>NoSuchKey</Code></Error>", 0, ERR_NOT_FOUND, false, "not_found", "gone"},
    {404, "<Error><Code>NoSuchBucket</Code></Error>", 0, ERR_UNAVAILABLE, false, "no_bucket",
     "no bucket desk"},
    {403, "", 0, ERR_UNAVAILABLE, false, "denied", "bucket desk"},
    {403, "<Error><Code>AccessDenied</Code></Error>", 0, ERR_UNAVAILABLE, false, "denied",
     "AccessDenied"},
    {403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", 0, ERR_UNAVAILABLE, false, "bad_key",
     "secret key"},
    {403, "<Error><Code>InvalidAccessKeyId</Code></Error>", 0, ERR_UNAVAILABLE, false, "bad_key",
     "the access key"},
    {403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", AT - 3600000, ERR_UNAVAILABLE, false,
     "clock_skew", "3600 s ahead of"},
    {403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", AT + 60000, ERR_UNAVAILABLE, false,
     "clock_skew", "60 s behind"},
    {301, "<Error><Code>PermanentRedirect</Code></Error>", 0, ERR_UNAVAILABLE, false,
     "wrong_region", "region or endpoint"},
    {400, "<Error><Code>RequestTimeout</Code></Error>", 0, ERR_UNAVAILABLE, true, "wrong_region",
     "RequestTimeout"},
    {503, "<Error><Code>SlowDown</Code></Error>", 0, ERR_UNAVAILABLE, true, "refused",
     "503 SlowDown"},
    {500, "<html>", 0, ERR_UNAVAILABLE, true, "refused", "500"},
    {400, "<Error><Code>BadDigest</Code></Error>", 0, ERR_UNAVAILABLE, true, "damaged", "arrive"},
    {418, "<Error><Code>", 0, ERR_UNAVAILABLE, false, "refused", "418"},
};

static void refusals_name_their_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        const struct refusal *r = &refusals[i];
        struct s3_answer a = {.status = r->status, .date_at = r->date_at};
        a.text_len = strlen(r->text);
        memcpy(a.text, r->text, a.text_len);
        struct errinfo info = {0};
        bool again = !r->again;
        enum err err = s3_failure(&a, "desk", AT, &again, &info);
        if (err != r->err || again != r->again || strcmp(info.code, r->code) != 0 ||
            strstr(info.message, r->says) == NULL) {
            fail_msg("%ld %s: %s %d %s: %s", r->status, r->text, err_name(err), again, info.code,
                     info.message);
        }
    }
}

static void ranges_are_read_or_left(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t from, total;
    } cases[] = {{"bytes 5-9/10", 5, 10},    {"bytes 0-0/1", 0, 1}, {"bytes 5-9/*", 5, -1},
                 {"bytes */10", -1, 10},     {"", -1, -1},          {"5-9/10", 5, 10},
                 {"bytes -5-9/10", -1, 10},  {"bytes 5", -1, -1},   {"bytes x-9/-3", -1, -1},
                 {"bytes 5-9/10junk", 5, -1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t from = -1;
        int64_t total = -1;
        s3_content_range(str_from(cases[i].text), &from, &total);
        if (from != cases[i].from || total != cases[i].total) {
            fail_msg("%s: %lld %lld", cases[i].text, (long long)from, (long long)total);
        }
    }
}

static void lists_are_read_piece_by_piece(void **state)
{
    (void)state;
    struct str xml = STR("<L><Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>b</Key>"
                         "</Contents><IsTruncated>true</IsTruncated><Contents><Key>c");
    struct str rest = xml;
    struct str item;
    assert_true(s3_next_element(&rest, "Contents", &item));
    assert_true(str_eq_cstr(s3_element(item, "Key"), "a"));
    assert_true(str_eq_cstr(s3_element(item, "Size"), "1"));
    assert_true(s3_next_element(&rest, "Contents", &item));
    assert_true(str_eq_cstr(s3_element(item, "Key"), "b"));
    assert_int_equal(s3_element(item, "Size").len, 0);
    assert_false(s3_next_element(&rest, "Contents", &item));
    assert_true(str_eq_cstr(s3_element(xml, "IsTruncated"), "true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_examples),
        cmocka_unit_test(paths_are_encoded_as_the_store_does_it),
        cmocka_unit_test(refusals_name_their_cause),
        cmocka_unit_test(ranges_are_read_or_left),
        cmocka_unit_test(lists_are_read_piece_by_piece),
    };
    return cmocka_run_group_tests_name("s3", tests, NULL, NULL);
}
