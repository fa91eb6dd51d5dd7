#include "knowledge/lang.h"

#include "base/check.h"
#include "base/utf8.h"

static const char *const lang_tags[LANG_COUNT] = {[LANG_EN] = "en", [LANG_ZH_CN] = "zh-CN"};

const char *lang_tag(enum lang lang)
{
    ASSERT((unsigned)lang < LANG_COUNT);
    return lang_tags[lang];
}

bool lang_parse(struct str tag, enum lang *out)
{
    for (int i = 0; i < LANG_COUNT; i++) {
        if (str_eq_cstr(tag, lang_tags[i])) {
            *out = (enum lang)i;
            return true;
        }
    }
    return false;
}

/* A word that somebody wrote, not an address, a transaction, a link or a ticker ("USDT", "TRC20"): letters alone, and not few capitals. Apostrophes and hyphens
 * stand between letters. */
static bool is_spoken_word(struct str word)
{
    size_t n_letters = 0, n_capitals = 0;
    for (size_t at = 0; at < word.len;) {
        uint32_t c = utf8_next(word, &at);
        bool is_inner = c == '\'' || c == '-' || c == 0x2019;
        if ((c >= '0' && c <= '9') || c == '/' || c == '@' || c == '_' || c == ':' || c == '\\') {
            return false;
        }
        if (c == '.' && at < word.len && n_letters > 0) {
            return false; /* "example.com" */
        }
        n_letters += utf8_is_alnum(c) && !is_inner;
        n_capitals += c >= 'A' && c <= 'Z';
    }
    bool is_ticker = n_capitals == n_letters && n_letters <= 6;
    return n_letters > 0 && n_letters <= 24 && !is_ticker;
}

enum lang lang_of_text(struct str text, enum lang fallback)
{
    bool has_word = false;
    size_t start = 0;
    for (size_t at = 0; at <= text.len;) {
        size_t here = at;
        uint32_t c = at < text.len ? utf8_next(text, &at) : ' ';
        if (utf8_is_cjk(c)) {
            return LANG_ZH_CN;
        }
        if (c == ' ' || c == '\n' || c == '\t' || c == ',' || c == ';' || c == '?' || c == '!') {
            has_word = has_word || is_spoken_word(str_sub(text, start, here - start));
            start = here + 1;
        }
        if (here == text.len) {
            break;
        }
    }
    return has_word ? LANG_EN : fallback;
}

/* q in thousandths; 1000 when absent, 0 when nonsense. */
static int quality_parse(struct str params)
{
    size_t at = str_find(params, STR("q="));
    if (at == SIZE_MAX) {
        return 1000;
    }
    struct str v = str_trim(str_sub(params, at + 2, params.len));
    if (v.len == 0 || v.p[0] < '0' || v.p[0] > '1') {
        return 0;
    }
    int q = (v.p[0] - '0') * 1000;
    int unit = 100;
    for (size_t i = 2; i < v.len && i < 5 && v.p[1] == '.' && v.p[i] >= '0' && v.p[i] <= '9'; i++) {
        q += (v.p[i] - '0') * unit;
        unit /= 10;
    }
    return q > 1000 ? 1000 : q;
}

enum lang lang_negotiate(struct str accept_language, enum lang fallback)
{
    enum lang best = fallback;
    int best_q = 0;
    struct str rest = accept_language;
    struct str item;
    for (int n = 0; n < 32 && str_split(&rest, ',', &item); n++) {
        struct str tag = item;
        struct str params = {0};
        size_t semi = str_find_char(item, ';');
        if (semi != SIZE_MAX) {
            tag = str_sub(item, 0, semi);
            params = str_sub(item, semi + 1, item.len);
        }
        tag = str_trim(tag);
        struct str primary = str_sub(tag, 0, 2);
        if (tag.len > 2 && tag.p[2] != '-' && tag.p[2] != '_') {
            continue;
        }
        int q = quality_parse(params);
        if (q <= best_q) {
            continue;
        }
        if (str_eq_nocase(primary, STR("zh"))) {
            best = LANG_ZH_CN;
            best_q = q;
        } else if (str_eq_nocase(primary, STR("en"))) {
            best = LANG_EN;
            best_q = q;
        }
    }
    return best;
}
