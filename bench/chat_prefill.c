/* See chat_prefill.h. The cached folder's name carries the number of rows and a hash of the migrations: another schema is another folder. It counts only when its
 * last file, "ready", is there. */
#include "chat_prefill.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "chat_rows.h"
#include "desk/desk.h"
#include "platform/crypto.h"
#include "platform/migrations.h"
#include "real_server.h"

static void make_dir(const char *path)
{
    ASSERT(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void copy_tree(const char *from, const char *to)
{
    int status = 0;
    int pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        execlp("cp", "cp", "-r", "--reflink=auto", from, to, (char *)NULL);
        _exit(1);
    }
    ASSERT(waitpid(pid, &status, 0) == pid && status == 0);
}

static void schema_hash(const struct db_migration *list, size_t n, char out[13])
{
    struct crypto_sha256_stream s;
    char hex[65];
    crypto_sha256_begin(&s);
    for (size_t i = 0; i < n; i++) {
        crypto_sha256_add(&s, str_from(list[i].sql));
    }
    crypto_sha256_end(&s, hex);
    (void)snprintf(out, 13, "%.12s", hex);
}

static struct db *open_url(const char *url, const struct db_migration *list, size_t n,
                           const struct db_index_source *source)
{
    struct db_options o = {.url = url,
                           .migrations = list,
                           .n_migrations = n,
                           .sources = source,
                           .n_sources = source != NULL ? 1 : 0};
    struct db *db = NULL;
    struct errinfo info = {0};
    if (db_open(&o, &db, &info) != ERR_OK) {
        (void)fprintf(stderr, "bench: %s\n", info.message);
    }
    ASSERT(db != NULL);
    return db;
}

static struct db *open_at(const char *dir, const char *file, const struct db_migration *list,
                          size_t n, const struct db_index_source *source)
{
    char url[700];
    (void)snprintf(url, sizeof(url), "sqlite:%s/%s", dir, file);
    return open_url(url, list, n, source);
}

/* Is the folder there already? Its path comes out in any case. */
static bool find_cached(const char *cache, const char *kind, const struct db_migration *list,
                        size_t n, int64_t n_messages, char *out, size_t size)
{
    char hash[13];
    char ready[700];
    struct stat st;
    schema_hash(list, n, hash);
    make_dir(cache);
    (void)snprintf(out, size, "%s/%s-%lld-%s", cache, kind, (long long)n_messages, hash);
    (void)snprintf(ready, sizeof(ready), "%s/ready", out);
    if (stat(ready, &st) == 0) {
        return true;
    }
    bench_dir_remove(out);
    make_dir(out);
    (void)printf("  filling %s (once)\n", out);
    (void)fflush(stdout);
    return false;
}

static void mark_ready(const char *dir)
{
    char ready[700];
    (void)snprintf(ready, sizeof(ready), "%s/ready", dir);
    FILE *f = fopen(ready, "w");
    ASSERT(f != NULL && fclose(f) == 0);
}

void prefill_bare(const char *cache, const char *dir, int64_t n_messages, char *out, size_t size)
{
    char at[512];
    if (!find_cached(cache, "bare", bench_chat_migrations, BENCH_N_CHAT_MIGRATIONS, n_messages, at,
                     sizeof(at))) {
        struct db *db =
            open_at(at, "bench.db", bench_chat_migrations, BENCH_N_CHAT_MIGRATIONS, NULL);
        bench_chat_fill(db, n_messages);
        db_close(&db);
        mark_ready(at);
    }
    (void)snprintf(out, size, "%s/bare", dir);
    copy_tree(at, out);
}

/* ---- the real program's ---- */

#define CUSTOMERS_FROM 10000000 /* far from those that the program makes */
#define FILL_AT 1700000000000

struct fill {
    int64_t from, n, total;
};

static enum err fill_conversations(struct db_txn *txn, void *arg)
{
    const struct fill *f = arg;
    for (int64_t i = 1; i <= BENCH_CONVERSATIONS; i++) {
        enum err err = DB_EXEC(
            txn,
            "INSERT INTO conversations (id, customer_id, inbox_id, state, handler, priority, "
            "topic, language, tags, assignee_id, created_at, updated_at, resolved_at, last_seq, "
            "last_customer_seq, preview, preview_author, preview_kind, preview_at, version) "
            "VALUES ($1, $2, 1, 3, 2, 1, '', 'en', '[]', NULL, $3, $3, $3, $4, $4, '', 0, 0, $3, "
            "1)",
            db_i64(i), db_i64(CUSTOMERS_FROM + i), db_i64(FILL_AT + i),
            db_i64(f->total / BENCH_CONVERSATIONS));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err fill_message(struct db_txn *txn, int64_t i)
{
    char text[512];
    char client[32];
    char payload[1400];
    struct str body = {text, bench_text((uint64_t)i, text, sizeof(text))};
    int64_t c = i % BENCH_CONVERSATIONS + 1;
    int64_t seq = i / BENCH_CONVERSATIONS + 1;
    (void)snprintf(client, sizeof(client), "fill-%016llx", (unsigned long long)i);
    int len = snprintf(
        payload, sizeof(payload),
        "{\"id\":\"%lld\",\"conversation_id\":\"%lld\",\"seq\":%lld,\"client_id\":\"%s\","
        "\"author\":{\"kind\":\"customer\",\"id\":\"%lld\",\"name\":\"Li Wei\"},\"kind\":"
        "\"public\",\"body\":\"%s\",\"reply_to\":null,\"files\":[],\"mentions\":[],\"meta\":null,"
        "\"created_at\":\"2026-11-15T00:00:00.000Z\",\"edited_at\":null,\"deleted_at\":null}",
        (long long)i + 1, (long long)c, (long long)seq, client, (long long)(CUSTOMERS_FROM + c),
        text);
    enum err err =
        DB_EXEC_LATER(txn,
                      "INSERT INTO messages (conversation_id, seq, client_id, author_kind, "
                      "author_id, author_name, kind, is_public, body, n_files, created_at) "
                      "VALUES ($1, $2, $3, 0, $4, 'Li Wei', 0, 1, $5, 0, $6)",
                      db_i64(c), db_i64(seq), db_text(str_from(client)), db_i64(CUSTOMERS_FROM + c),
                      db_text(body), db_i64(FILL_AT + i));
    return err != ERR_OK
               ? err
               : DB_EXEC_LATER(txn,
                               "INSERT INTO events (conversation_id, seq, kind, is_public, "
                               "payload, at) VALUES ($1, $2, 'message.created', 1, $3, $4)",
                               db_i64(c), db_i64(seq), db_text((struct str){payload, (size_t)len}),
                               db_i64(FILL_AT + i));
}

static enum err fill_messages(struct db_txn *txn, void *arg)
{
    const struct fill *f = arg;
    enum err err = ERR_OK;
    for (int64_t i = f->from; i < f->from + f->n && err == ERR_OK; i++) {
        err = fill_message(txn, i);
    }
    return err;
}

static void fill_real(const char *url, int64_t n_messages)
{
    size_t n = 0;
    const struct db_migration *list = migrations_all(&n);
    struct db *db = open_url(url, list, n, &desk_index_source);
    struct fill f = {.total = n_messages};
    ASSERT(db_write(db, fill_conversations, &f) == ERR_OK);
    for (; f.from < n_messages; f.from += f.n) {
        f.n = n_messages - f.from < 10000 ? n_messages - f.from : 10000;
        ASSERT(db_write(db, fill_messages, &f) == ERR_OK);
    }
    ASSERT(db_index_wait(db, 600000));
    db_close(&db);
}

void prefill_real(const char *argv0, const char *cache, const char *dir, int64_t n_messages,
                  char *out, size_t size)
{
    char at[512];
    size_t n = 0;
    const struct db_migration *list = migrations_all(&n);
    if (!find_cached(cache, "real", list, n, n_messages, at, sizeof(at))) {
        struct real_server s;
        real_server_start_in(&s, argv0, at, NULL);
        real_server_end(&s);
        char url[700];
        (void)snprintf(url, sizeof(url), "sqlite:%s/stablehand.db", at);
        fill_real(url, n_messages);
        mark_ready(at);
    }
    (void)snprintf(out, size, "%s/real", dir);
    copy_tree(at, out);
}

static void count_on(const char *url)
{
    PGconn *h = PQconnectdb(url);
    PGresult *result = PQexec(h, "SELECT setval(pg_get_serial_sequence('conversations', 'id'), "
                                 "(SELECT max(id) FROM conversations)); ANALYZE");
    ASSERT(PQresultStatus(result) == PGRES_COMMAND_OK);
    PQclear(result);
    PQfinish(h);
}

void prefill_postgres(const char *argv0, const char *url, const char *dir, int64_t n_messages)
{
    char setting[700];
    const char *settings[] = {setting, NULL};
    struct real_server s;
    (void)snprintf(setting, sizeof(setting), "--db.url=%s", url);
    real_server_start_in(&s, argv0, dir, settings);
    real_server_end(&s);
    fill_real(url, n_messages);
    count_on(url);
}
