/* bench_bare_chat: what a chat on this machine can reach at most, with everything durable: bare_server.c under chat_load.c, on 1,000,000 messages. */
#include <stdio.h>
#include <string.h>

#include "bare_server.h"
#include "base/check.h"
#include "base/log.h"
#include "chat_load.h"
#include "chat_rows.h"
#include "chat_wires.h"
#include "report.h"

static void report_result(struct report *report, const char *name, const struct chat_result *r,
                          int pid, double cpu_before)
{
    char figure[80];
    const struct {
        const char *name;
        double p;
    } ps[] = {{"p50", 50}, {"p99", 99}, {"p999", 99.9}};
    (void)snprintf(figure, sizeof(figure), "%s_per_s", name);
    report_add(report, figure, r->acked_per_s, "messages/s");
    for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
        (void)snprintf(figure, sizeof(figure), "%s_deliver_%s_ms", name, ps[i].name);
        report_add(report, figure, hist_us(&r->delivery, ps[i].p) / 1000, "ms");
    }
    (void)snprintf(figure, sizeof(figure), "%s_ack_p99_ms", name);
    report_add(report, figure, hist_us(&r->ack, 99) / 1000, "ms");
    (void)snprintf(figure, sizeof(figure), "%s_cpu_us", name);
    report_add(report, figure, (process_cpu_us(pid) - cpu_before) / (double)r->n_acked,
               "us/message");
    if (r->n_acked != r->n_sent || r->n_delivered != r->n_sent) {
        (void)snprintf(figure, sizeof(figure), "%llu sent, %llu acknowledged, %llu delivered",
                       (unsigned long long)r->n_sent, (unsigned long long)r->n_acked,
                       (unsigned long long)r->n_delivered);
        report_note(report, figure);
    }
}

static void fill(const char *dir, int64_t n)
{
    char url[200];
    (void)snprintf(url, sizeof(url), "sqlite:%s/bench.db", dir);
    struct db_options o = {
        .url = url, .migrations = bench_chat_migrations, .n_migrations = BENCH_N_CHAT_MIGRATIONS};
    struct db *db = NULL;
    ASSERT(db_open(&o, &db, NULL) == ERR_OK);
    bench_chat_fill(db, n);
    db_close(&db);
}

int main(int argc, char **argv)
{
    bool is_quick = bench_has(argc, argv, "--quick");
    struct report *report = report_new("bare_chat", argc, argv);
    static struct chat_result result;
    char dir[128];
    char name[64];
    raise_file_limit();
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    bench_dir_make(argc, argv, dir, sizeof(dir));
    fill(dir, is_quick ? 100000 : 1000000);
    double seconds = is_quick ? 3 : 10;
    const size_t sizes[] = {64, 256, 1000, 10000};
    const double rates[] = {500, 2000, 5000};
    for (size_t i = 0; i < ARRAY_LEN(sizes) + 1; i++) {
        int port = 0;
        bool is_paced = i == ARRAY_LEN(sizes);
        size_t n = is_paced ? 256 : sizes[i];
        int pid = process_start(bare_chat_server, dir, &port);
        struct chat_wire wire = chat_wire_bare();
        struct chat_load *load = chat_load_new(&wire);
        struct loadgen *g = loadgen_new(port, "/", "", chat_load_ops(), load);
        if (!loadgen_connect(g, n)) {
            (void)fprintf(stderr, "bare_chat: %s\n", loadgen_error(g));
            return 1;
        }
        chat_load_add(load, g, 0, n);
        for (size_t k = 0; k < (is_paced ? ARRAY_LEN(rates) : 1); k++) {
            double cpu = process_cpu_us(pid);
            if (is_paced) {
                chat_load_paced(load, rates[k], seconds, &result);
                (void)snprintf(name, sizeof(name), "paced_%.0f", rates[k]);
            } else {
                chat_load_closed(load, seconds, &result);
                (void)snprintf(name, sizeof(name), "closed_%zu", n);
            }
            report_result(report, name, &result, pid, cpu);
        }
        loadgen_free(&g);
        chat_load_free(&load);
        process_stop(pid);
    }
    bench_dir_remove(dir);
    report_finish(&report);
    return 0;
}
