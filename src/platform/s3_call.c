/* Requests on the thread of whoever wants something of the store.
 *
 * A pool of libcurl handles keeps connections warm. A store that is down must not take the workers with it: only some may wait at a time, and after a few calls
 * without any answer the next ones are refused at once for a moment (the breaker). Every call names immutable bytes by their hash, so all may be repeated. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "platform/metrics.h"
#include "platform/s3.h"
#include "platform/s3_sign.h"

#define ATTEMPTS 4
#define FIRST_WAIT_MS 100
#define BREAKS_AT 3
#define CLOSED_MS 5000
#define SLOWEST_BYTES_PER_MS 64 /* an upload slower than that is given up */

/* ---- the answer's head ---- */

void s3_answer_reset(struct s3_answer *a)
{
    a->status = 0;
    a->length = a->from = a->total = -1;
    a->date_at = 0;
    a->region[0] = a->transport[0] = '\0';
    a->text_len = 0;
}

void s3_answer_add_text(struct s3_answer *a, const char *p, size_t len)
{
    size_t room = sizeof(a->text) - a->text_len;
    size_t n = len < room ? len : room;
    memcpy(a->text + a->text_len, p, n);
    a->text_len += n;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct s3_answer *a = arg;
    struct str rest = {p, size * n};
    struct str name;
    if (!str_split(&rest, ':', &name)) {
        return size * n;
    }
    struct str value = str_trim(rest);
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*s", (int)(value.len < 63 ? value.len : 63), value.p);
    if (str_eq_nocase(name, STR("date"))) {
        a->date_at = (int64_t)curl_getdate(text, NULL) * 1000;
    } else if (str_eq_nocase(name, STR("x-amz-bucket-region"))) {
        (void)snprintf(a->region, sizeof(a->region), "%.39s", text);
    } else if (str_eq_nocase(name, STR("content-range"))) {
        s3_content_range(value, &a->from, &a->total);
    }
    return size * n;
}

void s3_answer_finish(struct s3_answer *a, CURL *easy, CURLcode code)
{
    curl_off_t length = -1;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &a->status);
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK) {
        a->length = (int64_t)length;
    }
    if (code != CURLE_OK) {
        a->status = a->status < 300 ? 0 : a->status; /* a refusal cut short is still a refusal */
        (void)snprintf(a->transport, sizeof(a->transport), "%.119s", curl_easy_strerror(code));
    }
}

/* ---- the request ---- */

static struct str path_of(struct arena *arena, const struct s3 *s3, struct str key)
{
    bool has_key = key.len > 0;
    struct str plain = str_printf(
        arena, "/%s%s%s" STR_FMT, s3->has_bucket_in_host ? "" : s3->bucket,
        has_key && !s3->has_bucket_in_host ? "/" : "", has_key ? s3->prefix : "", STR_ARG(key));
    return s3_encode(arena, plain, true);
}

static const char *const method_names[] = {
    [S3_GET] = "GET", [S3_PUT] = "PUT", [S3_DELETE] = "DELETE"};

static struct curl_slist *add(struct curl_slist *list, struct arena *arena, const char *name,
                              struct str value)
{
    struct str line = str_printf(arena, "%s: " STR_FMT, name, STR_ARG(value));
    struct curl_slist *longer = curl_slist_append(list, str_to_cstr(arena, line));
    ASSERT(longer != NULL);
    return longer;
}

static struct curl_slist *signed_headers(struct s3 *s3, const struct s3_call *call,
                                         struct arena *arena, struct str path)
{
    char date[S3_DATE_MAX];
    int64_t at = clock_now(&s3->clock);
    s3_date(at, date);
    const char *hash = call->body_sha256 != NULL ? call->body_sha256 : S3_EMPTY_SHA256;
    const struct s3_header headers[] = {
        {STR("host"), str_from(s3->host)},
        {STR("x-amz-content-sha256"), str_from(hash)},
        {STR("x-amz-date"), {date, S3_DATE_MAX - 1}},
    };
    struct s3_signing signing = {.access_key = str_from(s3->access_key),
                                 .secret_key = str_from(s3->secret_key),
                                 .region = str_from(s3->region),
                                 .method = str_from(method_names[call->method]),
                                 .path = path,
                                 .query = call->query,
                                 .headers = headers,
                                 .n_headers = ARRAY_LEN(headers),
                                 .payload_sha256 = str_from(hash),
                                 .at = at};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        list = add(list, arena, headers[i].name.p, headers[i].value);
    }
    list = add(list, arena, "authorization", s3_sign(arena, &signing));
    if (call->len > 0) {
        list = add(list, arena, "range",
                   str_printf(arena, "bytes=%lld-%lld", (long long)call->from,
                              (long long)(call->from + call->len - 1)));
    }
    if (call->method == S3_PUT) {
        list = add(list, arena, "content-type", STR("application/octet-stream"));
    }
    return list;
}

