/* Moving from SQLite to PostgreSQL: what arrives, what is noticed, what is refused. Without SH_TEST_PG (scripts/with-postgres) there is nowhere to move to. */
#include "tmpdb.h"

#include <string.h>

#include "../unit.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "platform/db_move.h"

#define PART 50
#define N_ROWS 400

/* The program's own migrations, and one that it does not know of: nobody tells the move about a new table. */
static const char extra_sql[] =
    "CREATE TABLE brand_new (id {{ID}}, word TEXT, body TEXT, blob {{BLOB}}, big {{I64}}, small "
    "INTEGER, at "
    "{{TIME}} NOT NULL DEFAULT 5, UNIQUE (word)) {{STRICT}};"
    "CREATE TABLE by_words (a TEXT NOT NULL, b {{BLOB}} NOT NULL, id {{I64}} REFERENCES brand_new "
    "(id) ON DELETE CASCADE, PRIMARY KEY (a, b)) {{STRICT}};"
    "CREATE INDEX by_words_id ON by_words (id);"
    "{{POSTGRES}}CREATE TABLE only_here (id {{ID}}, \"Odd \"\"name\" TEXT);{{END}}";

struct house {
    struct tmpdb from, to;
    struct db_migration *migrations;
    size_t n_migrations;
    int n_parts, stop_after; /* 0: never */
    const char *wrong_sql;   /* run on the target when the copying is over */
    char said[256];
};

static void open_source(struct house *h)
{
    struct db_options o = {.migrations = h->migrations, .n_migrations = h->n_migrations};
    tmpdb_reopen(&h->from, &o);
}

static void house_open(struct house *h)
{
    size_t n = 0;
    *h = (struct house){0};
    const struct db_migration *all = migrations_all(&n);
    h->migrations = MEM_NEW_ARRAY(struct db_migration, n + 1);
    memcpy(h->migrations, all, n * sizeof(*all));
    h->migrations[n] = (struct db_migration){(int)n + 1, "extra", extra_sql};
    h->n_migrations = n + 1;
    h->from.is_file = true;
    tmpdb_dir(&h->from);
    tmpdb_dir(&h->to);
    open_source(h);
}

static void house_close(struct house *h)
{
    tmpdb_close(&h->from);
    tmpdb_close(&h->to);
    mem_free(h->migrations);
}

/* ---- filling ---- */

/* What is indexed has to be short: a b-tree of PostgreSQL takes 2.7 kB. */
static struct str random_text(struct rng *rng, struct arena *arena, bool is_short)
{
    static const char *const odd[] = {"",       "\\N",     "\\",   "\t\n\r\b\f\v\x01\x7f",
                                      "''\"\"", "\\x00ff", "中文", "😀𝒳\U0010fffd"};
    if (rng_below(rng, 2) == 0) {
        return str_from(odd[rng_below(rng, ARRAY_LEN(odd))]);
    }
    size_t n = !is_short && rng_below(rng, 40) == 0 ? 300000 : rng_below(rng, 60);
    char *p = arena_alloc(arena, n * 4 + 1);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t c = 1 + (uint32_t)rng_below(rng, rng_below(rng, 2) == 0 ? 0x7f : 0x10ffff - 1);
        len += utf8_put(c >= 0xd800 && c < 0xe000 ? 'x' : c, p + len);
    }
    return (struct str){p, len};
}

static struct str random_bytes(struct rng *rng, struct arena *arena)
{
    size_t n = rng_below(rng, 60) == 0 ? 200000 : rng_below(rng, 30);
    char *p = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        p[i] = (char)(unsigned char)rng_below(rng, 256);
    }
    return (struct str){p, n};
}

static int64_t random_big(struct rng *rng)
{
    static const int64_t edges[] = {0, -1, INT64_MAX, INT64_MIN, 1763856000000};
    return rng_below(rng, 2) == 0 ? edges[rng_below(rng, ARRAY_LEN(edges))]
                                  : (int64_t)rng_next(rng);
}

