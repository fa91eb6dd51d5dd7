#include "desk/desk_routes.gen.h"
#include "desk/workspace.h"

#include "base/check.h"

static void write_workspace(const struct workspace *ws, struct response *rs)
{
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_str(w, "brand", ws->brand);
    json_kv_str(w, "default_language", ws->default_language);
    json_kv_i64(w, "reopen_hours", ws->reopen_hours);
    json_kv_i64(w, "offer_timeout_s", ws->offer_timeout_s);
    json_kv_i64(w, "auto_away_minutes", ws->auto_away_minutes);
    json_kv_bool(w, "csat_enabled", ws->csat_enabled);
    json_kv_str(w, "public_url", ws->public_url);
    json_kv_i64(w, "version", ws->version);
    json_object_end(w);
    response_etag(rs, ws->version);
}

struct job {
    struct request *rq;
    struct desk *desk;
    struct workspace ws;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    return workspace_load(txn, j->rq->arena, &j->ws);
}

enum err workspace_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    UNUSED(info);
    struct job j = {.rq = rq, .desk = rq->room};
    enum err err = db_read(j.desk->db, load_fn, &j);
    if (err == ERR_OK) {
        write_workspace(&j.ws, rs);
    }
    return err;
}

enum err workspace_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body = NULL;
    struct workspace ws;
    enum err err = request_json(rq, &body, info);
    err = err != ERR_OK ? err : workspace_update(rq->room, request_actor(rq), rq, body, &ws, info);
    if (err == ERR_OK) {
        write_workspace(&ws, rs);
    }
    return err;
}
