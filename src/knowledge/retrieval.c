/* An inverted index in flat arrays: sorted feature hashes, per feature a range of phrasings and a range of groups with their weighted frequency. Phrasings are
 * short (5-15 features), so their term frequency is taken as 0 or 1. A search touches each posting of the question's features once.
 *
 * Why two levels: with 5-10 phrasings per article hardly two use the same words, so the best single phrasing decides too much by chance; the article as a whole
 * knows the vocabulary of its subject. Mixing both was best on leave-one-out; context counts little per line, or long articles win everything. */
#include "knowledge/retrieval.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "knowledge/normalise.h"
#include "knowledge/textfeat.h"

struct doc {
    uint32_t group;
    float weight;
    float length; /* number of words and characters */
    float mass;   /* idf mass, weighted by kind: for Jaccard */
    struct str fold;
    uint32_t number; /* the caller's */
};

struct group_posting {
    uint32_t group;
    float tf; /* weighted, all fields */
};

struct term {
    uint64_t hash;
    float idf;       /* over phrasings */
    float group_idf; /* over groups */
    uint32_t first_doc, first_group;
    enum feature_kind kind;
};

struct retrieval {
    struct arena *arena;
    struct retrieval_params params;
    struct doc *docs;
    size_t n_docs;
    uint32_t n_groups;
    double mean_length;
    float *group_norm;  /* per group: k of BM25 with its length in */
    struct term *terms; /* sorted by hash; one more at the end closes the ranges */
    size_t n_terms;
    uint32_t *doc_postings;
    struct group_posting *group_postings;
};

struct occurrence {
    uint64_t hash;
    uint32_t group;
    uint32_t doc; /* RETRIEVAL_NONE: context */
    float weight;
    enum feature_kind kind;
};

struct retrieval_params retrieval_params_default(void)
{
    return (struct retrieval_params){.k1 = 1.2,
                                     .b = 0.75,
                                     .pair_weight = 0.2,
                                     .gram_weight = 0.15,
                                     .group_weight = 0.8,
                                     .group_k = 3.0,
                                     .group_b = 0.4};
}

/* Weight of a feature in the sets that Jaccard compares. */
static double set_weight(const struct retrieval *r, enum feature_kind kind)
{
    return kind == FEATURE_UNI ? 1.0 : kind == FEATURE_GRAM ? r->params.gram_weight : 0.0;
}

static double rank_weight(const struct retrieval *r, enum feature_kind kind)
{
    return kind == FEATURE_PAIR ? r->params.pair_weight : set_weight(r, kind);
}

static double idf_of(size_t n, size_t df)
{
    return log(1.0 + ((double)n - (double)df + 0.5) / ((double)df + 0.5));
}

/* ---- building ---- */

static int occurrence_cmp(const void *a, const void *b)
{
    const struct occurrence *x = a;
    const struct occurrence *y = b;
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    return x->doc < y->doc ? -1 : x->doc > y->doc;
}

struct builder {
    struct retrieval *r;
    struct arena *scratch;
    VEC(struct occurrence) occurrences;
};

static void build_text(struct builder *b, const struct retrieval_doc *in, struct str text,
                       uint32_t doc)
{
    arena_reset(b->scratch);
    struct str normalised = normalise_text(b->scratch, text);
    size_t n;
    struct feature *f = textfeat_of(b->scratch, normalised, &n);
    float weight = in->weight > 0 ? (float)in->weight : 1.0F;
    for (size_t i = 0; i < n; i++) {
        VEC_PUSH(&b->occurrences,
                 ((struct occurrence){f[i].hash, in->group, doc, weight, f[i].kind}));
    }
    if (doc != RETRIEVAL_NONE) {
        struct doc *d = &b->r->docs[doc];
        d->group = in->group;
        d->weight = weight;
        d->fold = str_dup(b->r->arena, normalise_fold(b->scratch, normalised));
    }
}

