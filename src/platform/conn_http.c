/* HTTP on one connection: head, body, busy, (streaming,) and again. One request is under way at a time; what the client sends ahead waits in conn->in,
 * and past a few kilobytes we stop reading: pipelining is answered in order and costs no more than that.
 *
 * Errors found before a body was read close the connection after the answer: what follows cannot be told from a body. */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"
#include "platform/problem.h"
#include "platform/static_files.h"

#define READ_AHEAD (32UL * 1024)
#define ANSWERS_AHEAD (256UL * 1024)

void http_start(struct conn *conn)
{
    conn->mode = CONN_HTTP;
    conn->http = (struct http_side){.phase = HTTP_IN_HEAD};
    /* A stranger who connects and says nothing has the time of a head, not of an idle customer. */
    conn_deadline(conn, loop_now(conn->loop) + conn->loop->server->options.header_timeout_ms);
}

void http_release(struct conn *conn)
{
    if (conn->http.exchange) {
        exchange_drop(conn->http.exchange);
        conn->http.exchange = NULL;
    }
    if (conn->http.stream) {
        file_stream_abort(&conn->http.stream);
    }
}

/* ---- answers made on the loop ---- */

void http_problem(struct conn *conn, enum err err, const struct errinfo *info,
                  struct str extra_head, bool keep_alive, bool is_head)
{
    int status = problem_status(err, info);
    BUF_AUTO body, head;
    struct json_writer w;
    buf_init(&body, 4096);
    buf_init(&head, 8192);
    json_writer_init(&w, &body);
    problem_write(&w, status, err, info, conn->loop->next_request);
    http_head_begin(&head, status);
    http_head_field(&head, "Content-Type", STR(PROBLEM_CONTENT_TYPE));
    buf_add_str(&head, extra_head);
    if (status == 503) {
        http_head_field(&head, "Retry-After", STR("1"));
    }
    http_head_defaults(&head, conn->tls != NULL);
    http_head_field(&head, "Cache-Control", STR("no-store"));
    http_head_end(&head, (int64_t)body.len, keep_alive);
    conn_push(conn, frame_new_bytes2(buf_str(&head), is_head ? (struct str){0} : buf_str(&body)));
}

/* The parser said no: answer and hang up. */
static void refuse(struct conn *conn, enum http_fault fault)
{
    struct errinfo info = {0};
    int status = http_fault_status(fault);
    BUF_AUTO body, head;
    struct json_writer w;
    buf_init(&body, 4096);
    buf_init(&head, 8192);
    json_writer_init(&w, &body);
    err_set(&info, ERR_INVALID, NULL, http_fault_name(fault), "the request cannot be read safely");
    problem_write(&w, status, ERR_INVALID, &info, ++conn->loop->next_request);
    http_head_begin(&head, status);
    http_head_field(&head, "Content-Type", STR(PROBLEM_CONTENT_TYPE));
    http_head_end(&head, (int64_t)body.len, false);
    conn_push(conn, frame_new_bytes2(buf_str(&head), buf_str(&body)));
    STAT_ADD(conn->loop, refused, 1);
    conn_finish(conn);
}

static void refuse_simple(struct conn *conn, enum err err, const char *code, const char *message)
{
    struct errinfo info = {0};
    err_set(&info, err, NULL, code, "%s", message);
    http_problem(conn, err, &info, (struct str){0}, false, false);
    STAT_ADD(conn->loop, refused, 1);
    conn_finish(conn);
}

void http_done(struct conn *conn, bool keep_alive)
{
    struct http_side *h = &conn->http;
    conn->sent_bytes = 0;
    h->moved_before = 0;
    h->started_ms = loop_now(conn->loop);
    if (!keep_alive || conn->loop->is_stopping || conn->has_eof) {
        conn_finish(conn);
        return;
    }
    h->phase = HTTP_IN_HEAD;
    h->scan = 0;
    h->has_started = false;
    h->n_answered++;
    const struct server_options *o = &conn->loop->server->options;
    bool is_sending = conn_waiting(conn) > 0;
    conn_deadline(conn, h->started_ms + (is_sending && o->body_timeout_ms < o->idle_timeout_ms
                                             ? o->body_timeout_ms
                                             : o->idle_timeout_ms));
}

