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

#define MAX_ARGS 32

static void run_program(const char *program, const char *dir, const char *const *settings, int out)
{
    static const char *const always[] = {
        "--http.listen=127.0.0.1:0", "--http.rate_per_second=1000000", "--http.rate_burst=1000000",
        "--http.max_connections_per_ip=100000", NULL};
    char data[600];
    char *args[MAX_ARGS] = {mem_strdup("stablehand"), mem_strdup("demo"), data};
    size_t n = 3;
    snprintf(data, sizeof(data), "--data=%s", dir);
    for (const char *const *s = always; *s; s++) {
        args[n++] = mem_strdup(*s);
    }
    for (; settings && *settings; settings++) {
        ASSERT(n + 1 < MAX_ARGS);
        args[n++] = mem_strdup(*settings);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, 1);
    dup2(out, 2);
    execv(program, args);
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

void real_server_start_in(struct real_server *s, const char *argv0, const char *dir,
                          const char *const *settings)
{
    char *copy = mem_strdup(argv0), program[512];
    int fds[2];
    snprintf(program, sizeof(program), "%s/../src/app/stablehand", dirname(copy));
    mem_free(copy);
    *s = (struct real_server){.http = -1};
    snprintf(s->dir, sizeof(s->dir), "%s", dir);
    ASSERT(pipe(fds) == 0);
    /* The program's end: a log line that does not fit is lost, and the program goes on. */
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    s->pid = fork();
    ASSERT(s->pid >= 0);
    if (s->pid == 0) {
        run_program(program, s->dir, settings, fds[1]);
    }
    close(fds[1]);
    FILE *log = fdopen(fds[0], "r");
    s->port = wait_for_port(log); /* from here on open and unread */
    s->log = fds[0];
    fcntl(s->log, F_SETFL, O_NONBLOCK);
    real_server_connect(s);
}

void real_server_start(struct real_server *s, const char *argv0)
{
    char dir[] = "/tmp/stablehand-bench-XXXXXX";
    ASSERT(mkdtemp(dir));
    real_server_start_in(s, argv0, dir, NULL);
    s->is_own_dir = true;
}

void real_server_connect(struct real_server *s)
{
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
    if (s->is_own_dir) {
        nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

void real_server_tell_log(struct real_server *s)
{
    char text[65536];
    ssize_t n = read(s->log, text, sizeof(text));
    fprintf(stderr, "the program says:\n%.*s\n", (int)(n > 0 ? n : 0), text);
}

void real_server_end(struct real_server *s)
{
    close(s->http);
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
}

static void keep_cookie(struct real_server *s, const char *head)
{
    const char *at = strcasestr(head, "\r\nset-cookie:");
    s->cookie[0] = '\0';
    if (at) {
        at += strspn(at + 13, " ") + 13;
        size_t len = strcspn(at, ";\r");
        ASSERT(len < sizeof(s->cookie));
        memcpy(s->cookie, at, len);
        s->cookie[len] = '\0';
    }
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
    keep_cookie(s, head);
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
    real_server_visitor_of(s, REAL_INBOX, token_out);
}

void real_server_visitor_of(struct real_server *s, const char *inbox_key,
                            char token_out[REAL_TOKEN_MAX])
{
    char out[16384], body[128];
    snprintf(body, sizeof(body), "{\"inbox\":\"%s\"}", inbox_key);
    int status =
        real_server_request(s, "POST", "/api/v1/visitor/session", "", body, out, sizeof(out));
    const char *at = strstr(out, "\"token\":\"");
    const char *end = at ? strchr(at + 9, '"') : NULL;
    if (status != 200 || !end || end - at - 9 >= REAL_TOKEN_MAX) {
        fprintf(stderr, "bench: no visitor session: %d %s\n", status, out);
        exit(1);
    }
    snprintf(token_out, REAL_TOKEN_MAX, "%.*s", (int)(end - at - 9), at + 9);
}
