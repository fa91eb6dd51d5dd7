/* `stablehand bot eval`: trains, asks, counts. Everything that is measured runs in this process on one model, as the desk would; questions per second is one thread over
 * the test file. `faq-eval`: the search alone, over stored questions. */
#include <stdio.h>
#include <sys/resource.h>

#include "app/bot_files.h"
#include "base/check.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "bot/evaluate.h"
#include "knowledge/knowledge.h"
#include "knowledge/retrieval.h"

static double peak_mb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024.0 : 0;
}

struct label_numbers {
    struct map *map; /* label -> number + 1 */
};

static struct label_numbers numbers_of(const struct model *m)
{
    struct label_numbers n = {map_new()};
    for (uint32_t l = 0; l < model_n_labels(m); l++) {
        (void)map_put(n.map, model_label(m, l), (void *)((uintptr_t)l + 1));
    }
    return n;
}

static uint32_t number_of(const struct label_numbers *n, struct str label)
{
    return (uint32_t)(uintptr_t)map_find(n->map, label) - 1;
}

struct figures {
    double accuracy, macro_f1, ece, oos_auroc, in_scope_accuracy, oos_recall;
    double train_s, questions_per_s, peak_mb;
    bool has_oos;
};

struct asked {
    struct judged *judged;
    float *scope_scores, *scope_ranks;
    size_t n;
};

static void ask_all(const struct model *m, const struct dataset *set, struct asked *out)
{
    struct label_numbers numbers = numbers_of(m);
    ARENA_AUTO arena = arena_new(1 << 16);
    out->n = set->rows.len;
    out->judged = MEM_NEW_ARRAY(struct judged, out->n + 1);
    out->scope_scores = MEM_NEW_ARRAY(float, out->n + 1);
    out->scope_ranks = MEM_NEW_ARRAY(float, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        struct model_prediction p;
        arena_reset(arena);
        model_predict(m, arena, set->rows.items[i].text, &p);
        out->judged[i] = (struct judged){number_of(&numbers, set->rows.items[i].label),
                                         p.top[0].label, p.top[0].p};
        out->scope_scores[i] = p.scope_score;
        out->scope_ranks[i] = p.scope_rank;
    }
    map_free(&numbers.map);
}

static void asked_release(struct asked *a)
{
    mem_free(a->judged);
    mem_free(a->scope_scores);
    mem_free(a->scope_ranks);
}

/* Whole rounds over the file until half a second has passed. */
static double questions_per_s(const struct model *m, const struct dataset *set)
{
    ARENA_AUTO arena = arena_new(1 << 16);
    int64_t started = time_monotonic_ns();
    int64_t passed = 0;
    size_t n = 0;
    while (passed < 500000000 && set->rows.len > 0) {
        for (size_t i = 0; i < set->rows.len; i++) {
            struct model_prediction p;
            arena_reset(arena);
            model_predict(m, arena, set->rows.items[i].text, &p);
        }
        n += set->rows.len;
        passed = time_monotonic_ns() - started;
    }
    return passed > 0 ? (double)n * 1e9 / (double)passed : 0;
}

static void count(struct asked *in, struct asked *out_of, uint32_t n_labels, double reject,
                  struct figures *f)
{
    size_t n_right = 0;
    size_t n_rejected = 0;
    f->accuracy = evaluate_accuracy(in->judged, in->n);
    f->macro_f1 = evaluate_macro_f1(in->judged, in->n, n_labels);
    f->ece = evaluate_ece(in->judged, in->n);
    for (size_t i = 0; i < in->n; i++) {
        n_right +=
            in->judged[i].wanted == in->judged[i].got && (double)in->scope_ranks[i] >= reject;
    }
    for (size_t i = 0; i < out_of->n; i++) {
        n_rejected += (double)out_of->scope_ranks[i] < reject;
    }
    f->in_scope_accuracy = in->n > 0 ? (double)n_right / (double)in->n : 0;
    f->has_oos = out_of->n > 0;
    f->oos_recall = f->has_oos ? (double)n_rejected / (double)out_of->n : 0;
    f->oos_auroc = evaluate_auroc(in->scope_scores, in->n, out_of->scope_scores, out_of->n);
}

