#include "bot/model_internal.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "knowledge/normalise.h"

struct model *model_alloc(void)
{
    struct model *m = MEM_NEW(struct model);
    atomic_init(&m->n_refs, 1);
    m->arena = arena_new(0);
    m->concepts = concepts_new();
    return m;
}

struct model *model_ref(struct model *m)
{
    (void)atomic_fetch_add(&m->n_refs, 1);
    return m;
}

void model_unref(struct model **mp)
{
    struct model *m = *mp;
    *mp = NULL;
    if (m == NULL || atomic_fetch_sub(&m->n_refs, 1) > 1) {
        return;
    }
    map_free(&m->exact);
    retrieval_free(&m->thin);
    concepts_free(&m->concepts);
    classifier_free(&m->classifier);
    mem_free(m->thin_phrasings);
    mem_free(m->phrasings);
    mem_free(m->labels);
    mem_free(m->texts);
    arena_free(&m->arena);
    mem_free(m);
}

uint32_t model_n_labels(const struct model *m)
{
    return m->n_labels;
}

struct str model_label(const struct model *m, uint32_t label)
{
    ASSERT(label < m->n_labels);
    return m->labels[label];
}

/* ---- what is made from the phrasings ---- */

/* A phrasing that two labels claim says nothing: it stays in the map as this. */
static const struct model_phrasing disputed_phrasing;

static void *disputed(void)
{
    return (void *)(uintptr_t)&disputed_phrasing;
}

static void index_exact(struct model *m)
{
    m->exact = map_new();
    ARENA_AUTO arena = arena_new(1 << 14);
    for (uint32_t i = 0; i < m->n_phrasings; i++) {
        arena_reset(arena);
        struct str fold = normalise_fold(arena, normalise_text(arena, m->phrasings[i].text));
        if (fold.len == 0) {
            continue;
        }
        struct model_phrasing *there = map_find(m->exact, fold);
        if (there == NULL) {
            (void)map_put(m->exact, fold, &m->phrasings[i]);
        } else if ((void *)there != disputed() && there->label != m->phrasings[i].label) {
            (void)map_put(m->exact, fold, disputed());
        }
    }
    size_t at = 0;
    struct str key;
    void *value;
    VEC(struct str) gone = {0};
    while (map_next(m->exact, &at, &key, &value)) {
        if (value == disputed()) {
            VEC_PUSH(&gone, key);
        }
    }
    for (size_t i = 0; i < gone.len; i++) {
        (void)map_remove(m->exact, gone.items[i]);
    }
    VEC_RELEASE(&gone);
}

static void index_thin(struct model *m)
{
    uint32_t *n_of = MEM_NEW_ARRAY(uint32_t, (size_t)m->n_labels + 1);
    VEC(struct retrieval_doc) docs = {0};
    for (uint32_t i = 0; i < m->n_phrasings; i++) {
        n_of[m->phrasings[i].label]++;
    }
    m->thin_phrasings = MEM_NEW_ARRAY(uint32_t, (size_t)m->n_labels * MODEL_THIN + 1);
    for (uint32_t i = 0; i < m->n_phrasings; i++) {
        if (n_of[m->phrasings[i].label] < MODEL_THIN) {
            m->thin_phrasings[docs.len] = i;
            VEC_PUSH(&docs, ((struct retrieval_doc){.group = m->phrasings[i].label,
                                                    .text = m->phrasings[i].text}));
        }
    }
    if (docs.len > 0) {
        m->thin = retrieval_new(docs.items, docs.len, NULL);
    }
    VEC_RELEASE(&docs);
    mem_free(n_of);
}

void model_index(struct model *m)
{
    index_exact(m);
    index_thin(m);
}

/* ---- training ---- */

static enum err check_example(const struct model_example *e, size_t i, struct errinfo *info)
{
    char field[64];
    bool is_label = e->label.len == 0 || e->label.len > MODEL_MAX_LABEL || !utf8_is_valid(e->label);
    struct str s = is_label ? e->label : e->text;
    (void)snprintf(field, sizeof(field), "examples[%zu].%s", i, is_label ? "label" : "text");
    if (s.len == 0) {
        return err_set(info, ERR_INVALID, field, "empty", "nothing is there");
    }
    if (s.len > (is_label ? MODEL_MAX_LABEL : MODEL_MAX_TEXT)) {
        return err_set(info, ERR_LIMIT, field, "too_long", "longer than %d bytes",
                       is_label ? MODEL_MAX_LABEL : MODEL_MAX_TEXT);
    }
    if (!utf8_is_valid(s) || str_find_char(s, '\0') != SIZE_MAX) {
        return err_set(info, ERR_INVALID, field, "bad_text", "not UTF-8");
    }
    return ERR_OK;
}

