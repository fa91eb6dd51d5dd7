#include "base/decimal.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/check.h"
#include "groups.h"
#include "unit.h"

static void parsing_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        const char *formatted;
    } cases[] = {
        {"0", ERR_OK, "0"},
        {"-12.3400", ERR_OK, "-12.3400"},
        {"0.000000000000000001", ERR_OK, "0.000000000000000001"},
        {"99999999999999999999999999999999999999", ERR_OK,
         "99999999999999999999999999999999999999"},
        {"99999999999999999999.999999999999999999", ERR_OK,
         "99999999999999999999.999999999999999999"},
        {"-0", ERR_OK, "0"},
        {"-0.00", ERR_OK, "0.00"},
        {"999999999999999999999999999999999999999", ERR_LIMIT, NULL},
        {"100000000000000000000000000000000000000000000000000000000000", ERR_LIMIT, NULL},
        {"0.0000000000000000001", ERR_LIMIT, NULL},
        {"", ERR_INVALID, NULL},
        {"-", ERR_INVALID, NULL},
        {".5", ERR_INVALID, NULL},
        {"5.", ERR_INVALID, NULL},
        {"+5", ERR_INVALID, NULL},
        {" 5", ERR_INVALID, NULL},
        {"5 ", ERR_INVALID, NULL},
        {"1e5", ERR_INVALID, NULL},
        {"1,000", ERR_INVALID, NULL},
        {"1.2.3", ERR_INVALID, NULL},
        {"00.5", ERR_INVALID, NULL},
        {"--5", ERR_INVALID, NULL},
        {"0x5", ERR_INVALID, NULL},
        {"\xEF\xBC\x95", ERR_INVALID, NULL},
        {"0.0000000000000000001x", ERR_INVALID, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decimal d = {.coefficient = 77, .scale = 7};
        char text[DECIMAL_TEXT_MAX];
        assert_case(decimal_parse(str_from(cases[i].text), &d) == cases[i].err, cases[i].text);
        if (cases[i].err == ERR_OK) {
            assert_int_equal(decimal_format(d, text), strlen(cases[i].formatted));
            assert_string_equal(text, cases[i].formatted);
        } else {
            assert_case(d.coefficient == 77 && d.scale == 7, cases[i].text);
        }
    }
}

static struct decimal parse(struct str s)
{
    struct decimal d = {0};
    if (!str_eq_cstr(s, "-")) {
        assert_ok(decimal_parse(s, &d));
    }
    return d;
}

static enum decimal_rounding rounding_of(struct str s)
{
    return str_eq_cstr(s, "half_up")     ? DECIMAL_HALF_UP
           : str_eq_cstr(s, "half_even") ? DECIMAL_HALF_EVEN
                                         : DECIMAL_DOWN;
}

static void check_vector(struct str line)
{
    struct str part[6];
    struct str rest = line;
    for (size_t i = 0; i < ARRAY_LEN(part); i++) {
        assert_true(str_split(&rest, ' ', &part[i]));
    }
    struct decimal a = parse(part[1]);
    struct decimal b = parse(part[2]);
    char text[DECIMAL_TEXT_MAX];
    if (str_eq_cstr(part[0], "cmp")) {
        (void)snprintf(text, sizeof(text), "%d", decimal_cmp(a, b));
        assert_str(part[5], text);
        assert_int_equal(decimal_cmp(b, a), -decimal_cmp(a, b));
        return;
    }
    int64_t scale = 0;
    (void)str_to_i64(part[3], &scale);
    struct decimal out = {0};
    enum err err = str_eq_cstr(part[0], "add")   ? decimal_add(a, b, &out)
                   : str_eq_cstr(part[0], "sub") ? decimal_sub(a, b, &out)
                   : str_eq_cstr(part[0], "mul") ? decimal_mul(a, b, &out)
                   : str_eq_cstr(part[0], "div")
                       ? decimal_div(a, b, (int)scale, rounding_of(part[4]), &out)
                       : decimal_rescale(a, (int)scale, rounding_of(part[4]), &out);
    struct str got =
        err == ERR_OK ? (struct str){text, decimal_format(out, text)} : str_from(err_name(err));
    if (!str_eq(got, part[5])) {
        fail_msg(STR_FMT "\n  got " STR_FMT, STR_ARG(line), STR_ARG(got));
    }
}

static void vectors_of_another_implementation(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DATA_DIR "/base/data/decimal_vectors.txt", "re");
    assert_non_null(f);
    char line[256];
    int n = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        check_vector(str_trim(str_from(line)));
        n++;
    }
    (void)fclose(f);
    assert_int_equal(n, 1500);
}

static struct decimal random_decimal(struct rng *r)
{
    char text[48];
    int len = snprintf(text, sizeof(text), "%s%llu.%0*llu", rng_below(r, 2) ? "-" : "",
                       (unsigned long long)rng_below(r, 1000000000000), (int)(1 + rng_below(r, 6)),
                       (unsigned long long)rng_below(r, 10));
    struct decimal d = {0};
    assert_ok(decimal_parse((struct str){text, (size_t)len}, &d));
    return d;
}

static void laws_of_arithmetic(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "decimal");
    for (int i = 0; i < 20000; i++) {
        struct decimal a = random_decimal(&r);
        struct decimal b = random_decimal(&r);
        struct decimal c = random_decimal(&r);
        struct decimal x, y, z;
        assert_ok(decimal_add(a, b, &x));
        assert_ok(decimal_add(b, a, &y));
        assert_int_equal(decimal_cmp(x, y), 0);
        assert_ok(decimal_sub(x, b, &y));
        assert_int_equal(decimal_cmp(y, a), 0);
        assert_ok(decimal_mul(a, x, &x)); /* a * (a + b) = a*a + a*b */
        assert_ok(decimal_mul(a, a, &y));
        assert_ok(decimal_mul(a, b, &z));
        assert_ok(decimal_add(y, z, &y));
        assert_int_equal(decimal_cmp(x, y), 0);
        if (!decimal_is_zero(c)) { /* |a - (a / c) * c| < |c| * one unit */
            assert_ok(decimal_div(a, c, 6, DECIMAL_DOWN, &x));
            assert_ok(decimal_mul(x, c, &y));
            assert_ok(decimal_sub(a, y, &z));
            assert_ok(decimal_mul(c, (struct decimal){.coefficient = 1, .scale = 6}, &y));
            z.coefficient = z.coefficient < 0 ? -z.coefficient : z.coefficient;
            y.coefficient = y.coefficient < 0 ? -y.coefficient : y.coefficient;
            assert_true(decimal_cmp(z, y) < 0);
        }
    }
}

static void bad_scales_are_refused(void **state)
{
    (void)state;
    struct decimal one = {.coefficient = 1};
    struct decimal out;
    assert_err(decimal_rescale(one, 19, DECIMAL_DOWN, &out), ERR_INVALID);
    assert_err(decimal_rescale(one, -1, DECIMAL_DOWN, &out), ERR_INVALID);
    assert_err(decimal_div(one, (struct decimal){.scale = 3}, 2, DECIMAL_DOWN, &out), ERR_INVALID);
}

int test_decimal(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parsing_is_strict),
        cmocka_unit_test(vectors_of_another_implementation),
        cmocka_unit_test(laws_of_arithmetic),
        cmocka_unit_test(bad_scales_are_refused),
    };
    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
