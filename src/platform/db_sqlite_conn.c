/* Connections to the SQLite file: pragmas, the statement cache, rows, error words.
 *
 * The cache is keyed by the address of the SQL literal: no hashing of text on the hot path. The text is compared on every hit all the same (a few
 * nanoseconds), because two texts at one address would be a silent disaster. A statement that is already running (recursion over the same SQL)
 * gets a private twin. Every statement is reset before its call or its rows end: a forgotten one would pin a WAL snapshot.
 *
 * Choices: 4 KB pages (the file system's block; random writes make larger ones cost more log), no mmap (an I/O error would be a SIGBUS instead of an
 * error code), secure_delete=FAST (removed text is overwritten where that costs no extra page), savepoint journals and temporary tables in memory. */
#include "platform/db_sqlite.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define SQ_DEFAULT_CACHE_KB 65536
#define SQ_SQL_MAX 16384

static pthread_once_t sq_once = PTHREAD_ONCE_INIT;

static void sq_configure(void)
{
    /* Refused (MISUSE) when somebody already used SQLite in this process: only speed is lost then. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
}

static int sq_on_progress(void *arg)
{
    const struct sq_conn *conn = arg;
    return conn->deadline_ns != 0 && time_monotonic_ns() > conn->deadline_ns;
}

static int sq_set_pragmas(struct sq_conn *conn, enum sq_mode mode)
{
    char text[128];
    size_t cache_kb = conn->db->cache_kb != 0 ? conn->db->cache_kb : SQ_DEFAULT_CACHE_KB;
    if (mode != SQ_WRITER) {
        cache_kb = mode == SQ_READER ? cache_kb / 8 : 256;
    }
    int rc = SQLITE_OK;
    (void)sqlite3_wal_autocheckpoint(conn->h, 0);
    if (mode == SQ_WRITER) {
        (void)sqlite3_wal_hook(conn->h, sq_on_commit, conn->db);
        rc = sqlite3_exec(conn->h,
                          "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA "
                          "synchronous=FULL; PRAGMA secure_delete=FAST;",
                          NULL, NULL, NULL);
    } else {
        rc = sqlite3_exec(conn->h, "PRAGMA synchronous=FULL;", NULL, NULL, NULL);
    }
    (void)snprintf(text, sizeof(text),
                   "PRAGMA cache_size=-%zu; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY; "
                   "PRAGMA trusted_schema=OFF;",
                   cache_kb);
    return rc != SQLITE_OK ? rc : sqlite3_exec(conn->h, text, NULL, NULL, NULL);
}

void sq_conn_limit_reads(struct sq_conn *conn, sqlite3 *h)
{
    sqlite3_progress_handler(h, 4000, sq_on_progress, conn);
}

enum err sq_conn_open(struct sq_db *db, enum sq_mode mode, struct sq_conn **out,
                      struct errinfo *info)
{
    (void)pthread_once(&sq_once, sq_configure);
    struct sq_conn *conn = MEM_NEW(struct sq_conn);
    conn->db = db;
    conn->stmts = idmap_new();
    conn->arena = arena_new(16384);
    conn->txn.conn = conn;
    int flags =
        SQLITE_OPEN_NOMUTEX | (mode == SQ_READER ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    if (mode == SQ_WRITER) {
        flags |= SQLITE_OPEN_CREATE;
    }
    int rc = sqlite3_open_v2(db->path, &conn->h, flags, db->vfs);
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(conn->h, 1);
        (void)sqlite3_busy_timeout(conn->h, 5000);
        rc = sq_set_pragmas(conn, mode);
    }
    if (rc != SQLITE_OK) {
        enum err err =
            err_set(info, ERR_UNAVAILABLE, "db.url", "open", "cannot open %s: %s", db->path,
                    conn->h != NULL ? sqlite3_errmsg(conn->h) : sqlite3_errstr(rc));
        sq_conn_close(&conn);
        return err;
    }
    if (mode == SQ_READER) {
        sq_conn_limit_reads(conn, conn->h);
    }
    *out = conn;
    return ERR_OK;
}

void sq_conn_close(struct sq_conn **conn_ptr)
{
    struct sq_conn *conn = *conn_ptr;
    if (conn == NULL) {
        return;
    }
    (void)sq_conn_close_rows(conn);
    void *value = NULL;
    for (size_t at = 0; idmap_next(conn->stmts, &at, NULL, &value);) {
        struct sq_stmt *s = value;
        (void)sqlite3_finalize(s->st);
        mem_free(s->copy);
        mem_free(s);
    }
    idmap_free(&conn->stmts);
    for (size_t i = 0; conn->search_stmts != NULL && i < conn->db->n_sources; i++) {
        (void)sqlite3_finalize(conn->search_stmts[i]);
    }
    mem_free(conn->search_stmts);
    (void)sqlite3_close_v2(conn->search);
    (void)sqlite3_close_v2(conn->h);
    arena_free(&conn->arena);
    mem_free(conn);
    *conn_ptr = NULL;
}

/* ---- errors ---- */

enum err sq_conn_err(struct sq_conn *conn, int code, const char *sql)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
            code == SQLITE_CONSTRAINT_FOREIGNKEY || code == SQLITE_CONSTRAINT_ROWID) {
            return ERR_CONFLICT;
        }
        break;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    case SQLITE_TOOBIG:
        return ERR_LIMIT;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
        conn->fatal = ERR_UNAVAILABLE;
        LOG_ERROR("db", "disk or file fails", log_i64("code", code),
                  log_cstr("meaning", sqlite3_errstr(code)), log_cstr("sql", sql));
        return ERR_UNAVAILABLE;
    default:
        break;
    }
    LOG_ERROR("db", "statement fails", log_i64("code", code),
              log_cstr("meaning", sqlite3_errmsg(conn->h)), log_cstr("sql", sql));
    return ERR_INTERNAL;
}

