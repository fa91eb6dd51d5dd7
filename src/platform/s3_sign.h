/* AWS Signature Version 4 in a header, for S3: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. Pure. */
#ifndef PLATFORM_S3_SIGN_H
#define PLATFORM_S3_SIGN_H

#include "base/arena.h"
#include "base/str.h"

#define S3_DATE_MAX 17

struct s3_header {
    struct str name, value; /* name in lower case, value trimmed */
};
struct s3_signing {
    struct str access_key, secret_key, region;
    struct str method;
    struct str path; /* encoded: s3_encode with slashes kept */
    struct str
        query; /* "a=1&b=2": names and values encoded, sorted by name; a name alone is "name=" */
    const struct s3_header *headers; /* sorted by name; host and all of x-amz-* are among them */
    size_t n_headers;
    struct str payload_sha256; /* hex */
    int64_t at;
};
/* Value of Authorization. */
struct str s3_sign(struct arena *arena, const struct s3_signing *s);
/* "20130524T000000Z", as x-amz-date wants it. */
void s3_date(int64_t at, char out[S3_DATE_MAX]);
/* Everything but letters, digits and -._~ as %XX; slashes kept when it is a path. */
struct str s3_encode(struct arena *arena, struct str s, bool keeps_slashes);

#endif
