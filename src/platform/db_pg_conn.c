/* One connection: opening, the statement cache, statements in pipeline mode, transactions.
 *
 * Everything is sent in pipeline mode, so that BEGIN travels with the first statement, and statements whose results nobody needs travel with COMMIT: a use
 * case of three statements is three round trips, not five. A read's COMMIT is not waited for at all; its answer is read when the connection is used again.
 *
 * Statements are prepared at their first use on a connection, keyed by the address of the SQL literal as in the SQLite engine (the text is compared all the
 * same). Parameters are sent with the types of their values: left to itself the server would take the $2 of "$2 = 0 OR id < $2" for a 32-bit number.
 * Numbers and bytes go in binary; results come as text. */
#include "platform/db_pg.h"

#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/timeutil.h"

/* pg_type.dat; part of the protocol, they never change. */
#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

struct pg_conn *pg_conn_new(struct pg_db *db, enum pg_mode mode)
{
    struct pg_conn *conn = MEM_NEW(struct pg_conn);
    conn->db = db;
    conn->mode = mode;
    conn->stmts = idmap_new();
    conn->arena = arena_new(16384);
    conn->txn.conn = conn;
    return conn;
}

void pg_conn_drop(struct pg_conn *conn)
{
    (void)pg_conn_close_rows(conn);
    PQfinish(conn->h);
    conn->h = NULL;
    conn->timeline = 0;
    conn->is_given_up = false;
    conn->n_pending = 0;
    conn->has_unread_sync = false;
    void *first = NULL;
    for (size_t at = 0; idmap_next(conn->stmts, &at, NULL, &first);) {
        for (struct pg_stmt *s = first; s != NULL; s = s->next) {
            s->is_prepared = false;
        }
    }
}

void pg_conn_free(struct pg_conn **conn_ptr)
{
    struct pg_conn *conn = *conn_ptr;
    if (conn == NULL) {
        return;
    }
    pg_conn_drop(conn);
    void *first = NULL;
    for (size_t at = 0; idmap_next(conn->stmts, &at, NULL, &first);) {
        for (struct pg_stmt *s = first, *next; s != NULL; s = next) {
            next = s->next;
            mem_free(s->copy);
            mem_free(s);
        }
    }
    idmap_free(&conn->stmts);
    arena_free(&conn->arena);
    mem_free(conn);
    *conn_ptr = NULL;
}

/* ---- opening ---- */

/* Somebody met a server of a higher timeline since we came. */
static bool pg_is_deposed(const struct pg_conn *conn)
{
    return conn->timeline != 0 && conn->timeline < atomic_load(&conn->db->timeline);
}

/* A server that went while nobody used the connection has left its last words and an end, which take a look each. */
static bool pg_is_alive(struct pg_conn *conn)
{
    return conn->h != NULL && !conn->is_given_up && !pg_is_deposed(conn) &&
           PQconsumeInput(conn->h) == 1 && PQconsumeInput(conn->h) == 1 &&
           PQstatus(conn->h) == CONNECTION_OK;
}

static void pg_note_health(struct pg_db *db, enum err err)
{
    if (err != ERR_OK) {
        atomic_store(&db->failed_ms, time_monotonic_ns() / 1000000);
    }
    if (atomic_exchange(&db->health, (int)err) != (int)err) {
        LOG_INFO("db", err == ERR_OK ? "the database answers" : "the database does not answer");
    }
}

void pg_note_answer(struct pg_db *db)
{
    if (atomic_load(&db->health) != 0 &&
        time_monotonic_ns() / 1000000 - atomic_load(&db->failed_ms) >= PG_HEAL_MS) {
        pg_note_health(db, ERR_OK);
    }
}

enum err pg_conn_ensure(struct pg_conn *conn, struct errinfo *info)
{
    struct pg_db *db = conn->db;
    if (pg_is_alive(conn)) {
        return ERR_OK;
    }
    pg_conn_drop(conn);
    enum err err = pg_connect_leader(db, conn->mode, &conn->h, &conn->timeline, info);
    if (err == ERR_OK && (PQsetnonblocking(conn->h, 1) != 0 || PQenterPipelineMode(conn->h) != 1)) {
        err = err_set(info, ERR_UNAVAILABLE, "db.url", "connect", "cannot open the database");
        pg_conn_drop(conn);
    }
    pg_note_health(db, err);
    return err;
}

