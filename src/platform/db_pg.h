/* Inside of the PostgreSQL engine: shared by db_pg*.c only.
 *
 * Threads: callers of db_read and db_write run their functions themselves, on a connection lent by one of two pools (readers, writers); `n_writers` threads
 * of ours do the same for what was submitted; the index thread and the stream thread own a connection each. A connection is used by one thread at a time.
 *
 * Transactions: reads are REPEATABLE READ, READ ONLY (one snapshot); writes are SERIALIZABLE, so that what one writer guaranteed on SQLite (a look and the
 * write that rests on it belong together: capacity, "is there one already") holds here without a lock in every use case. 40001 and 40P01 run the
 * function again, with back-off and jitter. */
#ifndef PLATFORM_DB_PG_H
#define PLATFORM_DB_PG_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "platform/db_engine.h"

#define PG_ROWS_MAX 8
#define PG_PARAMS_MAX 40
#define PG_PENDING_MAX                                                                             \
    64 /* statements on their way in one transaction whose results nobody asked for */
#define PG_READ_CAP_MS 5000
#define PG_WRITE_CAP_MS 10000
#define PG_LOCK_CAP_MS 5000
#define PG_BORROW_CAP_MS 10000 /* a caller waits this long for a connection */
/* A server that says nothing at all, beyond the time-outs that it keeps itself. */
#define PG_SILENCE_CAP_MS 5000
#define PG_HELPER_CAP_MS 600000
#define PG_LOOK_ROUND_MS 250
#define PG_SLOW_COMMIT_MS 250
#define PG_HEAL_MS 3000   /* see pg_note_answer */
#define PG_SILENCE_MS 750 /* then others are asked who leads */
#define PG_N_READERS 4
#define PG_N_WRITERS 8
#define PG_MAX_WAITING 65536
#define PG_APPLICATION                                                                             \
    "stablehand schema " /* application_name of a desk: then its number of migrations */
#define PG_OLDEST_LOOK_NS 1000000000LL

/* One prepared statement of one connection. The same SQL may be there with several sets of parameter types: a NULL fits all. */
struct pg_stmt {
    struct pg_stmt *next; /* same SQL, other types */
    char *copy;           /* of the SQL; the cache finds it by address */
    char name[16];
    size_t n_params;
    Oid types[PG_PARAMS_MAX];
    bool is_prepared; /* the server knows it */
};

struct pg_conn;
struct pg_rows {
    struct db_rows base;
    PGresult *result; /* NULL: free */
    int at, n;        /* row under the cursor; -1 before the first */
};

enum pg_mode { PG_READER, PG_WRITER, PG_HELPER };

enum pg_outcome {
    PG_FINE,
    PG_AGAIN, /* serialization failure, deadlock: the transaction is gone, the same may succeed now */
    PG_BROKEN, /* the connection is lost: so is the transaction, unless COMMIT was under way */
    PG_FAILED, /* any other error of a statement: the transaction is lost */
};

struct pg_txn {
    struct db_txn base;
    struct pg_conn *conn;
    bool is_begun;
    bool has_events; /* the stream has something to read after the commit */
    enum pg_outcome outcome;
    enum err err; /* of the statement that failed */
};

struct pg_db;
struct pg_conn {
    struct pg_db *db;
    PGconn *h;        /* NULL or broken: opened again when it is needed */
    int64_t timeline; /* of the server's log when we came; 0: unknown */
    bool is_given_up; /* it said nothing for too long: of no use, whatever libpq thinks */
    enum pg_mode mode;
    struct idmap *stmts; /* address of the SQL -> its struct pg_stmt, chained */
    size_t next_name;
    struct pg_txn txn;
    struct pg_rows rows[PG_ROWS_MAX];
    const char *pending[PG_PENDING_MAX + 2]; /* SQL of statements that were sent and not read */
    struct pg_stmt *pending_stmt[PG_PENDING_MAX + 2]; /* not NULL: this is its Parse */
    size_t n_pending;
    bool has_unread_sync; /* an end of transaction whose answer nobody has read yet */
    struct arena *arena;  /* of a read */
    int64_t txn_start_id; /* stream position when the transaction began */
    struct pg_conn *next_free;
};

