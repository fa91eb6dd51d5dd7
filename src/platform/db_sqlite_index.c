/* The index thread: follows commits into the second file, off the commit path.
 *
 * How far it got is kept in that file, in the same transaction as the words: `last_id` (rows up to this id are in, as they read at some snapshot) and
 * `last_change`. One pass takes one snapshot of the main file and
 *   1. applies changes after last_change to rows with id <= last_id: the old text's words out, the new text's in. Changes of later rows are only counted
 *      as seen: such a row will be read with the text it has by then.
 *   2. if no change is left in this snapshot, adds rows after last_id with the text they have in it.
 * Adding before the changes are used up would add a row with its newest text and then apply its older changes again: hence the order.
 *
 * After a crash it goes on where the file says. A file that belongs to another database (a restored one), to another version of the tokenizer, or
 * that cannot be read is made anew; it never holds anything that the main file does not. */
#include "platform/db_sqlite.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/db_tokens.h"

#define SQ_INDEX_NICE 5
#define SQ_INDEX_SETTLE_MS 200
#define SQ_INDEX_ROWS 4000               /* per transaction of the second file */
#define SQ_INDEX_BYTES ((size_t)4 << 20) /* of their text, in memory */

struct sq_index_source {
    const struct db_index_source *def;
    sqlite3_stmt *insert, *remove, *load, *save;
    int64_t last_id, last_change;
};

/* What is to be done to the index for one row of the source. */
struct sq_index_row {
    int64_t id;
    struct str removed, added;
    bool has_removed, has_added;
};

struct sq_index {
    struct sq_db *db;
    struct sq_follower follower;
    struct sq_conn *main; /* reader */
    sqlite3 *h;
    struct sq_index_source *sources;
    struct sq_index_row *rows; /* SQ_INDEX_ROWS; of the pass under way, text in main's arena */
    size_t n_rows;
    atomic_bool wants_rebuild;
    pthread_mutex_t lock; /* of the number below */
    pthread_cond_t moved;
    int64_t indexed_commits; /* everything committed up to this count is in */
    atomic_int_fast64_t indexed_copy;
};

/* The one place where SQL is made from a name: sources are literals of ours, checked here. '@' stands for it. */
char *sq_source_sql(const char *sql, const char *source)
{
    for (const char *p = source; *p != '\0'; p++) {
        ASSERT((*p >= 'a' && *p <= 'z') || *p == '_');
    }
    struct buf out;
    buf_init(&out, 4096);
    for (const char *p = sql; *p != '\0'; p++) {
        if (p[0] == '@' && p[1] == '@') { /* an operator */
            (void)buf_add_cstr(&out, "@@");
            p++;
        } else {
            (void)(*p == '@' ? buf_add_cstr(&out, source) : buf_add_char(&out, *p));
        }
    }
    (void)buf_add_char(&out, '\0');
    ASSERT(buf_err(&out) == ERR_OK);
    size_t len = 0;
    return buf_detach(&out, &len);
}

/* ---- the file ---- */

static int sq_index_exec(struct sq_index *ix, const char *sql, const char *source)
{
    char *text = sq_source_sql(sql, source);
    int rc = sqlite3_exec(ix->h, text, NULL, NULL, NULL);
    mem_free(text);
    return rc;
}

