/* The PostgreSQL side. What an unfinished move needs to know stands in three tables of the target, which are gone when it is finished. */
#include "platform/db_move_impl.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "platform/crypto.h"
#include "platform/db_pg.h"

#define SQL_MAX ((size_t)64 << 10)
#define SEND_BYTES 65536

/* ---- statements ---- */

enum err mv_pg_failed(PGconn *h, PGresult *result, const char *what, struct errinfo *info)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = err_set(info, ERR_UNAVAILABLE, "to", "postgres", "%.60s: %.120s", what,
                           text != NULL ? text : PQerrorMessage(h));
    PQclear(result);
    return err;
}

enum err mv_pg_query(PGconn *h, const char *sql, const char *const *values, int n, PGresult **out,
                     struct errinfo *info)
{
    PGresult *result = PQexecParams(h, sql, n, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return mv_pg_failed(h, result, "the target refuses", info);
    }
    *out = result;
    return ERR_OK;
}

/* Several statements at once are fine. */
enum err mv_pg_run(PGconn *h, const char *sql, struct errinfo *info)
{
    PGresult *result = PQexec(h, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return mv_pg_failed(h, result, "the target refuses", info);
    }
    PQclear(result);
    return ERR_OK;
}

void mv_pg_abort(PGconn *h)
{
    PQclear(PQexec(h, "ROLLBACK"));
}

static enum err run_buf(PGconn *h, struct buf *sql, struct errinfo *info)
{
    (void)buf_add_char(sql, '\0');
    ASSERT(buf_err(sql) == ERR_OK);
    return mv_pg_run(h, sql->p, info);
}

static enum err run_with(PGconn *h, const char *sql, const char *const *values, int n,
                         struct errinfo *info)
{
    PGresult *result = NULL;
    enum err err = mv_pg_query(h, sql, values, n, &result, info);
    PQclear(result);
    return err;
}

struct number {
    char text[24];
};
static struct number number_text(int64_t v)
{
    struct number n;
    (void)snprintf(n.text, sizeof(n.text), "%lld", (long long)v);
    return n;
}

/* ---- opening ---- */

/* Of another number than the one that migrations are under: "stablemv". */
static enum err be_alone(PGconn *h, struct errinfo *info)
{
    PGresult *result = NULL;
    enum err err =
        mv_pg_query(h, "SELECT pg_try_advisory_lock(8319100040906763638)", NULL, 0, &result, info);
    if (err == ERR_OK && strcmp(PQgetvalue(result, 0, 0), "t") != 0) {
        err = err_set(info, ERR_CONFLICT, "to", "in_use", "another move into this database runs");
    }
    PQclear(result);
    return err;
}

static enum err begin_anew(PGconn *h, const struct db_move *move, const char *instance,
                           struct errinfo *info)
{
    PGresult *result = NULL;
    enum err err = mv_pg_query(h,
                               "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                               "quote_ident(current_schema())::regnamespace AND "
                               "relkind IN ('r', 'p', 'v', 'm', 'S')",
                               NULL, 0, &result, info);
    if (err == ERR_OK && pg_result_i64(result, 0, 0) != 0) {
        err = err_set(info, ERR_CONFLICT, "to", "not_empty",
                      "the target has tables already: a move wants an empty database");
    }
    PQclear(result);
    struct clock clock = clock_system();
    struct number n = number_text((int64_t)move->n_migrations);
    struct number now = number_text(clock_now(&clock));
    const char *const values[] = {instance, n.text, now.text};
    if (err == ERR_OK) {
        err = mv_pg_run(h,
                        "BEGIN; CREATE TABLE stablehand_move (source TEXT NOT NULL, n_migrations "
                        "BIGINT NOT NULL, begun_at BIGINT NOT NULL); CREATE TABLE "
                        "stablehand_move_part (table_name TEXT NOT NULL, first BIGINT NOT NULL, "
                        "n_rows BIGINT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (table_name, "
                        "first)); CREATE TABLE stablehand_move_ddl (id BIGSERIAL PRIMARY KEY, "
                        "rank INTEGER NOT NULL, name TEXT NOT NULL, ddl TEXT NOT NULL)",
                        info);
    }
    if (err == ERR_OK) {
        err = run_with(
            h, "INSERT INTO stablehand_move (source, n_migrations, begun_at) VALUES ($1, $2, $3)",
            values, 3, info);
    }
    return err == ERR_OK ? mv_pg_run(h, "COMMIT", info) : err;
}