/* ---- statements ---- */

static Oid pg_type_of(const struct db_val *v)
{
    switch (v->type) {
    case DB_I64:
        return OID_INT8;
    case DB_TEXT:
        return OID_TEXT;
    case DB_BLOB:
        return OID_BYTEA;
    case DB_NULL:
        break;
    }
    return 0;
}

static bool pg_fits(const struct pg_stmt *s, const struct db_val *vals, size_t n)
{
    bool fits = s->n_params == n;
    for (size_t i = 0; i < n && fits; i++) {
        fits = vals[i].type == DB_NULL || s->types[i] == pg_type_of(&vals[i]);
    }
    return fits;
}

static struct pg_stmt *pg_find_stmt(struct pg_conn *conn, const char *sql,
                                    const struct db_val *vals, size_t n)
{
    ASSERT(n <= PG_PARAMS_MAX);
    struct pg_stmt *first = idmap_find(conn->stmts, (intptr_t)sql);
    for (struct pg_stmt *s = first; s != NULL; s = s->next) {
        if (pg_fits(s, vals, n)) {
            ASSERT(strcmp(s->copy, sql) == 0);
            return s;
        }
    }
    struct pg_stmt *s = MEM_NEW(struct pg_stmt);
    *s = (struct pg_stmt){.next = first, .copy = mem_strdup(sql), .n_params = n};
    for (size_t k = 0; k < n; k++) {
        s->types[k] = pg_type_of(&vals[k]);
    }
    (void)snprintf(s->name, sizeof(s->name), "s%zu", conn->next_name++);
    (void)idmap_put(conn->stmts, (intptr_t)sql, s);
    return s;
}

static void pg_pend(struct pg_conn *conn, const char *sql, struct pg_stmt *prepares)
{
    ASSERT(conn->n_pending < ARRAY_LEN(conn->pending));
    conn->pending[conn->n_pending] = sql;
    conn->pending_stmt[conn->n_pending++] = prepares;
}

/* A number as the wire has it. */
static void pg_put_i64(char out[8], int64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (char)(unsigned char)((uint64_t)v >> (56 - 8 * i));
    }
}

/* Sends; nothing is read. */
static void pg_send(struct pg_conn *conn, const char *sql, const struct db_val *vals, size_t n)
{
    struct pg_stmt *s = pg_find_stmt(conn, sql, vals, n);
    if (!s->is_prepared) {
        s->is_prepared = PQsendPrepare(conn->h, s->name, sql, (int)n, s->types) == 1;
        pg_pend(conn, sql, s);
    }
    const char *p[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    char numbers[PG_PARAMS_MAX][8];
    for (size_t i = 0; i < n; i++) {
        const struct db_val *v = &vals[i];
        p[i] = v->s.p != NULL ? v->s.p : "";
        lengths[i] = (int)v->s.len;
        formats[i] = 1; /* the binary form of text is the text */
        if (v->type == DB_I64) {
            pg_put_i64(numbers[i], v->i);
            p[i] = numbers[i];
            lengths[i] = 8;
        } else if (v->type == DB_NULL) {
            p[i] = NULL;
        }
    }
    /* A failure to send shows as a broken connection when the answer is read. */
    (void)PQsendQueryPrepared(conn->h, s->name, (int)n, p, lengths, formats, 0);
    pg_pend(conn, sql, NULL);
}

static void pg_txn_lost(struct pg_conn *conn, enum pg_outcome outcome, enum err err)
{
    if (conn->txn.outcome == PG_FINE) {
        conn->txn.outcome = outcome;
        conn->txn.err = err;
    }
}

static void pg_complain(struct pg_conn *conn, const PGresult *result, const char *sql, enum err err)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (err == ERR_INTERNAL || err == ERR_UNAVAILABLE) {
        LOG_ERROR("db", "statement fails", log_cstr("state", state != NULL ? state : "none"),
                  log_cstr("meaning", text != NULL ? text : PQerrorMessage(conn->h)),
                  log_cstr("sql", sql));
    }
}

