#include "knowledge/article_store.h"

#define SELECT_CATEGORY                                                                            \
    "SELECT c.id, c.slug, c.icon, c.name_en, c.name_zh, c.description_en, c.description_zh, "      \
    "c.position,"                                                                                  \
    " (SELECT COUNT(*) FROM article_translations t JOIN articles a ON a.id = t.article_id WHERE "  \
    "a.category_id = c.id AND t.lang = 'en'"                                                       \
    "   AND t.published_version IS NOT NULL),"                                                     \
    " (SELECT COUNT(*) FROM article_translations t JOIN articles a ON a.id = t.article_id WHERE "  \
    "a.category_id = c.id AND t.lang = 'zh-CN'"                                                    \
    "   AND t.published_version IS NOT NULL)"                                                      \
    " FROM categories c"

static void read_row(const struct db_rows *rows, struct arena *arena, struct category *c)
{
    *c = (struct category){.id = {db_rows_i64(rows, 0)}, .position = db_rows_i64(rows, 7)};
    c->slug = db_rows_dup(rows, 1, arena);
    c->icon = db_rows_dup(rows, 2, arena);
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        c->name[lang] = db_rows_dup(rows, 3 + lang, arena);
        c->description[lang] = db_rows_dup(rows, 5 + lang, arena);
        c->n_published[lang] = db_rows_i64(rows, 8 + lang);
    }
}

enum err category_store_list(struct db_txn *txn, struct arena *arena, struct category **out,
                             size_t *n_out)
{
    int64_t count;
    enum err err = db_query_i64(txn, "SELECT COUNT(*) FROM categories", NULL, 0, &count);
    struct db_rows *rows = NULL;
    if (err == ERR_OK) {
        err = db_query(txn, SELECT_CATEGORY " ORDER BY c.position, c.id", NULL, 0, &rows);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct category *items = ARENA_ARRAY(arena, struct category, (size_t)count + 1);
    size_t n = 0;
    while (n < (size_t)count && db_rows_next(rows)) {
        read_row(rows, arena, &items[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = items;
        *n_out = n;
    }
    return err;
}

enum err category_store_load(struct db_txn *txn, struct category_id id, struct arena *arena,
                             struct category *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows, SELECT_CATEGORY " WHERE c.id = $1", db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    read_row(rows, arena, out);
    return db_rows_close(&rows);
}

enum err category_store_insert(struct db_txn *txn, struct category *c)
{
    return DB_QUERY_I64(txn, &c->id.v,
                        "INSERT INTO categories (slug, icon, name_en, name_zh, description_en, "
                        "description_zh, position) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                        " RETURNING id",
                        db_text(c->slug), db_text(c->icon), db_text(c->name[LANG_EN]),
                        db_text(c->name[LANG_ZH_CN]), db_text(c->description[LANG_EN]),
                        db_text(c->description[LANG_ZH_CN]), db_i64(c->position));
}

enum err category_store_update(struct db_txn *txn, const struct category *c)
{
    return DB_EXEC(txn,
                   "UPDATE categories SET slug = $2, icon = $3, name_en = $4, name_zh = $5, "
                   "description_en = $6, description_zh = $7, position = $8 WHERE id = $1",
                   db_i64(c->id.v), db_text(c->slug), db_text(c->icon), db_text(c->name[LANG_EN]),
                   db_text(c->name[LANG_ZH_CN]), db_text(c->description[LANG_EN]),
                   db_text(c->description[LANG_ZH_CN]), db_i64(c->position));
}

enum err category_store_find(struct db_txn *txn, struct str slug, struct category_id *out)
{
    return DB_QUERY_I64(txn, &out->v, "SELECT id FROM categories WHERE slug = $1", db_text(slug));
}
