/* Markdown: what it becomes, and above all what it must never become. */
#include "suites.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "knowledge/markdown.h"

static bool find_article(void *arg, struct str slug, struct arena *arena, struct str *url_out)
{
    UNUSED(arg);
    if (str_eq_cstr(slug, "gone")) {
        return false;
    }
    *url_out = str_printf(arena, "/help/en/article/" STR_FMT, STR_ARG(slug));
    return true;
}

static const struct markdown_options options = {.article_url = find_article};

static struct str html_of(struct arena *arena, const char *text)
{
    struct markdown_page page;
    assert_int_equal(markdown_render(arena, str_from(text), &options, &page), ERR_OK);
    return page.html;
}

static void text_becomes_html(void **state)
{
    UNUSED(state);
    static const struct {
        const char *md, *want;
    } cases[] = {
        {"a **b** *c* `d` ~~e~~",
         "<p>a <strong>b</strong> <em>c</em> <code>d</code> <del>e</del></p>\n"},
        {"## Kinds of freeze", "<h2 id=\"kinds-of-freeze\">Kinds of freeze</h2>\n"},
        {"# Big", "<h2 id=\"big\">Big</h2>\n"},
        {"### 冻结 有哪几种？", "<h3 id=\"冻结-有哪几种\">冻结 有哪几种？</h3>\n"},
        {"## A\n## A", "<h2 id=\"a\">A</h2>\n<h2 id=\"a-2\">A</h2>\n"},
        {"## \"><img src=x>", "<h2 id=\"img-src-x\">&quot;&gt;&lt;img src=x&gt;</h2>\n"},
        {"- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
        {"3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"},
        {"[x](security-hold)", "<p><a href=\"/help/en/article/security-hold\">x</a></p>\n"},
        {"[x](gone)", "<p>x</p>\n"},
        {"[x](/a?b=c&d=e)", "<p><a href=\"/a?b=c&amp;d=e\">x</a></p>\n"},
        {"[x](https://e.com)", "<p><a href=\"https://e.com\" rel=\"noopener nofollow ugc\" "
                               "target=\"_blank\">x</a></p>\n"},
        {"[x](mailto:a@b.cc)", "<p><a href=\"mailto:a@b.cc\">x</a></p>\n"},
        {"a@b.cc", "<p><a href=\"mailto:a@b.cc\">a@b.cc</a></p>\n"},
        {"![alt *text*](https://e.com/x.png)", "<p>alt text</p>\n"},
        {"&lt;b&gt; &copy; &#60;i&#62;", "<p>&lt;b&gt; &copy; &lt;i&gt;</p>\n"},
        {"", ""},
        {"*a [x](**/b)", "<p><em>a <a href=\"**/b\">x</a></em></p>\n"}, /* md4c forgets the end */
        {"[x][x](y", "<p>[x][x](y</p>\n"}, /* md4c reads past the end */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct str got = html_of(arena, cases[i].md);
        if (!str_eq_cstr(got, cases[i].want)) {
            fail_msg("%s\n got: " STR_FMT "\nwant: %s", cases[i].md, STR_ARG(got), cases[i].want);
        }
    }
}

static void table_scrolls_by_itself(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct str html = html_of(arena, "| a | b |\n|---|--:|\n| 1 | <b> |\n");
    assert_true(str_find(html, STR("<div class=\"table\" role=\"region\" tabindex=\"0\" "
                                   "aria-label=\"Table\"><table>")) != SIZE_MAX);
    assert_true(str_find(html, STR("<th scope=\"col\" class=\"end\">b</th>")) != SIZE_MAX);
    assert_true(str_find(html, STR("<td class=\"end\">&lt;b&gt;</td>")) != SIZE_MAX);
    assert_true(str_find(html, STR("style=")) == SIZE_MAX);
}

static const char *const attacks[] = {
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onclick=alert(1)>b</b>",
    "<svg/onload=alert(1)>",
    "<!-- --><script>alert(1)</script>",
    "<![CDATA[<script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](&#x6A;&#x61;vascript:alert(1))",
    "[x](java\\script:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](<java&Tab;script:alert(1)>)",
    "[x](<java&#9;script:alert(1)>)",
    "[x](<java&#10;script:alert(1)>)",
    "[x](< javascript:alert(1)>)",
    "[x](&#1;javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/a)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](https:evil)",
    "[x](blob:https://a/b)",
    "[x](intent://a#Intent;end)",
    "<javascript:alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](javascript:alert(1))",
    "[![x](y)](javascript:alert(1))",
    "[x](https://e.com/\"onmouseover=alert(1))",
    "[x](https://e.com 'title\" onmouseover=\"alert(1)')",
    "`<script>`",
    "```\"><script>alert(1)</script>\n<script>\n```",
    "| <script> | b |\n|---|---|\n| [x](javascript:1) | <i> |",
    "## <script>alert(1)</script>\n",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "https://e.com/<script>",
    "[x](https://e.com/&quot;onclick=&quot;alert(1))",
};

/* ` name="value"` again and again, names from the list only. */
static bool attributes_are_known(struct str attrs)
{
    static const char *const names[] = {"href", "rel",      "target",     "id",    "class",
                                        "role", "tabindex", "aria-label", "scope", "start"};
    while (attrs.len > 0) {
        size_t equals = str_find(attrs, STR("=\""));
        if (attrs.p[0] != ' ' || equals == SIZE_MAX) {
            return false;
        }
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            is_known = is_known || str_eq_cstr(str_sub(attrs, 1, equals - 1), names[i]);
        }
        attrs = str_sub(attrs, equals + 2, attrs.len);
        size_t close = str_find_char(attrs, '"');
        if (!is_known || close == SIZE_MAX) {
            return false;
        }
        attrs = str_sub(attrs, close + 1, attrs.len);
    }
    return true;
}

