#include "knowledge/entity_words.h"

#include "base/check.h"

#define W(text, value)                                                                             \
    {                                                                                              \
        STR_INIT(text), STR_INIT(value), WORD_PLAIN                                                \
    }
#define W_CAPS(text, value)                                                                        \
    {                                                                                              \
        STR_INIT(text), STR_INIT(value), WORD_CAPITALS                                             \
    }
#define W_UNIT(text, value)                                                                        \
    {                                                                                              \
        STR_INIT(text), STR_INIT(value), WORD_UNIT                                                 \
    }

static const struct entity_word coins[] = {
    W("usdt", "USDT"),       W("tether", "USDT"),      W("泰达币", "USDT"),
    W("泰达", "USDT"),       W_UNIT("u", "USDT"),      W("usdc", "USDC"),
    W("btc", "BTC"),         W("xbt", "BTC"),          W("bitcoin", "BTC"),
    W("bitcoins", "BTC"),    W("比特币", "BTC"),       W("大饼", "BTC"),
    W("eth", "ETH"),         W("ethereum", "ETH"),     W("ether", "ETH"),
    W("以太坊", "ETH"),      W("以太币", "ETH"),       W("以太", "ETH"),
    W("trx", "TRX"),         W("波场币", "TRX"),       W("bnb", "BNB"),
    W("币安币", "BNB"),      W("xrp", "XRP"),          W("ripple", "XRP"),
    W("瑞波币", "XRP"),      W("瑞波", "XRP"),         W_CAPS("sol", "SOL"),
    W("solana", "SOL"),      W("doge", "DOGE"),        W("dogecoin", "DOGE"),
    W("狗狗币", "DOGE"),     W("ltc", "LTC"),          W("litecoin", "LTC"),
    W("莱特币", "LTC"),      W("ada", "ADA"),          W("cardano", "ADA"),
    W_CAPS("ton", "TON"),    W("toncoin", "TON"),      W_CAPS("dot", "DOT"),
    W("polkadot", "DOT"),    W("波卡", "DOT"),         W("matic", "POL"),
    W("shib", "SHIB"),       W("柴犬币", "SHIB"),      W("avax", "AVAX"),
    W_CAPS("link", "LINK"),  W("chainlink", "LINK"),   W("bch", "BCH"),
    W("比特币现金", "BCH"),  W("eos", "EOS"),          W("柚子币", "EOS"),
    W_CAPS("etc", "ETC"),    W("以太经典", "ETC"),     W_CAPS("fil", "FIL"),
    W("filecoin", "FIL"),    W("dai", "DAI"),          W("xlm", "XLM"),
    W_CAPS("atom", "ATOM"),  W_CAPS("near", "NEAR"),   W_CAPS("apt", "APT"),
    W_CAPS("arb", "ARB"),    W_CAPS("op", "OP"),       W_CAPS("sui", "SUI"),
    W("tusd", "TUSD"),       W("fdusd", "FDUSD"),      W("busd", "BUSD"),
    W("pepe", "PEPE"),       W("xmr", "XMR"),          W("monero", "XMR"),
    W("门罗币", "XMR"),      W_UNIT("个币", ""),       W_UNIT("usd", "USD"),
    W_UNIT("dollar", "USD"), W_UNIT("dollars", "USD"), W_UNIT("美元", "USD"),
    W_UNIT("美金", "USD"),   W_UNIT("刀", "USD"),      W_UNIT("eur", "EUR"),
    W_UNIT("euro", "EUR"),   W_UNIT("euros", "EUR"),   W_UNIT("欧元", "EUR"),
    W_UNIT("cny", "CNY"),    W_UNIT("rmb", "CNY"),     W_UNIT("yuan", "CNY"),
    W_UNIT("人民币", "CNY"), W_UNIT("元", "CNY"),      W_UNIT("块钱", "CNY"),
    W_UNIT("块", "CNY"),     W_UNIT("hkd", "HKD"),     W_UNIT("港币", "HKD"),
    W_UNIT("港元", "HKD"),   W_UNIT("twd", "TWD"),     W_UNIT("台币", "TWD"),
    W_UNIT("gbp", "GBP"),    W_UNIT("pounds", "GBP"),  W_UNIT("英镑", "GBP"),
};

static const struct entity_word networks[] = {
    W("trc20", "tron"),
    W("trc-20", "tron"),
    W("trc 20", "tron"),
    W("tron", "tron"),
    W("波场", "tron"),
    W("erc20", "ethereum"),
    W("erc-20", "ethereum"),
    W("erc 20", "ethereum"),
    W("bep20", "bsc"),
    W("bep-20", "bsc"),
    W("bep 20", "bsc"),
    W("bsc", "bsc"),
    W("bnb smart chain", "bsc"),
    W("binance smart chain", "bsc"),
    W("bnb chain", "bsc"),
    W("币安智能链", "bsc"),
    W("币安链", "bsc"),
    W("omni", "omni"),
    W("spl", "solana"),
    W("polygon", "polygon"),
    W("arbitrum one", "arbitrum"),
    W("arbitrum", "arbitrum"),
    W("optimism", "optimism"),
    W("avax c-chain", "avalanche"),
    W("c-chain", "avalanche"),
    W("avalanche", "avalanche"),
    W("base chain", "base"),
    W("base network", "base"),
    W("base链", "base"),
    W("lightning network", "lightning"),
    W("lightning", "lightning"),
    W("闪电网络", "lightning"),
};

