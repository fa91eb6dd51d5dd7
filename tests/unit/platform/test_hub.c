/* Topics as pure code: order, held members, repetitions, slices, members that come and go in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "platform/frame.h"
#include "platform/hub.h"

/* A connection that writes down what it gets. */
struct fake {
    struct memberships topics;
    struct buf got;
    uint32_t id;
    bool is_behind;
    int overflows;
};

static void fake_send(void *conn, struct frame *frame)
{
    struct fake *f = conn;
    buf_add(&f->got, frame->p, frame->len);
    buf_add_char(&f->got, ' ');
}

static bool fake_is_behind(void *conn)
{
    return ((struct fake *)conn)->is_behind;
}

static void fake_overflow(void *conn)
{
    ((struct fake *)conn)->overflows++;
}

static bool fake_is_same(void *conn, struct conn_id id)
{
    return ((struct fake *)conn)->id == id.slot;
}

static const struct hub_ops ops = {fake_send, fake_is_behind, fake_overflow, fake_is_same};

static void publish(struct hub *hub, uint64_t topic, int64_t seq, const char *text,
                    const struct conn_id *except)
{
    struct frame *f = frame_new_bytes(str_from(text));
    hub_publish(hub, topic, seq, f, except);
    frame_unref(&f);
}

static void drain(struct hub *hub)
{
    while (hub_step(hub, 3)) {
    }
}

#define GOT(f, text) assert_true(str_eq_cstr(buf_str(&(f)->got), (text)))

static void live_members_get_each_seq_once(void **state)
{
    (void)state;
    struct hub *hub = hub_new(&ops, 1000);
    struct fake a = {.id = 1}, b = {.id = 2};
    buf_init(&a.got, 1000);
    buf_init(&b.got, 1000);
    hub_join(hub, &a.topics, &a, 7, false);
    hub_join(hub, &a.topics, &a, 7, false); /* again is nothing new */
    hub_join(hub, &b.topics, &b, 8, false);
    publish(hub, 7, 1, "1", NULL);
    publish(hub, 7, 2, "2", NULL);
    publish(hub, 7, 2, "2", NULL); /* repeated */
    publish(hub, 7, 1, "1", NULL); /* late */
    publish(hub, 9, 1, "nobody", NULL);
    publish(hub, 7, 5, "5", NULL);
    drain(hub);
    GOT(&a, "1 2 5 ");
    GOT(&b, "");
    struct conn_id except = {0, 1, 0};
    publish(hub, 7, 6, "6", &except);
    publish(hub, 7, 6, "6", NULL); /* the excepted one counts as served */
    publish(hub, 7, 7, "7", NULL);
    drain(hub);
    GOT(&a, "1 2 5 7 ");
    hub_leave(hub, &a.topics, 7);
    publish(hub, 7, 8, "8", NULL);
    drain(hub);
    GOT(&a, "1 2 5 7 ");
    hub_leave_all(hub, &b.topics);
    assert_int_equal(hub_topics(hub), 0);
    buf_release(&a.got);
    buf_release(&b.got);
    hub_free(&hub);
}

static void held_members_collect_and_release(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t after;
        const char *wanted;
    } cases[] = {
        {"nothing was replayed", 0, "1 2 3 4 "},
        {"replay overlaps what was held", 2, "3 4 "},
        {"replay went past what was held", 9, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hub *hub = hub_new(&ops, 1000);
        struct fake a = {.id = 1};
        buf_init(&a.got, 1000);
        hub_join(hub, &a.topics, &a, 7, true);
        publish(hub, 7, 1, "1", NULL);
        publish(hub, 7, 2, "2", NULL);
        publish(hub, 7, 0, "typing", NULL);
        publish(hub, 7, 3, "3", NULL);
        drain(hub);
        GOT(&a, "");
        publish(hub, 7, 4, "4", NULL); /* still on its way when the release comes */
        hub_release(hub, &a.topics, 7, cases[i].after);
        drain(hub);
        assert_string_equal(cases[i].name, cases[i].name);
        GOT(&a, cases[i].wanted);
        buf_clear(&a.got);
        publish(hub, 7, 10, "10", NULL);
        publish(hub, 7, 0, "typing", NULL);
        drain(hub);
        GOT(&a, "10 typing ");
        a.is_behind = true; /* what is transient is not worth a place in a full queue */
        publish(hub, 7, 0, "typing", NULL);
        drain(hub);
        GOT(&a, "10 typing ");
        hub_leave_all(hub, &a.topics);
        buf_release(&a.got);
        hub_free(&hub);
    }
}

static void holding_has_a_cap(void **state)
{
    (void)state;
    struct hub *hub = hub_new(&ops, 100);
    struct fake a = {.id = 1};
    buf_init(&a.got, 1000);
    hub_join(hub, &a.topics, &a, 7, true);
    for (int i = 1; i < 20; i++) {
        publish(hub, 7, i, "0123456789", NULL);
    }
    drain(hub);
    assert_true(a.overflows > 0);
    GOT(&a, "");
    hub_leave_all(hub, &a.topics);
    buf_release(&a.got);
    hub_free(&hub);
}

/* Whatever joins and leaves while fan-outs are cut in slices: who stays from before a publish gets it exactly once, in order. */
static void random_comings_and_goings(void **state)
{
    (void)state;
    enum { N = 40 };
    struct rng r;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&r, seed);
    for (int round = 0; round < 200; round++) {
        struct hub *hub = hub_new(&ops, 100000);
        static struct fake fakes[N];
        int joined_at[N] = {0};
        bool has_left[N] = {false};
        for (uint32_t i = 0; i < N; i++) {
            fakes[i] = (struct fake){.id = i};
            buf_init(&fakes[i].got, 100000);
            joined_at[i] = -1;
        }
        for (uint32_t i = 0; i < N / 2; i++) {
            hub_join(hub, &fakes[i].topics, &fakes[i], 7, false);
            joined_at[i] = 0;
        }
        for (int seq = 1; seq <= 30; seq++) {
            char text[16];
            snprintf(text, sizeof(text), "%d", seq);
            publish(hub, 7, seq, text, NULL);
            hub_step(hub, rng_below(&r, N));
            uint64_t k = rng_below(&r, N);
            if (joined_at[k] < 0) {
                hub_join(hub, &fakes[k].topics, &fakes[k], 7, false);
                joined_at[k] = seq;
            } else if (!has_left[k] && rng_below(&r, 3) == 0) {
                hub_leave(hub, &fakes[k].topics, 7);
                has_left[k] = true;
            }
        }
        drain(hub);
        for (int i = 0; i < N; i++) {
            struct str rest = buf_str(&fakes[i].got), part;
            int64_t last = 0, v, n = 0;
            while (str_split(&rest, ' ', &part)) {
                if (part.len > 0) {
                    assert_true(str_to_i64(part, &v) && v > last && (last == 0 || v == last + 1));
                    last = v;
                    n++;
                }
            }
            if (joined_at[i] == 0 && !has_left[i]) {
                assert_int_equal(n, 30);
            } else if (joined_at[i] > 0 && !has_left[i] && joined_at[i] < 30) {
                assert_int_equal(last, 30);
            }
            hub_leave_all(hub, &fakes[i].topics);
            buf_release(&fakes[i].got);
        }
        assert_int_equal(hub_topics(hub), 0);
        hub_free(&hub);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_members_get_each_seq_once),
        cmocka_unit_test(held_members_collect_and_release),
        cmocka_unit_test(holding_has_a_cap),
        cmocka_unit_test(random_comings_and_goings),
    };
    return cmocka_run_group_tests_name("platform_hub", tests, NULL, NULL);
}
