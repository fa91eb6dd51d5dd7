/* The network face of the program: loops, listeners, WebSocket connections, workers, static files.
 *
 * Loop threads do I/O only and never block. Requests go to the worker pool. Nothing of libuv, llhttp or OpenSSL is visible above this header.
 * Connections are addressed across threads by struct conn_id (slot + generation), never by pointer: a message to a connection that is gone is dropped.
 *
 *     static enum err hello_get(struct request *rq, struct response *rs, struct errinfo *info)      // on a worker; may block
 *     {
 *         struct json_writer *w = response_json(rs);
 *         json_object_begin(w);
 *         json_kv_str(w, "hello", request_param(rq, "name"));
 *         json_object_end(w);
 *         return ERR_OK;                                       // or: return err_set(info, ERR_NOT_FOUND, NULL, "not_found", "...");
 *     }
 *     static void on_message(void *arg, struct conn_id conn, void *user, struct str text)           // on the loop; must not block
 *     {
 *         struct job *job = job_new(conn, user, text);         // copy what is needed ...
 *         if (server_work(arg, job->session_key, job_run, job) != ERR_OK) { ... }                   // ... and go on in a worker, in order per key
 *     }
 *     static const struct route routes[] = {{.method = HTTP_GET_METHOD, .pattern = "/hello/{name}", .operation = "hello_get", .handler = hello_get}};
 *     struct server_options o = {.listen = "127.0.0.1:8080", .spool_dir = dir, .routes = routes, .n_routes = 1, .rooms = rooms};
 *     TRY(server_new(&o, &server, &info));
 *     server_add_endpoint(server, &(struct socket_endpoint){.path = "/socket", .max_frame = 65536, .max_queue = 1 << 20, .max_frames_per_s = 50,
 *         .hello_timeout_ms = 5000, .check_origin = true, .arg = server, .on_open = on_open, .on_message = on_message, .on_close = on_close});
 *     TRY(server_start(server, &info));                         // port: server_port(server)
 *     ... wait for SIGTERM ...
 *     server_stop(server);                                      // workers may still publish: rooms are freed after this
 *     server_free(&server);
 */
#ifndef PLATFORM_SERVER_H
#define PLATFORM_SERVER_H

#include "platform/http.h"

struct server;

struct conn_id {
    uint32_t loop, slot, generation;
};

/* ---- WebSockets ---- */

/* Close codes of our own (RFC 6455 leaves 4000-4999 to applications). spec/socket.yaml tells clients what follows from each. */
enum socket_close {
    SOCKET_CLOSE_NO_HELLO = 4001,
    SOCKET_CLOSE_BAD_FRAME = 4002,
    SOCKET_CLOSE_NOT_SIGNED_IN = 4003,
    SOCKET_CLOSE_BEHIND = 4008, /* come again at once and resume */
    SOCKET_CLOSE_TOO_FAST = 4029,
};

/* Bytes of one frame, counted, shared by everyone it is sent to. Made on any thread; the payload is copied once. */
struct frame;
struct frame *frame_new_text(struct str payload);
struct frame *frame_ref(struct frame *f);
void frame_unref(struct frame **f);

/* One kind of socket endpoint ("/api/v1/socket", "/api/v1/visitor/socket"). All callbacks run on the connection's loop thread and must not block. */
struct socket_endpoint {
    const char *path;
    size_t max_frame; /* bytes of one message; larger: close 1009 */
    size_t
        max_queue; /* bytes waiting to go out; past it: close 4008 "behind", the client resumes */
    int max_frames_per_s; /* token bucket; past it: close 4029 */
    int hello_timeout_ms; /* close 4001 unless socket_accept was called by then */
    bool check_origin;    /* Origin must be our own host or in settings http.allowed_origins */
    void *arg;
    /* The upgrade request (headers, cookies, IP) is readable during on_open only. Refuse by returning an error (the HTTP answer). *user_out is kept for the connection. */
    enum err (*on_open)(void *arg, const struct request *rq, struct conn_id conn, void **user_out,
                        struct errinfo *info);
    /* One whole text message, valid UTF-8. Binary messages close with 1003. The bytes are valid during the call. */
    void (*on_message)(void *arg, struct conn_id conn, void *user, struct str text);
    void (*on_close)(void *arg, struct conn_id conn, void *user, int code);
};
/* Before server_start; copied. */
void server_add_endpoint(struct server *s, const struct socket_endpoint *endpoint);

/* From any thread. */

/* The hello was good: from now on idle timeouts (ping after 25 s of silence, dead after 60 s). */
void socket_accept(struct server *s, struct conn_id conn);
/* Takes its own reference. */
void socket_send(struct server *s, struct conn_id conn, struct frame *frame);
/* The close frame follows what is queued; `reason` is copied, at most 123 bytes. */
void socket_close(struct server *s, struct conn_id conn, int code, const char *reason);

