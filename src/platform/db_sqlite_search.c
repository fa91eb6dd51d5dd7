/* Search on SQLite: our tokenizer for FTS5, the connections to the second file, and the query.
 *
 * The second file ("-search.db") is a database of its own rather than attached: BEGIN IMMEDIATE would take the write lock of every attached file, and
 * the index thread writes there. The tables are contentless (content=''): ids in, ids out; the text itself is in the main file only. */
#include "platform/db_sqlite.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/db_tokens.h"

/* ---- tokenizer ---- */

struct sq_fts {
    void *ctx;
    int (*emit)(void *ctx, int flags, const char *token, int len, int from, int to);
};

static int sq_fts_token(void *arg, struct str token, size_t from, size_t to)
{
    const struct sq_fts *f = arg;
    return f->emit(f->ctx, 0, token.p, (int)token.len, (int)from, (int)to);
}

static int sq_fts_create(void *user, const char **args, int n_args, Fts5Tokenizer **out)
{
    UNUSED(user);
    UNUSED(args);
    UNUSED(n_args);
    static char nothing; /* the tokenizer has no state; FTS5 wants a pointer that is not NULL */
    *out = (Fts5Tokenizer *)&nothing;
    return SQLITE_OK;
}

static void sq_fts_delete(Fts5Tokenizer *tokenizer)
{
    UNUSED(tokenizer);
}

static int
sq_fts_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int len,
                int (*emit)(void *ctx, int flags, const char *token, int len, int from, int to))
{
    UNUSED(tokenizer);
    struct sq_fts f = {.ctx = ctx, .emit = emit};
    return db_tokens((struct str){text, (size_t)len}, (flags & FTS5_TOKENIZE_QUERY) != 0,
                     sq_fts_token, &f);
}

static int sq_fts_register(sqlite3 *h)
{
    static fts5_tokenizer tokenizer = {sq_fts_create, sq_fts_delete, sq_fts_tokenize};
    fts5_api *api = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(h, "SELECT fts5(?1)", -1, &st, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_bind_pointer(st, 1, (void *)&api, "fts5_api_ptr", NULL);
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_step(st);
    }
    (void)sqlite3_finalize(st);
    if (rc != SQLITE_OK || api == NULL) {
        return rc != SQLITE_OK ? rc : SQLITE_ERROR;
    }
    return api->xCreateTokenizer(api, "stablehand", NULL, &tokenizer, NULL);
}

