/* No recursion: the open brackets are a bit each in one word, which is why the depth limit is 32. */
#include "base/json_scan.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

struct scan {
    const char *p;
    const char *end;
    const char *error; /* code of the failure */
};

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r')) {
        s->p++;
    }
}

static bool fail(struct scan *s, const char *code)
{
    s->error = code;
    return false;
}

static bool is_digit(const struct scan *s)
{
    return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool is_char(const struct scan *s, char c)
{
    return s->p < s->end && *s->p == c;
}

static bool scan_digits(struct scan *s)
{
    if (!is_digit(s)) {
        return fail(s, "json");
    }
    while (is_digit(s)) {
        s->p++;
    }
    return true;
}

static bool scan_number(struct scan *s)
{
    const char *from = s->p;
    s->p += is_char(s, '-');
    if (is_char(s, '0')) {
        s->p++;
    } else if (!scan_digits(s)) {
        return false;
    }
    if (is_char(s, '.')) {
        s->p++;
        if (!scan_digits(s)) {
            return false;
        }
    }
    if (is_char(s, 'e') || is_char(s, 'E')) {
        s->p++;
        s->p += is_char(s, '+') || is_char(s, '-');
        if (!scan_digits(s)) {
            return false;
        }
    }
    return s->p - from <= 63 || fail(s, "json"); /* cJSON looks at 63 characters of a number */
}

static bool hex4(struct scan *s, uint32_t *out)
{
    if (s->end - s->p < 4) {
        return fail(s, "json");
    }
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = *s->p++;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (uint32_t)((c | 0x20) - 'a' + 10);
        } else {
            return fail(s, "json");
        }
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

/* After the backslash. */
static bool scan_escape(struct scan *s)
{
    if (s->p == s->end) {
        return fail(s, "json");
    }
    char c = *s->p++;
    if (c != 'u') {
        return (c != '\0' && strchr("\"\\/bfnrt", c) != NULL) || fail(s, "json");
    }
    uint32_t v;
    if (!hex4(s, &v)) {
        return false;
    }
    if (v == 0) {
        return fail(s, "nul");
    }
    if (v >= 0xDC00 && v <= 0xDFFF) {
        return fail(s, "utf8");
    }
    if (v >= 0xD800 && v <= 0xDBFF) {
        uint32_t low;
        if (s->end - s->p < 6 || s->p[0] != '\\' || s->p[1] != 'u') {
            return fail(s, "utf8");
        }
        s->p += 2;
        if (!hex4(s, &low)) {
            return false;
        }
        return (low >= 0xDC00 && low <= 0xDFFF) || fail(s, "utf8");
    }
    return true;
}

/* UTF-8 has been checked for the whole text at once. */
static bool scan_string(struct scan *s)
{
    s->p++;
    while (s->p < s->end) {
        unsigned char c = (unsigned char)*s->p++;
        if (c == '"') {
            return true;
        }
        if (c < 0x20) {
            return fail(s, c == 0 ? "nul" : "json");
        }
        if (c == '\\' && !scan_escape(s)) {
            return false;
        }
    }
    return fail(s, "json");
}

static bool scan_word(struct scan *s, struct str word)
{
    if ((size_t)(s->end - s->p) < word.len || memcmp(s->p, word.p, word.len) != 0) {
        return fail(s, "json");
    }
    s->p += word.len;
    return true;
}

static bool scan_scalar(struct scan *s)
{
    if (s->p == s->end) {
        return fail(s, "json");
    }
    switch (*s->p) {
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, STR("true"));
    case 'f':
        return scan_word(s, STR("false"));
    case 'n':
        return scan_word(s, STR("null"));
    default:
        return scan_number(s);
    }
}

static bool scan_key(struct scan *s)
{
    skip_space(s);
    if (!is_char(s, '"')) {
        return fail(s, "json");
    }
    if (!scan_string(s)) {
        return false;
    }
    skip_space(s);
    if (!is_char(s, ':')) {
        return fail(s, "json");
    }
    s->p++;
    return true;
}

struct nest {
    int depth;
    uint32_t objects; /* bit d-1: level d is an object */
};

static bool in_object(const struct nest *n)
{
    return (n->objects >> (n->depth - 1) & 1U) != 0;
}

/* Opens a bracket; *done_out when it is closed at once. */
static bool open_level(struct scan *s, struct nest *n, bool *done_out)
{
    bool object = *s->p == '{';
    if (n->depth == JSON_MAX_DEPTH) {
        return fail(s, "depth");
    }
    s->p++;
    n->depth++;
    uint32_t bit = 1U << (n->depth - 1);
    n->objects = object ? n->objects | bit : n->objects & ~bit;
    skip_space(s);
    *done_out = is_char(s, object ? '}' : ']');
    if (*done_out) {
        s->p++;
        n->depth--;
        return true;
    }
    return !object || scan_key(s);
}

/* After a value: commas and closing brackets up to where the next value starts, or the end. */
static bool after_value(struct scan *s, struct nest *n)
{
    while (n->depth > 0) {
        skip_space(s);
        if (is_char(s, ',')) {
            s->p++;
            return !in_object(n) || scan_key(s);
        }
        if (!is_char(s, in_object(n) ? '}' : ']')) {
            return fail(s, "json");
        }
        s->p++;
        n->depth--;
    }
    return true;
}

static bool scan_value(struct scan *s)
{
    struct nest n = {0};
    do {
        skip_space(s);
        bool done = true;
        if (is_char(s, '{') || is_char(s, '[')) {
            if (!open_level(s, &n, &done)) {
                return false;
            }
        } else if (!scan_scalar(s)) {
            return false;
        }
        if (done && !after_value(s, &n)) {
            return false;
        }
    } while (n.depth > 0);
    return true;
}

enum err json_scan(struct str text, struct errinfo *info)
{
    if (!utf8_is_valid(text)) {
        return err_set(info, ERR_INVALID, "", "utf8", "The JSON text is not valid UTF-8.");
    }
    struct scan s = {.p = text.p, .end = text.p + text.len};
    bool ok = scan_value(&s);
    if (ok) {
        skip_space(&s);
        ok = s.p == s.end || fail(&s, "json");
    }
    if (ok) {
        return ERR_OK;
    }
    enum err err = strcmp(s.error, "depth") == 0 ? ERR_LIMIT : ERR_INVALID;
    return err_set(info, err, "", s.error, "The JSON text is not acceptable at byte %zu.",
                   (size_t)(s.p - text.p));
}