/* The output is parsed by hand: only tags of the list, only attributes of the list, only addresses of the list. */
static void check_safe(struct str html, const char *source)
{
    static const char *const tags[] = {
        "p",          "h2",    "h3",    "h4",    "h5",     "h6",  "ul", "ol", "li",
        "blockquote", "pre",   "code",  "em",    "strong", "del", "a",  "br", "hr",
        "div",        "table", "thead", "tbody", "tr",     "th",  "td"};
    for (size_t at = 0; at < html.len; at++) {
        if (html.p[at] != '<') {
            continue;
        }
        struct str tag = str_sub(html, at + 1, html.len);
        tag = str_sub(tag, 0, str_find_char(tag, '>'));
        struct str name = str_starts(tag, STR("/")) ? str_sub(tag, 1, tag.len) : tag;
        size_t space = str_find_char(name, ' ');
        struct str attrs = space == SIZE_MAX ? (struct str){0} : str_sub(name, space, name.len);
        name = str_sub(name, 0, space == SIZE_MAX ? name.len : space);
        bool is_known = false;
        for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
            is_known = is_known || str_eq_cstr(name, tags[i]);
        }
        if (!is_known || !attributes_are_known(attrs)) {
            fail_msg("%s became " STR_FMT, source, STR_ARG(html));
        }
        size_t href = str_find(attrs, STR("href=\""));
        if (href != SIZE_MAX) {
            struct str url = str_sub(attrs, href + 6, attrs.len);
            url = str_sub(url, 0, str_find_char(url, '"'));
            bool is_external;
            if (!markdown_link_is_safe(url, &is_external)) {
                fail_msg("%s became " STR_FMT, source, STR_ARG(html));
            }
        }
    }
}

static void attacks_become_harmless(void **state)
{
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_LEN(attacks); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct str html = html_of(arena, attacks[i]);
        check_safe(html, attacks[i]);
        size_t js = str_find(html, STR("=\"javascript"));
        assert_true(js == SIZE_MAX);
    }
}

static void attacks_cut_and_joined_stay_harmless(void **state)
{
    UNUSED(state);
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    struct rng rng;
    rng_init(&rng, seed);
    for (int round = 0; round < 3000; round++) {
        ARENA_AUTO arena = arena_new(0);
        char text[400];
        size_t len = 0;
        for (int k = 0; k < 4; k++) {
            const char *a = attacks[rng_below(&rng, ARRAY_LEN(attacks))];
            size_t from = rng_below(&rng, strlen(a));
            size_t n = 1 + rng_below(&rng, strlen(a) - from);
            memcpy(text + len, a + from, n);
            len += n;
        }
        text[len] = 0;
        check_safe(html_of(arena, text), text);
    }
}

static void links_are_judged(void **state)
{
    UNUSED(state);
    static const struct {
        const char *url;
        bool safe, external;
    } cases[] = {
        {"https://a.b/c", true, true}, {"HTTP://a.b", true, true}, {"mailto:a@b", true, false},
        {"#part", true, false},        {"/help", true, false},     {"a/b:c", true, false},
        {"?q=a", true, false},         {"//a.b", false, false},    {"javascript:1", false, false},
        {"a:b", false, false},         {"", false, false},         {"ht tp://a", false, false},
        {"a\\b", false, false},        {"tel:123", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool external = false;
        if (markdown_link_is_safe(str_from(cases[i].url), &external) != cases[i].safe ||
            (cases[i].safe && external != cases[i].external)) {
            fail_msg("%s", cases[i].url);
        }
    }
}

static void limits_hold(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct markdown_page page;
    char *big = mem_alloc(MARKDOWN_MAX_INPUT + 1);
    memset(big, '>', MARKDOWN_MAX_INPUT + 1);
    assert_int_equal(markdown_render(arena, (struct str){big, MARKDOWN_MAX_INPUT + 1}, NULL, &page),
                     ERR_LIMIT);
    big[100] = 'x';
    assert_int_equal(markdown_render(arena, (struct str){big, 101}, NULL, &page),
                     ERR_LIMIT); /* depth */
    memset(big, '\'', MARKDOWN_MAX_INPUT);
    assert_int_equal(markdown_render(arena, (struct str){big, MARKDOWN_MAX_INPUT}, NULL, &page),
                     ERR_OK); /* "&#39;" each: just fits */
    assert_int_equal(markdown_render(arena, STR("\xFF"), NULL, &page), ERR_INVALID);
    mem_free(big);
}

static void variables_are_filled(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    const struct markdown_var vars[] = {{"brand", STR_INIT("A*B <x>")}};
    static const struct {
        const char *text;
        bool escape;
        const char *want;
    } cases[] = {
        {"{{brand}}!", false, "A*B <x>!"},
        {"a {{ brand }} b {{brand}}", true, "a A\\*B \\<x\\> b A\\*B \\<x\\>"},
        {"{{other}} {{brand", false, "{{other}} {{brand"},
        {"{{{{brand}}", false, "{{A*B <x>"},
        {"", false, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str got = markdown_fill(arena, str_from(cases[i].text), vars, 1, cases[i].escape);
        if (!str_eq_cstr(got, cases[i].want)) {
            fail_msg("%s -> " STR_FMT, cases[i].text, STR_ARG(got));
        }
    }
}

int suite_markdown(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_html),
        cmocka_unit_test(table_scrolls_by_itself),
        cmocka_unit_test(attacks_become_harmless),
        cmocka_unit_test(attacks_cut_and_joined_stay_harmless),
        cmocka_unit_test(links_are_judged),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(variables_are_filled),
    };
    return cmocka_run_group_tests_name("markdown", tests, NULL, NULL);
}
