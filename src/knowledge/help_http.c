/* The help centre: pages for people (and search engines), without JavaScript. A page is rendered once per snapshot and copied into each answer; its ETag makes
 * a repeated visit a 304. Errors are pages too. */
#include "base/buf.h"
#include "base/codec.h"
#include "base/mem.h"
#include "knowledge/knowledge_internal.h"
#include "knowledge/knowledge_routes.gen.h"

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri "    \
    "'none'; frame-ancestors 'none'"

static enum err answer_page(struct request *rq, struct response *rs, int status,
                            const struct kb_page *page)
{
    if (page == NULL) {
        return ERR_INTERNAL;
    }
    response_status(rs, status);
    response_header(rs, "Content-Security-Policy", STR(POLICY));
    /* no-cache: kept, but asked for each time: a withdrawn article must not live on. */
    response_header(rs, "Cache-Control", STR("no-cache"));
    if (status == 200 && page->etag[0] != '\0') {
        response_header(rs, "ETag", str_dup(rq->arena, str_from(page->etag)));
    }
    response_body(rs, STR("text/html; charset=utf-8"),
                  str_dup(rq->arena, (struct str){page->html, page->len}));
    return ERR_OK;
}

/* The page of a slot: the first to render keeps it there. */
static const struct kb_page *keep_page(kb_page_slot *slot, struct kb_page *mine)
{
    struct kb_page *there = NULL;
    if (mine == NULL || atomic_compare_exchange_strong(slot, &there, mine)) {
        return mine;
    }
    mem_free(mine);
    return there;
}

static enum err answer_missing(struct request *rq, struct response *rs, const struct kb *kb,
                               enum lang lang)
{
    const struct knowledge *k = rq->room;
    struct kb_page *page = help_page_missing(kb, lang, k->css_name);
    enum err err = answer_page(rq, rs, 404, page);
    mem_free(page);
    return err;
}

/* Language of the path; false: the answer (a 404 page) is made. */
static bool path_lang(struct request *rq, struct response *rs, const struct kb *kb, enum lang *lang,
                      enum err *err)
{
    if (lang_parse(request_param(rq, "lang"), lang)) {
        return true;
    }
    *err = answer_missing(rq, rs, kb, kb_site(kb)->default_lang);
    return false;
}

enum err help_http_root(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang =
        lang_negotiate(request_header(rq, "Accept-Language"), kb_site(kb)->default_lang);
    response_status(rs, 302);
    response_header(rs, "Location", str_printf(rq->arena, "/help/%s", lang_tag(lang)));
    response_header(rs, "Vary", STR("Accept-Language"));
    response_body(rs, STR("text/plain; charset=utf-8"), STR(""));
    return ERR_OK;
}

enum err help_http_home(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    const struct knowledge *k = rq->room;
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang = LANG_EN;
    enum err err = ERR_OK;
    if (!path_lang(rq, rs, kb, &lang, &err)) {
        return err;
    }
    kb_page_slot *slot = &((struct kb *)(uintptr_t)kb)->langs[lang].home;
    const struct kb_page *page = atomic_load(slot);
    return answer_page(
        rq, rs, 200, page != NULL ? page : keep_page(slot, help_page_home(kb, lang, k->css_name)));
}

enum err help_http_category(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    const struct knowledge *k = rq->room;
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang = LANG_EN;
    enum err err = ERR_OK;
    if (!path_lang(rq, rs, kb, &lang, &err)) {
        return err;
    }
    struct kb_category *c = kb_category_find(kb, lang, request_param(rq, "slug"));
    if (c == NULL) {
        return answer_missing(rq, rs, kb, lang);
    }
    const struct kb_page *page = atomic_load(&c->page);
    return answer_page(
        rq, rs, 200,
        page != NULL ? page : keep_page(&c->page, help_page_category(kb, lang, c, k->css_name)));
}

