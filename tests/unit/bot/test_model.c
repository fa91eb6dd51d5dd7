/* A whole model: trained, asked, written, read, refused. On a small slice of public data (tests/data/nlu). */
#include "unit.h"

#include "base/check.h"
#include "base/mem.h"
#include "bot/dataset.h"
#include "bot/model.h"

static char *train_text;
static struct dataset train_set;
static struct model *model;
static struct model_report report;

static char *file_read(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/../data/nlu/%s", TEST_DATA_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = mem_zalloc(1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
    (void)fclose(f);
    return text;
}

static int begin(void **state)
{
    UNUSED(state);
    train_text = file_read("train.tsv");
    if (dataset_parse(&train_set, str_from(train_text), NULL) != ERR_OK) {
        return 1;
    }
    return model_train(train_set.rows.items, train_set.rows.len, NULL, &model, &report, NULL) !=
           ERR_OK;
}

static int end(void **state)
{
    UNUSED(state);
    model_unref(&model);
    dataset_release(&train_set);
    mem_free(train_text);
    return 0;
}

static void encode(const struct model *m, struct buf *out)
{
    buf_init(out, MODEL_FILE_MAX);
    assert_ok(model_encode(m, out));
}

static void rows_are_read_and_bad_ones_named(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        enum err err;
        const char *message;
        size_t n;
    } cases[] = {
        {"a\tb\nc\td\n", ERR_OK, "", 2},
        {"\xEF\xBB\xBF"
         "a\tb\r\n\r\n\nc\td e\tf",
         ERR_OK, "", 2},
        {"", ERR_OK, "", 0},
        {"a\tb\nno tab\n", ERR_INVALID, "line 2: no tab between label and text", 1},
        {"a\tb\n\n \t x\n", ERR_INVALID, "line 3: nothing before the tab", 1},
        {"a\t  \n", ERR_INVALID, "line 1: nothing behind the tab", 0},
        {"a\t\xFF\n", ERR_INVALID, "line 1: not UTF-8", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct dataset d = {0};
        struct errinfo info = {0};
        assert_err(dataset_parse(&d, str_from(cases[i].text), &info), cases[i].err);
        assert_string_equal(info.message, cases[i].message);
        assert_int_equal(d.rows.len, cases[i].n);
        dataset_release(&d);
    }
}

static void questions_are_understood_in_both_languages(void **state)
{
    UNUSED(state);
    char *text = file_read("test.tsv");
    struct dataset test = {0};
    assert_ok(dataset_parse(&test, str_from(text), NULL));
    size_t n[SCRIPT_COUNT] = {0};
    size_t n_right[SCRIPT_COUNT] = {0};
    for (size_t i = 0; i < test.rows.len; i++) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction p;
        model_predict(model, arena, test.rows.items[i].text, &p);
        n[p.script]++;
        n_right[p.script] += str_eq(model_label(model, p.top[0].label), test.rows.items[i].label);
        float sum = 0;
        for (uint32_t t = 0; t < p.n_top; t++) {
            assert_true(p.top[t].p >= 0 && (t == 0 || p.top[t].p <= p.top[t - 1].p));
            sum += p.top[t].p;
        }
        assert_true(p.n_top == MODEL_TOP && sum <= 1.001F);
        assert_true(p.scope_rank >= 0 && p.scope_rank <= 1);
    }
    print_message("right: %zu of %zu English, %zu of %zu Chinese\n", n_right[0], n[0], n_right[1],
                  n[1]);
    assert_true(n[0] == 80 && n[1] == 64);
    assert_true(n_right[0] >= 68 && n_right[1] >= 50);
    dataset_release(&test);
    mem_free(text);
}

static void strange_questions_rank_low(void **state)
{
    UNUSED(state);
    char *text = file_read("oos.tsv");
    struct dataset oos = {0};
    size_t n_rejected = 0;
    assert_ok(dataset_parse(&oos, str_from(text), NULL));
    for (size_t i = 0; i < oos.rows.len; i++) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction p;
        model_predict(model, arena, oos.rows.items[i].text, &p);
        n_rejected += p.scope_rank < 0.05F;
    }
    print_message("%zu of %zu out of scope rejected\n", n_rejected, oos.rows.len);
    assert_true(n_rejected * 10 >= oos.rows.len * 7);
    dataset_release(&oos);
    mem_free(text);
}

