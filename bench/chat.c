/* bench_chat: the real program beside what this machine can do at most, in one run.
 *
 * Limits: a raw socket echo (echo_server.h), and the bare model (bare_server.h: socket, group commit of the same rows, index behind it, nothing else), both driven by
 * the same client. The two servers live side by side for the whole run, on equally filled databases, and are visited in turn (bare, real, real, bare), so that a
 * noisy neighbour on the machine meets both. A message counts when its sender has the acknowledgement, which comes after COMMIT; its latency is from the
 * (intended) send to the socket that it is delivered to: the agent's, or in the bare model the partner's.
 *
 * --quick: a tenth of the rows, short. --size N: only that many sockets, nothing else. --rounds N: visits again, for a noisy machine. --cache DIR: where the filled databases are kept (default build/bench-cache). --dir DIR: the disk to measure. */
#include <libgen.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bare_server.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "chat_load.h"
#include "chat_prefill.h"
#include "chat_real.h"
#include "chat_rows.h"
#include "chat_wires.h"
#include "echo_server.h"
#include "report.h"

enum { BARE, REAL, N_MODELS };
enum { CLOSED, N_RATES = 3, N_RUNS };
static const double rates[N_RATES] = {500, 2000, 5000};

struct cell { /* of one model, size and kind of run: all its rounds together */
    struct chat_result sum;
    double cpu_us;
};

static struct bench {
    struct report *report;
    bool is_quick;
    double seconds;
    unsigned long rounds;
    char dir[128], bare_dir[512], real_dir[512];
    struct chat_real real;
    struct cell cells[N_MODELS][N_RUNS];
    pthread_t watcher;
    atomic_bool is_stopping;
    atomic_long wal_max[N_MODELS];
} bench;

/* ---- the log's length, all the time ---- */

static void *watch_wal(void *arg)
{
    UNUSED(arg);
    char path[N_MODELS][600];
    (void)snprintf(path[BARE], sizeof(path[BARE]), "%s/bench.db-wal", bench.bare_dir);
    (void)snprintf(path[REAL], sizeof(path[REAL]), "%s/stablehand.db-wal", bench.real_dir);
    while (!atomic_load(&bench.is_stopping)) {
        for (int m = 0; m < N_MODELS; m++) {
            struct stat st;
            if (stat(path[m], &st) == 0 && st.st_size > atomic_load(&bench.wal_max[m])) {
                atomic_store(&bench.wal_max[m], st.st_size);
            }
        }
        (void)usleep(10000);
    }
    return NULL;
}

/* ---- rounds ---- */

static void add_result(struct cell *cell, const struct chat_result *r, double cpu_us)
{
    cell->sum.seconds += r->seconds;
    cell->sum.acked_per_s +=
        r->acked_per_s * r->seconds; /* acknowledged in time; divided when told */
    cell->sum.n_sent += r->n_sent;
    cell->sum.n_acked += r->n_acked;
    cell->sum.n_delivered += r->n_delivered;
    hist_merge(&cell->sum.ack, &r->ack);
    hist_merge(&cell->sum.delivery, &r->delivery);
    cell->cpu_us += cpu_us;
}

/* What a run leaves behind (the log to copy, the index to follow) is not the next one's business. */
static void let_settle(int pid)
{
    for (int i = 0; i < 100; i++) {
        double before = process_cpu_us(pid);
        (void)usleep(100000);
        if (process_cpu_us(pid) - before < 3000) {
            return;
        }
    }
}

static void run_all(struct chat_load *load, int pid, struct cell cells[N_RUNS])
{
    static struct chat_result result;
    chat_load_closed(load, 0.5, &result);
    let_settle(pid);
    for (int k = N_RUNS - 1; k >= 0; k--) {
        double cpu = process_cpu_us(pid);
        if (k == CLOSED) {
            chat_load_closed(load, bench.seconds, &result);
        } else {
            chat_load_paced(load, rates[N_RATES - k], bench.seconds, &result);
        }
        add_result(&cells[k], &result, process_cpu_us(pid) - cpu);
        if (load != bench.real.load) {
            chat_real_tend(&bench.real);
        }
        let_settle(pid);
    }
}

