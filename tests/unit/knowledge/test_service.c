/* The room on a real database: importing, drafts and versions, publishing, the snapshot, votes, pages.
 * With HELP_DUMP=folder in the environment it leaves the pages there, to be looked at. */
#include "../platform/tmpdb.h"

#include <sys/stat.h>

#include "base/mem.h"
#include "knowledge/article_store.h"
#include "knowledge/knowledge_internal.h"
#include "platform/crypto.h"
#include "platform/http_impl.h"

struct world {
    struct tmpdb tmp;
    struct knowledge *k;
    struct arena *arena;
    int64_t now;
    const char *brand;
};

static int64_t world_now(void *arg)
{
    return ((struct world *)arg)->now;
}

static enum err world_site(void *arg, struct db_txn *txn, struct arena *arena,
                           struct knowledge_site *out)
{
    UNUSED(txn);
    struct world *w = arg;
    *out = (struct knowledge_site){.brand = str_dup(arena, str_from(w->brand)),
                                   .public_url = STR("https://help.example"),
                                   .contact_url = STR("/demo"),
                                   .default_lang = LANG_EN};
    return ERR_OK;
}

static int world_begin(void **state)
{
    struct world *w = MEM_NEW(struct world);
    assert_int_equal(crypto_init(), ERR_OK);
    w->now = 1795000000000;
    w->brand = "Aurora";
    w->arena = arena_new(0);
    tmpdb_open(&w->tmp);
    w->k = knowledge_new(&(struct knowledge_deps){
        .db = w->tmp.db, .clock = {world_now, w}, .site_arg = w, .site_load = world_site});
    assert_int_equal(knowledge_start(w->k), ERR_OK);
    *state = w;
    return 0;
}

static int world_end(void **state)
{
    struct world *w = *state;
    knowledge_free(&w->k);
    tmpdb_close(&w->tmp);
    arena_free(&w->arena);
    mem_free(w);
    return 0;
}

/* An agent with these permissions. */
static struct actor agent(struct permission_set p)
{
    return (struct actor){.kind = ACTOR_AGENT, .agent = {7}, .permissions = p};
}

static struct actor editor(void)
{
    struct permission_set p = {0};
    p = permission_set_with(p, PERM_ARTICLE_READ);
    return agent(permission_set_with(p, PERM_ARTICLE_MANAGE));
}

static struct actor publisher(void)
{
    return agent(permission_set_with(editor().permissions, PERM_ARTICLE_PUBLISH));
}

static struct category category_make(struct world *w, const char *slug)
{
    struct actor a = editor();
    struct category c = {.slug = str_from(slug),
                         .icon = STR("lock"),
                         .name = {STR("Safety"), STR("安全")},
                         .description = {STR("d"), STR("说明")},
                         .position = 1};
    assert_int_equal(category_create(w->k, &a, &c, NULL), ERR_OK);
    return c;
}

static struct translation draft_make(struct world *w, struct article_id id, enum lang lang,
                                     const char *title, const char *phrasing)
{
    struct actor a = editor();
    struct translation t = {.article = id, .lang = lang};
    t.text = (struct article_text){.title = str_from(title),
                                   .summary = STR("Summary of {{brand}}"),
                                   .answer = STR("Answer of {{brand}}"),
                                   .body = STR("## One\n\ntext of {{brand}}"),
                                   .phrasings = str_printf(w->arena, "[\"%s\"]", phrasing)};
    assert_int_equal(article_save_draft(w->k, &a, w->arena, NULL, &t, NULL), ERR_OK);
    return t;
}

static struct article article_make(struct world *w, struct category_id c, const char *slug)
{
    struct actor a = editor();
    struct article x = {.slug = str_from(slug), .category = c};
    assert_int_equal(article_create(w->k, &a, w->arena, &x, NULL), ERR_OK);
    return x;
}