static void put_figure(struct json_writer *w, const char *key, double value, bool is_there)
{
    json_put_key(w, key);
    if (is_there) {
        json_put_double(w, value);
    } else {
        json_put_null(w);
    }
}

static void print_json(const struct figures *f)
{
    BUF_AUTO buf;
    struct json_writer w;
    buf_init(&buf, 4096);
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    put_figure(&w, "accuracy", f->accuracy, true);
    put_figure(&w, "macro_f1", f->macro_f1, true);
    put_figure(&w, "ece", f->ece, true);
    put_figure(&w, "oos_auroc", f->oos_auroc, f->has_oos);
    put_figure(&w, "in_scope_accuracy_at_5", f->in_scope_accuracy, true);
    put_figure(&w, "oos_recall_at_5", f->oos_recall, f->has_oos);
    put_figure(&w, "train_s", f->train_s, true);
    put_figure(&w, "questions_per_s", f->questions_per_s, true);
    put_figure(&w, "peak_mb", f->peak_mb, true);
    json_object_end(&w);
    printf(STR_FMT "\n", STR_ARG(buf_str(&buf)));
}

static void print_table(const struct figures *f)
{
    printf("accuracy                       %6.2f %%\n", 100 * f->accuracy);
    printf("macro F1                       %6.2f %%\n", 100 * f->macro_f1);
    printf("expected calibration error     %6.3f\n", f->ece);
    printf("with 5 %% of known questions rejected:\n");
    printf("  in-scope accuracy            %6.2f %%\n", 100 * f->in_scope_accuracy);
    if (f->has_oos) {
        printf("  out of scope recognised      %6.2f %%\n", 100 * f->oos_recall);
        printf("out-of-scope AUROC             %6.3f\n", f->oos_auroc);
    }
    printf("training                       %6.2f s\n", f->train_s);
    printf("questions per second           %6.0f\n", f->questions_per_s);
    printf("peak memory                    %6.1f MB\n", f->peak_mb);
}

static bool read_sets(const struct bot_args *a, struct bot_data *train, struct bot_data *test,
                      struct bot_data *oos)
{
    bool is_ok = true;
    for (size_t i = 0; i < a->n_files && is_ok; i++) {
        is_ok = bot_data_read(train, a->files[i]);
    }
    is_ok = is_ok && bot_data_read(test, a->test) && (a->oos == NULL || bot_data_read(oos, a->oos));
    if (is_ok && test->set.rows.len == 0) {
        (void)fprintf(stderr, "%s: no questions\n", a->test);
        return false;
    }
    return is_ok;
}

int cmd_bot_eval(const struct bot_args *a)
{
    struct bot_data train = {0};
    struct bot_data test = {0};
    struct bot_data oos = {0};
    struct figures f = {0};
    int code = 1;
    bool is_ok = read_sets(a, &train, &test, &oos);
    int64_t started = time_monotonic_ns();
    struct model *m = is_ok ? bot_model_train(&train, NULL) : NULL;
    if (m != NULL) {
        struct asked in;
        struct asked out_of;
        f.train_s = (double)(time_monotonic_ns() - started) / 1e9;
        f.peak_mb = peak_mb();
        ask_all(m, &test.set, &in);
        ask_all(m, &oos.set, &out_of);
        count(&in, &out_of, model_n_labels(m), a->reject, &f);
        f.questions_per_s = questions_per_s(m, &test.set);
        (a->is_json ? print_json : print_table)(&f);
        asked_release(&in);
        asked_release(&out_of);
        code = 0;
    }
    model_unref(&m);
    bot_data_release(&train);
    bot_data_release(&test);
    bot_data_release(&oos);
    return code;
}

/* ---- faq-eval ---- */

