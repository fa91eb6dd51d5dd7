/* bench_bus: what the bus costs beside the bare NATS client, and what it saves. Starts a nats-server of its own; with SH_TEST_PG (scripts/with-postgres
 * build/release/bench/bench_bus) also two nodes on one database.
 *
 * bare: 300 bytes, published by one connection of libnats and received by another. signal: the same bytes through bus_signal to a listener of another node (queues, MAC,
 * JSON checked, told in turn). commit: from the return of db_write on one node until a bus listener of the other has the event; unhinted: the same with the
 * message server killed, which is the look five times a second (while there is talk; otherwise each second). commits_*: eight threads that only commit, with
 * and without the other node being told each millisecond. */
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "hist.h"
#include "platform/bus.h"
#include "platform/db.h"
#include "platform/migrations.h"
#include "report.h"
#include "../tests/unit/platform/natsd.h"

#define PER_SECOND 1000
#define SECONDS 5
#define N_COMMITS 500
#define N_UNHINTED 40
#define N_WRITERS 8
#define LOAD_SECONDS 4
#define PAYLOAD_LEN 300

static char payload[PAYLOAD_LEN + 1];

static void pause_until(int64_t at_ns)
{
    struct timespec ts = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) != 0) {
    }
}

static void say_hist(struct report *r, const char *name, const struct hist *h)
{
    char figure[64];
    (void)snprintf(figure, sizeof(figure), "%s_p50_us", name);
    report_add(r, figure, hist_us(h, 50), "us");
    (void)snprintf(figure, sizeof(figure), "%s_p99_us", name);
    report_add(r, figure, hist_us(h, 99), "us");
}

/* ---- one word after the other ---- */

struct flight {
    atomic_int_fast64_t sent_ns;
    atomic_int n_heard;
    struct hist hist;
};

static void landed(struct flight *f)
{
    hist_add(&f->hist, time_monotonic_ns() - atomic_load(&f->sent_ns));
    atomic_fetch_add(&f->n_heard, 1);
}

static void bare_heard(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    (void)nc;
    (void)sub;
    natsMsg_Destroy(msg);
    landed(arg);
}

static void signal_heard(void *arg, const struct bus_signal *s)
{
    (void)s;
    landed(arg);
}

/* At a steady pace; each must be heard before the next one is due. */
static void fly(struct flight *f, void (*send)(void *arg), void *arg)
{
    int64_t due_ns = time_monotonic_ns();
    for (int i = 0; i < PER_SECOND * SECONDS; i++) {
        int before = atomic_load(&f->n_heard);
        due_ns += 1000000000LL / PER_SECOND;
        pause_until(due_ns);
        atomic_store(&f->sent_ns, time_monotonic_ns());
        send(arg);
        for (int t = 0; t < 20000 && atomic_load(&f->n_heard) == before; t++) {
            pause_until(time_monotonic_ns() + 50000);
        }
        ASSERT(atomic_load(&f->n_heard) == before + 1);
    }
}

static void bare_send(void *arg)
{
    ASSERT(natsConnection_Publish(arg, "bench", payload, PAYLOAD_LEN) == NATS_OK);
}

static natsConnection *bare_connect(const char *url)
{
    natsOptions *options = NULL;
    natsConnection *conn = NULL;
    ASSERT(natsOptions_Create(&options) == NATS_OK && natsOptions_SetURL(options, url) == NATS_OK &&
           natsOptions_SetSendAsap(options, true) == NATS_OK &&
           natsConnection_Connect(&conn, options) == NATS_OK);
    natsOptions_Destroy(options);
    return conn;
}

static void run_bare(struct report *r, const char *url)
{
    struct flight *f = MEM_NEW(struct flight);
    natsConnection *a = bare_connect(url);
    natsConnection *b = bare_connect(url);
    natsSubscription *sub = NULL;
    ASSERT(natsConnection_Subscribe(&sub, b, "bench", bare_heard, f) == NATS_OK &&
           natsConnection_Flush(b) == NATS_OK);
    fly(f, bare_send, a);
    say_hist(r, "bare", &f->hist);
    natsSubscription_Destroy(sub);
    natsConnection_Destroy(a);
    natsConnection_Destroy(b);
    mem_free(f);
}

static void signal_send(void *arg)
{
    bus_signal(arg, bus_of_all(), "typing", str_from(payload));
}

static void wait_connected(struct bus *bus)
{
    struct bus_stats stats = {0};
    while (stats.is_connected == 0) {
        bus_stats_get(bus, &stats);
        pause_until(time_monotonic_ns() + 1000000);
    }
}

static struct bus *open_bus(const char *url)
{
    struct bus *bus = NULL;
    struct bus_options o = {.url = url, .prefix = "bench"};
    ASSERT(bus_open(&o, &bus, NULL) == ERR_OK);
    return bus;
}

static void run_signal(struct report *r, const char *url)
{
    struct flight *f = MEM_NEW(struct flight);
    struct bus *a = open_bus(url);
    struct bus *b = open_bus(url);
    bus_on_signal(b, "typing", signal_heard, f);
    bus_start(b);
    bus_start(a);
    wait_connected(a);
    wait_connected(b);
    pause_until(time_monotonic_ns() + 200000000);
    fly(f, signal_send, a);
    say_hist(r, "signal", &f->hist);
    bus_free(&a);
    bus_free(&b);
    mem_free(f);
}

