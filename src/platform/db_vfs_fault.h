/* A disk that fails on demand: a SQLite VFS ("fault") over the real one, for tests. Not part of the program. Used by urls that end in
 * "?vfs=fault".
 *
 * Three kinds of trouble: errors (the Nth write or sync from now fails, for a while), short writes (half is written, then it fails), and forgetful disks:
 * writes stay in memory until they are synced, so that a process that dies loses exactly what a power cut could take. */
#ifndef PLATFORM_DB_VFS_FAULT_H
#define PLATFORM_DB_VFS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum db_fault_op { DB_FAULT_WRITE = 1, DB_FAULT_SYNC = 2 };

struct db_fault_rule {
    unsigned ops;       /* enum db_fault_op */
    const char *suffix; /* only files whose name ends so ("-wal", ".db"); NULL: all. A literal. */
    int64_t after;      /* how many such operations succeed first */
    int64_t times;      /* how many fail then; -1: until cleared */
    int code;           /* SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC ... */
    bool is_short;      /* half of a failing write reaches the file */
};

/* Once per process, before the first open; further calls are harmless. */
void db_vfs_fault_register(void);
void db_vfs_fault_set(const struct db_fault_rule *rule); /* NULL: no more faults */
int64_t db_vfs_fault_count(void); /* operations that were made to fail since the last set */
/* Before the first open: writes are kept in memory until xSync. */
void db_vfs_fault_forgetful(void);
/* The power goes: of the writes not synced a random part, in any order, some torn, reaches the file; the process ends with code 9. */
_Noreturn void db_vfs_fault_power_cut(uint64_t seed);

#endif
