/* LD_PRELOAD library: a disk that fails under the real program. While the file named by FAILING_DISK exists, writes or syncs of files whose name ends with
 * the given suffix fail. Its text is "write ENOSPC -wal", "sync EIO -wal" ...; an empty suffix means all regular files of the data folder.
 * Built and used by the integration tests (failing_disk.ts), never part of the program. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(const char *op, int fd)
{
    char text[64] = "";
    char link[64];
    char path[512];
    char word[16] = "";
    char name[16] = "";
    char suffix[32] = "";
    const char *control = getenv("FAILING_DISK");
    int saved = errno;
    int c = control != NULL ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (c < 0) {
        errno = saved;
        return 0;
    }
    ssize_t n = read(c, text, sizeof(text) - 1);
    close(c);
    errno = saved;
    if (n <= 0 || sscanf(text, "%15s %15s %31s", word, name, suffix) < 2 || strcmp(word, op) != 0) {
        return 0;
    }
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    errno = saved;
    size_t want = strlen(suffix);
    if (len <= 0 || strncmp(path, "/dev/", 5) == 0 || path[0] != '/' || (size_t)len < want ||
        strncmp(path + (size_t)len - want, suffix, want) != 0) {
        return 0;
    }
    errno = strcmp(name, "ENOSPC") == 0 ? ENOSPC : EIO;
    return 1;
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off_t);
    real = real != NULL ? real
                        : (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return fails("write", fd) ? -1 : real(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    real = real != NULL
               ? real
               : (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return fails("write", fd) ? -1 : real(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    real = real != NULL ? real : (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return fails("write", fd) ? -1 : real(fd, p, n);
}

int fsync(int fd)
{
    static int (*real)(int);
    real = real != NULL ? real : (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return fails("sync", fd) ? -1 : real(fd);
}

int fdatasync(int fd)
{
    static int (*real)(int);
    real = real != NULL ? real : (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails("sync", fd) ? -1 : real(fd);
}
