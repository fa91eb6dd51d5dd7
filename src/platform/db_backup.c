/* See db_backup.h. */
#include "platform/db_backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "platform/crypto.h"

#define PATH_LEN 4096
#define SUMS "SHA256SUMS"
#define ABOUT "about.json"
#define ABOUT_MAX ((size_t)1 << 20)
#define SUMS_MAX ((size_t)1 << 30)
#define PIECE 65536
#define DEPTH_MAX 4

struct sum {
    char path[160]; /* below the folder */
    char sha256[65];
};
struct sums {
    struct sum *items;
    size_t len, size;
};

void backup_about_release(struct backup_about *about)
{
    mem_free(about->migrations);
    *about = (struct backup_about){0};
}

static enum err failed(const char *what, const char *path, struct errinfo *info)
{
    return err_set(info, ERR_UNAVAILABLE, "path", "file", "cannot %s %.140s (errno %d)", what, path,
                   errno);
}

/* ---- one file ---- */

static enum err sum_file(const char *path, bool syncs, char hex_out[65], struct errinfo *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return failed("read", path, info);
    }
    struct crypto_sha256_stream hash;
    char *piece = mem_alloc(PIECE);
    crypto_sha256_begin(&hash);
    ssize_t n = 0;
    while ((n = read(fd, piece, PIECE)) > 0) {
        crypto_sha256_add(&hash, (struct str){piece, (size_t)n});
    }
    crypto_sha256_end(&hash, hex_out);
    mem_free(piece);
    enum err err = n == 0 && (!syncs || fsync(fd) == 0) ? ERR_OK : failed("read", path, info);
    (void)close(fd);
    return err;
}

static enum err write_file(const char *path, struct str bytes, struct errinfo *info)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    for (size_t at = 0; ok && at < bytes.len;) {
        ssize_t n = write(fd, bytes.p + at, bytes.len - at);
        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    ok = ok && fsync(fd) == 0;
    if (fd >= 0) {
        ok = close(fd) == 0 && ok;
    }
    return ok ? ERR_OK : failed("write", path, info);
}

static enum err read_file(const char *path, size_t max, struct buf *out, struct errinfo *info)
{
    buf_init(out, max);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0) {
        char *p = buf_reserve(out, PIECE);
        n = p != NULL ? read(fd, p, PIECE) : -1;
        if (n > 0) {
            buf_advance(out, (size_t)n);
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return n == 0 ? ERR_OK : failed("read", path, info);
}

enum err backup_copy_file(const char *from, const char *to, struct errinfo *info)
{
    BUF_AUTO bytes;
    enum err err = read_file(from, ABOUT_MAX, &bytes, info);
    return err == ERR_OK ? write_file(to, buf_str(&bytes), info) : err;
}

/* ---- the folder ---- */

/* Blobs carry their hash as their name, and whoever copied them has computed it. */
static bool is_blob(const char *path)
{
    struct str s = str_from(path);
    return str_starts(s, STR("files/")) && s.len == sizeof("files/ab/") - 1 + 64 &&
           strspn(path + sizeof("files/ab/") - 1, "0123456789abcdef") == 64;
}

/* Sealing: names that are hashes are believed, and what is read is synced, since a copy that is not on disk is none. */
static enum err walk(const char *folder, const char *below, int depth, bool is_sealing,
                     struct sums *out, struct errinfo *info)
{
    char dir[PATH_LEN];
    (void)snprintf(dir, sizeof(dir), "%s/%s", folder, below);
    DIR *d = opendir(dir);
    if (d == NULL || depth > DEPTH_MAX) {
        if (d != NULL) {
            (void)closedir(d);
        }
        return failed("read", dir, info);
    }
    enum err err = ERR_OK;
    for (const struct dirent *e = readdir(d); e != NULL && err == ERR_OK; e = readdir(d)) {
        struct sum sum;
        char path[PATH_LEN + 300];
        struct stat st;
        int n = snprintf(sum.path, sizeof(sum.path), "%s%s%s", below, below[0] != '\0' ? "/" : "",
                         e->d_name);
        (void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            strcmp(sum.path, SUMS) == 0) {
            continue;
        }
        if (n >= (int)sizeof(sum.path) || lstat(path, &st) != 0) {
            err = failed("look at", path, info);
        } else if (S_ISDIR(st.st_mode)) {
            err = walk(folder, sum.path, depth + 1, is_sealing, out, info);
        } else {
            if (is_sealing && is_blob(sum.path)) {
                (void)snprintf(sum.sha256, sizeof(sum.sha256), "%.64s", e->d_name);
            } else {
                err = sum_file(path, is_sealing, sum.sha256, info);
            }
            VEC_PUSH(out, sum);
        }
    }
    (void)closedir(d);
    return err;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct sum *)a)->path, ((const struct sum *)b)->path);
}

