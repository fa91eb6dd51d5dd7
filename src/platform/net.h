/* Inside of the server: loops, connections and what passes between threads. For platform's own files.
 *
 * A connection lives on one loop and is touched by that thread only. Everything else reaches it as a command in the loop's inbox, addressed by slot and
 * generation. A connection that begins to close gives up its slot at once; its memory goes when libuv is done with the handle, so code further up
 * the stack may still look at `is_closing`. */
#ifndef PLATFORM_NET_H
#define PLATFORM_NET_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "platform/http_impl.h"
#include "platform/hub.h"
#include "platform/outq.h"
#include "platform/proxy.h"
#include "platform/rate_limit.h"
#include "platform/workers.h"
#include "platform/ws_frame.h"

#define NET_READ_BUF 65536
#define NET_MAX_LOOPS 16
#define NET_MAX_ENDPOINTS 8
#define NET_FANOUT_SLICE 256
#define NET_LINGER_MS 2000
#define NET_WS_CLOSE_MS 5000
#define NET_PING_MS 25000
#define NET_DEAD_MS 60000
#define NET_DRAIN_MS 10000
#define NET_BODY_IN_MEMORY (256UL * 1024)
#define NET_BYTES_PER_MS                                                                           \
    1 /* the least that a body or an answer must move at, over a window of body_timeout_ms */

struct loop;
struct exchange;
struct file_stream;
struct tls_context;
struct tls_side;
struct static_files;

/* ---- one connection ---- */

enum conn_mode {
    CONN_HTTP,
    CONN_WS,
    CONN_DRAIN /* answered, half closed, reading only to be polite */
};
enum http_phase { HTTP_IN_HEAD, HTTP_IN_BODY, HTTP_BUSY /* on a worker */, HTTP_STREAMING };

struct http_side {
    enum http_phase phase;
    bool is_chunked;
    bool has_started; /* first byte of a head came */
    uint32_t n_answered;
    struct http_chunked chunked;
    size_t scan;
    int64_t body_left, body_seen;
    int64_t started_ms;   /* of the phase */
    int64_t moved_before; /* bytes at the start of the window of the progress rule */
    struct exchange *exchange;
    struct file_stream *stream;
};

struct ws_side {
    struct ws_decoder decoder;
    const struct socket_endpoint *endpoint;
    void *user;
    struct memberships topics;
    int64_t last_seen_ms, tokens_at_ms;
    float tokens;
    uint16_t close_code;
    bool is_accepted, has_sent_close, has_got_close, is_pinged;
};

struct conn {
    uv_tcp_t tcp; /* first: libuv's pointer is cast back */
    struct loop *loop;
    uint32_t slot, generation;
    enum conn_mode mode;
    bool is_closing;       /* uv_close was called */
    bool is_dirty;         /* in loop->dirty */
    bool finish_when_sent; /* then half close, drain, close */
    bool has_eof, is_paused, is_peer_trusted, has_counted_ip;
    struct outq *out;
    struct buf in; /* unparsed bytes; empty while idle */
    struct tls_side *tls;
    struct conn *next_dirty;
    struct conn *wheel_prev, *wheel_next;
    int64_t deadline_ms; /* 0: none */
    int64_t wheel_ms;    /* where it hangs in the wheel; 0: nowhere */
    int64_t sent_bytes;  /* of the answer under way, for the progress rule */
    struct ip ip;
    union {
        struct http_side http;
        struct ws_side ws;
    };
};

/* ---- between threads ---- */

enum command_kind {
    CMD_REPLY,
    CMD_FILE, /* more of what is being streamed is there */
    CMD_SEND,
    CMD_CLOSE,
    CMD_ACCEPT,
    CMD_JOIN,
    CMD_RELEASE,
    CMD_LEAVE,
    CMD_PUBLISH,
    CMD_STOP
};
struct command {
    struct command *next;
    enum command_kind kind;
    bool flag; /* join: held; publish: `conn` is the exception */
    struct conn_id conn;
    uint64_t topic;
    int64_t seq; /* also the close code */
    struct frame *frame;
    struct reply *reply;
    char *text;
};