int sq_search_open(const struct sq_db *db, bool is_writer, sqlite3 **out)
{
    sqlite3 *h = NULL;
    int flags = SQLITE_OPEN_NOMUTEX |
                (is_writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    int rc = sqlite3_open_v2(db->search_path, &h, flags, db->vfs);
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(h, 1);
        (void)sqlite3_busy_timeout(h, 2000);
        rc = sqlite3_exec(h,
                          is_writer ? "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA "
                                      "cache_size=-8192; PRAGMA temp_store=MEMORY;"
                                    : "PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY;",
                          NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK) {
        rc = sq_fts_register(h);
    }
    if (rc != SQLITE_OK) {
        (void)sqlite3_close_v2(h);
        return rc;
    }
    *out = h;
    return SQLITE_OK;
}

/* ---- query ---- */

static void sq_quoted(struct buf *out, struct str text, const char *after)
{
    (void)buf_add_char(out, '"');
    (void)buf_add_str(out, text);
    (void)buf_add_cstr(out, after);
}

/* Terms hold letters and digits only, so that quoting them cannot be escaped from.
 *
 * A common word is looked up whole, with and without an s at its end: such lists are walked lazily, newest first. The beginning of a word makes FTS5 merge
 * the lists of all words that begin so before the first hit comes out, which takes a millisecond for each few thousand hits: that is done for words
 * that look rare, and with `with_beginnings` when nothing was found otherwise. */
static void sq_match_text(const struct db_terms *terms, bool with_beginnings, struct buf *out)
{
    for (size_t i = 0; i < terms->len; i++) {
        const struct db_term *t = &terms->items[i];
        (void)buf_add_cstr(out, i == 0 ? "" : " AND ");
        if (t->is_run || t->is_rare || t->n_chars < 3) {
            sq_quoted(out, t->text, t->is_prefix ? "\" *" : "\"");
        } else if (with_beginnings && t->is_prefix) {
            sq_quoted(out, t->text, "\" *");
        } else {
            bool has_s = t->text.p[t->text.len - 1] == 's';
            (void)buf_add_char(out, '(');
            sq_quoted(out, t->text, "\" OR ");
            sq_quoted(out, str_sub(t->text, 0, t->text.len - (has_s ? 1 : 0)),
                      has_s ? "\")" : "s\")");
        }
    }
}

static enum err sq_search_stmt(struct sq_conn *conn, const char *source, sqlite3_stmt **out)
{
    const struct sq_db *db = conn->db;
    size_t i = 0;
    while (i < db->n_sources && strcmp(db->sources[i].name, source) != 0) {
        i++;
    }
    ASSERT(i < db->n_sources); /* not registered at open */
    if (conn->search == NULL && sq_search_open(db, false, &conn->search) != SQLITE_OK) {
        return ERR_UNAVAILABLE; /* not made yet, or broken: the index thread sees to it */
    }
    if (conn->search_stmts == NULL) {
        conn->search_stmts = MEM_NEW_ARRAY(sqlite3_stmt *, db->n_sources);
        sq_conn_limit_reads(conn, conn->search);
    }
    if (conn->search_stmts[i] == NULL) {
        char *sql = sq_source_sql("SELECT rowid FROM \"@\" WHERE \"@\" MATCH ?1 AND rowid < ?2 "
                                  "ORDER BY rowid DESC LIMIT ?3",
                                  source);
        int rc = sqlite3_prepare_v3(conn->search, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &conn->search_stmts[i], NULL);
        mem_free(sql);
        if (rc != SQLITE_OK) {
            LOG_WARN("db", "search fails", log_i64("code", rc),
                     log_cstr("meaning", sqlite3_errmsg(conn->search)));
            return ERR_UNAVAILABLE;
        }
    }
    *out = conn->search_stmts[i];
    return ERR_OK;
}

struct sq_hits {
    int64_t before_id, *ids;
    size_t limit, n;
};

static enum err sq_search_once(sqlite3_stmt *st, const struct db_terms *terms, bool with_beginnings,
                               struct sq_hits *hits)
{
    BUF_AUTO match;
    buf_init(&match, 16384);
    sq_match_text(terms, with_beginnings, &match);
    (void)sqlite3_bind_text(st, 1, match.p, (int)match.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(st, 2, hits->before_id > 0 ? hits->before_id : INT64_MAX);
    (void)sqlite3_bind_int64(st, 3, (int64_t)hits->limit);
    int rc = SQLITE_ROW;
    hits->n = 0;
    while (hits->n < hits->limit && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        hits->ids[hits->n++] = sqlite3_column_int64(st, 0);
    }
    (void)sqlite3_reset(st);
    (void)sqlite3_clear_bindings(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        LOG_WARN("db", "search fails", log_i64("code", rc),
                 log_cstr("meaning", sqlite3_errstr(rc)));
        return (rc & 0xff) == SQLITE_INTERRUPT ? ERR_TIMEOUT : ERR_UNAVAILABLE;
    }
    return ERR_OK;
}

enum err sq_search(struct db_txn *txn, const char *source, struct str query, int64_t before_id,
                   size_t limit, int64_t *ids_out, size_t *n_out)
{
    struct sq_conn *conn = ((struct sq_txn *)txn)->conn;
    struct db_terms terms;
    struct sq_hits hits = {.before_id = before_id, .ids = ids_out, .limit = limit};
    sqlite3_stmt *st = NULL;
    db_terms_init(&terms, query);
    enum err err = ERR_OK;
    if (terms.len > 0 && limit > 0) {
        err = sq_search_stmt(conn, source, &st);
        if (err == ERR_OK) {
            err = sq_search_once(st, &terms, false, &hits);
        }
        if (err == ERR_OK && hits.n == 0) {
            err = sq_search_once(st, &terms, true, &hits);
        }
    }
    db_terms_release(&terms);
    if (err == ERR_OK) {
        *n_out = hits.n;
    }
    return err;
}
