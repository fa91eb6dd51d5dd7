/* bench_pg_model: what the PostgreSQL engine costs beside bare libpq. Wants SH_TEST_PG: scripts/with-postgres build/release/bench/bench_pg_model
 *
 * bare_N: one connection, pipeline mode, BEGIN, N times (conversation, message, event), COMMIT: the rate that rows can be written at. bare_each: as many connections as
 * the engine has, a transaction per message in two round trips, READ COMMITTED: what one transaction per use case can have. engine_N: the same rows through
 * db_submit, N outstanding; serializable, three round trips, run again after conflicts. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "chat_rows.h"
#include "report.h"

#define N_CONVERSATIONS 20000
#define N_CONNECTIONS 8
#define SQL_CONVERSATION                                                                           \
    "UPDATE conversations SET last_seq = last_seq + 1, last_customer_seq = last_seq + 1, unread "  \
    "= unread + 1, updated_at = $2, preview = $3, preview_at = $2 WHERE id = $1 RETURNING "        \
    "last_seq"
#define SQL_MESSAGE                                                                                \
    "INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, author_name, " \
    "kind, is_public, body, created_at) VALUES ($1, $2, $3, 0, $1, 'Li Wei', 0, 1, $4, $5) "       \
    "RETURNING id"
#define SQL_EVENT                                                                                  \
    "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, assignee_id, "        \
    "team_id) VALUES ($1, $2, 'message.created', 1, $3, $4, 1, 1)"

struct row {
    int64_t conversation, seq, at;
    char client[32], text[512], payload[700];
};

static void make_row(struct row *r, struct rng *rng)
{
    uint64_t n = rng_next(rng);
    r->conversation = (int64_t)rng_below(rng, N_CONVERSATIONS) + 1;
    r->at = (int64_t)(n >> 20);
    (void)bench_text(n % 512, r->text, sizeof(r->text));
    (void)snprintf(r->client, sizeof(r->client), "%016llx", (unsigned long long)n);
    (void)snprintf(r->payload, sizeof(r->payload), "{\"id\":\"%llu\",\"body\":\"%.600s\"}",
                   (unsigned long long)n, r->text);
}

/* ---- bare ---- */

struct bare {
    const char *url;
    atomic_bool *is_over;
    uint64_t seed;
    size_t per_txn;
    int64_t n;
};

static void take(PGconn *h, ExecStatusType want)
{
    PGresult *result = PQgetResult(h);
    if (PQresultStatus(result) != want) {
        (void)fprintf(stderr, "%s\n", PQerrorMessage(h));
        abort();
    }
    PQclear(result);
    if (want != PGRES_PIPELINE_SYNC) {
        ASSERT(PQgetResult(h) == NULL);
    }
}

static void send_row(PGconn *h, const struct row *r)
{
    char conversation[24];
    char at[24];
    (void)snprintf(conversation, sizeof(conversation), "%lld", (long long)r->conversation);
    (void)snprintf(at, sizeof(at), "%lld", (long long)r->at);
    char preview[64];
    (void)snprintf(preview, sizeof(preview), "%.20s", r->client);
    const char *c[] = {conversation, at, preview};
    const char *m[] = {conversation, at, r->client, r->text, at}; /* any number that is unique */
    const char *e[] = {conversation, at, r->payload, at};
    ASSERT(PQsendQueryPrepared(h, "c", 3, c, NULL, NULL, 0) == 1);
    ASSERT(PQsendQueryPrepared(h, "m", 5, m, NULL, NULL, 0) == 1);
    ASSERT(PQsendQueryPrepared(h, "e", 4, e, NULL, NULL, 0) == 1);
}

