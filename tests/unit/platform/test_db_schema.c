/* Versions of the program side by side on one schema: what an older one may do on a newer database, and what never happens by itself. On SQLite, and with SH_TEST_PG on PostgreSQL. */
#include "tmpdb.h"

#include <string.h>

#include "../unit.h"
#include "platform/db_cli.h"
#include "platform/db_migrate.h"

/* One story: a column gets a successor, and goes when nobody uses it any more. */
static const struct db_migration story[] = {
    {1, "words", "CREATE TABLE words (id {{ID}}, old_name TEXT) {{STRICT}}"},
    {2, "successor", "-- expand: words get their new name\nALTER TABLE words ADD COLUMN name TEXT"},
    {3, "farewell", "-- contract: nobody reads old_name\nALTER TABLE words DROP COLUMN old_name"},
    {4, "more", "-- expand: words get a rank\nALTER TABLE words ADD COLUMN rank INTEGER"},
};

static struct tmpdb tmp;

static int set_up(void **state)
{
    (void)state;
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tmpdb_close(&tmp);
    return 0;
}

static enum err open_version(size_t n, struct db **out, struct errinfo *info)
{
    struct db_options o = {.url = tmp.url, .migrations = story, .n_migrations = n};
    *info = (struct errinfo){0};
    return db_open(&o, out, info);
}

static int schema(size_t n, bool contracts, bool force)
{
    struct db_cli cli = {.url = tmp.url, .migrations = story, .n_migrations = n};
    return db_cmd_schema(&cli, contracts, force);
}

static enum err write_old(struct db_txn *txn, void *arg)
{
    (void)arg;
    return db_exec(txn, "INSERT INTO words (old_name) VALUES ('a')", NULL, 0, NULL);
}

static enum err write_new(struct db_txn *txn, void *arg)
{
    (void)arg;
    return db_exec(txn, "INSERT INTO words (name) VALUES ('a')", NULL, 0, NULL);
}

static void an_older_program_goes_on_beside_what_only_adds(void **state)
{
    (void)state;
    struct errinfo info;
    struct db *old = NULL;
    struct db *new = NULL;
    assert_ok(open_version(1, &old, &info));
    assert_ok(db_write(old, write_old, NULL));
    if (tmpdb_pg() != NULL) { /* at the same time */
        assert_ok(open_version(2, &new, &info));
        assert_ok(db_write(old, write_old, NULL));
        assert_ok(db_write(new, write_new, NULL));
        assert_true(db_health(old, &info));
    }
    db_close(&old);
    db_close(&new);
    assert_ok(open_version(2, &new, &info));
    db_close(&new);
    assert_ok(open_version(1, &old, &info)); /* back to the former version */
    assert_ok(db_write(old, write_old, NULL));
    db_close(&old);
}

static void what_takes_away_waits_for_a_word_where_programs_share(void **state)
{
    (void)state;
    struct errinfo info;
    struct db *old = NULL;
    struct db *new = NULL;
    assert_ok(open_version(2, &old, &info));
    if (tmpdb_pg() == NULL) { /* one program per file: it comes with the start */
        db_close(&old);
        assert_ok(open_version(3, &new, &info));
        db_close(&new);
        assert_err(open_version(2, &old, &info), ERR_CONFLICT);
        assert_string_equal(info.code, "newer_database");
        return;
    }
    assert_ok(open_version(3, &new, &info));
    assert_ok(db_write(old, write_old, NULL));
    assert_ok(db_write(new, write_old, NULL)); /* still there */
    assert_int_equal(schema(3, false, false), 0);
    assert_int_equal(schema(3, true, false), 1); /* a program of version 2 is connected */
    assert_ok(db_write(old, write_old, NULL));
    db_close(&old);
    assert_int_equal(schema(3, true, false), 0);
    assert_int_equal(schema(3, true, false), 0); /* nothing left */
    assert_int_not_equal(db_write(new, write_old, NULL), ERR_OK);
    assert_ok(db_write(new, write_new, NULL));
    assert_true(db_health(new, &info));
    db_close(&new);
    assert_err(open_version(2, &old, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "newer_database");
}

static void a_program_whose_schema_was_taken_away_is_not_ready(void **state)
{
    (void)state;
    struct errinfo info = {0};
    struct db *old = NULL;
    if (tmpdb_pg() == NULL) {
        skip();
    }
    assert_ok(open_version(2, &old, &info));
    assert_true(db_health(old, &info));
    assert_int_equal(schema(3, true, true), 0);
    bool is_ready = true;
    for (int i = 0; i < 300 && is_ready; i++) {
        is_ready = db_health(old, &info);
        (void)usleep(10000);
    }
    assert_false(is_ready);
    assert_string_equal(info.code, "contracted");
    db_close(&old);
}

static void a_version_that_cannot_do_without_the_step_says_so(void **state)
{
    (void)state;
    struct errinfo info;
    struct db *db = NULL;
    if (tmpdb_pg() == NULL) {
        skip();
    }
    assert_ok(open_version(2, &db, &info));
    db_close(&db);
    assert_err(open_version(4, &db, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "contract_first");
    assert_non_null(strstr(info.message, "0003_farewell"));
    assert_int_equal(schema(4, true, false), 0);
    assert_ok(open_version(4, &db, &info));
    db_close(&db);
    assert_ok(open_version(3, &db, &info)); /* the fourth only adds */
    db_close(&db);
}

static void a_new_database_needs_no_word(void **state)
{
    (void)state;
    struct errinfo info;
    struct db *db = NULL;
    assert_ok(open_version(4, &db, &info));
    assert_ok(db_write(db, write_new, NULL));
    db_close(&db);
}

static void every_migration_of_the_program_says_its_kind(void **state)
{
    (void)state;
    size_t n = 0;
    const struct db_migration *all = migrations_all(&n);
    for (size_t i = 14; i < n; i++) { /* those before were made without */
        assert_case(db_migration_kind(&all[i]) != DB_PLAIN, all[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_older_program_goes_on_beside_what_only_adds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_takes_away_waits_for_a_word_where_programs_share,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_program_whose_schema_was_taken_away_is_not_ready, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_version_that_cannot_do_without_the_step_says_so, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_new_database_needs_no_word, set_up, tear_down),
        cmocka_unit_test(every_migration_of_the_program_says_its_kind),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
