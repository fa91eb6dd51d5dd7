/* md4c parses, we write: its own HTML writer passes any link scheme and has no ids. What we emit comes from a fixed list of tags; all text goes through
 * codec_html_escape, so the only question of safety is the address of a link, and that is answered in markdown_link_is_safe on the resolved text. */
#include "knowledge/markdown.h"

#include <md4c.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/utf8.h"
#include "base/vec.h"

struct render {
    struct arena *arena;
    struct str source; /* our copy, with room behind it */
    const struct markdown_options *options;
    struct buf *out; /* page or heading */
    struct buf page, heading, heading_text;
    VEC(struct markdown_heading) headings; /* all levels */
    VEC(const char *) spans; /* end tags of the open spans; "" when no tag was written */
    int depth;
    int n_image; /* > 0: inside alternative text */
    bool
        is_too_deep; /* md4c 0.4.8 stops but forgets the code that a callback returned for a container */
};

static int heading_level(unsigned level)
{
    return level < 2 ? 2 : level > 6 ? 6 : (int)level;
}

/* ---- links ---- */

static bool is_scheme_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '-' || c == '.';
}

bool markdown_link_is_safe(struct str url, bool *is_external_out)
{
    *is_external_out = false;
    if (url.len == 0 || url.len > 2000) {
        return false;
    }
    for (size_t i = 0; i < url.len; i++) {
        /* Browsers drop tabs and newlines inside addresses and take a backslash for a slash. */
        if ((unsigned char)url.p[i] <= ' ' || url.p[i] == 0x7F || url.p[i] == '\\') {
            return false;
        }
    }
    size_t scheme = 0;
    while (scheme < url.len && is_scheme_char(url.p[scheme])) {
        scheme++;
    }
    if (scheme < url.len && url.p[scheme] == ':') {
        struct str name = str_sub(url, 0, scheme);
        bool is_web = str_eq_nocase(name, STR("http")) || str_eq_nocase(name, STR("https"));
        *is_external_out = is_web;
        return (is_web && str_starts(str_sub(url, scheme + 1, url.len), STR("//"))) ||
               str_eq_nocase(name, STR("mailto"));
    }
    if (str_starts(url, STR("//"))) {
        return false;
    }
    /* A colon before the first slash that is not a scheme we know ("&#x6a;avascript:" ends up here as text). */
    size_t colon = str_find_char(url, ':');
    size_t slash = str_find_char(url, '/');
    return colon == SIZE_MAX || (slash != SIZE_MAX && slash < colon);
}

static bool is_article_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return s.len > 0;
}

/* "&#106;" "&#x6a;" "&amp;": false for names that we do not know. */
static bool entity_resolve(struct str e, char out[4], size_t *len_out)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_eq_cstr(e, names[i].name)) {
            out[0] = names[i].c;
            *len_out = 1;
            return true;
        }
    }
    if (e.len < 4 || e.len > 12 || e.p[1] != '#') {
        return false;
    }
    bool is_hex = e.p[2] == 'x' || e.p[2] == 'X';
    uint32_t c = 0;
    for (size_t i = is_hex ? 3 : 2; i + 1 < e.len; i++) {
        char d = e.p[i];
        uint32_t v = d >= '0' && d <= '9'                     ? (uint32_t)(d - '0')
                     : (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (uint32_t)((d | 0x20) - 'a' + 10)
                                                              : 99;
        if (v >= (is_hex ? 16U : 10U) || c > 0x10FFFF) {
            return false;
        }
        c = c * (is_hex ? 16 : 10) + v;
    }
    if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        return false;
    }
    *len_out = utf8_put(c, out);
    return true;
}

