/* PostgreSQL engine: the conformance suite, and what only this engine promises. Without SH_TEST_PG (scripts/with-postgres) there is nothing to test on. */
#include "tmpdb.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timeutil.h"
#include "db_conformance.h"
#include "platform/bus.h"
#include "platform/db_cli.h"

static struct tmpdb tmp;

static void open_pg(struct db **db)
{
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS,
                           .n_writers = 4,
                           .max_waiting = 4096};
    tmpdb_reopen(&tmp, &o);
    *db = tmp.db;
}

static void close_pg(struct db **db)
{
    *db = NULL;
    tmpdb_close(&tmp);
}

/* ---- doctor ---- */

static const struct doctor_result *result_of(const struct doctor_result *results, size_t n,
                                             const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(results[i].name, name) == 0) {
            return &results[i];
        }
    }
    print_error("no result %s\n", name);
    abort();
}

static void the_doctor_sees_what_is_wrong(void **state)
{
    (void)state;
    struct doctor_result results[DOCTOR_RESULTS_MAX];
    tmp = (struct tmpdb){0};
    tmpdb_open(&tmp);
    struct db_cli cli = {.url = tmp.url};
    cli.migrations = migrations_all(&cli.n_migrations);
    size_t n = db_doctor(&cli, results);
    assert_int_equal(result_of(results, n, "database")->level, DOCTOR_GOOD);
    assert_int_equal(result_of(results, n, "durability")->level, DOCTOR_GOOD);
    assert_int_equal(result_of(results, n, "migrations")->level, DOCTOR_GOOD);
    assert_int_equal(result_of(results, n, "outbox")->level, DOCTOR_GOOD);
    cli.n_migrations = 10; /* the database is newer than the program */
    n = db_doctor(&cli, results);
    assert_int_equal(result_of(results, n, "migrations")->level, DOCTOR_BAD);
    cli.url = "postgres://nobody:plum-tram-velvet-93@/none?host=/nonexistent";
    n = db_doctor(&cli, results);
    assert_int_equal(result_of(results, n, "database")->level, DOCTOR_BAD);
    assert_null(strstr(result_of(results, n, "database")->text, "plum-tram"));
    tmpdb_close(&tmp);
}

/* ---- life ---- */

static void migrations_run_once_and_must_not_change(void **state)
{
    (void)state;
    struct errinfo info = {0};
    struct db *db = NULL;
    struct db_migration m[] = {conformance_migrations[0],
                               conformance_migrations[1],
                               {3, "broken", "CREATE TABLE fine (id {{ID}}); CREATE TABL oops ()"}};
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.url = tmp.url, .migrations = m, .n_migrations = 2};
    assert_int_equal(db_open(&o, &db, &info), ERR_OK);
    db_close(&db);
    o.n_migrations = 3;
    assert_int_equal(db_open(&o, &db, &info), ERR_UNAVAILABLE);
    assert_non_null(strstr(info.message, "0003_broken"));
    m[2].sql = "CREATE TABLE fine (id {{ID}}{{SQLITE}}, oops{{END}}); {{POSTGRES}}CREATE TABLE "
               "here (id {{ID}}); {{END}}"; /* the broken one left nothing */
    assert_int_equal(db_open(&o, &db, &info), ERR_OK);
    db_close(&db);
    o.n_migrations = 2;
    assert_int_equal(db_open(&o, &db, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "newer_database");
    tmpdb_close(&tmp);
}

static void a_url_that_is_not_understood_keeps_its_password(void **state)
{
    (void)state;
    struct db *db = NULL;
    struct errinfo info = {0};
    struct db_options o = {.url = "postgres://desk:hunt%er2@127.0.0.1/x",
                           .migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS};
    assert_int_equal(db_open(&o, &db, &info), ERR_UNAVAILABLE);
    assert_non_null(strstr(info.message, "not understood"));
    assert_null(strstr(info.message, "hunt"));
}

/* ---- several hosts ---- */

/* A host that hangs: connections are taken by the kernel and nobody answers. */
static int listen_anywhere(int *port_out)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
    *port_out = ntohs(addr.sin_port);
    return fd;
}

/* A host that is a proxy in front of nothing. Ends when the socket is shut down. */
static void *accept_and_close(void *arg)
{
    const int *listener = arg;
    for (int fd = accept(*listener, NULL, NULL); fd >= 0; fd = accept(*listener, NULL, NULL)) {
        (void)close(fd);
    }
    return NULL;
}

