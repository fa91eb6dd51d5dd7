/* PostgreSQL engine: life, reads, and the table of functions. See db_pg.h for who does what. */
#include "platform/db_pg.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/db_migrate.h"
#include "platform/metrics.h"

static enum err pg_read_once(struct pg_conn *conn, db_fn fn, void *arg)
{
    pg_txn_init(conn, conn->arena, false);
    enum err err = fn(&conn->txn.base, arg);
    if (pg_conn_close_rows(conn)) {
        LOG_ERROR("db", "a read function left rows open");
    }
    if (conn->txn.outcome == PG_FINE) {
        (void)pg_txn_commit(conn);
    } else {
        err = err != ERR_OK ? err : conn->txn.err;
        pg_txn_abort(conn);
    }
    arena_reset(conn->arena);
    return err;
}

static enum err pg_read(struct db *base, db_fn fn, void *arg)
{
    struct pg_db *db = (struct pg_db *)base;
    struct pg_conn *conn = pg_pool_borrow(&db->readers);
    if (conn == NULL) {
        return ERR_UNAVAILABLE;
    }
    enum err err = pg_conn_ensure(conn, NULL);
    /* Not run again when the connection breaks on the way: many write their answer as they read. */
    err = err != ERR_OK ? err : pg_read_once(conn, fn, arg);
    pg_pool_give_back(&db->readers, conn);
    atomic_fetch_add_explicit(&db->reads, 1, memory_order_relaxed);
    return err;
}

/* ---- life ---- */

static void pg_close(struct db *base)
{
    struct pg_db *db = (struct pg_db *)base;
    pg_keeper_stop(db);
    pg_queue_stop(db);
    pg_stream_stop(db);
    pg_index_stop(db);
    pg_pool_release(&db->readers);
    pg_pool_release(&db->writers);
    pg_delivery_release(&db->delivery);
    (void)pthread_rwlock_destroy(&db->lane);
    (void)pthread_mutex_destroy(&db->seek);
    mem_free(db->partitions);
    mem_free(db->sources);
    mem_free(db->conninfo);
    mem_free(db);
}

static struct pg_db *pg_new(const struct db_options *options)
{
    struct pg_db *db = MEM_NEW(struct pg_db);
    db->base.engine = &db_pg_engine;
    db->conninfo = mem_strdup(options->url);
    db->read_cap_ms = options->read_cap_ms != 0 ? options->read_cap_ms : PG_READ_CAP_MS;
    const char *rehearse = getenv("SH_TEST_DB_REHEARSE");
    db->rehearses = rehearse != NULL && strcmp(rehearse, "1") == 0;
    db->n_migrations = options->n_migrations;
    db->base.n_partitions = db->n_partitions = options->n_partitions;
    db->partitions = MEM_NEW_ARRAY(struct db_partition, options->n_partitions + 1);
    for (size_t i = 0; i < options->n_partitions; i++) {
        db->partitions[i] = options->partitions[i];
    }
    db->n_sources = options->n_sources;
    db->sources = MEM_NEW_ARRAY(struct pg_source, options->n_sources + 1);
    for (size_t i = 0; i < options->n_sources; i++) {
        db->sources[i].def = options->sources[i];
    }
    pthread_rwlockattr_t attr;
    (void)pthread_rwlockattr_init(&attr);
    (void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(&db->lane, &attr);
    (void)pthread_rwlockattr_destroy(&attr);
    (void)pthread_mutex_init(&db->seek, NULL);
    struct pg_queue *q = &db->queue;
    (void)pthread_mutex_init(&q->lock, NULL);
    (void)pthread_cond_init(&q->wake, NULL);
    q->last = &q->first;
    q->busy = idmap_new();
    pg_delivery_init(&db->delivery);
    int max_waiting = (int)(options->max_waiting != 0 ? options->max_waiting : PG_MAX_WAITING);
    int n_writers = options->n_writers > 0 ? options->n_writers : PG_N_WRITERS;
    int n_readers = options->n_readers > 0 ? options->n_readers : PG_N_READERS;
    pg_pool_init(db, &db->readers, PG_READER, n_readers, max_waiting);
    pg_pool_init(db, &db->writers, PG_WRITER, n_writers, max_waiting);
    db->unknown_commits = metric_counter("stablehand_db_unknown_commits_total",
                                         "Commits whose outcome the connection took with it");
    return db;
}

static enum err pg_open(const struct db_options *options, const char *location, struct db **out,
                        struct errinfo *info)
{
    UNUSED(location);
    struct pg_db *db = pg_new(options);
    enum err err = pg_refuse_unfinished(db, info);
    if (err == ERR_OK) {
        err = pg_migrate(db, options->migrations, options->n_migrations, false, info);
    }
    if (err == ERR_OK) {
        err = pg_index_start(db, info);
    }
    if (err == ERR_OK && (pg_queue_start(db, options->max_waiting, db->writers.n) != ERR_OK ||
                          pg_keeper_start(db) != ERR_OK)) {
        err = err_set(info, ERR_UNAVAILABLE, "db.url", "thread", "cannot start the threads");
    }
    if (err != ERR_OK) {
        pg_close(&db->base);
        return err;
    }
    *out = &db->base;
    return ERR_OK;
}

/* ---- numbers ---- */

static void pg_stats(struct db *base, struct db_stats *out)
{
    struct pg_db *db = (struct pg_db *)base;
    (void)pthread_mutex_lock(&db->queue.lock);
    size_t len = db->queue.len;
    (void)pthread_mutex_unlock(&db->queue.lock);
    *out = (struct db_stats){
        .commits = atomic_load(&db->commits),
        .writes = atomic_load(&db->writes),
        .failed_writes = atomic_load(&db->failed_writes),
        .queue_len = (int64_t)len,
        .index_lag = pg_index_lag(db),
        .reads = atomic_load(&db->reads),
        .commit_us_total = atomic_load(&db->commit_us_total),
        .batch_max = 1,
        .retries = atomic_load(&db->retries),
    };
}

static enum err pg_load_oldest_fn(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, PG_LOAD_OLDEST, NULL, 0, arg);
}

