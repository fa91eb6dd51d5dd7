/* The half of db.h that is the same for all engines: it finds the engine by the url's scheme and passes calls on; values, one-row queries and
 * commit hooks are built from the engine's few functions. */
#include "platform/db_engine.h"

#include "base/check.h"
#include "platform/bus.h"

static const struct db_engine *const engines[] = {&db_sqlite_engine, &db_pg_engine};

enum err db_open(const struct db_options *options, struct db **out, struct errinfo *info)
{
    struct str url = str_from(options->url);
    size_t colon = str_find_char(url, ':');
    struct str scheme = str_sub(url, 0, colon == SIZE_MAX ? 0 : colon);
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        if (str_eq_cstr(str_eq(scheme, STR("postgresql")) ? STR("postgres") : scheme,
                        engines[i]->scheme)) {
            return engines[i]->open(options, options->url + colon + 1, out, info);
        }
    }
    return err_set(info, ERR_INVALID, "db.url", "scheme",
                   "no database engine for this url; try sqlite:/path/stablehand.db or "
                   "postgres://user@host/stablehand");
}

void db_close(struct db **db)
{
    if (*db != NULL) {
        if ((*db)->bus != NULL) {
            bus_stop((*db)->bus); /* its threads take turns with ours */
        }
        (*db)->engine->close(*db);
        *db = NULL;
    }
}

enum err db_read(struct db *db, db_fn fn, void *arg)
{
    return db->engine->read(db, fn, arg);
}

/* Per thread and set for one handler's run: handing it through every service to every db_write would make all of them know of it. */
static _Thread_local struct db_rider *passenger;

struct db_rider *db_ride(struct db_rider *rider)
{
    struct db_rider *former = passenger;
    passenger = rider;
    return former;
}

struct ridden {
    db_fn fn;
    void *arg;
    const struct db_rider *rider;
};

/* The effect first: a refusal has changed nothing then, and costs no rollback. */
static enum err ridden_fn(struct db_txn *txn, void *arg)
{
    const struct ridden *r = arg;
    enum err err = r->fn(txn, r->arg);
    return err == ERR_OK ? r->rider->fn(txn, r->rider->arg) : err;
}

enum err db_write(struct db *db, db_fn fn, void *arg)
{
    struct db_rider *rider = passenger;
    if (rider == NULL || rider->is_done || rider->db != db) {
        return db->engine->write(db, fn, arg);
    }
    struct ridden r = {.fn = fn, .arg = arg, .rider = rider};
    enum err err = db->engine->write(db, ridden_fn, &r);
    rider->is_done = err == ERR_OK;
    return err;
}

bool db_sweeps(const struct db *db)
{
    return db->n_partitions > 0;
}

enum err db_upkeep(struct db *db, int64_t now, struct errinfo *info)
{
    return db->engine->upkeep == NULL ? ERR_OK : db->engine->upkeep(db, now, info);
}

bool db_is_single_node(const struct db *db)
{
    return (db->engine->caps & DB_CAP_SINGLE_NODE) != 0;
}

bool db_is_one_writer(const struct db *db)
{
    return (db->engine->caps & DB_CAP_ONE_WRITER) != 0;
}

enum err db_submit(struct db *db, db_fn fn, db_done_fn done, void *arg)
{
    return db->engine->submit(db, &(struct db_submission){.fn = fn, .done = done, .arg = arg});
}

enum err db_submit_ordered(struct db *db, uint64_t key, db_fn fn, db_done_fn done, void *arg)
{
    return db->engine->submit(
        db, &(struct db_submission){.fn = fn, .done = done, .arg = arg, .key = key});
}

enum err db_submit_light(struct db *db, uint64_t key, int64_t row, db_fn fn, db_done_fn done,
                         void *arg)
{
    return db->engine->submit(
        db, &(struct db_submission){
                .fn = fn, .done = done, .arg = arg, .key = key, .row = row, .is_light = true});
}

enum err db_be_serializable(struct db_txn *txn)
{
    txn->wants_serializable = txn->is_light;
    return txn->is_light ? ERR_AGAIN : ERR_OK;
}

/* ---- values ---- */

struct db_val db_null(void)
{
    return (struct db_val){.type = DB_NULL};
}

struct db_val db_i64(int64_t v)
{
    return (struct db_val){.type = DB_I64, .i = v};
}

struct db_val db_bool(bool v)
{
    return db_i64(v ? 1 : 0);
}

struct db_val db_id(int64_t v)
{
    return v == 0 ? db_null() : db_i64(v);
}

struct db_val db_text(struct str s)
{
    return (struct db_val){.type = DB_TEXT, .s = s};
}

struct db_val db_opt_text(struct str s)
{
    return s.len == 0 ? db_null() : db_text(s);
}

