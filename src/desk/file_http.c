#include "desk/desk_routes.gen.h"
#include "desk/file_service.h"
#include "desk/file_type.h"

static enum err respond_uploaded(struct response *rs, enum err err, const struct file *f)
{
    if (err == ERR_OK) {
        response_status(rs, 201);
        file_write_json(response_json(rs), f);
    }
    return err;
}

static enum err name_of(const struct request *rq, struct str *out, struct errinfo *info)
{
    *out = request_query(rq, "name");
    return out->len == 0 || out->len > 800
               ? err_set(info, ERR_INVALID, "name", out->len == 0 ? "required" : "too_long",
                         "1 to 200 characters")
               : ERR_OK;
}

enum err file_http_upload(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct file f = {0};
    struct upload u = {.bytes = rq->body,
                       .path = rq->body_path,
                       .max = FILE_MAX_AGENT,
                       .actor = request_actor(rq)};
    enum err err = name_of(rq, &u.name, info);
    if (err == ERR_OK && (!str_to_i64(request_query(rq, "conversation_id"), &u.conversation.v) ||
                          u.conversation.v <= 0)) {
        err = err_set(info, ERR_INVALID, "conversation_id", "required", "an id");
    }
    err = err != ERR_OK ? err : file_upload(rq->room, &u, rq->arena, &f, info);
    return respond_uploaded(rs, err, &f);
}

enum err visitor_http_upload(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct file f = {0};
    struct upload u = {.bytes = rq->body,
                       .path = rq->body_path,
                       .max = FILE_MAX_VISITOR,
                       .customer = request_actor(rq)->customer};
    enum err err = name_of(rq, &u.name, info);
    err = err != ERR_OK ? err : file_upload(rq->room, &u, rq->arena, &f, info);
    return respond_uploaded(rs, err, &f);
}

static bool wants_inline(const struct request *rq)
{
    struct str v = request_query(rq, "inline");
    return str_eq_cstr(v, "true") || str_eq_cstr(v, "1");
}

enum err file_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct file f = {0};
    struct file_id id = {0};
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err != ERR_OK ? err
                        : file_load_for_agent(rq->room, request_actor(rq), id, rq->arena, &f, info);
    return err != ERR_OK ? err : file_respond(rq->room, &f, wants_inline(rq), rs, info);
}

enum err visitor_http_file(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct file f = {0};
    struct file_id id = {0};
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err != ERR_OK ? err
                        : file_load_for_customer(rq->room, request_actor(rq)->customer, id,
                                                 rq->arena, &f, info);
    return err != ERR_OK ? err : file_respond(rq->room, &f, wants_inline(rq), rs, info);
}
