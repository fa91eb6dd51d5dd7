/* Part 0 is the model itself, trained on everything. The others leave one fold out and are asked about it; what they answer gives temperatures and scope tables. With
 * many texts one fold holds enough questions, so the rest is not trained: that is what keeps large sets under ten seconds.
 *
 * Each part is a few jobs (one SVM, some networks). Threads take jobs from one counter, longest first; a job writes to its own place only. */
#include "bot/fit.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "bot/centroid.h"
#include "bot/kernels.h"

#define N_FOLDS 5
#define ENOUGH_QUESTIONS 2000
#define MIN_TEXTS 200  /* below: temperatures that held on other sets */
#define FEW_TEXTS 1000 /* below: grams that occur once count too */
#define MIN_SCOPE_QUESTIONS                                                                        \
    40 /* below: the scope table of all scripts together, or a general one */
#define MAX_THREADS 4
#define UNKNOWN_WEIGHT 0.5F
#define MAX_TENTHS 8

struct fit_options fit_options_default(void)
{
    return (struct fit_options){
        .svm = svm_params_default(), .mlp = mlp_params_default(), .n_nets = 1, .seed = 1};
}

struct part {
    uint32_t *texts; /* trained on */
    uint32_t *labels;
    uint32_t n;
    struct feature_rows *rows;
    struct classifier *classifier;
};

struct job {
    uint32_t part;
    int net; /* -1: the SVM */
};

struct fitting {
    const struct fit_text *texts;
    uint32_t n, n_labels;
    const struct concepts *concepts;
    const struct fit_options *options;
    struct corpus *corpus;
    uint8_t *folds; /* per text */
    struct part parts[N_FOLDS + 1];
    uint32_t n_parts;
    struct job jobs[(N_FOLDS + 1) * (CLASSIFIER_MAX_NETS + 1)];
    uint32_t n_jobs;
    atomic_uint next_job;
};

static bool is_cancelled(const struct fitting *f)
{
    return f->options->is_cancelled != NULL && atomic_load(f->options->is_cancelled);
}

/* Every label spread evenly over the folds, in an order of its own. */
static void assign_folds(struct fitting *f)
{
    struct rng rng;
    rng_init(&rng, f->options->seed ^ 0xF01D);
    uint32_t *order = MEM_NEW_ARRAY(uint32_t, (size_t)f->n + 1);
    uint32_t *seen = MEM_NEW_ARRAY(uint32_t, f->n_labels);
    for (uint32_t i = 0; i < f->n; i++) {
        order[i] = i;
    }
    for (uint32_t i = f->n; i > 1; i--) {
        uint32_t j = (uint32_t)rng_below(&rng, i);
        uint32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
    /* A label starts at a fold of its own, or labels with few texts would all miss the last ones. */
    for (uint32_t i = 0; i < f->n; i++) {
        uint32_t label = f->texts[order[i]].label;
        f->folds[order[i]] = (uint8_t)((seen[label]++ + label) % N_FOLDS);
    }
    mem_free(order);
    mem_free(seen);
}

/* fold < 0: nothing is left out. */
static void part_init(struct fitting *f, struct part *p, int fold)
{
    p->texts = MEM_NEW_ARRAY(uint32_t, (size_t)f->n + 1);
    p->labels = MEM_NEW_ARRAY(uint32_t, (size_t)f->n + 1);
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->folds[i] != fold) {
            p->labels[p->n] = f->texts[i].label;
            p->texts[p->n++] = i;
        }
    }
    struct dictionary *d = dictionary_new(f->corpus, p->texts, p->n, f->n < FEW_TEXTS ? 1 : 2);
    p->rows = dictionary_rows(d, f->corpus, p->texts, p->n);
    uint32_t n_features = dictionary_n(d);
    float *weights = mem_calloc((size_t)n_features + 1, KERNEL_PADDED(f->n_labels) * sizeof(float));
    float *mass = MEM_NEW_ARRAY(float, (size_t)n_features + 1);
    centroid_train(d, p->rows, p->labels, f->n_labels, weights, mass);
    p->classifier = classifier_new(&d, f->n_labels, f->options->mlp.n_hidden, f->options->n_nets);
    classifier_set_centroid(p->classifier, weights, mass);
    mem_free(weights);
    mem_free(mass);
}

