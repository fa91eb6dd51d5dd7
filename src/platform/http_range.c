#include "platform/http_range.h"

/* Digits only: no sign, no space; false when there are none or too many. */
static bool parse_number(struct str s, int64_t *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.len > 0 && str_to_i64(s, out);
}

enum http_range http_range_parse(struct str header, int64_t size, int64_t *from_out,
                                 int64_t *len_out)
{
    struct str unit = STR("bytes=");
    size_t dash = str_find_char(header, '-');
    if (!str_eq_nocase(str_sub(header, 0, unit.len), unit) || dash == SIZE_MAX) {
        return HTTP_RANGE_NONE;
    }
    struct str first = str_sub(header, unit.len, dash > unit.len ? dash - unit.len : 0);
    struct str last = str_sub(header, dash + 1, header.len);
    int64_t from = 0, to = size - 1, n = 0;
    if (first.len == 0) { /* the last n bytes */
        if (!parse_number(last, &n)) {
            return HTTP_RANGE_NONE;
        }
        from = n < size ? size - n : 0;
        if (n == 0) {
            return HTTP_RANGE_OUTSIDE;
        }
    } else {
        if (!parse_number(first, &from) || (last.len > 0 && !parse_number(last, &to)) ||
            (last.len > 0 && to < from)) {
            return HTTP_RANGE_NONE;
        }
        to = to < size ? to : size - 1;
    }
    if (from >= size) {
        return HTTP_RANGE_OUTSIDE;
    }
    *from_out = from;
    *len_out = to - from + 1;
    return HTTP_RANGE_PART;
}