/* Labels get numbers in the order they come. */
static enum err take_examples(struct model *m, const struct model_example *examples, size_t n,
                              struct errinfo *info)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        enum err err = check_example(&examples[i], i, info);
        if (err != ERR_OK) {
            return err;
        }
        n_bytes += examples[i].text.len;
    }
    struct map *numbers = map_new();
    m->texts = mem_alloc(n_bytes + 1);
    m->phrasings = MEM_NEW_ARRAY(struct model_phrasing, n + 1);
    m->labels = MEM_NEW_ARRAY(struct str, CLASSIFIER_MAX_LABELS);
    enum err err = ERR_OK;
    char *at = m->texts;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        uintptr_t number = (uintptr_t)map_find(numbers, examples[i].label);
        if (number == 0 && m->n_labels == CLASSIFIER_MAX_LABELS) {
            err = err_set(info, ERR_LIMIT, "examples", "too_many_labels", "more than %d labels",
                          CLASSIFIER_MAX_LABELS);
            break;
        }
        if (number == 0) {
            m->labels[m->n_labels++] = str_dup(m->arena, examples[i].label);
            number = m->n_labels;
            (void)map_put(numbers, examples[i].label, (void *)number);
        }
        memcpy(at, examples[i].text.p, examples[i].text.len);
        m->phrasings[m->n_phrasings++] =
            (struct model_phrasing){{at, examples[i].text.len}, (uint32_t)number - 1};
        at += examples[i].text.len;
    }
    map_free(&numbers);
    if (err == ERR_OK && m->n_labels < 2) {
        err = err_set(info, ERR_INVALID, "examples", "too_few_labels", "fewer than two labels");
    }
    return err;
}

enum script model_script(struct str normalised)
{
    return lang_of_text(normalised, LANG_EN) == LANG_ZH_CN ? SCRIPT_HAN : SCRIPT_LATIN;
}

static enum err fit_phrasings(struct model *m, const struct fit_options *options,
                              struct fit_result *out)
{
    struct fit_text *texts = MEM_NEW_ARRAY(struct fit_text, (size_t)m->n_phrasings + 1);
    VEC(struct arena *) arenas = {0};
    struct arena *scratch = arena_new(1 << 14);
    for (uint32_t i = 0; i < m->n_phrasings; i++) {
        if (i % 10000 == 0) { /* an arena has a cap */
            VEC_PUSH(&arenas, arena_new(1 << 16));
        }
        arena_reset(scratch);
        struct str normalised =
            str_dup(arenas.items[arenas.len - 1], normalise_text(scratch, m->phrasings[i].text));
        texts[i] = (struct fit_text){normalised, m->phrasings[i].label, model_script(normalised)};
    }
    struct fit_options defaults = fit_options_default();
    enum err err = fit(texts, m->n_phrasings, m->n_labels, m->concepts,
                       options != NULL ? options : &defaults, out);
    for (size_t i = 0; i < arenas.len; i++) {
        arena_free(&arenas.items[i]);
    }
    VEC_RELEASE(&arenas);
    arena_free(&scratch);
    mem_free(texts);
    return err;
}

/* The worst pair among labels that were asked at least five times. */
static void report_confusion(const struct model *m, const struct fit_check *check,
                             struct model_report *report)
{
    uint32_t *taken = MEM_NEW_ARRAY(uint32_t, m->n_labels);
    for (uint32_t label = 0; label < m->n_labels; label++) {
        uint32_t n = 0;
        memset(taken, 0, m->n_labels * sizeof(*taken));
        for (uint32_t i = 0; i < m->n_phrasings; i++) {
            if (m->phrasings[i].label == label && check->labels[i] != FIT_UNASKED) {
                taken[check->labels[i]]++;
                n++;
            }
        }
        for (uint32_t other = 0; other < m->n_labels && n >= 5; other++) {
            double share = (double)taken[other] / n;
            if (other != label && share > report->confused_share) {
                report->confused_share = share;
                report->confused = m->labels[label];
                report->taken_for = m->labels[other];
            }
        }
    }
    mem_free(taken);
}

enum err model_train(const struct model_example *examples, size_t n,
                     const struct fit_options *options, struct model **out,
                     struct model_report *report, struct errinfo *info)
{
    if (n == 0) {
        return err_set(info, ERR_INVALID, "examples", "empty", "no examples");
    }
    if (n > MODEL_MAX_EXAMPLES) {
        return err_set(info, ERR_LIMIT, "examples", "too_many", "more than %d examples",
                       MODEL_MAX_EXAMPLES);
    }
    struct model *m = model_alloc();
    struct fit_result result = {0};
    enum err err = take_examples(m, examples, n, info);
    if (err == ERR_OK) {
        err = fit_phrasings(m, options, &result);
    }
    if (err != ERR_OK) {
        model_unref(&m);
        return err;
    }
    m->classifier = result.classifier;
    result.classifier = NULL;
    m->calibration = result.calibration;
    model_index(m);
    if (report != NULL) {
        *report =
            (struct model_report){.n_examples = (uint32_t)n,
                                  .n_labels = m->n_labels,
                                  .n_features = dictionary_n(classifier_dictionary(m->classifier)),
                                  .n_checked = result.check.n,
                                  .n_right = result.check.n_right};
        report_confusion(m, &result.check, report);
    }
    fit_result_release(&result);
    *out = m;
    return ERR_OK;
}
