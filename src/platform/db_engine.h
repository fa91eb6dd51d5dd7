/* What a database engine is: a table of functions behind db.h. Engines: db_sqlite.c (one file, one writer thread), db_pg.c
 * (a PostgreSQL server, many writers), db_fake.c (scripted, for tests). Everything that does not differ between engines (argument helpers, commit hooks, one-row queries) is in db.c.
 *
 * An engine's own structs start with the ones below (`struct db`, `struct db_txn`, `struct db_rows`), filled by the engine. Every implementation
 * passes tests/unit/platform/db_conformance.c. */
#ifndef PLATFORM_DB_ENGINE_H
#define PLATFORM_DB_ENGINE_H

#include "platform/db.h"

#include <stdatomic.h>

enum db_caps {
    DB_CAP_SINGLE_NODE =
        1, /* only this process writes: claims of an earlier process are dead at start */
    DB_CAP_BACKUP = 2,     /* db_backup works */
    DB_CAP_ONE_WRITER = 4, /* see db_is_one_writer */
};

/* See db_submit, db_submit_ordered, db_submit_light. */
struct db_submission {
    db_fn fn;
    db_done_fn done;
    void *arg;
    uint64_t key;
    int64_t row;
    bool is_light;
};

struct db_engine {
    const char *scheme; /* what stands before ':' in the url */
    unsigned caps;      /* enum db_caps */

    /* `location` is the url behind the scheme. Migrates; starts the engine's threads. On failure nothing is left running. */
    enum err (*open)(const struct db_options *options, const char *location, struct db **out,
                     struct errinfo *info);
    /* Finishes what waits. Frees `db`. */
    void (*close)(struct db *db);

    /* See db.h; any thread. `write` must not be called from the writer's thread (hooks, done functions). */
    enum err (*read)(struct db *db, db_fn fn, void *arg);
    enum err (*write)(struct db *db, db_fn fn, void *arg);
    enum err (*submit)(struct db *db, const struct db_submission *s);

    /* Inside a transaction, on its thread. `query` has executed the statement when it returns (an INSERT ... RETURNING has its effect even if no
     * row is fetched). `rows_close` frees the rows and returns the error that ended them. */
    enum err (*exec)(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                     int64_t *n_changed_out);
    enum err (*query)(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                      struct db_rows **rows_out);
    bool (*rows_next)(struct db_rows *rows);
    int64_t (*rows_i64)(const struct db_rows *rows, int col);
    struct str (*rows_str)(const struct db_rows *rows, int col);
    bool (*rows_is_null)(const struct db_rows *rows, int col);
    enum err (*rows_close)(struct db_rows *rows);

    /* May be NULL: the statement is executed at once. */
    enum err (*exec_later)(struct db_txn *txn, const char *sql, const struct db_val *vals,
                           size_t n);

    /* All of these, or none. With them the engine itself tells events to the bus, in the order of their ids, whichever node committed them; without,
     * the commit hook of event_append does. `listen` starts that. `event_end`: events up to this id are finished, and what was told so far is not past it. */
    enum err (*listen)(struct db *db);
    void (*event_added)(struct db_txn *txn);
    int64_t (*event_end)(struct db_txn *txn);
    int64_t (*event_told)(struct db *db);
    void (*event_catch_up)(struct db *db);
    /* Another node has committed events: look now. Any thread, does not block. */
    void (*event_look)(struct db *db);

    /* Between the two no hook, done call or event listener runs: for whoever else calls into the rooms (signals of other nodes). Not from one of these. May be NULL. */
    void (*turn_begin)(struct db *db);
    void (*turn_end)(struct db *db);

    /* May be NULL: the engine has no such thing (ERR_UNAVAILABLE, false). */
    enum err (*search)(struct db_txn *txn, const char *source, struct str query, int64_t before_id,
                       size_t limit, int64_t *ids_out, size_t *n_out);
    bool (*index_wait)(struct db *db, int64_t timeout_ms);
    enum err (*index_rebuild)(struct db *db);
    enum err (*backup)(struct db *db, const char *path, struct errinfo *info);
    enum err (*upkeep)(struct db *db, int64_t now, struct errinfo *info); /* see db_upkeep */
    void (*stats)(struct db *db, struct db_stats *out);
    bool (*health)(struct db *db, struct errinfo *info);
};

extern const struct db_engine db_sqlite_engine;
extern const struct db_engine db_pg_engine;

/* db_sqlite_index.c: a statement about a source's table. Heap; '@' becomes the source's name. */
char *sq_source_sql(const char *sql, const char *source);

struct bus;
struct timers;
struct outbox;

struct db {
    const struct db_engine *engine;
    size_t n_partitions; /* that the engine keeps */
    /* Who hears of commits: wired once at start, before the first write (event_use_bus, timers_new, outbox_new). */
    struct bus *bus;
    struct timers *timers;
    struct outbox *outbox;
    _Atomic(const struct db_answers *) answers; /* NULL: nobody wants to know */
};

struct db_hook {
    struct db_hook *next;
    void (*fn)(void *arg);
    void *arg;
};

struct db_txn {
    struct db *db;
    struct arena *arena;
    bool is_write;
    bool is_light; /* begun READ COMMITTED; engines that are always serializable leave it false */
    bool wants_serializable; /* db_be_serializable was called in a light one */
    struct db_hook *hooks;   /* in the order they were added */
    struct db_hook **hooks_end;
};

struct db_rows {
    struct db_txn *txn;
};

void db_txn_init(struct db_txn *txn, struct db *db, struct arena *arena, bool is_write);
void db_hooks_run(struct db_hook *hooks);

#endif
