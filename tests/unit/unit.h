/* What every unit test includes: cmocka with its prerequisites, assertions on our own types, and printed seeds for property tests.
 *
 * One executable per room. Each test file exports one `int test_<what>(void)` that runs its cmocka group; test_main.c of the room adds them up. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/str.h"

/* A struct str against a C literal, with both printed on failure. */
#define assert_str(actual, expected)                                                               \
    unit_assert_str((actual), str_from(expected), __FILE__, __LINE__)
#define assert_str_eq(actual, expected) unit_assert_str((actual), (expected), __FILE__, __LINE__)
/* An enum err by name. */
#define assert_err(actual, expected) assert_string_equal(err_name(actual), err_name(expected))
#define assert_ok(actual) assert_err((actual), ERR_OK)
/* Inside a table: names the row that failed. */
#define assert_case(ok, name) unit_assert_case((ok), #ok, (name), __FILE__, __LINE__)

static inline void unit_assert_str(struct str actual, struct str expected, const char *file,
                                   int line)
{
    if (!str_eq(actual, expected)) {
        print_error("got  \"" STR_FMT "\"\nwant \"" STR_FMT "\"\n", STR_ARG(actual),
                    STR_ARG(expected));
        _fail(file, line);
    }
}

static inline void unit_assert_case(bool ok, const char *expr, const char *name, const char *file,
                                    int line)
{
    if (!ok) {
        print_error("case \"%s\": %s\n", name, expr);
        _fail(file, line);
    }
}

/* A fresh seed per run, printed so that a failure can be repeated: TEST_SEED=<number> fixes it. */
static inline void unit_rng(struct rng *r, const char *what)
{
    uint64_t seed;
    const char *fixed = getenv("TEST_SEED");
    if (fixed == NULL || !str_to_u64(str_from(fixed), &seed)) {
        seed = rng_u64() >> 16;
    }
    print_message("seed of %s: TEST_SEED=%llu\n", what, (unsigned long long)seed);
    rng_init(r, seed);
}

/* True when fn aborts (ASSERT); its message is swallowed. */
bool unit_aborts(void (*fn)(void));

#endif
