/* Markdown to HTML that may be put into a page as it is. Pure, any thread.
 *
 * CommonMark with tables, strike-through and bare links. Raw HTML is text. Links: http, https and mailto (those that leave get rel="noopener nofollow ugc" and
 * open a new tab), relative paths and article names; every other scheme leaves the text without a link. Images become their alternative text. No attribute carries
 * style or script, so that the page's policy may forbid both. Headings start at h2 and carry ids made from their text. */
#ifndef KNOWLEDGE_MARKDOWN_H
#define KNOWLEDGE_MARKDOWN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define MARKDOWN_MAX_INPUT 200000
#define MARKDOWN_MAX_OUTPUT (1024 * 1024)
#define MARKDOWN_MAX_DEPTH 32

struct markdown_heading {
    int level;
    struct str id, text;
};
struct markdown_options {
    /* Address of an article named in a link ("security-hold"); NULL function: such links are kept as they are. False: no such article, the text stays without link. */
    bool (*article_url)(void *arg, struct str slug, struct arena *arena, struct str *url_out);
    void *arg;
    struct str
        table_label; /* accessible name of the scrolling frame around tables; empty: "Table" */
};
struct markdown_page {
    struct str html;
    struct markdown_heading *headings; /* h2 only, for the table of contents */
    size_t n_headings;
};
/* Everything in `arena`. ERR_LIMIT past the caps above; ERR_INVALID for bad UTF-8 or a NUL. `options` may be NULL. */
ERR_MUST_USE enum err markdown_render(struct arena *arena, struct str text,
                                      const struct markdown_options *options,
                                      struct markdown_page *out);

/* Is this address safe to link to? Entities must be resolved before. `is_external_out`: it leaves the site. */
bool markdown_link_is_safe(struct str url, bool *is_external_out);

struct markdown_var {
    const char *name; /* "brand" for {{brand}} */
    struct str value;
};
/* Puts values for {{names}}; unknown names stay. `escape`: values go into Markdown, their punctuation is escaped. */
struct str markdown_fill(struct arena *arena, struct str text, const struct markdown_var *vars,
                         size_t n, bool escape);

#endif
