/* File store: immutable blobs by their SHA-256 (64 hex digits), in a folder (files_local.c) or in a bucket of an S3-compatible store (files_s3.c).
 *
 * Every function blocks: workers, jobs and commands call them, a loop never. Any thread. `info` is optional and names the cause. What is stored is never
 * changed; storing the same again is harmless. tests/unit/platform/files_conformance.c is what an implementation has to pass. */
#ifndef PLATFORM_FILES_H
#define PLATFORM_FILES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/timeutil.h"

struct file_source;

/* Something to be sent by response_blob (http.h): one of the two. */
struct blob {
    int64_t size;
    const char *path;           /* in the caller's arena */
    struct file_source *source; /* the caller's until it is handed to the answer (file_source.h) */
};

/* What `probe` found out. */
struct files_probe {
    bool tells_time;
    int64_t ahead_ms; /* of the store's clock before ours */
};

struct files;
struct files_ops {
    /* Safe on disk (or acknowledged by the store) when it returns. */
    enum err (*put)(struct files *f, struct str bytes, char sha256_out[65], struct errinfo *info);
    enum err (*put_path)(struct files *f, const char *path, char sha256_out[65], int64_t *size_out,
                         struct errinfo *info);
    /* For sending. `size` is what the caller's row says; a bucket is asked nothing before the answer is made, and other bytes than that many are an error. */
    enum err (*open)(struct files *f, struct str sha256, int64_t size, struct arena *arena,
                     struct blob *out, struct errinfo *info);
    enum err (*find)(struct files *f, struct str sha256, int64_t *size_out, struct errinfo *info);
    /* Writes the whole blob to `fd`. ERR_PROTOCOL: its bytes are not those of its name. */
    enum err (*fetch)(struct files *f, struct str sha256, int fd, struct errinfo *info);
    enum err (*remove)(struct files *f, struct str sha256, struct errinfo *info);
    /* Every blob, in no order; ends with the first failure of `fn`. */
    enum err (*list)(struct files *f, enum err (*fn)(void *arg, struct str sha256, int64_t size),
                     void *arg, struct errinfo *info);
    /* Writes, reads and removes something small. */
    enum err (*probe)(struct files *f, struct files_probe *out, struct errinfo *info);
    void (*free)(struct files *f);
};
struct files {
    const struct files_ops *ops;
    char name[256]; /* for people: the folder, or "s3://bucket/prefix at host" */
};
/* Makes the folder when it is not there, and removes what a crash left half written. */
ERR_MUST_USE enum err files_open_local(const char *dir, struct files **out, struct errinfo *info);
/* The same beside a server that may be running on it: what is half written stays. */
ERR_MUST_USE enum err files_open_local_beside(const char *dir, struct files **out,
                                              struct errinfo *info);

struct files_s3_options {
    const char *url; /* "s3://bucket" or "s3://bucket/a/prefix" */
    const char
        *endpoint; /* "https://host:port"; without a scheme https. NULL: Amazon's of the region */
    const char *region; /* NULL: us-east-1 */
    const char *access_key;
    const char *secret_key;  /* copied, never shown or logged */
    const char *ca_file;     /* PEM; NULL: the system's */
    bool has_bucket_in_host; /* bucket.host/key instead of host/bucket/key */
    int silence_ms;          /* how long the store may say nothing, 0: 10 s */
    int deadline_ms; /* for one small call with its repetitions, 0: 15 s; a large upload has longer by its size */
    int max_calls; /* workers that may wait for the store at a time; more are told ERR_AGAIN. 0: 6 */
    int max_streams; /* downloads at a time. 0: 64 */
    struct clock clock;
};
/* Does not talk to the store yet. */
ERR_MUST_USE enum err files_open_s3(const struct files_s3_options *o, struct files **out,
                                    struct errinfo *info);
bool files_is_s3(const char *url);

/* What strangers hear of a store's failure: `cause` names buckets and hosts, so it goes to the log, and `info` gets something neutral. Returns the error to pass on. */
enum err files_failed(enum err err, const struct errinfo *cause, struct errinfo *info);

#endif
