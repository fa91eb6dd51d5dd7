/* Route table to route: a tree of path segments, literal before parameter. Built once, read by every loop thread. */
#ifndef PLATFORM_ROUTER_H
#define PLATFORM_ROUTER_H

#include "platform/http.h"

#define ROUTER_MAX_PARAMS 8

struct route_param {
    const char *name; /* with its length, in the pattern */
    size_t name_len;
    struct str value;
};
struct route_match {
    const struct route
        *route; /* NULL: no such method here (`allowed` says which) or no such path (allowed 0) */
    unsigned allowed; /* bit per enum http_method; HEAD with GET, OPTIONS with any */
    size_t n_params;
    struct route_param params[ROUTER_MAX_PARAMS];
};

struct router;
/* `routes` must outlive it. ERR_INVALID: two routes of one method and pattern, a pattern without leading slash, too many parameters. */
ERR_MUST_USE enum err router_new(const struct route *routes, size_t n_routes, struct router **out,
                                 struct errinfo *info);
void router_free(struct router **router);
/* `path` decoded; values are slices of it. A parameter is never empty. HEAD finds GET's route. */
void router_find(const struct router *router, enum http_method method, struct str path,
                 struct route_match *out);
/* "GET, HEAD, OPTIONS" */
struct str router_allow(unsigned allowed, char out[64]);

#endif
