/* Traditional to simplified, one character at a time. Table made at build time by gen_t2s.c. */
#ifndef KNOWLEDGE_T2S_H
#define KNOWLEDGE_T2S_H

#include <stdint.h>

struct t2s_pair {
    uint32_t from, to;
};
extern const struct t2s_pair t2s_pairs[];
extern const unsigned t2s_n_pairs;

#endif
