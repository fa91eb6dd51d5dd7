/* Local file store. */
#include "tmpdb.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "platform/files.h"

static void write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    (void)close(fd);
}

static void bytes_come_back_under_their_hash(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    struct arena *arena = arena_new(0);
    struct files *f = NULL;
    char dir[128];
    char source[128];
    char a[65];
    char b[65];
    const char *path = NULL;
    int64_t size = 0;
    (void)snprintf(dir, sizeof(dir), "%s/files", t.dir);
    (void)snprintf(source, sizeof(source), "%s/upload", t.dir);
    assert_int_equal(files_open_local(dir, &f, NULL), ERR_OK);
    assert_int_equal(f->ops->put(f, STR("abc"), a), ERR_OK);
    assert_string_equal(a, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(f->ops->put(f, STR("abc"), a), ERR_OK);
    assert_int_equal(f->ops->path(f, str_from(a), arena, &path, &size), ERR_OK);
    assert_int_equal(size, 3);

    char *big = mem_zalloc(300000);
    write_file(source, big, 300000);
    assert_int_equal(f->ops->put_path(f, source, b, &size), ERR_OK);
    assert_int_equal(size, 300000);
    assert_int_equal(f->ops->put(f, (struct str){big, 300000}, a), ERR_OK);
    assert_string_equal(a, b);
    mem_free(big);
    assert_int_equal(f->ops->path(f, str_from(b), arena, &path, &size), ERR_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    write_file(path, "cut", 3); /* a blob that somebody damaged is stored again */
    assert_int_equal(f->ops->put_path(f, source, b, &size), ERR_OK);
    assert_int_equal(f->ops->path(f, str_from(b), arena, &path, &size), ERR_OK);
    assert_int_equal(size, 300000);

    assert_int_equal(f->ops->remove(f, str_from(b)), ERR_OK);
    assert_int_equal(f->ops->remove(f, str_from(b)), ERR_NOT_FOUND);
    assert_int_equal(f->ops->path(f, str_from(b), arena, &path, &size), ERR_NOT_FOUND);
    f->ops->free(f);
    arena_free(&arena);
    tmpdb_close(&t);
}

static void names_that_are_no_hash_reach_no_file(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    struct arena *arena = arena_new(0);
    struct files *f = NULL;
    assert_int_equal(files_open_local(t.dir, &f, NULL), ERR_OK);
    static const char *const names[] = {
        "",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "../7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *path = NULL;
        int64_t size = 0;
        assert_int_equal(f->ops->path(f, str_from(names[i]), arena, &path, &size), ERR_NOT_FOUND);
        assert_int_equal(f->ops->remove(f, str_from(names[i])), ERR_NOT_FOUND);
    }
    char hash[65];
    int64_t size = 0;
    char link_path[128];
    (void)snprintf(link_path, sizeof(link_path), "%s/link", t.dir);
    assert_int_equal(symlink("/etc/passwd", link_path), 0);
    assert_int_equal(f->ops->put_path(f, link_path, hash, &size), ERR_UNAVAILABLE);
    assert_int_equal(f->ops->put_path(f, "/nowhere", hash, &size), ERR_NOT_FOUND);
    f->ops->free(f);
    arena_free(&arena);
    tmpdb_close(&t);
}

static void what_a_crash_left_half_written_is_swept(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    struct files *f = NULL;
    char path[128];
    assert_int_equal(files_open_local(t.dir, &f, NULL), ERR_OK);
    f->ops->free(f);
    (void)snprintf(path, sizeof(path), "%s/tmp/half", t.dir);
    write_file(path, "x", 1);
    assert_int_equal(files_open_local(t.dir, &f, NULL), ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
    f->ops->free(f);
    assert_int_equal(files_open_local("/proc/nowhere", &f, NULL), ERR_UNAVAILABLE);
    tmpdb_close(&t);
}

int main(void)
{
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_under_their_hash),
        cmocka_unit_test(names_that_are_no_hash_reach_no_file),
        cmocka_unit_test(what_a_crash_left_half_written_is_swept),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
