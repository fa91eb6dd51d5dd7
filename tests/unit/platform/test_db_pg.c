/* PostgreSQL engine: the conformance suite, and what only this engine promises. Without SH_TEST_PG (scripts/with-postgres) there is nothing to test on. */
#include "tmpdb.h"

#include "db_conformance.h"

static struct tmpdb tmp;

static void open_pg(struct db **db)
{
    tmp = (struct tmpdb){0};
    tmpdb_dir(&tmp);
    struct db_options o = {.migrations = conformance_migrations,
                           .n_migrations = N_CONFORMANCE_MIGRATIONS,
                           .n_writers = 4,
                           .max_waiting = 4096};
    tmpdb_reopen(&tmp, &o);
    *db = tmp.db;
}

static void close_pg(struct db **db)
{
    *db = NULL;
    tmpdb_close(&tmp);
}

int main(void)
{
    if (tmpdb_pg() == NULL) {
        print_message("skipped: no SH_TEST_PG\n");
        return 77;
    }
    const struct conformance_engine pg = {"postgres", 4, open_pg, close_pg};
    return db_conformance_run(&pg);
}
