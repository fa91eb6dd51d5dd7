/* Thin wrappers that abort when the machine is out of memory: a half-done request is worse than a restart, and every length that
 * comes from outside has met a cap before it gets here. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
    fputs("fatal: out of memory\n", stderr);
    abort();
}

static void *or_die(void *p)
{
    if (p == NULL) {
        out_of_memory();
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return or_die(malloc(size ? size : 1));
}

void *mem_zalloc(size_t size)
{
    return or_die(calloc(1, size ? size : 1));
}

void *mem_calloc(size_t n, size_t size)
{
    return or_die(calloc(n ? n : 1, size ? size : 1)); /* calloc checks the product */
}

void *mem_realloc(void *p, size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total)) {
        out_of_memory();
    }
    return or_die(realloc(p, total ? total : 1));
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(mem_alloc(n), s, n);
}

void mem_wipe(void *p, size_t size)
{
    explicit_bzero(p, size);
}
