/* Measures the search on the starter content.
 * usage: bot_eval CONTENT_DIR [k1 b pair gram group]
 *   leave-one-out: each phrasing asked against an index without it (this is what thresholds are chosen on)
 *   eval: content/eval/<lang>.tsv, questions nobody tuned on; rows "none" have no article. */
#include <dirent.h>
#include <math.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
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
        struct str path = str_printf(c->arena, "%s/%s/%s.md", articles.p, names.items[i], lang_tag(lang));
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

static void ask(const struct retrieval *r, struct str text, const struct retrieval_skip *skip, int64_t want, const struct corpus *c, char verbose)
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
        printf("fit %d %d %.4f %.4f 0 %.4f\n", row.has_answer, row.is_right, row.signals.jaccard, row.signals.known, row.signals.lead);
    } else if (verbose != 0 && (row.has_answer ? !row.is_right : row.score > 0.4)) {
        printf("  %s %.2f \"" STR_FMT "\" -> " STR_FMT " want %s\n", row.has_answer ? "wrong" : "none", row.score, STR_ARG(text),
               n > 0 ? (int)c->slugs.items[hits[0].group].len : 0, n > 0 ? c->slugs.items[hits[0].group].p : "", want >= 0 ? c->slugs.items[want].p : "none");
    }
    if (n_rows < MAX_ROWS) {
        rows[n_rows++] = row;
    }
}

static void report(const char *what)
{
    size_t n = 0, r1 = 0, r3 = 0, none = 0;
    for (size_t i = 0; i < n_rows; i++) {
        n += rows[i].has_answer;
        none += !rows[i].has_answer;
        r1 += rows[i].has_answer && rows[i].is_right;
        r3 += rows[i].has_answer && rows[i].in_3;
    }
    printf("%-18s n %zu R@1 %.1f R@3 %.1f none %zu\n", what, n, 100.0 * (double)r1 / (double)(n ? n : 1), 100.0 * (double)r3 / (double)(n ? n : 1), none);
    printf("  cut   answered%%  wrong%%-of-answered  none-answered%%\n");
    for (double cut = 0.30; cut < 0.91; cut += 0.05) {
        size_t ans = 0, wrong = 0, fa = 0;
        for (size_t i = 0; i < n_rows; i++) {
            bool a = rows[i].score >= cut;
            ans += a && rows[i].has_answer;
            wrong += a && rows[i].has_answer && !rows[i].is_right;
            fa += a && !rows[i].has_answer;
        }
        printf("  %.2f  %6.1f %6.1f %6.1f\n", cut, 100.0 * (double)ans / (double)(n ? n : 1), 100.0 * (double)wrong / (double)(ans ? ans : 1),
               100.0 * (double)fa / (double)(none ? none : 1));
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return 2;
    }
    struct retrieval_params p = retrieval_params_default();
    double w_title = 1, w_summary = 0.7, w_answer = 0.5, w_body = 0.2;
    double *fields[] = {&p.k1, &p.b, &p.pair_weight, &p.gram_weight, &p.group_weight, &p.group_k, &p.group_b, &w_title, &w_summary, &w_answer, &w_body};
    for (int i = 2; i < argc && i < 2 + (int)ARRAY_LEN(fields); i++) {
        *fields[i - 2] = strtod(argv[i], NULL);
    }
    char verbose = getenv("V") != NULL ? getenv("V")[0] : 0;
    for (int lang = 0; lang < LANG_COUNT; lang++) {
        struct corpus c = {0};
        corpus_load(&c, argv[1], (enum lang)lang);
        for (size_t i = 0; i < c.docs.len; i++) {
            struct retrieval_doc *d = &c.docs.items[i];
            d->weight = d->is_context ? (d->weight == 2.0 ? w_summary : d->weight == 3.0 ? w_answer : w_body) : d->weight;
        }
        struct retrieval *r = retrieval_new(c.docs.items, c.docs.len, &p);
        n_rows = 0;
        uint32_t prev = RETRIEVAL_NONE;
        for (uint32_t i = 0; i < c.docs.len; i++) {
            bool is_title = c.docs.items[i].group != prev;
            prev = c.docs.items[i].group;
            if (!is_title && !c.docs.items[i].is_context) {
                ask(r, c.docs.items[i].text, &(struct retrieval_skip){i, RETRIEVAL_NONE}, prev, &c, verbose == 'l' || verbose == 'f' ? verbose : 0);
                ask(r, c.docs.items[i].text, &(struct retrieval_skip){RETRIEVAL_NONE, prev}, -1, &c, verbose == 'f' ? verbose : 0);
            }
        }
        printf("== %s articles %zu docs %zu\n", lang_tag((enum lang)lang), c.slugs.len, c.docs.len);
        report("leave-one-out");
        n_rows = 0;
        struct str rest = file_read(c.arena, str_printf(c.arena, "%s/eval/%s.tsv", argv[1], lang_tag((enum lang)lang)).p);
        struct str line;
        while (str_split(&rest, '\n', &line)) {
            size_t tab = str_find_char(line, '\t');
            if (tab == SIZE_MAX) {
                continue;
            }
            int64_t want = -1;
            for (size_t i = 0; i < c.slugs.len; i++) {
                want = str_eq(c.slugs.items[i], str_sub(line, 0, tab)) ? (int64_t)i : want;
            }
            ask(r, str_sub(line, tab + 1, line.len), NULL, want, &c, verbose == 'e' ? verbose : 0);
        }
        report("eval");
        retrieval_free(&r);
        VEC_RELEASE(&c.docs);
        VEC_RELEASE(&c.slugs);
        VEC_RELEASE(&c.is_money);
        arena_free(&c.arena);
    }
    return 0;
}
