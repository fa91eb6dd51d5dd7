/* Exact decimals for amounts and prices: value = coefficient x 10^-scale. Never floating point.
 * Range: 38 significant digits, scale 0..18 (18 is what ERC-20 tokens use). Overflow and inexact division are errors, not surprises. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/err.h"

#define DECIMAL_MAX_SCALE 18
#define DECIMAL_TEXT_MAX 48

__extension__ typedef __int128 decimal_int;

struct decimal {
    decimal_int coefficient;
    int scale;
};

enum decimal_rounding { DECIMAL_DOWN, DECIMAL_HALF_UP, DECIMAL_HALF_EVEN };

/* "-12.3400" keeps scale 4. No exponent, no spaces, no plus, no leading dot. */
ERR_MUST_USE enum err decimal_parse(struct str s, struct decimal *out);
/* Plain notation with exactly `scale` digits after the point; returns the length. */
size_t decimal_format(struct decimal d, char out[DECIMAL_TEXT_MAX]);
int decimal_cmp(struct decimal a, struct decimal b);
bool decimal_is_zero(struct decimal d);
ERR_MUST_USE enum err decimal_add(struct decimal a, struct decimal b, struct decimal *out);
ERR_MUST_USE enum err decimal_sub(struct decimal a, struct decimal b, struct decimal *out);
ERR_MUST_USE enum err
decimal_mul(struct decimal a, struct decimal b,
            struct decimal *out); /* ERR_LIMIT if scale > 18 would be needed */
ERR_MUST_USE enum err decimal_div(struct decimal a, struct decimal b, int scale,
                                  enum decimal_rounding r, struct decimal *out);
ERR_MUST_USE enum err decimal_rescale(struct decimal d, int scale, enum decimal_rounding r,
                                      struct decimal *out);

#endif
