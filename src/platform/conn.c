/* Life of one TCP connection: accept, read into the loop's shared buffer, queue and write, deadlines, close.
 *
 * Writing: what a turn produces is queued and flushed once, by one writev through uv_try_write; only what the kernel does not take goes through
 * uv_write, one at a time. Closing politely: once everything is sent, shut down our side and read for a while, so that the peer gets the answer
 * instead of a reset. */
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"

#define IN_CAP (256UL * 1024)
#define WRITE_MAX (256UL * 1024)
#define FREE_NONE UINT32_MAX

struct conn_id conn_get_id(const struct conn *conn)
{
    return (struct conn_id){conn->loop->index, conn->slot, conn->generation};
}

static void slot_take(struct conn *conn)
{
    struct loop *loop = conn->loop;
    if (loop->free_slot == FREE_NONE) {
        uint32_t n = loop->n_slots ? loop->n_slots * 2 : 64;
        loop->slots = mem_realloc(loop->slots, n, sizeof(*loop->slots));
        for (uint32_t i = n; i > loop->n_slots; i--) {
            loop->slots[i - 1] = (struct slot){.generation = 1, .next_free = loop->free_slot};
            loop->free_slot = i - 1;
        }
        loop->n_slots = n;
    }
    conn->slot = loop->free_slot;
    struct slot *slot = &loop->slots[conn->slot];
    loop->free_slot = slot->next_free;
    slot->conn = conn;
    conn->generation = slot->generation;
}

static void slot_give_back(struct conn *conn)
{
    struct slot *slot = &conn->loop->slots[conn->slot];
    slot->conn = NULL;
    slot->generation++;
    slot->next_free = conn->loop->free_slot;
    conn->loop->free_slot = conn->slot;
}

/* ---- deadlines ---- */

void conn_wheel_unlink(struct conn *conn)
{
    if (!conn->wheel_ms) {
        return;
    }
    struct conn **head = &conn->loop->wheel[conn->wheel_ms / WHEEL_TICK_MS % WHEEL_SLOTS];
    if (conn->wheel_prev) {
        conn->wheel_prev->wheel_next = conn->wheel_next;
    } else {
        *head = conn->wheel_next;
    }
    if (conn->wheel_next) {
        conn->wheel_next->wheel_prev = conn->wheel_prev;
    }
    conn->wheel_prev = conn->wheel_next = NULL;
    conn->wheel_ms = 0;
}

