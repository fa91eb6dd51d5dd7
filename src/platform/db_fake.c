/* See db_fake.h. The script is a list of steps, consumed front to back; an unexpected statement gets ERR_INTERNAL and is remembered as the problem. */
#include "platform/db_fake.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/db_engine.h"

struct fake_row {
    struct db_val *vals;
    size_t n;
};

struct fake_step {
    const char *sql_start;
    struct db_val *vals;
    size_t n_vals;
    bool checks_vals;
    VEC(struct fake_row) rows;
    int64_t n_changed;
    enum err err;
};

struct fake_db {
    struct db base;
    struct arena *script; /* what the test wrote down */
    struct arena *arena;  /* of the transaction */
    VEC(struct fake_step) steps;
    size_t next;
    bool fails_commit;
    char problem[256];
};

struct fake_rows {
    struct db_rows base;
    const struct fake_step *step;
    size_t at; /* 1-based: 0 is before the first */
};

static struct fake_db *fake_of(struct db *db)
{
    return (struct fake_db *)db;
}

/* ---- script ---- */

static struct db_val *copy_vals(struct fake_db *f, const struct db_val *vals, size_t n)
{
    struct db_val *copy = ARENA_ARRAY(f->script, struct db_val, n + 1);
    for (size_t i = 0; i < n; i++) {
        copy[i] = vals[i];
        if (vals[i].type == DB_TEXT || vals[i].type == DB_BLOB) {
            copy[i].s = str_dup(f->script, vals[i].s);
        }
    }
    return copy;
}

static struct fake_step *last_step(struct db *db)
{
    struct fake_db *f = fake_of(db);
    ASSERT(f->steps.len > 0);
    return &f->steps.items[f->steps.len - 1];
}

void db_fake_expect(struct db *db, const char *sql_start, const struct db_val *vals, size_t n)
{
    struct fake_db *f = fake_of(db);
    struct fake_step step = {
        .sql_start = sql_start, .checks_vals = vals != NULL, .n_vals = n, .n_changed = 1};
    step.vals = vals != NULL ? copy_vals(f, vals, n) : NULL;
    VEC_PUSH(&f->steps, step);
}

void db_fake_row(struct db *db, const struct db_val *vals, size_t n)
{
    struct fake_row row = {copy_vals(fake_of(db), vals, n), n};
    VEC_PUSH(&last_step(db)->rows, row);
}

void db_fake_changed(struct db *db, int64_t n_changed)
{
    last_step(db)->n_changed = n_changed;
}

void db_fake_fail(struct db *db, enum err err)
{
    last_step(db)->err = err;
}

void db_fake_fail_commit(struct db *db)
{
    fake_of(db)->fails_commit = true;
}

static void note_problem(struct fake_db *f, const char *what, const char *sql)
{
    if (f->problem[0] == '\0') {
        (void)snprintf(f->problem, sizeof(f->problem), "%s: %s", what, sql);
    }
}

const char *db_fake_problem(struct db *db)
{
    struct fake_db *f = fake_of(db);
    if (f->next < f->steps.len) {
        note_problem(f, "did not come", f->steps.items[f->next].sql_start);
    }
    return f->problem;
}

/* ---- engine ---- */

static bool same_val(const struct db_val *a, const struct db_val *b)
{
    if (a->type != b->type) {
        return false;
    }
    return a->type == DB_NULL || (a->type == DB_I64 ? a->i == b->i : str_eq(a->s, b->s));
}

/* The step for this statement; NULL: it was not expected. */
static const struct fake_step *take(struct fake_db *f, const char *sql, const struct db_val *vals,
                                    size_t n)
{
    const struct fake_step *step = f->next < f->steps.len ? &f->steps.items[f->next] : NULL;
    if (step == NULL || !str_starts(str_from(sql), str_from(step->sql_start))) {
        note_problem(f, "not expected", sql);
        return NULL;
    }
    bool is_same = !step->checks_vals || step->n_vals == n;
    for (size_t i = 0; step->checks_vals && is_same && i < n; i++) {
        is_same = same_val(&step->vals[i], &vals[i]);
    }
    if (!is_same) {
        note_problem(f, "other arguments", sql);
        return NULL;
    }
    f->next++;
    return step;
}