/* ---- one request ---- */

/* The parts of a request that only begin() needs. */
struct beginning {
    const struct http_head *head;
    struct str bytes; /* of the head */
    struct str path;  /* decoded */
    struct route_match match;
    bool has_body;
    bool keep_alive;
};

static struct ip client_ip(const struct conn *conn, const struct http_head *head)
{
    if (!conn->is_peer_trusted) {
        return conn->ip;
    }
    return proxies_client(conn->loop->server->proxies, &conn->ip,
                          http_head_find(head, "x-forwarded-for"));
}

static bool within_rate(struct conn *conn, const struct beginning *b, int rate_class)
{
    int retry_s = 1;
    struct ip ip = client_ip(conn, b->head);
    if (rate_limit_take(conn->loop->server->rates, &ip, rate_class, loop_now(conn->loop),
                        &retry_s)) {
        return true;
    }
    struct errinfo info = {0};
    char extra[48];
    int n = snprintf(extra, sizeof(extra), "Retry-After: %d\r\n", retry_s);
    err_set(&info, ERR_LIMIT, NULL, "rate_limited", "too many requests; wait %d s", retry_s);
    bool keep = b->keep_alive && !b->has_body;
    http_problem(conn, ERR_LIMIT, &info, (struct str){extra, (size_t)n}, keep,
                 b->head->method == HTTP_HEAD_METHOD);
    STAT_ADD(conn->loop, refused, 1);
    http_done(conn, keep);
    return false;
}

static void answer_no_route(struct conn *conn, const struct beginning *b)
{
    bool keep = b->keep_alive && !b->has_body;
    bool is_head = b->head->method == HTTP_HEAD_METHOD;
    struct errinfo info = {0};
    if (b->match.allowed == 0) {
        err_set(&info, ERR_NOT_FOUND, NULL, "not_found", "no such address");
        http_problem(conn, ERR_NOT_FOUND, &info, (struct str){0}, keep, is_head);
        http_done(conn, keep);
        return;
    }
    char names[64], extra[96];
    router_allow(b->match.allowed, names);
    int n = snprintf(extra, sizeof(extra), "Allow: %s\r\n", names);
    struct str allow = {extra, (size_t)n};
    if (b->head->method == HTTP_OPTIONS_METHOD) {
        BUF_AUTO head;
        buf_init(&head, 4096);
        http_head_begin(&head, 204);
        buf_add_str(&head, allow);
        http_head_end(&head, -1, keep);
        conn_push(conn, frame_new_bytes(buf_str(&head)));
    } else {
        err_set(&info, ERR_INVALID, NULL, "method_not_allowed", "allowed here: %s", names);
        http_problem(conn, ERR_INVALID, &info, allow, keep, is_head);
    }
    http_done(conn, keep);
}

/* A request for a worker: check what its head says about the body, then wait for it or go. */
static void begin_route(struct conn *conn, const struct beginning *b)
{
    const struct route *route = b->match.route;
    struct http_side *h = &conn->http;
    if (b->has_body && route->max_body == 0) {
        refuse_simple(conn, ERR_INVALID, "body_not_allowed", "this request takes no body");
        return;
    }
    if (b->head->content_length > (int64_t)route->max_body) {
        refuse_simple(conn, ERR_LIMIT, "too_large", "the body is too large");
        return;
    }
    struct exchange *x = exchange_new(conn, b->head, b->bytes, b->path, &b->match);
    x->how.keep_alive = b->keep_alive;
    if (!b->has_body) {
        exchange_submit(conn, x);
        return;
    }
    if (b->head->wants_continue) {
        conn_push(conn, frame_new_bytes(STR("HTTP/1.1 100 Continue\r\n\r\n")));
    }
    h->phase = HTTP_IN_BODY;
    h->exchange = x;
    h->is_chunked = b->head->is_chunked;
    h->chunked = (struct http_chunked){0};
    h->body_left = b->head->content_length;
    h->body_seen = 0;
    h->moved_before = 0;
    h->started_ms = loop_now(conn->loop);
    conn_deadline(conn, h->started_ms + conn->loop->server->options.body_timeout_ms);
}

