#include "platform/outq.h"

#include "base/check.h"
#include "base/mem.h"

#define POOL_MAX 64

struct outq *outq_get(struct outq_pool *pool)
{
    struct outq *q = pool->free;
    if (q) {
        pool->free = q->next_free;
        pool->n--;
        return q;
    }
    q = MEM_NEW(struct outq);
    q->items = q->inline_items;
    q->size = OUTQ_INLINE;
    return q;
}

static void outq_free(struct outq *q)
{
    if (q->items != q->inline_items) {
        mem_free(q->items);
    }
    mem_free(q);
}

void outq_put(struct outq_pool *pool, struct outq **queue)
{
    struct outq *q = *queue;
    *queue = NULL;
    for (; q->len > 0; q->len--) {
        frame_unref(&q->items[q->head]);
        q->head = (q->head + 1) & (q->size - 1);
    }
    if (pool->n >= POOL_MAX || q->items != q->inline_items) {
        outq_free(q);
        return;
    }
    q->head = q->n_inflight = 0;
    q->bytes = q->first_sent = q->inflight_bytes = 0;
    q->next_free = pool->free;
    pool->free = q;
    pool->n++;
}

void outq_pool_release(struct outq_pool *pool)
{
    while (pool->free) {
        struct outq *q = pool->free;
        pool->free = q->next_free;
        outq_free(q);
    }
    pool->n = 0;
}

static struct frame **item(const struct outq *q, uint32_t i)
{
    return &q->items[(q->head + i) & (q->size - 1)];
}

static void grow(struct outq *q)
{
    struct frame **items = MEM_NEW_ARRAY(struct frame *, q->size * 2UL);
    for (uint32_t i = 0; i < q->len; i++) {
        items[i] = *item(q, i);
    }
    if (q->items != q->inline_items) {
        mem_free(q->items);
    }
    q->items = items;
    q->size *= 2;
    q->head = 0;
}

void outq_push(struct outq *q, struct frame *frame)
{
    if (frame->len == 0) {
        frame_unref(&frame);
        return;
    }
    if (q->len == q->size) {
        grow(q);
    }
    *item(q, q->len++) = frame;
    q->bytes += frame->len;
}

unsigned outq_bufs(const struct outq *q, uv_buf_t bufs[OUTQ_BUFS], size_t max_bytes,
                   size_t *bytes_out)
{
    unsigned n = 0;
    size_t total = 0;
    for (uint32_t i = 0; i < q->len && n < OUTQ_BUFS && (n == 0 || total < max_bytes); i++) {
        const struct frame *f = *item(q, i);
        size_t skip = i == 0 ? q->first_sent : 0;
        char *p;
        memcpy(&p, &f->p, sizeof(p)); /* uv_buf_t has no const; libuv only reads it */
        bufs[n++] = uv_buf_init(
            p + skip, (unsigned)(f->len - skip > UINT32_MAX / 2 ? UINT32_MAX / 2 : f->len - skip));
        total += bufs[n - 1].len;
    }
    *bytes_out = total;
    return n;
}

void outq_consume(struct outq *q, size_t bytes)
{
    ASSERT(bytes <= q->bytes);
    q->bytes -= bytes;
    q->first_sent += bytes;
    while (q->len > 0 && q->first_sent >= (*item(q, 0))->len) {
        q->first_sent -= (*item(q, 0))->len;
        frame_unref(item(q, 0));
        q->head = (q->head + 1) & (q->size - 1);
        q->len--;
    }
}

void outq_drop_waiting(struct outq *q)
{
    uint32_t keep = q->n_inflight > 0 ? q->n_inflight : q->first_sent > 0 ? 1 : 0;
    while (q->len > keep) {
        struct frame **last = item(q, q->len - 1);
        q->bytes -= (*last)->len;
        frame_unref(last);
        q->len--;
    }
}
