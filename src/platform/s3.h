/* One bucket of an S3-compatible store: calls that wait for their answer (s3_call.c), and downloads that are pulled by a loop (s3_stream.c).
 * For files_s3.c; nothing of it is visible elsewhere. */
#ifndef PLATFORM_S3_H
#define PLATFORM_S3_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/str.h"
#include "platform/file_source.h"
#include "platform/files.h"
#include "platform/s3_answer.h"

#define S3_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define S3_CONNECT_MS 4000
#define S3_IDLE_HANDLES 8

struct s3_streams;

struct s3 {
    char *base;   /* "https://host:port", bucket before the host when it goes there */
    char *host;   /* as the Host header says it */
    char *bucket; /* "" in the path when it is in the host */
    char *prefix; /* "" or "a/b/" */
    char *region, *access_key, *secret_key, *ca_file;
    bool has_bucket_in_host;
    int silence_ms, deadline_ms;
    struct clock clock;
    struct s3_streams *streams;
    pthread_mutex_t mutex;
    CURL *idle[S3_IDLE_HANDLES]; /* each keeps its connections */
    int n_idle;
    struct metric *seconds, *failures, *retries;
    int n_calls, max_calls;
    int n_broken;            /* calls in a row that got no answer */
    int64_t closed_until_ns; /* after a few of them nobody waits for the next for a while */
};

enum s3_method { S3_GET, S3_PUT, S3_DELETE };

/* One call; everything is the caller's and lives until it returns. */
struct s3_call {
    enum s3_method method;
    struct str key;    /* below the prefix; empty: the bucket itself */
    struct str query;  /* canonical (s3_sign.h) */
    int64_t from, len; /* which bytes of a GET; len 0: all of it */
    /* Body of a PUT: bytes, or a file from its beginning. */
    struct str bytes;
    int fd;
    int64_t body_size;
    const char *body_sha256;
    /* Body of a GET; each attempt begins with reset. */
    enum err (*sink)(void *arg, struct str piece);
    void (*reset)(void *arg);
    void *arg;
};

/* With repetitions (everything here may be repeated), back-off and the breaker. ERR_NOT_FOUND, ERR_AGAIN, ERR_UNAVAILABLE ... */
ERR_MUST_USE enum err s3_do(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer,
                            struct errinfo *info);
/* May a worker wait for the store now? Every true is followed by s3_leave. */
ERR_MUST_USE enum err s3_enter(struct s3 *s3, struct errinfo *info);
void s3_leave(struct s3 *s3, bool was_answered);
/* Address, method, signature, limits: everything of a request but its body and its callbacks for data. `headers_out` belongs to the handle until it is done:
 * curl_slist_free_all. The answer's head goes to `answer`. */
ERR_MUST_USE enum err s3_prepare(struct s3 *s3, CURL *easy, const struct s3_call *call,
                                 struct s3_answer *answer, struct curl_slist **headers_out);
void s3_answer_reset(struct s3_answer *a);
void s3_answer_finish(struct s3_answer *a, CURL *easy, CURLcode code);
/* Keeps what a refusal says. */
void s3_answer_add_text(struct s3_answer *a, const char *p, size_t len);

ERR_MUST_USE enum err s3_streams_new(struct s3 *s3, int max_streams, struct s3_streams **out);
void s3_streams_free(struct s3_streams **s); /* downloads still open break */
struct file_source *s3_stream_new(struct s3_streams *s, struct str key, int64_t size);

#endif
