/* See db_conformance.h. Cases are named as sentences; each gets a fresh database. */
#include "db_conformance.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/timeutil.h"
#include "base/vec.h"

const struct db_migration conformance_migrations[N_CONFORMANCE_MIGRATIONS] = {
    {1, "items",
     "CREATE TABLE items (id {{ID}}, name TEXT NOT NULL, n {{I64}} NOT NULL DEFAULT 0, data "
     "{{BLOB}}, at {{TIME}}) {{STRICT}};\n"
     "CREATE UNIQUE INDEX items_name ON items (name);\n"},
    {2, "parts",
     "CREATE TABLE parts (id {{ID}}, item_id {{I64}} NOT NULL REFERENCES items (id), n {{I64}} NOT "
     "NULL) {{STRICT}};\n"},
};

static const struct conformance_engine *current;

static int setup(void **state)
{
    struct db *db = NULL;
    current->open(&db);
    *state = db;
    return 0;
}

static int teardown(void **state)
{
    struct db *db = *state;
    current->close(&db);
    return 0;
}

/* ---- helpers ---- */

static enum err count_items(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT COUNT(*) FROM items", NULL, 0, arg);
}

static int64_t n_items(struct db *db)
{
    int64_t n = -1;
    assert_int_equal(db_read(db, count_items, &n), ERR_OK);
    return n;
}

struct add {
    char name[32];
    int64_t n, id;
    enum err outcome; /* returned after the insert */
    bool is_ordered;  /* given with its thread's key */
    enum err done_err;
};

static enum err add_item(struct db_txn *txn, void *arg)
{
    struct add *a = arg;
    enum err err =
        DB_QUERY_I64(txn, &a->id, "INSERT INTO items (name, n) VALUES ($1, $2) RETURNING id",
                     db_text(str_from(a->name)), db_i64(a->n));
    return err != ERR_OK ? err : a->outcome;
}

static enum err add(struct db *db, const char *name, int64_t n)
{
    struct add a = {.n = n};
    (void)snprintf(a.name, sizeof(a.name), "%s", name);
    return db_write(db, add_item, &a);
}

/* ---- values ---- */

static enum err write_values(struct db_txn *txn, void *arg)
{
    (void)arg;
    enum err err = DB_EXEC(txn, "INSERT INTO items (name, n, data, at) VALUES ($1, $2, $3, $4)",
                           db_text(STR("你好 'x' $1")), db_i64(INT64_MIN),
                           db_blob((struct str){"\0\1\xff", 3}), db_null());
    if (err != ERR_OK) {
        return err;
    }
    /* the numbers count, not the order of appearance; a dollar inside quotes is text */
    return DB_EXEC(txn, "INSERT INTO items (at, n, name) VALUES ($2, $2, '$1' || $1)",
                   db_text((struct str){NULL, 0}), db_i64(INT64_MAX));
}

static enum err read_values(struct db_txn *txn, void *arg)
{
    (void)arg;
    assert_false(db_txn_is_write(txn));
    struct db_rows *rows = NULL;
    assert_int_equal(
        db_query(txn, "SELECT name, n, data, at FROM items ORDER BY id", NULL, 0, &rows), ERR_OK);
    assert_true(db_rows_next(rows));
    assert_true(str_eq_cstr(db_rows_str(rows, 0), "你好 'x' $1"));
    assert_true(db_rows_i64(rows, 1) == INT64_MIN);
    assert_true(str_eq(db_rows_str(rows, 2), (struct str){"\0\1\xff", 3}));
    assert_true(db_rows_is_null(rows, 3));
    assert_int_equal(db_rows_i64(rows, 3), 0);
    assert_int_equal(db_rows_str(rows, 3).len, 0);
    assert_true(db_rows_next(rows));
    assert_true(str_eq_cstr(db_rows_str(rows, 0), "$1"));
    assert_true(db_rows_i64(rows, 1) == INT64_MAX);
    assert_false(db_rows_next(rows));
    assert_false(db_rows_next(rows));
    assert_int_equal(db_rows_close(&rows), ERR_OK);
    assert_null(rows);
    return db_rows_close(&rows);
}

static void values_come_back_as_they_went_in(void **state)
{
    assert_int_equal(db_write(*state, write_values, NULL), ERR_OK);
    assert_int_equal(db_read(*state, read_values, NULL), ERR_OK);
}

/* ---- errors ---- */

