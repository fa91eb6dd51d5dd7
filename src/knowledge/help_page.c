/* Pages as strings: each function writes one part. Everything that comes from a person goes through text(); the only HTML passed as it is comes from
 * markdown_render. Landmarks: banner, search, main, complementary, contentinfo; one h1; headings in order. */
#include "base/check.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "knowledge/help_text.h"
#include "knowledge/knowledge_internal.h"
#include "platform/crypto.h"

struct page {
    struct buf out;
    const struct kb *kb;
    enum lang lang;
    const char *css;
};

static void put(struct page *p, const char *html)
{
    buf_add_cstr(&p->out, html);
}

static void text(struct page *p, struct str s)
{
    codec_html_escape(&p->out, s);
}

static void word(struct page *p, enum help_text t)
{
    text(p, str_from(help_text(p->lang, t)));
}

/* ---- frame ---- */

struct head {
    struct str title, description;
    struct str path;            /* after /help/<lang>, "" for home */
    bool has_other[LANG_COUNT]; /* is there the same page in that language? */
    bool is_indexed;
    const char *og_type;
};

static void absolute(struct page *p, enum lang lang, struct str path)
{
    text(p, p->kb->site.public_url);
    buf_printf(&p->out, "/help/%s", lang_tag(lang));
    text(p, path);
}

static void meta(struct page *p, const char *property, struct str value)
{
    buf_printf(&p->out, "<meta property=\"%s\" content=\"", property);
    text(p, value);
    put(p, "\">\n");
}

