/* Tables that grow without end lie in parts, one per month, so that what is old goes a table at a time instead of a row at a time.
 *
 * The parts are ranges of ids, not of times: the id is the key that everything is read by, and a part's bounds must be part of its key. A month is a range of 2^40 ids, and it begins when the
 * sequence is set to the range's first one, after its part is there. So no insert ever meets a missing part, however late this job runs; nothing is ever moved or scanned for a new
 * month, and the table is locked for the moment in which the sequence is set; and ids go on growing, with a gap of 2^40 a month: 2^53, the last number that a double tells from its neighbours, is 680 years away.
 *
 * A month whose youngest row is older than `keep_ms` is swept: the rows that have to stay go into a new table, in small transactions, since a long one would hold the event stream
 * (db_pg_stream.c), and that one takes the month's place under a lock of the table for a moment. Swept months are joined, up to SWEPT_ROWS rows: a look by another key than the id asks every part.
 *
 * What is unique besides the id is unique within a part only. Measured (docs/adr/0029): why messages stay whole. */
#include "platform/db_pg.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"

#define RANGE_BITS 40
#define FIRST_YEAR 2020
#define SWEPT "_old_"
#define SWEPT_ROWS 1000000
#define SWEEP_IDS 5000 /* looked at in one transaction */
#define SWEEP_PAUSE_NS 5000000L
#define SWAP_TRIES 20
#define SWAP_PAUSE_NS 250000000L
#define KEEPER_HOUR_NS 3600000000000LL
#define KEEPER_AGAIN_NS 60000000000LL
/* Whoever comes behind us in the queue waits for no longer than this. */
#define LOCK_TABLE "BEGIN; SET LOCAL lock_timeout = '300ms'; LOCK TABLE # IN ACCESS EXCLUSIVE MODE"
#define SQL_MAX ((size_t)64 << 10)

struct pg_part {
    char name[64];
    int64_t from, to; /* from: INT64_MIN when it has no lower bound */
    int64_t n_rows;   /* about */
};
struct pg_parts {
    struct pg_part *items;
    size_t len, size;
};

struct pg_keeper {
    struct pg_db *db;
    pthread_t thread;
    bool is_started;
    pthread_mutex_t lock, run; /* run: one upkeep at a time in this process */
    pthread_cond_t wake;
    bool is_stopping;
};

/* One upkeep of one table. */
struct pg_upkeep {
    struct pg_keeper *keeper;
    PGconn *h;
    const struct db_partition *def;
    int64_t now;
    struct errinfo *info;
};

/* ---- statements ---- */

static enum err up_failed(struct pg_upkeep *u, PGresult *result)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = err_set(u->info, ERR_UNAVAILABLE, "db", "partition", "%s: %.140s", u->def->table,
                           text != NULL ? text : PQerrorMessage(u->h));
    PQclear(result);
    return err;
}

/* '#' is the table, '@' the part: names of ours, of lower case letters, digits and '_'. Other text is constant, numbers are parameters. */
static char *up_text(const struct pg_upkeep *u, const char *sql, const char *part)
{
    struct buf out;
    size_t len = 0;
    buf_init(&out, SQL_MAX);
    for (const char *p = sql; *p != '\0'; p++) {
        if (*p == '#' || *p == '@') {
            (void)buf_add_cstr(&out, *p == '#' ? u->def->table : part);
        } else {
            (void)buf_add_char(&out, *p);
        }
    }
    (void)buf_add_char(&out, '\0');
    ASSERT(buf_err(&out) == ERR_OK);
    return buf_detach(&out, &len);
}

/* Numbers $1 .. $n; `out` may be NULL. */
static enum err up_ask(struct pg_upkeep *u, const char *sql, const char *part, const int64_t *v,
                       size_t n, PGresult **out)
{
    char numbers[4][24];
    const char *values[4];
    ASSERT(n <= ARRAY_LEN(numbers));
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(numbers[i], sizeof(numbers[i]), "%lld", (long long)v[i]);
        values[i] = numbers[i];
    }
    char *text = up_text(u, sql, part);
    PGresult *result =
        n > 0 ? PQexecParams(u->h, text, (int)n, NULL, values, NULL, NULL, 0) : PQexec(u->h, text);
    mem_free(text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return up_failed(u, result);
    }
    if (out != NULL) {
        *out = result;
    } else {
        PQclear(result);
    }
    return ERR_OK;
}

static enum err up_run(struct pg_upkeep *u, const char *sql, const char *part)
{
    return up_ask(u, sql, part, NULL, 0, NULL);
}