static void visit_bare(size_t n)
{
    int port = 0;
    int pid = process_start(bare_chat_server, bench.bare_dir, &port);
    struct chat_wire wire = chat_wire_bare();
    struct chat_load *load = chat_load_new(&wire);
    struct loadgen *g = loadgen_new(port, "/", "", chat_load_ops(), load);
    if (!loadgen_connect(g, n)) {
        (void)fprintf(stderr, "chat: bare: %s\n", loadgen_error(g));
        exit(1);
    }
    chat_load_add(load, g, 0, n);
    run_all(load, pid, bench.cells[BARE]);
    loadgen_free(&g);
    chat_load_free(&load);
    process_stop(pid);
}

static void visit_real(size_t n)
{
    struct loadgen *g = chat_real_connect(&bench.real, 0, 0, n);
    let_settle(bench.real.nodes[0].pid);
    struct chat_load *load = chat_real_load(&bench.real, g, n);
    run_all(load, bench.real.nodes[0].pid, bench.cells[REAL]);
    chat_real_unload(&bench.real);
    loadgen_free(&g);
    let_settle(bench.real.nodes[0].pid);
}

static double echo_rate(size_t n)
{
    static const struct loadgen_ops no_ops;
    static struct load_result result;
    char text[300];
    int port = 0;
    memset(text, 'm', sizeof(text));
    int pid = process_start(echo_server_bare, NULL, &port);
    struct loadgen *g = loadgen_new(port, "/socket", "", &no_ops, NULL);
    if (!loadgen_connect(g, n)) {
        (void)fprintf(stderr, "chat: echo: %s\n", loadgen_error(g));
        exit(1);
    }
    loadgen_run_closed(g, 0, n, text, sizeof(text), 1.0, &result);
    loadgen_free(&g);
    process_stop(pid);
    return result.messages_per_s;
}

/* ---- telling ---- */

static void tell_lost(const char *run, const struct chat_result *r)
{
    char line[160];
    if (r->n_acked != r->n_sent || r->n_delivered != r->n_sent) {
        (void)snprintf(line, sizeof(line), "%s: %llu sent, %llu acknowledged, %llu delivered", run,
                       (unsigned long long)r->n_sent, (unsigned long long)r->n_acked,
                       (unsigned long long)r->n_delivered);
        report_note(bench.report, line);
    }
}

/* Figure, its limit and their ratio. */
static void tell_three(const char *run, const char *what, double real, double bare,
                       const char *unit, const char *target)
{
    char name[80];
    (void)snprintf(name, sizeof(name), "%s_%s", run, what);
    report_add(bench.report, name, real, unit);
    (void)snprintf(name, sizeof(name), "%s_%s_bare", run, what);
    report_add(bench.report, name, bare, unit);
    (void)snprintf(name, sizeof(name), "%s_%s_ratio", run, what);
    report_add(bench.report, name, real / bare, target);
}

static void tell_run(size_t n, int k)
{
    static const struct {
        const char *name;
        double p;
        const char *target;
    } ps[] = {{"p50_ms", 50, ""}, {"p99_ms", 99, "(<= 1.5)"}, {"p999_ms", 99.9, "(<= 1.5)"}};
    const struct cell *real = &bench.cells[REAL][k];
    const struct cell *bare = &bench.cells[BARE][k];
    char run[64];
    if (k == CLOSED) {
        (void)snprintf(run, sizeof(run), "closed_%zu", n);
        tell_three(run, "per_s", real->sum.acked_per_s / real->sum.seconds,
                   bare->sum.acked_per_s / bare->sum.seconds, "messages/s", "(>= 0.60)");
    } else {
        (void)snprintf(run, sizeof(run), "paced_%zu_%.0f", n, rates[N_RATES - k]);
        for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
            tell_three(run, ps[i].name, hist_us(&real->sum.delivery, ps[i].p) / 1000,
                       hist_us(&bare->sum.delivery, ps[i].p) / 1000, "ms", ps[i].target);
        }
    }
    tell_three(run, "cpu_us", real->cpu_us / (double)real->sum.n_acked,
               bare->cpu_us / (double)bare->sum.n_acked, "us/message", "");
    tell_lost(run, &real->sum);
    tell_lost(run, &bare->sum);
}

