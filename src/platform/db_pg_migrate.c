/* Migrations on PostgreSQL: one transaction each, all under an advisory lock, so that of several nodes that start at once one migrates and the others wait. */
#include "platform/db_pg.h"

#include <limits.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "platform/db_migrate.h"
#include "platform/db_tokens.h"

static const struct db_words pg_words = {
    .id = "BIGSERIAL PRIMARY KEY",
    .i64 = "BIGINT",
    .time = "BIGINT",
    .blob = "BYTEA",
    .strict = "",
    .engine = "POSTGRES",
};

struct pg_applied_list {
    struct db_applied *items;
    size_t len, size;
};

static enum err pg_failed(PGconn *h, PGresult *result, const char *what, struct errinfo *info)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = err_set(info, ERR_UNAVAILABLE, "db", "migration", "%s: %s", what,
                           text != NULL ? text : PQerrorMessage(h));
    PQclear(result);
    return err;
}

/* Statements without parameters or rows. */
static enum err pg_run_text(PGconn *h, const char *sql, const char *what, struct errinfo *info)
{
    PGresult *result = PQexec(h, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        return pg_failed(h, result, what, info);
    }
    PQclear(result);
    return ERR_OK;
}

/* Text is compared as bytes on SQLite: lists, and searches by the beginning of a name, rest on that. */
enum err pg_check_server(PGconn *h, struct errinfo *info)
{
    if (PQserverVersion(h) < 140000) {
        return err_set(info, ERR_INVALID, "db.url", "version", "PostgreSQL 14 or newer is needed");
    }
    PGresult *result = PQexec(h, "SELECT datcollate, pg_encoding_to_char(encoding) FROM "
                                 "pg_database WHERE datname = current_database()");
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1) {
        return pg_failed(h, result, "cannot look at the database", info);
    }
    const char *collation = PQgetvalue(result, 0, 0);
    bool is_bytes = strcmp(collation, "C") == 0 || strcmp(collation, "POSIX") == 0 ||
                    strcmp(collation, "C.UTF-8") == 0 || strcmp(collation, "C.utf8") == 0;
    bool is_utf8 = strcmp(PQgetvalue(result, 0, 1), "UTF8") == 0;
    PQclear(result);
    return is_bytes && is_utf8
               ? ERR_OK
               : err_set(info, ERR_INVALID, "db.url", "collation",
                         "the database must compare text as bytes: CREATE DATABASE stablehand "
                         "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'");
}

static enum err pg_load_applied(PGconn *h, struct pg_applied_list *list, struct errinfo *info)
{
    PGresult *result =
        PQexec(h, "SELECT number, name, sha256 FROM schema_migrations ORDER BY number");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return pg_failed(h, result, "cannot read schema_migrations", info);
    }
    list->len = 0;
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t number = 0;
        (void)str_to_i64(str_from(PQgetvalue(result, i, 0)), &number);
        struct db_applied a = {.number = (int)number};
        (void)snprintf(a.name, sizeof(a.name), "%s", PQgetvalue(result, i, 1));
        (void)snprintf(a.sha256, sizeof(a.sha256), "%s", PQgetvalue(result, i, 2));
        VEC_PUSH(list, a);
    }
    PQclear(result);
    return ERR_OK;
}

/* Where nothing is said yet (db_meta comes with a start, pg_prepare_own): no older program. */
static enum err pg_load_oldest(PGconn *h, int *out, struct errinfo *info)
{
    PGresult *result = PQexec(h, "SELECT 1 WHERE to_regclass('db_meta') IS NULL");
    bool is_before = PQntuples(result) == 1;
    PQclear(result);
    if (is_before) {
        *out = INT_MAX;
        return ERR_OK;
    }
    result = PQexec(h, "SELECT value FROM db_meta WHERE key = '" DB_OLDEST_PROGRAM "'");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return pg_failed(h, result, "cannot read db_meta", info);
    }
    *out = PQntuples(result) == 1 ? (int)pg_result_i64(result, 0, 0) : 0;
    PQclear(result);
    return ERR_OK;
}

static enum err pg_note_oldest(PGconn *h, const struct db_migration *m, struct errinfo *info)
{
    int before = 0;
    char number[16];
    enum err err = pg_load_oldest(h, &before, info);
    if (err != ERR_OK) {
        return err;
    }
    (void)snprintf(number, sizeof(number), "%d", db_migration_oldest(m, before));
    const char *const values[] = {number};
    PGresult *result =
        PQexecParams(h, "UPDATE db_meta SET value = $1 WHERE key = '" DB_OLDEST_PROGRAM "'", 1,
                     NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return pg_failed(h, result, "cannot write db_meta", info);
    }
    PQclear(result);
    return ERR_OK;
}