static void part_release(struct part *p)
{
    mem_free(p->texts);
    mem_free(p->labels);
    feature_rows_free(&p->rows);
    classifier_free(&p->classifier);
}

/* To bytes at once: the floats are not needed any more, and what is measured is what will run. */
static void job_run(struct fitting *f, const struct job *j)
{
    struct part *p = &f->parts[j->part];
    uint32_t n_features = dictionary_n(classifier_dictionary(p->classifier));
    if (j->net < 0) {
        struct svm_params params = f->options->svm;
        params.seed = f->options->seed;
        float *weights =
            mem_calloc((size_t)n_features + 1, KERNEL_PADDED(f->n_labels) * sizeof(float));
        svm_train(p->rows, p->labels, f->n_labels, &params, f->options->is_cancelled, weights);
        classifier_set_svm(p->classifier, weights);
        mem_free(weights);
        return;
    }
    struct mlp_params params = f->options->mlp;
    params.seed = f->options->seed + (uint64_t)j->net;
    struct mlp *net =
        mlp_train(p->rows, p->labels, n_features, f->n_labels, &params, f->options->is_cancelled);
    classifier_set_net(p->classifier, (uint32_t)j->net, net);
    mlp_free(&net);
}

static void *work(void *arg)
{
    struct fitting *f = arg;
    for (;;) {
        unsigned i = atomic_fetch_add(&f->next_job, 1);
        if (i >= f->n_jobs || is_cancelled(f)) {
            return NULL;
        }
        job_run(f, &f->jobs[i]);
    }
}

static void run_jobs(struct fitting *f)
{
    for (int net = 0; net < (int)f->options->n_nets; net++) {
        for (uint32_t p = 0; p < f->n_parts; p++) {
            f->jobs[f->n_jobs++] = (struct job){p, net};
        }
    }
    for (uint32_t p = 0; p < f->n_parts; p++) {
        f->jobs[f->n_jobs++] = (struct job){p, -1};
    }
    long n_processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n_threads = f->options->n_threads != 0 ? f->options->n_threads
                         : n_processors > 1         ? (uint32_t)n_processors
                                                    : 1;
    n_threads = n_threads > MAX_THREADS ? MAX_THREADS : n_threads;
    pthread_t threads[MAX_THREADS];
    uint32_t n_started = 0;
    while (n_started + 1 < n_threads && pthread_create(&threads[n_started], NULL, work, f) == 0) {
        n_started++;
    }
    (void)work(f);
    for (uint32_t i = 0; i < n_started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

/* ---- calibration ---- */

struct answers {
    float *margins, *logits, *closeness; /* rows of KERNEL_PADDED(n_labels) */
    float *unknown_share;
    uint32_t *labels; /* right ones */
    uint32_t *texts;
    uint32_t n;
};

static void ask_fold(struct fitting *f, uint32_t part, struct answers *a, struct arena *arena)
{
    size_t width = KERNEL_PADDED(f->n_labels);
    const struct classifier *c = f->parts[part].classifier;
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->folds[i] != part - 1) {
            continue;
        }
        arena_reset(arena);
        size_t n_grams;
        struct feature_vector v;
        const struct gram *grams =
            features_of(arena, f->concepts, f->texts[i].normalised, &n_grams);
        dictionary_vector(classifier_dictionary(c), arena, grams, n_grams, &v);
        const struct classifier_scores at = {a->margins + a->n * width, a->logits + a->n * width,
                                             a->closeness + a->n * width};
        classifier_score(c, arena, &v, &at);
        a->unknown_share[a->n] = v.unknown_share;
        a->labels[a->n] = f->texts[i].label;
        a->texts[a->n++] = i;
    }
}

