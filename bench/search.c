/* bench_search: the newest 20 hits of Chinese two- and four-character and English queries over 1,000,000 messages while messages are being written, and whether
 * a substring scan finds the same. Page reads (20 newest of a conversation) beside it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "chat_rows.h"
#include "hist.h"
#include "report.h"

#define WRITES_PER_S 2000
#define NEWEST 20
#define QUERY_MAX 64

static const struct db_index_source sources[] = {
    {"message", "SELECT id, body FROM messages WHERE id > $1 ORDER BY id LIMIT $2", NULL}};

struct writing {
    struct db *db;
    atomic_bool is_stopping;
    atomic_int_fast64_t n;
    uint64_t nonce;
};

struct query {
    char text[QUERY_MAX];
    int64_t ids[NEWEST];
    size_t n;
};

/* ---- writing meanwhile ---- */

struct message {
    struct writing *w;
    uint64_t n;
};

static enum err write_message(struct db_txn *txn, void *arg)
{
    const struct message *m = arg;
    char text[512];
    char client[32];
    int64_t conversation = (int64_t)(m->n * 7919 % BENCH_CONVERSATIONS) + 1;
    int64_t seq = 0;
    struct str body = {text, bench_text(m->n, text, sizeof(text))};
    (void)snprintf(client, sizeof(client), "%016llx", (unsigned long long)(m->w->nonce + m->n));
    enum err err = DB_QUERY_I64(
        txn, &seq,
        "UPDATE conversations SET last_seq = last_seq + 1 WHERE id = $1 RETURNING last_seq",
        db_i64(conversation));
    if (err == ERR_OK) {
        err = DB_EXEC(txn,
                      "INSERT INTO messages (conversation_id, seq, client_id, author_kind, "
                      "author_id, author_name, kind, is_public, body, created_at) "
                      "VALUES ($1, $2, $3, 0, $1, 'Li Wei', 0, 1, $4, 1)",
                      db_i64(conversation), db_i64(seq), db_text(str_from(client)), db_text(body));
    }
    return err;
}

static void written(enum err err, void *arg)
{
    struct message *m = arg;
    ASSERT(err == ERR_OK);
    atomic_fetch_add(&m->w->n, 1);
    mem_free(m);
}

static void *write_all_the_time(void *arg)
{
    struct writing *w = arg;
    int64_t started = time_monotonic_ns();
    for (uint64_t n = 0; !atomic_load(&w->is_stopping); n++) {
        struct message *m = MEM_NEW(struct message);
        *m = (struct message){w, n + 5000000};
        if (db_submit(w->db, write_message, written, m) != ERR_OK) {
            mem_free(m);
        }
        int64_t due = started + (int64_t)(n + 1) * (1000000000 / WRITES_PER_S);
        int64_t wait = due - time_monotonic_ns();
        if (wait > 0) {
            struct timespec ts = {0, wait};
            (void)nanosleep(&ts, NULL);
        }
    }
    return NULL;
}

/* ---- reading ---- */

static enum err search(struct db_txn *txn, void *arg)
{
    struct query *q = arg;
    return db_search(txn, "message", str_from(q->text), 0, NEWEST, q->ids, &q->n);
}

