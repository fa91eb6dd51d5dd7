/* Inside of struct request and struct response: for platform's own files. Handlers see http.h only. */
#ifndef PLATFORM_HTTP_IMPL_H
#define PLATFORM_HTTP_IMPL_H

#include "platform/file_source.h"
#include "platform/frame.h"
#include "platform/http.h"
#include "platform/http_parser.h"
#include "platform/router.h"

#define HTTP_MAX_ANSWER (8UL * 1024 * 1024)

struct http_request {
    struct request rq; /* first: the public pointer is cast back */
    struct http_field *fields;
    size_t n_fields;
    struct route_param *params;
    size_t n_params;
    struct json_doc *json;
    char spool_path[256];
};

struct response_header {
    struct response_header *next;
    const char *name;
    struct str value;
};

struct response {
    struct arena *arena;
    int status;
    bool is_tls; /* of the request: Secure cookies, HSTS */
    struct response_header *headers, **last_header;
    struct str content_type;
    struct buf json;
    struct json_writer writer;
    bool has_json, has_body;
    struct str body;
    const char *file; /* either of the two, and the size of it */
    struct file_source *source;
    int64_t file_size;
};

void response_init(struct response *rs, struct arena *arena, bool is_tls);
void response_release(struct response *rs);
/* Replaces whatever was there by the problem document of a failure. */
void response_problem(struct response *rs, enum err err, const struct errinfo *info,
                      uint64_t request_id);

/* How the answer goes out. */
struct answer {
    bool keep_alive;
    bool is_head; /* HEAD: the length, not the body */
    struct str if_none_match;
    struct str range, if_range; /* GET only; of files */
};
/* The finished bytes: head and (small) body in one frame, or head and body as two, the second owning the memory. A file follows by its path or from its source. */
struct reply {
    struct frame *frames[2];
    char *file;                   /* mem_free; or: */
    struct file_source *source;   /* begun; file_source_close */
    int64_t file_from, file_size; /* which bytes of it */
    bool keep_alive;
};
/* `release(arg)` is called once the body bytes are not needed any more; when the answer was copied, at once. */
void response_finish(struct response *rs, const struct answer *how, void (*release)(void *arg),
                     void *arg, struct reply *out);

/* Text of an answer's head built by hand (static files, errors of the parser). */
void http_head_begin(struct buf *b, int status);
void http_head_field(struct buf *b, const char *name, struct str value);
void http_head_defaults(struct buf *b, bool is_tls);
void http_head_end(struct buf *b, int64_t content_length /* -1: none */, bool keep_alive);
/* "Sun, 06 Nov 1994 08:49:37 GMT" of now, kept per thread for its second. */
struct str http_date_now(void);

#endif