static void to_probabilities(const struct calibration *k, const struct classifier_scores *s,
                             uint32_t n_labels)
{
    const struct kernels *kernels = kernels_get();
    kernels->softmax(s->margins, 1.0F / k->svm_temperature, n_labels);
    kernels->softmax(s->logits, 1.0F / k->net_temperature, n_labels);
    kernels->softmax(s->closeness, 1.0F / k->closeness_temperature, n_labels);
}

/* The mixture of all, as logarithms into logits; the best label. *sure_out: the best probability without BM25, which tells which of our labels is meant, not whether
 * any is. */
static uint32_t mix(const struct calibration *k, const struct classifier_scores *s,
                    uint32_t n_labels, float *sure_out)
{
    uint32_t best = 0;
    float sure = 0;
    to_probabilities(k, s, n_labels);
    for (uint32_t l = 0; l < n_labels; l++) {
        float learnt = 0.5F * (s->margins[l] + s->logits[l]);
        sure = learnt > sure ? learnt : sure;
        s->logits[l] = (1.0F - k->closeness_share) * learnt + k->closeness_share * s->closeness[l];
        best = s->logits[l] > s->logits[best] ? l : best;
    }
    for (uint32_t l = 0; l < n_labels; l++) {
        s->logits[l] = logf(s->logits[l] + 1e-9F);
    }
    *sure_out = sure;
    return best;
}

static float max_of(const float *v, uint32_t n)
{
    float max = v[0];
    for (uint32_t i = 1; i < n; i++) {
        max = v[i] > max ? v[i] : max;
    }
    return max;
}

static float scope_score(enum script script, float max_margin, float unknown_share, float p)
{
    return script == SCRIPT_HAN ? p : max_margin - UNKNOWN_WEIGHT * unknown_share;
}

/* From the quantiles that the public sets showed; until a tenant has enough questions of its own. */
static void general_scope(struct scope *s, enum script script)
{
    float at5 = script == SCRIPT_HAN ? 0.35F : -0.2F;
    float at50 = script == SCRIPT_HAN ? 0.9F : 0.45F;
    *s = (struct scope){0};
    for (int i = 0; i <= SCOPE_STEPS; i++) {
        float rank = (float)i / SCOPE_STEPS;
        s->quantiles[i] = at5 + (rank - 0.05F) / 0.45F * (at50 - at5);
    }
}

/* Log loss of the right labels' probabilities over shares of BM25 in steps of a tenth; the rest of the mixture stays in halves. */
static float best_share(const struct fitting *f, const struct answers *a,
                        const struct calibration *k)
{
    size_t width = KERNEL_PADDED(f->n_labels);
    double loss[MAX_TENTHS + 1] = {0};
    float *rows = MEM_NEW_ARRAY(float, 3 * width);
    const struct classifier_scores s = {rows, rows + width, rows + 2 * width};
    for (uint32_t i = 0; i < a->n; i++) {
        memcpy(s.margins, a->margins + i * width, width * sizeof(float));
        memcpy(s.logits, a->logits + i * width, width * sizeof(float));
        memcpy(s.closeness, a->closeness + i * width, width * sizeof(float));
        to_probabilities(k, &s, f->n_labels);
        double others = 0.5 * (double)(s.margins[a->labels[i]] + s.logits[a->labels[i]]);
        double mine = (double)s.closeness[a->labels[i]];
        for (int t = 0; t <= MAX_TENTHS; t++) {
            loss[t] -= log(others * (1 - t / 10.0) + mine * (t / 10.0) + 1e-9);
        }
    }
    int best = 0;
    for (int t = 1; t <= MAX_TENTHS; t++) {
        best = loss[t] < loss[best] ? t : best;
    }
    mem_free(rows);
    return (float)best / 10.0F;
}