static const struct socket_endpoint *endpoint_find(const struct server *server, struct str path)
{
    for (size_t i = 0; i < server->n_endpoints; i++) {
        if (str_eq_cstr(path, server->endpoints[i].path)) {
            return &server->endpoints[i];
        }
    }
    return NULL;
}

static void begin_static(struct conn *conn, struct beginning *b)
{
    struct static_query q = {
        .path = b->path,
        .query = b->head->query,
        .accept_encoding = http_head_find(b->head, "accept-encoding"),
        .if_none_match = http_head_find(b->head, "if-none-match"),
        .is_head = b->head->method == HTTP_HEAD_METHOD,
        .is_tls = exchange_is_tls(conn, http_head_find(b->head, "x-forwarded-proto")),
        .keep_alive = b->keep_alive,
    };
    struct frame *frames[2] = {0};
    if (static_files_answer(conn->loop->server->files, &q, frames)) {
        conn_push(conn, frames[0]);
        if (frames[1]) {
            conn_push(conn, frames[1]);
        }
        http_done(conn, b->keep_alive);
        return;
    }
    const struct route *route = static_files_disk_route(conn->loop->server->files, b->path);
    if (route) {
        b->match.route = route;
        begin_route(conn, b);
        return;
    }
    answer_no_route(conn, b);
}

static void begin(struct conn *conn, const struct http_head *head, struct str bytes)
{
    struct server *server = conn->loop->server;
    char path[HTTP_MAX_PATH];
    struct beginning b = {.head = head, .bytes = bytes, .path = {path, 0}};
    STAT_ADD(conn->loop, requests, 1);
    conn->loop->next_request++;
    conn->http.scan = 0;
    conn->http.has_started = false;
    b.has_body = head->is_chunked || head->content_length > 0;
    b.keep_alive = head->is_keep_alive && !conn->loop->is_stopping;
    if (str_eq_cstr(head->path, "*")) {
        b.match.allowed = 1U << HTTP_GET_METHOD | 1U << HTTP_OPTIONS_METHOD;
        answer_no_route(conn, &b);
        return;
    }
    enum http_fault fault = http_path_decode(head->path, path, &b.path.len);
    if (fault != HTTP_FINE) {
        refuse(conn, fault);
        return;
    }
    const struct socket_endpoint *endpoint = endpoint_find(server, b.path);
    if (endpoint) {
        if (within_rate(conn, &b, 0)) {
            ws_upgrade(conn, head, exchange_new(conn, head, bytes, b.path, &b.match), endpoint);
        }
        return;
    }
    router_find(server->router, head->method, b.path, &b.match);
    if (!within_rate(conn, &b, b.match.route ? b.match.route->rate_class : 2)) {
        return;
    }
    bool is_get = head->method == HTTP_GET_METHOD || head->method == HTTP_HEAD_METHOD;
    if (b.match.route) {
        begin_route(conn, &b);
    } else if (b.match.allowed == 0 && is_get && !b.has_body) {
        begin_static(conn, &b);
    } else {
        answer_no_route(conn, &b);
    }
}

/* ---- bytes ---- */

/* Returns how many bytes it used: 0 while the head is not whole. */
static size_t take_head(struct conn *conn, struct str bytes)
{
    struct http_side *h = &conn->http;
    size_t end;
    if (!h->has_started) {
        h->has_started = true;
        h->started_ms = loop_now(conn->loop);
        conn_deadline(conn, h->started_ms + conn->loop->server->options.header_timeout_ms);
    }
    enum http_fault fault = http_head_find_end(bytes, &h->scan, &end);
    if (fault == HTTP_FINE && end == 0) {
        return 0;
    }
    struct http_head head;
    if (fault == HTTP_FINE) {
        fault = http_head_parse(str_sub(bytes, 0, end), &head);
    }
    if (fault != HTTP_FINE) {
        refuse(conn, fault);
        return bytes.len;
    }
    begin(conn, &head, str_sub(bytes, 0, end));
    return end;
}

static void body_is_whole(struct conn *conn)
{
    struct exchange *x = conn->http.exchange;
    conn->http.exchange = NULL;
    exchange_submit(conn, x);
}