static enum err part_without_item(struct db_txn *txn, void *arg)
{
    (void)arg;
    return DB_EXEC(txn, "INSERT INTO parts (item_id, n) VALUES ($1, 1)", db_i64(99));
}

static void unique_and_foreign_keys_are_conflicts(void **state)
{
    assert_int_equal(add(*state, "a", 1), ERR_OK);
    assert_int_equal(add(*state, "a", 2), ERR_CONFLICT);
    assert_int_equal(db_write(*state, part_without_item, NULL), ERR_CONFLICT);
    assert_int_equal(n_items(*state), 1);
}

static enum err absent(struct db_txn *txn, void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT id FROM items WHERE id = $1", db_i64(77));
    assert_null(rows);
    int64_t v = 5;
    assert_int_equal(DB_QUERY_I64(txn, &v, "SELECT id FROM items WHERE id = $1", db_i64(77)),
                     ERR_NOT_FOUND);
    assert_int_equal(v, 5);
    (void)arg;
    return err;
}

static void one_row_queries_say_when_there_is_none(void **state)
{
    assert_int_equal(db_read(*state, absent, NULL), ERR_NOT_FOUND);
}

static void a_failing_function_leaves_nothing(void **state)
{
    struct add a = {.name = "x", .outcome = ERR_DENIED};
    assert_int_equal(db_write(*state, add_item, &a), ERR_DENIED);
    assert_int_equal(n_items(*state), 0);
    assert_int_equal(add(*state, "x", 1), ERR_OK);
}

static enum err returning_unread(struct db_txn *txn, void *arg)
{
    (void)arg;
    struct db_rows *rows = NULL;
    enum err err =
        db_query(txn, "INSERT INTO items (name) VALUES ('p'), ('q') RETURNING id", NULL, 0, &rows);
    return err != ERR_OK ? err : db_rows_close(&rows);
}

static void returning_has_its_effect_even_if_no_row_is_fetched(void **state)
{
    assert_int_equal(db_write(*state, returning_unread, NULL), ERR_OK);
    assert_int_equal(n_items(*state), 2);
}

#define ADD_TWO "INSERT INTO items (name) VALUES ($1), ($2) RETURNING id"
#define ADD_NEW "INSERT INTO items (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id"

static enum err returning_ids(struct db_txn *txn, void *arg)
{
    (void)arg;
    struct db_rows *rows = NULL;
    struct db_rows *inner = NULL;
    int64_t id = 0;
    enum err err = DB_QUERY(txn, &rows, ADD_TWO, db_text(STR("p")), db_text(STR("q")));
    assert_int_equal(err, ERR_OK);
    assert_true(db_rows_next(rows));
    int64_t first = db_rows_i64(rows, 0);
    assert_true(db_rows_next(rows));
    assert_true(db_rows_i64(rows, 0) == first + 1);
    assert_false(db_rows_next(rows));
    assert_int_equal(db_rows_close(&rows), ERR_OK);
    /* What is there already gives no row; another insertion meanwhile does not change what was given. */
    assert_int_equal(DB_QUERY_I64(txn, &id, ADD_NEW, db_text(STR("q"))), ERR_NOT_FOUND);
    assert_int_equal(DB_QUERY_ONE(txn, &rows, ADD_NEW, db_text(STR("r"))), ERR_OK);
    assert_int_equal(DB_QUERY_ONE(txn, &inner, ADD_NEW, db_text(STR("s"))), ERR_OK);
    assert_true(db_rows_i64(rows, 0) > first + 1);
    assert_true(db_rows_i64(inner, 0) > db_rows_i64(rows, 0));
    assert_false(db_rows_is_null(rows, 0));
    assert_false(db_rows_next(inner));
    assert_int_equal(db_rows_close(&inner), ERR_OK);
    return db_rows_close(&rows);
}

static void returning_gives_the_ids(void **state)
{
    assert_int_equal(db_write(*state, returning_ids, NULL), ERR_OK);
    assert_int_equal(n_items(*state), 4);
}

static enum err change_counts(struct db_txn *txn, void *arg)
{
    (void)arg;
    int64_t n = -1;
    enum err err = db_exec(txn, "UPDATE items SET n = n + 1", NULL, 0, &n);
    assert_int_equal(n, 2);
    if (err == ERR_OK) {
        err = db_exec(txn, "DELETE FROM items WHERE name = 'none'", NULL, 0, &n);
    }
    assert_int_equal(n, 0);
    return err;
}

