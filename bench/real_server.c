#include "real_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

static void run_program(const char *program, const char *dir, int out)
{
    char data[128];
    snprintf(data, sizeof(data), "--data=%s", dir);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, 1);
    dup2(out, 2);
    execl(program, "stablehand", "demo", data, "--http.listen=127.0.0.1:0",
          "--http.rate_per_second=1000000", "--http.rate_burst=1000000",
          "--http.max_connections_per_ip=100000", (char *)NULL);
    perror(program);
    _exit(1);
}

static int wait_for_port(FILE *log)
{
    char line[1024], *at;
    while (fgets(line, sizeof(line), log)) {
        if (strstr(line, "event=listening") && (at = strstr(line, " port="))) {
            return (int)strtol(at + 6, NULL, 10);
        }
    }
    fprintf(stderr, "bench: the program did not start\n");
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
    return fd;
}

void real_server_start(struct real_server *s, const char *argv0)
{
    char *copy = mem_strdup(argv0), program[512];
    int fds[2];
    snprintf(program, sizeof(program), "%s/../src/app/stablehand", dirname(copy));
    mem_free(copy);
    *s = (struct real_server){.http = -1};
    snprintf(s->dir, sizeof(s->dir), "/tmp/stablehand-bench-XXXXXX");
    ASSERT(mkdtemp(s->dir) && pipe(fds) == 0);
    s->pid = fork();
    ASSERT(s->pid >= 0);
    if (s->pid == 0) {
        run_program(program, s->dir, fds[1]);
    }
    close(fds[1]);
    FILE *log = fdopen(fds[0], "r");
    s->port = wait_for_port(log);
    fcntl(
        fds[0], F_SETFL,
        O_NONBLOCK); /* kept open and unread: a log line that does not fit is lost, the program goes on */
    s->http = connect_to(s->port);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void real_server_stop(struct real_server *s)
{
    close(s->http);
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int real_server_request(struct real_server *s, const char *method, const char *path,
                        const char *headers, const char *body, char *out, size_t size)
{
    char rq[8192], head[8192];
    int n = snprintf(rq, sizeof(rq),
                     "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: "
                     "application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                     method, path, s->port, strlen(body), headers, body);
    ASSERT(n > 0 && (size_t)n < sizeof(rq) && send(s->http, rq, (size_t)n, MSG_NOSIGNAL) == n);
    size_t got = 0;
    for (head[0] = '\0'; !strstr(head, "\r\n\r\n") && got < sizeof(head) - 1; head[++got] = '\0') {
        ASSERT(recv(s->http, head + got, 1, 0) == 1);
    }
    const char *cl = strcasestr(head, "\r\ncontent-length:");
    size_t len = cl ? (size_t)strtoul(cl + 17, NULL, 10) : 0;
    ASSERT(len < size);
    for (got = 0; got < len;) {
        ssize_t r = recv(s->http, out + got, len - got, 0);
        ASSERT(r > 0);
        got += (size_t)r;
    }
    out[len] = '\0';
    return (int)strtol(head + 9, NULL, 10);
}

void real_server_visitor(struct real_server *s, char token_out[REAL_TOKEN_MAX])
{
    char out[16384];
    int status = real_server_request(s, "POST", "/api/v1/visitor/session", "",
                                     "{\"inbox\":\"" REAL_INBOX "\"}", out, sizeof(out));
    const char *at = strstr(out, "\"token\":\"");
    const char *end = at ? strchr(at + 9, '"') : NULL;
    if (status != 200 || !end || end - at - 9 >= REAL_TOKEN_MAX) {
        fprintf(stderr, "bench: no visitor session: %d %s\n", status, out);
        exit(1);
    }
    snprintf(token_out, REAL_TOKEN_MAX, "%.*s", (int)(end - at - 9), at + 9);
}