/* Text of a link's address with its entities resolved; false: contains one that we do not know, or a NUL. */
static bool attribute_text(struct arena *arena, const MD_ATTRIBUTE *attr, struct str *out)
{
    struct str all = {attr->text, attr->size};
    char *p = arena_alloc(arena, all.len + 1);
    size_t n = 0;
    for (int i = 0; attr->text != NULL && attr->substr_offsets[i] < attr->size; i++) {
        size_t from = attr->substr_offsets[i];
        struct str part = str_sub(all, from, attr->substr_offsets[i + 1] - from);
        if (attr->substr_types[i] == MD_TEXT_NULLCHAR) {
            return false;
        }
        if (attr->substr_types[i] == MD_TEXT_ENTITY) {
            char bytes[4];
            size_t len;
            if (!entity_resolve(part, bytes, &len)) {
                return false;
            }
            memcpy(p + n, bytes, len); /* never longer than the entity itself */
            n += len;
        } else {
            memcpy(p + n, part.p, part.len);
            n += part.len;
        }
    }
    *out = (struct str){p, n};
    return true;
}

static const char link_without_tag[] = "";

static void link_begin(struct render *r, const MD_SPAN_A_DETAIL *detail)
{
    struct str url;
    bool is_external = false;
    bool is_safe =
        attribute_text(r->arena, &detail->href, &url) && markdown_link_is_safe(url, &is_external);
    if (is_safe && r->options->article_url != NULL && is_article_name(url)) {
        is_safe = r->options->article_url(r->options->arg, url, r->arena, &url);
    }
    VEC_PUSH(&r->spans, is_safe ? "</a>" : link_without_tag);
    if (!is_safe) {
        return;
    }
    buf_add_cstr(r->out, "<a href=\"");
    codec_html_escape(r->out, url);
    buf_add_cstr(r->out,
                 is_external ? "\" rel=\"noopener nofollow ugc\" target=\"_blank\">" : "\">");
}

/* md4c 0.4.8 can leave a span that it entered (two asterisks inside a later link address are taken for its end), so what is open is kept here: an end closes what
 * was opened after it, one without beginning is dropped, and a block closes all. */
static void spans_close(struct render *r, size_t keep)
{
    while (r->spans.len > keep) {
        buf_add_cstr(r->out, VEC_POP(&r->spans));
    }
}

static void span_end(struct render *r, const char *end_tag)
{
    for (size_t i = r->spans.len; i > 0; i--) {
        const char *open = r->spans.items[i - 1];
        if (open == end_tag || strcmp(open, end_tag) == 0 ||
            (open == link_without_tag && strcmp(end_tag, "</a>") == 0)) {
            spans_close(r, i - 1);
            return;
        }
    }
}

/* ---- headings ---- */

/* "What we can (and cannot) tell" -> "what-we-can-and-cannot-tell"; Chinese stays. */
static struct str heading_id(struct render *r, struct str text)
{
    char *p = arena_alloc(r->arena, text.len + 24);
    size_t n = 0;
    for (size_t at = 0; at < text.len && n < 96;) {
        uint32_t c = utf8_next(text, &at);
        if (utf8_is_alnum(c) || utf8_is_cjk(c)) {
            char bytes[4];
            size_t len = utf8_put(utf8_lower(c), bytes);
            memcpy(p + n, bytes, len < 4 ? len : 4);
            n += len;
        } else if (n > 0 && p[n - 1] != '-') {
            p[n++] = '-';
        }
    }
    while (n > 0 && p[n - 1] == '-') {
        n--;
    }
    struct str base = n > 0 ? (struct str){p, n} : STR("section");
    struct str id = base;
    for (int k = 2;; k++) {
        bool is_taken = false;
        for (size_t i = 0; i < r->headings.len; i++) {
            is_taken = is_taken || str_eq(r->headings.items[i].id, id);
        }
        if (!is_taken || k > 1000) {
            return id;
        }
        id = str_printf(r->arena, STR_FMT "-%d", STR_ARG(base), k);
    }
}