static int sq_index_prepare(struct sq_index *ix, struct sq_index_source *s, const char *sql,
                            sqlite3_stmt **out)
{
    char *text = sq_source_sql(sql, s->def->name);
    int rc = sqlite3_prepare_v3(ix->h, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    mem_free(text);
    return rc;
}

static int sq_index_prepare_all(struct sq_index *ix, struct sq_index_source *s)
{
    int rc = sq_index_exec(ix,
                           "CREATE VIRTUAL TABLE IF NOT EXISTS \"@\" USING fts5(text, content='', "
                           "columnsize=0, tokenize='stablehand');"
                           "INSERT INTO index_state (source, last_id, last_change) VALUES ('@', 0, "
                           "0) ON CONFLICT DO NOTHING;",
                           s->def->name);
    if (rc == SQLITE_OK) {
        rc = sq_index_prepare(ix, s, "INSERT INTO \"@\" (rowid, text) VALUES (?1, ?2)", &s->insert);
    }
    if (rc == SQLITE_OK) {
        rc = sq_index_prepare(
            ix, s, "INSERT INTO \"@\" (\"@\", rowid, text) VALUES ('delete', ?1, ?2)", &s->remove);
    }
    if (rc == SQLITE_OK) {
        rc = sq_index_prepare(
            ix, s, "SELECT last_id, last_change FROM index_state WHERE source = '@'", &s->load);
    }
    if (rc == SQLITE_OK) {
        rc = sq_index_prepare(
            ix, s, "UPDATE index_state SET last_id = ?1, last_change = ?2 WHERE source = '@'",
            &s->save);
    }
    return rc;
}

static bool sq_index_is_ours(struct sq_index *ix, const char *identity)
{
    sqlite3_stmt *st = NULL;
    bool is_ours = false;
    if (sqlite3_prepare_v2(ix->h, "SELECT identity FROM index_meta", -1, &st, NULL) == SQLITE_OK &&
        sqlite3_step(st) == SQLITE_ROW) {
        const char *found = (const char *)sqlite3_column_text(st, 0);
        is_ours = found != NULL && strcmp(found, identity) == 0;
    }
    (void)sqlite3_finalize(st);
    return is_ours;
}

static void sq_index_close_file(struct sq_index *ix)
{
    for (size_t i = 0; i < ix->db->n_sources; i++) {
        struct sq_index_source *s = &ix->sources[i];
        (void)sqlite3_finalize(s->insert);
        (void)sqlite3_finalize(s->remove);
        (void)sqlite3_finalize(s->load);
        (void)sqlite3_finalize(s->save);
        s->insert = s->remove = s->load = s->save = NULL;
    }
    (void)sqlite3_close_v2(ix->h);
    ix->h = NULL;
}

static void sq_index_remove_file(const struct sq_db *db)
{
    const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s%s", db->search_path, suffixes[i]);
        (void)unlink(path);
    }
}

static int sq_index_open_file(struct sq_index *ix, const char *identity)
{
    bool is_new = access(ix->db->search_path, F_OK) != 0;
    int rc = sq_search_open(ix->db, true, &ix->h);
    if (rc != SQLITE_OK) {
        return rc;
    }
    (void)sqlite3_wal_autocheckpoint(ix->h, 4000);
    if (!is_new && !sq_index_is_ours(ix, identity)) {
        return SQLITE_MISMATCH;
    }
    rc = sqlite3_exec(ix->h,
                      "CREATE TABLE IF NOT EXISTS index_meta (identity TEXT NOT NULL) STRICT;"
                      "CREATE TABLE IF NOT EXISTS index_state (source TEXT PRIMARY KEY, last_id "
                      "INTEGER NOT NULL, last_change INTEGER NOT NULL) STRICT;",
                      NULL, NULL, NULL);
    if (rc == SQLITE_OK && is_new) {
        rc = sq_index_exec(ix, "INSERT INTO index_meta (identity) VALUES ('@')", identity);
    }
    for (size_t i = 0; i < ix->db->n_sources && rc == SQLITE_OK; i++) {
        rc = sq_index_prepare_all(ix, &ix->sources[i]);
    }
    return rc;
}

