/* Downloads on their way from the store to a socket: one thread runs them all with libcurl's multi interface and puts what comes into a small queue per download;
 * the loop takes from it when its socket has room. A full queue pauses the transfer, so a slow reader slows the store down and nothing piles up here.
 *
 * The libcurl handles belong to the thread. What both sides touch (below the line in struct s3_stream) is under one mutex, which is never held while libcurl runs:
 * its callbacks take it. The list grows at its head under the mutex and is cut by the thread alone, so the thread walks it without. A blob never changes, so a
 * download that breaks goes on where it was with another request. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/metrics.h"
#include "platform/s3.h"

#define QUEUE_MAX (256UL * 1024)
#define RESTARTS 6
#define RESTART_MS 150
#define IDLE_POLL_MS 1000

enum state { NEW, WANTED, RUNNING, WAITING /* for another attempt */, DONE, FAILED };

struct s3_stream {
    struct file_source base;
    struct s3_streams *owner;
    char key[96];
    int64_t size, from, len;
    /* the thread's */
    CURL *easy;
    struct curl_slist *headers;
    struct s3_answer answer;
    bool has_range;
    int n_restarts;
    int64_t due_ms;
    struct s3_stream *next;
    /* ---- under the mutex ---- */
    enum state state;
    bool has_head, is_paused, wants_more, is_closed;
    struct buf queue;
    int64_t received;
    enum err err;
    struct errinfo info;
    void (*ready)(void *arg);
    void *ready_arg;
};

struct s3_streams {
    struct s3 *s3;
    CURLM *multi;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t moved; /* some download has its head, or failed */
    struct s3_stream *all;
    int n, max;
    bool is_stopping;
};

static int64_t now_ms(void)
{
    return time_monotonic_ns() / 1000000;
}

/* ---- on the thread ---- */

/* Under the mutex. */
static void tell(struct s3_stream *t)
{
    if (t->ready != NULL) {
        t->ready(t->ready_arg);
    }
    pthread_cond_broadcast(&t->owner->moved);
}

/* Under the mutex. */
static void fail(struct s3_stream *t, enum err err, const char *code, const char *what)
{
    t->state = FAILED;
    t->err = err_set(&t->info, err, "id", code, "%s", what);
    tell(t);
}

/* Under the mutex. The first bytes are here: are they of what was asked for? */
static bool check_head(struct s3_stream *t)
{
    long status = 0;
    curl_off_t length = -1;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    const struct s3_answer *a = &t->answer;
    bool is_right = t->has_range
                        ? status == 206 && a->from == t->from + t->received &&
                              (a->total < 0 || a->total == t->size)
                        : status == 200 && ((int64_t)length < 0 || (int64_t)length == t->size);
    if (!is_right) {
        LOG_ERROR("files", "store sends other bytes than were asked for", log_i64("status", status),
                  log_i64("length", (int64_t)length), log_i64("size", t->size),
                  log_cstr("key", t->key));
        fail(t, ERR_PROTOCOL, "damaged", "the file store has another file under this name");
        return false;
    }
    t->has_head = true;
    tell(t);
    return true;
}

static size_t on_write(char *p, size_t size, size_t n, void *arg)
{
    struct s3_stream *t = arg;
    size_t len = size * n;
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300) {
        s3_answer_add_text(&t->answer, p, len);
        return len;
    }
    size_t taken = 0; /* ends the transfer */
    pthread_mutex_lock(&t->owner->mutex);
    bool is_good = !t->is_closed && t->state == RUNNING && (t->has_head || check_head(t));
    if (is_good && t->queue.len > 0 && t->queue.len + len > QUEUE_MAX) {
        t->is_paused = true;
        taken = CURL_WRITEFUNC_PAUSE;
    } else if (is_good && t->received + (int64_t)len > t->len) {
        fail(t, ERR_PROTOCOL, "damaged", "the file store sends more than was asked for");
    } else if (is_good) {
        bool was_empty = t->queue.len == 0;
        taken = buf_add(&t->queue, p, len) == ERR_OK ? len : 0;
        t->received += (int64_t)taken;
        if (was_empty) {
            tell(t);
        }
    }
    pthread_mutex_unlock(&t->owner->mutex);
    return taken;
}

