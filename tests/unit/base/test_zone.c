#include <stdio.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "groups.h"
#include "unit.h"

/* zone_vectors.txt was made with Python's zoneinfo: random instants and both sides of changes, also far past the file's table. */
static void vectors_of_another_implementation(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DATA_DIR "/base/data/zone_vectors.txt", "re");
    assert_non_null(f);
    char line[128];
    int n = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        struct str rest = str_trim(str_from(line));
        struct str name = {0};
        struct str at_text = {0};
        struct str offset_text = {0};
        int64_t at_s = 0;
        int64_t offset_s = 0;
        assert_true(str_split(&rest, ' ', &name) && str_split(&rest, ' ', &at_text) &&
                    str_split(&rest, ' ', &offset_text));
        assert_true(str_to_i64(at_text, &at_s) && str_to_i64(offset_text, &offset_s));
        const struct zone *z = NULL;
        assert_ok(zone_load(name, &z));
        if (zone_offset_s(z, at_s * 1000) != offset_s ||
            zone_offset_s(z, at_s * 1000 + 999) != offset_s) {
            fail_msg("%s got %d", line, zone_offset_s(z, at_s * 1000));
        }
        n++;
    }
    (void)fclose(f);
    assert_true(n > 500);
}

static void the_two_that_matter_most(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *at;
        int32_t hours;
    } cases[] = {
        {"Asia/Shanghai", "2026-07-01T00:00:00Z", 8},
        {"Asia/Shanghai", "1988-07-01T00:00:00Z", 9},
        {"Europe/Berlin", "2026-03-29T00:59:59.999Z", 1},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", 2},
        {"Europe/Berlin", "2026-10-25T00:59:59.999Z", 2},
        {"Europe/Berlin", "2026-10-25T01:00:00Z", 1},
        {"Europe/Berlin", "2150-07-01T00:00:00Z", 2},
        {"Europe/Berlin", "2150-12-01T00:00:00Z", 1},
        {"Europe/Dublin", "2150-07-01T00:00:00Z", 1},
        {"Europe/Dublin", "2150-12-01T00:00:00Z", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct zone *z = NULL;
        int64_t at = 0;
        assert_ok(zone_load(str_from(cases[i].zone), &z));
        assert_ok(time_parse(str_from(cases[i].at), &at));
        assert_case(zone_offset_s(z, at) == cases[i].hours * 3600, cases[i].at);
    }
}

static void unsafe_names_are_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "/",
        "/etc/passwd",
        "../zoneinfo/UTC",
        "Europe/../UTC",
        "Europe",
        "Europe/",
        "Europe//Berlin",
        "tzdata.zi",
        "Nowhere/Land",
        "Europe/Berlin\n",
        "posixrules/x",
        "zone1970.tab",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct zone *z = NULL;
        assert_case(zone_load(str_from(names[i]), &z) == ERR_NOT_FOUND, names[i]);
        assert_null(z);
    }
    const struct zone *a = NULL;
    const struct zone *b = NULL;
    assert_ok(zone_load(STR("Etc/GMT+8"), &a));
    assert_ok(zone_load(STR("Etc/GMT+8"), &b));
    assert_ptr_equal(a, b);
}

/* Each prefix and each single changed byte of a real file is either refused or usable: nothing reads outside (ASan watches). */
static void broken_files_are_harmless(void **state)
{
    (void)state;
    FILE *f = fopen("/usr/share/zoneinfo/Europe/Berlin", "rbe");
    assert_non_null(f);
    char file[8192];
    size_t len = fread(file, 1, sizeof(file), f);
    (void)fclose(f);
    for (size_t cut = 0; cut < len; cut += 7) {
        char *copy = mem_alloc(cut);
        memcpy(copy, file, cut);
        struct zone *z = NULL;
        if (zone_decode((struct str){copy, cut}, &z) == ERR_OK) {
            (void)zone_offset_s(z, 4102444800000);
        }
        zone_free(&z);
        mem_free(copy);
    }
    struct rng r;
    unit_rng(&r, "zone");
    for (int i = 0; i < 5000; i++) {
        size_t at = (size_t)rng_below(&r, len);
        char before = file[at];
        file[at] = (char)rng_next(&r);
        struct zone *z = NULL;
        if (zone_decode((struct str){file, len}, &z) == ERR_OK) {
            (void)zone_offset_s(z, (int64_t)rng_next(&r) / 2);
        }
        zone_free(&z);
        file[at] = before;
    }
}

int test_zone(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_another_implementation),
        cmocka_unit_test(the_two_that_matter_most),
        cmocka_unit_test(unsafe_names_are_not_found),
        cmocka_unit_test(broken_files_are_harmless),
    };
    return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
