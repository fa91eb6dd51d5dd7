/* Backup while it is written, restore, doctor. */
#define TMPDB_SQLITE
#include "tmpdb.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "platform/db_cli.h"
#include "platform/event.h"
#include "platform/files.h"

static struct db_cli cli_of(const struct tmpdb *t, char *files_dir, size_t size)
{
    struct db_cli cli = {.url = t->url, .files_dir = files_dir};
    (void)snprintf(files_dir, size, "%s/files", t->dir);
    cli.migrations = migrations_all(&cli.n_migrations);
    return cli;
}

/* Pairs: both or none. */
struct writer {
    struct db *db;
    atomic_bool is_stopping;
    atomic_int n;
    int64_t seq;
};

static enum err write_pair(struct db_txn *txn, void *arg)
{
    struct writer *w = arg;
    struct event e = {
        .conversation = {1}, .seq = w->seq, .kind = STR("a"), .payload = STR("{}"), .at = 1};
    enum err err = event_append(txn, &e);
    e.conversation.v = 2;
    return err != ERR_OK ? err : event_append(txn, &e);
}

static void *keep_writing(void *arg)
{
    struct writer *w = arg;
    while (!atomic_load(&w->is_stopping)) {
        w->seq++;
        if (db_write(w->db, write_pair, w) == ERR_OK) {
            atomic_fetch_add(&w->n, 1);
        }
    }
    return NULL;
}

struct counted {
    int64_t n1, n2, max2;
};

static enum err count(struct db_txn *txn, void *arg)
{
    struct counted *c = arg;
    enum err err =
        db_query_i64(txn, "SELECT COUNT(*) FROM events WHERE conversation_id = 1", NULL, 0, &c->n1);
    if (err == ERR_OK) {
        err = db_query_i64(txn, "SELECT COUNT(*) FROM events WHERE conversation_id = 2", NULL, 0,
                           &c->n2);
    }
    return err != ERR_OK
               ? err
               : db_query_i64(txn,
                              "SELECT COALESCE(MAX(seq), 0) FROM events WHERE conversation_id = 2",
                              NULL, 0, &c->max2);
}

static void a_backup_under_load_is_one_moment_and_restores(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct tmpdb r = {0};
    char files_dir[128];
    char restored_files[128];
    char target[128];
    char hash[65];
    tmpdb_open(&t);
    tmpdb_dir(&r);
    struct db_cli cli = cli_of(&t, files_dir, sizeof(files_dir));
    struct files *f = NULL;
    assert_int_equal(files_open_local(files_dir, &f, NULL), ERR_OK);
    assert_int_equal(f->ops->put(f, STR("a picture"), hash, NULL), ERR_OK);
    f->ops->free(f);
    struct writer w = {.db = t.db};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, keep_writing, &w), 0);
    while (atomic_load(&w.n) < 200) {
        (void)usleep(1000);
    }
    int n_before = atomic_load(&w.n);
    (void)snprintf(target, sizeof(target), "%s/backup", r.dir);
    assert_int_equal(db_cmd_backup(&cli, target), 0);
    assert_int_equal(db_cmd_backup(&cli, target), 1); /* never over an older one */
    atomic_store(&w.is_stopping, true);
    (void)pthread_join(thread, NULL);

    struct db_cli to = cli_of(&r, restored_files, sizeof(restored_files));
    assert_int_equal(db_cmd_restore(&to, target, false), 0);
    assert_int_equal(db_cmd_restore(&to, target, false), 1); /* there is one now */
    struct db_options o = {.migrations = cli.migrations, .n_migrations = cli.n_migrations};
    tmpdb_reopen(&r, &o);
    assert_int_equal(db_cmd_restore(&to, target, true), 1); /* and it is in use */
    struct counted c = {0};
    assert_int_equal(db_read(r.db, count, &c), ERR_OK);
    assert_true(c.n1 >= n_before && c.n1 == c.n2 && c.n2 == c.max2);
    struct files *rf = NULL;
    int64_t size = 0;
    assert_int_equal(files_open_local(restored_files, &rf, NULL), ERR_OK);
    assert_int_equal(rf->ops->find(rf, str_from(hash), &size, NULL), ERR_OK);
    assert_int_equal(size, 9);
    rf->ops->free(rf);
    db_close(&r.db);
    assert_int_equal(db_cmd_restore(&to, target, true), 0);
    tmpdb_close(&r);
    tmpdb_close(&t);
}

static void a_damaged_or_foreign_copy_is_not_restored(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct tmpdb r = {0};
    char files_dir[128];
    char path[160];
    tmpdb_open(&t);
    tmpdb_dir(&r);
    struct writer w = {.db = t.db};
    for (w.seq = 1; w.seq < 500; w.seq++) {
        assert_int_equal(db_write(t.db, write_pair, &w), ERR_OK);
    }
    struct db_cli cli = cli_of(&t, files_dir, sizeof(files_dir));
    char target[128];
    (void)snprintf(target, sizeof(target), "%s/backup", r.dir);
    assert_int_equal(db_cmd_backup(&cli, target), 0);
    struct db_cli to = cli;
    to.url = r.url;
    to.files_dir = NULL;
    to.n_migrations = 10; /* an older program */
    assert_int_equal(db_cmd_restore(&to, target, false), 1);
    to.n_migrations = cli.n_migrations;
    (void)snprintf(path, sizeof(path), "%s/stablehand.db", target);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    (void)fseek(f, 4096L * 20, SEEK_SET);
    for (int i = 0; i < 4096 * 10; i++) {
        (void)fputc('x', f);
    }
    (void)fclose(f);
    assert_int_equal(db_cmd_restore(&to, target, false), 1);
    (void)snprintf(path, sizeof(path), "%s/test.db", r.dir);
    assert_int_equal(access(path, F_OK), -1);
    (void)snprintf(path, sizeof(path), "%s/test.db.restore", r.dir);
    assert_int_equal(access(path, F_OK), -1);
    tmpdb_close(&r);
    tmpdb_close(&t);
}