/* Letters only, because it goes through sq_source_sql: the instance's hex digits shifted to a..p. */
static enum err sq_index_identity(struct db_txn *txn, char *out, size_t size)
{
    struct db_rows *rows = NULL;
    enum err err =
        db_query_one(txn, "SELECT value FROM db_meta WHERE key = 'instance'", NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    (void)snprintf(out, size, STR_FMT "_%x", STR_ARG(db_rows_str(rows, 0)), DB_TOKENS_VERSION);
    for (char *p = out; *p != '\0'; p++) {
        *p = (char)(*p >= '0' && *p <= '9' ? 'g' + (*p - '0') : *p);
    }
    return db_rows_close(&rows);
}

/* ---- one pass ---- */

static int sq_index_put(sqlite3_stmt *st, int64_t id, struct str text)
{
    (void)sqlite3_bind_int64(st, 1, id);
    (void)sqlite3_bind_text64(st, 2, text.p != NULL ? text.p : "", text.len, SQLITE_STATIC,
                              SQLITE_UTF8);
    int rc = sqlite3_step(st);
    (void)sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool sq_index_has_room(const struct sq_index *ix)
{
    return ix->n_rows < SQ_INDEX_ROWS && arena_used(ix->main->arena) < SQ_INDEX_BYTES;
}

static enum err sq_index_read_changes(struct sq_index *ix, struct sq_index_source *s)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(&ix->main->txn.base, &rows, s->def->changed_sql, db_i64(s->last_change),
                            db_i64(SQ_INDEX_ROWS));
    if (err != ERR_OK) {
        return err;
    }
    while (sq_index_has_room(ix) && db_rows_next(rows)) {
        struct sq_index_row *r = &ix->rows[ix->n_rows++];
        *r = (struct sq_index_row){.id = db_rows_i64(rows, 1)};
        if (r->id <= s->last_id) {
            r->has_removed = true;
            r->removed = db_rows_dup(rows, 2, ix->main->arena);
            r->has_added = !db_rows_is_null(rows, 3);
            r->added = db_rows_dup(rows, 3, ix->main->arena);
        }
        s->last_change = db_rows_i64(rows, 0);
    }
    return db_rows_close(&rows);
}

static enum err sq_index_read_additions(struct sq_index *ix, struct sq_index_source *s)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(&ix->main->txn.base, &rows, s->def->added_sql, db_i64(s->last_id),
                            db_i64(SQ_INDEX_ROWS));
    if (err != ERR_OK) {
        return err;
    }
    while (sq_index_has_room(ix) && db_rows_next(rows)) {
        s->last_id = db_rows_i64(rows, 0);
        ix->rows[ix->n_rows++] = (struct sq_index_row){
            .id = s->last_id, .added = db_rows_dup(rows, 1, ix->main->arena), .has_added = true};
    }
    return db_rows_close(&rows);
}

/* The main file's part of a pass: short, because a reader in the log keeps it from starting again. */
static enum err sq_index_read(struct sq_index *ix, struct sq_index_source *s)
{
    enum err err = sq_conn_run(ix->main, "BEGIN") == SQLITE_OK ? ERR_OK : ERR_UNAVAILABLE;
    ix->n_rows = 0;
    if (err == ERR_OK && s->def->changed_sql != NULL) {
        err = sq_index_read_changes(ix, s);
    }
    if (err == ERR_OK && sq_index_has_room(ix)) {
        err = sq_index_read_additions(ix, s);
    }
    if (sqlite3_get_autocommit(ix->main->h) == 0) {
        (void)sq_conn_run(ix->main, "COMMIT");
    }
    return err;
}

static int sq_index_apply(struct sq_index_source *s, const struct sq_index_row *rows, size_t n)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        if (rows[i].has_removed) {
            rc = sq_index_put(s->remove, rows[i].id, rows[i].removed);
        }
        if (rc == SQLITE_OK && rows[i].has_added) {
            rc = sq_index_put(s->insert, rows[i].id, rows[i].added);
        }
    }
    return rc;
}

static int sq_index_load(struct sq_index_source *s)
{
    int rc = sqlite3_step(s->load);
    if (rc == SQLITE_ROW) {
        s->last_id = sqlite3_column_int64(s->load, 0);
        s->last_change = sqlite3_column_int64(s->load, 1);
    }
    (void)sqlite3_reset(s->load);
    return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
}