/* ---- commits ---- */

static void event_heard(void *arg, const struct event *e)
{
    (void)e;
    landed(arg);
}

static enum err append_event(struct db_txn *txn, void *arg)
{
    struct event e = *(struct event *)arg;
    return event_append(txn, &e);
}

static enum err append(struct db_txn *txn, void *arg)
{
    struct event e = {.conversation = {1},
                      .seq = *(int *)arg,
                      .kind = STR("message.created"),
                      .payload = str_from(payload),
                      .at = 1,
                      .team = {1}};
    return event_append(txn, &e);
}

/* `gap_ns` of rest between two, half of it at random. */
static void commit_some(struct db *db, struct flight *f, int n, int *seq, int64_t gap_ns)
{
    hist_clear(&f->hist);
    for (int i = 0; i < n; i++) {
        int before = atomic_load(&f->n_heard);
        ++*seq;
        ASSERT(db_write(db, append, seq) == ERR_OK);
        atomic_store(&f->sent_ns, time_monotonic_ns());
        for (int t = 0; t < 100000 && atomic_load(&f->n_heard) == before; t++) {
            pause_until(time_monotonic_ns() + 50000);
        }
        pause_until(time_monotonic_ns() + gap_ns / 2 + (int64_t)(rng_u64() % (uint64_t)gap_ns) / 2);
    }
}

/* ---- what hints cost whoever writes much ---- */

struct load {
    struct db *db;
    atomic_bool *is_over;
    int64_t conversation;
    int n;
};

static void *write_on(void *arg)
{
    struct load *l = arg;
    while (!atomic_load(l->is_over)) {
        struct event e = {.conversation = {l->conversation + l->n % 100},
                          .seq = l->n / 100 + 1,
                          .kind = STR("message.created"),
                          .payload = str_from(payload),
                          .at = 1,
                          .team = {1}};
        ASSERT(db_write(l->db, append_event, &e) == ERR_OK);
        l->n++;
    }
    return NULL;
}

/* Commits a second of N_WRITERS threads on one node, while another one listens. */
static double write_much(struct db *db, int64_t conversations)
{
    atomic_bool is_over = false;
    struct load loads[N_WRITERS];
    pthread_t threads[N_WRITERS];
    int n = 0;
    for (int i = 0; i < N_WRITERS; i++) {
        loads[i] = (struct load){db, &is_over, conversations + i * 100, 0};
        ASSERT(pthread_create(&threads[i], NULL, write_on, &loads[i]) == 0);
    }
    int64_t from_ns = time_monotonic_ns();
    pause_until(from_ns + 1000000000LL * LOAD_SECONDS);
    atomic_store(&is_over, true);
    for (int i = 0; i < N_WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
        n += loads[i].n;
    }
    return (double)n * 1e9 / (double)(time_monotonic_ns() - from_ns);
}

/* Until the other node has heard all of it. */
static void wait_quiet(const struct flight *f)
{
    int before = -1;
    while (atomic_load(&f->n_heard) != before) {
        before = atomic_load(&f->n_heard);
        pause_until(time_monotonic_ns() + 500000000);
    }
}

static void run_commits(struct report *r, struct natsd *server, const char *pg)
{
    struct flight *f = MEM_NEW(struct flight);
    struct db *dbs[2];
    struct bus *buses[2];
    struct db_options o = {.url = pg};
    int seq = 0;
    o.migrations = migrations_all(&o.n_migrations);
    for (int i = 0; i < 2; i++) {
        struct errinfo info = {0};
        ASSERT(db_open(&o, &dbs[i], &info) == ERR_OK);
        buses[i] = open_bus(server->url);
        if (i == 1) {
            bus_listen(buses[i], event_heard, f);
        }
        event_use_bus(dbs[i], buses[i]);
        bus_start(buses[i]);
        wait_connected(buses[i]);
    }
    commit_some(dbs[0], f, 20, &seq, 5000000);
    commit_some(dbs[0], f, N_COMMITS, &seq, 5000000);
    say_hist(r, "commit_hinted", &f->hist);
    report_add(r, "commits_hinted", write_much(dbs[0], 1000), "/s");
    wait_quiet(f);
    natsd_stop(server);
    pause_until(time_monotonic_ns() + 500000000);
    report_add(r, "commits_unhinted", write_much(dbs[0], 10000), "/s");
    wait_quiet(f);
    commit_some(dbs[0], f, N_UNHINTED, &seq, 600000000);
    say_hist(r, "commit_unhinted", &f->hist);
    for (int i = 0; i < 2; i++) {
        db_close(&dbs[i]);
        bus_free(&buses[i]);
    }
    mem_free(f);
}

int main(int argc, char **argv)
{
    struct report *r = report_new("bus", argc, argv);
    struct natsd server = {0};
    const char *pg = getenv("SH_TEST_PG");
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    memset(payload, 'x', PAYLOAD_LEN);
    memcpy(payload, "{\"a\":\"", 6);
    memcpy(payload + PAYLOAD_LEN - 2, "\"}", 2);
    natsd_start(&server, NULL);
    run_bare(r, server.url);
    run_signal(r, server.url);
    if (pg != NULL) {
        run_commits(r, &server, pg);
    } else {
        report_note(r, "commits: only with SH_TEST_PG (scripts/with-postgres)");
    }
    natsd_stop(&server);
    bus_end_client();
    report_finish(&r);
    return 0;
}