/* How long a server may be silent that has to answer a statement within its own time-out, or to find a follower that confirms a COMMIT. */
static int64_t pg_patience_ms(const struct pg_conn *conn)
{
    switch (conn->mode) {
    case PG_READER:
        return conn->db->read_cap_ms + PG_SILENCE_CAP_MS;
    case PG_WRITER:
        return PG_WRITE_CAP_MS + PG_SILENCE_CAP_MS;
    case PG_HELPER:
        break;
    }
    return PG_HELPER_CAP_MS;
}

/* PQgetResult that does not wait for ever: after a while it asks whether somebody else leads by now, and all who wait hear what one of them has found. */
static PGresult *pg_next_result(struct pg_conn *conn)
{
    int64_t waited_ms = 0;
    while (!conn->is_given_up && !pg_wait(conn->h, PG_LOOK_ROUND_MS)) {
        waited_ms += PG_LOOK_ROUND_MS;
        bool is_deposed =
            waited_ms >= PG_SILENCE_MS ? pg_suspect(conn->db, conn->timeline) : pg_is_deposed(conn);
        conn->is_given_up = is_deposed || waited_ms >= pg_patience_ms(conn);
        if (conn->is_given_up) {
            LOG_WARN("db", "a server that does not answer is left", log_i64("ms", waited_ms));
        }
    }
    return conn->is_given_up ? NULL : PQgetResult(conn->h);
}

/* The answer to one statement. NULL: the connection is gone. */
static PGresult *pg_take_result(struct pg_conn *conn, size_t i)
{
    PGresult *result = pg_next_result(conn);
    if (result == NULL) {
        return NULL;
    }
    PGresult *end = pg_next_result(conn); /* NULL ends the statement */
    while (end != NULL) {
        PQclear(end);
        end = pg_next_result(conn);
    }
    if (PQresultStatus(result) == PGRES_PIPELINE_ABORTED) {
        if (conn->pending_stmt[i] != NULL) {
            conn->pending_stmt[i]->is_prepared = false;
        }
        return result;
    }
    enum err err = ERR_OK;
    enum pg_outcome outcome = pg_outcome_of(result, &err);
    if (outcome != PG_FINE) {
        if (conn->pending_stmt[i] != NULL) {
            conn->pending_stmt[i]->is_prepared = false;
        }
        if (conn->txn.outcome == PG_FINE) {
            pg_complain(conn, result, conn->pending[i], err);
        }
        pg_txn_lost(conn, outcome, err);
    }
    return result;
}

/* Reads the answers to everything sent up to the last sync. Those of the last n statements go to out[0..n). */
static void pg_read_answers(struct pg_conn *conn, PGresult **out, size_t n)
{
    size_t n_stmts = 0;
    for (size_t i = 0; i < conn->n_pending; i++) {
        n_stmts += conn->pending_stmt[i] == NULL;
    }
    bool is_broken = false;
    for (size_t i = 0, at = 0; i < conn->n_pending && !is_broken; i++) {
        PGresult *result = pg_take_result(conn, i);
        is_broken = result == NULL || PQstatus(conn->h) == CONNECTION_BAD;
        if (conn->pending_stmt[i] == NULL && at++ + n >= n_stmts && !is_broken) {
            out[at - 1 + n - n_stmts] = result;
        } else {
            PQclear(result);
        }
    }
    conn->n_pending = 0;
    if (!is_broken) {
        PGresult *sync = pg_next_result(conn);
        is_broken = PQresultStatus(sync) != PGRES_PIPELINE_SYNC;
        PQclear(sync);
    }
    if (is_broken) {
        pg_txn_lost(conn, PG_BROKEN, ERR_UNAVAILABLE);
    }
}

/* Sends the sync and reads. Whatever fails is in conn->txn. */
static void pg_round_trip(struct pg_conn *conn, PGresult **out, size_t n)
{
    if (PQpipelineSync(conn->h) != 1) {
        conn->n_pending = 0;
        pg_txn_lost(conn, PG_BROKEN, ERR_UNAVAILABLE);
        return;
    }
    pg_read_answers(conn, out, n);
}