static void hosts_that_hang_or_close_are_passed_over(void **state)
{
    (void)state;
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    int closing_port;
    int hanging_port;
    int closing = listen_anywhere(&closing_port);
    int hanging = listen_anywhere(&hanging_port);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, accept_and_close, &closing), 0);
    char url[1024];
    const char *host = strstr(tmp.url, "host=");
    assert_non_null(host);
    size_t dir_len = strcspn(host + 5, "&");
    (void)snprintf(url, sizeof(url), "%.*shost=127.0.0.1,127.0.0.1,%.*s&port=%d,%d,5432%s",
                   (int)(host - tmp.url), tmp.url, (int)dir_len, host + 5, closing_port,
                   hanging_port, host + 5 + dir_len);
    struct db_options o = {
        .url = url, .migrations = conformance_migrations, .n_migrations = N_CONFORMANCE_MIGRATIONS};
    struct db *db = NULL;
    struct errinfo info = {0};
    int64_t from = time_monotonic_ns();
    assert_int_equal(db_open(&o, &db, &info), ERR_OK);
    assert_true(time_monotonic_ns() - from <
                2500000000LL); /* libpq alone: 3 s for each connection */
    db_close(&db);
    (void)shutdown(closing, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    (void)close(closing);
    (void)close(hanging);
    tmpdb_close(&tmp);
}

/* ---- light functions ---- */

struct light {
    bool wants_more;
    int n_runs;
    char isolation[32];
    atomic_int told; /* 1 + what was told */
};

static enum err light_fn(struct db_txn *txn, void *arg)
{
    struct light *l = arg;
    struct db_rows *rows = NULL;
    l->n_runs++;
    enum err err = l->wants_more ? db_be_serializable(txn) : ERR_OK;
    err = err != ERR_OK ? err
                        : db_query_one(txn, "SELECT current_setting('transaction_isolation')", NULL,
                                       0, &rows);
    if (err == ERR_OK) {
        (void)snprintf(l->isolation, sizeof(l->isolation), STR_FMT, STR_ARG(db_rows_str(rows, 0)));
        err = db_rows_close(&rows);
    }
    return err;
}

static void light_done(enum err err, void *arg)
{
    atomic_store(&((struct light *)arg)->told, 1 + (int)err);
}

static void run_light(struct db *db, struct light *l)
{
    assert_int_equal(db_submit_light(db, 1, 0, light_fn, light_done, l), ERR_OK);
    while (atomic_load(&l->told) == 0) {
        (void)usleep(1000);
    }
    assert_int_equal(atomic_load(&l->told), 1 + ERR_OK);
}

static void a_light_function_is_serializable_when_it_asks(void **state)
{
    (void)state;
    struct db *db = NULL;
    open_pg(&db);
    struct light light = {0};
    struct light heavy = {.wants_more = true};
    run_light(db, &light);
    assert_string_equal(light.isolation, "read committed");
    run_light(db, &heavy);
    assert_string_equal(heavy.isolation, "serializable");
    assert_true(heavy.n_runs > light.n_runs);
    struct db_stats stats;
    db_stats_get(db, &stats);
    assert_int_equal(stats.retries, 0); /* nobody was in the way of either */
    close_pg(&db);
}

/* Many at once, so that they share transactions: some fail, some ask for more, and each has its own effect and its own answer. */
enum { N_TOGETHER = 600, N_ROWS = 40 };

struct together {
    int64_t row;
    int kind; /* 0: counts; 1: counts and fails; 2: counts, then asks; 3: takes a name that is taken */
    int n_hooks;
    atomic_int told;
};

static void together_hook(void *arg)
{
    ((struct together *)arg)->n_hooks++;
}

static enum err together_fn(struct db_txn *txn, void *arg)
{
    struct together *t = arg;
    enum err err = DB_EXEC(txn, "UPDATE items SET n = n + 1 WHERE id = $1", db_i64(t->row));
    db_on_commit(txn, together_hook, t);
    if (err == ERR_OK && t->kind == 2) {
        err = db_be_serializable(txn);
    }
    if (err == ERR_OK && t->kind == 3) {
        err = DB_EXEC_LATER(txn, "INSERT INTO items (name) VALUES ($1)", db_text(STR("item 1")));
    }
    return err == ERR_OK && t->kind == 1 ? ERR_DENIED : err;
}

static void together_done(enum err err, void *arg)
{
    atomic_store(&((struct together *)arg)->told, 1 + (int)err);
}

static enum err add_rows(struct db_txn *txn, void *arg)
{
    (void)arg;
    return DB_EXEC(txn,
                   "INSERT INTO items (id, name) SELECT n, 'item ' || n FROM "
                   "generate_series(1, $1::bigint) AS n",
                   db_i64(N_ROWS));
}