struct pg_pool {
    struct pg_conn **all;
    int n;
    struct pg_conn *free;
    int n_waiting, max_waiting;
    int n_busy;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    const struct pg_pool_metrics *names;
    struct metric *wait, *timeouts;
};

struct pg_waiter {
    atomic_uint is_done;
    enum err err;
};

/* A function and what became of it; from the pool of its db. */
struct pg_job {
    struct pg_job *next;
    uint64_t key; /* jobs of one key run one after another; 0: in any order */
    db_fn fn;
    db_done_fn done;
    void *arg;
    struct pg_waiter *waiter; /* of a blocking caller, instead of `done` */
    struct arena *arena;
    struct db_hook *hooks;
    enum err err;
    bool has_events;
    int64_t row;
    bool is_light; /* db_submit_light, and has not asked for more */
};

/* Outcomes are told in the order of the tickets, by whichever thread completes the first that is missing. */
struct pg_delivery {
    pthread_mutex_t lock;
    struct pg_job **ring; /* by ticket; NULL: not complete yet */
    size_t size;
    uint64_t first, next; /* tickets: the oldest undelivered, the next to be given */
    bool is_running;
    struct pg_job *spare; /* jobs with their arenas, for use again */
    pthread_mutex_t turn; /* held while hooks, done calls and bus listeners run: one at a time */
};

struct pg_queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct pg_job *first, **last;
    struct idmap *busy; /* key -> struct pg_key_list */
    size_t n_ready;     /* in the list */
    size_t len, max;    /* with those that wait for their key, or run */
    int n_sleeping;
    bool is_stopping;
    pthread_t *threads;
    int n_threads;
};

struct pg_index;
struct pg_keeper;
struct pg_stream;

/* What is indexed, and the statements about its table; made once, so that their addresses can be keys. */
struct pg_source {
    struct db_index_source def;
    char *walk_sql, *hits_sql; /* search */
    char *add_sql, *change_sql, *remove_sql, *empty_sql;
};

struct pg_db {
    struct db base;
    char *conninfo;
    struct pg_pool readers, writers;
    struct pg_queue queue;
    atomic_int batch_pause; /* db_pg_batch.c */
    /* A function that keeps losing against others runs with none beside it on this node: it has the lock for itself, the others share it. */
    pthread_rwlock_t lane;
    struct pg_delivery delivery;
    struct pg_stream *stream; /* NULL: no bus listens */
    struct pg_index *index;   /* NULL: no sources */
    struct pg_keeper *keeper; /* NULL: no partitions */
    struct db_partition *partitions;
    size_t n_partitions;
    struct pg_source *sources;
    size_t n_sources;
    int64_t read_cap_ms;
    size_t n_migrations; /* that this program knows; 0: a tool's connection, which is no desk */
    atomic_int_fast64_t looked_ns; /* when health last asked whether we may still run */
    atomic_bool is_contracted;
    bool rehearses;
    struct metric *unknown_commits;
    atomic_int_fast64_t commits, writes, failed_writes, reads, commit_us_total, retries;
    /* db_pg_connect.c: the highest timeline met, the host that answered last, the lock of who looks for a leader, when that was last in vain, and when
     * others were last asked. Milliseconds of the monotonic clock. */
    atomic_int_fast64_t timeline, seek_failed_ms, suspected_ms;
    atomic_size_t favourite;
    pthread_mutex_t seek;
    atomic_int health;             /* enum err of the last connection attempt; 0: fine */
    atomic_int_fast64_t failed_ms; /* when one failed last */
};

/* ---- db_pg_connect.c ---- */
/* To the host that may be written to, with the settings of the mode and none of our statements. At most about three seconds. */
ERR_MUST_USE enum err pg_connect(struct pg_db *db, enum pg_mode mode, PGconn **out,
                                 struct errinfo *info);
ERR_MUST_USE enum err pg_connect_leader(struct pg_db *db, enum pg_mode mode, PGconn **out,
                                        int64_t *timeline_out, struct errinfo *info);
/* Sends what is to be sent, and waits for the next result or the end of the connection. False: neither came in time. */
bool pg_wait(PGconn *h, int64_t ms);
/* True: a server of a higher timeline than this leads by now. Asks the hosts, at most twice a second for all threads together; may take as long. */
bool pg_suspect(struct pg_db *db, int64_t timeline);
/* The same by a look that begins after the call. */
bool pg_is_overtaken(struct pg_db *db, int64_t timeline);

