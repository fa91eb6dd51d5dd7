/* A real nats-server for a test, on a port of its own that it keeps when it is started again. It dies with the test, whatever happens to that. */
#ifndef TEST_NATSD_H
#define TEST_NATSD_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

struct natsd {
    pid_t pid; /* 0: does not run */
    int port, cluster_port;
    char url[64];
};

/* A port that was free a moment ago. */
static inline int natsd_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 &&
           getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    (void)close(fd);
    return ntohs(a.sin_port);
}

static inline bool natsd_answers(const struct natsd *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)s->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    (void)close(fd);
    return answers;
}

/* `more`: further arguments, NULL-terminated; NULL: none. */
static inline void natsd_start(struct natsd *s, const char *const *more)
{
    char port[16];
    const char *argv[24] = {"nats-server", "-a", "127.0.0.1", "-p", port};
    size_t n = 5;
    if (s->port == 0) {
        s->port = natsd_port();
        (void)snprintf(s->url, sizeof(s->url), "nats://127.0.0.1:%d", s->port);
    }
    (void)snprintf(port, sizeof(port), "%d", s->port);
    for (size_t i = 0; more != NULL && more[i] != NULL; i++) {
        ASSERT(n < 23);
        argv[n++] = more[i];
    }
    pid_t parent = getpid();
    s->pid = fork();
    ASSERT(s->pid >= 0);
    if (s->pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(null, 1);
        (void)dup2(null, 2);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) {
            (void)execvp("nats-server", (char *const *)(uintptr_t)argv);
            (void)execv("/usr/sbin/nats-server", (char *const *)(uintptr_t)argv);
        }
        _exit(127);
    }
    for (int i = 0; i < 500 && !natsd_answers(s); i++) {
        ASSERT(waitpid(s->pid, NULL, WNOHANG) == 0); /* is nats-server installed? */
        (void)usleep(10000);
    }
}

static inline void natsd_stop(struct natsd *s)
{
    if (s->pid != 0) {
        (void)kill(s->pid, SIGKILL);
        (void)waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}

#endif
