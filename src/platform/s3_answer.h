/* What an S3-compatible store says, read: error documents, lists. Pure; texts of strangers, capped by whoever collected them. */
#ifndef PLATFORM_S3_ANSWER_H
#define PLATFORM_S3_ANSWER_H

#include "base/arena.h"
#include "base/err.h"

#define S3_ERROR_MAX 8192

struct s3_answer {
    long status;             /* 0: none came */
    int64_t length;          /* Content-Length; -1: not said */
    int64_t from, total;     /* Content-Range; -1: not said */
    int64_t date_at;         /* Date; 0: not said */
    char region[40];         /* x-amz-bucket-region */
    char transport[120];     /* why no answer came, in libcurl's words */
    char text[S3_ERROR_MAX]; /* body of a refusal */
    size_t text_len;
};

/* The text between <name> and </name>, first occurrence; empty when there is none. Entities are left as they are. */
struct str s3_element(struct str xml, const char *name);
/* Cuts the first <name>...</name> off `*rest`; false when there is no more. */
bool s3_next_element(struct str *rest, const char *name, struct str *out);

/* "bytes 5-9/10": the first byte and the size of the whole; what is not said is left as it was. */
void s3_content_range(struct str value, int64_t *from_out, int64_t *total_out);

/* What a failed call means: the error, its cause in words, and whether the same call may succeed soon. `now` is ours, to judge by how much clocks differ. */
enum err s3_failure(const struct s3_answer *a, const char *bucket, int64_t now, bool *again_out,
                    struct errinfo *info);

#endif
