/* SQLite engine: life, reader pool, and the table of functions. See db_sqlite.h for who does what. */
#include "platform/db_sqlite.h"

#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define SQ_N_READERS 4

/* ---- readers ---- */

static struct sq_conn *sq_borrow(struct sq_db *db)
{
    (void)pthread_mutex_lock(&db->pool_lock);
    while (db->pool_free == NULL || db->is_gated) {
        (void)pthread_cond_wait(&db->pool_wake, &db->pool_lock);
    }
    struct sq_conn *conn = db->pool_free;
    db->pool_free = conn->next_free;
    db->n_lent++;
    (void)pthread_mutex_unlock(&db->pool_lock);
    return conn;
}

static void sq_give_back(struct sq_db *db, struct sq_conn *conn)
{
    (void)pthread_mutex_lock(&db->pool_lock);
    conn->next_free = db->pool_free; /* last in, first out: the warm cache is used again */
    db->pool_free = conn;
    db->n_lent--;
    if (db->is_gated) {
        (void)pthread_cond_broadcast(&db->pool_wake);
    } else {
        (void)pthread_cond_signal(&db->pool_wake);
    }
    (void)pthread_mutex_unlock(&db->pool_lock);
}

bool sq_gate_close(struct sq_db *db, int64_t timeout_ms)
{
    int64_t until = time_monotonic_ns() + timeout_ms * 1000000;
    struct timespec ts = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    (void)pthread_mutex_lock(&db->pool_lock);
    db->is_gated = true;
    while (db->n_lent > 0 && pthread_cond_timedwait(&db->pool_wake, &db->pool_lock, &ts) == 0) {
    }
    bool is_quiet = db->n_lent == 0;
    (void)pthread_mutex_unlock(&db->pool_lock);
    return is_quiet;
}

void sq_gate_open(struct sq_db *db)
{
    (void)pthread_mutex_lock(&db->pool_lock);
    db->is_gated = false;
    (void)pthread_cond_broadcast(&db->pool_wake);
    (void)pthread_mutex_unlock(&db->pool_lock);
}

static enum err sq_read(struct db *base, db_fn fn, void *arg)
{
    struct sq_db *db = (struct sq_db *)base;
    struct sq_conn *conn = sq_borrow(db);
    db_txn_init(&conn->txn.base, base, conn->arena, false);
    conn->fatal = ERR_OK;
    conn->deadline_ns = time_monotonic_ns() + db->read_cap_ns;
    enum err err = ERR_OK;
    int rc = sq_conn_run(conn, "BEGIN");
    if (rc != SQLITE_OK) {
        err = sq_conn_err(conn, rc, "BEGIN");
    } else {
        err = fn(&conn->txn.base, arg);
        if (sq_conn_close_rows(conn)) {
            LOG_ERROR("db", "a read function left rows open");
        }
        err = conn->fatal != ERR_OK ? conn->fatal : err;
    }
    conn->deadline_ns = 0;
    if (sqlite3_get_autocommit(conn->h) == 0) {
        (void)sq_conn_run(conn, "COMMIT");
    }
    arena_reset(conn->arena);
    sq_give_back(db, conn);
    atomic_fetch_add_explicit(&db->reads, 1, memory_order_relaxed);
    return err;
}

/* ---- life ---- */

static void sq_close(struct db *base)
{
    struct sq_db *db = (struct sq_db *)base;
    sq_writer_stop(db);
    sq_index_stop(db);
    sq_checkpoint_stop(db);
    for (int i = 0; i < db->n_readers; i++) {
        sq_conn_close(&db->pool[i]);
    }
    mem_free(db->pool);
    /* The last one out, as the one that may write: SQLite then takes the log into the file and removes it. */
    sq_conn_close(&db->writer.conn);
    mem_free(db->writer.batch);
    mem_free(db->writer.ring);
    (void)pthread_cond_destroy(&db->pool_wake);
    (void)pthread_mutex_destroy(&db->pool_lock);
    (void)pthread_mutex_destroy(&db->checkpoint_lock);
    (void)pthread_cond_destroy(&db->writer.wake);
    (void)pthread_mutex_destroy(&db->writer.lock);
    (void)pthread_mutex_destroy(&db->writer.turn);
    mem_free(db->sources);
    mem_free(db->vfs);
    mem_free(db->path);
    mem_free(db->search_path);
    mem_free(db);
}

bool sq_paths(const char *url, char *path_out, char *search_path_out, size_t size)
{
    struct str s = str_from(url);
    if (!str_starts(s, STR("sqlite:"))) {
        return false;
    }
    s = str_sub(s, 7, s.len);
    s.len = str_find_char(s, '?') != SIZE_MAX ? str_find_char(s, '?') : s.len;
    if (s.len == 0 || s.len + sizeof("-search.db") > size) {
        return false;
    }
    (void)snprintf(path_out, size, STR_FMT, STR_ARG(s));
    s.len -= str_ends(s, STR(".db")) ? 3 : 0;
    (void)snprintf(search_path_out, size, STR_FMT "-search.db", STR_ARG(s));
    return true;
}

/* "?vfs=name" behind the path: another VFS, for tests. */
static void sq_set_vfs(struct sq_db *db, const char *url)
{
    const char *option = strstr(url, "?vfs=");
    db->vfs = option != NULL ? mem_strdup(option + 5) : NULL;
}

