/* One small state machine serves all: the state of a character in progress is (bytes still to come, allowed range of the next byte),
 * packed in 32 bits. The range is narrower than 80..BF only right after E0, ED, F0 and F4, which is all that RFC 3629 adds. */
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

#define HIGH_BITS 0x8080808080808080U

static uint32_t pack(uint32_t need, uint32_t low, uint32_t high)
{
    return need | low << 8 | high << 16;
}

/* State after a lead byte >= 0x80, 0 when it cannot start a character. */
static uint32_t lead_state(unsigned char c)
{
    if (c >= 0xC2 && c <= 0xDF) {
        return pack(1, 0x80, 0xBF);
    }
    if (c >= 0xE0 && c <= 0xEF) {
        return pack(2, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF);
    }
    if (c >= 0xF0 && c <= 0xF4) {
        return pack(3, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF);
    }
    return 0;
}

bool utf8_check_part(struct str s, uint32_t *state)
{
    uint32_t st = *state;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (st != 0) {
            if (c < (st >> 8 & 0xFF) || c > (st >> 16 & 0xFF)) {
                return false;
            }
            uint32_t need = (st & 0xFF) - 1;
            st = need ? pack(need, 0x80, 0xBF) : 0;
            continue;
        }
        if (c < 0x80) {
            uint64_t word;
            while (i + 8 < s.len && (memcpy(&word, s.p + i + 1, 8), (word & HIGH_BITS) == 0)) {
                i += 8;
            }
            continue;
        }
        st = lead_state(c);
        if (st == 0) {
            return false;
        }
    }
    *state = st;
    return true;
}

bool utf8_is_valid(struct str s)
{
    uint32_t state = 0;
    return utf8_check_part(s, &state) && state == 0;
}

uint32_t utf8_next(struct str s, size_t *at)
{
    unsigned char c = (unsigned char)s.p[*at];
    if (c < 0x80) {
        *at += 1;
        return c;
    }
    uint32_t st = lead_state(c);
    size_t need = st & 0xFF;
    if (st == 0 || s.len - *at <= need) {
        *at += 1;
        return 0xFFFD;
    }
    uint32_t cp = c & (0x3FU >> need);
    for (size_t i = 1; i <= need; i++) {
        unsigned char d = (unsigned char)s.p[*at + i];
        if (d < (st >> 8 & 0xFF) || d > (st >> 16 & 0xFF)) {
            *at += 1;
            return 0xFFFD;
        }
        cp = cp << 6 | (d & 0x3FU);
        st = pack(1, 0x80, 0xBF);
    }
    *at += need + 1;
    return cp;
}

size_t utf8_put(uint32_t cp, char out[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
        cp = 0xFFFD;
    }
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

size_t utf8_count(struct str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.len; n++) {
        (void)utf8_next(s, &at);
    }
    return n;
}

struct str utf8_cut(struct str s, size_t max_bytes)
{
    if (s.len <= max_bytes) {
        return s;
    }
    size_t len = max_bytes;
    while (len > 0 && max_bytes - len < 3 && ((unsigned char)s.p[len] & 0xC0) == 0x80) {
        len--;
    }
    if (((unsigned char)s.p[len] & 0xC0) == 0x80) {
        len = max_bytes; /* not UTF-8 anyway */
    }
    return (struct str){s.p, len};
}

bool utf8_is_cjk(uint32_t cp)
{
    return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) || cp == 0x3005 ||
           cp == 0x3007 || (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x20000 && cp <= 0x2EBEF) ||
           (cp >= 0x2F800 && cp <= 0x2FA1F) || (cp >= 0x30000 && cp <= 0x323AF);
}

bool utf8_is_space(uint32_t cp)
{
    return cp == ' ' || (cp >= 0x09 && cp <= 0x0D) || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F ||
           cp == 0x205F || cp == 0x3000;
}

/* Blocks of the scripts that have upper and lower case here. */
static bool is_cased_script(uint32_t cp)
{
    return cp < 0x530 || (cp >= 0x1C80 && cp <= 0x1C8F) || (cp >= 0x1D00 && cp <= 0x1FFF) ||
           (cp >= 0x2C60 && cp <= 0x2C7F) || (cp >= 0x2DE0 && cp <= 0x2DFF) ||
           (cp >= 0xA640 && cp <= 0xA69F) || (cp >= 0xA720 && cp <= 0xA7FF) ||
           (cp >= 0xAB30 && cp <= 0xAB6F) || (cp >= 0xFB00 && cp <= 0xFB06) ||
           (cp >= 0xFF21 && cp <= 0xFF5A);
}

bool utf8_is_alnum(uint32_t cp)
{
    if (cp < 0x80) {
        return (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
    }
    utf8proc_category_t cat = utf8proc_category((utf8proc_int32_t)cp);
    if (cat == UTF8PROC_CATEGORY_ND) {
        return true;
    }
    bool letter = cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO;
    return letter && is_cased_script(cp);
}

uint32_t utf8_lower(uint32_t cp)
{
    if (cp < 0x80) {
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    }
    if (!is_cased_script(cp)) {
        return cp;
    }
    switch (cp) {
    case 0xB5: /* micro sign folds to the Greek letter */
        return 0x3BC;
    case 0x17F: /* long s */
        return 's';
    case 0x3C2: /* final sigma */
        return 0x3C3;
    default:
        return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    }
}
