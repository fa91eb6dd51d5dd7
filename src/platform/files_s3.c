/* Files in a bucket: PREFIX/ab/abcd...(64 hex), the names that the folder has, so that any tool can move one to the other. Blobs are hashed before they are sent: the hash is
 * the name, and goes along as x-amz-content-sha256, so that the store refuses bytes that changed on the way. Nothing asks first whether a blob is there: without permission to list, a
 * store answers 403 for what is missing, and storing the same again does no harm. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/crypto.h"
#include "platform/metrics.h"
#include "platform/s3.h"
#include "platform/s3_sign.h"

#define PIECE 65536
#define KEY_MAX 80
#define LIST_MAX (8UL * 1024 * 1024)
#define PROBE_KEY "stablehand-probe-"

struct files_s3 {
    struct files base;
    struct s3 s3;
};

static struct s3 *store_of(struct files *f)
{
    return &((struct files_s3 *)f)->s3;
}

static bool is_sha256(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f'))) {
            return false;
        }
    }
    return s.len == 64;
}

static struct str key_of(struct str sha256, char out[KEY_MAX])
{
    int n = snprintf(out, KEY_MAX, "%.2s/" STR_FMT, sha256.p, STR_ARG(sha256));
    return (struct str){out, (size_t)n};
}

static enum err no_such_name(struct errinfo *info)
{
    return err_set(info, ERR_NOT_FOUND, "id", "not_found", "the file is gone");
}

/* ---- storing ---- */

static enum err s3_files_put(struct files *f, struct str bytes, char sha256_out[65],
                             struct errinfo *info)
{
    char hash[65];
    char key[KEY_MAX];
    struct s3_answer answer;
    crypto_sha256_hex(bytes, hash);
    struct s3_call call = {.method = S3_PUT,
                           .key = key_of(str_from(hash), key),
                           .bytes = bytes,
                           .body_size = (int64_t)bytes.len,
                           .body_sha256 = hash};
    enum err err = s3_do(store_of(f), &call, &answer, info);
    if (err == ERR_OK) {
        memcpy(sha256_out, hash, sizeof(hash));
    }
    return err;
}

static enum err hash_file(int fd, char hash_out[65], int64_t *size_out)
{
    char *piece = mem_alloc(PIECE);
    struct crypto_sha256_stream sum;
    int64_t size = 0;
    crypto_sha256_begin(&sum);
    ssize_t n = pread(fd, piece, PIECE, 0);
    while (n > 0) {
        crypto_sha256_add(&sum, (struct str){piece, (size_t)n});
        size += n;
        n = pread(fd, piece, PIECE, size);
    }
    mem_free(piece);
    crypto_sha256_end(&sum, hash_out);
    *size_out = size;
    return n == 0 ? ERR_OK : ERR_UNAVAILABLE;
}

static enum err s3_files_put_path(struct files *f, const char *path, char sha256_out[65],
                                  int64_t *size_out, struct errinfo *info)
{
    char hash[65];
    char key[KEY_MAX];
    int64_t size = 0;
    struct s3_answer answer;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return err_set(info, errno == ENOENT ? ERR_NOT_FOUND : ERR_UNAVAILABLE, "files", "open",
                       "cannot read %.100s (errno %d)", path, errno);
    }
    enum err err = hash_file(fd, hash, &size);
    if (err == ERR_OK) {
        struct s3_call call = {.method = S3_PUT,
                               .key = key_of(str_from(hash), key),
                               .fd = fd,
                               .body_size = size,
                               .body_sha256 = hash};
        err = s3_do(store_of(f), &call, &answer, info);
    } else {
        err = err_set(info, err, "files", "read", "cannot read %.100s", path);
    }
    (void)close(fd);
    if (err == ERR_OK) {
        memcpy(sha256_out, hash, sizeof(hash));
        *size_out = size;
    }
    return err;
}

/* ---- reading ---- */

static enum err s3_files_open(struct files *f, struct str sha256, int64_t size, struct arena *arena,
                              struct blob *out, struct errinfo *info)
{
    char key[KEY_MAX];
    (void)arena;
    if (!is_sha256(sha256) || size < 0) {
        return no_such_name(info);
    }
    *out = (struct blob){.size = size,
                         .source = s3_stream_new(store_of(f)->streams, key_of(sha256, key), size)};
    return ERR_OK;
}

static enum err ignore_piece(void *arg, struct str piece)
{
    (void)arg;
    (void)piece;
    return ERR_OK;
}

