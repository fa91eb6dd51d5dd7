/* Layers are applied in order over the defaults; each value is parsed and checked the moment it is applied, so the message can name where it came from.
 * Values are kept as text and as a number side by side: whoever reads later cannot fail. */
#include "platform/settings.h"

#include <errno.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define FILE_MAX (256 * 1024)
#define VALUE_MAX 4096
#define ENV_PREFIX "STABLEHAND_"

struct value {
    char *text;
    int64_t number;
};
struct settings {
    const struct setting *table;
    size_t n;
    struct value *values;
};

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit durations[] = {
    {"ms", 1},           {"s", TIME_SECOND_MS}, {"m", TIME_MINUTE_MS},
    {"h", TIME_HOUR_MS}, {"d", TIME_DAY_MS},    {NULL, 0}};
static const struct unit sizes[] = {
    {"B", 1}, {"kB", 1024}, {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}, {NULL, 0}};
static const struct unit plain[] = {{"", 1}, {NULL, 0}};

/* ---- values ---- */

static bool parse_number(struct str s, const struct unit *units, int64_t *out)
{
    size_t digits = 0;
    while (digits < s.len && s.p[digits] >= '0' && s.p[digits] <= '9') {
        digits++;
    }
    int64_t n = 0;
    if (!str_to_i64(str_sub(s, 0, digits), &n)) {
        return false;
    }
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (str_eq_cstr(str_sub(s, digits, s.len), u->name)) {
            return !__builtin_mul_overflow(n, u->factor, out);
        }
    }
    return false;
}

static const struct unit *units_of(enum setting_type type)
{
    switch (type) {
    case SETTING_DURATION_MS:
        return durations;
    case SETTING_SIZE:
        return sizes;
    case SETTING_INT:
        return plain;
    case SETTING_STR:
    case SETTING_BOOL:
    case SETTING_WORDS:
    case SETTING_SECRET:
        break;
    }
    return NULL;
}

static bool is_in_range(struct str allowed, const struct unit *units, int64_t n)
{
    size_t dots = str_find(allowed, STR(".."));
    int64_t min = 0;
    int64_t max = 0;
    ASSERT(dots != SIZE_MAX && parse_number(str_sub(allowed, 0, dots), units, &min) &&
           parse_number(str_sub(allowed, dots + 2, allowed.len), units, &max));
    return n >= min && n <= max;
}

static bool is_word(struct str allowed, struct str word)
{
    struct str part;
    while (str_split(&allowed, '|', &part)) {
        if (str_eq(part, word)) {
            return true;
        }
    }
    return false;
}

static const char *expectation(const struct setting *s)
{
    switch (s->type) {
    case SETTING_BOOL:
        return "true or false";
    case SETTING_INT:
        return "a whole number";
    case SETTING_DURATION_MS:
        return "a duration such as 500ms, 30s, 5m, 12h or 7d";
    case SETTING_SIZE:
        return "a size such as 512kB, 64MB or 2GB";
    case SETTING_WORDS:
    case SETTING_STR:
    case SETTING_SECRET:
        break;
    }
    return "text";
}

/* `where` names the layer: "file /etc/x.conf line 3", "environment", "command line". */
static enum err parse_value(const struct setting *s, struct str value, const char *where,
                            int64_t *number_out, struct errinfo *info)
{
    struct str allowed = str_from(s->allowed);
    bool good =
        value.len <= VALUE_MAX && memchr(value.p != NULL ? value.p : "", 0, value.len) == NULL;
    int64_t number = 0;
    if (s->type == SETTING_BOOL) {
        good = good && (str_eq_cstr(value, "true") || str_eq_cstr(value, "false"));
        number = str_eq_cstr(value, "true");
    } else if (s->type == SETTING_WORDS) {
        good = good && is_word(allowed, value);
    } else if (units_of(s->type) != NULL) {
        good = good && parse_number(value, units_of(s->type), &number) &&
               (allowed.len == 0 || is_in_range(allowed, units_of(s->type), number));
    }
    if (!good && s->type == SETTING_SECRET) {
        return err_set(info, ERR_INVALID, s->key, "setting_value",
                       "%s (%s): this value cannot be used.", s->key, where);
    }
    if (!good) {
        return err_set(info, ERR_INVALID, s->key, "setting_value",
                       "%s = " STR_FMT " (%s): expected %s%s%s.", s->key,
                       STR_ARG(str_sub(value, 0, 40)), where,
                       allowed.len > 0 && s->type == SETTING_WORDS ? "" : expectation(s),
                       allowed.len > 0 && s->type != SETTING_WORDS ? ", " : "",
                       allowed.len > 0 ? s->allowed : "");
    }
    *number_out = number;
    return ERR_OK;
}

