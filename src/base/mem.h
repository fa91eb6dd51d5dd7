/* The only doors to the heap. Out of memory aborts inside: what makes that safe is that every outside length meets a cap first.
 * Sizes are checked for overflow. Raw malloc/calloc/realloc are banned outside base/ (banned.h); free() stays as mem_free. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size) __attribute__((__malloc__, returns_nonnull));  /* uninitialised */
void *mem_zalloc(size_t size) __attribute__((__malloc__, returns_nonnull)); /* zeroed */
void *mem_calloc(size_t n, size_t size) __attribute__((__malloc__, returns_nonnull));
void *mem_realloc(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
void mem_free(void *p); /* NULL is fine */
char *mem_strdup(const char *s) __attribute__((__malloc__, returns_nonnull));
/* Zeroes secrets in a way that the compiler keeps. */
void mem_wipe(void *p, size_t size);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))
#define MEM_NEW_ARRAY(type, n) ((type *)mem_calloc((n), sizeof(type)))

#endif
