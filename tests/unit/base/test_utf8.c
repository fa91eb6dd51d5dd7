#include "base/utf8.h"

#include "base/check.h"
#include "groups.h"
#include "unit.h"

static const struct {
    const char *name;
    const char *bytes;
    bool valid;
} table[] = {
    {"empty", "", true},
    {"ascii", "plain text, longer than eight bytes", true},
    {"two", "\xC2\x80 \xDF\xBF", true},
    {"three", "\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF", true},
    {"four", "\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", true},
    {"chinese", "\xE5\x86\xBB\xE7\xBB\x93 account", true},
    {"overlong slash 2", "\xC0\xAF", false},
    {"overlong C1", "\xC1\xBF", false},
    {"overlong 3", "\xE0\x80\xAF", false},
    {"overlong 3 max", "\xE0\x9F\xBF", false},
    {"overlong 4", "\xF0\x80\x80\xAF", false},
    {"overlong 4 max", "\xF0\x8F\xBF\xBF", false},
    {"surrogate low end", "\xED\xA0\x80", false},
    {"surrogate high end", "\xED\xBF\xBF", false},
    {"surrogate pair (CESU-8)", "\xED\xA0\xBD\xED\xB8\x80", false},
    {"past U+10FFFF", "\xF4\x90\x80\x80", false},
    {"F5", "\xF5\x80\x80\x80", false},
    {"FE", "\xFE", false},
    {"FF", "\xFF", false},
    {"lone continuation", "\x80", false},
    {"lone continuation after ascii", "abcdefghijklmno\xBF", false},
    {"cut 2", "\xC3", false},
    {"cut 3", "\xE5\x86", false},
    {"cut 4", "\xF0\x9F\x98", false},
    {"lead then ascii", "\xC3\x28", false},
    {"lead then lead", "\xE5\xE5\x86\xBB", false},
};

static void table_of_sequences(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct str s = str_from(table[i].bytes);
        assert_case(utf8_is_valid(s) == table[i].valid, table[i].name);
        for (size_t cut = 0; cut <= s.len; cut++) { /* in two pieces, at every place */
            uint32_t st = 0;
            bool ok = utf8_check_part(str_sub(s, 0, cut), &st) &&
                      utf8_check_part(str_sub(s, cut, s.len), &st) && st == 0;
            assert_case(ok == table[i].valid, table[i].name);
        }
        bool bad = false;
        for (size_t at = 0; at < s.len;) {
            size_t from = at;
            bad = (utf8_next(s, &at) == 0xFFFD && at - from == 1) || bad;
        }
        assert_case(bad == !table[i].valid, table[i].name);
    }
}

static void every_code_point_round_trips(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        char text[4];
        size_t n = utf8_put(cp, text);
        struct str s = {text, n};
        size_t at = 0;
        bool surrogate = cp >= 0xD800 && cp <= 0xDFFF;
        if (!utf8_is_valid(s) || utf8_next(s, &at) != (surrogate ? 0xFFFD : cp) || at != n) {
            fail_msg("U+%04X", cp);
        }
    }
    char text[4];
    assert_int_equal(utf8_put(0x110000, text), 3);
}

/* The definition, written the slow way: decode as RFC 2279 would, then refuse what RFC 3629 refuses. */
static size_t naive_length(const unsigned char *p, size_t len)
{
    size_t n = p[0] < 0x80             ? 1
               : (p[0] & 0xE0) == 0xC0 ? 2
               : (p[0] & 0xF0) == 0xE0 ? 3
               : (p[0] & 0xF8) == 0xF0 ? 4
                                       : 0;
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 0 || n > len) {
        return 0;
    }
    uint32_t cp = p[0] & mask[n];
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        cp = cp << 6 | (p[i] & 0x3F);
    }
    return cp >= least[n] && cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF) ? n : 0;
}

