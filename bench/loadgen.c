#include "loadgen.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define READ_BUF 65536
#define EVENTS 512

struct lconn {
    int fd; /* -1: closed */
    bool is_upgraded, wants_write;
    char *in; /* a frame that came in part */
    size_t in_len;
    char *out; /* what the kernel did not take */
    size_t out_len;
    int64_t sent_ns;
};

struct loadgen {
    int epoll, port;
    const char *path, *headers;
    const struct loadgen_ops *ops;
    void *arg;
    struct lconn *conns;
    size_t n, size, n_open, n_upgraded, n_texts;
    char *buf;
    char error[128];
    struct run *run;
};

/* A run takes the answers for itself while it lasts. */
struct run {
    size_t first, n;
    char frame[4096];
    size_t frame_len;
    bool is_closed_loop;
    int64_t ends_ns;
    uint64_t *answered; /* per connection: answers come in order */
    double per_s;
    int64_t began_ns;
    struct load_result *result;
};

int64_t loadgen_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

struct loadgen *loadgen_new(int port, const char *path, const char *headers,
                            const struct loadgen_ops *ops, void *arg)
{
    struct loadgen *g = MEM_NEW(struct loadgen);
    g->epoll = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(g->epoll >= 0);
    g->port = port;
    g->path = path;
    g->headers = headers;
    g->ops = ops;
    g->arg = arg;
    g->buf = mem_alloc(READ_BUF);
    return g;
}

void loadgen_aim(struct loadgen *g, const char *path, const char *headers)
{
    g->path = path;
    g->headers = headers;
}

static void conn_drop(struct loadgen *g, size_t i, int code)
{
    struct lconn *c = &g->conns[i];
    if (c->fd < 0) {
        return;
    }
    struct linger reset = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    close(c->fd);
    c->fd = -1;
    mem_free(c->in);
    mem_free(c->out);
    c->in = c->out = NULL;
    c->in_len = c->out_len = 0;
    g->n_open--;
    if (c->is_upgraded && g->ops && g->ops->on_close) {
        g->ops->on_close(g->arg, i, code);
    }
}

void loadgen_free(struct loadgen **gp)
{
    struct loadgen *g = *gp;
    if (!g) {
        return;
    }
    g->ops = NULL;
    for (size_t i = 0; i < g->n; i++) {
        conn_drop(g, i, 0);
    }
    close(g->epoll);
    mem_free(g->conns);
    mem_free(g->buf);
    mem_free(g);
    *gp = NULL;
}

static void watch(struct loadgen *g, size_t i, bool write)
{
    struct epoll_event ev = {.events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0), .data.u64 = i};
    g->conns[i].wants_write = write;
    epoll_ctl(g->epoll, EPOLL_CTL_MOD, g->conns[i].fd, &ev);
}

static void send_bytes(struct loadgen *g, size_t i, const char *p, size_t len)
{
    struct lconn *c = &g->conns[i];
    if (c->fd < 0) {
        return;
    }
    if (!c->out) {
        ssize_t n = send(c->fd, p, len, MSG_NOSIGNAL);
        if (n == (ssize_t)len) {
            return;
        }
        if (n < 0 && errno != EAGAIN && errno != ENOTCONN) {
            conn_drop(g, i, 0);
            return;
        }
        n = n < 0 ? 0 : n;
        p += n;
        len -= (size_t)n;
        watch(g, i, true);
    }
    c->out = mem_realloc(c->out, c->out_len + len, 1);
    memcpy(c->out + c->out_len, p, len);
    c->out_len += len;
}

static void flush_out(struct loadgen *g, size_t i)
{
    struct lconn *c = &g->conns[i];
    ssize_t n = c->out_len ? send(c->fd, c->out, c->out_len, MSG_NOSIGNAL) : 0;
    if (n < 0) {
        if (errno != EAGAIN) {
            conn_drop(g, i, 0);
        }
        return;
    }
    memmove(c->out, c->out + n, c->out_len - (size_t)n);
    c->out_len -= (size_t)n;
    if (c->out_len == 0) {
        mem_free(c->out);
        c->out = NULL;
        watch(g, i, false);
    }
}

static bool connect_one(struct loadgen *g)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)g->port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0) {
        snprintf(g->error, sizeof(g->error), "connection %zu: %s", g->n, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (g->n == g->size) {
        g->size = g->size ? g->size * 2 : 64;
        g->conns = mem_realloc(g->conns, g->size, sizeof(*g->conns));
    }
    size_t i = g->n++;
    g->conns[i] = (struct lconn){.fd = fd};
    g->n_open++;
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = i};
    epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &ev);
    char rq[2048];
    int n = snprintf(rq, sizeof(rq),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: "
                     "Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
                     g->path, g->port, g->headers);
    ASSERT(n > 0 && (size_t)n < sizeof(rq));
    send_bytes(g, i, rq, (size_t)n);
    return true;
}