static struct sq_db *sq_new(const struct db_options *options, const char *path,
                            const char *search_path)
{
    struct sq_db *db = MEM_NEW(struct sq_db);
    db->base.engine = &db_sqlite_engine;
    db->path = mem_strdup(path);
    db->search_path = mem_strdup(search_path);
    sq_set_vfs(db, options->url);
    db->cache_kb = options->cache_kb;
    db->read_cap_ns = (options->read_cap_ms != 0 ? options->read_cap_ms : SQ_READ_CAP_MS) * 1000000;
    db->wal_limit_pages =
        (int)((options->wal_limit_kb != 0 ? options->wal_limit_kb : SQ_WAL_LIMIT_KB) / SQ_PAGE_KB);
    const char *rehearse = getenv("SH_TEST_DB_REHEARSE");
    db->rehearses = rehearse != NULL && strcmp(rehearse, "1") == 0;
    db->n_sources = options->n_sources;
    db->sources = MEM_NEW_ARRAY(struct db_index_source, options->n_sources + 1);
    for (size_t i = 0; i < options->n_sources; i++) {
        db->sources[i] = options->sources[i];
    }
    (void)pthread_mutex_init(&db->pool_lock, NULL);
    (void)pthread_mutex_init(&db->checkpoint_lock, NULL);
    (void)pthread_mutex_init(&db->writer.lock, NULL);
    (void)pthread_mutex_init(&db->writer.turn, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&db->writer.wake, &attr);
    (void)pthread_cond_init(&db->pool_wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    sq_follower_init(&db->checkpointer);
    return db;
}

static enum err sq_open_readers(struct sq_db *db, int n, struct errinfo *info)
{
    db->pool = MEM_NEW_ARRAY(struct sq_conn *, (size_t)n);
    for (int i = 0; i < n; i++) {
        enum err err = sq_conn_open(db, SQ_READER, &db->pool[i], info);
        if (err != ERR_OK) {
            return err;
        }
        db->n_readers++;
        db->pool[i]->next_free = db->pool_free;
        db->pool_free = db->pool[i];
    }
    return ERR_OK;
}

static enum err sq_open(const struct db_options *options, const char *location, struct db **out,
                        struct errinfo *info)
{
    char path[4096];
    char search_path[4096];
    if (!sq_paths(options->url, path, search_path, sizeof(path)) || strcmp(path, ":memory:") == 0) {
        return err_set(info, ERR_INVALID, "db.url", "path", "sqlite needs the path of a file");
    }
    UNUSED(location);
    struct sq_db *db = sq_new(options, path, search_path);
    struct stat st;
    bool is_new = stat(db->path, &st) != 0;
    enum err err = sq_conn_open(db, SQ_WRITER, &db->writer.conn, info);
    if (err == ERR_OK && is_new) {
        (void)chmod(db->path, 0600); /* before the log exists: it takes the file's mode */
    }
    if (err == ERR_OK) {
        err = sq_migrate(db->writer.conn, options->migrations, options->n_migrations, info);
    }
    if (err == ERR_OK) {
        err = sq_open_readers(db, options->n_readers > 0 ? options->n_readers : SQ_N_READERS, info);
    }
    if (err == ERR_OK) {
        err = sq_checkpoint_start(db, info);
    }
    if (err == ERR_OK) {
        err = sq_index_start(db, info);
    }
    if (err == ERR_OK && sq_writer_start(db, options->max_waiting) != ERR_OK) {
        err = err_set(info, ERR_UNAVAILABLE, "db.url", "thread", "cannot start the writer thread");
    }
    if (err != ERR_OK) {
        sq_close(&db->base);
        return err;
    }
    *out = &db->base;
    return ERR_OK;
}

/* ---- numbers ---- */

static void sq_stats(struct db *base, struct db_stats *out)
{
    struct sq_db *db = (struct sq_db *)base;
    char wal[4096];
    struct stat st;
    (void)snprintf(wal, sizeof(wal), "%s-wal", db->path);
    *out = (struct db_stats){
        .commits = atomic_load(&db->commits),
        .writes = atomic_load(&db->writes),
        .failed_writes = atomic_load(&db->failed_writes),
        .wal_bytes = stat(wal, &st) == 0 ? st.st_size : 0,
        .queue_len = (int64_t)atomic_load(&db->writer.queue_len),
        .index_lag = sq_index_lag(db),
        .reads = atomic_load(&db->reads),
        .commit_us_total = atomic_load(&db->commit_us_total),
        .batch_max = atomic_load(&db->batch_max),
        .log_kept = atomic_load(&db->log_kept),
    };
}

static bool sq_health(struct db *base, struct errinfo *info)
{
    int code = atomic_load(&((struct sq_db *)base)->writer.health);
    if (code != 0) {
        (void)err_set(info, ERR_UNAVAILABLE, "db", "write", "writing fails: %s",
                      sqlite3_errstr(code));
    }
    return code == 0;
}

const struct db_engine db_sqlite_engine = {
    .scheme = "sqlite",
    .caps = DB_CAP_SINGLE_NODE | DB_CAP_BACKUP | DB_CAP_ONE_WRITER,
    .open = sq_open,
    .close = sq_close,
    .read = sq_read,
    .write = sq_write,
    .submit = sq_submit,
    .exec = sq_exec,
    .query = sq_query,
    .rows_next = sq_rows_next,
    .rows_i64 = sq_rows_i64,
    .rows_str = sq_rows_str,
    .rows_is_null = sq_rows_is_null,
    .rows_close = sq_rows_close,
    .turn_begin = sq_turn_begin,
    .turn_end = sq_turn_end,
    .search = sq_search,
    .index_wait = sq_index_wait,
    .index_rebuild = sq_index_rebuild,
    .backup = sq_backup,
    .stats = sq_stats,
    .health = sq_health,
};