static void *bare_main(void *arg)
{
    struct bare *b = arg;
    struct rng rng;
    struct row *r = MEM_NEW(struct row);
    rng_init(&rng, b->seed);
    PGconn *h = PQconnectdb(b->url);
    ASSERT(PQstatus(h) == CONNECTION_OK);
    PQclear(PQprepare(h, "c", SQL_CONVERSATION, 0, NULL));
    PQclear(PQprepare(h, "m", SQL_MESSAGE, 0, NULL));
    PQclear(PQprepare(h, "e", SQL_EVENT, 0, NULL));
    PQclear(PQprepare(h, "b", "BEGIN", 0, NULL));
    PQclear(PQprepare(h, "k", "COMMIT", 0, NULL));
    ASSERT(PQenterPipelineMode(h) == 1);
    while (!atomic_load(b->is_over)) {
        ASSERT(PQsendQueryPrepared(h, "b", 0, NULL, NULL, NULL, 0) == 1);
        for (size_t i = 0; i < b->per_txn; i++) {
            make_row(r, &rng);
            send_row(h, r);
        }
        ASSERT(PQsendQueryPrepared(h, "k", 0, NULL, NULL, NULL, 0) == 1 && PQpipelineSync(h) == 1);
        take(h, PGRES_COMMAND_OK);
        for (size_t i = 0; i < b->per_txn; i++) {
            take(h, PGRES_TUPLES_OK);
            take(h, PGRES_TUPLES_OK);
            take(h, PGRES_COMMAND_OK);
        }
        take(h, PGRES_COMMAND_OK);
        take(h, PGRES_PIPELINE_SYNC);
        b->n += (int64_t)b->per_txn;
    }
    PQfinish(h);
    mem_free(r);
    return NULL;
}

static void pause_s(double seconds)
{
    struct timespec ts = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&ts, NULL);
}

static double bench_bare(const char *url, size_t n_connections, size_t per_txn, double seconds)
{
    struct bare bare[N_CONNECTIONS];
    pthread_t threads[N_CONNECTIONS];
    atomic_bool is_over = false;
    for (size_t i = 0; i < n_connections; i++) {
        bare[i] = (struct bare){url, &is_over, rng_u64(), per_txn, 0};
        ASSERT(pthread_create(&threads[i], NULL, bare_main, &bare[i]) == 0);
    }
    pause_s(seconds);
    atomic_store(&is_over, true);
    int64_t n = 0;
    for (size_t i = 0; i < n_connections; i++) {
        (void)pthread_join(threads[i], NULL);
        n += bare[i].n;
    }
    return (double)n / seconds;
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
    struct row row;
};

static enum err engine_row(struct db_txn *txn, void *arg)
{
    struct row *r = &((struct slot *)arg)->row;
    int64_t id = 0;
    enum err err = DB_QUERY_I64(txn, &r->seq, SQL_CONVERSATION, db_i64(r->conversation),
                                db_i64(r->at), db_text((struct str){r->client, 16}));
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &id, SQL_MESSAGE, db_i64(r->conversation), db_i64(r->at),
                           db_text(str_from(r->client)), db_text(str_from(r->text)), db_i64(r->at));
    }
    return err != ERR_OK ? err
                         : DB_EXEC_LATER(txn, SQL_EVENT, db_i64(r->conversation), db_i64(r->at),
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
    make_row(&s->row, &s->rng);
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
        make_row(&slots[i].row, &slots[i].rng);
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

static enum err fill(struct db_txn *txn, void *arg)
{
    return DB_EXEC(txn,
                   "INSERT INTO conversations (customer_id, inbox_id, state, handler, assignee_id, "
                   "created_at, updated_at, last_seq, last_customer_seq, unread, preview, "
                   "preview_at) SELECT n, 1, 0, 2, n % 50, 0, 0, 0, 0, 0, '', 0 FROM "
                   "generate_series(1, $1::bigint) AS n",
                   db_i64(*(const int64_t *)arg));
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
    int64_t n_conversations = N_CONVERSATIONS;
    double failed = 0;
    ASSERT(db_open(&o, &db, &info) == ERR_OK && db_write(db, fill, &n_conversations) == ERR_OK);
    report_add(report, "bare_64", bench_bare(url, 1, 64, seconds), "messages/s");
    double each = bench_bare(url, N_CONNECTIONS, 1, seconds);
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
