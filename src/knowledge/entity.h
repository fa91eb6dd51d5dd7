/* What a customer's message holds beside its question: addresses, transaction ids, order numbers, amounts, coins, networks, links, times. Pure, any thread.
 *
 * Each with its place in the text as written and one normal form, in which two people's ways of writing the same thing are equal. They fill the hand-over card and what an
 * intent needs; in normalised text most of them are class words, so the classifier sees "<amount>", not the sum. Works on English, Simplified and Traditional
 * Chinese, full-width forms, and texts that mix them. */
#ifndef KNOWLEDGE_ENTITY_H
#define KNOWLEDGE_ENTITY_H

#include "base/arena.h"
#include "base/str.h"

enum entity_kind {
    ENTITY_LINK,    /* value: as written */
    ENTITY_EMAIL,   /* value: lower case */
    ENTITY_ADDRESS, /* value: address_normal; unit: chain ("tron", "bitcoin", "bitcoin-testnet", "evm"), empty when unknown */
    ENTITY_TXID,    /* value: lower-case hex, 0x kept; unit: "evm" with 0x */
    ENTITY_ORDER,   /* value: letters in upper case */
    ENTITY_NUMBER, /* eight digits or more that nothing is said of: an account, a phone, an order */
    ENTITY_AMOUNT, /* value: plain decimal "1234.5"; unit: coin or currency code, empty when none is said */
    ENTITY_COIN,    /* value: code ("USDT") */
    ENTITY_NETWORK, /* value: "tron", "ethereum", "bsc", "bitcoin" ... */
    ENTITY_TIME, /* value: ISO 8601: "2026-11-22T14:05", "--11-22", "T14:05"; from now: "-PT2H", "-P1D"; how long: "P3D" */
    ENTITY_KIND_COUNT,
};
const char *entity_kind_name(enum entity_kind kind); /* "link", "txid" ... */

struct entity {
    enum entity_kind kind;
    size_t from, to; /* bytes of the text as written */
    struct str value, unit;
    bool is_doubtful; /* an address whose checksum does not hold */
};

#define ENTITY_MAX 32
#define ENTITY_MAX_BYTES 8000 /* what is behind is not looked at */
/* In the order of the text, not overlapping, at most `max`. Values live in the arena. */
size_t entities_find(struct arena *arena, struct str text, struct entity *out, size_t max);

#endif
