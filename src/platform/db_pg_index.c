/* The index thread: follows commits into the search_* tables, off the commit path (a GIN index in the way of every message would cost most of the rate).
 *
 * How far it got is a row of search_state, written in the same transaction as the words. Ids come from sequences, so that a lower one may be committed after a
 * higher one was read; a pass therefore looks how far rows go (M), takes a transaction number (X) after that, waits until no transaction below X runs, and
 * then takes everything up to M: db_pg_stream.c has the reasoning. Changes up to C likewise. A change sets the words of a row that is there; a row that is
 * not will come with the text it has by then, and changes that it has seen already come again in order, so that it ends with the newest.
 *
 * Of several nodes one works at a time: whoever has the row of search_state locked. */
#include "platform/db_pg.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/db_tokens.h"

#define PG_INDEX_ROWS 1000 /* per transaction */
#define PG_INDEX_SETTLE_NS 200000000LL
#define PG_INDEX_LOOK_NS 2000000000LL /* at the latest: other nodes write too */
#define PG_INDEX_WAIT_STEPS 100       /* of 5 ms, for transactions under way */
#define PG_WORDS_MAX ((size_t)4 << 20)

struct pg_index {
    struct pg_db *db;
    struct pg_conn *conn;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t wake, moved;
    bool is_stopping, is_dirty, is_hurried, wants_rebuild;
    uint64_t n_begun, n_ended; /* rounds; ended: nothing was left of what it saw */
    int64_t indexed_commits;
};

static void pg_sleep(struct pg_index *ix, int64_t ns, bool until_hurried)
{
    int64_t at = time_monotonic_ns() + ns;
    struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    (void)pthread_mutex_lock(&ix->lock);
    while (!ix->is_stopping && !ix->is_hurried && (until_hurried || !ix->is_dirty) &&
           pthread_cond_timedwait(&ix->wake, &ix->lock, &until) != ETIMEDOUT) {
    }
    (void)pthread_mutex_unlock(&ix->lock);
}

static bool pg_index_is_stopping(struct pg_index *ix)
{
    (void)pthread_mutex_lock(&ix->lock);
    bool is_stopping = ix->is_stopping;
    (void)pthread_mutex_unlock(&ix->lock);
    return is_stopping;
}

/* ---- one pass ---- */

struct pg_pass {
    const struct pg_source *source;
    int64_t last_id, last_change; /* as search_state has them */
    int64_t up_to_id, up_to_change;
    size_t n_rows, n_changes;
    bool is_ours; /* no other node is at it */
};

static enum err pg_pass_load(struct db_txn *txn, struct pg_pass *p, const char *sql)
{
    struct db_rows *rows = NULL;
    enum err err = db_query_one(txn, sql, DB_ARGS(db_text(str_from(p->source->def.name))), &rows);
    p->is_ours = err != ERR_NOT_FOUND;
    if (err != ERR_OK) {
        return err;
    }
    p->last_id = db_rows_i64(rows, 0);
    p->last_change = db_rows_i64(rows, 1);
    return db_rows_close(&rows);
}

