/* One request from its head to the worker's answer. Owned by the connection while the body comes in, by the job while a worker has it, and by the
 * answer's last frame while its bytes are being sent.
 *
 * A body stays in memory up to 256 kB (16 kB once many bodies are in memory), then goes to a file in pieces, written on libuv's pool. */
#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "platform/net.h"

#define MEMORY_PRESSURE (32LL * 1024 * 1024)
#define PIECE_UNDER_PRESSURE 16384UL

static struct str rebase(struct str s, struct str from, const char *to)
{
    return s.len ? (struct str){to + (s.p - from.p), s.len} : (struct str){0};
}

static void fill_fields(struct http_request *hq, const struct http_head *head, struct str bytes,
                        const char *copy)
{
    hq->n_fields = head->n_fields;
    hq->fields = ARENA_ARRAY(hq->rq.arena, struct http_field, head->n_fields + 1);
    for (size_t i = 0; i < head->n_fields; i++) {
        hq->fields[i].name = rebase(head->fields[i].name, bytes, copy);
        hq->fields[i].value = rebase(head->fields[i].value, bytes, copy);
    }
}

/* Several X-Forwarded-For lines are one list. */
static struct str forwarded_for(const struct http_request *hq)
{
    struct str all = {0};
    for (size_t i = 0; i < hq->n_fields; i++) {
        if (str_eq_nocase(hq->fields[i].name, STR("x-forwarded-for"))) {
            struct str value = hq->fields[i].value;
            all = all.len
                      ? str_printf(hq->rq.arena, STR_FMT ", " STR_FMT, STR_ARG(all), STR_ARG(value))
                      : value;
        }
    }
    return all;
}

bool exchange_is_tls(const struct conn *conn, struct str forwarded_proto)
{
    return conn->tls != NULL ||
           (conn->is_peer_trusted && str_eq_nocase(forwarded_proto, STR("https")));
}

static void fill_peer(struct conn *conn, struct http_request *hq)
{
    struct request *rq = &hq->rq;
    char text[IP_TEXT_MAX];
    struct ip ip = conn->ip;
    rq->is_tls = exchange_is_tls(conn, request_header(rq, "x-forwarded-proto"));
    if (conn->is_peer_trusted) {
        struct str host = request_header(rq, "x-forwarded-host");
        ip = proxies_client(conn->loop->server->proxies, &conn->ip, forwarded_for(hq));
        rq->host = str_is_empty(host) ? rq->host : host;
    }
    rq->remote_ip = str_dup(rq->arena, ip_format(&ip, text));
}

struct exchange *exchange_new(struct conn *conn, const struct http_head *head, struct str bytes,
                              struct str path, const struct route_match *match)
{
    struct arena *arena = arena_new(4096);
    struct exchange *x = ARENA_NEW(arena, struct exchange);
    struct request *rq = &x->hq.rq;
    char *copy = str_to_cstr(arena, bytes);
    char *path_copy = str_to_cstr(arena, path);
    x->server = conn->loop->server;
    x->loop = conn->loop;
    x->conn = conn_get_id(conn);
    x->spool_fd = -1;
    x->how.is_head = head->method == HTTP_HEAD_METHOD;
    buf_init(&x->body, NET_BODY_IN_MEMORY);
    rq->arena = arena;
    rq->method = head->method;
    rq->path = (struct str){path_copy, path.len};
    rq->query = rebase(head->query, bytes, copy);
    rq->host = rebase(head->host, bytes, copy);
    rq->route = match->route;
    rq->id = conn->loop->next_request;
    fill_fields(&x->hq, head, bytes, copy);
    fill_peer(conn, &x->hq);
    if (match->route && match->route->room < 0) {
        rq->room = x->server->files; /* platform's own: assets from disk */
    } else if (match->route && x->server->options.rooms) {
        rq->room = x->server->options.rooms[match->route->room];
    }
    x->hq.n_params = match->n_params;
    x->hq.params = ARENA_ARRAY(arena, struct route_param, match->n_params + 1);
    for (size_t i = 0; i < match->n_params; i++) {
        x->hq.params[i] = match->params[i];
        x->hq.params[i].value = rebase(match->params[i].value, path, path_copy);
    }
    response_init(&x->rs, arena, rq->is_tls);
    return x;
}

