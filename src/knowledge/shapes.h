/* What is unique to one customer, recognised by its shape: links, e-mail addresses, chain addresses, transaction ids, numbers. Pure. Private to the room.
 *
 * Works on the ASCII of a text (chars.h), where other characters are NULs and end every shape. Whether an address holds is for entity.h. */
#ifndef KNOWLEDGE_SHAPES_H
#define KNOWLEDGE_SHAPES_H

#include "base/str.h"

enum shape {
    SHAPE_NONE,
    SHAPE_URL,
    SHAPE_EMAIL,
    SHAPE_ADDR_EVM,
    SHAPE_ADDR_TRON,
    SHAPE_ADDR_BTC,
    SHAPE_ADDR, /* of some chain */
    SHAPE_TXID,
    SHAPE_AMOUNT, /* "1,234.50", "100": three digits or more, or a fraction */
    SHAPE_NUMBER, /* eight digits or more, no fraction */
    SHAPE_COUNT,
};

/* Length of the shape at the beginning of `s`, which is the beginning of a word; 0: none. */
size_t shape_match(struct str s, enum shape *out);
/* "<url>" ...: what stands for it in normalised text. */
struct str shape_word(enum shape shape);

#endif
