/* See bare_server.h. One epoll thread; frames that come in pieces are kept per connection; slot and generation name a connection across threads. Socket k is
 * paired with k ^ 1, to which its messages are delivered. */
#include "bare_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "chat_rows.h"
#include "platform/db_sqlite.h"

#define CONNS_MAX 20000
#define IN_MAX 4096
#define TEXT_MAX 1024
#define CLIENT_ID_AT 12 /* behind the mark */
#define CLIENT_ID_LEN 16

struct conn {
    int fd;
    uint32_t generation;
    bool is_upgraded;
    size_t in_len;
    char *in; /* only while a frame is incomplete */
};

struct job {
    uint32_t slot, generation;
    int64_t seq;
    uint16_t len;
    char text[TEXT_MAX];
};

struct jobs {
    struct job *items;
    size_t len, size;
};

static struct {
    struct conn conns[CONNS_MAX];
    uint32_t n_conns;
    int epoll, event;
    char path[200], search_path[200];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct jobs filling; /* to the writer */
    struct jobs answers; /* to the loop */
    atomic_bool wants_checkpoint;
    atomic_int_fast64_t last_id;
} bare = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

/* ---- writer, checkpointer, index ---- */

static sqlite3 *open_db(const char *path, int flags)
{
    sqlite3 *h = NULL;
    ASSERT(sqlite3_open_v2(path, &h, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK);
    ASSERT(sqlite3_exec(
               h, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;",
               NULL, NULL, NULL) == SQLITE_OK);
    (void)sqlite3_wal_autocheckpoint(h, 0);
    return h;
}

static sqlite3_stmt *prepare(sqlite3 *h, const char *sql)
{
    sqlite3_stmt *st = NULL;
    ASSERT(sqlite3_prepare_v3(h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) == SQLITE_OK);
    return st;
}

static void run(sqlite3_stmt *st)
{
    int rc = sqlite3_step(st);
    ASSERT(rc == SQLITE_DONE || rc == SQLITE_ROW);
    (void)sqlite3_reset(st);
}

static void *checkpoint_main(void *arg)
{
    UNUSED(arg);
    sqlite3 *h = open_db(bare.path, SQLITE_OPEN_READWRITE);
    ASSERT(sqlite3_exec(h, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK);
    for (;;) {
        int n_log = 0;
        int n_done = 0;
        (void)usleep(50000);
        (void)sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, &n_log, &n_done);
        for (int i = 0; n_log > 16384 && i < 3; i++) {
            (void)sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
            atomic_store(&bare.wants_checkpoint, i == 2);
        }
    }
    return NULL;
}

static void *index_main(void *arg)
{
    UNUSED(arg);
    struct sq_db names = {.search_path = bare.search_path};
    sqlite3 *main = open_db(bare.path, SQLITE_OPEN_READWRITE);
    sqlite3 *h = NULL;
    ASSERT(sq_search_open(&names, true, &h) == SQLITE_OK);
    ASSERT(sqlite3_exec(h,
                        "CREATE VIRTUAL TABLE IF NOT EXISTS message USING fts5(text, content='', "
                        "columnsize=0, tokenize='stablehand')",
                        NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_stmt *next =
        prepare(main, "SELECT id, body FROM messages WHERE id > ?1 ORDER BY id LIMIT 4000");
    sqlite3_stmt *insert = prepare(h, "INSERT INTO message (rowid, text) VALUES (?1, ?2)");
    for (;;) {
        (void)usleep(200000);
        int64_t last = atomic_load(&bare.last_id);
        ASSERT(sqlite3_exec(h, "BEGIN", NULL, NULL, NULL) == SQLITE_OK);
        (void)sqlite3_bind_int64(next, 1, last);
        while (sqlite3_step(next) == SQLITE_ROW) {
            last = sqlite3_column_int64(next, 0);
            (void)sqlite3_bind_int64(insert, 1, last);
            (void)sqlite3_bind_text(insert, 2, (const char *)sqlite3_column_text(next, 1), -1,
                                    SQLITE_STATIC);
            run(insert);
        }
        (void)sqlite3_reset(next);
        ASSERT(sqlite3_exec(h, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
        atomic_store(&bare.last_id, last);
    }
    return NULL;
}

struct statements {
    sqlite3_stmt *begin, *commit, *conversation, *message, *event;
};

static void store(const struct statements *s, struct job *job)
{
    int64_t conversation = job->slot * 37 % BENCH_CONVERSATIONS + 1;
    int64_t now = time_monotonic_ns() / 1000000;
    (void)sqlite3_bind_int64(s->conversation, 1, conversation);
    (void)sqlite3_bind_int64(s->conversation, 2, now);
    (void)sqlite3_bind_text(s->conversation, 3, job->text, 60, SQLITE_STATIC);
    ASSERT(sqlite3_step(s->conversation) == SQLITE_ROW);
    job->seq = sqlite3_column_int64(s->conversation, 0);
    (void)sqlite3_reset(s->conversation);
    (void)sqlite3_bind_int64(s->message, 1, conversation);
    (void)sqlite3_bind_int64(s->message, 2, job->seq);
    (void)sqlite3_bind_text(s->message, 3, job->text + CLIENT_ID_AT, CLIENT_ID_LEN, SQLITE_STATIC);
    (void)sqlite3_bind_text(s->message, 4, job->text, job->len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->message, 5, now);
    run(s->message);
    (void)sqlite3_bind_int64(s->event, 1, conversation);
    (void)sqlite3_bind_int64(s->event, 2, job->seq);
    (void)sqlite3_bind_text(s->event, 3, job->text, job->len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->event, 4, now);
    (void)sqlite3_bind_int64(s->event, 5, conversation % 50 + 1);
    run(s->event);
}

static void *writer_main(void *arg)
{
    UNUSED(arg);
    sqlite3 *h = open_db(bare.path, SQLITE_OPEN_READWRITE);
    struct statements s = {
        prepare(h, "BEGIN IMMEDIATE"),
        prepare(h, "COMMIT"),
        prepare(h, "UPDATE conversations SET last_seq = last_seq + 1, last_customer_seq = last_seq "
                   "+ 1, unread = unread + 1, updated_at = ?2, preview = ?3, "
                   "preview_at = ?2 WHERE id = ?1 RETURNING last_seq"),
        prepare(h, "INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, "
                   "author_name, kind, is_public, body, created_at) "
                   "VALUES (?1, ?2, ?3, 0, ?1, 'Li Wei', 0, 1, ?4, ?5)"),
        prepare(h, "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, "
                   "assignee_id, team_id) "
                   "VALUES (?1, ?2, 'message.created', 1, ?3, ?4, ?5, 1)"),
    };
    struct jobs jobs = {0};
    for (;;) {
        (void)pthread_mutex_lock(&bare.lock);
        while (bare.filling.len == 0) {
            (void)pthread_cond_wait(&bare.wake, &bare.lock);
        }
        struct jobs taken = bare.filling;
        bare.filling = jobs;
        jobs = taken;
        (void)pthread_mutex_unlock(&bare.lock);
        run(s.begin);
        for (size_t i = 0; i < jobs.len; i++) {
            store(&s, &jobs.items[i]);
        }
        run(s.commit);
        (void)pthread_mutex_lock(&bare.lock);
        for (size_t i = 0; i < jobs.len; i++) {
            VEC_PUSH(&bare.answers, jobs.items[i]);
        }
        (void)pthread_mutex_unlock(&bare.lock);
        VEC_CLEAR(&jobs);
        uint64_t one = 1;
        ASSERT(write(bare.event, &one, sizeof(one)) == sizeof(one));
        if (atomic_exchange(&bare.wants_checkpoint, false)) {
            (void)sqlite3_wal_checkpoint_v2(h, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        }
    }
    return NULL;
}

/* ---- sockets ---- */

static void send_frame(uint32_t slot, char type, const char *text, size_t len)
{
    char frame[TEXT_MAX + 8];
    size_t n = 0;
    frame[n++] = (char)0x81;
    if (len + 1 < 126) {
        frame[n++] = (char)(len + 1);
    } else {
        frame[n++] = 126;
        frame[n++] = (char)((len + 1) >> 8);
        frame[n++] = (char)(len + 1);
    }
    frame[n++] = type;
    memcpy(frame + n, text, len);
    while (bare.conns[slot].fd >= 0 &&
           send(bare.conns[slot].fd, frame, n + len, MSG_NOSIGNAL) < 0 &&
           (errno == EAGAIN || errno == EINTR)) {
        (void)usleep(50); /* the load client reads: it does not stay full */
    }
}

static void answer_all(struct jobs *done)
{
    uint64_t count = 0;
    (void)(read(bare.event, &count, sizeof(count)) < 0);
    (void)pthread_mutex_lock(&bare.lock);
    struct jobs taken = bare.answers;
    bare.answers = *done;
    *done = taken;
    (void)pthread_mutex_unlock(&bare.lock);
    for (size_t i = 0; i < done->len; i++) {
        const struct job *job = &done->items[i];
        if (bare.conns[job->slot].generation == job->generation) {
            send_frame(job->slot, 'A', job->text, 12);
        }
        send_frame(job->slot ^ 1, 'D', job->text, job->len);
    }
    VEC_CLEAR(done);
}

static void submit(uint32_t slot, const char *text, size_t len)
{
    (void)pthread_mutex_lock(&bare.lock);
    struct job job = {
        .slot = slot, .generation = bare.conns[slot].generation, .len = (uint16_t)len};
    memcpy(job.text, text, len);
    VEC_PUSH(&bare.filling, job);
    bool wake = bare.filling.len == 1;
    (void)pthread_mutex_unlock(&bare.lock);
    if (wake) {
        (void)pthread_cond_signal(&bare.wake);
    }
}

/* Returns how many bytes were used. */
static size_t frames_of(uint32_t slot, char *p, size_t len)
{
    size_t at = 0;
    while (len - at >= 6) {
        unsigned char *h = (unsigned char *)p + at;
        size_t n = h[1] & 0x7f;
        size_t head = n == 126 ? 8 : 6;
        if (len - at < head) {
            break;
        }
        n = n == 126 ? (size_t)h[2] << 8 | h[3] : n;
        if (len - at < head + n) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            h[head + i] ^= h[head - 4 + (i & 3)];
        }
        if ((h[0] & 0xf) == 1 && n > CLIENT_ID_AT + CLIENT_ID_LEN && n <= TEXT_MAX) {
            submit(slot, (const char *)h + head, n);
        }
        at += head + n;
    }
    return at;
}

static void close_conn(struct conn *c)
{
    (void)close(c->fd);
    mem_free(c->in);
    c->fd = -1;
    c->in = NULL;
    c->in_len = 0;
    c->generation++;
}

static void readable(uint32_t slot)
{
    static char buf[IN_MAX * 16];
    struct conn *c = &bare.conns[slot];
    size_t have = c->in_len;
    if (have > 0) {
        memcpy(buf, c->in, have);
    }
    ssize_t n = recv(c->fd, buf + have, sizeof(buf) - have, 0);
    if (n <= 0) {
        close_conn(c);
        return;
    }
    size_t len = have + (size_t)n;
    size_t used = len;
    if (!c->is_upgraded) {
        static const char answer[] =
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        used = memmem(buf, len, "\r\n\r\n", 4) != NULL ? len : 0;
        c->is_upgraded = used > 0;
        if (used > 0) {
            ASSERT(send(c->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) > 0);
        }
    } else {
        used = frames_of(slot, buf, len);
    }
    c->in_len = len - used;
    if (c->in_len > 0) {
        ASSERT(c->in_len <= IN_MAX);
        c->in = c->in != NULL ? c->in : mem_alloc(IN_MAX);
        memcpy(c->in, buf + used, c->in_len);
    }
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        int on = 1;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        uint32_t slot = bare.n_conns++;
        ASSERT(slot < CONNS_MAX);
        bare.conns[slot].fd = fd;
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = slot};
        ASSERT(epoll_ctl(bare.epoll, EPOLL_CTL_ADD, fd, &e) == 0);
    }
}

static int listen_any(int *port_out)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 4096) == 0);
    ASSERT(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    *port_out = ntohs(a.sin_port);
    return fd;
}

void bare_chat_server(void *dir, int ready_fd)
{
    int port = 0;
    pthread_t t;
    struct jobs done = {0};
    (void)snprintf(bare.path, sizeof(bare.path), "%s/bench.db", (const char *)dir);
    (void)snprintf(bare.search_path, sizeof(bare.search_path), "%s/bare-search.db",
                   (const char *)dir);
    sqlite3 *h = open_db(bare.path, SQLITE_OPEN_READWRITE);
    sqlite3_stmt *st = prepare(h, "SELECT COALESCE(MAX(id), 0) FROM messages");
    ASSERT(sqlite3_step(st) == SQLITE_ROW);
    atomic_store(&bare.last_id,
                 sqlite3_column_int64(
                     st, 0)); /* the index of what was there before is not what is measured */
    (void)sqlite3_finalize(st);
    (void)sqlite3_close(h);
    bare.epoll = epoll_create1(EPOLL_CLOEXEC);
    bare.event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int listener = listen_any(&port);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = CONNS_MAX};
    ASSERT(epoll_ctl(bare.epoll, EPOLL_CTL_ADD, listener, &e) == 0);
    e.data.u32 = CONNS_MAX + 1;
    ASSERT(epoll_ctl(bare.epoll, EPOLL_CTL_ADD, bare.event, &e) == 0);
    ASSERT(pthread_create(&t, NULL, writer_main, NULL) == 0);
    ASSERT(pthread_create(&t, NULL, checkpoint_main, NULL) == 0);
    ASSERT(pthread_create(&t, NULL, index_main, NULL) == 0);
    ASSERT(write(ready_fd, &port, sizeof(port)) == sizeof(port));
    (void)close(ready_fd);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(bare.epoll, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u32 == CONNS_MAX) {
                accept_all(listener);
            } else if (events[i].data.u32 == CONNS_MAX + 1) {
                answer_all(&done);
            } else {
                readable(events[i].data.u32);
            }
        }
    }
}
