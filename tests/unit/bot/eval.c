/* Measures the search and the bot's first reply on the starter content.
 * usage: bot_eval [--check] CONTENT_DIR [k1 b pair gram group group_k group_b title summary answer body]
 *   leave-one-out: each phrasing asked against an index without it (weights and thresholds are chosen on this), and without its whole article (no answer exists)
 *   eval:          content/eval/<lang>.tsv, questions nobody tuned on; rows "none" have no article; and what the bot makes of each as a first message
 * --check prints one line per language and fails when figures fall below what they were. V=e|l lists wrong ones, V=f prints the rows to fit the score on. */
#include <dirent.h>
#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "bot/dialogue.h"
#include "knowledge/frontmatter.h"
#include "knowledge/lang.h"
#include "knowledge/retrieval.h"

struct corpus {
    struct arena *arena;
    VEC(struct retrieval_doc) docs;
    VEC(struct str) slugs;
    VEC(bool) is_money;
};

static struct str file_read(struct arena *arena, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        return (struct str){0};
    }
    char *p = arena_alloc(arena, 400000);
    size_t n = fread(p, 1, 400000, f);
    fclose(f);
    return (struct str){p, n};
}

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void corpus_load(struct corpus *c, const char *dir, enum lang lang)
{
    c->arena = arena_new(1 << 20);
    struct str articles = str_printf(c->arena, "%s/articles", dir);
    DIR *d = opendir(articles.p);
    VEC(const char *) names = {0};
    for (struct dirent *e = d ? readdir(d) : NULL; e != NULL; e = readdir(d)) {
        if (e->d_name[0] != '.') {
            VEC_PUSH(&names, str_to_cstr(c->arena, str_from(e->d_name)));
        }
    }
    if (d) {
        closedir(d);
    }
    if (names.len > 0) {
        qsort(names.items, names.len, sizeof(*names.items), name_cmp);
    }
    for (size_t i = 0; i < names.len; i++) {
        struct str path =
            str_printf(c->arena, "%s/%s/%s.md", articles.p, names.items[i], lang_tag(lang));
        struct article_source a;
        struct errinfo info = {0};
        if (frontmatter_parse(c->arena, file_read(c->arena, path.p), &a, &info) != ERR_OK) {
            fprintf(stderr, "%s: %s %s\n", path.p, info.field, info.message);
            continue;
        }
        uint32_t group = (uint32_t)c->slugs.len;
        VEC_PUSH(&c->slugs, str_from(names.items[i]));
        VEC_PUSH(&c->is_money, a.is_money);
        VEC_PUSH(&c->docs, ((struct retrieval_doc){group, a.title, 1.0, false}));
        VEC_PUSH(&c->docs, ((struct retrieval_doc){group, a.summary, 2, true}));
        VEC_PUSH(&c->docs, ((struct retrieval_doc){group, a.answer, 3, true}));
        VEC_PUSH(&c->docs, ((struct retrieval_doc){group, a.body, 4, true}));
        for (size_t k = 0; k < a.n_phrasings; k++) {
            VEC_PUSH(&c->docs, ((struct retrieval_doc){group, a.phrasings[k], 1.0, false}));
        }
    }
    VEC_RELEASE(&names);
}

struct row {
    bool has_answer, is_right, in_3;
    double score;
    struct retrieval_signals signals;
};

#define MAX_ROWS 4000
static struct row rows[MAX_ROWS];
static size_t n_rows;

static void ask(const struct retrieval *r, struct str text, const struct retrieval_skip *skip,
                int64_t want, const struct corpus *c, char verbose)
{
    ARENA_AUTO arena = arena_new(0);
    struct retrieval_hit hits[3];
    size_t n = retrieval_search(r, arena, text, skip, hits, 3);
    struct row row = {.has_answer = want >= 0};
    for (size_t i = 0; i < n; i++) {
        row.in_3 = row.in_3 || hits[i].group == want;
    }
    if (n > 0) {
        row.is_right = hits[0].group == want;
        row.score = hits[0].score;
        row.signals = hits[0].signals;
    }
    if (verbose == 'f') {
        printf("fit %d %d %.4f %.4f 0 %.4f\n", row.has_answer, row.is_right, row.signals.jaccard,
               row.signals.known, row.signals.lead);
    } else if (verbose != 0 && (row.has_answer ? !row.is_right : row.score > 0.4)) {
        printf("  %s %.2f \"" STR_FMT "\" -> " STR_FMT " want %s\n",
               row.has_answer ? "wrong" : "none", row.score, STR_ARG(text),
               n > 0 ? (int)c->slugs.items[hits[0].group].len : 0,
               n > 0 ? c->slugs.items[hits[0].group].p : "",
               want >= 0 ? c->slugs.items[want].p : "none");
    }
    if (n_rows < MAX_ROWS) {
        rows[n_rows++] = row;
    }
}

