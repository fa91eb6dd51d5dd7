/* By shape only: checksums do not matter for matching texts, and an address with a typing error is still one. */
#include "knowledge/shapes.h"

#include <string.h>

#include "base/check.h"

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

/* Of a whole alphanumeric run. */
static enum shape shape_of_run(struct str s)
{
    if (s.len > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X') &&
        all(str_sub(s, 2, s.len), is_hex)) {
        return s.len == 42 ? SHAPE_ADDR_EVM : s.len >= 60 ? SHAPE_TXID : SHAPE_NONE;
    }
    if (s.len == 64 && all(s, is_hex)) {
        return SHAPE_TXID;
    }
    if (s.len == 34 && s.p[0] == 'T' && all(s, is_base58)) {
        return SHAPE_ADDR_TRON;
    }
    if (s.len >= 26 && s.len <= 62 &&
        (starts_nocase(s, STR("bc1")) ||
         ((s.p[0] == '1' || s.p[0] == '3') && s.len <= 35 && all(s, is_base58))) &&
        any(s, is_digit) && any(s, is_alpha)) {
        return SHAPE_ADDR_BTC;
    }
    if (s.len >= 32 && any(s, is_digit) && any(s, is_alpha)) {
        return s.len > 60 ? SHAPE_TXID : SHAPE_ADDR;
    }
    return SHAPE_NONE;
}

/* "1,234.50", "100": a number of three digits or more, or with a fraction. Shorter ones carry meaning (2fa, 24 hours, trc 20). */
static size_t match_number(struct str s, enum shape *out)
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
    *out = digits >= 8 && !has_point ? SHAPE_NUMBER : SHAPE_AMOUNT;
    return n;
}

size_t shape_match(struct str s, enum shape *out)
{
    size_t n = match_url(s);
    if (n > 0) {
        *out = SHAPE_URL;
        return n;
    }
    n = match_email(s);
    if (n > 0) {
        *out = SHAPE_EMAIL;
        return n;
    }
    n = run_len(s, "");
    *out = shape_of_run(str_sub(s, 0, n));
    return *out != SHAPE_NONE ? n : match_number(s, out);
}

struct str shape_word(enum shape shape)
{
    static const struct str words[SHAPE_COUNT] = {
        STR_INIT(""),           STR_INIT("<url>"),       STR_INIT("<email>"),
        STR_INIT("<addr_evm>"), STR_INIT("<addr_tron>"), STR_INIT("<addr_btc>"),
        STR_INIT("<addr>"),     STR_INIT("<txid>"),      STR_INIT("<amount>"),
        STR_INIT("<number>")};
    return words[shape];
}