static enum err pg_note_applied(PGconn *h, const struct db_migration *m, struct errinfo *info)
{
    char number[16];
    char hash[65];
    char at[32];
    struct clock clock = clock_system();
    (void)snprintf(number, sizeof(number), "%d", m->number);
    (void)snprintf(at, sizeof(at), "%lld", (long long)clock_now(&clock));
    db_migration_hash(m->sql, hash);
    const char *const values[] = {number, m->name, hash, at};
    PGresult *result = PQexecParams(
        h,
        "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
        4, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return pg_failed(h, result, "cannot write schema_migrations", info);
    }
    PQclear(result);
    return ERR_OK;
}

static enum err pg_apply(PGconn *h, const struct db_migration *m, struct errinfo *info)
{
    char what[96];
    (void)snprintf(what, sizeof(what), "migration %04d_%s", m->number, m->name);
    char *sql = db_migration_expand(m->sql, &pg_words);
    enum err err = pg_run_text(h, "BEGIN", what, info);
    if (err == ERR_OK) {
        err = pg_run_text(h, sql, what, info);
    }
    mem_free(sql);
    if (err == ERR_OK) {
        err = pg_note_applied(h, m, info);
    }
    if (err == ERR_OK) {
        err = pg_note_oldest(h, m, info);
    }
    if (err == ERR_OK) {
        err = pg_run_text(h, "COMMIT", what, info);
    } else {
        (void)pg_run_text(h, "ROLLBACK", what, NULL);
    }
    if (err == ERR_OK) {
        LOG_INFO("db", "migration applied", log_i64("number", m->number),
                 log_cstr("name", m->name));
    }
    return err;
}

enum err pg_check_migrations(PGconn *h, const struct db_migration *migrations, size_t n,
                             size_t *n_applied_out, struct errinfo *info)
{
    struct pg_applied_list list = {0};
    size_t n_done = 0;
    int oldest = 0;
    enum err err = pg_load_applied(h, &list, info);
    if (err == ERR_OK) {
        err = pg_load_oldest(h, &oldest, info);
    }
    if (err == ERR_OK) {
        err = db_migrate_decide(migrations, n, &(struct db_state){list.items, list.len, oldest},
                                &n_done, info);
    }
    if (err == ERR_OK) {
        *n_applied_out = list.len;
    }
    VEC_RELEASE(&list);
    return err;
}

static enum err pg_apply_missing(PGconn *h, const struct db_migration *migrations, size_t n,
                                 bool contracts, struct errinfo *info)
{
    size_t n_applied = 0;
    size_t end = 0;
    enum err err = pg_check_migrations(h, migrations, n, &n_applied, info);
    if (err == ERR_OK) {
        err = db_migrate_bound(migrations, n, n_applied, !contracts, &end, info);
    }
    for (size_t i = n_applied; err == ERR_OK && i < end; i++) {
        ASSERT(migrations[i].number == (int)i + 1);
        err = pg_apply(h, &migrations[i], info);
    }
    if (err == ERR_OK && n_applied > n) {
        LOG_INFO("db", "the database is newer than this program, and lets it run",
                 log_i64("database", (int64_t)n_applied), log_i64("program", (int64_t)n));
    } else if (err == ERR_OK && end < n) {
        LOG_INFO("db", "a migration waits for: stablehand schema --contract",
                 log_i64("number", migrations[end].number));
    }
    return err;
}

/* Under the lock that migrations take; it ends with the connection. The number is "stablehd" in ASCII. */
static enum err pg_connect_locked(struct pg_db *db, PGconn **out, struct errinfo *info)
{
    enum err err = pg_connect(db, PG_HELPER, out, info);
    if (err != ERR_OK) {
        return err;
    }
    err = pg_check_server(*out, info);
    return err != ERR_OK ? err
                         : pg_run_text(*out,
                                       "SET lock_timeout = '10min'; SELECT "
                                       "pg_advisory_lock(8319100040906762340)",
                                       "another node migrates, and takes long", info);
}

