/* The file store in a bucket, against a real S3 store (scripts/with-s3, which checks signatures) behind a proxy that breaks on demand (s3_proxy.mjs). */
#include "../unit/platform/files_conformance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/crypto.h"
#include "platform/file_source.h"

#define HOUR_MS 3600000

static struct {
    pid_t pid;
    FILE *to, *from;
    char endpoint[64];
    char dir[64];
} peer;

static int64_t order(const char *line)
{
    char answer[64] = "";
    (void)fprintf(peer.to, "%s\n", line);
    (void)fflush(peer.to);
    assert_non_null(fgets(answer, sizeof(answer), peer.from));
    return strtoll(answer, NULL, 10);
}

static int64_t now_plus(void *arg)
{
    struct clock c = clock_system();
    return clock_now(&c) + *(const int64_t *)arg;
}

static struct files_s3_options options(void)
{
    return (struct files_s3_options){.url = "s3://desk/a prefix/\xE4\xB8\xAD+%41=",
                                     .endpoint = peer.endpoint,
                                     .access_key = getenv("SH_TEST_S3_KEY"),
                                     .secret_key = getenv("SH_TEST_S3_SECRET"),
                                     .silence_ms = 1000,
                                     .deadline_ms = 8000,
                                     .clock = clock_system()};
}

static struct files *open_with(const struct files_s3_options *o)
{
    struct files *f = NULL;
    struct errinfo info = {0};
    if (files_open_s3(o, &f, &info) != ERR_OK) {
        fail_msg("%s", info.message);
    }
    return f;
}

static void a_bucket_does_what_a_store_has_to(void **state)
{
    (void)state;
    struct files_s3_options o = options();
    struct files *f = open_with(&o);
    files_conformance(f, peer.dir);
    struct files_probe probe = {0};
    assert_int_equal(f->ops->probe(f, &probe, NULL), ERR_OK);
    assert_true(probe.tells_time && probe.ahead_ms > -3000 && probe.ahead_ms < 3000);
    f->ops->free(f);
}

static void refused(struct files_s3_options o, const char *code)
{
    char hash[65];
    char out[4];
    struct errinfo info = {0};
    struct files *f = open_with(&o);
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_UNAVAILABLE);
    assert_string_equal(info.code, code);
    info = (struct errinfo){0};
    crypto_sha256_hex(STR("abc"), hash);
    assert_int_equal(files_read_part(f, str_from(hash), 3, 0, 3, out, &info), ERR_UNAVAILABLE);
    assert_string_equal(info.code, code);
    f->ops->free(f);
}

static void wrong_keys_buckets_and_clocks_are_refused_by_name(void **state)
{
    (void)state;
    struct files_s3_options o = options();
    o.secret_key = "a/secret+keY";
    refused(o, "bad_key");
    o = options();
    o.access_key = "SOMEBODY";
    refused(o, "bad_key");
    o = options();
    o.url = "s3://elsewhere";
    refused(o, "no_bucket");
    int64_t ahead = HOUR_MS;
    o = options();
    o.clock = (struct clock){now_plus, &ahead};
    refused(o, "clock_skew");
    o = options();
    o.endpoint = "http://127.0.0.1:1";
    refused(o, "no_answer");
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url, *endpoint, *access_key, *secret_key, *field;
    } wrong[] = {
        {"s3://", "h", "a", "s", "files.url"},
        {"s3://b/x", "h", "a", "s", "files.url"},
        {"s3://buck et", "h", "a", "s", "files.url"},
        {"s3://bucket", "https://host/path", "a", "s", "files.s3_endpoint"},
        {"s3://bucket", "https://user@host", "a", "s", "files.s3_endpoint"},
        {"s3://bucket", "https://", "a", "s", "files.s3_endpoint"},
        {"s3://bucket", "h", "", "s", "files.s3_secret_key"},
        {"s3://bucket", "h", "a", NULL, "files.s3_secret_key"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct files *f = NULL;
        struct errinfo info = {0};
        struct files_s3_options o = {.url = wrong[i].url,
                                     .endpoint = wrong[i].endpoint,
                                     .access_key = wrong[i].access_key,
                                     .secret_key = wrong[i].secret_key,
                                     .clock = clock_system()};
        assert_int_equal(files_open_s3(&o, &f, &info), ERR_INVALID);
        assert_string_equal(info.field, wrong[i].field);
    }
    struct files_s3_options o = {.url = "s3://bucket/p/",
                                 .region = "eu-central-1",
                                 .access_key = "a",
                                 .secret_key = "s",
                                 .has_bucket_in_host = true,
                                 .clock = clock_system()};
    struct files *f = open_with(&o);
    assert_string_equal(f->name, "s3://bucket/p/ at bucket.s3.eu-central-1.amazonaws.com");
    f->ops->free(f);
}

