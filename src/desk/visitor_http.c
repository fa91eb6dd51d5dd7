#include "desk/desk_routes.gen.h"
#include "desk/message_service.h"
#include "desk/visitor_service.h"

enum err visitor_http_session(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o = NULL;
    struct visitor_hello h = {0};
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_get_str(o, "inbox", 1, 40, &h.inbox_key, info);
    err = err != ERR_OK ? err : json_opt_str(o, "token", 100, &h.token, info);
    err = err != ERR_OK ? err : json_opt_str(o, "identity", 4096, &h.identity, info);
    err = err != ERR_OK ? err : json_opt_str(o, "locale", 20, &h.locale, info);
    err = err != ERR_OK ? err : json_opt_str(o, "zone", 60, &h.zone, info);
    err = err != ERR_OK ? err : json_opt_str(o, "page", 500, &h.page, info);
    if (err == ERR_OK) {
        response_header(rs, "Cache-Control", STR("no-store"));
        err = visitor_session_open(rq->room, &h, rq->arena, response_json(rs), info);
    }
    return err;
}

/* ---- profile ---- */

struct job {
    struct desk *desk;
    const struct actor *actor;
    struct arena *arena;
    struct conversation_id id;
    struct customer_patch patch;
    int64_t at;
    size_t limit;
    struct json_writer *w;
    struct buf *text;
    struct errinfo *info;
};

enum err visitor_http_update_me(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o = NULL;
    struct str name = {0}, email = {0}, locale = {0}, zone = {0};
    struct job j = {.desk = rq->room, .actor = request_actor(rq), .arena = rq->arena, .info = info};
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_opt_str(o, "name", 80, &name, info);
    err = err != ERR_OK ? err : json_opt_str(o, "email", 254, &email, info);
    err = err != ERR_OK ? err : json_opt_str(o, "locale", 20, &locale, info);
    err = err != ERR_OK ? err : json_opt_str(o, "zone", 60, &zone, info);
    if (err == ERR_OK && j.actor->is_verified && (name.len > 0 || email.len > 0)) {
        err = err_set(info, ERR_DENIED, name.len > 0 ? "name" : "email", "verified",
                      "the exchange says who you are");
    }
    if (err != ERR_OK) {
        return err;
    }
    name = message_clean_line(rq->arena, name);
    j.patch.name = json_find(o, "name") != NULL && !j.actor->is_verified ? &name : NULL;
    j.patch.email = json_find(o, "email") != NULL && !j.actor->is_verified ? &email : NULL;
    j.patch.locale = json_find(o, "locale") != NULL ? &locale : NULL;
    j.patch.zone = json_find(o, "zone") != NULL ? &zone : NULL;
    err = visitor_update_me(j.desk, j.actor, &j.patch, info);
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

/* ---- reading ---- */

static enum err conversations_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation *list = NULL;
    size_t n = 0;
    enum err err = conversation_list_of_customer(txn, j->actor->customer, j->actor->inbox, j->at,
                                                 j->limit + 1, j->arena, &list, &n);
    json_put_key(j->w, "items");
    json_array_begin(j->w);
    for (size_t i = 0; i < n && i < j->limit && err == ERR_OK; i++) {
        err = visitor_conversation_load_json(j->desk, txn, j->arena, &list[i], j->w);
    }
    json_array_end(j->w);
    bool has_more = n > j->limit;
    json_kv_cursor(j->w, has_more, has_more ? list[j->limit - 1].id.v : 0, 0);
    return err;
}

enum err visitor_http_conversations(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct page page;
    enum err err = request_page(rq, &page, info);
    if (err != ERR_OK) {
        return err;
    }
    struct job j = {.desk = rq->room,
                    .actor = request_actor(rq),
                    .arena = rq->arena,
                    .at = page.after,
                    .limit = (size_t)page.limit,
                    .w = response_json(rs)};
    json_object_begin(j.w);
    err = db_read(j.desk->db, conversations_fn, &j);
    json_object_end(j.w);
    return err;
}

static enum err messages_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation c;
    struct message *list = NULL;
    size_t n = 0;
    enum err err = visitor_conversation_load(txn, j->actor, j->id, j->arena, &c, j->info);
    err = err != ERR_OK ? err
                        : message_list(txn, j->id, j->at, true, j->limit + 1, j->arena, &list, &n);
    if (err != ERR_OK) {
        return err;
    }
    json_put_key(j->w, "items");
    json_array_begin(j->w);
    for (size_t i = 0; i < n && i < j->limit; i++) {
        message_write_json(j->w, &list[i]);
    }
    json_array_end(j->w);
    json_kv_bool(j->w, "has_more", n > j->limit);
    return ERR_OK;
}

