/* HTTP/1.1 heads and chunked bodies as pure bytes, strict on purpose.
 *
 * Every rule below closes a way in which two hops can disagree about where a request ends (request smuggling) or what it names. llhttp 8.1, which
 * reads the head as well, is laxer (a bare LF ends its request line; CVE-2024-27982): our scan runs first, then both must agree. */
#ifndef PLATFORM_HTTP_PARSER_H
#define PLATFORM_HTTP_PARSER_H

#include "platform/http.h"

#define HTTP_MAX_HEAD 16384
#define HTTP_MAX_FIELDS 100
#define HTTP_MAX_PATH 2048

enum http_fault {
    HTTP_FINE,
    HTTP_BARE_LF,
    HTTP_BARE_CR,
    HTTP_HEAD_TOO_LARGE,
    HTTP_TOO_MANY_FIELDS,
    HTTP_BAD_REQUEST_LINE,
    HTTP_BAD_METHOD, /* a token we do not serve: 501 */
    HTTP_BAD_TARGET,
    HTTP_BAD_VERSION, /* 505 */
    HTTP_OBS_FOLD,
    HTTP_SPACE_BEFORE_COLON,
    HTTP_BAD_FIELD_NAME,
    HTTP_BAD_FIELD_VALUE, /* control characters, NUL */
    HTTP_LENGTH_AND_CHUNKED,
    HTTP_LENGTH_TWICE,
    HTTP_BAD_LENGTH,
    HTTP_BAD_CODING, /* any Transfer-Encoding but one plain "chunked", or one on HTTP/1.0 */
    HTTP_NO_HOST,
    HTTP_HOST_TWICE,
    HTTP_BAD_HOST,
    HTTP_BAD_EXPECT,
    HTTP_READERS_DISAGREE, /* llhttp understood something else */
    HTTP_BAD_CHUNK,
    HTTP_FAULTS,
};
const char *http_fault_name(
    enum http_fault fault); /* "bare_lf" ...: code in the problem document, label in the log */
int http_fault_status(enum http_fault fault);

struct http_field {
    struct str name, value;
};

/* Slices into the bytes of the head. */
struct http_head {
    enum http_method method;
    struct str target;      /* as sent */
    struct str path, query; /* of the target, still percent-encoded; path "*" for OPTIONS * */
    struct str host;        /* as sent, may hold a port; empty on HTTP/1.0 without Host */
    int minor;              /* HTTP/1.<minor>: 0 or 1 */
    bool is_chunked, is_keep_alive, wants_continue, wants_upgrade;
    int64_t content_length; /* 0 when absent */
    size_t n_fields;
    struct http_field fields[HTTP_MAX_FIELDS];
};

/* Looks for the end of the head (after the empty line) in what has come so far. *scan (0 at the start) remembers where to go on. *end_out is 0 while more is needed. */
enum http_fault http_head_find_end(struct str bytes, size_t *scan, size_t *end_out);
/* `bytes` is exactly one head, empty line included. */
enum http_fault http_head_parse(struct str bytes, struct http_head *out);
struct str http_head_find(const struct http_head *head,
                          const char *name); /* first of that name; empty when absent */
/* Is `word` in a comma-separated list, case-insensitive? */
bool http_list_has(struct str list, const char *word);

/* Decodes a path for routing into `out`. HTTP_BAD_TARGET for bad escapes, NUL, control characters, bad UTF-8, backslash, encoded slash, "." and ".."
 * segments, empty segments (a trailing slash is fine), and paths over HTTP_MAX_PATH. */
enum http_fault http_path_decode(struct str path, char out[HTTP_MAX_PATH], size_t *len_out);

/* Chunked body, strict: 1-8 hex digits, CRLF, no extensions, no trailers. */
struct http_chunked {
    uint32_t left;
    uint8_t state, n_digits;
};
enum http_chunk_result { HTTP_CHUNK_MORE, HTTP_CHUNK_DATA, HTTP_CHUNK_END, HTTP_CHUNK_BAD };
/* Eats bytes until it has data to hand out (a slice of `bytes`), reached the end, or needs more. */
enum http_chunk_result http_chunked_next(struct http_chunked *c, struct str bytes, size_t *used_out,
                                         struct str *data_out);

#endif
