/* Database: a function inside a transaction.
 *
 * Two engines behind one table of functions (struct db_engine, db_engine.h): SQLite and PostgreSQL; db_fake.h is a scripted one for tests.
 * SQL is constant text (a literal: the statement cache is keyed by its address) in the subset both engines run, with $1..$n parameters.
 *
 * SQLite: one writer thread takes everything that waits, runs one function after the other and commits once (group commit, synchronous=FULL).
 * A function that returns an error is rolled back alone. Nothing is acknowledged before COMMIT has returned.
 *
 * PostgreSQL: functions run in parallel, each in a transaction of its own (SERIALIZABLE, so that the database looks as if they had run one after the other; the few
 * that db_submit_light is made for start READ COMMITTED);
 * db_write runs it on the caller's thread. Memory of the process that a write function reads is another matter: there it must lock. Hooks and done calls
 * never run at the same time, and those of a transaction that depends on another one's come later, on whatever thread.
 *
 * "... FOR UPDATE" and "... FOR UPDATE SKIP LOCKED" may end a SELECT in a write function: PostgreSQL locks the rows, SQLite has no need to. A function that changes
 * a conversation takes its row first (conversation_load does), so that two of them wait for each other in one order.
 *
 * A statement that fails (ERR_CONFLICT) leaves the transaction usable on SQLite only; portable code says ON CONFLICT DO NOTHING, or returns the error.
 *
 * Rules for the functions that run inside: no I/O but this database, no waiting, no locks; they may run again from the start (PostgreSQL retries
 * on serialization failure; on SQLite when another function of the batch fails after it has written), so they write their results only into their own
 * argument, freshly each time (set it, never count up or append to what an earlier run left there). SH_TEST_DB_REHEARSE=1 in the environment runs every
 * write function twice, the first time for nothing: run the tests with it once. */
#ifndef PLATFORM_DB_H
#define PLATFORM_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_txn;
struct db_rows;

typedef enum err (*db_fn)(struct db_txn *txn, void *arg);
/* Runs after COMMIT (err == ERR_OK) or after the rollback, one at a time with hooks and the bus's listeners, in commit order. Must be quick and must not block. */
typedef void (*db_done_fn)(enum err err, void *arg);

/* From any thread but a loop thread; blocks until done. Read: a consistent snapshot. Write: durable when it returns ERR_OK.
 * Returns what fn returned, or ERR_UNAVAILABLE (queue full, disk full, I/O error, no database: nothing of this function was kept), or ERR_UNKNOWN (PostgreSQL:
 * the connection broke during COMMIT; it may have been kept. Look for the id that the client made; never simply run it again). */
ERR_MUST_USE enum err db_read(struct db *db, db_fn fn, void *arg);
ERR_MUST_USE enum err db_write(struct db *db, db_fn fn, void *arg);
/* From any thread, never blocks: queues fn for a writer; `done` tells the outcome. ERR_LIMIT when the queue is full (then done is not called). With several
 * writers functions may overtake each other; those that were given the same key (not 0) never do, and never run at the same time. */
ERR_MUST_USE enum err db_submit(struct db *db, db_fn fn, db_done_fn done, void *arg);
ERR_MUST_USE enum err db_submit_ordered(struct db *db, uint64_t key, db_fn fn, db_done_fn done,
                                        void *arg);
/* db_submit_ordered for the busiest functions: one whose common way rests only on rows that it has locked (its first statement is an UPDATE, and decides) need not pay
 * for serializability, whose conflicts are seen by page and hit neighbours who have nothing to do with each other. Before it rests on anything else it calls
 * db_be_serializable and returns what that returns unless it is ERR_OK: then it runs again from the start, serializable. `row` is the number of the row that it locks
 * first: functions that know theirs may share a transaction; 0: not known yet. */
ERR_MUST_USE enum err db_submit_light(struct db *db, uint64_t key, int64_t row, db_fn fn,
                                      db_done_fn done, void *arg);
ERR_MUST_USE enum err db_be_serializable(struct db_txn *txn);

/* A passenger of the calling thread's writes: `fn` runs at the end of the next db_write of `db` that would succeed, in its transaction, and what it returns is
 * what that write returns. Once such a write is durable `is_done` is set and later ones travel alone; a write that fails leaves it waiting. For what must
 * stand or fall with an effect that is made further down (idempotency.h). */
struct db_rider {
    struct db *db;
    db_fn fn;
    void *arg;
    bool is_done;
};
/* From now on on this thread; NULL: nobody. Gives the former one, to be put back. */
struct db_rider *db_ride(struct db_rider *rider);

/* Do functions run one after the other on one thread, hooks right behind the commit? Then what hooks keep in memory is never behind a function that reads it. */
bool db_is_one_writer(const struct db *db);
/* Does this process have the database for itself? Then nobody else must be told of anything. */
bool db_is_single_node(const struct db *db);

/* ---- inside a transaction ---- */