/* Topics: who gets what. A topic is a number made by the caller (kind in the top byte, id below). Publishing is ordered: everything published by one
 * thread arrives in that order. `seq` grows per topic.
 * Resume without a gap: socket_join(held=true), then read what was missed from the database and socket_send it, then socket_release(after = last seq sent):
 * frames that came meanwhile with seq > after follow, the others are dropped. */
void socket_join(struct server *s, struct conn_id conn, uint64_t topic, bool held);
void socket_release(struct server *s, struct conn_id conn, uint64_t topic, int64_t after);
void socket_leave(struct server *s, struct conn_id conn, uint64_t topic);
/* seq 0: transient (typing, presence): dropped for held members and for connections that are behind. `except` (NULL: nobody) is left out. Fan-out is sliced (256 sockets a turn). */
void socket_publish(struct server *s, uint64_t topic, int64_t seq, struct frame *frame,
                    const struct conn_id *except);

/* Between the two, what this thread sends, publishes, joins ... waits and then goes out together: each loop is woken once, and what a socket gets in one go
 * is one write. In the order in which it was given, as ever; server_work sends what waits first, so that a job does not overtake what led to it. For a thread that answers many at once (the database's writer after a commit); not to be
 * nested, and not for long. `server` is a struct server. */
void server_hold(void *server);
void server_let_go(void *server);

/* ---- workers ---- */

/* Runs fn(arg) on the worker pool. Jobs with the same non-zero `key` run one after another in order (frames of one connection). ERR_LIMIT when the queue is full. */
ERR_MUST_USE enum err server_work(struct server *s, uint64_t key, void (*fn)(void *arg), void *arg);

/* ---- life ---- */

/* One embedded file, made by scripts/embed-assets. `br` and `gz` may be NULL (not worth it). Static. */
struct asset {
    const char *path; /* "/console/index.html" */
    const char *type; /* content type */
    const char *etag; /* with its quotes */
    const unsigned char *bytes, *br, *gz;
    size_t len, br_len, gz_len;
    bool is_immutable; /* the name holds a hash of the content */
};

struct server_options {
    const char *listen; /* "127.0.0.1:8080", "[::]:443", port 0 = any */
    int n_loops; /* 0: half as many as cores, at most 4: the database and the workers want the rest */
    int n_workers;                  /* 0: 8 */
    const char *tls_cert, *tls_key; /* NULL: plain */
    const char *trusted_proxies;    /* "10.0.0.0/8, 127.0.0.1": hops whose X-Forwarded-* counts */
    const char *allowed_origins;
    const char *web_dir;        /* serve files from here (development) instead of `assets` */
    const struct asset *assets; /* sorted by path; must outlive the server */
    size_t n_assets;
    const char *spool_dir;         /* request bodies over 256 kB; NULL: refused instead */
    size_t max_connections;        /* 0 or too many: what the open-file limit allows */
    size_t max_connections_per_ip; /* 0: no limit; never for trusted proxies */
    /* 0: 10, 30 and 75 s. Head as a whole; body and answer must move 1 kB/s in each window. */
    int header_timeout_ms, body_timeout_ms, idle_timeout_ms;
    int rate_per_s, rate_burst; /* per IP and class; 0: no limit */
    const struct route *routes;
    size_t n_routes;
    void *const *rooms; /* by route.room */
    void *auth_arg;
    /* Fills rq->actor by route->auth, or refuses (ERR_UNAUTHORIZED, ERR_DENIED). On a worker. */
    enum err (*authenticate)(void *auth_arg, struct request *rq, struct errinfo *info);
    /* Word for the log of who was refused something ("agent:12"); NULL: it says nothing. In `arena`. */
    struct str (*name_actor)(const void *actor, struct arena *arena);
    /* Runs the route's handler, after authenticate; NULL: it is called as it is. On a worker. */
    enum err (*run)(void *run_arg, struct request *rq, struct response *rs, struct errinfo *info);
    void *run_arg;
};
ERR_MUST_USE enum err server_new(const struct server_options *options, struct server **out,
                                 struct errinfo *info);
/* Listening when it returns; threads run. SIGPIPE is ignored from here on. */
ERR_MUST_USE enum err server_start(struct server *s, struct errinfo *info);
int server_port(const struct server *s);
/* Stops accepting, sends close 1001 to sockets, finishes requests under way, drains at most 10 s, joins loops, then workers (which run what is queued). */
void server_stop(struct server *s);
void server_free(struct server **s);

/* For a room that serves a page of the web apps under an address or a policy of its own: the file's
 * bytes ("/widget/index.html"), and the usual policy with other frame-ancestors (no ';' or ','). */
ERR_MUST_USE enum err server_page_load(const struct server *s, const char *path,
                                       struct arena *arena, struct str *out);
struct str server_page_policy(struct arena *arena, struct str frame_ancestors);

struct server_stats {
    int64_t connections, sockets, requests, refused, messages_in, messages_out, bytes_in, bytes_out,
        behind_closed, queue_len;
};
void server_stats_get(const struct server *s, struct server_stats *out);

#endif