/* The first value; `fallback` for NULL. */
static enum err up_number(struct pg_upkeep *u, const char *sql, const char *part, int64_t fallback,
                          int64_t *out)
{
    PGresult *result = NULL;
    enum err err = up_ask(u, sql, part, NULL, 0, &result);
    if (err == ERR_OK) {
        *out = PQntuples(result) > 0 && PQgetisnull(result, 0, 0) == 0 ? pg_result_i64(result, 0, 0)
                                                                       : fallback;
    }
    PQclear(result);
    return err;
}

static void up_range(char *out, size_t size, int64_t from, int64_t to)
{
    char first[24] = "MINVALUE";
    if (from != INT64_MIN) {
        (void)snprintf(first, sizeof(first), "%lld", (long long)from);
    }
    /* SQL-FORMAT-OK: bounds cannot be parameters; these are numbers of ours. */
    (void)snprintf(out, size, "ALTER TABLE # ATTACH PARTITION @ FOR VALUES FROM (%s) TO (%lld)",
                   first, (long long)to);
}

static bool is_stopping(struct pg_keeper *k)
{
    (void)pthread_mutex_lock(&k->lock);
    bool stop = k->is_stopping;
    (void)pthread_mutex_unlock(&k->lock);
    return stop;
}

static void pause_ns(long ns)
{
    struct timespec ts = {.tv_nsec = ns};
    (void)nanosleep(&ts, NULL);
}

/* ---- what there is ---- */

/* "FOR VALUES FROM (MINVALUE) TO ('1099511627776')": the number behind `word`. */
static int64_t bound_of(struct str text, struct str word, int64_t fallback)
{
    size_t at = str_find(text, word);
    int64_t v = 0;
    if (at == SIZE_MAX) {
        return fallback;
    }
    text = str_sub(text, at + word.len, SIZE_MAX);
    if (text.len > 0 && text.p[0] == '\'') {
        text = str_sub(text, 1, SIZE_MAX);
    }
    size_t n = 0;
    while (n < text.len && (text.p[n] == '-' || (text.p[n] >= '0' && text.p[n] <= '9'))) {
        n++;
    }
    return str_to_i64(str_sub(text, 0, n), &v) ? v : fallback;
}

static int by_bound(const void *a, const void *b)
{
    int64_t x = ((const struct pg_part *)a)->to;
    int64_t y = ((const struct pg_part *)b)->to;
    return x < y ? -1 : x > y;
}

static enum err load_parts(struct pg_upkeep *u, struct pg_parts *out)
{
    PGresult *rows = NULL;
    enum err err = up_ask(u,
                          "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), "
                          "c.reltuples::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = "
                          "i.inhrelid WHERE i.inhparent = to_regclass('#')",
                          "", NULL, 0, &rows);
    for (int i = 0; err == ERR_OK && i < PQntuples(rows); i++) {
        struct pg_part p = {.n_rows = pg_result_i64(rows, i, 2)};
        struct str bounds = str_from(PQgetvalue(rows, i, 1));
        (void)snprintf(p.name, sizeof(p.name), "%.63s", PQgetvalue(rows, i, 0));
        p.from = bound_of(bounds, STR("FROM ("), INT64_MIN);
        p.to = bound_of(bounds, STR("TO ("), INT64_MAX);
        VEC_PUSH(out, p);
    }
    PQclear(rows);
    if (out->len > 0) {
        qsort(out->items, out->len, sizeof(out->items[0]), by_bound);
    }
    return err;
}

static enum err load_position(struct pg_upkeep *u, int64_t *out)
{
    return up_number(u, "SELECT last_value FROM #_id_seq", "", 0, out);
}

/* ---- a new month ---- */

/* Months since the first year, from 1; the part's name by year and month. */
static int64_t month_of(int64_t at, const char *table, char *name, size_t size)
{
    char text[TIME_TEXT_MAX];
    int64_t year = 0;
    int64_t month = 0;
    (void)time_format(at, text); /* 2026-11-23T... */
    (void)str_to_i64(str_sub(str_from(text), 0, 4), &year);
    (void)str_to_i64(str_sub(str_from(text), 5, 2), &month);
    (void)snprintf(name, size, "%.40s_%04d%02d", table, (int)year, (int)month);
    return year < FIRST_YEAR ? 0 : (year - FIRST_YEAR) * 12 + month;
}

