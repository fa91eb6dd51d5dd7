/* Parts of tables on PostgreSQL: a month begins, an old one goes, and nobody who writes meanwhile notices. Without SH_TEST_PG (scripts/with-postgres) there are none. */
#include "tmpdb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "../unit.h"
#include "platform/bus.h"

#define DAY_MS INT64_C(86400000)
#define NOVEMBER INT64_C(1795392000000) /* 2026-11-23 */
#define RANGE INT64_C(1099511627776)
#define NOVEMBER_FROM (83 * RANGE)

static struct tmpdb tmp;

static int set_up(void **state)
{
    (void)state;
    /* Rows that stay: of conversation 7. */
    static const struct db_partition events = {
        .table = "events",
        .index_sql = "CREATE UNIQUE INDEX ON @ (conversation_id, seq)",
        .stays_sql = "e.conversation_id = 7 AND e.at < $1::bigint",
        .gone_sql = "UPDATE event_floor SET event_id = $1::bigint WHERE id = 1",
        .keep_ms = 90 * DAY_MS,
    };
    struct db_options o = {.partitions = &events, .n_partitions = 1};
    o.migrations = migrations_all(&o.n_migrations);
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    tmpdb_reopen(&tmp, &o);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tmpdb_close(&tmp);
    return 0;
}

struct adding {
    int64_t conversation, seq, at;
};

static enum err add_fn(struct db_txn *txn, void *arg)
{
    const struct adding *a = arg;
    struct event e = {.conversation = {a->conversation},
                      .seq = a->seq,
                      .kind = STR("x"),
                      .payload = STR("{}"),
                      .at = a->at};
    return event_append(txn, &e);
}

static enum err add(int64_t conversation, int64_t seq, int64_t at)
{
    struct adding a = {conversation, seq, at};
    return db_write(tmp.db, add_fn, &a);
}

struct asking {
    const char *sql;
    int64_t v;
};

static enum err ask_fn(struct db_txn *txn, void *arg)
{
    struct asking *a = arg;
    return db_query_i64(txn, a->sql, NULL, 0, &a->v);
}

static int64_t ask(const char *sql)
{
    struct asking a = {.sql = sql};
    assert_ok(db_read(tmp.db, ask_fn, &a));
    return a.v;
}

#define PARTS "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"

static void upkeep(int64_t now)
{
    struct errinfo info = {0};
    if (db_upkeep(tmp.db, now, &info) != ERR_OK) {
        fail_msg("%s", info.message);
    }
}

/* The engine's own first run uses the clock of the wall: months of the tests come after that. */
#define YEARS (365 * DAY_MS * 20)

static void a_month_begins_with_its_own_ids(void **state)
{
    (void)state;
    int64_t start = NOVEMBER + YEARS;
    upkeep(start);
    int64_t n = ask(PARTS);
    upkeep(start + DAY_MS);
    assert_int_equal(ask(PARTS), n); /* the same month */
    assert_ok(add(1, 1, start));
    int64_t first = ask("SELECT MAX(id) FROM events");
    assert_true(first > NOVEMBER_FROM + 200 * RANGE);
    upkeep(start + 31 * DAY_MS);
    assert_int_equal(ask(PARTS), n + 1);
    assert_ok(add(1, 2, start + 31 * DAY_MS));
    int64_t second = ask("SELECT MAX(id) FROM events");
    assert_int_equal(second >> 40, (first >> 40) + 1);
    upkeep(start); /* a clock that goes back changes nothing */
    assert_ok(add(1, 3, start));
    assert_int_equal(ask("SELECT MAX(id) FROM events"), second + 1);
    assert_int_equal(add(1, 3, start), ERR_CONFLICT); /* unique within the month */
}

