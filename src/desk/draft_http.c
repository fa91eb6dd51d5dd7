#include "desk/desk_routes.gen.h"
#include "desk/draft.h"

struct job {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    struct arena *arena;
    int kind;
    struct str body;
    int64_t updated_at;
    struct errinfo *info;
};

static enum err begin(struct request *rq, struct job *j, struct errinfo *info)
{
    *j = (struct job){
        .desk = rq->room, .actor = request_actor(rq), .arena = rq->arena, .info = info};
    enum err err = actor_require(j->actor, PERM_CONVERSATION_REPLY, info);
    return err != ERR_OK ? err : request_param_id(rq, "id", &j->id.v, info);
}

static enum err get_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation c;
    struct db_rows *rows = NULL;
    enum err err = conversation_load_for(txn, j->actor, j->id, j->arena, &c, j->info);
    if (err == ERR_OK) {
        err = DB_QUERY_ONE(txn, &rows,
                           "SELECT kind, body, updated_at FROM drafts WHERE agent_id = $1 AND "
                           "conversation_id = $2",
                           db_i64(j->actor->agent.v), db_i64(j->id.v));
        if (err == ERR_NOT_FOUND) {
            j->body = STR("");
            return ERR_OK;
        }
    }
    if (err != ERR_OK) {
        return err;
    }
    j->kind = (int)db_rows_i64(rows, 0);
    j->body = db_rows_dup(rows, 1, j->arena);
    j->updated_at = db_rows_i64(rows, 2);
    return db_rows_close(&rows);
}

enum err draft_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j;
    enum err err = begin(rq, &j, info);
    err = err != ERR_OK ? err : db_read(j.desk->db, get_fn, &j);
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        json_object_begin(w);
        json_kv_str(w, "body", j.body);
        json_kv_cstr(w, "kind", message_kind_name((enum message_kind)j.kind));
        json_kv_time(w, "updated_at", j.updated_at);
        json_object_end(w);
    }
    return err;
}

enum err draft_http_put(struct request *rq, struct response *rs, struct errinfo *info)
{
    static const char *const kinds[] = {"public", "note", NULL};
    struct job j;
    const struct json *o = NULL;
    enum err err = begin(rq, &j, info);
    err = err != ERR_OK ? err : request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_get_enum(o, "kind", kinds, &j.kind, info);
    err = err != ERR_OK ? err : json_get_str(o, "body", 0, MESSAGE_MAX_AGENT, &j.body, info);
    err = err != ERR_OK ? err
                        : draft_put(j.desk, j.actor, j.id, (enum message_kind)j.kind, j.body, info);
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

enum err draft_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct page page;
    enum err err = request_page(rq, &page, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = draft_read_list(rq->room, request_actor(rq), page.after, (size_t)page.limit, rq->arena, w,
                          info);
    json_object_end(w);
    return err;
}