static void build_docs(struct builder *b, const struct retrieval_doc *docs, size_t n)
{
    struct retrieval *r = b->r;
    r->docs = ARENA_ARRAY(r->arena, struct doc, n + 1);
    for (size_t i = 0; i < n; i++) {
        r->n_groups = docs[i].group >= r->n_groups ? docs[i].group + 1 : r->n_groups;
        if (!docs[i].is_context) {
            r->docs[r->n_docs].number = (uint32_t)i;
            build_text(b, &docs[i], docs[i].text, (uint32_t)r->n_docs++);
            continue;
        }
        struct str rest = docs[i].text;
        struct str line;
        while (str_split(&rest, '\n', &line)) {
            build_text(b, &docs[i], line, RETRIEVAL_NONE);
        }
    }
}

/* Occurrences of one term -> its postings. */
static void build_term(struct retrieval *r, struct term *t, const struct occurrence *o, size_t n,
                       uint32_t *n_doc, uint32_t *n_group)
{
    uint32_t df = 0;
    uint32_t group_df = 0;
    *t = (struct term){
        .hash = o[0].hash, .kind = o[0].kind, .first_doc = *n_doc, .first_group = *n_group};
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || o[i].group != o[i - 1].group) {
            r->group_postings[(*n_group)++] = (struct group_posting){.group = o[i].group};
            group_df++;
        }
        struct group_posting *p = &r->group_postings[*n_group - 1];
        p->tf += o[i].weight;
        if (o[i].doc != RETRIEVAL_NONE) {
            r->doc_postings[(*n_doc)++] = o[i].doc;
            df++;
        }
    }
    t->idf = (float)idf_of(r->n_docs, df);
    t->group_idf = (float)idf_of(r->n_groups, group_df);
}

static void build_lengths(struct retrieval *r)
{
    double *group_length = ARENA_ARRAY(r->arena, double, r->n_groups + 1);
    double total = 0;
    double group_total = 0;
    for (size_t t = 0; t < r->n_terms; t++) {
        const struct term *term = &r->terms[t];
        bool is_uni = term->kind == FEATURE_UNI;
        for (uint32_t i = term[0].first_doc; i < term[1].first_doc; i++) {
            struct doc *d = &r->docs[r->doc_postings[i]];
            d->mass += (float)(term->idf * set_weight(r, term->kind));
            d->length += is_uni ? 1.0F : 0.0F;
            total += is_uni;
        }
        for (uint32_t i = term[0].first_group; is_uni && i < term[1].first_group; i++) {
            group_length[r->group_postings[i].group] += (double)r->group_postings[i].tf;
            group_total += (double)r->group_postings[i].tf;
        }
    }
    r->mean_length = r->n_docs > 0 && total > 0 ? total / (double)r->n_docs : 1.0;
    double mean = r->n_groups > 0 && group_total > 0 ? group_total / r->n_groups : 1.0;
    r->group_norm = ARENA_ARRAY(r->arena, float, r->n_groups + 1);
    for (uint32_t g = 0; g < r->n_groups; g++) {
        r->group_norm[g] =
            (float)(r->params.group_k *
                    (1.0 - r->params.group_b + r->params.group_b * group_length[g] / mean));
    }
}

static void build_terms(struct retrieval *r, struct occurrence *o, size_t n)
{
    if (n > 0) {
        qsort(o, n, sizeof(*o), occurrence_cmp);
    }
    size_t n_terms = 0;
    for (size_t i = 0; i < n; i++) {
        n_terms += i == 0 || o[i].hash != o[i - 1].hash;
    }
    r->terms = ARENA_ARRAY(r->arena, struct term, n_terms + 1);
    r->doc_postings = ARENA_ARRAY(r->arena, uint32_t, n + 1);
    r->group_postings = ARENA_ARRAY(r->arena, struct group_posting, n + 1);
    uint32_t n_doc = 0;
    uint32_t n_group = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        while (end < n && o[end].hash == o[i].hash) {
            end++;
        }
        build_term(r, &r->terms[r->n_terms++], o + i, end - i, &n_doc, &n_group);
        i = end;
    }
    r->terms[r->n_terms] = (struct term){.first_doc = n_doc, .first_group = n_group};
}

struct retrieval *retrieval_new(const struct retrieval_doc *docs, size_t n,
                                const struct retrieval_params *params)
{
    ASSERT(n <= RETRIEVAL_MAX_DOCS);
    struct retrieval *r = MEM_NEW(struct retrieval);
    r->arena = arena_new(0);
    r->params = params != NULL ? *params : retrieval_params_default();
    struct builder b = {.r = r, .scratch = arena_new(0)};
    build_docs(&b, docs, n);
    build_terms(r, b.occurrences.items, b.occurrences.len);
    build_lengths(r);
    VEC_RELEASE(&b.occurrences);
    arena_free(&b.scratch);
    return r;
}

