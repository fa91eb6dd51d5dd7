/* Growable byte buffers that never exist without a maximum (curl's rule).
 *
 * Past `cap` every append fails with ERR_LIMIT, sets a sticky flag and leaves the content as it was; check once at the end with buf_err(). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t len;
    size_t size; /* allocated */
    size_t cap;  /* maximum length */
    bool failed;
};

void buf_init(struct buf *b, size_t cap);
void buf_release(struct buf *b); /* zeroes it; serves as cleanup */
void buf_clear(struct buf *b);   /* keeps the memory, clears the flag */
enum err buf_add(struct buf *b, const void *p, size_t len);
enum err buf_add_str(struct buf *b, struct str s);
enum err buf_add_cstr(struct buf *b, const char *s);
enum err buf_add_char(struct buf *b, char c);
enum err buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes, to be written by the caller at b->p + b->len; NULL past the cap. Follow with buf_advance. */
char *buf_reserve(struct buf *b, size_t len);
void buf_advance(struct buf *b, size_t len);
void buf_drop_front(struct buf *b, size_t len);
enum err buf_err(const struct buf *b);
struct str buf_str(const struct buf *b);
/* Hands the memory to the caller (mem_free); the buffer is empty afterwards. */
char *buf_detach(struct buf *b, size_t *len_out);

#define BUF_AUTO __attribute__((cleanup(buf_release))) struct buf

#endif
