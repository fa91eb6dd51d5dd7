/* Strict decoders: wrong alphabet, wrong padding or bits that an encoder would have left zero are ERR_INVALID, so each value has one text. */
#include "base/codec.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

static const char alphabet_64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

struct str codec_hex(struct arena *arena, const void *p, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = p;
    char *out = arena_alloc(arena, len * 2 + 1);
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    return (struct str){out, len * 2};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

enum err codec_unhex(struct arena *arena, struct str s, struct str *out)
{
    if (s.len % 2 != 0) {
        return ERR_INVALID;
    }
    char *p = arena_alloc(arena, s.len / 2 + 1);
    for (size_t i = 0; i < s.len / 2; i++) {
        int high = hex_value(s.p[2 * i]);
        int low = hex_value(s.p[2 * i + 1]);
        if (high < 0 || low < 0) {
            return ERR_INVALID;
        }
        p[i] = (char)(high << 4 | low);
    }
    *out = (struct str){p, s.len / 2};
    return ERR_OK;
}

/* `bits` per character (5 or 6), `group` characters that padding fills up to (0: no padding). */
static struct str encode(struct arena *arena, const void *p, size_t len, const char *alphabet,
                         unsigned bits, size_t group)
{
    const unsigned char *in = p;
    char *out = arena_alloc(arena, len * 8 / bits + 1 + group + 1);
    size_t n = 0;
    unsigned acc = 0;
    unsigned have = 0;
    for (size_t i = 0; i < len; i++) {
        acc = (acc << 8 | in[i]) & 0xFFFF;
        have += 8;
        while (have >= bits) {
            have -= bits;
            out[n++] = alphabet[acc >> have & ((1U << bits) - 1)];
        }
    }
    if (have > 0) {
        out[n++] = alphabet[acc << (bits - have) & ((1U << bits) - 1)];
    }
    while (group != 0 && n % group != 0) {
        out[n++] = '=';
    }
    return (struct str){out, n};
}

static enum err decode(struct arena *arena, struct str s, const char *alphabet, unsigned bits,
                       struct str *out)
{
    char *p = arena_alloc(arena, s.len * bits / 8 + 1);
    size_t n = 0;
    unsigned acc = 0;
    unsigned have = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *at = s.p[i] != '\0' ? strchr(alphabet, s.p[i]) : NULL;
        if (at == NULL) {
            return ERR_INVALID;
        }
        acc = (acc << bits | (unsigned)(at - alphabet)) & 0xFFFF;
        have += bits;
        if (have >= 8) {
            have -= 8;
            p[n++] = (char)(acc >> have & 0xFF);
        }
    }
    /* What is left over must be zero bits of the last character, and fewer than a character's worth. */
    if (have >= bits || (acc & ((1U << have) - 1)) != 0) {
        return ERR_INVALID;
    }
    *out = (struct str){p, n};
    return ERR_OK;
}

struct str codec_base64(struct arena *arena, const void *p, size_t len)
{
    return encode(arena, p, len, alphabet_64, 6, 4);
}

struct str codec_base64url(struct arena *arena, const void *p, size_t len)
{
    return encode(arena, p, len, alphabet_64url, 6, 0);
}

enum err codec_unbase64(struct arena *arena, struct str s, struct str *out)
{
    if (s.len % 4 != 0) {
        return ERR_INVALID;
    }
    for (int i = 0; i < 2 && s.len > 0 && s.p[s.len - 1] == '='; i++) {
        s.len--;
    }
    return decode(arena, s, alphabet_64, 6, out);
}

enum err codec_unbase64url(struct arena *arena, struct str s, struct str *out)
{
    return decode(arena, s, alphabet_64url, 6, out);
}

struct str codec_base32(struct arena *arena, const void *p, size_t len)
{
    return encode(arena, p, len, alphabet_32, 5, 0);
}

enum err codec_unbase32(struct arena *arena, struct str s, struct str *out)
{
    return decode(arena, s, alphabet_32, 5, out);
}

enum err codec_unpercent(struct arena *arena, struct str s, bool plus_is_space, struct str *out)
{
    char *p = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.len ? hex_value(s.p[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_value(s.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return ERR_INVALID;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0') {
            return ERR_INVALID;
        }
        p[n++] = c;
    }
    if (!utf8_is_valid((struct str){p, n})) {
        return ERR_INVALID;
    }
    *out = (struct str){p, n};
    return ERR_OK;
}

struct str codec_percent(struct arena *arena, struct str s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *p = arena_alloc(arena, s.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (unreserved) {
            p[n++] = (char)c;
        } else {
            p[n++] = '%';
            p[n++] = digits[c >> 4];
            p[n++] = digits[c & 15];
        }
    }
    return (struct str){p, n};
}

enum err codec_html_escape(struct buf *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        struct str entity;
        switch (s.p[i]) {
        case '&':
            entity = STR("&amp;");
            break;
        case '<':
            entity = STR("&lt;");
            break;
        case '>':
            entity = STR("&gt;");
            break;
        case '"':
            entity = STR("&quot;");
            break;
        case '\'':
            entity = STR("&#39;");
            break;
        default:
            continue;
        }
        (void)buf_add_str(out, str_sub(s, from, i - from));
        (void)buf_add_str(out, entity);
        from = i + 1;
    }
    (void)buf_add_str(out, str_sub(s, from, s.len));
    return buf_err(out);
}
