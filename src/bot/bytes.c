#include "bot/bytes.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

void bytes_put_u32(struct buf *out, uint32_t v)
{
    unsigned char b[4];
    for (unsigned i = 0; i < 4; i++) {
        b[i] = (unsigned char)(v >> (8 * i));
    }
    (void)buf_add(out, b, sizeof(b));
}

void bytes_put_u64(struct buf *out, uint64_t v)
{
    bytes_put_u32(out, (uint32_t)v);
    bytes_put_u32(out, (uint32_t)(v >> 32));
}

void bytes_put_f32(struct buf *out, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    bytes_put_u32(out, bits);
}

void bytes_put_f32s(struct buf *out, const float *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bytes_put_f32(out, v[i]);
    }
}

void bytes_put_str(struct buf *out, struct str s)
{
    bytes_put_u32(out, (uint32_t)s.len);
    (void)buf_add_str(out, s);
}

bool bytes_get(struct str *rest, size_t n, struct str *out)
{
    if (rest->len < n) {
        return false;
    }
    *out = (struct str){rest->p, n};
    *rest = (struct str){rest->p + n, rest->len - n};
    return true;
}

bool bytes_get_u32(struct str *rest, uint32_t *out)
{
    struct str b;
    if (!bytes_get(rest, 4, &b)) {
        return false;
    }
    *out = 0;
    for (unsigned i = 0; i < 4; i++) {
        *out |= (uint32_t)(unsigned char)b.p[i] << (8 * i);
    }
    return true;
}

bool bytes_get_u64(struct str *rest, uint64_t *out)
{
    uint32_t low;
    uint32_t high;
    if (rest->len < 8 || !bytes_get_u32(rest, &low) || !bytes_get_u32(rest, &high)) {
        return false;
    }
    *out = (uint64_t)high << 32 | low;
    return true;
}

bool bytes_get_f32(struct str *rest, float *out)
{
    uint32_t bits;
    if (!bytes_get_u32(rest, &bits)) {
        return false;
    }
    memcpy(out, &bits, sizeof(bits));
    return isfinite(*out) != 0;
}

bool bytes_get_f32s(struct str *rest, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!bytes_get_f32(rest, &out[i])) {
            return false;
        }
    }
    return true;
}

bool bytes_get_str(struct str *rest, size_t max, struct str *out)
{
    uint32_t len;
    return bytes_get_u32(rest, &len) && len <= max && bytes_get(rest, len, out) &&
           utf8_is_valid(*out) && str_find_char(*out, '\0') == SIZE_MAX;
}
