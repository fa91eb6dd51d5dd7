#include "app/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"

#define KEY_LEN 32

enum err data_dir_make(const char *dir, struct errinfo *info)
{
    if (mkdir(dir, 0700) == 0 || errno == EEXIST) {
        return ERR_OK;
    }
    return err_set(info, ERR_UNAVAILABLE, "data.dir", "mkdir", "cannot make %.100s: %s", dir,
                   strerror(errno));
}

static enum err make_key(const char *path, uint8_t key_out[KEY_LEN], struct errinfo *info)
{
    uint8_t key[KEY_LEN];
    rng_bytes(key, sizeof(key));
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_set(info, ERR_UNAVAILABLE, "data.key_file", "open", "cannot make %.100s: %s",
                       path, strerror(errno));
    }
    bool ok = write(fd, key, sizeof(key)) == (ssize_t)sizeof(key) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    if (!ok) {
        (void)unlink(path);
        return err_set(info, ERR_UNAVAILABLE, "data.key_file", "write", "cannot write %.100s",
                       path);
    }
    memcpy(key_out, key, sizeof(key));
    return ERR_OK;
}

enum err data_dir_key(const char *path, uint8_t key_out[KEY_LEN], struct errinfo *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? make_key(path, key_out, info)
                               : err_set(info, ERR_UNAVAILABLE, "data.key_file", "open",
                                         "cannot read %.100s: %s", path, strerror(errno));
    }
    uint8_t key[KEY_LEN + 1];
    ssize_t n = read(fd, key, sizeof(key));
    (void)close(fd);
    if (n != KEY_LEN) {
        return err_set(info, ERR_INVALID, "data.key_file", "length",
                       "%.100s must hold exactly %d bytes", path, KEY_LEN);
    }
    memcpy(key_out, key, KEY_LEN);
    return ERR_OK;
}
