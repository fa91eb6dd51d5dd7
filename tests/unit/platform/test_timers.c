/* Timers on a clock that is moved by hand. */
#include "tmpdb.h"

#include <stdatomic.h>
#include <time.h>

#include "platform/timers.h"

static atomic_int_fast64_t now_ms;

static int64_t hand_clock(void *arg)
{
    (void)arg;
    return atomic_load(&now_ms);
}

static const struct clock hand = {hand_clock, NULL};

struct seen {
    atomic_int n;
    atomic_int_fast64_t subjects[16], at[16];
    atomic_int n_failures_left;
};

static enum err note(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                     int64_t now)
{
    (void)txn;
    struct seen *s = arg;
    assert_true(str_eq_cstr(payload, "p"));
    if (atomic_load(&s->n_failures_left) > 0) {
        atomic_fetch_sub(&s->n_failures_left, 1);
        return ERR_UNAVAILABLE;
    }
    int i = atomic_load(&s->n);
    atomic_store(&s->subjects[i], subject);
    atomic_store(&s->at[i], now);
    atomic_store(&s->n, i + 1);
    return ERR_OK;
}

struct set {
    int64_t subject, due_at;
    bool is_cancel;
};

static enum err set(struct db_txn *txn, void *arg)
{
    const struct set *s = arg;
    return s->is_cancel ? timer_cancel(txn, "snooze", s->subject)
                        : timer_set(txn, "snooze", s->subject, s->due_at, STR("p"));
}

static void do_set(struct db *db, int64_t subject, int64_t due_at)
{
    struct set s = {subject, due_at, due_at == 0};
    assert_int_equal(db_write(db, set, &s), ERR_OK);
}

static struct timers *start(struct tmpdb *t, struct seen *seen)
{
    struct timers *timers = NULL;
    assert_int_equal(timers_new(t->db, hand, &timers), ERR_OK);
    timers_handle(timers, "snooze", note, seen);
    assert_int_equal(timers_start(timers), ERR_OK);
    return timers;
}

static void nap_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

static void move_to(struct timers *t, int64_t at)
{
    atomic_store(&now_ms, at);
    timers_kick(t);
}

static void wait_for(struct seen *s, int n)
{
    for (int i = 0; i < 3000 && atomic_load(&s->n) < n; i++) {
        nap_ms(1);
    }
    assert_int_equal(atomic_load(&s->n), n);
}

static void they_fire_when_due_in_order_and_once(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct seen seen = {0};
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000);
    struct timers *timers = start(&t, &seen);
    do_set(t.db, 1, 5000);
    do_set(t.db, 2, 3000);
    do_set(t.db, 3, 4000);
    do_set(t.db, 4, 3500);
    do_set(t.db, 4, 0);    /* cancelled */
    do_set(t.db, 3, 9000); /* moved */
    move_to(timers, 2999);
    nap_ms(20);
    assert_int_equal(atomic_load(&seen.n), 0);
    move_to(timers, 3000);
    wait_for(&seen, 1);
    move_to(timers, 8999);
    wait_for(&seen, 2);
    move_to(timers, 9000);
    wait_for(&seen, 3);
    assert_int_equal(atomic_load(&seen.subjects[0]), 2);
    assert_int_equal(atomic_load(&seen.subjects[1]), 1);
    assert_int_equal(atomic_load(&seen.subjects[2]), 3);
    assert_int_equal(atomic_load(&seen.at[2]), 9000);
    timers_free(&timers);
    tmpdb_close(&t);
}

static void they_survive_a_restart_and_fire_late_rather_than_never(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct seen seen = {0};
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000);
    do_set(t.db, 1, 2000);
    do_set(t.db, 2, 60000);
    struct db_options o = {0};
    o.migrations = migrations_all(&o.n_migrations);
    tmpdb_reopen(&t, &o);
    atomic_store(&now_ms, 30000);
    struct timers *timers = start(&t, &seen);
    wait_for(&seen, 1);
    assert_int_equal(atomic_load(&seen.subjects[0]), 1);
    timers_free(&timers);
    tmpdb_close(&t);
}

static void a_failing_handler_is_tried_again_later(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct seen seen = {.n_failures_left = 2};
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000);
    struct timers *timers = start(&t, &seen);
    do_set(t.db, 1, 1000);
    for (int i = 0; i < 1000 && atomic_load(&seen.n_failures_left) > 1; i++) {
        nap_ms(1);
    }
    nap_ms(20);
    assert_int_equal(atomic_load(&seen.n_failures_left), 1); /* waits one second now */
    move_to(timers, 2000);
    for (int i = 0; i < 1000 && atomic_load(&seen.n_failures_left) > 0; i++) {
        nap_ms(1);
    }
    move_to(timers, 10000);
    nap_ms(20);
    move_to(timers, 20000);
    wait_for(&seen, 1);
    timers_free(&timers);
    tmpdb_close(&t);
}