static void statements_tell_how_many_rows_they_changed(void **state)
{
    assert_int_equal(db_write(*state, returning_unread, NULL), ERR_OK);
    assert_int_equal(db_write(*state, change_counts, NULL), ERR_OK);
}

/* ---- rows ---- */

static enum err walk(struct db_txn *txn, int depth, int *n)
{
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, "SELECT name FROM items ORDER BY id", NULL, 0, &rows);
    while (err == ERR_OK && db_rows_next(rows)) {
        ++*n;
        if (depth > 1) {
            err = walk(txn, depth - 1, n);
        }
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static enum err walk_nested(struct db_txn *txn, void *arg)
{
    return walk(txn, 3, arg);
}

static void the_same_query_may_be_open_several_times(void **state)
{
    assert_int_equal(db_write(*state, returning_unread, NULL), ERR_OK);
    int n = 0;
    assert_int_equal(db_read(*state, walk_nested, &n), ERR_OK);
    assert_int_equal(n, 2 + 4 + 8);
}

static enum err leave_open(struct db_txn *txn, void *arg)
{
    (void)arg;
    struct db_rows *rows = NULL;
    enum err err = db_query(txn, "SELECT name FROM items", NULL, 0, &rows);
    (void)db_rows_next(rows);
    return err;
}

static void forgotten_rows_do_not_hold_the_next_transaction(void **state)
{
    assert_int_equal(db_write(*state, returning_unread, NULL), ERR_OK);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(db_read(*state, leave_open, NULL), ERR_OK);
        assert_int_equal(db_write(*state, leave_open, NULL), ERR_OK);
    }
    assert_int_equal(add(*state, "after", 1), ERR_OK);
    assert_int_equal(n_items(*state), 3);
}

/* ---- snapshot ---- */

struct snapshot {
    struct db *db;
    int64_t before, after;
};

static enum err read_twice(struct db_txn *txn, void *arg)
{
    struct snapshot *s = arg;
    enum err err = count_items(txn, &s->before);
    if (err == ERR_OK) {
        err = add(s->db, "meanwhile", 1);
    }
    return err != ERR_OK ? err : count_items(txn, &s->after);
}

static void a_read_sees_one_snapshot(void **state)
{
    struct snapshot s = {.db = *state};
    assert_int_equal(db_read(*state, read_twice, &s), ERR_OK);
    assert_int_equal(s.before, 0);
    assert_int_equal(s.after, 0);
    assert_int_equal(n_items(*state), 1);
}

/* ---- hooks and order ---- */

struct trace {
    int order[8];
    int n;
};

struct traced {
    struct trace *trace;
    int mark;
    enum err outcome;
    atomic_bool *is_done;
};

static void on_commit(void *arg)
{
    struct traced *t = arg;
    t->trace->order[t->trace->n++] = t->mark;
}

static enum err with_hooks(struct db_txn *txn, void *arg)
{
    struct traced *t = arg;
    assert_true(db_txn_is_write(txn));
    struct traced *copy = ARENA_NEW(db_txn_arena(txn), struct traced);
    *copy = *t;
    db_on_commit(txn, on_commit, copy);
    copy = ARENA_NEW(db_txn_arena(txn), struct traced);
    *copy = *t;
    copy->mark++;
    db_on_commit(txn, on_commit, copy);
    return t->outcome;
}

static void traced_done(enum err err, void *arg)
{
    struct traced *t = arg;
    assert_int_equal(err, t->outcome);
    t->trace->order[t->trace->n++] = t->mark + 2;
    if (t->is_done != NULL) {
        atomic_store(t->is_done, true);
    }
}

static void hooks_run_in_commit_order_and_only_then(void **state)
{
    struct trace trace = {0};
    atomic_bool is_done = false;
    struct traced a = {&trace, 10, ERR_OK, NULL};
    struct traced b = {&trace, 20, ERR_NOT_FOUND, NULL};
    struct traced c = {&trace, 30, ERR_OK, &is_done};
    assert_int_equal(db_submit_ordered(*state, 5, with_hooks, traced_done, &a), ERR_OK);
    assert_int_equal(db_submit_ordered(*state, 5, with_hooks, traced_done, &b), ERR_OK);
    assert_int_equal(db_submit_ordered(*state, 5, with_hooks, traced_done, &c), ERR_OK);
    while (!atomic_load(&is_done)) {
        (void)n_items(*state);
    }
    const int want[] = {10, 11, 12, 22, 30, 31, 32};
    assert_int_equal(trace.n, ARRAY_LEN(want));
    assert_memory_equal(trace.order, want, sizeof(want));
}