static enum err sum_rows(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT SUM(n)::bigint FROM items", NULL, 0, arg);
}

static int submit_together(struct db *db, struct together *all, bool is_mixed)
{
    int n_good = 0;
    for (int i = 0; i < N_TOGETHER; i++) {
        int kind = is_mixed && i % 7 == 3 ? 1 + i % 3 : 0;
        all[i] = (struct together){.row = i * 13 % N_ROWS + 1, .kind = kind};
        n_good += kind == 0 || kind == 2;
        assert_int_equal(db_submit_light(db, 0, all[i].row, together_fn, together_done, &all[i]),
                         ERR_OK);
    }
    for (int i = 0; i < N_TOGETHER; i++) {
        while (atomic_load(&all[i].told) == 0) {
            (void)usleep(1000);
        }
        static const enum err want[] = {ERR_OK, ERR_DENIED, ERR_OK, ERR_CONFLICT};
        assert_int_equal(atomic_load(&all[i].told), 1 + want[all[i].kind]);
        assert_int_equal(all[i].n_hooks, want[all[i].kind] == ERR_OK ? 1 : 0);
    }
    return n_good;
}

static void light_functions_share_transactions(void **state)
{
    (void)state;
    static struct together all[N_TOGETHER];
    struct db *db = NULL;
    struct db_stats before;
    struct db_stats after;
    int64_t sum = 0;
    open_pg(&db);
    assert_int_equal(db_write(db, add_rows, NULL), ERR_OK);
    db_stats_get(db, &before);
    int n_good = submit_together(db, all, false);
    db_stats_get(db, &after);
    assert_true(after.commits - before.commits < N_TOGETHER / 2);
    assert_int_equal(after.writes - before.writes, N_TOGETHER);
    n_good += submit_together(db, all, true);
    assert_int_equal(db_read(db, sum_rows, &sum), ERR_OK);
    assert_int_equal(sum, n_good);
    close_pg(&db);
}

/* ---- slow readers ---- */

static enum err dawdle(struct db_txn *txn, void *arg)
{
    (void)txn;
    (void)arg;
    (void)usleep(3000000);
    return ERR_OK;
}

static void *read_slowly(void *arg)
{
    return db_read(arg, dawdle, NULL) == ERR_OK ? arg : NULL;
}

static enum err add_event(struct db_txn *txn, void *arg)
{
    struct event e = {.conversation.v = 1,
                      .seq = *(int *)arg,
                      .kind = STR("message.created"),
                      .payload = STR("{}"),
                      .at = 1};
    return event_append(txn, &e);
}

static void count_event(void *arg, const struct event *e)
{
    (void)e;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void events_are_told_while_every_reader_is_busy(void **state)
{
    (void)state;
    struct db_options o = {.n_readers = 1};
    atomic_int n_told = 0;
    pthread_t thread;
    void *outcome = NULL;
    struct bus *bus = bus_new_local();
    tmp = (struct tmpdb){0};
    o.migrations = migrations_all(&o.n_migrations);
    tmpdb_dir(&tmp);
    tmpdb_reopen(&tmp, &o);
    bus_listen(bus, count_event, &n_told);
    event_use_bus(tmp.db, bus);
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, tmp.db), 0);
    (void)usleep(200000);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(db_write(tmp.db, add_event, &i), ERR_OK);
        (void)usleep(100000);
    }
    assert_true(atomic_load(&n_told) >= 15); /* and not when the reader has finished */
    (void)pthread_join(thread, &outcome);
    assert_non_null(outcome);
    tmpdb_close(&tmp);
    bus_free(&bus);
}

int main(void)
{
    if (tmpdb_pg() == NULL) {
        print_message("skipped: no SH_TEST_PG\n");
        return 77;
    }
    const struct conformance_engine pg = {"postgres", 4, open_pg, close_pg};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(migrations_run_once_and_must_not_change),
        cmocka_unit_test(the_doctor_sees_what_is_wrong),
        cmocka_unit_test(a_url_that_is_not_understood_keeps_its_password),
        cmocka_unit_test(hosts_that_hang_or_close_are_passed_over),
        cmocka_unit_test(a_light_function_is_serializable_when_it_asks),
        cmocka_unit_test(light_functions_share_transactions),
        cmocka_unit_test(events_are_told_while_every_reader_is_busy),
    };
    int n_failed = db_conformance_run(&pg);
    return n_failed + cmocka_run_group_tests_name("postgres_own", tests, NULL, NULL);
}
