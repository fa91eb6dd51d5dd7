/* bench_chat_postgres: the real program on PostgreSQL, beside the bare rate of the same rows through libpq on that server and beside itself on SQLite, in one run.
 *
 * Run by `scripts/bench chat --db postgres`, which starts a private server (SH_TEST_PG). The models are visited in turn (bare, PostgreSQL, SQLite, SQLite, PostgreSQL,
 * bare). --quick: a tenth of the rows, short. --dir DIR: the disk for SQLite. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bare_pg.h"
#include "base/check.h"
#include "base/log.h"
#include "chat_prefill.h"
#include "chat_real.h"
#include "chat_rows.h"
#include "report.h"

enum { POSTGRES, SQLITE, N_MODELS };
enum { CLOSED, N_RATES = 2, N_RUNS };
static const double rates[N_RATES] = {500, 2000};
static const char *const names[N_MODELS] = {"postgres", "sqlite"};

struct cell {
    struct chat_result sum;
    double cpu_us, postgres_cpu_us;
};

static struct bench {
    struct report *report;
    double seconds;
    char dir[128];
    struct chat_real real[N_MODELS];
    struct cell cells[N_MODELS][N_RUNS];
    char bare_url[700];
    double bare_64, bare_each;
} bench;

static void let_settle(int pid)
{
    for (int i = 0; i < 100; i++) {
        double before = process_cpu_us(pid) + processes_cpu_us("postgres");
        (void)usleep(100000);
        if (process_cpu_us(pid) + processes_cpu_us("postgres") - before < 5000) {
            return;
        }
    }
}

static void visit_bare(void)
{
    bench.bare_64 += bare_pg_rate(bench.bare_url, 1, 64, bench.seconds) / 2;
    bench.bare_each += bare_pg_rate(bench.bare_url, 8, 1, bench.seconds) / 2;
}

static void run(int model, int k, struct chat_load *load)
{
    static struct chat_result r;
    struct cell *cell = &bench.cells[model][k];
    int pid = bench.real[model].nodes[0].pid;
    double cpu = process_cpu_us(pid);
    double postgres = processes_cpu_us("postgres");
    if (k == CLOSED) {
        chat_load_closed(load, bench.seconds, &r);
    } else {
        chat_load_paced(load, rates[N_RATES - k], bench.seconds, &r);
    }
    cell->sum.seconds += r.seconds;
    cell->sum.acked_per_s += r.acked_per_s * r.seconds;
    cell->sum.n_sent += r.n_sent;
    cell->sum.n_acked += r.n_acked;
    cell->sum.n_delivered += r.n_delivered;
    hist_merge(&cell->sum.delivery, &r.delivery);
    cell->cpu_us += process_cpu_us(pid) - cpu;
    cell->postgres_cpu_us += processes_cpu_us("postgres") - postgres;
}

static void visit_real(int model, size_t n)
{
    static struct chat_result warm;
    struct chat_real *real = &bench.real[model];
    int pid = real->nodes[0].pid;
    struct loadgen *g = chat_real_connect(real, 0, 0, n);
    struct chat_load *load = chat_real_load(real, g, n);
    chat_load_closed(load, 0.5, &warm);
    for (int k = N_RUNS - 1; k >= 0; k--) {
        let_settle(pid);
        run(model, k, load);
        chat_real_tend(&bench.real[1 - model]);
    }
    chat_real_unload(real);
    loadgen_free(&g);
    let_settle(pid);
}

/* ---- telling ---- */

static void tell(const char *run_name, const char *what, double value, const char *unit)
{
    char name[96];
    (void)snprintf(name, sizeof(name), "%s_%s", run_name, what);
    report_add(bench.report, name, value, unit);
}

static double closed_rate(int model)
{
    const struct chat_result *r = &bench.cells[model][CLOSED].sum;
    return r->acked_per_s / r->seconds;
}

