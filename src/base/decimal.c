/* 128-bit coefficients; every step checks for overflow. Division makes its digits one by one, so that the numerator never has to be
 * widened: r*10 is done as ten modular additions (38 digits times ten does not fit in 128 bits). */
#include "base/decimal.h"

__extension__ typedef unsigned __int128 u128;

#define MAX_DIGITS 38

static u128 pow10_u(int n)
{
    u128 v = 1;
    while (n-- > 0) {
        v *= 10;
    }
    return v;
}

static u128 magnitude(struct decimal d)
{
    return d.coefficient < 0 ? (u128)0 - (u128)d.coefficient : (u128)d.coefficient;
}

static bool fits(u128 m)
{
    return m < pow10_u(MAX_DIGITS);
}

static struct decimal make(u128 m, bool negative, int scale)
{
    struct decimal d = {.scale = scale};
    d.coefficient = negative ? -(decimal_int)m : (decimal_int)m;
    return d;
}

enum err decimal_parse(struct str s, struct decimal *out)
{
    bool negative = s.len > 0 && s.p[0] == '-';
    if (negative) {
        s = str_sub(s, 1, s.len);
    }
    size_t point = str_find_char(s, '.');
    size_t n_whole = point == SIZE_MAX ? s.len : point;
    size_t n_fraction = point == SIZE_MAX ? 0 : s.len - point - 1;
    if (n_whole == 0 || (point != SIZE_MAX && n_fraction == 0) || (n_whole > 1 && s.p[0] == '0')) {
        return ERR_INVALID;
    }
    bool too_long = n_fraction > DECIMAL_MAX_SCALE;
    u128 m = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (i == point) {
            continue;
        }
        if (s.p[i] < '0' || s.p[i] > '9') {
            return ERR_INVALID;
        }
        if (!too_long) {
            m = m * 10 + (unsigned char)(s.p[i] - '0');
            too_long = !fits(m);
        }
    }
    if (too_long) {
        return ERR_LIMIT;
    }
    *out = make(m, negative, (int)n_fraction);
    return ERR_OK;
}

size_t decimal_format(struct decimal d, char out[DECIMAL_TEXT_MAX])
{
    char digits[DECIMAL_TEXT_MAX];
    int n = 0;
    u128 m = magnitude(d);
    while (m > 0 || n <= d.scale) {
        digits[n++] = (char)('0' + (int)(m % 10));
        m /= 10;
    }
    size_t len = 0;
    if (d.coefficient < 0) {
        out[len++] = '-';
    }
    for (int i = n - 1; i >= 0; i--) {
        out[len++] = digits[i];
        if (i == d.scale && i > 0) {
            out[len++] = '.';
        }
    }
    out[len] = '\0';
    return len;
}

bool decimal_is_zero(struct decimal d)
{
    return d.coefficient == 0;
}

/* Scales a magnitude up; false when it leaves 128 bits. */
static bool scale_up(u128 *m, int by)
{
    return by <= MAX_DIGITS && !__builtin_mul_overflow(*m, pow10_u(by), m);
}

int decimal_cmp(struct decimal a, struct decimal b)
{
    int sign_a = (a.coefficient > 0) - (a.coefficient < 0);
    int sign_b = (b.coefficient > 0) - (b.coefficient < 0);
    if (sign_a != sign_b) {
        return sign_a < sign_b ? -1 : 1;
    }
    u128 ma = magnitude(a);
    u128 mb = magnitude(b);
    int bigger; /* of the magnitudes */
    if (a.scale < b.scale && !scale_up(&ma, b.scale - a.scale)) {
        bigger = 1;
    } else if (b.scale < a.scale && !scale_up(&mb, a.scale - b.scale)) {
        bigger = -1;
    } else {
        bigger = (ma > mb) - (ma < mb);
    }
    return bigger * sign_a;
}

enum err decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
    int scale = a.scale > b.scale ? a.scale : b.scale;
    decimal_int x;
    decimal_int y;
    decimal_int sum;
    if (__builtin_mul_overflow(a.coefficient, (decimal_int)pow10_u(scale - a.scale), &x) ||
        __builtin_mul_overflow(b.coefficient, (decimal_int)pow10_u(scale - b.scale), &y) ||
        __builtin_add_overflow(x, y, &sum)) {
        return ERR_LIMIT;
    }
    struct decimal d = {.coefficient = sum, .scale = scale};
    if (!fits(magnitude(d))) {
        return ERR_LIMIT;
    }
    *out = d;
    return ERR_OK;
}

