/* Words for the search index: the same on every engine and in snippets. Pure.
 *
 * Text is folded (case; full-width forms to ASCII). Runs of letters and digits (Latin, Greek, Cyrillic) are words, cut at 128 bytes. Runs of scripts
 * without spaces (Han, kana, Hangul, Thai and other scripts from U+0530 on) become overlapping pairs of characters, plus the run's last character
 * alone: so any substring of a run is a phrase of pairs, and any single character is a prefix of some token. Everything else separates. */
#ifndef PLATFORM_DB_TOKENS_H
#define PLATFORM_DB_TOKENS_H

#include "base/buf.h"
#include "base/str.h"

#define DB_TOKENS_VERSION 1 /* raise it when the words change: indexes are rebuilt */
#define DB_WORD_MAX 128
#define DB_TERMS_MAX 16 /* further words of a query are ignored */

/* Byte range [from, to) of the text. Not 0: stop and return it. */
typedef int (*db_token_fn)(void *arg, struct str token, size_t from, size_t to);
/* `is_query`: the last character alone only if it is the whole run. */
int db_tokens(struct str text, bool is_query, db_token_fn fn, void *arg);

/* What a person typed, as terms that must all match. */
struct db_term {
    struct str text; /* folded; lives in the terms' own buffer */
    bool is_run;     /* characters without spaces: matches anywhere in a run; else a word */
    bool is_prefix;  /* longer words match as well (for a run: it is one character) */
    bool
        is_rare; /* a word that looks like a number, hash or address: its beginning is looked up at once */
    size_t n_chars;
};
struct db_terms {
    struct db_term items[DB_TERMS_MAX];
    size_t len;
    struct buf bytes;
};
void db_terms_init(struct db_terms *terms, struct str query);
void db_terms_release(struct db_terms *terms);

#endif
