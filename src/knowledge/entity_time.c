/* Only what can be said without a clock: the reader knows when the message was written, and what "yesterday" means there. */
#include "knowledge/entity_internal.h"

#include "base/check.h"

size_t entity_skip_spaces(const struct chars *t, size_t at)
{
    while (at < t->n && t->ascii[at] == ' ') {
        at++;
    }
    return at;
}

size_t entity_digits(const struct chars *t, size_t at, size_t max, uint32_t *out)
{
    size_t n = 0;
    *out = 0;
    while (at + n < t->n && n < max && t->ascii[at + n] >= '0' && t->ascii[at + n] <= '9') {
        *out = *out * 10 + (uint32_t)(t->ascii[at + n] - '0');
        n++;
    }
    return n;
}

static bool is_ascii(const struct chars *t, size_t at, const char *any_of)
{
    return at < t->n && t->ascii[at] != '\0' && strchr(any_of, t->ascii[at]) != NULL;
}

static bool is_char(const struct chars *t, size_t at, const char *folded)
{
    return at < t->n && chars_match(t, at, str_from(folded)) > 0;
}

/* "一".."十", "两", "半" is 0 with *is_half_out. */
static size_t han_number(const struct chars *t, size_t at, uint32_t *out, bool *is_half_out)
{
    static const char *const numbers[] = {"半", "一", "二", "三", "四", "五",
                                          "六", "七", "八", "九", "十", "两"};
    for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (is_char(t, at, numbers[i])) {
            *is_half_out = i == 0;
            *out = i == 11 ? 2 : i;
            return 1;
        }
    }
    return 0;
}

static size_t latin_number(const struct chars *t, size_t at, uint32_t *out)
{
    static const struct str numbers[] = {STR_INIT("a"),     STR_INIT("one"),   STR_INIT("two"),
                                         STR_INIT("three"), STR_INIT("four"),  STR_INIT("five"),
                                         STR_INIT("six"),   STR_INIT("seven"), STR_INIT("eight"),
                                         STR_INIT("nine"),  STR_INIT("ten"),   STR_INIT("an")};
    for (uint32_t i = 0; i < ARRAY_LEN(numbers); i++) {
        size_t n = entity_word_at(t, at, numbers[i]);
        if (n > 0) {
            *out = i == 0 || i == 11 ? 1 : i;
            return n;
        }
    }
    return 0;
}

/* Behind the hour of "15点20分", "3点半". `at` is behind 点. */
static size_t han_minutes(const struct chars *t, size_t at, uint32_t *m_out)
{
    uint32_t m;
    size_t n = entity_digits(t, at, 2, &m);
    if (n > 0 && m < 60) {
        *m_out = m;
        return n + (is_char(t, at + n, "分") ? 1 : 0);
    }
    if (is_char(t, at, "半")) {
        *m_out = 30;
        return 1;
    }
    return 0;
}

/* Behind the hour of "14:05", "14:05:30", "2:30 pm". 0: no such thing. */
static size_t colon_minutes(const struct chars *t, size_t at, uint32_t *m_out, uint32_t *add_out)
{
    uint32_t s;
    size_t i = at + 3;
    if (!is_ascii(t, at, ":") || entity_digits(t, at + 1, 2, m_out) != 2 || *m_out > 59) {
        return 0;
    }
    i += is_ascii(t, i, ":") && entity_digits(t, i + 1, 2, &s) == 2 && s < 60 ? 3 : 0;
    size_t after = entity_skip_spaces(t, i);
    bool is_pm = entity_word_at(t, after, STR("pm")) > 0;
    if (is_pm || entity_word_at(t, after, STR("am")) > 0) {
        *add_out = is_pm ? 12 : 0;
        i = after + 2;
    }
    return i - at;
}

/* "下午": two characters; *add_out to hours below 12. */
static size_t part_of_day(const struct chars *t, size_t at, uint32_t *add_out)
{
    static const struct {
        struct str text;
        uint32_t add;
    } parts[] = {{STR_INIT("上午"), 0}, {STR_INIT("早上"), 0},  {STR_INIT("凌晨"), 0},
                 {STR_INIT("中午"), 0}, {STR_INIT("下午"), 12}, {STR_INIT("晚上"), 12}};
    for (size_t p = 0; p < ARRAY_LEN(parts); p++) {
        size_t n = chars_match(t, at, parts[p].text);
        if (n > 0) {
            *add_out = parts[p].add;
            return n;
        }
    }
    return 0;
}

