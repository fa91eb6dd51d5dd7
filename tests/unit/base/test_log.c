#include "base/log.h"

#include "base/check.h"
#include "base/json.h"
#include "groups.h"
#include "unit.h"

static char caught[4096];
static size_t caught_len;

static void catch_line(struct str line, void *arg)
{
    (void)arg;
    assert_true(line.len < sizeof(caught));
    memcpy(caught, line.p, line.len);
    caught_len = line.len;
}

static int setup(void **state)
{
    (void)state;
    caught_len = 0;
    log_set_sink(catch_line, NULL);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    log_set_sink(NULL, NULL);
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    return 0;
}

static struct str line(void)
{
    return (struct str){caught, caught_len};
}

static void text_lines(void **state)
{
    (void)state;
    LOG_INFO("http", "listening", log_cstr("addr", "127.0.0.1:80"), log_i64("loops", -2),
             log_cstr("why", "a \"b\""), log_cstr("none", ""));
    assert_true(str_ends(line(), STR(" level=info room=http event=listening addr=127.0.0.1:80 "
                                     "loops=-2 why=\"a \\\"b\\\"\" none=\"\"")));
    assert_true(str_starts(line(), STR("time=2")));
    LOG_WARN("http", "plain");
    assert_true(str_ends(line(), STR(" level=warn room=http event=plain")));
}

static void levels_filter(void **state)
{
    (void)state;
    int evaluated = 0;
    LOG_DEBUG("x", "hidden", log_i64("n", ++evaluated));
    assert_int_equal(caught_len, 0);
    assert_int_equal(evaluated, 0);
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    LOG_ERROR("x", "hidden");
    assert_int_equal(caught_len, 0);
}

/* A value from outside can neither end the line nor add a pair. */
static void values_cannot_forge(void **state)
{
    (void)state;
    LOG_INFO("x", "e", log_cstr("v", "a\nlevel=error event=forged \x1b[31m\x7f"));
    assert_true(
        str_ends(line(), STR(" v=\"a\\u000alevel=error event=forged \\u001b[31m\\u007f\"")));
}

static void json_lines_parse(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    LOG_INFO("x", "e", log_cstr("v", "a\"\n\\"), log_i64("n", 7));
    struct json_doc *doc = NULL;
    assert_ok(json_parse(line(), 0, &doc, NULL));
    assert_str(json_str(json_find(json_root(doc), "v")), "a\"\n\\");
    assert_true(json_num(json_find(json_root(doc), "n")) == 7);
    json_doc_free(&doc);
}

static void long_lines_are_cut_and_still_parse(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    char value[5000];
    memset(value, '\n', sizeof(value));
    LOG_INFO("x", "e", log_str("v", (struct str){value, sizeof(value)}),
             log_cstr("late", "dropped"));
    assert_true(caught_len <= 2047);
    struct json_doc *doc = NULL;
    assert_ok(json_parse(line(), 0, &doc, NULL));
    json_doc_free(&doc);
    memset(value, 'x', sizeof(value));
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
    LOG_INFO("x", "e", log_str("v", (struct str){value, sizeof(value)}));
    assert_true(caught_len <= 2047);
}

/* The cut must not fall inside a character: the line stays UTF-8. */
static void cut_keeps_characters_whole(void **state)
{
    (void)state;
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    char value[3001];
    for (size_t i = 0; i < 3000; i += 3) {
        memcpy(value + i, "\xE5\x86\xBB", 3);
    }
    for (size_t shift = 0; shift < 3; shift++) {
        LOG_INFO("x", "e", log_cstr("p", &"ab"[shift]), log_str("v", (struct str){value, 3000}));
        struct json_doc *doc = NULL;
        assert_ok(json_parse(line(), 0, &doc, NULL));
        json_doc_free(&doc);
    }
}

int test_log(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(levels_filter, setup, teardown),
        cmocka_unit_test_setup_teardown(values_cannot_forge, setup, teardown),
        cmocka_unit_test_setup_teardown(json_lines_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(long_lines_are_cut_and_still_parse, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_keeps_characters_whole, setup, teardown),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
