/* Who is really calling: peers that are trusted proxies may name the client in X-Forwarded-For; nobody else may.
 * Read from the right: each trusted hop vouches for the one before it; the first address that is not a trusted hop is the client. */
#ifndef PLATFORM_PROXY_H
#define PLATFORM_PROXY_H

#include "base/err.h"

/* IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct ip {
    uint8_t b[16];
};
#define IP_TEXT_MAX 46

bool ip_parse(struct str text,
              struct ip *out); /* "1.2.3.4", "::1", "[::1]", "1.2.3.4:80", "[::1]:80" */
struct str ip_format(const struct ip *ip, char out[IP_TEXT_MAX]);

struct proxies;
/* "10.0.0.0/8, 127.0.0.1, fd00::/8"; NULL or empty: nobody is trusted. */
ERR_MUST_USE enum err proxies_parse(const char *list, struct proxies **out, struct errinfo *info);
void proxies_free(struct proxies **p);
bool proxies_trusts(const struct proxies *p, const struct ip *peer);
/* `forwarded_for` is the whole header (several lines joined by commas). */
struct ip proxies_client(const struct proxies *p, const struct ip *peer, struct str forwarded_for);

#endif