static int64_t real_clock(void *arg)
{
    (void)arg;
    struct clock c = clock_system();
    return clock_now(&c);
}

static void on_a_real_clock_they_are_on_time(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct seen seen = {0};
    tmpdb_open(&t);
    struct timers *timers = NULL;
    assert_int_equal(timers_new(t.db, (struct clock){real_clock, NULL}, &timers), ERR_OK);
    timers_handle(timers, "snooze", note, &seen);
    assert_int_equal(timers_start(timers), ERR_OK);
    nap_ms(20);
    int64_t due = real_clock(NULL) + 150;
    do_set(t.db, 1, due);
    wait_for(&seen, 1);
    assert_true(atomic_load(&seen.at[0]) >= due && atomic_load(&seen.at[0]) < due + 500);
    timers_free(&timers);
    tmpdb_close(&t);
}

/* ---- many at once ---- */

enum { MANY = 10000 };

struct many {
    atomic_int n;
    atomic_int_fast64_t lone_at; /* when the one that fell due meanwhile fired */
    _Atomic(unsigned char) fired[MANY + 2];
};

static enum err count_fired(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                            int64_t now)
{
    (void)txn;
    (void)payload;
    struct many *m = arg;
    if (subject == MANY + 1) {
        atomic_store(&m->lone_at, now);
    } else {
        atomic_fetch_add(&m->fired[subject], 1);
        atomic_fetch_add(&m->n, 1);
    }
    return ERR_OK;
}

static enum err set_many(struct db_txn *txn, void *arg)
{
    int64_t due = *(const int64_t *)arg;
    enum err err = ERR_OK;
    for (int64_t i = 1; i <= MANY && err == ERR_OK; i++) {
        err = timer_set(txn, "snooze", i, due, STR("p"));
    }
    return err != ERR_OK ? err : timer_set(txn, "snooze", MANY + 1, due + 100, STR("p"));
}

static enum err nothing(struct db_txn *txn, void *arg)
{
    (void)txn;
    (void)arg;
    return ERR_OK;
}

/* Ten thousand fall due in the same moment: each fires once, one that falls due behind them is not forgotten, and writing goes on in between. */
static void ten_thousand_at_once_fire_once_and_stall_nobody(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    static struct many m;
    tmpdb_open(&t);
    struct timers *timers = NULL;
    assert_int_equal(timers_new(t.db, (struct clock){real_clock, NULL}, &timers), ERR_OK);
    timers_handle(timers, "snooze", count_fired, &m);
    assert_int_equal(timers_start(timers), ERR_OK);
    int64_t due = real_clock(NULL) + 200, longest = 0;
    assert_int_equal(db_write(t.db, set_many, &due), ERR_OK);
    int64_t deadline = real_clock(NULL) + 60000;
    while ((atomic_load(&m.n) < MANY || atomic_load(&m.lone_at) == 0) &&
           real_clock(NULL) < deadline) {
        int64_t before = real_clock(NULL);
        assert_int_equal(db_write(t.db, nothing, NULL), ERR_OK);
        int64_t took = real_clock(NULL) - before;
        longest = took > longest ? took : longest;
        nap_ms(2);
    }
    print_message("%d fired within %lld ms, the longest write among them took %lld ms\n", MANY,
                  (long long)(real_clock(NULL) - due), (long long)longest);
    assert_int_equal(atomic_load(&m.n), MANY);
    for (int i = 1; i <= MANY; i++) {
        assert_int_equal(atomic_load(&m.fired[i]), 1);
    }
    assert_true(atomic_load(&m.lone_at) >= due + 100);
    assert_true(longest < 2000); /* a machine that is busy with other things is allowed for */
    timers_free(&timers);
    tmpdb_close(&t);
}

int main(void)
{
    (void)unsetenv(
        "SH_TEST_DB_REHEARSE"); /* the handlers here count how often they ran, which real ones must not */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_fire_when_due_in_order_and_once),
        cmocka_unit_test(they_survive_a_restart_and_fire_late_rather_than_never),
        cmocka_unit_test(a_failing_handler_is_tried_again_later),
        cmocka_unit_test(on_a_real_clock_they_are_on_time),
        cmocka_unit_test(ten_thousand_at_once_fire_once_and_stall_nobody),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
