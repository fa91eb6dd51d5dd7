/* Language by script, normalising, features, retrieval. */
#include "suites.h"

#include <math.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "knowledge/lang.h"
#include "knowledge/normalise.h"
#include "knowledge/retrieval.h"
#include "knowledge/textfeat.h"

static void equal(struct str got, const char *want)
{
    if (!str_eq_cstr(got, want)) {
        fail_msg("got \"" STR_FMT "\", want \"%s\"", STR_ARG(got), want);
    }
}

static void language_is_decided_by_script(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        enum lang fallback, want;
    } cases[] = {
        {"why is my deposit late", LANG_ZH_CN, LANG_EN},
        {"充值没到账", LANG_EN, LANG_ZH_CN},
        {"USDT 怎么提现", LANG_EN, LANG_ZH_CN},
        {"無緣無故封我帳號", LANG_EN, LANG_ZH_CN},
        {"???", LANG_ZH_CN, LANG_ZH_CN},
        {"", LANG_EN, LANG_EN},
        {"123 456", LANG_ZH_CN, LANG_ZH_CN},
        {"\xF0\x9F\x98\xA1", LANG_EN, LANG_EN},
        {"\xFF\xFE", LANG_ZH_CN, LANG_ZH_CN},
        {"TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", LANG_ZH_CN, LANG_ZH_CN},
        {"0x52908400098527886E0F7030069857D2E4169EE7", LANG_ZH_CN, LANG_ZH_CN},
        {"https://tronscan.org/#/transaction/abc", LANG_ZH_CN, LANG_ZH_CN},
        {"tronscan.org", LANG_ZH_CN, LANG_ZH_CN},
        {"li.wei@example.com", LANG_ZH_CN, LANG_ZH_CN},
        {"USDT TRC20 500", LANG_ZH_CN, LANG_ZH_CN},
        {"uid:48291", LANG_ZH_CN, LANG_ZH_CN},
        {"where is 0x52908400098527886E0F7030069857D2E4169EE7", LANG_ZH_CN, LANG_EN},
        {"USDT not arrived.", LANG_ZH_CN, LANG_EN},
        {"it's gone", LANG_ZH_CN, LANG_EN},
        {"WITHDRAWAL", LANG_ZH_CN, LANG_EN},
        {"help!", LANG_ZH_CN, LANG_EN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(lang_of_text(str_from(cases[i].text), cases[i].fallback), cases[i].want);
    }
}