static void sort(struct sums *s)
{
    if (s->len > 0) {
        qsort(s->items, s->len, sizeof(s->items[0]), by_path);
    }
}

/* ---- about.json ---- */

static enum err write_about(const char *folder, const struct backup_about *about,
                            struct errinfo *info)
{
    BUF_AUTO text;
    struct json_writer w;
    char path[PATH_LEN];
    struct clock clock = clock_system();
    buf_init(&text, ABOUT_MAX);
    json_writer_init(&w, &text);
    json_object_begin(&w);
    json_kv_cstr(&w, "engine", about->is_postgres ? "postgres" : "sqlite");
    json_kv_time(&w, "made_at", clock_now(&clock));
    json_kv_i64(&w, DB_OLDEST_PROGRAM, about->oldest_program);
    json_put_key(&w, "migrations");
    json_array_begin(&w);
    for (size_t i = 0; i < about->n_migrations; i++) {
        json_object_begin(&w);
        json_kv_i64(&w, "number", about->migrations[i].number);
        json_kv_cstr(&w, "name", about->migrations[i].name);
        json_kv_cstr(&w, "sha256", about->migrations[i].sha256);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
    (void)snprintf(path, sizeof(path), "%s/" ABOUT, folder);
    return write_file(path, buf_str(&text), info);
}

static enum err parse_about(const struct json *o, struct backup_about *out, struct errinfo *info)
{
    static const char *const engines[] = {"sqlite", "postgres", NULL};
    int engine = 0;
    enum err err = json_get_enum(o, "engine", engines, &engine, info);
    VEC(struct db_applied) list = {0};
    int64_t oldest = 0;
    if (err == ERR_OK) {
        err = json_get_i64(o, DB_OLDEST_PROGRAM, 0, 100000, &oldest, info);
    }
    const struct json *m = json_first(json_find(o, "migrations"));
    for (; m != NULL && err == ERR_OK; m = json_next(m)) {
        struct db_applied a = {0};
        struct str name = {0};
        struct str hash = {0};
        int64_t number = 0;
        err = json_get_i64(m, "number", 1, 100000, &number, info);
        if (err == ERR_OK) {
            err = json_get_str(m, "name", 1, sizeof(a.name) - 1, &name, info);
        }
        if (err == ERR_OK) {
            err = json_get_str(m, "sha256", 64, 64, &hash, info);
        }
        a.number = (int)number;
        (void)snprintf(a.name, sizeof(a.name), STR_FMT, STR_ARG(name));
        (void)snprintf(a.sha256, sizeof(a.sha256), STR_FMT, STR_ARG(hash));
        VEC_PUSH(&list, a);
    }
    *out = (struct backup_about){engine == 1, list.items, list.len, (int)oldest};
    return err;
}

static enum err read_about(const char *folder, struct backup_about *out, struct errinfo *info)
{
    BUF_AUTO text;
    char path[PATH_LEN];
    struct json_doc *doc = NULL;
    (void)snprintf(path, sizeof(path), "%s/" ABOUT, folder);
    enum err err = read_file(path, ABOUT_MAX, &text, info);
    if (err == ERR_OK) {
        err = json_parse(buf_str(&text), ABOUT_MAX, &doc, info);
    }
    if (err == ERR_OK) {
        err = parse_about(json_root(doc), out, info);
    }
    json_doc_free(&doc);
    return err;
}

/* ---- sealing and checking ---- */

enum err backup_seal(const char *folder, const struct backup_about *about, struct errinfo *info)
{
    struct sums sums = {0};
    BUF_AUTO text;
    char path[PATH_LEN];
    buf_init(&text, SUMS_MAX);
    enum err err = write_about(folder, about, info);
    if (err == ERR_OK) {
        err = walk(folder, "", 0, true, &sums, info);
    }
    sort(&sums);
    for (size_t i = 0; i < sums.len; i++) {
        (void)buf_printf(&text, "%s  %s\n", sums.items[i].sha256, sums.items[i].path);
    }
    VEC_RELEASE(&sums);
    if (err == ERR_OK && buf_err(&text) != ERR_OK) {
        err = err_set(info, ERR_LIMIT, "path", "files", "too many files for one backup");
    }
    (void)snprintf(path, sizeof(path), "%s/" SUMS, folder);
    return err == ERR_OK ? write_file(path, buf_str(&text), info) : err;
}

static bool parse_sum(struct str line, struct sum *out)
{
    if (line.len < 67 || line.len - 66 >= sizeof(out->path) || line.p[64] != ' ') {
        return false;
    }
    (void)snprintf(out->sha256, sizeof(out->sha256), STR_FMT, STR_ARG(str_sub(line, 0, 64)));
    (void)snprintf(out->path, sizeof(out->path), STR_FMT, STR_ARG(str_sub(line, 66, SIZE_MAX)));
    return true;
}

static enum err compare(const struct sums *want, const struct sums *have, struct errinfo *info)
{
    size_t i = 0;
    while (i < want->len && i < have->len && by_path(&want->items[i], &have->items[i]) == 0) {
        if (strcmp(want->items[i].sha256, have->items[i].sha256) != 0) {
            return err_set(info, ERR_CONFLICT, "path", "changed",
                           "%s is not what it was when the backup was made", want->items[i].path);
        }
        i++;
    }
    if (i == want->len && i == have->len) {
        return ERR_OK;
    }
    bool is_missing =
        i == have->len || (i < want->len && by_path(&want->items[i], &have->items[i]) < 0);
    return err_set(info, ERR_CONFLICT, "path", "changed",
                   is_missing ? "%s is missing in the backup" : "%s does not belong to the backup",
                   is_missing ? want->items[i].path : have->items[i].path);
}

enum err backup_check(const char *folder, struct backup_about *about_out, struct errinfo *info)
{
    struct sums want = {0};
    struct sums have = {0};
    BUF_AUTO text;
    char path[PATH_LEN];
    (void)snprintf(path, sizeof(path), "%s/" SUMS, folder);
    enum err err = read_file(path, SUMS_MAX, &text, NULL);
    if (err != ERR_OK) {
        return err_set(info, ERR_CONFLICT, "path", "unfinished",
                       "%.140s has no " SUMS ": it is no backup, or one that was not finished",
                       folder);
    }
    struct str rest = buf_str(&text);
    struct str line;
    while (err == ERR_OK && str_split(&rest, '\n', &line)) {
        struct sum sum;
        if (parse_sum(line, &sum)) {
            VEC_PUSH(&want, sum);
        } else if (line.len > 0) {
            err = err_set(info, ERR_CONFLICT, "path", "changed", SUMS " is damaged");
        }
    }
    if (err == ERR_OK) {
        err = walk(folder, "", 0, false, &have, info);
    }
    sort(&want);
    sort(&have);
    if (err == ERR_OK) {
        err = compare(&want, &have, info);
    }
    VEC_RELEASE(&want);
    VEC_RELEASE(&have);
    return err == ERR_OK ? read_about(folder, about_out, info) : err;
}
