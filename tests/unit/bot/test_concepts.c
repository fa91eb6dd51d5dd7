/* The trade's own words: found in both languages, in their forms, longest first. */
#include "unit.h"

#include "base/check.h"
#include "bot/concepts.h"
#include "bot/features.h"
#include "knowledge/normalise.h"

static struct concepts *concepts;

static int begin(void **state)
{
    UNUSED(state);
    concepts = concepts_new();
    return 0;
}

static int end(void **state)
{
    UNUSED(state);
    concepts_free(&concepts);
    return 0;
}

static bool has(const char *text, const char *name)
{
    uint32_t found[CONCEPTS_MAX];
    ARENA_AUTO arena = arena_new(0);
    size_t n = concepts_of(concepts, arena, normalise_text(arena, str_from(text)), found);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(concept_list[found[i]].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void words_mean_the_same_in_both_languages(void **state)
{
    UNUSED(state);
    static const struct {
        const char *concept, *texts[5];
    } cases[] = {
        {"deposit",
         {"my deposits", "Topped up yesterday", "I deposited 5", "我充值了", "儲值？充幣！"}},
        {"withdraw", {"withdrawing usdt", "cash out please", "提现失败", "提幣", "cashed out"}},
        {"missing",
         {"it hasn't arrived", "not received!", "还没到账", "沒收到", "where is my money"}},
        {"twofa",
         {"2FA code", "Google Authenticator", "谷歌验证码", "two-factor", "收不到短信驗證碼"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t j = 0; j < ARRAY_LEN(cases[i].texts); j++) {
            assert_case(has(cases[i].texts[j], cases[i].concept), cases[i].texts[j]);
        }
    }
}

static void what_is_not_said_is_not_found(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"", "???", "<", "xyzzy plugh", "天地玄黄", "\xFF"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        uint32_t found[CONCEPTS_MAX];
        ARENA_AUTO arena = arena_new(0);
        struct str n = normalise_text(arena, str_from(texts[i]));
        assert_case(concepts_of(concepts, arena, n, found) == 0, texts[i]);
    }
    assert_false(has("where is the cat", "missing"));
    assert_false(has("paying", "withdraw")); /* "pay out" is a phrase of two */
    assert_true(has("pay out", "withdraw"));
}

static void every_phrase_of_the_list_is_found(void **state)
{
    UNUSED(state);
    for (unsigned i = 0; i < concept_count; i++) {
        const char *lists[] = {concept_list[i].latin, concept_list[i].han};
        for (int l = 0; l < 2; l++) {
            struct str rest = str_from(lists[l]);
            struct str phrase;
            while (str_split(&rest, ',', &phrase)) {
                ARENA_AUTO arena = arena_new(0);
                char *text = str_to_cstr(arena, str_trim(phrase));
                assert_case(text[0] == '\0' || has(text, concept_list[i].name), text);
            }
        }
    }
}

static void no_text_has_more_than_the_limit(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct str all = {0};
    for (unsigned i = 0; i < concept_count; i++) {
        all = str_printf(arena, STR_FMT " %s", STR_ARG(all), concept_list[i].latin);
    }
    uint32_t found[CONCEPTS_MAX];
    struct str normalised = normalise_text(arena, all);
    size_t n_found = concepts_of(concepts, arena, normalised, found);
    assert_in_range(n_found, 12, CONCEPTS_MAX);
    size_t n;
    size_t n_concept = 0;
    const struct gram *g = features_of(arena, concepts, normalised, &n);
    for (size_t i = 0; i < n; i++) {
        n_concept += gram_block_of(g[i].kind) == BLOCK_CONCEPTS;
    }
    assert_int_equal(n_concept, n_found + 8 * 7 / 2); /* and pairs of the first eight */
}

static void pairs_know_no_order(void **state)
{
    UNUSED(state);
    static const char *const texts[] = {"withdrawal missing", "missing withdrawal", "提现没到账"};
    uint64_t sum[ARRAY_LEN(texts)] = {0};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ARENA_AUTO arena = arena_new(0);
        size_t n;
        const struct gram *g =
            features_of(arena, concepts, normalise_text(arena, str_from(texts[i])), &n);
        for (size_t j = 0; j < n; j++) {
            sum[i] += gram_block_of(g[j].kind) == BLOCK_CONCEPTS ? g[j].hash : 0;
        }
    }
    assert_true(sum[0] == sum[1] && sum[0] == sum[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_mean_the_same_in_both_languages),
        cmocka_unit_test(what_is_not_said_is_not_found),
        cmocka_unit_test(every_phrase_of_the_list_is_found),
        cmocka_unit_test(no_text_has_more_than_the_limit),
        cmocka_unit_test(pairs_know_no_order),
    };
    return cmocka_run_group_tests_name("concepts", tests, begin, end);
}
