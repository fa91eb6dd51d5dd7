#include "base/arena.h"

#include "base/check.h"
#include "base/vec.h"
#include "groups.h"
#include "unit.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "arena");
    ARENA_AUTO arena = arena_new(64);
    struct {
        unsigned char *p;
        size_t len;
    } parts[500];
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        parts[i].len = (size_t)rng_below(&r, i % 50 == 0 ? 40000 : 200);
        parts[i].p = arena_alloc(arena, parts[i].len);
        assert_int_equal((uintptr_t)parts[i].p % 16, 0);
        for (size_t k = 0; k < parts[i].len; k++) {
            assert_int_equal(parts[i].p[k], 0);
            parts[i].p[k] = (unsigned char)i;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        for (size_t k = 0; k < parts[i].len; k++) {
            assert_int_equal(parts[i].p[k], (unsigned char)i);
        }
    }
}

static void reset_empties_and_zeroes_again(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    char *first = arena_alloc(arena, 100);
    memset(first, 'x', 100);
    (void)arena_alloc(arena, 100000);
    assert_true(arena_used(arena) >= 100100);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    char *again = arena_alloc(arena, 100);
    assert_ptr_equal(first, again);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(again[i], 0);
    }
}

static void past_the_cap(void)
{
    ARENA_AUTO arena = arena_new(0);
    for (int i = 0; i < 66; i++) {
        (void)arena_alloc(arena, 1 << 20);
    }
}

static void with_an_overflowing_product(void)
{
    ARENA_AUTO arena = arena_new(0);
    volatile size_t n = SIZE_MAX / 2;
    (void)arena_calloc(arena, n, 4);
}

static void up_to_the_cap(void)
{
    ARENA_AUTO arena = arena_new(0);
    for (int i = 0; i < 63; i++) {
        (void)arena_alloc(arena, (1 << 20) - 64);
    }
}

static void cap_and_overflow_abort(void **state)
{
    (void)state;
    assert_true(unit_aborts(past_the_cap));
    assert_true(unit_aborts(with_an_overflowing_product));
    assert_false(unit_aborts(up_to_the_cap));
}

static void free_accepts_null_and_nulls(void **state)
{
    (void)state;
    struct arena *arena = NULL;
    arena_free(&arena);
    arena_free(NULL);
    arena = arena_new(0);
    arena_free(&arena);
    assert_null(arena);
}

static void vector_follows_a_model(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "vec");
    VEC(int) v = {0};
    int model[2000];
    size_t n = 0;
    for (int step = 0; step < 5000; step++) {
        uint64_t dice = rng_below(&r, 10);
        if (dice < 6 && n < ARRAY_LEN(model)) {
            model[n++] = step;
            VEC_PUSH(&v, step);
        } else if (dice < 8 && n > 0) {
            assert_int_equal(VEC_POP(&v), model[--n]);
        } else if (n > 0) {
            size_t i = (size_t)rng_below(&r, n);
            model[i] = model[--n];
            (void)VEC_SWAP_REMOVE(&v, i);
        }
        assert_int_equal(v.len, n);
    }
    assert_memory_equal(v.items, model, n * sizeof(int));
    VEC_CLEAR(&v);
    assert_int_equal(v.len, 0);
    VEC_RELEASE(&v);
    assert_null(v.items);
}

int test_arena(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(reset_empties_and_zeroes_again),
        cmocka_unit_test(cap_and_overflow_abort),
        cmocka_unit_test(free_accepts_null_and_nulls),
        cmocka_unit_test(vector_follows_a_model),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
