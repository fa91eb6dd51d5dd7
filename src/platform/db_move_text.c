/* Rows as COPY's text form: what PostgreSQL writes is what is sent to it, so that one text serves for carrying and for comparing. */
#include "platform/db_move_impl.h"

#include "base/check.h"
#include "base/utf8.h"

const struct mv_kind *mv_kind_find(const char *type)
{
    static const struct mv_kind kinds[] = {
        {"int8", MV_INT, INT64_MIN, INT64_MAX},
        {"int4", MV_INT, INT32_MIN, INT32_MAX},
        {"int2", MV_INT, INT16_MIN, INT16_MAX},
        {"bool", MV_BOOL, 0, 1},
        {"text", MV_TEXT, 0, 0},
        {"varchar", MV_TEXT, 0, 0},
        {"numeric", MV_TEXT, 0, 0},
        {"json", MV_TEXT, 0, 0},
        {"bytea", MV_BYTES, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static char escape_of(char c)
{
    switch (c) {
    case '\\':
        return '\\';
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    case '\v':
        return 'v';
    default:
        return 0;
    }
}

static void add_text(struct buf *line, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        char e = escape_of(s.p[i]);
        if (e != 0) {
            (void)buf_add(line, s.p + from, i - from);
            (void)buf_add_char(line, '\\');
            (void)buf_add_char(line, e);
            from = i + 1;
        }
    }
    (void)buf_add(line, s.p + from, s.len - from);
}

static void add_bytes(struct buf *line, struct str s)
{
    static const char hex[] = "0123456789abcdef";
    (void)buf_add_cstr(line, "\\\\x");
    char *p = buf_reserve(line, s.len * 2);
    for (size_t i = 0; p != NULL && i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        p[2 * i] = hex[c >> 4];
        p[2 * i + 1] = hex[c & 15];
    }
    if (p != NULL) {
        buf_advance(line, s.len * 2);
    }
}

static struct str column_bytes(sqlite3_stmt *row, int i)
{
    const char *p = sqlite3_column_blob(row, i); /* of text: its bytes as they are */
    return (struct str){p != NULL ? p : "", (size_t)sqlite3_column_bytes(row, i)};
}

/* NULL: fine, otherwise what is wrong with it. */
static const char *add_value(const struct mv_kind *kind, sqlite3_stmt *row, int i, struct buf *line)
{
    int type = sqlite3_column_type(row, i);
    int64_t v = 0;
    if (type == SQLITE_NULL) {
        (void)buf_add_cstr(line, "\\N");
        return NULL;
    }
    switch (kind->class) {
    case MV_INT:
    case MV_BOOL:
        v = sqlite3_column_int64(row, i);
        if (type != SQLITE_INTEGER || v < kind->min || v > kind->max) {
            return "is not a number that fits";
        }
        if (kind->class == MV_BOOL) {
            (void)buf_add_char(line, v != 0 ? 't' : 'f');
        } else {
            (void)buf_printf(line, "%lld", (long long)v);
        }
        return NULL;
    case MV_TEXT: {
        struct str s = column_bytes(row, i);
        if (type != SQLITE_TEXT || str_find_char(s, '\0') != SIZE_MAX || !utf8_is_valid(s)) {
            return "is not text that PostgreSQL can hold (UTF-8 without zero bytes)";
        }
        add_text(line, s);
        return NULL;
    }
    case MV_BYTES:
        if (type != SQLITE_BLOB) {
            return "is not a blob";
        }
        add_bytes(line, column_bytes(row, i));
        return NULL;
    }
    return "has no kind";
}

enum err mv_encode_row(const struct mv_table *t, sqlite3_stmt *row, struct buf *line,
                       struct errinfo *info)
{
    size_t start = line->len;
    for (size_t i = 0; i < t->n_columns; i++) {
        if (i > 0) {
            (void)buf_add_char(line, '\t');
        }
        const char *wrong = add_value(t->columns[i].kind, row, (int)i, line);
        if (wrong != NULL) {
            char key[128];
            mv_line_key(t, str_sub(buf_str(line), start, SIZE_MAX), key, sizeof(key));
            return err_set(info, ERR_INVALID, "from", "value", "table %s, %s: column %s %s",
                           t->name, key, t->columns[i].name, wrong);
        }
    }
    (void)buf_add_char(line, '\n');
    return buf_err(line) == ERR_OK ? ERR_OK
                                   : err_set(info, ERR_LIMIT, "from", "row",
                                             "table %s has a row that is too long", t->name);
}

static struct str field_of(struct str line, size_t wanted)
{
    struct str part = {0};
    if (line.len > 0 && line.p[line.len - 1] == '\n') {
        line.len--;
    }
    for (size_t i = 0; i <= wanted; i++) {
        if (!str_split(&line, '\t', &part)) {
            return STR("?"); /* not that far yet */
        }
    }
    return part;
}

void mv_line_key(const struct mv_table *t, struct str line, char *out, size_t size)
{
    struct buf text;
    buf_init(&text, size - 1);
    for (size_t i = 0; i < t->n_keys; i++) {
        struct str v = str_sub(field_of(line, t->keys[i]), 0, 40);
        (void)buf_printf(&text, "%s%s " STR_FMT, i > 0 ? ", " : "", t->columns[t->keys[i]].name,
                         STR_ARG(v));
    }
    if (t->n_keys == 0) {
        (void)buf_add_cstr(&text, "a row");
    }
    (void)snprintf(out, size, STR_FMT, STR_ARG(buf_str(&text)));
    buf_release(&text);
}
