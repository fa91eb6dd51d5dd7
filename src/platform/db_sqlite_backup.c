/* See db_sqlite_backup.h.
 *
 * The copy holds one read transaction on its source for as long as it takes. Without it SQLite would start over whenever somebody commits, that is for
 * ever on a busy server; with it the log cannot be restarted meanwhile and grows by what is written. Steps with a breath in between leave the disk
 * to the writer. The copy appears under its name only when it is complete, checked and synced. */
#include "platform/db_sqlite_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rng.h"
#include "platform/db_migrate.h"
#include "platform/db_sqlite.h"

#define STEP_PAGES 512
#define STEP_PAUSE_NS 500000
#define PATH_LEN 4096
#define MIGRATIONS_MAX 1000

static enum err fail_sql(sqlite3 *h, int rc, const char *what, const char *path,
                         struct errinfo *info)
{
    return err_set(info, ERR_UNAVAILABLE, "db", "backup", "%s %s: %s", what, path,
                   h != NULL ? sqlite3_errmsg(h) : sqlite3_errstr(rc));
}

static enum err sync_file(const char *path, struct errinfo *info)
{
    char dir[PATH_LEN];
    (void)snprintf(dir, sizeof(dir), "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL) {
        (void)snprintf(dir, sizeof(dir), ".");
    } else {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    const char *const names[] = {path, dir};
    for (size_t i = 0; i < 2; i++) {
        int fd = open(names[i], O_RDONLY | O_CLOEXEC);
        int rc = fd < 0 ? -1 : fsync(fd);
        if (fd >= 0) {
            (void)close(fd);
        }
        if (rc != 0) {
            return err_set(info, ERR_UNAVAILABLE, "db", "sync", "cannot sync %s (errno %d)",
                           names[i], errno);
        }
    }
    return ERR_OK;
}

static enum err copy_pages(sqlite3 *from, sqlite3 *to, const char *to_path, struct errinfo *info)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL) {
        return fail_sql(to, SQLITE_ERROR, "cannot write", to_path, info);
    }
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED) {
        rc = sqlite3_backup_step(backup, STEP_PAGES);
        if (rc != SQLITE_DONE) {
            struct timespec ts = {0, STEP_PAUSE_NS};
            (void)nanosleep(&ts, NULL);
        }
    }
    int end = sqlite3_backup_finish(backup);
    return rc == SQLITE_DONE && end == SQLITE_OK ? ERR_OK
                                                 : fail_sql(to, end, "cannot write", to_path, info);
}

static enum err check_pages(sqlite3 *h, const char *sql, const char *path, struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    enum err err = ERR_OK;
    if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK || sqlite3_step(st) != SQLITE_ROW) {
        err = fail_sql(h, SQLITE_ERROR, "cannot check", path, info);
    } else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0) {
        err = err_set(info, ERR_UNAVAILABLE, "db", "damaged", "%s is damaged: %.100s", path,
                      (const char *)sqlite3_column_text(st, 0));
    }
    (void)sqlite3_finalize(st);
    return err;
}

/* With the read transaction held on `from`. */
static enum err copy_checked(sqlite3 *from, const char *part, struct errinfo *info)
{
    sqlite3 *to = NULL;
    int rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    enum err err = rc != SQLITE_OK ? fail_sql(to, rc, "cannot create", part, info) : ERR_OK;
    if (err == ERR_OK) {
        (void)chmod(part, 0600);
        /* no journal for a file that is thrown away when anything fails */
        (void)sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;", NULL, NULL,
                           NULL);
        err = copy_pages(from, to, part, info);
    }
    if (err == ERR_OK) {
        /* as one file, without a log beside it */
        rc = sqlite3_exec(to, "PRAGMA journal_mode=DELETE;", NULL, NULL, NULL);
        err = rc != SQLITE_OK ? fail_sql(to, rc, "cannot finish", part, info)
                              : check_pages(to, "PRAGMA quick_check", part, info);
    }
    (void)sqlite3_close(to);
    return err == ERR_OK ? sync_file(part, info) : err;
}

enum err sq_copy_file(const char *from_path, const char *to_path, struct errinfo *info)
{
    char part[PATH_LEN];
    (void)snprintf(part, sizeof(part), "%s.part", to_path);
    if (access(to_path, F_OK) == 0) {
        return err_set(info, ERR_CONFLICT, "path", "exists", "%s exists already", to_path);
    }
    (void)unlink(part);
    sqlite3 *from = NULL;
    int rc = sqlite3_open_v2(from_path, &from, SQLITE_OPEN_READONLY, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_busy_timeout(from, 5000);
        rc = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema;", NULL, NULL, NULL);
    }
    enum err err = rc != SQLITE_OK ? fail_sql(from, rc, "cannot read", from_path, info)
                                   : copy_checked(from, part, info);
    (void)sqlite3_close(from);
    if (err == ERR_OK && rename(part, to_path) != 0) {
        err = err_set(info, ERR_UNAVAILABLE, "path", "rename", "cannot name %s (errno %d)", to_path,
                      errno);
    }
    if (err != ERR_OK) {
        (void)unlink(part);
        return err;
    }
    return sync_file(to_path, info);
}

/* ---- verification and restore ---- */