static void put_head(struct page *p, const struct head *h)
{
    buf_printf(&p->out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n",
               lang_tag(p->lang));
    put(p, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    text(p, h->title);
    if (h->path.len > 0 || !h->is_indexed) {
        put(p, " · ");
        text(p, p->kb->site.brand);
        put(p, " ");
        word(p, HELP_CENTRE);
    }
    put(p, "</title>\n<meta name=\"description\" content=\"");
    text(p, h->description);
    put(p, "\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
    if (h->is_indexed) {
        put(p, "<link rel=\"canonical\" href=\"");
        absolute(p, p->lang, h->path);
        put(p, "\">\n");
        for (int lang = 0; lang < LANG_COUNT; lang++) {
            if (h->has_other[lang]) {
                buf_printf(&p->out, "<link rel=\"alternate\" hreflang=\"%s\" href=\"",
                           lang_tag((enum lang)lang));
                absolute(p, (enum lang)lang, h->path);
                put(p, "\">\n");
            }
        }
        meta(p, "og:title", h->title);
        meta(p, "og:description", h->description);
        meta(p, "og:type", str_from(h->og_type));
        meta(p, "og:site_name", p->kb->site.brand);
        meta(p, "og:locale", p->lang == LANG_ZH_CN ? STR("zh_CN") : STR("en"));
    } else {
        put(p, "<meta name=\"robots\" content=\"noindex\">\n");
    }
    buf_printf(&p->out,
               "<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" "
               "href=\"/help-assets/%s\">\n</head>\n",
               p->css);
}

static void put_lang_switch(struct page *p, const struct head *h)
{
    put(p, "<nav class=\"langs\" aria-label=\"");
    word(p, HELP_LANGUAGE);
    put(p, "\">");
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        const char *tag = lang_tag((enum lang)lang);
        if ((enum lang)lang == p->lang) {
            buf_printf(&p->out, "<span lang=\"%s\" aria-current=\"true\">%s</span>", tag,
                       help_lang_name((enum lang)lang));
        } else {
            buf_printf(&p->out, "<a lang=\"%s\" hreflang=\"%s\" href=\"/help/%s", tag, tag, tag);
            text(p, h->has_other[lang] ? h->path : (struct str){0});
            buf_printf(&p->out, "\">%s</a>", help_lang_name((enum lang)lang));
        }
    }
    put(p, "</nav>");
}

static void put_search(struct page *p, struct str q, const char *css_class)
{
    buf_printf(
        &p->out,
        "<form class=\"search %s\" role=\"search\" action=\"/help/%s/search\" method=\"get\">",
        css_class, lang_tag(p->lang));
    put(p, "<svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><circle cx=\"11\" "
           "cy=\"11\" r=\"6.5\"/><path d=\"m16 16 4.5 4.5\"/></svg>");
    put(p, "<input type=\"search\" name=\"q\" maxlength=\"200\" autocomplete=\"off\" "
           "enterkeyhint=\"search\" aria-label=\"");
    word(p, HELP_SEARCH_LABEL);
    put(p, "\" placeholder=\"");
    word(p, HELP_SEARCH_PLACEHOLDER);
    put(p, "\" value=\"");
    text(p, q);
    put(p, "\"><button type=\"submit\">");
    word(p, HELP_SEARCH);
    put(p, "</button></form>\n");
}

static void put_contact_link(struct page *p, const char *css_class)
{
    if (p->kb->site.contact_url.len > 0) {
        buf_printf(&p->out, "<a class=\"%s\" href=\"", css_class);
        text(p, p->kb->site.contact_url);
        put(p, "\">");
        word(p, HELP_CONTACT);
        put(p, "</a>");
    }
}

static void page_begin(struct page *p, const struct head *h, const char *body_class)
{
    put_head(p, h);
    buf_printf(&p->out, "<body class=\"%s\">\n<a class=\"skip\" href=\"#content\">", body_class);
    word(p, HELP_SKIP);
    buf_printf(&p->out,
               "</a>\n<header class=\"top\"><div class=\"wrap\"><a class=\"brand\" "
               "href=\"/help/%s\"><strong>",
               lang_tag(p->lang));
    text(p, p->kb->site.brand);
    put(p, "</strong> <span>");
    word(p, HELP_CENTRE);
    put(p, "</span></a><div class=\"tools\">");
    put_lang_switch(p, h);
    put_contact_link(p, "contact-top");
    put(p, "</div></div></header>\n");
}

static void put_promise(struct page *p)
{
    put(p, "<p class=\"promise\"><svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">");
    put(p, help_icon(STR("shield")));
    put(p, "</svg><span><strong>");
    text(p, p->kb->site.brand);
    put(p, "</strong> ");
    word(p, HELP_NEVER_ASK);
    const struct kb_article *verify = kb_article_find(p->kb, p->lang, STR("verify-support"));
    if (verify != NULL) {
        put(p, " <a href=\"");
        text(p, verify->url);
        put(p, "\">");
        word(p, HELP_VERIFY);
        put(p, "</a>");
    }
    put(p, "</span></p>\n");
}

static void put_contact(struct page *p, bool is_money)
{
    put(p, "<section class=\"contact\"><div><h2>");
    word(p, HELP_STILL_NEED_HELP);
    put(p, "</h2><p>");
    word(p, is_money                          ? HELP_MONEY_NOTE
            : p->kb->site.contact_url.len > 0 ? HELP_CONTACT_TEXT
                                              : HELP_CONTACT_NO_LINK);
    put(p, "</p></div>");
    put_contact_link(p, "button");
    put(p, "</section>\n");
}

/* Hands the page over with its ETag. */
static struct kb_page *page_end(struct page *p)
{
    put(p, "<footer class=\"foot\"><div class=\"wrap\">");
    put_promise(p);
    put(p, "</div></footer>\n</body>\n</html>\n");
    struct kb_page *page = NULL;
    if (buf_err(&p->out) == ERR_OK) {
        char hash[65];
        crypto_sha256_hex(buf_str(&p->out), hash);
        page = mem_alloc(sizeof(*page) + p->out.len);
        (void)snprintf(page->etag, sizeof(page->etag), "\"%.32s\"", hash);
        page->len = p->out.len;
        memcpy(page->html, p->out.p, p->out.len);
    }
    buf_release(&p->out);
    return page;
}

static struct page page_of(const struct kb *kb, enum lang lang, const char *css)
{
    struct page p = {.kb = kb, .lang = lang, .css = css};
    buf_init(&p.out, HELP_MAX_PAGE);
    return p;
}

/* ---- parts ---- */

static void put_count(struct page *p, size_t n)
{
    if (n == 1) {
        word(p, HELP_ARTICLE_ONE);
    } else {
        const char *one = help_text(p->lang, HELP_ARTICLES);
        const char *at = strstr(one, "%zu");
        buf_add(&p->out, one, (size_t)(at - one));
        buf_printf(&p->out, "%zu%s", n, at + 3);
    }
}

static void put_categories(struct page *p)
{
    const struct kb_lang *l = &p->kb->langs[p->lang];
    put(p, "<ul class=\"topics\">\n");
    for (size_t i = 0; i < l->n_categories; i++) {
        const struct kb_category *c = &l->categories[i];
        put(p, "<li><svg class=\"icon\" viewBox=\"0 0 24 24\" aria-hidden=\"true\">");
        put(p, help_icon(c->icon));
        buf_printf(&p->out, "</svg><h3><a href=\"/help/%s/category/", lang_tag(p->lang));
        text(p, c->slug);
        put(p, "\">");
        text(p, c->name);
        put(p, "</a></h3><p>");
        text(p, c->description);
        put(p, "</p><p class=\"count\">");
        put_count(p, c->n);
        put(p, "</p></li>\n");
    }
    put(p, "</ul>\n");
}

static void put_article_item(struct page *p, const struct kb_article *a, bool has_summary,
                             int level)
{
    put(p, "<li>");
    if (has_summary) {
        buf_printf(&p->out, "<h%d>", level);
    }
    put(p, "<a href=\"");
    text(p, a->url);
    put(p, "\">");
    text(p, a->title);
    put(p, "</a>");
    if (has_summary) {
        buf_printf(&p->out, "</h%d><p>", level);
        text(p, a->summary);
        put(p, "</p>");
    }
    put(p, "</li>\n");
}

/* Most useful by votes; with none yet, money-risk articles and the first of each topic. */
static size_t popular(const struct kb *kb, enum lang lang, const struct kb_article **out,
                      size_t max)
{
    const struct kb_lang *l = &kb->langs[lang];
    size_t n = 0;
    int64_t scores[8] = {0};
    ASSERT(max <= 8);
    for (size_t c = 0; c < l->n_categories; c++) {
        for (size_t i = l->categories[c].first; i < l->categories[c].first + l->categories[c].n;
             i++) {
            const struct kb_article *a = &l->entries[i].article;
            int64_t score = (a->helpful - a->not_helpful) * 10 +
                            (i == l->categories[c].first ? 3 : 0) + (a->risk == RISK_MONEY ? 2 : 0);
            size_t at = n;
            while (at > 0 && scores[at - 1] < score) {
                at--;
            }
            if (at >= max) {
                continue;
            }
            n = n < max ? n + 1 : max;
            for (size_t k = n - 1; k > at; k--) {
                out[k] = out[k - 1];
                scores[k] = scores[k - 1];
            }
            out[at] = a;
            scores[at] = score;
        }
    }
    return n;
}

static void put_popular(struct page *p)
{
    const struct kb_article *found[8];
    size_t n = popular(p->kb, p->lang, found, 8);
    if (n == 0) {
        return;
    }
    put(p, "<section class=\"popular\"><h2>");
    word(p, HELP_POPULAR);
    put(p, "</h2><ul class=\"links\">\n");
    for (size_t i = 0; i < n; i++) {
        put_article_item(p, found[i], false, 3);
    }
    put(p, "</ul></section>\n");
}

static void put_topics(struct page *p)
{
    put(p, "<section><h2>");
    word(p, HELP_TOPICS);
    put(p, "</h2>\n");
    put_categories(p);
    put(p, "</section>\n");
}

static void put_breadcrumbs(struct page *p, struct str category_slug, struct str category_name)
{
    put(p, "<nav class=\"crumbs\" aria-label=\"");
    word(p, HELP_BREADCRUMBS);
    buf_printf(&p->out, "\"><ol><li><a href=\"/help/%s\">", lang_tag(p->lang));
    word(p, HELP_HOME);
    put(p, "</a></li>");
    if (category_slug.len > 0) {
        buf_printf(&p->out, "<li><a href=\"/help/%s/category/", lang_tag(p->lang));
        text(p, category_slug);
        put(p, "\">");
        text(p, category_name);
        put(p, "</a></li>");
    }
    put(p, "</ol></nav>\n");
}

static void put_date(struct page *p, int64_t at)
{
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    struct civil c = time_to_civil(at);
    buf_printf(&p->out, "<time datetime=\"%04d-%02d-%02d\">", c.year, c.month, c.day);
    if (p->lang == LANG_ZH_CN) {
        buf_printf(&p->out, "%d年%d月%d日</time>", c.year, c.month, c.day);
    } else {
        buf_printf(&p->out, "%d %s %d</time>", c.day, months[c.month - 1], c.year);
    }
}

/* ---- pages ---- */

struct kb_page *help_page_home(const struct kb *kb, enum lang lang, const char *css_name)
{
    struct page p = page_of(kb, lang, css_name);
    ARENA_AUTO arena = arena_new(0);
    struct head h = {.title = str_printf(arena, STR_FMT " %s", STR_ARG(kb->site.brand),
                                         help_text(lang, HELP_CENTRE)),
                     .description = str_from(help_text(lang, HELP_DESCRIPTION)),
                     .has_other = {true, true},
                     .is_indexed = true,
                     .og_type = "website"};
    page_begin(&p, &h, "home");
    put(&p, "<main id=\"content\" tabindex=\"-1\">\n<div class=\"hero\"><div class=\"wrap\"><h1>");
    word(&p, HELP_HOW_CAN_WE_HELP);
    put(&p, "</h1>");
    put_search(&p, (struct str){0}, "big");
    put(&p, "</div></div>\n<div class=\"wrap body\">\n");
    if (kb->langs[lang].n == 0) {
        put(&p, "<p class=\"empty\">");
        word(&p, HELP_EMPTY);
        put(&p, "</p>\n");
    } else {
        put_topics(&p);
        put_popular(&p);
    }
    put_contact(&p, false);
    put(&p, "</div>\n</main>\n");
    return page_end(&p);
}

struct kb_page *help_page_category(const struct kb *kb, enum lang lang, const struct kb_category *c,
                                   const char *css_name)
{
    struct page p = page_of(kb, lang, css_name);
    ARENA_AUTO arena = arena_new(0);
    struct head h = {.title = c->name,
                     .description = c->description,
                     .path = str_printf(arena, "/category/" STR_FMT, STR_ARG(c->slug)),
                     .is_indexed = true,
                     .og_type = "website"};
    for (int other = 0; other < LANG_COUNT; other++) {
        h.has_other[other] = kb_category_find(kb, (enum lang)other, c->slug) != NULL;
    }
    page_begin(&p, &h, "category");
    put(&p, "<div class=\"bar\"><div class=\"wrap\">");
    put_search(&p, (struct str){0}, "small");
    put(&p, "</div></div>\n<main id=\"content\" class=\"wrap narrow\" tabindex=\"-1\">\n");
    put_breadcrumbs(&p, (struct str){0}, (struct str){0});
    put(&p, "<h1>");
    text(&p, c->name);
    put(&p, "</h1>\n<p class=\"lead\">");
    text(&p, c->description);
    put(&p, "</p>\n<ul class=\"list\">\n");
    for (size_t i = c->first; i < c->first + c->n; i++) {
        put_article_item(&p, &kb->langs[lang].entries[i].article, true, 2);
    }
    put(&p, "</ul>\n");
    put_contact(&p, false);
    put(&p, "</main>\n");
    return page_end(&p);
}

static void put_contents(struct page *p, const struct markdown_page *body)
{
    if (body->n_headings < 2) {
        return;
    }
    put(p, "<nav class=\"contents\" aria-labelledby=\"contents-title\"><h2 id=\"contents-title\">");
    word(p, HELP_ON_THIS_PAGE);
    put(p, "</h2><ul>");
    for (size_t i = 0; i < body->n_headings; i++) {
        put(p, "<li><a href=\"#");
        text(p, body->headings[i].id);
        put(p, "\">");
        text(p, body->headings[i].text);
        put(p, "</a></li>");
    }
    put(p, "</ul></nav>\n");
}

static void put_feedback(struct page *p, const struct kb_article *a)
{
    put(p, "<section class=\"feedback\" aria-labelledby=\"feedback-title\"><h2 "
           "id=\"feedback-title\">");
    word(p, HELP_WAS_THIS_HELPFUL);
    put(p, "</h2><form method=\"post\" action=\"");
    text(p, a->url);
    put(p, "/feedback\"><button name=\"helpful\" value=\"yes\">");
    word(p, HELP_YES);
    put(p, "</button><button name=\"helpful\" value=\"no\">");
    word(p, HELP_NO);
    put(p, "</button></form><p id=\"thanks\" class=\"said\" role=\"status\" tabindex=\"-1\">");
    word(p, HELP_THANKS);
    put(p, "</p><p id=\"sorry\" class=\"said\" role=\"status\" tabindex=\"-1\">");
    word(p, HELP_SORRY);
    put(p, "</p></section>\n");
}

static void put_related(struct page *p, const struct kb_entry *e)
{
    const struct kb_entry *related[4];
    size_t n = kb_related(p->kb, e, related, 4);
    if (n == 0) {
        return;
    }
    put(p, "<section class=\"related\"><h2>");
    word(p, HELP_RELATED);
    put(p, "</h2><ul class=\"links\">\n");
    for (size_t i = 0; i < n; i++) {
        put_article_item(p, &related[i]->article, false, 3);
    }
    put(p, "</ul></section>\n");
}

struct kb_page *help_page_article(const struct kb *kb, const struct kb_entry *e,
                                  const char *css_name)
{
    const struct kb_article *a = &e->article;
    ARENA_AUTO arena = arena_new(0);
    struct markdown_page body;
    if (kb_render_body(kb, a->lang, a->body, arena, &body) != ERR_OK) {
        return NULL;
    }
    struct page p = page_of(kb, a->lang, css_name);
    struct head h = {.title = a->title,
                     .description = a->summary,
                     .path = str_printf(arena, "/article/" STR_FMT, STR_ARG(a->slug)),
                     .is_indexed = true,
                     .og_type = "article"};
    for (int other = 0; other < LANG_COUNT; other++) {
        h.has_other[other] = kb_article_find(kb, (enum lang)other, a->slug) != NULL;
    }
    page_begin(&p, &h, "article");
    put(&p, "<div class=\"bar\"><div class=\"wrap\">");
    put_search(&p, (struct str){0}, "small");
    put(&p, "</div></div>\n<main id=\"content\" class=\"wrap\" tabindex=\"-1\">\n");
    put_breadcrumbs(&p, a->category_slug, a->category_name);
    put(&p, "<div class=\"columns\"><article>\n<h1>");
    text(&p, a->title);
    put(&p, "</h1>\n<p class=\"lead\">");
    text(&p, a->summary);
    put(&p, "</p>\n<p class=\"date\">");
    word(&p, HELP_UPDATED);
    put(&p, " ");
    put_date(&p, a->updated_at);
    put(&p, "</p>\n<div class=\"prose\">\n");
    buf_add_str(&p.out, body.html);
    put(&p, "</div>\n");
    put_feedback(&p, a);
    put(&p, "</article>\n<aside>");
    put_contents(&p, &body);
    put_related(&p, e);
    put(&p, "</aside></div>\n");
    put_contact(&p, a->risk == RISK_MONEY);
    put(&p, "</main>\n");
    return page_end(&p);
}

#define MAX_RESULTS 12
/* Below this the words have next to nothing to do with the article. */
#define MIN_RESULT_SCORE 0.06

struct kb_page *help_page_search(const struct kb *kb, enum lang lang, struct str q,
                                 const char *css_name)
{
    struct kb_hit hits[MAX_RESULTS];
    size_t n = q.len > 0 ? kb_search(kb, lang, q, hits, MAX_RESULTS) : 0;
    while (n > 0 && hits[n - 1].score < MIN_RESULT_SCORE) {
        n--;
    }
    struct page p = page_of(kb, lang, css_name);
    struct head h = {.title = str_from(help_text(lang, HELP_SEARCH)),
                     .description = str_from(help_text(lang, HELP_DESCRIPTION)),
                     .has_other = {false},
                     .og_type = "website"};
    page_begin(&p, &h, "results");
    put(&p, "<div class=\"bar\"><div class=\"wrap\">");
    put_search(&p, q, "small");
    put(&p, "</div></div>\n<main id=\"content\" class=\"wrap narrow\" tabindex=\"-1\">\n");
    put_breadcrumbs(&p, (struct str){0}, (struct str){0});
    if (q.len == 0) {
        put(&p, "<h1>");
        word(&p, HELP_SEARCH_LABEL);
        put(&p, "</h1>\n");
    } else {
        put(&p, "<h1>");
        word(&p, n > 0 ? HELP_RESULTS_FOR : HELP_NO_RESULTS);
        put(&p, lang == LANG_ZH_CN ? "" : " ");
        put(&p, "<span class=\"q\">");
        text(&p, q);
        put(&p, "</span></h1>\n");
    }
    if (n > 0) {
        put(&p, "<ul class=\"list\">\n");
        for (size_t i = 0; i < n; i++) {
            put_article_item(&p, hits[i].article, true, 2);
        }
        put(&p, "</ul>\n");
    } else if (q.len > 0) {
        put(&p, "<p class=\"lead\">");
        word(&p, HELP_NO_RESULTS_TEXT);
        put(&p, "</p>\n");
    }
    put_contact(&p, false);
    if (n == 0) {
        put_popular(&p);
        put_topics(&p);
    }
    put(&p, "</main>\n");
    return page_end(&p);
}

struct kb_page *help_page_missing(const struct kb *kb, enum lang lang, const char *css_name)
{
    struct page p = page_of(kb, lang, css_name);
    struct head h = {.title = str_from(help_text(lang, HELP_MISSING)),
                     .description = str_from(help_text(lang, HELP_MISSING_TEXT)),
                     .og_type = "website"};
    page_begin(&p, &h, "missing");
    put(&p, "<div class=\"bar\"><div class=\"wrap\">");
    put_search(&p, (struct str){0}, "small");
    put(&p, "</div></div>\n<main id=\"content\" class=\"wrap narrow\" tabindex=\"-1\">\n<h1>");
    word(&p, HELP_MISSING);
    put(&p, "</h1>\n<p class=\"lead\">");
    word(&p, HELP_MISSING_TEXT);
    put(&p, "</p>\n");
    put_contact(&p, false);
    put_topics(&p);
    put(&p, "</main>\n");
    return page_end(&p);
}
