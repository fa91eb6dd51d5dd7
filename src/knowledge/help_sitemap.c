/* The map of the help centre for search engines: every page of the snapshot in each language with its counterpart, and where the map is. Addresses in a map
 * must be whole, so without the workspace's public_url there is none; the Host header is not asked, since a stranger writes it. */
#include "base/buf.h"
#include "base/codec.h"
#include "knowledge/knowledge_internal.h"
#include "knowledge/knowledge_routes.gen.h"

#define MAP_MAX (8 * 1024 * 1024)

struct map {
    struct buf out;
    const struct kb *kb;
};

static void address(struct map *m, enum lang lang, const char *folder, struct str slug)
{
    codec_html_escape(&m->out, m->kb->site.public_url);
    buf_printf(&m->out, "/help/%s%s", lang_tag(lang), folder);
    codec_html_escape(&m->out, slug);
}

/* One page; `has` tells in which languages there is the same. */
static void put_page(struct map *m, enum lang lang, const char *folder, struct str slug,
                     const bool has[LANG_COUNT])
{
    buf_add_cstr(&m->out, "<url><loc>");
    address(m, lang, folder, slug);
    buf_add_cstr(&m->out, "</loc>");
    for (int other = 0; other < LANG_COUNT; other++) {
        if (has[other]) {
            buf_printf(&m->out, "<xhtml:link rel=\"alternate\" hreflang=\"%s\" href=\"",
                       lang_tag((enum lang)other));
            address(m, (enum lang)other, folder, slug);
            buf_add_cstr(&m->out, "\"/>");
        }
    }
    buf_add_cstr(&m->out, "</url>\n");
}

static void put_language(struct map *m, enum lang lang)
{
    const struct kb_lang *l = &m->kb->langs[lang];
    bool has[LANG_COUNT];
    for (int i = 0; i < LANG_COUNT; i++) {
        has[i] = true;
    }
    put_page(m, lang, "", STR(""), has);
    for (size_t c = 0; c < l->n_categories; c++) {
        for (int i = 0; i < LANG_COUNT; i++) {
            has[i] = kb_category_find(m->kb, (enum lang)i, l->categories[c].slug) != NULL;
        }
        put_page(m, lang, "/category/", l->categories[c].slug, has);
    }
    for (size_t e = 0; e < l->n; e++) {
        for (int i = 0; i < LANG_COUNT; i++) {
            has[i] = kb_entry_find(m->kb, (enum lang)i, l->entries[e].article.slug) != NULL;
        }
        put_page(m, lang, "/article/", l->entries[e].article.slug, has);
    }
}

enum err help_http_sitemap(struct request *rq, struct response *rs, struct errinfo *info)
{
    KB_AUTO kb = knowledge_ref(rq->room);
    if (kb->site.public_url.len == 0) {
        return err_set(info, ERR_NOT_FOUND, "public_url", "not_found",
                       "a map needs the workspace's public_url");
    }
    struct map m = {.kb = kb};
    buf_init(&m.out, MAP_MAX);
    buf_add_cstr(&m.out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" "
                         "xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n");
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        put_language(&m, (enum lang)lang);
    }
    buf_add_cstr(&m.out, "</urlset>\n");
    enum err err = buf_err(&m.out);
    if (err == ERR_OK) {
        response_header(rs, "Cache-Control", STR("max-age=3600"));
        response_body(rs, STR("application/xml; charset=utf-8"),
                      str_dup(rq->arena, buf_str(&m.out)));
    }
    buf_release(&m.out);
    return err;
}

enum err help_http_robots(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    KB_AUTO kb = knowledge_ref(rq->room);
    struct str url = kb->site.public_url;
    struct str rules =
        STR("User-agent: *\nDisallow: /api/\nDisallow: /console/\nDisallow: /widget/\n");
    response_header(rs, "Cache-Control", STR("max-age=3600"));
    response_body(rs, STR("text/plain; charset=utf-8"),
                  url.len == 0 ? rules
                               : str_printf(rq->arena, STR_FMT "Sitemap: " STR_FMT "/sitemap.xml\n",
                                            STR_ARG(rules), STR_ARG(url)));
    return ERR_OK;
}
