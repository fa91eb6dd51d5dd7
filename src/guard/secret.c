/* A label ("private key", "验证码") is looked for without regard to ASCII case; what must follow it is measured from its end. */
#include "guard/secret.h"

#define PHRASE_MIN 12
#define PHRASE_MAX 26
#define KEY_MIN 32

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_word_char(char c)
{
    return is_letter(c) || is_digit(c);
}

static bool is_base58(char c)
{
    return is_word_char(c) && c != '0' && c != 'O' && c != 'I' && c != 'l';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* End of `label` if it stands at `at`, otherwise 0. A Latin label begins at the beginning of a word. */
static size_t label_end(struct str t, size_t at, const char *label)
{
    size_t n = strlen(label);
    if (at + n > t.len || (is_letter(label[0]) && at > 0 && is_letter(t.p[at - 1]))) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(t.p[at + i]) != label[i]) {
            return 0;
        }
    }
    return at + n;
}

typedef bool (*follows_fn)(struct str rest);

static bool has_labelled(struct str t, const char *const *labels, follows_fn follows)
{
    for (size_t at = 0; at < t.len; at++) {
        for (size_t i = 0; labels[i] != NULL; i++) {
            size_t end = label_end(t, at, labels[i]);
            if (end > 0 && follows(str_sub(t, end, t.len))) {
                return true;
            }
        }
    }
    return false;
}

/* ---- keys ---- */

static const char *const key_labels[] = {"private key", "privatekey", "secret key", "priv key",
                                         "api secret",  "私钥",       "密钥",       "私鑰",
                                         "密鑰",        NULL};

/* Within some twenty bytes a run that is long enough to be one. */
static bool key_follows(struct str rest)
{
    size_t run = 0;
    for (size_t i = 0; i < rest.len && i < 24 + KEY_MIN; i++) {
        char c = rest.p[i];
        run = is_word_char(c) || c == '+' || c == '/' || c == '=' ? run + 1 : 0;
        if (run >= KEY_MIN) {
            return true;
        }
    }
    return false;
}

/* The word from `from` on: WIF (51 or 52 base58 characters beginning with 5, K, L) or an extended private key. */
static bool is_key_word(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (!is_base58(word.p[i])) {
            return false;
        }
    }
    bool is_wif = (word.len == 51 && word.p[0] == '5') ||
                  (word.len == 52 && (word.p[0] == 'K' || word.p[0] == 'L'));
    bool is_extended = word.len > 94 && str_eq(str_sub(word, 1, 3), STR("prv"));
    return is_wif || is_extended;
}

