/* A password that is a known word plus digits and signs is as common as the word, and two known words side by side are no better: those are the rules by
 * which lists are tried. Three unrelated words pass. The table is made at build time (scripts/embed-passwords). */
#include "identity/password.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/utf8.h"

/* Beside the list: what is common in this trade and this house. Letters only, lower case, leet undone. */
static const char *const stems[] = {
    "bitcoin",    "ethereum",    "crypto",         "exchange",
    "stablehand", "supportdesk", "administration", "correcthorsebatterystaple",
    "woaiwojia",  "mima",        "nihao",          "ceshi",
    "helloworld", "testtest",    "qwertyqwerty",   "passwordpassword",
};

#define SHORTEST 4 /* letters of a word of the list */

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

/* FNV-1a, as scripts/embed-passwords. */
static bool is_listed(struct str word)
{
    uint32_t h = 0x811C9DC5U;
    for (size_t i = 0; i < word.len; i++) {
        h = (h ^ (unsigned char)word.p[i]) * 0x01000193U;
    }
    size_t low = 0, high = n_password_common;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (password_common[mid] == h) {
            return word.len >= SHORTEST;
        }
        if (password_common[mid] < h) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return false;
}

/* One word of the list, or two, one after the other. */
static bool is_made_of_listed(struct str s)
{
    if (is_listed(s)) {
        return true;
    }
    for (size_t i = SHORTEST; i + SHORTEST <= s.len; i++) {
        if (is_listed(str_sub(s, 0, i)) && is_listed(str_sub(s, i, s.len))) {
            return true;
        }
    }
    return false;
}

static bool is_common(struct str password)
{
    char text[PASSWORD_MAX + 1];
    ARENA_AUTO arena = arena_new(0);
    if (is_made_of_listed(str_lower_ascii(arena, password))) {
        return true;
    }
    for (int with_leet = 0; with_leet < 2; with_leet++) {
        struct str stem = stem_of(password, with_leet != 0, text);
        for (size_t i = 0; i < ARRAY_LEN(stems); i++) {
            if (str_eq_cstr(stem, stems[i])) {
                return true;
            }
        }
        if (is_made_of_listed(stem)) {
            return true;
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