enum db_type { DB_NULL, DB_I64, DB_TEXT, DB_BLOB };
struct db_val {
    enum db_type type;
    int64_t i;
    struct str s;
};
struct db_val db_null(void);
struct db_val db_i64(int64_t v);
struct db_val db_bool(bool v);
struct db_val db_id(int64_t v);          /* 0 becomes NULL */
struct db_val db_text(struct str s);     /* bytes must live until the call returns */
struct db_val db_opt_text(struct str s); /* empty becomes NULL */
struct db_val db_blob(struct str s);

/* Statements without a result. `n_changed_out` may be NULL. Unique or foreign key violation: ERR_CONFLICT. */
ERR_MUST_USE enum err db_exec(struct db_txn *txn, const char *sql, const struct db_val *vals,
                              size_t n, int64_t *n_changed_out);
/* A statement that the function does not look at the outcome of: it may be sent with a later one, and if it fails the transaction fails. */
ERR_MUST_USE enum err db_exec_later(struct db_txn *txn, const char *sql, const struct db_val *vals,
                                    size_t n);
/* Statements with rows (SELECT, or INSERT/UPDATE ... RETURNING). At most 8 open at a time in one transaction. */
ERR_MUST_USE enum err db_query(struct db_txn *txn, const char *sql, const struct db_val *vals,
                               size_t n, struct db_rows **rows_out);
bool db_rows_next(
    struct db_rows *rows); /* false at the end and on failure: db_rows_close tells which */
int64_t db_rows_i64(const struct db_rows *rows, int col); /* NULL gives 0 */
struct str db_rows_str(const struct db_rows *rows,
                       int col); /* text or blob; valid until the next db_rows_next/close */
struct str db_rows_dup(const struct db_rows *rows, int col, struct arena *arena);
bool db_rows_is_null(const struct db_rows *rows, int col);
ERR_MUST_USE enum err db_rows_close(struct db_rows **rows); /* needed on every path; NULL is fine */
/* One row or none: ERR_NOT_FOUND when none; otherwise rows stands on it and must be closed. */
ERR_MUST_USE enum err db_query_one(struct db_txn *txn, const char *sql, const struct db_val *vals,
                                   size_t n, struct db_rows **rows_out);
/* One integer of one row; ERR_NOT_FOUND when none. */
ERR_MUST_USE enum err db_query_i64(struct db_txn *txn, const char *sql, const struct db_val *vals,
                                   size_t n, int64_t *out);

/* DB_EXEC(txn, "UPDATE t SET a = $1 WHERE id = $2", db_i64(1), db_id(id)) */
#define DB_ARGS(...)                                                                               \
    (const struct db_val[]){__VA_ARGS__},                                                          \
        sizeof((const struct db_val[]){__VA_ARGS__}) / sizeof(struct db_val)
#define DB_EXEC(txn, sql, ...) db_exec((txn), (sql), DB_ARGS(__VA_ARGS__), NULL)
#define DB_EXEC_LATER(txn, sql, ...) db_exec_later((txn), (sql), DB_ARGS(__VA_ARGS__))
#define DB_QUERY(txn, rows_out, sql, ...) db_query((txn), (sql), DB_ARGS(__VA_ARGS__), (rows_out))
#define DB_QUERY_ONE(txn, rows_out, sql, ...)                                                      \
    db_query_one((txn), (sql), DB_ARGS(__VA_ARGS__), (rows_out))
#define DB_QUERY_I64(txn, out, sql, ...) db_query_i64((txn), (sql), DB_ARGS(__VA_ARGS__), (out))

/* Wiring, once, before other threads write: `begin` and `end` are called on the committing thread around the hooks and done calls of one commit, so that what
 * these send can go out together. Must outlive db. An engine that answers one function at a time need not call them. */
struct db_answers {
    void (*begin)(void *arg);
    void (*end)(void *arg);
    void *arg;
};
void db_around_answers(struct db *db, const struct db_answers *around);

/* Memory that lives until the commit hooks of this transaction have run. */
struct arena *db_txn_arena(struct db_txn *txn);
/* Calls fn(arg) after COMMIT, in commit order, on the writer's thread; not at all when rolled back. arg must live in db_txn_arena or longer. Quick, no blocking. */
void db_on_commit(struct db_txn *txn, void (*fn)(void *arg), void *arg);
bool db_txn_is_write(const struct db_txn *txn);

/* ---- full-text search (bigrams for CJK, folded words for the rest; STACK.md B) ----
 * Sources are registered at open (struct db_index_source). The index follows commits within about a second and can be rebuilt. */
struct db_index_source {
    const char *name;      /* "message": also the name of the FTS table in the second file */
    const char *added_sql; /* SELECT id, text FROM ... WHERE id > $1 ORDER BY id LIMIT $2 */
    /* Changes of indexed rows: SELECT change_id, id, old_text, new_text ... WHERE change_id > $1 ORDER BY change_id LIMIT $2; new_text NULL: removed. NULL: rows never change. */
    const char *changed_sql;
};
/* Ids of matching rows, newest (highest id) first, all of them < before_id (0: no bound). Query: every word must match, CJK runs as substrings;
 * user text, never FTS syntax. Words match with and without an s; if nothing does, and always for what looks like a hash or number, their beginnings do. *n_out <= limit. The caller filters by permission and asks again with before_id = the last id. */
