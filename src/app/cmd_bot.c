/* `stablehand bot train|eval|predict|faq-eval`: the bot's understanding from the command line, by the code that the live bot runs. */
#include <errno.h>
#include <stdio.h>

#include "app/bot_files.h"
#include "app/commands.h"
#include "base/check.h"
#include "base/json.h"
#include "base/timeutil.h"
#include "knowledge/entity.h"

static int train(const struct bot_args *a)
{
    struct bot_data data = {0};
    struct model_report report;
    int code = 1;
    bool is_ok = true;
    for (size_t i = 0; i < a->n_files && is_ok; i++) {
        is_ok = bot_data_read(&data, a->files[i]);
    }
    int64_t started = time_monotonic_ns();
    struct model *m = is_ok ? bot_model_train(&data, &report) : NULL;
    if (m != NULL && bot_model_write(m, a->model)) {
        (void)fprintf(stderr, "%u phrasings, %u labels, %u features, %.1f s\n", report.n_examples,
                      report.n_labels, report.n_features,
                      (double)(time_monotonic_ns() - started) / 1e9);
        if (report.n_checked > 0) {
            (void)fprintf(stderr, "%.1f %% of %u phrasings held back were understood\n",
                          100.0 * report.n_right / report.n_checked, report.n_checked);
        }
        if (report.confused_share > 0.3) {
            (void)fprintf(stderr, "\"" STR_FMT "\" is taken for \"" STR_FMT "\" in %.0f %%\n",
                          STR_ARG(report.confused), STR_ARG(report.taken_for),
                          100.0 * report.confused_share);
        }
        code = 0;
    }
    model_unref(&m);
    bot_data_release(&data);
    return code;
}

static void put_entities(struct json_writer *w, struct arena *arena, struct str text)
{
    struct entity e[ENTITY_MAX];
    size_t n = entities_find(arena, text, e, ENTITY_MAX);
    json_put_key(w, "entities");
    json_array_begin(w);
    for (size_t i = 0; i < n; i++) {
        json_object_begin(w);
        json_kv_cstr(w, "kind", entity_kind_name(e[i].kind));
        json_kv_i64(w, "from", (int64_t)e[i].from);
        json_kv_i64(w, "to", (int64_t)e[i].to);
        json_kv_str(w, "value", e[i].value);
        if (e[i].unit.len > 0) {
            json_kv_str(w, "unit", e[i].unit);
        }
        if (e[i].is_doubtful) {
            json_kv_bool(w, "doubtful", true);
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_prediction(struct json_writer *w, const struct model *m, struct arena *arena,
                           struct str text, const struct model_prediction *p, double reject)
{
    json_object_begin(w);
    json_kv_str(w, "text", text);
    json_kv_cstr(w, "language", p->script == SCRIPT_HAN ? "zh" : "en");
    json_kv_str(w, "label", model_label(m, p->top[0].label));
    json_put_key(w, "p");
    json_put_double(w, (double)p->top[0].p);
    json_kv_bool(w, "in_scope", (double)p->scope_rank >= reject);
    json_put_key(w, "scope_rank");
    json_put_double(w, (double)p->scope_rank);
    json_kv_cstr(w, "by", model_by_name(p->by));
    if (p->phrasing.len > 0) {
        json_kv_str(w, "phrasing", p->phrasing);
    }
    json_put_key(w, "top");
    json_array_begin(w);
    for (uint32_t i = 0; i < p->n_top; i++) {
        json_object_begin(w);
        json_kv_str(w, "label", model_label(m, p->top[i].label));
        json_put_key(w, "p");
        json_put_double(w, (double)p->top[i].p);
        json_object_end(w);
    }
    json_array_end(w);
    put_entities(w, arena, text);
    json_object_end(w);
}

#define LINE_MAX_BYTES 65536

static bool predict_line(const struct model *m, struct arena *arena, struct buf *out,
                         struct str text, double reject)
{
    struct model_prediction p;
    struct json_writer w;
    arena_reset(arena);
    buf_clear(out);
    model_predict(m, arena, text, &p);
    json_writer_init(&w, out);
    put_prediction(&w, m, arena, text, &p, reject);
    (void)buf_add_char(out, '\n');
    return buf_err(out) == ERR_OK && fwrite(out->p, 1, out->len, stdout) == out->len;
}

static int predict(const struct bot_args *a)
{
    struct model *m = bot_model_read(a->model);
    if (m == NULL) {
        return 1;
    }
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int code = 0;
    BUF_AUTO out;
    buf_init(&out, 8 * LINE_MAX_BYTES);
    ARENA_AUTO arena = arena_new(1 << 16);
    for (size_t i = 1; code == 0 && (n = getline(&line, &size, stdin)) >= 0; i++) {
        struct str text = {line, (size_t)n};
        while (text.len > 0 && (text.p[text.len - 1] == '\n' || text.p[text.len - 1] == '\r')) {
            text.len--;
        }
        if (text.len > LINE_MAX_BYTES) {
            (void)fprintf(stderr, "stdin: line %zu: longer than %d bytes\n", i, LINE_MAX_BYTES);
            code = 1;
        } else if (!predict_line(m, arena, &out, text, a->reject)) {
            (void)fprintf(stderr, "stdout: %s\n", strerror(errno));
            code = 1;
        }
    }
    free(line); /* getline's own */
    model_unref(&m);
    return fflush(stdout) == 0 ? code : 1;
}

static int usage(void)
{
    (void)fputs("usage: stablehand bot train FILE.tsv... --model MODEL\n"
                "       stablehand bot eval --train FILE... --test FILE [--oos FILE] [--json]\n"
                "       stablehand bot predict --model MODEL [--reject SHARE] < QUESTIONS\n"
                "       stablehand bot faq-eval --index FILE --queries FILE [--json]\n"
                "Files: one `label TAB text` per line, UTF-8.\n",
                stderr);
    return 2;
}

int cmd_bot(char *const *args)
{
    struct bot_args a;
    struct str what = str_from(args[0]);
    if (args[0] == NULL || !bot_args_parse(args + 1, str_eq(what, STR("train")), &a)) {
        return usage();
    }
    if (str_eq(what, STR("train")) && a.n_files > 0 && a.model != NULL) {
        return train(&a);
    }
    if (str_eq(what, STR("predict")) && a.model != NULL) {
        return predict(&a);
    }
    if (str_eq(what, STR("eval")) && a.n_files > 0 && a.test != NULL) {
        return cmd_bot_eval(&a);
    }
    if (str_eq(what, STR("faq-eval")) && a.index != NULL && a.queries != NULL) {
        return cmd_bot_faq_eval(&a);
    }
    return usage();
}
