/* Outbox, idempotency keys, riders. */
#include "tmpdb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "platform/idempotency.h"
#include "platform/timers.h"

static atomic_int_fast64_t now_ms;

static int64_t hand_clock(void *arg)
{
    (void)arg;
    return atomic_load(&now_ms);
}

static const struct clock hand = {hand_clock, NULL};

static void nap_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

/* ---- outbox ---- */

struct receiver {
    pthread_mutex_t lock;
    char keys[2000][8];
    int n, n_at_once, max_at_once;
    atomic_int n_calls, n_failures_left, n_dead_left;
    int last_attempt;
};

static enum outbox_result receive(void *arg, struct str key, struct str payload, int attempt)
{
    struct receiver *r = arg;
    (void)pthread_mutex_lock(&r->lock);
    r->last_attempt = attempt;
    r->n_at_once++;
    r->max_at_once = r->n_at_once > r->max_at_once ? r->n_at_once : r->max_at_once;
    (void)pthread_mutex_unlock(&r->lock);
    nap_ms(payload.len == 4 ? 5 : 0);
    enum outbox_result result = OUTBOX_SENT;
    (void)pthread_mutex_lock(&r->lock);
    r->n_at_once--;
    if (atomic_load(&r->n_failures_left) > 0) {
        atomic_fetch_sub(&r->n_failures_left, 1);
        result = OUTBOX_RETRY;
    } else if (atomic_load(&r->n_dead_left) > 0) {
        atomic_fetch_sub(&r->n_dead_left, 1);
        result = OUTBOX_DEAD;
    } else {
        (void)snprintf(r->keys[r->n++], sizeof(r->keys[0]), STR_FMT, STR_ARG(key));
    }
    (void)pthread_mutex_unlock(&r->lock);
    atomic_fetch_add(&r->n_calls, 1);
    return result;
}

struct many {
    int from, n;
    int64_t at;
    const char *payload;
    enum err outcome;
};

static enum err add_many(struct db_txn *txn, void *arg)
{
    const struct many *m = arg;
    for (int i = m->from; i < m->from + m->n; i++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%d", i);
        enum err err = outbox_add(txn, "mail", str_from(key), str_from(m->payload), m->at);
        if (err != ERR_OK) {
            return err;
        }
    }
    return m->outcome;
}

static struct outbox *start(struct tmpdb *t, struct receiver *r)
{
    struct outbox *o = NULL;
    assert_int_equal(outbox_new(t->db, hand, &o), ERR_OK);
    outbox_handle(o, "mail", receive, r);
    assert_int_equal(outbox_start(o), ERR_OK);
    return o;
}

static void wait_calls(struct receiver *r, int n)
{
    for (int i = 0; i < 5000 && atomic_load(&r->n_calls) < n; i++) {
        nap_ms(1);
    }
    nap_ms(20);
    assert_int_equal(atomic_load(&r->n_calls), n);
}

static enum err count_state(struct db_txn *txn, void *arg)
{
    int64_t *v = arg;
    return DB_QUERY_I64(txn, v, "SELECT COUNT(*) FROM outbox WHERE state = $1", db_i64(*v));
}

static int64_t n_in_state(struct db *db, int64_t state)
{
    int64_t v = state;
    assert_int_equal(db_read(db, count_state, &v), ERR_OK);
    return v;
}

static struct receiver *receiver_new(void)
{
    struct receiver *r = MEM_NEW(struct receiver);
    (void)pthread_mutex_init(&r->lock, NULL);
    return r;
}

static void rows_are_sent_once_several_at_a_time(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct receiver *r = receiver_new();
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000000);
    struct outbox *o = start(&t, r);
    struct many m = {.n = 60, .at = 1000000, .payload = "slow"};
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK);
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK); /* the same keys again */
    struct many rolled_back = {
        .from = 100, .n = 5, .at = 1000000, .payload = "x", .outcome = ERR_DENIED};
    assert_int_equal(db_write(t.db, add_many, &rolled_back), ERR_DENIED);
    wait_calls(r, 60);
    assert_true(r->max_at_once > 1);
    for (int i = 0; i < r->n; i++) {
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(r->keys[i], r->keys[j]);
        }
    }
    outbox_free(&o);
    assert_int_equal(n_in_state(t.db, 2), 60);
    mem_free(r);
    tmpdb_close(&t);
}

