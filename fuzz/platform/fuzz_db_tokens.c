/* Tokens come in order and lie inside the text; what is a token of a text is found in it when it is searched for; a query never makes a match outside of it. */
#include "base/check.h"
#include "platform/db.h"
#include "platform/db_tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct str text;
    size_t from, n;
    bool is_query;
};

static int on_token(void *arg, struct str token, size_t from, size_t to)
{
    struct seen *s = arg;
    ASSERT(token.len > 0 && token.len <= DB_WORD_MAX + 4);
    ASSERT(from < to && to <= s->text.len &&
           (s->n == 0 || from > s->from || (!s->is_query && from >= s->from)));
    s->from = from;
    if (!s->is_query && s->n < 64) {
        size_t at = 0;
        size_t len = 0;
        ASSERT(db_search_match(s->text, str_sub(s->text, from, to - from), &at, &len));
        ASSERT(at <= from && len > 0 && at + len <= s->text.len);
    }
    s->n++;
    return s->n == 1000 ? 7 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    struct str query = {0};
    struct str text = all;
    (void)str_split(&text, '\n', &query);
    struct seen doc = {.text = text};
    struct seen ask = {.text = query, .is_query = true};
    int rc = db_tokens(text, false, on_token, &doc);
    ASSERT(rc == (doc.n >= 1000 ? 7 : 0));
    (void)db_tokens(query, true, on_token, &ask);
    size_t at = 0;
    size_t len = 0;
    if (db_search_match(text, query, &at, &len)) {
        ASSERT(len > 0 && at + len <= text.len && ask.n > 0);
    }
    struct db_terms terms;
    db_terms_init(&terms, query);
    ASSERT(terms.len <= DB_TERMS_MAX && (terms.len == 0) == (ask.n == 0 || query.len > 2000));
    for (size_t i = 0; i < terms.len; i++) {
        ASSERT(terms.items[i].text.len > 0 && str_find_char(terms.items[i].text, '"') == SIZE_MAX);
    }
    db_terms_release(&terms);
    return 0;
}
