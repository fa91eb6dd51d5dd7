/* See db_move_impl.h. Rows come in the order of the primary key: numbers, text by bytes, and bytes are ordered alike on both sides. */
#include "platform/db_move_impl.h"

#include "base/check.h"
#include "platform/crypto.h"

#define SQL_MAX ((size_t)64 << 10)

void mv_add_name(struct buf *sql, const char *name)
{
    (void)buf_add_char(sql, '"');
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '"') {
            (void)buf_add_char(sql, '"');
        }
        (void)buf_add_char(sql, *p);
    }
    (void)buf_add_char(sql, '"');
}

void mv_add_columns(struct buf *sql, const struct mv_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        (void)buf_add_cstr(sql, i > 0 ? ", " : "");
        mv_add_name(sql, t->columns[i].name);
    }
}

void mv_add_range(struct buf *sql, const struct mv_part *p)
{
    const struct mv_table *t = p->table;
    if (t->has_parts) {
        (void)buf_add_cstr(sql, " WHERE ");
        mv_add_name(sql, t->columns[t->keys[0]].name);
        /* Written -(9223372036854775807) - 1 the lowest number is not read as an overflow. */
        if (p->first == INT64_MIN) {
            (void)buf_add_cstr(sql, " >= -9223372036854775807 - 1 AND ");
        } else {
            (void)buf_printf(sql, " >= %lld AND ", (long long)p->first);
        }
        mv_add_name(sql, t->columns[t->keys[0]].name);
        (void)buf_printf(sql, " <= %lld", (long long)p->last);
    }
}

void mv_add_select(struct buf *sql, const struct mv_part *p)
{
    const struct mv_table *t = p->table;
    (void)buf_add_cstr(sql, "SELECT ");
    mv_add_columns(sql, t);
    (void)buf_add_cstr(sql, " FROM ");
    mv_add_name(sql, t->name);
    mv_add_range(sql, p);
    for (size_t i = 0; i < (t->n_keys > 0 ? t->n_keys : t->n_columns); i++) {
        (void)buf_add_cstr(sql, i > 0 ? ", " : " ORDER BY ");
        mv_add_name(sql, t->columns[t->n_keys > 0 ? t->keys[i] : i].name);
        (void)buf_add_cstr(sql, t->n_keys > 0 ? "" : " NULLS FIRST");
    }
}

void mv_reader_open_sqlite(struct mv_reader *r, sqlite3 *h, const struct mv_part *p,
                           struct errinfo *info)
{
    *r = (struct mv_reader){.table = p->table, .sqlite = h, .info = info};
    buf_init(&r->line, MV_LINE_MAX);
    BUF_AUTO sql;
    buf_init(&sql, SQL_MAX);
    mv_add_select(&sql, p);
    ASSERT(buf_err(&sql) == ERR_OK);
    if (sqlite3_prepare_v2(h, sql.p, (int)sql.len, &r->stmt, NULL) != SQLITE_OK) {
        r->err = mv_sqlite_failed(h, p->table->name, info);
    }
}

void mv_reader_open_pg(struct mv_reader *r, PGconn *h, const struct mv_part *p,
                       struct errinfo *info)
{
    *r = (struct mv_reader){.table = p->table, .pg = h, .info = info};
    BUF_AUTO sql;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "COPY (");
    mv_add_select(&sql, p);
    (void)buf_add(&sql, ") TO STDOUT", sizeof(") TO STDOUT"));
    ASSERT(buf_err(&sql) == ERR_OK);
    PGresult *result = PQexec(h, sql.p);
    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        r->err = mv_pg_failed(h, result, p->table->name, info);
        r->pg = NULL;
    } else {
        PQclear(result);
    }
}

static bool next_of_sqlite(struct mv_reader *r, struct str *line_out)
{
    int rc = sqlite3_step(r->stmt);
    if (rc != SQLITE_ROW) {
        r->err = rc == SQLITE_DONE ? ERR_OK : mv_sqlite_failed(r->sqlite, r->table->name, r->info);
        return false;
    }
    buf_clear(&r->line);
    r->err = mv_encode_row(r->table, r->stmt, &r->line, r->info);
    *line_out = buf_str(&r->line);
    return r->err == ERR_OK;
}

static bool next_of_pg(struct mv_reader *r, struct str *line_out)
{
    PQfreemem(r->copied);
    r->copied = NULL;
    int n = PQgetCopyData(r->pg, &r->copied, 0);
    if (n > 0) {
        *line_out = (struct str){r->copied, (size_t)n};
        return true;
    }
    PGresult *result = PQgetResult(r->pg);
    if (n != -1 || PQresultStatus(result) != PGRES_COMMAND_OK) {
        r->err = mv_pg_failed(r->pg, result, r->table->name, r->info);
    } else {
        PQclear(result);
    }
    while ((result = PQgetResult(r->pg)) != NULL) {
        PQclear(result);
    }
    r->pg = NULL;
    return false;
}

bool mv_reader_next(struct mv_reader *r, struct str *line_out)
{
    if (r->err != ERR_OK) {
        return false;
    }
    if (r->stmt != NULL) {
        return next_of_sqlite(r, line_out);
    }
    return r->pg != NULL && next_of_pg(r, line_out);
}

void mv_reader_drop(struct mv_reader *r)
{
    struct str rest;
    while (r->pg != NULL &&
           next_of_pg(r, &rest)) { /* what nobody wants to see, or the connection is of no use */
    }
    (void)sqlite3_finalize(r->stmt);
    r->stmt = NULL;
    PQfreemem(r->copied);
    r->copied = NULL;
    buf_release(&r->line);
}

enum err mv_reader_close(struct mv_reader *r)
{
    mv_reader_drop(r);
    return r->err;
}

enum err mv_sum_of(struct mv_reader *r, struct mv_sum *out)
{
    struct crypto_sha256_stream hash;
    struct str line;
    crypto_sha256_begin(&hash);
    out->n_rows = 0;
    while (mv_reader_next(r, &line)) {
        crypto_sha256_add(&hash, line);
        out->n_rows++;
    }
    crypto_sha256_end(&hash, out->sha256);
    return mv_reader_close(r);
}