/* ---- a store that breaks ---- */

static void what_may_pass_is_tried_again(void **state)
{
    (void)state;
    struct files_s3_options o = options();
    struct files *f = open_with(&o);
    char hash[65];
    char out[4] = "";
    struct errinfo info = {0};
    (void)order("status 503 2");
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_OK);
    (void)order("status 500 2");
    assert_int_equal(files_read_part(f, str_from(hash), 3, 0, 3, out, &info), ERR_OK);
    assert_memory_equal(out, "abc", 3);
    (void)order("status 503 100");
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_UNAVAILABLE);
    assert_string_equal(info.code, "refused");
    (void)order("status 403 100"); /* final: no use in asking again */
    int64_t before = order("requests");
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_UNAVAILABLE);
    assert_string_equal(info.code, "denied");
    assert_int_equal(order("requests"), before + 1);
    (void)order("status 503 0");
    f->ops->free(f);
}

static void a_download_that_breaks_goes_on_where_it_was(void **state)
{
    (void)state;
    size_t size = 3000000;
    struct files_s3_options o = options();
    struct files *f = open_with(&o);
    char hash[65];
    char *bytes = files_sample(size, 2);
    char *back = mem_zalloc(size);
    struct errinfo info = {0};
    assert_int_equal(f->ops->put(f, (struct str){bytes, size}, hash, &info), ERR_OK);
    (void)order("cut 700000 3");
    assert_int_equal(
        files_read_part(f, str_from(hash), (int64_t)size, 0, (int64_t)size, back, &info), ERR_OK);
    assert_memory_equal(back, bytes, size);
    (void)order("cut 200000 2");
    memset(back, 0, size);
    assert_int_equal(files_read_part(f, str_from(hash), (int64_t)size, 500, 900000, back, &info),
                     ERR_OK);
    assert_memory_equal(back, bytes + 500, 900000);
    (void)order("cut 1000 100"); /* for good: an error, not a short file */
    assert_int_equal(
        files_read_part(f, str_from(hash), (int64_t)size, 0, (int64_t)size, back, &info),
        ERR_UNAVAILABLE);
    (void)order("cut 0 0");
    mem_free(bytes);
    mem_free(back);
    f->ops->free(f);
}

static void a_silent_store_is_given_up_and_then_not_waited_for(void **state)
{
    (void)state;
    struct files_s3_options o = options();
    o.deadline_ms = 1500;
    struct files *f = open_with(&o);
    char hash[65];
    struct errinfo info = {0};
    (void)order("silent 100");
    for (int i = 0; i < 3; i++) {
        int64_t before = time_monotonic_ns();
        assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_UNAVAILABLE);
        assert_string_equal(info.code, "no_answer");
        assert_true(time_monotonic_ns() - before < 4000000000LL);
    }
    int64_t requests = order("requests");
    int64_t before = time_monotonic_ns();
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_UNAVAILABLE);
    assert_true(time_monotonic_ns() - before < 50000000LL);
    assert_true(info.retry_after_ms > 0);
    assert_int_equal(order("requests"), requests);
    (void)order("silent 0");
    (void)usleep(5100000);
    assert_int_equal(f->ops->put(f, STR("abc"), hash, &info), ERR_OK);
    f->ops->free(f);
}

/* ---- readers ---- */

static void a_slow_reader_slows_the_store_down(void **state)
{
    (void)state;
    size_t size = 48UL * 1024 * 1024;
    struct files_s3_options o = options();
    struct files *f = open_with(&o);
    char hash[65];
    char *bytes = files_sample(size, 3);
    struct errinfo info = {0};
    ARENA_AUTO arena = arena_new(0);
    assert_int_equal(f->ops->put(f, (struct str){bytes, size}, hash, &info), ERR_OK);
    struct blob blob = {0};
    assert_int_equal(f->ops->open(f, str_from(hash), (int64_t)size, arena, &blob, &info), ERR_OK);
    int64_t before = order("sent");
    assert_int_equal(blob.source->ops->begin(blob.source, 0, (int64_t)size, &info), ERR_OK);
    (void)usleep(1500000);
    assert_true(order("sent") - before < (int64_t)size / 2); /* what the sockets hold, not more */
    size_t n = 0;
    while (n < size) {
        char *piece = NULL;
        size_t len = 0;
        enum err err = blob.source->ops->take(blob.source, &piece, &len);
        assert_true(err == ERR_OK || err == ERR_AGAIN);
        if (err == ERR_AGAIN) {
            (void)usleep(200);
            continue;
        }
        assert_memory_equal(piece, bytes + n, len);
        n += len;
        mem_free(piece);
    }
    file_source_close(&blob.source);
    mem_free(bytes);
    f->ops->free(f);
}

