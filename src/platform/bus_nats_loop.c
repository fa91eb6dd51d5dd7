/* TLS connections only. The client library (3.4) reads from a thread of its own while whoever publishes writes, on one SSL object without a lock, which OpenSSL
 * forbids; upstream has put a mutex around both since. Its other way of working, for event loops, reads and writes only when it is told to: here a thread waits for the
 * socket and does both, one after the other. Handshakes are done by whoever connects, before the socket comes here.
 *
 * Locks: `lock` of the fields; `turn` while the library reads or writes for us, so that a connection can be taken away in between. The library calls back
 * with locks of its own held and takes none of ours but `lock`. */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/bus_nats.h"

struct nats_loop {
    pthread_t thread;
    pthread_mutex_t lock, turn;
    size_t n_refs; /* one for the bus, one for each connection until it is detached */
    natsConnection *conn;
    int fd; /* -1: none */
    bool wants_read, wants_write, is_stopping;
    int wake_fd;
};

static void nats_loop_wake(const struct nats_loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->wake_fd, &one, sizeof(one));
    (void)n; /* full: it is awake */
}

static void nats_loop_unref(struct nats_loop *loop)
{
    (void)pthread_mutex_lock(&loop->lock);
    bool is_last = --loop->n_refs == 0;
    (void)pthread_mutex_unlock(&loop->lock);
    if (is_last) {
        (void)close(loop->wake_fd);
        (void)pthread_mutex_destroy(&loop->lock);
        (void)pthread_mutex_destroy(&loop->turn);
        mem_free(loop);
    }
}

/* ---- called by the library ---- */

static natsStatus loop_attach(void **user, void *arg, natsConnection *conn, natsSock fd)
{
    struct nats_loop *loop = arg;
    (void)pthread_mutex_lock(&loop->lock);
    loop->n_refs += *user == NULL; /* otherwise it has reconnected */
    *user = loop;
    loop->conn = conn;
    loop->fd = fd;
    loop->wants_read = true;
    loop->wants_write = false;
    nats_loop_wake(loop);
    (void)pthread_mutex_unlock(&loop->lock);
    return NATS_OK;
}

static natsStatus loop_read(void *user, bool add)
{
    struct nats_loop *loop = user;
    (void)pthread_mutex_lock(&loop->lock);
    loop->wants_read = add;
    nats_loop_wake(loop);
    (void)pthread_mutex_unlock(&loop->lock);
    return NATS_OK;
}

static natsStatus loop_write(void *user, bool add)
{
    struct nats_loop *loop = user;
    (void)pthread_mutex_lock(&loop->lock);
    loop->wants_write = add;
    nats_loop_wake(loop);
    (void)pthread_mutex_unlock(&loop->lock);
    return NATS_OK;
}

static natsStatus loop_detach(void *user)
{
    nats_loop_unref(user);
    return NATS_OK;
}

/* ---- thread ---- */

/* False: stop. */
static bool nats_loop_wait(struct nats_loop *loop, short *found)
{
    struct pollfd fds[2] = {{.fd = loop->wake_fd, .events = POLLIN}, {.fd = -1}};
    (void)pthread_mutex_lock(&loop->lock);
    bool goes_on = !loop->is_stopping;
    if (loop->wants_read || loop->wants_write) {
        fds[1].fd = loop->fd;
        fds[1].events =
            (short)((loop->wants_read ? POLLIN : 0) | (loop->wants_write ? POLLOUT : 0));
    }
    (void)pthread_mutex_unlock(&loop->lock);
    *found = 0;
    if (!goes_on || poll(fds, 2, -1) < 0) {
        return goes_on;
    }
    if (fds[0].revents != 0) {
        uint64_t n = 0;
        ssize_t got = read(loop->wake_fd, &n, sizeof(n));
        (void)got;
    }
    (void)pthread_mutex_lock(&loop->lock);
    if (loop->fd == fds[1].fd) { /* otherwise it was another connection's */
        *found = fds[1].revents;
        if ((fds[1].revents & POLLNVAL) != 0) {
            loop->fd = -1;
        }
    }
    (void)pthread_mutex_unlock(&loop->lock);
    return goes_on;
}

/* What the library wants done, of what can be. */
static natsConnection *nats_loop_ready(struct nats_loop *loop, short found, bool *can_read,
                                       bool *can_write)
{
    (void)pthread_mutex_lock(&loop->lock);
    bool is_broken = (found & (POLLERR | POLLHUP)) != 0;
    *can_read = loop->wants_read && ((found & POLLIN) != 0 || is_broken);
    *can_write = loop->wants_write && (found & POLLOUT) != 0;
    natsConnection *conn = loop->fd < 0 ? NULL : loop->conn;
    (void)pthread_mutex_unlock(&loop->lock);
    return conn;
}

static void *nats_loop_main(void *arg)
{
    struct nats_loop *loop = arg;
    short found = 0;
    (void)pthread_setname_np(pthread_self(), "bus-loop");
    while (nats_loop_wait(loop, &found)) {
        bool can_read = false;
        bool can_write = false;
        (void)pthread_mutex_lock(&loop->turn);
        natsConnection *conn = nats_loop_ready(loop, found, &can_read, &can_write);
        if (conn != NULL && can_read) {
            natsConnection_ProcessReadEvent(conn);
        }
        if (conn != NULL && can_write) {
            natsConnection_ProcessWriteEvent(conn);
        }
        (void)pthread_mutex_unlock(&loop->turn);
    }
    nats_ReleaseThreadMemory();
    return NULL;
}

/* ---- life ---- */

struct nats_loop *nats_loop_new(natsOptions *options)
{
    struct nats_loop *loop = MEM_NEW(struct nats_loop);
    loop->n_refs = 1;
    loop->fd = -1;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    (void)pthread_mutex_init(&loop->lock, NULL);
    (void)pthread_mutex_init(&loop->turn, NULL);
    ASSERT(loop->wake_fd >= 0 && natsOptions_SetEventLoop(options, loop, loop_attach, loop_read,
                                                          loop_write, loop_detach) == NATS_OK);
    ASSERT(pthread_create(&loop->thread, NULL, nats_loop_main, loop) == 0);
    return loop;
}

void nats_loop_forget(struct nats_loop *loop)
{
    if (loop != NULL) {
        (void)pthread_mutex_lock(&loop->turn);
        (void)pthread_mutex_lock(&loop->lock);
        loop->conn = NULL;
        loop->fd = -1;
        loop->wants_read = loop->wants_write = false;
        (void)pthread_mutex_unlock(&loop->lock);
        (void)pthread_mutex_unlock(&loop->turn);
    }
}

void nats_loop_free(struct nats_loop **loop)
{
    struct nats_loop *l = *loop;
    if (l != NULL) {
        *loop = NULL;
        (void)pthread_mutex_lock(&l->lock);
        l->is_stopping = true;
        nats_loop_wake(l);
        (void)pthread_mutex_unlock(&l->lock);
        (void)pthread_join(l->thread, NULL);
        nats_loop_unref(l);
    }
}