struct filling {
    struct rng rng;
    int from, n;
};

static enum err fill(struct db_txn *txn, void *arg)
{
    struct filling *f = arg;
    struct rng rng = f->rng;
    enum err err = ERR_OK;
    for (int i = f->from; i < f->from + f->n && err == ERR_OK; i++) {
        struct arena *arena = db_txn_arena(txn);
        struct str text = random_text(&rng, arena, true);
        struct str word = str_printf(arena, STR_FMT "%d", STR_ARG(text), i);
        int32_t small = rng_below(&rng, 3) == 0 ? INT32_MIN : (int32_t)rng_below(&rng, 1000);
        err = DB_EXEC(
            txn,
            "INSERT INTO brand_new (id, word, blob, big, small, body, at) VALUES ($1, $2, $3, "
            "$4, $5, $6, 7)",
            db_i64(i), rng_below(&rng, 5) == 0 ? db_null() : db_text(word),
            rng_below(&rng, 5) == 0 ? db_null() : db_blob(random_bytes(&rng, arena)),
            rng_below(&rng, 5) == 0 ? db_null() : db_i64(random_big(&rng)), db_i64(small),
            rng_below(&rng, 5) == 0 ? db_null() : db_text(random_text(&rng, arena, false)));
        if (err == ERR_OK && i % 3 == 0) {
            err = DB_EXEC(txn, "INSERT INTO by_words (a, b, id) VALUES ($1, $2, $3)",
                          db_text(random_text(&rng, arena, true)),
                          db_blob(str_printf(arena, "%d", i)), db_i64(i));
        }
    }
    return err;
}

static void fill_source(struct house *h, int from, int n)
{
    struct filling f = {.from = from, .n = n};
    unit_rng(&f.rng, "rows");
    assert_ok(db_write(h->from.db, fill, &f));
}

struct statement {
    const char *sql;
};

static enum err exec_fn(struct db_txn *txn, void *arg)
{
    const struct statement *s = arg;
    return db_exec(txn, s->sql, NULL, 0, NULL);
}

/* A literal of the test: the cache is keyed by its address. */
static void on_source(struct house *h, const char *sql)
{
    struct statement s = {sql};
    assert_ok(db_write(h->from.db, exec_fn, &s));
}

/* ---- moving ---- */

static bool goes_on(void *arg)
{
    struct house *h = arg;
    return h->stop_after == 0 || h->n_parts++ < h->stop_after;
}

static void on_target(struct house *h, const char *sql, char *out, size_t size)
{
    char path[96];
    PGconn *pg = PQconnectdb(tmpdb_pg());
    PQclear(PQexec(pg, "SET client_min_messages = error"));
    (void)snprintf(path, sizeof(path), "SET search_path = \"%s\"", h->to.schema);
    PQclear(PQexec(pg, path));
    PGresult *result = PQexec(pg, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(pg));
    }
    if (out != NULL) {
        (void)snprintf(out, size, "%s", PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    }
    PQclear(result);
    PQfinish(pg);
}

static void say(void *arg, const char *line)
{
    struct house *h = arg;
    (void)snprintf(h->said, sizeof(h->said), "%s", line);
    if (h->wrong_sql != NULL && strncmp(line, "reading", 7) == 0) {
        on_target(h, h->wrong_sql, NULL, 0);
    }
}

static enum err move(struct house *h, bool is_live, struct db_move_report *r, struct errinfo *info)
{
    struct db_move m = {.from = h->from.url,
                        .to = h->to.url,
                        .migrations = h->migrations,
                        .n_migrations = h->n_migrations,
                        .is_live = is_live,
                        .part_ids = PART,
                        .goes_on = goes_on,
                        .say = say,
                        .arg = h};
    h->n_parts = 0;
    *info = (struct errinfo){0};
    enum err err = db_move_run(&m, r, info);
    if (err != ERR_OK) {
        print_message("[ said ] %s: %s\n", info->code, info->message);
    }
    return err;
}