static void never(void *arg)
{
    (void)arg;
}

static void downloads_are_counted_and_may_be_left(void **state)
{
    (void)state;
    size_t size = 2000000;
    struct files_s3_options o = options();
    o.max_streams = 3;
    struct files *f = open_with(&o);
    char hash[65];
    char *bytes = files_sample(size, 4);
    struct errinfo info = {0};
    ARENA_AUTO arena = arena_new(0);
    assert_int_equal(f->ops->put(f, (struct str){bytes, size}, hash, &info), ERR_OK);
    for (int round = 0; round < 5; round++) {
        struct blob blobs[4] = {0};
        for (int i = 0; i < 4; i++) {
            assert_int_equal(
                f->ops->open(f, str_from(hash), (int64_t)size, arena, &blobs[i], &info), ERR_OK);
            enum err err = blobs[i].source->ops->begin(blobs[i].source, 0, (int64_t)size, &info);
            assert_int_equal(err, i < 3 ? ERR_OK : ERR_AGAIN);
            blobs[i].source->ops->on_ready(blobs[i].source, never, NULL);
        }
        for (int i = 0; i < 4; i++) {
            file_source_close(&blobs[i].source); /* in the middle */
        }
        (void)usleep(30000); /* their thread buries them */
    }
    struct blob unused = {0};
    assert_int_equal(f->ops->open(f, str_from(hash), (int64_t)size, arena, &unused, &info), ERR_OK);
    file_source_close(&unused.source); /* an answer that was never sent */
    mem_free(bytes);
    f->ops->free(f);
}

/* ---- the peer ---- */

static int start_peer(const char *server)
{
    int in[2];
    int out[2];
    char line[64] = "";
    if (pipe(in) != 0 || pipe(out) != 0) {
        return -1;
    }
    peer.pid = fork();
    if (peer.pid == 0) {
        (void)dup2(in[0], 0);
        (void)dup2(out[1], 1);
        (void)close(in[1]);
        (void)close(out[0]);
        (void)execlp("node", "node", server, (char *)NULL);
        _exit(127);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    peer.to = fdopen(in[1], "w");
    peer.from = fdopen(out[0], "r");
    if (fgets(line, sizeof(line), peer.from) == NULL || strncmp(line, "ready ", 6) != 0) {
        return -1;
    }
    (void)snprintf(peer.endpoint, sizeof(peer.endpoint), "http://127.0.0.1:%ld",
                   strtol(line + 6, NULL, 10));
    (void)snprintf(peer.dir, sizeof(peer.dir), "/tmp/sh-files-s3-XXXXXX");
    return mkdtemp(peer.dir) != NULL ? 0 : -1;
}

static void stop_peer(void)
{
    char path[512];
    (void)fclose(peer.to); /* it goes when nobody speaks to it any more */
    (void)fclose(peer.from);
    (void)waitpid(peer.pid, NULL, 0);
    (void)snprintf(path, sizeof(path), "%s/back", peer.dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path),
                   "%s/a name with spaces, \xE4\xB8\xAD\xE6\x96\x87 & %%41+?#.bin", peer.dir);
    (void)unlink(path);
    (void)rmdir(peer.dir);
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    ASSERT(argc == 2 && crypto_init() == ERR_OK && getenv("SH_TEST_S3") != NULL);
    if (start_peer(argv[1]) != 0) {
        (void)fprintf(stderr, "the proxy does not start\n");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_does_what_a_store_has_to),
        cmocka_unit_test(wrong_keys_buckets_and_clocks_are_refused_by_name),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
        cmocka_unit_test(what_may_pass_is_tried_again),
        cmocka_unit_test(a_download_that_breaks_goes_on_where_it_was),
        cmocka_unit_test(a_silent_store_is_given_up_and_then_not_waited_for),
        cmocka_unit_test(a_slow_reader_slows_the_store_down),
        cmocka_unit_test(downloads_are_counted_and_may_be_left),
    };
    int failed = cmocka_run_group_tests_name("files_s3", tests, NULL, NULL);
    stop_peer();
    return failed;
}
