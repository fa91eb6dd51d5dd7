#include "base/arena.h"
#include "base/check.h"
#include "base/str.h"
#include "groups.h"
#include "unit.h"

static void integers_are_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        {"0", true, 0},
        {"-1", true, -1},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1a", false, 0},
        {"--1", false, 0},
        {"0x10", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = 77;
        bool ok = str_to_i64(str_from(cases[i].text), &v);
        assert_case(ok == cases[i].ok, cases[i].text);
        assert_case(v == (ok ? cases[i].value : 77), cases[i].text);
    }
    uint64_t u = 0;
    assert_true(str_to_u64(STR("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), &u));
    assert_false(str_to_u64(STR("-1"), &u));
}

static void split_gives_every_part(void **state)
{
    (void)state;
    struct str rest = STR("a,,b,");
    struct str part;
    static const char *const want[] = {"a", "", "b", ""};
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        assert_true(str_split(&rest, ',', &part));
        assert_str(part, want[i]);
    }
    assert_false(str_split(&rest, ',', &part));
}

static void comparing_and_searching(void **state)
{
    (void)state;
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("a"), STR("ab")) < 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(STR("x"), STR("x")), 0);
    assert_int_equal(str_cmp((struct str){0}, STR("")), 0);
    assert_true(str_eq((struct str){0}, STR("")));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("@"), STR("`")));
    assert_true(str_eq_consttime(STR("secret"), STR("secret")));
    assert_false(str_eq_consttime(STR("secret"), STR("secreT")));
    assert_false(str_eq_consttime(STR("secret"), STR("secre")));
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_true(str_ends(STR("abc"), STR("")));
    assert_int_equal(str_find(STR("hello"), STR("ll")), 2);
    assert_true(str_find(STR("hello"), STR("lll")) == SIZE_MAX);
    assert_int_equal(str_find(STR("hello"), STR("")), 0);
    assert_true(str_find_char((struct str){0}, 'x') == SIZE_MAX);
    assert_str(str_sub(STR("hello"), 1, 3), "ell");
    assert_str(str_sub(STR("hello"), 3, 99), "lo");
    assert_str(str_sub(STR("hello"), 99, 1), "");
    assert_str(str_trim(STR(" \t a b \r\n")), "a b");
    assert_str(str_trim(STR("   ")), "");
}

static void copies_live_in_the_arena(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct str copy = str_dup(arena, STR("abc"));
    assert_string_equal(copy.p, "abc");
    assert_string_equal(str_to_cstr(arena, (struct str){0}), "");
    assert_str(str_lower_ascii(arena, STR("AbC\xC3\x84")), "abc\xC3\x84");
    assert_str(str_printf(arena, "%s-%d", "x", 7), "x-7");
    char big[600];
    memset(big, 'y', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    assert_str(str_printf(arena, "%s", big), big);
    assert_int_equal(str_printf(arena, "%s", big).p[599], '\0');
}

static void hash_depends_on_every_byte(void **state)
{
    (void)state;
    char text[40];
    memset(text, 'a', sizeof(text));
    for (size_t len = 0; len <= sizeof(text); len++) {
        uint64_t before = str_hash((struct str){text, len});
        assert_true(before == str_hash((struct str){text, len}));
        for (size_t i = 0; i < len; i++) {
            text[i] ^= 1;
            assert_true(before != str_hash((struct str){text, len}));
            text[i] ^= 1;
        }
    }
    assert_true(str_hash(STR("a")) != str_hash(STR("a\0")));
}

static void errors_have_words_and_are_cut(void **state)
{
    (void)state;
    struct errinfo info;
    assert_err(err_set(NULL, ERR_DENIED, "x", "y", "z"), ERR_DENIED);
    char text[300];
    memset(text, 'm', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_err(err_set(&info, ERR_INVALID, text, text, "%s", text), ERR_INVALID);
    assert_int_equal(info.err, ERR_INVALID);
    assert_int_equal(strlen(info.field), sizeof(info.field) - 1);
    assert_int_equal(strlen(info.code), sizeof(info.code) - 1);
    assert_int_equal(strlen(info.message), sizeof(info.message) - 1);
    for (int e = ERR_OK; e <= ERR_INTERNAL; e++) {
        assert_string_not_equal(err_name((enum err)e), "unknown");
    }
}

int test_str(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_strict),
        cmocka_unit_test(split_gives_every_part),
        cmocka_unit_test(comparing_and_searching),
        cmocka_unit_test(copies_live_in_the_arena),
        cmocka_unit_test(hash_depends_on_every_byte),
        cmocka_unit_test(errors_have_words_and_are_cut),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
