/* Names of coins, currencies, networks, and words of time, as the entity finder knows them. Private to the room. */
#ifndef KNOWLEDGE_ENTITY_WORDS_H
#define KNOWLEDGE_ENTITY_WORDS_H

#include "knowledge/chars.h"

struct entity_word {
    struct str text;  /* folded */
    struct str value; /* code */
    enum {
        WORD_PLAIN,
        WORD_CAPITALS, /* also an English word: only when written in capitals (or with an amount) */
        WORD_UNIT,     /* only with an amount: "500u", "20块" */
    } when;
};

/* The longest word of the table that stands at `at` as a whole word: its length in characters (0: none). `with_amount`: a number is in front. */
size_t entity_coin(const struct chars *t, size_t at, bool with_amount, struct str *code_out);
size_t entity_network(const struct chars *t, size_t at, struct str *value_out);
/* The chain of a coin's code when it has one of its own ("ETH" -> "ethereum"), else empty. */
struct str entity_chain_of(struct str code);
/* "yesterday", "昨天": their normal form. */
size_t entity_day(const struct chars *t, size_t at, struct str *value_out);
/* "hours", "小时": letter of ISO 8601 with 'T' for parts of a day ("TH", "D"). */
size_t entity_time_unit(const struct chars *t, size_t at, struct str *value_out);
/* A whole word (Latin) or characters (Han) at `at`. */
size_t entity_word_at(const struct chars *t, size_t at, struct str word);
bool chars_is_word(const struct chars *t, size_t at); /* an ASCII letter or digit is there */

#endif
