/* Keccak-256 as Ethereum uses it (the padding before FIPS 202, so not SHA3-256). Private to the room. Pure. */
#ifndef GUARD_KECCAK_H
#define GUARD_KECCAK_H

#include "base/str.h"

void keccak_256(struct str data, uint8_t out[32]);

#endif
