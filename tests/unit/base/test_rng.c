#include "base/rng.h"

#include "base/check.h"
#include "groups.h"
#include "unit.h"

static void same_seed_same_numbers(void **state)
{
    (void)state;
    struct rng a;
    struct rng b;
    struct rng c;
    rng_init(&a, 42);
    rng_init(&b, 42);
    rng_init(&c, 43);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t v = rng_next(&a);
        assert_true(v == rng_next(&b));
        same += v == rng_next(&c);
    }
    assert_int_equal(same, 0);
}

/* First outputs of xoshiro256++ from the published C code for s = {1, 2, 3, 4}. */
static void known_answers(void **state)
{
    (void)state;
    struct rng r = {{1, 2, 3, 4}};
    assert_true(rng_next(&r) == 41943041U);
    assert_true(rng_next(&r) == 58720359U);
    assert_true(rng_next(&r) == 3588806011781223U);
}

static void below_is_in_range_and_even(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 7);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++) {
        uint64_t v = rng_below(&r, 6);
        assert_true(v < 6);
        counts[v]++;
        double u = rng_unit(&r);
        assert_true(u >= 0 && u < 1);
    }
    for (int i = 0; i < 6; i++) {
        assert_in_range(counts[i], 9600, 10400);
    }
    assert_true(rng_below(&r, 1) == 0);
    for (int i = 0; i < 100; i++) {
        assert_true(rng_below(&r, (1ULL << 63) + 1) <= 1ULL << 63);
    }
}

static void kernel_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[600] = {0};
    unsigned char b[600] = {0};
    rng_bytes(a, sizeof(a));
    rng_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_true(rng_u64() != rng_u64());
}

int test_rng(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_numbers),
        cmocka_unit_test(known_answers),
        cmocka_unit_test(below_is_in_range_and_even),
        cmocka_unit_test(kernel_bytes_differ),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
