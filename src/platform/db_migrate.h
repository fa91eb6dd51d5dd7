/* Migrations, the part that no engine owns: words expanded, hashes, and the decision what is to be done. Pure. */
#ifndef PLATFORM_DB_MIGRATE_H
#define PLATFORM_DB_MIGRATE_H

#include "platform/db.h"

/* What {{ID}} and its friends mean on an engine. */
struct db_words {
    const char *id, *i64, *time, *blob, *strict;
    const char *engine; /* "SQLITE", "POSTGRES": {{SQLITE}} ... {{END}} stays or goes */
};
/* Heap; mem_free. An unknown {{WORD}} is a bug of ours. */
char *db_migration_expand(const char *sql, const struct db_words *words);
/* SHA-256 of the text before expansion: the same on every engine. */
void db_migration_hash(const char *sql, char out[65]);

struct db_applied {
    int number;
    char name[64];
    char sha256[65];
};
/* What a database says of itself. */
struct db_state {
    const struct db_applied *applied;
    size_t n_applied;
    /* The lowest number of migrations that a program must know to work with it: kept as OLDEST_PROGRAM in db_meta. */
    int oldest_program;
};
#define DB_OLDEST_PROGRAM "oldest_program"
/* What oldest_program is after `m`, if it was `before`. */
int db_migration_oldest(const struct db_migration *m, int before);
/* How many of `migrations` are applied already; the rest are to be run, in order. ERR_CONFLICT with a message for a person: the database is newer
 * than this program may work with, or a migration was changed after it was applied. */
ERR_MUST_USE enum err db_migrate_decide(const struct db_migration *migrations, size_t n,
                                        const struct db_state *state, size_t *n_done_out,
                                        struct errinfo *info);
/* Which of the missing ones, from n_done on, are run at a start: all; or, where programs share the database (`is_shared`) and it is not new, those before the first that contracts.
 * ERR_CONFLICT: behind that is one which this program cannot do without. */
ERR_MUST_USE enum err db_migrate_bound(const struct db_migration *migrations, size_t n,
                                       size_t n_done, bool is_shared, size_t *end_out,
                                       struct errinfo *info);

#endif
