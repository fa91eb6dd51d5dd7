/* Range requests (RFC 9110 section 14): one range of bytes of a file, so that an interrupted download goes on where it stopped. Several ranges at once are answered by
 * the whole file, which the RFC allows. Pure. */
#ifndef PLATFORM_HTTP_RANGE_H
#define PLATFORM_HTTP_RANGE_H

#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum http_range {
    HTTP_RANGE_NONE,    /* no header, not understood, or several: the whole */
    HTTP_RANGE_PART,    /* *from_out and *len_out, len > 0 */
    HTTP_RANGE_OUTSIDE, /* nothing of it is there: 416 */
};
/* `header`: "bytes=0-499", "bytes=500-", "bytes=-200". */
enum http_range http_range_parse(struct str header, int64_t size, int64_t *from_out,
                                 int64_t *len_out);

#endif
