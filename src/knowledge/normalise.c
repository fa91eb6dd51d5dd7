/* Two passes: class words are found in the NFKC text before case folding, because base58 addresses are case-sensitive; the second pass works by character.
 * Class words are recognised by shape only: the checksums that `guard` knows do not matter for matching. */
#include "knowledge/normalise.h"

#include <utf8proc.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/utf8.h"
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

/* NFKC of repaired UTF-8, in the arena. */
static struct str nfkc(struct arena *arena, struct str text)
{
    text = utf8_cut(text, NORMALISE_MAX_BYTES);
    char *clean = arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t c = utf8_next(text, &at);
        if (c == 0 || c == 0xFFFD) {
            c = ' ';
        }
        len += utf8_put(c, clean + len);
    }
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n =
        utf8proc_map((const utf8proc_uint8_t *)clean, (utf8proc_ssize_t)len, &out,
                     UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_IGNORE);
    if (n < 0) {
        return (struct str){clean, len};
    }
    struct str copy = str_dup(arena, (struct str){(const char *)out, (size_t)n});
    free(out); /* the library's own malloc */
    return copy;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_base58(char c)
{
    return (is_digit(c) && c != '0') || (is_alpha(c) && c != 'I' && c != 'O' && c != 'l');
}

static bool all(struct str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is(s.p[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool any(struct str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.len; i++) {
        if (is(s.p[i])) {
            return true;
        }
    }
    return false;
}

/* Length of the ASCII run of letters, digits and the signs in `extra`. */
static size_t run_len(struct str s, const char *extra)
{
    size_t n = 0;
    while (n < s.len && (is_digit(s.p[n]) || is_alpha(s.p[n]) ||
                         (s.p[n] != 0 && strchr(extra, s.p[n]) != NULL))) {
        n++;
    }
    return n;
}

static bool starts_nocase(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq_nocase(str_sub(s, 0, prefix.len), prefix);
}

static size_t match_url(struct str s)
{
    static const char url_signs[] = "-._~:/?#[]@!$&()*+,;=%";
    if (starts_nocase(s, STR("http://")) || starts_nocase(s, STR("https://")) ||
        starts_nocase(s, STR("www."))) {
        return run_len(s, url_signs);
    }
    /* A bare host: okx-support.com. Only endings that people use for such sites; "1.5usdt" and "e.g." must not match. */
    static const struct str endings[] = {
        STR_INIT("com"), STR_INIT("net"), STR_INIT("org"), STR_INIT("io"),   STR_INIT("co"),
        STR_INIT("cc"),  STR_INIT("top"), STR_INIT("xyz"), STR_INIT("info"), STR_INIT("app"),
        STR_INIT("me"),  STR_INIT("vip"), STR_INIT("cn"),  STR_INIT("site")};
    size_t n = run_len(s, "-.");
    size_t dot = SIZE_MAX;
    for (size_t i = 0; i < n; i++) {
        if (s.p[i] == '.') {
            dot = i;
        }
    }
    if (dot == SIZE_MAX || dot < 2) {
        return 0;
    }
    struct str ending = str_sub(s, dot + 1, n - dot - 1);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_eq_nocase(ending, endings[i])) {
            return n < s.len && s.p[n] == '/' ? run_len(s, url_signs) : n;
        }
    }
    return 0;
}

static size_t match_email(struct str s)
{
    size_t local = run_len(s, "._%+-");
    if (local == 0 || local >= s.len || s.p[local] != '@') {
        return 0;
    }
    struct str host = str_sub(s, local + 1, s.len);
    size_t n = run_len(host, ".-");
    return n >= 3 && str_find_char(str_sub(host, 0, n), '.') != SIZE_MAX ? local + 1 + n : 0;
}

