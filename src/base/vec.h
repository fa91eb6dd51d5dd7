/* Typed vectors on the heap. VEC(type) declares the struct; the macros keep it type-safe.
 *     VEC(int) v = {0};  VEC_PUSH(&v, 3);  for (size_t i = 0; i < v.len; i++) use(v.items[i]);  VEC_RELEASE(&v); */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stddef.h>

#include "base/mem.h"

#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t len;                                                                                \
        size_t size;                                                                               \
    }

#define VEC_PUSH(v, value)                                                                         \
    do {                                                                                           \
        if ((v)->len == (v)->size) {                                                               \
            (v)->size = (v)->size ? (v)->size * 2 : 8;                                             \
            (v)->items = mem_realloc((v)->items, (v)->size, sizeof(*(v)->items));                  \
        }                                                                                          \
        (v)->items[(v)->len++] = (value);                                                          \
    } while (0)

#define VEC_POP(v) ((v)->items[--(v)->len])
#define VEC_CLEAR(v) ((v)->len = 0)
/* Removes by moving the last one into the hole. */
#define VEC_SWAP_REMOVE(v, i) ((v)->items[(i)] = (v)->items[--(v)->len])
#define VEC_RELEASE(v)                                                                             \
    do {                                                                                           \
        mem_free((v)->items);                                                                      \
        (v)->items = NULL;                                                                         \
        (v)->len = (v)->size = 0;                                                                  \
    } while (0)

#endif
