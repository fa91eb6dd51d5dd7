/* Kernels, features, dictionary, SVM, network, calibration, figures: the parts that a model is made of. */
#include "unit.h"

#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "bot/calibrate.h"
#include "bot/centroid.h"
#include "bot/corpus.h"
#include "bot/dictionary.h"
#include "bot/evaluate.h"
#include "bot/kernels.h"
#include "bot/mlp.h"
#include "bot/svm.h"

/* ---- kernels ---- */

#define N 96

static void fast_and_plain_agree_to_the_bit(void **state)
{
    UNUSED(state);
    struct rng rng;
    unit_rng(&rng, "kernels");
    const struct kernels *k[2] = {kernels_plain(), kernels_get()};
    for (int round = 0; round < 200; round++) {
        float x[N];
        float y[2][N];
        float acc[2][N];
        int8_t b[N];
        for (int i = 0; i < N; i++) {
            x[i] = (float)rng_unit(&rng) * 20.0F - 10.0F;
            b[i] = (int8_t)(rng_below(&rng, 255) - 127);
            y[0][i] = y[1][i] = (float)rng_unit(&rng) * 4.0F - 2.0F;
            acc[0][i] = acc[1][i] = (float)rng_unit(&rng);
        }
        float a = (float)rng_unit(&rng);
        float dots[2];
        for (int j = 0; j < 2; j++) {
            k[j]->axpy(y[j], x, a, N);
            k[j]->axpy_i8(y[j], b, a * 0.01F, N);
            k[j]->adagrad(y[j], acc[j], x, a, 0.05F, N);
            dots[j] = k[j]->dot(x, y[j], N);
            k[j]->softmax(y[j], 0.7F, N - 5);
        }
        assert_memory_equal(y[0], y[1], sizeof(y[0]));
        assert_memory_equal(acc[0], acc[1], sizeof(acc[0]));
        assert_memory_equal(&dots[0], &dots[1], sizeof(float));
    }
}

static void softmax_is_the_real_one(void **state)
{
    UNUSED(state);
    for (double d = 0; d < 70; d += 0.37) {
        float z[16] = {0, (float)-d, 9, 9, 9};
        kernels_get()->softmax(z, 1.0F, 2);
        double want = exp((double)(float)-d);
        assert_true(fabs((double)z[1] / ((double)z[0] * want) - 1) < 1e-6);
        assert_true(fabs((double)(z[0] + z[1]) - 1) < 1e-6);
        assert_true(z[2] == 0 && z[15] == 0); /* padding */
    }
}

/* ---- features ---- */

static void grams_are_counted_as_said(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        size_t n_word, n_letters;
    } cases[] = {
        {"", 0, 0},
        {"a", 1, 3},     /* ^a a$ ^a$ */
        {"card", 1, 12}, /* ^card$: 5 pairs, 4 triples, 3 fours */
        {"my card", 3, 6 + 12},
        {"充值", 0, 3},
        {"充值没", 0, 6},
        {"充值 没", 0, 3 + 1},
        {"usdt充值", 1, 12 + 3},
        {"<txid>", 1, 0},
        {"提币<amount>usdt", 3, 3 + 12}, /* <amount>, usdt and their pair */
        {"<txid><amount>", 3, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        size_t n;
        size_t n_of[BLOCK_COUNT] = {0};
        const struct gram *g = features_of(arena, NULL, str_from(cases[i].text), &n);
        for (size_t j = 0; j < n; j++) {
            n_of[gram_block_of(g[j].kind)]++;
        }
        assert_case(n_of[BLOCK_WORDS] == cases[i].n_word, cases[i].text);
        assert_case(n_of[BLOCK_CHARACTERS] == cases[i].n_letters, cases[i].text);
    }
}

static void kinds_do_not_mix(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    size_t n;
    size_t n_other;
    const struct gram *a = features_of(arena, NULL, STR("ab cd"), &n);
    const struct gram *b = features_of(arena, NULL, STR("cd ab"), &n_other);
    assert_int_equal(n, n_other);
    size_t n_shared = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            n_shared += a[i].hash == b[j].hash;
        }
    }
    assert_int_equal(n_shared, n - 1); /* all but the pair */
}

/* ---- dictionary ---- */

static const struct corpus_text texts[] = {
    {STR_INIT("where is my card"), 0},       {STR_INIT("my card my card is late"), 0},
    {STR_INIT("top up failed"), 1},          {STR_INIT("充值 failed 充值没到账"), 1},
    {STR_INIT("why did my top up fail"), 1},
};
#define N_TEXTS ((uint32_t)ARRAY_LEN(texts))