static void start(struct s3_stream *t)
{
    struct s3_streams *s = t->owner;
    int64_t at = t->from + t->received;
    t->has_range = at != 0 || t->len != t->size;
    struct s3_call call = {.method = S3_GET,
                           .key = str_from(t->key),
                           .from = at,
                           .len = t->has_range ? t->len - t->received : 0};
    if (t->easy == NULL) {
        t->easy = curl_easy_init();
        ASSERT(t->easy != NULL);
    }
    pthread_mutex_lock(&s->mutex);
    t->state = RUNNING;
    t->has_head = false;
    t->is_paused = false;
    pthread_mutex_unlock(&s->mutex);
    enum err err = s3_prepare(s->s3, t->easy, &call, &t->answer, &t->headers);
    ASSERT(err == ERR_OK);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_write);
    (void)curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    CURLMcode code = curl_multi_add_handle(s->multi, t->easy);
    ASSERT(code == CURLM_OK);
}

static void stop(struct s3_stream *t)
{
    if (t->headers != NULL) {
        (void)curl_multi_remove_handle(t->owner->multi, t->easy);
        (void)curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
        curl_slist_free_all(t->headers);
        t->headers = NULL;
    }
}

/* Under the mutex: the transfer is over and was not whole. */
static void broke(struct s3_stream *t)
{
    struct s3 *s3 = t->owner->s3;
    bool again = false;
    struct errinfo info = {0};
    enum err err = s3_failure(&t->answer, s3->bucket, clock_now(&s3->clock), &again, &info);
    if (!again || t->n_restarts >= RESTARTS) {
        LOG_ERROR("files", "download failed", log_cstr("why", info.message),
                  log_i64("received", t->received), log_i64("of", t->len));
        metric_add(s3->failures, 1);
        t->state = FAILED;
        t->info = info;
        t->err = err;
        tell(t);
        return;
    }
    t->due_ms = now_ms() + ((int64_t)RESTART_MS << t->n_restarts);
    t->n_restarts++;
    metric_add(s3->retries, 1);
    t->state = WAITING;
    LOG_WARN("files", "download broke, going on", log_cstr("why", info.message),
             log_i64("received", t->received), log_i64("of", t->len));
}

static void finish(struct s3_stream *t, CURLcode code)
{
    s3_answer_finish(&t->answer, t->easy, code);
    stop(t);
    pthread_mutex_lock(&t->owner->mutex);
    bool is_refused = t->answer.status >= 300;
    if (t->state == RUNNING && !t->is_closed) {
        if (!is_refused && code == CURLE_OK && t->received == t->len) {
            t->has_head = true; /* an empty file has no first bytes */
            t->state = DONE;
            tell(t);
        } else {
            t->answer.status = is_refused ? t->answer.status : 0;
            broke(t);
        }
    }
    pthread_mutex_unlock(&t->owner->mutex);
}

static void stream_free(struct s3_stream *t)
{
    if (t->easy != NULL) {
        curl_easy_cleanup(t->easy);
    }
    buf_release(&t->queue);
    mem_free(t);
}

