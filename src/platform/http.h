/* HTTP as handlers see it: a request decoded on a loop thread, handled as plain synchronous code on a worker, answered by the loop.
 *
 * A handler fills `rs` and returns ERR_OK, or returns an error with `info` filled: the platform turns that into an RFC 9457 problem document
 * (problem.h). The arena of the request owns everything; nothing outlives the answer. */
#ifndef PLATFORM_HTTP_H
#define PLATFORM_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum http_method {
    HTTP_GET_METHOD,
    HTTP_POST_METHOD,
    HTTP_PUT_METHOD,
    HTTP_PATCH_METHOD,
    HTTP_DELETE_METHOD,
    HTTP_HEAD_METHOD,
    HTTP_OPTIONS_METHOD
};

/* Who may call a route, checked by the hook that app installs before the handler runs. */
enum route_auth {
    ROUTE_PUBLIC,  /* nobody needs to be known; rq->actor is NULL unless credentials came along */
    ROUTE_VISITOR, /* a customer's widget token */
    ROUTE_AGENT,   /* an agent's session cookie (with CSRF proof on writes) or API key */
    ROUTE_ANYONE,  /* visitor or agent */
};

/* Does an operation take Idempotency-Key (idempotency.h)? */
enum route_key {
    ROUTE_NO_KEY, /* changes nothing, or the same again is the same; the header is not looked at */
    ROUTE_KEY,
    ROUTE_KEY_HARMLESS, /* and it knows a repetition by itself (client_id, content hash): running it again when an answer is lost doubles nothing */
};

struct request;
struct response;
typedef enum err (*http_handler)(struct request *rq, struct response *rs, struct errinfo *info);

/* One row of the table generated from spec/openapi.yaml. */
struct route {
    enum http_method method;
    const char *pattern;   /* "/api/v1/conversations/{id}/messages" */
    const char *operation; /* operationId == the handler's name */
    http_handler handler;
    int room; /* index into the rooms that app registers: rq->room */
    enum route_auth auth;
    const char *permission; /* shown in the spec; checked by name in the service. NULL: none */
    size_t max_body;        /* bytes; 0: no body allowed */
    enum route_key takes_key;
    int rate_class; /* 0 normal, 1 costly (login, search, upload), 2 cheap */
    bool
        is_probe; /* for load balancers and the like: answered also while all workers wait for something */
};

struct request {
    struct arena *arena;
    enum http_method method;
    struct str path;  /* decoded, no query */
    struct str query; /* raw */
    const struct route *route;
    void *room;        /* the room's object, as registered */
    const void *actor; /* struct actor of identity/actor.h, or NULL */
    struct str body;   /* whole body, <= route->max_body; multipart and raw uploads too */
    /* For large uploads: spooled to this temporary file instead (body empty); removed after the answer. */
    const char *body_path;
    /* Behind trusted proxies: the client's, by X-Forwarded-For of trusted hops only. */
    struct str remote_ip;
    bool is_tls; /* or X-Forwarded-Proto: https of a trusted hop */
    struct str host;
    uint64_t id; /* for the log */
};

/* Case-insensitive; empty when absent. */
struct str request_header(const struct request *rq, const char *name);
struct str request_cookie(const struct request *rq, const char *name);
/* Path parameter by name, decoded; the _id form: ERR_NOT_FOUND unless a positive integer. */
struct str request_param(const struct request *rq, const char *name);
ERR_MUST_USE enum err request_param_id(const struct request *rq, const char *name, int64_t *out,
                                       struct errinfo *info);
/* Query parameter, decoded; empty when absent. */
struct str request_query(const struct request *rq, const char *name);
ERR_MUST_USE enum err request_query_i64(const struct request *rq, const char *name, int64_t min,
                                        int64_t max, int64_t fallback, int64_t *out,
                                        struct errinfo *info);
/* Body as JSON object (content type checked); lives as long as the request. */
ERR_MUST_USE enum err request_json(struct request *rq, const struct json **out,
                                   struct errinfo *info);

/* Answers. Default status 200. */
void response_status(struct response *rs, int status);
/* Control characters in value: dropped header and a log line. */
void response_header(struct response *rs, const char *name, struct str value);
/* Writer into the body, content type application/json. The object is the handler's to begin and end. Body cap 8 MB. */
struct json_writer *response_json(struct response *rs);
/* Copies nothing: body must live in the request's arena or be static. */
void response_body(struct response *rs, struct str content_type, struct str body);
/* Streams a file from disk with its length (the loop reads it in pieces off-thread). `unlink` never. */
void response_file(struct response *rs, struct str content_type, const char *path, int64_t size);
/* Sends what a file store holds (files.h); takes blob->source. A store that says no before the first byte becomes a problem document of its own, one that breaks in
 * the middle cuts the connection, so that nobody takes a part for the whole. */
struct blob;
void response_blob(struct response *rs, struct str content_type, struct blob *blob);
void response_no_content(struct response *rs); /* 204 */
/* `max_age_s` < 0: session cookie; value empty and max_age_s 0: deletes it. Always HttpOnly; Secure when TLS; SameSite=Lax, or Strict with the flag. */
void response_cookie(struct response *rs, const char *name, struct str value, int64_t max_age_s,
                     bool strict);
struct arena *response_arena(struct response *rs);

/* Cursor pagination: `cursor` is opaque for clients (base64url of what the handler wants to remember), `limit` 1..100 default 30. */
struct page {
    int64_t after; /* 0: from the start */
    int64_t after2;
    int limit;
};
ERR_MUST_USE enum err request_page(const struct request *rq, struct page *out,
                                   struct errinfo *info);
/* Writes "next_cursor": ... (null when there is no more) into the open object. */
void json_kv_cursor(struct json_writer *w, bool has_more, int64_t after, int64_t after2);
/* ETag / If-Match on what people edit together (version.h): version as "\"v12\"", * as VERSION_ANY; a tag that is none of ours matches nothing. ERR_INVALID (428)
 * when missing. */
ERR_MUST_USE enum err request_version(const struct request *rq, int64_t *out, struct errinfo *info);
/* The same and compared: for a service that was handed the request. ERR_CONFLICT (412) on mismatch. */
ERR_MUST_USE enum err request_if_match(const struct request *rq, int64_t version,
                                       struct errinfo *info);
void response_etag(struct response *rs, int64_t version);

#endif
