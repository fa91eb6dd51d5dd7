/* Whole check, check in two pieces and decoding agree; a valid text written again gives the same bytes; a cut stays valid. */
#include "base/check.h"
#include "base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = {(const char *)data, size};
    bool valid = utf8_is_valid(s);
    size_t cut = size ? data[0] % (size + 1) : 0;
    uint32_t state = 0;
    bool parts = utf8_check_part(str_sub(s, 0, cut), &state) &&
                 utf8_check_part(str_sub(s, cut, size), &state) && state == 0;
    ASSERT(parts == valid);
    bool bad = false;
    size_t n = 0;
    for (size_t at = 0; at < size; n++) {
        size_t from = at;
        uint32_t cp = utf8_next(s, &at);
        char text[4];
        size_t len = utf8_put(cp, text);
        bool same = len == at - from && memcmp(text, s.p + from, len) == 0;
        bad = bad || !same;
        (void)utf8_is_alnum(cp);
        (void)utf8_is_cjk(cp);
        ASSERT(utf8_lower(utf8_lower(cp)) == utf8_lower(cp));
    }
    ASSERT(bad == !valid);
    ASSERT(utf8_count(s) == n);
    ASSERT(!valid || utf8_is_valid(utf8_cut(s, cut)));
    return 0;
}
