#include "bot/bot_routes.gen.h"
#include "bot/miss.h"
#include "platform/http.h"

enum err miss_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct page page;
    struct str word = request_query(rq, "language");
    enum lang lang = LANG_EN;
    enum err err = request_page(rq, &page, info);
    if (err == ERR_OK && word.len > 0 && !lang_parse(word, &lang)) {
        err = err_set(info, ERR_INVALID, "language", "format", "en or zh-CN");
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    err = bot_misses_read(rq->room, request_actor(rq), word.len > 0 ? &lang : NULL, page.after,
                          (size_t)page.limit, rq->arena, w, info);
    json_object_end(w);
    return err;
}
