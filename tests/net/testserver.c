#include "testserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/ws_frame.h"

struct seen seen;
struct conn_id seen_conn;
static struct testserver *current;

/* ---- routes ---- */

static enum err get_hello(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq;
    (void)info;
    response_body(rs, STR("text/plain"), STR("hello"));
    return ERR_OK;
}

static enum err get_item(struct request *rq, struct response *rs, struct errinfo *info)
{
    int64_t id;
    enum err err = request_param_id(rq, "id", &id, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_id(w, "id", id);
    json_kv_str(w, "q", request_query(rq, "q"));
    json_kv_str(w, "ip", rq->remote_ip);
    json_kv_bool(w, "tls", rq->is_tls);
    json_object_end(w);
    response_etag(rs, id);
    return ERR_OK;
}

static enum err post_size(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    int64_t size = (int64_t)rq->body.len;
    uint64_t sum = 0;
    if (rq->body_path) {
        FILE *f = fopen(rq->body_path, "r");
        ASSERT(f);
        int c;
        for (size = 0; (c = fgetc(f)) != EOF; size++) {
            sum += (uint64_t)(unsigned char)c;
        }
        fclose(f);
    } else {
        for (size_t i = 0; i < rq->body.len; i++) {
            sum += (uint64_t)(unsigned char)rq->body.p[i];
        }
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_i64(w, "size", size);
    json_kv_i64(w, "sum", (int64_t)sum);
    json_kv_bool(w, "spooled", rq->body_path != NULL);
    json_object_end(w);
    return ERR_OK;
}

static enum err get_slow(struct request *rq, struct response *rs, struct errinfo *info)
{
    usleep(200000);
    return get_hello(rq, rs, info);
}

static enum err get_large(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    size_t len = 4UL * 1024 * 1024;
    char *p = arena_alloc(rq->arena, len);
    memset(p, 'x', len);
    response_body(rs, STR("text/plain"), (struct str){p, len});
    return ERR_OK;
}

static enum err get_file(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)info;
    struct str path = str_printf(rq->arena, "%s/file", current->spool_dir);
    response_file(rs, STR("application/octet-stream"), path.p, 3000000);
    return ERR_OK;
}

static enum err get_broken(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq;
    (void)rs;
    return err_set(info, ERR_INTERNAL, NULL, "secret", "do not tell");
}

static const struct route routes[] = {
    {.method = HTTP_GET_METHOD,
     .pattern = "/hello",
     .operation = "get_hello",
     .handler = get_hello},
    {.method = HTTP_GET_METHOD,
     .pattern = "/items/{id}",
     .operation = "get_item",
     .handler = get_item},
    {.method = HTTP_POST_METHOD,
     .pattern = "/size",
     .operation = "post_size",
     .handler = post_size,
     .max_body = 8UL * 1024 * 1024},
    {.method = HTTP_POST_METHOD,
     .pattern = "/small",
     .operation = "post_small",
     .handler = post_size,
     .max_body = 100},
    {.method = HTTP_GET_METHOD, .pattern = "/slow", .operation = "get_slow", .handler = get_slow},
    {.method = HTTP_GET_METHOD,
     .pattern = "/probe",
     .operation = "get_probe",
     .handler = get_hello,
     .is_probe = true},
    {.method = HTTP_GET_METHOD,
     .pattern = "/large",
     .operation = "get_large",
     .handler = get_large},
    {.method = HTTP_GET_METHOD, .pattern = "/file", .operation = "get_file", .handler = get_file},
    {.method = HTTP_GET_METHOD,
     .pattern = "/broken",
     .operation = "get_broken",
     .handler = get_broken},
};

/* ---- endpoint: echo, and a few words that join, publish and close ---- */

static enum err on_open(void *arg, const struct request *rq, struct conn_id conn, void **user_out,
                        struct errinfo *info)
{
    (void)arg;
    (void)conn;
    (void)user_out;
    if (str_eq_cstr(request_query(rq, "token"), "bad")) {
        return err_set(info, ERR_UNAUTHORIZED, NULL, "token", "bad token");
    }
    seen.opened++;
    return ERR_OK;
}

static void on_message(void *arg, struct conn_id conn, void *user, struct str text)
{
    (void)arg;
    (void)user;
    struct server *s = current->server;
    seen.messages++;
    if (str_eq_cstr(text, "accept")) {
        socket_accept(s, conn);
        return;
    }
    if (str_eq_cstr(text, "join-held")) {
        seen_conn = conn;
        socket_join(s, conn, 7, true);
    } else if (str_eq_cstr(text, "join")) {
        socket_join(s, conn, 7, false);
    } else if (str_eq_cstr(text, "flood")) {
        BUF_AUTO b;
        buf_init(&b, 70000);
        for (int i = 0; i < 65000; i++) {
            buf_add_char(&b, 'f');
        }
        struct frame *f = frame_new_text(buf_str(&b));
        for (int i = 0; i < 200; i++) {
            socket_send(s, conn, f);
        }
        frame_unref(&f);
        return;
    } else if (str_eq_cstr(text, "bye")) {
        socket_close(s, conn, 4003, "bye");
        return;
    }
    struct frame *f = frame_new_text(text);
    socket_send(s, conn, f);
    frame_unref(&f);
}

static void on_close(void *arg, struct conn_id conn, void *user, int code)
{
    (void)arg;
    (void)conn;
    (void)user;
    seen.last_code = code;
    seen.closed++;
}

void testserver_start(struct testserver *t, const struct server_options *options)
{
    struct server_options o = *options;
    struct errinfo info = {0};
    memset(&seen, 0, sizeof(seen));
    snprintf(t->spool_dir, sizeof(t->spool_dir), "/tmp/stablehand-net-XXXXXX");
    ASSERT(mkdtemp(t->spool_dir));
    o.listen = o.listen ? o.listen : "127.0.0.1:0";
    o.n_loops = o.n_loops ? o.n_loops : 1;
    o.n_workers = o.n_workers ? o.n_workers : 4;
    o.spool_dir = t->spool_dir;
    o.routes = routes;
    o.n_routes = ARRAY_LEN(routes);
    current = t;
    if (server_new(&o, &t->server, &info) != ERR_OK) {
        fail_msg("server_new: %s", info.message);
    }
    struct socket_endpoint e = {.path = "/socket",
                                .max_frame = 70000,
                                .max_queue = 1 << 20,
                                .hello_timeout_ms = 60000,
                                .check_origin = true,
                                .on_open = on_open,
                                .on_message = on_message,
                                .on_close = on_close};
    server_add_endpoint(t->server, &e);
    e.path = "/strict";
    e.hello_timeout_ms = 300;
    e.max_frames_per_s = 20;
    server_add_endpoint(t->server, &e);
    if (server_start(t->server, &info) != ERR_OK) {
        fail_msg("server_start: %s", info.message);
    }
    t->port = server_port(t->server);
}

void testserver_stop(struct testserver *t)
{
    char path[128];
    server_free(&t->server);
    snprintf(path, sizeof(path), "%s/file", t->spool_dir);
    unlink(path);
    if (rmdir(t->spool_dir) != 0) {
        fail_msg("spool folder is not empty: %s", t->spool_dir);
    }
}

/* ---- client ---- */

int client_connect(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    struct timeval tv = {.tv_sec = 15};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    return fd;
}

void client_send(int fd, const void *p, size_t len)
{
    const char *c = p;
    while (len > 0) {
        ssize_t n = send(fd, c, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* the server hung up: the test looks at what it said */
        }
        c += n;
        len -= (size_t)n;
    }
}

void client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

static ssize_t read_some(int fd, char *p, size_t len)
{
    ssize_t n = recv(fd, p, len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        fail_msg("no answer in time");
    }
    return n;
}

int client_answer(int fd, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    while (n < size - 1 && !strstr(out, "\r\n\r\n")) {
        if (read_some(fd, out + n, 1) <= 0) {
            return 0;
        }
        out[++n] = '\0';
    }
    int status = (int)strtol(out + 9, NULL, 10);
    const char *cl = strcasestr(out, "\r\ncontent-length:");
    size_t len = cl ? (size_t)strtoul(cl + 17, NULL, 10) : 0;
    for (size_t i = 0; i < len && n < size - 1;) {
        ssize_t r = read_some(fd, out + n, len - i < size - 1 - n ? len - i : size - 1 - n);
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
        i += (size_t)r;
    }
    out[n] = '\0';
    return status;
}

size_t client_read_all(int fd, char *out, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t r = read_some(fd, out + n, size - n);
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
    }
    return n;
}

