#include "desk/desk_routes.gen.h"
#include "desk/inbox_service.h"

struct job {
    struct request *rq;
    struct desk *desk;
    struct inbox *list;
    size_t n;
    struct inbox in;
    const struct json *body;
    struct errinfo *info;
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

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    int64_t id = j->in.id.v;
    enum err err = inbox_load(txn, (struct inbox_id){id}, j->rq->arena, &j->in);
    if (err == ERR_NOT_FOUND) {
        return err_set(j->info, err, "id", "not_found", "no such inbox");
    }
    if (err == ERR_OK) {
        err = request_if_match(j->rq, j->in.version, j->info);
    }
    if (err == ERR_OK) {
        err = inbox_decode(j->body, j->rq->arena, &j->in, j->info);
    }
    if (err == ERR_OK) {
        err = inbox_store(txn, &j->in);
        j->in.version++;
    }
    return err;
}

enum err inbox_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {.rq = rq, .desk = rq->room, .info = info};
    enum err err = actor_require(request_actor(rq), PERM_INBOX_MANAGE, info);
    if (err == ERR_OK) {
        err = request_param_id(rq, "id", &j.in.id.v, info);
    }
    if (err == ERR_OK) {
        err = request_json(rq, &j.body, info);
    }
    if (err == ERR_OK) {
        err = db_write(j.desk->db, update_fn, &j);
    }
    if (err == ERR_OK) {
        response_etag(rs, j.in.version);
        inbox_write_json(&j.in, response_json(rs));
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
