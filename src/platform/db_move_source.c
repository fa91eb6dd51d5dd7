/* The SQLite side. Locked means: an exclusive lock on the file, which is to be had only when no program has it open, and keeps every other out for as long as we live. */
#include "platform/db_move_impl.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/db_sqlite.h"
#include "platform/db_sqlite_backup.h"

#define SQL_MAX ((size_t)16 << 10)
#define LIVE_WAIT_MS 5000

enum err mv_sqlite_failed(sqlite3 *h, const char *what, struct errinfo *info)
{
    return err_set(info, ERR_UNAVAILABLE, "from", "sqlite", "cannot read %s: %s", what,
                   sqlite3_errmsg(h));
}

static enum err lock(sqlite3 *h, struct errinfo *info)
{
    int rc =
        sqlite3_exec(h, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        return err_set(
            info, ERR_CONFLICT, "from", "in_use",
            "a program has the database open: stop the desk first (--live copies most of "
            "it ahead, while it runs)");
    }
    return rc == SQLITE_OK ? ERR_OK : mv_sqlite_failed(h, "the database", info);
}

/* One text value; empty when there is none. */
static enum err text_of(sqlite3 *h, const char *sql, char *out, size_t size, struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    out[0] = '\0';
    enum err err = ERR_OK;
    if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK) {
        err = mv_sqlite_failed(h, "the database", info);
    } else if (sqlite3_step(st) == SQLITE_ROW && sqlite3_column_text(st, 0) != NULL) {
        (void)snprintf(out, size, "%s", (const char *)sqlite3_column_text(st, 0));
    }
    (void)sqlite3_finalize(st);
    return err;
}

static enum err check_source(const struct db_move *move, struct mv_source *s, const char *path,
                             struct errinfo *info)
{
    char n_applied[24];
    enum err err = sq_check_migrations(s->h, path, move->migrations, move->n_migrations, info);
    if (err == ERR_OK) {
        err = text_of(s->h, "SELECT COUNT(*) FROM schema_migrations", n_applied, sizeof(n_applied),
                      info);
    }
    if (err == ERR_OK) {
        err = text_of(s->h, "SELECT value FROM db_meta WHERE key = 'instance'", s->instance,
                      sizeof(s->instance), info);
    }
    int64_t n = 0;
    if (err == ERR_OK &&
        (!str_to_i64(str_from(n_applied), &n) || n != (int64_t)move->n_migrations)) {
        err = err_set(info, ERR_CONFLICT, "from", "older_database",
                      "the database has %s of this program's %zu migrations: start the desk on it "
                      "once with this version, then move it",
                      n_applied, move->n_migrations);
    }
    return err;
}

enum err mv_source_open(const struct db_move *move, struct mv_source *out, struct errinfo *info)
{
    char path[4096];
    char search[4096];
    *out = (struct mv_source){0};
    if (!sq_paths(move->from, path, search, sizeof(path))) {
        return err_set(info, ERR_INVALID, "from", "url", "expected sqlite:/path/stablehand.db");
    }
    int flags = move->is_live ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    enum err err = ERR_OK;
    if (sqlite3_open_v2(path, &out->h, flags, NULL) != SQLITE_OK) {
        err = mv_sqlite_failed(out->h, path, info);
    } else if (move->is_live) {
        (void)sqlite3_busy_timeout(out->h, LIVE_WAIT_MS);
    } else {
        err = lock(out->h, info);
    }
    if (err == ERR_OK) {
        err = check_source(move, out, path, info);
    }
    if (err != ERR_OK) {
        mv_source_close(out);
    }
    return err;
}

void mv_source_close(struct mv_source *s)
{
    (void)sqlite3_close(s->h);
    s->h = NULL;
}

/* ---- tables ---- */

