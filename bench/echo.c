/* Raw socket echo: our server beside a bare libuv loop, same client, rounds taken in turn so that both meet the same neighbours on the machine.
 * CPU per message is the figure to trust; messages per second also measure the client, which shares the cores. */
#include <signal.h>

#include "base/check.h"
#include "echo_server.h"
#include "loadgen.h"
#include "report.h"

#define ROUNDS 3
#define PAYLOAD 300

static char payload[PAYLOAD];

static void on_text(void *arg, size_t conn, const char *text, size_t len)
{
    (void)arg, (void)conn, (void)text, (void)len;
}

static const struct loadgen_ops ops = {.on_text = on_text};

struct figures {
    double messages_per_s, cpu_us, p50, p99;
};

static struct figures measure(void (*server)(void *arg, int ready_fd), size_t n, double seconds)
{
    static struct load_result result;
    int port, pid = process_start(server, NULL, &port);
    struct loadgen *g = loadgen_new(port, "/socket", "", &ops, NULL);
    if (!loadgen_connect(g, n)) {
        fprintf(stderr, "echo: %s\n", loadgen_error(g));
        exit(1);
    }
    loadgen_run_closed(g, 0, n, payload, PAYLOAD, 0.3, &result);
    double before = process_cpu_us(pid);
    loadgen_run_closed(g, 0, n, payload, PAYLOAD, seconds, &result);
    double cpu = process_cpu_us(pid) - before;
    struct figures f = {result.messages_per_s, cpu / (double)result.latency.n,
                        hist_us(&result.latency, 50), hist_us(&result.latency, 99)};
    ASSERT(loadgen_open(g) == n);
    loadgen_free(&g);
    process_stop(pid);
    return f;
}

static void better(struct figures *best, struct figures f)
{
    if (best->cpu_us == 0 || f.cpu_us < best->cpu_us) {
        best->cpu_us = f.cpu_us;
    }
    if (f.messages_per_s > best->messages_per_s) {
        *best = (struct figures){f.messages_per_s, best->cpu_us, f.p50, f.p99};
    }
}

static void add(struct report *r, const char *who, size_t n, const struct figures *f)
{
    char name[64];
    snprintf(name, sizeof(name), "%s_%zu_messages_per_s", who, n);
    report_add(r, name, f->messages_per_s, "1/s");
    snprintf(name, sizeof(name), "%s_%zu_cpu_us_per_message", who, n);
    report_add(r, name, f->cpu_us, "us");
    snprintf(name, sizeof(name), "%s_%zu_p50_us", who, n);
    report_add(r, name, f->p50, "us");
    snprintf(name, sizeof(name), "%s_%zu_p99_us", who, n);
    report_add(r, name, f->p99, "us");
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {64, 5000};
    struct report *r = report_new("echo", argc, argv);
    char name[64];
    memset(payload, 'm', sizeof(payload));
    signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct figures ours = {0}, bare = {0};
        for (int round = 0; round < ROUNDS; round++) {
            better(&bare, measure(echo_server_bare, sizes[k], 2.0));
            better(&ours, measure(echo_server_ours, sizes[k], 2.0));
        }
        add(r, "ours", sizes[k], &ours);
        add(r, "bare", sizes[k], &bare);
        snprintf(name, sizeof(name), "rate_ratio_%zu", sizes[k]);
        report_add(r, name, ours.messages_per_s / bare.messages_per_s, "(target >= 0.90)");
        snprintf(name, sizeof(name), "cpu_ratio_%zu", sizes[k]);
        report_add(r, name, ours.cpu_us / bare.cpu_us, "(target <= 1.10)");
    }
    report_finish(&r);
    return 0;
}