static void the_very_phrasing_is_exact(void **state)
{
    UNUSED(state);
    const struct model_example *e = &train_set.rows.items[3];
    ARENA_AUTO arena = arena_new(0);
    struct model_prediction p;
    struct str louder = str_printf(arena, "  " STR_FMT " !!! \xF0\x9F\x98\xA1", STR_ARG(e->text));
    model_predict(model, arena, louder, &p);
    assert_int_equal(p.by, MODEL_BY_EXACT);
    assert_str_eq(model_label(model, p.top[0].label), e->label);
    assert_str_eq(p.phrasing, e->text);
    assert_true(p.scope_rank == 1);
}

static void nothing_known_is_said_to_be_nothing(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"", "???", "\xFF\xFE", "\xF0\x9F\x98\xA1", "жщэ"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction p;
        model_predict(model, arena, str_from(texts[i]), &p);
        assert_case(p.by == MODEL_BY_NOTHING && p.scope_rank == 0 && p.n_top > 0, texts[i]);
    }
}

static void traditional_is_read_as_simplified(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct model_prediction s;
    struct model_prediction t;
    model_predict(model, arena, STR("这家酒店的电话是多少？"), &s);
    model_predict(model, arena, STR("這家酒店的電話是多少？"), &t);
    assert_memory_equal(&s, &t, sizeof(s));
}

/* One question per answer, as a new desk begins: whoever comes close to one gets it, and is told to which. */
static void single_phrasings_are_found(void **state)
{
    UNUSED(state);
    VEC(struct model_example) rows = {0};
    for (size_t i = 0; i < train_set.rows.len; i += 16) {
        VEC_PUSH(&rows, train_set.rows.items[i]);
    }
    struct model *m = NULL;
    assert_ok(model_train(rows.items, rows.len, NULL, &m, NULL, NULL));
    size_t n_by_retrieval = 0;
    for (size_t i = 0; i < rows.len; i++) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction p;
        struct str near = str_printf(arena, "so " STR_FMT " 谢谢", STR_ARG(rows.items[i].text));
        model_predict(m, arena, near, &p);
        assert_str_eq(model_label(m, p.top[0].label), rows.items[i].label);
        if (p.by == MODEL_BY_RETRIEVAL) {
            assert_str_eq(p.phrasing, rows.items[i].text);
            n_by_retrieval++;
        }
    }
    assert_true(n_by_retrieval > 0);
    model_unref(&m);
    VEC_RELEASE(&rows);
}

static void one_phrasing_of_two_labels_is_nobodys(void **state)
{
    UNUSED(state);
    const struct model_example rows[] = {
        {STR("a"), STR("same words")}, {STR("b"), STR("Same words?")},
        {STR("a"), STR("red apple")},  {STR("a"), STR("apple pie")},
        {STR("b"), STR("blue bird")},  {STR("b"), STR("bird nest")}};
    struct model *m = NULL;
    ARENA_AUTO arena = arena_new(0);
    struct model_prediction p;
    assert_ok(model_train(rows, 6, NULL, &m, NULL, NULL));
    model_predict(m, arena, STR("same words"), &p);
    assert_int_equal(p.by, MODEL_BY_CLASSIFIER);
    model_predict(m, arena, STR("red apple"), &p);
    assert_int_equal(p.by, MODEL_BY_EXACT);
    model_unref(&m);
}

static void the_same_examples_give_the_same_bytes(void **state)
{
    UNUSED(state);
    BUF_AUTO first;
    encode(model, &first);
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads++) {
        struct fit_options o = fit_options_default();
        struct model *m = NULL;
        o.n_threads = n_threads;
        assert_ok(model_train(train_set.rows.items, train_set.rows.len, &o, &m, NULL, NULL));
        BUF_AUTO again;
        encode(m, &again);
        assert_int_equal(first.len, again.len);
        assert_memory_equal(first.p, again.p, first.len);
        model_unref(&m);
    }
}

static void a_read_model_answers_as_the_written_one(void **state)
{
    UNUSED(state);
    BUF_AUTO bytes;
    BUF_AUTO again;
    struct model *m = NULL;
    encode(model, &bytes);
    assert_ok(model_decode(buf_str(&bytes), &m, NULL));
    encode(m, &again);
    assert_int_equal(bytes.len, again.len);
    assert_memory_equal(bytes.p, again.p, bytes.len);
    for (size_t i = 0; i < train_set.rows.len; i += 5) {
        ARENA_AUTO arena = arena_new(0);
        struct model_prediction a;
        struct model_prediction b;
        struct str question =
            str_printf(arena, STR_FMT " please", STR_ARG(train_set.rows.items[i].text));
        model_predict(model, arena, question, &a);
        model_predict(m, arena, question, &b);
        assert_memory_equal(a.top, b.top, sizeof(a.top));
        assert_true(a.scope_rank == b.scope_rank);
    }
    model_unref(&m);
}

