/* Straight-line writer for the hot path: room is asked for once per item, then bytes are stored without further checks; text is checked and copied
 * eight bytes at a time, and in runs where it is not plain ASCII. What an item asks for is never more than what it surely writes, so the cap stays
 * exact. */
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

/* As buf_reserve, without a call when there is room. NULL past the cap. */
static inline char *room(struct buf *b, size_t len)
{
    return !b->failed && len < b->size - b->len ? b->p + b->len : buf_reserve(b, len);
}

/* Is a comma due before the next item? */
static inline bool item(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        return false;
    }
    uint64_t bit = (uint64_t)1 << w->depth;
    bool comma = (w->has_item & bit) != 0;
    w->has_item |= bit;
    return comma;
}

/* An item whose text is known: comma and bytes. */
static inline void put(struct json_writer *w, const char *text, size_t len)
{
    bool comma = item(w);
    char *out = room(w->buf, len + comma);
    if (out == NULL) {
        return;
    }
    if (comma) {
        *out++ = ',';
    }
    if (len > 0) {
        memcpy(out, text, len);
    }
    w->buf->len += len + comma;
}

static void begin(struct json_writer *w, char c)
{
    put(w, &c, 1);
    ASSERT(w->depth < JSON_MAX_DEPTH);
    w->depth++;
    w->has_item &= ~((uint64_t)1 << w->depth);
}

/* The value of the last key never came: it failed on its way. */
static inline void close_key(struct json_writer *w)
{
    if (w->after_key) {
        w->after_key = false;
        w->buf->failed = true;
    }
}

static void end(struct json_writer *w, char c)
{
    ASSERT(w->depth > 0);
    close_key(w);
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

/* Bytes of the valid character at s.p[at] >= 0x80, 0 when there is none. */
static inline size_t multibyte(struct str s, size_t at)
{
    size_t next = at;
    return utf8_next(s, &next) != 0xFFFD || next - at == 3 ? next - at
                                                           : 0; /* a real U+FFFD has three bytes */
}

/* Text that is not plain ASCII from its first byte on. */
static void add_text(struct buf *b, struct str s)
{
    size_t from = 0;
    size_t i = 0;
    while (i < s.len) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80) {
            size_t n = multibyte(s, i);
            if (n > 0) {
                i += n;
                continue;
            }
        } else if (c >= 0x20 && c != '"' && c != '\\') {
            uint64_t word;
            while (i + 8 <= s.len && (memcpy(&word, s.p + i, 8), is_plain_word(word))) {
                i += 8;
            }
            i += i < s.len && (unsigned char)s.p[i] - 0x20U < 0x60 && s.p[i] != '"' &&
                 s.p[i] != '\\';
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

/* Comma, quotes and text. The plain beginning, which is usually all of it, is checked and copied in one go. */
static void add_quoted(struct buf *b, bool comma, struct str s)
{
    char *out = room(b, s.len + 2 + comma);
    if (out == NULL) {
        return;
    }
    *out = ',';
    out += comma;
    *out++ = '"';
    size_t i = 0;
    uint64_t word;
    while (i + 8 <= s.len && (memcpy(&word, s.p + i, 8), is_plain_word(word))) {
        memcpy(out + i, &word, 8);
        i += 8;
    }
    while (i < s.len && (unsigned char)s.p[i] - 0x20U < 0x60 && s.p[i] != '"' && s.p[i] != '\\') {
        out[i] = s.p[i];
        i++;
    }
    if (i == s.len) {
        out[i] = '"';
        b->len = (size_t)(out + i + 1 - b->p);
        return;
    }
    b->len = (size_t)(out + i - b->p);
    add_text(b, str_sub(s, i, s.len));
    (void)buf_add_char(b, '"');
}

void json_put_key_str(struct json_writer *w, struct str key)
{
    close_key(w);
    add_quoted(w->buf, item(w), key);
    (void)buf_add_char(w->buf, ':');
    w->after_key = true;
}

/* A literal of ours: copied as it is. */
void json_put_key(struct json_writer *w, const char *key)
{
    close_key(w);
    size_t len = strlen(key);
    bool comma = item(w);
    w->after_key = true;
    char *out = room(w->buf, len + 3 + comma);
    if (out == NULL) {
        return;
    }
    *out = ',';
    out += comma;
    *out++ = '"';
    memcpy(out, key, len);
    out[len] = '"';
    out[len + 1] = ':';
    w->buf->len += len + 3 + comma;
}

void json_put_str(struct json_writer *w, struct str s)
{
    add_quoted(w->buf, item(w), s);
}

static size_t put_digits(char *out, int64_t v)
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
    put(w, text, put_digits(text, v));
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
    put(w, text, (size_t)n);
}

void json_put_bool(struct json_writer *w, bool v)
{
    put(w, v ? "true" : "false", v ? 4 : 5);
}

void json_put_null(struct json_writer *w)
{
    put(w, "null", 4);
}

void json_put_id(struct json_writer *w, int64_t id)
{
    if (id == 0) {
        json_put_null(w);
        return;
    }
    char text[26] = "\"";
    size_t len = put_digits(text + 1, id);
    text[len + 1] = '"';
    put(w, text, len + 2);
}

void json_put_time(struct json_writer *w, int64_t at)
{
    if (at == 0) {
        json_put_null(w);
        return;
    }
    char text[TIME_TEXT_MAX + 2] = "\"";
    size_t len = time_format(at, text + 1);
    text[len + 1] = '"';
    put(w, text, len + 2);
}

void json_put_raw(struct json_writer *w, struct str json)
{
    put(w, json.p, json.len);
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
