/* The head is built into one capped buffer; a small body is copied behind it, so that the request's memory is free before the bytes are sent and the
 * socket sees one write. A large body goes as a second frame that keeps the request alive until it is sent. */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/files.h"
#include "platform/http_impl.h"
#include "platform/http_range.h"
#include "platform/problem.h"

#define COPY_LIMIT 16384

void response_init(struct response *rs, struct arena *arena, bool is_tls)
{
    *rs = (struct response){.arena = arena, .status = 200, .is_tls = is_tls};
    rs->last_header = &rs->headers;
    buf_init(&rs->json, HTTP_MAX_ANSWER);
}

void response_release(struct response *rs)
{
    buf_release(&rs->json);
    file_source_close(&rs->source);
}

void response_status(struct response *rs, int status)
{
    ASSERT(status >= 200 && status <= 599);
    rs->status = status;
}

static bool is_clean(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

void response_header(struct response *rs, const char *name, struct str value)
{
    if (!is_clean(value) || value.len > 4096) {
        LOG_WARN("http", "header dropped", log_cstr("name", name));
        return;
    }
    struct response_header *h = ARENA_NEW(rs->arena, struct response_header);
    h->name = name;
    h->value = str_dup(rs->arena, value);
    *rs->last_header = h;
    rs->last_header = &h->next;
}

struct json_writer *response_json(struct response *rs)
{
    if (!rs->has_json) {
        rs->has_json = true;
        rs->content_type = STR("application/json");
        json_writer_init(&rs->writer, &rs->json);
    }
    return &rs->writer;
}

void response_body(struct response *rs, struct str content_type, struct str body)
{
    rs->has_body = true;
    rs->content_type = content_type;
    rs->body = body;
}

void response_file(struct response *rs, struct str content_type, const char *path, int64_t size)
{
    rs->content_type = content_type;
    rs->file = path;
    rs->file_size = size;
}

void response_blob(struct response *rs, struct str content_type, struct blob *blob)
{
    response_file(rs, content_type, blob->path, blob->size);
    rs->source = blob->source;
    blob->source = NULL;
}

void response_no_content(struct response *rs)
{
    rs->status = 204;
}

void response_cookie(struct response *rs, const char *name, struct str value, int64_t max_age_s,
                     bool strict)
{
    char age[48] = "";
    if (max_age_s >= 0) {
        snprintf(age, sizeof(age), "; Max-Age=%lld", (long long)max_age_s);
    }
    struct str text =
        str_printf(rs->arena, "%s=" STR_FMT "; Path=/; HttpOnly; SameSite=%s%s%s", name,
                   STR_ARG(value), strict ? "Strict" : "Lax", rs->is_tls ? "; Secure" : "", age);
    response_header(rs, "Set-Cookie", text);
}

struct arena *response_arena(struct response *rs)
{
    return rs->arena;
}

void response_etag(struct response *rs, int64_t version)
{
    response_header(rs, "ETag", str_printf(rs->arena, "\"v%lld\"", (long long)version));
}

static bool has_header(const struct response *rs, const char *name)
{
    for (const struct response_header *h = rs->headers; h; h = h->next) {
        if (str_eq_nocase(str_from(h->name), str_from(name))) {
            return true;
        }
    }
    return false;
}

void response_problem(struct response *rs, enum err err, const struct errinfo *info,
                      uint64_t request_id)
{
    int status = problem_status(err, info);
    struct arena *arena = rs->arena;
    response_release(rs);
    response_init(rs, arena, rs->is_tls);
    rs->status = status;
    problem_write(response_json(rs), status, err, info, request_id);
    rs->content_type = STR(PROBLEM_CONTENT_TYPE);
    if (status == 401) {
        response_header(rs, "WWW-Authenticate", STR("Bearer"));
    }
    int64_t wait_s = problem_retry_after_s(status, info);
    if (wait_s > 0) {
        response_header(rs, "Retry-After", str_printf(arena, "%lld", (long long)wait_s));
    }
}

struct str http_date_now(void)
{
    static _Thread_local char text
        [40]; /* a cache: the value is the same for everybody, a lock would cost more than formatting */
    static _Thread_local int64_t second;
    static _Thread_local size_t len;
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct clock clock = clock_system();
    int64_t now = clock_now(&clock) / 1000;
    if (now != second) {
        struct civil c = time_to_civil(now * 1000);
        second = now;
        len = (size_t)snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                               days[c.weekday % 7], c.day, months[(c.month + 11) % 12], c.year,
                               c.hour, c.minute, c.second);
    }
    return (struct str){text, len};
}

