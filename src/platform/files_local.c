/* Files in a folder: DIR/ab/abcd...(64 hex). A file is written to DIR/tmp, synced, then renamed to its name and its folder synced, so that a name
 * either does not exist or holds exactly the bytes of its hash. Names come from hashes only; what callers hand in is checked to be 64 hex digits
 * before it becomes part of a path. */
#include "platform/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/crypto.h"

#define FILES_PATH_MAX 4096
#define FILES_DIR_MAX 3900
#define FILES_PIECE 65536
#define SWEEP_OLDER_MS (10 * TIME_MINUTE_MS)

struct files_local {
    struct files base;
    char *dir;
};

static enum err err_of_errno(const char *what)
{
    int code = errno;
    LOG_ERROR("files", what, log_i64("errno", code));
    return ERR_UNAVAILABLE;
}

static enum err no_such_name(struct errinfo *info)
{
    return err_set(info, ERR_NOT_FOUND, "id", "not_found", "the file is gone");
}

/* What the caller hears; the log has said where and why. */
static enum err told(enum err err, struct errinfo *info)
{
    return err == ERR_OK ? err
                         : err_set(info, err, "files.dir", "disk",
                                   "the folder of files cannot be used, see the log");
}

static bool is_sha256(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool ok = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');
        if (!ok) {
            return false;
        }
    }
    return s.len == 64;
}

static void blob_path(const struct files_local *f, struct str sha256, char out[FILES_PATH_MAX])
{
    (void)snprintf(out, FILES_PATH_MAX, "%s/%.2s/" STR_FMT, f->dir, sha256.p, STR_ARG(sha256));
}

static enum err sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_of_errno("cannot open folder");
    }
    int rc = fsync(fd);
    (void)close(fd);
    return rc != 0 ? err_of_errno("cannot sync folder") : ERR_OK;
}

static enum err make_dir(const char *path, const char *parent)
{
    if (mkdir(path, 0700) == 0) {
        return sync_dir(parent);
    }
    return errno == EEXIST ? ERR_OK : err_of_errno("cannot make folder");
}

static enum err write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_of_errno("cannot write");
        }
        p += n;
        len -= (size_t)n;
    }
    return ERR_OK;
}