/* Feeds one slice; false: stop for now (waiting for the disk, or it is over). */
static bool feed_body(struct conn *conn, struct str data)
{
    conn->http.body_seen += (int64_t)data.len;
    enum err err = exchange_add_body(conn, conn->http.exchange, data);
    if (err == ERR_OK) {
        return true;
    }
    if (err == ERR_AGAIN) {
        conn_pause(conn);
        return false;
    }
    if (err == ERR_LIMIT) {
        refuse_simple(conn, ERR_LIMIT, "too_large", "the body is too large");
    } else {
        refuse_simple(conn, ERR_UNAVAILABLE, "unavailable", "the body could not be kept");
    }
    return false;
}

static size_t take_chunked(struct conn *conn, struct str bytes)
{
    size_t used = 0;
    for (;;) {
        struct str data = {0};
        size_t n = 0;
        enum http_chunk_result r =
            http_chunked_next(&conn->http.chunked, str_sub(bytes, used, bytes.len), &n, &data);
        used += n;
        if (r == HTTP_CHUNK_END) {
            body_is_whole(conn);
            return used;
        }
        if (r == HTTP_CHUNK_BAD) {
            refuse(conn, HTTP_BAD_CHUNK);
            return bytes.len;
        }
        if (r == HTTP_CHUNK_MORE || !feed_body(conn, data)) {
            return used;
        }
    }
}

static size_t take_body(struct conn *conn, struct str bytes)
{
    struct http_side *h = &conn->http;
    if (h->exchange->is_writing) {
        return 0;
    }
    if (h->is_chunked) {
        return take_chunked(conn, bytes);
    }
    size_t n = (int64_t)bytes.len < h->body_left ? bytes.len : (size_t)h->body_left;
    h->body_left -= (int64_t)n;
    bool goes_on = n == 0 || feed_body(conn, str_sub(bytes, 0, n));
    if (goes_on && h->body_left == 0) {
        body_is_whole(conn);
    }
    return n;
}

/* Runs the machine over what is there; returns the bytes used. */
static size_t process(struct conn *conn, char *p, size_t len)
{
    size_t used = 0;
    while (used < len && !conn->is_closing && !conn->finish_when_sent && conn->mode == CONN_HTTP) {
        struct str rest = {p + used, len - used};
        enum http_phase phase = conn->http.phase;
        size_t n = 0;
        if (phase == HTTP_IN_HEAD && conn_waiting(conn) < ANSWERS_AHEAD) {
            n = take_head(conn, rest);
        } else if (phase == HTTP_IN_BODY) {
            n = take_body(conn, rest);
        }
        used += n;
        if (n == 0 || (phase == HTTP_IN_BODY && conn->http.phase == HTTP_IN_BODY)) {
            break;
        }
    }
    return used;
}

static void after_upgrade(struct conn *conn)
{
    struct buf early = conn->in; /* frames sent right behind the upgrade request */
    buf_init(&conn->in, early.cap);
    if (early.len > 0) {
        ws_input(conn, early.p, early.len);
    }
    buf_release(&early);
}

void http_input(struct conn *conn, char *p, size_t len)
{
    bool was_kept = conn->in.len > 0;
    if (was_kept) {
        if (buf_add(&conn->in, p, len) != ERR_OK) {
            conn_kill(conn); /* cannot be: we pause long before */
            return;
        }
        p = conn->in.p;
        len = conn->in.len;
    }
    size_t used = process(conn, p, len);
    if (conn->is_closing || conn->finish_when_sent || conn->mode == CONN_DRAIN) {
        return;
    }
    if (was_kept) {
        buf_drop_front(&conn->in, used);
    } else if (used < len) {
        buf_add(&conn->in, p + used, len - used);
    }
    if (conn->in.len == 0) {
        buf_release(&conn->in);
        buf_init(&conn->in, 256UL * 1024);
    }
    if (conn->mode == CONN_WS) {
        after_upgrade(conn);
    } else if (conn->in.len > READ_AHEAD &&
               (conn->http.phase != HTTP_IN_HEAD || conn_waiting(conn) >= ANSWERS_AHEAD)) {
        conn_pause(conn);
    }
}