void retrieval_free(struct retrieval **r)
{
    if (*r != NULL) {
        arena_free(&(*r)->arena);
        mem_free(*r);
        *r = NULL;
    }
}

size_t retrieval_n_docs(const struct retrieval *r)
{
    return r->n_docs;
}

/* ---- searching ---- */

static size_t term_find(const struct retrieval *r, uint64_t hash)
{
    size_t lo = 0;
    size_t hi = r->n_terms;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (r->terms[mid].hash < hash) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo < r->n_terms && r->terms[lo].hash == hash ? lo : SIZE_MAX;
}

struct group_sum {
    double rank;  /* BM25 over the whole group */
    double known; /* idf mass of the question's features that it has */
};
struct search {
    const struct retrieval *r;
    struct retrieval_skip skip; /* doc: our number */
    uint32_t skip_doc_group;
    float *rank;   /* per phrasing */
    float *shared; /* per phrasing: idf mass shared with the question */
    struct group_sum *groups;
    double mass;       /* of the question, idf over phrasings */
    double group_mass; /* idf over groups */
};

static void search_groups(struct search *q, const struct term *t)
{
    const struct retrieval *r = q->r;
    double w = set_weight(r, t->kind);
    double idf = (double)t->group_idf;
    q->group_mass += w * idf;
    for (uint32_t i = t[0].first_group; i < t[1].first_group; i++) {
        const struct group_posting *p = &r->group_postings[i];
        double less = p->group == q->skip_doc_group ? (double)r->docs[q->skip.doc].weight : 0.0;
        double tf = fmax((double)p->tf - less, 0);
        if (p->group == q->skip.group || tf < 1e-6) {
            continue;
        }
        struct group_sum *g = &q->groups[p->group];
        g->rank += rank_weight(r, t->kind) * idf * tf * (r->params.group_k + 1.0) /
                   (tf + (double)r->group_norm[p->group]);
        g->known += w * idf;
    }
}

static void search_add(struct search *q, const struct feature *f)
{
    const struct retrieval *r = q->r;
    size_t at = term_find(r, f->hash);
    if (at == SIZE_MAX) {
        q->mass += set_weight(r, f->kind) * idf_of(r->n_docs, 0);
        q->group_mass += set_weight(r, f->kind) * idf_of(r->n_groups, 0);
        return;
    }
    const struct term *t = &r->terms[at];
    double idf = (double)t->idf;
    q->mass += set_weight(r, t->kind) * idf;
    for (uint32_t i = t[0].first_doc; i < t[1].first_doc; i++) {
        uint32_t d = r->doc_postings[i];
        const struct doc *doc = &r->docs[d];
        if (d == q->skip.doc || doc->group == q->skip.group) {
            continue;
        }
        double norm =
            r->params.k1 * (1.0 - r->params.b + r->params.b * (double)doc->length / r->mean_length);
        q->rank[d] += (float)(rank_weight(r, t->kind) * idf * (r->params.k1 + 1.0) / (1.0 + norm));
        q->shared[d] += (float)(set_weight(r, t->kind) * idf);
    }
    search_groups(q, t);
}

static bool hit_before(const struct retrieval_hit *a, const struct retrieval_hit *b)
{
    if (a->is_exact != b->is_exact) {
        return a->is_exact;
    }
    return a->rank != b->rank ? a->rank > b->rank : a->group < b->group;
}

/* Keeps `out` sorted and at most `max` long. */
static size_t hit_insert(struct retrieval_hit *out, size_t n, size_t max,
                         const struct retrieval_hit *hit)
{
    size_t at = n;
    while (at > 0 && hit_before(hit, &out[at - 1])) {
        at--;
    }
    if (at >= max) {
        return n;
    }
    size_t n_new = n < max ? n + 1 : max;
    for (size_t i = n_new - 1; i > at; i--) {
        out[i] = out[i - 1];
    }
    out[at] = *hit;
    return n_new;
}