/* ---- statements ---- */

#define SQ_RETURNING " RETURNING id"

/* "INSERT INTO t (...) VALUES (...) ... RETURNING id" of one row, where id is t's row number: SQLite would collect the row in a temporary table first, which costs more than
 * the insertion; it tells the number anyway. */
static bool sq_gives_id(struct sq_conn *conn, const char *sql, size_t len)
{
    char table[64];
    const char *type = NULL;
    int is_key = 0;
    size_t tail = sizeof(SQ_RETURNING) - 1;
    if (len < tail || memcmp(sql + len - tail, SQ_RETURNING, tail) != 0 ||
        strstr(sql, "VALUES") == NULL || strstr(sql, "SELECT") != NULL ||
        strstr(sql, "DO UPDATE") != NULL || strstr(sql, "), (") != NULL ||
        sscanf(sql, "INSERT INTO %63[a-z_0-9]", table) != 1) {
        return false;
    }
    return sqlite3_table_column_metadata(conn->h, "main", table, "id", &type, NULL, NULL, &is_key,
                                         NULL) == SQLITE_OK &&
           is_key != 0 && strcmp(type, "INTEGER") == 0;
}

/* With one writer there is nobody to keep a row from: how long the clause is that says so. */
static size_t sq_lock_clause_len(const char *sql)
{
    static const char *const clauses[] = {" FOR UPDATE SKIP LOCKED", " FOR UPDATE"};
    for (size_t i = 0; i < ARRAY_LEN(clauses); i++) {
        if (strncmp(sql, clauses[i], strlen(clauses[i])) == 0) {
            return strlen(clauses[i]);
        }
    }
    return 0;
}

