#include "knowledge/article_store.h"

#define ARTICLE_COLUMNS "a.id, a.category_id, a.slug, a.risk, a.position, a.version, a.updated_at"

static void read_row(const struct db_rows *rows, struct arena *arena, struct article *a)
{
    *a = (struct article){.id = {db_rows_i64(rows, 0)},
                          .category = {db_rows_i64(rows, 1)},
                          .slug = db_rows_dup(rows, 2, arena),
                          .risk = db_rows_i64(rows, 3) == RISK_MONEY ? RISK_MONEY : RISK_NONE,
                          .position = db_rows_i64(rows, 4),
                          .version = db_rows_i64(rows, 5),
                          .updated_at = db_rows_i64(rows, 6)};
}

/* "100%" typed by a person is not a pattern. */
static struct str like_part(struct arena *arena, struct str q)
{
    char *p = arena_alloc(arena, q.len * 2 + 3);
    size_t n = 0;
    p[n++] = '%';
    for (size_t i = 0; i < q.len; i++) {
        if (q.p[i] == '%' || q.p[i] == '_' || q.p[i] == '\\') {
            p[n++] = '\\';
        }
        p[n++] = q.p[i];
    }
    p[n++] = '%';
    return (struct str){p, n};
}

enum err article_store_list(struct db_txn *txn, const struct article_filter *f, struct arena *arena,
                            struct article **out, size_t *n_out)
{
    struct db_rows *rows = NULL;
    struct str pattern = like_part(arena, str_lower_ascii(arena, f->q));
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT " ARTICLE_COLUMNS
                            " FROM articles a WHERE a.id > $1 AND ($2 = 0 OR a.category_id = $2)"
                            " AND ($3 = 0 OR LOWER(a.slug) LIKE $4 ESCAPE '\\'"
                            "  OR EXISTS (SELECT 1 FROM article_translations t WHERE t.article_id "
                            "= a.id AND LOWER(t.title) LIKE $4 ESCAPE '\\'))"
                            " ORDER BY a.id LIMIT $5",
                            db_i64(f->after), db_i64(f->category.v), db_i64(f->q.len > 0),
                            db_text(pattern), db_i64(f->limit));
    if (err != ERR_OK) {
        return err;
    }
    struct article *items = ARENA_ARRAY(arena, struct article, (size_t)f->limit + 1);
    size_t n = 0;
    while (n < (size_t)f->limit && db_rows_next(rows)) {
        read_row(rows, arena, &items[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = items;
        *n_out = n;
    }
    return err;
}

enum err article_store_load(struct db_txn *txn, struct article_id id, struct arena *arena,
                            struct article *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows, "SELECT " ARTICLE_COLUMNS " FROM articles a WHERE a.id = $1", db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    read_row(rows, arena, out);
    return db_rows_close(&rows);
}

enum err article_store_find(struct db_txn *txn, struct str slug, struct article_id *out)
{
    return DB_QUERY_I64(txn, &out->v, "SELECT id FROM articles WHERE slug = $1", db_text(slug));
}

enum err article_store_insert(struct db_txn *txn, struct article *a, int64_t now)
{
    a->version = 1;
    a->updated_at = now;
    return DB_QUERY_I64(txn, &a->id.v,
                        "INSERT INTO articles (slug, category_id, risk, position, version, "
                        "created_at, updated_at) VALUES ($1, $2, $3, $4, 1, $5, $5) RETURNING id",
                        db_text(a->slug), db_i64(a->category.v), db_i64(a->risk),
                        db_i64(a->position), db_i64(now));
}

enum err article_store_update(struct db_txn *txn, const struct article *a, int64_t now)
{
    return DB_EXEC(txn,
                   "UPDATE articles SET category_id = $2, risk = $3, position = $4, version = "
                   "version + 1, updated_at = $5 WHERE id = $1",
                   db_i64(a->id.v), db_i64(a->category.v), db_i64(a->risk), db_i64(a->position),
                   db_i64(now));
}

enum err article_store_touch(struct db_txn *txn, struct article_id id, int64_t now)
{
    return DB_EXEC(txn, "UPDATE articles SET updated_at = $2 WHERE id = $1", db_i64(id.v),
                   db_i64(now));
}

enum err article_store_delete(struct db_txn *txn, struct article_id id)
{
    static const char *const statements[] = {
        "DELETE FROM article_feedback WHERE translation_id IN (SELECT id FROM article_translations "
        "WHERE article_id = $1)",
        "DELETE FROM article_versions WHERE translation_id IN (SELECT id FROM article_translations "
        "WHERE article_id = $1)",
        "DELETE FROM article_translations WHERE article_id = $1",
        "DELETE FROM articles WHERE id = $1"};
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < sizeof(statements) / sizeof(statements[0]); i++) {
        err = DB_EXEC(txn, statements[i], db_i64(id.v));
    }
    return err;
}
