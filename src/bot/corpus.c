/* Grams are interned through an open-addressing table over their hashes, which are well mixed already. */
#include "bot/corpus.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"

struct interner {
    uint64_t *hashes; /* per slot */
    uint32_t *ids;    /* per slot: number + 1; 0: free */
    uint32_t *last;   /* per gram: index + 1 of the item it last went into */
    size_t n_slots;
    VEC(uint64_t) grams;
    VEC(uint8_t) kinds;
};

static size_t slot_of(const struct interner *in, uint64_t hash)
{
    size_t at = (size_t)hash & (in->n_slots - 1);
    while (in->ids[at] != 0 && in->hashes[at] != hash) {
        at = (at + 1) & (in->n_slots - 1);
    }
    return at;
}

static void grow(struct interner *in)
{
    uint64_t *hashes = in->hashes;
    uint32_t *ids = in->ids;
    size_t n_old = in->n_slots;
    in->n_slots = n_old == 0 ? 1 << 12 : n_old * 2;
    in->hashes = MEM_NEW_ARRAY(uint64_t, in->n_slots);
    in->ids = MEM_NEW_ARRAY(uint32_t, in->n_slots);
    in->last = mem_realloc(in->last, in->n_slots, sizeof(*in->last));
    memset(in->last + n_old, 0, (in->n_slots - n_old) * sizeof(*in->last));
    for (size_t i = 0; i < n_old; i++) {
        if (ids[i] != 0) {
            size_t at = slot_of(in, hashes[i]);
            in->hashes[at] = hashes[i];
            in->ids[at] = ids[i];
        }
    }
    mem_free(hashes);
    mem_free(ids);
}

static uint32_t intern(struct interner *in, const struct gram *g)
{
    if (in->grams.len * 2 >= in->n_slots) {
        grow(in);
    }
    size_t at = slot_of(in, g->hash);
    if (in->ids[at] == 0) {
        VEC_PUSH(&in->grams, g->hash);
        VEC_PUSH(&in->kinds, (uint8_t)g->kind);
        in->hashes[at] = g->hash;
        in->ids[at] = (uint32_t)in->grams.len;
    }
    return in->ids[at] - 1;
}

struct corpus *corpus_new(const struct corpus_text *texts, uint32_t n, uint32_t n_labels,
                          const struct concepts *concepts)
{
    struct corpus *c = MEM_NEW(struct corpus);
    struct interner in = {0};
    VEC(struct corpus_item) items = {0};
    c->starts = MEM_NEW_ARRAY(uint32_t, (size_t)n + 1);
    c->labels = MEM_NEW_ARRAY(uint32_t, (size_t)n + 1);
    c->n_texts = n;
    c->n_labels = n_labels;
    ARENA_AUTO arena = arena_new(1 << 16);
    for (uint32_t t = 0; t < n; t++) {
        size_t n_grams;
        arena_reset(arena);
        const struct gram *grams = features_of(arena, concepts, texts[t].normalised, &n_grams);
        ASSERT(texts[t].label < n_labels);
        c->labels[t] = texts[t].label;
        c->starts[t] = (uint32_t)items.len;
        for (size_t i = 0; i < n_grams; i++) {
            uint32_t id = intern(&in, &grams[i]);
            if (in.last[id] > c->starts[t]) {
                items.items[in.last[id] - 1].count++;
                continue;
            }
            VEC_PUSH(&items, ((struct corpus_item){id, 1}));
            in.last[id] = (uint32_t)items.len;
        }
    }
    c->starts[n] = (uint32_t)items.len;
    c->items = items.items;
    c->hashes = in.grams.items;
    c->kinds = in.kinds.items;
    c->n_grams = (uint32_t)in.grams.len;
    mem_free(in.hashes);
    mem_free(in.ids);
    mem_free(in.last);
    return c;
}

void corpus_free(struct corpus **c)
{
    if (*c != NULL) {
        mem_free((*c)->hashes);
        mem_free((*c)->kinds);
        mem_free((*c)->starts);
        mem_free((*c)->items);
        mem_free((*c)->labels);
        mem_free(*c);
        *c = NULL;
    }
}
