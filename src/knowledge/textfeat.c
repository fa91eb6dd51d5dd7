#include "knowledge/textfeat.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"

/* FNV-1a with a final mix: stable over processes, since features may be stored with a model one day. Not for maps over hostile keys: lookups compare sorted arrays. */
static uint64_t hash_of(enum feature_kind kind, struct str a, struct str b)
{
    uint64_t h = 0xcbf29ce484222325ULL ^ (uint64_t)kind;
    h *= 0x100000001b3ULL;
    for (size_t i = 0; i < a.len; i++) {
        h = (h ^ (uint8_t)a.p[i]) * 0x100000001b3ULL;
    }
    h = (h ^ 0xFF) * 0x100000001b3ULL;
    for (size_t i = 0; i < b.len; i++) {
        h = (h ^ (uint8_t)b.p[i]) * 0x100000001b3ULL;
    }
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

static bool has_vowel(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (is_vowel(s.p[i]) || s.p[i] == 'y') {
            return true;
        }
    }
    return false;
}

static bool ends(struct str s, const char *end)
{
    return str_ends(s, str_from(end));
}

static struct str strip_plural(struct str w)
{
    if (w.len < 4 || !ends(w, "s") || ends(w, "ss") || ends(w, "us") || ends(w, "is")) {
        return w;
    }
    if (w.len > 4 && (ends(w, "sses") || ends(w, "xes") || ends(w, "ches") || ends(w, "shes"))) {
        return str_sub(w, 0, w.len - 2);
    }
    return str_sub(w, 0, w.len - 1);
}

static struct str strip_verb(struct str w)
{
    size_t cut = 0;
    if (w.len >= 6 && ends(w, "ing")) {
        cut = 3;
    } else if (w.len >= 5 && ends(w, "ed")) {
        cut = 2;
    }
    struct str stem = str_sub(w, 0, w.len - cut);
    if (cut == 0 || !has_vowel(stem)) {
        return w;
    }
    char last = stem.p[stem.len - 1];
    bool doubled = stem.len > 3 && last == stem.p[stem.len - 2] && !is_vowel(last) && last != 'l' &&
                   last != 's';
    return doubled ? str_sub(stem, 0, stem.len - 1) : stem;
}

struct str textfeat_stem(struct arena *arena, struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.p[i] < 'a' || word.p[i] > 'z') {
            return word;
        }
    }
    struct str w = strip_verb(strip_plural(word));
    if (w.len > 3 && ends(w, "ie")) {
        struct str y = str_dup(arena, str_sub(w, 0, w.len - 1));
        ((char *)(uintptr_t)y.p)[y.len - 1] = 'y';
        return y;
    }
    if (w.len > 4 && ends(w, "e")) {
        return str_sub(w, 0, w.len - 1);
    }
    return w;
}

struct builder {
    struct arena *arena;
    struct feature *items;
    size_t n, size;
    struct str last; /* unit before this one, for pairs; empty: none */
};

static void add(struct builder *b, enum feature_kind kind, struct str a, struct str c)
{
    ASSERT(b->n < b->size);
    b->items[b->n++] = (struct feature){hash_of(kind, a, c), kind};
}

static void add_unit(struct builder *b, struct str unit)
{
    add(b, FEATURE_UNI, unit, (struct str){0});
    if (b->last.len > 0) {
        add(b, FEATURE_PAIR, b->last, unit);
    }
    b->last = unit;
}

#define GRAM 4

static void add_word(struct builder *b, struct str word)
{
    add_unit(b, textfeat_stem(b->arena, word));
    if (word.len < GRAM + 1 || word.p[0] == '<') {
        return;
    }
    char *padded = arena_alloc(b->arena, word.len + 2);
    padded[0] = '^';
    memcpy(padded + 1, word.p, word.len);
    padded[word.len + 1] = '$';
    for (size_t i = 0; i + GRAM <= word.len + 2; i++) {
        add(b, FEATURE_GRAM, (struct str){padded + i, GRAM}, (struct str){0});
    }
}

static int feature_cmp(const void *a, const void *b)
{
    uint64_t x = ((const struct feature *)a)->hash;
    uint64_t y = ((const struct feature *)b)->hash;
    return x < y ? -1 : x > y;
}

struct feature *textfeat_of(struct arena *arena, struct str s, size_t *n_out)
{
    /* A byte yields at most one unit, one pair and one gram; a word two grams more than bytes. */
    struct builder b = {.arena = arena, .size = s.len * 5 + 4};
    b.items = ARENA_ARRAY(arena, struct feature, b.size);
    size_t word_from = SIZE_MAX;
    for (size_t at = 0; at <= s.len;) {
        size_t from = at;
        uint32_t c = at < s.len ? utf8_next(s, &at) : ' ';
        at += from == s.len;
        bool is_han = utf8_is_cjk(c);
        if (word_from != SIZE_MAX && (is_han || c == ' ' || (c == '<' && from > word_from))) {
            add_word(&b, str_sub(s, word_from, from - word_from));
            word_from = SIZE_MAX;
        }
        if (is_han) {
            add_unit(&b, str_sub(s, from, at - from));
        } else if (c != ' ' && word_from == SIZE_MAX) {
            word_from = from;
        }
        if (c == '>' && word_from != SIZE_MAX) {
            add_word(&b, str_sub(s, word_from, at - word_from));
            word_from = SIZE_MAX;
        }
    }
    qsort(b.items, b.n, sizeof(*b.items), feature_cmp);
    size_t n = 0;
    for (size_t i = 0; i < b.n; i++) {
        if (n == 0 || b.items[n - 1].hash != b.items[i].hash) {
            b.items[n++] = b.items[i];
        }
    }
    *n_out = n;
    return b.items;
}
