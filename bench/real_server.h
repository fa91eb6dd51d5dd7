/* The program itself as the thing under test: `stablehand demo` on a folder of its own, with the rate limits out of the way. */
#ifndef BENCH_REAL_SERVER_H
#define BENCH_REAL_SERVER_H

#include <stddef.h>

#define REAL_INBOX "demo"
#define REAL_TOKEN_MAX 80

struct real_server {
    int pid, port;
    char dir[64];
    int http; /* a connection that is kept for requests */
};

/* The program beside this benchmark in the build folder (argv[0]). Ends the benchmark with a message when it does not start. */
void real_server_start(struct real_server *s, const char *argv0);
void real_server_stop(struct real_server *s); /* SIGKILL; removes the folder */
/* One request on the kept connection; returns the status, the body NUL-terminated in out. */
int real_server_request(struct real_server *s, const char *method, const char *path,
                        const char *headers, const char *body, char *out, size_t size);
/* A new anonymous visitor of the demo's inbox. */
void real_server_visitor(struct real_server *s, char token_out[REAL_TOKEN_MAX]);

#endif