static void both_ways_give_the_same_vector(void **state)
{
    UNUSED(state);
    struct corpus *c = corpus_new(texts, N_TEXTS, 2, NULL);
    uint32_t all[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        all[i] = i;
    }
    for (uint32_t min = 1; min <= 2; min++) {
        struct dictionary *d = dictionary_new(c, all, N_TEXTS, min);
        struct feature_rows *rows = dictionary_rows(d, c, all, N_TEXTS);
        for (uint32_t i = 0; i < N_TEXTS; i++) {
            ARENA_AUTO arena = arena_new(0);
            size_t n;
            struct feature_vector v;
            const struct gram *g = features_of(arena, NULL, texts[i].normalised, &n);
            dictionary_vector(d, arena, g, n, &v);
            assert_int_equal(v.n, rows->starts[i + 1] - rows->starts[i]);
            assert_memory_equal(v.values, rows->values + rows->starts[i], v.n * sizeof(*v.values));
            assert_true(fabsf(v.unknown_share - rows->unknown_share[i]) < 1e-6F);
            assert_true(min == 2 || v.unknown_share == 0);
        }
        feature_rows_free(&rows);
        dictionary_free(&d);
    }
    corpus_free(&c);
}

static void what_is_unknown_is_weighed(void **state)
{
    UNUSED(state);
    struct corpus *c = corpus_new(texts, N_TEXTS, 2, NULL);
    uint32_t first_three[] = {0, 1, 2};
    struct dictionary *d = dictionary_new(c, first_three, 3, 1);
    static const struct {
        const char *text;
        float low, high;
    } cases[] = {{"my card", 0, 0},
                 {"zebra", 1, 1},
                 {"", 0, 0},
                 {"my zebra", 0.6F, 0.8F}, /* zebra and the pair */
                 {"充值", 0, 0}};          /* no words: nothing is said */
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        size_t n;
        struct feature_vector v;
        const struct gram *g = features_of(arena, NULL, str_from(cases[i].text), &n);
        dictionary_vector(d, arena, g, n, &v);
        assert_case(v.unknown_share >= cases[i].low && v.unknown_share <= cases[i].high,
                    cases[i].text);
    }
    dictionary_free(&d);
    corpus_free(&c);
}

/* BM25 by hand for one word, and its bound for all. */
static void closeness_is_bm25(void **state)
{
    UNUSED(state);
    struct corpus *c = corpus_new(texts, N_TEXTS, 2, NULL);
    uint32_t all[N_TEXTS];
    uint32_t labels[N_TEXTS];
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        all[i] = i;
        labels[i] = texts[i].label;
    }
    struct dictionary *d = dictionary_new(c, all, N_TEXTS, 1);
    struct feature_rows *rows = dictionary_rows(d, c, all, N_TEXTS);
    uint32_t n = dictionary_n(d);
    float *w = MEM_NEW_ARRAY(float, n *KERNEL_LANES);
    float *mass = MEM_NEW_ARRAY(float, n);
    centroid_train(d, rows, labels, 2, w, mass);
    ARENA_AUTO arena = arena_new(0);
    size_t n_grams;
    uint32_t up = dictionary_find(d, features_of(arena, NULL, STR("up"), &n_grams)[0].hash);
    /* "up" is in two texts of label 1 only. Label 0 has 4 + 4 different words and characters, label 1 has 3 + 6 + 6. */
    double idf = log(1 + 1.5 / 1.5);
    double k = 3 * (0.6 + 0.4 * 15 / 11.5);
    assert_true(w[up * KERNEL_LANES] == 0);
    assert_true(fabs((double)w[up * KERNEL_LANES + 1] - idf * 2 * 4 / (2 + k)) < 1e-5);
    assert_true(fabs((double)mass[up] - idf * 4) < 1e-5);
    for (uint32_t f = 0; f < n; f++) {
        for (uint32_t l = 0; l < 2; l++) {
            assert_true(w[f * KERNEL_LANES + l] >= 0 && w[f * KERNEL_LANES + l] < mass[f]);
        }
    }
    mem_free(w);
    mem_free(mass);
    feature_rows_free(&rows);
    dictionary_free(&d);
    corpus_free(&c);
}

static void a_bad_dictionary_is_refused(void **state)
{
    UNUSED(state);
    uint64_t hashes[] = {5, 6, 5};
    uint8_t kinds[] = {0, 1, 0};
    float idf[] = {1, 2, 1};
    struct dictionary *d = NULL;
    assert_err(dictionary_from(hashes, kinds, idf, 3, 2, &d), ERR_INVALID);
    hashes[2] = 7;
    idf[1] = NAN;
    assert_err(dictionary_from(hashes, kinds, idf, 3, 2, &d), ERR_INVALID);
    idf[1] = 2;
    kinds[0] = GRAM_KIND_COUNT;
    assert_err(dictionary_from(hashes, kinds, idf, 3, 2, &d), ERR_INVALID);
    kinds[0] = 0;
    assert_err(dictionary_from(hashes, kinds, idf, 3, 0, &d), ERR_INVALID);
    assert_ok(dictionary_from(hashes, kinds, idf, 3, 2, &d));
    assert_int_equal(dictionary_find(d, 7), 2);
    assert_int_equal(dictionary_find(d, 8), DICTIONARY_NONE);
    dictionary_free(&d);
}