/* By its first byte: a refusal of HEAD has no text that could name the cause, and Swift behind eventlet sends it with a body that is none. */
static enum err s3_files_find(struct files *f, struct str sha256, int64_t *size_out,
                              struct errinfo *info)
{
    char key[KEY_MAX];
    struct s3_answer answer;
    struct errinfo why = {0};
    if (!is_sha256(sha256)) {
        return no_such_name(info);
    }
    struct s3_call call = {
        .method = S3_GET, .key = key_of(sha256, key), .len = 1, .sink = ignore_piece};
    enum err err = s3_do(store_of(f), &call, &answer, &why);
    bool is_empty = err != ERR_OK && answer.status == 416;
    if (err != ERR_OK && !is_empty) {
        return err_hand_on(&why, err, info);
    }
    *size_out = is_empty ? 0 : answer.total >= 0 ? answer.total : answer.length;
    return ERR_OK;
}

struct fetching {
    int fd;
    struct crypto_sha256_stream sum;
};

static void fetch_reset(void *arg)
{
    struct fetching *t = arg;
    crypto_sha256_begin(&t->sum);
    int rc = ftruncate(t->fd, 0); /* a pipe cannot, and is not what callers hand in */
    (void)rc;
    (void)lseek(t->fd, 0, SEEK_SET);
}

static enum err fetch_piece(void *arg, struct str piece)
{
    struct fetching *t = arg;
    crypto_sha256_add(&t->sum, piece);
    while (piece.len > 0) {
        ssize_t n = write(t->fd, piece.p, piece.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ERR_INTERNAL;
        }
        piece = str_sub(piece, (size_t)n, piece.len);
    }
    return ERR_OK;
}

static enum err s3_files_fetch(struct files *f, struct str sha256, int fd, struct errinfo *info)
{
    char key[KEY_MAX];
    char hash[65];
    struct s3_answer answer;
    struct fetching t = {.fd = fd};
    if (!is_sha256(sha256)) {
        return no_such_name(info);
    }
    struct s3_call call = {.method = S3_GET,
                           .key = key_of(sha256, key),
                           .sink = fetch_piece,
                           .reset = fetch_reset,
                           .arg = &t};
    enum err err = s3_do(store_of(f), &call, &answer, info);
    if (err == ERR_INTERNAL) {
        return err_set(info, err, "files", "write", "cannot write the file (errno %d)", errno);
    }
    if (err != ERR_OK) {
        return err;
    }
    crypto_sha256_end(&t.sum, hash);
    return str_eq_cstr(sha256, hash)
               ? ERR_OK
               : err_set(info, ERR_PROTOCOL, "files", "damaged",
                         "%.16s... does not have the content of its name", hash);
}

static enum err s3_files_remove(struct files *f, struct str sha256, struct errinfo *info)
{
    char key[KEY_MAX];
    int64_t size = 0;
    struct s3_answer answer;
    enum err err = s3_files_find(f, sha256, &size, info); /* DELETE says yes to anything */
    if (err != ERR_OK) {
        return err;
    }
    struct s3_call call = {.method = S3_DELETE, .key = key_of(sha256, key)};
    return s3_do(store_of(f), &call, &answer, info);
}

/* ---- listing ---- */

static void page_reset(void *arg)
{
    buf_clear(arg);
}

static enum err page_piece(void *arg, struct str piece)
{
    return buf_add_str(arg, piece) == ERR_OK ? ERR_OK : ERR_PROTOCOL;
}

static enum err tell_page(struct str xml,
                          enum err (*fn)(void *arg, struct str sha256, int64_t size), void *arg)
{
    struct str item;
    enum err err = ERR_OK;
    while (err == ERR_OK && s3_next_element(&xml, "Contents", &item)) {
        struct str key = s3_element(item, "Key");
        struct str name = str_sub(key, key.len > 64 ? key.len - 64 : 0, 64);
        int64_t size = 0;
        if (is_sha256(name) && str_to_i64(s3_element(item, "Size"), &size)) {
            err = fn(arg, name, size);
        }
    }
    return err;
}

static enum err s3_files_list(struct files *f,
                              enum err (*fn)(void *arg, struct str sha256, int64_t size), void *arg,
                              struct errinfo *info)
{
    struct s3 *s3 = store_of(f);
    struct str token = {0};
    bool has_more = true;
    enum err err = ERR_OK;
    ARENA_AUTO arena = arena_new(0);
    BUF_AUTO page;
    buf_init(&page, LIST_MAX);
    while (err == ERR_OK && has_more) {
        struct s3_answer answer;
        struct str query = str_printf(
            arena, "%s" STR_FMT "%slist-type=2&prefix=" STR_FMT,
            token.len > 0 ? "continuation-token=" : "", STR_ARG(s3_encode(arena, token, false)),
            token.len > 0 ? "&" : "", STR_ARG(s3_encode(arena, str_from(s3->prefix), false)));
        struct s3_call call = {.method = S3_GET,
                               .query = query,
                               .sink = page_piece,
                               .reset = page_reset,
                               .arg = &page};
        err = s3_do(s3, &call, &answer, info);
        if (err == ERR_OK) {
            struct str xml = buf_str(&page);
            err = tell_page(xml, fn, arg);
            has_more = str_eq(s3_element(xml, "IsTruncated"), STR("true"));
            token = str_dup(arena, s3_element(xml, "NextContinuationToken"));
            has_more = has_more && token.len > 0;
        }
    }
    return err;
}

