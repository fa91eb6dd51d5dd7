/* Canned replies: text by shortcut and language. */
#include "desk/canned.h"
#include "desk/desk_routes.gen.h"

struct job {
    struct str language;
    struct json_writer *w;
};

static void write_canned(struct json_writer *w, const struct canned *c)
{
    json_object_begin(w);
    json_kv_id(w, "id", c->id);
    json_kv_str(w, "shortcut", c->shortcut);
    json_kv_str(w, "title", c->title);
    json_kv_str(w, "body", c->body);
    json_kv_str(w, "language", c->language);
    json_kv_i64(w, "version", c->version);
    json_object_end(w);
}

static bool is_shortcut(struct str s)
{
    bool good = s.len >= 1 && s.len <= 40;
    for (size_t i = 0; i < s.len && good; i++) {
        char c = s.p[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    }
    return good;
}

static enum err decode(const struct json *o, struct arena *arena, struct canned *c,
                       struct errinfo *info)
{
    static const char *const languages[] = {"en", "zh-CN", NULL};
    int word = 0;
    enum err err = json_get_str(o, "shortcut", 1, 40, &c->shortcut, info);
    if (err == ERR_OK && !is_shortcut(c->shortcut)) {
        err = err_set(info, ERR_INVALID, "shortcut", "format", "a-z 0-9 _ -");
    }
    err = err != ERR_OK ? err : json_get_str(o, "title", 1, 80, &c->title, info);
    err = err != ERR_OK ? err : json_get_str(o, "body", 1, 4000, &c->body, info);
    err = err != ERR_OK ? err : json_get_enum(o, "language", languages, &word, info);
    if (err == ERR_OK) {
        c->language = str_from(languages[word]);
        c->title = message_clean_line(arena, c->title);
        c->body = message_clean(arena, c->body);
    }
    return err;
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, shortcut, title, body, language, version FROM canned WHERE "
                            "$1 = '' OR language = $1 ORDER BY shortcut, language LIMIT 2000",
                            db_text(j->language));
    if (err != ERR_OK) {
        return err;
    }
    while (db_rows_next(rows)) {
        struct canned c = {.id = db_rows_i64(rows, 0),
                           .shortcut = db_rows_str(rows, 1),
                           .title = db_rows_str(rows, 2),
                           .body = db_rows_str(rows, 3),
                           .language = db_rows_str(rows, 4),
                           .version = db_rows_i64(rows, 5)};
        write_canned(j->w, &c);
    }
    return db_rows_close(&rows);
}

enum err canned_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    struct desk *desk = rq->room;
    struct json_writer *w = response_json(rs);
    struct job j = {.language = request_query(rq, "language"), .w = w};
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    enum err err = db_read(desk->db, list_fn, &j);
    json_array_end(w);
    json_object_end(w);
    return err;
}

static enum err begin(struct request *rq, struct canned *c, struct errinfo *info)
{
    const struct json *o = NULL;
    *c = (struct canned){0};
    enum err err = request_json(rq, &o, info);
    return err != ERR_OK ? err : decode(o, rq->arena, c, info);
}

enum err canned_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct canned c;
    enum err err = begin(rq, &c, info);
    err = err != ERR_OK ? err : canned_create(rq->room, request_actor(rq), &c, info);
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_etag(rs, c.version);
        write_canned(response_json(rs), &c);
    }
    return err;
}

enum err canned_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct canned c;
    enum err err = begin(rq, &c, info);
    err = err != ERR_OK ? err : request_param_id(rq, "id", &c.id, info);
    err = err != ERR_OK ? err : canned_update(rq->room, request_actor(rq), rq, &c, info);
    if (err == ERR_OK) {
        response_etag(rs, c.version);
        write_canned(response_json(rs), &c);
    }
    return err;
}

enum err canned_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    int64_t id = 0;
    enum err err = request_param_id(rq, "id", &id, info);
    err = err != ERR_OK ? err : canned_delete(rq->room, request_actor(rq), id, info);
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
