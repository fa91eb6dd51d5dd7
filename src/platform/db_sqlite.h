/* Inside of the SQLite engine: shared by db_sqlite*.c only.
 *
 * Threads: one writer (db_sqlite_writer.c) owns `writer.conn`; one checkpoint thread and one index thread own theirs; reader connections are lent
 * to callers of db_read. A connection is never used by two threads at once, so SQLite's own mutexes are off (SQLITE_OPEN_NOMUTEX). */
#ifndef PLATFORM_DB_SQLITE_H
#define PLATFORM_DB_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "platform/db_engine.h"

#define SQ_ROWS_MAX 8
#define SQ_BATCH_MAX 1024 /* functions per COMMIT */
#define SQ_BATCH_ARENA_MAX                                                                         \
    ((size_t)8 << 20) /* a batch ends early past this much memory of its functions */
#define SQ_READ_CAP_MS 5000
#define SQ_WAL_LIMIT_KB 65536
#define SQ_PAGE_KB 4

struct sq_stmt {
    char *copy; /* of the SQL; the cache finds it by address */
    sqlite3_stmt *st;
    int n_params;
    bool is_busy;
    bool gives_id; /* prepared without its RETURNING id: the connection knows the id */
};

struct sq_conn;
struct sq_rows {
    struct db_rows base;
    struct sq_conn *conn;
    struct sq_stmt *cached; /* NULL: `st` is ours alone */
    sqlite3_stmt *st;
    bool is_open, has_row, is_first;
    bool gives_id; /* one row, of which only the id is known */
    int64_t id;
    enum err err;
};

struct sq_txn {
    struct db_txn base;
    struct sq_conn *conn;
};

struct sq_db;
struct sq_conn {
    struct sq_db *db;
    sqlite3 *h;
    sqlite3 *search;             /* the second file, opened read-only at the first search */
    sqlite3_stmt **search_stmts; /* one per source */
    struct idmap *stmts;         /* address of the SQL -> struct sq_stmt */
    struct sq_rows rows[SQ_ROWS_MAX];
    struct sq_txn txn;
    struct arena *arena;
    enum err
        fatal; /* the transaction met a failing disk: it cannot be kept, whatever the function returns */
    int64_t deadline_ns; /* of the read under way; 0: none */
    struct sq_conn *next_free;
};

enum sq_mode { SQ_WRITER, SQ_READER, SQ_HELPER /* writes rarely: checkpoint */ };

struct sq_waiter {
    atomic_uint is_done;
    enum err err;
};

struct sq_job {
    db_fn fn;
    db_done_fn done;
    void *arg;
    struct sq_waiter *waiter; /* of a blocking caller, instead of `done` */
    struct db_hook *hooks;
    enum err err;
};

struct sq_writer {
    pthread_t thread;
    bool is_started;
    struct sq_conn *conn;
    pthread_mutex_t lock; /* of the ring and the flags below */
    pthread_cond_t wake;
    struct sq_job *ring;
    size_t head, len, size, max;
    bool is_sleeping, is_stopping;
    atomic_size_t queue_len;
    struct sq_job *batch; /* SQ_BATCH_MAX; the writer's own */
    atomic_bool wants_checkpoint;
    atomic_int n_frames;  /* in the log, after the last commit */
    int retry_at_frames;  /* the log did not restart: not again before it is this long */
    atomic_int health;    /* 0, or the SQLite code of the commit that failed */
    pthread_mutex_t turn; /* held while hooks and done calls run */
};

/* Threads that follow commits at a distance: they sleep until something was committed. */
struct sq_follower {
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping, is_hurried;
    atomic_bool is_dirty;
};

struct sq_index;

struct sq_db {
    struct db base;
    char *path, *search_path;
    char *vfs; /* NULL: the default */
    size_t cache_kb;
    int wal_limit_pages;
    int64_t read_cap_ns;
    bool rehearses; /* tests: every write function runs twice, the first time for nothing */
    struct db_index_source *sources;
    size_t n_sources;
    struct sq_writer writer;
    struct sq_follower checkpointer;
    pthread_mutex_t checkpoint_lock; /* one checkpoint at a time */
    struct sq_index *index;          /* NULL: no sources */

    pthread_mutex_t pool_lock;
    pthread_cond_t pool_wake;
    struct sq_conn *pool_free;
    int n_lent;
    bool is_gated; /* nobody gets a reader for the moment */
    struct sq_conn **pool;
    int n_readers;

