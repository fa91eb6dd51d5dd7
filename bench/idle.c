/* What an idle socket costs in resident memory, and whether idle ones slow the busy ones down. One process of ours per question. */
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "echo_server.h"
#include "loadgen.h"
#include "report.h"

#define PAYLOAD 300

static char payload[PAYLOAD];

static void on_text(void *arg, size_t conn, const char *text, size_t len)
{
    (void)arg, (void)conn, (void)text, (void)len;
}

static const struct loadgen_ops ops = {.on_text = on_text};

static struct loadgen *open_sockets(int port, size_t n)
{
    struct loadgen *g = loadgen_new(port, "/socket", "", &ops, NULL);
    if (!loadgen_connect(g, n)) {
        fprintf(stderr, "idle: %s\n", loadgen_error(g));
        exit(1);
    }
    return g;
}

static void memory(struct report *r, size_t n)
{
    char name[64];
    int port, pid = process_start(echo_server_ours, NULL, &port);
    usleep(200000);
    long before = process_rss_kb(pid);
    struct loadgen *g = open_sockets(port, n);
    usleep(200000);
    long after = process_rss_kb(pid);
    snprintf(name, sizeof(name), "bytes_per_socket_%zu", n);
    report_add(r, name, (double)(after - before) * 1024.0 / (double)n, "B (target <= 2048)");
    if (n == 5000) {
        /* every one has talked once: nothing must stay behind */
        static struct load_result result;
        loadgen_run_closed(g, 0, n, payload, PAYLOAD, 1.0, &result);
        usleep(200000);
        report_add(r, "bytes_per_socket_5000_after_use",
                   (double)(process_rss_kb(pid) - before) * 1024.0 / (double)n, "B");
    }
    loadgen_free(&g);
    process_stop(pid);
}

static double cpu_per_message(size_t n_idle, double per_s, double *p50, double *p99)
{
    static struct load_result result;
    int port, pid = process_start(echo_server_ours, NULL, &port);
    struct loadgen *g = open_sockets(port, n_idle + 64);
    loadgen_run_closed(g, n_idle, 64, payload, PAYLOAD, 0.3, &result);
    double before = process_cpu_us(pid);
    if (per_s > 0) {
        loadgen_run_paced(g, n_idle, 64, payload, PAYLOAD, per_s, 3.0, &result);
    } else {
        loadgen_run_closed(g, n_idle, 64, payload, PAYLOAD, 3.0, &result);
    }
    double cpu = process_cpu_us(pid) - before;
    *p50 = hist_us(&result.latency, 50);
    *p99 = hist_us(&result.latency, 99);
    loadgen_free(&g);
    process_stop(pid);
    return cpu / (double)result.latency.n;
}

int main(int argc, char **argv)
{
    struct report *r = report_new("idle", argc, argv);
    memset(payload, 'm', sizeof(payload));
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    int port, pid = process_start(echo_server_ours, NULL, &port);
    usleep(300000);
    report_add(r, "resident_mb_without_sockets", (double)process_rss_kb(pid) / 1024.0,
               "MB (net only)");
    process_stop(pid);
    memory(r, 5000);
    memory(r, 19000);
    double p50, p99, best[2] = {0, 0};
    for (int round = 0; round < 3; round++) {
        for (int k = 0; k < 2; k++) {
            double cpu = cpu_per_message(k ? 15000 : 0, 0, &p50, &p99);
            best[k] = best[k] == 0 || cpu < best[k] ? cpu : best[k];
        }
    }
    report_add(r, "cpu_us_per_message_64_alone", best[0], "us");
    report_add(r, "cpu_us_per_message_64_with_15000_idle", best[1], "us");
    report_add(r, "idle_cost_ratio", best[1] / best[0], "(target about 1.0)");
    double paced = cpu_per_message(15000, 1000, &p50, &p99);
    report_add(r, "paced_1000_with_15000_idle_cpu_us", paced, "us");
    report_add(r, "paced_1000_with_15000_idle_p50_us", p50, "us");
    report_add(r, "paced_1000_with_15000_idle_p99_us", p99, "us");
    report_finish(&r);
    return 0;
}
