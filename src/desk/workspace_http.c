#include "desk/desk_routes.gen.h"
#include "desk/workspace.h"

#include "base/check.h"
#include "desk/message.h"

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
    const struct json *body;
    struct errinfo *info;
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

static enum err patch(struct workspace *ws, const struct json *o, struct arena *arena, struct errinfo *info)
{
    static const char *const languages[] = {"en", "zh-CN", NULL};
    enum err err = ERR_OK;
    if (json_find(o, "brand") != NULL) {
        err = json_get_str(o, "brand", 1, 60, &ws->brand, info);
        ws->brand = message_clean_line(arena, ws->brand);
    }
    if (err == ERR_OK && json_find(o, "default_language") != NULL) {
        int word = 0;
        err = json_get_enum(o, "default_language", languages, &word, info);
        ws->default_language = str_from(languages[word]);
    }
    if (err == ERR_OK && json_find(o, "public_url") != NULL) {
        err = json_get_str(o, "public_url", 0, 200, &ws->public_url, info);
        if (err == ERR_OK && ws->public_url.len > 0 && !str_starts(ws->public_url, STR("https://")) && !str_starts(ws->public_url, STR("http://"))) {
            err = err_set(info, ERR_INVALID, "public_url", "format", "begins with https://");
        }
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "reopen_hours", 0, 720, ws->reopen_hours, &ws->reopen_hours, info);
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "offer_timeout_s", 5, 300, ws->offer_timeout_s, &ws->offer_timeout_s, info);
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "auto_away_minutes", 1, 240, ws->auto_away_minutes, &ws->auto_away_minutes, info);
    }
    return err != ERR_OK ? err : json_opt_bool(o, "csat_enabled", ws->csat_enabled, &ws->csat_enabled, info);
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    enum err err = workspace_load(txn, j->rq->arena, &j->ws);
    if (err == ERR_OK) {
        err = request_if_match(j->rq, j->ws.version, j->info);
    }
    if (err == ERR_OK) {
        err = patch(&j->ws, j->body, j->rq->arena, j->info);
    }
    if (err == ERR_OK) {
        err = workspace_store(j->desk, txn, &j->ws);
        j->ws.version++;
    }
    return err;
}

enum err workspace_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct job j = {.rq = rq, .desk = rq->room, .info = info};
    enum err err = actor_require(request_actor(rq), PERM_WORKSPACE_MANAGE, info);
    if (err == ERR_OK) {
        err = request_json(rq, &j.body, info);
    }
    if (err == ERR_OK) {
        err = db_write(j.desk->db, update_fn, &j);
    }
    if (err == ERR_OK) {
        write_workspace(&j.ws, rs);
    }
    return err;
}
