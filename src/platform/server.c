/* The public face: options, start and stop, and the calls that may come from any thread. A call from the connection's own loop thread is done at
 * once (an echo costs no queue); any other becomes a command in that loop's inbox. */
#include "platform/server.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"
#include "platform/static_files.h"

#define MAX_JOBS 65536
#define MAX_PROBES 256

/* ---- options ---- */

static const char *dup_or_null(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

static void free_text(const char **s)
{
    char *p;
    memcpy(&p, s, sizeof(p));
    mem_free(p);
    *s = NULL;
}

/* As many descriptors as we may have; connections get what is left after files, pipes and the database. */
static size_t raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 512;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    size_t n = limit.rlim_cur > 1000000 ? 1000000 : (size_t)limit.rlim_cur;
    return n > 512 ? n - 256 : n / 2;
}

static void copy_options(struct server *s, const struct server_options *o)
{
    struct server_options *to = &s->options;
    size_t descriptors = raise_descriptors();
    *to = *o;
    to->listen = dup_or_null(o->listen ? o->listen : "127.0.0.1:0");
    to->tls_cert = dup_or_null(o->tls_cert);
    to->tls_key = dup_or_null(o->tls_key);
    to->trusted_proxies = dup_or_null(o->trusted_proxies);
    to->allowed_origins = dup_or_null(o->allowed_origins);
    to->web_dir = dup_or_null(o->web_dir);
    to->spool_dir = dup_or_null(o->spool_dir);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long half = (cores + 1) / 2;
    to->n_loops = o->n_loops > 0 ? o->n_loops : half > 4 ? 4 : half < 1 ? 1 : (int)half;
    to->n_loops = to->n_loops > NET_MAX_LOOPS ? NET_MAX_LOOPS : to->n_loops;
    to->n_workers = o->n_workers > 0 ? o->n_workers : 8;
    to->max_connections = o->max_connections == 0 || o->max_connections > descriptors
                              ? descriptors
                              : o->max_connections;
    to->header_timeout_ms = o->header_timeout_ms > 0 ? o->header_timeout_ms : 10000;
    to->body_timeout_ms = o->body_timeout_ms > 0 ? o->body_timeout_ms : 30000;
    to->idle_timeout_ms = o->idle_timeout_ms > 0 ? o->idle_timeout_ms : 75000;
    LOG_INFO("http", "limits", log_i64("open_files", (int64_t)(descriptors + 256)),
             log_i64("max_connections", (int64_t)to->max_connections));
}

static void free_options(struct server_options *o)
{
    free_text(&o->listen);
    free_text(&o->tls_cert);
    free_text(&o->tls_key);
    free_text(&o->trusted_proxies);
    free_text(&o->allowed_origins);
    free_text(&o->web_dir);
    free_text(&o->spool_dir);
}

enum err server_new(const struct server_options *options, struct server **out, struct errinfo *info)
{
    struct server *s = MEM_NEW(struct server);
    copy_options(s, options);
    enum err err = router_new(options->routes, options->n_routes, &s->router, info);
    if (err == ERR_OK) {
        err = proxies_parse(s->options.trusted_proxies, &s->proxies, info);
    }
    if (err == ERR_OK && s->options.tls_cert) {
        err = tls_context_new(s->options.tls_cert,
                              s->options.tls_key ? s->options.tls_key : s->options.tls_cert,
                              &s->tls, info);
    }
    if (err != ERR_OK) {
        server_free(&s);
        return err;
    }
    s->rates = rate_limit_new(s->options.rate_per_s, s->options.rate_burst,
                              s->options.max_connections_per_ip);
    s->files = static_files_new(s->options.assets, s->options.n_assets, s->options.web_dir,
                                s->options.allowed_origins);
    *out = s;
    return ERR_OK;
}

void server_add_endpoint(struct server *s, const struct socket_endpoint *endpoint)
{
    ASSERT(!s->is_started && s->n_endpoints < NET_MAX_ENDPOINTS);
    ASSERT(endpoint->on_open && endpoint->on_message && endpoint->on_close);
    s->endpoints[s->n_endpoints++] = *endpoint;
}

/* ---- listening ---- */

static bool split_listen(const char *text, char host[128], char port[16])
{
    struct str s = str_from(text);
    size_t colon = s.len;
    while (colon > 0 && s.p[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0 || s.len - colon == 0 || s.len - colon >= 16) {
        return false;
    }
    struct str h = str_sub(s, 0, colon - 1);
    if (h.len >= 2 && h.p[0] == '[' && h.p[h.len - 1] == ']') {
        h = str_sub(h, 1, h.len - 2);
    }
    if (h.len >= 128) {
        return false;
    }
    snprintf(host, 128, STR_FMT, STR_ARG(h));
    snprintf(port, 16, STR_FMT, STR_ARG(str_sub(s, colon, s.len)));
    return true;
}

static int bind_one(const struct sockaddr *addr, socklen_t len, bool shared)
{
    int on = 1, fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    }
    if (bind(fd, addr, len) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int port_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0) {
        return 0;
    }
    return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&ss)->sin6_port
                                          : ((struct sockaddr_in *)(void *)&ss)->sin_port);
}