enum err decimal_sub(struct decimal a, struct decimal b, struct decimal *out)
{
    b.coefficient = -b.coefficient;
    return decimal_add(a, b, out);
}

static void drop_zeros(u128 *m, int *scale, int *excess)
{
    while (*excess > 0 && *scale > 0 && *m % 10 == 0) {
        *m /= 10;
        (*scale)--;
        (*excess)--;
    }
}

enum err decimal_mul(struct decimal a, struct decimal b, struct decimal *out)
{
    u128 ma = magnitude(a);
    u128 mb = magnitude(b);
    u128 m;
    if (ma == 0 || mb == 0) {
        int scale = a.scale + b.scale;
        *out = make(0, false, scale > DECIMAL_MAX_SCALE ? DECIMAL_MAX_SCALE : scale);
        return ERR_OK;
    }
    int excess = a.scale + b.scale - DECIMAL_MAX_SCALE;
    drop_zeros(&ma, &a.scale, &excess);
    drop_zeros(&mb, &b.scale, &excess);
    if (__builtin_mul_overflow(ma, mb, &m)) {
        return ERR_LIMIT;
    }
    int scale = a.scale + b.scale;
    drop_zeros(&m, &scale, &excess); /* 0.5 x 0.2 */
    if (excess > 0 || !fits(m)) {
        return ERR_LIMIT;
    }
    *out = make(m, (a.coefficient < 0) != (b.coefficient < 0), scale);
    return ERR_OK;
}

/* Rounds magnitude `q` with remainder `r` of divisor `d` (r < d). */
static u128 round_magnitude(u128 q, u128 r, u128 d, enum decimal_rounding rounding)
{
    bool above_half = r > d - r;
    bool half = r == d - r;
    switch (rounding) {
    case DECIMAL_DOWN:
        break;
    case DECIMAL_HALF_UP:
        return q + (above_half || half);
    case DECIMAL_HALF_EVEN:
        return q + (above_half || (half && q % 2 == 1));
    }
    return q;
}

/* n / d with `digits` more decimal digits (negative: fewer). */
static enum err divide(u128 n, u128 d, int digits, enum decimal_rounding rounding, u128 *out)
{
    if (digits < 0 && !scale_up(&d, -digits)) {
        *out = 0; /* the divisor is past 2^128 > 2n: below one half */
        return ERR_OK;
    }
    u128 q = n / d;
    u128 r = n % d;
    for (; digits > 0; digits--) {
        u128 rest = 0;
        unsigned digit = 0;
        for (int i = 0; i < 10; i++) {
            if (rest >= d - r) {
                rest -= d - r;
                digit++;
            } else {
                rest += r;
            }
        }
        r = rest;
        if (__builtin_mul_overflow(q, (u128)10, &q) || __builtin_add_overflow(q, (u128)digit, &q) ||
            !fits(q)) {
            return ERR_LIMIT;
        }
    }
    q = round_magnitude(q, r, d, rounding);
    if (!fits(q)) {
        return ERR_LIMIT;
    }
    *out = q;
    return ERR_OK;
}

enum err decimal_div(struct decimal a, struct decimal b, int scale, enum decimal_rounding rounding,
                     struct decimal *out)
{
    if (b.coefficient == 0 || scale < 0 || scale > DECIMAL_MAX_SCALE) {
        return ERR_INVALID;
    }
    u128 m;
    enum err err = divide(magnitude(a), magnitude(b), scale - a.scale + b.scale, rounding, &m);
    if (err != ERR_OK) {
        return err;
    }
    *out = make(m, (a.coefficient < 0) != (b.coefficient < 0), scale);
    return ERR_OK;
}

enum err decimal_rescale(struct decimal d, int scale, enum decimal_rounding rounding,
                         struct decimal *out)
{
    return decimal_div(d, (struct decimal){.coefficient = 1, .scale = 0}, scale, rounding, out);
}