    atomic_int_fast64_t commits, writes, failed_writes, reads, commit_us_total, batch_max, log_kept;
};

/* ---- db_sqlite_conn.c: connections, statements, rows ---- */
enum err sq_conn_open(struct sq_db *db, enum sq_mode mode, struct sq_conn **out,
                      struct errinfo *info);
void sq_conn_close(struct sq_conn **conn);
/* The time cap of reads, on another handle of this connection. */
void sq_conn_limit_reads(struct sq_conn *conn, sqlite3 *h);
/* Closes what a function left open; true if there was something. */
bool sq_conn_close_rows(struct sq_conn *conn);
/* A statement without parameters, cached; a SQLite result code. */
int sq_conn_run(struct sq_conn *conn, const char *sql);
/* Our word for a SQLite code; marks the connection's transaction as lost when the disk is to blame. */
enum err sq_conn_err(struct sq_conn *conn, int code, const char *sql);
enum err sq_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                 int64_t *n_changed_out);
enum err sq_query(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                  struct db_rows **rows_out);
bool sq_rows_next(struct db_rows *rows);
int64_t sq_rows_i64(const struct db_rows *rows, int col);
struct str sq_rows_str(const struct db_rows *rows, int col);
bool sq_rows_is_null(const struct db_rows *rows, int col);
enum err sq_rows_close(struct db_rows *rows);

/* ---- db_sqlite_writer.c ---- */
enum err sq_writer_start(struct sq_db *db, size_t max_waiting);
void sq_writer_stop(struct sq_db *db); /* after everything that waits; the connection stays */
enum err sq_write(struct db *db, db_fn fn, void *arg);
enum err sq_submit(struct db *db, const struct db_submission *s);
void sq_turn_begin(struct db *db);
void sq_turn_end(struct db *db);

/* ---- db_sqlite_checkpoint.c ---- */
enum err sq_checkpoint_start(struct sq_db *db, struct errinfo *info);
void sq_checkpoint_stop(struct sq_db *db);
/* db_sqlite.c: keeps new reads waiting, and waits for those under way, but not longer than this. False: some are still reading (the gate is closed all
 * the same). */
bool sq_gate_close(struct sq_db *db, int64_t timeout_ms);
void sq_gate_open(struct sq_db *db);
/* sqlite3_wal_hook of the writer; arg: struct sq_db. */
int sq_on_commit(void *arg, sqlite3 *h, const char *name, int n_frames);
/* On the writer's thread, after each batch: copies the rest of the log when asked to, or when it is too long. */
void sq_checkpoint_inline(struct sq_db *db);

/* ---- followers ---- */
void sq_follower_init(struct sq_follower *f);
void sq_follower_stop(struct sq_follower *f); /* joins and releases; also when never started */
void sq_follower_notify(struct sq_follower *f);
void sq_follower_hurry(struct sq_follower *f); /* notifies, and the settling is skipped */
void sq_follower_pause(struct sq_follower *f,
                       int64_t ms); /* on its thread; ends early when stopped */
bool sq_follower_is_stopping(struct sq_follower *f);
/* Sleeps until notified (or stopped), then `settle_ms` more so that work comes in batches. False: stop. */
bool sq_follower_wait(struct sq_follower *f, int64_t settle_ms);

/* ---- db_sqlite_backup.c, db_sqlite.c ---- */
enum err sq_backup(struct db *db, const char *path, struct errinfo *info);
/* The two files behind a url; false if it is not a SQLite one, or too long. */
bool sq_paths(const char *url, char *path_out, char *search_path_out, size_t size);

/* ---- db_sqlite_search.c ---- */
/* A connection to the second file with the tokenizer registered; a SQLite code. */
int sq_search_open(const struct sq_db *db, bool is_writer, sqlite3 **out);
enum err sq_search(struct db_txn *txn, const char *source, struct str query, int64_t before_id,
                   size_t limit, int64_t *ids_out, size_t *n_out);

/* ---- db_sqlite_index.c ---- */
enum err sq_index_start(struct sq_db *db, struct errinfo *info);
void sq_index_stop(struct sq_db *db);
void sq_index_notify(struct sq_db *db);
int64_t sq_index_lag(struct sq_db *db);
bool sq_index_wait(struct db *db, int64_t timeout_ms);
enum err sq_index_rebuild(struct db *db);

/* ---- db_sqlite_migrate.c ---- */
enum err sq_migrate(struct sq_conn *conn, const struct db_migration *migrations, size_t n,
                    struct errinfo *info);

#endif
