/* Migrations on SQLite: one transaction each, taken with IMMEDIATE before looking, so that two programs that start at once do not both run it. */
#include "platform/db_sqlite.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "platform/db_migrate.h"

static const struct db_words sq_words = {
    .id = "INTEGER PRIMARY KEY AUTOINCREMENT",
    .i64 = "INTEGER",
    .time = "INTEGER",
    .blob = "BLOB",
    .strict = "STRICT",
    .engine = "SQLITE",
};

struct sq_applied_list {
    struct db_applied *items;
    size_t len, size;
};

static enum err sq_load_applied(struct sq_conn *conn, struct sq_applied_list *list)
{
    struct db_rows *rows = NULL;
    enum err err = db_query(&conn->txn.base,
                            "SELECT number, name, sha256 FROM schema_migrations ORDER BY number",
                            NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    list->len = 0;
    while (db_rows_next(rows)) {
        struct db_applied a = {.number = (int)db_rows_i64(rows, 0)};
        (void)snprintf(a.name, sizeof(a.name), STR_FMT, STR_ARG(db_rows_str(rows, 1)));
        (void)snprintf(a.sha256, sizeof(a.sha256), STR_FMT, STR_ARG(db_rows_str(rows, 2)));
        VEC_PUSH(list, a);
    }
    return db_rows_close(&rows);
}

static enum err sq_sql_failed(struct sq_conn *conn, const char *what, struct errinfo *info)
{
    return err_set(info, ERR_UNAVAILABLE, "db", "migration", "%s: %s", what,
                   sqlite3_errmsg(conn->h));
}

static enum err sq_load_oldest(struct sq_conn *conn, int *out)
{
    int64_t v = 0;
    enum err err = db_query_i64(&conn->txn.base,
                                "SELECT CAST(value AS INTEGER) FROM db_meta WHERE key = "
                                "'" DB_OLDEST_PROGRAM "'",
                                NULL, 0, &v);
    *out = (int)v;
    return err;
}

static enum err sq_note_applied(struct sq_conn *conn, const struct db_migration *m, int oldest)
{
    char hash[65];
    char number[16];
    struct clock clock = clock_system();
    db_migration_hash(m->sql, hash);
    (void)snprintf(number, sizeof(number), "%d", db_migration_oldest(m, oldest));
    enum err err = DB_EXEC(
        &conn->txn.base,
        "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
        db_i64(m->number), db_text(str_from(m->name)), db_text(str_from(hash)),
        db_i64(clock_now(&clock)));
    return err != ERR_OK ? err
                         : DB_EXEC(&conn->txn.base,
                                   "UPDATE db_meta SET value = $1 WHERE key = "
                                   "'" DB_OLDEST_PROGRAM "'",
                                   db_text(str_from(number)));
}

/* Inside a transaction: runs the first migration that is missing, if there is one. */
static enum err sq_apply_next(struct sq_conn *conn, const struct db_migration *migrations, size_t n,
                              bool *is_done_out, struct errinfo *info)
{
    struct sq_applied_list list = {0};
    struct db_state state = {0};
    size_t n_done = 0;
    enum err err = sq_load_applied(conn, &list);
    if (err == ERR_OK) {
        err = sq_load_oldest(conn, &state.oldest_program);
    }
    if (err == ERR_OK) {
        state.applied = list.items;
        state.n_applied = list.len;
        err = db_migrate_decide(migrations, n, &state, &n_done, info);
    } else {
        (void)sq_sql_failed(conn, "cannot read schema_migrations", info);
    }
    VEC_RELEASE(&list);
    if (err != ERR_OK || n_done == n) {
        *is_done_out = true;
        return err;
    }
    const struct db_migration *m = &migrations[n_done];
    ASSERT(m->number == (int)n_done + 1);
    char what[96];
    (void)snprintf(what, sizeof(what), "migration %04d_%s", m->number, m->name);
    char *sql = db_migration_expand(m->sql, &sq_words);
    int rc = sqlite3_exec(conn->h, sql, NULL, NULL, NULL);
    mem_free(sql);
    if (rc != SQLITE_OK) {
        return sq_sql_failed(conn, what, info);
    }
    err = sq_note_applied(conn, m, state.oldest_program);
    if (err == ERR_OK) {
        LOG_INFO("db", "migration applied", log_i64("number", m->number),
                 log_cstr("name", m->name));
    }
    return err;
}

/* The engine's own tables. `instance` tells the search file which database it belongs to. */
static int sq_create_own_tables(struct sq_conn *conn)
{
    return sqlite3_exec(conn->h,
                        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, "
                        "name TEXT NOT NULL, sha256 TEXT NOT NULL, "
                        "applied_at INTEGER NOT NULL) STRICT;"
                        "CREATE TABLE IF NOT EXISTS db_meta (key TEXT PRIMARY KEY, value TEXT NOT "
                        "NULL) STRICT, WITHOUT ROWID;"
                        "INSERT INTO db_meta (key, value) VALUES ('instance', "
                        "lower(hex(randomblob(8)))) ON CONFLICT (key) DO NOTHING;"
                        "INSERT INTO db_meta (key, value) SELECT '" DB_OLDEST_PROGRAM
                        "', COALESCE(MAX(number), 0) FROM schema_migrations WHERE true ON CONFLICT "
                        "(key) DO NOTHING",
                        NULL, NULL, NULL);
}

enum err sq_migrate(struct sq_conn *conn, const struct db_migration *migrations, size_t n,
                    struct errinfo *info)
{
    db_txn_init(&conn->txn.base, &conn->db->base, conn->arena, true);
    bool is_done = false;
    bool is_first = true;
    enum err err = ERR_OK;
    while (!is_done && err == ERR_OK) {
        if (sq_conn_run(conn, "BEGIN IMMEDIATE") != SQLITE_OK ||
            (is_first && sq_create_own_tables(conn) != SQLITE_OK)) {
            err = sq_sql_failed(conn, "cannot prepare the database", info);
        }
        is_first = false;
        if (err == ERR_OK) {
            err = sq_apply_next(conn, migrations, n, &is_done, info);
        }
        if (err == ERR_OK && sq_conn_run(conn, "COMMIT") != SQLITE_OK) {
            err = sq_sql_failed(conn, "cannot commit a migration", info);
        }
        if (err != ERR_OK && sqlite3_get_autocommit(conn->h) == 0) {
            (void)sq_conn_run(conn, "ROLLBACK");
        }
    }
    arena_reset(conn->arena);
    return err;
}
