#include "files_conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/crypto.h"
#include "platform/file_source.h"

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define BIG (25UL * 1024 * 1024 + 7)

char *files_sample(size_t size, unsigned seed)
{
    char *p = mem_alloc(size + 1);
    uint64_t x = seed * 2654435761U + 1;
    for (size_t i = 0; i < size; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        p[i] = (char)(x >> 56);
    }
    return p;
}

static enum err drain(struct file_source *s, int64_t len, char *out)
{
    int64_t n = 0;
    while (n < len) {
        char *piece = NULL;
        size_t piece_len = 0;
        enum err err = s->ops->take(s, &piece, &piece_len);
        if (err == ERR_AGAIN) {
            (void)usleep(500);
            continue;
        }
        if (err != ERR_OK) {
            return err;
        }
        assert_true(piece_len > 0 && n + (int64_t)piece_len <= len);
        memcpy(out + n, piece, piece_len);
        n += (int64_t)piece_len;
        mem_free(piece);
    }
    return ERR_OK;
}

enum err files_read_part(struct files *f, struct str sha256, int64_t size, int64_t from,
                         int64_t len, char *out, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    struct blob blob = {0};
    enum err err = f->ops->open(f, sha256, size, arena, &blob, info);
    if (err != ERR_OK) {
        return err;
    }
    assert_int_equal(blob.size, size);
    assert_true((blob.path != NULL) != (blob.source != NULL));
    if (blob.path != NULL) {
        int fd = open(blob.path, O_RDONLY);
        assert_true(fd >= 0);
        ssize_t n = pread(fd, out, (size_t)len, from);
        (void)close(fd);
        return n == len ? ERR_OK : ERR_INTERNAL;
    }
    err = blob.source->ops->begin(blob.source, from, len, info);
    err = err != ERR_OK ? err : drain(blob.source, len, out);
    file_source_close(&blob.source);
    return err;
}

static void write_file(const char *path, const char *p, size_t len)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    (void)close(fd);
}

static void small_things(struct files *f)
{
    char hash[65] = "";
    char out[8] = "";
    int64_t size = -1;
    struct errinfo info = {0};
    assert_int_equal(f->ops->find(f, STR(ABC), &size, &info), ERR_NOT_FOUND);
    assert_string_equal(info.code, "not_found");
    assert_int_equal(files_read_part(f, STR(ABC), 3, 0, 3, out, &info), ERR_NOT_FOUND);
    assert_int_equal(f->ops->remove(f, STR(ABC), &info), ERR_NOT_FOUND);
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_OK);
    assert_string_equal(hash, ABC);
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_OK); /* harmless */
    assert_int_equal(f->ops->find(f, STR(ABC), &size, &info), ERR_OK);
    assert_int_equal(size, 3);
    assert_int_equal(files_read_part(f, STR(ABC), 3, 0, 3, out, &info), ERR_OK);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(files_read_part(f, STR(ABC), 3, 2, 1, out, &info), ERR_OK);
    assert_memory_equal(out, "c", 1);
    /* a row that says something else than the store has */
    assert_int_equal(files_read_part(f, STR(ABC), 4, 0, 4, out, &info), ERR_PROTOCOL);
    assert_int_equal(files_read_part(f, STR(ABC), 2, 0, 2, out, &info), ERR_PROTOCOL);

    assert_int_equal(f->ops->put(f, STR(""), hash, &info), ERR_OK);
    assert_string_equal(hash, EMPTY);
    assert_int_equal(f->ops->find(f, STR(EMPTY), &size, &info), ERR_OK);
    assert_int_equal(size, 0);
    assert_int_equal(files_read_part(f, STR(EMPTY), 0, 0, 0, out, &info), ERR_OK);
}

static void names_that_are_none(struct files *f)
{
    static const char *const names[] = {
        "",
        "..",
        "../../etc/passwd",
        "/etc/passwd",
        "ab/cd?list-type=2",
        "%2e%2e",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
        "../7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct blob blob = {0};
        int64_t size = 0;
        ARENA_AUTO arena = arena_new(0);
        struct str name = str_from(names[i]);
        assert_int_equal(f->ops->open(f, name, 3, arena, &blob, NULL), ERR_NOT_FOUND);
        assert_int_equal(f->ops->find(f, name, &size, NULL), ERR_NOT_FOUND);
        assert_int_equal(f->ops->fetch(f, name, -1, NULL), ERR_NOT_FOUND);
        assert_int_equal(f->ops->remove(f, name, NULL), ERR_NOT_FOUND);
    }
}