static void an_old_month_goes_but_for_what_stays(void **state)
{
    (void)state;
    int64_t start = NOVEMBER + YEARS;
    upkeep(start);
    for (int i = 1; i <= 100; i++) {
        assert_ok(add(i % 10, i, start));
    }
    int64_t last = ask("SELECT MAX(id) FROM events");
    upkeep(start + 31 * DAY_MS);
    assert_ok(add(1, 1000, start + 31 * DAY_MS));
    int64_t n = ask("SELECT COUNT(*) FROM events");
    upkeep(start + 80 * DAY_MS); /* not yet */
    assert_int_equal(ask("SELECT COUNT(*) FROM events"), n);
    upkeep(start + 100 * DAY_MS);
    assert_int_equal(ask("SELECT COUNT(*) FROM events WHERE conversation_id = 7"), 10);
    assert_int_equal(ask("SELECT COUNT(*) FROM events"), 11);
    assert_int_equal(ask("SELECT event_id FROM event_floor"), last);
    assert_ok(add(1, 1001, start + 100 * DAY_MS));
    /* The next swept month joins it. */
    int64_t parts = ask(PARTS);
    upkeep(start + 130 * DAY_MS);
    assert_int_equal(ask("SELECT COUNT(*) FROM events"), 11);
    assert_true(ask(PARTS) <= parts);
    assert_int_equal(ask("SELECT COUNT(*) FROM pg_inherits i JOIN pg_class c ON c.oid = inhrelid "
                         "WHERE inhparent = 'events'::regclass AND relname LIKE 'events_old_%'"),
                     1);
    assert_int_equal(ask("SELECT COUNT(*) FROM pg_constraint WHERE conname = 'range'"), 0);
}

/* ---- beside those who write, and those who listen ---- */

struct writer {
    atomic_bool is_over;
    atomic_int n_failed, n;
    int64_t conversation, at;
};

static void *write_main(void *arg)
{
    struct writer *w = arg;
    for (int64_t seq = 1; !atomic_load(&w->is_over); seq++) {
        struct adding a = {w->conversation, seq, w->at};
        atomic_fetch_add(&w->n_failed, db_write(tmp.db, add_fn, &a) != ERR_OK);
        atomic_fetch_add(&w->n, 1);
    }
    return NULL;
}

static atomic_int n_heard, n_wrong;
static atomic_int_fast64_t heard_last;

static void hear(void *arg, const struct event *e)
{
    (void)arg;
    atomic_fetch_add(&n_wrong, e->id.v <= atomic_load(&heard_last));
    atomic_store(&heard_last, e->id.v);
    atomic_fetch_add(&n_heard, 1);
}

static void wait_until_heard(struct writer w[3])
{
    int n = 0;
    for (int i = 0; i < 3; i++) {
        n += atomic_load(&w[i].n);
    }
    for (int i = 0; i < 2000 && atomic_load(&n_heard) < n; i++) {
        (void)usleep(10000);
    }
}

static void months_come_and_go_while_others_write(void **state)
{
    (void)state;
    int64_t start = NOVEMBER + YEARS;
    struct bus *bus = bus_new_local();
    bus_listen(bus, hear, NULL);
    event_use_bus(tmp.db, bus);
    struct writer w[3];
    pthread_t threads[3];
    upkeep(start);
    for (int i = 0; i < 3; i++) {
        w[i] = (struct writer){.conversation = i + 5, .at = start};
        assert_int_equal(pthread_create(&threads[i], NULL, write_main, &w[i]), 0);
    }
    for (int month = 1; month <= 8; month++) {
        (void)usleep(100000);
        wait_until_heard(w); /* months are short here: nothing may be swept before it was told */
        upkeep(start + 31 * DAY_MS * month);
    }
    int n = 0;
    for (int i = 0; i < 3; i++) {
        atomic_store(&w[i].is_over, true);
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&w[i].n_failed), 0);
        n += atomic_load(&w[i].n);
    }
    for (int i = 0; i < 500 && atomic_load(&n_heard) < n; i++) {
        (void)usleep(10000);
    }
    print_message("%d events, %d heard, %d parts\n", n, atomic_load(&n_heard), (int)ask(PARTS));
    assert_int_equal(atomic_load(&n_heard),
                     n); /* all, once, in order, whatever was swept meanwhile */
    assert_int_equal(atomic_load(&n_wrong), 0);
    assert_int_equal(ask("SELECT COUNT(*) FROM events WHERE conversation_id = 7"),
                     atomic_load(&w[2].n)); /* what stays is all there */
    db_close(&tmp.db);
    bus_free(&bus);
}

int main(void)
{
    if (tmpdb_pg() == NULL) {
        print_message("skipped: no SH_TEST_PG\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_month_begins_with_its_own_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_old_month_goes_but_for_what_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(months_come_and_go_while_others_write, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("partitions", tests, NULL, NULL);
}