static bool has_key_word(struct str t)
{
    for (size_t at = 0; at < t.len;) {
        size_t end = at;
        while (end < t.len && is_word_char(t.p[end])) {
            end++;
        }
        if (end > at && is_key_word(str_sub(t, at, end - at))) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* ---- codes and passwords ---- */

static const char *const code_labels[] = {
    "2fa",      "otp",        "authenticator", "google auth", "verification code",
    "sms code", "email code", "验证码",        "驗證碼",      "动态码",
    "動態碼",   "谷歌码",     "校验码",        NULL};

/* Exactly six digits, after at most 16 bytes (characters of three) that are none. */
static bool code_follows(struct str rest)
{
    size_t at = 0, n = 0;
    while (at < rest.len && at < 40 && !is_digit(rest.p[at])) {
        at++;
    }
    while (at + n < rest.len && is_digit(rest.p[at + n])) {
        n++;
    }
    return n == 6 && (at + n == rest.len || !is_letter(rest.p[at + n]));
}

static const char *const password_labels[] = {"password", "passwd", "pwd", "密码", "密碼", NULL};
static const char *const given_words[] = {"is", ":", "=", "：", "是", "为", "為", NULL};

/* "is", ":" or the like, and then at least six characters without a space, one of them no small letter: "my password is wrong" tells nothing. */
static bool password_follows(struct str rest)
{
    size_t at = 0, end = 0;
    while (at < rest.len && is_space(rest.p[at])) {
        at++;
    }
    for (size_t i = 0; given_words[i] != NULL && end == 0; i++) {
        end = label_end(rest, at, given_words[i]);
    }
    if (end == 0) {
        return false;
    }
    while (end < rest.len && (is_space(rest.p[end]) || rest.p[end] == ':' || rest.p[end] == '=')) {
        end++;
    }
    size_t n = 0;
    bool is_telling = false;
    for (;
         end + n < rest.len && !is_space(rest.p[end + n]) && (unsigned char)rest.p[end + n] < 0x80;
         n++) {
        char c = rest.p[end + n];
        is_telling = is_telling || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '#' || c == '$' ||
                     c == '@' || c == '_' || c == '*';
    }
    return n >= 6 && is_telling;
}

/* ---- cards ---- */

static const char *const card_labels[] = {"card",   "visa",   "mastercard", "unionpay", "银行卡",
                                          "信用卡", "借记卡", "卡号",       "卡號",     NULL};

static bool any(struct str rest)
{
    (void)rest;
    return true;
}

static bool is_luhn(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        d = i % 2 == 1 ? d * 2 : d;
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

static bool has_card(struct str t)
{
    bool is_named = has_labelled(t, card_labels, any);
    for (size_t at = 0; at < t.len; at++) {
        char digits[20];
        size_t n = 0, n_groups = 1, i = at;
        if (!is_digit(t.p[at]) || (at > 0 && is_word_char(t.p[at - 1]))) {
            continue;
        }
        for (; i < t.len && n < 20; i++) {
            bool is_gap = (t.p[i] == ' ' || t.p[i] == '-') && i + 1 < t.len && is_digit(t.p[i + 1]);
            if (is_digit(t.p[i])) {
                digits[n++] = t.p[i];
            } else if (is_gap) {
                n_groups++;
            } else {
                break;
            }
        }
        bool is_free = i == t.len || !is_word_char(t.p[i]);
        bool is_grouped = n_groups >= 3 && n_groups <= 5;
        if (is_free && n >= 13 && n <= 19 && digits[0] >= '3' && digits[0] <= '6' &&
            (is_named || is_grouped) && is_luhn(digits, n)) {
            return true;
        }
    }
    return false;
}

/* ---- phrases ---- */

/* Words of ordinary sentences that the list of wallet words does not have: one of them, and it is a sentence. */
static const char *const common[] = {
    "the", "and",    "was",    "for",   "are",  "but",       "not",  "has", "had",  "his",   "her",
    "its", "our",    "them",   "with",  "from", "been",      "were", "did", "does", "would", "why",
    "how", "please", "thanks", "their", "your", "yesterday", "they", "you", "have", "my",    NULL};

static bool is_common(struct str word)
{
    for (size_t i = 0; common[i] != NULL; i++) {
        if (str_eq_cstr(word, common[i])) {
            return true;
        }
    }
    return false;
}

static bool is_wallet_word(struct str word)
{
    bool good = word.len >= 3 && word.len <= 8;
    for (size_t i = 0; i < word.len && good; i++) {
        good = word.p[i] >= 'a' && word.p[i] <= 'z';
    }
    return good && !is_common(word);
}

/* What may stand between two words: white space, commas, and numbers of a list ("3." "4)"). */
static bool is_between(char c)
{
    return is_space(c) || c == ',' || c == ';' || c == '.' || c == ')' || is_digit(c);
}

static bool has_phrase(struct str t)
{
    size_t run = 0;
    for (size_t at = 0; at <= t.len;) {
        size_t end = at;
        while (end < t.len && !is_between(t.p[end])) {
            end++;
        }
        struct str word = str_sub(t, at, end - at);
        if (word.len > 0) {
            bool is_good = is_wallet_word(word);
            if (!is_good && run >= PHRASE_MIN && run <= PHRASE_MAX) {
                return true;
            }
            run = is_good ? run + 1 : 0;
        }
        at = end + 1;
    }
    return run >= PHRASE_MIN && run <= PHRASE_MAX;
}

enum guard_secret guard_find_secret(struct str text)
{
    if (has_labelled(text, key_labels, key_follows) || has_key_word(text)) {
        return GUARD_SECRET_KEY;
    }
    if (has_phrase(text)) {
        return GUARD_SECRET_PHRASE;
    }
    if (has_labelled(text, code_labels, code_follows)) {
        return GUARD_SECRET_CODE;
    }
    if (has_labelled(text, password_labels, password_follows)) {
        return GUARD_SECRET_PASSWORD;
    }
    return has_card(text) ? GUARD_SECRET_CARD : GUARD_SECRET_NONE;
}