ERR_MUST_USE enum err db_search(struct db_txn *txn, const char *source, struct str query,
                                int64_t before_id, size_t limit, int64_t *ids_out, size_t *n_out);
/* The same tokens as the index, so that a caller can make snippets: finds the first match of the query in text; false if none. */
bool db_search_match(struct str text, struct str query, size_t *at_out, size_t *len_out);
/* Waits until the index has everything committed so far (tests, rebuild); false after timeout_ms. */
bool db_index_wait(struct db *db, int64_t timeout_ms);

/* ---- life ---- */

/* What a migration means to programs that do not know it: its first line says so ("-- expand: what for", "-- contract: what for"). */
enum db_migration_kind {
    DB_PLAIN,  /* they may not run any more (how it was before the others) */
    DB_EXPAND, /* it only adds: they go on beside it */
    /* It takes away what only they still used. On an engine that several programs share it runs when somebody says so (db_cmd_schema), not at a start. */
    DB_CONTRACT,
};
struct db_migration {
    int number;       /* 1, 2, 3 ... without gaps, forward only */
    const char *name; /* "identity" */
    /* The file's text, embedded; its SHA-256 is kept and compared at every start. Expanded per engine:
     * {{ID}} = integer primary key that numbers itself (never re-used), {{I64}} = 64-bit integer, {{TIME}} = the same, UTC milliseconds,
     * {{BLOB}} = bytes; {{STRICT}} after the closing bracket of CREATE TABLE (column types INTEGER, TEXT and the words above only);
     * {{POSTGRES}} ... {{END}}, {{SQLITE}} ... {{END}}: only there. */
    const char *sql;
};
enum db_migration_kind db_migration_kind(const struct db_migration *m);
/* A table that grows without end and lies in parts by month, where the engine has such (PostgreSQL; its migration made it PARTITION BY RANGE (id)). The engine makes the parts, and sweeps those
 * whose youngest row is older than keep_ms: only what has to stay is left of them. '@' stands for the part. */
struct db_partition {
    const char *table; /* with columns id and at; its sequence is TABLE_id_seq */
    const char
        *index_sql; /* what a part has besides its primary key: CREATE UNIQUE INDEX ON @ (...) */
    const char *stays_sql; /* a condition about a row `e`; $1: rows from this time on are young */
    const char *gone_sql;  /* run when rows up to the id $1 have gone */
    int64_t keep_ms;
};
struct db_options {
    const char *
        url; /* "sqlite:/path/stablehand.db" (the search index is "/path/stablehand-search.db"), or "postgres://user@host1,host2/name?..." */
    const struct db_migration *migrations;
    size_t n_migrations;
    const struct db_index_source *sources;
    size_t n_sources;
    const struct db_partition *partitions; /* copied; their texts must last */
    size_t n_partitions;
    int n_readers;       /* 0: 4 */
    int n_writers;       /* PostgreSQL: connections that write, 0: 8 */
    size_t max_waiting;  /* writer queue length, 0: 65536 */
    size_t cache_kb;     /* of the writer, readers get an eighth each; 0: 65536 */
    int64_t read_cap_ms; /* a read that takes longer is ended with ERR_TIMEOUT, 0: 5000 */
    size_t
        wal_limit_kb; /* SQLite: the log is taken back to its start when it grows past this, at twice this at the latest (a long read aside); 0: 65536 */
};
ERR_MUST_USE enum err db_open(const struct db_options *options, struct db **out,
                              struct errinfo *info);
/* Finishes what waits, checkpoints, closes. */
void db_close(struct db **db);

struct db_stats {
    int64_t commits, writes, failed_writes, wal_bytes, queue_len, reads;
    int64_t index_lag; /* commits that the index has not followed yet */
    int64_t commit_us_total, batch_max;
    int64_t
        retries; /* PostgreSQL: functions run again after a serialization failure, a deadlock or a lost connection */
    int64_t log_kept; /* SQLite: how often a long read kept the log from starting again */
};
void db_stats_get(struct db *db, struct db_stats *out);
/* False while writing fails (disk full, I/O error); it heals by itself when writing works again. For /readyz. Also when the database was changed so that this
 * program may not go on (code "contracted"): stop it. */
bool db_health(struct db *db, struct errinfo *info);
/* A consistent copy of everything committed when it started, while others write. `path` must not exist. Blocks; not on a loop thread. */
ERR_MUST_USE enum err db_backup(struct db *db, const char *path, struct errinfo *info);
/* Whether old rows of the partitions go by themselves, a part at a time: then nobody need delete them. */
bool db_sweeps(const struct db *db);
/* Makes and sweeps parts now; the engine does so by itself at start and every hour. Nothing where there are none. Blocks. */
ERR_MUST_USE enum err db_upkeep(struct db *db, int64_t now, struct errinfo *info);
/* Empties the search index and starts it again; db_index_wait tells when it has caught up. */
ERR_MUST_USE enum err db_index_rebuild(struct db *db);

#endif