bool pg_is_version_due(struct pg_db *db)
{
    int64_t now = time_monotonic_ns();
    int64_t before = atomic_load(&db->looked_ns);
    return now - before >= PG_OLDEST_LOOK_NS &&
           atomic_compare_exchange_strong(&db->looked_ns, &before, now);
}

void pg_hear_oldest(struct pg_db *db, int64_t oldest)
{
    bool is_contracted = oldest > (int64_t)db->n_migrations;
    if (is_contracted && !atomic_exchange(&db->is_contracted, true)) {
        LOG_ERROR("db", "a newer program took away what this one uses: stop this one",
                  log_i64("wanted", oldest), log_i64("known", (int64_t)db->n_migrations));
    }
    atomic_store(&db->is_contracted, is_contracted);
}

static bool pg_health(struct db *base, struct errinfo *info)
{
    struct pg_db *db = (struct pg_db *)base;
    /* The stream looks each second, and then nobody waits here: a load balancer takes no answer for a dead node. */
    bool is_mine = db->stream == NULL;
    if (is_mine && atomic_load(&db->health) != 0) {
        /* Nobody may be writing at the moment: look ourselves whether it answers again. */
        struct pg_conn *conn = pg_pool_borrow(&db->writers);
        if (conn != NULL) {
            enum err err = pg_conn_ensure(conn, NULL);
            atomic_store(&db->health, (int)err);
            pg_pool_give_back(&db->writers, conn);
        }
    }
    bool is_good = atomic_load(&db->health) == 0;
    if (is_mine && is_good) {
        int64_t oldest = 0;
        if (pg_is_version_due(db) && pg_read(base, pg_load_oldest_fn, &oldest) == ERR_OK) {
            pg_hear_oldest(db, oldest);
        }
    }
    if (!is_good) {
        (void)err_set(info, ERR_UNAVAILABLE, "db", "connect", "the database does not answer");
    } else if (atomic_load(&db->is_contracted)) {
        is_good = false;
        (void)err_set(info, ERR_UNAVAILABLE, "db", "contracted",
                      "The database was changed for newer versions: this program is too old for "
                      "it, stop it.");
    }
    return is_good;
}

const struct db_engine db_pg_engine = {
    .scheme = "postgres",
    .caps = 0,
    .open = pg_open,
    .close = pg_close,
    .read = pg_read,
    .write = pg_write,
    .submit = pg_submit,
    .exec = pg_exec,
    .exec_later = pg_exec_later,
    .query = pg_query,
    .rows_next = pg_rows_next,
    .rows_i64 = pg_rows_i64,
    .rows_str = pg_rows_str,
    .rows_is_null = pg_rows_is_null,
    .rows_close = pg_rows_close,
    .listen = pg_stream_start,
    .event_added = pg_event_added,
    .event_end = pg_event_end,
    .event_told = pg_event_told,
    .event_catch_up = pg_event_catch_up,
    .event_look = pg_event_look,
    .turn_begin = pg_engine_turn_begin,
    .turn_end = pg_engine_turn_end,
    .search = pg_search,
    .index_wait = pg_index_wait,
    .index_rebuild = pg_index_rebuild,
    .upkeep = pg_upkeep,
    .stats = pg_stats,
    .health = pg_health,
};
