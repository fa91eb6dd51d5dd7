/* Straight-line writer: text is copied in runs between the few bytes that need an escape. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/timeutil.h"
#include "base/utf8.h"

void json_writer_init(struct json_writer *w, struct buf *buf)
{
    *w = (struct json_writer){.buf = buf};
}

/* Comma before an item, if one is due. */
static void item(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    uint64_t bit = (uint64_t)1 << w->depth;
    if ((w->has_item & bit) != 0) {
        (void)buf_add_char(w->buf, ',');
    }
    w->has_item |= bit;
}

static void begin(struct json_writer *w, char c)
{
    item(w);
    ASSERT(w->depth < JSON_MAX_DEPTH);
    w->depth++;
    w->has_item &= ~((uint64_t)1 << w->depth);
    (void)buf_add_char(w->buf, c);
}

static void end(struct json_writer *w, char c)
{
    ASSERT(w->depth > 0 && !w->after_key);
    w->depth--;
    (void)buf_add_char(w->buf, c);
}

void json_object_begin(struct json_writer *w)
{
    begin(w, '{');
}

void json_object_end(struct json_writer *w)
{
    end(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    begin(w, '[');
}

void json_array_end(struct json_writer *w)
{
    end(w, ']');
}

static void add_escape(struct buf *b, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    const char *at = c != 0 ? strchr(shorts, c) : NULL;
    if (at != NULL) {
        (void)buf_add(b, (const char[]){'\\', letters[at - shorts]}, 2);
        return;
    }
    (void)buf_add(b, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Eight bytes at a time: true when none is a control character, a quote, a backslash or outside ASCII. */
static inline bool is_plain_word(uint64_t x)
{
    const uint64_t ones = 0x0101010101010101U;
    const uint64_t high = 0x8080808080808080U;
    uint64_t quote = x ^ (ones * '"');
    uint64_t slash = x ^ (ones * '\\');
    uint64_t odd = x | (x - ones * 0x20) | (quote - ones) | (slash - ones);
    return (odd & high) == 0;
}

static void add_text(struct buf *b, struct str s)
{
    size_t from = 0;
    size_t i = 0;
    while (i < s.len) {
        uint64_t word;
        while (i + 8 <= s.len && (memcpy(&word, s.p + i, 8), is_plain_word(word))) {
            i += 8;
        }
        if (i == s.len) {
            break;
        }
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            i++;
            continue;
        }
        size_t next = i;
        if (c >= 0x80 &&
            (utf8_next(s, &next) != 0xFFFD || next - i == 3)) { /* a real U+FFFD has three bytes */
            i = next;
            continue;
        }
        (void)buf_add(b, s.p + from, i - from);
        if (c >= 0x80) {
            (void)buf_add(b, "\xEF\xBF\xBD", 3);
        } else {
            add_escape(b, c);
        }
        from = ++i;
    }
    (void)buf_add(b, s.p + from, s.len - from);
}

static void add_quoted(struct buf *b, struct str s)
{
    (void)buf_add_char(b, '"');
    if (s.len > 0) {
        add_text(b, s);
    }
    (void)buf_add_char(b, '"');
}

void json_put_key_str(struct json_writer *w, struct str key)
{
    ASSERT(!w->after_key);
    item(w);
    add_quoted(w->buf, key);
    (void)buf_add_char(w->buf, ':');
    w->after_key = true;
}

void json_put_key(struct json_writer *w, const char *key)
{
    json_put_key_str(w, str_from(key));
}

void json_put_str(struct json_writer *w, struct str s)
{
    item(w);
    add_quoted(w->buf, s);
}

static size_t put_digits(char out[24], int64_t v)
{
    char digits[24];
    size_t n = 0;
    uint64_t u = v < 0 ? 0U - (uint64_t)v : (uint64_t)v;
    do {
        digits[n++] = (char)('0' + u % 10);
        u /= 10;
    } while (u > 0);
    size_t len = 0;
    if (v < 0) {
        out[len++] = '-';
    }
    while (n > 0) {
        out[len++] = digits[--n];
    }
    return len;
}

void json_put_i64(struct json_writer *w, int64_t v)
{
    char text[24];
    item(w);
    (void)buf_add(w->buf, text, put_digits(text, v));
}

/* Shortest of 15 to 17 digits that reads back the same. JSON has no infinities: null. */
void json_put_double(struct json_writer *w, double v)
{
    if (!isfinite(v)) {
        json_put_null(w);
        return;
    }
    char text[32];
    int n = 0;
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    item(w);
    (void)buf_add(w->buf, text, (size_t)n);
}

void json_put_bool(struct json_writer *w, bool v)
{
    item(w);
    (void)buf_add_str(w->buf, v ? STR("true") : STR("false"));
}

void json_put_null(struct json_writer *w)
{
    item(w);
    (void)buf_add_str(w->buf, STR("null"));
}

void json_put_id(struct json_writer *w, int64_t id)
{
    if (id == 0) {
        json_put_null(w);
        return;
    }
    char text[24];
    json_put_str(w, (struct str){text, put_digits(text, id)});
}

void json_put_time(struct json_writer *w, int64_t at)
{
    if (at == 0) {
        json_put_null(w);
        return;
    }
    char text[TIME_TEXT_MAX];
    json_put_str(w, (struct str){text, time_format(at, text)});
}

void json_put_raw(struct json_writer *w, struct str json)
{
    item(w);
    (void)buf_add_str(w->buf, json);
}

void json_kv_str(struct json_writer *w, const char *key, struct str s)
{
    json_put_key(w, key);
    json_put_str(w, s);
}

void json_kv_opt_str(struct json_writer *w, const char *key, struct str s)
{
    json_put_key(w, key);
    if (s.len == 0) {
        json_put_null(w);
    } else {
        json_put_str(w, s);
    }
}

void json_kv_cstr(struct json_writer *w, const char *key, const char *s)
{
    json_kv_str(w, key, str_from(s));
}

void json_kv_i64(struct json_writer *w, const char *key, int64_t v)
{
    json_put_key(w, key);
    json_put_i64(w, v);
}

void json_kv_bool(struct json_writer *w, const char *key, bool v)
{
    json_put_key(w, key);
    json_put_bool(w, v);
}

void json_kv_id(struct json_writer *w, const char *key, int64_t id)
{
    json_put_key(w, key);
    json_put_id(w, id);
}

void json_kv_time(struct json_writer *w, const char *key, int64_t at)
{
    json_put_key(w, key);
    json_put_time(w, at);
}

void json_kv_raw(struct json_writer *w, const char *key, struct str json)
{
    json_put_key(w, key);
    json_put_raw(w, json);
}