void exchange_free(void *exchange)
{
    struct exchange *x = exchange;
    struct arena *arena = x->hq.rq.arena;
    ASSERT(x->spool_fd < 0 && !x->is_spooled);
    json_doc_free(&x->hq.json);
    buf_release(&x->body);
    response_release(&x->rs);
    arena_free(&arena);
}

/* ---- the body ---- */

static void count_memory(struct loop *loop, struct exchange *x)
{
    loop->body_bytes += (int64_t)x->body.size - (int64_t)x->in_memory_counted;
    x->in_memory_counted = x->body.size;
}

static void discard_job(void *arg)
{
    struct exchange *x = arg;
    if (x->spool_fd >= 0) {
        close(x->spool_fd);
        x->spool_fd = -1;
    }
    if (x->is_spooled) {
        unlink(x->hq.spool_path);
        x->is_spooled = false;
    }
    exchange_free(x);
}

void exchange_drop(struct exchange *x)
{
    x->loop->body_bytes -= (int64_t)x->in_memory_counted;
    x->in_memory_counted = 0;
    if (x->is_writing) {
        x->is_orphan = true; /* the write's callback comes back here */
        return;
    }
    if (!x->is_spooled || workers_submit(x->server->workers, 0, discard_job, x) != ERR_OK) {
        discard_job(x); /* nothing on disk; or a last resort that touches the disk from here */
    }
}

static void spool_next(struct exchange *x);

static void on_spooled(uv_fs_t *fs)
{
    struct exchange *x = fs->data;
    bool was_open = fs->fs_type == UV_FS_OPEN;
    ssize_t result = fs->result;
    uv_fs_req_cleanup(fs);
    if (was_open && result >= 0) {
        x->spool_fd = (int)result;
        x->is_spooled = true;
        if (!x->is_orphan) {
            spool_next(x);
            return;
        }
    }
    x->is_writing = false;
    if (x->is_orphan) {
        exchange_drop(x);
        return;
    }
    if (!was_open && result > 0) {
        x->spool_at += result;
        buf_drop_front(&x->body, (size_t)result);
        if (x->body.len > 0) {
            spool_next(x);
            return;
        }
    } else {
        x->has_failed = true;
        LOG_ERROR("http", "upload could not be written",
                  log_cstr("error", uv_strerror((int)result)));
    }
    struct conn *conn = loop_find(x->loop, x->conn);
    ASSERT(conn);
    http_body_has_room(conn);
    loop_flush(x->loop);
}

static void spool_next(struct exchange *x)
{
    x->is_writing = true;
    x->fs.data = x;
    if (x->spool_fd < 0) {
        snprintf(x->hq.spool_path, sizeof(x->hq.spool_path), "%s/upload-%016llx%08x",
                 x->server->options.spool_dir, (unsigned long long)rng_u64(), x->conn.slot);
        uv_fs_open(&x->loop->uv, &x->fs, x->hq.spool_path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
                   0600, on_spooled);
        return;
    }
    uv_buf_t b = uv_buf_init(x->body.p, (unsigned)x->body.len);
    uv_fs_write(&x->loop->uv, &x->fs, x->spool_fd, &b, 1, x->spool_at, on_spooled);
}

enum err exchange_add_body(struct conn *conn, struct exchange *x, struct str bytes)
{
    size_t max = x->hq.rq.route->max_body;
    if ((uint64_t)x->spool_at + x->body.len + bytes.len > max) {
        return ERR_LIMIT;
    }
    /* A read brings at most NET_READ_BUF or what had waited meanwhile, so the buffer stays near its mark. */
    x->body.cap = NET_BODY_IN_MEMORY * 2 + NET_READ_BUF;
    enum err err = buf_add_str(&x->body, bytes);
    count_memory(conn->loop, x);
    if (err != ERR_OK) {
        return ERR_INTERNAL;
    }
    size_t mark =
        conn->loop->body_bytes > MEMORY_PRESSURE ? PIECE_UNDER_PRESSURE : NET_BODY_IN_MEMORY;
    if (x->body.len > mark && x->server->options.spool_dir) {
        spool_next(x);
        return ERR_AGAIN;
    }
    return x->body.len > NET_BODY_IN_MEMORY * 2 ? ERR_LIMIT : ERR_OK;
}

/* ---- on the worker ---- */

