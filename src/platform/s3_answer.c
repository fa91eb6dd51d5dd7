/* Scanned, not parsed: the documents are flat, and a document that is not what we expect yields nothing. */
#include "platform/s3_answer.h"

#include <stdlib.h>

bool s3_next_element(struct str *rest, const char *name, struct str *out)
{
    char open[48];
    char close[48];
    (void)snprintf(open, sizeof(open), "<%s>", name);
    (void)snprintf(close, sizeof(close), "</%s>", name);
    size_t from = str_find(*rest, str_from(open));
    if (from == SIZE_MAX) {
        return false;
    }
    struct str inside = str_sub(*rest, from + str_from(open).len, rest->len);
    size_t len = str_find(inside, str_from(close));
    if (len == SIZE_MAX) {
        return false;
    }
    *out = str_sub(inside, 0, len);
    *rest = str_sub(inside, len + str_from(close).len, inside.len);
    return true;
}

struct str s3_element(struct str xml, const char *name)
{
    struct str out = {0};
    (void)s3_next_element(&xml, name, &out);
    return out;
}

void s3_content_range(struct str value, int64_t *from_out, int64_t *total_out)
{
    struct str rest = value;
    struct str range;
    struct str from;
    if (str_starts(value, STR("bytes "))) {
        rest = str_sub(value, 6, value.len);
    }
    bool has_both = str_find_char(rest, '/') != SIZE_MAX;
    if (has_both && str_split(&rest, '/', &range) && str_split(&range, '-', &from)) {
        int64_t n = 0;
        *from_out = str_to_i64(from, &n) && n >= 0 ? n : *from_out;
        *total_out = str_to_i64(rest, &n) && n >= 0 ? n : *total_out;
    }
}

static enum err no_answer(const struct s3_answer *a, bool *again_out, struct errinfo *info)
{
    *again_out = true;
    return err_set(info, ERR_UNAVAILABLE, "files.url", "no_answer",
                   "the file store does not answer: %s",
                   a->transport[0] != '\0' ? a->transport : "the connection broke");
}

static enum err skewed(const struct s3_answer *a, int64_t now, struct errinfo *info)
{
    int64_t by_s = a->date_at == 0 ? 0 : (now - a->date_at) / 1000;
    return err_set(info, ERR_UNAVAILABLE, "files.url", "clock_skew",
                   "the file store refuses our clock: it is %lld s %s the store's",
                   (long long)llabs(by_s), by_s < 0 ? "behind" : "ahead of");
}

/* By the status alone: a HEAD has no document. */
static enum err by_status(const struct s3_answer *a, const char *bucket, struct str code,
                          struct errinfo *info)
{
    if (a->status == 404) {
        return err_set(info, ERR_NOT_FOUND, "id", "not_found", "the file is gone");
    }
    if (a->status == 403 || a->status == 401) {
        return err_set(info, ERR_UNAVAILABLE, "files.url", "denied",
                       "the file store refuses us in bucket %.60s (%ld " STR_FMT
                       "): keys, policy, or clock",
                       bucket, a->status, STR_ARG(str_sub(code, 0, 40)));
    }
    if (a->status == 301 || a->status == 307 || a->status == 400) {
        return err_set(info, ERR_UNAVAILABLE, "files.url", "wrong_region",
                       "the file store sends us away (%ld " STR_FMT
                       "): region or endpoint is wrong%s%.30s",
                       a->status, STR_ARG(str_sub(code, 0, 40)),
                       a->region[0] != '\0' ? "; the bucket is in " : "", a->region);
    }
    return err_set(info, ERR_UNAVAILABLE, "files.url", "refused",
                   "the file store answers %ld " STR_FMT, a->status, STR_ARG(str_sub(code, 0, 60)));
}

enum err s3_failure(const struct s3_answer *a, const char *bucket, int64_t now, bool *again_out,
                    struct errinfo *info)
{
    *again_out = false;
    if (a->status == 0) {
        return no_answer(a, again_out, info);
    }
    struct str code = s3_element((struct str){a->text, a->text_len}, "Code");
    *again_out = a->status >= 500 || a->status == 429 || a->status == 408 ||
                 str_eq(code, STR("RequestTimeout")) || str_eq(code, STR("SlowDown"));
    if (str_eq(code, STR("RequestTimeTooSkewed"))) {
        return skewed(a, now, info);
    }
    if (str_eq(code, STR("NoSuchBucket"))) {
        return err_set(info, ERR_UNAVAILABLE, "files.url", "no_bucket",
                       "there is no bucket %.60s in the file store", bucket);
    }
    if (str_eq(code, STR("SignatureDoesNotMatch")) || str_eq(code, STR("InvalidAccessKeyId"))) {
        return err_set(info, ERR_UNAVAILABLE, "files.url", "bad_key",
                       "the file store does not accept the %s (" STR_FMT ")",
                       str_eq(code, STR("InvalidAccessKeyId")) ? "access key" : "secret key",
                       STR_ARG(code));
    }
    if (str_eq(code, STR("BadDigest")) || str_eq(code, STR("XAmzContentSHA256Mismatch"))) {
        *again_out = true;
        return err_set(info, ERR_UNAVAILABLE, "files.url", "damaged",
                       "the bytes did not arrive at the file store as they were sent");
    }
    return by_status(a, bucket, code, info);
}
