#include "bare_pg.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/mem.h"
#include "chat_rows.h"

#define MAX_CONNECTIONS 8

void bare_pg_row_make(struct bare_pg_row *r, struct rng *rng)
{
    uint64_t n = rng_next(rng);
    r->conversation = (int64_t)rng_below(rng, BARE_PG_CONVERSATIONS) + 1;
    r->at = (int64_t)(n >> 20);
    (void)bench_text(n % 512, r->text, sizeof(r->text));
    (void)snprintf(r->client, sizeof(r->client), "%016llx", (unsigned long long)n);
    (void)snprintf(r->payload, sizeof(r->payload), "{\"id\":\"%llu\",\"body\":\"%.600s\"}",
                   (unsigned long long)n, r->text);
}

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

static void send_row(PGconn *h, const struct bare_pg_row *r)
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
    struct bare_pg_row *r = MEM_NEW(struct bare_pg_row);
    rng_init(&rng, b->seed);
    PGconn *h = PQconnectdb(b->url);
    ASSERT(PQstatus(h) == CONNECTION_OK);
    PQclear(PQprepare(h, "c", BARE_PG_CONVERSATION, 0, NULL));
    PQclear(PQprepare(h, "m", BARE_PG_MESSAGE, 0, NULL));
    PQclear(PQprepare(h, "e", BARE_PG_EVENT, 0, NULL));
    PQclear(PQprepare(h, "b", "BEGIN", 0, NULL));
    PQclear(PQprepare(h, "k", "COMMIT", 0, NULL));
    ASSERT(PQenterPipelineMode(h) == 1);
    while (!atomic_load(b->is_over)) {
        ASSERT(PQsendQueryPrepared(h, "b", 0, NULL, NULL, NULL, 0) == 1);
        for (size_t i = 0; i < b->per_txn; i++) {
            bare_pg_row_make(r, &rng);
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

double bare_pg_rate(const char *url, size_t n_connections, size_t per_txn, double seconds)
{
    struct bare bare[MAX_CONNECTIONS];
    pthread_t threads[MAX_CONNECTIONS];
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

static enum err fill(struct db_txn *txn, void *arg)
{
    UNUSED(arg);
    return DB_EXEC(txn,
                   "INSERT INTO conversations (customer_id, inbox_id, state, handler, assignee_id, "
                   "created_at, updated_at, last_seq, last_customer_seq, unread, preview, "
                   "preview_at) SELECT n, 1, 0, 2, n % 50, 0, 0, 0, 0, 0, '', 0 FROM "
                   "generate_series(1, $1::bigint) AS n",
                   db_i64(BARE_PG_CONVERSATIONS));
}

void bare_pg_fill(struct db *db)
{
    ASSERT(db_write(db, fill, NULL) == ERR_OK);
}

void bare_pg_create(const char *url, const char *name, char *out, size_t size)
{
    char sql[128];
    const char *at = strstr(url, "/stablehand?");
    ASSERT(at != NULL);
    PGconn *h = PQconnectdb(url);
    ASSERT(PQstatus(h) == CONNECTION_OK);
    (void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    PQclear(PQexec(h, sql));
    PQfinish(h);
    (void)snprintf(out, size, "%.*s/%s%s", (int)(at - url), url, name, strchr(at, '?'));
}
