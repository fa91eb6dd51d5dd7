/* SQLite engine: the conformance suite, and what only this engine promises. */
#define TMPDB_SQLITE
#include "tmpdb.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/timeutil.h"
#include "db_conformance.h"
#include "platform/event.h"

static struct tmpdb tmp;

static void open_sqlite(struct db **db)
{
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS,
                           .max_waiting = 4096};
    tmpdb_reopen(&tmp, &o);
    *db = tmp.db;
}

static void close_sqlite(struct db **db)
{
    *db = NULL;
    tmpdb_close(&tmp);
}

/* ---- migrations ---- */

static enum err open_with(const struct db_migration *m, size_t n, struct errinfo *info)
{
    struct db_options o = {.url = tmp.url, .migrations = m, .n_migrations = n};
    struct db *db = NULL;
    enum err err = db_open(&o, &db, info);
    db_close(&db);
    return err;
}

static void migrations_run_once_and_must_not_change(void **state)
{
    (void)state;
    struct errinfo info = {0};
    struct db_migration m[3] = {
        conformance_migrations[0],
        conformance_migrations[1],
        {3, "broken", "CREATE TABLE fine (id {{ID}}); CREATE TABL oops (id {{ID}});"}};
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    assert_int_equal(open_with(m, 1, &info), ERR_OK);
    assert_int_equal(open_with(m, 2, &info), ERR_OK);
    assert_int_equal(open_with(m, 2, &info), ERR_OK);
    assert_int_equal(open_with(m, 3, &info), ERR_UNAVAILABLE);
    assert_non_null(strstr(info.message, "0003_broken"));
    m[2].sql = "CREATE TABLE fine (id {{ID}});"; /* the broken one left nothing */
    assert_int_equal(open_with(m, 3, &info), ERR_OK);
    assert_int_equal(open_with(m, 2, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "newer_database");
    m[1].sql = "CREATE TABLE other (id {{ID}});";
    assert_int_equal(open_with(m, 3, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "migration_changed");
    assert_non_null(strstr(info.message, "0002_parts"));
    tmpdb_close(&tmp);
}

static void a_bad_url_is_refused(void **state)
{
    (void)state;
    struct errinfo info = {0};
    struct db *db = NULL;
    struct db_options o = {.url = "mysql:/x"};
    assert_int_equal(db_open(&o, &db, &info), ERR_INVALID);
    o.url = "sqlite:/nowhere/at/all.db";
    assert_int_equal(db_open(&o, &db, &info), ERR_UNAVAILABLE);
    o.url = "nonsense";
    assert_int_equal(db_open(&o, &db, &info), ERR_INVALID);
    assert_null(db);
}

/* ---- events ---- */

struct heard {
    int64_t ids[16];
    int n;
};

static void hear(void *arg, const struct event *e)
{
    struct heard *h = arg;
    assert_true(str_eq_cstr(e->payload, "{\"a\":1}"));
    h->ids[h->n++] = e->id.v;
}

static enum err append_two(struct db_txn *txn, void *arg)
{
    const int64_t *seq = arg;
    struct event e = {.conversation = {7},
                      .kind = STR("message.created"),
                      .is_public = true,
                      .payload = STR("{\"a\":1}"),
                      .at = 5,
                      .seq = *seq};
    enum err err = event_append(txn, &e);
    if (err != ERR_OK) {
        return err;
    }
    e.seq++;
    e.is_public = false;
    return event_append(txn, &e);
}

struct replayed {
    int64_t seqs[16];
    int n, stop_after;
};

static bool keep(void *arg, const struct event *e)
{
    struct replayed *r = arg;
    r->seqs[r->n++] = e->seq;
    assert_int_equal(e->conversation.v, 7);
    return r->n != r->stop_after;
}

static enum err replay_public(struct db_txn *txn, void *arg)
{
    return event_replay_conversation(txn, (struct conversation_id){7}, 1, EVENT_ALL, true, 10, keep,
                                     arg);
}

static enum err replay_all(struct db_txn *txn, void *arg)
{
    struct event_id last = {0};
    assert_int_equal(event_last_id(txn, &last), ERR_OK);
    assert_int_equal(last.v, 4);
    return event_replay_all(txn, (struct event_id){1}, 10, keep, arg);
}

static void events_are_heard_after_commit_and_replayed_in_order(void **state)
{
    (void)state;
    tmp = (struct tmpdb){0};
    tmpdb_open(&tmp);
    struct heard heard = {0};
    struct bus *bus = bus_new_local();
    bus_listen(bus, hear, &heard);
    event_use_bus(tmp.db, bus);
    int64_t seq = 1;
    assert_int_equal(db_write(tmp.db, append_two, &seq), ERR_OK);
    seq = 3;
    assert_int_equal(db_write(tmp.db, append_two, &seq), ERR_OK);
    seq = 2; /* exists */
    assert_int_equal(db_write(tmp.db, append_two, &seq), ERR_CONFLICT);
    assert_int_equal(heard.n, 4);
    assert_true(heard.ids[0] < heard.ids[1] && heard.ids[1] < heard.ids[2] &&
                heard.ids[2] < heard.ids[3]);
    struct replayed r = {0};
    assert_int_equal(db_read(tmp.db, replay_public, &r), ERR_OK);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.seqs[0], 3);
    r = (struct replayed){.stop_after = 2};
    assert_int_equal(db_read(tmp.db, replay_all, &r), ERR_OK);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.seqs[1], 3);
    tmpdb_close(&tmp);
    bus_free(&bus);
}

