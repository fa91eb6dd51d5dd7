/* What every database engine must do: included by the test of each engine, which defines how to open an empty database with these migrations. */
#ifndef TEST_DB_CONFORMANCE_H
#define TEST_DB_CONFORMANCE_H

#include "platform/db.h"

extern const struct db_migration conformance_migrations[];
#define N_CONFORMANCE_MIGRATIONS 2

/* Runs all cases on engines made by `open`/`close`; returns the number of failures. */
struct conformance_engine {
    const char *name;
    int n_writers; /* functions that may run at the same time */
    void (*open)(struct db **db);
    void (*close)(struct db **db);
};
int db_conformance_run(const struct conformance_engine *engine);

#endif
