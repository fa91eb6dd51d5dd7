/* Strings as (pointer, length): not owned, not NUL-terminated, never NULL `p` when `len` > 0.
 *
 * Lifetimes follow whatever the bytes live in (an arena, a literal, a request). */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct str {
    const char *p;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_INIT(literal)                                                                          \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).p

struct str str_from(const char *cstr); /* NULL gives the empty string */
bool str_eq(struct str a, struct str b);
bool str_eq_cstr(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_eq_consttime(struct str a,
                      struct str b); /* for secrets; time depends on the lengths only */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_is_empty(struct str s);
/* Index of the first `needle`, or SIZE_MAX. */
size_t str_find(struct str s, struct str needle);
size_t str_find_char(struct str s, char c);
struct str str_sub(struct str s, size_t from, size_t len); /* clamped */
struct str str_trim(struct str s);                         /* ASCII white space at both ends */
/* Cuts the part before `sep` off `*rest` into `*part_out`; false when `*rest` is used up. "a,,b" gives "a", "", "b". */
bool str_split(struct str *rest, char sep, struct str *part_out);
/* Strict decimal integer, whole string, optional '-'; false on overflow or junk. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);
uint64_t str_hash(struct str s); /* seeded per process (SipHash-like): safe for outside keys */

/* Copies into an arena, NUL-terminated for C callers (the NUL is not in `len`). */
struct str str_dup(struct arena *arena, struct str s);
char *str_to_cstr(struct arena *arena, struct str s);
struct str str_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct str str_lower_ascii(struct arena *arena, struct str s);

#endif
