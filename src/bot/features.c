/* One pass over the code points of each run. Hashes are FNV-1a over code points with a final mix: dictionaries are exact, so all that matters is that two grams of
 * one tenant do not share 64 bits (one chance in 10^9 with 100,000 grams). */
#include "bot/features.h"

#include "base/check.h"
#include "base/utf8.h"

#define PRIME 0x100000001b3ULL
#define MAX_LETTERS 4
#define MIN_LETTERS 2
#define MAX_HAN 3
#define MAX_PAIRED                                                                                 \
    8 /* concepts of a text that make pairs: what comes first says what it is about */

static uint64_t hash_begin(enum gram_kind kind)
{
    return (0xcbf29ce484222325ULL ^ ((uint64_t)kind + 1)) * PRIME;
}

static uint64_t hash_add(uint64_t h, uint32_t c)
{
    return (h ^ c) * PRIME;
}

static uint64_t hash_end(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 29);
}

enum gram_block gram_block_of(enum gram_kind kind)
{
    static const enum gram_block blocks[GRAM_KIND_COUNT] = {
        [GRAM_WORD] = BLOCK_WORDS,           [GRAM_PAIR] = BLOCK_WORDS,
        [GRAM_LETTERS] = BLOCK_CHARACTERS,   [GRAM_HAN] = BLOCK_CHARACTERS,
        [GRAM_HANS] = BLOCK_CHARACTERS,      [GRAM_CONCEPT] = BLOCK_CONCEPTS,
        [GRAM_CONCEPT_PAIR] = BLOCK_CONCEPTS};
    return blocks[kind];
}

struct builder {
    struct gram *items;
    size_t n, size;
    uint64_t last_word; /* hash of the word before; 0: none */
};

static void add(struct builder *b, uint64_t hash, enum gram_kind kind)
{
    ASSERT(b->n < b->size);
    b->items[b->n++] = (struct gram){hash, kind};
}

/* All n-grams from min to max long. */
static void add_grams(struct builder *b, enum gram_kind kind, const uint32_t *c, size_t n,
                      size_t min, size_t max)
{
    for (size_t from = 0; from < n; from++) {
        uint64_t h = hash_begin(kind);
        for (size_t len = 1; len <= max && from + len <= n; len++) {
            h = hash_add(h, c[from + len - 1]);
            if (len >= min) {
                add(b, hash_end(h), kind == GRAM_HAN && len > 1 ? GRAM_HANS : kind);
            }
        }
    }
}

/* c[0] and c[n + 1] are free for the edges. */
static void add_word(struct builder *b, uint32_t *c, size_t n)
{
    uint64_t h = hash_begin(GRAM_WORD);
    for (size_t i = 1; i <= n; i++) {
        h = hash_add(h, c[i]);
    }
    h = hash_end(h);
    add(b, h, GRAM_WORD);
    if (b->last_word != 0) {
        uint64_t pair = hash_begin(GRAM_PAIR);
        pair = (pair ^ b->last_word) * PRIME;
        pair = (pair ^ h) * PRIME;
        add(b, hash_end(pair), GRAM_PAIR);
    }
    b->last_word = h;
    if (c[1] != '<') {
        c[0] = '^';
        c[n + 1] = '$';
        add_grams(b, GRAM_LETTERS, c, n + 2, MIN_LETTERS, MAX_LETTERS);
    }
}

/* "withdraw" with "missing" says what neither says alone, in whatever order and language. */
static void add_concepts(struct builder *b, const uint32_t *concepts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        add(b, hash_end(hash_add(hash_begin(GRAM_CONCEPT), concepts[i])), GRAM_CONCEPT);
        for (size_t j = 0; j < i && i < MAX_PAIRED; j++) {
            uint32_t low = concepts[i] < concepts[j] ? concepts[i] : concepts[j];
            uint32_t high = concepts[i] < concepts[j] ? concepts[j] : concepts[i];
            uint64_t h = hash_add(hash_add(hash_begin(GRAM_CONCEPT_PAIR), low), high);
            add(b, hash_end(h), GRAM_CONCEPT_PAIR);
        }
    }
}

enum run { RUN_NONE, RUN_WORD, RUN_HAN };

/* A class word is a run of its own: "提币<amount>没到账". */
static bool is_break(enum run run, enum run next, uint32_t before, uint32_t c)
{
    return run != next || c == '<' || before == '>';
}

struct gram *features_of(struct arena *arena, const struct concepts *concepts, struct str s,
                         size_t *n_out)
{
    /* A character begins at most three n-grams; a word has two edges more, itself and a pair. */
    uint32_t found[CONCEPTS_MAX];
    size_t n_found = concepts != NULL ? concepts_of(concepts, arena, s, found) : 0;
    struct builder b = {.size = s.len * 8 + 8 + CONCEPTS_MAX + MAX_PAIRED * MAX_PAIRED};
    b.items = ARENA_ARRAY(arena, struct gram, b.size);
    uint32_t *run_chars = ARENA_ARRAY(arena, uint32_t, s.len + 2);
    enum run run = RUN_NONE;
    size_t n = 0;
    for (size_t at = 0; at <= s.len;) {
        bool is_end = at == s.len;
        uint32_t c = is_end ? ' ' : utf8_next(s, &at);
        at += is_end;
        enum run next = c == ' ' ? RUN_NONE : utf8_is_cjk(c) ? RUN_HAN : RUN_WORD;
        if (n > 0 && is_break(run, next, run_chars[n], c)) {
            if (run == RUN_WORD) {
                add_word(&b, run_chars, n);
            } else {
                add_grams(&b, GRAM_HAN, run_chars + 1, n, 1, MAX_HAN);
            }
            n = 0;
        }
        run = next;
        if (next != RUN_NONE) {
            run_chars[++n] = c;
        }
    }
    add_concepts(&b, found, n_found);
    *n_out = b.n;
    return b.items;
}