/* ---- comparing, by other means than the move's own ---- */

struct everything {
    VEC(char *) rows;
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err list_brand_new(struct db_txn *txn, void *arg)
{
    struct everything *e = arg;
    struct db_rows *rows = NULL;
    VEC_CLEAR(&e->rows);
    enum err err =
        db_query(txn, "SELECT id, word, blob, big, small, body, at FROM brand_new", NULL, 0, &rows);
    while (err == ERR_OK && db_rows_next(rows)) {
        struct buf b;
        buf_init(&b, 8 << 20);
        for (int i = 0; i < 7; i++) {
            struct str s = db_rows_str(rows, i);
            (void)buf_printf(&b, "%d:%zu:", (int)db_rows_is_null(rows, i), s.len);
            for (size_t k = 0; k < s.len; k++) {
                (void)buf_printf(&b, "%02x", (unsigned char)s.p[k]);
            }
        }
        (void)buf_add_char(&b, '\0');
        size_t len = 0;
        VEC_PUSH(&e->rows, buf_detach(&b, &len));
    }
    enum err end = db_rows_close(&rows);
    return err != ERR_OK ? err : end;
}

static void release(struct everything *e)
{
    for (size_t i = 0; i < e->rows.len; i++) {
        mem_free(e->rows.items[i]);
    }
    VEC_RELEASE(&e->rows);
}

static void assert_same_rows(struct house *h)
{
    struct everything a = {0};
    struct everything b = {0};
    struct db_options o = {.migrations = h->migrations, .n_migrations = h->n_migrations};
    tmpdb_reopen(&h->to, &o);
    open_source(h);
    assert_ok(db_read(h->from.db, list_brand_new, &a));
    assert_ok(db_read(h->to.db, list_brand_new, &b));
    assert_int_equal(a.rows.len, b.rows.len);
    qsort(a.rows.items, a.rows.len, sizeof(char *), by_text);
    qsort(b.rows.items, b.rows.len, sizeof(char *), by_text);
    for (size_t i = 0; i < a.rows.len; i++) {
        assert_string_equal(a.rows.items[i], b.rows.items[i]);
    }
    release(&a);
    release(&b);
}

static enum err insert_word(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "INSERT INTO brand_new (at) VALUES (1) RETURNING id", NULL, 0, arg);
}

/* ---- tests ---- */

static void every_value_of_every_table_arrives(void **state)
{
    (void)state;
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    house_open(&h);
    fill_source(&h, 1, N_ROWS);
    on_source(&h, "INSERT INTO brand_new (id, at) VALUES (-3, 1), (900000, 1)");
    on_source(&h, "DELETE FROM brand_new WHERE id = 900000"); /* an id that may not come again */
    db_close(&h.from.db);
    char shape_before[64];
    char shape[64];
    const char *sql =
        "SELECT md5(string_agg(d, ';' ORDER BY d)) FROM (SELECT "
        "regexp_replace(pg_get_indexdef(indexrelid), ' ON [^.]+[.]', ' ON ') AS d FROM pg_index "
        "JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = "
        "quote_ident(current_schema())::regnamespace "
        "UNION ALL SELECT conname || pg_get_constraintdef(o.oid) FROM pg_constraint o WHERE "
        "connamespace = quote_ident(current_schema())::regnamespace) x";
    /* What a desk's own start makes of the migrations. */
    struct db_options o = {.migrations = h.migrations, .n_migrations = h.n_migrations};
    tmpdb_reopen(&h.to, &o);
    db_close(&h.to.db);
    on_target(&h, sql, shape_before, sizeof(shape_before));
    on_target(&h,
              "DO $$ BEGIN EXECUTE format('DROP SCHEMA %I CASCADE; CREATE SCHEMA %1$I', "
              "current_schema()); END $$",
              NULL, 0);
    assert_ok(move(&h, false, &r, &info));
    on_target(&h, sql, shape, sizeof(shape));
    assert_string_equal(shape, shape_before); /* all indexes and constraints are back */
    assert_true(r.n_rows >= N_ROWS + N_ROWS / 3);
    assert_same_rows(&h);
    int64_t id = 0;
    assert_ok(db_write(h.to.db, insert_word, &id));
    assert_int_equal(id, 900001);
    house_close(&h);
}

