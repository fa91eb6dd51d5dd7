/* Frames waiting on one connection, in order, with the number of bytes of the first one that are already gone. Exists only while something waits. */
#ifndef PLATFORM_OUTQ_H
#define PLATFORM_OUTQ_H

#include <uv.h>

#include "platform/frame.h"

#define OUTQ_INLINE 8
#define OUTQ_BUFS 32

struct outq {
    struct outq *next_free;
    struct frame **items; /* ring of `size` (a power of two) */
    uint32_t head, len, size;
    size_t bytes; /* still to be sent, handed to the kernel or not */
    size_t first_sent;
    uint32_t n_inflight; /* frames handed to `write`, at the front */
    size_t inflight_bytes;
    uv_write_t write;
    struct frame *inline_items[OUTQ_INLINE];
};

struct outq_pool {
    struct outq *free;
    uint32_t n;
};
struct outq *outq_get(struct outq_pool *pool);
void outq_put(struct outq_pool *pool, struct outq **q); /* drops what is left in it */
void outq_pool_release(struct outq_pool *pool);

void outq_push(struct outq *q, struct frame *frame); /* takes the caller's reference */
/* Up to OUTQ_BUFS buffers from the front, at most max_bytes in all (at least one buffer). Returns how many. */
unsigned outq_bufs(const struct outq *q, uv_buf_t bufs[OUTQ_BUFS], size_t max_bytes,
                   size_t *bytes_out);
void outq_consume(struct outq *q, size_t bytes); /* that many bytes are gone */
/* Drops every frame of which nothing has been sent or handed over. */
void outq_drop_waiting(struct outq *q);

#endif