/* The best phrasing of each group, into best[]. */
static void search_best_docs(const struct search *q, struct str fold, struct retrieval_hit *best)
{
    const struct retrieval *r = q->r;
    for (uint32_t d = 0; d < r->n_docs; d++) {
        const struct doc *doc = &r->docs[d];
        bool is_exact = d != q->skip.doc && doc->group != q->skip.group && fold.len > 0 &&
                        str_eq(doc->fold, fold);
        struct retrieval_hit *mine = &best[doc->group];
        double either = q->mass + (double)doc->mass - (double)q->shared[d];
        double jaccard = either > 0 ? fmin((double)q->shared[d] / either, 1.0) : 0;
        mine->signals.jaccard = fmax(mine->signals.jaccard, jaccard);
        if (is_exact || ((double)q->rank[d] > mine->rank && !mine->is_exact)) {
            mine->doc = doc->number;
            mine->rank = fmax((double)q->rank[d], mine->rank);
            mine->is_exact = is_exact;
        }
    }
}

/* Logistic regression on leave-one-out over the starter content in both languages; the same questions with their whole article left out are the ones without an
 * answer (weight 0.35). `bot_eval` prints the rows. */
double retrieval_score(const struct retrieval_signals *s)
{
    double z = -3.1 + 1.6 * s->jaccard + 1.8 * s->known + 4.2 * s->lead;
    return 1.0 / (1.0 + exp(-z));
}

static size_t search_collect(struct search *q, struct arena *arena, struct str fold,
                             struct retrieval_hit *out, size_t max)
{
    const struct retrieval *r = q->r;
    struct retrieval_hit *best = ARENA_ARRAY(arena, struct retrieval_hit, r->n_groups);
    struct retrieval_hit top[2] = {0};
    size_t n_top = 0;
    size_t n = 0;
    search_best_docs(q, fold, best);
    for (uint32_t g = 0; g < r->n_groups; g++) {
        struct retrieval_hit *hit = &best[g];
        hit->group = g;
        hit->rank =
            (1.0 - r->params.group_weight) * hit->rank + r->params.group_weight * q->groups[g].rank;
        hit->signals.known = q->group_mass > 0 ? q->groups[g].known / q->group_mass : 0;
        if (hit->rank > 0 || hit->is_exact) {
            n = hit_insert(out, n, max, hit);
            n_top = hit_insert(top, n_top, 2, hit);
        }
    }
    if (n > 0) {
        out[0].signals.lead = n_top < 2         ? 1.0
                              : out[0].rank > 0 ? fmax(1.0 - top[1].rank / out[0].rank, 0.0)
                                                : 0.0;
    }
    for (size_t i = 0; i < n; i++) {
        out[i].score = out[i].is_exact ? 1.0 : retrieval_score(&out[i].signals);
    }
    return n;
}

static uint32_t doc_by_number(const struct retrieval *r, uint32_t number)
{
    for (uint32_t d = 0; number != RETRIEVAL_NONE && d < r->n_docs; d++) {
        if (r->docs[d].number == number) {
            return d;
        }
    }
    return RETRIEVAL_NONE;
}

size_t retrieval_search(const struct retrieval *r, struct arena *arena, struct str text,
                        const struct retrieval_skip *skip, struct retrieval_hit *out, size_t max)
{
    if (r->n_groups == 0 || max == 0) {
        return 0;
    }
    struct str normalised = normalise_text(arena, text);
    size_t n;
    struct feature *f = textfeat_of(arena, normalised, &n);
    struct search q = {
        .r = r, .skip = {RETRIEVAL_NONE, RETRIEVAL_NONE}, .skip_doc_group = RETRIEVAL_NONE};
    if (skip != NULL) {
        q.skip = (struct retrieval_skip){doc_by_number(r, skip->doc), skip->group};
        q.skip_doc_group =
            q.skip.doc != RETRIEVAL_NONE ? r->docs[q.skip.doc].group : RETRIEVAL_NONE;
    }
    q.rank = ARENA_ARRAY(arena, float, r->n_docs + 1);
    q.shared = ARENA_ARRAY(arena, float, r->n_docs + 1);
    q.groups = ARENA_ARRAY(arena, struct group_sum, r->n_groups);
    for (size_t i = 0; i < n; i++) {
        search_add(&q, &f[i]);
    }
    return search_collect(&q, arena, normalise_fold(arena, normalised), out, max);
}