void conn_deadline(struct conn *conn, int64_t at_ms)
{
    conn->deadline_ms = at_ms;
    if (at_ms == 0 || (conn->wheel_ms && conn->wheel_ms <= at_ms)) {
        return; /* the wheel looks again when its slot comes up */
    }
    conn_wheel_unlink(conn);
    int64_t last = conn->loop->wheel_at_ms + (WHEEL_SLOTS - 1) * WHEEL_TICK_MS;
    int64_t slot_ms = (at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS * WHEEL_TICK_MS;
    slot_ms = slot_ms > last                       ? last
              : slot_ms <= conn->loop->wheel_at_ms ? conn->loop->wheel_at_ms + WHEEL_TICK_MS
                                                   : slot_ms;
    struct conn **head = &conn->loop->wheel[slot_ms / WHEEL_TICK_MS % WHEEL_SLOTS];
    conn->wheel_ms = slot_ms;
    conn->wheel_next = *head;
    if (*head) {
        (*head)->wheel_prev = conn;
    }
    *head = conn;
}

void conn_on_tick(struct conn *conn)
{
    if (conn->mode == CONN_HTTP) {
        http_on_deadline(conn);
    } else if (conn->mode == CONN_WS) {
        ws_on_deadline(conn);
    } else {
        conn_kill(conn);
    }
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = (struct conn *)(void *)handle;
    struct loop *loop = conn->loop;
    if (conn->mode == CONN_WS) {
        ws_release(conn);
    } else if (conn->mode == CONN_HTTP) {
        http_release(conn);
    }
    if (conn->tls && *tls_wire(conn->tls)) {
        outq_put(&loop->pool, tls_wire(conn->tls));
    }
    if (conn->out) {
        outq_put(&loop->pool, &conn->out);
    }
    tls_side_free(&conn->tls);
    buf_release(&conn->in);
    if (conn->has_counted_ip) {
        rate_limit_leave(loop->server->rates, &conn->ip);
    }
    atomic_fetch_sub_explicit(&loop->server->n_connections, 1, memory_order_relaxed);
    STAT_ADD(loop, connections, -1);
    loop->n_conns--;
    mem_free(conn);
    loop_flush(loop); /* on_close may have published */
}

void conn_kill(struct conn *conn)
{
    if (conn->is_closing) {
        return;
    }
    conn->is_closing = true;
    conn_wheel_unlink(conn);
    if (conn->mode == CONN_WS) {
        hub_leave_all(conn->loop->hub, &conn->ws.topics);
    }
    slot_give_back(conn);
    uv_close((uv_handle_t *)&conn->tcp, on_closed);
}

/* Everything is out: say so, and wait for the peer to hang up. */
static void half_close(struct conn *conn)
{
    if (conn->mode == CONN_WS) {
        /* A socket stays what it is until it is gone, so that on_close is told; its deadline is the linger time. */
        conn_deadline(conn, loop_now(conn->loop) + NET_LINGER_MS);
    } else {
        if (conn->mode == CONN_HTTP) {
            http_release(conn);
        }
        conn->mode = CONN_DRAIN;
        buf_release(&conn->in);
        conn_deadline(conn, loop_now(conn->loop) + NET_LINGER_MS);
    }
    uv_os_fd_t fd;
    if (conn->has_eof || uv_fileno((uv_handle_t *)&conn->tcp, &fd) != 0 ||
        shutdown(fd, SHUT_WR) != 0) {
        conn_kill(conn);
        return;
    }
    conn_resume(conn);
}

static struct outq **wire_of(struct conn *conn)
{
    return conn->tls ? tls_wire(conn->tls) : &conn->out;
}

static void when_sent(struct conn *conn)
{
    if (conn->finish_when_sent) {
        if (conn->tls && tls_shutdown(conn)) {
            conn_flush(conn); /* comes back here once close_notify is out */
            return;
        }
        conn->finish_when_sent = false;
        half_close(conn);
    } else if (conn->mode == CONN_HTTP) {
        http_on_sent(conn);
    }
}

void conn_finish(struct conn *conn)
{
    if (conn->is_closing || conn->finish_when_sent || conn->mode == CONN_DRAIN) {
        return;
    }
    conn->finish_when_sent = true;
    if (conn->mode == CONN_HTTP) {
        conn->http.started_ms = loop_now(conn->loop);
        conn->http.moved_before = 0;
        conn->sent_bytes = 0;
        conn_deadline(conn, loop_now(conn->loop) + conn->loop->server->options.body_timeout_ms);
    }
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        conn->next_dirty = conn->loop->dirty;
        conn->loop->dirty = conn;
    }
}

/* ---- writing ---- */

size_t conn_waiting(const struct conn *conn)
{
    return (conn->out ? conn->out->bytes : 0) + (conn->tls ? tls_waiting(conn->tls) : 0);
}

void conn_push(struct conn *conn, struct frame *frame)
{
    if (conn->is_closing) {
        frame_unref(&frame);
        return;
    }
    if (!conn->out) {
        conn->out = outq_get(&conn->loop->pool);
    }
    outq_push(conn->out, frame);
    if (!conn->is_dirty) {
        conn->is_dirty = true;
        conn->next_dirty = conn->loop->dirty;
        conn->loop->dirty = conn;
    }
}

static void count_sent(struct conn *conn, size_t n)
{
    conn->sent_bytes += (int64_t)n;
    STAT_ADD(conn->loop, bytes_out, n);
}

static void on_written(uv_write_t *write, int status)
{
    struct conn *conn = (struct conn *)(void *)write->handle;
    struct loop *loop = conn->loop;
    struct outq *q = *wire_of(conn);
    size_t n = q->inflight_bytes;
    q->n_inflight = 0;
    q->inflight_bytes = 0;
    if (status < 0 || conn->is_closing) {
        conn_kill(conn);
        return;
    }
    outq_consume(q, n);
    count_sent(conn, n);
    conn_flush(conn);
    loop_flush(loop);
}

/* True when the queue is empty afterwards. */
static bool write_some(struct conn *conn, struct outq *q)
{
    while (q->len > 0) {
        uv_buf_t bufs[OUTQ_BUFS];
        size_t total;
        unsigned n = outq_bufs(q, bufs, WRITE_MAX, &total);
        int r = uv_try_write((uv_stream_t *)&conn->tcp, bufs, n);
        if (r > 0) {
            outq_consume(q, (size_t)r);
            count_sent(conn, (size_t)r);
            if ((size_t)r == total) {
                continue;
            }
            n = outq_bufs(q, bufs, WRITE_MAX, &total);
        } else if (r != UV_EAGAIN) {
            conn_kill(conn);
            return false;
        }
        q->n_inflight = n;
        q->inflight_bytes = total;
        if (uv_write(&q->write, (uv_stream_t *)&conn->tcp, bufs, n, on_written) != 0) {
            q->n_inflight = 0;
            conn_kill(conn);
        }
        return false;
    }
    return true;
}

