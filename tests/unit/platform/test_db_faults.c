/* Disks that fail: nothing acknowledged is lost, nothing refused is kept, and the process goes on. */
#define TMPDB_SQLITE
#include "tmpdb.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/db_vfs_fault.h"

static const struct db_migration migrations[] = {
    {1, "rows",
     "CREATE TABLE rows (n {{I64}} PRIMARY KEY, text TEXT NOT NULL) {{STRICT}}; CREATE INDEX "
     "rows_text ON rows (text);"},
};
static const struct db_options options = {
    .migrations = migrations, .n_migrations = 1, .cache_kb = 512};

static void nap_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

static enum err insert(struct db_txn *txn, void *arg)
{
    char text[600];
    int64_t n = *(const int64_t *)arg;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)('a' + (n * 31 + (int64_t)i * 7) % 26);
    }
    return DB_EXEC(txn, "INSERT INTO rows (n, text) VALUES ($1, $2)", db_i64(n),
                   db_text((struct str){text, sizeof(text)}));
}

struct found {
    int64_t n_max;
    char *is_there;
};

static enum err find(struct db_txn *txn, void *arg)
{
    struct found *f = arg;
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, "SELECT n FROM rows", NULL, 0, &rows);
    while (err == ERR_OK && db_rows_next(rows)) {
        int64_t n = db_rows_i64(rows, 0);
        assert_true(n >= 0 && n < f->n_max);
        f->is_there[n] = 1;
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static void check_integrity(const char *dir)
{
    char path[128];
    sqlite3 *h = NULL;
    sqlite3_stmt *st = NULL;
    (void)snprintf(path, sizeof(path), "%s/test.db", dir);
    assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(h, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(h);
}

/* ---- errors while several threads write ---- */

#define N_THREADS 4
#define N_EACH 150

struct worker {
    struct db *db;
    int64_t first;
    enum err results[N_EACH];
    int n_ok;
};

static void *write_rows(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < N_EACH; i++) {
        int64_t n = w->first + i;
        w->results[i] = db_write(w->db, insert, &n);
        w->n_ok += w->results[i] == ERR_OK;
    }
    return NULL;
}

static void wait_until_healthy(struct db *db)
{
    for (int i = 0; i < 5000 && !db_health(db, NULL); i++) {
        nap_ms(1);
    }
    assert_true(db_health(db, NULL));
}

static void run_with_rule(const struct db_fault_rule *rule, const char *name)
{
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    (void)snprintf(t.url, sizeof(t.url), "sqlite:%s/test.db?vfs=fault", t.dir);
    tmpdb_reopen(&t, &options);
    db_vfs_fault_set(rule);
    struct worker *workers = MEM_NEW_ARRAY(struct worker, N_THREADS);
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++) {
        workers[i] = (struct worker){.db = t.db, .first = i * N_EACH};
        assert_int_equal(pthread_create(&threads[i], NULL, write_rows, &workers[i]), 0);
    }
    for (int i = 0; i < N_THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (db_vfs_fault_count() == 0) {
        fail_msg("%s: the fault was never met", name);
    }
    if (rule->times < 0 && (rule->suffix == NULL || strcmp(rule->suffix, "-wal") == 0)) {
        struct errinfo info = {0};
        assert_false(db_health(t.db, &info));
        assert_int_equal(info.err, ERR_UNAVAILABLE);
    }
    db_vfs_fault_set(NULL);
    wait_until_healthy(t.db);
    int64_t last = N_THREADS * N_EACH;
    assert_int_equal(db_write(t.db, insert, &last), ERR_OK); /* it serves again */
    char there[N_THREADS * N_EACH + 1] = {0};
    struct found found = {.n_max = ARRAY_LEN(there), .is_there = there};
    for (int pass = 0; pass < 2; pass++) { /* in this process, and after a restart */
        memset(there, 0, sizeof(there));
        assert_int_equal(db_read(t.db, find, &found), ERR_OK);
        for (int64_t n = 0; n < N_THREADS * N_EACH; n++) {
            enum err result = workers[n / N_EACH].results[n % N_EACH];
            if ((result == ERR_OK) != (there[n] == 1) ||
                (result != ERR_OK && result != ERR_UNAVAILABLE)) {
                fail_msg("%s, pass %d: row %lld was answered %s and is %s", name, pass,
                         (long long)n, err_name(result), there[n] ? "there" : "not there");
            }
        }
        assert_int_equal(there[last], 1);
        tmpdb_reopen(&t, &options);
    }
    db_close(&t.db);
    check_integrity(t.dir);
    mem_free(workers);
    tmpdb_close(&t);
}

static void answers_are_honest_whatever_fails(void **state)
{
    (void)state;
    const struct {
        const char *name;
        struct db_fault_rule rule;
    } cases[] = {
        {"disk full for a while",
         {.ops = DB_FAULT_WRITE, .after = 40, .times = 30, .code = SQLITE_FULL}},
        {"disk full in the log for good",
         {.ops = DB_FAULT_WRITE, .suffix = "-wal", .after = 200, .times = -1, .code = SQLITE_FULL}},
        {"one write error",
         {.ops = DB_FAULT_WRITE,
          .suffix = "-wal",
          .after = 77,
          .times = 1,
          .code = SQLITE_IOERR_WRITE}},
        {"short writes",
         {.ops = DB_FAULT_WRITE,
          .suffix = "-wal",
          .after = 50,
          .times = 9,
          .code = SQLITE_IOERR_WRITE,
          .is_short = true}},
        {"one sync fails",
         {.ops = DB_FAULT_SYNC,
          .suffix = "-wal",
          .after = 20,
          .times = 1,
          .code = SQLITE_IOERR_FSYNC}},
        {"syncs fail for a while",
         {.ops = DB_FAULT_SYNC,
          .suffix = "-wal",
          .after = 10,
          .times = 12,
          .code = SQLITE_IOERR_FSYNC}},
        {"syncs fail for good",
         {.ops = DB_FAULT_SYNC, .after = 5, .times = -1, .code = SQLITE_IOERR_FSYNC}},
        {"the file itself fails under checkpoints",
         {.ops = DB_FAULT_WRITE | DB_FAULT_SYNC,
          .suffix = ".db",
          .after = 0,
          .times = 3,
          .code = SQLITE_IOERR_WRITE}},
    };
    db_vfs_fault_register();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_with_rule(&cases[i].rule, cases[i].name);
    }
}

