/* See db_tokens.h. */
#include "platform/db_tokens.h"

#include <string.h>

#include "base/utf8.h"
#include "platform/db.h"

/* Words of a query from this length on may match longer words. */
#define PREFIX_FROM 4
#define RARE_FROM 12
#define RARE_WITH_DIGIT_FROM 6
#define TERMS_BYTES_MAX 4096

enum char_class { CHAR_OTHER, CHAR_WORD, CHAR_RUN, CHAR_MARK };

static enum char_class class_of(uint32_t c)
{
    if (c < 0x80) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                   ? CHAR_WORD
                   : CHAR_OTHER;
    }
    if (c >= 0x300 && c <= 0x36f) {
        return CHAR_MARK;
    }
    if (utf8_is_alnum(c)) {
        return CHAR_WORD;
    }
    if (utf8_is_cjk(c)) {
        return CHAR_RUN;
    }
    if (c < 0x530 || utf8_is_space(c)) {
        return CHAR_OTHER;
    }
    bool is_sign = (c >= 0x2000 && c <= 0x2e7f) || (c >= 0x3000 && c <= 0x3004) ||
                   (c >= 0x3007 && c <= 0x3030) || c == 0x30fb || (c >= 0xd800 && c <= 0xf8ff) ||
                   (c >= 0xfe00 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff65) ||
                   (c >= 0xffe0 && c <= 0xffff) || (c >= 0x1f000 && c <= 0x1faff) || c >= 0xe0000;
    return is_sign ? CHAR_OTHER : CHAR_RUN;
}

/* The next character, folded. */
static uint32_t next_folded(struct str text, size_t *at)
{
    unsigned char byte = (unsigned char)text.p[*at];
    if (byte < 0x80) {
        (*at)++;
        return byte >= 'A' && byte <= 'Z' ? byte + 32U : byte;
    }
    uint32_t c = utf8_next(text, at);
    if (c >= 0xff01 && c <= 0xff5e) {
        c -= 0xfee0;
    }
    return utf8_lower(c);
}

struct word {
    char p[DB_WORD_MAX + 4];
    size_t len;
};

static void word_add(struct word *w, uint32_t c)
{
    if (w->len < DB_WORD_MAX) {
        w->len += utf8_put(c, w->p + w->len);
    }
}

struct scan {
    struct str text;
    size_t at; /* behind what was handed on */
    bool is_query;
    db_token_fn fn;
    void *arg;
};

static int scan_word(struct scan *s, size_t from)
{
    struct word w = {.len = 0};
    size_t next = from;
    while (next < s->text.len) {
        uint32_t c = next_folded(s->text, &next);
        enum char_class class = class_of(c);
        if (class != CHAR_WORD && class != CHAR_MARK) {
            break;
        }
        if (class == CHAR_WORD) {
            word_add(&w, c);
        }
        s->at = next;
    }
    return s->fn(s->arg, (struct str){w.p, w.len}, from, s->at);
}

/* Pairs: `w` holds the first character of the next one, which stands at text[from, s->at). */
static int scan_run(struct scan *s, size_t from)
{
    struct word w;
    bool is_alone = true;
    size_t next = from;
    int rc = 0;
    size_t first_len = utf8_put(next_folded(s->text, &next), w.p);
    s->at = next;
    while (rc == 0 && next < s->text.len) {
        uint32_t c = next_folded(s->text, &next);
        if (class_of(c) != CHAR_RUN) {
            break;
        }
        size_t second_len = utf8_put(c, w.p + first_len);
        rc = s->fn(s->arg, (struct str){w.p, first_len + second_len}, from, next);
        memmove(w.p, w.p + first_len, second_len);
        first_len = second_len;
        from = s->at;
        s->at = next;
        is_alone = false;
    }
    return rc != 0 || (s->is_query && !is_alone)
               ? rc
               : s->fn(s->arg, (struct str){w.p, first_len}, from, s->at);
}

int db_tokens(struct str text, bool is_query, db_token_fn fn, void *arg)
{
    struct scan s = {.text = text, .is_query = is_query, .fn = fn, .arg = arg};
    int rc = 0;
    while (s.at < text.len && rc == 0) {
        size_t from = s.at;
        enum char_class class = class_of(next_folded(text, &s.at));
        if (class == CHAR_WORD) {
            rc = scan_word(&s, from);
        } else if (class == CHAR_RUN) {
            rc = scan_run(&s, from);
        }
    }
    return rc;
}

