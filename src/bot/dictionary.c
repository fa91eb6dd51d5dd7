/* Open addressing over the hashes, half full at most. Both ways to a vector (a question's grams; a text of the corpus) end in the same weighing, in the same order of
 * features, so that a question that was trained on gets the very same numbers. */
#include "bot/dictionary.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"

struct dictionary {
    uint32_t n;
    uint64_t *hashes;
    float *idf;
    uint8_t *kinds;
    float unknown_idf;
    uint32_t *slots; /* feature + 1; 0: free */
    size_t n_slots;
};

static struct dictionary *alloc_for(uint32_t n)
{
    struct dictionary *d = MEM_NEW(struct dictionary);
    d->n = n;
    d->hashes = MEM_NEW_ARRAY(uint64_t, (size_t)n + 1);
    d->idf = MEM_NEW_ARRAY(float, (size_t)n + 1);
    d->kinds = MEM_NEW_ARRAY(uint8_t, (size_t)n + 1);
    for (d->n_slots = 16; d->n_slots < (size_t)n * 2;) {
        d->n_slots *= 2;
    }
    d->slots = MEM_NEW_ARRAY(uint32_t, d->n_slots);
    return d;
}

static bool index_all(struct dictionary *d)
{
    for (uint32_t f = 0; f < d->n; f++) {
        size_t at = (size_t)d->hashes[f] & (d->n_slots - 1);
        while (d->slots[at] != 0) {
            if (d->hashes[d->slots[at] - 1] == d->hashes[f]) {
                return false;
            }
            at = (at + 1) & (d->n_slots - 1);
        }
        d->slots[at] = f + 1;
    }
    return true;
}

struct counted {
    uint64_t hash;
    uint32_t gram, df;
};

static int counted_cmp(const void *a, const void *b)
{
    const struct counted *x = a;
    const struct counted *y = b;
    if (x->df != y->df) {
        return x->df > y->df ? -1 : 1;
    }
    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static float idf_of(uint32_t n, uint32_t df)
{
    return (float)(log((1.0 + n) / (1.0 + df)) + 1.0);
}

struct dictionary *dictionary_new(const struct corpus *c, const uint32_t *texts, uint32_t n,
                                  uint32_t min_texts)
{
    struct counted *all = MEM_NEW_ARRAY(struct counted, (size_t)c->n_grams + 1);
    for (uint32_t g = 0; g < c->n_grams; g++) {
        all[g] = (struct counted){c->hashes[g], g, 0};
    }
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t i = c->starts[texts[t]]; i < c->starts[texts[t] + 1]; i++) {
            all[c->items[i].gram].df++;
        }
    }
    qsort(all, c->n_grams, sizeof(*all), counted_cmp);
    uint32_t n_kept = 0;
    while (n_kept < c->n_grams && n_kept < DICTIONARY_MAX_FEATURES &&
           all[n_kept].df >= (min_texts > 0 ? min_texts : 1)) {
        n_kept++;
    }
    struct dictionary *d = alloc_for(n_kept);
    for (uint32_t f = 0; f < n_kept; f++) {
        d->hashes[f] = all[f].hash;
        d->kinds[f] = c->kinds[all[f].gram];
        d->idf[f] = idf_of(n, all[f].df);
    }
    d->unknown_idf = idf_of(n, 0);
    mem_free(all);
    bool is_distinct = index_all(d);
    ASSERT(is_distinct);
    return d;
}

enum err dictionary_from(const uint64_t *hashes, const uint8_t *kinds, const float *idf, uint32_t n,
                         float unknown_idf, struct dictionary **out)
{
    if (n > DICTIONARY_MAX_FEATURES || !(unknown_idf > 0) || !isfinite(unknown_idf)) {
        return ERR_INVALID;
    }
    struct dictionary *d = alloc_for(n);
    bool is_ok = true;
    for (uint32_t f = 0; f < n; f++) {
        d->hashes[f] = hashes[f];
        d->kinds[f] = kinds[f];
        d->idf[f] = idf[f];
        is_ok = is_ok && kinds[f] < GRAM_KIND_COUNT && idf[f] > 0 && isfinite(idf[f]);
    }
    d->unknown_idf = unknown_idf;
    if (!is_ok || !index_all(d)) {
        dictionary_free(&d);
        return ERR_INVALID;
    }
    *out = d;
    return ERR_OK;
}

void dictionary_free(struct dictionary **d)
{
    if (*d != NULL) {
        mem_free((*d)->hashes);
        mem_free((*d)->idf);
        mem_free((*d)->kinds);
        mem_free((*d)->slots);
        mem_free(*d);
        *d = NULL;
    }
}

uint32_t dictionary_n(const struct dictionary *d)
{
    return d->n;
}

uint64_t dictionary_hash(const struct dictionary *d, uint32_t feature)
{
    return d->hashes[feature];
}

enum gram_kind dictionary_kind(const struct dictionary *d, uint32_t feature)
{
    return (enum gram_kind)d->kinds[feature];
}

static enum gram_block block_of(const struct dictionary *d, uint32_t feature)
{
    return gram_block_of((enum gram_kind)d->kinds[feature]);
}

static bool is_word(enum gram_kind kind)
{
    return gram_block_of(kind) == BLOCK_WORDS;
}

float dictionary_idf(const struct dictionary *d, uint32_t feature)
{
    return d->idf[feature];
}

float dictionary_unknown_idf(const struct dictionary *d)
{
    return d->unknown_idf;
}

uint32_t dictionary_find(const struct dictionary *d, uint64_t hash)
{
    size_t at = (size_t)hash & (d->n_slots - 1);
    while (d->slots[at] != 0) {
        if (d->hashes[d->slots[at] - 1] == hash) {
            return d->slots[at] - 1;
        }
        at = (at + 1) & (d->n_slots - 1);
    }
    return DICTIONARY_NONE;
}

