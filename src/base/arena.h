/* Arenas: many small allocations, freed at once.
 *
 * Owner: a request, a message or a job. One thread at a time (ownership passes with the message). Zero-initialised memory.
 * An arena has a cap: past it the allocation aborts in debug terms of "our bug", so outside lengths must be capped before. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* `first_block` bytes are allocated at once (0: 4096). Default cap 64 MB. */
struct arena *arena_new(size_t first_block);
void arena_free(struct arena **arena);
/* Empties it and keeps the first block. */
void arena_reset(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size)
    __attribute__((returns_nonnull)); /* zeroed, 16-byte aligned */
void *arena_calloc(struct arena *arena, size_t n, size_t size) __attribute__((returns_nonnull));
size_t arena_used(const struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_calloc((arena), (n), sizeof(type)))
#define ARENA_AUTO __attribute__((cleanup(arena_free))) struct arena *

#endif