static enum err make_part(struct pg_upkeep *u, const char *name, int64_t from, int64_t to)
{
    char attach[160];
    up_range(attach, sizeof(attach), from, to);
    enum err err =
        up_run(u, "BEGIN; CREATE TABLE @ (LIKE # INCLUDING DEFAULTS, PRIMARY KEY (id))", name);
    if (err == ERR_OK) {
        err = up_run(u, u->def->index_sql, name);
    }
    if (err == ERR_OK) {
        err = up_run(u, attach, name);
    }
    if (err == ERR_OK) {
        return up_run(u, "COMMIT", name);
    }
    PQclear(PQexec(u->h, "ROLLBACK"));
    return err;
}

/* With the table for itself, for a moment: a transaction that holds it open may know the parts as they were before the new one, and must not be given an id of that. Not in the transaction
 * that attached: what it does to the sequence stays when it fails. */
static enum err enter_once(struct pg_upkeep *u, int64_t from)
{
    enum err err = up_run(u, LOCK_TABLE, "");
    if (err == ERR_OK) {
        err = up_ask(u,
                     "SELECT setval('#_id_seq', $1::bigint) FROM #_id_seq WHERE last_value < "
                     "$1::bigint",
                     "", &from, 1, NULL);
    }
    if (err == ERR_OK) {
        return up_run(u, "COMMIT", "");
    }
    PQclear(PQexec(u->h, "ROLLBACK"));
    return err;
}

static enum err enter_month(struct pg_upkeep *u, int64_t from)
{
    enum err err = enter_once(u, from);
    for (int i = 1; i < SWAP_TRIES && err != ERR_OK && !is_stopping(u->keeper); i++) {
        pause_ns(SWAP_PAUSE_NS);
        err = enter_once(u, from);
    }
    return err;
}

static enum err begin_month(struct pg_upkeep *u, const struct pg_parts *parts)
{
    char name[64];
    int64_t position = 0;
    int64_t month = month_of(u->now, u->def->table, name, sizeof(name));
    int64_t from = month << RANGE_BITS;
    enum err err = load_position(u, &position);
    bool is_there = false;
    for (size_t i = 0; i < parts->len; i++) {
        is_there = is_there || (parts->items[i].from <= from && from < parts->items[i].to);
    }
    if (err != ERR_OK || month == 0 || position >= from) {
        return err; /* this month's, or a clock that went back */
    }
    if (!is_there) {
        err = make_part(u, name, from, from + (INT64_C(1) << RANGE_BITS));
    }
    if (err == ERR_OK) {
        err = enter_month(u, from);
    }
    if (err == ERR_OK) {
        LOG_INFO("db", "a new month", log_cstr("part", name));
    }
    return err;
}

/* ---- sweeping ---- */

static bool is_swept(const struct pg_part *p)
{
    return strstr(p->name, SWEPT) != NULL;
}

/* What stays of `from` goes into the unattached `into`, a few ids at a time. Joined months have gaps between them: from row to row, not from number to number. */
static enum err carry(struct pg_upkeep *u, const char *from, const char *into)
{
    BUF_AUTO sql;
    int64_t at = INT64_MIN;
    buf_init(&sql, SQL_MAX);
    (void)buf_add_cstr(&sql, "INSERT INTO ");
    (void)buf_add_cstr(&sql, into);
    (void)buf_add_cstr(&sql,
                       " SELECT e.* FROM @ e WHERE e.id >= $2::bigint AND e.id < $3::bigint AND (");
    (void)buf_add_cstr(&sql, u->def->stays_sql);
    (void)buf_add(&sql, ")", 2);
    for (enum err err = ERR_OK;;) {
        PGresult *next = NULL;
        err = up_ask(u, "SELECT MIN(id) FROM @ WHERE id >= $1::bigint", from, &at, 1, &next);
        bool is_over = err != ERR_OK || PQgetisnull(next, 0, 0) == 1;
        at = is_over ? 0 : pg_result_i64(next, 0, 0);
        PQclear(next);
        if (is_over) {
            return err;
        }
        const int64_t v[] = {u->now - u->def->keep_ms, at, at + SWEEP_IDS};
        err = is_stopping(u->keeper) ? err_set(u->info, ERR_AGAIN, "db", "stopping", "stopping")
                                     : up_ask(u, sql.p, from, v, 3, NULL);
        if (err != ERR_OK) {
            return err;
        }
        at += SWEEP_IDS;
        pause_ns(SWEEP_PAUSE_NS);
    }
}

