/* The sticky flag makes a writer's code straight-line: many appends, one check. Growth doubles, so appending n bytes costs O(n). */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

void buf_init(struct buf *b, size_t cap)
{
    *b = (struct buf){.cap = cap};
}

void buf_release(struct buf *b)
{
    if (b == NULL) {
        return;
    }
    mem_free(b->p);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

static __attribute__((noinline)) bool grow(struct buf *b, size_t len)
{
    if (b->failed || len > b->cap - b->len) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + len;
    size_t size = b->size ? b->size : 256;
    while (size < need) {
        size *= 2;
    }
    if (size > b->cap) {
        size = b->cap;
    }
    b->p = mem_realloc(b->p, size, 1);
    b->size = size;
    return true;
}

static inline bool room(struct buf *b, size_t len)
{
    return (!b->failed && len <= b->size - b->len) || grow(b, len);
}

enum err buf_add(struct buf *b, const void *p, size_t len)
{
    if (!room(b, len)) {
        return ERR_LIMIT;
    }
    if (len > 0) {
        memcpy(b->p + b->len, p, len);
        b->len += len;
    }
    return ERR_OK;
}

enum err buf_add_str(struct buf *b, struct str s)
{
    return buf_add(b, s.p, s.len);
}

enum err buf_add_cstr(struct buf *b, const char *s)
{
    return buf_add(b, s, strlen(s));
}

enum err buf_add_char(struct buf *b, char c)
{
    if (!room(b, 1)) {
        return ERR_LIMIT;
    }
    b->p[b->len++] = c;
    return ERR_OK;
}

/* vsnprintf wants room for its NUL, which does not count against the cap: what does not fit goes through a second, exact pass. */
enum err buf_printf(struct buf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    size_t len = (size_t)n;
    if (len < sizeof(small)) {
        return buf_add(b, small, len);
    }
    if (!room(b, len)) {
        return ERR_LIMIT;
    }
    char *big = mem_alloc(len + 1);
    va_start(ap, fmt);
    (void)vsnprintf(big, len + 1, fmt, ap);
    va_end(ap);
    enum err err = buf_add(b, big, len);
    mem_free(big);
    return err;
}

char *buf_reserve(struct buf *b, size_t len)
{
    if (!room(b, len)) {
        return NULL;
    }
    if (b->p == NULL && !grow(b, 0)) {
        return NULL;
    }
    return b->p + b->len;
}

void buf_advance(struct buf *b, size_t len)
{
    ASSERT(len <= b->size - b->len);
    b->len += len;
}

void buf_drop_front(struct buf *b, size_t len)
{
    ASSERT(len <= b->len);
    if (len > 0 && len < b->len) {
        memmove(b->p, b->p + len, b->len - len);
    }
    b->len -= len;
}

enum err buf_err(const struct buf *b)
{
    return b->failed ? ERR_LIMIT : ERR_OK;
}

struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->len};
}

char *buf_detach(struct buf *b, size_t *len_out)
{
    char *p = b->p ? b->p : mem_alloc(1);
    *len_out = b->len;
    *b = (struct buf){.cap = b->cap};
    return p;
}
