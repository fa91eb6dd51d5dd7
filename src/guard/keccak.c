/* The permutation Keccak-f[1600] over 25 lanes of 64 bits, rate 136 bytes. Round constants and offsets come from the rules that define them (an LFSR, a walk over the
 * lanes) instead of tables that could hold a wrong digit. */
#include "guard/keccak.h"

#include <string.h>

#define RATE 136
#define N_ROUNDS 24

static uint64_t rotate(uint64_t v, unsigned n)
{
    return n == 0 ? v : v << n | v >> (64 - n);
}

/* One step of x^8 + x^6 + x^5 + x^4 + 1. */
static uint8_t lfsr(uint8_t r)
{
    return (uint8_t)((r << 1) ^ ((r & 0x80) != 0 ? 0x71 : 0));
}

static void theta(uint64_t a[25])
{
    uint64_t c[5];
    for (unsigned x = 0; x < 5; x++) {
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    }
    for (unsigned x = 0; x < 5; x++) {
        uint64_t d = c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1);
        for (unsigned y = 0; y < 25; y += 5) {
            a[x + y] ^= d;
        }
    }
}

static void rho_pi(uint64_t a[25])
{
    unsigned x = 1;
    unsigned y = 0;
    uint64_t moving = a[1];
    for (unsigned t = 0; t < 24; t++) {
        unsigned next_y = (2 * x + 3 * y) % 5;
        x = y;
        y = next_y;
        uint64_t there = a[x + 5 * y];
        a[x + 5 * y] = rotate(moving, (t + 1) * (t + 2) / 2 % 64);
        moving = there;
    }
}

static void chi(uint64_t a[25])
{
    for (unsigned y = 0; y < 25; y += 5) {
        uint64_t row[5];
        memcpy(row, a + y, sizeof(row));
        for (unsigned x = 0; x < 5; x++) {
            a[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
    }
}

static void permute(uint64_t a[25])
{
    uint8_t r = 1;
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        theta(a);
        rho_pi(a);
        chi(a);
        for (unsigned j = 0; j < 7; j++) {
            if ((r & 1) != 0) {
                a[0] ^= 1ULL << ((1U << j) - 1);
            }
            r = lfsr(r);
        }
    }
}

static void absorb(uint64_t a[25], const uint8_t block[RATE])
{
    for (unsigned i = 0; i < RATE; i++) {
        a[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    }
    permute(a);
}

void keccak_256(struct str data, uint8_t out[32])
{
    uint64_t a[25] = {0};
    uint8_t block[RATE];
    size_t at = 0;
    for (; data.len - at >= RATE; at += RATE) {
        memcpy(block, data.p + at, RATE);
        absorb(a, block);
    }
    memset(block, 0, sizeof(block));
    if (data.len > at) {
        memcpy(block, data.p + at, data.len - at);
    }
    block[data.len - at] = 0x01;
    block[RATE - 1] |= 0x80;
    absorb(a, block);
    for (unsigned i = 0; i < 32; i++) {
        out[i] = (uint8_t)(a[i / 8] >> (8 * (i % 8)));
    }
}