static void starter_content_is_imported_once(void **state)
{
    struct world *w = *state;
    bool is_empty = false;
    assert_int_equal(knowledge_is_empty(w->k, &is_empty), ERR_OK);
    assert_true(is_empty);
    struct knowledge_import done;
    struct errinfo info = {0};
    struct actor e = editor();
    assert_int_equal(knowledge_import_starter(w->k, &e, true, &done, &info), ERR_DENIED);
    if (knowledge_import_starter(w->k, actor_system(), true, &done, &info) != ERR_OK) {
        fail_msg("%s %s", info.field, info.message);
    }
    assert_true(done.n_articles >= 24);
    assert_int_equal(done.n_translations, done.n_articles * 2);
    KB_AUTO kb = knowledge_ref(w->k);
    assert_int_equal(kb_n_articles(kb, LANG_EN), done.n_articles);
    assert_int_equal(kb_n_articles(kb, LANG_ZH_CN), done.n_articles);
    const struct kb_article *frozen = kb_article_find(kb, LANG_ZH_CN, STR("account-frozen"));
    assert_non_null(frozen);
    assert_int_equal(frozen->risk, RISK_MONEY);
    assert_true(str_eq_cstr(frozen->category_slug, "account-security"));
    assert_true(frozen->n_phrasings >= 5);
    for (size_t i = 0; i < kb_n_articles(kb, LANG_EN); i++) {
        assert_true(str_find(kb_article_at(kb, LANG_EN, i)->body, STR("{{")) == SIZE_MAX);
    }
    assert_int_equal(knowledge_import_starter(w->k, actor_system(), true, &done, NULL), ERR_OK);
    assert_int_equal(done.n_categories + done.n_articles + done.n_translations, 0);
    assert_int_equal(knowledge_is_empty(w->k, &is_empty), ERR_OK);
    assert_false(is_empty);
}

static void search_answers_in_both_languages(void **state)
{
    struct world *w = *state;
    struct knowledge_import done;
    assert_int_equal(knowledge_import_starter(w->k, actor_system(), true, &done, NULL), ERR_OK);
    KB_AUTO kb = knowledge_ref(w->k);
    static const struct {
        const char *text, *slug;
        bool is_exact;
    } cases[] = {
        {"why is my account frozen?", "account-frozen", true},
        {"账户为什么被冻结", "account-frozen", true},
        {"賬戶為什麼被凍結？", "account-frozen", true},
        {"my deposit has still not arrived at all", "deposit-not-credited", false},
        {"昨天那笔提币怎么还一直处理着", "withdrawal-pending", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kb_hit hits[3];
        struct str text = str_from(cases[i].text);
        size_t n = kb_search(kb, lang_of_text(text, LANG_EN), text, hits, 3);
        assert_true(n > 0);
        assert_string_equal(str_to_cstr(w->arena, hits[0].article->slug), cases[i].slug);
        assert_int_equal(hits[0].is_exact, cases[i].is_exact);
    }
}

static void a_draft_is_not_seen_until_published(void **state)
{
    struct world *w = *state;
    struct category c = category_make(w, "safety");
    struct article a = article_make(w, c.id, "two-words");
    struct translation t = draft_make(w, a.id, LANG_EN, "Title of {{brand}}", "how to swim");
    assert_int_equal(t.version, 1);
    {
        KB_AUTO kb = knowledge_ref(w->k);
        assert_int_equal(kb_n_articles(kb, LANG_EN), 0);
    }
    struct actor e = editor();
    struct actor p = publisher();
    assert_int_equal(article_publish(w->k, &e, w->arena, NULL, a.id, LANG_EN, &t, NULL),
                     ERR_DENIED);
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_ZH_CN, &t, NULL),
                     ERR_NOT_FOUND);
    KB_AUTO before = knowledge_ref(w->k);
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, NULL), ERR_OK);
    assert_int_equal(t.published_version, 1);
    assert_int_equal(kb_n_articles(before, LANG_EN), 0); /* who holds the old one keeps it */
    KB_AUTO kb = knowledge_ref(w->k);
    const struct kb_article *found = kb_article_find(kb, LANG_EN, STR("two-words"));
    assert_non_null(found);
    assert_true(str_eq_cstr(found->title, "Title of Aurora"));
    assert_true(str_eq_cstr(found->answer, "Answer of Aurora"));
    assert_true(str_eq_cstr(found->url, "/help/en/article/two-words"));

    draft_make(w, a.id, LANG_EN, "Second", "how to dive");
    assert_int_equal(knowledge_reload(w->k), ERR_OK);
    KB_AUTO still = knowledge_ref(w->k);
    assert_true(
        str_eq_cstr(kb_article_find(still, LANG_EN, STR("two-words"))->title, "Title of Aurora"));
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, NULL), ERR_OK);
    assert_int_equal(t.published_version, 2);
    KB_AUTO second = knowledge_ref(w->k);
    assert_true(str_eq_cstr(kb_article_find(second, LANG_EN, STR("two-words"))->title, "Second"));
    assert_int_equal(article_unpublish(w->k, &p, w->arena, a.id, LANG_EN, &t, NULL), ERR_OK);
    KB_AUTO none = knowledge_ref(w->k);
    assert_null(kb_article_find(none, LANG_EN, STR("two-words")));
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, NULL), ERR_OK);
    assert_int_equal(article_delete(w->k, &e, a.id, NULL), ERR_DENIED);
    assert_int_equal(article_delete(w->k, &p, a.id, NULL), ERR_OK);
    assert_int_equal(article_delete(w->k, &p, a.id, NULL), ERR_NOT_FOUND);
}