/* "$1" is our word for a numbered parameter; in SQLite it would be a *named* one, numbered by first appearance. Quotes and comments are left alone. */
static int sq_prepare(struct sq_conn *conn, const char *sql, unsigned flags, sqlite3_stmt **out,
                      bool *gives_id_out)
{
    size_t len = strlen(sql);
    ASSERT(len < SQ_SQL_MAX);
    *gives_id_out = sq_gives_id(conn, sql, len);
    len -= *gives_id_out ? sizeof(SQ_RETURNING) - 1 : 0;
    char *text = mem_alloc(len + 1);
    char quote = 0;
    for (size_t i = 0; i < len; i++) {
        char c = sql[i];
        size_t n_blank = quote == 0 ? sq_lock_clause_len(sql + i) : 0;
        if (n_blank > 0) {
            memset(text + i, ' ', n_blank);
            i += n_blank - 1;
            continue;
        }
        if (quote != 0) {
            quote = c == quote ? 0 : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else if (c == '$' && sql[i + 1] >= '1' && sql[i + 1] <= '9') {
            c = '?';
        }
        text[i] = c;
    }
    text[len] = '\0';
    int rc = sqlite3_prepare_v3(conn->h, text, (int)len + 1, flags, out, NULL);
    mem_free(text);
    return rc;
}

static int sq_find_stmt(struct sq_conn *conn, const char *sql, struct sq_stmt **out)
{
    struct sq_stmt *s = idmap_find(conn->stmts, (intptr_t)sql);
    if (s != NULL) {
        ASSERT(strcmp(s->copy, sql) == 0);
        *out = s;
        return SQLITE_OK;
    }
    sqlite3_stmt *st = NULL;
    bool gives_id = false;
    int rc = sq_prepare(conn, sql, SQLITE_PREPARE_PERSISTENT, &st, &gives_id);
    if (rc != SQLITE_OK) {
        return rc;
    }
    s = MEM_NEW(struct sq_stmt);
    *s = (struct sq_stmt){.copy = mem_strdup(sql),
                          .st = st,
                          .n_params = sqlite3_bind_parameter_count(st),
                          .gives_id = gives_id};
    (void)idmap_put(conn->stmts, (intptr_t)sql, s);
    *out = s;
    return SQLITE_OK;
}

static int sq_bind(sqlite3_stmt *st, const struct db_val *vals, size_t n)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        const struct db_val *v = &vals[i];
        int at = (int)i + 1;
        const char *bytes = v->s.p != NULL ? v->s.p : "";
        switch (v->type) {
        case DB_NULL:
            rc = sqlite3_bind_null(st, at);
            break;
        case DB_I64:
            rc = sqlite3_bind_int64(st, at, v->i);
            break;
        case DB_TEXT:
            rc = sqlite3_bind_text64(st, at, bytes, v->s.len, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case DB_BLOB:
            rc = sqlite3_bind_blob64(st, at, bytes, v->s.len, SQLITE_STATIC);
            break;
        }
    }
    return rc;
}