/* ---- terms ---- */

static void add_term(struct db_terms *terms, size_t from, bool is_run, bool has_digit,
                     size_t n_chars)
{
    /* `bytes` may still move: keep the offset in `len` form until the end, see db_terms_init */
    struct db_term *t = &terms->items[terms->len++];
    *t = (struct db_term){
        .text = {NULL, terms->bytes.len - from}, .is_run = is_run, .n_chars = n_chars};
    t->is_prefix = is_run ? n_chars == 1 : n_chars >= PREFIX_FROM;
    t->is_rare = !is_run && n_chars >= (has_digit ? RARE_WITH_DIGIT_FROM : RARE_FROM);
}

void db_terms_init(struct db_terms *terms, struct str query)
{
    *terms = (struct db_terms){0};
    buf_init(&terms->bytes, TERMS_BYTES_MAX);
    query = utf8_cut(query, TERMS_BYTES_MAX / 2);
    size_t at = 0;
    while (at < query.len && terms->len < DB_TERMS_MAX) {
        size_t end = at;
        uint32_t c = next_folded(query, &end);
        enum char_class class = class_of(c);
        if (class != CHAR_WORD && class != CHAR_RUN) {
            at = end;
            continue;
        }
        enum char_class here = class;
        size_t from = terms->bytes.len;
        size_t n_chars = 0;
        bool has_digit = false;
        while (here == class || (here == CHAR_MARK && class == CHAR_WORD)) {
            char enc[4];
            size_t len = utf8_put(c, enc);
            if (here == class && (class == CHAR_RUN || terms->bytes.len - from < DB_WORD_MAX)) {
                (void)buf_add(&terms->bytes, enc, len);
                n_chars++;
                has_digit = has_digit || (c >= '0' && c <= '9');
            }
            at = end;
            if (end == query.len) {
                break;
            }
            c = next_folded(query, &end);
            here = class_of(c);
        }
        add_term(terms, from, class == CHAR_RUN, has_digit, n_chars);
    }
    size_t offset = 0;
    for (size_t i = 0; i < terms->len; i++) {
        terms->items[i].text.p = terms->bytes.p + offset;
        offset += terms->items[i].text.len;
    }
}

void db_terms_release(struct db_terms *terms)
{
    buf_release(&terms->bytes);
}

/* Does the term stand at text[at..]? For a word `at` is its beginning. */
static bool term_matches(const struct db_term *t, struct str text, size_t at, size_t *end_out)
{
    size_t term_at = 0;
    size_t n_bytes = 0;
    while (term_at < t->text.len) {
        if (at >= text.len) {
            return false;
        }
        uint32_t c = next_folded(text, &at);
        if (!t->is_run && class_of(c) == CHAR_MARK) {
            continue;
        }
        if (c != utf8_next(t->text, &term_at)) {
            return false;
        }
        n_bytes = term_at;
    }
    *end_out = at;
    if (t->is_run || t->is_prefix || at >= text.len || n_bytes >= DB_WORD_MAX) {
        return true;
    }
    enum char_class after = class_of(next_folded(text, &at));
    return after != CHAR_WORD;
}

bool db_search_match(struct str text, struct str query, size_t *at_out, size_t *len_out)
{
    struct db_terms terms;
    db_terms_init(&terms, query);
    bool found = false;
    bool in_word = false;
    for (size_t at = 0; at < text.len && !found;) {
        size_t from = at;
        enum char_class class = class_of(next_folded(text, &at));
        bool is_start = class == CHAR_RUN || (class == CHAR_WORD && !in_word);
        in_word = class == CHAR_WORD || (class == CHAR_MARK && in_word);
        for (size_t i = 0; is_start && i < terms.len && !found; i++) {
            size_t end = 0;
            if (terms.items[i].is_run == (class == CHAR_RUN) &&
                term_matches(&terms.items[i], text, from, &end)) {
                *at_out = from;
                *len_out = end - from;
                found = true;
            }
        }
    }
    db_terms_release(&terms);
    return found;
}