static int open_tmp(const struct files_local *f, char path_out[FILES_PATH_MAX])
{
    (void)snprintf(path_out, FILES_PATH_MAX, "%s/tmp/%016llx", f->dir,
                   (unsigned long long)rng_u64());
    return open(path_out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* Syncs and closes `fd`, and gives the temporary file its name; removes it on failure. */
static enum err settle(const struct files_local *f, int fd, const char *tmp, const char *sha256)
{
    char dir[FILES_PATH_MAX];
    char path[FILES_PATH_MAX];
    (void)snprintf(dir, sizeof(dir), "%s/%.2s", f->dir, sha256);
    blob_path(f, str_from(sha256), path);
    enum err err = fsync(fd) != 0 ? err_of_errno("cannot sync") : ERR_OK;
    if (close(fd) != 0 && err == ERR_OK) {
        err = err_of_errno("cannot close");
    }
    if (err == ERR_OK) {
        err = make_dir(dir, f->dir);
    }
    if (err == ERR_OK && rename(tmp, path) != 0) {
        err = err_of_errno("cannot rename");
    }
    if (err != ERR_OK) {
        (void)unlink(tmp);
        return err;
    }
    return sync_dir(dir);
}

static bool have_blob(const struct files_local *f, struct str sha256, int64_t *size_out)
{
    char path[FILES_PATH_MAX];
    struct stat st;
    blob_path(f, sha256, path);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    *size_out = st.st_size;
    return true;
}

static enum err local_put(struct files *base, struct str bytes, char sha256_out[65],
                          struct errinfo *info)
{
    struct files_local *f = (struct files_local *)base;
    char hash[65];
    int64_t size = 0;
    crypto_sha256_hex(bytes, hash);
    if (!have_blob(f, str_from(hash), &size) || size != (int64_t)bytes.len) {
        char tmp[FILES_PATH_MAX];
        int fd = open_tmp(f, tmp);
        if (fd < 0) {
            return told(err_of_errno("cannot create"), info);
        }
        enum err err = write_all(fd, bytes.p, bytes.len);
        if (err != ERR_OK) {
            (void)close(fd);
            (void)unlink(tmp);
            return told(err, info);
        }
        err = settle(f, fd, tmp, hash);
        if (err != ERR_OK) {
            return told(err, info);
        }
    }
    (void)snprintf(sha256_out, 65, "%s", hash);
    return ERR_OK;
}

static enum err copy_and_hash(int from, int to, char hash_out[65], int64_t *size_out)
{
    char *piece = mem_alloc(FILES_PIECE);
    struct crypto_sha256_stream sum;
    crypto_sha256_begin(&sum);
    enum err err = ERR_OK;
    *size_out = 0;
    while (err == ERR_OK) {
        ssize_t n = read(from, piece, FILES_PIECE);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            err = err_of_errno("cannot read");
        }
        if (n <= 0) {
            break;
        }
        crypto_sha256_add(&sum, (struct str){piece, (size_t)n});
        err = write_all(to, piece, (size_t)n);
        *size_out += n;
    }
    crypto_sha256_end(&sum, hash_out);
    mem_free(piece);
    return err;
}

static enum err local_put_path(struct files *base, const char *path, char sha256_out[65],
                               int64_t *size_out, struct errinfo *info)
{
    struct files_local *f = (struct files_local *)base;
    int from = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) {
        return errno == ENOENT ? no_such_name(info) : told(err_of_errno("cannot open"), info);
    }
    char tmp[FILES_PATH_MAX];
    int to = open_tmp(f, tmp);
    if (to < 0) {
        enum err err = err_of_errno("cannot create");
        (void)close(from);
        return told(err, info);
    }
    char hash[65];
    int64_t size = 0;
    int64_t size_there = 0;
    enum err err = copy_and_hash(from, to, hash, &size);
    (void)close(from);
    if (err != ERR_OK || (have_blob(f, str_from(hash), &size_there) && size_there == size)) {
        (void)close(to);
        (void)unlink(tmp);
    } else {
        err = settle(f, to, tmp, hash);
    }
    if (err == ERR_OK) {
        (void)snprintf(sha256_out, 65, "%s", hash);
        *size_out = size;
    }
    return told(err, info);
}

static enum err local_find(struct files *base, struct str sha256, int64_t *size_out,
                           struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    return is_sha256(sha256) && have_blob(f, sha256, size_out) ? ERR_OK : no_such_name(info);
}

static enum err local_open(struct files *base, struct str sha256, int64_t size, struct arena *arena,
                           struct blob *out, struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    int64_t size_there = 0;
    enum err err = local_find(base, sha256, &size_there, info);
    if (err != ERR_OK) {
        return err;
    }
    if (size_there != size) {
        return err_set(info, ERR_PROTOCOL, "id", "damaged",
                       "the file has %lld bytes instead of %lld", (long long)size_there,
                       (long long)size);
    }
    char path[FILES_PATH_MAX];
    blob_path(f, sha256, path);
    *out = (struct blob){.size = size, .path = str_to_cstr(arena, str_from(path))};
    return ERR_OK;
}

static enum err local_fetch(struct files *base, struct str sha256, int fd, struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    char path[FILES_PATH_MAX];
    char hash[65];
    int64_t size = 0;
    enum err err = local_find(base, sha256, &size, info);
    if (err != ERR_OK) {
        return err;
    }
    blob_path(f, sha256, path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return told(err_of_errno("cannot open"), info);
    }
    err = copy_and_hash(from, fd, hash, &size);
    (void)close(from);
    if (err == ERR_OK && !str_eq_cstr(sha256, hash)) {
        return err_set(info, ERR_PROTOCOL, "files", "damaged",
                       "%.16s... does not have the content of its name", sha256.p);
    }
    return told(err, info);
}

static enum err local_remove(struct files *base, struct str sha256, struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    char path[FILES_PATH_MAX];
    if (!is_sha256(sha256)) {
        return no_such_name(info);
    }
    blob_path(f, sha256, path);
    if (unlink(path) != 0) {
        return errno == ENOENT ? no_such_name(info) : told(err_of_errno("cannot remove"), info);
    }
    return ERR_OK;
}

