/* Mentions of me. */
#include "desk/desk_routes.gen.h"
#include "desk/mention.h"

enum err mention_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct page page;
    enum err err = request_page(rq, &page, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = mention_read_list(rq->room, request_actor(rq),
                            str_eq_cstr(request_query(rq, "unseen"), "true"), page.after,
                            (size_t)page.limit, rq->arena, w, info);
    json_object_end(w);
    return err;
}

enum err mention_http_seen(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *o = NULL;
    struct conversation_id c = {0};
    int64_t unseen = 0;
    enum err err = request_json(rq, &o, info);
    err = err != ERR_OK ? err : json_opt_id(o, "conversation_id", &c.v, info);
    err = err != ERR_OK ? err : mention_see(rq->room, request_actor(rq), c, &unseen, info);
    if (err == ERR_OK) {
        struct json_writer *w = response_json(rs);
        json_object_begin(w);
        json_kv_i64(w, "unseen", unseen);
        json_object_end(w);
    }
    return err;
}
