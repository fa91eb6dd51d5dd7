#include "base/buf.h"

#include "base/check.h"
#include "base/mem.h"
#include "groups.h"
#include "unit.h"

/* Random appends against a flat array: the content is the model's, never past the cap, and a refusal changes nothing and sticks. */
static void appends_follow_a_model(void **state)
{
    (void)state;
    struct rng r;
    unit_rng(&r, "buf");
    for (int round = 0; round < 200; round++) {
        size_t cap = (size_t)rng_below(&r, 3000);
        BUF_AUTO b;
        buf_init(&b, cap);
        char model[3000];
        size_t n = 0;
        bool failed = false;
        for (int step = 0; step < 60; step++) {
            char piece[400];
            size_t len = (size_t)rng_below(&r, rng_below(&r, 8) == 0 ? sizeof(piece) : 30);
            memset(piece, 'a' + step % 26, len);
            bool fits = !failed && n + len <= cap;
            enum err err =
                step % 3 == 0 ? buf_printf(&b, STR_FMT, (int)len, piece) : buf_add(&b, piece, len);
            if (!fits && (len > 0 || failed)) {
                failed = true;
            } else {
                memcpy(model + n, piece, len);
                n += len;
            }
            assert_err(err, fits ? ERR_OK : ERR_LIMIT);
            assert_str_eq(buf_str(&b), ((struct str){model, n}));
            assert_err(buf_err(&b), failed ? ERR_LIMIT : ERR_OK);
        }
    }
}

static void cap_is_exact(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 5);
    assert_ok(buf_add_cstr(&b, "12345"));
    assert_err(buf_add_char(&b, '6'), ERR_LIMIT);
    assert_err(buf_err(&b), ERR_LIMIT);
    assert_str(buf_str(&b), "12345");
    buf_clear(&b);
    assert_ok(buf_err(&b));
    assert_err(buf_printf(&b, "%s", "123456"), ERR_LIMIT);
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_ok(buf_printf(&b, "%d", 12345));
    assert_null(buf_reserve(&b, 1));
}

static void long_format_is_exact(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 1000);
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    assert_ok(buf_printf(&b, "%s", text));
    assert_int_equal(b.len, 1000);
    assert_err(buf_printf(&b, "%s", text), ERR_LIMIT);
}

static void reserve_advance_and_drop(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 100);
    char *p = buf_reserve(&b, 10);
    assert_non_null(p);
    memcpy(p, "abcdef", 6);
    buf_advance(&b, 6);
    buf_drop_front(&b, 2);
    assert_str(buf_str(&b), "cdef");
    buf_drop_front(&b, 4);
    assert_str(buf_str(&b), "");
    assert_non_null(buf_reserve(&b, 0));
}

static void detach_hands_over(void **state)
{
    (void)state;
    BUF_AUTO b;
    buf_init(&b, 100);
    assert_ok(buf_add_cstr(&b, "mine"));
    size_t len = 0;
    char *p = buf_detach(&b, &len);
    assert_str_eq(((struct str){p, len}), STR("mine"));
    mem_free(p);
    assert_ok(buf_add_cstr(&b, "again"));
    assert_str(buf_str(&b), "again");
}

static void advance_past_the_room(void)
{
    BUF_AUTO b;
    buf_init(&b, 1000);
    (void)buf_reserve(&b, 10);
    buf_advance(&b, 999);
}

static void misuse_aborts(void **state)
{
    (void)state;
    assert_true(unit_aborts(advance_past_the_room));
}

int test_buf(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_follow_a_model), cmocka_unit_test(cap_is_exact),
        cmocka_unit_test(long_format_is_exact),   cmocka_unit_test(reserve_advance_and_drop),
        cmocka_unit_test(detach_hands_over),      cmocka_unit_test(misuse_aborts),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