static void set_port(struct sockaddr *addr, int port)
{
    if (addr->sa_family == AF_INET6) {
        ((struct sockaddr_in6 *)(void *)addr)->sin6_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in *)(void *)addr)->sin_port = htons((uint16_t)port);
    }
}

static enum err open_loops(struct server *s, struct addrinfo *ai, struct errinfo *info)
{
    for (uint32_t i = 0; i < (uint32_t)s->options.n_loops; i++) {
        int fd = bind_one(ai->ai_addr, ai->ai_addrlen, s->options.n_loops > 1);
        if (fd < 0) {
            return err_set(info, ERR_UNAVAILABLE, "http.listen", "listen",
                           "cannot listen on %s: %s", s->options.listen, strerror(errno));
        }
        s->port = port_of(fd);
        set_port(ai->ai_addr, s->port); /* port 0: the others share what the first one got */
        enum err err = loop_new(s, i, fd, &s->loops[i], info);
        s->n_loops = i + 1;
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

enum err server_start(struct server *s, struct errinfo *info)
{
    char host[128], port[16];
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *ai = NULL;
    ASSERT(!s->is_started);
    signal(SIGPIPE, SIG_IGN);
    if (!split_listen(s->options.listen, host, port) ||
        getaddrinfo(host[0] ? host : NULL, port, &hints, &ai) != 0) {
        return err_set(info, ERR_INVALID, "http.listen", "format", "not an address with a port: %s",
                       s->options.listen);
    }
    enum err err = open_loops(s, ai, info);
    freeaddrinfo(ai);
    if (err != ERR_OK) {
        return err;
    }
    s->workers = workers_new(s->options.n_workers, MAX_JOBS);
    s->probe_worker = workers_new(1, MAX_PROBES);
    s->is_started = true;
    for (uint32_t i = 0; i < s->n_loops; i++) {
        ASSERT(loop_start(s->loops[i]) == ERR_OK);
    }
    server_metrics_add(s);
    LOG_INFO("http", "listening", log_cstr("address", s->options.listen), log_i64("port", s->port),
             log_i64("loops", s->n_loops), log_i64("workers", s->options.n_workers),
             log_i64("tls", s->tls != NULL));
    return ERR_OK;
}

int server_port(const struct server *s)
{
    return s->port;
}

void server_stop(struct server *s)
{
    if (!s->is_started || s->is_stopped) {
        return;
    }
    s->is_stopped = true;
    for (uint32_t i = 0; i < s->n_loops; i++) {
        struct command *c = MEM_NEW(struct command);
        c->kind = CMD_STOP;
        loop_post(s->loops[i], c);
    }
    for (uint32_t i = 0; i < s->n_loops; i++) {
        loop_join(s->loops[i]);
    }
    workers_stop(s->workers);
    workers_stop(s->probe_worker);
    LOG_INFO("http", "stopped");
}

void server_free(struct server **server)
{
    struct server *s = *server;
    if (!s) {
        return;
    }
    server_stop(s);
    server_metrics_remove(s);
    workers_free(&s->workers);
    workers_free(&s->probe_worker);
    for (uint32_t i = 0; i < s->n_loops; i++) {
        loop_free(&s->loops[i]);
    }
    if (s->rates) {
        rate_limit_free(&s->rates);
    }
    static_files_free(&s->files);
    tls_context_free(&s->tls);
    proxies_free(&s->proxies);
    router_free(&s->router);
    free_options(&s->options);
    mem_free(s);
    *server = NULL;
}

enum err server_page_load(const struct server *s, const char *path, struct arena *arena,
                          struct str *out)
{
    return static_files_load(s->files, path, arena, out);
}

struct str server_page_policy(struct arena *arena, struct str frame_ancestors)
{
    return static_files_framed_policy(arena, frame_ancestors);
}

/* ---- from any thread ---- */

#define HELD_MAX                                                                                   \
    128 /* commands; then they go, so that the loops have work while the rest is made */

static _Thread_local struct {
    struct server *server; /* NULL: this thread holds nothing back */
    size_t n;
    struct {
        struct command *newest, *oldest;
    } chains[NET_MAX_LOOPS];
} holding;

static void send_held(void)
{
    for (uint32_t i = 0; i < holding.server->n_loops && holding.n > 0; i++) {
        if (holding.chains[i].newest) {
            loop_post_chain(holding.server->loops[i], holding.chains[i].newest,
                            holding.chains[i].oldest);
            holding.chains[i].newest = NULL;
        }
    }
    holding.n = 0;
}

void server_hold(void *server)
{
    ASSERT(!holding.server);
    holding.server = server;
}

void server_let_go(void *server)
{
    ASSERT(holding.server == server);
    send_held();
    holding.server = NULL;
}

static void hold(struct command *c, uint32_t index)
{
    if (!holding.chains[index].newest) {
        holding.chains[index].oldest = c;
    }
    c->next = holding.chains[index].newest;
    holding.chains[index].newest = c;
    if (++holding.n == HELD_MAX) {
        send_held();
    }
}

static void deliver(struct server *s, const struct command *template, uint32_t index)
{
    if (index >= s->n_loops) {
        return;
    }
    struct command *c = MEM_NEW(struct command);
    *c = *template;
    if (c->frame) {
        frame_ref(c->frame);
    }
    if (c->text) {
        c->text = mem_strdup(c->text);
    }
    struct loop *loop = s->loops[index];
    if (loop == loop_current()) {
        loop_run_command(loop, c);
    } else if (holding.server == s) {
        hold(c, index);
    } else {
        loop_post(loop, c);
    }
}

void socket_send(struct server *s, struct conn_id id, struct frame *frame)
{
    struct loop *loop = loop_current();
    if (loop && loop->server == s && loop->index == id.loop) {
        struct conn *conn = loop_find(loop, id);
        if (conn && conn->mode == CONN_WS) {
            ws_send(conn, frame);
        }
        return;
    }
    struct command c = {.kind = CMD_SEND, .conn = id, .frame = frame};
    deliver(s, &c, id.loop);
}

void socket_accept(struct server *s, struct conn_id conn)
{
    struct command c = {.kind = CMD_ACCEPT, .conn = conn};
    deliver(s, &c, conn.loop);
}

void socket_close(struct server *s, struct conn_id conn, int code, const char *reason)
{
    char text[124];
    snprintf(text, sizeof(text), "%s", reason ? reason : "");
    struct command c = {.kind = CMD_CLOSE, .conn = conn, .seq = code, .text = text};
    deliver(s, &c, conn.loop);
}

void socket_join(struct server *s, struct conn_id conn, uint64_t topic, bool held)
{
    struct command c = {.kind = CMD_JOIN, .conn = conn, .topic = topic, .flag = held};
    deliver(s, &c, conn.loop);
}

void socket_release(struct server *s, struct conn_id conn, uint64_t topic, int64_t after)
{
    struct command c = {.kind = CMD_RELEASE, .conn = conn, .topic = topic, .seq = after};
    deliver(s, &c, conn.loop);
}

void socket_leave(struct server *s, struct conn_id conn, uint64_t topic)
{
    struct command c = {.kind = CMD_LEAVE, .conn = conn, .topic = topic};
    deliver(s, &c, conn.loop);
}

void socket_publish(struct server *s, uint64_t topic, int64_t seq, struct frame *frame,
                    const struct conn_id *except)
{
    struct command c = {
        .kind = CMD_PUBLISH, .topic = topic, .seq = seq, .frame = frame, .flag = except != NULL};
    if (except) {
        c.conn = *except;
    }
    for (uint32_t i = 0; i < s->n_loops; i++) {
        deliver(s, &c, i);
    }
}

enum err server_work(struct server *s, uint64_t key, void (*fn)(void *arg), void *arg)
{
    if (holding.server) {
        send_held(); /* what the job sends must not overtake what made it */
    }
    return workers_submit(s->workers, key, fn, arg);
}

void server_stats_get(const struct server *s, struct server_stats *out)
{
    *out = (struct server_stats){0};
    for (uint32_t i = 0; i < s->n_loops; i++) {
        struct loop_stats *st = &s->loops[i]->stats;
        out->connections += atomic_load_explicit(&st->connections, memory_order_relaxed);
        out->sockets += atomic_load_explicit(&st->sockets, memory_order_relaxed);
        out->requests += atomic_load_explicit(&st->requests, memory_order_relaxed);
        out->refused += atomic_load_explicit(&st->refused, memory_order_relaxed);
        out->messages_in += atomic_load_explicit(&st->messages_in, memory_order_relaxed);
        out->messages_out += atomic_load_explicit(&st->messages_out, memory_order_relaxed);
        out->bytes_in += atomic_load_explicit(&st->bytes_in, memory_order_relaxed);
        out->bytes_out += atomic_load_explicit(&st->bytes_out, memory_order_relaxed);
        out->behind_closed += atomic_load_explicit(&st->behind_closed, memory_order_relaxed);
    }
    out->queue_len = s->workers ? (int64_t)workers_queued(s->workers) : 0;
}