struct db_val db_blob(struct str s)
{
    return (struct db_val){.type = DB_BLOB, .s = s};
}

/* ---- statements ---- */

enum err db_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                 int64_t *n_changed_out)
{
    return txn->db->engine->exec(txn, sql, vals, n, n_changed_out);
}

enum err db_exec_later(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n)
{
    const struct db_engine *engine = txn->db->engine;
    return engine->exec_later != NULL ? engine->exec_later(txn, sql, vals, n)
                                      : engine->exec(txn, sql, vals, n, NULL);
}

enum err db_query(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                  struct db_rows **rows_out)
{
    return txn->db->engine->query(txn, sql, vals, n, rows_out);
}

bool db_rows_next(struct db_rows *rows)
{
    return rows->txn->db->engine->rows_next(rows);
}

int64_t db_rows_i64(const struct db_rows *rows, int col)
{
    return rows->txn->db->engine->rows_i64(rows, col);
}

struct str db_rows_str(const struct db_rows *rows, int col)
{
    return rows->txn->db->engine->rows_str(rows, col);
}

struct str db_rows_dup(const struct db_rows *rows, int col, struct arena *arena)
{
    return str_dup(arena, db_rows_str(rows, col));
}

bool db_rows_is_null(const struct db_rows *rows, int col)
{
    return rows->txn->db->engine->rows_is_null(rows, col);
}

enum err db_rows_close(struct db_rows **rows)
{
    if (*rows == NULL) {
        return ERR_OK;
    }
    enum err err = (*rows)->txn->db->engine->rows_close(*rows);
    *rows = NULL;
    return err;
}

enum err db_query_one(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                      struct db_rows **rows_out)
{
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, sql, vals, n, &rows);
    if (err != ERR_OK) {
        return err;
    }
    if (!db_rows_next(rows)) {
        err = db_rows_close(&rows);
        return err == ERR_OK ? ERR_NOT_FOUND : err;
    }
    *rows_out = rows;
    return ERR_OK;
}

enum err db_query_i64(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                      int64_t *out)
{
    struct db_rows *rows = NULL;
    enum err err = db_query_one(txn, sql, vals, n, &rows);
    if (err != ERR_OK) {
        return err;
    }
    int64_t v = db_rows_i64(rows, 0);
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = v;
    }
    return err;
}

/* ---- transactions ---- */

void db_txn_init(struct db_txn *txn, struct db *db, struct arena *arena, bool is_write)
{
    *txn = (struct db_txn){.db = db, .arena = arena, .is_write = is_write};
    txn->hooks_end = &txn->hooks;
}

struct arena *db_txn_arena(struct db_txn *txn)
{
    return txn->arena;
}

bool db_txn_is_write(const struct db_txn *txn)
{
    return txn->is_write;
}

void db_on_commit(struct db_txn *txn, void (*fn)(void *arg), void *arg)
{
    ASSERT(txn->is_write);
    struct db_hook *hook = ARENA_NEW(txn->arena, struct db_hook);
    *hook = (struct db_hook){.fn = fn, .arg = arg};
    *txn->hooks_end = hook;
    txn->hooks_end = &hook->next;
}

void db_around_answers(struct db *db, const struct db_answers *around)
{
    atomic_store(&db->answers, around);
}

void db_hooks_run(struct db_hook *hooks)
{
    for (; hooks != NULL; hooks = hooks->next) {
        hooks->fn(hooks->arg);
    }
}

/* ---- the rest ---- */

enum err db_search(struct db_txn *txn, const char *source, struct str query, int64_t before_id,
                   size_t limit, int64_t *ids_out, size_t *n_out)
{
    const struct db_engine *engine = txn->db->engine;
    return engine->search == NULL
               ? ERR_UNAVAILABLE
               : engine->search(txn, source, query, before_id, limit, ids_out, n_out);
}

bool db_index_wait(struct db *db, int64_t timeout_ms)
{
    return db->engine->index_wait != NULL && db->engine->index_wait(db, timeout_ms);
}

enum err db_index_rebuild(struct db *db)
{
    return db->engine->index_rebuild == NULL ? ERR_UNAVAILABLE : db->engine->index_rebuild(db);
}

enum err db_backup(struct db *db, const char *path, struct errinfo *info)
{
    if (db->engine->backup == NULL) {
        return err_set(info, ERR_UNAVAILABLE, "db.url", "engine",
                       "this database engine is backed up with its own tools");
    }
    return db->engine->backup(db, path, info);
}

void db_stats_get(struct db *db, struct db_stats *out)
{
    *out = (struct db_stats){0};
    if (db->engine->stats != NULL) {
        db->engine->stats(db, out);
    }
}

bool db_health(struct db *db, struct errinfo *info)
{
    return db->engine->health == NULL || db->engine->health(db, info);
}