/* The engine's own tables. A database from before db_meta works with nobody who knows fewer migrations than it has. */
static enum err pg_prepare_own(PGconn *h, struct errinfo *info)
{
    return pg_run_text(
        h,
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT "
        "NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL); CREATE TABLE IF NOT EXISTS "
        "db_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL); INSERT INTO db_meta (key, value) "
        "SELECT '" DB_OLDEST_PROGRAM "', COALESCE(MAX(number), 0) FROM schema_migrations ON "
        "CONFLICT (key) DO NOTHING",
        "cannot prepare the database", info);
}

enum err pg_migrate(struct pg_db *db, const struct db_migration *migrations, size_t n,
                    bool contracts, struct errinfo *info)
{
    PGconn *h = NULL;
    enum err err = pg_connect_locked(db, &h, info);
    if (err == ERR_OK) {
        err = pg_prepare_own(h, info);
    }
    if (err == ERR_OK) {
        err = pg_apply_missing(h, migrations, n, contracts, info);
    }
    PQfinish(h);
    return err;
}

/* Connections carry the number of migrations that their program knows (pg_connect). */
enum err pg_count_older(PGconn *h, int number, int64_t *out, struct errinfo *info)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", number);
    const char *const values[] = {text};
    PGresult *result =
        PQexecParams(h,
                     "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                     "application_name ~ '^" PG_APPLICATION "[0-9]+$' AND substr(application_name, "
                     "length('" PG_APPLICATION "') + 1)::integer < $1",
                     1, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return pg_failed(h, result, "cannot see who is connected", info);
    }
    *out = pg_result_i64(result, 0, 0);
    PQclear(result);
    return ERR_OK;
}

enum err pg_refuse_unfinished(struct pg_db *db, struct errinfo *info)
{
    PGconn *h = NULL;
    enum err err = pg_connect(db, PG_HELPER, &h, info);
    if (err != ERR_OK) {
        return err;
    }
    PGresult *result = PQexec(h, "SELECT 1 WHERE to_regclass('stablehand_move') IS NOT NULL");
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        err = err_set(info, ERR_CONFLICT, "db.url", "unfinished_move",
                      "a move into this database was begun and not finished: run `stablehand "
                      "migrate` again, to its end");
    }
    PQclear(result);
    PQfinish(h);
    return err;
}

/* ---- search tables ---- */

static enum err pg_empty_old_words(PGconn *h, const struct pg_source *source, struct errinfo *info)
{
    char version[16];
    (void)snprintf(version, sizeof(version), "%d", DB_TOKENS_VERSION);
    const char *const values[] = {source->def.name, version};
    PGresult *result =
        PQexecParams(h,
                     "UPDATE search_state SET version = $2, last_id = 0, last_change = 0 WHERE "
                     "source = $1 AND version <> $2::integer",
                     2, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return pg_failed(h, result, "cannot prepare the search index", info);
    }
    bool is_old = strcmp(PQcmdTuples(result), "0") != 0;
    PQclear(result);
    return is_old ? pg_run_text(h, source->empty_sql, "cannot empty the search index", info)
                  : ERR_OK;
}

enum err pg_search_prepare(struct pg_db *db, const struct pg_source *source, struct errinfo *info)
{
    PGconn *h = NULL;
    enum err err = pg_connect_locked(db, &h, info);
    /* Words wait in a list of 1 MB at most before they are sorted in, a fifth of the work of sorting in each text's alone. The list is emptied by whoever fills it, which
     * is the index thread; a search reads it through, some milliseconds when it is full. */
    char *sql = sq_source_sql(
        "BEGIN; CREATE TABLE IF NOT EXISTS search_state (source TEXT PRIMARY KEY, version INTEGER "
        "NOT NULL DEFAULT 0, last_id BIGINT NOT NULL DEFAULT 0, last_change BIGINT NOT NULL "
        "DEFAULT 0); CREATE TABLE IF NOT EXISTS search_@ (id BIGINT PRIMARY KEY, words TSVECTOR "
        "NOT NULL); CREATE INDEX IF NOT EXISTS search_@_words ON search_@ USING GIN (words); ALTER "
        "INDEX search_@_words SET (fastupdate = on, gin_pending_list_limit = 1024); INSERT INTO "
        "search_state (source) VALUES ('@') ON CONFLICT DO "
        "NOTHING",
        source->def.name);
    if (err == ERR_OK) {
        err = pg_run_text(h, sql, "cannot prepare the search index", info);
    }
    if (err == ERR_OK) {
        err = pg_empty_old_words(h, source, info);
    }
    if (err == ERR_OK) {
        err = pg_run_text(h, "COMMIT", "cannot prepare the search index", info);
    }
    mem_free(sql);
    PQfinish(h);
    return err;
}
