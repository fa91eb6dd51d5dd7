/* Endpoints of the editor (agents). */
#include "knowledge/knowledge_internal.h"
#include "knowledge/knowledge_json.h"
#include "knowledge/knowledge_routes.gen.h"

static enum err param_lang(const struct request *rq, enum lang *out, struct errinfo *info)
{
    return lang_parse(request_param(rq, "lang"), out)
               ? ERR_OK
               : err_set(info, ERR_NOT_FOUND, "lang", "not_found", "languages are en and zh-CN");
}

/* The whole article, as every change of it answers. */
static enum err answer_article(struct request *rq, struct response *rs, struct article_id id,
                               struct errinfo *info)
{
    struct article_full a;
    enum err err = article_read(rq->room, request_actor(rq), rq->arena, id, &a, info);
    if (err == ERR_OK) {
        response_etag(rs, a.article.version);
        article_write_json(response_json(rs), &a.article, a.translations, a.n_translations);
    }
    return err;
}

static void answer_translation(struct response *rs, const struct translation *t)
{
    response_etag(rs, t->version);
    translation_write_json(response_json(rs), t);
}

/* ---- categories ---- */

enum err category_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    struct category *categories;
    size_t n_categories;
    enum err err = category_read_list(rq->room, rq->arena, &categories, &n_categories);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n_categories; i++) {
        category_write_json(w, &categories[i]);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err category_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct category c = {0};
    enum err err = request_json(rq, &body, info);
    err = err == ERR_OK ? category_read_json(body, &c, info) : err;
    err = err == ERR_OK ? category_create(rq->room, request_actor(rq), &c, info) : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        category_write_json(response_json(rs), &c);
    }
    return err;
}

enum err category_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct category c = {0};
    enum err err = request_param_id(rq, "id", &c.id.v, info);
    err = err == ERR_OK ? request_json(rq, &body, info) : err;
    err = err == ERR_OK ? category_read_json(body, &c, info) : err;
    err = err == ERR_OK ? category_update(rq->room, request_actor(rq), rq->arena, &c, info) : err;
    if (err == ERR_OK) {
        category_write_json(response_json(rs), &c);
    }
    return err;
}

/* ---- articles ---- */

enum err article_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_filter filter = {0};
    struct article_full *items;
    size_t n_items;
    struct page page;
    enum err err = request_page(rq, &page, info);
    err = err == ERR_OK
              ? request_query_i64(rq, "category_id", 1, INT64_MAX, 0, &filter.category.v, info)
              : err;
    if (err != ERR_OK) {
        return err;
    }
    filter.q = str_sub(request_query(rq, "q"), 0, 400);
    filter.after = page.after;
    filter.limit = page.limit + 1;
    err =
        article_read_list(rq->room, request_actor(rq), rq->arena, &filter, &items, &n_items, info);
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n_items > (size_t)page.limit;
    size_t n = has_more ? (size_t)page.limit : n_items;
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        article_summary_write_json(w, &items[i].article, items[i].translations,
                                   items[i].n_translations);
    }
    json_array_end(w);
    json_kv_cursor(w, has_more, n > 0 ? items[n - 1].article.id.v : 0, 0);
    json_object_end(w);
    return ERR_OK;
}

enum err article_http_create(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct article a = {0};
    bool has_risk;
    enum err err = request_json(rq, &body, info);
    err = err == ERR_OK ? json_get_str(body, "slug", 1, 80, &a.slug, info) : err;
    err = err == ERR_OK ? json_get_id(body, "category_id", &a.category.v, info) : err;
    err = err == ERR_OK ? risk_read_json(body, "risk", &has_risk, &a.risk, info) : err;
    err = err == ERR_OK ? article_create(rq->room, request_actor(rq), rq->arena, &a, info) : err;
    if (err == ERR_OK) {
        response_status(rs, 201);
        response_etag(rs, a.version);
        article_write_json(response_json(rs), &a, NULL, 0);
    }
    return err;
}

enum err article_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    return err == ERR_OK ? answer_article(rq, rs, id, info) : err;
}