enum err visitor_http_messages(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {.desk = rq->room, .actor = request_actor(rq), .arena = rq->arena, .info = info};
    int64_t limit = 0;
    enum err err = request_param_id(rq, "id", &j.id.v, info);
    err = err != ERR_OK ? err : request_query_i64(rq, "before", 0, INT64_MAX / 2, 0, &j.at, info);
    err = err != ERR_OK ? err : request_query_i64(rq, "limit", 1, 100, 30, &limit, info);
    if (err != ERR_OK) {
        return err;
    }
    j.limit = (size_t)limit;
    j.w = response_json(rs);
    json_object_begin(j.w);
    err = db_read(j.desk->db, messages_fn, &j);
    json_object_end(j.w);
    return err;
}

/* ---- transcript ---- */

#define TRANSCRIPT_MAX_MESSAGES 2000

static void write_line(struct buf *b, const struct message *m)
{
    char at[TIME_TEXT_MAX];
    size_t len = time_format(m->created_at, at);
    if (m->kind == MESSAGE_SYSTEM) {
        return;
    }
    const char *who = m->author_name.len > 0 ? NULL : author_kind_name(m->author_kind);
    (void)buf_add(b, at, len);
    (void)buf_add_cstr(b, "  ");
    (void)buf_add_str(b, who != NULL ? str_from(who) : m->author_name);
    (void)buf_add_cstr(b, "\n");
    (void)buf_add_str(b, m->deleted_at != 0 ? STR("-") : m->body);
    for (size_t i = 0; i < m->n_files; i++) {
        (void)buf_add_cstr(b, "\n[");
        (void)buf_add_str(b, m->files[i].name);
        (void)buf_add_cstr(b, "]");
    }
    (void)buf_add_cstr(b, "\n\n");
}

static enum err transcript_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation c;
    struct message *list = NULL;
    size_t n = 0;
    buf_clear(j->text);
    enum err err = visitor_conversation_load(txn, j->actor, j->id, j->arena, &c, j->info);
    err = err != ERR_OK
              ? err
              : message_list(txn, j->id, 0, true, TRANSCRIPT_MAX_MESSAGES, j->arena, &list, &n);
    for (size_t i = n; i > 0 && err == ERR_OK; i--) {
        write_line(j->text, &list[i - 1]);
    }
    return err != ERR_OK ? err : buf_err(j->text);
}

enum err visitor_http_transcript(struct request *rq, struct response *rs, struct errinfo *info)
{
    BUF_AUTO text;
    buf_init(&text, 7 * 1024 * 1024);
    struct job j = {.desk = rq->room,
                    .actor = request_actor(rq),
                    .arena = rq->arena,
                    .text = &text,
                    .info = info};
    enum err err = request_param_id(rq, "id", &j.id.v, info);
    err = err != ERR_OK ? err : db_read(j.desk->db, transcript_fn, &j);
    if (err == ERR_OK) {
        response_header(rs, "Content-Disposition",
                        STR("attachment; filename=\"conversation.txt\""));
        response_body(rs, STR("text/plain; charset=utf-8"), str_dup(rq->arena, buf_str(&text)));
    }
    return err;
}

/* ---- doing ---- */

enum err visitor_http_send(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    struct desk *desk = rq->room;
    const struct json *o = NULL;
    struct message_out out = {0};
    struct message_in in = {.author_kind = AUTHOR_CUSTOMER,
                            .author_id = actor->customer.v,
                            .customer = actor->customer,
                            .inbox = actor->inbox,
                            .is_name_old = true};
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : message_in_decode(o, false, rq->arena, &in, info);
    err = err != ERR_OK ? err : message_send_now(desk, &in, rq->arena, &out, info);
    if (err == ERR_OK) {
        response_status(rs, out.is_duplicate ? 200 : 201);
        json_put_raw(response_json(rs), out.json);
    }
    return err;
}

static enum err current(struct request *rq, struct response *rs, enum conversation_event event,
                        struct errinfo *info)
{
    struct str json = {0};
    enum err err = visitor_current_do(rq->room, request_actor(rq), event, rq->arena, &json, info);
    if (err == ERR_OK) {
        json_put_raw(response_json(rs), json);
    }
    return err;
}

enum err visitor_http_handover(struct request *rq, struct response *rs, struct errinfo *info)
{
    return current(rq, rs, ON_HANDOVER, info);
}

enum err visitor_http_end(struct request *rq, struct response *rs, struct errinfo *info)
{
    return current(rq, rs, ON_END, info);
}

enum err visitor_http_rate(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o = NULL;
    struct conversation_id id = {0};
    int64_t score = 0;
    struct str comment = {0};
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_get_id(o, "conversation_id", &id.v, info);
    err = err != ERR_OK ? err : json_get_i64(o, "score", 1, 5, &score, info);
    err = err != ERR_OK ? err : json_opt_str(o, "comment", 2000, &comment, info);
    err = err != ERR_OK ? err
                        : visitor_rate(rq->room, request_actor(rq), id, score,
                                       message_clean(rq->arena, comment), info);
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