static enum err list_folder(const struct files_local *f, const char *name,
                            enum err (*fn)(void *arg, struct str sha256, int64_t size), void *arg)
{
    char path[FILES_PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    DIR *dir = opendir(path);
    enum err err = dir == NULL ? err_of_errno("cannot read folder") : ERR_OK;
    for (const struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL && err == ERR_OK;
         e = readdir(dir)) {
        int64_t size = 0;
        struct str sha256 = str_from(e->d_name);
        if (is_sha256(sha256) && have_blob(f, sha256, &size)) {
            err = fn(arg, sha256, size);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return err;
}

static enum err local_list(struct files *base,
                           enum err (*fn)(void *arg, struct str sha256, int64_t size), void *arg,
                           struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    DIR *dir = opendir(f->dir);
    enum err err = dir == NULL ? told(err_of_errno("cannot read folder"), info) : ERR_OK;
    for (const struct dirent *e = dir != NULL ? readdir(dir) : NULL; e != NULL && err == ERR_OK;
         e = readdir(dir)) {
        if (strlen(e->d_name) == 2 && strspn(e->d_name, "0123456789abcdef") == 2) {
            err = list_folder(f, e->d_name, fn, arg);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return err;
}

static enum err local_probe(struct files *base, struct files_probe *out, struct errinfo *info)
{
    const struct files_local *f = (const struct files_local *)base;
    char tmp[FILES_PATH_MAX];
    int fd = open_tmp(f, tmp);
    if (fd < 0) {
        return told(err_of_errno("cannot create"), info);
    }
    enum err err = write_all(fd, "probe", 5);
    (void)close(fd);
    (void)unlink(tmp);
    *out = (struct files_probe){0};
    return told(err, info);
}

static void local_free(struct files *base)
{
    struct files_local *f = (struct files_local *)base;
    mem_free(f->dir);
    mem_free(f);
}

/* What a crash left half written. Not what is young: another program may be writing it, if the folder is shared. */
static void sweep_tmp(const char *tmp)
{
    struct clock clock = clock_system();
    int64_t old_at = clock_now(&clock) - SWEEP_OLDER_MS;
    DIR *dir = opendir(tmp);
    if (dir == NULL) {
        return;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        struct stat st;
        if (e->d_name[0] != '.' && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (int64_t)st.st_mtime * 1000 < old_at) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    (void)closedir(dir);
}

static const struct files_ops local_ops = {
    .put = local_put,
    .put_path = local_put_path,
    .open = local_open,
    .find = local_find,
    .fetch = local_fetch,
    .remove = local_remove,
    .list = local_list,
    .probe = local_probe,
    .free = local_free,
};

static enum err open_folder(const char *dir, bool sweeps, struct files **out, struct errinfo *info)
{
    char tmp[FILES_PATH_MAX];
    if (str_from(dir).len == 0 || str_from(dir).len > FILES_DIR_MAX) {
        return err_set(info, ERR_INVALID, "files.dir", "path",
                       "the folder's name is empty or too long");
    }
    (void)snprintf(tmp, sizeof(tmp), "%s/tmp", dir);
    if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || (mkdir(tmp, 0700) != 0 && errno != EEXIST) ||
        access(tmp, W_OK) != 0) {
        return err_set(info, ERR_UNAVAILABLE, "files.dir", "open", "cannot write to %s (errno %d)",
                       dir, errno);
    }
    if (sweeps) {
        sweep_tmp(tmp);
    }
    struct files_local *f = MEM_NEW(struct files_local);
    f->base.ops = &local_ops;
    f->dir = mem_strdup(dir);
    (void)snprintf(f->base.name, sizeof(f->base.name), "%.255s", dir);
    *out = &f->base;
    return ERR_OK;
}

enum err files_open_local(const char *dir, struct files **out, struct errinfo *info)
{
    return open_folder(dir, true, out, info);
}

enum err files_open_local_beside(const char *dir, struct files **out, struct errinfo *info)
{
    return open_folder(dir, false, out, info);
}
