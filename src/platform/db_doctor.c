/* The doctor: each check fills one result and knows nothing of the others. It opens the SQLite file itself, read-only, so that it works beside a running
 * server and on a database that the server refuses to open. */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/db_cli.h"
#include "platform/db_pg.h"
#include "platform/db_sqlite.h"
#include "platform/db_sqlite_backup.h"

#define MB 1048576LL
#define CLOCK_SLACK_MS (5 * TIME_MINUTE_MS)
#define CLOCK_SANE_AT 1735689600000LL /* 2025 */

struct exam {
    const struct db_cli *cli;
    char path[4096], search_path[4096];
    sqlite3 *h; /* NULL: cannot be opened */
    struct doctor_report report;
};

void doctor_note(struct doctor_report *report, const char *name, enum doctor_level level,
                 const char *text, ...)
{
    ASSERT(report->n < DOCTOR_RESULTS_MAX);
    struct doctor_result *r = &report->results[report->n++];
    *r = (struct doctor_result){.name = name, .level = level};
    va_list args;
    va_start(args, text);
    (void)vsnprintf(r->text, sizeof(r->text), text, args);
    va_end(args);
}

static int64_t size_of(const char *path, const char *suffix)
{
    char name[4200];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%s%s", path, suffix);
    return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* One integer; `fallback` when the query fails or has no row. */
static int64_t number(sqlite3 *h, const char *sql, int64_t fallback)
{
    sqlite3_stmt *st = NULL;
    int64_t v = fallback;
    if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        v = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_finalize(st);
    return v;
}

static void check_integrity(struct exam *e)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v2(e->h, "PRAGMA quick_check(1)", -1, &st, NULL) != SQLITE_OK ||
        sqlite3_step(st) != SQLITE_ROW) {
        doctor_note(&e->report, "integrity", DOCTOR_BAD, "cannot be checked: %s",
                    sqlite3_errmsg(e->h));
    } else if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0) {
        doctor_note(&e->report, "integrity", DOCTOR_BAD,
                    "damaged: %.120s. Restore the last backup.",
                    (const char *)sqlite3_column_text(st, 0));
    } else {
        doctor_note(&e->report, "integrity", DOCTOR_GOOD, "%lld MB, no damage found",
                    (long long)(size_of(e->path, "") / MB));
    }
    (void)sqlite3_finalize(st);
}

static void check_migrations(struct exam *e)
{
    struct errinfo info = {0};
    int64_t n_applied = number(e->h, "SELECT COUNT(*) FROM schema_migrations", -1);
    if (n_applied < 0) {
        doctor_note(&e->report, "migrations", DOCTOR_BAD, "this is not a database of this program");
    } else if (sq_check_migrations(e->h, e->path, e->cli->migrations, e->cli->n_migrations,
                                   &info) != ERR_OK) {
        doctor_note(&e->report, "migrations", DOCTOR_BAD, "%s", info.message);
    } else if ((size_t)n_applied < e->cli->n_migrations) {
        doctor_note(&e->report, "migrations", DOCTOR_WARNING,
                    "%lld of %zu applied; the rest comes with the next start", (long long)n_applied,
                    e->cli->n_migrations);
    } else if ((size_t)n_applied > e->cli->n_migrations) {
        doctor_note(&e->report, "migrations", DOCTOR_WARNING,
                    "%lld applied, this program knows %zu: an older version that may go on",
                    (long long)n_applied, e->cli->n_migrations);
    } else {
        doctor_note(&e->report, "migrations", DOCTOR_GOOD, "all %zu applied, unchanged",
                    e->cli->n_migrations);
    }
}

static void check_log(struct exam *e)
{
    int64_t size = size_of(e->path, "-wal");
    if (size > 512 * MB) {
        doctor_note(
            &e->report, "log", DOCTOR_WARNING,
            "the write-ahead log has %lld MB: something holds a read transaction, or the disk "
            "is too slow",
            (long long)(size / MB));
    } else {
        doctor_note(&e->report, "log", DOCTOR_GOOD, "%lld MB",
                    (long long)(size < 0 ? 0 : size / MB));
    }
}

