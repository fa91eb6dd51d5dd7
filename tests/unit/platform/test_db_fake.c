/* The scripted database, and with it what callers of timers and outbox do when the database does not answer. */
#include "tmpdb.h"

#include <string.h>

#include "platform/db_fake.h"
#include "platform/event.h"
#include "platform/timers.h"

static enum err take_or_leave(struct db_txn *txn, void *arg)
{
    int64_t *got = arg;
    int64_t v = 0;
    enum err err = DB_QUERY_I64(txn, &v, "SELECT n FROM t WHERE id = $1 AND name = $2", db_i64(7),
                                db_text(STR("x")));
    if (err == ERR_NOT_FOUND) {
        return DB_EXEC(txn, "INSERT INTO t (id) VALUES ($1)", db_i64(7));
    }
    *got = v;
    return err;
}

static void it_answers_as_written_down(void **state)
{
    (void)state;
    struct db *db = db_fake_new();
    int64_t got = 0;
    db_fake_expect(db, "SELECT n FROM t", DB_ARGS(db_i64(7), db_text(STR("x"))));
    db_fake_row(db, DB_ARGS(db_i64(42)));
    assert_int_equal(db_read(db, take_or_leave, &got), ERR_OK);
    assert_int_equal(got, 42);

    db_fake_expect(db, "SELECT n", NULL, 0);
    db_fake_expect(db, "INSERT INTO t", DB_ARGS(db_i64(7)));
    db_fake_fail(db, ERR_CONFLICT);
    assert_int_equal(db_write(db, take_or_leave, &got), ERR_CONFLICT);
    assert_string_equal(db_fake_problem(db), "");
    db_close(&db);
}

static void it_says_what_was_wrong(void **state)
{
    (void)state;
    struct db *db = db_fake_new();
    int64_t got = 0;
    assert_int_equal(db_read(db, take_or_leave, &got), ERR_INTERNAL);
    assert_non_null(strstr(db_fake_problem(db), "not expected: SELECT n FROM t"));
    db_close(&db);
    db = db_fake_new();
    db_fake_expect(db, "SELECT n FROM t", DB_ARGS(db_i64(8), db_text(STR("x"))));
    assert_int_equal(db_read(db, take_or_leave, &got), ERR_INTERNAL);
    assert_non_null(strstr(db_fake_problem(db), "other arguments"));
    db_close(&db);
    db = db_fake_new();
    db_fake_expect(db, "SELECT n FROM t", NULL, 0);
    assert_string_equal(db_fake_problem(db), "did not come: SELECT n FROM t");
    db_close(&db);
}

static void hear(void *arg, const struct event *e)
{
    (void)e;
    ++*(int *)arg;
}

static enum err append(struct db_txn *txn, void *arg)
{
    (void)arg;
    struct event e = {.conversation = {1}, .seq = 1, .kind = STR("a"), .payload = STR("{}")};
    return event_append(txn, &e);
}

static void nothing_is_published_when_the_commit_fails(void **state)
{
    (void)state;
    struct db *db = db_fake_new();
    struct bus *bus = bus_new_local();
    int n_heard = 0;
    bus_listen(bus, hear, &n_heard);
    event_use_bus(db, bus);
    for (int i = 0; i < 2; i++) {
        db_fake_expect(db, "INSERT INTO events", NULL, 0);
        db_fake_row(db, DB_ARGS(db_i64(i + 1)));
    }
    db_fake_fail_commit(db);
    assert_int_equal(db_write(db, append, NULL), ERR_UNAVAILABLE);
    assert_int_equal(n_heard, 0);
    assert_int_equal(db_write(db, append, NULL), ERR_OK);
    assert_int_equal(n_heard, 1);
    assert_string_equal(db_fake_problem(db), "");
    db_close(&db);
    bus_free(&bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers_as_written_down),
        cmocka_unit_test(it_says_what_was_wrong),
        cmocka_unit_test(nothing_is_published_when_the_commit_fails),
    };
    return cmocka_run_group_tests_name("fake", tests, NULL, NULL);
}