static void a_large_file(struct files *f, const char *dir)
{
    char path[256];
    char hash[65] = "";
    char want[65];
    int64_t size = 0;
    struct errinfo info = {0};
    char *bytes = files_sample(BIG, 1);
    char *back = mem_zalloc(BIG);
    (void)snprintf(path, sizeof(path), "%s/a name with spaces, 中文 & %%41+?#.bin", dir);
    write_file(path, bytes, BIG);
    crypto_sha256_hex((struct str){bytes, BIG}, want);
    assert_int_equal(f->ops->put_path(f, path, hash, &size, &info), ERR_OK);
    assert_string_equal(hash, want);
    assert_int_equal(size, BIG);
    assert_int_equal(f->ops->put_path(f, path, hash, &size, &info), ERR_OK);
    struct str name = str_from(hash);
    assert_int_equal(files_read_part(f, name, size, 0, size, back, &info), ERR_OK);
    assert_memory_equal(back, bytes, BIG);
    static const int64_t parts[][2] = {
        {0, 1}, {1, 1}, {BIG - 1, 1}, {12345, 1000000}, {1, BIG - 1}};
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        memset(back, 0, (size_t)parts[i][1]);
        assert_int_equal(files_read_part(f, name, size, parts[i][0], parts[i][1], back, &info),
                         ERR_OK);
        assert_memory_equal(back, bytes + parts[i][0], (size_t)parts[i][1]);
    }
    (void)snprintf(path, sizeof(path), "%s/back", dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, 0600);
    assert_true(fd >= 0);
    assert_int_equal(f->ops->fetch(f, name, fd, &info), ERR_OK);
    assert_int_equal(pread(fd, back, BIG, 0), BIG);
    assert_memory_equal(back, bytes, BIG);
    (void)close(fd);
    mem_free(bytes);
    mem_free(back);
    assert_int_equal(f->ops->put_path(f, "/nowhere", hash, &size, &info), ERR_NOT_FOUND);
}

struct seen {
    int n;
    int64_t bytes;
    bool has_abc;
};

static enum err see(void *arg, struct str sha256, int64_t size)
{
    struct seen *s = arg;
    s->n++;
    s->bytes += size;
    s->has_abc = s->has_abc || (str_eq(sha256, STR(ABC)) && size == 3);
    return ERR_OK;
}

static enum err stop_at_once(void *arg, struct str sha256, int64_t size)
{
    (void)sha256;
    (void)size;
    *(int *)arg += 1;
    return ERR_CONFLICT;
}

static void listing_and_removing(struct files *f)
{
    struct seen s = {0};
    struct errinfo info = {0};
    int64_t size = 0;
    int n = 0;
    assert_int_equal(f->ops->list(f, see, &s, &info), ERR_OK);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.bytes, BIG + 3);
    assert_true(s.has_abc);
    assert_int_equal(f->ops->list(f, stop_at_once, &n, &info), ERR_CONFLICT);
    assert_int_equal(n, 1);
    assert_int_equal(f->ops->remove(f, STR(ABC), &info), ERR_OK);
    assert_int_equal(f->ops->remove(f, STR(ABC), &info), ERR_NOT_FOUND);
    assert_int_equal(f->ops->find(f, STR(ABC), &size, &info), ERR_NOT_FOUND);
    s = (struct seen){0};
    assert_int_equal(f->ops->list(f, see, &s, &info), ERR_OK);
    assert_int_equal(s.n, 2);
    struct files_probe probe = {0};
    assert_int_equal(f->ops->probe(f, &probe, &info), ERR_OK);
    s = (struct seen){0};
    assert_int_equal(f->ops->list(f, see, &s, &info), ERR_OK);
    assert_int_equal(s.n, 2); /* leaves nothing */
}

void files_conformance(struct files *f, const char *dir)
{
    assert_true(f->name[0] != '\0');
    small_things(f);
    names_that_are_none(f);
    a_large_file(f, dir);
    listing_and_removing(f);
}
