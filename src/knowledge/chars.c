#include "knowledge/chars.h"

#include <utf8proc.h>

#include "base/check.h"
#include "base/utf8.h"
#include "knowledge/normalise.h"

#define CLUSTER                                                                                    \
    32 /* characters that are normalised together: a base and its marks; the rest of a longer pile begins anew */
#define EXPANSION 18 /* the longest compatibility decomposition of one character */

struct builder {
    struct chars *t;
    size_t size;
    size_t folded_size;
    char *folded;
};

static void put(struct builder *b, uint32_t c, size_t from)
{
    struct chars *t = b->t;
    if (t->n == b->size) {
        return; /* only text that is nothing but expansions comes here */
    }
    char bytes[4];
    uint32_t fold = c < 0x80 ? (c >= 'A' && c <= 'Z' ? c + 32 : c)
                             : normalise_simplified((uint32_t)utf8proc_tolower((int32_t)c));
    size_t len = utf8_put(fold, bytes);
    t->c[t->n] = c;
    t->from[t->n] = (uint32_t)from;
    t->ascii[t->n] = c < 0x80 ? (char)c : '\0';
    t->fold_at[t->n] = (uint32_t)t->folded.len;
    memcpy(b->folded + t->folded.len, bytes, len);
    t->folded.len += len;
    t->n++;
}

static bool is_mark(uint32_t c)
{
    return c >= 0x300 && (utf8proc_get_property((int32_t)c)->combining_class != 0 ||
                          (c >= 0x1160 && c <= 0x11FF)); /* Hangul vowels and finals join too */
}

/* Most text: characters that NFKC leaves alone whatever follows is no mark. */
static bool is_plain(uint32_t c)
{
    return c < 0x80 || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x3096);
}

static void put_cluster(struct builder *b, const uint32_t *cluster, size_t n, size_t from)
{
    int32_t buf[CLUSTER * EXPANSION];
    utf8proc_ssize_t len = 0;
    int last_class = UTF8PROC_BOUNDCLASS_START;
    for (size_t i = 0; i < n; i++) {
        utf8proc_ssize_t room = (utf8proc_ssize_t)ARRAY_LEN(buf) - len;
        utf8proc_ssize_t added = utf8proc_decompose_char(
            (int32_t)cluster[i], buf + len, room,
            UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_IGNORE, &last_class);
        if (added < 0 || added > room) {
            break;
        }
        len += added;
    }
    /* Canonical order of marks, then composition. */
    for (utf8proc_ssize_t i = 1; i < len; i++) {
        int class = utf8proc_get_property(buf[i])->combining_class;
        for (utf8proc_ssize_t j = i;
             j > 0 && class != 0 && utf8proc_get_property(buf[j - 1])->combining_class > class;
             j--) {
            int32_t swap = buf[j];
            buf[j] = buf[j - 1];
            buf[j - 1] = swap;
        }
    }
    len = len > 0 ? utf8proc_normalize_utf32(buf, len, UTF8PROC_STABLE | UTF8PROC_COMPOSE) : 0;
    for (utf8proc_ssize_t i = 0; i < len; i++) {
        put(b, (uint32_t)buf[i], from);
    }
}

void chars_of(struct arena *arena, struct str text, size_t max_bytes, struct chars *out)
{
    text = utf8_cut(text, max_bytes);
    struct builder b = {.t = out, .size = text.len * 2 + EXPANSION};
    *out = (struct chars){.c = ARENA_ARRAY(arena, uint32_t, b.size),
                          .from = ARENA_ARRAY(arena, uint32_t, b.size + 1),
                          .ascii = arena_alloc(arena, b.size + 1),
                          .fold_at = ARENA_ARRAY(arena, uint32_t, b.size + 1)};
    b.folded = arena_alloc(arena, b.size * 4 + 1);
    for (size_t at = 0; at < text.len;) {
        size_t from = at;
        uint32_t cluster[CLUSTER];
        size_t n = 1;
        cluster[0] = utf8_next(text, &at);
        if (cluster[0] == 0 || cluster[0] == 0xFFFD) {
            cluster[0] = ' ';
        }
        for (size_t next = at; next < text.len && n < CLUSTER; at = next) {
            uint32_t c = utf8_next(text, &next);
            if (!is_mark(c)) {
                break;
            }
            cluster[n++] = c;
        }
        if (n == 1 && is_plain(cluster[0])) {
            put(&b, cluster[0], from);
        } else {
            put_cluster(&b, cluster, n, from);
        }
    }
    out->from[out->n] = (uint32_t)text.len;
    out->fold_at[out->n] = (uint32_t)out->folded.len;
    out->folded.p = b.folded;
}

struct str chars_ascii(const struct chars *t, size_t from, size_t to)
{
    return (struct str){t->ascii + from, to - from};
}

size_t chars_match(const struct chars *t, size_t at, struct str word)
{
    size_t begin = t->fold_at[at];
    if (begin + word.len > t->folded.len || t->folded.p[begin] != word.p[0] ||
        memcmp(t->folded.p + begin, word.p, word.len) != 0) {
        return 0;
    }
    size_t n = 0;
    while (at + n < t->n && t->fold_at[at + n] < begin + word.len) {
        n++;
    }
    return t->fold_at[at + n] == begin + word.len ? n : 0;
}
