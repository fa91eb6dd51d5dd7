/* Entities: what they are, where they stand, how they are written. Characters with their places. */
#include "suites.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "knowledge/chars.h"
#include "knowledge/entity.h"

/* "kind value unit!|..." of a text; '!' marks a doubtful one. */
static struct str listed(struct arena *arena, const char *text)
{
    struct entity e[ENTITY_MAX];
    size_t n = entities_find(arena, str_from(text), e, ENTITY_MAX);
    struct str s = {0};
    for (size_t i = 0; i < n; i++) {
        s = str_printf(arena, STR_FMT "%s%s " STR_FMT "%s" STR_FMT "%s", STR_ARG(s),
                       i > 0 ? "|" : "", entity_kind_name(e[i].kind), STR_ARG(e[i].value),
                       e[i].unit.len > 0 ? " " : "", STR_ARG(e[i].unit),
                       e[i].is_doubtful ? "!" : "");
    }
    return s;
}

static void entities_are_found_and_written_one_way(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"hello, where is my money?", ""},
        {"see https://okx-help.top/a?b=c, now", "link https://okx-help.top/a?b=c"},
        {"is binance-support.com real?", "link binance-support.com"},
        {"Mail Me.X@Example.com.", "email me.x@example.com"},
        {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", "address TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t tron"},
        {"地址TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T对吗",
         "address TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T tron!"},
        {"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6", "address TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6 tron!"},
        {"0xDAC17F958D2EE523A2206206994597C13D831EC7",
         "address 0xdAC17F958D2ee523a2206206994597C13D831ec7 evm"},
        {"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
         "address bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0 bitcoin"},
        {"tx 9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08?",
         "txid 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
        {"0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
         "txid 0x9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 evm"},
        {"order 20261122000123", "order 20261122000123"},
        {"my order #a1b2c345", "order A1B2C345"},
        {"Order No. 12345", "order 12345"},
        {"订单号：OD-20261122", "order OD-20261122"},
        {"訂單 88123456 還沒到", "order 88123456"},
        {"#4471", "order 4471"},
        {"order 1000 USDT please", "amount 1000 USDT"},
        {"my uid is 20034567", "number 20034567"},
        {"1,234.50 USDT", "amount 1234.5 USDT"},
        {"100.5usdt", "amount 100.5 USDT"},
        {"１００ＵＳＤＴ", "amount 100 USDT"},
        {"500U", "amount 500 USDT"},
        {"3万u", "amount 30000 USDT"},
        {"3萬U", "amount 30000 USDT"},
        {"2k usdt", "amount 2000 USDT"},
        {"1.5k", "amount 1500"},
        {"0.5个比特币", "amount 0.5 BTC"},
        {"0,5 btc", "amount 0.5 BTC"},
        {"$20 fee", "amount 20 USD"},
        {"￥500 和 20块钱", "amount 500 CNY|amount 20 CNY"},
        {"USDT: 100", "amount 100 USDT"},
        {"我提了2000，没到", "amount 2000"},
        {"2 btc, 2fa, 24h, 50%, 3rd, top 10", "amount 2 BTC"},
        {"version 1.2.3 of the app", ""},
        {"192.168.100.200", ""},
        {"USDT on TRC-20", "coin USDT|network tron"},
        {"usdt走以太坊还是波场", "coin USDT|network ethereum|network tron"},
        {"buy ethereum with btc", "coin ETH|coin BTC"},
        {"sent on Ethereum", "network ethereum"},
        {"the bitcoin network is slow", "network bitcoin"},
        {"比特幣網路", "coin BTC"},
        {"比特币网络拥堵", "network bitcoin"},
        {"BEP20 or bnb smart chain", "network bsc|network bsc"},
        {"and on TRON?", "network tron"},
        {"click the link near the dot etc", ""},
        {"my LINK and 5 near", "coin LINK|amount 5 NEAR"},
        {"狗狗幣", "coin DOGE"},
        {"nothing with method or bethink", ""},
        {"on 2026-11-22 14:05 UTC", "time 2026-11-22T14:05"},
        {"2026/1/2", "time 2026-01-02"},
        {"2026年11月22日下午3点半", "time 2026-11-22T15:30"},
        {"11月22号", "time --11-22"},
        {"at 2:30 pm", "time T14:30"},
        {"昨天15点20分", "time -P1D|time T15:20"},
        {"2 hours ago", "time -PT2H"},
        {"waiting for three days", "time P3D"},
        {"兩小時前充值的", "time -PT2H"},
        {"等了半小时", "time PT30M"},
        {"三天之前", "time -P3D"},
        {"30分钟了还没到", "time PT30M"},
        {"1 day", "time P1D"},
        {"last night", "time -P1D"},
        {"昨天下午充了500U到TRC20，订单号20261121001，没到账",
         "time -P1D|amount 500 USDT|network tron|order 20261121001"},
    };
    int n_wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct str got = listed(arena, cases[i].text);
        if (!str_eq_cstr(got, cases[i].want)) {
            print_error("\"%s\": got \"" STR_FMT "\", want \"%s\"\n", cases[i].text, STR_ARG(got),
                        cases[i].want);
            n_wrong++;
        }
    }
    assert_int_equal(n_wrong, 0);
}

