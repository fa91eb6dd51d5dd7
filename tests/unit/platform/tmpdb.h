/* A database in a folder of its own, for tests: made by mkdtemp, removed afterwards. */
#ifndef TEST_TMPDB_H
#define TEST_TMPDB_H

#include <ftw.h>
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
#include "platform/migrations.h"

struct tmpdb {
    char dir[64];
    char url[128];
    struct db *db;
};

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

static inline void tmpdb_close(struct tmpdb *t)
{
    db_close(&t->db);
    (void)nftw(t->dir, tmpdb_rm, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