/* The last piece of a spooled body, and the descriptor. */
static enum err close_spool(struct exchange *x)
{
    enum err err = ERR_OK;
    while (x->body.len > 0 && err == ERR_OK) {
        ssize_t n = pwrite(x->spool_fd, x->body.p, x->body.len, x->spool_at);
        err = n > 0 ? ERR_OK : ERR_UNAVAILABLE;
        if (n > 0) {
            x->spool_at += n;
            buf_drop_front(&x->body, (size_t)n);
        }
    }
    close(x->spool_fd);
    x->spool_fd = -1;
    x->hq.rq.body_path = x->hq.spool_path;
    return err;
}

/* Somebody known was told no: whoever looks for misuse wants to see it. Ids and names of operations only. */
static void log_refusal(const struct server_options *o, const struct request *rq,
                        const struct errinfo *info)
{
    struct str who = rq->actor != NULL && o->name_actor != NULL
                         ? o->name_actor(rq->actor, rq->arena)
                         : (struct str){0};
    LOG_WARN("http", "refused", log_cstr("operation", rq->route->operation),
             log_cstr("code", info->code), log_str("actor", who),
             log_cstr("permission", rq->route->permission != NULL ? rq->route->permission : ""),
             log_i64("request", (int64_t)rq->id));
}

static void handle(struct exchange *x)
{
    struct errinfo info = {0};
    struct request *rq = &x->hq.rq;
    const struct server_options *o = &x->server->options;
    enum err err = x->is_spooled ? close_spool(x) : ERR_OK;
    rq->body = x->is_spooled ? (struct str){0} : buf_str(&x->body);
    if (err == ERR_OK && o->authenticate && rq->route->room >= 0) {
        err = o->authenticate(o->auth_arg, rq, &info);
    }
    if (err == ERR_OK) {
        err = o->run && rq->route->room >= 0 ? o->run(o->run_arg, rq, &x->rs, &info)
                                             : rq->route->handler(rq, &x->rs, &info);
    }
    if (err != ERR_OK) {
        info.err = err;
        if (err == ERR_DENIED) {
            log_refusal(o, rq, &info);
        }
        if (err == ERR_INTERNAL || err == ERR_UNAVAILABLE) {
            LOG_ERROR("http", "request failed", log_cstr("operation", rq->route->operation),
                      log_cstr("error", err_name(err)), log_cstr("code", info.code),
                      log_cstr("detail", info.message), log_i64("request", (int64_t)rq->id));
        }
        response_problem(&x->rs, err, &info, rq->id);
    }
    if (x->is_spooled) {
        unlink(
            x->hq
                .spool_path); /* the handler may have moved it away: then there is nothing to remove */
        x->is_spooled = false;
    }
}

static void run_job(void *arg)
{
    struct exchange *x = arg;
    struct loop *loop = x->loop;
    handle(x);
    server_metrics_answer(x->server, x->rs.status, (time_monotonic_ns() - x->began_ns) / 1000);
    struct command *c = MEM_NEW(struct command);
    c->kind = CMD_REPLY;
    c->conn = x->conn;
    c->reply = MEM_NEW(struct reply);
    x->how.if_none_match = x->hq.rq.method == HTTP_GET_METHOD || x->how.is_head
                               ? request_header(&x->hq.rq, "if-none-match")
                               : (struct str){0};
    if (x->hq.rq.method == HTTP_GET_METHOD && !x->how.is_head) {
        x->how.range = request_header(&x->hq.rq, "range");
        x->how.if_range = request_header(&x->hq.rq, "if-range");
    }
    response_finish(&x->rs, &x->how, exchange_free, x, c->reply);
    loop_post(loop, c);
}

void exchange_submit(struct conn *conn, struct exchange *x)
{
    conn->loop->body_bytes -= (int64_t)x->in_memory_counted;
    x->in_memory_counted = 0;
    conn->http.phase = HTTP_BUSY;
    x->began_ns = time_monotonic_ns();
    conn_deadline(conn, 0);
    bool is_probe = x->hq.rq.route->is_probe;
    struct workers *workers = is_probe ? x->server->probe_worker : x->server->workers;
    if (workers_submit(workers, 0, run_job, x) == ERR_OK) {
        return;
    }
    bool keep_alive = x->how.keep_alive, is_head = x->how.is_head;
    struct errinfo info = {0};
    err_set(&info, ERR_AGAIN, NULL, "overloaded", "too much to do; try again");
    exchange_drop(x);
    http_problem(conn, ERR_AGAIN, &info, (struct str){0}, keep_alive, is_head);
    STAT_ADD(conn->loop, refused, 1);
    http_done(conn, keep_alive);
}