static enum err go_on(PGconn *h, const struct db_move *move, const char *instance,
                      struct errinfo *info)
{
    PGresult *result = NULL;
    enum err err =
        mv_pg_query(h, "SELECT source, n_migrations FROM stablehand_move", NULL, 0, &result, info);
    if (err == ERR_OK &&
        (PQntuples(result) != 1 || strcmp(PQgetvalue(result, 0, 0), instance) != 0)) {
        err = err_set(info, ERR_CONFLICT, "to", "other_move",
                      "the target holds the unfinished move of another database: make it empty");
    } else if (err == ERR_OK && pg_result_i64(result, 0, 1) != (int64_t)move->n_migrations) {
        err = err_set(info, ERR_CONFLICT, "to", "other_version",
                      "this move was begun by another version of the program: go on with that, or "
                      "make the target empty");
    }
    PQclear(result);
    return err;
}

static enum err prepare(PGconn *h, const struct db_move *move, const char *instance,
                        struct errinfo *info)
{
    PGresult *result = NULL;
    enum err err = pg_check_server(h, info);
    if (err == ERR_OK) {
        err = be_alone(h, info);
    }
    if (err == ERR_OK) {
        err = mv_pg_query(h, "SELECT to_regclass('stablehand_move') IS NOT NULL", NULL, 0, &result,
                          info);
    }
    if (err != ERR_OK) {
        return err;
    }
    bool is_begun = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return is_begun ? go_on(h, move, instance, info) : begin_anew(h, move, instance, info);
}

enum err mv_target_open(const struct db_move *move, const char *instance, PGconn **out,
                        struct errinfo *info)
{
    struct pg_db db = {.conninfo = mem_strdup(move->to)};
    PGconn *h = NULL;
    enum err err = pg_connect(&db, PG_HELPER, &h, info);
    if (err == ERR_OK) {
        err = prepare(h, move, instance, info);
    }
    if (err == ERR_OK) {
        err = pg_migrate(&db, move->migrations, move->n_migrations, true, info);
    }
    mem_free(db.conninfo);
    if (err != ERR_OK) {
        PQfinish(h);
        return err;
    }
    *out = h;
    return ERR_OK;
}

/* ---- kinds ---- */

static enum err kind_of(PGconn *h, struct mv_table *t, struct mv_column *c, struct errinfo *info)
{
    PGresult *result = NULL;
    const char *const values[] = {t->name, c->name};
    enum err err = mv_pg_query(
        h,
        "SELECT y.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type y "
        "ON y.oid = a.atttypid WHERE c.relnamespace = quote_ident(current_schema())::regnamespace "
        "AND c.relname "
        "= $1 AND c.relkind IN ('r', 'p') AND a.attname = $2 AND a.attnum > 0 AND NOT "
        "a.attisdropped",
        values, 2, &result, info);
    if (err != ERR_OK) {
        return err;
    }
    c->kind = PQntuples(result) == 1 ? mv_kind_find(PQgetvalue(result, 0, 0)) : NULL;
    if (c->kind == NULL) {
        err =
            err_set(info, ERR_CONFLICT, "to", "column", "table %s, column %s: %s", t->name, c->name,
                    PQntuples(result) == 1 ? "of a type that cannot be moved"
                                           : "the target has no such thing");
    }
    PQclear(result);
    return err;
}

enum err mv_target_kinds(PGconn *h, struct mv_table *tables, size_t n, struct errinfo *info)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        struct mv_table *t = &tables[i];
        for (size_t k = 0; k < t->n_columns && err == ERR_OK; k++) {
            err = kind_of(h, t, &t->columns[k], info);
        }
        t->has_parts =
            err == ERR_OK && t->n_keys > 0 && t->columns[t->keys[0]].kind->class == MV_INT;
    }
    return err;
}

enum err mv_target_next(PGconn *h, const struct mv_table *t, int64_t from, bool *found_out,
                        int64_t *key_out, struct errinfo *info)
{
    BUF_AUTO sql;
    PGresult *result = NULL;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "SELECT MIN(");
    mv_add_name(&sql, t->columns[t->keys[0]].name);
    (void)buf_add_cstr(&sql, ") FROM ");
    mv_add_name(&sql, t->name);
    mv_add_range(&sql, &(struct mv_part){t, from, INT64_MAX});
    (void)buf_add_char(&sql, '\0');
    ASSERT(buf_err(&sql) == ERR_OK);
    enum err err = mv_pg_query(h, sql.p, NULL, 0, &result, info);
    *found_out = err == ERR_OK && PQgetisnull(result, 0, 0) == 0;
    if (*found_out) {
        *key_out = pg_result_i64(result, 0, 0);
    }
    PQclear(result);
    return err;
}

/* ---- parts ---- */