#define SET(easy, option, value)                                                                   \
    do {                                                                                           \
        CURLcode set_code = curl_easy_setopt((easy), (option), (value));                           \
        ASSERT(set_code == CURLE_OK);                                                              \
    } while (0)

static void set_limits(struct s3 *s3, CURL *easy)
{
    long silence_s = s3->silence_ms >= 1000 ? s3->silence_ms / 1000 : 1;
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)S3_CONNECT_MS);
    SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(easy, CURLOPT_LOW_SPEED_TIME, silence_s);
    SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(easy, CURLOPT_TCP_NODELAY, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L); /* a signature is for one host */
    SET(easy, CURLOPT_PATH_AS_IS, 1L);
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_EXPECT_100_TIMEOUT_MS, 300L);
    if (s3->ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, s3->ca_file);
    }
}

enum err s3_prepare(struct s3 *s3, CURL *easy, const struct s3_call *call, struct s3_answer *answer,
                    struct curl_slist **headers_out)
{
    ARENA_AUTO arena = arena_new(0);
    struct str path = path_of(arena, s3, call->key);
    struct str url = str_printf(arena, "%s" STR_FMT "%s" STR_FMT, s3->base, STR_ARG(path),
                                call->query.len > 0 ? "?" : "", STR_ARG(call->query));
    curl_easy_reset(easy);
    set_limits(s3, easy);
    if (curl_easy_setopt(easy, CURLOPT_URL, str_to_cstr(arena, url)) != CURLE_OK) {
        return ERR_INTERNAL;
    }
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, answer);
    if (call->method == S3_DELETE) {
        SET(easy, CURLOPT_CUSTOMREQUEST, "DELETE");
    } else if (call->method == S3_PUT) {
        SET(easy, CURLOPT_UPLOAD, 1L);
        SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_size);
    }
    s3_answer_reset(answer);
    *headers_out = signed_headers(s3, call, arena, path);
    SET(easy, CURLOPT_HTTPHEADER, *headers_out);
    return ERR_OK;
}

/* ---- bodies ---- */

struct attempt {
    const struct s3_call *call;
    CURL *easy;
    struct s3_answer *answer;
    int64_t sent;
    enum err err; /* of the sink or of reading our own file */
};

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
    struct attempt *t = arg;
    size_t room = size * n;
    int64_t left = t->call->body_size - t->sent;
    size_t want = (int64_t)room < left ? room : (size_t)left;
    ssize_t got = (ssize_t)want;
    if (t->call->bytes.len > 0) {
        memcpy(p, t->call->bytes.p + t->sent, want);
    } else if (want > 0) {
        got = pread(t->call->fd, p, want, t->sent);
    }
    if (got < 0 || (got == 0 && want > 0)) {
        t->err = ERR_INTERNAL; /* our file became shorter, or cannot be read */
        return CURL_READFUNC_ABORT;
    }
    t->sent += got;
    return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct attempt *t = arg;
    if (origin != SEEK_SET) {
        return CURL_SEEKFUNC_CANTSEEK;
    }
    t->sent = (int64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *p, size_t size, size_t n, void *arg)
{
    struct attempt *t = arg;
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300 || t->call->sink == NULL) {
        s3_answer_add_text(t->answer, p, size * n);
        return size * n;
    }
    t->err = t->call->sink(t->call->arg, (struct str){p, size * n});
    return t->err == ERR_OK ? size * n : 0;
}

/* ---- one attempt ---- */

