/* Nodes in one vector, linked by index: children as a sibling list (a level has a dozen names at most, a linear walk beats hashing). */
#include "platform/router.h"

#include "base/check.h"
#include "base/vec.h"

#define N_METHODS 7

struct node {
    struct str name;           /* literal segment; empty for a parameter */
    int sibling, child, param; /* indexes; 0: none (the root is nobody's child) */
    const struct route *routes[N_METHODS];
};

struct router {
    VEC(struct node) nodes;
};

static int node_add(struct router *r, struct str name)
{
    struct node node = {.name = name};
    VEC_PUSH(&r->nodes, node);
    return (int)r->nodes.len - 1;
}

static int child_find(const struct router *r, int at, struct str name)
{
    for (int i = r->nodes.items[at].child; i; i = r->nodes.items[i].sibling) {
        if (str_eq(r->nodes.items[i].name, name)) {
            return i;
        }
    }
    return 0;
}

static struct str next_segment(struct str path, size_t *at)
{
    size_t start = *at + 1;
    size_t end = start;
    while (end < path.len && path.p[end] != '/') {
        end++;
    }
    *at = end;
    return (struct str){path.p + start, end - start};
}

static int descend(struct router *r, int at, struct str segment)
{
    if (segment.len > 2 && segment.p[0] == '{') {
        if (!r->nodes.items[at].param) {
            int made = node_add(r, (struct str){0});
            r->nodes.items[at].param = made;
        }
        return r->nodes.items[at].param;
    }
    int child = child_find(r, at, segment);
    if (!child) {
        child = node_add(r, segment);
        r->nodes.items[child].sibling = r->nodes.items[at].child;
        r->nodes.items[at].child = child;
    }
    return child;
}

enum err router_new(const struct route *routes, size_t n_routes, struct router **out,
                    struct errinfo *info)
{
    struct router *r = MEM_NEW(struct router);
    node_add(r, (struct str){0});
    for (size_t i = 0; i < n_routes; i++) {
        struct str pattern = str_from(routes[i].pattern);
        size_t n_params = 0;
        int at = 0;
        for (size_t p = 0; p < pattern.len;) {
            struct str segment = next_segment(pattern, &p);
            n_params += segment.len > 0 && segment.p[0] == '{';
            at = descend(r, at, segment);
        }
        const struct route **slot = &r->nodes.items[at].routes[routes[i].method];
        if (pattern.len == 0 || pattern.p[0] != '/' || n_params > ROUTER_MAX_PARAMS || *slot) {
            router_free(&r);
            return err_set(info, ERR_INVALID, "routes", "bad_route",
                           "route %s is wrong or there twice", routes[i].pattern);
        }
        *slot = &routes[i];
    }
    *out = r;
    return ERR_OK;
}

void router_free(struct router **router)
{
    if (*router) {
        VEC_RELEASE(&(*router)->nodes);
        mem_free(*router);
        *router = NULL;
    }
}

/* Literal first; falls back to the parameter when the literal branch has no such path ("/a/{id}/b" beside "/a/me"). Depth is bounded by the table. */
static const struct node *walk(const struct router *r, int at, struct str path, size_t pos)
{
    if (pos >= path.len) {
        const struct node *node = &r->nodes.items[at];
        for (int m = 0; m < N_METHODS; m++) {
            if (node->routes[m]) {
                return node;
            }
        }
        return NULL;
    }
    struct str segment = next_segment(path, &pos);
    int child = child_find(r, at, segment);
    const struct node *found = child ? walk(r, child, path, pos) : NULL;
    int param = r->nodes.items[at].param;
    return found || !param || segment.len == 0 ? found : walk(r, param, path, pos);
}

/* Parameter names differ between routes that share a node, so they are read from the pattern of the one that was found. */
static void fill_params(struct route_match *m, struct str path)
{
    struct str pattern = str_from(m->route->pattern);
    size_t a = 0, b = 0;
    while (a < pattern.len && b < path.len) {
        struct str name = next_segment(pattern, &a), value = next_segment(path, &b);
        if (name.len > 2 && name.p[0] == '{') {
            m->params[m->n_params++] = (struct route_param){name.p + 1, name.len - 2, value};
        }
    }
}

void router_find(const struct router *router, enum http_method method, struct str path,
                 struct route_match *out)
{
    out->route = NULL;
    out->allowed = 0;
    out->n_params = 0;
    const struct node *node = path.len && path.p[0] == '/' ? walk(router, 0, path, 0) : NULL;
    if (!node) {
        return;
    }
    for (unsigned m = 0; m < N_METHODS; m++) {
        if (node->routes[m]) {
            out->allowed |= 1U << m | 1U << HTTP_OPTIONS_METHOD |
                            (m == HTTP_GET_METHOD ? 1U << HTTP_HEAD_METHOD : 0);
        }
    }
    out->route = node->routes[method];
    if (!out->route && method == HTTP_HEAD_METHOD) {
        out->route = node->routes[HTTP_GET_METHOD];
    }
    if (out->route) {
        fill_params(out, path);
    }
}

struct str router_allow(unsigned allowed, char out[64])
{
    static const char *const names[N_METHODS] = {"GET",    "POST", "PUT",    "PATCH",
                                                 "DELETE", "HEAD", "OPTIONS"};
    size_t n = 0;
    for (unsigned m = 0; m < N_METHODS; m++) {
        if (allowed & 1U << m) {
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", names[m]);
        }
    }
    out[n] = '\0';
    return (struct str){out, n};
}
