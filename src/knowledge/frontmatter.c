#include "knowledge/frontmatter.h"

#include "base/check.h"
#include "base/utf8.h"

struct reader {
    struct arena *arena;
    struct str rest;
    int line_no;
    struct errinfo *info;
    struct article_source *out;
    char *answer;
    size_t answer_len;
    unsigned seen;
};

enum key {
    KEY_TITLE,
    KEY_CATEGORY,
    KEY_ORDER,
    KEY_SUMMARY,
    KEY_RISK,
    KEY_ANSWER,
    KEY_PHRASINGS,
    KEY_COUNT
};
static const char *const key_names[KEY_COUNT] = {"title", "category", "order",    "summary",
                                                 "risk",  "answer",   "phrasings"};

static enum err fail(const struct reader *r, const char *code, const char *message)
{
    char field[32];
    snprintf(field, sizeof(field), "line %d", r->line_no);
    return err_set(r->info, ERR_INVALID, field, code, "%s", message);
}

static bool next_line(struct reader *r, struct str *line)
{
    if (r->rest.len == 0) {
        return false;
    }
    size_t n = str_find_char(r->rest, '\n');
    *line = str_sub(r->rest, 0, n == SIZE_MAX ? r->rest.len : n);
    r->rest = n == SIZE_MAX ? (struct str){0} : str_sub(r->rest, n + 1, r->rest.len);
    if (line->len > 0 && line->p[line->len - 1] == '\r') {
        line->len--;
    }
    r->line_no++;
    return true;
}

static bool key_parse(struct str line, enum key *key_out, struct str *value_out)
{
    size_t colon = str_find_char(line, ':');
    if (colon == SIZE_MAX) {
        return false;
    }
    for (int k = 0; k < KEY_COUNT; k++) {
        if (str_eq_cstr(str_sub(line, 0, colon), key_names[k])) {
            *key_out = (enum key)k;
            *value_out = str_trim(str_sub(line, colon + 1, line.len));
            return true;
        }
    }
    return false;
}

static enum err take_scalar(struct reader *r, enum key key, struct str value)
{
    struct article_source *a = r->out;
    if ((key == KEY_ANSWER && !str_eq_cstr(value, "|")) ||
        (key == KEY_PHRASINGS && value.len > 0)) {
        return fail(r, "format", "answer is written as \"answer: |\", phrasings as a list below");
    }
    if (key != KEY_PHRASINGS && value.len == 0) {
        return fail(r, "required", "empty value");
    }
    switch (key) {
    case KEY_TITLE:
        a->title = value;
        break;
    case KEY_CATEGORY:
        a->category = value;
        break;
    case KEY_SUMMARY:
        a->summary = value;
        break;
    case KEY_ORDER:
        if (!str_to_i64(value, &a->order) || a->order < 0 || a->order > 1000000) {
            return fail(r, "range", "order is a number from 0 to 1000000");
        }
        break;
    case KEY_RISK:
        a->is_money = str_eq_cstr(value, "money");
        if (!a->is_money && !str_eq_cstr(value, "none")) {
            return fail(r, "format", "risk is none or money");
        }
        break;
    case KEY_ANSWER:
    case KEY_PHRASINGS:
    case KEY_COUNT:
        break;
    }
    return ERR_OK;
}

static void answer_add(struct reader *r, struct str line)
{
    if (r->answer == NULL) {
        r->answer = arena_alloc(r->arena, r->rest.len + line.len + 2);
    }
    memcpy(r->answer + r->answer_len, line.p, line.len);
    r->answer_len += line.len;
    r->answer[r->answer_len++] = '\n';
}

static enum err phrasing_add(struct reader *r, struct str text)
{
    struct article_source *a = r->out;
    if (text.len == 0 || a->n_phrasings == FRONTMATTER_MAX_PHRASINGS) {
        return fail(r, text.len == 0 ? "required" : "too_long", "phrasings: 1 to 100, none empty");
    }
    if (a->phrasings == NULL) {
        a->phrasings = ARENA_ARRAY(r->arena, struct str, FRONTMATTER_MAX_PHRASINGS);
    }
    a->phrasings[a->n_phrasings++] = text;
    return ERR_OK;
}

/* One line inside the front matter; `block` is the key whose indented lines follow (KEY_COUNT: none). */
static enum err take_line(struct reader *r, struct str line, enum key *block)
{
    bool is_indented = str_starts(line, STR("  "));
    if (*block == KEY_ANSWER && (is_indented || line.len == 0)) {
        answer_add(r, str_sub(line, 2, line.len));
        return ERR_OK;
    }
    if (*block == KEY_PHRASINGS && str_starts(line, STR("  - "))) {
        return phrasing_add(r, str_trim(str_sub(line, 4, line.len)));
    }
    enum key key;
    struct str value;
    if (is_indented || !key_parse(line, &key, &value)) {
        return fail(r, "format", "not a known \"key: value\" line");
    }
    if ((r->seen & (1U << key)) != 0) {
        return fail(r, "duplicate", "a key twice");
    }
    r->seen |= 1U << key;
    *block = key == KEY_ANSWER || key == KEY_PHRASINGS ? key : KEY_COUNT;
    return take_scalar(r, key, value);
}

enum err frontmatter_parse(struct arena *arena, struct str file, struct article_source *out,
                           struct errinfo *info)
{
    struct article_source a = {0};
    struct reader r = {.arena = arena, .rest = file, .info = info, .out = &a};
    if (file.len > FRONTMATTER_MAX_FILE || !utf8_is_valid(file)) {
        return fail(&r, "format", "not UTF-8, or too long");
    }
    struct str line;
    if (!next_line(&r, &line) || !str_eq_cstr(line, "---")) {
        return fail(&r, "format", "the first line is ---");
    }
    enum key block = KEY_COUNT;
    for (;;) {
        if (!next_line(&r, &line)) {
            return fail(&r, "format", "front matter without its closing ---");
        }
        if (str_eq_cstr(line, "---")) {
            break;
        }
        enum err err = take_line(&r, line, &block);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (r.seen != (1U << KEY_COUNT) - 1 || a.n_phrasings == 0) {
        return fail(&r, "required",
                    "title, category, order, summary, risk, answer and phrasings are all needed");
    }
    a.answer = str_trim((struct str){r.answer, r.answer_len});
    a.body = str_trim(r.rest);
    if (a.answer.len == 0) {
        return fail(&r, "required", "empty answer");
    }
    *out = a;
    return ERR_OK;
}
