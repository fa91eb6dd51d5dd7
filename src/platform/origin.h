/* May a page of this origin open a socket to us? */
#ifndef PLATFORM_ORIGIN_H
#define PLATFORM_ORIGIN_H

#include "base/str.h"

/* `allowed`: origins separated by spaces or commas ("https://exchange.example"), exact; NULL: none. Our own host with the scheme we are reached by is always
 * fine. No Origin header (not a browser) is fine too: such a caller cannot borrow anybody's cookies. */
bool origin_is_allowed(struct str origin, struct str host, bool is_tls, const char *allowed);

#endif
