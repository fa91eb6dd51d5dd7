#include "desk/desk_routes.gen.h"
#include "desk/message.h"
#include "desk/offer.h"
#include "desk/presence.h"

struct job {
    struct desk *desk;
    const struct actor *actor;
    struct arena *arena;
    struct json_writer *w;
    struct presence_input in;
};

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    return presence_write_all_json(txn, j->arena, j->w);
}

enum err presence_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {
        .desk = rq->room, .arena = rq->arena, .actor = request_actor(rq), .w = response_json(rs)};
    (void)info;
    json_object_begin(j.w);
    json_put_key(j.w, "items");
    enum err err = db_read(j.desk->db, list_fn, &j);
    json_object_end(j.w);
    return err;
}

static enum err mine_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct presence p;
    enum err err = presence_load(txn, j->actor->agent, j->arena, &p);
    return err != ERR_OK ? err : presence_write_json(txn, j->arena, &p, j->w);
}

enum err presence_http_set(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {.desk = rq->room, .arena = rq->arena, .actor = request_actor(rq)};
    const struct json *o = NULL;
    int status = 0;
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_get_enum(o, "status", presence_status_words, &status, info);
    err = err != ERR_OK ? err : json_opt_str(o, "reason", 60, &j.in.reason, info);
    if (err != ERR_OK) {
        return err;
    }
    j.in.event = PRESENCE_SET;
    j.in.status = (enum presence_status)status;
    j.in.reason = message_clean_line(rq->arena, j.in.reason);
    j.in.now = desk_now(j.desk);
    err = presence_set(j.desk, j.actor, j.in);
    j.w = response_json(rs);
    return err != ERR_OK ? err : db_read(j.desk->db, mine_fn, &j);
}

enum err offer_http_answer(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o = NULL;
    int64_t id = 0;
    bool accept = false;
    struct str head = {0};
    enum err err = request_param_id(rq, "id", &id, info);
    err = err != ERR_OK ? err : request_json(rq, &o, info);
    if (err == ERR_OK && !json_is_bool(json_find(o, "accept"))) {
        err = err_set(info, ERR_INVALID, "accept", "required", "true or false");
    }
    if (err == ERR_OK) {
        accept = json_bool(json_find(o, "accept"));
        err = offer_answer(rq->room, request_actor(rq), id, accept, rq->arena, &head, info);
    }
    if (err == ERR_OK && accept) {
        json_put_raw(response_json(rs), head);
    } else if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
