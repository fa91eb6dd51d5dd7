/* WebSocket side of a connection: the upgrade, frames in, frames out, limits, heartbeat, closing.
 *
 * Closing: our close frame goes out behind what is queued (or, for a slow reader, in place of it); then we wait a few seconds for the peer's, half
 * close and drain. on_close is called from the very end of the connection (conn.c), never from within a callback of the endpoint. */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"
#include "platform/origin.h"
#include "platform/ws_accept.h"

/* ---- upgrade ---- */

static enum err check_upgrade(struct conn *conn, const struct http_head *head,
                              const struct exchange *x, const struct socket_endpoint *endpoint,
                              struct errinfo *info)
{
    if (head->method != HTTP_GET_METHOD || !head->wants_upgrade ||
        !http_list_has(http_head_find(head, "upgrade"), "websocket") ||
        !str_eq_cstr(http_head_find(head, "sec-websocket-version"), "13")) {
        return err_set(info, ERR_INVALID, NULL, "upgrade_required",
                       "this address speaks WebSocket version 13");
    }
    if (head->is_chunked || head->content_length > 0 ||
        !ws_accept_key_is_good(http_head_find(head, "sec-websocket-key"))) {
        return err_set(info, ERR_INVALID, NULL, "bad_upgrade", "the WebSocket handshake is wrong");
    }
    if (endpoint->check_origin &&
        !origin_is_allowed(http_head_find(head, "origin"), x->hq.rq.host, x->hq.rq.is_tls,
                           conn->loop->server->options.allowed_origins)) {
        return err_set(info, ERR_DENIED, NULL, "origin", "this origin may not connect");
    }
    if (conn->loop->is_stopping) {
        return err_set(info, ERR_AGAIN, NULL, "stopping", "the server is about to stop");
    }
    return ERR_OK;
}

static void become_ws(struct conn *conn, const struct socket_endpoint *endpoint, void *user)
{
    int64_t now = loop_now(conn->loop);
    conn->mode = CONN_WS;
    conn->ws = (struct ws_side){.endpoint = endpoint,
                                .user = user,
                                .last_seen_ms = now,
                                .tokens_at_ms = now,
                                .close_code = WS_CLOSE_ABNORMAL};
    conn->ws.tokens = (float)endpoint->max_frames_per_s;
    ws_decoder_init(&conn->ws.decoder, endpoint->max_frame);
    STAT_ADD(conn->loop, sockets, 1);
    conn_deadline(
        conn, now + (endpoint->hello_timeout_ms > 0 ? endpoint->hello_timeout_ms : NET_PING_MS));
}