enum err mv_target_noted(PGconn *h, const struct mv_part *p, struct mv_sum *out,
                         struct errinfo *info)
{
    PGresult *result = NULL;
    struct number first = number_text(p->first);
    const char *const values[] = {p->table->name, first.text};
    enum err err = mv_pg_query(h,
                               "SELECT n_rows, sha256 FROM stablehand_move_part WHERE table_name = "
                               "$1 AND first = $2",
                               values, 2, &result, info);
    if (err == ERR_OK) {
        *out = (struct mv_sum){.n_rows = -1};
        if (PQntuples(result) == 1) {
            out->n_rows = pg_result_i64(result, 0, 0);
            (void)snprintf(out->sha256, sizeof(out->sha256), "%s", PQgetvalue(result, 0, 1));
        }
    }
    PQclear(result);
    return err;
}

enum err mv_target_forget(PGconn *h, const struct mv_part *p, struct errinfo *info)
{
    struct number first = number_text(p->first);
    const char *const values[] = {p->table->name, first.text};
    return run_with(h, "DELETE FROM stablehand_move_part WHERE table_name = $1 AND first = $2",
                    values, 2, info);
}

static enum err note(PGconn *h, const struct mv_part *p, const struct mv_sum *sum,
                     struct errinfo *info)
{
    struct number first = number_text(p->first);
    struct number n = number_text(sum->n_rows);
    const char *const values[] = {p->table->name, first.text, n.text, sum->sha256};
    return run_with(h,
                    "INSERT INTO stablehand_move_part (table_name, first, n_rows, sha256) VALUES "
                    "($1, $2, $3, $4) ON CONFLICT (table_name, first) DO UPDATE SET n_rows = "
                    "excluded.n_rows, sha256 = excluded.sha256",
                    values, 4, info);
}

/* Between COPY and its end. */
static enum err send_rows(PGconn *h, struct mv_reader *r, struct mv_sum *out, struct errinfo *info)
{
    struct crypto_sha256_stream hash;
    struct str line;
    BUF_AUTO pending;
    buf_init(&pending, MV_LINE_MAX + SEND_BYTES);
    crypto_sha256_begin(&hash);
    bool is_sent = true;
    out->n_rows = 0;
    while (is_sent && mv_reader_next(r, &line)) {
        crypto_sha256_add(&hash, line);
        out->n_rows++;
        (void)buf_add_str(&pending, line);
        if (pending.len >= SEND_BYTES) {
            is_sent = PQputCopyData(h, pending.p, (int)pending.len) == 1;
            buf_clear(&pending);
        }
    }
    if (is_sent && pending.len > 0) {
        is_sent = PQputCopyData(h, pending.p, (int)pending.len) == 1;
    }
    crypto_sha256_end(&hash, out->sha256);
    enum err err = mv_reader_close(r);
    if (err == ERR_OK && !is_sent) {
        err = mv_pg_failed(h, NULL, "cannot send rows", info);
    }
    (void)PQputCopyEnd(h, err == ERR_OK ? NULL : "given up");
    for (PGresult *result = PQgetResult(h); result != NULL; result = PQgetResult(h)) {
        if (err == ERR_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
            err = mv_pg_failed(h, result, r->table->name, info);
        } else {
            PQclear(result);
        }
    }
    return err;
}

static enum err copy_rows(PGconn *h, const struct mv_part *p, struct mv_reader *r,
                          struct mv_sum *out, struct errinfo *info)
{
    BUF_AUTO sql;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "BEGIN; DELETE FROM ");
    mv_add_name(&sql, p->table->name);
    mv_add_range(&sql, p);
    enum err err = run_buf(h, &sql, info);
    if (err != ERR_OK) {
        mv_reader_drop(r);
        return err;
    }
    buf_clear(&sql);
    (void)buf_add_cstr(&sql, "COPY ");
    mv_add_name(&sql, p->table->name);
    (void)buf_add_cstr(&sql, " (");
    mv_add_columns(&sql, p->table);
    (void)buf_add(&sql, ") FROM STDIN", sizeof(") FROM STDIN"));
    ASSERT(buf_err(&sql) == ERR_OK);
    PGresult *result = PQexec(h, sql.p);
    if (PQresultStatus(result) != PGRES_COPY_IN) {
        mv_reader_drop(r);
        return mv_pg_failed(h, result, p->table->name, info);
    }
    PQclear(result);
    return send_rows(h, r, out, info);
}

enum err mv_target_put(PGconn *h, const struct mv_part *p, struct mv_reader *r, struct mv_sum *out,
                       struct errinfo *info)
{
    enum err err = copy_rows(h, p, r, out, info);
    if (err == ERR_OK) {
        err = note(h, p, out, info);
    }
    if (err == ERR_OK) {
        return mv_pg_run(h, "COMMIT", info);
    }
    mv_pg_abort(h);
    return err;
}
