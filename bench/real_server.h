/* The program itself as the thing under test: `stablehand demo` on a folder of its own, with the rate limits out of the way. */
#ifndef BENCH_REAL_SERVER_H
#define BENCH_REAL_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define REAL_INBOX "demo"
#define REAL_TOKEN_MAX 80

struct real_server {
    int pid, port;
    char dir[512];
    bool is_own_dir;  /* made here, removed at the end */
    int log;          /* what the program says, unread */
    int http;         /* a connection that is kept for requests */
    char cookie[256]; /* "name=value" of the last answer that set one; empty: none did */
};

/* The program beside this benchmark in the build folder (argv[0]), on a folder of its own. Ends the benchmark with a message when it does not start. */
void real_server_start(struct real_server *s, const char *argv0);
/* On this folder, with more "--key=value" settings (NULL at the end; may be NULL). */
void real_server_start_in(struct real_server *s, const char *argv0, const char *dir,
                          const char *const *settings);
void real_server_stop(struct real_server *s); /* SIGKILL; removes the folder if it is its own */
/* What it has said since it started, the beginning of it, to stderr. */
void real_server_tell_log(struct real_server *s);
void real_server_end(struct real_server *s); /* SIGTERM; waits; keeps the folder */
/* Another connection for requests, for another thread. */
void real_server_connect(struct real_server *s);
/* One request on the kept connection; returns the status, the body NUL-terminated in out. */
int real_server_request(struct real_server *s, const char *method, const char *path,
                        const char *headers, const char *body, char *out, size_t size);
/* A new anonymous visitor of the demo's inbox, or of another. */
void real_server_visitor(struct real_server *s, char token_out[REAL_TOKEN_MAX]);
void real_server_visitor_of(struct real_server *s, const char *inbox_key,
                            char token_out[REAL_TOKEN_MAX]);

#endif