bool client_is_closed(int fd)
{
    char b[4096];
    ssize_t n;
    while ((n = read_some(fd, b, sizeof(b))) > 0) {
    }
    return true;
}

int client_ws_at(int port, const char *path, const char *extra_headers, int *status_out)
{
    char b[4096];
    int fd = client_connect(port);
    snprintf(b, sizeof(b),
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: "
             "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             path, port, extra_headers);
    client_send_text(fd, b);
    *status_out = client_answer(fd, b, sizeof(b));
    if (*status_out == 101 && !strstr(b, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
        fail_msg("wrong accept key: %s", b);
    }
    return fd;
}

int client_ws(int port)
{
    int status;
    int fd = client_ws_at(port, "/socket", "", &status);
    assert_int_equal(status, 101);
    return fd;
}

void client_ws_send(int fd, int opcode, bool fin, const void *p, size_t len)
{
    static const uint8_t mask[4] = {1, 2, 3, 4};
    uint8_t head[14];
    size_t n = ws_encode_head(head, (enum ws_opcode)opcode, fin, len);
    char *b = mem_alloc(len + 14);
    head[1] |= 0x80;
    memcpy(b, head, n);
    memcpy(b + n, mask, 4);
    for (size_t i = 0; i < len; i++) {
        b[n + 4 + i] = (char)(((const uint8_t *)p)[i] ^ mask[i & 3]);
    }
    client_send(fd, b, n + 4 + len);
    mem_free(b);
}

static bool read_exact(int fd, char *p, size_t len)
{
    size_t n = 0;
    while (n < len) {
        ssize_t r = read_some(fd, p + n, len - n);
        if (r <= 0) {
            return false;
        }
        n += (size_t)r;
    }
    return true;
}

int client_ws_read(int fd, char *out, size_t size, size_t *len_out)
{
    uint8_t h[10];
    if (!read_exact(fd, (char *)h, 2)) {
        return -1;
    }
    size_t len = h[1] & 0x7f, n = len == 126 ? 2 : len == 127 ? 8 : 0;
    if (n) {
        assert_true(read_exact(fd, (char *)h + 2, n));
        len = 0;
        for (size_t i = 0; i < n; i++) {
            len = len << 8 | h[2 + i];
        }
    }
    assert_true(len < size);
    if (!read_exact(fd, out, len)) {
        return -1;
    }
    out[len] = '\0';
    if (len_out) {
        *len_out = len;
    }
    return h[0] & 0x0f;
}

int client_ws_close_code(int fd)
{
    static char b[100000];
    size_t len;
    int op;
    while ((op = client_ws_read(fd, b, sizeof(b), &len)) >= 0) {
        if (op == WS_OP_CLOSE) {
            return len >= 2 ? (uint8_t)b[0] << 8 | (uint8_t)b[1] : 0;
        }
    }
    return -1;
}