bool loadgen_connect(struct loadgen *g, size_t n)
{
    size_t wanted = g->n_upgraded + n;
    int64_t deadline = loadgen_now_ns() + 60000000000LL;
    for (size_t i = 0; i < n; i++) {
        if (!connect_one(g)) {
            return false;
        }
        while (g->n - g->n_upgraded > 64 && g->n_open == g->n && loadgen_now_ns() < deadline) {
            loadgen_poll(g, 10000);
        }
    }
    while (g->n_upgraded < wanted && g->n_open == g->n && loadgen_now_ns() < deadline) {
        loadgen_poll(g, 10000);
    }
    if (g->n_upgraded < wanted && !g->error[0]) {
        snprintf(g->error, sizeof(g->error), "only %zu of %zu were upgraded", g->n_upgraded,
                 wanted);
    }
    return g->n_upgraded == wanted;
}

size_t loadgen_open(const struct loadgen *g)
{
    return g->n_open;
}

const char *loadgen_error(const struct loadgen *g)
{
    return g->error;
}

size_t loadgen_frame(const char *text, size_t len, char *out, size_t size)
{
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t n = 0;
    ASSERT(len + 14 <= size && len < 65536);
    out[n++] = (char)0x81;
    if (len < 126) {
        out[n++] = (char)(0x80 | len);
    } else {
        out[n++] = (char)0xfe;
        out[n++] = (char)(len >> 8);
        out[n++] = (char)len;
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < len; i++) {
        out[n++] = (char)((unsigned char)text[i] ^ mask[i & 3]);
    }
    return n;
}

void loadgen_send_frame(struct loadgen *g, size_t conn, const char *frame, size_t len)
{
    send_bytes(g, conn, frame, len);
}

void loadgen_send(struct loadgen *g, size_t conn, const char *text, size_t len)
{
    char frame[70000];
    send_bytes(g, conn, frame, loadgen_frame(text, len, frame, sizeof(frame)));
}

/* ---- what comes back ---- */

static void run_answer(struct loadgen *g, size_t i)
{
    struct run *r = g->run;
    size_t k = i - r->first;
    int64_t now = loadgen_now_ns();
    if (r->is_closed_loop) {
        hist_add(&r->result->latency, now - g->conns[i].sent_ns);
        if (now < r->ends_ns) {
            g->conns[i].sent_ns = now;
            send_bytes(g, i, r->frame, r->frame_len);
        }
    } else {
        uint64_t nth = r->answered[k]++ * r->n + k;
        hist_add(&r->result->latency,
                 now - (r->began_ns + (int64_t)((double)nth * 1e9 / r->per_s)));
    }
}

static void on_frame(struct loadgen *g, size_t i, int opcode, const char *p, size_t len)
{
    if (opcode == 1) {
        g->n_texts++;
        if (g->run && i >= g->run->first && i < g->run->first + g->run->n) {
            run_answer(g, i);
        } else if (g->ops) {
            g->ops->on_text(g->arg, i, p, len);
        }
    } else if (opcode == 9) {
        char pong[256] = {(char)0x8a, (char)(0x80 | len)};
        memcpy(pong + 6, p, len);
        send_bytes(g, i, pong, len + 6);
    } else if (opcode == 8) {
        conn_drop(g, i, len >= 2 ? (unsigned char)p[0] << 8 | (unsigned char)p[1] : 1005);
    }
}

/* Returns the bytes used. */
static size_t take_frames(struct loadgen *g, size_t i, const char *p, size_t len)
{
    size_t at = 0;
    while (g->conns[i].fd >= 0 && len - at >= 2) {
        const unsigned char *h = (const unsigned char *)p + at;
        size_t n = h[1] & 0x7f, head = n == 126 ? 4 : n == 127 ? 10 : 2;
        if (len - at < head) {
            break;
        }
        if (head > 2) {
            n = 0;
            for (size_t k = 2; k < head; k++) {
                n = n << 8 | h[k];
            }
        }
        if (len - at < head + n) {
            break;
        }
        on_frame(g, i, h[0] & 0x0f, p + at + head, n);
        at += head + n;
    }
    return at;
}