static void damaged_models_are_refused(void **state)
{
    UNUSED(state);
    struct rng rng;
    unit_rng(&rng, "damage");
    BUF_AUTO bytes;
    encode(model, &bytes);
    for (int i = 0; i < 60; i++) {
        struct model *m = NULL;
        size_t at = i < 52 ? (size_t)i : rng_below(&rng, bytes.len);
        bytes.p[at] = (char)(bytes.p[at] ^ (char)(1 + rng_below(&rng, 255)));
        char was = bytes.p[at];
        assert_err(model_decode(buf_str(&bytes), &m, NULL), ERR_PROTOCOL);
        assert_null(m);
        bytes.p[at] = was;
        buf_clear(&bytes);
        assert_ok(model_encode(model, &bytes));
    }
    for (int i = 0; i < 20; i++) {
        struct model *m = NULL;
        struct errinfo info = {0};
        size_t len = i == 0 ? 0 : rng_below(&rng, bytes.len);
        assert_err(model_decode((struct str){bytes.p, len}, &m, &info), ERR_PROTOCOL);
        assert_true(info.message[0] != '\0');
    }
}

static void bad_examples_are_named(void **state)
{
    UNUSED(state);
    static char long_label[MODEL_MAX_LABEL + 1];
    memset(long_label, 'x', sizeof(long_label));
    const struct model_example two[] = {{STR("a"), STR("x y")}, {STR("b"), STR("z")}};
    struct {
        struct model_example second;
        enum err err;
        const char *field;
    } cases[] = {
        {{STR(""), STR("x")}, ERR_INVALID, "examples[1].label"},
        {{STR("b"), STR("")}, ERR_INVALID, "examples[1].text"},
        {{STR("b"), STR("\xFF")}, ERR_INVALID, "examples[1].text"},
        {{{long_label, sizeof(long_label)}, STR("x")}, ERR_LIMIT, "examples[1].label"},
        {{STR("a"), STR("x")}, ERR_INVALID, "examples"},
    };
    struct model *m = NULL;
    struct errinfo info = {0};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct model_example rows[] = {two[0], cases[i].second};
        assert_err(model_train(rows, 2, NULL, &m, NULL, &info), cases[i].err);
        assert_string_equal(info.field, cases[i].field);
    }
    assert_err(model_train(two, 0, NULL, &m, NULL, &info), ERR_INVALID);
    assert_ok(model_train(two, 2, NULL, &m, NULL, &info));
    model_unref(&m);
}

static void training_can_be_called_off(void **state)
{
    UNUSED(state);
    atomic_bool stop = true;
    struct fit_options o = fit_options_default();
    struct model *m = NULL;
    o.is_cancelled = &stop;
    assert_err(model_train(train_set.rows.items, train_set.rows.len, &o, &m, NULL, NULL),
               ERR_TIMEOUT);
    assert_null(m);
}

static void the_report_says_what_was_checked(void **state)
{
    UNUSED(state);
    assert_int_equal(report.n_examples, train_set.rows.len);
    assert_int_equal(report.n_labels, 18);
    assert_int_equal(report.n_checked, train_set.rows.len); /* few: every fold is asked */
    assert_true(report.n_right * 10 > report.n_checked * 7);
    assert_true(report.confused_share > 0 && report.confused_share < 0.5);
    assert_true(report.confused.len > 0 && report.taken_for.len > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_and_bad_ones_named),
        cmocka_unit_test(questions_are_understood_in_both_languages),
        cmocka_unit_test(strange_questions_rank_low),
        cmocka_unit_test(the_very_phrasing_is_exact),
        cmocka_unit_test(nothing_known_is_said_to_be_nothing),
        cmocka_unit_test(traditional_is_read_as_simplified),
        cmocka_unit_test(single_phrasings_are_found),
        cmocka_unit_test(one_phrasing_of_two_labels_is_nobodys),
        cmocka_unit_test(the_same_examples_give_the_same_bytes),
        cmocka_unit_test(a_read_model_answers_as_the_written_one),
        cmocka_unit_test(damaged_models_are_refused),
        cmocka_unit_test(bad_examples_are_named),
        cmocka_unit_test(training_can_be_called_off),
        cmocka_unit_test(the_report_says_what_was_checked),
    };
    return cmocka_run_group_tests_name("model", tests, begin, end);
}
