/* A chat as load: N sockets on one thread; every message is acknowledged to its sender and delivered to one other socket.
 *
 * What the messages look like on the wire is the caller's (struct chat_wire): the bare model and the real server are driven by the same loop, so that their
 * figures can stand beside each other. Each message carries its number in its text as "#0000000042#"; the loop finds it again in acknowledgements
 * and deliveries. */
#ifndef BENCH_CHAT_LOAD_H
#define BENCH_CHAT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hist.h"
#include "loadgen.h"

#define CHAT_MARK "#%010llu#"
#define CHAT_MARK_LEN 12

enum chat_frame { CHAT_OTHER, CHAT_ACK, CHAT_DELIVERY };
struct chat_wire {
    /* Writes message `n` of socket `conn`; the text must contain CHAT_MARK of n. Returns the length. */
    size_t (*make)(void *arg, size_t conn, uint64_t n, char *out, size_t size);
    /* What is this frame? For ACK and DELIVERY the number of the message; for an ACK it may be any message of that socket not answered yet. */
    enum chat_frame (*read)(void *arg, size_t conn, const char *text, size_t len, uint64_t *n_out);
    void *arg;
};
/* Finds the mark; false if there is none. */
bool chat_find_mark(const char *text, size_t len, uint64_t *n_out);

struct chat_result {
    double seconds, acked_per_s;
    uint64_t n_sent, n_acked, n_delivered;
    struct hist ack, delivery; /* from the (intended) send */
};
struct chat_load;
/* The sockets `senders`.. are made by the caller through chat_load_generators: on one generator, or customers and agents on two. */
struct chat_load *chat_load_new(const struct chat_wire *wire);
void chat_load_free(struct chat_load **load);
/* The handlers that feed this load: for loadgen_new(..., chat_load_ops(), load). */
const struct loadgen_ops *chat_load_ops(void);
/* Adds a generator that is polled; its sockets [first, first + n) of `senders` send (n 0: they only receive). */
void chat_load_add(struct chat_load *load, struct loadgen *g, size_t first, size_t n);
/* One message of every sending socket is out at any time. */
void chat_load_closed(struct chat_load *load, double seconds, struct chat_result *out);
/* per_s messages a second in all, round robin, measured from the time at which each was due. */
void chat_load_paced(struct chat_load *load, double per_s, double seconds, struct chat_result *out);

#endif