struct faq {
    struct retrieval *index;
    struct map *numbers; /* label -> group + 1 */
};

static struct faq faq_of(const struct dataset *set)
{
    struct faq faq = {.numbers = map_new()};
    struct retrieval_doc *docs = MEM_NEW_ARRAY(struct retrieval_doc, set->rows.len + 1);
    for (size_t i = 0; i < set->rows.len; i++) {
        uintptr_t group = (uintptr_t)map_find(faq.numbers, set->rows.items[i].label);
        if (group == 0) {
            group = map_len(faq.numbers) + 1;
            (void)map_put(faq.numbers, set->rows.items[i].label, (void *)group);
        }
        docs[i] =
            (struct retrieval_doc){.group = (uint32_t)group - 1, .text = set->rows.items[i].text};
    }
    faq.index = retrieval_new(docs, set->rows.len, NULL);
    mem_free(docs);
    return faq;
}

#define RANKS 10

static uint32_t rank_of(const struct faq *faq, struct arena *arena, const struct model_example *q)
{
    struct retrieval_hit hits[RANKS];
    uint32_t wanted = (uint32_t)(uintptr_t)map_find(faq->numbers, q->label) - 1;
    size_t n = retrieval_search(faq->index, arena, q->text, NULL, hits, RANKS);
    for (size_t i = 0; i < n; i++) {
        if (hits[i].group == wanted) {
            return (uint32_t)i + 1;
        }
    }
    return 0;
}

static void faq_print(const struct ranking_figures *r, double per_s, bool is_json)
{
    if (!is_json) {
        printf("R@1    %6.2f %%\nR@5    %6.2f %%\nMRR@10 %6.3f\nqueries per second %.0f\n",
               100 * r->recall_at_1, 100 * r->recall_at_5, r->mrr_at_10, per_s);
        return;
    }
    BUF_AUTO buf;
    struct json_writer w;
    buf_init(&buf, 1024);
    json_writer_init(&w, &buf);
    json_object_begin(&w);
    put_figure(&w, "r_at_1", r->recall_at_1, true);
    put_figure(&w, "r_at_5", r->recall_at_5, true);
    put_figure(&w, "mrr_at_10", r->mrr_at_10, true);
    put_figure(&w, "queries_per_s", per_s, true);
    json_object_end(&w);
    printf(STR_FMT "\n", STR_ARG(buf_str(&buf)));
}

int cmd_bot_faq_eval(const struct bot_args *a)
{
    struct bot_data index = {0};
    struct bot_data queries = {0};
    int code = 1;
    bool is_ok = bot_data_read(&index, a->index) && bot_data_read(&queries, a->queries);
    if (is_ok && (index.set.rows.len == 0 || queries.set.rows.len == 0)) {
        (void)fprintf(stderr, "%s: no questions\n",
                      index.set.rows.len == 0 ? a->index : a->queries);
    } else if (is_ok && index.set.rows.len > RETRIEVAL_MAX_DOCS) {
        (void)fprintf(stderr, "%s: more than %d questions\n", a->index, RETRIEVAL_MAX_DOCS);
    } else if (is_ok) {
        struct faq faq = faq_of(&index.set);
        size_t n = queries.set.rows.len;
        uint32_t *ranks = MEM_NEW_ARRAY(uint32_t, n);
        ARENA_AUTO arena = arena_new(1 << 16);
        int64_t started = time_monotonic_ns();
        for (size_t i = 0; i < n; i++) {
            arena_reset(arena);
            ranks[i] = rank_of(&faq, arena, &queries.set.rows.items[i]);
        }
        double seconds = (double)(time_monotonic_ns() - started) / 1e9;
        struct ranking_figures r = evaluate_ranking(ranks, n);
        faq_print(&r, seconds > 0 ? (double)n / seconds : 0, a->is_json);
        mem_free(ranks);
        retrieval_free(&faq.index);
        map_free(&faq.numbers);
        code = 0;
    }
    bot_data_release(&index);
    bot_data_release(&queries);
    return code;
}
