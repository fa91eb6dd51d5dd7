#include "bot/miss.h"

#include "platform/http.h"

struct reading {
    struct bot *bot;
    const struct actor *actor;
    const struct kb *kb;
    struct str lang; /* empty: both */
    int64_t before;
    size_t limit;
    struct arena *arena;
    struct json_writer *w;
};
struct row {
    int64_t id, conversation, message, score_permille, at;
    struct str lang, slug;
};

static void write_title(const struct reading *r, struct str lang_word, struct str slug)
{
    enum lang lang = LANG_EN;
    (void)lang_parse(lang_word, &lang);
    const struct kb_article *a = slug.len > 0 ? kb_article_find(r->kb, lang, slug) : NULL;
    json_put_key(r->w, "title");
    if (a == NULL) {
        json_put_null(r->w);
    } else {
        json_put_str(r->w, a->title);
    }
}

static enum err write_row(struct db_txn *txn, const struct reading *r, const struct row *row)
{
    struct str text = {0};
    enum err err =
        desk_message_body(txn, r->actor, (struct message_id){row->message}, r->arena, &text);
    bool is_readable = err == ERR_OK;
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    struct json_writer *w = r->w;
    json_object_begin(w);
    json_kv_id(w, "id", row->id);
    json_kv_id(w, "conversation_id", row->conversation);
    json_kv_id(w, "message_id", row->message);
    json_kv_str(w, "language", row->lang);
    json_put_key(w, "text");
    if (is_readable) {
        json_put_str(w, text);
    } else {
        json_put_null(w);
    }
    json_kv_str(w, "slug", row->slug);
    write_title(r, row->lang, row->slug);
    json_put_key(w, "score");
    json_put_double(w, (double)row->score_permille / 1000.0);
    json_kv_time(w, "at", row->at);
    json_object_end(w);
    return ERR_OK;
}

#define COLUMNS                                                                                    \
    "SELECT id, conversation_id, message_id, score_permille, at, lang, best_slug FROM bot_misses "

static enum err load_rows(struct db_txn *txn, const struct reading *r, struct row *rows_out,
                          size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err =
        r->lang.len == 0
            ? DB_QUERY(txn, &rows, COLUMNS "WHERE id < $1 ORDER BY id DESC LIMIT $2",
                       db_i64(r->before), db_i64((int64_t)r->limit + 1))
            : DB_QUERY(txn, &rows, COLUMNS "WHERE id < $1 AND lang = $3 ORDER BY id DESC LIMIT $2",
                       db_i64(r->before), db_i64((int64_t)r->limit + 1), db_text(r->lang));
    if (err != ERR_OK) {
        return err;
    }
    size_t n = 0;
    while (n <= r->limit && db_rows_next(rows)) {
        rows_out[n++] = (struct row){.id = db_rows_i64(rows, 0),
                                     .conversation = db_rows_i64(rows, 1),
                                     .message = db_rows_i64(rows, 2),
                                     .score_permille = db_rows_i64(rows, 3),
                                     .at = db_rows_i64(rows, 4),
                                     .lang = db_rows_dup(rows, 5, r->arena),
                                     .slug = db_rows_dup(rows, 6, r->arena)};
    }
    *n_out = n;
    return db_rows_close(&rows);
}

/* Near which article how many, lately: what to write next. */
static enum err write_counts(struct db_txn *txn, const struct reading *r)
{
    int64_t since = clock_now(&r->bot->deps.clock) - MISS_COUNT_DAYS * TIME_DAY_MS;
    struct db_rows *rows = NULL;
    int64_t total = 0;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT lang, best_slug, COUNT(*) FROM bot_misses WHERE at >= $1 AND "
                            "($2 = '' OR lang = $2) GROUP BY lang, best_slug ORDER BY COUNT(*) "
                            "DESC, lang, best_slug",
                            db_i64(since), db_text(r->lang));
    if (err != ERR_OK) {
        return err;
    }
    json_kv_time(r->w, "since", since);
    json_put_key(r->w, "counts");
    json_array_begin(r->w);
    for (int i = 0; db_rows_next(rows); i++) {
        total += db_rows_i64(rows, 2);
        if (i < MISS_COUNT_MAX) {
            struct str lang = db_rows_str(rows, 0), slug = db_rows_str(rows, 1);
            json_object_begin(r->w);
            json_kv_str(r->w, "language", lang);
            json_kv_str(r->w, "slug", slug);
            write_title(r, lang, slug);
            json_kv_i64(r->w, "n", db_rows_i64(rows, 2));
            json_object_end(r->w);
        }
    }
    json_array_end(r->w);
    json_kv_i64(r->w, "total", total);
    return db_rows_close(&rows);
}

static enum err read_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct row *rows = ARENA_ARRAY(r->arena, struct row, r->limit + 1);
    size_t n = 0;
    enum err err = load_rows(txn, r, rows, &n);
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n > r->limit;
    n = has_more ? r->limit : n;
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = write_row(txn, r, &rows[i]);
    }
    json_array_end(r->w);
    err = err != ERR_OK ? err : write_counts(txn, r);
    json_kv_cursor(r->w, has_more, n > 0 ? rows[n - 1].id : 0, 0);
    return err;
}

enum err bot_misses_read(struct bot *bot, const struct actor *actor, const enum lang *lang,
                         int64_t before_id, size_t limit, struct arena *arena,
                         struct json_writer *w, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_BOT_READ, info);
    if (err != ERR_OK) {
        return err;
    }
    KB_AUTO kb = knowledge_ref(bot->deps.knowledge);
    struct reading r = {.bot = bot,
                        .actor = actor,
                        .kb = kb,
                        .before = before_id > 0 ? before_id : INT64_MAX,
                        .limit = limit,
                        .arena = arena,
                        .w = w};
    if (lang != NULL) {
        r.lang = str_from(lang_tag(*lang));
    }
    return db_read(bot->deps.db, read_fn, &r);
}