static enum err pg_last_of(struct db_txn *txn, const char *sql, int64_t after, int64_t *last_out,
                           size_t *n_out)
{
    struct db_rows *rows = NULL;
    *n_out = 0;
    *last_out = after;
    enum err err = db_query(txn, sql, DB_ARGS(db_i64(after), db_i64(PG_INDEX_ROWS)), &rows);
    while (err == ERR_OK && db_rows_next(rows)) {
        *last_out = db_rows_i64(rows, 0);
        ++*n_out;
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

/* How far rows and changes go now. */
static enum err pg_pass_look(struct db_txn *txn, struct pg_pass *p)
{
    const struct db_index_source *def = &p->source->def;
    enum err err =
        pg_pass_load(txn, p, "SELECT last_id, last_change FROM search_state WHERE source = $1");
    if (err == ERR_OK) {
        err = pg_last_of(txn, def->added_sql, p->last_id, &p->up_to_id, &p->n_rows);
    }
    p->n_changes = 0;
    p->up_to_change = p->last_change;
    if (err == ERR_OK && def->changed_sql != NULL) {
        err = pg_last_of(txn, def->changed_sql, p->last_change, &p->up_to_change, &p->n_changes);
    }
    return err;
}

static enum err pg_put_words(struct db_txn *txn, const char *sql, int64_t id, struct str text)
{
    BUF_AUTO words;
    buf_init(&words, PG_WORDS_MAX);
    pg_search_words(text, &words);
    /* A text whose words do not fit stays out of the index. */
    struct str s = buf_err(&words) == ERR_OK ? buf_str(&words) : STR("");
    return db_exec_later(txn, sql, DB_ARGS(db_i64(id), db_text(s)));
}

static enum err pg_pass_changes(struct db_txn *txn, const struct pg_pass *p)
{
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, p->source->def.changed_sql,
                            DB_ARGS(db_i64(p->last_change), db_i64(PG_INDEX_ROWS)), &rows);
    while (err == ERR_OK && db_rows_next(rows) && db_rows_i64(rows, 0) <= p->up_to_change) {
        int64_t id = db_rows_i64(rows, 1);
        err = db_rows_is_null(rows, 3)
                  ? db_exec_later(txn, p->source->remove_sql, DB_ARGS(db_i64(id)))
                  : pg_put_words(txn, p->source->change_sql, id, db_rows_str(rows, 3));
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static enum err pg_pass_rows(struct db_txn *txn, const struct pg_pass *p)
{
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, p->source->def.added_sql,
                            DB_ARGS(db_i64(p->last_id), db_i64(PG_INDEX_ROWS)), &rows);
    while (err == ERR_OK && db_rows_next(rows) && db_rows_i64(rows, 0) <= p->up_to_id) {
        err = pg_put_words(txn, p->source->add_sql, db_rows_i64(rows, 0), db_rows_str(rows, 1));
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static enum err pg_pass_apply(struct db_txn *txn, struct pg_pass *p)
{
    struct pg_pass now = {.source = p->source};
    enum err err = pg_pass_load(txn, &now,
                                "SELECT last_id, last_change FROM search_state WHERE source = $1 "
                                "FOR UPDATE SKIP LOCKED");
    p->is_ours = now.is_ours && now.last_id == p->last_id && now.last_change == p->last_change;
    if (err != ERR_OK || !p->is_ours) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    err = p->n_changes > 0 ? pg_pass_changes(txn, p) : ERR_OK;
    if (err == ERR_OK && p->n_rows > 0) {
        err = pg_pass_rows(txn, p);
    }
    return err != ERR_OK
               ? err
               : DB_EXEC_LATER(
                     txn,
                     "UPDATE search_state SET last_id = $2, last_change = $3 WHERE source = $1",
                     db_text(str_from(p->source->def.name)), db_i64(p->up_to_id),
                     db_i64(p->up_to_change));
}

/* Until everything that was under way has ended. False: it takes too long for now. */
static bool pg_pass_wait(struct pg_index *ix)
{
    const struct pg_call number = {"SELECT pg_current_xact_id()", NULL, 0};
    const struct pg_call oldest = {"SELECT pg_snapshot_xmin(pg_current_snapshot())", NULL, 0};
    PGresult *out = NULL;
    int64_t mine = 0;
    int64_t xmin = -1;
    if (pg_conn_batch(ix->conn, &number, 1, &out) == PG_FINE) {
        mine = pg_result_i64(out, 0, 0);
        for (int i = 0; i < PG_INDEX_WAIT_STEPS && xmin < mine; i++) {
            if (i > 0) {
                struct timespec ts = {.tv_nsec = 5000000};
                (void)nanosleep(&ts, NULL);
            }
            PQclear(out);
            out = NULL;
            if (pg_conn_batch(ix->conn, &oldest, 1, &out) != PG_FINE) {
                break;
            }
            xmin = pg_result_i64(out, 0, 0);
        }
    }
    PQclear(out);
    return mine != 0 && xmin >= mine;
}

static enum err pg_in_txn(struct pg_index *ix, bool is_write,
                          enum err (*fn)(struct db_txn *txn, struct pg_pass *p), struct pg_pass *p)
{
    pg_txn_init(ix->conn, ix->conn->arena, is_write);
    enum err err = fn(&ix->conn->txn.base, p);
    if (err == ERR_OK && pg_txn_commit(ix->conn) != PG_FINE) {
        err = ix->conn->txn.err;
    }
    if (err != ERR_OK) {
        pg_txn_abort(ix->conn);
    }
    arena_reset(ix->conn->arena);
    return err;
}

/* Takes one portion. *more_out: something is left, or could not be had yet. */
static enum err pg_index_pass(struct pg_index *ix, const struct pg_source *source, bool *more_out)
{
    struct pg_pass p = {.source = source};
    *more_out = true;
    enum err err = pg_conn_ensure(ix->conn, NULL);
    if (err == ERR_OK) {
        err = pg_in_txn(ix, false, pg_pass_look, &p);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (p.n_rows + p.n_changes == 0) {
        *more_out = false;
        return ERR_OK;
    }
    pg_txn_init(ix->conn, ix->conn->arena, false); /* reads the end of the look */
    if (!pg_pass_wait(ix)) {
        return ERR_AGAIN;
    }
    err = pg_in_txn(ix, true, pg_pass_apply, &p);
    return err == ERR_OK && !p.is_ours ? ERR_AGAIN : err;
}

/* ---- thread ---- */

static enum err pg_index_empty(struct db_txn *txn, struct pg_pass *p)
{
    enum err err = db_exec(txn, p->source->empty_sql, NULL, 0, NULL);
    return err != ERR_OK
               ? err
               : DB_EXEC(txn,
                         "UPDATE search_state SET last_id = 0, last_change = 0 WHERE source = $1",
                         db_text(str_from(p->source->def.name)));
}

static enum err pg_index_round(struct pg_index *ix, bool is_rebuild)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < ix->db->n_sources && err == ERR_OK; i++) {
        struct pg_pass p = {.source = &ix->db->sources[i]};
        if (is_rebuild) {
            LOG_INFO("db", "search index starts from nothing");
            err = pg_conn_ensure(ix->conn, NULL);
            err = err != ERR_OK ? err : pg_in_txn(ix, true, pg_index_empty, &p);
        }
        bool more = true;
        while (err == ERR_OK && more && !pg_index_is_stopping(ix)) {
            err = pg_index_pass(ix, p.source, &more);
        }
    }
    return err;
}

static void *pg_index_main(void *arg)
{
    struct pg_index *ix = arg;
    for (;;) {
        pg_sleep(ix, PG_INDEX_LOOK_NS, false);
        pg_sleep(ix, PG_INDEX_SETTLE_NS, true);
        (void)pthread_mutex_lock(&ix->lock);
        bool is_stopping = ix->is_stopping;
        bool is_rebuild = ix->wants_rebuild;
        ix->wants_rebuild = ix->is_dirty = ix->is_hurried = false;
        uint64_t round = ++ix->n_begun;
        (void)pthread_mutex_unlock(&ix->lock);
        if (is_stopping) {
            return NULL;
        }
        int64_t n_commits = atomic_load(&ix->db->commits);
        enum err err = pg_index_round(ix, is_rebuild);
        (void)pthread_mutex_lock(&ix->lock);
        if (err == ERR_OK && !ix->wants_rebuild) {
            ix->n_ended = round;
            ix->indexed_commits = n_commits;
            (void)pthread_cond_broadcast(&ix->moved);
        } else {
            ix->is_dirty = true;
            ix->wants_rebuild = ix->wants_rebuild || is_rebuild;
        }
        (void)pthread_mutex_unlock(&ix->lock);
        if (err != ERR_OK && err != ERR_AGAIN) {
            LOG_WARN("db", "search index fails", log_cstr("err", err_name(err)));
            struct timespec ts = {.tv_nsec = 500000000};
            (void)nanosleep(&ts, NULL);
        }
    }
}

static enum err pg_index_create(struct pg_db *db, struct errinfo *info)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < db->n_sources && err == ERR_OK; i++) {
        struct pg_source *s = &db->sources[i];
        const char *name = s->def.name;
        s->walk_sql = sq_source_sql(
            "SELECT id FROM search_@ WHERE id < $2 AND id > LEAST($2, (SELECT COALESCE(MAX(id), 0) "
            "FROM search_@)) - $4 AND words @@ $1::tsquery ORDER BY id DESC LIMIT $3",
            name);
        s->hits_sql = sq_source_sql(
            "WITH hits AS MATERIALIZED (SELECT id FROM search_@ WHERE words @@ $1::tsquery AND id "
            "< $2) SELECT id FROM hits ORDER BY id DESC LIMIT $3",
            name);
        s->add_sql = sq_source_sql("INSERT INTO search_@ (id, words) VALUES ($1, $2::tsvector) ON "
                                   "CONFLICT (id) DO NOTHING",
                                   name);
        s->change_sql =
            sq_source_sql("UPDATE search_@ SET words = $2::tsvector WHERE id = $1", name);
        s->remove_sql = sq_source_sql("DELETE FROM search_@ WHERE id = $1", name);
        s->empty_sql = sq_source_sql("DELETE FROM search_@", name);
        err = pg_search_prepare(db, s, info);
    }
    return err;
}

enum err pg_index_start(struct pg_db *db, struct errinfo *info)
{
    if (db->n_sources == 0) {
        return ERR_OK;
    }
    enum err err = pg_index_create(db, info);
    if (err != ERR_OK) {
        return err;
    }
    struct pg_index *ix = MEM_NEW(struct pg_index);
    ix->db = db;
    ix->conn = pg_conn_new(db, PG_HELPER);
    ix->is_dirty = true;
    (void)pthread_mutex_init(&ix->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ix->wake, &attr);
    (void)pthread_cond_init(&ix->moved, &attr);
    (void)pthread_condattr_destroy(&attr);
    db->index = ix;
    if (pthread_create(&ix->thread, NULL, pg_index_main, ix) != 0) {
        return err_set(info, ERR_UNAVAILABLE, "db.url", "thread", "cannot start the index thread");
    }
    ix->is_started = true;
    return ERR_OK;
}

void pg_index_stop(struct pg_db *db)
{
    struct pg_index *ix = db->index;
    if (ix != NULL) {
        (void)pthread_mutex_lock(&ix->lock);
        ix->is_stopping = true;
        (void)pthread_cond_signal(&ix->wake);
        (void)pthread_mutex_unlock(&ix->lock);
        if (ix->is_started) {
            (void)pthread_join(ix->thread, NULL);
        }
        pg_conn_free(&ix->conn);
        (void)pthread_cond_destroy(&ix->wake);
        (void)pthread_cond_destroy(&ix->moved);
        (void)pthread_mutex_destroy(&ix->lock);
        mem_free(ix);
        db->index = NULL;
    }
    for (size_t i = 0; i < db->n_sources; i++) {
        struct pg_source *s = &db->sources[i];
        mem_free(s->walk_sql);
        mem_free(s->hits_sql);
        mem_free(s->add_sql);
        mem_free(s->change_sql);
        mem_free(s->remove_sql);
        mem_free(s->empty_sql);
    }
}

void pg_index_notify(struct pg_db *db)
{
    struct pg_index *ix = db->index;
    if (ix != NULL) {
        (void)pthread_mutex_lock(&ix->lock);
        if (!ix->is_dirty) {
            ix->is_dirty = true;
            (void)pthread_cond_signal(&ix->wake);
        }
        (void)pthread_mutex_unlock(&ix->lock);
    }
}

int64_t pg_index_lag(struct pg_db *db)
{
    struct pg_index *ix = db->index;
    int64_t lag = 0;
    if (ix != NULL) {
        (void)pthread_mutex_lock(&ix->lock);
        lag = atomic_load(&db->commits) - ix->indexed_commits;
        (void)pthread_mutex_unlock(&ix->lock);
    }
    return lag;
}

bool pg_index_wait(struct db *base, int64_t timeout_ms)
{
    struct pg_index *ix = ((struct pg_db *)base)->index;
    if (ix == NULL) {
        return true;
    }
    int64_t at = time_monotonic_ns() + timeout_ms * 1000000;
    struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    (void)pthread_mutex_lock(&ix->lock);
    uint64_t wanted = ix->n_begun + 1;
    ix->is_dirty = ix->is_hurried = true;
    (void)pthread_cond_signal(&ix->wake);
    while (ix->n_ended < wanted &&
           pthread_cond_timedwait(&ix->moved, &ix->lock, &until) != ETIMEDOUT) {
    }
    bool is_done = ix->n_ended >= wanted;
    (void)pthread_mutex_unlock(&ix->lock);
    return is_done;
}

enum err pg_index_rebuild(struct db *base)
{
    struct pg_index *ix = ((struct pg_db *)base)->index;
    if (ix == NULL) {
        return ERR_OK;
    }
    (void)pthread_mutex_lock(&ix->lock);
    ix->wants_rebuild = ix->is_dirty = ix->is_hurried = true;
    (void)pthread_cond_signal(&ix->wake);
    (void)pthread_mutex_unlock(&ix->lock);
    return ERR_OK;
}