struct figures {
    double r1, r3;
};

static double percent(size_t part, size_t whole)
{
    return 100.0 * (double)part / (double)(whole > 0 ? whole : 1);
}

static struct figures report(const char *what, bool has_table)
{
    size_t n = 0, r1 = 0, r3 = 0, none = 0;
    for (size_t i = 0; i < n_rows; i++) {
        n += rows[i].has_answer;
        none += !rows[i].has_answer;
        r1 += rows[i].has_answer && rows[i].is_right;
        r3 += rows[i].has_answer && rows[i].in_3;
    }
    printf("%-14s n %zu  R@1 %.1f  R@3 %.1f  without answer %zu\n", what, n, percent(r1, n),
           percent(r3, n), none);
    if (has_table) {
        printf("  score >=  answered%%  wrong%% of answered  answered%% of those without answer\n");
    }
    for (double cut = 0.30; has_table && cut < 0.86; cut += 0.05) {
        size_t answered = 0, wrong = 0, none_answered = 0;
        for (size_t i = 0; i < n_rows; i++) {
            bool a = rows[i].score >= cut;
            answered += a && rows[i].has_answer;
            wrong += a && rows[i].has_answer && !rows[i].is_right;
            none_answered += a && !rows[i].has_answer;
        }
        printf("  %.2f      %6.1f     %6.1f              %6.1f\n", cut, percent(answered, n),
               percent(wrong, answered), percent(none_answered, none));
    }
    return (struct figures){percent(r1, n), percent(r3, n)};
}

static void leave_one_out(const struct retrieval *r, const struct corpus *c, char verbose)
{
    uint32_t prev = RETRIEVAL_NONE;
    n_rows = 0;
    for (uint32_t i = 0; i < c->docs.len; i++) {
        bool is_title = c->docs.items[i].group != prev;
        prev = c->docs.items[i].group;
        if (!is_title && !c->docs.items[i].is_context) {
            ask(r, c->docs.items[i].text, &(struct retrieval_skip){i, RETRIEVAL_NONE}, prev, c,
                verbose == 'l' || verbose == 'f' ? verbose : 0);
            ask(r, c->docs.items[i].text, &(struct retrieval_skip){RETRIEVAL_NONE, prev}, -1, c,
                verbose == 'f' ? verbose : 0);
        }
    }
}

/* ---- the bot's first reply ---- */

struct replies {
    size_t n, answered, right, offered, person, miss;        /* of questions with an article */
    size_t n_none, none_answered, none_person, none_offered; /* of those without */
};

static void reply(const struct retrieval *r, const struct phrases *phrases, const struct corpus *c,
                  enum lang lang, struct str text, int64_t want, struct replies *out)
{
    ARENA_AUTO arena = arena_new(0);
    struct retrieval_hit hits[BOT_MAX_MATCHES];
    struct kb_article articles[BOT_MAX_MATCHES] = {0};
    struct bot_match matches[BOT_MAX_MATCHES];
    size_t n = retrieval_search(r, arena, text, NULL, hits, BOT_MAX_MATCHES);
    for (size_t i = 0; i < n; i++) {
        articles[i].slug = c->slugs.items[hits[i].group];
        articles[i].risk = c->is_money.items[hits[i].group] ? RISK_MONEY : RISK_NONE;
        matches[i] = (struct bot_match){
            .article = &articles[i], .score = hits[i].score, .is_exact = hits[i].is_exact};
    }
    const struct dialogue_settings settings = {
        .answer_threshold = 0.45, .clarify_threshold = 0.15, .max_misses = 2};
    const struct dialogue_state state = {0};
    const struct dialogue_input in = {.text = text,
                                      .lang = lang,
                                      .matches = matches,
                                      .n_matches = n,
                                      .found = phrases_find(phrases, arena, text)};
    struct dialogue_decision d = dialogue_decide(&settings, &state, &in);
    bool is_offered = false;
    for (int i = 0; i < d.n_buttons; i++) {
        is_offered = is_offered || (d.buttons[i].kind == BUTTON_ARTICLE && want >= 0 &&
                                    str_eq(d.buttons[i].article->slug, c->slugs.items[want]));
    }
    bool is_person = d.action == DIALOGUE_HANDOVER;
    if (want < 0) {
        out->n_none++;
        out->none_answered += d.answer != NULL && !is_person;
        out->none_person += is_person;
        out->none_offered += d.action == DIALOGUE_CLARIFY;
        return;
    }
    out->n++;
    out->answered += d.answer != NULL;
    out->right += d.answer != NULL && str_eq(d.answer->slug, c->slugs.items[want]);
    out->offered += d.answer == NULL && is_offered;
    out->person += d.answer == NULL && is_person;
    out->miss += d.answer == NULL && !is_person && !is_offered;
}