/* The list is the schema's own: whatever table the migrations make on both engines has to have its rows on the other side. */
static void no_table_is_forgotten(void **state)
{
    (void)state;
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    char n_tables[24];
    char n_empty[24];
    house_open(&h);
    on_source(&h, "INSERT INTO brand_new (id) VALUES (1)");
    on_source(&h, "INSERT INTO by_words (a, b, id) VALUES ('a', x'00', 1)");
    db_close(&h.from.db);
    assert_ok(move(&h, false, &r, &info));
    on_target(&h,
              "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
              "quote_ident(current_schema())::regnamespace "
              "AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN "
              "('schema_migrations', 'db_meta', 'only_here')",
              n_tables, sizeof(n_tables));
    assert_int_equal(strtoll(n_tables, NULL, 10), r.n_tables);
    on_target(&h,
              "SELECT (SELECT COUNT(*) FROM by_words) + (SELECT COUNT(*) FROM roles) + (SELECT "
              "COUNT(*) FROM workspace)",
              n_empty, sizeof(n_empty));
    assert_string_equal(n_empty, "7");
    house_close(&h);
}

static void an_interrupted_move_goes_on_where_it_was(void **state)
{
    (void)state;
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    struct db *db = NULL;
    house_open(&h);
    fill_source(&h, 1, N_ROWS);
    db_close(&h.from.db);
    h.stop_after = 12;
    assert_err(move(&h, false, &r, &info), ERR_AGAIN);
    struct db_options o = {
        .url = h.to.url, .migrations = h.migrations, .n_migrations = h.n_migrations};
    assert_err(db_open(&o, &db, &info), ERR_CONFLICT); /* half a desk is none */
    assert_string_equal(info.code, "unfinished_move");
    h.stop_after = 0;
    assert_ok(move(&h, false, &r, &info));
    assert_int_equal(r.n_parts - r.n_copied, 12);
    assert_same_rows(&h);
    assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
    house_close(&h);
}

static void what_changed_beside_a_running_desk_is_brought_at_the_end(void **state)
{
    (void)state;
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    house_open(&h);
    fill_source(&h, 1, N_ROWS);
    assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "in_use");
    assert_ok(move(&h, true, &r, &info));
    assert_int_equal(r.n_parts, r.n_copied);
    /* A value that must be unique moves to a lower id; rows go, come and change. */
    on_source(&h, "DELETE FROM brand_new WHERE id BETWEEN 101 AND 210");
    on_source(&h, "UPDATE brand_new SET word = 'one' WHERE id = 390");
    assert_ok(move(&h, true, &r, &info));
    on_source(&h, "UPDATE brand_new SET word = 'two' WHERE id = 390");
    on_source(&h, "UPDATE brand_new SET word = 'one', big = 1 WHERE id = 7");
    fill_source(&h, 2000, 10);
    db_close(&h.from.db);
    assert_ok(move(&h, false, &r, &info));
    assert_true(r.n_copied >= 3 && r.n_copied <= 6);
    assert_same_rows(&h);
    house_close(&h);
}