/* ---- power cuts ---- */

/* The child tells each acknowledged number through the pipe, and has its power cut at some point in between. */
static void child_main(const char *url, int64_t first, int out, uint64_t seed)
{
    struct db_options o = options;
    struct db *db = NULL;
    o.url = url;
    db_vfs_fault_register();
    db_vfs_fault_forgetful();
    struct rng rng;
    rng_init(&rng, seed);
    if (db_open(&o, &db, NULL) != ERR_OK) {
        _exit(1);
    }
    for (int64_t n = first;; n++) {
        if (db_write(db, insert, &n) == ERR_OK && write(out, &n, sizeof(n)) != sizeof(n)) {
            _exit(2);
        }
        if (rng_below(&rng, 40) == 0) {
            int64_t unheard = n + 1; /* under way when the power goes: may be there or not */
            (void)(db_submit(db, insert, NULL, &unheard) == ERR_OK);
            if (rng_below(&rng, 2) == 0) {
                nap_ms((int64_t)rng_below(&rng, 4));
            }
            db_vfs_fault_power_cut(seed);
        }
    }
}

static void what_was_acknowledged_survives_a_power_cut(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    tmpdb_dir(&t);
    tmpdb_reopen(&t, &options);
    db_close(&t.db);
    (void)snprintf(t.url, sizeof(t.url), "sqlite:%s/test.db?vfs=fault", t.dir);
    char *acked = MEM_NEW_ARRAY(char, 100000);
    char *there = MEM_NEW_ARRAY(char, 100000);
    int64_t first = 0;
    int n_acked = 0;
    for (int round = 0; round < 12; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)close(fds[0]);
            child_main(t.url, first, fds[1], seed + (uint64_t)round);
        }
        (void)close(fds[1]);
        int64_t n = 0;
        while (read(fds[0], &n, sizeof(n)) == sizeof(n)) {
            acked[n] = 1;
            first = n + 2;
            n_acked++;
        }
        (void)close(fds[0]);
        int status = 0;
        (void)waitpid(child, &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 9);
        check_integrity(t.dir);
        struct found found = {.n_max = 100000, .is_there = there};
        memset(there, 0, 100000);
        (void)snprintf(t.url, sizeof(t.url), "sqlite:%s/test.db", t.dir);
        tmpdb_reopen(&t, &options);
        assert_int_equal(db_read(t.db, find, &found), ERR_OK);
        db_close(&t.db);
        (void)snprintf(t.url, sizeof(t.url), "sqlite:%s/test.db?vfs=fault", t.dir);
        for (int64_t i = 0; i < first; i++) {
            if (acked[i] && !there[i]) {
                fail_msg("row %lld was acknowledged and is lost (round %d)", (long long)i, round);
            }
        }
    }
    assert_true(n_acked > 50);
    mem_free(acked);
    mem_free(there);
    tmpdb_close(&t);
}

int main(void)
{
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_was_acknowledged_survives_a_power_cut), /* first: it forks, and must do so before there are threads */
        cmocka_unit_test(answers_are_honest_whatever_fails),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