/* ---- the doctor's question ---- */

static enum err s3_files_probe(struct files *f, struct files_probe *out, struct errinfo *info)
{
    struct s3 *s3 = store_of(f);
    struct s3_answer answer;
    char key[KEY_MAX];
    char hash[65];
    char text[33];
    (void)snprintf(text, sizeof(text), "%016llx%016llx", (unsigned long long)rng_u64(),
                   (unsigned long long)rng_u64());
    (void)snprintf(key, sizeof(key), PROBE_KEY "%.16s", text);
    crypto_sha256_hex(str_from(text), hash);
    BUF_AUTO back;
    buf_init(&back, 1024);
    struct s3_call put = {.method = S3_PUT,
                          .key = str_from(key),
                          .bytes = str_from(text),
                          .body_size = 32,
                          .body_sha256 = hash};
    struct s3_call get = {.method = S3_GET,
                          .key = str_from(key),
                          .sink = page_piece,
                          .reset = page_reset,
                          .arg = &back};
    struct s3_call drop = {.method = S3_DELETE, .key = str_from(key)};
    enum err err = s3_do(s3, &put, &answer, info);
    if (err == ERR_OK) {
        err = s3_do(s3, &get, &answer, info);
        if (err == ERR_OK && !str_eq_cstr(buf_str(&back), text)) {
            err = err_set(info, ERR_PROTOCOL, "files.url", "damaged",
                          "the file store gives back other bytes than it was given");
        }
        struct errinfo other = {0};
        enum err dropped = s3_do(s3, &drop, &answer, err == ERR_OK ? info : &other);
        err = err == ERR_OK ? dropped : err;
    }
    if (err == ERR_OK) {
        *out = (struct files_probe){
            .tells_time = answer.date_at != 0,
            .ahead_ms = answer.date_at == 0 ? 0 : answer.date_at - clock_now(&s3->clock)};
    }
    return err;
}

/* ---- opening ---- */

static void s3_files_free(struct files *base)
{
    struct files_s3 *f = (struct files_s3 *)base;
    struct s3 *s3 = &f->s3;
    s3_streams_free(&s3->streams);
    while (s3->n_idle > 0) {
        curl_easy_cleanup(s3->idle[--s3->n_idle]);
    }
    if (s3->secret_key != NULL) {
        mem_wipe(s3->secret_key, strlen(s3->secret_key));
    }
    mem_free(s3->base);
    mem_free(s3->host);
    mem_free(s3->bucket);
    mem_free(s3->prefix);
    mem_free(s3->region);
    mem_free(s3->access_key);
    mem_free(s3->secret_key);
    mem_free(s3->ca_file);
    (void)pthread_mutex_destroy(&s3->mutex);
    mem_free(f);
}

static const struct files_ops s3_ops = {
    .put = s3_files_put,
    .put_path = s3_files_put_path,
    .open = s3_files_open,
    .find = s3_files_find,
    .fetch = s3_files_fetch,
    .remove = s3_files_remove,
    .list = s3_files_list,
    .probe = s3_files_probe,
    .free = s3_files_free,
};

bool files_is_s3(const char *url)
{
    return str_starts(str_from(url), STR("s3://"));
}

static bool is_bucket_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.p[i];
        bool is_good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_';
        if (!is_good) {
            return false;
        }
    }
    return s.len >= 3 && s.len <= 63;
}

static enum err set_bucket(struct s3 *s3, struct arena *arena, const char *url,
                           struct errinfo *info)
{
    struct str rest = str_sub(str_from(url), 5, strlen(url));
    struct str bucket = {0};
    (void)str_split(&rest, '/', &bucket);
    while (str_ends(rest, STR("/"))) {
        rest.len--;
    }
    if (!is_bucket_name(bucket) || rest.len > 512 || str_starts(rest, STR("/"))) {
        return err_set(info, ERR_INVALID, "files.url", "bucket",
                       "s3://BUCKET or s3://BUCKET/PREFIX, not %.60s", url);
    }
    s3->bucket = mem_strdup(str_to_cstr(arena, bucket));
    struct str prefix = str_printf(arena, STR_FMT "%s", STR_ARG(rest), rest.len > 0 ? "/" : "");
    s3->prefix = mem_strdup(str_to_cstr(arena, prefix));
    return ERR_OK;
}

