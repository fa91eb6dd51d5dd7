/* A backup's folder: the database (stablehand.db or stablehand.dump), files/, perhaps secret.key, about.json, and SHA256SUMS over all of these, which is written last: a folder without it
 * was not finished. `sha256sum -c SHA256SUMS` says the same as backup_check. */
#ifndef PLATFORM_DB_BACKUP_H
#define PLATFORM_DB_BACKUP_H

#include "platform/db_migrate.h"

#define BACKUP_SQLITE_FILE "stablehand.db"
#define BACKUP_POSTGRES_FILE "stablehand.dump"

/* What about.json says. */
struct backup_about {
    bool is_postgres;
    struct db_applied *migrations; /* heap; PostgreSQL: a dump cannot be asked */
    size_t n_migrations;
    int oldest_program;
};
void backup_about_release(struct backup_about *about);

/* Writes about.json and SHA256SUMS, and syncs what is named there. Files that are named by their content are believed. */
ERR_MUST_USE enum err backup_seal(const char *folder, const struct backup_about *about,
                                  struct errinfo *info);
/* Reads everything. ERR_CONFLICT: a file is not what it was, is missing or was added. */
ERR_MUST_USE enum err backup_check(const char *folder, struct backup_about *about_out,
                                   struct errinfo *info);
/* Copies one file (0600), synced. `to` must not exist. */
ERR_MUST_USE enum err backup_copy_file(const char *from, const char *to, struct errinfo *info);

#endif
