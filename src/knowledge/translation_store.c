#include "knowledge/article_store.h"

#define TRANSLATION_COLUMNS                                                                        \
    "t.id, t.article_id, t.lang, t.title, t.summary, t.answer, t.body, t.phrasings, t.version, "   \
    "t.published_version, t.published_at, t.updated_at,"                                           \
    " t.helpful, t.not_helpful"

static struct article_text read_text(const struct db_rows *rows, int col, struct arena *arena)
{
    return (struct article_text){.title = db_rows_dup(rows, col, arena),
                                 .summary = db_rows_dup(rows, col + 1, arena),
                                 .answer = db_rows_dup(rows, col + 2, arena),
                                 .body = db_rows_dup(rows, col + 3, arena),
                                 .phrasings = db_rows_dup(rows, col + 4, arena)};
}

static void read_row(const struct db_rows *rows, struct arena *arena, struct translation *t)
{
    *t = (struct translation){.id = {db_rows_i64(rows, 0)},
                              .article = {db_rows_i64(rows, 1)},
                              .text = read_text(rows, 3, arena),
                              .version = db_rows_i64(rows, 8),
                              .published_version = db_rows_i64(rows, 9),
                              .published_at = db_rows_i64(rows, 10),
                              .updated_at = db_rows_i64(rows, 11),
                              .helpful = db_rows_i64(rows, 12),
                              .not_helpful = db_rows_i64(rows, 13)};
    (void)lang_parse(db_rows_str(rows, 2), &t->lang);
}

