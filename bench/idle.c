/* What an idle socket costs in resident memory, and whether idle ones slow the busy ones down. One process of ours per question. */
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "echo_server.h"
#include "loadgen.h"
#include "real_server.h"
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

/* ---- the whole program, with a signed-in visitor on each socket ---- */

static size_t n_live;

static void on_visitor_text(void *arg, size_t conn, const char *text, size_t len)
{
    (void)arg, (void)conn;
    n_live += memmem(text, len, "\"t\":\"live\"", 10) != NULL;
}

static const struct loadgen_ops visitor_ops = {.on_text = on_visitor_text};

static void say_hello(struct loadgen *g, size_t first, size_t n, char (*tokens)[REAL_TOKEN_MAX])
{
    size_t wanted = n_live + n;
    for (size_t i = 0; i < n; i++) {
        char hello[256];
        int len = snprintf(hello, sizeof(hello),
                           "{\"t\":\"hello\",\"token\":\"%s\",\"conversation_id\":null,\"have\":0}",
                           tokens[i]);
        loadgen_send(g, first + i, hello, (size_t)len);
        while (n_live + 200 < wanted - n + i) {
            loadgen_poll(g, 1000);
        }
    }
    int64_t give_up = loadgen_now_ns() + 60000000000LL;
    while (n_live < wanted && loadgen_now_ns() < give_up) {
        loadgen_poll(g, 10000);
    }
    if (n_live < wanted) {
        fprintf(stderr, "idle: %zu of %zu visitors are live\n", n_live, wanted);
        exit(1);
    }
}

/* Visitors beyond the first 5,000 share their tokens, as several tabs do. */
static void whole_program(struct report *r, const char *argv0)
{
    enum {
        N_TOKENS = 5000,
        N_ALL = 19000,
        BATCH = 500 /* each says hello within its five seconds */
    };
    static char tokens[N_TOKENS][REAL_TOKEN_MAX];
    struct real_server s;
    real_server_start(&s, argv0);
    usleep(1000000);
    report_add(r, "program_resident_mb_without_sockets", (double)process_rss_kb(s.pid) / 1024.0,
               "MB (target <= 25)");
    for (size_t i = 0; i < N_TOKENS; i++) {
        real_server_visitor(&s, tokens[i]);
    }
    struct loadgen *g = loadgen_new(s.port, "/api/v1/visitor/socket", "", &visitor_ops, NULL);
    long before = process_rss_kb(s.pid), warm = 0;
    for (size_t n = 0; n < N_ALL;) {
        if (!loadgen_connect(g, BATCH)) {
            fprintf(stderr, "idle: %s\n", loadgen_error(g));
            exit(1);
        }
        say_hello(g, n, BATCH, tokens + n % N_TOKENS);
        n += BATCH;
        if (n == BATCH) { /* pools and caches that the first ones fill are not theirs alone */
            usleep(500000);
            warm = process_rss_kb(s.pid);
            report_add(r, "program_warm_up_mb", (double)(warm - before) / 1024.0,
                       "MB (first 500 visitors)");
        }
        if (n == N_TOKENS || n == N_ALL) {
            char name[64];
            usleep(500000);
            snprintf(name, sizeof(name), "program_bytes_per_visitor_%zu", n);
            report_add(r, name,
                       (double)(process_rss_kb(s.pid) - warm) * 1024.0 / (double)(n - BATCH),
                       "B (target <= 2048)");
        }
    }
    loadgen_free(&g);
    real_server_stop(&s);
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
    whole_program(r, argv[0]);
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
