#include "desk/conversation_use.h"
#include "desk/desk_routes.gen.h"
#include "desk/message_service.h"

enum err message_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct conversation_id id = {0};
    int64_t before = 0, limit = 0;
    enum err err = request_param_id(rq, "id", &id.v, info);
    if (err == ERR_OK) {
        err = request_query_i64(rq, "before", 0, INT64_MAX / 2, 0, &before, info);
    }
    if (err == ERR_OK) {
        err = request_query_i64(rq, "limit", 1, 100, 30, &limit, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = conversation_read_messages(rq->room, request_actor(rq), id, before, (size_t)limit,
                                     rq->arena, w, info);
    json_object_end(w);
    return err;
}

enum err message_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct actor *actor = request_actor(rq);
    struct desk *desk = rq->room;
    const struct json *o = NULL;
    struct message_in in = {
        .actor = actor, .author_kind = AUTHOR_AGENT, .author_id = actor->agent.v};
    struct message_out out = {0};
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    if (err == ERR_OK) {
        err = request_param_id(rq, "id", &in.conversation.v, info);
    }
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK) {
        err = message_in_decode(o, true, rq->arena, &in, info);
    }
    if (err == ERR_OK) {
        err = desk_agent_name(desk, actor->agent, rq->arena, &in.author_name);
    }
    if (err == ERR_OK) {
        err = message_send_now(desk, &in, rq->arena, &out, info);
    }
    if (err == ERR_OK) {
        response_status(rs, out.is_duplicate ? 200 : 201);
        json_put_raw(response_json(rs), out.json);
    }
    return err;
}

enum err message_http_edit(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct message_id id = {0};
    const struct json *o = NULL;
    struct str body = {0}, json = {0};
    enum err err = request_param_id(rq, "id", &id.v, info);
    if (err == ERR_OK) {
        err = request_json(rq, &o, info);
    }
    if (err == ERR_OK) {
        err = json_get_str(o, "body", 1, MESSAGE_MAX_AGENT, &body, info);
    }
    if (err == ERR_OK) {
        err = message_edit(rq->room, request_actor(rq), id, body, rq->arena, &json, info);
    }
    if (err == ERR_OK) {
        json_put_raw(response_json(rs), json);
    }
    return err;
}

enum err message_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct message_id id = {0};
    struct str json = {0};
    enum err err = request_param_id(rq, "id", &id.v, info);
    if (err == ERR_OK) {
        err = message_delete(rq->room, request_actor(rq), id, rq->arena, &json, info);
    }
    if (err == ERR_OK) {
        json_put_raw(response_json(rs), json);
    }
    return err;
}

enum err message_http_history(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct message_id id = {0};
    enum err err = request_param_id(rq, "id", &id.v, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = message_read_history(rq->room, request_actor(rq), id, rq->arena, w, info);
    json_object_end(w);
    return err;
}