static enum err attempt_once(struct s3 *s3, CURL *easy, const struct s3_call *call, int64_t left_ms,
                             struct s3_answer *answer)
{
    struct attempt t = {.call = call, .easy = easy, .answer = answer};
    struct curl_slist *headers = NULL;
    enum err err = s3_prepare(s3, easy, call, answer, &headers);
    if (err != ERR_OK) {
        return err;
    }
    if (call->reset != NULL) {
        call->reset(call->arg);
    }
    SET(easy, CURLOPT_TIMEOUT_MS, (long)(left_ms > 1 ? left_ms : 1));
    SET(easy, CURLOPT_READFUNCTION, on_read);
    SET(easy, CURLOPT_READDATA, &t);
    SET(easy, CURLOPT_SEEKFUNCTION, on_seek);
    SET(easy, CURLOPT_SEEKDATA, &t);
    SET(easy, CURLOPT_WRITEFUNCTION, on_write);
    SET(easy, CURLOPT_WRITEDATA, &t);
    CURLcode code = curl_easy_perform(easy);
    s3_answer_finish(answer, easy, code);
    SET(easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return t.err;
}

static CURL *take_handle(struct s3 *s3)
{
    pthread_mutex_lock(&s3->mutex);
    CURL *easy = s3->n_idle > 0 ? s3->idle[--s3->n_idle] : NULL;
    pthread_mutex_unlock(&s3->mutex);
    if (easy == NULL) {
        easy = curl_easy_init();
        ASSERT(easy != NULL);
    }
    return easy;
}

static void give_handle(struct s3 *s3, CURL *easy)
{
    pthread_mutex_lock(&s3->mutex);
    bool has_room = s3->n_idle < S3_IDLE_HANDLES;
    if (has_room) {
        s3->idle[s3->n_idle++] = easy;
    }
    pthread_mutex_unlock(&s3->mutex);
    if (!has_room) {
        curl_easy_cleanup(easy);
    }
}

/* ---- who may wait ---- */

enum err s3_enter(struct s3 *s3, struct errinfo *info)
{
    int64_t now = time_monotonic_ns();
    enum err err = ERR_OK;
    pthread_mutex_lock(&s3->mutex);
    if (now < s3->closed_until_ns) {
        err = ERR_UNAVAILABLE;
    } else if (s3->n_calls >= s3->max_calls) {
        err = ERR_AGAIN;
    } else {
        s3->n_calls++;
    }
    int64_t wait_ms = (s3->closed_until_ns - now) / 1000000;
    pthread_mutex_unlock(&s3->mutex);
    if (err == ERR_UNAVAILABLE) {
        (void)err_set(info, err, "files.url", "no_answer",
                      "the file store did not answer just now");
        return err_retry_after(info, err, wait_ms);
    }
    if (err == ERR_AGAIN) {
        (void)err_set(info, err, "files.url", "busy", "too many wait for the file store");
        return err_retry_after(info, err, 1000);
    }
    return ERR_OK;
}

void s3_leave(struct s3 *s3, bool was_answered)
{
    pthread_mutex_lock(&s3->mutex);
    s3->n_calls--;
    s3->n_broken = was_answered ? 0 : s3->n_broken + 1;
    if (s3->n_broken >= BREAKS_AT) {
        s3->closed_until_ns = time_monotonic_ns() + (int64_t)CLOSED_MS * 1000000;
    }
    pthread_mutex_unlock(&s3->mutex);
}

static void wait_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

static enum err do_entered(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer,
                           struct errinfo *info)
{
    int64_t deadline =
        time_monotonic_ns() / 1000000 + s3->deadline_ms + call->body_size / SLOWEST_BYTES_PER_MS;
    CURL *easy = take_handle(s3);
    enum err err = ERR_OK;
    bool again = true;
    for (int i = 0; i < ATTEMPTS && again; i++) {
        int64_t left = deadline - time_monotonic_ns() / 1000000;
        err = attempt_once(s3, easy, call, left, answer);
        again = false;
        if (err != ERR_OK) {
            break; /* ours, not the store's */
        }
        if (answer->status >= 200 && answer->status < 300) {
            break;
        }
        err = s3_failure(answer, s3->bucket, clock_now(&s3->clock), &again, info);
        int64_t pause = (FIRST_WAIT_MS << (2 * i)) + (int64_t)(rng_u64() % FIRST_WAIT_MS);
        again = again && deadline - time_monotonic_ns() / 1000000 > pause;
        if (again && i + 1 < ATTEMPTS) {
            metric_add(s3->retries, 1);
            LOG_WARN("files", "store did not do it, trying again",
                     log_cstr("method", method_names[call->method]),
                     log_i64("status", answer->status), log_cstr("why", answer->transport),
                     log_i64("pause_ms", pause));
            wait_ms(pause);
        }
    }
    give_handle(s3, easy);
    return err;
}

enum err s3_do(struct s3 *s3, const struct s3_call *call, struct s3_answer *answer,
               struct errinfo *info)
{
    enum err err = s3_enter(s3, info);
    if (err != ERR_OK) {
        return err;
    }
    int64_t began = time_monotonic_ns();
    err = do_entered(s3, call, answer, info);
    metric_observe_us(s3->seconds, (time_monotonic_ns() - began) / 1000);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        metric_add(s3->failures, 1);
    }
    s3_leave(s3, answer->status != 0 || err == ERR_INTERNAL);
    return err;
}
