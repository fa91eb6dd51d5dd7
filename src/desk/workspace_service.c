#include "desk/workspace.h"

#include "desk/message.h"

struct job {
    const struct request *rq;
    struct desk *desk;
    struct workspace ws;
    const struct json *body;
    struct errinfo *info;
};

static enum err patch(struct workspace *ws, const struct json *o, struct arena *arena,
                      struct errinfo *info)
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
        if (err == ERR_OK && ws->public_url.len > 0 &&
            !str_starts(ws->public_url, STR("https://")) &&
            !str_starts(ws->public_url, STR("http://"))) {
            err = err_set(info, ERR_INVALID, "public_url", "format", "begins with https://");
        }
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "reopen_hours", 0, 720, ws->reopen_hours, &ws->reopen_hours, info);
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "offer_timeout_s", 5, 300, ws->offer_timeout_s, &ws->offer_timeout_s,
                           info);
    }
    if (err == ERR_OK) {
        err = json_opt_i64(o, "auto_away_minutes", 1, 240, ws->auto_away_minutes,
                           &ws->auto_away_minutes, info);
    }
    return err != ERR_OK
               ? err
               : json_opt_bool(o, "csat_enabled", ws->csat_enabled, &ws->csat_enabled, info);
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

enum err workspace_update(struct desk *desk, const struct actor *actor, const struct request *rq,
                          const struct json *body, struct workspace *out, struct errinfo *info)
{
    struct job j = {.rq = rq, .desk = desk, .body = body, .info = info};
    enum err err = actor_require(actor, PERM_WORKSPACE_MANAGE, info);
    err = err != ERR_OK ? err : db_write(desk->db, update_fn, &j);
    if (err == ERR_OK) {
        *out = j.ws;
    }
    return err;
}
