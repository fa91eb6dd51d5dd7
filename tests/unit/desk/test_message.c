#include "groups.h"

#include "base/check.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "desk/message.h"

static void bodies_are_cleaned(void **state)
{
    (void)state;
    static const struct {
        const char *name, *in, *out;
    } rows[] = {
        {"plain text stays", "hello world", "hello world"},
        {"Chinese stays", "\xE6\x88\x91\xE7\x9A\x84\xE8\xB4\xA6\xE6\x88\xB7",
         "\xE6\x88\x91\xE7\x9A\x84\xE8\xB4\xA6\xE6\x88\xB7"},
        {"ends are trimmed", " \n\t a \n ", "a"},
        {"ideographic spaces at the ends too", "\xE3\x80\x80 a\xE3\x80\x80", "a"},
        {"CRLF and CR become LF", "a\r\nb\rc", "a\nb\nc"},
        {"two blank lines at most", "a\n\n\n\n\n\nb", "a\n\n\nb"},
        {"blank lines with spaces count", "a\n \n \n \n \n b", "a\n \n \n   b"},
        {"control characters go", "a\x01\x1B[31mb\x7F", "a[31mb"},
        {"bidirectional overrides go",
         "invoice\xE2\x80\xAE"
         "fdp.exe",
         "invoicefdp.exe"},
        {"isolates go", "\xE2\x81\xA6x\xE2\x81\xA9", "x"},
        {"zero width space goes",
         "bin\xE2\x80\x8B"
         "ance",
         "binance"},
        {"emoji joiners stay", "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9",
         "\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9"},
        {"line separators become line ends",
         "a\xE2\x80\xA8"
         "b",
         "a\nb"},
        {"HTML is text", "<script>alert(1)</script>", "<script>alert(1)</script>"},
        {"tag characters go",
         "a\xF3\xA0\x80\x81"
         "b",
         "ab"},
        {"nothing left", "\xE2\x80\x8B \x01", ""},
        {"bad bytes are marked", "a\xFF\x01", "a\xEF\xBF\xBD"},
    };
    ARENA_AUTO arena = arena_new(0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str got = message_clean(arena, str_from(rows[i].in));
        if (!str_eq_cstr(got, rows[i].out)) {
            fail_msg("%s: got \"" STR_FMT "\"", rows[i].name, STR_ARG(got));
        }
    }
}

/* Whatever comes in: the result is stable (cleaning twice changes nothing) and valid UTF-8. */
static void cleaning_is_stable(void **state)
{
    (void)state;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    struct rng r;
    rng_init(&r, seed);
    static const uint32_t spice[] = {'\r',   '\n',    ' ',  0x202E, 0x200B, 0x3000, 'a',
                                     0x51BB, 0x1F600, 0x7F, 0x2028, 9,      0xE0041};
    ARENA_AUTO arena = arena_new(0);
    for (int round = 0; round < 3000; round++) {
        char text[256];
        size_t len = 0;
        size_t n = (size_t)rng_below(&r, 40);
        for (size_t i = 0; i < n; i++) {
            len += utf8_put(spice[rng_below(&r, ARRAY_LEN(spice))], text + len);
        }
        struct str once = message_clean(arena, (struct str){text, len});
        struct str twice = message_clean(arena, once);
        assert_true(utf8_is_valid(once));
        assert_true(str_eq(once, twice));
        arena_reset(arena);
    }
}

static void previews(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    assert_true(str_eq_cstr(message_preview(arena, STR("**Dear** customer,\n\n- `abc`"), 0),
                            "Dear customer, - abc"));
    assert_true(
        str_eq_cstr(message_preview(arena, STR("tx_hash and _this_"), 0), "tx_hash and this"));
    assert_true(str_eq_cstr(message_preview(arena, STR("a > b #3"), 0), "a b 3"));
    assert_true(str_eq_cstr(message_preview(arena, STR(""), 1), "\xF0\x9F\x93\x8E"));
    assert_int_equal(message_preview(arena, STR(""), 0).len, 0);
    char wide[600];
    for (size_t i = 0; i + 3 <= sizeof wide; i += 3) {
        memcpy(wide + i, "\xE5\x86\xBB", 3);
    }
    struct str cut = message_preview(arena, (struct str){wide, sizeof wide}, 0);
    assert_int_equal(utf8_count(cut), MESSAGE_PREVIEW_MAX);
    assert_true(utf8_is_valid(cut));
}

static void words(void **state)
{
    (void)state;
    assert_true(message_client_id_is_valid(STR("abcd-EF_9")));
    assert_false(message_client_id_is_valid(STR("short")));
    assert_false(message_client_id_is_valid(STR("has space 1")));
    assert_true(message_button_is_valid(STR("human")));
    assert_true(message_button_is_valid(STR("not_helpful:deposit-not-credited")));
    assert_false(message_button_is_valid(STR("")));
    assert_false(message_button_is_valid(STR(":x")));
    assert_false(message_button_is_valid(STR("article:")));
    assert_false(message_button_is_valid(STR("article:../x")));
}

int test_message(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_cleaned),
        cmocka_unit_test(cleaning_is_stable),
        cmocka_unit_test(previews),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
