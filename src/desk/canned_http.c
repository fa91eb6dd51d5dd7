/* Canned replies: text by shortcut and language. */
#include "desk/desk_internal.h"
#include "desk/desk_routes.gen.h"

struct canned {
    int64_t id, version;
    struct str shortcut, title, body, language;
};
struct job {
    struct request *rq;
    struct desk *desk;
    struct canned c;
    struct str language;
    struct json_writer *w;
    struct errinfo *info;
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

static enum err decode(const struct json *o, struct arena *arena, struct canned *c, struct errinfo *info)
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
        "SELECT id, shortcut, title, body, language, version FROM canned WHERE $1 = '' OR language = $1 ORDER BY shortcut, language LIMIT 2000",
        db_text(j->language));
    if (err != ERR_OK) {
        return err;
    }
    while (db_rows_next(rows)) {
        struct canned c = {.id = db_rows_i64(rows, 0), .shortcut = db_rows_str(rows, 1), .title = db_rows_str(rows, 2), .body = db_rows_str(rows, 3),
            .language = db_rows_str(rows, 4), .version = db_rows_i64(rows, 5)};
        write_canned(j->w, &c);
    }
    return db_rows_close(&rows);
}

enum err canned_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    struct desk *desk = rq->room;
    struct json_writer *w = response_json(rs);
    struct job j = {.rq = rq, .desk = desk, .language = request_query(rq, "language"), .w = w};
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    enum err err = db_read(desk->db, list_fn, &j);
    json_array_end(w);
    json_object_end(w);
    return err;
}

static enum err create_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    enum err err = DB_QUERY_I64(txn, &j->c.id,
        "INSERT INTO canned (shortcut, language, title, body, version) VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING RETURNING id", db_text(j->c.shortcut),
        db_text(j->c.language), db_text(j->c.title), db_text(j->c.body));
    return err == ERR_NOT_FOUND ? err_set(j->info, ERR_CONFLICT, "shortcut", "taken", "there is one with this shortcut and language") : err;
}

static enum err begin(struct request *rq, struct job *j, struct errinfo *info)
{
    const struct json *o = NULL;
    *j = (struct job){.rq = rq, .desk = rq->room, .info = info};
    enum err err = actor_require(request_actor(rq), PERM_CANNED_MANAGE, info);
    err = err != ERR_OK ? err : request_json(rq, &o, info);
    return err != ERR_OK ? err : decode(o, rq->arena, &j->c, info);
}

enum err canned_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j;
    enum err err = begin(rq, &j, info);
    err = err != ERR_OK ? err : db_write(j.desk->db, create_fn, &j);
    if (err == ERR_OK) {
        j.c.version = 1;
        response_status(rs, 201);
        response_etag(rs, 1);
        write_canned(response_json(rs), &j.c);
    }
    return err;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    int64_t version = 0;
    enum err err = DB_QUERY_I64(txn, &version, "SELECT version FROM canned WHERE id = $1", db_i64(j->c.id));
    if (err == ERR_NOT_FOUND) {
        return err_set(j->info, err, "id", "not_found", "no such canned reply");
    }
    err = err != ERR_OK ? err : request_if_match(j->rq, version, j->info);
    if (err != ERR_OK) {
        return err;
    }
    j->c.version = version + 1;
    err = DB_EXEC(txn, "UPDATE canned SET shortcut = $2, language = $3, title = $4, body = $5, version = $6 WHERE id = $1", db_i64(j->c.id),
        db_text(j->c.shortcut), db_text(j->c.language), db_text(j->c.title), db_text(j->c.body), db_i64(j->c.version));
    return err == ERR_CONFLICT ? err_set(j->info, err, "shortcut", "taken", "there is one with this shortcut and language") : err;
}

enum err canned_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j;
    enum err err = begin(rq, &j, info);
    err = err != ERR_OK ? err : request_param_id(rq, "id", &j.c.id, info);
    err = err != ERR_OK ? err : db_write(j.desk->db, update_fn, &j);
    if (err == ERR_OK) {
        response_etag(rs, j.c.version);
        write_canned(response_json(rs), &j.c);
    }
    return err;
}

static enum err delete_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    int64_t n = 0;
    enum err err = db_exec(txn, "DELETE FROM canned WHERE id = $1", DB_ARGS(db_i64(j->c.id)), &n);
    return err == ERR_OK && n == 0 ? err_set(j->info, ERR_NOT_FOUND, "id", "not_found", "no such canned reply") : err;
}

enum err canned_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {.rq = rq, .desk = rq->room, .info = info};
    enum err err = actor_require(request_actor(rq), PERM_CANNED_MANAGE, info);
    err = err != ERR_OK ? err : request_param_id(rq, "id", &j.c.id, info);
    err = err != ERR_OK ? err : db_write(j.desk->db, delete_fn, &j);
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

enum err desk_canned_create(struct desk *desk, struct str shortcut, struct str language, struct str title, struct str body)
{
    struct job j = {.desk = desk, .c = {.shortcut = shortcut, .language = language, .title = title, .body = body}};
    return db_write(desk->db, create_fn, &j);
}
