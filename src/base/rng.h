/* Random numbers. rng_bytes is the kernel's (getrandom), for tokens and keys. struct rng is seeded and repeatable, for simulations, jitter and tests. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

void rng_bytes(void *p, size_t len);
uint64_t rng_u64(void);

struct rng {
    uint64_t s[4];
};
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0..n-1 without bias */
double rng_unit(struct rng *r);                /* [0, 1) */

#endif