/* ---- one loop ---- */

struct slot {
    struct conn *conn;
    uint32_t generation, next_free;
};

#define WHEEL_SLOTS 512
#define WHEEL_TICK_MS 250

struct loop_stats {
    _Atomic int64_t connections, sockets, requests, refused, messages_in, messages_out, bytes_in,
        bytes_out, behind_closed;
};
/* The loop thread is the only writer: no locked instruction needed. */
#define STAT_ADD(loop, field, n)                                                                   \
    atomic_store_explicit(&(loop)->stats.field,                                                    \
                          atomic_load_explicit(&(loop)->stats.field, memory_order_relaxed) +       \
                              (int64_t)(n),                                                        \
                          memory_order_relaxed)

struct loop {
    struct server *server;
    uint32_t index;
    uv_loop_t uv;
    uv_tcp_t listener;
    uv_async_t wake;
    uv_timer_t tick;
    uv_idle_t fanout;
    bool is_fanout_on, is_listening, is_stopping;
    int64_t stop_ms; /* when draining ends */
    pthread_t thread;
    _Atomic(struct command *) inbox; /* newest first */
    struct slot *slots;
    uint32_t n_slots, free_slot; /* UINT32_MAX: none */
    uint32_t n_conns;
    char *read_buf;
    struct hub *hub;
    struct outq_pool pool;
    struct conn *dirty;
    struct conn *wheel[WHEEL_SLOTS];
    int64_t wheel_at_ms;
    int64_t body_bytes; /* request bodies in memory */
    uint64_t next_request;
    struct loop_stats stats;
};

#define SERVER_GAUGES 10
struct server_gauge {
    const struct server *server;
    size_t offset;
};

struct server {
    struct server_options options; /* texts copied */
    struct router *router;
    struct proxies *proxies;
    struct rate_limit *rates;
    struct workers *workers;
    struct workers *probe_worker; /* one, for routes that never wait */
    struct tls_context *tls;
    struct static_files *files;
    struct socket_endpoint endpoints[NET_MAX_ENDPOINTS];
    size_t n_endpoints;
    struct loop *loops[NET_MAX_LOOPS];
    uint32_t n_loops;
    int port;
    _Atomic int64_t n_connections;
    bool is_started, is_stopped;
    struct server_gauge gauges[SERVER_GAUGES];
    struct metric *answers[6], *request_seconds;
};

/* server_metrics.c */
void server_metrics_add(struct server *s);
void server_metrics_remove(struct server *s);
void server_metrics_answer(struct server *s, int status, int64_t us); /* any thread */

/* loop.c */
ERR_MUST_USE enum err loop_new(struct server *server, uint32_t index, int fd, struct loop **out,
                               struct errinfo *info); /* owns fd */
ERR_MUST_USE enum err loop_start(struct loop *loop);
void loop_join(struct loop *loop);
void loop_free(struct loop **loop);
/* A chain that is linked from its newest to its oldest: one wake-up for all of it. */
void loop_post_chain(struct loop *loop, struct command *newest, struct command *oldest);
void loop_post(struct loop *loop, struct command *command); /* any thread; takes it */
struct loop *loop_current(void); /* the loop whose thread this is, or NULL */
struct conn *loop_find(struct loop *loop, struct conn_id id);
void loop_run_command(struct loop *loop, struct command *command); /* on the loop; frees it */
void loop_flush(struct loop *loop); /* sends what this turn has queued */
int64_t loop_now(const struct loop *loop);
void loop_fanout(struct loop *loop); /* something was published */

/* conn.c */
void conn_accept(struct loop *loop, uv_stream_t *listener);
struct conn_id conn_get_id(const struct conn *conn);
void conn_push(struct conn *conn,
               struct frame *frame); /* takes the reference; sent by loop_flush */