static void heading_end(struct render *r, int level)
{
    struct str text = str_dup(r->arena, buf_str(&r->heading_text));
    struct str id = heading_id(r, text);
    r->out = &r->page;
    buf_printf(r->out, "<h%d id=\"", level);
    codec_html_escape(r->out, id);
    buf_add_cstr(r->out, "\">");
    buf_add_str(r->out, buf_str(&r->heading));
    buf_printf(r->out, "</h%d>\n", level);
    VEC_PUSH(&r->headings, ((struct markdown_heading){level, id, text}));
    buf_clear(&r->heading);
    buf_clear(&r->heading_text);
}

/* ---- md4c's callbacks ---- */

static void table_begin(struct render *r)
{
    buf_add_cstr(r->out, "<div class=\"table\" role=\"region\" tabindex=\"0\" aria-label=\"");
    codec_html_escape(r->out,
                      r->options->table_label.len > 0 ? r->options->table_label : STR("Table"));
    buf_add_cstr(r->out, "\"><table>\n");
}

static void cell_begin(struct render *r, bool is_head, const MD_BLOCK_TD_DETAIL *detail)
{
    buf_add_cstr(r->out, is_head ? "<th scope=\"col\"" : "<td");
    if (detail->align == MD_ALIGN_RIGHT) {
        buf_add_cstr(r->out, " class=\"end\"");
    } else if (detail->align == MD_ALIGN_CENTER) {
        buf_add_cstr(r->out, " class=\"center\"");
    }
    buf_add_cstr(r->out, ">");
}

static const char *const block_open[] = {[MD_BLOCK_QUOTE] = "<blockquote>\n",
                                         [MD_BLOCK_UL] = "<ul>\n",
                                         [MD_BLOCK_LI] = "<li>",
                                         [MD_BLOCK_HR] = "<hr>\n",
                                         [MD_BLOCK_CODE] = "<pre tabindex=\"0\"><code>",
                                         [MD_BLOCK_P] = "<p>",
                                         [MD_BLOCK_THEAD] = "<thead>\n",
                                         [MD_BLOCK_TBODY] = "<tbody>\n",
                                         [MD_BLOCK_TR] = "<tr>",
                                         [MD_BLOCK_TD] = NULL};
static const char *const block_close[] = {[MD_BLOCK_QUOTE] = "</blockquote>\n",
                                          [MD_BLOCK_UL] = "</ul>\n",
                                          [MD_BLOCK_OL] = "</ol>\n",
                                          [MD_BLOCK_LI] = "</li>\n",
                                          [MD_BLOCK_CODE] = "</code></pre>\n",
                                          [MD_BLOCK_P] = "</p>\n",
                                          [MD_BLOCK_TABLE] = "</table></div>\n",
                                          [MD_BLOCK_THEAD] = "</thead>\n",
                                          [MD_BLOCK_TBODY] = "</tbody>\n",
                                          [MD_BLOCK_TR] = "</tr>\n",
                                          [MD_BLOCK_TH] = "</th>",
                                          [MD_BLOCK_TD] = "</td>"};

static int on_enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
    struct render *r = arg;
    if (++r->depth > MARKDOWN_MAX_DEPTH) {
        r->is_too_deep = true;
        return (int)ERR_LIMIT;
    }
    spans_close(r, 0);
    if (type == MD_BLOCK_H) {
        r->out = &r->heading;
    } else if (type == MD_BLOCK_OL) {
        unsigned start = ((const MD_BLOCK_OL_DETAIL *)detail)->start;
        if (start == 1) {
            buf_add_cstr(r->out, "<ol>\n");
        } else {
            buf_printf(r->out, "<ol start=\"%u\">\n", start);
        }
    } else if (type == MD_BLOCK_TABLE) {
        table_begin(r);
    } else if (type == MD_BLOCK_TH || type == MD_BLOCK_TD) {
        cell_begin(r, type == MD_BLOCK_TH, detail);
    } else if (type < ARRAY_LEN(block_open) && block_open[type] != NULL) {
        buf_add_cstr(r->out, block_open[type]);
    }
    return r->out->failed ? (int)ERR_LIMIT : 0;
}

