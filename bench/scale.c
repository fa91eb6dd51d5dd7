/* bench_scale: one, two and three nodes of the real program on one PostgreSQL and one NATS server, with the same load, all on this machine.
 *
 * Run by scripts/bench (SH_TEST_PG from scripts/with-postgres; a nats-server of its own). Customers and agents are spread over the nodes, so that with N nodes all but
 * one in N messages cross from one to another. Nodes, database, message server and the load client share the cores: what is told beside the rate is where their time
 * goes, which says what would limit a desk whose parts have machines of their own. --quick: short. */
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
#include "nats_server.h"
#include "report.h"

#define N_SOCKETS 240
#define PACE 500

static struct bench {
    struct report *report;
    double seconds;
    char dir[128];
    int64_t n_messages;
    struct nats_server nats;
} bench;

struct cpu {
    double nodes, postgres, nats, client;
};

static struct cpu cpu_now(const struct chat_real *r)
{
    struct cpu c = {.postgres = processes_cpu_us("postgres"),
                    .nats = process_cpu_us(bench.nats.pid),
                    .client = process_cpu_us(getpid())};
    for (size_t i = 0; i < r->n_nodes; i++) {
        c.nodes += process_cpu_us(r->nodes[i].pid);
    }
    return c;
}

static void tell(size_t n_nodes, const char *what, double value, const char *unit)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "nodes_%zu_%s", n_nodes, what);
    report_add(bench.report, name, value, unit);
}

static void tell_cpu(size_t n_nodes, const struct cpu *from, const struct cpu *to, double n,
                     double seconds)
{
    double all = to->nodes - from->nodes + to->postgres - from->postgres + to->nats - from->nats +
                 to->client - from->client;
    tell(n_nodes, "cpu_us_nodes", (to->nodes - from->nodes) / n, "us/message");
    tell(n_nodes, "cpu_us_postgres", (to->postgres - from->postgres) / n, "us/message");
    tell(n_nodes, "cpu_us_nats", (to->nats - from->nats) / n, "us/message");
    tell(n_nodes, "cpu_us_client", (to->client - from->client) / n, "us/message");
    tell(n_nodes, "cores_busy", all / 1e6 / seconds, "of them all");
}

static void check_all_arrived(size_t n_nodes, const struct chat_result *r)
{
    char line[160];
    if (r->n_acked != r->n_sent || r->n_delivered != r->n_sent) {
        (void)snprintf(line, sizeof(line),
                       "%zu nodes: %llu sent, %llu acknowledged, %llu delivered", n_nodes,
                       (unsigned long long)r->n_sent, (unsigned long long)r->n_acked,
                       (unsigned long long)r->n_delivered);
        report_note(bench.report, line);
    }
}

static double measure(struct chat_real *r)
{
    static struct chat_result result;
    struct loadgen *g[CHAT_NODES_MAX];
    size_t share = N_SOCKETS / r->n_nodes;
    for (size_t i = 0; i < r->n_nodes; i++) {
        g[i] = chat_real_connect(r, i, i * share, share);
    }
    struct chat_load *load = chat_real_load(r, g[0], share);
    for (size_t i = 1; i < r->n_nodes; i++) {
        chat_load_add(load, g[i], 0, share);
    }
    chat_load_closed(load, 1, &result);
    struct cpu from = cpu_now(r);
    chat_load_closed(load, bench.seconds, &result);
    struct cpu to = cpu_now(r);
    double rate = result.acked_per_s;
    tell(r->n_nodes, "closed_per_s", rate, "messages/s");
    tell_cpu(r->n_nodes, &from, &to, (double)result.n_acked, result.seconds);
    check_all_arrived(r->n_nodes, &result);
    chat_load_paced(load, PACE, bench.seconds, &result);
    tell(r->n_nodes, "paced_500_p50_ms", hist_us(&result.delivery, 50) / 1000, "ms");
    tell(r->n_nodes, "paced_500_p99_ms", hist_us(&result.delivery, 99) / 1000, "ms");
    check_all_arrived(r->n_nodes, &result);
    chat_real_unload(r);
    for (size_t i = 0; i < r->n_nodes; i++) {
        loadgen_free(&g[i]);
    }
    return rate;
}

/* On a database of its own, so that none finds what the one before has left. */
static double run_nodes(const char *argv0, const char *url, size_t n_nodes)
{
    static struct chat_real real;
    char name[32];
    char own_url[700];
    char dir[512];
    char db_setting[800];
    char bus_setting[200];
    const char *settings[] = {db_setting, bus_setting, NULL};
    (void)snprintf(name, sizeof(name), "scale%zu", n_nodes);
    bare_pg_create(url, name, own_url, sizeof(own_url));
    (void)snprintf(dir, sizeof(dir), "%s/%s", bench.dir, name);
    (void)snprintf(db_setting, sizeof(db_setting), "--db.url=%s", own_url);
    (void)snprintf(bus_setting, sizeof(bus_setting), "--bus.url=nats://127.0.0.1:%d",
                   bench.nats.port);
    prefill_postgres(argv0, own_url, dir, bench.n_messages);
    struct chat_real_setup setup = {.dir = dir,
                                    .settings = settings,
                                    .n_nodes = n_nodes,
                                    .n_agents = 12,
                                    .n_customers = N_SOCKETS};
    chat_real_start(&real, argv0, &setup);
    double rate = measure(&real);
    chat_real_stop(&real);
    return rate;
}

int main(int argc, char **argv)
{
    const char *url = getenv("SH_TEST_PG");
    bool is_quick = bench_has(argc, argv, "--quick");
    bench.report = report_new("scale", argc, argv);
    bench.seconds = is_quick ? 2 : 8;
    bench.n_messages = is_quick ? 10000 : 100000;
    (void)signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (url == NULL) {
        report_note(bench.report, "needs a server: scripts/bench scale");
        report_finish(&bench.report);
        return 0;
    }
    bench_dir_make(argc, argv, bench.dir, sizeof(bench.dir));
    nats_server_start(&bench.nats);
    double one = run_nodes(argv[0], url, 1);
    for (size_t n = 2; n <= CHAT_NODES_MAX; n++) {
        tell(n, "to_one", run_nodes(argv[0], url, n) / one, "");
    }
    nats_server_stop(&bench.nats);
    bench_dir_remove(bench.dir);
    report_finish(&bench.report);
    return 0;
}
