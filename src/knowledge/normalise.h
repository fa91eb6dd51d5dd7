/* Text as the search and the bot compare it. Pure, any thread.
 *
 * 1. UTF-8 is repaired (bad bytes become spaces), NFKC. 2. What is unique to one customer becomes a class word: <url> <email> <addr_evm> <addr_tron> <addr_btc>
 * <txid> <amount> <number>. 3. Case folding, traditional to simplified, apostrophes and the hyphen of "trc-20" go. 4. Everything that is neither letter nor digit
 * (punctuation, emoji, symbols) becomes one space.
 *
 * "我的TRC-20 USDT提幣100.5没到账！" -> "我的trc20 usdt提币<amount>没到账" */
#ifndef KNOWLEDGE_NORMALISE_H
#define KNOWLEDGE_NORMALISE_H

#include "base/arena.h"
#include "base/str.h"

#define NORMALISE_MAX_BYTES 2000 /* longer text is cut on a whole character */

struct str normalise_text(struct arena *arena, struct str text);
/* The same without spaces: two texts with the same fold are the same question. */
struct str normalise_fold(struct arena *arena, struct str normalised);
/* Simplified form of one character (itself when there is none). */
uint32_t normalise_simplified(uint32_t code_point);

#endif
