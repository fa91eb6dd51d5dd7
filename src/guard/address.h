/* Addresses on the chains that an exchange speaks of, with their checksums. A wrong letter in an address is the most expensive typing error there is: the one who
 * reads "bad checksum" can say so before money is sent. Pure, any thread.
 *
 * TRON: base58check, version 0x41. Bitcoin: base58check (P2PKH, P2SH) and segregated witness (BIP 173 bech32 for version 0, BIP 350 bech32m for later ones),
 * mainnet and testnet. EVM chains: EIP-55, where the case of letters is the checksum; all-lower and all-upper addresses carry none. */
#ifndef GUARD_ADDRESS_H
#define GUARD_ADDRESS_H

#include "base/arena.h"
#include "base/str.h"

enum address_chain { ADDRESS_TRON, ADDRESS_BITCOIN, ADDRESS_BITCOIN_TESTNET, ADDRESS_EVM };

enum address_checksum {
    CHECKSUM_OK,
    CHECKSUM_NONE, /* EVM address in one case: nothing to check */
    CHECKSUM_BAD,  /* looks like an address, is none: a letter is wrong, or missing */
};

struct address {
    enum address_chain chain;
    enum address_checksum checksum;
};

#define ADDRESS_MAX_LEN 90

/* True when the whole of `s` has the shape of an address (by its beginning, alphabet and length; base58 may be up to two letters short or long). */
bool address_parse(struct str s, struct address *out);
/* The one way to write it: EVM with EIP-55 letters, bech32 in lower case, base58 as it is. Of a shape that address_parse took. */
struct str address_normal(struct arena *arena, struct str s, const struct address *a);
const char *address_chain_name(enum address_chain chain); /* "tron", "bitcoin" ... */

#endif