static enum err load_columns(struct mv_source *s, struct mv_table *t, struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(s->h, "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid", -1, &st,
                           NULL) != SQLITE_OK) {
        return mv_sqlite_failed(s->h, t->name, info);
    }
    (void)sqlite3_bind_text(st, 1, t->name, -1, SQLITE_STATIC);
    int rc = SQLITE_OK;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        ASSERT(t->n_columns < MV_COLUMNS_MAX);
        (void)snprintf(t->columns[t->n_columns].name, sizeof(t->columns[0].name), "%s",
                       (const char *)sqlite3_column_text(st, 0));
        int pk = sqlite3_column_int(st, 1); /* 1, 2 ...: its place in the key */
        ASSERT(pk <= MV_KEYS_MAX);
        if (pk > 0) {
            t->keys[pk - 1] = t->n_columns;
            t->n_keys++;
        }
        t->n_columns++;
    }
    (void)sqlite3_finalize(st);
    return rc == SQLITE_DONE ? ERR_OK : mv_sqlite_failed(s->h, t->name, info);
}

static enum err number_of(struct mv_source *s, const struct buf *sql, bool *is_null_out,
                          int64_t *out, struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    ASSERT(buf_err(sql) == ERR_OK);
    bool ok = sqlite3_prepare_v2(s->h, sql->p, (int)sql->len, &st, NULL) == SQLITE_OK &&
              sqlite3_step(st) == SQLITE_ROW;
    if (ok) {
        *is_null_out = sqlite3_column_type(st, 0) == SQLITE_NULL;
        *out = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    return ok ? ERR_OK : mv_sqlite_failed(s->h, "the database", info);
}

static enum err count_rows(struct mv_source *s, struct mv_table *t, struct errinfo *info)
{
    BUF_AUTO sql;
    bool is_null = false;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "SELECT COUNT(*) FROM ");
    mv_add_name(&sql, t->name);
    return number_of(s, &sql, &is_null, &t->n_rows_seen, info);
}

enum err mv_source_tables(struct mv_source *s, struct mv_table **tables_out, size_t *n_out,
                          struct errinfo *info)
{
    VEC(struct mv_table) tables = {0};
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(
        s->h,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
        "'\\' AND name NOT IN ('schema_migrations', 'db_meta') ORDER BY name",
        -1, &st, NULL);
    while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        struct mv_table t = {0};
        (void)snprintf(t.name, sizeof(t.name), "%s", (const char *)sqlite3_column_text(st, 0));
        VEC_PUSH(&tables, t);
    }
    (void)sqlite3_finalize(st);
    enum err err = rc == SQLITE_OK ? ERR_OK : mv_sqlite_failed(s->h, "the list of tables", info);
    for (size_t i = 0; i < tables.len && err == ERR_OK; i++) {
        err = load_columns(s, &tables.items[i], info);
        if (err == ERR_OK) {
            err = count_rows(s, &tables.items[i], info);
        }
    }
    *tables_out = tables.items;
    *n_out = tables.len;
    return err;
}

enum err mv_source_next(struct mv_source *s, const struct mv_table *t, int64_t from,
                        bool *found_out, int64_t *key_out, struct errinfo *info)
{
    BUF_AUTO sql;
    bool is_null = false;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "SELECT MIN(");
    mv_add_name(&sql, t->columns[t->keys[0]].name);
    (void)buf_add_cstr(&sql, ") FROM ");
    mv_add_name(&sql, t->name);
    mv_add_range(&sql, &(struct mv_part){t, from, INT64_MAX});
    enum err err = number_of(s, &sql, &is_null, key_out, info);
    *found_out = err == ERR_OK && !is_null;
    return err;
}

enum err mv_source_counter(struct mv_source *s, const char *table, int64_t *out,
                           struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    *out = 0;
    if (sqlite3_prepare_v2(s->h, "SELECT seq FROM sqlite_sequence WHERE name = ?1", -1, &st,
                           NULL) != SQLITE_OK) {
        return mv_sqlite_failed(s->h, "sqlite_sequence", info);
    }
    (void)sqlite3_bind_text(st, 1, table, -1, SQLITE_STATIC);
    if (sqlite3_step(st) == SQLITE_ROW) {
        *out = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    return ERR_OK;
}