void conn_flush(struct conn *conn);
void conn_finish(struct conn *conn); /* no more answers: once all is sent, half close and drain */
void conn_kill(struct conn *conn);
void conn_deadline(struct conn *conn, int64_t at_ms); /* 0: none */
void conn_wheel_unlink(struct conn *conn);
void conn_on_tick(struct conn *conn); /* its deadline has passed */
void conn_pause(struct conn *conn);
void conn_resume(struct conn *conn);
size_t conn_waiting(const struct conn *conn); /* bytes queued to go out */
void conn_peer_done(struct conn *conn);       /* the peer will send no more (EOF, close_notify) */
void conn_plain(struct conn *conn, char *p, size_t len); /* decrypted or plain input */

/* conn_http.c */
void http_start(struct conn *conn);
void http_input(struct conn *conn, char *p, size_t len);
void http_on_reply(struct conn *conn, struct reply *reply);
void http_on_sent(struct conn *conn); /* everything queued is gone */
void http_on_eof(struct conn *conn);
void http_on_deadline(struct conn *conn);
void http_release(struct conn *conn);
void http_problem(struct conn *conn, enum err err, const struct errinfo *info,
                  struct str extra_head, bool keep_alive, bool is_head);
void http_done(struct conn *conn,
               bool keep_alive); /* the answer is queued: next request or the end */
void http_resume(struct conn *conn);

/* http_exchange.c: one request on its way through a worker */
struct exchange {
    struct http_request hq;
    struct response rs;
    struct server *server;
    struct conn_id conn;
    struct answer how;
    struct buf body;
    size_t in_memory_counted; /* of loop->body_bytes */
    bool is_spooled, is_writing, is_orphan, has_failed;
    int spool_fd;
    int64_t spool_at;
    int64_t began_ns; /* handed to the workers */
    uv_fs_t fs;
    struct loop *loop;
};
/* TLS here, or at a proxy that is trusted and says so. */
bool exchange_is_tls(const struct conn *conn, struct str forwarded_proto);
struct exchange *exchange_new(struct conn *conn, const struct http_head *head, struct str bytes,
                              struct str path, const struct route_match *match);
/* Adds body bytes; ERR_AGAIN: taken, but wait for exchange_on_room before more; ERR_LIMIT: over the route's cap. */
ERR_MUST_USE enum err exchange_add_body(struct conn *conn, struct exchange *x, struct str bytes);
void exchange_submit(
    struct conn *conn,
    struct exchange *x);                /* to a worker; answers 503 itself when there is no room */
void exchange_drop(struct exchange *x); /* connection gone before the request was whole */
void exchange_free(void *exchange);
void http_body_has_room(
    struct conn *conn); /* conn_http.c: called when a spooled piece is on disk */

/* file_stream.c */
void file_stream_start(struct conn *conn, struct reply *reply); /* takes its file or source */
void file_stream_on_ready(struct conn *conn);
void file_stream_on_sent(struct conn *conn);
void file_stream_abort(struct file_stream **stream);

/* conn_ws.c */
void ws_upgrade(struct conn *conn, const struct http_head *head, struct exchange *x,
                const struct socket_endpoint *endpoint);
void ws_input(struct conn *conn, char *p, size_t len);
void ws_send(struct conn *conn, struct frame *frame); /* takes its own reference */
void ws_close(struct conn *conn, int code, const char *reason);
void ws_accept(struct conn *conn);
void ws_on_deadline(struct conn *conn);
void ws_release(struct conn *conn); /* tells on_close */
extern const struct hub_ops ws_hub_ops;

/* tls.c */
ERR_MUST_USE enum err tls_context_new(const char *cert, const char *key, struct tls_context **out,
                                      struct errinfo *info);
void tls_context_free(struct tls_context **context);
struct tls_side *tls_side_new(struct tls_context *context);
void tls_side_free(struct tls_side **side);
void tls_input(struct conn *conn, char *p,
               size_t len); /* calls conn_plain; queues handshake bytes */
enum tls_step { TLS_DONE, TLS_BLOCKED /* handshake not over */, TLS_FAILED };
/* Turns what waits in conn->out into records on the wire queue, up to a high-water mark. */
enum tls_step tls_encrypt(struct conn *conn);
struct outq **tls_wire(struct tls_side *side);
bool tls_shutdown(struct conn *conn); /* queues close_notify; false: done before */
size_t tls_waiting(const struct tls_side *side);

#endif