static void report_replies(const struct replies *p)
{
    printf("bot            answered %.1f%% (right %.1f%%, wrong %.1f%%), right article among the "
           "buttons %.1f%%, straight to a person %.1f%%, asked to rephrase %.1f%%\n",
           percent(p->answered, p->n), percent(p->right, p->n),
           percent(p->answered - p->right, p->n), percent(p->offered, p->n),
           percent(p->person, p->n), percent(p->miss, p->n));
    printf(
        "  without answer: answered all the same %.1f%%, asked which %.1f%%, to a person %.1f%%\n",
        percent(p->none_answered, p->n_none), percent(p->none_offered, p->n_none),
        percent(p->none_person, p->n_none));
}

static struct replies evaluate(const struct retrieval *r, const struct phrases *phrases,
                               struct corpus *c, const char *dir, enum lang lang, char verbose)
{
    struct replies replies = {0};
    n_rows = 0;
    struct str rest =
        file_read(c->arena, str_printf(c->arena, "%s/eval/%s.tsv", dir, lang_tag(lang)).p);
    struct str line;
    while (str_split(&rest, '\n', &line)) {
        size_t tab = str_find_char(line, '\t');
        if (tab == SIZE_MAX) {
            continue;
        }
        int64_t want = -1;
        for (size_t i = 0; i < c->slugs.len; i++) {
            want = str_eq(c->slugs.items[i], str_sub(line, 0, tab)) ? (int64_t)i : want;
        }
        struct str question = str_sub(line, tab + 1, line.len);
        ask(r, question, NULL, want, c, verbose == 'e' ? verbose : 0);
        reply(r, phrases, c, lang, question, want, &replies);
    }
    return replies;
}

/* What it must not fall below: the figures of docs/bot.md with some room for new articles. */
static bool is_good(enum lang lang, struct figures f, const struct replies *p)
{
    double r1 = lang == LANG_EN ? 65 : 80;
    bool is_ok = p->n >= 60 && f.r1 >= r1 && f.r3 >= r1 + 8 &&
                 percent(p->answered - p->right, p->n) <= 8 &&
                 percent(p->none_answered, p->n_none) <= 15;
    if (!is_ok) {
        printf("%s: below what it was\n", lang_tag(lang));
    }
    return is_ok;
}

int main(int argc, char **argv)
{
    bool is_check = argc > 1 && strcmp(argv[1], "--check") == 0;
    argv += is_check;
    argc -= is_check;
    if (argc < 2) {
        return 2;
    }
    struct retrieval_params p = retrieval_params_default();
    double w_title = 1, w_summary = 0.7, w_answer = 0.5, w_body = 0.2;
    double *fields[] = {&p.k1,           &p.b,       &p.pair_weight, &p.gram_weight,
                        &p.group_weight, &p.group_k, &p.group_b,     &w_title,
                        &w_summary,      &w_answer,  &w_body};
    for (int i = 2; i < argc && i < 2 + (int)ARRAY_LEN(fields); i++) {
        *fields[i - 2] = strtod(argv[i], NULL);
    }
    char verbose = getenv("V") != NULL ? getenv("V")[0] : 0;
    struct phrases *phrases = NULL;
    ARENA_AUTO arena = arena_new(0);
    if (phrases_parse(file_read(arena, str_printf(arena, "%s/phrases.json", argv[1]).p), &phrases,
                      NULL) != ERR_OK) {
        return 2;
    }
    bool is_ok = true;
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        struct corpus c = {0};
        corpus_load(&c, argv[1], (enum lang)lang);
        for (size_t i = 0; i < c.docs.len; i++) {
            struct retrieval_doc *d = &c.docs.items[i];
            d->weight = !d->is_context    ? d->weight
                        : d->weight > 3.5 ? w_body
                        : d->weight > 2.5 ? w_answer
                                          : w_summary;
        }
        struct retrieval *r = retrieval_new(c.docs.items, c.docs.len, &p);
        printf("== %s: %zu articles, %zu texts\n", lang_tag((enum lang)lang), c.slugs.len,
               c.docs.len);
        if (!is_check) {
            leave_one_out(r, &c, verbose);
            (void)report("leave-one-out", true);
        }
        struct replies replies = evaluate(r, phrases, &c, argv[1], (enum lang)lang, verbose);
        struct figures f = report("eval", !is_check);
        report_replies(&replies);
        is_ok = (!is_check || is_good((enum lang)lang, f, &replies)) && is_ok;
        retrieval_free(&r);
        VEC_RELEASE(&c.docs);
        VEC_RELEASE(&c.slugs);
        VEC_RELEASE(&c.is_money);
        arena_free(&c.arena);
    }
    phrases_free(&phrases);
    return is_ok ? 0 : 1;
}