static void measure_size(size_t n)
{
    char name[64];
    memset(bench.cells, 0, sizeof(bench.cells));
    for (unsigned long i = 0; i < bench.rounds; i++) {
        visit_bare(n);
        visit_real(n);
        visit_real(n);
        visit_bare(n);
    }
    (void)snprintf(name, sizeof(name), "echo_%zu_per_s", n);
    report_add(bench.report, name, echo_rate(n), "messages/s (raw sockets, nothing stored)");
    for (int k = 0; k < N_RUNS; k++) {
        tell_run(n, k);
    }
}

/* ---- pages of messages while everything writes ---- */

struct reading {
    struct real_server server; /* with a connection of its own */
    atomic_bool is_stopping;
    struct hist page, empty; /* the same way through the server, with nothing to read */
    int64_t n_failed;
};

static void get(struct reading *r, const char *path, struct hist *latency)
{
    static char answer[262144];
    int64_t started = loadgen_now_ns();
    int status = real_server_request(&r->server, "GET", path, bench.real.owner.cookie, "", answer,
                                     sizeof(answer));
    hist_add(latency, loadgen_now_ns() - started);
    r->n_failed += status != 200;
    (void)usleep(1000);
}

static void *read_pages(void *arg)
{
    struct reading *r = arg;
    struct rng rng;
    char path[128];
    rng_init(&rng, 5);
    while (!atomic_load(&r->is_stopping)) {
        (void)snprintf(path, sizeof(path), "/api/v1/conversations/%llu/messages?limit=20",
                       (unsigned long long)rng_below(&rng, BENCH_CONVERSATIONS) + 1);
        get(r, path, &r->page);
        get(r, "/healthz", &r->empty);
    }
    return NULL;
}

static void measure_pages(size_t n)
{
    static struct chat_result result;
    static struct reading r;
    char name[64];
    pthread_t reader;
    struct loadgen *g = chat_real_connect(&bench.real, 0, 0, n);
    let_settle(bench.real.nodes[0].pid);
    struct chat_load *load = chat_real_load(&bench.real, g, n);
    r.server = bench.real.nodes[0];
    real_server_connect(&r.server);
    ASSERT(pthread_create(&reader, NULL, read_pages, &r) == 0);
    chat_load_closed(load, bench.seconds * 2, &result);
    atomic_store(&r.is_stopping, true);
    (void)pthread_join(reader, NULL);
    (void)close(r.server.http);
    chat_real_unload(&bench.real);
    loadgen_free(&g);
    (void)snprintf(name, sizeof(name), "page_p50_ms_under_closed_%zu", n);
    report_add(bench.report, name, hist_us(&r.page, 50) / 1000, "ms");
    (void)snprintf(name, sizeof(name), "page_p99_ms_under_closed_%zu", n);
    report_add(bench.report, name, hist_us(&r.page, 99) / 1000, "ms (target <= 5)");
    (void)snprintf(name, sizeof(name), "empty_p50_ms_under_closed_%zu", n);
    report_add(bench.report, name, hist_us(&r.empty, 50) / 1000, "ms (no page: /healthz)");
    (void)snprintf(name, sizeof(name), "empty_p99_ms_under_closed_%zu", n);
    report_add(bench.report, name, hist_us(&r.empty, 99) / 1000, "ms (no page: /healthz)");
    report_add(bench.report, "page_reads", (double)r.page.n, "");
    report_add(bench.report, "page_reads_failed", (double)r.n_failed, "");
    report_add(bench.report, "page_written_meanwhile_per_s", result.acked_per_s, "messages/s");
    let_settle(bench.real.nodes[0].pid);
}

/* ---- idle sockets beside busy ones ---- */

