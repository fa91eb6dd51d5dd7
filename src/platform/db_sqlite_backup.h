/* Copies of a SQLite database: made while it is written, and put in place. */
#ifndef PLATFORM_DB_SQLITE_BACKUP_H
#define PLATFORM_DB_SQLITE_BACKUP_H

#include "platform/db.h"

/* Copies `from` to `to` (must not exist) as of one moment, in steps, then checks the copy and syncs it. */
ERR_MUST_USE enum err sq_copy_file(const char *from, const char *to, struct errinfo *info);
struct sqlite3;
ERR_MUST_USE enum err sq_check_migrations(struct sqlite3 *h, const char *path,
                                          const struct db_migration *migrations, size_t n,
                                          struct errinfo *info);
/* integrity_check, and the migrations in it against ours. */
ERR_MUST_USE enum err sq_verify_file(const char *path, const struct db_migration *migrations,
                                     size_t n, struct errinfo *info);
/* Puts a verified copy of `from` at `to`. An existing `to` is refused, or with `force` renamed to "TO.replaced"; ERR_CONFLICT when it is in use. */
ERR_MUST_USE enum err sq_restore_file(const char *from, const char *to, bool force,
                                      const struct db_migration *migrations, size_t n,
                                      struct errinfo *info);

#endif
