#include "suites.h"

#include "base/check.h"
#include "knowledge/frontmatter.h"

#define GOOD                                                                                       \
    "---\ntitle: T: with colon\ncategory: c\norder: 40\nsummary: s\nrisk: money\nanswer: |\n  "    \
    "one\n\n  - two\nphrasings:\n  - a b\n  - 冻结\n---\n## H\n\ntext\n"

static void file_is_read(void **state)
{
    UNUSED(state);
    ARENA_AUTO arena = arena_new(0);
    struct article_source a;
    assert_int_equal(frontmatter_parse(arena, STR(GOOD), &a, NULL), ERR_OK);
    assert_true(str_eq_cstr(a.title, "T: with colon"));
    assert_true(str_eq_cstr(a.answer, "one\n\n- two"));
    assert_true(str_eq_cstr(a.body, "## H\n\ntext"));
    assert_int_equal(a.order, 40);
    assert_true(a.is_money);
    assert_int_equal(a.n_phrasings, 2);
    assert_true(str_eq_cstr(a.phrasings[1], "冻结"));
}

static void broken_files_are_refused(void **state)
{
    UNUSED(state);
    static const struct {
        const char *file, *field, *code;
    } cases[] = {
        {"", "line 0", "format"},
        {"title: x\n", "line 1", "format"},
        {"---\ntitle: x\n", "line 2", "format"},
        {"---\ntitle: x\ntitle: y\n---\n", "line 3", "duplicate"},
        {"---\nunknown: x\n---\n", "line 2", "format"},
        {"---\ntitle:\n---\n", "line 2", "required"},
        {"---\norder: abc\n---\n", "line 2", "range"},
        {"---\nrisk: some\n---\n", "line 2", "format"},
        {"---\nanswer: text\n---\n", "line 2", "format"},
        {"---\nphrasings: a\n---\n", "line 2", "format"},
        {"---\nphrasings:\n  - \n---\n", "line 3", "required"},
        {"---\n  indented\n---\n", "line 2", "format"},
        {"---\ntitle: x\n---\nbody", "line 3", "required"},
        {"---\n\xFF\n---\n", "line 0", "format"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ARENA_AUTO arena = arena_new(0);
        struct article_source a;
        struct errinfo info = {0};
        assert_int_equal(frontmatter_parse(arena, str_from(cases[i].file), &a, &info), ERR_INVALID);
        assert_string_equal(info.field, cases[i].field);
        assert_string_equal(info.code, cases[i].code);
    }
}

int suite_frontmatter(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(file_is_read),
                                       cmocka_unit_test(broken_files_are_refused)};
    return cmocka_run_group_tests_name("frontmatter", tests, NULL, NULL);
}