/* ---- learning ---- */

/* Points with the features in their bits, both weights 1. */
static struct feature_rows *rows_of_bits(const uint32_t *bits, uint32_t n)
{
    struct feature_rows *r = MEM_NEW(struct feature_rows);
    r->n = n;
    r->values = MEM_NEW_ARRAY(struct feature_value, n * 8);
    r->starts = MEM_NEW_ARRAY(uint32_t, n + 1);
    r->unknown_share = MEM_NEW_ARRAY(float, n);
    uint32_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        r->starts[i] = at;
        for (uint32_t f = 0; f < 8; f++) {
            if ((bits[i] >> f & 1) != 0) {
                r->values[at++] = (struct feature_value){f, 1.0F, 1.0F};
            }
        }
    }
    r->starts[n] = at;
    return r;
}

static void the_svm_keeps_its_margins(void **state)
{
    UNUSED(state);
    /* Class = which of the first three features is there; the others are noise. */
    uint32_t bits[60];
    uint32_t labels[60];
    for (uint32_t i = 0; i < 60; i++) {
        labels[i] = i % 3;
        bits[i] = 1U << labels[i] | (i * 7 % 32) << 3;
    }
    struct feature_rows *rows = rows_of_bits(bits, 60);
    float w[8 * KERNEL_LANES] = {0};
    struct svm_params p = svm_params_default();
    p.c = 100;
    p.eps = 0.001F;
    p.n_passes = 2000;
    svm_train(rows, labels, 3, &p, NULL, w);
    for (uint32_t i = 0; i < 60; i++) {
        float score[3] = {0};
        for (uint32_t j = rows->starts[i]; j < rows->starts[i + 1]; j++) {
            for (int m = 0; m < 3; m++) {
                score[m] += w[rows->values[j].feature * KERNEL_LANES + (uint32_t)m];
            }
        }
        for (uint32_t m = 0; m < 3; m++) {
            assert_true(m == labels[i] || score[labels[i]] - score[m] > 0.99F);
        }
    }
    /* Weights of all classes sum to nothing for each feature: the dual's constraint. */
    for (int f = 0; f < 8; f++) {
        float sum = 0;
        for (int m = 0; m < 3; m++) {
            sum += w[f * KERNEL_LANES + m];
        }
        assert_true(fabsf(sum) < 1e-4F);
    }
    feature_rows_free(&rows);
}

static uint32_t mlp_best(const struct mlp *m, const struct feature_rows *rows, uint32_t i)
{
    float hidden[64];
    float out[KERNEL_LANES];
    memcpy(hidden, m->in_bias, m->n_hidden * sizeof(float));
    memcpy(out, m->out_bias, sizeof(out));
    for (uint32_t j = rows->starts[i]; j < rows->starts[i + 1]; j++) {
        kernels_get()->axpy(hidden, m->in + rows->values[j].feature * m->n_hidden,
                            rows->values[j].tf, m->n_hidden);
    }
    for (uint32_t h = 0; h < m->n_hidden; h++) {
        kernels_get()->axpy(out, m->out + h * KERNEL_LANES, fmaxf(hidden[h], 0), KERNEL_LANES);
    }
    return out[1] > out[0];
}

static void the_network_learns_what_no_line_divides(void **state)
{
    UNUSED(state);
    uint32_t bits[80];
    uint32_t labels[80];
    for (uint32_t i = 0; i < 80; i++) {
        bits[i] = (i & 3) | 4;
        labels[i] = (i & 1) ^ (i >> 1 & 1);
    }
    struct feature_rows *rows = rows_of_bits(bits, 80);
    struct mlp_params p = mlp_params_default();
    p.n_hidden = 32;
    p.n_epochs = 60;
    p.feature_drop = 0;
    p.hidden_drop = 0;
    struct mlp *m = mlp_train(rows, labels, 8, 2, &p, NULL);
    struct mlp *again = mlp_train(rows, labels, 8, 2, &p, NULL);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(mlp_best(m, rows, i), labels[i]);
    }
    assert_memory_equal(m->in, again->in, 8 * 32 * sizeof(float));
    assert_memory_equal(m->out, again->out, 32 * KERNEL_LANES * sizeof(float));
    mlp_free(&m);
    mlp_free(&again);
    feature_rows_free(&rows);
}

