#include "bot/dataset.h"

#include "base/utf8.h"

static enum err line_error(struct errinfo *info, enum err err, size_t line, const char *code,
                           const char *what)
{
    char field[32];
    (void)snprintf(field, sizeof(field), "line %zu", line);
    return err_set(info, err, field, code, "line %zu: %s", line, what);
}

static enum err parse_line(struct dataset *d, struct str s, size_t line, struct errinfo *info)
{
    size_t tab = str_find_char(s, '\t');
    if (tab == SIZE_MAX) {
        return line_error(info, ERR_INVALID, line, "no_tab", "no tab between label and text");
    }
    struct str label = str_trim(str_sub(s, 0, tab));
    struct str text = str_trim(str_sub(s, tab + 1, s.len));
    if (label.len == 0) {
        return line_error(info, ERR_INVALID, line, "no_label", "nothing before the tab");
    }
    if (text.len == 0) {
        return line_error(info, ERR_INVALID, line, "no_text", "nothing behind the tab");
    }
    if (label.len > MODEL_MAX_LABEL) {
        return line_error(info, ERR_LIMIT, line, "long_label", "label longer than 200 bytes");
    }
    if (text.len > MODEL_MAX_TEXT) {
        return line_error(info, ERR_LIMIT, line, "long_text", "text longer than 2000 bytes");
    }
    if (!utf8_is_valid(s) || str_find_char(s, '\0') != SIZE_MAX) {
        return line_error(info, ERR_INVALID, line, "bad_utf8", "not UTF-8");
    }
    if (d->rows.len >= MODEL_MAX_EXAMPLES) {
        return line_error(info, ERR_LIMIT, line, "too_many", "more than 200000 examples");
    }
    VEC_PUSH(&d->rows, ((struct model_example){label, text}));
    return ERR_OK;
}

enum err dataset_parse(struct dataset *d, struct str text, struct errinfo *info)
{
    if (text.len > DATASET_MAX_BYTES) {
        return err_set(info, ERR_LIMIT, "file", "too_large", "larger than 64 MB");
    }
    struct str rest = str_starts(text, STR("\xEF\xBB\xBF")) ? str_sub(text, 3, text.len) : text;
    struct str line;
    for (size_t n = 1; str_split(&rest, '\n', &line); n++) {
        if (str_ends(line, STR("\r"))) {
            line.len--;
        }
        if (str_trim(line).len == 0) {
            continue;
        }
        enum err err = parse_line(d, line, n, info);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

void dataset_release(struct dataset *d)
{
    VEC_RELEASE(&d->rows);
}