static void failures_are_tried_later_and_given_up_in_the_end(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct receiver *r = receiver_new();
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000000);
    atomic_store(&r->n_failures_left, 2);
    struct outbox *o = start(&t, r);
    struct many m = {.n = 1, .at = 1000500, .payload = "x"};
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK);
    wait_calls(r, 0); /* not before its time */
    atomic_store(&now_ms, 1000500);
    outbox_kick(o);
    wait_calls(r, 1);
    atomic_store(&now_ms, 1000500 + 700); /* backs off 1 s +-25 % */
    outbox_kick(o);
    wait_calls(r, 1);
    atomic_store(&now_ms, 1000500 + 1300);
    outbox_kick(o);
    wait_calls(r, 2);
    atomic_store(&now_ms, 1000500 + 1300 + 2600);
    outbox_kick(o);
    wait_calls(r, 3);
    assert_int_equal(r->last_attempt, 3);
    assert_int_equal(n_in_state(t.db, 2), 1);

    atomic_store(&r->n_failures_left, 1000);
    m.from = 1;
    m.at = atomic_load(&now_ms);
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK);
    for (int i = 0; i < 12; i++) {
        wait_calls(r, 4 + i);
        atomic_fetch_add(&now_ms, 2 * TIME_HOUR_MS);
        outbox_kick(o);
    }
    wait_calls(r, 15);
    assert_int_equal(n_in_state(t.db, 3), 1);
    atomic_store(&r->n_failures_left, 0);
    atomic_store(&r->n_dead_left, 1);
    m.from = 2;
    m.at = atomic_load(&now_ms);
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK);
    wait_calls(r, 16);
    outbox_free(&o);
    assert_int_equal(n_in_state(t.db, 3), 2);
    mem_free(r);
    tmpdb_close(&t);
}

static enum err claim_by_hand(struct db_txn *txn, void *arg)
{
    (void)arg;
    return db_exec(
        txn, "UPDATE outbox SET state = 1, attempts = 1, claimed_by = 'dead', due_at = 99000000",
        NULL, 0, NULL);
}

static void what_a_dead_process_had_claimed_is_sent_after_the_restart(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct receiver *r = receiver_new();
    tmpdb_open(&t);
    atomic_store(&now_ms, 1000000);
    struct many m = {.n = 3, .at = 1000000, .payload = "x"};
    assert_int_equal(db_write(t.db, add_many, &m), ERR_OK);
    assert_int_equal(db_write(t.db, claim_by_hand, NULL), ERR_OK);
    struct outbox *o = start(&t, r);
    if (tmpdb_pg() != NULL) { /* other nodes may hold claims: they must run out */
        wait_calls(r, 0);
        atomic_store(&now_ms, 99000001);
        outbox_kick(o);
    }
    wait_calls(r, 3);
    assert_int_equal(r->last_attempt, 2);
    outbox_free(&o);
    mem_free(r);
    tmpdb_close(&t);
}

/* ---- idempotency ---- */

struct once {
    struct idempotency_id id;
    int64_t now;
    enum err outcome;
    struct arena *arena;
    enum idempotency result;
    struct idempotency_answer answer;
};

static enum err look_once(struct db_txn *txn, void *arg)
{
    struct once *o = arg;
    return idempotency_find(txn, o->arena, &o->id, o->now, o->now - IDEMPOTENCY_UNDER_WAY_MS,
                            &o->result, &o->answer);
}

static enum err claim_once(struct db_txn *txn, void *arg)
{
    struct once *o = arg;
    enum err err = idempotency_claim(txn, &o->id, o->now);
    return err != ERR_OK ? err : o->outcome;
}

static enum err finish_once(struct db_txn *txn, void *arg)
{
    struct once *o = arg;
    struct idempotency_answer answer = {201, STR("application/json"), STR("\"v1\""), {"{\0}", 3}};
    return idempotency_finish(txn, &o->id, &answer);
}