static void calibrate_mixture(const struct fitting *f, const struct answers *a,
                              struct calibration *k)
{
    *k = (struct calibration){.svm_temperature = 0.12F,
                              .net_temperature = 1.0F,
                              .closeness_temperature = 0.06F,
                              .closeness_share = 0.3F};
    if (a->n < MIN_TEXTS) {
        return;
    }
    struct scored s = {a->margins, a->labels, a->n, f->n_labels};
    k->svm_temperature = calibrate_temperature(&s, 0.02F, 1.0F);
    s.scores = a->logits;
    k->net_temperature = calibrate_temperature(&s, 0.2F, 5.0F);
    s.scores = a->closeness;
    k->closeness_temperature = calibrate_temperature(&s, 0.005F, 1.0F);
    k->closeness_share = best_share(f, a, k);
}

/* A mean of three is less sure than it may be. a->logits: logarithms of the mixture. */
static void calibrate_confidence(const struct fitting *f, const struct answers *a,
                                 struct calibration *k, float *confidence)
{
    size_t width = KERNEL_PADDED(f->n_labels);
    const struct scored s = {a->logits, a->labels, a->n, f->n_labels};
    k->mixture_temperature = a->n >= MIN_TEXTS ? calibrate_temperature(&s, 0.3F, 2.0F) : 1.0F;
    for (uint32_t i = 0; i < a->n; i++) {
        float *p = a->logits + i * width;
        kernels_get()->softmax(p, 1.0F / k->mixture_temperature, f->n_labels);
        confidence[a->texts[i]] = max_of(p, f->n_labels);
    }
}

static void calibrate(struct fitting *f, struct answers *a, struct fit_result *out)
{
    size_t width = KERNEL_PADDED(f->n_labels);
    struct calibration *k = &out->calibration;
    calibrate_mixture(f, a, k);
    float *scores[SCRIPT_COUNT];
    uint32_t n[SCRIPT_COUNT] = {0};
    for (int s = 0; s < SCRIPT_COUNT; s++) {
        scores[s] = MEM_NEW_ARRAY(float, (size_t)a->n + 1);
    }
    for (uint32_t i = 0; i < a->n; i++) {
        const struct classifier_scores at = {a->margins + i * width, a->logits + i * width,
                                             a->closeness + i * width};
        float sure;
        float margin = max_of(at.margins, f->n_labels);
        uint32_t best = mix(k, &at, f->n_labels, &sure);
        enum script script = f->texts[a->texts[i]].script;
        scores[script][n[script]++] = scope_score(script, margin, a->unknown_share[i], sure);
        out->check.labels[a->texts[i]] = best;
        out->check.n++;
        out->check.n_right += best == a->labels[i];
    }
    calibrate_confidence(f, a, k, out->check.confidence);
    for (int s = 0; s < SCRIPT_COUNT; s++) {
        if (n[s] >= MIN_SCOPE_QUESTIONS) {
            scope_from(&k->scopes[s], scores[s], n[s]);
        } else {
            general_scope(&k->scopes[s], (enum script)s);
        }
        mem_free(scores[s]);
    }
}

static void check_all(struct fitting *f, struct fit_result *out)
{
    size_t width = KERNEL_PADDED(f->n_labels);
    uint32_t n_asked = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        n_asked += f->folds[i] + 1U < f->n_parts;
        out->check.labels[i] = FIT_UNASKED;
    }
    struct answers a = {.margins = MEM_NEW_ARRAY(float, (n_asked + 1) * width),
                        .logits = MEM_NEW_ARRAY(float, (n_asked + 1) * width),
                        .closeness = MEM_NEW_ARRAY(float, (n_asked + 1) * width),
                        .unknown_share = MEM_NEW_ARRAY(float, (size_t)n_asked + 1),
                        .labels = MEM_NEW_ARRAY(uint32_t, (size_t)n_asked + 1),
                        .texts = MEM_NEW_ARRAY(uint32_t, (size_t)n_asked + 1)};
    ARENA_AUTO arena = arena_new(1 << 16);
    for (uint32_t p = 1; p < f->n_parts; p++) {
        ask_fold(f, p, &a, arena);
    }
    calibrate(f, &a, out);
    mem_free(a.margins);
    mem_free(a.logits);
    mem_free(a.closeness);
    mem_free(a.unknown_share);
    mem_free(a.labels);
    mem_free(a.texts);
}

