/* The page inside the widget's iframe. It is one file for everybody; what differs is who may put a frame around it. That is said here, per inbox,
 * and enforced by the browser: a page that copies the exchange's looks cannot show the exchange's chat. */
#include "desk/desk_internal.h"
#include "desk/desk_routes.gen.h"
#include "desk/inbox.h"

struct job {
    struct arena *arena;
    struct str key;
    struct inbox inbox;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    return inbox_load_by_key(txn, j->key, j->arena, &j->inbox);
}

/* Origins were checked when they were stored; a header is no place to trust that. */
static bool is_origin_text(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_word && str_find_char(STR(":/.-_[]*"), c) == SIZE_MAX) {
            return false;
        }
    }
    return text.len > 0;
}

static struct str ancestors_of(struct arena *arena, struct str origins_json)
{
    BUF_AUTO text;
    buf_init(&text, 3500); /* below the cap of a header */
    buf_add_cstr(&text, "'self'");
    struct json_doc *doc = NULL;
    if (json_parse(origins_json, 65536, &doc, NULL) == ERR_OK) {
        const struct json *list = json_root(doc);
        for (size_t i = 0; i < json_len(list); i++) {
            struct str origin = json_str(json_at(list, i));
            if (is_origin_text(origin)) {
                buf_add_char(&text, ' ');
                buf_add_str(&text, origin);
            }
        }
        json_doc_free(&doc);
    }
    return buf_err(&text) == ERR_OK ? str_dup(arena, buf_str(&text)) : STR("'self'");
}

static enum err not_here(struct response *rs)
{
    response_status(rs, 404);
    response_header(rs, "Content-Security-Policy", STR("default-src 'none'; frame-ancestors *"));
    response_body(
        rs, STR("text/html; charset=utf-8"),
        STR("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title>"
            "<p>This chat does not exist. <span "
            "lang=\"zh-CN\">此客服窗口不存在。</span></p></html>"));
    return ERR_OK;
}

enum err widget_http_frame(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct desk *desk = rq->room;
    struct job j = {.arena = rq->arena, .key = request_query(rq, "inbox")};
    response_header(rs, "Cache-Control", STR("no-cache"));
    if (j.key.len == 0 || j.key.len > 40) {
        return not_here(rs);
    }
    enum err err = db_read(desk->db, load_fn, &j);
    if (err == ERR_NOT_FOUND) {
        return not_here(rs);
    }
    struct str page = {0};
    if (err == ERR_OK) {
        err = desk->server == NULL
                  ? ERR_NOT_FOUND
                  : server_page_load(desk->server, "/widget/index.html", rq->arena, &page);
        if (err != ERR_OK) {
            return err_set(info, ERR_UNAVAILABLE, NULL, "web_missing",
                           "the web apps are not part of this build");
        }
        response_header(
            rs, "Content-Security-Policy",
            server_page_policy(rq->arena, ancestors_of(rq->arena, j.inbox.allowed_origins)));
        response_header(rs, "Cross-Origin-Resource-Policy", STR("cross-origin"));
        response_header(rs, "Permissions-Policy",
                        STR("camera=(), microphone=(), geolocation=(), payment=()"));
        response_body(rs, STR("text/html; charset=utf-8"), page);
    }
    return err;
}
