/* A table from the hash of a phrase to its concepts: words by their stems, joined by a space; Han characters as they are. Looked up at every word for one to four
 * words, at every Han character for the longest of six; longest wins at each place, places may overlap. */
#include "bot/concepts.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "knowledge/normalise.h"
#include "knowledge/textfeat.h"

#define MAX_WORDS 4
#define MAX_HAN 6
#define N_SLOTS 8192U
#define PRIME 0x100000001b3ULL
#define BASIS 0xcbf29ce484222325ULL

struct entry {
    uint64_t hash; /* 0: free */
    uint32_t concept_number;
};

struct concepts {
    struct entry entries[N_SLOTS]; /* several of one hash stand one behind the other */
    size_t n;
    uint64_t fingerprint;
};

static uint64_t hash_bytes(uint64_t h, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ (uint8_t)s.p[i]) * PRIME;
    }
    return h;
}

static uint64_t hash_end(uint64_t h)
{
    h ^= h >> 29;
    h *= 0x9E3779B97F4A7C15ULL;
    h ^= h >> 32;
    return h != 0 ? h : 1;
}

/* One word more of a phrase. */
static uint64_t hash_word(uint64_t h, struct arena *arena, struct str word)
{
    return hash_bytes(hash_bytes(h, textfeat_stem(arena, word)), STR(" "));
}

static void insert(struct concepts *c, uint64_t hash, uint32_t number)
{
    size_t at = (size_t)hash & (N_SLOTS - 1);
    while (c->entries[at].hash != 0) {
        if (c->entries[at].hash == hash && c->entries[at].concept_number == number) {
            return;
        }
        at = (at + 1) & (N_SLOTS - 1);
    }
    ASSERT(++c->n < N_SLOTS / 2);
    c->entries[at] = (struct entry){hash, number};
}

static bool is_known(const struct concepts *c, uint64_t hash)
{
    size_t at = (size_t)hash & (N_SLOTS - 1);
    while (c->entries[at].hash != 0 && c->entries[at].hash != hash) {
        at = (at + 1) & (N_SLOTS - 1);
    }
    return c->entries[at].hash == hash;
}

static bool next_word(struct str *rest, struct str *out)
{
    while (str_split(rest, ' ', out)) {
        if (out->len > 0) {
            return true;
        }
    }
    return false;
}

static void add_phrase(struct concepts *c, struct arena *arena, struct str phrase, uint32_t number)
{
    struct str rest = normalise_text(arena, phrase);
    struct str word;
    size_t at = 0;
    if (rest.len == 0) {
        return;
    }
    if (utf8_is_cjk(utf8_next(rest, &at))) {
        insert(c, hash_end(hash_bytes(BASIS, rest)), number);
        return;
    }
    uint64_t h = BASIS;
    size_t n = 0;
    while (next_word(&rest, &word)) {
        h = hash_word(h, arena, word);
        n++;
    }
    ASSERT(n <= MAX_WORDS);
    insert(c, hash_end(h), number);
}

static void add_list(struct concepts *c, struct arena *arena, const char *list, uint32_t number)
{
    struct str rest = str_from(list);
    struct str phrase;
    c->fingerprint = hash_bytes(c->fingerprint, rest);
    while (str_split(&rest, ',', &phrase)) {
        arena_reset(arena);
        add_phrase(c, arena, str_trim(phrase), number);
    }
}

struct concepts *concepts_new(void)
{
    struct concepts *c = MEM_NEW(struct concepts);
    struct arena *arena = arena_new(0);
    c->fingerprint = BASIS;
    for (uint32_t i = 0; i < concept_count; i++) {
        c->fingerprint = hash_bytes(c->fingerprint, str_from(concept_list[i].name));
        add_list(c, arena, concept_list[i].latin, i);
        add_list(c, arena, concept_list[i].han, i);
    }
    arena_free(&arena);
    return c;
}

void concepts_free(struct concepts **c)
{
    mem_free(*c);
    *c = NULL;
}

uint64_t concepts_fingerprint(const struct concepts *c)
{
    return c->fingerprint;
}

/* ---- finding ---- */

struct found {
    uint32_t *out;
    size_t n;
};

static void add_found(const struct concepts *c, struct found *f, uint64_t hash)
{
    for (size_t at = (size_t)hash & (N_SLOTS - 1); c->entries[at].hash != 0;
         at = (at + 1) & (N_SLOTS - 1)) {
        bool is_new = c->entries[at].hash == hash && f->n < CONCEPTS_MAX;
        for (size_t i = 0; i < f->n && is_new; i++) {
            is_new = f->out[i] != c->entries[at].concept_number;
        }
        if (is_new) {
            f->out[f->n++] = c->entries[at].concept_number;
        }
    }
}

/* Phrases that begin at a word: hashes of its stems, one to four words long. */
static void find_words(const struct concepts *c, struct found *f, const struct str *stems, size_t n)
{
    uint64_t longest = 0;
    uint64_t h = BASIS;
    for (size_t i = 0; i < n && i < MAX_WORDS; i++) {
        h = hash_bytes(hash_bytes(h, stems[i]), STR(" "));
        uint64_t whole = hash_end(h);
        longest = is_known(c, whole) ? whole : longest;
    }
    if (longest != 0) {
        add_found(c, f, longest);
    }
}

static void find_han(const struct concepts *c, struct found *f, struct str s, size_t at)
{
    uint64_t longest = 0;
    uint64_t h = BASIS;
    for (size_t i = 0; i < MAX_HAN && at < s.len; i++) {
        size_t from = at;
        if (s.p[from] == ' ' || s.p[from] == '<') {
            break;
        }
        (void)utf8_next(s, &at);
        h = hash_bytes(h, str_sub(s, from, at - from));
        uint64_t whole = hash_end(h);
        longest = is_known(c, whole) ? whole : longest;
    }
    if (longest != 0) {
        add_found(c, f, longest);
    }
}

size_t concepts_of(const struct concepts *c, struct arena *arena, struct str s,
                   uint32_t out[CONCEPTS_MAX])
{
    struct found f = {.out = out};
    struct str *stems = ARENA_ARRAY(arena, struct str, s.len + 1);
    size_t n_stems = 0;
    size_t word_from = SIZE_MAX;
    for (size_t at = 0; at <= s.len;) {
        size_t from = at;
        uint32_t ch = at < s.len ? utf8_next(s, &at) : ' ';
        at += from == s.len;
        bool is_han = utf8_is_cjk(ch);
        bool ends_word = ch == ' ' || is_han || ch == '<';
        if (ends_word && word_from != SIZE_MAX) {
            stems[n_stems++] = textfeat_stem(arena, str_sub(s, word_from, from - word_from));
            word_from = SIZE_MAX;
        } else if (!ends_word && word_from == SIZE_MAX) {
            word_from = from;
        }
        if (is_han) {
            find_han(c, &f, s, from);
        }
    }
    for (size_t i = 0; i < n_stems; i++) {
        find_words(c, &f, stems + i, n_stems - i);
    }
    return f.n;
}
