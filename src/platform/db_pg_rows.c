/* Rows: a PGresult that is wholly here. Values come as text; a number is parsed when it is asked for, bytes are decoded from hex into the transaction's arena. */
#include "platform/db_pg.h"

#include <string.h>

#include "base/check.h"

#define OID_BOOL 16
#define OID_BYTEA 17

bool pg_rows_next(struct db_rows *base)
{
    struct pg_rows *rows = (struct pg_rows *)base;
    ASSERT(rows->result != NULL);
    if (rows->at < rows->n) {
        rows->at++;
    }
    return rows->at < rows->n;
}

static const struct pg_rows *pg_row(const struct db_rows *base, int col)
{
    const struct pg_rows *rows = (const struct pg_rows *)base;
    ASSERT(rows->result != NULL && rows->at >= 0 && rows->at < rows->n);
    ASSERT(col >= 0 && col < PQnfields(rows->result));
    return rows;
}

int64_t pg_rows_i64(const struct db_rows *base, int col)
{
    const struct pg_rows *rows = pg_row(base, col);
    const char *text = PQgetvalue(rows->result, rows->at, col);
    if (PQftype(rows->result, col) == OID_BOOL) {
        return text[0] == 't';
    }
    bool is_negative = text[0] == '-';
    uint64_t v = 0;
    for (const char *p = text + is_negative; *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (uint64_t)(*p - '0');
    }
    return is_negative ? (int64_t)(0 - v) : (int64_t)v;
}

int64_t pg_result_i64(const PGresult *result, int row, int col)
{
    int64_t v = 0;
    return str_to_i64(str_from(PQgetvalue(result, row, col)), &v) ? v : 0;
}

static unsigned pg_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

struct str pg_rows_str(const struct db_rows *base, int col)
{
    const struct pg_rows *rows = pg_row(base, col);
    const char *text = PQgetvalue(rows->result, rows->at, col);
    struct str s = {text, (size_t)PQgetlength(rows->result, rows->at, col)};
    if (PQftype(rows->result, col) != OID_BYTEA || s.len < 2) {
        return s;
    }
    size_t len = (s.len - 2) / 2;
    char *bytes = arena_alloc(base->txn->arena, len + 1);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)(unsigned char)(pg_hex(s.p[2 + 2 * i]) << 4 | pg_hex(s.p[3 + 2 * i]));
    }
    return (struct str){bytes, len};
}

bool pg_rows_is_null(const struct db_rows *base, int col)
{
    const struct pg_rows *rows = pg_row(base, col);
    return PQgetisnull(rows->result, rows->at, col) == 1;
}

enum err pg_rows_close(struct db_rows *base)
{
    struct pg_rows *rows = (struct pg_rows *)base;
    ASSERT(rows->result != NULL);
    PQclear(rows->result);
    rows->result = NULL;
    return ERR_OK;
}
