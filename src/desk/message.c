/* One pass over the text, code point by code point; most bodies are clean, so the first pass only looks and the copy is made when something was found. */
#include "desk/message.h"

#include "base/check.h"
#include "base/utf8.h"

static const char *const author_words[] = {"customer", "agent", "bot", "system"};
static const char *const kind_words[] = {"public", "note", "system"};

const char *author_kind_name(enum author_kind k)
{
    ASSERT((unsigned)k < ARRAY_LEN(author_words));
    return author_words[k];
}

const char *message_kind_name(enum message_kind k)
{
    ASSERT((unsigned)k < ARRAY_LEN(kind_words));
    return kind_words[k];
}

/* U+200D (joiner) and U+FE0F belong to emoji, U+200E/F are harmless marks of right-to-left text. */
static bool is_dangerous(uint32_t c)
{
    if (c < 0x20) {
        return c != '\n' && c != '\t';
    }
    return (c >= 0x7F && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x200B || c == 0x2060 || c == 0xFEFF ||
           c == 0x2028 || c == 0x2029 || c == 0x3164 || c == 0x115F || c == 0x1160 || c == 0xFFFC ||
           c == 0xFFFE || c == 0xFFFF || (c >= 0xE0000 && c <= 0xE007F);
}

static struct str trim(struct str s)
{
    s = str_trim(s);
    static const struct str wide = STR_INIT("\xE3\x80\x80"); /* ideographic space */
    while (str_starts(s, wide)) {
        s = str_trim(str_sub(s, wide.len, s.len));
    }
    while (str_ends(s, wide)) {
        s = str_trim(str_sub(s, 0, s.len - wide.len));
    }
    return s;
}

static bool is_clean(struct str s)
{
    int n_newlines = 0;
    for (size_t at = 0; at < s.len;) {
        unsigned char b = (unsigned char)s.p[at];
        if (b < 0x80) {
            at++;
            n_newlines = b == '\n' ? n_newlines + 1 : b == ' ' || b == '\t' ? n_newlines : 0;
            if ((b < 0x20 && b != '\n' && b != '\t') || b == 0x7F || n_newlines > 3) {
                return false;
            }
            continue;
        }
        n_newlines = 0;
        if (is_dangerous(utf8_next(s, &at))) {
            return false;
        }
    }
    return true;
}

struct str message_clean(struct arena *arena, struct str body)
{
    body = trim(body);
    if (is_clean(body)) {
        return body;
    }
    char *out = arena_alloc(arena, body.len * 3 + 1); /* a bad byte becomes U+FFFD */
    size_t len = 0;
    int n_newlines = 0;
    for (size_t at = 0; at < body.len;) {
        uint32_t c = utf8_next(body, &at);
        if (c == '\r') {
            if (at < body.len && body.p[at] == '\n') {
                continue;
            }
            c = '\n';
        } else if (c == 0x2028 || c == 0x2029) {
            c = '\n';
        }
        if (is_dangerous(c)) {
            continue;
        }
        n_newlines = c == '\n' ? n_newlines + 1 : c == ' ' || c == '\t' ? n_newlines : 0;
        if (c == '\n' && n_newlines > 3) {
            continue;
        }
        len += utf8_put(c, out + len);
    }
    return trim((struct str){out, len});
}

struct str message_clean_line(struct arena *arena, struct str text)
{
    struct str s = message_clean(arena, text);
    if (str_find_char(s, '\n') == SIZE_MAX && str_find_char(s, '\t') == SIZE_MAX) {
        return s;
    }
    s = str_dup(arena, s);
    char *p = arena_alloc(arena, s.len + 1);
    for (size_t i = 0; i < s.len; i++) {
        p[i] = s.p[i] == '\n' || s.p[i] == '\t' ? ' ' : s.p[i];
    }
    return (struct str){p, s.len};
}

static bool is_mark(uint32_t c)
{
    return c == '*' || c == '`' || c == '_' || c == '#' || c == '>';
}

static bool is_word(struct str s, size_t at)
{
    return at < s.len && ((unsigned char)s.p[at] >= 0x80 || (s.p[at] >= '0' && s.p[at] <= '9') ||
                          ((s.p[at] | 0x20) >= 'a' && (s.p[at] | 0x20) <= 'z'));
}

struct str message_preview(struct arena *arena, struct str body, int n_files)
{
    if (str_is_empty(body)) {
        return n_files > 0 ? STR("\xF0\x9F\x93\x8E") : STR(""); /* paper clip */
    }
    char *out = arena_alloc(arena, MESSAGE_PREVIEW_MAX * 4 + 4);
    size_t len = 0;
    int n = 0;
    bool was_space = true;
    for (size_t at = 0; at < body.len && n < MESSAGE_PREVIEW_MAX;) {
        size_t before = at;
        uint32_t c = utf8_next(body, &at);
        if (utf8_is_space(c) || c == '\n' || c == '\t') {
            if (!was_space) {
                out[len++] = ' ';
                n++;
            }
            was_space = true;
            continue;
        }
        /* tx_hash stays, *bold* loses its stars */
        if (is_mark(c) &&
            !(c == '_' && before > 0 && is_word(body, before - 1) && is_word(body, at)) &&
            !(c == '>' && !was_space) && !(c == '#' && !was_space)) {
            continue;
        }
        was_space = false;
        len += utf8_put(c, out + len);
        n++;
    }
    while (len > 0 && out[len - 1] == ' ') {
        len--;
    }
    return (struct str){out, len};
}

bool message_client_id_is_valid(struct str id)
{
    if (id.len < MESSAGE_CLIENT_ID_MIN || id.len > MESSAGE_CLIENT_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              c == '_' || c == '-')) {
            return false;
        }
    }
    return true;
}

bool message_button_is_valid(struct str id)
{
    struct str rest = id, word = {0};
    if (id.len == 0 || id.len > 80 || !str_split(&rest, ':', &word) || word.len == 0) {
        return false;
    }
    for (size_t i = 0; i < word.len; i++) {
        if (!((word.p[i] >= 'a' && word.p[i] <= 'z') || word.p[i] == '_')) {
            return false;
        }
    }
    bool has_arg = word.len < id.len;
    struct str arg = str_sub(id, word.len + 1, id.len);
    if (has_arg && arg.len == 0) {
        return false;
    }
    for (size_t i = 0; i < arg.len; i++) {
        if (!((arg.p[i] >= 'a' && arg.p[i] <= 'z') || (arg.p[i] >= '0' && arg.p[i] <= '9') ||
              arg.p[i] == '-')) {
            return false;
        }
    }
    return true;
}