/* "14:05", "2:30 pm", "下午3点半", "15点20分". */
static size_t clock_time(const struct chars *t, size_t at, uint32_t *h_out, uint32_t *m_out)
{
    uint32_t add = 0;
    uint32_t h;
    uint32_t m = 0;
    bool is_half = false;
    size_t i = at < t->n ? at + part_of_day(t, at, &add) : at;
    size_t n = entity_digits(t, i, 2, &h);
    n = n > 0 ? n : han_number(t, i, &h, &is_half);
    i += n;
    if (n == 0 || is_half || h > 23) {
        return 0;
    }
    if (is_char(t, i, "点") || is_char(t, i, "时")) {
        i += 1 + han_minutes(t, i + 1, &m);
    } else {
        n = colon_minutes(t, i, &m, &add);
        i += n;
    }
    if (n == 0 || chars_is_word(t, i)) {
        return 0;
    }
    *h_out = h < 12 ? h + add : h;
    *m_out = m;
    return i - at;
}

/* "2026-11-22", "2026/1/2", "2026年11月22日", "11月22号". Year 0: not said. */
static size_t date(const struct chars *t, size_t at, uint32_t *y, uint32_t *m, uint32_t *d)
{
    size_t i = at;
    size_t n = entity_digits(t, i, 4, y);
    bool has_year =
        n == 4 && *y >= 1990 && *y < 2100 && (is_ascii(t, i + 4, "-/.") || is_char(t, i + 4, "年"));
    char sign = has_year && i + 4 < t->n ? t->ascii[i + 4] : '\0';
    i += has_year ? 5 : 0;
    *y = has_year ? *y : 0;
    n = entity_digits(t, i, 2, m);
    if (n == 0 || *m < 1 || *m > 12) {
        return 0;
    }
    i += n;
    bool is_han = sign == '\0' && is_char(t, i, "月");
    if (!is_han && (sign == '\0' || i >= t->n || t->ascii[i] != sign)) {
        return 0;
    }
    i++;
    n = entity_digits(t, i, 2, d);
    if (n == 0 || *d < 1 || *d > 31) {
        return 0;
    }
    i += n;
    if (is_han && (is_char(t, i, "日") || is_char(t, i, "号"))) {
        i++;
    }
    return is_ascii(t, i, "0123456789") ? 0 : i - at;
}

static size_t date_and_clock(const struct chars *t, size_t at, struct arena *arena,
                             struct str *value_out)
{
    uint32_t y;
    uint32_t mo;
    uint32_t d;
    uint32_t h;
    uint32_t mi;
    size_t n = date(t, at, &y, &mo, &d);
    if (n == 0) {
        n = clock_time(t, at, &h, &mi);
        if (n > 0) {
            *value_out = str_printf(arena, "T%02u:%02u", h, mi);
        }
        return n;
    }
    size_t after = at + n;
    after += is_ascii(t, after, "Tt") ? 1 : 0;
    after = entity_skip_spaces(t, after);
    size_t n_clock = clock_time(t, after, &h, &mi);
    struct str day = y != 0 ? str_printf(arena, "%04u-%02u-%02u", y, mo, d)
                            : str_printf(arena, "--%02u-%02u", mo, d);
    if (n_clock == 0) {
        *value_out = day;
        return chars_is_word(t, at + n) ? 0 : n;
    }
    *value_out = str_printf(arena, STR_FMT "T%02u:%02u", STR_ARG(day), h, mi);
    return after + n_clock - at;
}

/* "2 hours ago", "for 3 days", "两小时前", "半小时". */
static size_t span(const struct chars *t, size_t at, struct arena *arena, struct str *value_out)
{
    uint32_t number;
    bool is_half = false;
    struct str unit = {0};
    size_t i = at;
    size_t n = entity_digits(t, i, 4, &number);
    n = n > 0 ? n : han_number(t, i, &number, &is_half);
    n = n > 0 ? n : latin_number(t, i, &number);
    if (n == 0) {
        return 0;
    }
    i = entity_skip_spaces(t, i + n);
    i += is_char(t, i, "多") || is_char(t, i, "几") ? 1 : 0;
    n = entity_time_unit(t, i, &unit);
    if (n == 0 || (is_half && !str_eq(unit, STR("TH")))) {
        return 0;
    }
    i += n;
    size_t after = entity_skip_spaces(t, i);
    static const struct str past[] = {STR_INIT("ago"), STR_INIT("before"), STR_INIT("之前"),
                                      STR_INIT("以前"), STR_INIT("前")};
    const char *minus = "";
    for (size_t p = 0; p < ARRAY_LEN(past) && minus[0] == '\0'; p++) {
        size_t n_past = entity_word_at(t, after, past[p]);
        if (n_past > 0) {
            minus = "-";
            i = after + n_past;
        }
    }
    bool is_part_of_day = unit.len == 2;
    *value_out = is_half ? str_printf(arena, "%sPT30M", minus)
                         : str_printf(arena, "%sP%s%u%c", minus, is_part_of_day ? "T" : "", number,
                                      unit.p[unit.len - 1]);
    return i - at;
}

size_t entity_time(const struct chars *t, size_t at, struct arena *arena, struct str *value_out)
{
    size_t n = date_and_clock(t, at, arena, value_out);
    if (n > 0) {
        return n;
    }
    n = span(t, at, arena, value_out);
    return n > 0 ? n : entity_day(t, at, value_out);
}
