#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/settings.h"

#define ARGS(...) ((char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

struct file {
    char path[64];
};

static struct file file_with(const char *text)
{
    struct file f = {"/tmp/test_settings.XXXXXX"};
    int fd = mkstemp(f.path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return f;
}

static void defaults_parse_and_lie_in_their_own_range(void **state)
{
    UNUSED(state);
    struct settings *s = NULL;
    assert_int_equal(settings_load(NULL, NULL, &s, NULL), ERR_OK);
    assert_string_equal(settings_str(s, "http.listen"), "127.0.0.1:8080");
    assert_int_equal(settings_int(s, "session.idle"), 12 * 3600 * 1000);
    assert_int_equal(settings_int(s, "db.cache"), 64 * 1024 * 1024);
    settings_free(&s);
    assert_null(s);
    settings_free(&s);
}

static void every_setting_is_documented_in_both_languages(void **state)
{
    UNUSED(state);
    size_t n = 0;
    const struct setting *t = settings_table(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(strlen(t[i].help_en) > 5 && strlen(t[i].help_zh) > 5 && strlen(t[i].key) < 60);
        assert_non_null(strchr(t[i].key, '.'));
        for (size_t j = i + 1; j < n; j++) {
            assert_string_not_equal(t[i].key, t[j].key);
        }
    }
}

static void file_environment_and_command_line_override_in_this_order(void **state)
{
    UNUSED(state);
    struct file f = file_with(
        "# comment\n\n http.listen = \"0.0.0.0:1\" \nhttp.workers=3\ndb.cache = 16MB\r\n");
    setenv("STABLEHAND_HTTP_WORKERS", "4", 1);
    setenv("STABLEHAND_HTTP_MAX_CONNECTIONS_PER_IP", "7", 1);
    char workers[] = "--http.workers=5";
    char idle[] = "--session.idle=90m";
    struct settings *s = NULL;
    struct errinfo info = {0};
    enum err err = settings_load(f.path, ARGS(workers, idle), &s, &info);
    unsetenv("STABLEHAND_HTTP_WORKERS");
    unsetenv("STABLEHAND_HTTP_MAX_CONNECTIONS_PER_IP");
    unlink(f.path);
    assert_string_equal(info.message, "");
    assert_int_equal(err, ERR_OK);
    assert_string_equal(settings_str(s, "http.listen"), "0.0.0.0:1");
    assert_int_equal(settings_int(s, "http.workers"), 5);
    assert_int_equal(settings_int(s, "http.max_connections_per_ip"), 7);
    assert_int_equal(settings_int(s, "db.cache"), 16 * 1024 * 1024);
    assert_int_equal(settings_int(s, "session.idle"), 90 * 60 * 1000);
    settings_free(&s);
}

static void bad_input_is_named_with_what_is_allowed(void **state)
{
    UNUSED(state);
    static const struct {
        const char *arg, *code, *message;
    } rows[] = {
        {"--http.workres=5", "setting_unknown",
         "There is no setting http.workres (command line). Did you mean http.workers?"},
        {"--listen=5", "setting_unknown",
         "There is no setting listen (command line). Did you mean http.listen?"},
        {"--colour=5", "setting_unknown",
         "There is no setting colour (command line). --help-config lists them all."},
        {"--http.workers=0", "setting_value",
         "http.workers = 0 (command line): expected a whole number, 1..256."},
        {"--http.workers=257", "setting_value",
         "http.workers = 257 (command line): expected a whole number, 1..256."},
        {"--http.workers=-1", "setting_value",
         "http.workers = -1 (command line): expected a whole number, 1..256."},
        {"--http.workers=5x", "setting_value",
         "http.workers = 5x (command line): expected a whole number, 1..256."},
        {"--http.workers=99999999999999999999", "setting_value",
         "http.workers = 99999999999999999999 (command line): expected a whole number, 1..256."},
        {"--session.idle=5", "setting_value",
         "session.idle = 5 (command line): expected a duration such as 500ms, 30s, 5m, 12h or 7d, "
         "5m..30d."},
        {"--session.idle=4m", "setting_value",
         "session.idle = 4m (command line): expected a duration such as 500ms, 30s, 5m, 12h or 7d, "
         "5m..30d."},
        {"--session.idle=9223372036854775807d", "setting_value",
         "session.idle = 9223372036854775807d (command line): expected a duration such as 500ms, "
         "30s, 5m, 12h or 7d, 5m..30d."},
        {"--log.level=loud", "setting_value",
         "log.level = loud (command line): expected debug|info|warn|error|off."},
        {"--log.level=", "setting_value",
         "log.level =  (command line): expected debug|info|warn|error|off."},
        {"http.workers=5", "setting_argument", "http.workers=5: expected --key=value."},
        {"--http.workers", "setting_argument", "--http.workers: expected --key=value."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct settings *s = NULL;
        struct errinfo info = {0};
        char arg[80];
        snprintf(arg, sizeof(arg), "%s", rows[i].arg);
        assert_int_equal(settings_load(NULL, ARGS(arg), &s, &info), ERR_INVALID);
        assert_null(s);
        assert_string_equal(info.code, rows[i].code);
        assert_string_equal(info.message, rows[i].message);
    }
}

static void a_bad_environment_variable_gets_a_suggestion(void **state)
{
    UNUSED(state);
    setenv("STABLEHAND_HTTP_LISTN", "x", 1);
    struct settings *s = NULL;
    struct errinfo info = {0};
    enum err err = settings_load(NULL, NULL, &s, &info);
    unsetenv("STABLEHAND_HTTP_LISTN");
    assert_int_equal(err, ERR_INVALID);
    assert_string_equal(info.message,
                        "There is no setting http.listn (environment). Did you mean http.listen?");
}

static void a_bad_file_is_named_with_its_line(void **state)
{
    UNUSED(state);
    struct file f = file_with("log.level = info\nnonsense\n");
    struct settings *s = NULL;
    struct errinfo info = {0};
    assert_int_equal(settings_load(f.path, NULL, &s, &info), ERR_INVALID);
    assert_non_null(strstr(info.message, "line 2"));
    unlink(f.path);
    assert_int_equal(settings_load("/nonexistent/x.conf", NULL, &s, &info), ERR_NOT_FOUND);
    assert_non_null(strstr(info.message, "/nonexistent/x.conf"));
}

static void a_secret_never_appears_in_a_message(void **state)
{
    UNUSED(state);
    char arg[6000] = "--setup.token=hunter2";
    memset(arg + strlen(arg), 'x', 5000);
    struct settings *s = NULL;
    struct errinfo info = {0};
    assert_int_equal(settings_load(NULL, ARGS(arg), &s, &info), ERR_INVALID);
    assert_null(strstr(info.message, "hunter2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_parse_and_lie_in_their_own_range),
        cmocka_unit_test(every_setting_is_documented_in_both_languages),
        cmocka_unit_test(file_environment_and_command_line_override_in_this_order),
        cmocka_unit_test(bad_input_is_named_with_what_is_allowed),
        cmocka_unit_test(a_bad_environment_variable_gets_a_suggestion),
        cmocka_unit_test(a_bad_file_is_named_with_its_line),
        cmocka_unit_test(a_secret_never_appears_in_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