/* In the place of one or two parts comes `name`, or nothing. */
static enum err swap_once(struct pg_upkeep *u, const struct pg_part *old,
                          const struct pg_part *also, const char *name, bool is_empty, int64_t last)
{
    char attach[160];
    up_range(attach, sizeof(attach), also != NULL ? also->from : old->from, old->to);
    enum err err = up_run(u, LOCK_TABLE, "");
    if (err == ERR_OK) {
        err = up_run(u, "ALTER TABLE # DETACH PARTITION @; DROP TABLE @", old->name);
    }
    if (err == ERR_OK && also != NULL) {
        err = up_run(u, "ALTER TABLE # DETACH PARTITION @; DROP TABLE @", also->name);
    }
    if (err == ERR_OK) {
        err = up_run(u, is_empty ? "DROP TABLE @" : attach, name);
    }
    if (err == ERR_OK) {
        err = up_ask(u, u->def->gone_sql, "", &last, 1, NULL);
    }
    if (err == ERR_OK) {
        return up_run(u, "COMMIT", "");
    }
    PQclear(PQexec(u->h, "ROLLBACK"));
    return err;
}

/* The range as a constraint, so that attaching need not read the rows under the lock. */
static enum err prove_range(struct pg_upkeep *u, const char *name, int64_t from, int64_t to)
{
    char sql[160];
    /* SQL-FORMAT-OK: likewise numbers of ours. */
    if (from == INT64_MIN) {
        (void)snprintf(sql, sizeof(sql), "ALTER TABLE @ ADD CONSTRAINT range CHECK (id < %lld)",
                       (long long)to);
    } else {
        (void)snprintf(sql, sizeof(sql),
                       "ALTER TABLE @ ADD CONSTRAINT range CHECK (id >= %lld AND id < %lld)",
                       (long long)from, (long long)to);
    }
    return up_run(u, sql, name);
}

static enum err fill_swept(struct pg_upkeep *u, const struct pg_part *old,
                           const struct pg_part *also, const char *name)
{
    /* One that nobody attached is of a run that ended early. */
    enum err err =
        up_run(u, "DROP TABLE IF EXISTS @; CREATE TABLE @ (LIKE # INCLUDING DEFAULTS)", name);
    if (err == ERR_OK) {
        err = carry(u, old->name, name);
    }
    if (err == ERR_OK && also != NULL) {
        err = carry(u, also->name, name);
    }
    if (err == ERR_OK) {
        err = up_run(u, "ALTER TABLE @ ADD PRIMARY KEY (id)", name);
    }
    if (err == ERR_OK) {
        err = up_run(u, u->def->index_sql, name);
    }
    if (err == ERR_OK) {
        err = prove_range(u, name, also != NULL ? also->from : old->from, old->to);
    }
    return err == ERR_OK ? up_run(u, "ANALYZE @", name) : err;
}

static enum err sweep(struct pg_upkeep *u, const struct pg_part *old, const struct pg_part *also)
{
    char name[64];
    int64_t last = 0;
    int64_t n_left = 0;
    (void)snprintf(name, sizeof(name), "%.40s" SWEPT "%lld", u->def->table,
                   (long long)(old->to >> RANGE_BITS));
    enum err err = up_number(u, "SELECT MAX(id) FROM @", old->name, 0, &last);
    if (err == ERR_OK) {
        err = fill_swept(u, old, also, name);
    }
    if (err == ERR_OK) {
        err = up_number(u, "SELECT COUNT(*) FROM @", name, 0, &n_left);
    }
    if (err != ERR_OK) {
        return err;
    }
    for (int i = 0; i < SWAP_TRIES; i++) {
        err = swap_once(u, old, also, name, n_left == 0, last);
        if (err == ERR_OK || is_stopping(u->keeper)) {
            break;
        }
        pause_ns(SWAP_PAUSE_NS);
    }
    if (err == ERR_OK && n_left > 0) {
        err = up_run(u, "ALTER TABLE @ DROP CONSTRAINT range", name);
    }
    if (err == ERR_OK) {
        LOG_INFO("db", "an old month is swept", log_cstr("part", old->name),
                 log_i64("left", n_left));
    }
    return err;
}

/* Nothing comes into it any more, and its youngest row is old. An empty one is old. */
static enum err is_due(struct pg_upkeep *u, const struct pg_part *p, int64_t position, bool *out)
{
    int64_t at = 0;
    *out = false;
    if (p->to > position || is_swept(p)) {
        return ERR_OK;
    }
    enum err err = up_number(u, "SELECT at FROM @ ORDER BY id DESC LIMIT 1", p->name, 0, &at);
    *out = err == ERR_OK && at < u->now - u->def->keep_ms;
    return err;
}

