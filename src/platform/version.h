/* Optimistic locking in one place: what people edit together has a version that rises with each change; who changes it says which one they have seen.
 *
 * At the edge request_version (http.h) makes a number of If-Match; the service compares it in the transaction that changes the row. */
#ifndef PLATFORM_VERSION_H
#define PLATFORM_VERSION_H

#include "base/err.h"

#define VERSION_ANY (-1) /* If-Match: *, and work of the program itself */

/* ERR_CONFLICT code version_mismatch (HTTP 412) when somebody was faster. */
ERR_MUST_USE enum err version_check(int64_t seen, int64_t present, struct errinfo *info);

#endif
