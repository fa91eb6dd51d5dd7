#include "base/map.h"

#include <stdio.h>

#include "base/check.h"
#include "groups.h"
#include "unit.h"

#define KEYS 300

/* Random puts, removes and look-ups against an array indexed by key number. */
static void map_follows_a_model(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "map");
    struct map *map = map_new();
    int values[KEYS];
    void *model[KEYS] = {0};
    size_t n = 0;
    for (int step = 0; step < 60000; step++) {
        size_t k = (size_t)rng_below(&r, KEYS);
        char text[32];
        int len = snprintf(text, sizeof(text), "key-%zu", k * 7919);
        struct str key = {text, k == 0 ? 0 : (size_t)len}; /* key 0 is the empty string */
        uint64_t dice =
            rng_below(&r, step / 10000 % 2 ? 4 : 3); /* phases of growth and of shrinking */
        if (dice == 0) {
            n += model[k] == NULL;
            assert_ptr_equal(map_put(map, key, &values[k]), model[k]);
            model[k] = &values[k];
        } else if (dice == 1) {
            assert_ptr_equal(map_find(map, key), model[k]);
        } else {
            n -= model[k] != NULL;
            assert_ptr_equal(map_remove(map, key), model[k]);
            model[k] = NULL;
        }
        assert_int_equal(map_len(map), n);
    }
    size_t at = 0;
    size_t seen = 0;
    struct str key;
    void *value;
    while (map_next(map, &at, &key, &value)) {
        assert_ptr_equal(model[(int *)value - values], value);
        assert_ptr_equal(map_find(map, key), value);
        seen++;
    }
    assert_int_equal(seen, n);
    map_free(&map);
    assert_null(map);
}

static void idmap_follows_a_model(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "idmap");
    struct idmap *map = idmap_new();
    int values[KEYS];
    void *model[KEYS] = {0};
    size_t n = 0;
    for (int step = 0; step < 60000; step++) {
        size_t k = (size_t)rng_below(&r, KEYS);
        int64_t key = k % 2 ? (int64_t)k << 40 : -(int64_t)k;
        uint64_t dice = rng_below(&r, step / 10000 % 2 ? 4 : 3);
        if (dice == 0) {
            n += model[k] == NULL;
            assert_ptr_equal(idmap_put(map, key, &values[k]), model[k]);
            model[k] = &values[k];
        } else if (dice == 1) {
            assert_ptr_equal(idmap_find(map, key), model[k]);
        } else {
            n -= model[k] != NULL;
            assert_ptr_equal(idmap_remove(map, key), model[k]);
            model[k] = NULL;
        }
        assert_int_equal(idmap_len(map), n);
    }
    size_t at = 0;
    size_t seen = 0;
    int64_t key;
    void *value;
    while (idmap_next(map, &at, &key, &value)) {
        assert_ptr_equal(model[(int *)value - values], value);
        assert_ptr_equal(idmap_find(map, key), value);
        seen++;
    }
    assert_int_equal(seen, n);
    idmap_free(&map);
    assert_null(map);
}

static void empty_maps_answer(void **state)
{
    (void)state;
    struct map *map = map_new();
    struct idmap *ids = idmap_new();
    size_t at = 0;
    struct str key;
    int64_t id;
    void *value;
    assert_null(map_find(map, STR("x")));
    assert_null(map_remove(map, STR("x")));
    assert_false(map_next(map, &at, &key, &value));
    assert_null(idmap_find(ids, 1));
    assert_null(idmap_remove(ids, 1));
    assert_false(idmap_next(ids, &at, &id, &value));
    map_free(&map);
    idmap_free(&ids);
    map_free(&map);
    idmap_free(NULL);
}

/* Ids that are multiples of a power of two must not pile up in one place. */
static void strided_ids_stay_fast(void **state)
{
    (void)state;
    struct idmap *map = idmap_new();
    int value;
    for (int64_t i = 1; i <= 200000; i++) {
        (void)idmap_put(map, i << 32, &value);
    }
    assert_int_equal(idmap_len(map), 200000);
    for (int64_t i = 1; i <= 200000; i++) {
        assert_non_null(idmap_find(map, i << 32));
    }
    idmap_free(&map);
}

static void put_null(void)
{
    (void)map_put(map_new(), STR("x"), NULL);
}

static void null_values_abort(void **state)
{
    (void)state;
    assert_true(unit_aborts(put_null));
}

int test_map(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_follows_a_model), cmocka_unit_test(idmap_follows_a_model),
        cmocka_unit_test(empty_maps_answer),   cmocka_unit_test(strided_ids_stay_fast),
        cmocka_unit_test(null_values_abort),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
