#include "echo_server.h"

#include <arpa/inet.h>
#include <unistd.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/server.h"
#include "platform/ws_accept.h"

/* ---- ours ---- */

static struct server *server;

static enum err on_open(void *arg, const struct request *rq, struct conn_id conn, void **user_out,
                        struct errinfo *info)
{
    (void)arg, (void)rq, (void)conn, (void)user_out, (void)info;
    return ERR_OK;
}

static void on_message(void *arg, struct conn_id conn, void *user, struct str text)
{
    (void)arg, (void)user;
    struct frame *f = frame_new_text(text);
    socket_send(server, conn, f);
    frame_unref(&f);
}

static void on_close(void *arg, struct conn_id conn, void *user, int code)
{
    (void)arg, (void)conn, (void)user, (void)code;
}

static enum err get_j(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq, (void)info;
    response_body(rs, STR("application/json"), STR("{\"status\":\"ok\"}"));
    return ERR_OK;
}

void echo_server_ours(void *arg, int ready_fd)
{
    static const struct route routes[] = {
        {.method = HTTP_GET_METHOD, .pattern = "/j", .operation = "j", .handler = get_j}};
    struct server_options o = {
        .listen = "127.0.0.1:0", .n_loops = 1, .n_workers = 2, .routes = routes, .n_routes = 1};
    struct socket_endpoint e = {.path = "/socket",
                                .max_frame = 65536,
                                .max_queue = 1 << 20,
                                .check_origin = true,
                                .on_open = on_open,
                                .on_message = on_message,
                                .on_close = on_close};
    struct errinfo info;
    (void)arg;
    log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
    ASSERT(server_new(&o, &server, &info) == ERR_OK);
    server_add_endpoint(server, &e);
    ASSERT(server_start(server, &info) == ERR_OK);
    int port = server_port(server);
    ASSERT(write(ready_fd, &port, sizeof(port)) == (ssize_t)sizeof(port));
    close(ready_fd);
    for (;;) {
        pause();
    }
}

/* ---- bare: libuv, one shared buffer, frames that come whole (they do here), uv_try_write ---- */

static char bare_buf[65536];

struct bare_conn {
    uv_tcp_t tcp;
    bool is_upgraded;
};

static void bare_alloc(uv_handle_t *h, size_t n, uv_buf_t *buf)
{
    (void)h, (void)n;
    *buf = uv_buf_init(bare_buf, sizeof(bare_buf));
}

static void bare_closed(uv_handle_t *h)
{
    mem_free(h);
}

static void bare_upgrade(struct bare_conn *c, char *p, size_t len)
{
    char answer[256], key[32];
    const char *at = memmem(p, len, "Sec-WebSocket-Key: ", 19);
    ASSERT(at);
    struct str accept = ws_accept_answer((struct str){at + 19, 24}, key);
    int n = snprintf(answer, sizeof(answer),
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Accept: " STR_FMT "\r\n\r\n",
                     STR_ARG(accept));
    uv_buf_t b = uv_buf_init(answer, (unsigned)n);
    uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
    c->is_upgraded = true;
}

static void bare_frames(struct bare_conn *c, char *p, size_t len)
{
    for (size_t at = 0; at + 6 <= len;) {
        unsigned char *h = (unsigned char *)p + at;
        size_t n = h[1] & 0x7f, head = 6;
        if (n == 126) {
            n = (size_t)h[2] << 8 | h[3];
            head = 8;
        }
        unsigned char *mask = h + head - 4, *payload = h + head;
        uint32_t m;
        memcpy(&m, mask, 4);
        size_t i = 0;
        for (; i + 4 <= n; i += 4) {
            uint32_t w;
            memcpy(&w, payload + i, 4);
            w ^= m;
            memcpy(payload + i, &w, 4);
        }
        for (; i < n; i++) {
            payload[i] = (unsigned char)(payload[i] ^ ((unsigned char *)&m)[i & 3]);
        }
        /* The answer's head fits where the mask was. */
        unsigned char *out = payload - (n < 126 ? 2 : 4);
        out[0] = h[0];
        if (n < 126) {
            out[1] = (unsigned char)n;
        } else {
            out[1] = 126;
            out[2] = (unsigned char)(n >> 8);
            out[3] = (unsigned char)n;
        }
        uv_buf_t b = uv_buf_init((char *)out, (unsigned)(payload + n - out));
        uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
        at += head + n;
    }
}

static void bare_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct bare_conn *c = (struct bare_conn *)(void *)s;
    if (n < 0) {
        uv_close((uv_handle_t *)s, bare_closed);
    } else if (n > 0 && !c->is_upgraded) {
        bare_upgrade(c, buf->base, (size_t)n);
    } else if (n > 0) {
        bare_frames(c, buf->base, (size_t)n);
    }
}

static void bare_accept(uv_stream_t *l, int status)
{
    struct bare_conn *c = MEM_NEW(struct bare_conn);
    ASSERT(status == 0);
    uv_tcp_init(l->loop, &c->tcp);
    ASSERT(uv_accept(l, (uv_stream_t *)&c->tcp) == 0);
    uv_tcp_nodelay(&c->tcp, 1);
    uv_read_start((uv_stream_t *)&c->tcp, bare_alloc, bare_read);
}

void echo_server_bare(void *arg, int ready_fd)
{
    uv_tcp_t listener;
    struct sockaddr_in a;
    struct sockaddr_storage own;
    int len = sizeof(own);
    (void)arg;
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_init(loop, &listener);
    uv_ip4_addr("127.0.0.1", 0, &a);
    ASSERT(uv_tcp_bind(&listener, (struct sockaddr *)&a, 0) == 0);
    ASSERT(uv_listen((uv_stream_t *)&listener, 1024, bare_accept) == 0);
    uv_tcp_getsockname(&listener, (struct sockaddr *)&own, &len);
    int port = ntohs(((struct sockaddr_in *)(void *)&own)->sin_port);
    ASSERT(write(ready_fd, &port, sizeof(port)) == (ssize_t)sizeof(port));
    close(ready_fd);
    uv_run(loop, UV_RUN_DEFAULT);
}
