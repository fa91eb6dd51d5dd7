#include "desk/desk_routes.gen.h"
#include "desk/inbox_service.h"

struct job {
    struct request *rq;
    struct desk *desk;
    struct inbox *list;
    size_t n;
};

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    return inbox_list(txn, j->rq->arena, &j->list, &j->n);
}

enum err inbox_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    struct job j = {.rq = rq, .desk = rq->room};
    enum err err = db_read(j.desk->db, list_fn, &j);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < j.n; i++) {
        inbox_write_json(&j.list[i], w);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err inbox_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct desk *desk = rq->room;
    struct inbox in = {0};
    const struct json *body = NULL;
    enum err err = actor_require(request_actor(rq), PERM_INBOX_MANAGE, info);
    if (err == ERR_OK) {
        err = request_json(rq, &body, info);
    }
    if (err == ERR_OK) {
        err = inbox_decode(body, rq->arena, &in, info);
    }
    if (err == ERR_OK) {
        err = inbox_create(desk, &in, rq->arena, info);
    }
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_etag(rs, in.version);
        inbox_write_json(&in, response_json(rs));
    }
    return err;
}

enum err inbox_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct inbox in = {0};
    const struct json *body = NULL;
    enum err err = request_param_id(rq, "id", &in.id.v, info);
    err = err != ERR_OK ? err : request_json(rq, &body, info);
    err = err != ERR_OK ? err : inbox_update(rq->room, request_actor(rq), rq, body, &in, info);
    if (err == ERR_OK) {
        response_etag(rs, in.version);
        inbox_write_json(&in, response_json(rs));
    }
    return err;
}

enum err inbox_http_rotate_secret(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct inbox_id id = {0};
    struct str secret = {0};
    enum err err = actor_require(request_actor(rq), PERM_INBOX_MANAGE, info);
    if (err == ERR_OK) {
        err = request_param_id(rq, "id", &id.v, info);
    }
    if (err == ERR_OK) {
        err = inbox_rotate_secret(rq->room, id, rq->arena, &secret, info);
    }
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        response_header(rs, "Cache-Control", STR("no-store"));
        json_object_begin(w);
        json_kv_str(w, "secret", secret);
        json_object_end(w);
    }
    return err;
}