static void a_repeated_request_gets_the_first_answer(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct arena *arena = arena_new(0);
    tmpdb_open(&t);
    const struct {
        const char *name, *actor, *hash;
        int64_t now;
        bool finishes;
        enum err outcome;
        enum idempotency want;
    } steps[] = {
        {"rolled back", "agent:1", "h1", 1000, true, ERR_DENIED, IDEMPOTENCY_FRESH},
        {"first", "agent:1", "h1", 1000, true, ERR_OK, IDEMPOTENCY_FRESH},
        {"again", "agent:1", "h1", 2000, true, ERR_OK, IDEMPOTENCY_REPLAY},
        {"another request", "agent:1", "h2", 2000, true, ERR_OK, IDEMPOTENCY_MISMATCH},
        {"another actor", "agent:2", "h2", 2000, false, ERR_OK, IDEMPOTENCY_FRESH},
        {"while under way", "agent:2", "h2", 2500, false, ERR_OK, IDEMPOTENCY_UNDER_WAY},
        {"its process died", "agent:2", "h2", 2000 + 61000, true, ERR_OK, IDEMPOTENCY_LOST},
        {"forgotten", "agent:1", "h3", 1001 + TIME_DAY_MS, true, ERR_OK, IDEMPOTENCY_FRESH},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct once o = {
            .id = {str_from(steps[i].actor), STR("key"), str_from(steps[i].hash)},
            .now = steps[i].now,
            .outcome = steps[i].outcome,
            .arena = arena,
        };
        assert_int_equal(db_read(t.db, look_once, &o), ERR_OK);
        if (o.result != steps[i].want) {
            fail_msg("%s: %d", steps[i].name, o.result);
        }
        bool is_fresh = o.result == IDEMPOTENCY_FRESH;
        enum err want = is_fresh ? steps[i].outcome : ERR_CONFLICT;
        if (db_write(t.db, claim_once, &o) != want) {
            fail_msg("%s: claim", steps[i].name);
        }
        if (is_fresh && want == ERR_OK && steps[i].finishes) {
            assert_int_equal(db_write(t.db, finish_once, &o), ERR_OK);
        }
        if (o.result == IDEMPOTENCY_REPLAY) {
            assert_int_equal(o.answer.status, 201);
            assert_true(str_eq_cstr(o.answer.content_type, "application/json"));
            assert_true(str_eq_cstr(o.answer.etag, "\"v1\""));
            assert_true(str_eq(o.answer.body, (struct str){"{\0}", 3}));
        }
    }
    arena_free(&arena);
    tmpdb_close(&t);
}

struct prune {
    int64_t now, n;
};

static enum err prune_keys(struct db_txn *txn, void *arg)
{
    struct prune *p = arg;
    return idempotency_prune(txn, p->now, 3, &p->n);
}

static void old_keys_go_a_few_at_a_time(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_open(&t);
    for (int i = 0; i < 5; i++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%d", i);
        struct once o = {.id = {STR("agent:1"), str_from(key), STR("h")}, .now = 1000 + i};
        assert_int_equal(db_write(t.db, claim_once, &o), ERR_OK);
    }
    const int64_t steps[][2] = {{1000 + TIME_DAY_MS, 0},
                                {1004 + TIME_DAY_MS, 3},
                                {1004 + TIME_DAY_MS, 1},
                                {1004 + TIME_DAY_MS, 0}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct prune p = {steps[i][0], -1};
        assert_int_equal(db_write(t.db, prune_keys, &p), ERR_OK);
        assert_int_equal(p.n, steps[i][1]);
    }
    tmpdb_close(&t);
}

/* ---- riders ---- */

static enum err add_timer(struct db_txn *txn, void *arg)
{
    const int *subject = arg;
    return DB_EXEC(txn,
                   "INSERT INTO timers (kind, subject, due_at, payload) VALUES ('x', $1, 0, '')",
                   db_i64(*subject));
}

static enum err refuse(struct db_txn *txn, void *arg)
{
    (void)txn;
    return *(const enum err *)arg;
}

static enum err count_timers(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT COUNT(*) FROM timers", NULL, 0, arg);
}

static void a_rider_goes_with_the_first_write_that_succeeds(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_open(&t);
    int ridden = 1, one = 2, two = 3;
    int64_t n = -1;
    enum err denied = ERR_DENIED;
    struct db_rider rider = {.db = t.db, .fn = add_timer, .arg = &ridden};
    assert_null(db_ride(&rider));
    assert_int_equal(db_write(t.db, refuse, &denied), ERR_DENIED);
    assert_false(rider.is_done);
    assert_int_equal(db_write(t.db, add_timer, &one), ERR_OK);
    assert_true(rider.is_done);
    assert_int_equal(db_write(t.db, add_timer, &two), ERR_OK);
    assert_int_equal(db_read(t.db, count_timers, &n), ERR_OK);
    assert_int_equal(n, 3);
    /* A rider that refuses takes the effect with it. */
    struct db_rider again = {.db = t.db, .fn = add_timer, .arg = &ridden};
    int four = 4;
    assert_ptr_equal(db_ride(&again), &rider);
    assert_int_equal(db_write(t.db, add_timer, &four), ERR_CONFLICT);
    assert_false(again.is_done);
    (void)db_ride(NULL);
    assert_int_equal(db_read(t.db, count_timers, &n), ERR_OK);
    assert_int_equal(n, 3);
    tmpdb_close(&t);
}

int main(void)
{
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sent_once_several_at_a_time),
        cmocka_unit_test(failures_are_tried_later_and_given_up_in_the_end),
        cmocka_unit_test(what_a_dead_process_had_claimed_is_sent_after_the_restart),
        cmocka_unit_test(a_repeated_request_gets_the_first_answer),
        cmocka_unit_test(old_keys_go_a_few_at_a_time),
        cmocka_unit_test(a_rider_goes_with_the_first_write_that_succeeds),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