enum pg_outcome pg_conn_batch(struct pg_conn *conn, const struct pg_call *calls, size_t n,
                              PGresult **out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        pg_send(conn, calls[i].sql, calls[i].vals, calls[i].n);
    }
    pg_round_trip(conn, out, n);
    return conn->txn.outcome;
}

enum pg_outcome pg_txn_flush(struct pg_conn *conn)
{
    if (conn->n_pending > 0) {
        pg_round_trip(conn, NULL, 0);
    }
    return conn->txn.outcome;
}

static enum pg_outcome pg_conn_settle(struct pg_conn *conn)
{
    if (conn->has_unread_sync) {
        conn->has_unread_sync = false;
        pg_read_answers(conn, NULL, 0);
    }
    return conn->txn.outcome;
}

/* ---- transactions ---- */

void pg_txn_init(struct pg_conn *conn, struct arena *arena, bool is_write)
{
    db_txn_init(&conn->txn.base, &conn->db->base, arena, is_write);
    conn->txn.is_begun = false;
    conn->txn.has_events = false;
    conn->txn.outcome = PG_FINE;
    conn->txn.err = ERR_OK;
    if (pg_conn_settle(conn) != PG_FINE) { /* the end of the read before */
        pg_conn_drop(conn);
        conn->txn.outcome = PG_FINE;
        if (pg_conn_ensure(conn, NULL) != ERR_OK) {
            pg_txn_lost(conn, PG_BROKEN, ERR_UNAVAILABLE);
        }
    }
}

static void pg_txn_begin(struct pg_conn *conn)
{
    conn->txn_start_id = pg_stream_position(conn->db);
    const char *begin = !conn->txn.base.is_write ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                        : conn->mode == PG_WRITER && !conn->txn.base.is_light
                            ? "BEGIN ISOLATION LEVEL SERIALIZABLE"
                            : "BEGIN ISOLATION LEVEL READ COMMITTED";
    pg_send(conn, begin, NULL, 0);
    conn->txn.is_begun = true;
}

/* A leader that nobody told of its successor waits with COMMIT for a follower that will not come, and says yes to everybody who waits when its supervisor, started
 * again, resets it. So a COMMIT that took long is believed only when nobody else leads. */
static bool pg_is_worth_nothing(const struct pg_conn *conn, int64_t began_ns)
{
    bool is_slow = time_monotonic_ns() - began_ns > PG_SLOW_COMMIT_MS * 1000000LL;
    return is_slow ? pg_is_overtaken(conn->db, conn->timeline) : pg_is_deposed(conn);
}

enum pg_outcome pg_txn_commit(struct pg_conn *conn)
{
    (void)pg_conn_close_rows(conn);
    if (!conn->txn.is_begun || conn->txn.outcome != PG_FINE) {
        return conn->txn.outcome;
    }
    conn->txn.is_begun = false;
    pg_send(conn, "COMMIT", NULL, 0);
    if (!conn->txn.base.is_write && PQpipelineSync(conn->h) == 1) {
        conn->has_unread_sync = true;
        return PG_FINE;
    }
    PGresult *last = NULL;
    int64_t began_ns = time_monotonic_ns();
    pg_round_trip(conn, &last, 1);
    if (conn->txn.outcome == PG_FINE && pg_is_worth_nothing(conn, began_ns)) {
        LOG_WARN("db", "a COMMIT of a server that does not lead any more is not believed");
        pg_txn_lost(conn, PG_BROKEN, ERR_UNAVAILABLE);
    }
    /* The COMMIT of a transaction in which something failed says ROLLBACK. */
    if (conn->txn.outcome == PG_FINE && strcmp(PQcmdStatus(last), "COMMIT") != 0) {
        pg_txn_lost(conn, PG_FAILED, ERR_INTERNAL);
    }
    PQclear(last);
    return conn->txn.outcome;
}

