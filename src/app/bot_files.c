#include "app/bot_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

/* ---- arguments ---- */

struct option {
    const char *name;
    const char **value; /* NULL: takes none */
};

static bool take_reject(const char *text, struct bot_args *out)
{
    char *end = NULL;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !(v >= 0 && v <= 0.5)) {
        (void)fprintf(stderr, "--reject: \"%s\" is no share from 0 to 0.5\n", text);
        return false;
    }
    out->reject = v;
    return true;
}

/* The value of `option` when args[*at] is it: behind '=' or the next argument. */
static bool take_value(char *const *args, size_t *at, const char *option, const char **out)
{
    struct str arg = str_from(args[*at]);
    size_t n = strlen(option);
    if (!str_starts(arg, str_from(option)) || (arg.len > n && arg.p[n] != '=')) {
        return false;
    }
    if (arg.len > n) {
        *out = arg.p + n + 1;
    } else if (args[*at + 1] != NULL) {
        *out = args[++*at];
    } else {
        (void)fprintf(stderr, "%s: a value is missing\n", option);
        *out = NULL;
    }
    return true;
}

static bool add_file(struct bot_args *out, const char *path)
{
    if (out->n_files == BOT_MAX_FILES) {
        (void)fprintf(stderr, "more than %d files\n", BOT_MAX_FILES);
        return false;
    }
    out->files[out->n_files++] = path;
    return true;
}

/* One argument, or one option with its value. */
static bool take(char *const *args, size_t *i, bool plain_ok, struct bot_args *out)
{
    const struct option options[] = {{"--model", &out->model},
                                     {"--test", &out->test},
                                     {"--oos", &out->oos},
                                     {"--index", &out->index},
                                     {"--queries", &out->queries}};
    const char *value = NULL;
    if (!str_starts(str_from(args[*i]), STR("--"))) {
        if (!plain_ok) {
            (void)fprintf(stderr, "what is \"%s\"?\n", args[*i]);
            return false;
        }
        return add_file(out, args[*i]);
    }
    if (str_eq_cstr(STR("--json"), args[*i])) {
        out->is_json = true;
        return true;
    }
    if (take_value(args, i, "--train", &value)) {
        bool is_ok = value != NULL && add_file(out, value);
        while (is_ok && args[*i + 1] != NULL && args[*i + 1][0] != '-') {
            is_ok = add_file(out, args[++*i]);
        }
        return is_ok;
    }
    if (take_value(args, i, "--reject", &value)) {
        return value != NULL && take_reject(value, out);
    }
    for (size_t o = 0; o < ARRAY_LEN(options); o++) {
        if (take_value(args, i, options[o].name, options[o].value)) {
            return *options[o].value != NULL;
        }
    }
    (void)fprintf(stderr, "no option %s\n", args[*i]);
    return false;
}

bool bot_args_parse(char *const *args, bool plain_ok, struct bot_args *out)
{
    *out = (struct bot_args){.reject = 0.05};
    for (size_t i = 0; args[i] != NULL; i++) {
        if (!take(args, &i, plain_ok, out)) {
            return false;
        }
    }
    return true;
}

/* ---- files ---- */

/* NULL, said on stderr: cannot be read, or longer than `max`. */
static char *file_read(const char *path, size_t max, size_t *len_out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return NULL;
    }
    struct buf b;
    buf_init(&b, max);
    for (;;) {
        char block[65536];
        size_t n = fread(block, 1, sizeof(block), f);
        if (n == 0 || buf_add(&b, block, n) != ERR_OK) {
            break;
        }
    }
    bool is_bad = ferror(f) != 0;
    (void)fclose(f);
    if (is_bad || buf_err(&b) != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", path,
                      is_bad ? "cannot be read" : "larger than this program takes");
        buf_release(&b);
        return NULL;
    }
    (void)buf_reserve(&b, 1);
    return buf_detach(&b, len_out);
}

bool bot_data_read(struct bot_data *d, const char *path)
{
    size_t len;
    struct errinfo info = {0};
    char *text = file_read(path, DATASET_MAX_BYTES, &len);
    if (text == NULL) {
        return false;
    }
    VEC_PUSH(&d->texts, text);
    if (dataset_parse(&d->set, (struct str){text, len}, &info) != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, info.message);
        return false;
    }
    return true;
}

void bot_data_release(struct bot_data *d)
{
    for (size_t i = 0; i < d->texts.len; i++) {
        mem_free(d->texts.items[i]);
    }
    VEC_RELEASE(&d->texts);
    dataset_release(&d->set);
}

struct model *bot_model_train(const struct bot_data *d, struct model_report *report)
{
    struct model *m = NULL;
    struct errinfo info = {0};
    if (model_train(d->set.rows.items, d->set.rows.len, NULL, &m, report, &info) != ERR_OK) {
        (void)fprintf(stderr, "cannot train: %s%s%s\n", info.field, info.field[0] ? ": " : "",
                      info.message);
        return NULL;
    }
    return m;
}

struct model *bot_model_read(const char *path)
{
    size_t len;
    struct errinfo info = {0};
    struct model *m = NULL;
    char *bytes = file_read(path, MODEL_FILE_MAX, &len);
    if (bytes == NULL) {
        return NULL;
    }
    if (model_decode((struct str){bytes, len}, &m, &info) != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", path, info.message);
    }
    mem_free(bytes);
    return m;
}

static bool write_all(int fd, struct str s)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.p, s.len);
        if (n < 0) {
            return false;
        }
        s = str_sub(s, (size_t)n, s.len);
    }
    return fsync(fd) == 0;
}

bool bot_model_write(const struct model *m, const char *path)
{
    BUF_AUTO bytes;
    buf_init(&bytes, MODEL_FILE_MAX);
    if (model_encode(m, &bytes) != ERR_OK) {
        (void)fprintf(stderr, "%s: the model is larger than %u MB\n", path, MODEL_FILE_MAX >> 20);
        return false;
    }
    ARENA_AUTO arena = arena_new(0);
    const char *beside = str_printf(arena, "%s.part", path).p;
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_ok = fd >= 0 && write_all(fd, buf_str(&bytes));
    is_ok = (fd < 0 || close(fd) == 0) && is_ok && rename(beside, path) == 0;
    if (!is_ok) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        (void)unlink(beside);
    }
    return is_ok;
}