static void keep(struct settings *st, size_t i, struct str value, int64_t number)
{
    char *text = mem_alloc(value.len + 1);
    memcpy(text, value.p != NULL ? value.p : "", value.len);
    text[value.len] = 0;
    mem_free(st->values[i].text);
    st->values[i] = (struct value){text, number};
}

/* ---- keys ---- */

static size_t find_key(const struct settings *st, struct str key)
{
    for (size_t i = 0; i < st->n; i++) {
        if (str_eq_cstr(key, st->table[i].key)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance; keys are short. */
static size_t distance(struct str a, struct str b)
{
    size_t row[65];
    if (a.len > 64 || b.len > 64) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[b.len];
}

static enum err unknown_key(const struct settings *st, struct str key, const char *where,
                            struct errinfo *info)
{
    size_t best = SIZE_MAX;
    size_t best_distance = key.len / 2 < 4 ? key.len / 2 + 1 : 5;
    for (size_t i = 0; i < st->n; i++) {
        struct str full = str_from(st->table[i].key);
        size_t d = distance(key, full);
        size_t tail = distance(key, str_sub(full, str_find_char(full, '.') + 1, full.len)) +
                      1; /* "--listen" */
        d = tail < d ? tail : d;
        if (d < best_distance) {
            best_distance = d;
            best = i;
        }
    }
    struct str shown = str_sub(key, 0, 48);
    if (best == SIZE_MAX) {
        return err_set(info, ERR_INVALID, "", "setting_unknown",
                       "There is no setting " STR_FMT " (%s). --help-config lists them all.",
                       STR_ARG(shown), where);
    }
    return err_set(info, ERR_INVALID, "", "setting_unknown",
                   "There is no setting " STR_FMT " (%s). Did you mean %s?", STR_ARG(shown), where,
                   st->table[best].key);
}

static enum err apply(struct settings *st, struct str key, struct str value, const char *where,
                      struct errinfo *info)
{
    size_t i = find_key(st, key);
    if (i == SIZE_MAX) {
        return unknown_key(st, key, where, info);
    }
    int64_t number = 0;
    enum err err = parse_value(&st->table[i], value, where, &number, info);
    if (err == ERR_OK) {
        keep(st, i, value, number);
    }
    return err;
}

/* ---- layers ---- */

static struct str unquote(struct str v)
{
    return v.len >= 2 && v.p[0] == '"' && v.p[v.len - 1] == '"' ? str_sub(v, 1, v.len - 2) : v;
}

static enum err apply_text(struct settings *st, const char *file, struct str text,
                           struct errinfo *info)
{
    struct str line;
    for (int no = 1; str_split(&text, '\n', &line); no++) {
        line = str_trim(line);
        if (line.len == 0 || line.p[0] == '#') {
            continue;
        }
        char where[96];
        snprintf(where, sizeof(where), "%.64s line %d", file, no);
        size_t eq = str_find_char(line, '=');
        if (eq == SIZE_MAX) {
            return err_set(info, ERR_INVALID, "", "setting_line", "%s: expected \"key = value\".",
                           where);
        }
        struct str value = unquote(str_trim(str_sub(line, eq + 1, line.len)));
        enum err err = apply(st, str_trim(str_sub(line, 0, eq)), value, where, info);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err apply_file(struct settings *st, const char *file, struct errinfo *info)
{
    FILE *f = fopen(file, "re");
    if (f == NULL) {
        return err_set(info, ERR_NOT_FOUND, "", "setting_file", "Cannot open %.100s: %s.", file,
                       strerrordesc_np(errno));
    }
    char *text = mem_alloc(FILE_MAX + 1);
    size_t len = fread(text, 1, FILE_MAX + 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    enum err err =
        failed ? err_set(info, ERR_UNAVAILABLE, "", "setting_file", "Cannot read %.100s.", file)
        : len > FILE_MAX
            ? err_set(info, ERR_LIMIT, "", "setting_file", "%.100s is larger than 256 kB.", file)
            : apply_text(st, file, (struct str){text, len}, info);
    mem_wipe(text, FILE_MAX + 1);
    mem_free(text);
    return err;
}

/* "http.listen" from "HTTP_LISTEN": by comparing with every key, because both '.' and '_' became '_'. */
static bool env_names_key(struct str name, const char *key)
{
    size_t len = strlen(key);
    if (name.len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        char c = key[i] == '.' ? '_' : key[i];
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (c != name.p[i]) {
            return false;
        }
    }
    return true;
}

/* The key that a variable names; unknown: as a key would look, with one dot, for the suggestion. */
static void key_of_env(const struct settings *st, struct str name, char out[65])
{
    for (size_t i = 0; i < st->n; i++) {
        if (env_names_key(name, st->table[i].key)) {
            snprintf(out, 65, "%s", st->table[i].key);
            return;
        }
    }
    bool dotted = false;
    size_t n = name.len < 64 ? name.len : 64;
    for (size_t i = 0; i < n; i++) {
        char c = name.p[i];
        out[i] = c == '_' && !dotted ? '.' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        dotted = dotted || c == '_';
    }
    out[n] = 0;
}

static enum err apply_environment(struct settings *st, struct errinfo *info)
{
    for (char *const *e = environ; e != NULL && *e != NULL; e++) {
        struct str name = str_from(*e);
        size_t eq = str_find_char(name, '=');
        if (!str_starts(name, STR(ENV_PREFIX)) || eq == SIZE_MAX) {
            continue;
        }
        char key[65];
        key_of_env(st, str_sub(name, strlen(ENV_PREFIX), eq - strlen(ENV_PREFIX)), key);
        enum err err =
            apply(st, str_from(key), str_sub(name, eq + 1, name.len), "environment", info);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err apply_args(struct settings *st, char *const *args, struct errinfo *info)
{
    for (; args != NULL && *args != NULL; args++) {
        struct str arg = str_from(*args);
        size_t eq = str_find_char(arg, '=');
        if (!str_starts(arg, STR("--")) || eq == SIZE_MAX) {
            return err_set(info, ERR_INVALID, "", "setting_argument",
                           "%.60s: expected --key=value.", *args);
        }
        enum err err =
            apply(st, str_sub(arg, 2, eq - 2), str_sub(arg, eq + 1, arg.len), "command line", info);
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

/* ---- life ---- */

enum err settings_load(const char *file, char *const *args, struct settings **out,
                       struct errinfo *info)
{
    struct settings *st = MEM_NEW(struct settings);
    st->table = settings_table(&st->n);
    st->values = MEM_NEW_ARRAY(struct value, st->n);
    enum err err = ERR_OK;
    for (size_t i = 0; i < st->n && err == ERR_OK; i++) {
        err =
            apply(st, str_from(st->table[i].key), str_from(st->table[i].fallback), "default", info);
    }
    ASSERT(err == ERR_OK); /* the table is ours */
    if (file != NULL) {
        err = apply_file(st, file, info);
    }
    if (err == ERR_OK) {
        err = apply_environment(st, info);
    }
    if (err == ERR_OK) {
        err = apply_args(st, args, info);
    }
    if (err != ERR_OK) {
        settings_free(&st);
        return err;
    }
    *out = st;
    return ERR_OK;
}

void settings_free(struct settings **s)
{
    if (*s == NULL) {
        return;
    }
    for (size_t i = 0; i < (*s)->n; i++) {
        if ((*s)->values[i].text != NULL) {
            mem_wipe((*s)->values[i].text, strlen((*s)->values[i].text));
        }
        mem_free((*s)->values[i].text);
    }
    mem_free((*s)->values);
    mem_free(*s);
    *s = NULL;
}

static size_t must_find(const struct settings *s, const char *key)
{
    size_t i = find_key(s, str_from(key));
    ASSERT(i != SIZE_MAX);
    return i;
}

const char *settings_str(const struct settings *s, const char *key)
{
    return s->values[must_find(s, key)].text;
}

int64_t settings_int(const struct settings *s, const char *key)
{
    size_t i = must_find(s, key);
    ASSERT(units_of(s->table[i].type) != NULL);
    return s->values[i].number;
}

bool settings_bool(const struct settings *s, const char *key)
{
    size_t i = must_find(s, key);
    ASSERT(s->table[i].type == SETTING_BOOL);
    return s->values[i].number != 0;
}

void settings_print_help(bool chinese)
{
    size_t n = 0;
    const struct setting *table = settings_table(&n);
    puts(chinese ? "# 优先级:默认值 < 配置文件 (--config=文件) < 环境变量 (STABLEHAND_HTTP_LISTEN) "
                   "< 命令行 (--http.listen=...)\n# 本输出可直接用作配置文件。"
                 : "# Order: default < file (--config=FILE) < environment (STABLEHAND_HTTP_LISTEN) "
                   "< command line (--http.listen=...)\n# This output can be used as a file.");
    for (size_t i = 0; i < n; i++) {
        printf("\n# %s\n", chinese ? table[i].help_zh : table[i].help_en);
        if (table[i].allowed != NULL) {
            printf("# %s: %s\n", chinese ? "允许" : "Allowed", table[i].allowed);
        }
        printf("#%s = %s\n", table[i].key, table[i].fallback);
    }
}