/* How many folds hold enough questions; none when there is hardly anything to hold back. */
static uint32_t n_folds_for(uint32_t n)
{
    if (n < 2 * N_FOLDS) {
        return 0;
    }
    uint32_t wanted = (ENOUGH_QUESTIONS + n / N_FOLDS - 1) / (n / N_FOLDS);
    return wanted < N_FOLDS ? wanted : N_FOLDS;
}

static struct corpus *corpus_of(const struct fit_text *texts, uint32_t n, uint32_t n_labels,
                                const struct concepts *concepts)
{
    struct corpus_text *in = MEM_NEW_ARRAY(struct corpus_text, (size_t)n + 1);
    for (uint32_t i = 0; i < n; i++) {
        in[i] = (struct corpus_text){texts[i].normalised, texts[i].label};
    }
    struct corpus *c = corpus_new(in, n, n_labels, concepts);
    mem_free(in);
    return c;
}

enum err fit(const struct fit_text *texts, uint32_t n, uint32_t n_labels,
             const struct concepts *concepts, const struct fit_options *options,
             struct fit_result *out)
{
    ASSERT(n > 0 && n_labels > 0 && options->n_nets > 0 && options->n_nets <= CLASSIFIER_MAX_NETS);
    struct fitting f = {
        .texts = texts, .n = n, .n_labels = n_labels, .concepts = concepts, .options = options};
    f.corpus = corpus_of(texts, n, n_labels, concepts);
    f.folds = MEM_NEW_ARRAY(uint8_t, (size_t)n + 1);
    assign_folds(&f);
    f.n_parts = 1 + n_folds_for(n);
    for (uint32_t p = 0; p < f.n_parts; p++) {
        part_init(&f, &f.parts[p], (int)p - 1);
    }
    corpus_free(&f.corpus); /* its memory is needed now */
    run_jobs(&f);
    enum err err = is_cancelled(&f) ? ERR_TIMEOUT : ERR_OK;
    if (err == ERR_OK) {
        *out = (struct fit_result){0};
        out->check.labels = MEM_NEW_ARRAY(uint32_t, (size_t)n + 1);
        out->check.confidence = MEM_NEW_ARRAY(float, (size_t)n + 1);
        check_all(&f, out);
        if (out->calibration.closeness_share <= 0) {
            classifier_drop_centroid(f.parts[0].classifier);
        }
        out->classifier = f.parts[0].classifier;
        f.parts[0].classifier = NULL;
    }
    for (uint32_t p = 0; p < f.n_parts; p++) {
        part_release(&f.parts[p]);
    }
    mem_free(f.folds);
    return err;
}

void fit_result_release(struct fit_result *r)
{
    classifier_free(&r->classifier);
    mem_free(r->check.labels);
    mem_free(r->check.confidence);
    *r = (struct fit_result){0};
}

void fit_read(const struct classifier *c, const struct calibration *k, struct arena *arena,
              const struct gram *grams, size_t n_grams, enum script script, struct reading *out)
{
    uint32_t n_labels = classifier_n_labels(c);
    struct feature_vector v;
    size_t width = KERNEL_PADDED(n_labels);
    float *rows = ARENA_ARRAY(arena, float, 3 * width);
    const struct classifier_scores s = {rows, rows + width, rows + 2 * width};
    float sure;
    dictionary_vector(classifier_dictionary(c), arena, grams, n_grams, &v);
    classifier_score(c, arena, &v, &s);
    float margin = max_of(s.margins, n_labels);
    uint32_t best = mix(k, &s, n_labels, &sure);
    kernels_get()->softmax(s.logits, 1.0F / k->mixture_temperature, n_labels);
    *out = (struct reading){.p = s.logits,
                            .best = best,
                            .scope_score = scope_score(script, margin, v.unknown_share, sure),
                            .unknown_share = v.unknown_share,
                            .n_features = v.n};
}