static size_t take_upgrade(struct loadgen *g, size_t i, const char *p, size_t len)
{
    const char *end = memmem(p, len, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    if (len < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        snprintf(g->error, sizeof(g->error), "refused: %.20s", p);
        conn_drop(g, i, 0);
        return len;
    }
    g->conns[i].is_upgraded = true;
    g->n_upgraded++;
    return (size_t)(end - p) + 4;
}

static void on_readable(struct loadgen *g, size_t i)
{
    struct lconn *c = &g->conns[i];
    size_t kept = c->in_len;
    ASSERT(kept < READ_BUF);
    if (kept) {
        memcpy(g->buf, c->in, kept);
        mem_free(c->in);
        c->in = NULL;
        c->in_len = 0;
    }
    ssize_t n = recv(c->fd, g->buf + kept, READ_BUF - kept, 0);
    if (n <= 0 && (n == 0 || errno != EAGAIN)) {
        conn_drop(g, i, 0);
        return;
    }
    size_t len = kept + (n > 0 ? (size_t)n : 0), used = 0;
    if (!c->is_upgraded) {
        used = take_upgrade(g, i, g->buf, len);
    }
    if (g->conns[i].is_upgraded) {
        used += take_frames(g, i, g->buf + used, len - used);
    }
    c = &g->conns[i];
    if (c->fd >= 0 && used < len) {
        c->in = mem_alloc(len - used);
        memcpy(c->in, g->buf + used, len - used);
        c->in_len = len - used;
    }
}

int loadgen_fd(const struct loadgen *g)
{
    return g->epoll;
}

size_t loadgen_poll(struct loadgen *g, int64_t timeout_us)
{
    struct epoll_event evs[EVENTS];
    struct timespec ts = {timeout_us / 1000000, (timeout_us % 1000000) * 1000};
    g->n_texts = 0;
    int n = epoll_pwait2(g->epoll, evs, EVENTS, &ts, NULL);
    for (int k = 0; k < n; k++) {
        size_t i = evs[k].data.u64;
        if (g->conns[i].fd >= 0 && (evs[k].events & EPOLLOUT)) {
            flush_out(g, i);
        }
        if (g->conns[i].fd >= 0 && (evs[k].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
            on_readable(g, i);
        }
    }
    return g->n_texts;
}

/* ---- runs ---- */

void loadgen_run_closed(struct loadgen *g, size_t first, size_t n, const char *text, size_t len,
                        double seconds, struct load_result *out)
{
    struct run r = {.first = first, .n = n, .is_closed_loop = true, .result = out};
    r.frame_len = loadgen_frame(text, len, r.frame, sizeof(r.frame));
    hist_clear(&out->latency);
    g->run = &r;
    r.began_ns = loadgen_now_ns();
    r.ends_ns = r.began_ns + (int64_t)(seconds * 1e9);
    for (size_t i = first; i < first + n; i++) {
        g->conns[i].sent_ns = loadgen_now_ns();
        send_bytes(g, i, r.frame, r.frame_len);
    }
    while (loadgen_now_ns() < r.ends_ns) {
        loadgen_poll(g, 10000);
    }
    out->seconds = (double)(loadgen_now_ns() - r.began_ns) / 1e9;
    out->messages_per_s = (double)out->latency.n / out->seconds;
    for (int idle = 0; idle < 20; idle++) { /* the last answers */
        if (loadgen_poll(g, 5000) > 0) {
            idle = 0;
        }
    }
    g->run = NULL;
}

void loadgen_run_paced(struct loadgen *g, size_t first, size_t n, const char *text, size_t len,
                       double per_s, double seconds, struct load_result *out)
{
    struct run r = {.first = first, .n = n, .per_s = per_s, .result = out};
    r.frame_len = loadgen_frame(text, len, r.frame, sizeof(r.frame));
    r.answered = MEM_NEW_ARRAY(uint64_t, n);
    hist_clear(&out->latency);
    g->run = &r;
    uint64_t total = (uint64_t)(per_s * seconds), sent = 0;
    r.began_ns = loadgen_now_ns();
    while (sent < total) {
        int64_t now = loadgen_now_ns();
        while (sent < total && r.began_ns + (int64_t)((double)sent * 1e9 / per_s) <= now) {
            send_bytes(g, first + sent % n, r.frame, r.frame_len);
            sent++;
        }
        int64_t wait_us =
            (r.began_ns + (int64_t)((double)sent * 1e9 / per_s) - loadgen_now_ns()) / 1000;
        loadgen_poll(g, wait_us > 0 ? wait_us : 0);
    }
    out->seconds = (double)(loadgen_now_ns() - r.began_ns) / 1e9;
    int64_t give_up = loadgen_now_ns() + 10000000000LL;
    while (out->latency.n < total && loadgen_now_ns() < give_up) {
        loadgen_poll(g, 10000);
    }
    out->messages_per_s = (double)out->latency.n / out->seconds;
    mem_free(r.answered);
    g->run = NULL;
}

/* ---- the process under test ---- */

void raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

double process_cpu_us(int pid)
{
    char path[320];
    double total = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        unsigned long long ns = 0;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", pid, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f) {
            if (fscanf(f, "%llu", &ns) == 1) {
                total += (double)ns / 1000.0;
            }
            fclose(f);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return total;
}

double processes_cpu_us(const char *name)
{
    char path[320], comm[64];
    double total = 0;
    DIR *dir = opendir("/proc");
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (f) {
            if (fscanf(f, "%63s", comm) == 1 && strcmp(comm, name) == 0) {
                total += process_cpu_us((int)strtol(e->d_name, NULL, 10));
            }
            fclose(f);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return total;
}

long process_rss_kb(int pid)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kb;
}

int process_start(void (*server)(void *arg, int ready_fd), void *arg, int *port_out)
{
    int fds[2];
    ASSERT(pipe(fds) == 0);
    fflush(stdout);
    int pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(fds[0]);
        server(arg, fds[1]);
        _exit(0);
    }
    close(fds[1]);
    ssize_t n = read(fds[0], port_out, sizeof(*port_out));
    close(fds[0]);
    ASSERT(n == (ssize_t)sizeof(*port_out));
    return pid;
}

void process_stop(int pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}