/* ---- calibration ---- */

static void the_temperature_is_found(void **state)
{
    UNUSED(state);
    struct rng rng;
    unit_rng(&rng, "temperature");
    enum { QUESTIONS = 4000, LABELS = 5 };
    float *scores = MEM_NEW_ARRAY(float, QUESTIONS *KERNEL_LANES);
    uint32_t *labels = MEM_NEW_ARRAY(uint32_t, QUESTIONS);
    for (uint32_t i = 0; i < QUESTIONS; i++) {
        float p[KERNEL_LANES] = {0};
        float *row = scores + i * KERNEL_LANES;
        for (int l = 0; l < LABELS; l++) {
            row[l] = p[l] = (float)rng_unit(&rng);
        }
        /* Drawn as if the true temperature were 0.25. */
        kernels_get()->softmax(p, 4.0F, LABELS);
        double u = rng_unit(&rng);
        while (labels[i] + 1 < LABELS && u > (double)p[labels[i]]) {
            u -= (double)p[labels[i]++];
        }
    }
    struct scored s = {scores, labels, QUESTIONS, LABELS};
    float t = calibrate_temperature(&s, 0.02F, 5.0F);
    assert_true(t > 0.21F && t < 0.30F);
    mem_free(scores);
    mem_free(labels);
}

static void the_rank_is_the_share_below(void **state)
{
    UNUSED(state);
    struct scope s;
    float scores[1001];
    for (int i = 0; i <= 1000; i++) {
        scores[i] = (float)((i * 7919) % 1001) / 1000.0F;
    }
    scope_from(&s, scores, 1001);
    for (int i = 0; i <= 100; i++) {
        float score = (float)i / 100.0F;
        assert_true(fabsf(scope_rank(&s, score) - score) < 1e-3F);
    }
    assert_true(scope_rank(&s, -1) == 0 && scope_rank(&s, 2) == 1 && scope_rank(&s, NAN) == 0);
    assert_true(fabsf(scope_standard(&s, 0.05F)) < 1e-3F);
    assert_true(fabsf(scope_standard(&s, 0.5F) - 1) < 1e-3F);
    /* All the same: below is below, above is above. */
    float same[50] = {0};
    scope_from(&s, same, 50);
    assert_true(scope_rank(&s, -0.1F) == 0 && scope_rank(&s, 0.1F) == 1);
}

/* ---- figures ---- */

static void figures_are_counted_by_the_book(void **state)
{
    UNUSED(state);
    const struct judged j[] = {
        {0, 0, 0.9F}, {0, 1, 0.6F}, {1, 1, 0.8F}, {2, 2, 0.5F}, {UINT32_MAX, 2, 0.3F}};
    assert_true(fabs(evaluate_accuracy(j, 5) - 0.6) < 1e-9);
    /* F1: 2/3, 2/3, 2/3, and 0 for what the model does not know. */
    assert_true(fabs(evaluate_macro_f1(j, 5, 3) - 0.5) < 1e-9);
    /* Five bins with one each: .1 + .6 + .2 + .5 + .3 over 5. */
    assert_true(fabs(evaluate_ece(j, 5) - 0.34) < 1e-6);
    float in[] = {0.9F, 0.4F, 0.5F};
    float out[] = {0.1F, 0.5F};
    assert_true(fabs(evaluate_auroc(in, 3, out, 2) - 4.5 / 6) < 1e-9);
    const uint32_t ranks[] = {1, 2, 0, 5, 10, 6};
    struct ranking_figures r = evaluate_ranking(ranks, 6);
    assert_true(fabs(r.recall_at_1 - 1.0 / 6) < 1e-9 && fabs(r.recall_at_5 - 0.5) < 1e-9);
    assert_true(fabs(r.mrr_at_10 - (1 + 0.5 + 0.2 + 0.1 + 1.0 / 6) / 6) < 1e-9);
    assert_true(evaluate_accuracy(j, 0) == 0 && evaluate_ece(j, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fast_and_plain_agree_to_the_bit),
        cmocka_unit_test(softmax_is_the_real_one),
        cmocka_unit_test(grams_are_counted_as_said),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(both_ways_give_the_same_vector),
        cmocka_unit_test(what_is_unknown_is_weighed),
        cmocka_unit_test(closeness_is_bm25),
        cmocka_unit_test(a_bad_dictionary_is_refused),
        cmocka_unit_test(the_svm_keeps_its_margins),
        cmocka_unit_test(the_network_learns_what_no_line_divides),
        cmocka_unit_test(the_temperature_is_found),
        cmocka_unit_test(the_rank_is_the_share_below),
        cmocka_unit_test(figures_are_counted_by_the_book),
    };
    return cmocka_run_group_tests_name("learning", tests, NULL, NULL);
}
