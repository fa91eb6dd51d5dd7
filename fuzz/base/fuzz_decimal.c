/* "a b": what parses prints and parses back the same; sums and differences undo each other. */
#include "base/check.h"
#include "base/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(struct str s, struct decimal *out)
{
    if (decimal_parse(s, out) != ERR_OK) {
        return false;
    }
    char text[DECIMAL_TEXT_MAX];
    struct decimal again;
    size_t len = decimal_format(*out, text);
    enum err err = decimal_parse((struct str){text, len}, &again);
    ASSERT(err == ERR_OK && again.coefficient == out->coefficient && again.scale == out->scale);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct str first = {0};
    struct decimal a, b, c, d;
    (void)str_split(&rest, ' ', &first);
    if (!take(first, &a) || !take(rest, &b)) {
        return 0;
    }
    ASSERT(decimal_cmp(a, b) == -decimal_cmp(b, a));
    if (decimal_add(a, b, &c) == ERR_OK && decimal_sub(c, b, &d) == ERR_OK) {
        ASSERT(decimal_cmp(a, d) == 0);
    }
    if (decimal_mul(a, b, &c) == ERR_OK && !decimal_is_zero(b) &&
        decimal_div(c, b, a.scale, DECIMAL_DOWN, &d) == ERR_OK) {
        ASSERT(decimal_cmp(a, d) == 0);
    }
    if (decimal_rescale(a, (int)(size % 19), DECIMAL_HALF_EVEN, &c) == ERR_OK) {
        ASSERT(c.scale == (int)(size % 19));
    }
    return 0;
}