static int on_leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
    struct render *r = arg;
    r->depth--;
    r->n_image = 0;
    spans_close(r, 0);
    if (type == MD_BLOCK_H) {
        heading_end(r, heading_level(((const MD_BLOCK_H_DETAIL *)detail)->level));
    } else if (type < ARRAY_LEN(block_close) && block_close[type] != NULL) {
        buf_add_cstr(r->out, block_close[type]);
    }
    return r->out->failed ? (int)ERR_LIMIT : 0;
}

static const char *const span_open[] = {[MD_SPAN_EM] = "<em>",
                                        [MD_SPAN_STRONG] = "<strong>",
                                        [MD_SPAN_CODE] = "<code>",
                                        [MD_SPAN_DEL] = "<del>"};
static const char *const span_close[] = {[MD_SPAN_EM] = "</em>",
                                         [MD_SPAN_STRONG] = "</strong>",
                                         [MD_SPAN_A] = "</a>",
                                         [MD_SPAN_CODE] = "</code>",
                                         [MD_SPAN_DEL] = "</del>"};

static int on_enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
    struct render *r = arg;
    if (r->spans.len > MARKDOWN_MAX_DEPTH) {
        r->is_too_deep = true;
        return (int)ERR_LIMIT;
    }
    r->n_image += type == MD_SPAN_IMG;
    if (r->n_image > 0) {
        return 0; /* only the text inside */
    }
    if (type == MD_SPAN_A) {
        link_begin(r, detail);
    } else if (type < ARRAY_LEN(span_open) && span_open[type] != NULL) {
        buf_add_cstr(r->out, span_open[type]);
        VEC_PUSH(&r->spans, span_close[type]);
    }
    return 0;
}

static int on_leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
    UNUSED(detail);
    struct render *r = arg;
    if (r->n_image > 0) {
        r->n_image -= type == MD_SPAN_IMG;
    } else if (type < ARRAY_LEN(span_close) && span_close[type] != NULL) {
        span_end(r, span_close[type]);
    }
    return 0;
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *arg)
{
    struct render *r = arg;
    /* md4c 0.4.8 may name a byte too many at the very end of the input ("[x][x](y"). */
    bool is_ours = text >= r->source.p && text <= r->source.p + r->source.len;
    size_t left = is_ours ? (size_t)(r->source.p + r->source.len - text) : size;
    struct str s = {text, size < left ? size : left};
    if (r->out == &r->heading && type != MD_TEXT_ENTITY) {
        buf_add_str(&r->heading_text, type == MD_TEXT_SOFTBR || type == MD_TEXT_BR ? STR(" ") : s);
    }
    switch (type) {
    case MD_TEXT_NULLCHAR:
        buf_add_cstr(r->out, "\xEF\xBF\xBD");
        break;
    case MD_TEXT_BR:
        buf_add_cstr(r->out, "<br>\n");
        break;
    case MD_TEXT_SOFTBR:
        buf_add_char(r->out, '\n');
        break;
    case MD_TEXT_ENTITY: {
        char bytes[4];
        size_t len;
        if (entity_resolve(s, bytes, &len)) {
            codec_html_escape(r->out, (struct str){bytes, len});
        } else {
            buf_add_str(r->out,
                        s); /* "&nbsp;": md4c lets through only &name; of letters and digits */
        }
        break;
    }
    case MD_TEXT_NORMAL:
    case MD_TEXT_CODE:
    case MD_TEXT_HTML:
    case MD_TEXT_LATEXMATH:
        codec_html_escape(r->out, s);
        break;
    }
    return r->out->failed ? (int)ERR_LIMIT : 0;
}

static void take_page(struct render *r, struct markdown_page *out)
{
    out->html = str_dup(r->arena, buf_str(&r->page));
    out->headings = ARENA_ARRAY(r->arena, struct markdown_heading, r->headings.len + 1);
    out->n_headings = 0;
    for (size_t i = 0; i < r->headings.len; i++) {
        if (r->headings.items[i].level == 2) {
            out->headings[out->n_headings++] = r->headings.items[i];
        }
    }
}