void http_head_begin(struct buf *b, int status)
{
    buf_printf(b, "HTTP/1.1 %d %s\r\nDate: ", status, problem_title(status));
    buf_add_str(b, http_date_now());
    buf_add_cstr(b, "\r\n");
}

void http_head_field(struct buf *b, const char *name, struct str value)
{
    buf_add_cstr(b, name);
    buf_add(b, ": ", 2);
    buf_add_str(b, value);
    buf_add(b, "\r\n", 2);
}

void http_head_defaults(struct buf *b, bool is_tls)
{
    buf_add_cstr(
        b,
        "X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n");
    if (is_tls) {
        buf_add_cstr(b, "Strict-Transport-Security: max-age=31536000\r\n");
    }
}

void http_head_end(struct buf *b, int64_t content_length, bool keep_alive)
{
    if (content_length >= 0) {
        buf_printf(b, "Content-Length: %lld\r\n", (long long)content_length);
    }
    buf_add_cstr(b, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

/* A page of ours that sets no policy gets a strict one; anything else must not be a page at all. */
static void add_policies(struct buf *b, const struct response *rs)
{
    bool is_html = str_starts(rs->content_type, STR("text/html"));
    if (!has_header(rs, "Content-Security-Policy")) {
        http_head_field(b, "Content-Security-Policy",
                        is_html ? STR("default-src 'self'; img-src 'self' data: blob:; object-src "
                                      "'none'; base-uri 'none'; form-action 'self'; "
                                      "frame-ancestors 'none'")
                                : STR("default-src 'none'; frame-ancestors 'none'; sandbox"));
    }
    if (!has_header(rs, "Cross-Origin-Resource-Policy")) {
        http_head_field(b, "Cross-Origin-Resource-Policy", STR("same-origin"));
    }
    if (!has_header(rs, "Cache-Control")) {
        http_head_field(b, "Cache-Control", STR("no-store"));
    }
}

static struct str etag_of(const struct response *rs)
{
    for (const struct response_header *h = rs->headers; h; h = h->next) {
        if (str_eq_nocase(str_from(h->name), STR("etag"))) {
            return h->value;
        }
    }
    return (struct str){0};
}

static bool is_not_modified(const struct response *rs, struct str if_none_match)
{
    if (rs->status != 200 || str_is_empty(if_none_match)) {
        return false;
    }
    for (const struct response_header *h = rs->headers; h; h = h->next) {
        if (str_eq_nocase(str_from(h->name), STR("etag"))) {
            struct str rest = if_none_match, part;
            while (str_split(&rest, ',', &part)) {
                if (str_eq(str_trim(part), h->value)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void write_head(struct buf *head, const struct response *rs, const struct answer *how,
                       int64_t length)
{
    http_head_begin(head, rs->status);
    for (const struct response_header *h = rs->headers; h; h = h->next) {
        http_head_field(head, h->name, h->value);
    }
    if (!str_is_empty(rs->content_type) && length >= 0) {
        http_head_field(head, "Content-Type", rs->content_type);
    }
    http_head_defaults(head, rs->is_tls);
    add_policies(head, rs);
    http_head_end(head, length, how->keep_alive);
}

/* Status 206 and which bytes, 416, or as it was. If-Range names the tag of the file of which the client has a part; a file without a tag never matches. */
static void choose_range(struct response *rs, const struct answer *how, int64_t *from_out,
                         int64_t *len_out)
{
    *from_out = 0;
    *len_out = rs->file_size;
    if ((!rs->file && !rs->source) || rs->status != 200) {
        return;
    }
    response_header(rs, "Accept-Ranges", STR("bytes"));
    if (how->if_range.len > 0 && !str_eq(how->if_range, etag_of(rs))) {
        return;
    }
    switch (http_range_parse(how->range, rs->file_size, from_out, len_out)) {
    case HTTP_RANGE_NONE:
        break;
    case HTTP_RANGE_PART:
        rs->status = 206;
        response_header(rs, "Content-Range",
                        str_printf(rs->arena, "bytes %lld-%lld/%lld", (long long)*from_out,
                                   (long long)(*from_out + *len_out - 1),
                                   (long long)rs->file_size));
        break;
    case HTTP_RANGE_OUTSIDE:
        rs->status = 416;
        *len_out = 0;
        response_header(rs, "Content-Range",
                        str_printf(rs->arena, "bytes */%lld", (long long)rs->file_size));
        break;
    }
}

/* Which bytes of the file, and whether the store has them: it is asked here, on the worker, while the answer can still be another one. */
static void choose_file(struct response *rs, const struct answer *how, int64_t *from_out,
                        int64_t *len_out)
{
    struct errinfo cause = {0};
    struct errinfo info = {0};
    choose_range(rs, how, from_out, len_out);
    bool is_sent = rs->source && !how->is_head && (rs->status == 200 || rs->status == 206);
    enum err err =
        is_sent ? rs->source->ops->begin(rs->source, *from_out, *len_out, &cause) : ERR_OK;
    if (err != ERR_OK) {
        err = files_failed(err, &cause, &info);
        response_problem(rs, err, &info, 0);
    }
    if (!is_sent || err != ERR_OK) {
        file_source_close(&rs->source);
    }
}

void response_finish(struct response *rs, const struct answer *how, void (*release)(void *arg),
                     void *arg, struct reply *out)
{
    *out = (struct reply){.keep_alive = how->keep_alive};
    if (rs->has_json && buf_err(&rs->json) != ERR_OK) {
        LOG_ERROR("http", "answer too large", log_i64("status", rs->status));
        response_problem(rs, ERR_INTERNAL, NULL, 0);
    }
    if (is_not_modified(rs, how->if_none_match)) {
        rs->status = 304;
    }
    bool is_file = rs->file || rs->source;
    int64_t from = 0, file_len = 0;
    choose_file(rs, how, &from, &file_len);
    is_file = is_file && !rs->has_json; /* the store may have said no */
    struct str body = rs->has_json ? buf_str(&rs->json) : rs->has_body ? rs->body : (struct str){0};
    bool bodiless = rs->status == 204 || rs->status == 304;
    int64_t length = bodiless ? -1 : is_file ? file_len : (int64_t)body.len;
    bool sends_body = !bodiless && !how->is_head;
    BUF_AUTO head;
    buf_init(&head, 65536);
    write_head(&head, rs, how, length);
    if (buf_err(&head) != ERR_OK) {
        LOG_ERROR("http", "headers too large");
        buf_clear(&head);
        http_head_begin(&head, 500);
        http_head_end(&head, 0, how->keep_alive);
        sends_body = false;
    }
    if (sends_body && is_file) {
        out->file = rs->file ? mem_strdup(rs->file) : NULL;
        out->source = rs->source;
        rs->source = NULL;
        out->file_from = from;
        out->file_size = file_len;
    } else if (sends_body && body.len > COPY_LIMIT) {
        out->frames[1] = frame_new_outside(body, release, arg);
    }
    out->frames[0] = sends_body && !is_file && !out->frames[1]
                         ? frame_new_bytes2(buf_str(&head), body)
                         : frame_new_bytes(buf_str(&head));
    if (!out->frames[1]) {
        release(arg);
    }
}