/* What the other side wants of one download. */
static void attend(struct s3_stream *t, int64_t now)
{
    pthread_mutex_lock(&t->owner->mutex);
    bool starts =
        !t->is_closed && (t->state == WANTED || (t->state == WAITING && t->due_ms <= now));
    bool goes_on = !t->is_closed && t->state == RUNNING && t->is_paused && t->wants_more;
    if (goes_on) {
        t->is_paused = t->wants_more = false;
    }
    pthread_mutex_unlock(&t->owner->mutex);
    if (starts) {
        start(t);
    } else if (goes_on) {
        (void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
    }
}

/* Those that nobody wants any more. */
static void bury(struct s3_streams *s)
{
    struct s3_stream *dead = NULL;
    pthread_mutex_lock(&s->mutex);
    for (struct s3_stream **p = &s->all; *p != NULL;) {
        struct s3_stream *t = *p;
        if (t->is_closed) {
            *p = t->next;
            t->next = dead;
            dead = t;
            s->n--;
        } else {
            p = &t->next;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    while (dead != NULL) {
        struct s3_stream *next = dead->next;
        stop(dead);
        stream_free(dead);
        dead = next;
    }
}

static void take_messages(struct s3_streams *s)
{
    int n_left = 0;
    for (CURLMsg *m = curl_multi_info_read(s->multi, &n_left); m != NULL;
         m = curl_multi_info_read(s->multi, &n_left)) {
        char *private = NULL;
        if (m->msg == CURLMSG_DONE) {
            CURLcode code = m->data.result;
            (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &private);
            finish((struct s3_stream *)(void *)private, code);
        }
    }
}

static void *run(void *arg)
{
    struct s3_streams *s = arg;
    pthread_setname_np(pthread_self(), "files-s3");
    for (;;) {
        bury(s);
        pthread_mutex_lock(&s->mutex);
        struct s3_stream *first = s->all;
        bool is_over = s->is_stopping;
        pthread_mutex_unlock(&s->mutex);
        if (is_over) {
            return NULL;
        }
        int64_t now = now_ms();
        int wait_ms = IDLE_POLL_MS;
        for (struct s3_stream *t = first; t != NULL; t = t->next) {
            attend(t, now);
        }
        int n_running = 0;
        (void)curl_multi_perform(s->multi, &n_running);
        take_messages(s);
        for (struct s3_stream *t = first; t != NULL; t = t->next) {
            pthread_mutex_lock(&s->mutex);
            int64_t left = t->state == WAITING ? t->due_ms - now_ms() : IDLE_POLL_MS;
            pthread_mutex_unlock(&s->mutex);
            wait_ms = left < wait_ms ? (int)(left > 0 ? left : 0) : wait_ms;
        }
        (void)curl_multi_poll(s->multi, NULL, 0, wait_ms, NULL);
    }
}

/* ---- on the other side ---- */

/* Under the mutex. */
static bool is_decided(const struct s3_stream *t)
{
    return t->has_head || t->state == DONE || t->state == FAILED;
}

static enum err wait_for_head(struct s3_stream *t, struct errinfo *info)
{
    struct s3_streams *s = t->owner;
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += s->s3->deadline_ms / 1000 + 1;
    enum err err = ERR_OK;
    pthread_mutex_lock(&s->mutex);
    while (!is_decided(t) && err == ERR_OK) {
        if (pthread_cond_timedwait(&s->moved, &s->mutex, &until) == ETIMEDOUT && !is_decided(t)) {
            err = err_set(info, ERR_UNAVAILABLE, "files.url", "no_answer",
                          "the file store does not answer in time");
        }
    }
    if (t->state == FAILED) {
        err = t->err;
        (void)err_hand_on(&t->info, err, info);
    }
    pthread_mutex_unlock(&s->mutex);
    return err;
}

static enum err stream_begin(struct file_source *base, int64_t from, int64_t len,
                             struct errinfo *info)
{
    struct s3_stream *t = (struct s3_stream *)base;
    struct s3_streams *s = t->owner;
    enum err err = s3_enter(s->s3, info);
    if (err != ERR_OK) {
        return err;
    }
    t->from = from;
    t->len = len;
    pthread_mutex_lock(&s->mutex);
    ASSERT(t->state == NEW);
    if (s->n >= s->max) {
        err = err_set(info, ERR_AGAIN, "id", "busy", "too many downloads at a time");
    } else {
        t->state = WANTED;
        t->next = s->all;
        s->all = t;
        s->n++;
    }
    pthread_mutex_unlock(&s->mutex);
    if (err == ERR_OK) {
        (void)curl_multi_wakeup(s->multi);
        err = wait_for_head(t, info);
    }
    bool was_silent =
        err == ERR_UNAVAILABLE && info != NULL && strcmp(info->code, "no_answer") == 0;
    s3_leave(s->s3, !was_silent);
    return err;
}

static enum err stream_take(struct file_source *base, char **piece_out, size_t *len_out)
{
    struct s3_stream *t = (struct s3_stream *)base;
    struct s3_streams *s = t->owner;
    enum err err = ERR_AGAIN;
    bool wakes = false;
    pthread_mutex_lock(&s->mutex);
    if (t->queue.len > 0) {
        *piece_out = buf_detach(&t->queue, len_out);
        buf_init(&t->queue, QUEUE_MAX);
        wakes = t->wants_more = t->is_paused;
        err = ERR_OK;
    } else if (t->state == FAILED) {
        err = t->err;
    } else if (t->state == DONE) {
        err = ERR_INTERNAL; /* everything was taken already */
    }
    pthread_mutex_unlock(&s->mutex);
    if (wakes) {
        (void)curl_multi_wakeup(s->multi);
    }
    return err;
}

static void stream_on_ready(struct file_source *base, void (*ready)(void *arg), void *arg)
{
    struct s3_stream *t = (struct s3_stream *)base;
    pthread_mutex_lock(&t->owner->mutex);
    t->ready = ready;
    t->ready_arg = arg;
    pthread_mutex_unlock(&t->owner->mutex);
}

static void stream_close(struct file_source *base)
{
    struct s3_stream *t = (struct s3_stream *)base;
    struct s3_streams *s = t->owner;
    pthread_mutex_lock(&s->mutex);
    bool is_mine = t->state == NEW;
    t->ready = NULL;
    t->is_closed = true; /* from here on the thread may free it */
    pthread_mutex_unlock(&s->mutex);
    if (is_mine) {
        stream_free(t);
    } else {
        (void)curl_multi_wakeup(s->multi);
    }
}

static const struct file_source_ops stream_ops = {
    .begin = stream_begin,
    .take = stream_take,
    .on_ready = stream_on_ready,
    .close = stream_close,
};

struct file_source *s3_stream_new(struct s3_streams *s, struct str key, int64_t size)
{
    struct s3_stream *t = MEM_NEW(struct s3_stream);
    t->base.ops = &stream_ops;
    t->owner = s;
    t->size = size;
    ASSERT(key.len < sizeof(t->key));
    memcpy(t->key, key.p, key.len);
    buf_init(&t->queue, QUEUE_MAX);
    return &t->base;
}

enum err s3_streams_new(struct s3 *s3, int max_streams, struct s3_streams **out)
{
    struct s3_streams *s = MEM_NEW(struct s3_streams);
    pthread_condattr_t attr;
    sigset_t all;
    sigset_t old;
    s->s3 = s3;
    s->max = max_streams;
    s->multi = curl_multi_init();
    ASSERT(s->multi != NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->moved, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)sigfillset(&all); /* signals belong to the main thread */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&s->thread, NULL, run, s);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        (void)curl_multi_cleanup(s->multi);
        mem_free(s);
        return ERR_UNAVAILABLE;
    }
    *out = s;
    return ERR_OK;
}

void s3_streams_free(struct s3_streams **ref)
{
    struct s3_streams *s = *ref;
    if (s == NULL) {
        return;
    }
    pthread_mutex_lock(&s->mutex);
    s->is_stopping = true;
    pthread_mutex_unlock(&s->mutex);
    (void)curl_multi_wakeup(s->multi);
    pthread_join(s->thread, NULL);
    bury(s);
    ASSERT(s->all == NULL); /* connections are closed before the store is */
    (void)curl_multi_cleanup(s->multi);
    (void)pthread_cond_destroy(&s->moved);
    (void)pthread_mutex_destroy(&s->mutex);
    mem_free(s);
    *ref = NULL;
}
