/* Text codecs: hex, base64 (standard and URL-safe), base32 (RFC 4648), percent-encoding, HTML escaping. Decoders are strict. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct str codec_hex(struct arena *arena, const void *p, size_t len);
ERR_MUST_USE enum err codec_unhex(struct arena *arena, struct str s, struct str *out);
struct str codec_base64(struct arena *arena, const void *p, size_t len);
struct str codec_base64url(struct arena *arena, const void *p, size_t len); /* no padding */
ERR_MUST_USE enum err codec_unbase64(struct arena *arena, struct str s, struct str *out);
ERR_MUST_USE enum err codec_unbase64url(struct arena *arena, struct str s, struct str *out);
struct str codec_base32(struct arena *arena, const void *p,
                        size_t len); /* no padding, upper case */
ERR_MUST_USE enum err codec_unbase32(struct arena *arena, struct str s, struct str *out);
/* Percent-decoding of one path segment or query value; `plus_is_space` for queries. ERR_INVALID on a bad escape, NUL or bad UTF-8. */
ERR_MUST_USE enum err codec_unpercent(struct arena *arena, struct str s, bool plus_is_space,
                                      struct str *out);
struct str codec_percent(struct arena *arena, struct str s);
enum err codec_html_escape(struct buf *out, struct str s); /* & < > " ' */

#endif