static const struct entity_word days[] = {
    W("yesterday", "-P1D"),  W("today", "P0D"),        W("tomorrow", "P1D"),
    W("last night", "-P1D"), W("this morning", "P0D"), W("tonight", "P0D"),
    W("last week", "-P1W"),  W("last month", "-P1M"),  W("just now", "PT0S"),
    W("昨天", "-P1D"),       W("昨晚", "-P1D"),        W("昨日", "-P1D"),
    W("今天", "P0D"),        W("今日", "P0D"),         W("今早", "P0D"),
    W("今晚", "P0D"),        W("明天", "P1D"),         W("前天", "-P2D"),
    W("大前天", "-P3D"),     W("上周", "-P1W"),        W("上星期", "-P1W"),
    W("上个星期", "-P1W"),   W("上个月", "-P1M"),      W("上月", "-P1M"),
    W("刚刚", "PT0S"),       W("刚才", "PT0S"),
};

static const struct entity_word units[] = {
    W("minute", "TM"), W("minutes", "TM"), W("min", "TM"),     W("mins", "TM"),  W("hour", "TH"),
    W("hours", "TH"),  W("hr", "TH"),      W("hrs", "TH"),     W("day", "D"),    W("days", "D"),
    W("week", "W"),    W("weeks", "W"),    W("month", "M"),    W("months", "M"), W("year", "Y"),
    W("years", "Y"),   W("second", "TS"),  W("seconds", "TS"), W("分钟", "TM"),  W("个小时", "TH"),
    W("小时", "TH"),   W("个钟头", "TH"),  W("钟头", "TH"),    W("天", "D"),     W("个星期", "W"),
    W("星期", "W"),    W("周", "W"),       W("个礼拜", "W"),   W("礼拜", "W"),   W("个月", "M"),
    W("年", "Y"),      W("秒钟", "TS"),    W("秒", "TS"),
};

static bool is_letter_or_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool chars_is_word(const struct chars *t, size_t at)
{
    return at < t->n && is_letter_or_digit(t->ascii[at]);
}

size_t entity_word_at(const struct chars *t, size_t at, struct str word)
{
    size_t n = at < t->n ? chars_match(t, at, word) : 0;
    if (n == 0) {
        return 0;
    }
    /* A Latin word ends where letters end; "usdt充值" and "充值usdt" are two words each. */
    bool ends_open = is_letter_or_digit(word.p[word.len - 1]) && chars_is_word(t, at + n);
    return ends_open ? 0 : n;
}

static bool is_capital(const struct chars *t, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        if (t->ascii[i] < 'A' || t->ascii[i] > 'Z') {
            return false;
        }
    }
    /* In a text that is all capitals they say nothing. */
    for (size_t i = 0; i < t->n; i++) {
        if ((t->ascii[i] >= 'a' && t->ascii[i] <= 'z') || t->ascii[i] == '\0') {
            return true;
        }
    }
    return t->n == n;
}

static size_t find_longest(const struct chars *t, size_t at, const struct entity_word *words,
                           size_t n_words, bool with_amount, struct str *out)
{
    size_t longest = 0;
    for (size_t i = 0; i < n_words; i++) {
        const struct entity_word *w = &words[i];
        size_t n = entity_word_at(t, at, w->text);
        bool is_meant = with_amount || w->when == WORD_PLAIN ||
                        (w->when == WORD_CAPITALS && n > 0 && is_capital(t, at, n));
        if (n > longest && is_meant) {
            longest = n;
            *out = w->value;
        }
    }
    return longest;
}

size_t entity_coin(const struct chars *t, size_t at, bool with_amount, struct str *code_out)
{
    return find_longest(t, at, coins, ARRAY_LEN(coins), with_amount, code_out);
}

size_t entity_network(const struct chars *t, size_t at, struct str *value_out)
{
    return find_longest(t, at, networks, ARRAY_LEN(networks), false, value_out);
}

size_t entity_day(const struct chars *t, size_t at, struct str *value_out)
{
    return find_longest(t, at, days, ARRAY_LEN(days), false, value_out);
}

size_t entity_time_unit(const struct chars *t, size_t at, struct str *value_out)
{
    return find_longest(t, at, units, ARRAY_LEN(units), false, value_out);
}

struct str entity_chain_of(struct str code)
{
    static const struct {
        struct str code, chain;
    } chains[] = {
        {STR_INIT("BTC"), STR_INIT("bitcoin")},    {STR_INIT("ETH"), STR_INIT("ethereum")},
        {STR_INIT("TRX"), STR_INIT("tron")},       {STR_INIT("BNB"), STR_INIT("bsc")},
        {STR_INIT("SOL"), STR_INIT("solana")},     {STR_INIT("TON"), STR_INIT("ton")},
        {STR_INIT("POL"), STR_INIT("polygon")},    {STR_INIT("AVAX"), STR_INIT("avalanche")},
        {STR_INIT("XRP"), STR_INIT("xrp-ledger")}, {STR_INIT("LTC"), STR_INIT("litecoin")},
        {STR_INIT("DOGE"), STR_INIT("dogecoin")},  {STR_INIT("ARB"), STR_INIT("arbitrum")},
        {STR_INIT("OP"), STR_INIT("optimism")},
    };
    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        if (str_eq(code, chains[i].code)) {
            return chains[i].chain;
        }
    }
    return (struct str){0};
}