static double cpu_of_64(size_t n_idle)
{
    static struct chat_result result;
    struct loadgen *g = chat_real_connect(&bench.real, 0, 0, 64);
    if (n_idle > 0) {
        chat_real_connect_more(&bench.real, g, 64, n_idle);
    }
    let_settle(bench.real.nodes[0].pid);
    struct chat_load *load = chat_real_load(&bench.real, g, 64);
    chat_load_paced(load, 2000, 0.5, &result);
    double before = process_cpu_us(bench.real.nodes[0].pid);
    chat_load_paced(load, 2000, bench.seconds, &result);
    double cpu = process_cpu_us(bench.real.nodes[0].pid) - before;
    chat_real_unload(&bench.real);
    loadgen_free(&g);
    let_settle(bench.real.nodes[0].pid);
    return cpu / (double)result.n_acked;
}

static void measure_idle(size_t n_idle)
{
    char name[64];
    double alone = cpu_of_64(0);
    double crowd = cpu_of_64(n_idle);
    crowd = (crowd + cpu_of_64(n_idle)) / 2;
    alone = (alone + cpu_of_64(0)) / 2;
    report_add(bench.report, "cpu_us_64_alone", alone, "us/message at 2,000 per s");
    (void)snprintf(name, sizeof(name), "cpu_us_64_with_%zu_idle", n_idle);
    report_add(bench.report, name, crowd, "us/message at 2,000 per s");
    report_add(bench.report, "idle_ratio", crowd / alone, "(target about 1.0)");
}

/* ---- all of it ---- */

static const char *option(int argc, char **argv, const char *flag, const char *fallback)
{
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], flag) == 0) {
            return argv[i + 1];
        }
    }
    return fallback;
}

static void prepare(int argc, char **argv, size_t n_customers)
{
    char cache[512];
    char *copy = mem_strdup(argv[0]);
    int64_t n_messages = bench.is_quick ? 100000 : 1000000;
    (void)snprintf(cache, sizeof(cache), "%s/../../bench-cache", dirname(copy));
    mem_free(copy);
    const char *where = option(argc, argv, "--cache", cache);
    bench_dir_make(argc, argv, bench.dir, sizeof(bench.dir));
    prefill_bare(where, bench.dir, n_messages, bench.bare_dir, sizeof(bench.bare_dir));
    prefill_real(argv[0], where, bench.dir, n_messages, bench.real_dir, sizeof(bench.real_dir));
    struct chat_real_setup setup = {
        .dir = bench.real_dir, .n_nodes = 1, .n_agents = 16, .n_customers = n_customers};
    chat_real_start(&bench.real, argv[0], &setup);
    let_settle(bench.real.nodes[0].pid);
    ASSERT(pthread_create(&bench.watcher, NULL, watch_wal, NULL) == 0);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 1000, 10000};
    bench.is_quick = bench_has(argc, argv, "--quick");
    bench.report = report_new("chat", argc, argv);
    bench.seconds = bench.is_quick ? 2 : 5;
    bench.rounds = strtoul(option(argc, argv, "--rounds", "1"), NULL, 10);
    (void)signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    size_t n_sizes = bench.is_quick ? 2 : ARRAY_LEN(sizes);
    size_t only = (size_t)strtoul(option(argc, argv, "--size", "0"), NULL, 10);
    prepare(argc, argv, only > 0 ? only : sizes[n_sizes - 1]);
    for (size_t i = 0; i < n_sizes && only == 0; i++) {
        measure_size(sizes[i]);
    }
    if (only > 0) {
        measure_size(only);
    } else {
        measure_pages(1000);
        measure_idle(bench.is_quick ? 3000 : 15000);
    }
    atomic_store(&bench.is_stopping, true);
    (void)pthread_join(bench.watcher, NULL);
    report_add(bench.report, "wal_peak_mb", (double)bench.wal_max[REAL] / 1048576, "MB");
    report_add(bench.report, "wal_peak_mb_bare", (double)bench.wal_max[BARE] / 1048576, "MB");
    report_add(bench.report, "server_resident_mb",
               (double)process_rss_kb(bench.real.nodes[0].pid) / 1024, "MB at the end");
    chat_real_stop(&bench.real);
    bench_dir_remove(bench.dir);
    report_finish(&bench.report);
    return 0;
}
