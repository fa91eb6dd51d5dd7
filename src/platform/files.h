/* File store: immutable blobs by SHA-256, local folder by default (S3 later behind the same table). */
#ifndef PLATFORM_FILES_H
#define PLATFORM_FILES_H

#include "base/arena.h"
#include "base/err.h"

struct files;
struct files_ops {
    /* Stores the bytes under their hash (64 hex); fsynced (file and folder) when it returns. Storing again is harmless. */
    enum err (*put)(struct files *f, struct str bytes, char sha256_out[65]);
    enum err (*put_path)(struct files *f, const char *path, char sha256_out[65], int64_t *size_out);
    /* A path that can be streamed (local store: the blob itself). ERR_NOT_FOUND. */
    enum err (*path)(struct files *f, struct str sha256, struct arena *arena, const char **path_out,
                     int64_t *size_out);
    enum err (*remove)(struct files *f, struct str sha256);
    void (*free)(struct files *f);
};
struct files {
    const struct files_ops *ops;
};
ERR_MUST_USE enum err files_open_local(const char *dir, struct files **out, struct errinfo *info);

#endif