enum err markdown_render(struct arena *arena, struct str text,
                         const struct markdown_options *options, struct markdown_page *out)
{
    static const struct markdown_options none = {0};
    if (text.len > MARKDOWN_MAX_INPUT) {
        return ERR_LIMIT;
    }
    if (!utf8_is_valid(text) || str_find_char(text, '\0') != SIZE_MAX) {
        return ERR_INVALID;
    }
    /* A copy that ends with a newline and some zeros: the parser looks a little beyond the end. */
    char *copy = arena_alloc(arena, text.len + 65);
    memcpy(copy, text.p != NULL ? text.p : "", text.len);
    copy[text.len] = '\n';
    struct render r = {.arena = arena,
                       .source = {copy, text.len + 1},
                       .options = options != NULL ? options : &none};
    buf_init(&r.page, MARKDOWN_MAX_OUTPUT);
    buf_init(&r.heading, 20000);
    buf_init(&r.heading_text, 10000);
    r.out = &r.page;
    const MD_PARSER parser = {.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH |
                                       MD_FLAG_PERMISSIVEURLAUTOLINKS |
                                       MD_FLAG_PERMISSIVEEMAILAUTOLINKS |
                                       MD_FLAG_NOINDENTEDCODEBLOCKS,
                              .enter_block = on_enter_block,
                              .leave_block = on_leave_block,
                              .enter_span = on_enter_span,
                              .leave_span = on_leave_span,
                              .text = on_text};
    int rc = md_parse(r.source.p, (MD_SIZE)r.source.len, &parser, &r);
    enum err err = rc == 0 && !r.is_too_deep && buf_err(&r.page) == ERR_OK ? ERR_OK
                   : rc < 0                                                ? ERR_INTERNAL
                                                                           : ERR_LIMIT;
    if (err == ERR_OK) {
        take_page(&r, out);
    }
    buf_release(&r.page);
    buf_release(&r.heading);
    buf_release(&r.heading_text);
    VEC_RELEASE(&r.headings);
    VEC_RELEASE(&r.spans);
    return err;
}

/* ---- variables ---- */

static bool is_markdown_sign(char c)
{
    return c != 0 && strchr("\\`*_{}[]()<>#+-.!|~&:/@", c) != NULL;
}

static const struct markdown_var *var_find(struct str name, const struct markdown_var *vars,
                                           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_cstr(name, vars[i].name)) {
            return &vars[i];
        }
    }
    return NULL;
}

struct str markdown_fill(struct arena *arena, struct str text, const struct markdown_var *vars,
                         size_t n, bool escape)
{
    BUF_AUTO out;
    buf_init(&out, text.len + MARKDOWN_MAX_OUTPUT);
    size_t close;
    while ((close = str_find(text, STR("}}"))) != SIZE_MAX) {
        /* The last {{ before it: "{{{brand}}" and "{{x {{brand}}" have a variable too. */
        size_t open = SIZE_MAX;
        for (size_t i = 0; i + 2 <= close; i++) {
            open = text.p[i] == '{' && text.p[i + 1] == '{' ? i : open;
        }
        const struct markdown_var *var =
            open != SIZE_MAX
                ? var_find(str_trim(str_sub(text, open + 2, close - open - 2)), vars, n)
                : NULL;
        buf_add(&out, text.p, var != NULL ? open : close + 2);
        text = str_sub(text, close + 2, text.len);
        for (size_t i = 0; var != NULL && i < var->value.len; i++) {
            if (escape && is_markdown_sign(var->value.p[i])) {
                buf_add_char(&out, '\\');
            }
            buf_add_char(&out, var->value.p[i] == '\n' ? ' ' : var->value.p[i]);
        }
    }
    buf_add_str(&out, text);
    return str_dup(arena, buf_str(&out));
}