enum err article_http_update(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct article a;
    struct article_patch patch = {0};
    enum article_risk risk = RISK_NONE;
    int64_t position = 0;
    bool has_risk = false;
    struct article_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? request_json(rq, &body, info) : err;
    err = err == ERR_OK ? json_opt_id(body, "category_id", &patch.category.v, info) : err;
    err = err == ERR_OK ? risk_read_json(body, "risk", &has_risk, &risk, info) : err;
    err =
        err == ERR_OK ? json_opt_i64(body, "position", -1000000, 1000000, 0, &position, info) : err;
    if (err != ERR_OK) {
        return err;
    }
    patch.risk = has_risk ? &risk : NULL;
    patch.position = json_find(body, "position") != NULL ? &position : NULL;
    err = article_update(rq->room, request_actor(rq), rq->arena, id, rq, &patch, &a, info);
    return err == ERR_OK ? answer_article(rq, rs, id, info) : err;
}

enum err article_http_delete(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_id id;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? article_delete(rq->room, request_actor(rq), id, info) : err;
    if (err == ERR_OK) {
        response_no_content(rs);
    }
    return err;
}

/* ---- translations ---- */

enum err article_http_save_draft(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct json *body;
    struct translation t = {0};
    enum err err = request_param_id(rq, "id", &t.article.v, info);
    err = err == ERR_OK ? param_lang(rq, &t.lang, info) : err;
    err = err == ERR_OK ? request_json(rq, &body, info) : err;
    err = err == ERR_OK ? article_text_read_json(rq->arena, body, &t.text, info) : err;
    err = err == ERR_OK ? article_save_draft(rq->room, request_actor(rq), rq->arena, rq, &t, info)
                        : err;
    if (err == ERR_OK) {
        answer_translation(rs, &t);
    }
    return err;
}

enum err article_http_publish(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_id id;
    enum lang lang = LANG_EN;
    struct translation t;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? param_lang(rq, &lang, info) : err;
    err = err == ERR_OK
              ? article_publish(rq->room, request_actor(rq), rq->arena, rq, id, lang, &t, info)
              : err;
    if (err == ERR_OK) {
        answer_translation(rs, &t);
    }
    return err;
}

enum err article_http_unpublish(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_id id;
    enum lang lang = LANG_EN;
    struct translation t;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? param_lang(rq, &lang, info) : err;
    err = err == ERR_OK
              ? article_unpublish(rq->room, request_actor(rq), rq->arena, id, lang, &t, info)
              : err;
    if (err == ERR_OK) {
        answer_translation(rs, &t);
    }
    return err;
}

enum err article_http_versions(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct article_id id;
    enum lang lang = LANG_EN;
    struct article_version *versions;
    size_t n_versions;
    enum err err = request_param_id(rq, "id", &id.v, info);
    err = err == ERR_OK ? param_lang(rq, &lang, info) : err;
    err = err == ERR_OK ? article_read_versions(rq->room, request_actor(rq), rq->arena, id, lang,
                                                &versions, &n_versions, info)
                        : err;
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    for (size_t i = 0; i < n_versions; i++) {
        article_version_write_json(w, &versions[i]);
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err article_http_preview(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct knowledge *k = rq->room;
    const struct json *body;
    struct str text;
    enum err err = actor_require(request_actor(rq), PERM_ARTICLE_READ, info);
    err = err == ERR_OK ? request_json(rq, &body, info) : err;
    err = err == ERR_OK ? json_get_str(body, "body", 0, 100000, &text, info) : err;
    if (err != ERR_OK) {
        return err;
    }
    KB_AUTO kb = knowledge_ref(k);
    const struct markdown_var vars[] = {{"brand", kb_site(kb)->brand}};
    struct markdown_page page;
    err = kb_render_body(kb, lang_of_text(text, kb_site(kb)->default_lang),
                         markdown_fill(rq->arena, text, vars, 1, true), rq->arena, &page);
    if (err != ERR_OK) {
        return err_set(info, ERR_INVALID, "body", "markdown",
                       "the text is nested too deeply, or too long");
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_str(w, "html", page.html);
    json_object_end(w);
    return ERR_OK;
}
