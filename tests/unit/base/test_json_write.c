#include <math.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"
#include "groups.h"
#include "unit.h"

static void commas_and_values(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "s", "x");
    json_kv_opt_str(&w, "none", STR(""));
    json_kv_opt_str(&w, "some", STR("y"));
    json_kv_i64(&w, "min", INT64_MIN);
    json_kv_i64(&w, "max", INT64_MAX);
    json_kv_bool(&w, "t", true);
    json_kv_bool(&w, "f", false);
    json_kv_id(&w, "id", 12);
    json_kv_id(&w, "no_id", 0);
    json_kv_time(&w, "at", 1795368639123);
    json_kv_time(&w, "never", 0);
    json_kv_raw(&w, "raw", STR("[1,2]"));
    json_put_key(&w, "list");
    json_array_begin(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_put_i64(&w, 0);
    json_put_raw(&w, STR("{}"));
    json_array_end(&w);
    json_put_key_str(&w, STR("k\""));
    json_put_null(&w);
    json_object_end(&w);
    assert_ok(buf_err(&b));
    assert_str(buf_str(&b), "{\"s\":\"x\",\"none\":null,\"some\":\"y\",\"min\":-"
                            "9223372036854775808,\"max\":9223372036854775807,"
                            "\"t\":true,\"f\":false,\"id\":\"12\",\"no_id\":null,\"at\":\"2026-11-"
                            "22T17:30:39.123Z\",\"never\":null,"
                            "\"raw\":[1,2],\"list\":[[],{},0,{}],\"k\\\"\":null}");
}

static void text_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", "\"\""},
        {"plain ascii of some length, no escapes", "\"plain ascii of some length, no escapes\""},
        {"1234567\"", "\"1234567\\\"\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\t\n\f\r\x01\x1f\x7f", "\"\\b\\t\\n\\f\\r\\u0001\\u001f\x7f\""},
        {"\xE5\x86\xBB\xE7\xBB\x93", "\"\xE5\x86\xBB\xE7\xBB\x93\""},
        {"\xF0\x9F\x98\x80", "\"\xF0\x9F\x98\x80\""},
        {"real \xEF\xBF\xBD stays", "\"real \xEF\xBF\xBD stays\""},
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xE5\x86", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        BUF_AUTO b;
        buf_init(&b, 4096);
        struct json_writer w;
        json_writer_init(&w, &b);
        json_put_str(&w, str_from(cases[i].in));
        assert_str(buf_str(&b), cases[i].out);
    }
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_put_str(&w, STR("a\0b"));
    assert_str(buf_str(&b), "\"a\\u0000b\"");
}

/* Every byte value at every place of a 20-byte text: the eight-bytes-at-once path and the slow one must agree. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (unsigned c = 1; c < 256; c++) {
        for (size_t at = 0; at < 20; at++) {
            char text[20];
            memset(text, 'x', sizeof(text));
            text[at] = (char)c;
            BUF_AUTO b;
            buf_init(&b, 200);
            struct json_writer w;
            json_writer_init(&w, &b);
            json_put_str(&w, (struct str){text, sizeof(text)});
            struct json_doc *doc = NULL;
            assert_ok(json_parse(buf_str(&b), 0, &doc, NULL));
            struct str back = json_str(json_root(doc));
            if (c < 0x80) {
                assert_str_eq(back, ((struct str){text, sizeof(text)}));
            } else {
                assert_int_equal(back.len, 22);
                assert_str(str_sub(back, at, 3), "\xEF\xBF\xBD");
            }
            json_doc_free(&doc);
        }
    }
}

static void doubles_read_back(void **state)
{
    (void)state;
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0, "0"},
        {0.1, "0.1"},
        {-1.5, "-1.5"},
        {1e300, "1e+300"},
        {1.0 / 3, "0.3333333333333333"},
        {(double)INFINITY, "null"},
        {(double)NAN, "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        BUF_AUTO b;
        buf_init(&b, 100);
        struct json_writer w;
        json_writer_init(&w, &b);
        json_put_double(&w, cases[i].v);
        assert_str(buf_str(&b), cases[i].text);
    }
}

static void cap_sticks(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 30; cap++) {
        BUF_AUTO b;
        buf_init(&b, cap);
        struct json_writer w;
        json_writer_init(&w, &b);
        json_object_begin(&w);
        json_kv_cstr(&w, "key", "value \n and \" more");
        json_object_end(&w);
        assert_int_equal(buf_err(&b) == ERR_OK, cap >= 30);
        assert_true(b.len <= cap);
    }
}

static void nest(int depth)
{
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    for (int i = 0; i < depth; i++) {
        json_array_begin(&w);
    }
}

static void as_deep_as_can_be_read(void)
{
    nest(JSON_MAX_DEPTH);
}

static void too_deep(void)
{
    nest(JSON_MAX_DEPTH + 1);
}

static void end_of_nothing(void)
{
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_end(&w);
}

static void misuse_aborts(void **state)
{
    (void)state;
    assert_false(unit_aborts(as_deep_as_can_be_read));
    assert_true(unit_aborts(too_deep));
    assert_true(unit_aborts(end_of_nothing));
}

/* What was to write the value hit an error, and its caller closes what it opened: no reason to end the program, and no answer to send either. */
static void a_key_without_value_fails(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        BUF_AUTO b;
        buf_init(&b, 4096);
        struct json_writer w;
        json_writer_init(&w, &b);
        json_object_begin(&w);
        json_put_key(&w, "a");
        if (k == 1) {
            json_put_key(&w, "b");
            json_put_null(&w);
        } else if (k == 2) {
            json_put_key_str(&w, STR("b"));
            json_put_null(&w);
        }
        json_object_end(&w);
        assert_int_not_equal(buf_err(&b), ERR_OK);
    }
}

int test_json_write(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_values),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(cap_sticks),
        cmocka_unit_test(misuse_aborts),
        cmocka_unit_test(a_key_without_value_fails),
    };
    return cmocka_run_group_tests_name("json_write", tests, NULL, NULL);
}
