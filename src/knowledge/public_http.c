/* Endpoints for everybody: article search and articles for the widget, votes. Answers come from the snapshot, without the database. */
#include "knowledge/knowledge_internal.h"
#include "knowledge/knowledge_json.h"
#include "knowledge/knowledge_routes.gen.h"

static enum err query_lang(const struct request *rq, enum lang *out, struct errinfo *info)
{
    struct str tag = request_query(rq, "lang");
    return lang_parse(tag, out) ? ERR_OK
                                : err_set(info, ERR_INVALID, "lang",
                                          str_is_empty(tag) ? "required" : "format", "en or zh-CN");
}

/* Without a question: what readers found most useful, then the order of the help centre. */
static size_t most_useful(const struct kb *kb, enum lang lang, const struct kb_article **out,
                          size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < kb_n_articles(kb, lang); i++) {
        const struct kb_article *a = kb_article_at(kb, lang, i);
        size_t at = n;
        while (at > 0 &&
               out[at - 1]->helpful - out[at - 1]->not_helpful < a->helpful - a->not_helpful) {
            at--;
        }
        if (at >= max) {
            continue;
        }
        n = n < max ? n + 1 : max;
        for (size_t k = n - 1; k > at; k--) {
            out[k] = out[k - 1];
        }
        out[at] = a;
    }
    return n;
}

#define MAX_RESULTS 20

enum err article_http_public_search(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum lang lang = LANG_EN;
    int64_t limit;
    enum err err = query_lang(rq, &lang, info);
    err = err == ERR_OK ? request_query_i64(rq, "limit", 1, MAX_RESULTS, 8, &limit, info) : err;
    if (err != ERR_OK) {
        return err;
    }
    KB_AUTO kb = knowledge_ref(rq->room);
    struct str q = str_trim(request_query(rq, "q"));
    const struct kb_article *found[MAX_RESULTS];
    size_t n = 0;
    if (str_is_empty(q)) {
        n = most_useful(kb, lang, found, (size_t)limit);
    } else {
        struct kb_hit hits[MAX_RESULTS];
        n = kb_search(kb, lang, q, hits, (size_t)limit);
        for (size_t i = 0; i < n; i++) {
            found[i] = hits[i].article;
        }
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        public_article_summary_write_json(w, found[i]);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err article_http_public_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    enum lang lang = LANG_EN;
    enum err err = query_lang(rq, &lang, info);
    if (err != ERR_OK) {
        return err;
    }
    KB_AUTO kb = knowledge_ref(rq->room);
    const struct kb_article *a = kb_article_find(kb, lang, request_param(rq, "slug"));
    if (a == NULL) {
        return err_set(info, ERR_NOT_FOUND, "slug", "not_found", "no such article");
    }
    struct markdown_page page;
    err = kb_render_body(kb, lang, a->body, rq->arena, &page);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_str(w, "slug", a->slug);
    json_kv_str(w, "title", a->title);
    json_kv_str(w, "summary", a->summary);
    json_kv_str(w, "html", page.html);
    json_kv_str(w, "category", a->category_name);
    json_kv_str(w, "url", a->url);
    json_kv_time(w, "updated_at", a->updated_at);
    json_object_end(w);
    return ERR_OK;
}

enum err article_http_public_feedback(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct str tag;
    bool is_helpful = false;
    enum lang lang = LANG_EN;
    enum err err = request_json(rq, &body, info);
    err = err == ERR_OK ? json_get_str(body, "lang", 1, 20, &tag, info) : err;
    if (err == ERR_OK && !lang_parse(tag, &lang)) {
        err = err_set(info, ERR_INVALID, "lang", "format", "en or zh-CN");
    }
    if (err == ERR_OK && !json_is_bool(json_find(body, "helpful"))) {
        err = err_set(info, ERR_INVALID, "helpful", "required", "true or false");
    }
    err = err == ERR_OK ? json_opt_bool(body, "helpful", false, &is_helpful, info) : err;
    if (err == ERR_OK) {
        struct str who = str_printf(rq->arena, STR_FMT "|" STR_FMT, STR_ARG(rq->remote_ip),
                                    STR_ARG(request_header(rq, "User-Agent")));
        err = feedback_vote(rq->room, lang, request_param(rq, "slug"), who, is_helpful, info);
    }
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}
