/* Does a text hold something that nobody may ever be told? By shape alone: rather one warning too few than one that people learn to pass over. A bare six-digit
 * number, a bare 64-digit hex string (a transaction), an order number are no secrets. The widget asks the same before sending (web/packages/core secrets.ts).
 * Pure, any thread; reads each byte a bounded number of times. */
#ifndef GUARD_SECRET_H
#define GUARD_SECRET_H

#include "base/str.h"

enum guard_secret {
    GUARD_SECRET_NONE,
    GUARD_SECRET_PHRASE,   /* 12 to 26 words of a wallet in a row */
    GUARD_SECRET_KEY,      /* private key: WIF, xprv, or named as one */
    GUARD_SECRET_CODE,     /* six digits named as a code */
    GUARD_SECRET_PASSWORD, /* named as one */
    GUARD_SECRET_CARD      /* a payment card's number: grouped or named, Luhn right */
};
enum guard_secret guard_find_secret(struct str text);

#endif
