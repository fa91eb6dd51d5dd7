/* xoshiro256++ (Blackman, Vigna; public domain algorithm), seeded by splitmix64. */
#include "base/rng.h"

#include <errno.h>
#include <sys/random.h>

#include "base/check.h"

void rng_bytes(void *p, size_t len)
{
    unsigned char *at = p;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0) {
            ASSERT(errno == EINTR); /* a kernel without randomness is no place to make tokens */
            continue;
        }
        at += n;
        len -= (size_t)n;
    }
}

uint64_t rng_u64(void)
{
    uint64_t v;
    rng_bytes(&v, sizeof(v));
    return v;
}

void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15U;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        r->s[i] = z ^ (z >> 31);
    }
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotl(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
    ASSERT(n > 0);
    uint64_t reject =
        (0U - n) % n; /* 2^64 mod n values at the low end would be counted once too often */
    uint64_t v;
    do {
        v = rng_next(r);
    } while (v < reject);
    return v % n;
}

double rng_unit(struct rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}