static int64_t rows_behind(struct exam *e, sqlite3 *search, const struct db_index_source *source)
{
    char *sql = sq_source_sql("SELECT last_id FROM index_state WHERE source = '@'", source->name);
    int64_t last_id = number(search, sql, 0);
    mem_free(sql);
    sqlite3_stmt *st = NULL;
    int64_t n = 0;
    if (sqlite3_prepare_v2(e->h, source->added_sql, -1, &st, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_int64(st, 1, last_id); /* $1 and $2 appear in this order */
        (void)sqlite3_bind_int64(st, 2, 100000);
        while (sqlite3_step(st) == SQLITE_ROW) {
            n++;
        }
    }
    (void)sqlite3_finalize(st);
    return n;
}

static void check_index(struct exam *e)
{
    sqlite3 *search = NULL;
    if (e->cli->n_sources == 0) {
        return;
    }
    if (sqlite3_open_v2(e->search_path, &search, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        doctor_note(&e->report, "search index", DOCTOR_WARNING,
                    "there is none yet; it is made at the next start");
        (void)sqlite3_close(search);
        return;
    }
    int64_t n = 0;
    for (size_t i = 0; i < e->cli->n_sources; i++) {
        n += rows_behind(e, search, &e->cli->sources[i]);
    }
    (void)sqlite3_close(search);
    doctor_note(&e->report, "search index", n > 10000 ? DOCTOR_WARNING : DOCTOR_GOOD,
                "%lld MB, %lld rows behind", (long long)(size_of(e->search_path, "") / MB),
                (long long)n);
}

static void check_disk(struct exam *e, const char *dir)
{
    struct statvfs st;
    if (statvfs(dir, &st) != 0) {
        doctor_note(&e->report, "disk", DOCTOR_BAD, "cannot look at %s (errno %d)", dir, errno);
        return;
    }
    int64_t free_mb = (int64_t)((uint64_t)st.f_bavail * st.f_frsize / (uint64_t)MB);
    enum doctor_level level = free_mb < 200    ? DOCTOR_BAD
                              : free_mb < 2048 ? DOCTOR_WARNING
                                               : DOCTOR_GOOD;
    doctor_note(&e->report, "disk", level, "%lld MB free%s", (long long)free_mb,
                level == DOCTOR_GOOD ? "" : ": writing stops when it is full");
}

static void check_clock(struct exam *e)
{
    struct clock clock = clock_system();
    int64_t now = clock_now(&clock);
    int64_t last_at = e->h == NULL ? 0
                                   : number(e->h,
                                            "SELECT COALESCE(MAX(at), 0) FROM (SELECT at FROM "
                                            "events ORDER BY id DESC LIMIT 100)",
                                            0);
    char text[TIME_TEXT_MAX];
    (void)time_format(now, text);
    if (now < CLOCK_SANE_AT) {
        doctor_note(&e->report, "clock", DOCTOR_BAD, "%s cannot be right", text);
    } else if (last_at > now + CLOCK_SLACK_MS) {
        doctor_note(&e->report, "clock", DOCTOR_BAD,
                    "%s, but the last event is %lld s later: the clock went back", text,
                    (long long)((last_at - now) / 1000));
    } else {
        doctor_note(&e->report, "clock", DOCTOR_GOOD, "%s", text);
    }
}

static void check_open_files(struct exam *e)
{
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0) {
        return;
    }
    unsigned long long soft = (unsigned long long)lim.rlim_cur;
    unsigned long long hard = (unsigned long long)lim.rlim_max;
    doctor_note(&e->report, "open files", hard < 4096 ? DOCTOR_WARNING : DOCTOR_GOOD,
                "limit %llu, raised to %llu at start: about %llu connections", soft, hard,
                hard > 200 ? hard - 200 : 0);
}

static void check_outbox(struct exam *e)
{
    int64_t n_dead = number(e->h, "SELECT COUNT(*) FROM outbox WHERE state = 3", -1);
    int64_t n_waiting = number(e->h, "SELECT COUNT(*) FROM outbox WHERE state < 2", 0);
    if (n_dead >= 0) {
        doctor_note(&e->report, "outbox", n_dead > 0 ? DOCTOR_WARNING : DOCTOR_GOOD,
                    "%lld waiting, %lld given up", (long long)n_waiting, (long long)n_dead);
    }
}

size_t db_doctor(const struct db_cli *cli, struct doctor_result results[DOCTOR_RESULTS_MAX])
{
    struct exam e = {.cli = cli, .report = {results, 0}};
    if (strncmp(cli->url, "postgres", 8) == 0) {
        e.report.n = pg_doctor(cli, results);
        if (cli->data_dir != NULL && access(cli->data_dir, F_OK) == 0) {
            check_disk(&e, cli->data_dir);
        }
        check_clock(&e);
        check_open_files(&e);
        return e.report.n;
    }
    if (!sq_paths(cli->url, e.path, e.search_path, sizeof(e.path))) {
        doctor_note(&e.report, "database", DOCTOR_BAD,
                    "%s is not of this kind: sqlite:/path/stablehand.db", cli->url);
        return e.report.n;
    }
    int rc = sqlite3_open_v2(e.path, &e.h, SQLITE_OPEN_READONLY, NULL);
    if (rc != SQLITE_OK) {
        doctor_note(&e.report, "database", DOCTOR_BAD, "cannot open %s: %s", e.path,
                    sqlite3_errstr(rc));
        (void)sqlite3_close(e.h);
        e.h = NULL;
    } else {
        (void)sqlite3_busy_timeout(e.h, 2000);
        check_integrity(&e);
        check_migrations(&e);
        check_log(&e);
        check_index(&e);
        check_outbox(&e);
    }
    char dir[sizeof(e.path) + 2];
    (void)snprintf(dir, sizeof(dir), "%s", e.path);
    char *slash = strrchr(dir, '/');
    (void)snprintf(slash == NULL ? dir : slash + 1, 2, ".");
    check_disk(&e, dir);
    check_clock(&e);
    check_open_files(&e);
    doctor_note(&e.report, "versions", DOCTOR_GOOD, "SQLite %s", sqlite3_libversion());
    (void)sqlite3_close(e.h);
    return e.report.n;
}