/* A request that carries If-Match. */
static struct http_request with_version(struct http_field *field, int64_t version,
                                        struct arena *arena)
{
    *field = (struct http_field){.name = STR("If-Match"),
                                 .value = str_printf(arena, "\"v%lld\"", (long long)version)};
    return (struct http_request){.rq = {.arena = arena}, .fields = field, .n_fields = 1};
}

static void who_was_slower_is_told(void **state)
{
    struct world *w = *state;
    struct actor e = editor();
    struct category c = category_make(w, "safety");
    struct article a = article_make(w, c.id, "x");
    struct translation t = draft_make(w, a.id, LANG_EN, "One", "p");
    struct http_field field;
    struct http_request rq = with_version(&field, 1, w->arena);
    struct errinfo info = {0};
    t.text.title = STR("Two");
    assert_int_equal(article_save_draft(w->k, &e, w->arena, &rq.rq, &t, &info), ERR_OK);
    assert_int_equal(t.version, 2);
    t.text.title = STR("Three");
    assert_int_equal(article_save_draft(w->k, &e, w->arena, &rq.rq, &t, &info), ERR_CONFLICT);
    struct actor p = publisher();
    assert_int_equal(article_publish(w->k, &p, w->arena, &rq.rq, a.id, LANG_EN, &t, &info),
                     ERR_CONFLICT);
    rq = with_version(&field, 2, w->arena);
    assert_int_equal(article_publish(w->k, &p, w->arena, &rq.rq, a.id, LANG_EN, &t, &info), ERR_OK);
}

static void bad_input_is_refused(void **state)
{
    struct world *w = *state;
    struct actor e = editor();
    struct actor none = agent((struct permission_set){0});
    struct category c = category_make(w, "safety");
    static const char *const slugs[] = {"",     "A",   "a b", "-a",   "a-",
                                        "a--b", "a/b", "a.b", "../a", "ä"};
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        struct article a = {.slug = str_from(slugs[i]), .category = c.id};
        assert_int_equal(article_create(w->k, &e, w->arena, &a, NULL), ERR_INVALID);
    }
    struct article a = {.slug = STR("good"), .category = c.id};
    assert_int_equal(article_create(w->k, &none, w->arena, &a, NULL), ERR_DENIED);
    assert_int_equal(article_create(w->k, &e, w->arena, &a, NULL), ERR_OK);
    assert_int_equal(article_create(w->k, &e, w->arena, &a, NULL), ERR_CONFLICT);
    struct article lost = {.slug = STR("lost"), .category = {999}};
    assert_int_equal(article_create(w->k, &e, w->arena, &lost, NULL), ERR_INVALID);
    struct category again = c;
    assert_int_equal(category_create(w->k, &e, &again, NULL), ERR_CONFLICT);
    struct translation t = {.article = {999}, .text = {.title = STR("t"), .phrasings = STR("[]")}};
    assert_int_equal(article_save_draft(w->k, &e, w->arena, NULL, &t, NULL), ERR_NOT_FOUND);
    t.article = a.id;
    t.text.body = STR(">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>>> deep");
    assert_int_equal(article_save_draft(w->k, &e, w->arena, NULL, &t, NULL), ERR_INVALID);
    t.text.body = (struct str){0};
    assert_int_equal(article_save_draft(w->k, &e, w->arena, NULL, &t, NULL), ERR_OK);
    struct actor p = publisher();
    struct errinfo info = {0};
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, &info),
                     ERR_INVALID);
    assert_string_equal(info.field, "body");
}

struct versions_arg {
    struct arena *arena;
    struct translation_id id;
    struct article_id article;
    struct translation t;
    struct article_version *v;
    size_t n;
};