/* One at a time, in order; on an engine with several writers not before the one before it is told. */
struct queued {
    struct sequence *sequence;
    int number;
};
struct sequence {
    struct queued jobs[200];
    atomic_int n_inside, n_begun, n_told;
    atomic_bool is_wrong;
    bool is_one_writer;
};

static enum err run_queued(struct db_txn *txn, void *arg)
{
    struct queued *q = arg;
    struct sequence *s = q->sequence;
    int64_t n = 0;
    bool is_wrong = atomic_fetch_add(&s->n_inside, 1) != 0;
    enum err err = count_items(txn, &n);
    is_wrong = is_wrong || (!s->is_one_writer && atomic_load(&s->n_told) != q->number);
    if (is_wrong) {
        atomic_store(&s->is_wrong, true);
    }
    atomic_fetch_sub(&s->n_inside, 1);
    return err;
}

static void told_queued(enum err err, void *arg)
{
    struct queued *q = arg;
    if (err != ERR_OK || atomic_fetch_add(&q->sequence->n_told, 1) != q->number) {
        atomic_store(&q->sequence->is_wrong, true);
    }
}

static void functions_of_one_key_run_one_after_the_other(void **state)
{
    struct sequence s = {.is_one_writer = db_is_one_writer(*state)};
    for (int i = 0; i < (int)ARRAY_LEN(s.jobs); i++) {
        s.jobs[i] = (struct queued){&s, i};
        assert_int_equal(db_submit_ordered(*state, 7, run_queued, told_queued, &s.jobs[i]), ERR_OK);
    }
    while (atomic_load(&s.n_told) < (int)ARRAY_LEN(s.jobs) && !atomic_load(&s.is_wrong)) {
        (void)n_items(*state);
    }
    assert_false(atomic_load(&s.is_wrong));
}

/* ---- property: many threads, some functions fail ---- */

#define N_THREADS 6
#define N_EACH 300

struct shared {
    struct db *db;
    uint64_t seed;
    int thread;
    int64_t n_ok;
    struct add jobs[N_EACH];
    atomic_int n_pending;
    pthread_mutex_t *order_lock;
    int64_t *order; /* ids in the order of their done calls */
    int *n_order;
};

struct slot {
    struct shared *shared;
    struct add *add;
};

static enum err add_slot(struct db_txn *txn, void *arg)
{
    struct slot *s = arg;
    enum err err = add_item(txn, s->add);
    if (err == ERR_OK) {
        err = DB_EXEC(txn, "INSERT INTO parts (item_id, n) VALUES ($1, $2)", db_i64(s->add->id),
                      db_i64(s->add->n));
    }
    return err;
}

static void slot_done(enum err err, void *arg)
{
    struct slot *s = arg;
    s->add->done_err = err;
    if (err == ERR_OK) {
        (void)pthread_mutex_lock(s->shared->order_lock);
        s->shared->order[(*s->shared->n_order)++] = s->add->id;
        (void)pthread_mutex_unlock(s->shared->order_lock);
    }
    atomic_fetch_sub(&s->shared->n_pending, 1);
}

static void *hammer(void *arg)
{
    struct shared *sh = arg;
    struct rng rng;
    rng_init(&rng, sh->seed + (uint64_t)sh->thread);
    struct slot *slots = MEM_NEW_ARRAY(struct slot, N_EACH);
    for (int i = 0; i < N_EACH; i++) {
        struct add *a = &sh->jobs[i];
        *a = (struct add){.n = i};
        /* Some names collide on purpose, some functions fail after their insert. */
        (void)snprintf(
            a->name, sizeof(a->name), "%d-%d", sh->thread,
            (int)(rng_below(&rng, 10) == 0 ? rng_below(&rng, (uint64_t)i + 1) : (uint64_t)i));
        a->outcome = rng_below(&rng, 4) == 0 ? ERR_DENIED : ERR_OK;
        slots[i] = (struct slot){sh, a};
        atomic_fetch_add(&sh->n_pending, 1);
        if (rng_below(&rng, 8) == 0) {
            slot_done(db_write(sh->db, add_slot, &slots[i]), &slots[i]);
            continue;
        }
        a->is_ordered = true;
        if (db_submit_ordered(sh->db, (uint64_t)sh->thread + 1, add_slot, slot_done, &slots[i]) !=
            ERR_OK) {
            slot_done(ERR_LIMIT, &slots[i]);
        }
    }
    while (atomic_load(&sh->n_pending) > 0) {
        struct timespec ts = {0, 1000000};
        (void)nanosleep(&ts, NULL);
    }
    mem_free(slots);
    return NULL;
}

