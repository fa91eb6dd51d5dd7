/* A database in a folder of its own, for tests: made by mkdtemp, removed afterwards. With SH_TEST_PG=url (scripts/with-postgres) it is a schema of its own in that
 * PostgreSQL database instead, unless the test says TMPDB_SQLITE before it includes this; the folder is there all the same, for files. */
#ifndef TEST_TMPDB_H
#define TEST_TMPDB_H

#include <ftw.h>
#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "platform/db.h"
#include "platform/event.h"
#include "platform/migrations.h"

struct tmpdb {
    char dir[64];
    char url[512];
    char schema[64]; /* PostgreSQL */
    bool is_file;    /* SQLite whatever SH_TEST_PG says: set before tmpdb_dir */
    struct db *db;
};

static inline const char *tmpdb_pg(void)
{
#ifdef TMPDB_SQLITE
    return NULL;
#else
    return getenv("SH_TEST_PG");
#endif
}

static inline void tmpdb_pg_run(const char *sql)
{
    PGconn *h = PQconnectdb(tmpdb_pg());
    (void)PQsetErrorVerbosity(h, PQERRORS_TERSE);
    PGresult *result = PQexec(h, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(h));
    }
    PQclear(result);
    PQfinish(h);
}

static inline int tmpdb_rm(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static inline void tmpdb_dir(struct tmpdb *t)
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(t->dir, sizeof(t->dir), "%s/shXXXXXX",
                   tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    ASSERT(mkdtemp(t->dir) != NULL);
    (void)snprintf(t->url, sizeof(t->url), "sqlite:%s/test.db", t->dir);
    if (tmpdb_pg() != NULL && !t->is_file) {
        char sql[128];
        (void)snprintf(t->schema, sizeof(t->schema), "t%s", t->dir + strlen(t->dir) - 8);
        (void)snprintf(sql, sizeof(sql), "SET client_min_messages = error; CREATE SCHEMA \"%s\"",
                       t->schema);
        tmpdb_pg_run(sql);
        (void)snprintf(t->url, sizeof(t->url), "%s&options=-csearch_path%%3D\"%s\"", tmpdb_pg(),
                       t->schema);
    }
}

static inline void tmpdb_reopen(struct tmpdb *t, const struct db_options *options)
{
    db_close(&t->db);
    struct db_options o = *options;
    o.url = t->url;
    struct errinfo info = {0};
    if (db_open(&o, &t->db, &info) != ERR_OK) {
        fail_msg("db_open: %s", info.message);
    }
}

/* All of the program's migrations. */
static inline void tmpdb_open(struct tmpdb *t)
{
    struct db_options o = {0};
    o.migrations = migrations_all(&o.n_migrations);
    tmpdb_dir(t);
    tmpdb_reopen(t, &o);
}

static inline enum err tmpdb_last_event(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT COALESCE(MAX(id), 0) FROM events", NULL, 0, arg);
}

/* Until what was submitted has run and the bus has heard of what was committed. On SQLite a write behind the others is enough. */
static inline void tmpdb_settle(struct tmpdb *t)
{
    for (int i = 0; i < 10000 && tmpdb_pg() != NULL; i++) {
        struct db_stats stats;
        int64_t last = 0;
        db_stats_get(t->db, &stats);
        ASSERT(db_read(t->db, tmpdb_last_event, &last) == ERR_OK);
        if (stats.queue_len == 0 && event_told(t->db).v >= last) {
            break;
        }
        (void)usleep(1000);
    }
}

static inline void tmpdb_close(struct tmpdb *t)
{
    db_close(&t->db);
    if (t->schema[0] != '\0') {
        char sql[128];
        (void)snprintf(sql, sizeof(sql),
                       "SET client_min_messages = error; DROP SCHEMA \"%s\" CASCADE", t->schema);
        tmpdb_pg_run(sql);
    }
    (void)nftw(t->dir, tmpdb_rm, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