static enum err scan(struct db_txn *txn, void *arg)
{
    struct query *q = arg;
    char pattern[QUERY_MAX + 3];
    struct db_rows *rows = NULL;
    (void)snprintf(pattern, sizeof(pattern), "%%%s%%", q->text);
    enum err err =
        DB_QUERY(txn, &rows, "SELECT id FROM messages WHERE body LIKE $1 ORDER BY id DESC LIMIT $2",
                 db_text(str_from(pattern)), db_i64(NEWEST));
    q->n = 0;
    while (err == ERR_OK && db_rows_next(rows)) {
        q->ids[q->n++] = db_rows_i64(rows, 0);
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static enum err read_page(struct db_txn *txn, void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, seq, author_kind, author_name, body, created_at FROM "
                            "messages WHERE conversation_id = $1 ORDER BY seq DESC LIMIT 20",
                            db_i64(*(const int64_t *)arg));
    while (err == ERR_OK && db_rows_next(rows)) {
        (void)db_rows_str(rows, 4);
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

enum kind { ZH2, ZH4, EN, N_KINDS };
static const char *const kind_names[] = {"zh2", "zh4", "en"};

/* A piece of a message that exists: common and rare terms as they come. */
static bool make_query(enum kind kind, struct rng *rng, struct query *q)
{
    char text[512];
    size_t len = bench_text(rng_below(rng, 1000000), text, sizeof(text));
    bool is_zh = (text[0] & 0x80) != 0;
    if (is_zh != (kind != EN)) {
        return false;
    }
    if (kind == EN) {
        struct str rest = {text, len};
        struct str word = {0};
        for (uint64_t skip = rng_below(rng, 20); skip-- > 0 && str_split(&rest, ' ', &word);) {
        }
        if (word.len < 3 || word.len >= QUERY_MAX) {
            return false;
        }
        (void)snprintf(q->text, sizeof(q->text), STR_FMT, STR_ARG(word));
        return true;
    }
    size_t n = kind == ZH2 ? 6 : 12;
    size_t at = (size_t)rng_below(rng, len / 3) * 3;
    if (at + n > len || memmem(text + at, n, "，", 3) != NULL) {
        return false;
    }
    memcpy(q->text, text + at, n);
    q->text[n] = '\0';
    return true;
}

static void measure(struct db *db, struct report *report, enum kind kind, int n)
{
    static struct hist hist;
    struct rng rng;
    struct query q;
    char name[64];
    rng_init(&rng, 42 + (uint64_t)kind);
    hist_clear(&hist);
    for (int i = 0; i < n;) {
        if (!make_query(kind, &rng, &q)) {
            continue;
        }
        int64_t started = time_monotonic_ns();
        ASSERT(db_read(db, search, &q) == ERR_OK);
        hist_add(&hist, time_monotonic_ns() - started);
        i++;
    }
    const double ps[] = {50, 99};
    for (size_t i = 0; i < ARRAY_LEN(ps); i++) {
        (void)snprintf(name, sizeof(name), "%s_newest20_p%.0f_ms", kind_names[kind], ps[i]);
        report_add(report, name, hist_us(&hist, ps[i]) / 1000, "ms");
    }
}

static void check_recall(struct db *db, struct report *report, enum kind kind, int n)
{
    struct rng rng;
    char name[64];
    int n_equal = 0;
    rng_init(&rng, 77 + (uint64_t)kind);
    for (int i = 0; i < n;) {
        struct query found = {.n = 0};
        if (!make_query(kind, &rng, &found)) {
            continue;
        }
        struct query want = found;
        ASSERT(db_read(db, search, &found) == ERR_OK);
        ASSERT(db_read(db, scan, &want) == ERR_OK);
        n_equal +=
            found.n == want.n && memcmp(found.ids, want.ids, found.n * sizeof(found.ids[0])) == 0;
        i++;
    }
    (void)snprintf(name, sizeof(name), "%s_equal_to_scan", kind_names[kind]);
    report_add(report, name, (double)n_equal / n, "of newest-20 lists");
}

static void measure_pages(struct db *db, struct report *report, int n)
{
    static struct hist hist;
    struct rng rng;
    rng_init(&rng, 4);
    hist_clear(&hist);
    for (int i = 0; i < n; i++) {
        int64_t conversation = (int64_t)rng_below(&rng, BENCH_CONVERSATIONS) + 1;
        int64_t started = time_monotonic_ns();
        ASSERT(db_read(db, read_page, &conversation) == ERR_OK);
        hist_add(&hist, time_monotonic_ns() - started);
        struct timespec ts = {0, 500000};
        (void)nanosleep(&ts, NULL);
    }
    report_add(report, "page_p50_ms", hist_us(&hist, 50) / 1000, "ms");
    report_add(report, "page_p99_ms", hist_us(&hist, 99) / 1000, "ms");
}

int main(int argc, char **argv)
{
    bool is_quick = bench_has(argc, argv, "--quick");
    struct report *report = report_new("search", argc, argv);
    char dir[128];
    char url[200];
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT);
    bench_dir_make(argc, argv, dir, sizeof(dir));
    (void)snprintf(url, sizeof(url), "sqlite:%s/bench.db", dir);
    struct db_options o = {.url = url,
                           .migrations = bench_chat_migrations,
                           .n_migrations = BENCH_N_CHAT_MIGRATIONS,
                           .sources = sources,
                           .n_sources = 1,
                           .read_cap_ms = 30000};
    struct db *db = NULL;
    ASSERT(db_open(&o, &db, NULL) == ERR_OK);
    bench_chat_fill(db, is_quick ? 100000 : 1000000);
    int64_t started = time_monotonic_ns();
    ASSERT(db_index_wait(db, 600000));
    report_add(report, "index_rest_s", (double)(time_monotonic_ns() - started) / 1e9,
               "s after the last message of the fill");
    for (int k = 0; k < N_KINDS; k++) {
        check_recall(db, report, (enum kind)k, is_quick ? 20 : 60);
    }
    struct writing w = {.db = db, .nonce = rng_u64()};
    pthread_t writer;
    ASSERT(pthread_create(&writer, NULL, write_all_the_time, &w) == 0);
    started = time_monotonic_ns();
    for (int k = 0; k < N_KINDS; k++) {
        measure(db, report, (enum kind)k, is_quick ? 500 : 3000);
    }
    measure_pages(db, report, is_quick ? 1000 : 5000);
    double seconds = (double)(time_monotonic_ns() - started) / 1e9;
    struct db_stats stats;
    db_stats_get(db, &stats);
    atomic_store(&w.is_stopping, true);
    (void)pthread_join(writer, NULL);
    report_add(report, "written_meanwhile_per_s", (double)atomic_load(&w.n) / seconds,
               "messages/s");
    report_add(report, "wal_mb", (double)stats.wal_bytes / 1048576, "MB");
    started = time_monotonic_ns();
    ASSERT(db_index_wait(db, 600000));
    report_add(report, "index_lag_s", (double)(time_monotonic_ns() - started) / 1e9,
               "s until everything is found");
    db_close(&db);
    bench_dir_remove(dir);
    report_finish(&report);
    return 0;
}