/* "https://host:port": what Host says is without the port that goes without saying, as libcurl would write it. */
static enum err set_endpoint(struct s3 *s3, struct arena *arena, const char *endpoint,
                             struct errinfo *info)
{
    struct str rest = endpoint != NULL && endpoint[0] != '\0'
                          ? str_from(endpoint)
                          : str_printf(arena, "s3.%s.amazonaws.com", s3->region);
    bool is_plain = str_starts(rest, STR("http://"));
    bool is_tls = str_starts(rest, STR("https://"));
    rest = str_sub(rest, is_plain ? 7 : is_tls ? 8 : 0, rest.len);
    while (str_ends(rest, STR("/"))) {
        rest.len--;
    }
    if (rest.len == 0 || rest.len > 200 || str_find_char(rest, '/') != SIZE_MAX ||
        str_find_char(rest, '@') != SIZE_MAX || str_find_char(rest, ' ') != SIZE_MAX) {
        return err_set(info, ERR_INVALID, "files.s3_endpoint", "endpoint",
                       "https://HOST or https://HOST:PORT, not %.60s", endpoint);
    }
    struct str host = str_printf(arena, "%s%s" STR_FMT, s3->has_bucket_in_host ? s3->bucket : "",
                                 s3->has_bucket_in_host ? "." : "", STR_ARG(rest));
    struct str usual = is_plain ? STR(":80") : STR(":443");
    host.len -= str_ends(host, usual) ? usual.len : 0;
    s3->host = mem_strdup(str_to_cstr(arena, host));
    s3->base = mem_strdup(str_to_cstr(
        arena, str_printf(arena, "%s://" STR_FMT, is_plain ? "http" : "https", STR_ARG(host))));
    return ERR_OK;
}

static void init_library(void)
{
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
}

static int or_else(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

static enum err fill(struct s3 *s3, const struct files_s3_options *o, struct errinfo *info)
{
    ARENA_AUTO arena = arena_new(0);
    (void)pthread_mutex_init(&s3->mutex, NULL);
    s3->clock = o->clock;
    s3->seconds = metric_histogram("stablehand_files_call_seconds",
                                   "Requests to the file store, repetitions included");
    s3->failures = metric_counter("stablehand_files_failures_total",
                                  "Requests and downloads that the file store failed");
    s3->retries = metric_counter("stablehand_files_retries_total",
                                 "Requests to the file store repeated, downloads gone on with");
    s3->has_bucket_in_host = o->has_bucket_in_host;
    s3->silence_ms = or_else(o->silence_ms, 10000);
    s3->deadline_ms = or_else(o->deadline_ms, 15000);
    s3->max_calls = or_else(o->max_calls, 6);
    s3->region = mem_strdup(o->region != NULL && o->region[0] != '\0' ? o->region : "us-east-1");
    s3->access_key = mem_strdup(o->access_key != NULL ? o->access_key : "");
    s3->secret_key = mem_strdup(o->secret_key != NULL ? o->secret_key : "");
    s3->ca_file = o->ca_file != NULL && o->ca_file[0] != '\0' ? mem_strdup(o->ca_file) : NULL;
    if (s3->access_key[0] == '\0' || s3->secret_key[0] == '\0') {
        return err_set(info, ERR_INVALID, "files.s3_secret_key", "required",
                       "a bucket needs files.s3_access_key and files.s3_secret_key (or "
                       "files.s3_secret_file)");
    }
    enum err err = set_bucket(s3, arena, o->url, info);
    err = err != ERR_OK ? err : set_endpoint(s3, arena, o->endpoint, info);
    return err != ERR_OK ? err : s3_streams_new(s3, or_else(o->max_streams, 64), &s3->streams);
}

enum err files_open_s3(const struct files_s3_options *o, struct files **out, struct errinfo *info)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, init_library);
    struct files_s3 *f = MEM_NEW(struct files_s3);
    f->base.ops = &s3_ops;
    enum err err = files_is_s3(o->url) ? fill(&f->s3, o, info) : ERR_INVALID;
    if (err != ERR_OK) {
        s3_files_free(&f->base);
        return err;
    }
    (void)snprintf(f->base.name, sizeof(f->base.name), "s3://%.63s/%.80s at %.100s", f->s3.bucket,
                   f->s3.prefix, f->s3.host);
    *out = &f->base;
    return ERR_OK;
}
