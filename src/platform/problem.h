/* RFC 9457 problem documents: how `enum err` and struct errinfo leave the house. One table, so that the same failure looks the same everywhere. */
#ifndef PLATFORM_PROBLEM_H
#define PLATFORM_PROBLEM_H

#include "base/err.h"
#include "base/json.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* HTTP status of a failure. `info->code` refines it: too_large 413, rate_limited 429, version_mismatch 412, if_match_required 428,
 * unsupported_media_type 415, method_not_allowed 405, upgrade_required 426,
 * request_timeout 408, idempotency_mismatch 422, events_pruned 410. */
int problem_status(enum err err, const struct errinfo *info);
/* Whole seconds for Retry-After, rounded up: the wait that `info` tells; 1 for a 429 or 503 that tells none; 0: no such header. */
int64_t problem_retry_after_s(int status, const struct errinfo *info);
const char *problem_title(int status); /* "Not Found"; "Error" when unknown */
/* The members of a problem object into an open writer, as one whole object: type, title, status, code, detail, errors, request_id.
 * ERR_INTERNAL never tells its detail. `request_id` 0: left out (socket frames). */
void problem_write(struct json_writer *w, int status, enum err err, const struct errinfo *info,
                   uint64_t request_id);

#endif
