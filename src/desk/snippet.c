#include "desk/snippet.h"

#include "base/utf8.h"

static int utf16_units(struct str s)
{
    int n = 0;
    for (size_t at = 0; at < s.len;) {
        n += utf8_next(s, &at) > 0xFFFF ? 2 : 1;
    }
    return n;
}

/* Start of the code point `n` code points before `at`. */
static size_t back(struct str s, size_t at, size_t n)
{
    while (at > 0 && n > 0) {
        at--;
        while (at > 0 && ((unsigned char)s.p[at] & 0xC0) == 0x80) {
            at--;
        }
        n--;
    }
    return at;
}

static size_t forward(struct str s, size_t at, size_t n)
{
    while (at < s.len && n > 0) {
        (void)utf8_next(s, &at);
        n--;
    }
    return at;
}

static struct str one_line(struct arena *arena, struct str s)
{
    char *p = arena_alloc(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        p[i] = s.p[i] == '\n' || s.p[i] == '\t' ? ' ' : s.p[i];
    }
    return (struct str){p, s.len};
}

struct snippet snippet_make(struct arena *arena, struct str body, size_t at, size_t len, size_t max)
{
    at = at > body.len ? body.len : at;
    len = len > body.len - at ? body.len - at : len;
    size_t from = back(body, at, max / 4);
    size_t to = forward(body, from, max);
    if (to < at + len) {
        to = at + len;
    }
    struct str before = one_line(arena, str_sub(body, from, at - from));
    struct str match = one_line(arena, str_sub(body, at, len));
    struct str after = one_line(arena, str_sub(body, at + len, to - at - len));
    const char *head = from > 0 ? "\xE2\x80\xA6" : "", *tail = to < body.len ? "\xE2\x80\xA6" : "";
    return (struct snippet){
        .text = str_printf(arena, "%s" STR_FMT STR_FMT STR_FMT "%s", head, STR_ARG(before),
                           STR_ARG(match), STR_ARG(after), tail),
        .match_at = utf16_units(before) + (from > 0 ? 1 : 0),
        .match_len = utf16_units(match),
    };
}
