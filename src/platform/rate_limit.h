/* Token buckets per client address and class, and connections per address. Any thread. Memory is bounded whatever strangers send:
 * the table has a fixed number of places in small groups; a newcomer in a full group takes the place that was idle longest. */
#ifndef PLATFORM_RATE_LIMIT_H
#define PLATFORM_RATE_LIMIT_H

#include "platform/proxy.h"

#define RATE_CLASSES 3

struct rate_limit;
/* Per second and burst for class 0; class 1 (costly) gets a tenth, class 2 (cheap) four times that. per_s 0: no limit. */
struct rate_limit *rate_limit_new(int per_s, int burst, size_t max_connections_per_ip);
void rate_limit_free(struct rate_limit **r);
/* Takes a token; false when there is none, then *retry_s_out is when there will be. IPv6 counts by /64. */
bool rate_limit_take(struct rate_limit *r, const struct ip *ip, int rate_class, int64_t now_ms,
                     int *retry_s_out);
/* Connections of one address: enter says no at the cap (0: no cap); each yes needs its leave. Exact; bounded by the server's connections. */
bool rate_limit_enter(struct rate_limit *r, const struct ip *ip);
void rate_limit_leave(struct rate_limit *r, const struct ip *ip);

#endif
