/* Judges JSON text without building anything: RFC 8259 grammar to the letter, valid UTF-8, no NUL (raw or escaped), surrogate escapes in pairs,
 * depth <= JSON_MAX_DEPTH. Private to base. ERR_INVALID (code "json", "utf8", "nul") or ERR_LIMIT (code "depth"); the message names the offset. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include "base/err.h"

ERR_MUST_USE enum err json_scan(struct str text, struct errinfo *info);

#endif