void pg_txn_abort(struct pg_conn *conn)
{
    (void)pg_conn_close_rows(conn);
    if (conn->h == NULL || PQstatus(conn->h) != CONNECTION_OK || conn->txn.outcome == PG_BROKEN) {
        pg_conn_drop(conn);
    } else if (conn->n_pending > 0 || PQtransactionStatus(conn->h) != PQTRANS_IDLE) {
        enum pg_outcome outcome = conn->txn.outcome;
        enum err err = conn->txn.err;
        conn->txn.outcome = PG_FINE;
        pg_send(conn, "ROLLBACK", NULL, 0);
        pg_round_trip(conn, NULL, 0);
        /* The Parse of ROLLBACK is refused in a failed transaction: once more, outside of a batch that failed. */
        if (conn->txn.outcome != PG_FINE && conn->txn.outcome != PG_BROKEN) {
            conn->txn.outcome = PG_FINE;
            pg_send(conn, "ROLLBACK", NULL, 0);
            pg_round_trip(conn, NULL, 0);
        }
        if (conn->txn.outcome != PG_FINE) {
            pg_conn_drop(conn);
        }
        conn->txn.outcome = outcome;
        conn->txn.err = err;
    }
    conn->txn.is_begun = false;
}

/* ---- statements of a transaction ---- */

/* Sends the statement, with BEGIN in front if it is the first. Not ERR_OK: the transaction is lost already. */
static enum err pg_begin_stmt(struct db_txn *base, const char *sql, const struct db_val *vals,
                              size_t n)
{
    struct pg_conn *conn = ((struct pg_txn *)base)->conn;
    if (conn->txn.outcome != PG_FINE) {
        return conn->txn.err;
    }
    if (!conn->txn.is_begun) {
        pg_txn_begin(conn);
    }
    pg_send(conn, sql, vals, n);
    return ERR_OK;
}

static enum err pg_run(struct db_txn *base, const char *sql, const struct db_val *vals, size_t n,
                       PGresult **out)
{
    struct pg_conn *conn = ((struct pg_txn *)base)->conn;
    enum err err = pg_begin_stmt(base, sql, vals, n);
    if (err != ERR_OK) {
        return err;
    }
    PGresult *result = NULL;
    pg_round_trip(conn, &result, 1);
    if (conn->txn.outcome != PG_FINE) {
        PQclear(result);
        return conn->txn.err;
    }
    *out = result;
    return ERR_OK;
}

enum err pg_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                 int64_t *n_changed_out)
{
    PGresult *result = NULL;
    enum err err = pg_run(txn, sql, vals, n, &result);
    if (err == ERR_OK && n_changed_out != NULL) {
        int64_t v = 0;
        *n_changed_out = str_to_i64(str_from(PQcmdTuples(result)), &v) ? v : 0;
    }
    PQclear(result);
    return err;
}

enum err pg_exec_later(struct db_txn *base, const char *sql, const struct db_val *vals, size_t n)
{
    struct pg_conn *conn = ((struct pg_txn *)base)->conn;
    if (conn->n_pending + 4 > PG_PENDING_MAX) {
        return pg_exec(base, sql, vals, n, NULL);
    }
    return pg_begin_stmt(base, sql, vals, n);
}

enum err pg_query(struct db_txn *base, const char *sql, const struct db_val *vals, size_t n,
                  struct db_rows **rows_out)
{
    struct pg_conn *conn = ((struct pg_txn *)base)->conn;
    struct pg_rows *rows = NULL;
    for (size_t i = 0; i < PG_ROWS_MAX && rows == NULL; i++) {
        rows = conn->rows[i].result == NULL ? &conn->rows[i] : NULL;
    }
    ASSERT(rows != NULL); /* too many open rows in one transaction */
    PGresult *result = NULL;
    enum err err = pg_run(base, sql, vals, n, &result);
    if (err == ERR_OK) {
        *rows =
            (struct pg_rows){.base.txn = base, .result = result, .at = -1, .n = PQntuples(result)};
        *rows_out = &rows->base;
    }
    return err;
}

bool pg_conn_close_rows(struct pg_conn *conn)
{
    bool found = false;
    for (size_t i = 0; i < PG_ROWS_MAX; i++) {
        if (conn->rows[i].result != NULL) {
            found = true;
            PQclear(conn->rows[i].result);
            conn->rows[i].result = NULL;
        }
    }
    return found;
}
