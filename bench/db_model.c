/* bench_db_model: what the one-writer engine costs beside bare SQLite.
 *
 * bare: one thread, prepared statements, BEGIN; n times (message, event, conversation); COMMIT. Nothing else: no queue, no savepoints, no threads
 * but the checkpointer. engine: the same rows through db_submit, n outstanding at any time (each done call submits the next).
 * Both on the same file of 1,000,000 messages, synchronous=FULL. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "chat_rows.h"
#include "report.h"

#define SQL_MESSAGE                                                                                \
    "INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, author_name, " \
    "kind, is_public, body, created_at) "                                                          \
    "VALUES (?1, ?2, ?3, 0, ?1, 'Li Wei', 0, 1, ?4, ?5)"
#define SQL_EVENT                                                                                  \
    "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, assignee_id, "        \
    "team_id) "                                                                                    \
    "VALUES (?1, ?2, 'message.created', 1, ?3, ?4, ?5, 1)"
#define SQL_CONVERSATION                                                                           \
    "UPDATE conversations SET last_seq = last_seq + 1, last_customer_seq = last_seq + 1, unread "  \
    "= unread + 1, updated_at = ?2, preview = ?3, "                                                \
    "preview_at = ?2 WHERE id = ?1 RETURNING last_seq"

struct row {
    uint64_t n;
    int64_t conversation, seq, at;
    char client[32], text[512], payload[700];
    size_t text_len, payload_len;
};

static void make_row(struct row *r, uint64_t n, struct rng *rng)
{
    r->n = n;
    r->conversation = (int64_t)rng_below(rng, BENCH_CONVERSATIONS) + 1;
    r->at = (int64_t)n;
    r->text_len = bench_text(n % 512, r->text, sizeof(r->text));
    (void)snprintf(r->client, sizeof(r->client), "%016llx", (unsigned long long)rng_next(rng));
    r->payload_len =
        (size_t)snprintf(r->payload, sizeof(r->payload), "{\"id\":\"%llu\",\"body\":\"%s\"}",
                         (unsigned long long)n, r->text);
}

/* ---- bare ---- */

struct bare {
    sqlite3 *h;
    sqlite3_stmt *message, *event, *conversation, *begin, *commit;
    atomic_bool is_stopping, wants_checkpoint;
    char path[200];
};

static void *bare_checkpoint(void *arg)
{
    struct bare *b = arg;
    sqlite3 *h = NULL;
    ASSERT(sqlite3_open(b->path, &h) == SQLITE_OK);
    ASSERT(sqlite3_exec(h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK);
    while (!atomic_load(&b->is_stopping)) {
        struct timespec ts = {0, 50000000};
        (void)nanosleep(&ts, NULL);
        int n_log = 0;
        int n_done = 0;
        (void)sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_done);
        if (n_log > 16384) {
            for (int i = 0; i < 3; i++) {
                (void)sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
            }
            atomic_store(&b->wants_checkpoint, true);
        }
    }
    (void)sqlite3_close(h);
    return NULL;
}

static sqlite3_stmt *prepare(sqlite3 *h, const char *sql)
{
    sqlite3_stmt *st = NULL;
    ASSERT(sqlite3_prepare_v3(h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) == SQLITE_OK);
    return st;
}

static void run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    ASSERT(rc == SQLITE_DONE || rc == SQLITE_ROW);
    (void)sqlite3_reset(st);
}