static void language_is_negotiated(void **state)
{
    UNUSED(state);
    static const struct {
        const char *header;
        enum lang want;
    } cases[] = {
        {"zh-TW,zh;q=0.9,en;q=0.8", LANG_ZH_CN},
        {"en-GB,zh;q=0.5", LANG_EN},
        {"de,fr;q=0.9", LANG_EN},
        {"de, zh-Hans;q=0.1", LANG_ZH_CN},
        {"zh;q=0, en;q=0.1", LANG_EN},
        {"zha", LANG_EN},
        {"", LANG_EN},
        {";;;,,,q=", LANG_EN},
        {"en;q=0.3,zh;q=0.35", LANG_ZH_CN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(lang_negotiate(str_from(cases[i].header), LANG_EN), cases[i].want);
    }
}

static void text_is_normalised(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"Hello,   World!!", "hello world"},
        {"我的TRC-20 USDT提幣100.5没到账！", "我的trc20 usdt提币<amount>没到账"},
        {"ＵＳＤＴ　充值", "usdt 充值"},
        {"凍結", "冻结"},
        {"wasn't it me? it’s not", "wasnt it me its not"},
        {"two-factor e-mail", "two factor e mail"},
        {"BEP-20 / erc-20", "bep20 erc20"},
        {"see https://okx-help.top/a?b=c#d now", "see <url> now"},
        {"打开www.fake.com/a点一下", "打开<url>点一下"},
        {"is binance-support.com real", "is <url> real"},
        {"mail me at a.b+c@example.com", "mail me at <email>"},
        {"0x52908400098527886E0F7030069857D2E4169EE7", "<addr_evm>"},
        {"TJRabPrwbZy45sbavfcjinPJC18kjpRTv8 那个", "<addr_tron> 那个"},
        {"bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "<addr_btc>"},
        {"tx 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08?", "tx <txid>"},
        {"order 20261122000123", "order <number>"},
        {"1,234.50 usdt and 2 btc, 2fa", "<amount> usdt and 2 btc 2fa"},
        {"500USDT", "<amount>usdt"},
        {"fire \xF0\x9F\x94\xA5\xF0\x9F\x94\xA5 now\xE2\x9D\xA4\xEF\xB8\x8F", "fire now"},
        {"\xFF\xC0\x80 bad", "bad"},
        {"", ""},
        {"！！！", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        equal(normalise_text(arena, str_from(cases[i].text)), cases[i].want);
    }
}

static void fold_ignores_spaces(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct str a = normalise_fold(arena, normalise_text(arena, STR("账户 为什么 被冻结？")));
    struct str b = normalise_fold(arena, normalise_text(arena, STR("賬戶為什麼被凍結")));
    assert_true(str_eq(a, b));
}

static void stems_join_forms(void **state)
{
    UNUSED(state);
    static const char *const groups[][4] = {{"deposit", "deposits", "deposited", "depositing"},
                                            {"receive", "received", "receives", "receiving"},
                                            {"stop", "stopped", "stopping", "stops"},
                                            {"verify", "verifies", "verify", "verify"},
                                            {"address", "addresses", "address", "address"}};
    ARENA_AUTO arena = arena_new(0);
    for (size_t g = 0; g < ARRAY_LEN(groups); g++) {
        struct str want = textfeat_stem(arena, str_from(groups[g][0]));
        for (size_t i = 1; i < 4; i++) {
            equal(textfeat_stem(arena, str_from(groups[g][i])), str_to_cstr(arena, want));
        }
    }
    equal(textfeat_stem(arena, STR("status")), "status");
    equal(textfeat_stem(arena, STR("usdt")), "usdt");
    equal(textfeat_stem(arena, STR("thing")), "thing");
}

static size_t n_of_kind(const struct feature *f, size_t n, enum feature_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += f[i].kind == kind;
    }
    return count;
}

static void features_are_words_characters_and_pairs(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    size_t n;
    struct feature *f = textfeat_of(arena, STR("usdt提币 usdt"), &n);
    assert_int_equal(n_of_kind(f, n, FEATURE_UNI), 3);  /* usdt 提 币 */
    assert_int_equal(n_of_kind(f, n, FEATURE_PAIR), 3); /* usdt提 提币 币usdt */
    assert_int_equal(n_of_kind(f, n, FEATURE_GRAM), 0);
    f = textfeat_of(arena, STR("<txid>deposit<amount>"), &n);
    assert_int_equal(n_of_kind(f, n, FEATURE_UNI), 3);
    assert_int_equal(n_of_kind(f, n, FEATURE_GRAM), 6); /* ^dep depo epos posi osit sit$ */
    textfeat_of(arena, STR(""), &n);
    assert_int_equal(n, 0);
}

static const struct retrieval_doc small[] = {
    {.group = 0, .text = STR_INIT("My deposit has not arrived")},
    {.group = 0, .text = STR_INIT("coins missing after transfer to the exchange")},
    {.group = 1, .text = STR_INIT("Withdrawal is pending")},
    {.group = 1, .text = STR_INIT("how long does a withdrawal take")},
    {.group = 2, .text = STR_INIT("I lost my phone with 2FA")},
    {.group = 2, .text = STR_INIT("reset google authenticator")},
    {.group = 2,
     .text = STR_INIT(
         "The code of the authenticator app is shown every thirty seconds.\nKeep recovery codes."),
     .weight = 0.3,
     .is_context = true},
};

