/* Local file store. */
#include "files_conformance.h"
#include "tmpdb.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"

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
    struct blob blob = {0};
    int64_t size = 0;
    (void)snprintf(dir, sizeof(dir), "%s/files", t.dir);
    (void)snprintf(source, sizeof(source), "%s/upload", t.dir);
    assert_int_equal(files_open_local(dir, &f, NULL), ERR_OK);

    char *big = mem_zalloc(300000);
    write_file(source, big, 300000);
    assert_int_equal(f->ops->put_path(f, source, b, &size, NULL), ERR_OK);
    assert_int_equal(size, 300000);
    assert_int_equal(f->ops->put(f, (struct str){big, 300000}, a, NULL), ERR_OK);
    assert_string_equal(a, b);
    mem_free(big);
    assert_int_equal(f->ops->open(f, str_from(b), 300000, arena, &blob, NULL), ERR_OK);
    struct stat st;
    assert_int_equal(stat(blob.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    write_file(blob.path, "cut", 3); /* a blob that somebody damaged is stored again */
    assert_int_equal(f->ops->put_path(f, source, b, &size, NULL), ERR_OK);
    assert_int_equal(f->ops->find(f, str_from(b), &size, NULL), ERR_OK);
    assert_int_equal(size, 300000);
    f->ops->free(f);
    arena_free(&arena);
    tmpdb_close(&t);
}

static void the_folder_does_what_a_store_has_to(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    struct files *f = NULL;
    char dir[128];
    (void)snprintf(dir, sizeof(dir), "%s/files", t.dir);
    assert_int_equal(files_open_local(dir, &f, NULL), ERR_OK);
    files_conformance(f, t.dir);
    f->ops->free(f);
    tmpdb_close(&t);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    struct files *f = NULL;
    assert_int_equal(files_open_local(t.dir, &f, NULL), ERR_OK);
    char hash[65];
    int64_t size = 0;
    char link_path[128];
    (void)snprintf(link_path, sizeof(link_path), "%s/link", t.dir);
    assert_int_equal(symlink("/etc/passwd", link_path), 0);
    assert_int_equal(f->ops->put_path(f, link_path, hash, &size, NULL), ERR_UNAVAILABLE);
    f->ops->free(f);
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
    f->ops->free(f);
    assert_int_equal(access(path, F_OK), 0); /* somebody may be writing it */
    struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
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
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(the_folder_does_what_a_store_has_to),
        cmocka_unit_test(what_a_crash_left_half_written_is_swept),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