static void tell_model(int model, int k, const char *run_name)
{
    const struct cell *c = &bench.cells[model][k];
    if (k != CLOSED) {
        tell(run_name, "p50_ms", hist_us(&c->sum.delivery, 50) / 1000, "ms");
        tell(run_name, "p99_ms", hist_us(&c->sum.delivery, 99) / 1000, "ms");
    }
    tell(run_name, "cpu_us", c->cpu_us / (double)c->sum.n_acked, "us/message, program");
    if (model == POSTGRES) {
        tell(run_name, "server_cpu_us", c->postgres_cpu_us / (double)c->sum.n_acked,
             "us/message, PostgreSQL");
    }
    if (c->sum.n_acked != c->sum.n_sent || c->sum.n_delivered != c->sum.n_sent) {
        char line[200];
        (void)snprintf(line, sizeof(line), "%s: %llu sent, %llu acknowledged, %llu delivered",
                       run_name, (unsigned long long)c->sum.n_sent,
                       (unsigned long long)c->sum.n_acked, (unsigned long long)c->sum.n_delivered);
        report_note(bench.report, line);
    }
}

static void measure_size(size_t n)
{
    char name[64];
    memset(bench.cells, 0, sizeof(bench.cells));
    bench.bare_64 = bench.bare_each = 0;
    visit_bare();
    visit_real(POSTGRES, n);
    visit_real(SQLITE, n);
    visit_real(SQLITE, n);
    visit_real(POSTGRES, n);
    visit_bare();
    (void)snprintf(name, sizeof(name), "closed_%zu", n);
    tell(name, "bare_64", bench.bare_64, "messages/s, one connection, 64 to a transaction");
    tell(name, "bare_each", bench.bare_each,
         "messages/s, eight connections, a transaction per message");
    tell(name, "postgres_per_s", closed_rate(POSTGRES), "messages/s");
    tell(name, "postgres_to_bare_64", closed_rate(POSTGRES) / bench.bare_64, "(>= 0.50)");
    tell(name, "postgres_to_bare_each", closed_rate(POSTGRES) / bench.bare_each, "");
    tell(name, "sqlite_per_s", closed_rate(SQLITE), "messages/s");
    tell(name, "postgres_to_sqlite", closed_rate(POSTGRES) / closed_rate(SQLITE), "");
    for (int k = 0; k < N_RUNS; k++) {
        for (int model = 0; model < N_MODELS; model++) {
            if (k == CLOSED) {
                (void)snprintf(name, sizeof(name), "closed_%zu_%s", n, names[model]);
            } else {
                (void)snprintf(name, sizeof(name), "paced_%zu_%.0f_%s", n, rates[N_RATES - k],
                               names[model]);
            }
            tell_model(model, k, name);
        }
    }
}

static void prepare(char **argv, const char *url, int64_t n_messages, size_t n_customers)
{
    char dir[512];
    char setting[700];
    const char *settings[] = {setting, NULL};
    struct db *db = NULL;
    struct errinfo info = {0};
    (void)snprintf(setting, sizeof(setting), "--db.url=%s", url);
    bare_pg_create(url, "bare", bench.bare_url, sizeof(bench.bare_url));
    struct db_options o = {.url = bench.bare_url,
                           .migrations = bench_chat_migrations,
                           .n_migrations = BENCH_N_CHAT_MIGRATIONS};
    ASSERT(db_open(&o, &db, &info) == ERR_OK);
    bare_pg_fill(db);
    db_close(&db);
    (void)snprintf(dir, sizeof(dir), "%s/postgres", bench.dir);
    prefill_postgres(argv[0], url, dir, n_messages);
    struct chat_real_setup setup = {
        .dir = dir, .settings = settings, .n_nodes = 1, .n_agents = 16, .n_customers = n_customers};
    chat_real_start(&bench.real[POSTGRES], argv[0], &setup);
    prefill_real(argv[0], "build/bench-cache", bench.dir, n_messages, dir, sizeof(dir));
    setup.settings = NULL;
    chat_real_start(&bench.real[SQLITE], argv[0], &setup);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 1000};
    const char *url = getenv("SH_TEST_PG");
    bool is_quick = bench_has(argc, argv, "--quick");
    bench.report = report_new("chat_postgres", argc, argv);
    bench.seconds = is_quick ? 2 : 5;
    (void)signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (url == NULL) {
        report_note(bench.report, "needs a server: scripts/bench chat --db postgres");
        report_finish(&bench.report);
        return 0;
    }
    bench_dir_make(argc, argv, bench.dir, sizeof(bench.dir));
    prepare(argv, url, is_quick ? 100000 : 1000000, sizes[ARRAY_LEN(sizes) - 1]);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        measure_size(sizes[i]);
    }
    for (int model = 0; model < N_MODELS; model++) {
        chat_real_stop(&bench.real[model]);
    }
    bench_dir_remove(bench.dir);
    report_finish(&bench.report);
    return 0;
}
