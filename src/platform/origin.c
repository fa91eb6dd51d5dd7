#include "platform/origin.h"

#include <string.h>

bool origin_is_allowed(struct str origin, struct str host, bool is_tls, const char *allowed)
{
    if (str_is_empty(origin)) {
        return true;
    }
    struct str scheme = is_tls ? STR("https://") : STR("http://");
    if (!str_is_empty(host) && str_starts(origin, scheme) &&
        str_eq_nocase(str_sub(origin, scheme.len, origin.len), host)) {
        return true;
    }
    struct str rest = str_from(allowed);
    while (rest.len > 0) {
        size_t n = 0;
        while (n < rest.len && rest.p[n] != ' ' && rest.p[n] != ',') {
            n++;
        }
        if (n > 0 && str_eq_nocase(origin, str_sub(rest, 0, n))) {
            return true;
        }
        rest = str_sub(rest, n + 1, rest.len);
    }
    return false;
}
