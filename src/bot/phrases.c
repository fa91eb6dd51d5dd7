/* Texts are compared normalised (case, width, traditional characters, punctuation). "Contains" means whole words for Latin ("human" is not in "humanity") and any
 * place for Chinese. Exceptions ("human error", "人工智能") are cut out of the text before it is searched. */
#include "bot/phrases.h"

#include "base/check.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "knowledge/normalise.h"

static const char *const phrase_keys[PHRASE_COUNT] = {"greeting",
                                                      "what_i_can_do",
                                                      "no_answer_1",
                                                      "no_answer_2",
                                                      "handover",
                                                      "handover_no_agent",
                                                      "handover_priority",
                                                      "money_at_risk_intro",
                                                      "clarify_intro",
                                                      "clarify_none",
                                                      "clarify_human",
                                                      "helpful_yes",
                                                      "helpful_no",
                                                      "helpful_no_followup",
                                                      "thanks",
                                                      "goodbye",
                                                      "never_ask",
                                                      "file_received",
                                                      "bot_only_text",
                                                      "abuse_calm",
                                                      "system_trouble",
                                                      "secret_warning",
                                                      "note_customer_asked",
                                                      "note_money_at_risk",
                                                      "note_misses",
                                                      "note_repeated",
                                                      "note_abuse",
                                                      "note_attachment",
                                                      "note_closest",
                                                      "note_answered"};
static const char *const list_keys[WORDS_COUNT] = {"human_contains",
                                                   "human_exact",
                                                   "human_except",
                                                   "money_contains",
                                                   "money_except",
                                                   "greeting",
                                                   "thanks",
                                                   "goodbye",
                                                   "yes",
                                                   "no",
                                                   "about_bot",
                                                   "abuse"};

struct words {
    struct str *items; /* normalised */
    size_t n;
};
struct phrases {
    struct arena *arena;
    struct str texts[LANG_COUNT][PHRASE_COUNT];
    struct words words[LANG_COUNT][WORDS_COUNT];
};

static enum err read_words(struct phrases *p, const struct json *list, const char *key,
                           struct words *out, struct errinfo *info)
{
    if (!json_is_array(list) || json_len(list) == 0) {
        return err_set(info, ERR_INVALID, key, "required", "list of words missing");
    }
    out->items = ARENA_ARRAY(p->arena, struct str, json_len(list));
    for (const struct json *v = json_first(list); v != NULL; v = json_next(v)) {
        struct str word = normalise_text(p->arena, json_str(v));
        if (word.len > 0) {
            out->items[out->n++] = word;
        }
    }
    return ERR_OK;
}

static enum err read_lang(struct phrases *p, const struct json *o, enum lang lang,
                          struct errinfo *info)
{
    for (int i = 0; i < PHRASE_COUNT; i++) {
        struct str text = json_str(json_find(json_find(o, "texts"), phrase_keys[i]));
        if (text.len == 0) {
            return err_set(info, ERR_INVALID, phrase_keys[i], "required", "phrase missing in %s",
                           lang_tag(lang));
        }
        p->texts[lang][i] = str_dup(p->arena, text);
    }
    enum err err = ERR_OK;
    for (int i = 0; err == ERR_OK && i < WORDS_COUNT; i++) {
        err = read_words(p, json_find(json_find(o, "words"), list_keys[i]), list_keys[i],
                         &p->words[lang][i], info);
    }
    return err;
}

enum err phrases_parse(struct str json, struct phrases **out, struct errinfo *info)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(json, 0, &doc, info);
    if (err != ERR_OK) {
        return err;
    }
    struct phrases *p = MEM_NEW(struct phrases);
    p->arena = arena_new(0);
    for (int lang = 0; err == ERR_OK && lang < LANG_COUNT; lang++) {
        err = read_lang(p, json_find(json_root(doc), lang_tag((enum lang)lang)), (enum lang)lang,
                        info);
    }
    json_doc_free(&doc);
    if (err != ERR_OK) {
        phrases_free(&p);
        return err;
    }
    *out = p;
    return ERR_OK;
}

