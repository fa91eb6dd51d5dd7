/* A piece of text around a match, for lists of hits. Pure. */
#ifndef DESK_SNIPPET_H
#define DESK_SNIPPET_H

#include "base/arena.h"
#include "base/str.h"

struct snippet {
    struct str text;         /* one line */
    int match_at, match_len; /* in UTF-16 units, as browsers count */
};
/* `at`, `len`: bytes of the match in `body`; len 0: no match known, the beginning is shown. At most about `max` code points. */
struct snippet snippet_make(struct arena *arena, struct str body, size_t at, size_t len,
                            size_t max);

#endif