enum err help_http_article(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    const struct knowledge *k = rq->room;
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang = LANG_EN;
    enum err err = ERR_OK;
    if (!path_lang(rq, rs, kb, &lang, &err)) {
        return err;
    }
    struct kb_entry *e =
        (struct kb_entry *)(uintptr_t)kb_entry_find(kb, lang, request_param(rq, "slug"));
    if (e == NULL) {
        return answer_missing(rq, rs, kb, lang);
    }
    const struct kb_page *page = atomic_load(&e->page);
    return answer_page(rq, rs, 200,
                       page != NULL ? page
                                    : keep_page(&e->page, help_page_article(kb, e, k->css_name)));
}

enum err help_http_search(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    const struct knowledge *k = rq->room;
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang = LANG_EN;
    enum err err = ERR_OK;
    if (!path_lang(rq, rs, kb, &lang, &err)) {
        return err;
    }
    struct kb_page *page =
        help_page_search(kb, lang, str_trim(str_sub(request_query(rq, "q"), 0, 800)), k->css_name);
    err = answer_page(rq, rs, 200, page);
    mem_free(page);
    return err;
}

/* Value of one field of an application/x-www-form-urlencoded body. */
static struct str form_field(const struct request *rq, struct str name)
{
    struct str rest = rq->body;
    struct str pair;
    while (str_split(&rest, '&', &pair)) {
        size_t equals = str_find_char(pair, '=');
        if (equals != SIZE_MAX && str_eq(str_sub(pair, 0, equals), name)) {
            return str_sub(pair, equals + 1, pair.len);
        }
    }
    return (struct str){0};
}

enum err help_http_feedback(struct request *rq, struct response *rs, struct errinfo *info)
{
    KB_AUTO kb = knowledge_ref(rq->room);
    enum lang lang = LANG_EN;
    enum err err = ERR_OK;
    if (!path_lang(rq, rs, kb, &lang, &err)) {
        return err;
    }
    /* Other sites may not vote for their visitors. */
    struct str site = request_header(rq, "Sec-Fetch-Site");
    if (site.len > 0 && !str_eq_cstr(site, "same-origin") && !str_eq_cstr(site, "none")) {
        return err_set(info, ERR_DENIED, NULL, "cross_site", "votes come from our own pages");
    }
    struct str slug = request_param(rq, "slug");
    struct str helpful = form_field(rq, STR("helpful"));
    bool is_helpful = str_eq_cstr(helpful, "yes");
    if (!is_helpful && !str_eq_cstr(helpful, "no")) {
        return err_set(info, ERR_INVALID, "helpful", "format", "yes or no");
    }
    struct str who = str_printf(rq->arena, STR_FMT "|" STR_FMT, STR_ARG(rq->remote_ip),
                                STR_ARG(request_header(rq, "User-Agent")));
    err = feedback_vote(rq->room, lang, slug, who, is_helpful, info);
    if (err == ERR_NOT_FOUND) {
        return answer_missing(rq, rs, kb, lang);
    }
    if (err != ERR_OK) {
        return err;
    }
    response_status(rs, 303);
    response_header(rs, "Location",
                    str_printf(rq->arena, "/help/%s/article/" STR_FMT "#%s", lang_tag(lang),
                               STR_ARG(slug), is_helpful ? "thanks" : "sorry"));
    response_body(rs, STR("text/plain; charset=utf-8"), STR(""));
    return ERR_OK;
}

enum err help_http_asset(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct knowledge *k = rq->room;
    struct str css;
    if (!str_eq_cstr(request_param(rq, "file"), k->css_name) ||
        !knowledge_starter_file("help.css", &css)) {
        return err_set(info, ERR_NOT_FOUND, "file", "not_found", "no such file");
    }
    response_header(rs, "Cache-Control", STR("public, max-age=31536000, immutable"));
    response_body(rs, STR("text/css; charset=utf-8"), css);
    return ERR_OK;
}