static enum err check_rows(struct db_txn *txn, void *arg)
{
    struct shared *all = arg;
    int64_t n_want = 0;
    for (int t = 0; t < N_THREADS; t++) {
        int64_t last_id = 0;
        for (int i = 0; i < N_EACH; i++) {
            const struct add *a = &all[t].jobs[i];
            int64_t id = 0;
            enum err err = DB_QUERY_I64(txn, &id,
                                        "SELECT i.id FROM items i JOIN parts p ON p.item_id = i.id "
                                        "WHERE i.name = $1 AND i.n = $2",
                                        db_text(str_from(a->name)), db_i64(a->n));
            assert_int_equal(err, a->done_err == ERR_OK ? ERR_OK : ERR_NOT_FOUND);
            if (err == ERR_OK) {
                n_want++;
                assert_int_equal(id, a->id);
                /* one thread's functions were run in the order it gave them */
                assert_true(!a->is_ordered || id > last_id);
                last_id = a->is_ordered ? id : last_id;
            } else {
                assert_true(a->done_err == a->outcome || a->done_err == ERR_CONFLICT);
            }
        }
    }
    int64_t n_rows = 0;
    int64_t n_parts = 0;
    assert_int_equal(count_items(txn, &n_rows), ERR_OK);
    assert_int_equal(db_query_i64(txn, "SELECT COUNT(*) FROM parts", NULL, 0, &n_parts), ERR_OK);
    assert_int_equal(n_rows, n_want);
    assert_int_equal(n_parts, n_want);
    return ERR_OK;
}

static void exactly_the_successful_functions_are_in(void **state)
{
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int n_order = 0;
    int64_t *order = MEM_NEW_ARRAY(int64_t, (size_t)N_THREADS * N_EACH);
    struct shared *all = MEM_NEW_ARRAY(struct shared, N_THREADS);
    pthread_t threads[N_THREADS];
    for (int t = 0; t < N_THREADS; t++) {
        all[t] = (struct shared){.db = *state,
                                 .seed = seed,
                                 .thread = t,
                                 .order_lock = &lock,
                                 .order = order,
                                 .n_order = &n_order};
        assert_int_equal(pthread_create(&threads[t], NULL, hammer, &all[t]), 0);
    }
    for (int t = 0; t < N_THREADS; t++) {
        (void)pthread_join(threads[t], NULL);
    }
    assert_int_equal(db_read(*state, check_rows, all), ERR_OK);
    assert_true(n_order > N_THREADS * N_EACH / 2);
    mem_free(all);
    mem_free(order);
}

/* ---- statements sent later ---- */

static enum err later(struct db_txn *txn, void *arg)
{
    const struct add *a = arg;
    for (int i = 0; i < 100; i++) {
        char name[48];
        (void)snprintf(name, sizeof(name), "%s%d", a->name, i);
        enum err err = DB_EXEC_LATER(txn, "INSERT INTO items (name, n) VALUES ($1, $2)",
                                     db_text(str_from(name)), db_i64(i));
        if (err != ERR_OK) {
            return err;
        }
    }
    int64_t n = 0;
    enum err err = count_items(txn, &n);
    if (err == ERR_OK) {
        assert_true(n >= 100);
        err = DB_EXEC_LATER(txn, "INSERT INTO items (name, n) VALUES ($1, 1)",
                            db_text(str_from(a->n != 0 ? "same" : a->name)));
    }
    return err != ERR_OK ? err : a->outcome;
}

static void what_is_sent_later_counts_as_well(void **state)
{
    struct add a = {.name = "a"};
    assert_int_equal(db_write(*state, later, &a), ERR_OK);
    assert_int_equal(n_items(*state), 101);
    assert_int_equal(add(*state, "same", 1), ERR_OK);
    struct add b = {.name = "b", .n = 1}; /* the last one fails: nothing of it is kept */
    assert_int_equal(db_write(*state, later, &b), ERR_CONFLICT);
    b.outcome = ERR_DENIED;
    assert_true(db_write(*state, later, &b) != ERR_OK);
    struct add c = {.name = "c", .outcome = ERR_DENIED};
    assert_int_equal(db_write(*state, later, &c), ERR_DENIED);
    assert_int_equal(n_items(*state), 102);
}

