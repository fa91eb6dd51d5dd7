/* Class words are found in the NFKC text before case folding, because base58 addresses are case-sensitive (shapes.h); the rest goes character by character. */
#include "knowledge/normalise.h"

#include <utf8proc.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/chars.h"
#include "knowledge/shapes.h"
#include "knowledge/t2s.h"

uint32_t normalise_simplified(uint32_t c)
{
    unsigned lo = 0;
    unsigned hi = t2s_n_pairs;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (t2s_pairs[mid].from < c) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < t2s_n_pairs && t2s_pairs[lo].from == c ? t2s_pairs[lo].to : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct out {
    char *p;
    size_t len;
    bool wants_space;
};

static void out_put(struct out *o, const char *p, size_t len)
{
    if (o->wants_space && o->len > 0) {
        o->p[o->len++] = ' ';
    }
    o->wants_space = false;
    memcpy(o->p + o->len, p, len);
    o->len += len;
}

static bool is_kept(uint32_t c)
{
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
        return true;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
        return !(c >= 0xFE00 && c <= 0xFE0F) && c != 0x20E3; /* emoji selectors and keycaps */
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_NO:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    default:
        return false;
    }
}

static bool is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019 || c == 0x2018 || c == 0x02BC || c == '`';
}

static void put_char(struct out *o, const struct chars *t, size_t i)
{
    uint32_t c = t->c[i];
    char next = i + 1 < t->n ? t->ascii[i + 1] : '\0';
    if (is_kept(c)) {
        out_put(o, t->folded.p + t->fold_at[i], t->fold_at[i + 1] - t->fold_at[i]);
        return;
    }
    bool between_letters = o->len > 0 && !o->wants_space && is_alpha(next);
    if (is_apostrophe(c) && between_letters) {
        return;
    }
    bool hyphen_of_standard =
        c == '-' && !o->wants_space && o->len > 0 && is_alpha(o->p[o->len - 1]) && is_digit(next);
    if (!hyphen_of_standard) {
        o->wants_space = true;
    }
}

struct str normalise_text(struct arena *arena, struct str text)
{
    struct chars t;
    chars_of(arena, text, NORMALISE_MAX_BYTES, &t);
    /* The longest that one character can become is a class word: 11 bytes; class words replace at least 3 characters. */
    struct out o = {.p = arena_alloc(arena, t.n * 5 + 16)};
    bool at_word_start = true;
    for (size_t at = 0; at < t.n;) {
        enum shape shape = SHAPE_NONE;
        char c = t.ascii[at];
        size_t n = at_word_start && (is_alpha(c) || is_digit(c))
                       ? shape_match(chars_ascii(&t, at, t.n), &shape)
                       : 0;
        if (n > 0) {
            struct str word = shape_word(shape);
            out_put(&o, word.p, word.len);
            at += n;
            at_word_start = true; /* "100usdt": the unit is looked at by itself */
            continue;
        }
        put_char(&o, &t, at++);
        at_word_start = !is_alpha(c) && !is_digit(c);
    }
    return (struct str){o.p, o.len};
}

struct str normalise_fold(struct arena *arena, struct str normalised)
{
    char *p = arena_alloc(arena, normalised.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < normalised.len; i++) {
        if (normalised.p[i] != ' ') {
            p[n++] = normalised.p[i];
        }
    }
    return (struct str){p, n};
}
