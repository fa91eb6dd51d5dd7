/* The database's part of backup and restore on PostgreSQL. */
#ifndef PLATFORM_DB_PG_BACKUP_H
#define PLATFORM_DB_PG_BACKUP_H

#include "platform/db_backup.h"
#include "platform/db_cli.h"

/* Writes the dump to `path`, beside a running desk. */
ERR_MUST_USE enum err pg_backup(const struct db_cli *cli, const char *path,
                                struct backup_about *about_out, struct errinfo *info);
/* Puts the dump in place. ERR_CONFLICT: a desk is connected (always refused), the database is not empty (`force`: what is there becomes a schema whose name is in aside_out, empty
 * otherwise), or the dump is of a newer program. */
ERR_MUST_USE enum err pg_restore(const struct db_cli *cli, const char *path,
                                 const struct backup_about *about, bool force, char *aside_out,
                                 size_t size, struct errinfo *info);

#endif