/* ---- what one writer guarantees, and several must ---- */

#define N_RIVALS 6

struct rival {
    struct db *db;
    int number;
    bool has_added;
    int64_t seen;
};

/* A look and a write that rests on it: never more than three rows, and numbers without gaps. */
static enum err add_if_room(struct db_txn *txn, void *arg)
{
    struct rival *r = arg;
    int64_t n = 0;
    int64_t top = 0;
    r->has_added = false;
    enum err err = count_items(txn, &n);
    if (err == ERR_OK) {
        err = db_query_i64(txn, "SELECT COALESCE(MAX(n), 0) FROM items", NULL, 0, &top);
    }
    if (err != ERR_OK || n >= 3) {
        return err;
    }
    char name[32];
    (void)snprintf(name, sizeof(name), "rival %d-%d", r->number, (int)n);
    r->has_added = true;
    return DB_EXEC(txn, "INSERT INTO items (name, n) VALUES ($1, $2)", db_text(str_from(name)),
                   db_i64(top + 1));
}

static void *compete(void *arg)
{
    struct rival *r = arg;
    for (int i = 0; i < 5; i++) {
        enum err err = db_write(r->db, add_if_room, r);
        if (err == ERR_OK) {
            r->seen += r->has_added;
        } else if (err != ERR_AGAIN && err != ERR_CONFLICT) {
            r->seen += 1000;
        }
    }
    return NULL;
}

static enum err highest(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT MAX(n) FROM items", NULL, 0, arg);
}

static void a_look_and_the_write_that_rests_on_it_belong_together(void **state)
{
    struct rival rivals[N_RIVALS];
    pthread_t threads[N_RIVALS];
    int64_t n_added = 0;
    int64_t top = 0;
    for (int i = 0; i < N_RIVALS; i++) {
        rivals[i] = (struct rival){.db = *state, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &rivals[i]), 0);
    }
    for (int i = 0; i < N_RIVALS; i++) {
        (void)pthread_join(threads[i], NULL);
        n_added += rivals[i].seen;
    }
    assert_int_equal(n_added, 3);
    assert_int_equal(n_items(*state), 3);
    assert_int_equal(db_read(*state, highest, &top), ERR_OK);
    assert_int_equal(top, 3);
}

/* ---- limits ---- */

static atomic_bool gate;

static enum err wait_for_gate(struct db_txn *txn, void *arg)
{
    (void)txn;
    (void)arg;
    while (!atomic_load(&gate)) {
        struct timespec ts = {0, 1000000};
        (void)nanosleep(&ts, NULL);
    }
    return ERR_OK;
}

static void a_full_queue_says_so_at_once(void **state)
{
    atomic_store(&gate, false);
    static struct add a; /* outlives the queue */
    a = (struct add){.name = "z"};
    for (int i = 0; i < current->n_writers; i++) {
        assert_int_equal(db_submit(*state, wait_for_gate, NULL, NULL), ERR_OK);
    }
    enum err err = ERR_OK;
    int n = 0;
    while (err == ERR_OK && n < 100000) {
        err = db_submit_ordered(*state, 1, add_item, NULL, &a);
        n += err == ERR_OK;
    }
    atomic_store(&gate, true);
    assert_int_equal(err, ERR_LIMIT);
    /* some places may still hold the functions at the gate */
    assert_true(n >= 4096 - current->n_writers);
}

int db_conformance_run(const struct conformance_engine *engine)
{
    current = engine;
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(values_come_back_as_they_went_in),
        CASE(unique_and_foreign_keys_are_conflicts),
        CASE(one_row_queries_say_when_there_is_none),
        CASE(a_failing_function_leaves_nothing),
        CASE(returning_has_its_effect_even_if_no_row_is_fetched),
        CASE(returning_gives_the_ids),
        CASE(statements_tell_how_many_rows_they_changed),
        CASE(the_same_query_may_be_open_several_times),
        CASE(forgotten_rows_do_not_hold_the_next_transaction),
        CASE(a_read_sees_one_snapshot),
        CASE(hooks_run_in_commit_order_and_only_then),
        CASE(functions_of_one_key_run_one_after_the_other),
        CASE(exactly_the_successful_functions_are_in),
        CASE(what_is_sent_later_counts_as_well),
        CASE(a_look_and_the_write_that_rests_on_it_belong_together),
        CASE(a_full_queue_says_so_at_once),
    };
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