void http_resume(struct conn *conn)
{
    if (conn->is_closing || conn->finish_when_sent || conn->mode != CONN_HTTP) {
        return;
    }
    bool is_body_paused = conn->http.phase == HTTP_IN_BODY && conn->http.exchange->is_writing;
    if (conn->in.len > 0 && !is_body_paused) {
        struct buf kept = conn->in;
        buf_init(&conn->in, kept.cap);
        http_input(conn, kept.p, kept.len);
        buf_release(&kept);
    }
    if (!conn->is_closing && !conn->finish_when_sent && conn->in.len <= READ_AHEAD &&
        !is_body_paused) {
        conn_resume(conn);
    }
}

void http_body_has_room(struct conn *conn)
{
    if (conn->http.exchange->has_failed) {
        refuse_simple(conn, ERR_UNAVAILABLE, "unavailable", "the body could not be kept");
    } else if (!conn->http.is_chunked && conn->http.body_left == 0) {
        body_is_whole(conn);
    } else {
        http_resume(conn);
    }
}

/* ---- what happens meanwhile ---- */

void http_on_reply(struct conn *conn, struct reply *reply)
{
    if (conn->http.phase != HTTP_BUSY) {
        return;
    }
    conn->http.started_ms = loop_now(conn->loop);
    conn->http.moved_before = 0;
    conn->sent_bytes = 0;
    for (int i = 0; i < 2; i++) {
        if (reply->frames[i]) {
            conn_push(conn, reply->frames[i]);
            reply->frames[i] = NULL;
        }
    }
    if (reply->file || reply->source) {
        conn->http.phase = HTTP_STREAMING;
        conn_deadline(conn, conn->http.started_ms + conn->loop->server->options.body_timeout_ms);
        file_stream_start(conn, reply);
        return;
    }
    http_done(conn, reply->keep_alive);
    http_resume(conn);
}

void http_on_sent(struct conn *conn)
{
    if (conn->http.phase == HTTP_STREAMING && conn->http.stream) {
        file_stream_on_sent(conn);
    } else if (conn->http.phase == HTTP_IN_HEAD && conn->in.len > 0 && conn->is_paused) {
        http_resume(conn); /* answers had piled up */
    }
}

void http_on_eof(struct conn *conn)
{
    bool is_answering = conn->http.phase == HTTP_BUSY || conn->http.phase == HTTP_STREAMING ||
                        conn_waiting(conn) > 0;
    if (!is_answering) {
        conn_kill(conn);
    } else if (conn->http.phase == HTTP_IN_HEAD || conn->http.phase == HTTP_IN_BODY) {
        conn_finish(conn);
    }
}

/* Bodies and answers must keep moving: in each window at least NET_BYTES_PER_MS on average. What the kernel takes at the start of an answer
 * counts for the first window only, so somebody who never reads is cut in the second. */
static bool is_moving(struct conn *conn, int64_t bytes)
{
    struct http_side *h = &conn->http;
    int64_t window = conn->loop->server->options.body_timeout_ms;
    if (bytes - h->moved_before < window * NET_BYTES_PER_MS) {
        return false;
    }
    h->moved_before = bytes;
    conn_deadline(conn, loop_now(conn->loop) + window);
    return true;
}

void http_on_deadline(struct conn *conn)
{
    struct http_side *h = &conn->http;
    if (conn->finish_when_sent || h->phase == HTTP_STREAMING ||
        (h->phase == HTTP_IN_HEAD && conn_waiting(conn) > 0)) {
        if (!is_moving(conn, conn->sent_bytes)) {
            conn_kill(conn); /* a slow reader */
        }
    } else if (h->phase == HTTP_IN_BODY) {
        if (!is_moving(conn, h->body_seen)) {
            refuse_simple(conn, ERR_TIMEOUT, "request_timeout", "the body came too slowly");
        }
    } else if (h->phase == HTTP_IN_HEAD && h->has_started) {
        refuse_simple(conn, ERR_TIMEOUT, "request_timeout", "the request came too slowly");
    } else if (h->phase == HTTP_IN_HEAD) {
        int64_t idle_ends =
            h->n_answered ? h->started_ms + conn->loop->server->options.idle_timeout_ms : 0;
        if (loop_now(conn->loop) < idle_ends) {
            conn_deadline(conn, idle_ends); /* it was the sending that was watched */
        } else {
            conn_finish(conn);
        }
    }
}
