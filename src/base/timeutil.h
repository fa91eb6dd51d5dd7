/* Time: UTC milliseconds since 1970 as int64_t, named `_at`; spans are `_ms`. Code above platform gets a clock from its deps. */
#ifndef BASE_TIMEUTIL_H
#define BASE_TIMEUTIL_H

#include "base/err.h"

#define TIME_SECOND_MS 1000LL
#define TIME_MINUTE_MS 60000LL
#define TIME_HOUR_MS 3600000LL
#define TIME_DAY_MS 86400000LL
#define TIME_TEXT_MAX 32

/* A clock as a value: tests move it by hand. */
struct clock {
    int64_t (*now)(void *arg);
    void *arg;
};

int64_t clock_now(const struct clock *c);
struct clock clock_system(void);
int64_t time_monotonic_ns(void);

/* RFC 3339 "2026-11-22T17:30:39.123Z". */
size_t time_format(int64_t at, char out[TIME_TEXT_MAX]);
ERR_MUST_USE enum err time_parse(struct str s, int64_t *at_out); /* RFC 3339 with Z or offset */

struct civil {
    int year, month, day, hour, minute, second, ms; /* month 1-12 */
    int weekday;                                    /* 0 = Sunday */
};
struct civil time_to_civil(int64_t at);
int64_t time_from_civil(const struct civil *c);

/* Zones by IANA name, read from the system's zoneinfo (TZif). Cached, thread-safe; ERR_NOT_FOUND for unknown or unsafe names. */
struct zone;
ERR_MUST_USE enum err zone_load(struct str name, const struct zone **out);
/* Reads the bytes of a TZif file (version 2 or later); ERR_PROTOCOL when broken. zone_load is what callers want; this is for tests. The zone is
 * freed by zone_free. */
ERR_MUST_USE enum err zone_decode(struct str file, struct zone **out);
void zone_free(struct zone **zone);
int32_t zone_offset_s(const struct zone *z, int64_t at); /* seconds east of UTC at that instant */

#endif
