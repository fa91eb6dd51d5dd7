/* Whatever goes in, what comes out has only tags of the list, no attribute outside it, no address that could run something, and every tag it opens is closed. */
#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/markdown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const tags[] = {"p",     "h2", "h3",         "h4",  "h5",   "h6",    "ul",
                                   "ol",    "li", "blockquote", "pre", "code", "em",    "strong",
                                   "del",   "a",  "br",         "hr",  "div",  "table", "thead",
                                   "tbody", "tr", "th",         "td"};
static const char *const attributes[] = {"href", "rel",      "target",     "id",    "class",
                                         "role", "tabindex", "aria-label", "scope", "start"};

static bool is_in(struct str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_cstr(s, list[i])) {
            return true;
        }
    }
    return false;
}

static void check_attributes(struct str attrs)
{
    while (attrs.len > 0) {
        size_t equals = str_find(attrs, STR("=\""));
        ASSERT(attrs.p[0] == ' ' && equals != SIZE_MAX);
        struct str name = str_sub(attrs, 1, equals - 1);
        ASSERT(is_in(name, attributes, ARRAY_LEN(attributes)));
        attrs = str_sub(attrs, equals + 2, attrs.len);
        size_t close = str_find_char(attrs, '"');
        ASSERT(close != SIZE_MAX);
        bool is_external;
        /* "&amp;" in place of "&" does not change what an address may do. */
        ASSERT(!str_eq_cstr(name, "href") ||
               markdown_link_is_safe(str_sub(attrs, 0, close), &is_external));
        attrs = str_sub(attrs, close + 1, attrs.len);
    }
}

static void check_html(struct str html)
{
    long depth = 0;
    for (size_t at = 0; at < html.len; at++) {
        if (html.p[at] != '<') {
            ASSERT(html.p[at] != '>' && html.p[at] != '\0');
            continue;
        }
        struct str rest = str_sub(html, at + 1, html.len);
        size_t close = str_find_char(rest, '>');
        ASSERT(close != SIZE_MAX);
        struct str tag = str_sub(rest, 0, close);
        bool is_end = tag.len > 0 && tag.p[0] == '/';
        tag = is_end ? str_sub(tag, 1, tag.len) : tag;
        size_t space = str_find_char(tag, ' ');
        struct str name = str_sub(tag, 0, space == SIZE_MAX ? tag.len : space);
        ASSERT(is_in(name, tags, ARRAY_LEN(tags)));
        check_attributes(space == SIZE_MAX ? (struct str){0} : str_sub(tag, space, tag.len));
        bool is_void = str_eq_cstr(name, "br") || str_eq_cstr(name, "hr");
        depth += is_void ? 0 : is_end ? -1 : 1;
        ASSERT(depth >= 0);
        at += close + 1;
    }
    ASSERT(depth == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARENA_AUTO arena = arena_new(0);
    struct markdown_page page;
    struct str text = {(const char *)data, size};
    enum err err = markdown_render(arena, text, NULL, &page);
    ASSERT(err == ERR_OK || err == ERR_LIMIT ||
           (err == ERR_INVALID && (!utf8_is_valid(text) || str_find_char(text, '\0') != SIZE_MAX)));
    if (err == ERR_OK) {
        check_html(page.html);
        ASSERT(utf8_is_valid(page.html));
    }
    const struct markdown_var vars[] = {{"brand", STR_INIT("A*B")}};
    struct str filled = markdown_fill(arena, text, vars, 1, true);
    ASSERT(str_find(filled, STR("{{brand}}")) == SIZE_MAX);
    return 0;
}
