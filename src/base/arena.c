/* Blocks in a list, newest first; each new block is twice the last (up to 1 MB) or as large as the request. Only what is handed out is
 * zeroed, so that a large block costs nothing until used. Rejected: one mmap per arena (a page fault per request is dearer than malloc). */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

#define ALIGN 16U
#define DEFAULT_FIRST 4096U
#define MAX_BLOCK (1U << 20)
#define CAP (64U << 20)

struct block {
    struct block *older;
    size_t size; /* of data[] */
    _Alignas(16) unsigned char data[];
};

struct arena {
    struct block *newest;
    size_t at;       /* in newest->data */
    size_t reserved; /* bytes in all blocks */
    size_t used;     /* bytes handed out from blocks older than newest */
};

static struct block *block_new(struct block *older, size_t size)
{
    struct block *b = mem_alloc(sizeof(*b) + size);
    b->older = older;
    b->size = size;
    return b;
}

struct arena *arena_new(size_t first_block)
{
    size_t size = first_block ? first_block : DEFAULT_FIRST;
    ASSERT(size <= CAP);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    struct arena *a = MEM_NEW(struct arena);
    a->newest = block_new(NULL, size);
    a->reserved = size;
    return a;
}

void arena_free(struct arena **arena)
{
    if (arena == NULL || *arena == NULL) {
        return;
    }
    struct block *b = (*arena)->newest;
    while (b != NULL) {
        struct block *older = b->older;
        mem_free(b);
        b = older;
    }
    mem_free(*arena);
    *arena = NULL;
}

void arena_reset(struct arena *a)
{
    while (a->newest->older != NULL) {
        struct block *older = a->newest->older;
        mem_free(a->newest);
        a->newest = older;
    }
    a->at = 0;
    a->used = 0;
    a->reserved = a->newest->size;
}

static __attribute__((noinline)) void grow(struct arena *a, size_t size)
{
    size_t next = a->newest->size * 2;
    if (next > MAX_BLOCK) {
        next = MAX_BLOCK;
    }
    if (next < size) {
        next = size;
    }
    ASSERT(a->reserved + next <= CAP || a->reserved + size <= CAP);
    if (a->reserved + next > CAP) {
        next = size;
    }
    a->used += a->at;
    a->newest = block_new(a->newest, next);
    a->reserved += next;
    a->at = 0;
}

void *arena_alloc(struct arena *a, size_t size)
{
    ASSERT(size <= CAP);
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size > a->newest->size - a->at) {
        grow(a, size);
    }
    void *p = a->newest->data + a->at;
    a->at += size;
    return memset(p, 0, size);
}

void *arena_calloc(struct arena *a, size_t n, size_t size)
{
    size_t total;
    bool too_big = __builtin_mul_overflow(n, size, &total);
    ASSERT(!too_big);
    return arena_alloc(a, total);
}

size_t arena_used(const struct arena *a)
{
    return a->used + a->at;
}