static enum err sweep_due(struct pg_upkeep *u, bool *again_out)
{
    struct pg_parts parts = {0};
    int64_t position = 0;
    enum err err = load_parts(u, &parts);
    if (err == ERR_OK) {
        err = load_position(u, &position);
    }
    *again_out = false;
    for (size_t i = 0; err == ERR_OK && i < parts.len && !*again_out; i++) {
        const struct pg_part *before = i > 0 ? &parts.items[i - 1] : NULL;
        bool joins = before != NULL && is_swept(before) && before->n_rows < SWEPT_ROWS;
        err = is_due(u, &parts.items[i], position, again_out);
        if (err == ERR_OK && *again_out) {
            err = sweep(u, &parts.items[i], joins ? before : NULL);
        }
    }
    VEC_RELEASE(&parts);
    return err;
}

/* ---- the job ---- */

static enum err keep_table(struct pg_upkeep *u)
{
    struct pg_parts parts = {0};
    enum err err = load_parts(u, &parts);
    bool again = err == ERR_OK && parts.len > 0;
    if (again) {
        err = begin_month(u, &parts);
    }
    VEC_RELEASE(&parts);
    while (err == ERR_OK && again) {
        err = sweep_due(u, &again);
    }
    return err;
}

/* On a connection of its own; of several nodes one at a time ("stablepa"). */
enum err pg_upkeep(struct db *base, int64_t now, struct errinfo *info)
{
    struct pg_db *db = (struct pg_db *)base;
    struct errinfo own = {0};
    struct pg_upkeep u = {.keeper = db->keeper, .now = now, .info = info != NULL ? info : &own};
    if (db->keeper == NULL) {
        return ERR_OK;
    }
    (void)pthread_mutex_lock(&db->keeper->run);
    enum err err = pg_connect(db, PG_HELPER, &u.h, u.info);
    int64_t is_ours = 0;
    for (size_t i = 0; err == ERR_OK && i < db->n_partitions; i++) {
        u.def = &db->partitions[i];
        if (is_ours == 0) {
            err = up_number(&u, "SELECT pg_try_advisory_lock(8319100040906764385)::integer", "", 0,
                            &is_ours);
        }
        if (err == ERR_OK && is_ours == 0) {
            break; /* another node is at it */
        }
        err = err == ERR_OK ? keep_table(&u) : err;
    }
    PQfinish(u.h);
    (void)pthread_mutex_unlock(&db->keeper->run);
    return err;
}

static void *keeper_main(void *arg)
{
    struct pg_keeper *k = arg;
    while (!is_stopping(k)) {
        struct clock clock = clock_system();
        struct errinfo info = {0};
        enum err err = pg_upkeep(&k->db->base, clock_now(&clock), &info);
        if (err != ERR_OK && err != ERR_AGAIN) {
            LOG_WARN("db", "parts of tables cannot be kept", log_cstr("why", info.message));
        }
        int64_t at = time_monotonic_ns() + (err == ERR_OK ? KEEPER_HOUR_NS : KEEPER_AGAIN_NS);
        struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
        (void)pthread_mutex_lock(&k->lock);
        while (!k->is_stopping && pthread_cond_timedwait(&k->wake, &k->lock, &until) != ETIMEDOUT) {
        }
        (void)pthread_mutex_unlock(&k->lock);
    }
    return NULL;
}

enum err pg_keeper_start(struct pg_db *db)
{
    if (db->n_partitions == 0) {
        return ERR_OK;
    }
    struct pg_keeper *k = MEM_NEW(struct pg_keeper);
    k->db = db;
    (void)pthread_mutex_init(&k->lock, NULL);
    (void)pthread_mutex_init(&k->run, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&k->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    db->keeper = k;
    k->is_started = pthread_create(&k->thread, NULL, keeper_main, k) == 0;
    return k->is_started ? ERR_OK : ERR_UNAVAILABLE;
}

void pg_keeper_stop(struct pg_db *db)
{
    struct pg_keeper *k = db->keeper;
    if (k == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&k->lock);
    k->is_stopping = true;
    (void)pthread_cond_signal(&k->wake);
    (void)pthread_mutex_unlock(&k->lock);
    if (k->is_started) {
        (void)pthread_join(k->thread, NULL);
    }
    (void)pthread_cond_destroy(&k->wake);
    (void)pthread_mutex_destroy(&k->run);
    (void)pthread_mutex_destroy(&k->lock);
    mem_free(k);
    db->keeper = NULL;
}