/* ---- db_pg_conn.c ---- */
struct pg_conn *pg_conn_new(struct pg_db *db, enum pg_mode mode);
void pg_conn_free(struct pg_conn **conn);
/* Opens or opens again. ERR_UNAVAILABLE when no server answers that may be written to. */
ERR_MUST_USE enum err pg_conn_ensure(struct pg_conn *conn, struct errinfo *info);
/* The database has answered on a connection that was open all the time: with no attempt that failed for a while all is well again, though
 * the connection that failed may lie unused at the bottom of its pool. */
void pg_note_answer(struct pg_db *db);
void pg_conn_drop(struct pg_conn *conn); /* the connection is of no use any more */
void pg_txn_init(struct pg_conn *conn, struct arena *arena, bool is_write);
/* COMMIT; for a read, without waiting for the answer. PG_BROKEN of a write: the outcome is unknown. */
enum pg_outcome pg_txn_commit(struct pg_conn *conn);
void pg_txn_abort(struct pg_conn *conn);
/* Closes what a function left open; true if there was something. */
bool pg_conn_close_rows(struct pg_conn *conn);
/* Reads the answers to what was sent within the transaction and not looked at. */
enum pg_outcome pg_txn_flush(struct pg_conn *conn);
/* Statements outside of db.h's transactions, in one round trip and each with a snapshot of its own; the results are the caller's to clear. */
struct pg_call {
    const char *sql;
    const struct db_val *vals;
    size_t n;
};
enum pg_outcome pg_conn_batch(struct pg_conn *conn, const struct pg_call *calls, size_t n,
                              PGresult **out);

enum err pg_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                 int64_t *n_changed_out);
enum err pg_exec_later(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n);
enum err pg_query(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                  struct db_rows **rows_out);

/* ---- db_pg_rows.c ---- */
bool pg_rows_next(struct db_rows *rows);
int64_t pg_rows_i64(const struct db_rows *rows, int col);
struct str pg_rows_str(const struct db_rows *rows, int col);
/* A number of a result outside of db.h's transactions; 0 for NULL. */
int64_t pg_result_i64(const PGresult *result, int row, int col);
bool pg_rows_is_null(const struct db_rows *rows, int col);
enum err pg_rows_close(struct db_rows *rows);

/* ---- db_pg.c ---- */
/* Somebody may have run a migration that we do not know and that takes away what we use: looked at now and then; db_health tells. */
#define PG_LOAD_OLDEST "SELECT value::bigint FROM db_meta WHERE key = '" DB_OLDEST_PROGRAM "'"
bool pg_is_version_due(struct pg_db *db); /* once a second for one caller */
void pg_hear_oldest(struct pg_db *db, int64_t oldest);

/* ---- db_pg_error.c ---- */
enum pg_outcome pg_outcome_of(const PGresult *result, enum err *err_out);

/* ---- db_pg_pool.c ---- */
void pg_pool_init(struct pg_db *db, struct pg_pool *pool, enum pg_mode mode, int n,
                  int max_waiting);
void pg_pool_release(struct pg_pool *pool);
/* NULL: none came free in time, or too many wait. */
struct pg_conn *pg_pool_borrow(struct pg_pool *pool);
void pg_pool_give_back(struct pg_pool *pool, struct pg_conn *conn);

/* ---- db_pg_write.c ---- */
/* The function inside the transaction of conn, which may be another job's already. */
enum err pg_job_call(struct pg_conn *conn, struct pg_job *job);
/* COMMIT, counted; otherwise it is undone. PG_BROKEN: txn.err is ERR_UNKNOWN. */
enum pg_outcome pg_commit(struct pg_conn *conn);
/* Its outcome is job->err. The job is not ours any more. */
void pg_job_tell(struct pg_db *db, struct pg_job *job, uint64_t ticket);
enum err pg_write(struct db *db, db_fn fn, void *arg);
enum err pg_submit(struct db *db, const struct db_submission *s);
enum err pg_queue_start(struct pg_db *db, size_t max_waiting, int n_threads);
void pg_queue_stop(struct pg_db *db);
/* A job of this key has run and its outcome is told: the next one, if there is one, may run. */
void pg_key_done(struct pg_db *db, uint64_t key);