static enum err fake_exec(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                          int64_t *n_changed_out)
{
    const struct fake_step *step = take(fake_of(txn->db), sql, vals, n);
    if (step == NULL) {
        return ERR_INTERNAL;
    }
    if (step->err == ERR_OK && n_changed_out != NULL) {
        *n_changed_out = step->n_changed;
    }
    return step->err;
}

static enum err fake_query(struct db_txn *txn, const char *sql, const struct db_val *vals, size_t n,
                           struct db_rows **rows_out)
{
    const struct fake_step *step = take(fake_of(txn->db), sql, vals, n);
    if (step == NULL || step->err != ERR_OK) {
        return step == NULL ? ERR_INTERNAL : step->err;
    }
    struct fake_rows *rows = MEM_NEW(struct fake_rows);
    rows->base.txn = txn;
    rows->step = step;
    *rows_out = &rows->base;
    return ERR_OK;
}

static bool fake_rows_next(struct db_rows *base)
{
    struct fake_rows *rows = (struct fake_rows *)base;
    rows->at += rows->at <= rows->step->rows.len;
    return rows->at <= rows->step->rows.len;
}

static const struct db_val *cell(const struct db_rows *base, int col)
{
    const struct fake_rows *rows = (const struct fake_rows *)base;
    ASSERT(rows->at >= 1 && rows->at <= rows->step->rows.len);
    const struct fake_row *row = &rows->step->rows.items[rows->at - 1];
    ASSERT(col >= 0 && (size_t)col < row->n);
    return &row->vals[col];
}

static int64_t fake_rows_i64(const struct db_rows *rows, int col)
{
    return cell(rows, col)->type == DB_I64 ? cell(rows, col)->i : 0;
}

static struct str fake_rows_str(const struct db_rows *rows, int col)
{
    const struct db_val *v = cell(rows, col);
    return v->type == DB_TEXT || v->type == DB_BLOB ? v->s : (struct str){"", 0};
}

static bool fake_rows_is_null(const struct db_rows *rows, int col)
{
    return cell(rows, col)->type == DB_NULL;
}

static enum err fake_rows_close(struct db_rows *rows)
{
    mem_free(rows);
    return ERR_OK;
}

static enum err fake_run(struct db *db, db_fn fn, void *arg, bool is_write)
{
    struct fake_db *f = fake_of(db);
    struct db_txn txn;
    db_txn_init(&txn, db, f->arena, is_write);
    enum err err = fn(&txn, arg);
    if (err == ERR_OK && is_write && f->fails_commit) {
        f->fails_commit = false;
        err = ERR_UNAVAILABLE;
    }
    if (err == ERR_OK) {
        db_hooks_run(txn.hooks);
    }
    arena_reset(f->arena);
    return err;
}

static enum err fake_read(struct db *db, db_fn fn, void *arg)
{
    return fake_run(db, fn, arg, false);
}

static enum err fake_write(struct db *db, db_fn fn, void *arg)
{
    return fake_run(db, fn, arg, true);
}

static enum err fake_submit(struct db *db, const struct db_submission *s)
{
    enum err err = fake_run(db, s->fn, s->arg, true);
    if (s->done != NULL) {
        s->done(err, s->arg);
    }
    return ERR_OK;
}

static void fake_close(struct db *db)
{
    struct fake_db *f = fake_of(db);
    for (size_t i = 0; i < f->steps.len; i++) {
        VEC_RELEASE(&f->steps.items[i].rows);
    }
    VEC_RELEASE(&f->steps);
    arena_free(&f->script);
    arena_free(&f->arena);
    mem_free(f);
}

static const struct db_engine fake_engine = {
    .scheme = "fake",
    .close = fake_close,
    .read = fake_read,
    .write = fake_write,
    .submit = fake_submit,
    .exec = fake_exec,
    .query = fake_query,
    .rows_next = fake_rows_next,
    .rows_i64 = fake_rows_i64,
    .rows_str = fake_rows_str,
    .rows_is_null = fake_rows_is_null,
    .rows_close = fake_rows_close,
};

struct db *db_fake_new(void)
{
    struct fake_db *f = MEM_NEW(struct fake_db);
    f->base.engine = &fake_engine;
    f->script = arena_new(0);
    f->arena = arena_new(0);
    return &f->base;
}
