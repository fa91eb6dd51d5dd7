/* Moving house: everything of a SQLite database into an empty PostgreSQL database, ids kept.
 *
 * The schema comes from the migrations; tables and columns are read from both databases, so that a new table is moved without a word here. Rows go through COPY in parts (ranges of
 * 10,000 ids), each in a transaction of the target together with a line in stablehand_move_part that says which part it was and the SHA-256 of its rows. Whoever comes again
 * (after a crash, or after a first run beside the running desk) reads the source, and copies the parts whose hash is another one. At the end every part of the target is read back and held
 * against those hashes.
 *
 * An unfinished move is no desk: db_open refuses it. */
#ifndef PLATFORM_DB_MOVE_H
#define PLATFORM_DB_MOVE_H

#include "platform/db.h"

struct db_move {
    const char *from; /* "sqlite:/path/stablehand.db" */
    const char
        *to; /* "postgres://...", an empty database, or the unfinished move of the same source */
    const struct db_migration *migrations;
    size_t n_migrations;
    /* Beside a running desk: copies, and leaves it at that. Without it the source is locked: no program may have it open, or open it meanwhile. */
    bool is_live;
    int64_t part_ids; /* 0: 10000 */
    bool (*goes_on)(
        void *arg); /* asked between parts; false: stop here (ERR_AGAIN). NULL: always */
    void (*say)(void *arg, const char *line); /* progress for a person; NULL: nobody listens */
    void *arg;
};
struct db_move_report {
    size_t n_tables;
    int64_t n_rows;
    int64_t n_parts, n_copied; /* copied: the others were there already */
    int64_t ms;
};
/* Blocks for as long as it takes. ERR_CONFLICT: the source is in use, the target is not empty, or (code "differs") a row of the target is not the source's: table and first key
 * are in the message, and another run copies that part again. ERR_AGAIN: goes_on said no. */
ERR_MUST_USE enum err db_move_run(const struct db_move *move, struct db_move_report *report_out,
                                  struct errinfo *info);

#endif