/* ---- db_pg_delivery.c ---- */
void pg_delivery_init(struct pg_delivery *d);
void pg_delivery_release(struct pg_delivery *d);
struct pg_job *pg_job_new(struct pg_db *db);
uint64_t pg_ticket_take(struct pg_db *db);
/* The job's outcome is told when all tickets before it are. NULL: the ticket was for nothing. */
void pg_ticket_done(struct pg_db *db, uint64_t ticket, struct pg_job *job);
void pg_waiter_wait(struct pg_waiter *w);
bool pg_is_delivering(void); /* on this thread */
/* For whoever else must not run beside hooks and done calls (the stream). */
void pg_turn_begin(struct pg_db *db);
void pg_turn_end(struct pg_db *db);
void pg_engine_turn_begin(struct db *db);
void pg_engine_turn_end(struct db *db);

/* ---- db_pg_batch.c ---- */
#define PG_BATCH_MAX 16
bool pg_batch_takes(struct pg_db *db, const struct pg_job *job);
bool pg_batch_is_paused(struct pg_db *db); /* counts one down */
/* 2..PG_BATCH_MAX jobs. False: nothing was kept, each is to run alone, in the order they are in now. */
bool pg_batch_run(struct pg_db *db, struct pg_job **jobs, size_t n);

/* ---- db_pg_stream.c ---- */
enum err pg_stream_start(struct db *db);
void pg_stream_stop(struct pg_db *db);
void pg_stream_look(struct pg_db *db); /* something was committed */
/* Every event up to this id is finished and has been, or is being, told to the bus. INT64_MAX: no bus listens. */
int64_t pg_stream_position(struct pg_db *db);
void pg_event_added(struct db_txn *txn);
int64_t pg_event_end(struct db_txn *txn);
int64_t pg_event_told(struct db *db);
void pg_event_catch_up(struct db *db);
void pg_event_look(struct db *db);

/* ---- db_pg_search.c ---- */
/* The words of a text with their positions, as the text form of a tsvector. */
void pg_search_words(struct str text, struct buf *out);
enum err pg_search(struct db_txn *txn, const char *name, struct str query, int64_t before_id,
                   size_t limit, int64_t *ids_out, size_t *n_out);

/* ---- db_pg_index.c ---- */
enum err pg_index_start(struct pg_db *db, struct errinfo *info);
void pg_index_stop(struct pg_db *db);
void pg_index_notify(struct pg_db *db); /* something was committed */
int64_t pg_index_lag(struct pg_db *db);
bool pg_index_wait(struct db *db, int64_t timeout_ms);
enum err pg_index_rebuild(struct db *db);

/* ---- db_pg_partition.c ---- */
enum err pg_keeper_start(struct pg_db *db);
void pg_keeper_stop(struct pg_db *db);
enum err pg_upkeep(struct db *db, int64_t now, struct errinfo *info);

/* ---- db_pg_doctor.c ---- */
struct db_cli;
struct doctor_result;
size_t pg_doctor(const struct db_cli *cli, struct doctor_result *results);

/* ---- db_pg_migrate.c ---- */
ERR_MUST_USE enum err pg_check_server(PGconn *h, struct errinfo *info);
/* n_applied_out may be more than n, when the database lets an older program run. */
ERR_MUST_USE enum err pg_check_migrations(PGconn *h, const struct db_migration *migrations,
                                          size_t n, size_t *n_applied_out, struct errinfo *info);
/* ERR_CONFLICT: a move into this database (db_move.h) was begun and not finished. */
ERR_MUST_USE enum err pg_refuse_unfinished(struct pg_db *db, struct errinfo *info);
/* The source's table and its row of search_state; emptied when it holds the words of another version of db_tokens. */
enum err pg_search_prepare(struct pg_db *db, const struct pg_source *source, struct errinfo *info);
/* `contracts`: those that take away, too. */
enum err pg_migrate(struct pg_db *db, const struct db_migration *migrations, size_t n,
                    bool contracts, struct errinfo *info);
/* Connections of programs that do not know migration `number`. */
ERR_MUST_USE enum err pg_count_older(PGconn *h, int number, int64_t *out, struct errinfo *info);

#endif