static void retrieval_finds_the_group(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text;
        int64_t want;
        bool is_exact;
    } cases[] = {
        {"my deposit has NOT arrived!", 0, true},
        {"deposits not arriving", 0, false},
        {"withdrawel pendng", 1, false},
        {"lost authenticator", 2, false},
        {"recovery codes", 2, false},
        {"banana", -1, false},
        {"", -1, false},
        {"!!!", -1, false},
    };
    struct retrieval *r = retrieval_new(small, ARRAY_LEN(small), NULL);
    assert_int_equal(retrieval_n_docs(r), 6);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct retrieval_hit hits[4];
        size_t n = retrieval_search(r, arena, str_from(cases[i].text), NULL, hits, 4);
        if (cases[i].want < 0) {
            assert_int_equal(n, 0);
            continue;
        }
        assert_true(n > 0);
        assert_int_equal(hits[0].group, cases[i].want);
        assert_int_equal(hits[0].is_exact, cases[i].is_exact);
        assert_true(cases[i].is_exact ? hits[0].score >= 1.0 : hits[0].score < 1.0);
    }
    retrieval_free(&r);
    assert_null(r);
    retrieval_free(&r);
}

static void retrieval_can_leave_out(void **state)
{
    UNUSED(state);
    struct retrieval *r = retrieval_new(small, ARRAY_LEN(small), NULL);
    ARENA_AUTO arena = arena_new(0);
    struct retrieval_hit hits[4];
    size_t n = retrieval_search(r, arena, small[4].text,
                                &(struct retrieval_skip){4, RETRIEVAL_NONE}, hits, 4);
    for (size_t i = 0; i < n; i++) {
        assert_false(hits[i].is_exact);
        assert_true(hits[i].doc != 4);
    }
    n = retrieval_search(r, arena, small[4].text, &(struct retrieval_skip){RETRIEVAL_NONE, 2}, hits,
                         4);
    for (size_t i = 0; i < n; i++) {
        assert_true(hits[i].group != 2);
    }
    retrieval_free(&r);
}

/* Any bytes: no crash, scores inside 0..1, order by rank, groups once; an empty index finds nothing. */
static void retrieval_survives_any_text(void **state)
{
    UNUSED(state);
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    struct rng rng;
    rng_init(&rng, seed);
    struct retrieval *r = retrieval_new(small, ARRAY_LEN(small), NULL);
    struct retrieval *empty = retrieval_new(NULL, 0, NULL);
    for (int round = 0; round < 2000; round++) {
        ARENA_AUTO arena = arena_new(0);
        char text[300];
        size_t len = rng_below(&rng, sizeof(text));
        for (size_t i = 0; i < len; i++) {
            uint64_t kind = rng_below(&rng, 4);
            text[i] = kind == 0   ? (char)rng_below(&rng, 256)
                      : kind == 1 ? (char)32
                                  : (char)(97 + rng_below(&rng, 26));
        }
        struct retrieval_hit hits[3];
        struct str normalised = normalise_text(arena, (struct str){text, len});
        assert_true(utf8_is_valid(normalised));
        assert_int_equal(retrieval_search(empty, arena, (struct str){text, len}, NULL, hits, 3), 0);
        size_t n = retrieval_search(r, arena, (struct str){text, len}, NULL, hits, 3);
        for (size_t i = 0; i < n; i++) {
            assert_true(hits[i].score >= 0 && hits[i].score <= 1 && isfinite(hits[i].rank));
            assert_true(i == 0 ||
                        (hits[i - 1].rank >= hits[i].rank && hits[i - 1].group != hits[i].group));
        }
    }
    retrieval_free(&r);
    retrieval_free(&empty);
}

int suite_text(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(language_is_decided_by_script),
        cmocka_unit_test(language_is_negotiated),
        cmocka_unit_test(text_is_normalised),
        cmocka_unit_test(fold_ignores_spaces),
        cmocka_unit_test(stems_join_forms),
        cmocka_unit_test(features_are_words_characters_and_pairs),
        cmocka_unit_test(retrieval_finds_the_group),
        cmocka_unit_test(retrieval_can_leave_out),
        cmocka_unit_test(retrieval_survives_any_text),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