void phrases_free(struct phrases **phrases)
{
    if (*phrases != NULL) {
        arena_free(&(*phrases)->arena);
        mem_free(*phrases);
        *phrases = NULL;
    }
}

struct str phrases_text(const struct phrases *phrases, enum lang lang, enum phrase phrase)
{
    ASSERT((unsigned)phrase < PHRASE_COUNT);
    return phrases->texts[lang][phrase];
}

/* ---- finding ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Index of `word` in `text`, at word boundaries where its ends are Latin; SIZE_MAX: not there. */
static size_t find_word(struct str text, struct str word)
{
    size_t from = 0;
    for (;;) {
        size_t at = str_find(str_sub(text, from, text.len), word);
        if (at == SIZE_MAX) {
            return SIZE_MAX;
        }
        at += from;
        bool cut_left = is_word_char(word.p[0]) && at > 0 && is_word_char(text.p[at - 1]);
        size_t end = at + word.len;
        bool cut_right =
            is_word_char(word.p[word.len - 1]) && end < text.len && is_word_char(text.p[end]);
        if (!cut_left && !cut_right) {
            return at;
        }
        from = at + 1;
    }
}

static bool contains(const struct phrases *p, enum word_list list, struct str text)
{
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        const struct words *w = &p->words[lang][list];
        for (size_t i = 0; i < w->n; i++) {
            if (find_word(text, w->items[i]) != SIZE_MAX) {
                return true;
            }
        }
    }
    return false;
}

static bool is_one_of(const struct phrases *p, enum word_list list, struct arena *arena,
                      struct str fold)
{
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        const struct words *w = &p->words[lang][list];
        for (size_t i = 0; i < w->n; i++) {
            if (str_eq(normalise_fold(arena, w->items[i]), fold)) {
                return true;
            }
        }
    }
    return false;
}

/* The text with every exception replaced by a bar, which no list contains. */
static struct str without(const struct phrases *p, enum word_list list, struct arena *arena,
                          struct str text)
{
    struct str copy = str_dup(arena, text);
    char *bytes = (char *)(uintptr_t)copy.p;
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        const struct words *w = &p->words[lang][list];
        for (size_t i = 0; i < w->n; i++) {
            for (size_t at = find_word(copy, w->items[i]); at != SIZE_MAX;
                 at = find_word(copy, w->items[i])) {
                memset(bytes + at, '|', w->items[i].len);
            }
        }
    }
    return copy;
}

struct phrases_found phrases_find(const struct phrases *p, struct arena *arena, struct str text)
{
    struct str n = normalise_text(arena, text);
    struct str fold = normalise_fold(arena, n);
    struct phrases_found f = {0};
    f.is_about_bot = is_one_of(p, WORDS_ABOUT_BOT, arena, fold);
    /* "are you human" asks what the bot is, not for somebody else. */
    f.wants_human = !f.is_about_bot &&
                    (is_one_of(p, WORDS_HUMAN_EXACT, arena, fold) ||
                     contains(p, WORDS_HUMAN_CONTAINS, without(p, WORDS_HUMAN_EXCEPT, arena, n)));
    f.is_money = contains(p, WORDS_MONEY_CONTAINS, without(p, WORDS_MONEY_EXCEPT, arena, n));
    f.is_abuse = contains(p, WORDS_ABUSE, n);
    f.is_greeting = is_one_of(p, WORDS_GREETING, arena, fold);
    f.is_thanks = is_one_of(p, WORDS_THANKS, arena, fold);
    f.is_goodbye = is_one_of(p, WORDS_GOODBYE, arena, fold);
    f.is_yes = is_one_of(p, WORDS_YES, arena, fold);
    f.is_no = is_one_of(p, WORDS_NO, arena, fold);
    return f;
}
