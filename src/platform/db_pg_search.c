/* Search on PostgreSQL: the words that db_tokens makes, as a tsvector with positions under a GIN index, and the query in the same words.
 *
 * The server's own parsers and pg_trgm know no Chinese word of two characters; ours are pairs of characters, so that any substring of a run is a phrase of pairs
 * ('验证' <-> '证码'), and results are those of the SQLite engine. The casts to tsvector and tsquery take words as they are: no dictionary comes in between.
 *
 * "Newest first, at most n" has two ways. A common word stands among the last few thousand rows often enough: they are walked. Otherwise all hits are fetched
 * through the index and sorted (walking on for a rare word would read the whole table). */
#include "platform/db_pg.h"

#include <string.h>

#include "base/check.h"
#include "platform/db_tokens.h"

#define PG_WALK_ROWS 2000
#define PG_POSITION_MAX 16383 /* of a tsvector */

/* ---- words of a text ---- */

struct pg_words {
    struct buf *out;
    int position;
};

/* Tokens are letters and digits: nothing in them could end the quotes. */
static int pg_add_word(void *arg, struct str token, size_t from, size_t to)
{
    UNUSED(from);
    UNUSED(to);
    struct pg_words *w = arg;
    w->position += w->position < PG_POSITION_MAX;
    (void)buf_add_char(w->out, '\'');
    (void)buf_add_str(w->out, token);
    char place[16];
    (void)snprintf(place, sizeof(place), "':%d ", w->position);
    (void)buf_add_cstr(w->out, place);
    return 0;
}

void pg_search_words(struct str text, struct buf *out)
{
    struct pg_words w = {.out = out};
    (void)db_tokens(text, false, pg_add_word, &w);
}

/* ---- the query ---- */

static void pg_quoted(struct buf *out, struct str text, const char *after)
{
    (void)buf_add_char(out, '\'');
    (void)buf_add_str(out, text);
    (void)buf_add_cstr(out, after);
}

static int pg_add_pair(void *arg, struct str token, size_t from, size_t to)
{
    UNUSED(to);
    struct buf *out = arg;
    (void)buf_add_cstr(out, from == 0 ? "" : " <-> ");
    pg_quoted(out, token, "'");
    return 0;
}

/* As db_sqlite_search.c does it: words whole, with and without an s; beginnings of what looks rare, and of all when nothing was found otherwise. */
static void pg_query_text(const struct db_terms *terms, bool with_beginnings, struct buf *out)
{
    for (size_t i = 0; i < terms->len; i++) {
        const struct db_term *t = &terms->items[i];
        (void)buf_add_cstr(out, i == 0 ? "(" : " & (");
        if (t->is_run && !t->is_prefix) {
            (void)db_tokens(t->text, true, pg_add_pair, out);
        } else if (t->is_run || t->is_rare || t->n_chars < 3) {
            pg_quoted(out, t->text, t->is_prefix ? "':*" : "'");
        } else if (with_beginnings && t->is_prefix) {
            pg_quoted(out, t->text, "':*");
        } else {
            bool has_s = t->text.p[t->text.len - 1] == 's';
            pg_quoted(out, t->text, "' | ");
            pg_quoted(out, str_sub(t->text, 0, t->text.len - (has_s ? 1 : 0)), has_s ? "'" : "s'");
        }
        (void)buf_add_char(out, ')');
    }
}

/* ---- asking ---- */

struct pg_hits {
    int64_t before_id, *ids;
    size_t limit, n;
};

static enum err pg_fetch_hits(struct db_rows *rows, struct pg_hits *hits)
{
    hits->n = 0;
    while (hits->n < hits->limit && db_rows_next(rows)) {
        hits->ids[hits->n++] = db_rows_i64(rows, 0);
    }
    return db_rows_close(&rows);
}

static enum err pg_search_once(struct db_txn *txn, const struct pg_source *source,
                               const struct db_terms *terms, bool with_beginnings,
                               struct pg_hits *hits)
{
    BUF_AUTO query;
    struct db_rows *rows = NULL;
    buf_init(&query, 65536);
    pg_query_text(terms, with_beginnings, &query);
    if (buf_err(&query) != ERR_OK) {
        return ERR_LIMIT;
    }
    enum err err = db_query(txn, source->walk_sql,
                            DB_ARGS(db_text(buf_str(&query)), db_i64(hits->before_id),
                                    db_i64((int64_t)hits->limit), db_i64(PG_WALK_ROWS)),
                            &rows);
    err = err != ERR_OK ? err : pg_fetch_hits(rows, hits);
    if (err != ERR_OK || hits->n == hits->limit) {
        return err;
    }
    err = db_query(
        txn, source->hits_sql,
        DB_ARGS(db_text(buf_str(&query)), db_i64(hits->before_id), db_i64((int64_t)hits->limit)),
        &rows);
    return err != ERR_OK ? err : pg_fetch_hits(rows, hits);
}

enum err pg_search(struct db_txn *txn, const char *name, struct str query, int64_t before_id,
                   size_t limit, int64_t *ids_out, size_t *n_out)
{
    const struct pg_db *db = (const struct pg_db *)txn->db;
    const struct pg_source *source = NULL;
    for (size_t i = 0; i < db->n_sources; i++) {
        source = strcmp(db->sources[i].def.name, name) == 0 ? &db->sources[i] : source;
    }
    ASSERT(source != NULL); /* not registered at open */
    struct db_terms terms;
    struct pg_hits hits = {
        .before_id = before_id > 0 ? before_id : INT64_MAX, .ids = ids_out, .limit = limit};
    db_terms_init(&terms, query);
    enum err err = ERR_OK;
    if (terms.len > 0 && limit > 0) {
        err = pg_search_once(txn, source, &terms, false, &hits);
        if (err == ERR_OK && hits.n == 0) {
            err = pg_search_once(txn, source, &terms, true, &hits);
        }
    }
    db_terms_release(&terms);
    if (err == ERR_OK) {
        *n_out = hits.n;
    }
    return err;
}
