/* `stablehand schema`: where the database stands between versions of the program, and the step that does not come by itself. See db_cli.h. */
#include "platform/db_cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/db_migrate.h"
#include "platform/db_pg.h"

#define GOODBYE_TRIES 20
#define GOODBYE_US 50000

/* The rest of the first line: "what for". */
static struct str reason_of(const struct db_migration *m)
{
    struct str rest = str_from(m->sql);
    struct str line = {0};
    (void)str_split(&rest, '\n', &line);
    size_t at = str_find(line, STR(": "));
    return at == SIZE_MAX ? STR("") : str_sub(line, at + 2, SIZE_MAX);
}

static int show(const struct db_cli *cli, size_t n_applied)
{
    (void)printf("database: %zu migrations applied; this program knows %zu\n", n_applied,
                 cli->n_migrations);
    if (n_applied > cli->n_migrations) {
        (void)printf("This is an older version that may go on beside newer ones.\n");
    }
    for (size_t i = n_applied; i < cli->n_migrations; i++) {
        const struct db_migration *m = &cli->migrations[i];
        bool contracts = db_migration_kind(m) == DB_CONTRACT;
        struct str why = reason_of(m);
        (void)printf("  %s %04d_%s " STR_FMT "\n",
                     contracts ? "waits for --contract:" : "comes with the next start:", m->number,
                     m->name, STR_ARG(why));
    }
    return 0;
}

/* The highest pending number that contracts; 0: none. */
static int last_contract(const struct db_cli *cli, size_t n_applied)
{
    int number = 0;
    for (size_t i = n_applied; i < cli->n_migrations; i++) {
        if (db_migration_kind(&cli->migrations[i]) == DB_CONTRACT) {
            number = cli->migrations[i].number;
        }
    }
    return number;
}

static enum err contract(const struct db_cli *cli, struct pg_db *db, PGconn *h, size_t n_applied,
                         bool force, struct errinfo *info)
{
    int64_t n_older = 0;
    int number = last_contract(cli, n_applied);
    if (number == 0) {
        (void)printf("schema: nothing waits\n");
        return ERR_OK;
    }
    enum err err = pg_count_older(h, number, &n_older, info);
    for (int i = 0; i < GOODBYE_TRIES && err == ERR_OK && n_older > 0; i++) {
        (void)usleep(GOODBYE_US); /* a server notices a little later that somebody has gone */
        err = pg_count_older(h, number, &n_older, info);
    }
    if (err == ERR_OK && n_older > 0 && !force) {
        err = err_set(info, ERR_CONFLICT, "db", "older_nodes",
                      "%lld connections of older versions are there: stop those nodes first (or "
                      "--force; they stop being ready)",
                      (long long)n_older);
    }
    if (err == ERR_OK) {
        err = pg_migrate(db, cli->migrations, cli->n_migrations, true, info);
    }
    if (err == ERR_OK) {
        (void)printf(
            "schema: done. Versions that do not know migration %d cannot use this database "
            "any more.\n",
            number);
    }
    return err;
}

int db_cmd_schema(const struct db_cli *cli, bool contracts, bool force)
{
    struct errinfo info = {0};
    size_t n_applied = 0;
    PGconn *h = NULL;
    if (strncmp(cli->url, "postgres", 8) != 0) {
        (void)printf("schema: a file has one program, which runs every migration when it starts\n");
        return 0;
    }
    struct pg_db db = {.conninfo = mem_strdup(cli->url)};
    enum err err = pg_connect(&db, PG_HELPER, &h, &info);
    if (err == ERR_OK) {
        err = pg_check_migrations(h, cli->migrations, cli->n_migrations, &n_applied, &info);
    }
    if (err == ERR_OK && contracts) {
        err = contract(cli, &db, h, n_applied, force, &info);
    }
    PQfinish(h);
    mem_free(db.conninfo);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "schema: %s\n", info.message);
        return 1;
    }
    return contracts ? 0 : show(cli, n_applied);
}