/* ---- the sums over a backup ---- */

static void write_text(const char *dir, const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

static void refuses_when_touched(const struct db_cli *to, const char *target, const char *name,
                                 const char *text)
{
    char path[256];
    char was[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", target, name);
    FILE *old = fopen(path, "r");
    size_t n = old != NULL ? fread(was, 1, sizeof(was) - 1, old) : 0;
    was[n] = '\0';
    if (old != NULL) {
        (void)fclose(old);
    }
    write_text(target, name, text);
    assert_int_equal(db_cmd_restore(to, target, true), 1);
    if (old != NULL) {
        write_text(target, name, was);
    } else {
        (void)unlink(path);
    }
}

static void a_backup_that_was_touched_or_not_finished_is_refused(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct tmpdb r = {0};
    char files_dir[128];
    char target[128];
    char key[160];
    char path[256];
    char blob[80];
    char hash[65];
    tmpdb_open(&t);
    tmpdb_dir(&r);
    struct db_cli cli = cli_of(&t, files_dir, sizeof(files_dir));
    struct files *f = NULL;
    assert_int_equal(files_open_local(files_dir, &f, NULL), ERR_OK);
    assert_int_equal(f->ops->put(f, STR("a picture"), hash, NULL), ERR_OK);
    f->ops->free(f);
    write_text(t.dir, "secret.key", "0123456789abcdef0123456789abcdef");
    (void)snprintf(key, sizeof(key), "%s/secret.key", t.dir);
    cli.key_file = key;
    cli.with_key = true;
    (void)snprintf(target, sizeof(target), "%s/backup", r.dir);
    assert_int_equal(db_cmd_backup(&cli, target), 0);

    struct db_cli to = cli;
    to.url = r.url;
    char there[160];
    char key_there[160];
    (void)snprintf(there, sizeof(there), "%s/files", r.dir);
    (void)snprintf(key_there, sizeof(key_there), "%s/secret.key", r.dir);
    to.files_dir = there;
    to.key_file = key_there;
    (void)snprintf(blob, sizeof(blob), "files/%.2s/%s", hash, hash);
    const char *const touched[][2] = {
        {blob, "a picturf"}, {"secret.key", "another key"}, {"more", "x"}, {"about.json", "{}"}};
    for (size_t i = 0; i < ARRAY_LEN(touched); i++) {
        refuses_when_touched(&to, target, touched[i][0], touched[i][1]);
    }
    assert_int_equal(access(there, F_OK), -1); /* nothing was put anywhere */
    write_text(r.dir, "secret.key", "somebody else's");
    assert_int_equal(db_cmd_restore(&to, target, false), 1);
    (void)unlink(key_there);
    assert_int_equal(db_cmd_restore(&to, target, false), 0);
    assert_int_equal(access(key_there, F_OK), 0);
    (void)snprintf(path, sizeof(path), "%s/SHA256SUMS", target);
    (void)unlink(path);
    assert_int_equal(db_cmd_restore(&to, target, true), 1);
    to.url = "postgres://nobody@/none?host=/nonexistent";
    assert_int_equal(db_cmd_restore(&to, target, true), 1);
    tmpdb_close(&r);
    tmpdb_close(&t);
}

static const struct doctor_result *find_result(const struct doctor_result *results, size_t n,
                                               const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(results[i].name, name) == 0) {
            return &results[i];
        }
    }
    fail_msg("no result %s", name);
    abort();
}

static void the_doctor_sees_health_and_trouble(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    char files_dir[128];
    struct doctor_result results[DOCTOR_RESULTS_MAX];
    tmpdb_open(&t);
    struct db_cli cli = cli_of(&t, files_dir, sizeof(files_dir));
    size_t n = db_doctor(&cli, results); /* beside a running server */
    const char *const names[] = {"integrity", "migrations", "log",        "outbox",
                                 "disk",      "clock",      "open files", "versions"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct doctor_result *r = find_result(results, n, names[i]);
        if (r->level == DOCTOR_BAD && strcmp(names[i], "disk") != 0) {
            fail_msg("%s: %s", names[i], r->text);
        }
    }
    struct db_migration changed[64];
    memcpy(changed, cli.migrations, cli.n_migrations * sizeof(changed[0]));
    changed[0].sql = "SELECT 1";
    cli.migrations = changed;
    n = db_doctor(&cli, results);
    assert_int_equal(find_result(results, n, "migrations")->level, DOCTOR_BAD);
    assert_int_equal(db_cmd_doctor(&cli), 1);
    db_close(&t.db);
    cli.url = "sqlite:/nowhere/x.db";
    n = db_doctor(&cli, results);
    assert_int_equal(find_result(results, n, "database")->level, DOCTOR_BAD);
    tmpdb_close(&t);
}

int main(void)
{
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_under_load_is_one_moment_and_restores),
        cmocka_unit_test(a_damaged_or_foreign_copy_is_not_restored),
        cmocka_unit_test(a_backup_that_was_touched_or_not_finished_is_refused),
        cmocka_unit_test(the_doctor_sees_health_and_trouble),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
