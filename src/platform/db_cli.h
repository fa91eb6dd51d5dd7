/* What `stablehand backup | restore | schema | doctor` do. They print for people (stdout; complaints to stderr) and return the exit code: 0 done, 1 not.
 * All of them work beside a running server, except restore. */
#ifndef PLATFORM_DB_CLI_H
#define PLATFORM_DB_CLI_H

#include "platform/db.h"

struct db_cli {
    const char *url;       /* as for db_open */
    const char *data_dir;  /* for the doctor: where this machine writes; NULL: not looked at */
    const char *files_dir; /* of files_open_local; NULL: no files */
    const char *key_file;  /* the installation's key; NULL: none to be put back */
    bool with_key;         /* the backup shall hold it */
    const struct db_migration *migrations;
    size_t n_migrations;
    const struct db_index_source *sources; /* for the doctor: how far the search index is behind */
    size_t n_sources;
};

/* Makes the folder `target` (it must not exist; db_backup.h) with the database as it was at one moment, every file it names, and SHA-256 sums of everything. On PostgreSQL pg_dump is run.
 * The search index is not in it: it is made anew after a restore. */
int db_cmd_backup(const struct db_cli *cli, const char *target);
/* Puts such a folder in place after checking it (sums, integrity, migrations of this program). An existing database is refused, or with `force`
 * kept: a file as NAME.replaced, on PostgreSQL as a schema replaced_TIME. One that is in use is always refused. */
int db_cmd_restore(const struct db_cli *cli, const char *source, bool force);
/* Where the database stands between versions of the program. `contracts`: runs the migrations that take away what older versions use; refused while one is connected, unless `force`. */
int db_cmd_schema(const struct db_cli *cli, bool contracts, bool force);
int db_cmd_doctor(const struct db_cli *cli);

/* ---- the checks, for whoever shows them otherwise ---- */
enum doctor_level { DOCTOR_GOOD, DOCTOR_WARNING, DOCTOR_BAD };
struct doctor_result {
    const char *
        name; /* "integrity", "log", "search index", "disk", "clock", "open files", "outbox", "migrations", "versions", "bus" */
    enum doctor_level level;
    char text[224];
};
#define DOCTOR_RESULTS_MAX 24
/* Results being filled in, for the engines' own checks. */
struct doctor_report {
    struct doctor_result *results; /* room for DOCTOR_RESULTS_MAX */
    size_t n;
};
void doctor_note(struct doctor_report *report, const char *name, enum doctor_level level,
                 const char *text, ...) __attribute__((format(printf, 4, 5)));
/* Reads the file of its own accord, read-only. Returns how many results were filled in. */
void doctor_print(const struct doctor_result *r); /* one line to stdout */
size_t db_doctor(const struct db_cli *cli, struct doctor_result results[DOCTOR_RESULTS_MAX]);

#endif