/* ---- the log stays short ---- */

struct load {
    struct db *db;
    atomic_bool is_stopping;
    atomic_int_fast64_t n;
};

static enum err add_fat_rows(struct db_txn *txn, void *arg)
{
    struct load *load = arg;
    char name[48];
    static const char fat[3000] = {1};
    int64_t n = atomic_fetch_add(&load->n, 1);
    (void)snprintf(name, sizeof(name), "%lld", (long long)(n * 7919 % 1000003));
    return DB_EXEC(txn, "INSERT INTO items (name, data) VALUES ($1, $2)", db_text(str_from(name)),
                   db_blob((struct str){fat, sizeof(fat)}));
}

static void *write_all_the_time(void *arg)
{
    struct load *load = arg;
    while (!atomic_load(&load->is_stopping)) {
        assert_int_equal(db_write(load->db, add_fat_rows, load), ERR_OK);
    }
    return NULL;
}

static enum err read_slowly(struct db_txn *txn, void *arg)
{
    (void)arg;
    int64_t n = 0;
    enum err err = db_query_i64(txn, "SELECT COUNT(*) FROM items", NULL, 0, &n);
    (void)usleep(2000);
    return err;
}

/* However fast or slow the disk is: four times as much as the bound is written, and the bound holds. A batch of these four writers is small. A read that the
 * machine interrupts at the wrong moment costs another eighth of the limit, and is counted. */
static void the_log_stays_bounded_under_load(void **state)
{
    (void)state;
    enum { LIMIT = 1024 * 1024, BOUND = 2 * LIMIT, ONE_BATCH = 64 * 4096 };
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS,
                           .wal_limit_kb = LIMIT / 1024};
    tmpdb_reopen(&tmp, &o);
    struct load load = {.db = tmp.db};
    pthread_t threads[4];
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_all_the_time, &load), 0);
    }
    while (atomic_load(&load.n) * 3000 < 4LL * BOUND) {
        assert_int_equal(db_read(tmp.db, read_slowly, NULL), ERR_OK);
    }
    atomic_store(&load.is_stopping, true);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
    }
    struct db_stats stats = {0};
    db_stats_get(tmp.db, &stats); /* the file is never cut: its length is the most there was */
    int64_t kept = stats.log_kept * (LIMIT / 8 + ONE_BATCH);
    print_message("log at most %lld kB, kept by readers %lld times\n",
                  (long long)(stats.wal_bytes / 1024), (long long)stats.log_kept);
    assert_true(stats.wal_bytes > LIMIT / 2);
    assert_true(stats.wal_bytes <= BOUND + ONE_BATCH + kept);
    char log[100];
    (void)snprintf(log, sizeof(log), "%s/test.db-wal", tmp.dir);
    assert_int_equal(access(log, F_OK), 0);
    db_close(&tmp.db);
    assert_int_equal(access(log, F_OK), -1); /* all of it is in the file */
    tmpdb_close(&tmp);
}

/* ---- readers are capped ---- */

static enum err endless(struct db_txn *txn, void *arg)
{
    return db_query_i64(
        txn,
        "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c",
        NULL, 0, arg);
}

static void a_read_that_never_ends_is_ended(void **state)
{
    (void)state;
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS,
                           .n_readers = 1,
                           .read_cap_ms = 100};
    tmpdb_reopen(&tmp, &o);
    int64_t n = 0;
    assert_int_equal(db_read(tmp.db, endless, &n), ERR_TIMEOUT);
    struct load load = {.db = tmp.db};
    assert_int_equal(db_write(tmp.db, add_fat_rows, &load), ERR_OK);
    assert_int_equal(db_read(tmp.db, read_slowly, NULL), ERR_OK); /* the connection is good again */
    tmpdb_close(&tmp);
}

int main(void)
{
    const struct conformance_engine sqlite = {"sqlite", 1, open_sqlite, close_sqlite};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_run_once_and_must_not_change),
        cmocka_unit_test(a_bad_url_is_refused),
        cmocka_unit_test(the_log_stays_bounded_under_load),
        cmocka_unit_test(a_read_that_never_ends_is_ended),
        cmocka_unit_test(events_are_heard_after_commit_and_replayed_in_order),
    };
    int n_failed = db_conformance_run(&sqlite);
    n_failed += cmocka_run_group_tests_name("sqlite_own", tests, NULL, NULL);
    return n_failed;
}