static enum err versions_fn(struct db_txn *txn, void *arg)
{
    struct versions_arg *a = arg;
    enum err err = translation_store_versions(txn, a->id, a->arena, &a->v, &a->n);
    return err == ERR_OK ? translation_store_load(txn, a->article, LANG_EN, a->arena, &a->t) : err;
}

static void versions_are_kept(void **state)
{
    struct world *w = *state;
    struct actor p = publisher();
    struct category c = category_make(w, "safety");
    struct article a = article_make(w, c.id, "x");
    struct translation t;
    for (int i = 0; i < 3; i++) {
        w->now += 1000;
        draft_make(w, a.id, LANG_EN, i == 0 ? "One" : i == 1 ? "Two" : "Three", "p");
        assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, NULL),
                         ERR_OK);
    }
    struct versions_arg x = {.arena = w->arena, .id = t.id, .article = a.id};
    assert_int_equal(db_read(w->tmp.db, versions_fn, &x), ERR_OK);
    assert_int_equal(x.n, 3);
    assert_true(str_eq_cstr(x.v[0].text.title, "Three"));
    assert_true(str_eq_cstr(x.v[2].text.title, "One"));
    assert_int_equal(x.v[0].published_by.v, 7);
}

static void a_reader_counts_once(void **state)
{
    struct world *w = *state;
    struct actor p = publisher();
    struct category c = category_make(w, "safety");
    struct article a = article_make(w, c.id, "x");
    struct translation t = draft_make(w, a.id, LANG_EN, "One", "p");
    struct str slug = STR("x");
    assert_int_equal(feedback_vote(w->k, LANG_EN, slug, STR("ip|ua"), true, NULL), ERR_NOT_FOUND);
    assert_int_equal(article_publish(w->k, &p, w->arena, NULL, a.id, LANG_EN, &t, NULL), ERR_OK);
    static const struct {
        const char *who;
        bool is_helpful;
        int64_t helpful, not_helpful;
    } votes[] = {{"a", true, 1, 0},  {"a", true, 1, 0}, {"b", true, 2, 0}, {"a", false, 1, 1},
                 {"a", false, 1, 1}, {"a", true, 2, 0}, {"c", false, 2, 1}};
    for (size_t i = 0; i < ARRAY_LEN(votes); i++) {
        assert_int_equal(
            feedback_vote(w->k, LANG_EN, slug, str_from(votes[i].who), votes[i].is_helpful, NULL),
            ERR_OK);
        struct versions_arg x = {.arena = w->arena, .id = t.id, .article = a.id};
        assert_int_equal(db_read(w->tmp.db, versions_fn, &x), ERR_OK);
        assert_int_equal(x.t.helpful, votes[i].helpful);
        assert_int_equal(x.t.not_helpful, votes[i].not_helpful);
    }
}

/* ---- pages ---- */

static void dump(const char *name, const struct kb_page *page)
{
    const char *dir = getenv("HELP_DUMP");
    char path[400];
    if (dir == NULL) {
        return;
    }
    (void)snprintf(path, sizeof(path), "%s/%s.html", dir, name);
    FILE *f = fopen(path, "wb");
    if (f != NULL) {
        (void)fwrite(page->html, 1, page->len, f);
        (void)fclose(f);
    }
}

static void check_page(const char *name, enum lang lang, const struct kb_page *page)
{
    assert_non_null(page);
    dump(name, page);
    struct str html = {page->html, page->len};
    const char *const must[] = {"<!doctype html>",
                                "<main id=\"content\"",
                                "class=\"skip\"",
                                "role=\"search\"",
                                "</html>",
                                "rel=\"stylesheet\"",
                                lang == LANG_EN ? "<html lang=\"en\">" : "<html lang=\"zh-CN\">"};
    for (size_t i = 0; i < ARRAY_LEN(must); i++) {
        if (str_find(html, str_from(must[i])) == SIZE_MAX) {
            fail_msg("%s: no %s", name, must[i]);
        }
    }
    const char *const never[] = {"<script", " style=", "onclick", "{{", "(null)"};
    for (size_t i = 0; i < ARRAY_LEN(never); i++) {
        if (str_find(html, str_from(never[i])) != SIZE_MAX) {
            fail_msg("%s: has %s", name, never[i]);
        }
    }
    size_t n_h1 = 0;
    for (size_t at = 0; (at = str_find(html, STR("<h1"))) != SIZE_MAX;
         html = str_sub(html, at + 3, html.len)) {
        n_h1++;
    }
    assert_int_equal(n_h1, 1);
}

