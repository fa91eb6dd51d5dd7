/* Little-endian numbers in a model file. Readers check the length, advance the rest, and give false at its end. */
#ifndef BOT_BYTES_H
#define BOT_BYTES_H

#include "base/buf.h"

void bytes_put_u32(struct buf *out, uint32_t v);
void bytes_put_u64(struct buf *out, uint64_t v);
void bytes_put_f32(struct buf *out, float v);
void bytes_put_f32s(struct buf *out, const float *v, size_t n);
void bytes_put_str(struct buf *out, struct str s); /* u32 length, bytes */

bool bytes_get(struct str *rest, size_t n, struct str *out); /* points into *rest */
bool bytes_get_u32(struct str *rest, uint32_t *out);
bool bytes_get_u64(struct str *rest, uint64_t *out);
bool bytes_get_f32(struct str *rest, float *out);                  /* finite */
bool bytes_get_f32s(struct str *rest, float *out, size_t n);       /* all finite */
bool bytes_get_str(struct str *rest, size_t max, struct str *out); /* valid UTF-8 without NUL */

#endif
