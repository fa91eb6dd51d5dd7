/* A server on an ephemeral port with routes and an endpoint for the tests of this folder, and a client that speaks raw bytes. */
#ifndef TESTS_NET_TESTSERVER_H
#define TESTS_NET_TESTSERVER_H

#include "platform/server.h"

struct testserver {
    struct server *server;
    int port;
    char spool_dir[64];
};

/* Fields of `options` that are 0 get the test's defaults (one loop, short time-outs must be set by the test). */
void testserver_start(struct testserver *t, const struct server_options *options);
void testserver_stop(struct testserver *t);
/* What the endpoint has seen; reset by testserver_start. */
struct seen {
    _Atomic int opened, messages, closed, last_code;
};
extern struct seen seen;
extern struct conn_id seen_conn; /* the last one that sent "join-held" */

/* ---- raw client; every call fails the test after `timeout_ms` 5000 ---- */
int client_connect(int port);
void client_send(int fd, const void *p, size_t len);
void client_send_text(int fd, const char *text);
/* Reads one HTTP answer (head + Content-Length body, or head only) into out (NUL-terminated); returns the status, or 0 on EOF. */
int client_answer(int fd, char *out, size_t size);
/* Bytes until EOF or the buffer is full; returns how many. */
size_t client_read_all(int fd, char *out, size_t size);
bool client_is_closed(int fd); /* waits for EOF or reset */
/* WebSocket */
int client_ws(int port); /* connected and upgraded on /socket */
int client_ws_at(int port, const char *path, const char *extra_headers, int *status_out);
void client_ws_send(int fd, int opcode, bool fin, const void *p, size_t len);
/* Next frame's opcode; payload NUL-terminated into out. -1 on EOF. */
int client_ws_read(int fd, char *out, size_t size, size_t *len_out);
/* Reads until a close frame; returns its code (0: none in it, -1: EOF without one). */
int client_ws_close_code(int fd);

#endif
