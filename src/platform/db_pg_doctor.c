/* The doctor's checks on PostgreSQL: each fills one result. It connects of its own accord and changes nothing. */
#include "platform/db_pg_doctor.h"

#include <stdarg.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define PG_LONG_TXN_S 60

int64_t pg_number(PGconn *h, const char *sql, int64_t fallback)
{
    PGresult *result = PQexec(h, sql);
    int64_t v = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1
                    ? pg_result_i64(result, 0, 0)
                    : fallback;
    PQclear(result);
    return v;
}

static void pg_exam_server(struct pg_exam *e)
{
    struct errinfo info = {0};
    int version = PQserverVersion(e->h);
    if (pg_check_server(e->h, &info) != ERR_OK) {
        doctor_note(&e->report, "database", DOCTOR_BAD, "%s", info.message);
    } else {
        doctor_note(&e->report, "database", DOCTOR_GOOD,
                    "PostgreSQL %d.%d, %lld MB, text compared as bytes", version / 10000,
                    version % 10000,
                    (long long)(pg_number(e->h, "SELECT pg_database_size(current_database())", 0) /
                                1048576));
    }
}

static void pg_exam_durability(struct pg_exam *e)
{
    bool is_safe = pg_number(e->h,
                             "SELECT COUNT(*) FROM pg_settings WHERE name IN ('fsync', "
                             "'full_page_writes') AND setting = 'off'",
                             0) == 0;
    doctor_note(&e->report, "durability", is_safe ? DOCTOR_GOOD : DOCTOR_BAD,
                is_safe
                    ? "fsync and full_page_writes are on"
                    : "fsync or full_page_writes is off: a power cut loses what was acknowledged");
}

static void pg_exam_migrations(struct pg_exam *e)
{
    struct errinfo info = {0};
    size_t n_applied = 0;
    if (pg_check_migrations(e->h, e->cli->migrations, e->cli->n_migrations, &n_applied, &info) !=
        ERR_OK) {
        doctor_note(&e->report, "migrations", DOCTOR_BAD, "%s", info.message);
    } else if (n_applied < e->cli->n_migrations) {
        bool waits = db_migration_kind(&e->cli->migrations[n_applied]) == DB_CONTRACT;
        doctor_note(&e->report, "migrations", DOCTOR_WARNING,
                    waits ? "%zu of %zu applied; the rest waits for `stablehand schema --contract`"
                          : "%zu of %zu applied; the rest comes with the next start",
                    n_applied, e->cli->n_migrations);
    } else if (n_applied > e->cli->n_migrations) {
        doctor_note(&e->report, "migrations", DOCTOR_WARNING,
                    "%zu applied, this program knows %zu: an older version that may go on beside "
                    "newer ones",
                    n_applied, e->cli->n_migrations);
    } else {
        doctor_note(&e->report, "migrations", DOCTOR_GOOD, "all %zu applied, unchanged",
                    e->cli->n_migrations);
    }
}

/* What holds the horizon of db_pg_stream.c. */
static void pg_exam_transactions(struct pg_exam *e)
{
    int64_t age_s = pg_number(e->h,
                              "SELECT COALESCE(MAX(EXTRACT(EPOCH FROM now() - xact_start)), "
                              "0)::bigint FROM pg_stat_activity WHERE backend_xid IS NOT NULL",
                              0);
    doctor_note(&e->report, "transactions", age_s > PG_LONG_TXN_S ? DOCTOR_WARNING : DOCTOR_GOOD,
                age_s > PG_LONG_TXN_S
                    ? "one that writes is %lld s old: it holds up what people see live, and vacuum"
                    : "the oldest that writes is %lld s old",
                (long long)age_s);
}

static void pg_exam_outbox(struct pg_exam *e)
{
    int64_t n_dead = pg_number(e->h, "SELECT COUNT(*) FROM outbox WHERE state = 3", -1);
    int64_t n_waiting = pg_number(e->h, "SELECT COUNT(*) FROM outbox WHERE state < 2", 0);
    if (n_dead >= 0) {
        doctor_note(&e->report, "outbox", n_dead > 0 ? DOCTOR_WARNING : DOCTOR_GOOD,
                    "%lld waiting, %lld given up", (long long)n_waiting, (long long)n_dead);
    }
}

size_t pg_doctor(const struct db_cli *cli, struct doctor_result *results)
{
    struct errinfo info = {0};
    struct pg_exam e = {.cli = cli, .report = {results, 0}};
    struct pg_db db = {.conninfo = mem_strdup(cli->url)};
    if (pg_connect(&db, PG_HELPER, &e.h, &info) != ERR_OK) {
        doctor_note(&e.report, "database", DOCTOR_BAD, "%s", info.message);
    } else {
        pg_exam_server(&e);
        pg_exam_durability(&e);
        pg_exam_migrations(&e);
        pg_exam_transactions(&e);
        pg_exam_outbox(&e);
        pg_exam_clock(&e);
        pg_exam_nodes(&e);
        pg_exam_replication(&e);
    }
    PQfinish(e.h);
    mem_free(db.conninfo);
    return e.report.n;
}