int sq_conn_run(struct sq_conn *conn, const char *sql)
{
    struct sq_stmt *s = NULL;
    int rc = sq_find_stmt(conn, sql, &s);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = sqlite3_step(s->st);
    (void)sqlite3_reset(s->st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* A statement ready to step: from the cache, or a private twin if that one is running. */
static int sq_begin(struct sq_conn *conn, const char *sql, const struct db_val *vals, size_t n,
                    struct sq_stmt **cached_out, sqlite3_stmt **out)
{
    struct sq_stmt *s = NULL;
    int rc = sq_find_stmt(conn, sql, &s);
    if (rc != SQLITE_OK) {
        return rc;
    }
    ASSERT((size_t)s->n_params == n);
    sqlite3_stmt *st = s->st;
    if (s->is_busy) {
        s = NULL;
        bool gives_id = false; /* it is over before it could be busy */
        rc = sq_prepare(conn, sql, 0, &st, &gives_id);
        ASSERT(!gives_id);
    }
    if (rc == SQLITE_OK) {
        rc = sq_bind(st, vals, n);
    }
    if (rc != SQLITE_OK) {
        if (s == NULL) {
            (void)sqlite3_finalize(st);
        }
        return rc;
    }
    *cached_out = s;
    *out = st;
    return SQLITE_OK;
}

static void sq_end(struct sq_stmt *cached, sqlite3_stmt *st)
{
    if (cached != NULL) {
        (void)sqlite3_reset(st);
        cached->is_busy = false;
    } else {
        (void)sqlite3_finalize(st);
    }
}

enum err sq_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                 int64_t *n_changed_out)
{
    struct sq_conn *conn = ((struct sq_txn *)txn)->conn;
    struct sq_stmt *cached = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sq_begin(conn, sql, vals, n, &cached, &st);
    if (rc != SQLITE_OK) {
        return sq_conn_err(conn, rc, sql);
    }
    do {
        rc = sqlite3_step(st);
    } while (rc == SQLITE_ROW);
    int64_t n_changed = sqlite3_changes64(conn->h);
    enum err err = sq_conn_err(conn, rc, sql);
    sq_end(cached, st);
    if (err == ERR_OK && n_changed_out != NULL) {
        *n_changed_out = n_changed;
    }
    return err;
}

/* ---- rows ---- */

static struct sq_rows *sq_rows_free_slot(struct sq_conn *conn)
{
    for (size_t i = 0; i < SQ_ROWS_MAX; i++) {
        if (!conn->rows[i].is_open) {
            return &conn->rows[i];
        }
    }
    ASSERT(false); /* too many open rows in one transaction */
    return NULL;
}

static bool sq_rows_step(struct sq_rows *rows, const char *sql)
{
    int rc = sqlite3_step(rows->st);
    rows->has_row = rc == SQLITE_ROW;
    if (rc == SQLITE_DONE && rows->gives_id && sqlite3_changes64(rows->conn->h) > 0) {
        ASSERT(sqlite3_changes64(rows->conn->h) == 1);
        rows->id = sqlite3_last_insert_rowid(rows->conn->h);
        rows->has_row = true;
        (void)sqlite3_reset(rows->st);
        return true;
    }
    if (rc != SQLITE_ROW) {
        rows->err = sq_conn_err(rows->conn, rc, sql);
        (void)sqlite3_reset(
            rows->st); /* ends the read at once, even if the caller is slow to close */
    }
    return rows->has_row;
}

enum err sq_query(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                  struct db_rows **rows_out)
{
    struct sq_conn *conn = ((struct sq_txn *)txn)->conn;
    struct sq_rows *rows = sq_rows_free_slot(conn);
    struct sq_stmt *cached = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sq_begin(conn, sql, vals, n, &cached, &st);
    if (rc != SQLITE_OK) {
        return sq_conn_err(conn, rc, sql);
    }
    *rows = (struct sq_rows){.base.txn = txn,
                             .conn = conn,
                             .cached = cached,
                             .st = st,
                             .is_open = true,
                             .is_first = true};
    if (cached != NULL && cached->gives_id) {
        rows->gives_id = true;
    } else if (cached != NULL) {
        cached->is_busy = true;
    }
    if (!sq_rows_step(rows, sql) && rows->err != ERR_OK) {
        return sq_rows_close(&rows->base);
    }
    *rows_out = &rows->base;
    return ERR_OK;
}

bool sq_rows_next(struct db_rows *base)
{
    struct sq_rows *rows = (struct sq_rows *)base;
    ASSERT(rows->is_open);
    if (rows->is_first) {
        rows->is_first = false;
        return rows->has_row;
    }
    rows->has_row = rows->has_row && !rows->gives_id;
    return rows->has_row &&
           sq_rows_step(rows, rows->cached != NULL ? rows->cached->copy : sqlite3_sql(rows->st));
}

static const struct sq_rows *sq_row(const struct db_rows *base, int col)
{
    const struct sq_rows *rows = (const struct sq_rows *)base;
    ASSERT(rows->is_open && rows->has_row && !rows->is_first);
    ASSERT(col >= 0 && col < (rows->gives_id ? 1 : sqlite3_column_count(rows->st)));
    return rows;
}

int64_t sq_rows_i64(const struct db_rows *base, int col)
{
    const struct sq_rows *rows = sq_row(base, col);
    return rows->gives_id ? rows->id : sqlite3_column_int64(rows->st, col);
}

struct str sq_rows_str(const struct db_rows *base, int col)
{
    ASSERT(!sq_row(base, col)->gives_id); /* a number */
    sqlite3_stmt *st = sq_row(base, col)->st;
    const void *p = sqlite3_column_type(st, col) == SQLITE_BLOB ? sqlite3_column_blob(st, col)
                                                                : sqlite3_column_text(st, col);
    if (p == NULL) {
        return (struct str){"", 0};
    }
    return (struct str){p, (size_t)sqlite3_column_bytes(st, col)};
}

bool sq_rows_is_null(const struct db_rows *base, int col)
{
    const struct sq_rows *rows = sq_row(base, col);
    return !rows->gives_id && sqlite3_column_type(rows->st, col) == SQLITE_NULL;
}

enum err sq_rows_close(struct db_rows *base)
{
    struct sq_rows *rows = (struct sq_rows *)base;
    ASSERT(rows->is_open);
    sq_end(rows->cached, rows->st);
    rows->is_open = false;
    return rows->err;
}

bool sq_conn_close_rows(struct sq_conn *conn)
{
    bool found = false;
    for (size_t i = 0; i < SQ_ROWS_MAX; i++) {
        if (conn->rows[i].is_open) {
            found = true;
            (void)sq_rows_close(&conn->rows[i].base);
        }
    }
    return found;
}
