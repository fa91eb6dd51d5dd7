/* UTF-8, strict (RFC 3629: no overlong forms, no surrogates, max U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/str.h"

bool utf8_is_valid(struct str s);
/* Streaming check for text that comes in pieces: *state starts at 0; false as soon as it cannot become valid; *state is 0 at a whole character. */
bool utf8_check_part(struct str s, uint32_t *state);
/* Next code point at *at (advanced); 0xFFFD and one byte on a bad sequence. Call while *at < s.len. */
uint32_t utf8_next(struct str s, size_t *at);
/* Writes 1-4 bytes, returns how many. */
size_t utf8_put(uint32_t code_point, char out[4]);
size_t utf8_count(struct str s); /* code points */
/* Longest prefix of at most `max_bytes` that ends on a whole code point. */
struct str utf8_cut(struct str s, size_t max_bytes);
bool utf8_is_cjk(uint32_t code_point); /* Han ideographs incl. extensions A-H and compatibility */
bool utf8_is_space(uint32_t code_point);
bool utf8_is_alnum(uint32_t code_point); /* Latin, Greek, Cyrillic letters and digits; not CJK */
uint32_t
utf8_lower(uint32_t code_point); /* simple case folding for Latin, Greek, Cyrillic, full-width */

#endif
