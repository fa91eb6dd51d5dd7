/* Four keyed hashes make the day's key, a fifth the signature. libcurl 7.88 can sign by itself, but hashes the payload of an upload wrongly, does not encode paths as
 * S3 wants them and leaves ports out of the host (curl issues 8810, 9588, 13754; mended over the years up to 8.9): forty lines are easier to trust. */
#include "platform/s3_sign.h"

#include "base/check.h"
#include "base/codec.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/crypto.h"

void s3_date(int64_t at, char out[S3_DATE_MAX])
{
    struct civil c = time_to_civil(at);
    (void)snprintf(out, S3_DATE_MAX, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)c.year % 10000,
                   (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
                   (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

struct str s3_encode(struct arena *arena, struct str s, bool keeps_slashes)
{
    struct str encoded = codec_percent(arena, s);
    if (!keeps_slashes) {
        return encoded;
    }
    char *p = arena_alloc(arena, encoded.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < encoded.len; i++) {
        bool is_slash = str_starts(str_sub(encoded, i, 3), STR("%2F"));
        p[n++] = encoded.p[i];
        if (is_slash) {
            p[n - 1] = '/';
            i += 2;
        }
    }
    return (struct str){p, n};
}

static struct str signed_names(struct arena *arena, const struct s3_signing *s)
{
    struct str names = {0};
    for (size_t i = 0; i < s->n_headers; i++) {
        ASSERT(i == 0 || str_cmp(s->headers[i - 1].name, s->headers[i].name) < 0);
        names = str_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(names), i == 0 ? "" : ";",
                           STR_ARG(s->headers[i].name));
    }
    return names;
}

static struct str canonical_request(struct arena *arena, const struct s3_signing *s,
                                    struct str names)
{
    struct str lines = {0};
    for (size_t i = 0; i < s->n_headers; i++) {
        lines = str_printf(arena, STR_FMT STR_FMT ":" STR_FMT "\n", STR_ARG(lines),
                           STR_ARG(s->headers[i].name), STR_ARG(s->headers[i].value));
    }
    return str_printf(arena,
                      STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT "\n" STR_FMT,
                      STR_ARG(s->method), STR_ARG(s->path), STR_ARG(s->query), STR_ARG(lines),
                      STR_ARG(names), STR_ARG(s->payload_sha256));
}

static void day_key(struct arena *arena, const struct s3_signing *s, struct str day,
                    uint8_t key[32])
{
    struct str first = str_printf(arena, "AWS4" STR_FMT, STR_ARG(s->secret_key));
    const struct str steps[] = {day, s->region, STR("s3"), STR("aws4_request")};
    struct str with = first;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        crypto_hmac_sha256(with, steps[i], key);
        with = (struct str){(const char *)key, 32};
    }
}

struct str s3_sign(struct arena *arena, const struct s3_signing *s)
{
    char date[S3_DATE_MAX];
    char hash[65];
    uint8_t key[32];
    uint8_t mac[32];
    s3_date(s->at, date);
    struct str day = {date, 8};
    struct str scope =
        str_printf(arena, STR_FMT "/" STR_FMT "/s3/aws4_request", STR_ARG(day), STR_ARG(s->region));
    struct str names = signed_names(arena, s);
    crypto_sha256_hex(canonical_request(arena, s, names), hash);
    struct str text =
        str_printf(arena, "AWS4-HMAC-SHA256\n%s\n" STR_FMT "\n%s", date, STR_ARG(scope), hash);
    day_key(arena, s, day, key);
    crypto_hmac_sha256((struct str){(const char *)key, 32}, text, mac);
    mem_wipe(key, sizeof(key));
    return str_printf(arena,
                      "AWS4-HMAC-SHA256 Credential=" STR_FMT "/" STR_FMT ",SignedHeaders=" STR_FMT
                      ",Signature=" STR_FMT,
                      STR_ARG(s->access_key), STR_ARG(scope), STR_ARG(names),
                      STR_ARG(codec_hex(arena, mac, sizeof(mac))));
}