static void a_wrong_row_is_found_and_named(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *table, *key;
    } cases[] = {
        {"UPDATE brand_new SET big = 12345678 WHERE id = 333", "table brand_new", "id 333"},
        {"DELETE FROM brand_new WHERE id = 51", "table brand_new", "id 51"},
        {"INSERT INTO brand_new (id) VALUES (777777)", "table brand_new", "id 777777"},
        {"UPDATE brand_new SET blob = '' WHERE id = (SELECT MIN(id) FROM brand_new WHERE blob IS "
         "NULL)",
         "table brand_new", "id "},
        {"UPDATE workspace SET brand = 'stablehand'", "table workspace", "id 1"},
        {"UPDATE by_words SET id = id + 1 WHERE b = '9'", "table by_words", "a "},
    };
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    house_open(&h);
    fill_source(&h, 1, N_ROWS);
    db_close(&h.from.db);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        h.wrong_sql = cases[i].sql;
        assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
        assert_string_equal(info.code, "differs");
        assert_case(strstr(info.message, cases[i].table) != NULL, cases[i].sql);
        assert_case(strstr(info.message, cases[i].key) != NULL, cases[i].sql);
    }
    h.wrong_sql = NULL;
    assert_ok(move(&h, false, &r, &info));
    assert_true(r.n_copied <= 1);
    assert_same_rows(&h);
    house_close(&h);
}

static void what_has_no_place_there_is_named(void **state)
{
    (void)state;
    struct house h;
    struct db_move_report r;
    struct errinfo info;
    house_open(&h);
    on_source(&h, "INSERT INTO brand_new (id, small) VALUES (4, 1), (5, 3000000000)");
    db_close(&h.from.db);
    assert_err(move(&h, false, &r, &info), ERR_INVALID);
    assert_non_null(strstr(info.message, "brand_new, id 5: column small"));
    open_source(&h);
    on_source(&h, "UPDATE brand_new SET small = 1");
    on_source(&h, "UPDATE brand_new SET word = 'a' || char(0) || 'b' WHERE id = 4");
    db_close(&h.from.db);
    assert_err(move(&h, false, &r, &info), ERR_INVALID);
    assert_non_null(strstr(info.message, "brand_new, id 4: column word"));
    open_source(&h);
    on_source(&h, "UPDATE brand_new SET word = CAST(x'c3' AS TEXT) WHERE id = 4");
    db_close(&h.from.db);
    assert_err(move(&h, false, &r, &info), ERR_INVALID);
    house_close(&h);
}

static void a_target_that_is_not_empty_or_another_source_is_refused(void **state)
{
    (void)state;
    struct house h;
    struct house other;
    struct db_move_report r;
    struct errinfo info;
    house_open(&h);
    db_close(&h.from.db);
    on_target(&h, "CREATE TABLE theirs (id INTEGER)", NULL, 0);
    assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "not_empty");
    on_target(&h, "DROP TABLE theirs", NULL, 0);
    h.stop_after = 3;
    assert_err(move(&h, false, &r, &info), ERR_AGAIN);
    house_open(&other);
    db_close(&other.from.db);
    struct tmpdb mine = h.from;
    h.from = other.from;
    assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
    assert_string_equal(info.code, "other_move");
    h.from = mine;
    h.n_migrations--; /* an older program than the source's */
    assert_err(move(&h, false, &r, &info), ERR_CONFLICT);
    house_close(&other);
    house_close(&h);
}

int main(void)
{
    if (tmpdb_pg() == NULL) {
        print_message("skipped: no SH_TEST_PG\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_of_every_table_arrives),
        cmocka_unit_test(no_table_is_forgotten),
        cmocka_unit_test(an_interrupted_move_goes_on_where_it_was),
        cmocka_unit_test(what_changed_beside_a_running_desk_is_brought_at_the_end),
        cmocka_unit_test(a_wrong_row_is_found_and_named),
        cmocka_unit_test(what_has_no_place_there_is_named),
        cmocka_unit_test(a_target_that_is_not_empty_or_another_source_is_refused),
    };
    return cmocka_run_group_tests_name("move", tests, NULL, NULL);
}