enum err sq_check_migrations(sqlite3 *h, const char *path, const struct db_migration *migrations,
                             size_t n, struct errinfo *info)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(h, "SELECT number, name, sha256 FROM schema_migrations ORDER BY number",
                           -1, &st, NULL) != SQLITE_OK) {
        return err_set(info, ERR_INVALID, "path", "foreign", "%s is not a database of this program",
                       path);
    }
    struct db_applied *applied = MEM_NEW_ARRAY(struct db_applied, MIGRATIONS_MAX);
    size_t n_applied = 0;
    while (n_applied < MIGRATIONS_MAX && sqlite3_step(st) == SQLITE_ROW) {
        struct db_applied *a = &applied[n_applied++];
        a->number = sqlite3_column_int(st, 0);
        (void)snprintf(a->name, sizeof(a->name), "%s", (const char *)sqlite3_column_text(st, 1));
        (void)snprintf(a->sha256, sizeof(a->sha256), "%s",
                       (const char *)sqlite3_column_text(st, 2));
    }
    (void)sqlite3_finalize(st);
    struct db_state state = {applied, n_applied, (int)n_applied};
    if (sqlite3_prepare_v2(h, "SELECT value FROM db_meta WHERE key = '" DB_OLDEST_PROGRAM "'", -1,
                           &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW) {
        state.oldest_program = sqlite3_column_int(st, 0);
    }
    (void)sqlite3_finalize(st);
    size_t n_done = 0;
    enum err err = db_migrate_decide(migrations, n, &state, &n_done, info);
    mem_free(applied);
    return err;
}

enum err sq_verify_file(const char *path, const struct db_migration *migrations, size_t n,
                        struct errinfo *info)
{
    sqlite3 *h = NULL;
    int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL);
    enum err err = rc != SQLITE_OK ? fail_sql(h, rc, "cannot open", path, info)
                                   : check_pages(h, "PRAGMA integrity_check", path, info);
    if (err == ERR_OK) {
        err = sq_check_migrations(h, path, migrations, n, info);
    }
    (void)sqlite3_close(h);
    return err;
}

/* Leaving WAL needs the file alone: it fails when anybody has it open, and makes the old database one complete file. */
static enum err set_aside(const char *path, struct errinfo *info)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *st = NULL;
    bool is_alone =
        sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(h, "PRAGMA journal_mode=DELETE", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(st, 0), "delete") == 0;
    bool is_broken = !is_alone && h != NULL && sqlite3_errcode(h) == SQLITE_NOTADB;
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(h);
    if (!is_alone && !is_broken) {
        return err_set(info, ERR_CONFLICT, "path", "in_use", "%s is in use: stop the server first",
                       path);
    }
    char aside[PATH_LEN];
    (void)snprintf(aside, sizeof(aside), "%s.replaced", path);
    if (rename(path, aside) != 0) {
        return err_set(info, ERR_UNAVAILABLE, "path", "rename", "cannot rename %s (errno %d)", path,
                       errno);
    }
    const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(aside, sizeof(aside), "%s%s", path, suffixes[i]);
        (void)unlink(aside);
    }
    return ERR_OK;
}

/* A restored database is another one to its search index, which is therefore made anew. */
static enum err renew_instance(const char *path, struct errinfo *info)
{
    sqlite3 *h = NULL;
    sqlite3_stmt *st = NULL;
    char id[17];
    (void)snprintf(id, sizeof(id), "%016llx", (unsigned long long)rng_u64());
    int rc = sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_prepare_v2(h, "UPDATE db_meta SET value = ?1 WHERE key = 'instance'", -1, &st,
                                NULL);
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
        rc = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
    }
    (void)sqlite3_finalize(st);
    enum err err = rc == SQLITE_OK ? ERR_OK : fail_sql(h, rc, "cannot write", path, info);
    (void)sqlite3_close(h);
    return err;
}

enum err sq_restore_file(const char *from, const char *to, bool force,
                         const struct db_migration *migrations, size_t n, struct errinfo *info)
{
    char staged[PATH_LEN];
    (void)snprintf(staged, sizeof(staged), "%s.restore", to);
    bool exists = access(to, F_OK) == 0;
    if (exists && !force) {
        return err_set(info, ERR_CONFLICT, "path", "exists",
                       "%s exists: use --force to replace it (it is kept as %s.replaced)", to, to);
    }
    (void)unlink(staged);
    enum err err = sq_copy_file(from, staged, info);
    if (err == ERR_OK) {
        err = sq_verify_file(staged, migrations, n, info);
    }
    if (err == ERR_OK) {
        err = renew_instance(staged, info);
    }
    if (err == ERR_OK && exists) {
        err = set_aside(to, info);
    }
    if (err == ERR_OK && rename(staged, to) != 0) {
        err = err_set(info, ERR_UNAVAILABLE, "path", "rename", "cannot name %s (errno %d)", to,
                      errno);
    }
    if (err != ERR_OK) {
        (void)unlink(staged);
        return err;
    }
    return sync_file(to, info);
}

/* ---- engine ---- */

enum err sq_backup(struct db *base, const char *path, struct errinfo *info)
{
    return sq_copy_file(((struct sq_db *)base)->path, path, info);
}