static int sq_index_save(struct sq_index_source *s)
{
    (void)sqlite3_bind_int64(s->save, 1, s->last_id);
    (void)sqlite3_bind_int64(s->save, 2, s->last_change);
    int rc = sqlite3_step(s->save);
    (void)sqlite3_reset(s->save);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Sets *more_out when a full portion was taken. A SQLite code of the second file, or SQLITE_ABORT when the main file could not be read. */
static int sq_index_pass(struct sq_index *ix, struct sq_index_source *s, bool *more_out)
{
    *more_out = false;
    int rc = sqlite3_exec(ix->h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return rc;
    }
    rc = sq_index_load(s);
    enum err err = rc == SQLITE_OK ? sq_index_read(ix, s) : ERR_OK;
    *more_out = !sq_index_has_room(ix);
    if (rc == SQLITE_OK && err == ERR_OK) {
        rc = sq_index_apply(s, ix->rows, ix->n_rows);
    }
    bool is_kept = rc == SQLITE_OK && err == ERR_OK && ix->n_rows > 0;
    if (is_kept) {
        rc = sq_index_save(s);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(ix->h, is_kept ? "COMMIT" : "ROLLBACK", NULL, NULL, NULL);
    }
    if (sqlite3_get_autocommit(ix->h) == 0) {
        (void)sqlite3_exec(ix->h, "ROLLBACK", NULL, NULL, NULL);
    }
    arena_reset(ix->main->arena);
    return rc != SQLITE_OK ? rc : err != ERR_OK ? SQLITE_ABORT : SQLITE_OK;
}

static int sq_index_empty(struct sq_index *ix)
{
    int rc = sqlite3_exec(ix->h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (size_t i = 0; i < ix->db->n_sources && rc == SQLITE_OK; i++) {
        rc = sq_index_exec(ix,
                           "INSERT INTO \"@\" (\"@\") VALUES ('delete-all'); UPDATE index_state "
                           "SET last_id = 0, last_change = 0 WHERE source = '@'",
                           ix->sources[i].def->name);
    }
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(ix->h, "COMMIT", NULL, NULL, NULL);
    }
    if (sqlite3_get_autocommit(ix->h) == 0) {
        (void)sqlite3_exec(ix->h, "ROLLBACK", NULL, NULL, NULL);
    }
    return rc;
}

/* ---- thread ---- */

static int sq_index_catch_up(struct sq_index *ix)
{
    for (size_t i = 0; i < ix->db->n_sources; i++) {
        bool more = true;
        while (more && !atomic_load(&ix->wants_rebuild) &&
               !sq_follower_is_stopping(&ix->follower)) {
            int rc = sq_index_pass(ix, &ix->sources[i], &more);
            if (rc != SQLITE_OK) {
                return rc;
            }
        }
    }
    return SQLITE_OK;
}

static bool sq_index_takes_rebuild(struct sq_index *ix)
{
    (void)pthread_mutex_lock(&ix->lock);
    bool wants = atomic_exchange(&ix->wants_rebuild, false);
    if (wants) {
        ix->indexed_commits = -1;
    }
    (void)pthread_mutex_unlock(&ix->lock);
    return wants;
}

/* False: a rebuild was asked for meanwhile. */
static bool sq_index_publish(struct sq_index *ix, int64_t n_commits)
{
    (void)pthread_mutex_lock(&ix->lock);
    bool is_valid = !atomic_load(&ix->wants_rebuild);
    if (is_valid) {
        ix->indexed_commits = n_commits;
        atomic_store(&ix->indexed_copy, n_commits);
        (void)pthread_cond_broadcast(&ix->moved);
    }
    (void)pthread_mutex_unlock(&ix->lock);
    return is_valid;
}

static void *sq_index_main(void *arg)
{
    struct sq_index *ix = arg;
    (void)pthread_setname_np(pthread_self(), "db-index");
    /* It may lag; who waits for a message or a page may not. On Linux this is the thread's own. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), SQ_INDEX_NICE);
    while (sq_follower_wait(&ix->follower, SQ_INDEX_SETTLE_MS)) {
        int64_t n_commits = atomic_load(&ix->db->commits);
        int rc = SQLITE_OK;
        if (sq_index_takes_rebuild(ix)) {
            LOG_INFO("db", "search index starts from nothing");
            rc = sq_index_empty(ix);
        }
        if (rc == SQLITE_OK) {
            rc = sq_index_catch_up(ix);
        }
        if (rc == SQLITE_OK && sq_index_publish(ix, n_commits)) {
            continue;
        }
        if (rc != SQLITE_OK) {
            LOG_ERROR("db", "search index fails", log_i64("code", rc),
                      log_cstr("meaning", sqlite3_errstr(rc)));
            atomic_store(&ix->wants_rebuild,
                         (rc & 0xff) == SQLITE_CORRUPT || atomic_load(&ix->wants_rebuild));
            sq_follower_pause(&ix->follower, 1000);
        }
        sq_follower_notify(&ix->follower);
    }
    return NULL;
}

enum err sq_index_start(struct sq_db *db, struct errinfo *info)
{
    if (db->n_sources == 0) {
        return ERR_OK;
    }
    struct sq_index *ix = MEM_NEW(struct sq_index);
    ix->db = db;
    db->index = ix;
    ix->sources = MEM_NEW_ARRAY(struct sq_index_source, db->n_sources);
    ix->rows = MEM_NEW_ARRAY(struct sq_index_row, SQ_INDEX_ROWS);
    for (size_t i = 0; i < db->n_sources; i++) {
        ix->sources[i].def = &db->sources[i];
    }
    ix->indexed_commits = -1;
    sq_follower_init(&ix->follower);
    (void)pthread_mutex_init(&ix->lock, NULL);
    (void)pthread_cond_init(&ix->moved, NULL);
    enum err err = sq_conn_open(db, SQ_READER, &ix->main, info);
    if (err != ERR_OK) {
        return err;
    }
    db_txn_init(&ix->main->txn.base, &db->base, ix->main->arena, false);
    char identity[64];
    err = sq_index_identity(&ix->main->txn.base, identity, sizeof(identity));
    int rc = sq_index_open_file(ix, identity);
    if (err == ERR_OK && rc != SQLITE_OK) {
        LOG_INFO("db", "search index is made anew", log_i64("code", rc));
        sq_index_close_file(ix);
        sq_index_remove_file(db);
        rc = sq_index_open_file(ix, identity);
    }
    if (err != ERR_OK || rc != SQLITE_OK) {
        return err_set(info, ERR_UNAVAILABLE, "db.url", "search",
                       "cannot open the search index %s: %s", db->search_path, sqlite3_errstr(rc));
    }
    sq_follower_notify(&ix->follower);
    if (pthread_create(&ix->follower.thread, NULL, sq_index_main, ix) != 0) {
        return err_set(info, ERR_UNAVAILABLE, "db.url", "thread", "cannot start the index thread");
    }
    ix->follower.is_started = true;
    return ERR_OK;
}

void sq_index_stop(struct sq_db *db)
{
    struct sq_index *ix = db->index;
    if (ix == NULL) {
        return;
    }
    sq_follower_stop(&ix->follower);
    sq_index_close_file(ix);
    sq_conn_close(&ix->main);
    (void)pthread_cond_destroy(&ix->moved);
    (void)pthread_mutex_destroy(&ix->lock);
    mem_free(ix->sources);
    mem_free(ix->rows);
    mem_free(ix);
    db->index = NULL;
}

/* ---- from outside ---- */

void sq_index_notify(struct sq_db *db)
{
    if (db->index != NULL) {
        sq_follower_notify(&db->index->follower);
    }
}

int64_t sq_index_lag(struct sq_db *db)
{
    return db->index == NULL ? 0
                             : atomic_load(&db->commits) - atomic_load(&db->index->indexed_copy);
}

bool sq_index_wait(struct db *base, int64_t timeout_ms)
{
    struct sq_db *db = (struct sq_db *)base;
    struct sq_index *ix = db->index;
    if (ix == NULL) {
        return true;
    }
    int64_t n_commits = atomic_load(&db->commits);
    int64_t until = time_monotonic_ns() + timeout_ms * 1000000;
    sq_follower_hurry(&ix->follower);
    (void)pthread_mutex_lock(&ix->lock);
    while ((ix->indexed_commits < n_commits || atomic_load(&ix->wants_rebuild)) &&
           time_monotonic_ns() < until) {
        struct timespec ts;
        (void)clock_gettime(CLOCK_REALTIME, &ts);
        ts.tv_nsec += 50000000; /* looks again, so that a moved wall clock does no harm */
        ts.tv_sec += ts.tv_nsec / 1000000000;
        ts.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&ix->moved, &ix->lock, &ts);
    }
    bool is_done = ix->indexed_commits >= n_commits && !atomic_load(&ix->wants_rebuild);
    (void)pthread_mutex_unlock(&ix->lock);
    return is_done;
}

enum err sq_index_rebuild(struct db *base)
{
    struct sq_db *db = (struct sq_db *)base;
    if (db->index != NULL) {
        (void)pthread_mutex_lock(&db->index->lock);
        atomic_store(&db->index->wants_rebuild, true);
        db->index->indexed_commits = -1;
        (void)pthread_mutex_unlock(&db->index->lock);
        sq_follower_hurry(&db->index->follower);
    }
    return ERR_OK;
}