void conn_flush(struct conn *conn)
{
    struct outq **wire = wire_of(conn);
    for (;;) {
        if (conn->is_closing || (*wire && (*wire)->n_inflight > 0)) {
            return;
        }
        enum tls_step step = conn->tls ? tls_encrypt(conn) : TLS_DONE;
        if (step == TLS_FAILED) {
            conn_kill(conn);
            return;
        }
        if (*wire && !write_some(conn, *wire)) {
            return;
        }
        if (*wire) {
            outq_put(&conn->loop->pool, wire);
        }
        if (step == TLS_BLOCKED) {
            if (conn->finish_when_sent) {
                conn_kill(
                    conn); /* nobody to say goodbye to: the handshake is not over, or failed */
            }
            return;
        }
        if (!conn->out) {
            break;
        }
    }
    when_sent(conn);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(((struct conn *)(void *)handle)->loop->read_buf, NET_READ_BUF);
}

void conn_plain(struct conn *conn, char *p, size_t len)
{
    if (conn->mode == CONN_HTTP) {
        http_input(conn, p, len);
    } else if (conn->mode == CONN_WS) {
        ws_input(conn, p, len);
    }
}

void conn_peer_done(struct conn *conn)
{
    conn->has_eof = true;
    if (conn->mode == CONN_HTTP) {
        http_on_eof(conn);
    } else {
        conn_kill(conn);
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *conn = (struct conn *)(void *)stream;
    struct loop *loop = conn->loop;
    if (n > 0) {
        STAT_ADD(loop, bytes_in, n);
        if (conn->mode == CONN_DRAIN) {
            return;
        }
        if (conn->tls) {
            tls_input(conn, buf->base, (size_t)n);
        } else {
            conn_plain(conn, buf->base, (size_t)n);
        }
    } else if (n == UV_EOF) {
        conn_peer_done(conn);
    } else if (n < 0) {
        conn_kill(conn);
    }
    loop_flush(loop);
}

void conn_pause(struct conn *conn)
{
    if (!conn->is_paused && !conn->is_closing) {
        conn->is_paused = true;
        uv_read_stop((uv_stream_t *)&conn->tcp);
    }
}

void conn_resume(struct conn *conn)
{
    if (conn->is_paused && !conn->is_closing && !conn->has_eof) {
        conn->is_paused = false;
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    }
}

/* ---- accepting ---- */

static bool read_peer(struct conn *conn)
{
    struct sockaddr_storage ss;
    int len = sizeof(ss);
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&ss, &len) != 0) {
        return false;
    }
    if (ss.ss_family == AF_INET6) {
        memcpy(conn->ip.b, &((struct sockaddr_in6 *)(void *)&ss)->sin6_addr, 16);
    } else {
        conn->ip = (struct ip){.b = {[10] = 0xff, [11] = 0xff}};
        memcpy(conn->ip.b + 12, &((struct sockaddr_in *)(void *)&ss)->sin_addr, 4);
    }
    return true;
}

static bool may_enter(struct conn *conn)
{
    struct server *server = conn->loop->server;
    if (atomic_load_explicit(&server->n_connections, memory_order_relaxed) >
            (int64_t)server->options.max_connections ||
        conn->loop->is_stopping) {
        return false;
    }
    conn->is_peer_trusted = proxies_trusts(server->proxies, &conn->ip);
    if (!conn->is_peer_trusted) { /* a proxy brings everybody's connections */
        conn->has_counted_ip = rate_limit_enter(server->rates, &conn->ip);
        return conn->has_counted_ip;
    }
    return true;
}

void conn_accept(struct loop *loop, uv_stream_t *listener)
{
    struct conn *conn = MEM_NEW(struct conn);
    conn->loop = loop;
    uv_tcp_init(&loop->uv, &conn->tcp);
    buf_init(&conn->in, IN_CAP);
    slot_take(conn);
    loop->n_conns++;
    atomic_fetch_add_explicit(&loop->server->n_connections, 1, memory_order_relaxed);
    STAT_ADD(loop, connections, 1);
    http_start(conn);
    if (uv_accept(listener, (uv_stream_t *)&conn->tcp) != 0 || !read_peer(conn) ||
        !may_enter(conn)) {
        STAT_ADD(loop, refused, 1);
        conn_kill(conn);
        return;
    }
    uv_tcp_nodelay(&conn->tcp, 1);
    if (loop->server->tls) {
        conn->tls = tls_side_new(loop->server->tls);
    }
    conn->is_paused = true;
    conn_resume(conn);
}