static void bare_row(struct bare *b, struct row *r)
{
    (void)sqlite3_bind_int64(b->conversation, 1, r->conversation);
    (void)sqlite3_bind_int64(b->conversation, 2, r->at);
    (void)sqlite3_bind_text(b->conversation, 3, r->text, 60, SQLITE_STATIC);
    ASSERT(sqlite3_step(b->conversation) == SQLITE_ROW);
    r->seq = sqlite3_column_int64(b->conversation, 0);
    (void)sqlite3_reset(b->conversation);
    (void)sqlite3_bind_int64(b->message, 1, r->conversation);
    (void)sqlite3_bind_int64(b->message, 2, r->seq);
    (void)sqlite3_bind_text(b->message, 3, r->client, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(b->message, 4, r->text, (int)r->text_len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(b->message, 5, r->at);
    run(b->message);
    (void)sqlite3_bind_int64(b->event, 1, r->conversation);
    (void)sqlite3_bind_int64(b->event, 2, r->seq);
    (void)sqlite3_bind_text(b->event, 3, r->payload, (int)r->payload_len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(b->event, 4, r->at);
    (void)sqlite3_bind_int64(b->event, 5, r->conversation % 50 + 1);
    run(b->event);
}

static double bench_bare(const char *dir, size_t batch, double seconds)
{
    struct bare b = {0};
    (void)snprintf(b.path, sizeof(b.path), "%s/bench.db", dir);
    ASSERT(sqlite3_open_v2(b.path, &b.h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
           SQLITE_OK);
    ASSERT(sqlite3_exec(b.h,
                        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA "
                        "cache_size=-65536; PRAGMA foreign_keys=ON;",
                        NULL, NULL, NULL) == SQLITE_OK);
    (void)sqlite3_wal_autocheckpoint(b.h, 0);
    b.begin = prepare(b.h, "BEGIN IMMEDIATE");
    b.commit = prepare(b.h, "COMMIT");
    b.message = prepare(b.h, SQL_MESSAGE);
    b.event = prepare(b.h, SQL_EVENT);
    b.conversation = prepare(b.h, SQL_CONVERSATION);
    pthread_t checkpointer;
    ASSERT(pthread_create(&checkpointer, NULL, bare_checkpoint, &b) == 0);
    struct rng rng;
    rng_init(&rng, 7000 + batch);
    struct row *row = MEM_NEW(struct row);
    int64_t n = 0;
    int64_t started = time_monotonic_ns();
    int64_t until = started + (int64_t)(seconds * 1e9);
    while (time_monotonic_ns() < until) {
        run(b.begin);
        for (size_t i = 0; i < batch; i++) {
            make_row(row, (uint64_t)n++, &rng);
            bare_row(&b, row);
        }
        run(b.commit);
        if (atomic_exchange(&b.wants_checkpoint, false)) {
            (void)sqlite3_wal_checkpoint_v2(b.h, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        }
    }
    double rate = (double)n / ((double)(time_monotonic_ns() - started) / 1e9);
    atomic_store(&b.is_stopping, true);
    (void)pthread_join(checkpointer, NULL);
    (void)sqlite3_finalize(b.begin);
    (void)sqlite3_finalize(b.commit);
    (void)sqlite3_finalize(b.message);
    (void)sqlite3_finalize(b.event);
    (void)sqlite3_finalize(b.conversation);
    (void)sqlite3_close(b.h);
    mem_free(row);
    return rate;
}

/* ---- engine ---- */

struct engine {
    struct db *db;
    atomic_bool is_stopping;
    atomic_int n_running;
    atomic_int_fast64_t n_done;
    struct rng rng; /* the writer's thread only */
};

struct slot {
    struct engine *engine;
    struct row row;
};

static enum err engine_row(struct db_txn *txn, void *arg)
{
    struct slot *s = arg;
    struct row *r = &s->row;
    enum err err = DB_QUERY_I64(txn, &r->seq, SQL_CONVERSATION, db_i64(r->conversation),
                                db_i64(r->at), db_text((struct str){r->text, 60}));
    if (err == ERR_OK) {
        err = DB_EXEC(txn, SQL_MESSAGE, db_i64(r->conversation), db_i64(r->seq),
                      db_text(str_from(r->client)), db_text((struct str){r->text, r->text_len}),
                      db_i64(r->at));
    }
    if (err == ERR_OK) {
        err = DB_EXEC(txn, SQL_EVENT, db_i64(r->conversation), db_i64(r->seq),
                      db_text((struct str){r->payload, r->payload_len}), db_i64(r->at),
                      db_i64(r->conversation % 50 + 1));
    }
    return err;
}

static void engine_done(enum err err, void *arg)
{
    struct slot *s = arg;
    struct engine *e = s->engine;
    ASSERT(err == ERR_OK);
    int64_t n = atomic_fetch_add(&e->n_done, 1);
    if (atomic_load_explicit(&e->is_stopping, memory_order_relaxed)) {
        atomic_fetch_sub(&e->n_running, 1);
        return;
    }
    make_row(&s->row, (uint64_t)n, &e->rng);
    ASSERT(db_submit(e->db, engine_row, engine_done, s) == ERR_OK);
}

static enum err engine_first(struct db_txn *txn, void *arg)
{
    (void)txn;
    (void)arg;
    return ERR_OK;
}

static double bench_engine(struct db *db, size_t outstanding, double seconds)
{
    struct engine e = {.db = db};
    rng_init(&e.rng, 11 + outstanding);
    struct slot *slots = MEM_NEW_ARRAY(struct slot, outstanding);
    int64_t started = time_monotonic_ns();
    atomic_store(&e.n_running, (int)outstanding);
    for (size_t i = 0; i < outstanding; i++) {
        slots[i].engine = &e;
        ASSERT(db_submit(db, engine_first, engine_done, &slots[i]) == ERR_OK);
    }
    struct timespec ts = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&ts, NULL);
    int64_t n = atomic_load(&e.n_done) - (int64_t)outstanding;
    double rate = (double)n / ((double)(time_monotonic_ns() - started) / 1e9);
    atomic_store(&e.is_stopping, true);
    while (atomic_load(&e.n_running) > 0) {
        struct timespec nap = {0, 1000000};
        (void)nanosleep(&nap, NULL);
    }
    mem_free(slots);
    return rate;
}

static struct db *open_db(const char *dir)
{
    char url[200];
    (void)snprintf(url, sizeof(url), "sqlite:%s/bench.db", dir);
    struct db_options o = {
        .url = url, .migrations = bench_chat_migrations, .n_migrations = BENCH_N_CHAT_MIGRATIONS};
    struct db *db = NULL;
    struct errinfo info = {0};
    if (db_open(&o, &db, &info) != ERR_OK) {
        (void)fprintf(stderr, "%s\n", info.message);
    }
    ASSERT(db != NULL);
    return db;
}

int main(int argc, char **argv)
{
    bool is_quick = bench_has(argc, argv, "--quick");
    struct report *report = report_new("db_model", argc, argv);
    char dir[128];
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    bench_dir_make(argc, argv, dir, sizeof(dir));
    struct db *db = open_db(dir);
    bench_chat_fill(db, is_quick ? 100000 : 1000000);
    db_close(&db);
    double seconds = is_quick ? 2 : 5;
    const size_t sizes[] = {1, 64, 256, 1000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char name[64];
        double bare = bench_bare(dir, sizes[i], seconds);
        db = open_db(dir);
        double engine = bench_engine(db, sizes[i], seconds);
        struct db_stats stats;
        db_stats_get(db, &stats);
        db_close(&db);
        (void)snprintf(name, sizeof(name), "bare_%zu", sizes[i]);
        report_add(report, name, bare, "messages/s");
        (void)snprintf(name, sizeof(name), "engine_%zu", sizes[i]);
        report_add(report, name, engine, "messages/s");
        (void)snprintf(name, sizeof(name), "engine_to_bare_%zu", sizes[i]);
        report_add(report, name, engine / bare, "");
        (void)snprintf(name, sizeof(name), "wal_mb_%zu", sizes[i]);
        report_add(report, name, (double)stats.wal_bytes / 1048576, "MB");
    }
    bench_dir_remove(dir);
    report_finish(&report);
    return 0;
}
