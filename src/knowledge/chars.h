/* A text as characters: NFKC, repaired, with where each one came from. What the normaliser and the entity finder both walk over. Pure.
 *
 * NFKC is applied to a character and the combining marks behind it, so that every result has a place in the original. Bad UTF-8 and NUL become spaces; characters
 * that nobody sees (zero width, variation selectors) go. */
#ifndef KNOWLEDGE_CHARS_H
#define KNOWLEDGE_CHARS_H

#include "base/arena.h"
#include "base/str.h"

struct chars {
    size_t n;
    uint32_t *c;       /* NFKC */
    uint32_t *from;    /* per character, one more at the end: byte offset in the original */
    char *ascii;       /* per character: itself when ASCII, else 0 */
    struct str folded; /* lower case, simplified, as UTF-8 */
    uint32_t *fold_at; /* per character, one more at the end: byte offset in `folded` */
};

/* `max_bytes` of the text at most, cut on a whole character. */
void chars_of(struct arena *arena, struct str text, size_t max_bytes, struct chars *out);
/* [from, to) of `ascii`; non-ASCII characters are NULs in it. */
struct str chars_ascii(const struct chars *t, size_t from, size_t to);
/* `word` (folded UTF-8) stands at character `at`: how many characters it takes, else 0. */
size_t chars_match(const struct chars *t, size_t at, struct str word);

#endif