static void pages_are_whole(void **state)
{
    struct world *w = *state;
    struct knowledge_import done;
    assert_int_equal(knowledge_import_starter(w->k, actor_system(), true, &done, NULL), ERR_OK);
    KB_AUTO kb = knowledge_ref(w->k);
    for (int i = 0; i < LANG_COUNT; i++) {
        enum lang lang = (enum lang)i;
        const char *tag = lang_tag(lang);
        char name[200];
        struct kb_page *page = help_page_home(kb, lang, w->k->css_name);
        (void)snprintf(name, sizeof(name), "%s-home", tag);
        check_page(name, lang, page);
        mem_free(page);
        for (size_t c = 0; c < kb->langs[lang].n_categories; c++) {
            page = help_page_category(kb, lang, &kb->langs[lang].categories[c], w->k->css_name);
            (void)snprintf(name, sizeof(name), "%s-category-%s", tag,
                           str_to_cstr(w->arena, kb->langs[lang].categories[c].slug));
            check_page(name, lang, page);
            mem_free(page);
        }
        for (size_t a = 0; a < kb->langs[lang].n; a++) {
            page = help_page_article(kb, &kb->langs[lang].entries[a], w->k->css_name);
            (void)snprintf(name, sizeof(name), "%s-article-%s", tag,
                           str_to_cstr(w->arena, kb->langs[lang].entries[a].article.slug));
            check_page(name, lang, page);
            mem_free(page);
        }
        page = help_page_search(
            kb, lang, lang == LANG_EN ? STR("deposit missing") : STR("充值没到"), w->k->css_name);
        (void)snprintf(name, sizeof(name), "%s-search", tag);
        check_page(name, lang, page);
        mem_free(page);
        page = help_page_search(kb, lang, STR("\"><script>alert(1)</script>"), w->k->css_name);
        (void)snprintf(name, sizeof(name), "%s-search-none", tag);
        check_page(name, lang, page);
        mem_free(page);
        page = help_page_search(kb, lang, STR("xyzzy"), w->k->css_name);
        (void)snprintf(name, sizeof(name), "%s-search-nothing", tag);
        check_page(name, lang, page);
        mem_free(page);
        page = help_page_missing(kb, lang, w->k->css_name);
        (void)snprintf(name, sizeof(name), "%s-missing", tag);
        check_page(name, lang, page);
        mem_free(page);
    }
}

static void names_of_the_brand_are_harmless(void **state)
{
    struct world *w = *state;
    w->brand = "<b>*A*</b> & \"Co\" [x](javascript:1)";
    struct knowledge_import done;
    assert_int_equal(knowledge_import_starter(w->k, actor_system(), true, &done, NULL), ERR_OK);
    KB_AUTO kb = knowledge_ref(w->k);
    for (size_t a = 0; a < kb->langs[LANG_EN].n; a++) {
        struct kb_page *page =
            help_page_article(kb, &kb->langs[LANG_EN].entries[a], w->k->css_name);
        struct str html = {page->html, page->len};
        assert_true(str_find(html, STR("<b>")) == SIZE_MAX);
        assert_true(str_find(html, STR("href=\"javascript")) == SIZE_MAX);
        mem_free(page);
    }
}

static void a_new_brand_is_noticed(void **state)
{
    struct world *w = *state;
    w->brand = "Borealis";
    {
        KB_AUTO before = knowledge_ref(w->k);
        assert_true(
            str_eq_cstr(kb_site(before)->brand, "Aurora")); /* asked every two seconds only */
    }
    atomic_store(&w->k->check_due_ns, 1);
    KB_AUTO kb = knowledge_ref(w->k);
    assert_true(str_eq_cstr(kb_site(kb)->brand, "Borealis"));
    atomic_store(&w->k->check_due_ns, 1);
    KB_AUTO same = knowledge_ref(w->k);
    assert_ptr_equal(same, kb);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)
    const struct CMUnitTest tests[] = {
        TEST(starter_content_is_imported_once),
        TEST(search_answers_in_both_languages),
        TEST(a_draft_is_not_seen_until_published),
        TEST(who_was_slower_is_told),
        TEST(bad_input_is_refused),
        TEST(versions_are_kept),
        TEST(a_reader_counts_once),
        TEST(pages_are_whole),
        TEST(names_of_the_brand_are_harmless),
        TEST(a_new_brand_is_noticed),
    };
    return cmocka_run_group_tests_name("knowledge", tests, NULL, NULL);
}
