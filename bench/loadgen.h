/* WebSocket load client: one thread, one epoll, N connections. Not for several threads at once; make one per thread.
 *
 * Closed loop: send the next message from on_text. Open loop: send at the intended times and measure from them, not from the real send (a server that
 * stalls must not slow its own examiner down). */
#ifndef BENCH_LOADGEN_H
#define BENCH_LOADGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hist.h"

struct loadgen;

struct loadgen_ops {
    void (*on_text)(void *arg, size_t conn, const char *text,
                    size_t len);                        /* valid during the call */
    void (*on_close)(void *arg, size_t conn, int code); /* may be NULL; code 0: cut */
};

/* `headers`: further request lines, each with its \r\n ("Cookie: ...\r\n"), or "". The texts must outlive it. */
struct loadgen *loadgen_new(int port, const char *path, const char *headers,
                            const struct loadgen_ops *ops, void *arg);
/* Where connections made from now on go. */
void loadgen_aim(struct loadgen *g, const char *path, const char *headers);
void loadgen_free(struct loadgen **g); /* resets all connections: no TIME_WAIT is left behind */
/* Opens `n` more connections, upgraded when it returns. Indexes go on from the ones before. False: some could not (loadgen_error). */
bool loadgen_connect(struct loadgen *g, size_t n);
size_t loadgen_open(const struct loadgen *g); /* connections that are open now */
const char *loadgen_error(const struct loadgen *g);
void loadgen_send(struct loadgen *g, size_t conn, const char *text, size_t len);
/* A frame made once and sent often. */
size_t loadgen_frame(const char *text, size_t len, char *out, size_t size);
void loadgen_send_frame(struct loadgen *g, size_t conn, const char *frame, size_t len);
/* Waits up to timeout_us for something and handles what is there; returns the number of text messages. */
size_t loadgen_poll(struct loadgen *g, int64_t timeout_us);
/* Readable when loadgen_poll has something to do: for waiting on several generators at once. */
int loadgen_fd(const struct loadgen *g);
int64_t loadgen_now_ns(void);

/* ---- runs ---- */

struct load_result {
    double seconds, messages_per_s;
    struct hist latency; /* send (intended send) to answer */
};
/* Every connection of first..first+n-1 has one message out at any time; answers come back on the connection (echo). */
void loadgen_run_closed(struct loadgen *g, size_t first, size_t n, const char *text, size_t len,
                        double seconds, struct load_result *out);
/* `per_s` messages a second in all, round robin. Echo as well. */
void loadgen_run_paced(struct loadgen *g, size_t first, size_t n, const char *text, size_t len,
                       double per_s, double seconds, struct load_result *out);

/* ---- the process under test ---- */
double process_cpu_us(int pid);            /* CPU time of all its threads so far */
double processes_cpu_us(const char *name); /* of all processes that run under this name */
long process_rss_kb(int pid);
/* Runs `server(arg, ready_fd)` in a child, which writes its port (int) to ready_fd and serves until killed. Returns the pid. */
int process_start(void (*server)(void *arg, int ready_fd), void *arg, int *port_out);
void process_stop(int pid);
void raise_file_limit(void);

#endif
