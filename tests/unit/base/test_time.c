#include "base/timeutil.h"

#include <time.h>

#include "base/check.h"
#include "groups.h"
#include "unit.h"

static void rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t at;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-22T17:30:39.123Z", true, 1795368639123},
        {"2026-11-22t17:30:39.1234567z", true, 1795368639123},
        {"2026-11-22 17:30:39.1Z", true, 1795368639100},
        {"2026-11-23T01:30:39.123+08:00", true, 1795368639123},
        {"2026-11-22T12:00:39.123-05:30", true, 1795368639123},
        {"1969-12-31T23:59:59.999Z", true, -1},
        {"0000-01-01T00:00:00Z", true, -62167219200000},
        {"9999-12-31T23:59:59.999Z", true, 253402300799999},
        {"2024-02-29T00:00:00Z", true, 1709164800000},
        {"2016-12-31T23:59:60Z", true, 1483228800000},
        {"2023-02-29T00:00:00Z", false, 0},
        {"1900-02-29T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"2026-00-01T00:00:00Z", false, 0},
        {"2026-04-31T00:00:00Z", false, 0},
        {"2026-01-00T00:00:00Z", false, 0},
        {"2026-01-01T24:00:00Z", false, 0},
        {"2026-01-01T00:60:00Z", false, 0},
        {"2026-01-01T00:00:61Z", false, 0},
        {"2026-01-01T00:00:00", false, 0},
        {"2026-01-01T00:00:00.Z", false, 0},
        {"2026-01-01T00:00:00.0123456789Z", false, 0},
        {"2026-01-01T00:00:00+0800", false, 0},
        {"2026-01-01T00:00:00+24:00", false, 0},
        {"2026-01-01T00:00:00Zx", false, 0},
        {"2026-1-1T00:00:00Z", false, 0},
        {"2026-01-01", false, 0},
        {"", false, 0},
        {"+026-01-01T00:00:00Z", false, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t at = 77;
        assert_case((time_parse(str_from(cases[i].text), &at) == ERR_OK) == cases[i].ok,
                    cases[i].text);
        assert_case(at == (cases[i].ok ? cases[i].at : 77), cases[i].text);
    }
    char text[TIME_TEXT_MAX];
    assert_int_equal(time_format(1795368639123, text), 24);
    assert_string_equal(text, "2026-11-22T17:30:39.123Z");
    (void)time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    (void)time_format(INT64_MIN, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

/* Every day of 800 years against libc, with a random time of day; text and parts read back. */
static void calendar_follows_libc(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "time");
    for (int64_t day = -146097; day < 146097; day++) {
        int64_t at = day * TIME_DAY_MS + (int64_t)rng_below(&r, (uint64_t)TIME_DAY_MS);
        struct civil c = time_to_civil(at);
        int64_t at_s = at / 1000 - (at % 1000 < 0);
        time_t t = (time_t)at_s;
        struct tm tm;
        (void)gmtime_r(&t, &tm);
        if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
            c.hour != tm.tm_hour || c.minute != tm.tm_min || c.second != tm.tm_sec ||
            c.weekday != tm.tm_wday || c.ms != (int)(at - at_s * 1000) ||
            time_from_civil(&c) != at) {
            fail_msg("at %lld", (long long)at);
        }
        char text[TIME_TEXT_MAX];
        int64_t back = 0;
        size_t len = time_format(at, text);
        assert_ok(time_parse((struct str){text, len}, &back));
        assert_true(back == at);
    }
}

static void clocks_run(void **state)
{
    (void)state;
    struct clock c = clock_system();
    int64_t wall = clock_now(&c);
    assert_true(wall > 1600000000000 && wall < 253402300799999);
    int64_t before = time_monotonic_ns();
    assert_true(time_monotonic_ns() >= before);
}

int test_time(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc_3339),
                                       cmocka_unit_test(calendar_follows_libc),
                                       cmocka_unit_test(clocks_run)};
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