enum err translation_store_list(struct db_txn *txn, struct article_id article, struct arena *arena,
                                struct translation **out, size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT " TRANSLATION_COLUMNS
                            " FROM article_translations t WHERE t.article_id = $1 ORDER BY t.lang",
                            db_i64(article.v));
    if (err != ERR_OK) {
        return err;
    }
    struct translation *items = ARENA_ARRAY(arena, struct translation, LANG_COUNT);
    size_t n = 0;
    while (n < LANG_COUNT && db_rows_next(rows)) {
        read_row(rows, arena, &items[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = items;
        *n_out = n;
    }
    return err;
}

enum err translation_store_load(struct db_txn *txn, struct article_id article, enum lang lang,
                                struct arena *arena, struct translation *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY_ONE(txn, &rows,
                     "SELECT " TRANSLATION_COLUMNS
                     " FROM article_translations t WHERE t.article_id = $1 AND t.lang = $2",
                     db_i64(article.v), db_text(str_from(lang_tag(lang))));
    if (err != ERR_OK) {
        return err;
    }
    read_row(rows, arena, out);
    return db_rows_close(&rows);
}

enum err translation_store_save(struct db_txn *txn, struct translation *t, struct agent_id by,
                                int64_t now)
{
    const struct article_text *x = &t->text;
    t->updated_at = now;
    t->version++;
    if (t->id.v == 0) {
        return DB_QUERY_I64(
            txn, &t->id.v,
            "INSERT INTO article_translations (article_id, lang, title, summary, answer, body, "
            "phrasings, version, updated_at, updated_by, helpful,"
            " not_helpful) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0) RETURNING id",
            db_i64(t->article.v), db_text(str_from(lang_tag(t->lang))), db_text(x->title),
            db_text(x->summary), db_text(x->answer), db_text(x->body), db_text(x->phrasings),
            db_i64(t->version), db_i64(now), db_id(by.v));
    }
    return DB_EXEC(txn,
                   "UPDATE article_translations SET title = $2, summary = $3, answer = $4, body = "
                   "$5, phrasings = $6, version = $7, updated_at = $8, updated_by = $9"
                   " WHERE id = $1",
                   db_i64(t->id.v), db_text(x->title), db_text(x->summary), db_text(x->answer),
                   db_text(x->body), db_text(x->phrasings), db_i64(t->version), db_i64(now),
                   db_id(by.v));
}

enum err translation_store_publish(struct db_txn *txn, struct translation *t, struct agent_id by,
                                   int64_t now)
{
    const struct article_text *x = &t->text;
    /* The same version published again (after unpublishing) keeps its first row. */
    enum err err = DB_EXEC(txn,
                           "INSERT INTO article_versions (translation_id, version, title, summary, "
                           "answer, body, phrasings, published_at, published_by)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT "
                           "(translation_id, version) DO NOTHING",
                           db_i64(t->id.v), db_i64(t->version), db_text(x->title),
                           db_text(x->summary), db_text(x->answer), db_text(x->body),
                           db_text(x->phrasings), db_i64(now), db_id(by.v));
    if (err == ERR_OK) {
        err = DB_EXEC(txn,
                      "UPDATE article_translations SET published_version = $2, published_at = $3 "
                      "WHERE id = $1",
                      db_i64(t->id.v), db_i64(t->version), db_i64(now));
    }
    if (err == ERR_OK) {
        t->published_version = t->version;
        t->published_at = now;
    }
    return err;
}

enum err translation_store_unpublish(struct db_txn *txn, struct translation *t)
{
    enum err err = DB_EXEC(txn,
                           "UPDATE article_translations SET published_version = NULL, published_at "
                           "= NULL WHERE id = $1",
                           db_i64(t->id.v));
    if (err == ERR_OK) {
        t->published_version = 0;
        t->published_at = 0;
    }
    return err;
}

#define MAX_VERSIONS 100

enum err translation_store_versions(struct db_txn *txn, struct translation_id id,
                                    struct arena *arena, struct article_version **out,
                                    size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows,
                 "SELECT version, title, summary, answer, body, phrasings, published_at, "
                 "published_by FROM article_versions WHERE translation_id = $1"
                 " ORDER BY version DESC LIMIT 100",
                 db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    struct article_version *items = ARENA_ARRAY(arena, struct article_version, MAX_VERSIONS);
    size_t n = 0;
    while (n < MAX_VERSIONS && db_rows_next(rows)) {
        items[n++] = (struct article_version){.version = db_rows_i64(rows, 0),
                                              .text = read_text(rows, 1, arena),
                                              .published_at = db_rows_i64(rows, 6),
                                              .published_by = {db_rows_i64(rows, 7)}};
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = items;
        *n_out = n;
    }
    return err;
}

enum err translation_store_vote(struct db_txn *txn, struct translation_id id, struct str voter,
                                bool is_helpful, int64_t now)
{
    int64_t former = -1;
    enum err err = DB_QUERY_I64(
        txn, &former,
        "SELECT is_helpful FROM article_feedback WHERE translation_id = $1 AND voter = $2",
        db_i64(id.v), db_blob(voter));
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    if (err == ERR_OK && former == is_helpful) {
        return ERR_OK;
    }
    err = DB_EXEC(txn,
                  "INSERT INTO article_feedback (translation_id, voter, is_helpful, at) VALUES "
                  "($1, $2, $3, $4)"
                  " ON CONFLICT (translation_id, voter) DO UPDATE SET is_helpful = $3, at = $4",
                  db_i64(id.v), db_blob(voter), db_bool(is_helpful), db_i64(now));
    if (err != ERR_OK) {
        return err;
    }
    int64_t yes = (is_helpful ? 1 : 0) - (former == 1 ? 1 : 0);
    int64_t no = (is_helpful ? 0 : 1) - (former == 0 ? 1 : 0);
    return DB_EXEC(txn,
                   "UPDATE article_translations SET helpful = helpful + $2, not_helpful = "
                   "not_helpful + $3 WHERE id = $1",
                   db_i64(id.v), db_i64(yes), db_i64(no));
}

enum err translation_store_feedback_key(struct db_txn *txn, struct arena *arena,
                                        struct str *key_out)
{
    struct db_rows *rows = NULL;
    enum err err =
        db_query_one(txn, "SELECT feedback_key FROM knowledge_meta WHERE id = 1", NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    *key_out = db_rows_dup(rows, 0, arena);
    return db_rows_close(&rows);
}

enum err translation_store_set_feedback_key(struct db_txn *txn, struct str key)
{
    return DB_EXEC(
        txn,
        "INSERT INTO knowledge_meta (id, feedback_key) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        db_blob(key));
}
