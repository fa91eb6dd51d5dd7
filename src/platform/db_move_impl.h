/* Inside of the move: shared by db_move*.c only. One thread. */
#ifndef PLATFORM_DB_MOVE_IMPL_H
#define PLATFORM_DB_MOVE_IMPL_H

#include <libpq-fe.h>
#include <sqlite3.h>

#include "base/buf.h"
#include "platform/db_move.h"

#define MV_COLUMNS_MAX 64
#define MV_KEYS_MAX 8
#define MV_LINE_MAX ((size_t)256 << 20) /* one row as text */

/* ---- db_move_text.c: what a value is called in COPY's text form ---- */

/* Every column type that can be moved, by PostgreSQL's name for it. */
enum mv_class { MV_INT, MV_BOOL, MV_TEXT, MV_BYTES };
struct mv_kind {
    const char *type; /* pg_type.typname */
    enum mv_class class;
    int64_t min, max; /* MV_INT */
};
const struct mv_kind *mv_kind_find(const char *type); /* NULL: there is no such */

struct mv_column {
    char name[64];
    const struct mv_kind *kind;
};
struct mv_table {
    char name[64];
    struct mv_column columns[MV_COLUMNS_MAX]; /* as the source has them */
    size_t n_columns;
    size_t keys[MV_KEYS_MAX]; /* the primary key's columns, in its order */
    size_t n_keys;
    bool has_parts;      /* the first of them is a number: rows go in ranges of it */
    int64_t n_rows_seen; /* in the source when the move began */
};
/* Appends the row under the cursor as one line, byte for byte as COPY TO of the target would have it. ERR_INVALID names the column whose value has no place there. */
ERR_MUST_USE enum err mv_encode_row(const struct mv_table *t, sqlite3_stmt *row, struct buf *line,
                                    struct errinfo *info);
/* The keys of a line, for a person: "id 17", "(agent_id, message_id) 3, 9". */
void mv_line_key(const struct mv_table *t, struct str line, char *out, size_t size);

/* ---- db_move_part.c: rows of a part as lines, from either side ---- */

struct mv_part {
    const struct mv_table *table;
    int64_t first, last; /* of the first key column, both included */
};
/* Names come from the databases themselves and are quoted; numbers are ours. The same text is good for both. */
void mv_add_name(struct buf *sql, const char *name);
void mv_add_columns(struct buf *sql, const struct mv_table *t);
void mv_add_range(struct buf *sql, const struct mv_part *p); /* " WHERE ..." or nothing */
void mv_add_select(struct buf *sql, const struct mv_part *p);

struct mv_reader {
    const struct mv_table *table;
    sqlite3 *sqlite; /* one of the two */
    PGconn *pg;
    sqlite3_stmt *stmt;
    struct buf line;
    char *copied; /* libpq's */
    struct errinfo *info;
    enum err err; /* of what ended it early */
};
void mv_reader_open_sqlite(struct mv_reader *r, sqlite3 *h, const struct mv_part *p,
                           struct errinfo *info);
void mv_reader_open_pg(struct mv_reader *r, PGconn *h, const struct mv_part *p,
                       struct errinfo *info);
/* The next line, newline included; valid until the next call. False: the end, or r->err. */
bool mv_reader_next(struct mv_reader *r, struct str *line_out);
ERR_MUST_USE enum err mv_reader_close(struct mv_reader *r);
void mv_reader_drop(struct mv_reader *r); /* close, of which nobody wants to know */

struct mv_sum {
    int64_t n_rows;
    char sha256[65];
};
/* All of what the reader gives, which it closes. */
ERR_MUST_USE enum err mv_sum_of(struct mv_reader *r, struct mv_sum *out);

/* ---- db_move_source.c ---- */

struct mv_source {
    sqlite3 *h;
    char instance[64];
};
ERR_MUST_USE enum err mv_source_open(const struct db_move *move, struct mv_source *out,
                                     struct errinfo *info);
void mv_source_close(struct mv_source *s);
/* Names, columns, keys and numbers of rows of all tables but the engine's own. Kinds are not filled in. `*tables_out` is the caller's. */
ERR_MUST_USE enum err mv_source_tables(struct mv_source *s, struct mv_table **tables_out,
                                       size_t *n_out, struct errinfo *info);
/* The smallest first key >= from; false if there is none. */
ERR_MUST_USE enum err mv_source_next(struct mv_source *s, const struct mv_table *t, int64_t from,
                                     bool *found_out, int64_t *key_out, struct errinfo *info);
/* The highest number that the table's ids ever had; 0: it does not count. */
ERR_MUST_USE enum err mv_source_counter(struct mv_source *s, const char *table, int64_t *out,
                                        struct errinfo *info);
enum err mv_sqlite_failed(sqlite3 *h, const char *what, struct errinfo *info);

/* ---- db_move_target.c ---- */

enum err mv_pg_failed(PGconn *h, PGresult *result, const char *what, struct errinfo *info);
ERR_MUST_USE enum err mv_pg_run(PGconn *h, const char *sql, struct errinfo *info);
void mv_pg_abort(PGconn *h); /* ROLLBACK */
/* Rows of a statement; the caller clears. */
ERR_MUST_USE enum err mv_pg_query(PGconn *h, const char *sql, const char *const *values, int n,
                                  PGresult **out, struct errinfo *info);
/* Connected, alone at it, migrated, and known to be ours: empty before, or an unfinished move of this source. */
ERR_MUST_USE enum err mv_target_open(const struct db_move *move, const char *instance, PGconn **out,
                                     struct errinfo *info);
/* Fills in the kinds. ERR_CONFLICT: a table or column of the source is not there, or cannot be moved. */
ERR_MUST_USE enum err mv_target_kinds(PGconn *h, struct mv_table *tables, size_t n,
                                      struct errinfo *info);
ERR_MUST_USE enum err mv_target_next(PGconn *h, const struct mv_table *t, int64_t from,
                                     bool *found_out, int64_t *key_out, struct errinfo *info);
/* What is noted of a part; n_rows -1: nothing. */
ERR_MUST_USE enum err mv_target_noted(PGconn *h, const struct mv_part *p, struct mv_sum *out,
                                      struct errinfo *info);
ERR_MUST_USE enum err mv_target_forget(PGconn *h, const struct mv_part *p, struct errinfo *info);
/* Replaces the part by what the reader gives (which it closes), and notes it: one transaction. */
ERR_MUST_USE enum err mv_target_put(PGconn *h, const struct mv_part *p, struct mv_reader *r,
                                    struct mv_sum *out, struct errinfo *info);
/* Takes indexes and all constraints but primary keys away, remembering them; puts them back, one by one, each told to `say`. */
ERR_MUST_USE enum err mv_target_strip(PGconn *h, struct errinfo *info);
ERR_MUST_USE enum err mv_target_dress(PGconn *h, const struct db_move *move, struct errinfo *info);
/* Ids go on after this one. */
ERR_MUST_USE enum err mv_target_count_from(PGconn *h, const char *table, int64_t highest,
                                           struct errinfo *info);
ERR_MUST_USE enum err mv_target_finish(PGconn *h, struct errinfo *info);

#endif