static void random_bytes_follow_the_definition(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                          0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE5, 0xED,
                                          0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF};
    struct rng r;
    unit_rng(&r, "utf8");
    for (int round = 0; round < 300000; round++) {
        unsigned char bytes[24];
        size_t len = (size_t)rng_below(&r, sizeof(bytes) + 1);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = edges[rng_below(&r, ARRAY_LEN(edges))];
        }
        struct str s = {(const char *)bytes, len};
        bool valid = true;
        for (size_t at = 0; at < len;) {
            size_t want = naive_length(bytes + at, len - at);
            size_t next = at;
            (void)utf8_next(s, &next);
            assert_int_equal(next - at, want ? want : 1);
            valid = valid && want != 0;
            at = next;
        }
        assert_int_equal(utf8_is_valid(s), valid);
    }
}

static void counting_and_cutting(void **state)
{
    (void)state;
    struct str s = STR("a\xC3\xA9\xE5\x86\xBB\xF0\x9F\x98\x80z"); /* 1 + 2 + 3 + 4 + 1 bytes */
    assert_int_equal(utf8_count(s), 5);
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t max = 0; max < ARRAY_LEN(want); max++) {
        struct str cut = utf8_cut(s, max);
        assert_int_equal(cut.len, want[max]);
        assert_true(utf8_is_valid(cut));
    }
    assert_int_equal(utf8_count(STR("\xFF\xFF")), 2);
    assert_int_equal(utf8_cut(STR("\x80\x80\x80\x80\x80\x80"), 5).len, 5);
}

static void classes_and_folding(void **state)
{
    (void)state;
    static const struct {
        uint32_t upper, lower;
    } pairs[] = {
        {'A', 'a'},       {0xC4, 0xE4},     {0x130, 'i'},     {0x178, 0xFF},        {0x3A9, 0x3C9},
        {0x3C2, 0x3C3},   {0x410, 0x430},   {0x401, 0x451},   {0x1EA0, 0x1EA1},     {0x1E9E, 0xDF},
        {0xFF21, 0xFF41}, {0x17F, 's'},     {0x4E00, 0x4E00}, {'1', '1'},           {'@', '@'},
        {'[', '['},       {0x2C60, 0x2C61}, {0xD7, 0xD7},     {0x10FFFF, 0x10FFFF},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        assert_int_equal(utf8_lower(pairs[i].upper), pairs[i].lower);
        assert_int_equal(utf8_lower(pairs[i].lower), pairs[i].lower);
    }
    static const uint32_t cjk[] = {0x4E00,  0x9FFF, 0x3400,  0x20000, 0x2A6DF,
                                   0x2F800, 0xF900, 0x30000, 0x3005};
    for (size_t i = 0; i < ARRAY_LEN(cjk); i++) {
        assert_true(utf8_is_cjk(cjk[i]));
        assert_false(utf8_is_alnum(cjk[i]));
        assert_false(utf8_is_space(cjk[i]));
    }
    static const uint32_t words[] = {'a',   'Z',    '0',    '9',    0xE9, 0x3B1,
                                     0x434, 0x1EA1, 0xFF11, 0xFF41, 0x660};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        assert_true(utf8_is_alnum(words[i]));
        assert_false(utf8_is_cjk(words[i]));
    }
    static const uint32_t neither[] = {'_',    '-',     '.',    0xD7,   0x3002,
                                       0xFF0C, 0x1F600, 0x200B, 0xFFFD, 0x2014};
    for (size_t i = 0; i < ARRAY_LEN(neither); i++) {
        assert_false(utf8_is_alnum(neither[i]));
        assert_false(utf8_is_cjk(neither[i]));
    }
    static const uint32_t spaces[] = {' ', '\t', '\n', 0xA0, 0x3000, 0x2003, 0x2029};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        assert_true(utf8_is_space(spaces[i]));
    }
}

int test_utf8(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_sequences),
        cmocka_unit_test(every_code_point_round_trips),
        cmocka_unit_test(random_bytes_follow_the_definition),
        cmocka_unit_test(counting_and_cutting),
        cmocka_unit_test(classes_and_folding),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
