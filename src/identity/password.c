/* The list is of stems: a password that is a known stem plus digits and signs is as common as the stem. */
#include "identity/password.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/utf8.h"

/* Stems of the passwords of 12 and more characters that head the published lists, letters only, lower case, leet undone. */
static const char *const stems[] = {
    "password",
    "passwordpassword",
    "passw",
    "qwerty",
    "qwertyuiop",
    "qwertyqwerty",
    "qwertyuiopasdfghjkl",
    "asdfghjkl",
    "zxcvbnm",
    "qazwsx",
    "qazwsxedc",
    "qazwsxedcrfv",
    "iloveyou",
    "iloveyouforever",
    "administrator",
    "adminadmin",
    "admin",
    "welcome",
    "letmein",
    "changeme",
    "changeit",
    "default",
    "monkey",
    "dragon",
    "football",
    "baseball",
    "basketball",
    "superman",
    "batman",
    "princess",
    "sunshine",
    "trustno",
    "master",
    "shadow",
    "michael",
    "jordan",
    "starwars",
    "whatever",
    "computer",
    "internet",
    "secret",
    "access",
    "login",
    "hello",
    "helloworld",
    "freedom",
    "bitcoin",
    "ethereum",
    "crypto",
    "exchange",
    "stablehand",
    "support",
    "supportdesk",
    "woaini",
    "woaiwojia",
    "mima",
    "nihao",
    "ceshi",
    "test",
    "testtest",
    "guest",
    "temp",
    "summer",
    "winter",
    "spring",
    "autumn",
    "january",
    "february",
    "december",
    "monday",
    "friday",
    "correcthorsebatterystaple",
};

static char undo_leet(uint32_t c)
{
    switch (c) {
    case '0':
        return 'o';
    case '1':
        return 'i';
    case '3':
        return 'e';
    case '4':
    case '@':
        return 'a';
    case '5':
    case '$':
        return 's';
    case '7':
        return 't';
    default:
        return c >= 'a' && c <= 'z' ? (char)c : 0;
    }
}

/* What is left when case, digits at the end, signs and leet are gone. */
static struct str stem_of(struct str s, bool with_leet, char out[PASSWORD_MAX + 1])
{
    size_t end = s.len;
    while (end > 0 && !((s.p[end - 1] | 0x20) >= 'a' && (s.p[end - 1] | 0x20) <= 'z')) {
        end--;
    }
    size_t n = 0;
    for (size_t at = 0; at < end && n < PASSWORD_MAX;) {
        uint32_t c = utf8_lower(utf8_next(s, &at));
        char letter = with_leet ? undo_leet(c) : (char)(c >= 'a' && c <= 'z' ? c : 0);
        if (letter != 0) {
            out[n++] = letter;
        }
    }
    return (struct str){out, n};
}

static bool is_common(struct str password)
{
    char text[PASSWORD_MAX + 1];
    for (int with_leet = 0; with_leet < 2; with_leet++) {
        struct str stem = stem_of(password, with_leet != 0, text);
        for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
            if (str_eq_cstr(stem, stems[i])) {
                return true;
            }
        }
    }
    return false;
}

/* Fewer than five different characters, or nothing but a run (123456789012, abcdefghijkl). */
static bool is_monotonous(struct str password)
{
    uint32_t seen[5];
    size_t n_seen = 0;
    size_t steps = 0;
    size_t n = 0;
    uint32_t last = 0;
    for (size_t at = 0; at < password.len; n++) {
        uint32_t c = utf8_next(password, &at);
        bool is_new = true;
        for (size_t i = 0; i < n_seen; i++) {
            is_new = is_new && seen[i] != c;
        }
        if (is_new && n_seen < ARRAY_LEN(seen)) {
            seen[n_seen++] = c;
        }
        if (n > 0 && (c == last + 1 || c + 1 == last || (c == '0' && last == '9'))) {
            steps++;
        }
        last = c;
    }
    return n_seen < ARRAY_LEN(seen) || steps + 2 >= n;
}

/* Is the password little more than this text: takes up more than half of it? */
static bool leans_on(struct str password, struct str text)
{
    ARENA_AUTO arena = arena_new(0);
    struct str p = str_lower_ascii(arena, password);
    struct str t = str_lower_ascii(arena, text);
    return t.len >= 4 && str_find(p, t) != SIZE_MAX && t.len * 2 > p.len;
}

enum err password_check(struct str password, struct str email, struct str name, struct str brand,
                        const char *field, struct errinfo *info)
{
    size_t n = utf8_count(password);
    if (n < PASSWORD_MIN) {
        return err_set(info, ERR_INVALID, field, "too_short",
                       "A password has at least %d characters.", PASSWORD_MIN);
    }
    if (n > PASSWORD_MAX || password.len > (size_t)PASSWORD_MAX * 4) {
        return err_set(info, ERR_INVALID, field, "too_long",
                       "A password has at most %d characters.", PASSWORD_MAX);
    }
    size_t at = str_find_char(email, '@');
    struct str local = at == SIZE_MAX ? email : str_sub(email, 0, at);
    if (is_common(password) || is_monotonous(password) || leans_on(password, local) ||
        leans_on(password, name) || leans_on(password, brand)) {
        return err_set(info, ERR_INVALID, field, "weak",
                       "This password is easy to guess. Three or four unrelated words are better.");
    }
    return ERR_OK;
}