void ws_upgrade(struct conn *conn, const struct http_head *head, struct exchange *x,
                const struct socket_endpoint *endpoint)
{
    struct errinfo info = {0};
    void *user = NULL;
    enum err err = check_upgrade(conn, head, x, endpoint, &info);
    if (err == ERR_OK) {
        err = endpoint->on_open(endpoint->arg, &x->hq.rq, conn_get_id(conn), &user, &info);
    }
    exchange_free(x);
    if (err != ERR_OK) {
        info.err = err;
        struct str extra = strcmp(info.code, "upgrade_required") == 0
                               ? STR("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
                               : (struct str){0};
        http_problem(conn, err, &info, extra, false, head->method == HTTP_HEAD_METHOD);
        STAT_ADD(conn->loop, refused, 1);
        conn_finish(conn);
        return;
    }
    char key[32];
    BUF_AUTO b;
    buf_init(&b, 512);
    buf_add_cstr(&b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Accept: ");
    buf_add_str(&b, ws_accept_answer(http_head_find(head, "sec-websocket-key"), key));
    buf_add_cstr(&b, "\r\n\r\n");
    become_ws(conn, endpoint, user);
    conn_push(conn, frame_new_bytes(buf_str(&b)));
}

/* ---- out ---- */

/* What waits is of no use to a reader that does not keep up: it reads it again from the database. A 4008 that the desk asks for drops nothing:
 * the next line goes on from what this one has told. */
static void close_slow_reader(struct conn *conn)
{
    if (conn->out && !conn->is_closing && !conn->ws.has_sent_close) {
        outq_drop_waiting(conn->out);
    }
    ws_close(conn, SOCKET_CLOSE_BEHIND, "behind");
}

void ws_send(struct conn *conn, struct frame *frame)
{
    struct ws_side *ws = &conn->ws;
    if (conn->is_closing || ws->has_sent_close) {
        return;
    }
    if (conn_waiting(conn) + frame->len > ws->endpoint->max_queue && ws->endpoint->max_queue > 0) {
        STAT_ADD(conn->loop, behind_closed, 1);
        close_slow_reader(conn);
        return;
    }
    if (!frame->is_control) {
        STAT_ADD(conn->loop, messages_out, 1);
    }
    conn_push(conn, frame_ref(frame));
}

void ws_close(struct conn *conn, int code, const char *reason)
{
    struct ws_side *ws = &conn->ws;
    if (conn->is_closing || ws->has_sent_close) {
        return;
    }
    ws->has_sent_close = true;
    if (ws->close_code == WS_CLOSE_ABNORMAL) {
        ws->close_code = (uint16_t)code;
    }
    conn_push(
        conn,
        frame_new_ws_close(
            code,
            reason)); /* topics are left at the end (conn_kill): this may run inside a fan-out */
    conn_deadline(conn, loop_now(conn->loop) + NET_WS_CLOSE_MS);
    if (ws->has_got_close || ws->decoder.failure) {
        conn_finish(conn);
    }
}

void ws_accept(struct conn *conn)
{
    if (conn->ws.is_accepted || conn->ws.has_sent_close) {
        return;
    }
    conn->ws.is_accepted = true;
    conn->ws.last_seen_ms = loop_now(conn->loop);
    conn_deadline(conn, conn->ws.last_seen_ms + NET_PING_MS);
}

/* ---- in ---- */

static bool within_rate(struct conn *conn)
{
    struct ws_side *ws = &conn->ws;
    int per_s = ws->endpoint->max_frames_per_s;
    if (per_s <= 0) {
        return true;
    }
    int64_t now = loop_now(conn->loop);
    ws->tokens += (float)(now - ws->tokens_at_ms) * (float)per_s / 1000.0F;
    ws->tokens = ws->tokens > (float)per_s ? (float)per_s : ws->tokens;
    ws->tokens_at_ms = now;
    if (ws->tokens < 1.0F) {
        return false;
    }
    ws->tokens -= 1.0F;
    return true;
}

static void on_item(struct conn *conn, enum ws_result kind, const struct ws_item *item)
{
    struct ws_side *ws = &conn->ws;
    switch (kind) {
    case WS_TEXT:
        if (!ws->has_sent_close) {
            STAT_ADD(conn->loop, messages_in, 1);
            ws->endpoint->on_message(ws->endpoint->arg, conn_get_id(conn), ws->user, item->bytes);
        }
        break;
    case WS_BINARY:
        ws_close(conn, WS_CLOSE_UNSUPPORTED, "text only");
        break;
    case WS_PING:
        if (!ws->has_sent_close) {
            struct frame *pong = frame_new_ws(WS_OP_PONG, item->bytes);
            ws_send(conn, pong);
            frame_unref(&pong);
        }
        break;
    case WS_PONG:
        break;
    case WS_CLOSE:
        ws->has_got_close = true;
        ws->close_code = item->code;
        if (ws->has_sent_close) {
            conn_finish(conn);
        } else {
            ws_close(conn, item->code, NULL);
        }
        break;
    case WS_FAILED:
        ws->close_code = item->code;
        ws_close(conn, item->code, NULL);
        conn_finish(conn);
        break;
    case WS_MORE:
        break;
    }
}

void ws_input(struct conn *conn, char *p, size_t len)
{
    struct ws_side *ws = &conn->ws;
    ws->last_seen_ms = loop_now(conn->loop);
    ws->is_pinged = false;
    size_t at = 0;
    while (!conn->is_closing && !ws->has_got_close && !ws->decoder.failure) {
        struct ws_item item;
        size_t used;
        enum ws_result kind = ws_decoder_next(&ws->decoder, p + at, len - at, &used, &item);
        at += used;
        if (kind == WS_MORE) {
            return;
        }
        if (kind != WS_FAILED && !within_rate(conn)) {
            ws_close(conn, SOCKET_CLOSE_TOO_FAST, "too fast");
            if (!conn->finish_when_sent) {
                conn_finish(conn); /* whoever floods is not waited for */
            }
            return;
        }
        on_item(conn, kind, &item);
    }
}

void ws_on_deadline(struct conn *conn)
{
    struct ws_side *ws = &conn->ws;
    int64_t now = loop_now(conn->loop);
    if (ws->has_sent_close) {
        conn_kill(conn); /* no answer to our close, or it would not hang up */
    } else if (!ws->is_accepted && ws->endpoint->hello_timeout_ms > 0) {
        ws_close(conn, SOCKET_CLOSE_NO_HELLO, "no hello");
    } else if (now - ws->last_seen_ms >= NET_DEAD_MS) {
        conn_kill(conn);
    } else if (now - ws->last_seen_ms < NET_PING_MS) {
        conn_deadline(conn, ws->last_seen_ms + NET_PING_MS);
    } else if (!ws->is_pinged) {
        struct frame *ping = frame_new_ws(WS_OP_PING, (struct str){0});
        ws_send(conn, ping);
        frame_unref(&ping);
        ws->is_pinged = true;
        conn_deadline(conn, ws->last_seen_ms + NET_DEAD_MS);
    }
}

void ws_release(struct conn *conn)
{
    struct ws_side *ws = &conn->ws;
    ws_decoder_release(&ws->decoder);
    STAT_ADD(conn->loop, sockets, -1);
    struct conn_id id = conn_get_id(conn);
    ws->endpoint->on_close(ws->endpoint->arg, id, ws->user, ws->close_code);
}

/* ---- the hub's view ---- */

static void hub_send(void *conn, struct frame *frame)
{
    ws_send(conn, frame);
}

static bool hub_is_behind(void *conn)
{
    const struct conn *c = conn;
    return conn_waiting(c) > c->ws.endpoint->max_queue / 4;
}

static void hub_overflow(void *conn)
{
    struct conn *c = conn;
    if (!c->ws.has_sent_close) {
        STAT_ADD(c->loop, behind_closed, 1);
        close_slow_reader(conn);
    }
}

static bool hub_is_same(void *conn, struct conn_id id)
{
    struct conn_id own = conn_get_id(conn);
    return own.loop == id.loop && own.slot == id.slot && own.generation == id.generation;
}

const struct hub_ops ws_hub_ops = {hub_send, hub_is_behind, hub_overflow, hub_is_same};
