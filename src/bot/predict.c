/* Thin labels: what Jaccard says is turned into a probability (measured on question pairs: half of those at 0.5 are right, nine of ten at 0.8), and the better of
 * the two ways wins. */
#include "base/check.h"
#include "bot/kernels.h"
#include "bot/model_internal.h"
#include "knowledge/normalise.h"

const char *model_by_name(enum model_by by)
{
    static const char *const names[] = {[MODEL_BY_EXACT] = "exact",
                                        [MODEL_BY_RETRIEVAL] = "retrieval",
                                        [MODEL_BY_CLASSIFIER] = "classifier",
                                        [MODEL_BY_NOTHING] = "nothing"};
    return names[by];
}

static void top_insert(struct model_prediction *out, uint32_t label, float p)
{
    uint32_t at = out->n_top;
    while (at > 0 && p > out->top[at - 1].p) {
        at--;
    }
    if (at >= MODEL_TOP) {
        return;
    }
    out->n_top += out->n_top < MODEL_TOP;
    for (uint32_t i = out->n_top - 1; i > at; i--) {
        out->top[i] = out->top[i - 1];
    }
    out->top[at] = (struct model_answer){label, p};
}

/* `sure` is put first with its probability; the rest keep their proportions in what is left. */
static void put_first(const struct model *m, float *p, uint32_t label, float sure)
{
    float others = 1.0F - p[label];
    float scale = others > 1e-6F ? (1.0F - sure) / others : 0;
    for (uint32_t l = 0; l < m->n_labels; l++) {
        p[l] = l == label ? sure : p[l] * scale;
    }
}

static float probability_of(double jaccard)
{
    static const double points[][2] = {
        {0.2, 0.05}, {0.35, 0.25}, {0.5, 0.5}, {0.8, 0.9}, {1, 0.99}};
    if (jaccard <= points[0][0]) {
        return 0;
    }
    for (size_t i = 1; i < ARRAY_LEN(points); i++) {
        if (jaccard <= points[i][0]) {
            double part = (jaccard - points[i - 1][0]) / (points[i][0] - points[i - 1][0]);
            return (float)(points[i - 1][1] + part * (points[i][1] - points[i - 1][1]));
        }
    }
    return 0.99F;
}

/* Lifts a thin label that comes closer than the classifier is sure. */
static bool ask_retrieval(const struct model *m, struct arena *arena, struct str text,
                          struct reading *r, struct model_prediction *out)
{
    struct retrieval_hit hits[2];
    size_t n = retrieval_search(m->thin, arena, text, NULL, hits, 2);
    if (n == 0) {
        return false;
    }
    size_t best = n > 1 && hits[1].signals.jaccard > hits[0].signals.jaccard ? 1 : 0;
    float sure = probability_of(hits[best].signals.jaccard);
    if (sure <= r->p[r->best]) {
        return false;
    }
    put_first(m, r->p, hits[best].group, sure);
    out->by = MODEL_BY_RETRIEVAL;
    out->phrasing = m->phrasings[m->thin_phrasings[hits[best].doc]].text;
    out->scope_rank = sure;
    out->scope_score = 2.0F * sure;
    return true;
}

void model_predict(const struct model *m, struct arena *arena, struct str text,
                   struct model_prediction *out)
{
    struct str normalised = normalise_text(arena, text);
    size_t n_grams;
    const struct gram *grams = features_of(arena, m->concepts, normalised, &n_grams);
    struct reading r;
    *out = (struct model_prediction){.script = model_script(normalised)};
    fit_read(m->classifier, &m->calibration, arena, grams, n_grams, out->script, &r);
    out->by = r.n_features > 0 ? MODEL_BY_CLASSIFIER : MODEL_BY_NOTHING;
    const struct scope *scope = &m->calibration.scopes[out->script];
    out->scope_score = r.n_features > 0 ? scope_standard(scope, r.scope_score) : -10.0F;
    out->scope_rank = r.n_features > 0 ? scope_rank(scope, r.scope_score) : 0;
    out->unknown_share = r.unknown_share;
    struct str fold = normalise_fold(arena, normalised);
    const struct model_phrasing *exact = fold.len > 0 ? map_find(m->exact, fold) : NULL;
    if (exact != NULL) {
        put_first(m, r.p, exact->label, 0.999F);
        out->by = MODEL_BY_EXACT;
        out->phrasing = exact->text;
        out->scope_rank = 1.0F;
        out->scope_score = 2.0F;
    } else if (m->thin != NULL) {
        (void)ask_retrieval(m, arena, text, &r, out);
    }
    for (uint32_t l = 0; l < m->n_labels; l++) {
        if (out->n_top < MODEL_TOP || r.p[l] > out->top[MODEL_TOP - 1].p) {
            top_insert(out, l, r.p[l]);
        }
    }
}
