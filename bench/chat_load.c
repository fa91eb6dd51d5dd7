/* See chat_load.h. Times of messages under way are kept in a ring by number; a number never has more than RING others in flight. */
#include "chat_load.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

#define RING 1048576
#define FRAME_MAX 2048

struct sender {
    struct loadgen *g;
    size_t conn;
};

struct chat_load {
    struct chat_wire wire;
    struct loadgen *generators[8];
    size_t n_generators;
    int any; /* readable when one of the generators is */
    struct sender *senders;
    size_t n_senders;
    int64_t *sent_at;
    uint64_t *sender_of;
    uint64_t next;
    bool is_closed_loop, is_stopping;
    struct chat_result *out;
};

bool chat_find_mark(const char *text, size_t len, uint64_t *n_out)
{
    for (const char *p = memchr(text, '#', len); p != NULL;
         p = memchr(p + 1, '#', len - (size_t)(p + 1 - text))) {
        if ((size_t)(text + len - p) < CHAT_MARK_LEN) {
            return false;
        }
        uint64_t n = 0;
        int i = 1;
        while (i <= 10 && p[i] >= '0' && p[i] <= '9') {
            n = n * 10 + (uint64_t)(p[i++] - '0');
        }
        if (i == 11 && p[11] == '#') {
            *n_out = n;
            return true;
        }
    }
    return false;
}

static void send_one(struct chat_load *l, size_t sender, int64_t at)
{
    char text[FRAME_MAX];
    uint64_t n = l->next++;
    struct sender *s = &l->senders[sender];
    size_t len = l->wire.make(l->wire.arg, s->conn, n, text, sizeof(text));
    l->sent_at[n % RING] = at;
    l->sender_of[n % RING] = sender;
    l->out->n_sent++;
    loadgen_send(s->g, s->conn, text, len);
}

static void on_text(void *arg, size_t conn, const char *text, size_t len)
{
    struct chat_load *l = arg;
    uint64_t n = 0;
    if (l->out == NULL) {
        return;
    }
    enum chat_frame kind = l->wire.read(l->wire.arg, conn, text, len, &n);
    if (kind == CHAT_OTHER || n >= l->next || l->next - n > RING) {
        return;
    }
    int64_t now = loadgen_now_ns();
    int64_t took = now - l->sent_at[n % RING];
    if (kind == CHAT_DELIVERY) {
        l->out->n_delivered++;
        hist_add(&l->out->delivery, took);
        return;
    }
    l->out->n_acked++;
    hist_add(&l->out->ack, took);
    if (l->is_closed_loop && !l->is_stopping) {
        send_one(l, l->sender_of[n % RING], now);
    }
}

static const struct loadgen_ops ops = {.on_text = on_text};

const struct loadgen_ops *chat_load_ops(void)
{
    return &ops;
}

struct chat_load *chat_load_new(const struct chat_wire *wire)
{
    struct chat_load *l = MEM_NEW(struct chat_load);
    l->wire = *wire;
    l->any = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(l->any >= 0);
    l->sent_at = MEM_NEW_ARRAY(int64_t, RING);
    l->sender_of = MEM_NEW_ARRAY(uint64_t, RING);
    return l;
}

void chat_load_free(struct chat_load **load)
{
    struct chat_load *l = *load;
    close(l->any);
    mem_free(l->senders);
    mem_free(l->sent_at);
    mem_free(l->sender_of);
    mem_free(l);
    *load = NULL;
}

void chat_load_add(struct chat_load *l, struct loadgen *g, size_t first, size_t n)
{
    ASSERT(l->n_generators < ARRAY_LEN(l->generators));
    l->generators[l->n_generators++] = g;
    struct epoll_event ev = {.events = EPOLLIN};
    ASSERT(epoll_ctl(l->any, EPOLL_CTL_ADD, loadgen_fd(g), &ev) == 0);
    l->senders = mem_realloc(l->senders, l->n_senders + n + 1, sizeof(*l->senders));
    for (size_t i = 0; i < n; i++) {
        l->senders[l->n_senders++] = (struct sender){g, first + i};
    }
}

static void poll_all(struct chat_load *l, int64_t timeout_us)
{
    struct epoll_event ev;
    struct timespec ts = {timeout_us / 1000000, (timeout_us % 1000000) * 1000};
    (void)epoll_pwait2(l->any, &ev, 1, &ts, NULL);
    for (size_t i = 0; i < l->n_generators; i++) {
        (void)loadgen_poll(l->generators[i], 0);
    }
}

static void begin(struct chat_load *l, bool is_closed_loop, struct chat_result *out)
{
    memset(out, 0, sizeof(*out));
    l->out = out;
    l->is_closed_loop = is_closed_loop;
    l->is_stopping = false;
}

/* Waits for what is out; what has not come after two seconds is lost, and the caller sees it in the counts. */
static void drain(struct chat_load *l)
{
    int64_t until = loadgen_now_ns() + 2000000000;
    l->is_stopping = true;
    while ((l->out->n_acked < l->out->n_sent || l->out->n_delivered < l->out->n_sent) &&
           loadgen_now_ns() < until) {
        poll_all(l, 1000);
    }
    l->out = NULL;
}

void chat_load_closed(struct chat_load *l, double seconds, struct chat_result *out)
{
    begin(l, true, out);
    int64_t started = loadgen_now_ns();
    for (size_t i = 0; i < l->n_senders; i++) {
        send_one(l, i, loadgen_now_ns());
        if (i % 64 == 63) {
            poll_all(l, 0);
        }
    }
    int64_t until = started + (int64_t)(seconds * 1e9);
    while (loadgen_now_ns() < until) {
        poll_all(l, 1000);
    }
    out->seconds = (double)(loadgen_now_ns() - started) / 1e9;
    out->acked_per_s = (double)out->n_acked / out->seconds;
    drain(l);
}

void chat_load_paced(struct chat_load *l, double per_s, double seconds, struct chat_result *out)
{
    begin(l, false, out);
    int64_t started = loadgen_now_ns();
    int64_t until = started + (int64_t)(seconds * 1e9);
    double gap = 1e9 / per_s;
    for (uint64_t i = 0;; i++) {
        int64_t due = started + (int64_t)((double)i * gap);
        if (due >= until) {
            break;
        }
        int64_t now;
        while ((now = loadgen_now_ns()) < due) {
            poll_all(l, (due - now) / 1000);
        }
        send_one(l, i % l->n_senders, due);
        if (i % 16 == 15) {
            poll_all(l, 0);
        }
    }
    out->seconds = (double)(loadgen_now_ns() - started) / 1e9;
    out->acked_per_s = (double)out->n_acked / out->seconds;
    drain(l);
}
