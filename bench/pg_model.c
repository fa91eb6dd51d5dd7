/* bench_pg_model: what the PostgreSQL engine costs beside bare libpq. Wants SH_TEST_PG: scripts/with-postgres build/release/bench/bench_pg_model
 *
 * bare_N: one connection, pipeline mode, BEGIN, N times (conversation, message, event), COMMIT: the rate that rows can be written at. bare_each: as many connections as
 * the engine has, a transaction per message in two round trips, READ COMMITTED: what one transaction per use case can have. engine_N: the same rows through
 * db_submit, N outstanding; serializable, three round trips, run again after conflicts. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "bare_pg.h"
#include "chat_rows.h"
#include "report.h"

#define N_CONNECTIONS 8

static void pause_s(double seconds)
{
    struct timespec ts = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&ts, NULL);
}

/* ---- engine ---- */

struct engine {
    struct db *db;
    atomic_bool is_over;
    atomic_int n_running;
    atomic_int_fast64_t n_done, n_failed;
};

struct slot {
    struct engine *engine;
    struct rng rng;
    struct bare_pg_row row;
};

static enum err engine_row(struct db_txn *txn, void *arg)
{
    struct bare_pg_row *r = &((struct slot *)arg)->row;
    int64_t id = 0;
    enum err err = DB_QUERY_I64(txn, &r->seq, BARE_PG_CONVERSATION, db_i64(r->conversation),
                                db_i64(r->at), db_text((struct str){r->client, 16}));
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &id, BARE_PG_MESSAGE, db_i64(r->conversation), db_i64(r->at),
                           db_text(str_from(r->client)), db_text(str_from(r->text)), db_i64(r->at));
    }
    return err != ERR_OK ? err
                         : DB_EXEC_LATER(txn, BARE_PG_EVENT, db_i64(r->conversation), db_i64(r->at),
                                         db_text(str_from(r->payload)), db_i64(r->at));
}

static void engine_done(enum err err, void *arg)
{
    struct slot *s = arg;
    struct engine *e = s->engine;
    atomic_fetch_add(err == ERR_OK ? &e->n_done : &e->n_failed, 1);
    if (atomic_load(&e->is_over)) {
        atomic_fetch_sub(&e->n_running, 1);
        return;
    }
    bare_pg_row_make(&s->row, &s->rng);
    ASSERT(db_submit(e->db, engine_row, engine_done, s) == ERR_OK);
}

static double bench_engine(struct db *db, size_t outstanding, double seconds, double *failed_out)
{
    struct engine e = {.db = db};
    struct slot *slots = MEM_NEW_ARRAY(struct slot, outstanding);
    atomic_store(&e.n_running, (int)outstanding);
    for (size_t i = 0; i < outstanding; i++) {
        slots[i].engine = &e;
        rng_init(&slots[i].rng, rng_u64());
        bare_pg_row_make(&slots[i].row, &slots[i].rng);
        ASSERT(db_submit(db, engine_row, engine_done, &slots[i]) == ERR_OK);
    }
    pause_s(seconds);
    int64_t n = atomic_load(&e.n_done);
    atomic_store(&e.is_over, true);
    while (atomic_load(&e.n_running) > 0) {
        pause_s(0.001);
    }
    *failed_out = (double)atomic_load(&e.n_failed);
    mem_free(slots);
    return (double)n / seconds;
}

int main(int argc, char **argv)
{
    const char *url = getenv("SH_TEST_PG");
    double seconds = bench_has(argc, argv, "--quick") ? 2 : 5;
    struct report *report = report_new("pg_model", argc, argv);
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    if (url == NULL) {
        report_note(report,
                    "needs a server: scripts/with-postgres build/release/bench/bench_pg_model");
        report_finish(&report);
        return 0;
    }
    struct db_options o = {.url = url,
                           .migrations = bench_chat_migrations,
                           .n_migrations = BENCH_N_CHAT_MIGRATIONS,
                           .n_writers = N_CONNECTIONS};
    struct db *db = NULL;
    struct errinfo info = {0};
    double failed = 0;
    ASSERT(db_open(&o, &db, &info) == ERR_OK);
    bare_pg_fill(db);
    report_add(report, "bare_64", bare_pg_rate(url, 1, 64, seconds), "messages/s");
    double each = bare_pg_rate(url, N_CONNECTIONS, 1, seconds);
    report_add(report, "bare_each", each, "messages/s");
    const size_t sizes[] = {1, 8, 64, 256};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char name[64];
        struct db_stats before;
        struct db_stats after;
        db_stats_get(db, &before);
        double rate = bench_engine(db, sizes[i], seconds, &failed);
        db_stats_get(db, &after);
        (void)snprintf(name, sizeof(name), "engine_%zu", sizes[i]);
        report_add(report, name, rate, "messages/s");
        (void)snprintf(name, sizeof(name), "engine_to_bare_each_%zu", sizes[i]);
        report_add(report, name, rate / each, "");
        (void)snprintf(name, sizeof(name), "run_again_%zu", sizes[i]);
        report_add(report, name, (double)(after.retries - before.retries) / seconds / rate, "");
        ASSERT(failed == 0);
    }
    db_close(&db);
    report_finish(&report);
    return 0;
}
