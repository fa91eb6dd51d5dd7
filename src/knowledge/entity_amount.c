/* Digits are kept as text and the decimal point is moved, so that no sum is ever rounded. */
#include "knowledge/entity_internal.h"

#include "base/check.h"

#define MAX_DIGITS 36

struct number {
    char digits[MAX_DIGITS];
    size_t n;
    size_t n_fraction; /* of them behind the point */
};

static bool is_digit(const struct chars *t, size_t at)
{
    return at < t->n && t->ascii[at] >= '0' && t->ascii[at] <= '9';
}

static size_t n_digits(const struct chars *t, size_t at)
{
    size_t n = 0;
    while (is_digit(t, at + n)) {
        n++;
    }
    return n;
}

static bool push(struct number *number, const struct chars *t, size_t at, size_t n)
{
    if (number->n + n > MAX_DIGITS) {
        return false;
    }
    memcpy(number->digits + number->n, t->ascii + at, n);
    number->n += n;
    return true;
}

/* "1234.5", "1,234.50", "0,5": a comma is the point when it stands alone before other than three digits. */
static size_t read_number(const struct chars *t, size_t at, struct number *out)
{
    *out = (struct number){0};
    size_t i = at;
    size_t n = n_digits(t, i);
    if (n == 0 || !push(out, t, i, n)) {
        return 0;
    }
    i += n;
    bool has_groups = false;
    while (n <= 3 && i < t->n && t->ascii[i] == ',' && n_digits(t, i + 1) == 3) {
        if (!push(out, t, i + 1, 3)) {
            return 0;
        }
        has_groups = true;
        i += 4;
    }
    bool is_point = i < t->n && (t->ascii[i] == '.' || (t->ascii[i] == ',' && !has_groups));
    n = is_point ? n_digits(t, i + 1) : 0;
    if (n > 0) {
        if (!push(out, t, i + 1, n)) {
            return 0;
        }
        out->n_fraction = n;
        i += n + 1;
        /* 1.2.3 is a version, an address of a machine, a date: no sum. */
        if (i < t->n && t->ascii[i] == '.' && is_digit(t, i + 1)) {
            return 0;
        }
    }
    return i - at;
}

static bool shift(struct number *number, size_t places)
{
    for (; places > 0 && number->n_fraction > 0; places--) {
        number->n_fraction--;
    }
    if (number->n + places > MAX_DIGITS) {
        return false;
    }
    memset(number->digits + number->n, '0', places);
    number->n += places;
    return true;
}

static struct str format(const struct number *number, struct arena *arena)
{
    size_t n_whole = number->n - number->n_fraction;
    size_t from = 0;
    size_t n_fraction = number->n_fraction;
    while (from + 1 < n_whole && number->digits[from] == '0') {
        from++;
    }
    while (n_fraction > 0 && number->digits[n_whole + n_fraction - 1] == '0') {
        n_fraction--;
    }
    return str_printf(arena, "%.*s%s%.*s", (int)(n_whole - from), number->digits + from,
                      n_fraction > 0 ? "." : "", (int)n_fraction, number->digits + n_whole);
}

/* Thousands and their like. Latin ones only where a coin follows or nothing ("2k", "3w u"). */
static size_t multiplier(const struct chars *t, size_t at, size_t *places_out)
{
    static const struct {
        struct str text;
        size_t places;
    } words[] = {{STR_INIT("百万"), 6}, {STR_INIT("千万"), 7},     {STR_INIT("万"), 4},
                 {STR_INIT("千"), 3},   {STR_INIT("亿"), 8},       {STR_INIT("million"), 6},
                 {STR_INIT("mil"), 6},  {STR_INIT("thousand"), 3}, {STR_INIT("k"), 3},
                 {STR_INIT("w"), 4}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t n = chars_match(t, at, words[i].text);
        struct str code;
        if (n == 0) {
            continue;
        }
        bool is_han = (words[i].text.p[0] & 0x80) != 0;
        if (is_han || !chars_is_word(t, at + n) || entity_coin(t, at + n, true, &code) > 0) {
            *places_out = words[i].places;
            return n;
        }
    }
    return 0;
}

static size_t currency_sign(const struct chars *t, size_t at, struct str *code_out)
{
    static const struct {
        uint32_t c;
        struct str code;
    } signs[] = {{'$', STR_INIT("USD")},
                 {0xA5, STR_INIT("CNY")},
                 {0x20AC, STR_INIT("EUR")},
                 {0xA3, STR_INIT("GBP")}};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (at < t->n && t->c[at] == signs[i].c) {
            *code_out = signs[i].code;
            return 1;
        }
    }
    return 0;
}

/* "个", "枚": counting words between number and coin. */
static size_t counting_word(const struct chars *t, size_t at)
{
    struct str code;
    size_t n = chars_match(t, at, STR("个")) + chars_match(t, at, STR("枚"));
    return n > 0 && entity_coin(t, entity_skip_spaces(t, at + n), true, &code) > 0 ? n : 0;
}

size_t entity_amount(const struct chars *t, size_t at, struct arena *arena, struct str *value_out,
                     struct str *unit_out, bool *has_unit_out)
{
    struct number number;
    struct str unit = {0};
    size_t places = 0;
    size_t i = at;
    size_t n_sign = currency_sign(t, i, &unit);
    i = entity_skip_spaces(t, i + n_sign);
    size_t n = read_number(t, i, &number);
    if (n == 0 || (n_sign == 0 && i != at)) {
        return 0;
    }
    i += n;
    size_t after = entity_skip_spaces(t, i);
    size_t n_times = multiplier(t, after, &places);
    i = n_times > 0 ? after + n_times : i;
    after = entity_skip_spaces(t, i);
    after = entity_skip_spaces(t, after + counting_word(t, after));
    size_t n_coin = entity_coin(t, after, true, &unit);
    i = n_coin > 0 ? after + n_coin : i;
    /* "2fa", "24h", "3rd", "50%": the number is part of something else. */
    if (chars_is_word(t, i) || (i < t->n && t->ascii[i] == '%') || !shift(&number, places)) {
        return 0;
    }
    *value_out = format(&number, arena);
    *unit_out = unit;
    *has_unit_out = n_coin > 0 || n_sign > 0 || n_times > 0;
    return i - at;
}