static void places_are_of_the_text_as_written(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *kind, *part;
    } cases[] = {
        {"充了１００ＵＳＤＴ啊", "amount", "１００ＵＳＤＴ"},
        {"提幣到 TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t 沒到", "address",
         "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"},
        {"é é 2026年1月2日 x", "time", "2026年1月2日"},
        {"order number: 12345, ok", "order", "12345"},
        {"\xFF\xFE 狗狗幣", "coin", "狗狗幣"},
        {"e\xCC\x81 USDT", "coin", "USDT"},
        {"USDT: 100!", "amount", "USDT: 100"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct entity e[4];
        assert_int_equal(entities_find(arena, str_from(cases[i].text), e, 4), 1);
        assert_string_equal(entity_kind_name(e[0].kind), cases[i].kind);
        struct str part = str_sub(str_from(cases[i].text), e[0].from, e[0].to - e[0].from);
        if (!str_eq_cstr(part, cases[i].part)) {
            fail_msg("\"%s\": \"" STR_FMT "\"", cases[i].text, STR_ARG(part));
        }
    }
}

static void no_more_than_wanted(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct entity e[3];
    assert_int_equal(entities_find(arena, STR("btc eth usdt doge ltc"), e, 3), 3);
    assert_int_equal(entities_find(arena, STR("btc eth usdt doge ltc"), e, 0), 0);
}

static void characters_know_where_they_came_from(void **state)
{
    UNUSED(state);
    static const struct {
        const char *text, *folded;
    } cases[] = {{"ＵＳＤＴ", "usdt"},
                 {"Ａé", "aé"},
                 {"e\xCC\x81x", "éx"},
                 {"凍結", "冻结"},
                 {"ﬁ ½", "fi 1⁄2"},
                 {"\xFFok", " ok"},
                 {"\xE2\x80\x8Bzero", "zero"},
                 {"㈱", "(株)"},
                 {"①", "1"},
                 {"가", "가"},
                 {"q\xCC\x87\xCC\xA3", "q\xCC\xA3\xCC\x87"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct chars t;
        chars_of(arena, str_from(cases[i].text), 1000, &t);
        if (!str_eq_cstr(t.folded, cases[i].folded)) {
            fail_msg("\"%s\": \"" STR_FMT "\"", cases[i].text, STR_ARG(t.folded));
        }
        for (size_t c = 0; c < t.n; c++) {
            assert_true(t.from[c] <= t.from[c + 1] && t.fold_at[c] < t.fold_at[c + 1]);
        }
        assert_int_equal(t.from[t.n], strlen(cases[i].text));
    }
}

int suite_entity(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entities_are_found_and_written_one_way),
        cmocka_unit_test(places_are_of_the_text_as_written),
        cmocka_unit_test(no_more_than_wanted),
        cmocka_unit_test(characters_know_where_they_came_from),
    };
    return cmocka_run_group_tests_name("entity", tests, NULL, NULL);
}