/* ---- vectors ---- */

static float sublinear(uint32_t count)
{
    static const float few[] = {0, 1.0F, 1.6931472F, 2.0986123F, 2.3862944F};
    return count < ARRAY_LEN(few) ? few[count] : (float)(1.0 + log((double)count));
}

/* values[i].tf holds the sublinear count; both weights are made of it. */
static void weigh(const struct dictionary *d, struct feature_value *values, uint32_t n)
{
    float block[BLOCK_COUNT] = {0};
    float all = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct feature_value *v = &values[i];
        v->tfidf = v->tf * d->idf[v->feature];
        block[block_of(d, v->feature)] += v->tfidf * v->tfidf;
        all += v->tf * v->tf;
    }
    for (int b = 0; b < BLOCK_COUNT; b++) {
        block[b] = block[b] > 0 ? 1.0F / sqrtf(block[b]) : 0;
    }
    all = all > 0 ? 1.0F / sqrtf(all) : 0;
    for (uint32_t i = 0; i < n; i++) {
        values[i].tfidf *= block[block_of(d, values[i].feature)];
        values[i].tf *= all;
    }
}

/* Small table from feature to place in the vector: questions have a few hundred grams. */
struct seen {
    uint32_t *slots; /* place + 1 */
    size_t n_slots;
};

static uint32_t *seen_slot(const struct seen *s, const struct feature_value *values,
                           uint32_t feature)
{
    size_t at = (feature * 2654435761U) & (s->n_slots - 1);
    while (s->slots[at] != 0 && values[s->slots[at] - 1].feature != feature) {
        at = (at + 1) & (s->n_slots - 1);
    }
    return &s->slots[at];
}

void dictionary_vector(const struct dictionary *d, struct arena *arena, const struct gram *grams,
                       size_t n, struct feature_vector *out)
{
    struct seen seen = {.n_slots = 64};
    while (seen.n_slots < n * 2) {
        seen.n_slots *= 2;
    }
    seen.slots = ARENA_ARRAY(arena, uint32_t, seen.n_slots);
    struct feature_value *values = ARENA_ARRAY(arena, struct feature_value, n + 1);
    uint32_t *counts = ARENA_ARRAY(arena, uint32_t, n + 1);
    uint32_t n_values = 0;
    float known_mass = 0;
    float unknown_mass = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t f = dictionary_find(d, grams[i].hash);
        if (f == DICTIONARY_NONE) {
            unknown_mass += is_word(grams[i].kind) ? d->unknown_idf : 0;
            continue;
        }
        known_mass += is_word(grams[i].kind) ? d->idf[f] : 0;
        uint32_t *slot = seen_slot(&seen, values, f);
        if (*slot == 0) {
            values[n_values++].feature = f;
            *slot = n_values;
        }
        counts[*slot - 1]++;
    }
    for (uint32_t i = 0; i < n_values; i++) {
        values[i].tf = sublinear(counts[i]);
    }
    weigh(d, values, n_values);
    float mass = known_mass + unknown_mass;
    *out = (struct feature_vector){values, n_values, mass > 0 ? unknown_mass / mass : 0};
}

struct feature_rows *dictionary_rows(const struct dictionary *d, const struct corpus *c,
                                     const uint32_t *texts, uint32_t n)
{
    uint32_t *feature_of = MEM_NEW_ARRAY(uint32_t, (size_t)c->n_grams + 1);
    for (uint32_t g = 0; g < c->n_grams; g++) {
        feature_of[g] = dictionary_find(d, c->hashes[g]);
    }
    size_t n_values = 0;
    for (uint32_t t = 0; t < n; t++) {
        for (uint32_t i = c->starts[texts[t]]; i < c->starts[texts[t] + 1]; i++) {
            n_values += feature_of[c->items[i].gram] != DICTIONARY_NONE;
        }
    }
    struct feature_rows *rows = MEM_NEW(struct feature_rows);
    rows->n = n;
    rows->values = MEM_NEW_ARRAY(struct feature_value, n_values + 1);
    rows->starts = MEM_NEW_ARRAY(uint32_t, (size_t)n + 1);
    rows->unknown_share = MEM_NEW_ARRAY(float, (size_t)n + 1);
    uint32_t at = 0;
    for (uint32_t t = 0; t < n; t++) {
        float known_mass = 0;
        float unknown_mass = 0;
        rows->starts[t] = at;
        for (uint32_t i = c->starts[texts[t]]; i < c->starts[texts[t] + 1]; i++) {
            const struct corpus_item *item = &c->items[i];
            uint32_t f = feature_of[item->gram];
            float times = is_word((enum gram_kind)c->kinds[item->gram]) ? (float)item->count : 0;
            if (f == DICTIONARY_NONE) {
                unknown_mass += times * d->unknown_idf;
                continue;
            }
            known_mass += times * d->idf[f];
            rows->values[at++] = (struct feature_value){f, 0, sublinear(item->count)};
        }
        weigh(d, rows->values + rows->starts[t], at - rows->starts[t]);
        float mass = known_mass + unknown_mass;
        rows->unknown_share[t] = mass > 0 ? unknown_mass / mass : 0;
    }
    rows->starts[n] = at;
    mem_free(feature_of);
    return rows;
}

void feature_rows_free(struct feature_rows **rows)
{
    if (*rows != NULL) {
        mem_free((*rows)->values);
        mem_free((*rows)->starts);
        mem_free((*rows)->unknown_share);
        mem_free(*rows);
        *rows = NULL;
    }
}