/* Class of a whole alphanumeric run, or NULL. */
static const char *class_of_run(struct str s)
{
    if (s.len > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X') &&
        all(str_sub(s, 2, s.len), is_hex)) {
        return s.len == 42 ? "<addr_evm>" : s.len >= 60 ? "<txid>" : NULL;
    }
    if (s.len == 64 && all(s, is_hex)) {
        return "<txid>";
    }
    if (s.len == 34 && s.p[0] == 'T' && all(s, is_base58)) {
        return "<addr_tron>";
    }
    if (s.len >= 26 && s.len <= 62 &&
        (starts_nocase(s, STR("bc1")) ||
         ((s.p[0] == '1' || s.p[0] == '3') && s.len <= 35 && all(s, is_base58))) &&
        any(s, is_digit) && any(s, is_alpha)) {
        return "<addr_btc>";
    }
    if (s.len >= 32 && any(s, is_digit) && any(s, is_alpha)) {
        return s.len > 60 ? "<txid>" : "<addr>";
    }
    return NULL;
}

/* "1,234.50", "100": a number of three digits or more, or with a fraction. Shorter ones carry meaning (2fa, 24 hours, trc 20). */
static size_t match_number(struct str s, const char **class_out)
{
    size_t n = 0;
    size_t digits = 0;
    bool has_point = false;
    while (n < s.len && (is_digit(s.p[n]) || ((s.p[n] == ',' || s.p[n] == '.') && n > 0 &&
                                              n + 1 < s.len && is_digit(s.p[n + 1])))) {
        digits += is_digit(s.p[n]);
        has_point = has_point || s.p[n] == '.';
        n++;
    }
    if (digits == 0 || (digits < 3 && !has_point)) {
        return 0;
    }
    *class_out = digits >= 8 && !has_point ? "<number>" : "<amount>";
    return n;
}

static size_t match_class(struct str s, const char **class_out)
{
    size_t n = match_url(s);
    if (n > 0) {
        *class_out = "<url>";
        return n;
    }
    n = match_email(s);
    if (n > 0) {
        *class_out = "<email>";
        return n;
    }
    n = run_len(s, "");
    *class_out = class_of_run(str_sub(s, 0, n));
    if (*class_out != NULL) {
        return n;
    }
    return match_number(s, class_out);
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

static void put_char(struct out *o, struct str s, size_t next, uint32_t c)
{
    char bytes[4];
    if (is_kept(c)) {
        uint32_t folded = normalise_simplified((uint32_t)utf8proc_tolower((utf8proc_int32_t)c));
        out_put(o, bytes, utf8_put(folded, bytes));
        return;
    }
    bool between_letters = o->len > 0 && !o->wants_space && next < s.len && is_alpha(s.p[next]);
    if (is_apostrophe(c) && between_letters) {
        return;
    }
    bool hyphen_of_standard = c == '-' && !o->wants_space && o->len > 0 &&
                              is_alpha(o->p[o->len - 1]) && next < s.len && is_digit(s.p[next]);
    if (!hyphen_of_standard) {
        o->wants_space = true;
    }
}

struct str normalise_text(struct arena *arena, struct str text)
{
    struct str s = nfkc(arena, text);
    /* The longest that one byte can become is a class word: 11 bytes; class words replace at least 3 bytes, characters at most 1 -> 3. */
    struct out o = {.p = arena_alloc(arena, s.len * 4 + 16)};
    bool at_word_start = true;
    for (size_t at = 0; at < s.len;) {
        struct str rest = str_sub(s, at, s.len);
        const char *class_word = NULL;
        size_t n = at_word_start && (is_alpha(rest.p[0]) || is_digit(rest.p[0]))
                       ? match_class(rest, &class_word)
                       : 0;
        if (n > 0) {
            out_put(&o, class_word, strlen(class_word));
            at += n;
            at_word_start = true; /* "100usdt": the unit is looked at by itself */
            continue;
        }
        uint32_t c = utf8_next(s, &at);
        put_char(&o, s, at, c);
        at_word_start = !(c < 0x80 && (is_alpha((char)c) || is_digit((char)c)));
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
