/* See db_move.h.
 *
 * One walk serves for copying, for going on after a crash and for what changed beside a running desk: for each part that either side has, the source's hash is held against the one that is
 * noted in the target. Only the hash of what was really sent is ever noted, in the transaction that sent it; so a walk over a source that nobody changes ends with the target
 * noted to be the source, whatever was there before it. The second walk, at the end, believes nothing and reads the target.
 *
 * Rejected: following the changes of a running desk to the last one (triggers in a file that people rely on, for a pause of seconds); comparing counts alone (a wrong row counts like a right
 * one). */
#include "platform/db_move.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/db_move_impl.h"

#define PART_IDS 10000
#define SAY_EVERY_NS 2000000000LL

struct mv {
    const struct db_move *move;
    struct mv_source source;
    PGconn *target;
    struct mv_table *tables;
    size_t n_tables;
    int64_t n_seen; /* rows of all tables, for the remaining time */
    struct db_move_report report;
    int64_t n_walked, walk_ns, said_ns;
    const char *verb;
    struct errinfo *info;
};

/* ---- telling ---- */

static void say(struct mv *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct mv *m, const char *fmt, ...)
{
    char line[256];
    va_list args;
    if (m->move->say != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(line, sizeof(line), fmt, args);
        va_end(args);
        m->move->say(m->move->arg, line);
    }
}

static void say_progress(struct mv *m, const struct mv_table *t, bool is_last)
{
    int64_t now = time_monotonic_ns();
    if (!is_last && now - m->said_ns < SAY_EVERY_NS) {
        return;
    }
    m->said_ns = now;
    double seconds = (double)(now - m->walk_ns) / 1e9;
    double rate = seconds > 0 ? (double)m->n_walked / seconds : 0;
    int64_t rest = m->n_seen > m->n_walked && rate > 0
                       ? (int64_t)((double)(m->n_seen - m->n_walked) / rate) + 1
                       : 0;
    say(m, "%s: %lld of %lld rows, %.0f rows/s%s%s, about %lld s left", m->verb,
        (long long)m->n_walked, (long long)m->n_seen, rate, t != NULL ? ", in " : "",
        t != NULL ? t->name : "", (long long)rest);
}

/* ---- walking ---- */

typedef enum err (*part_fn)(struct mv *m, const struct mv_part *p, int64_t *n_rows_out);

static int64_t floor_to(int64_t v, int64_t step)
{
    int64_t down = v - ((v % step) + step) % step;
    return down > v ? INT64_MIN : down; /* past the lowest number */
}

/* The part that the next row of either side is in; false: there is none. */
static enum err next_part(struct mv *m, const struct mv_table *t, int64_t from, bool *found_out,
                          struct mv_part *out)
{
    bool in_source = false;
    bool in_target = false;
    int64_t key = 0;
    int64_t other = 0;
    enum err err = mv_source_next(&m->source, t, from, &in_source, &key, m->info);
    if (err == ERR_OK) {
        err = mv_target_next(m->target, t, from, &in_target, &other, m->info);
    }
    *found_out = err == ERR_OK && (in_source || in_target);
    if (*found_out) {
        int64_t step = m->move->part_ids > 0 ? m->move->part_ids : PART_IDS;
        key = !in_source || (in_target && other < key) ? other : key;
        int64_t first = floor_to(key, step);
        *out =
            (struct mv_part){t, first, first > INT64_MAX - step + 1 ? INT64_MAX : first + step - 1};
    }
    return err;
}

static enum err one_part(struct mv *m, const struct mv_part *p, part_fn fn)
{
    int64_t n_rows = 0;
    if (m->move->goes_on != NULL && !m->move->goes_on(m->move->arg)) {
        return err_set(m->info, ERR_AGAIN, NULL, "stopped",
                       "stopped; the same command goes on from here");
    }
    enum err err = fn(m, p, &n_rows);
    m->n_walked += n_rows;
    say_progress(m, p->table, false);
    return err;
}

static enum err walk_table(struct mv *m, const struct mv_table *t, part_fn fn)
{
    struct mv_part p = {t, INT64_MIN, INT64_MAX};
    if (!t->has_parts) {
        return one_part(m, &p, fn);
    }
    enum err err = ERR_OK;
    bool found = true;
    for (int64_t from = INT64_MIN; err == ERR_OK && found; from = p.last + 1) {
        err = next_part(m, t, from, &found, &p);
        if (err == ERR_OK && found) {
            err = one_part(m, &p, fn);
            found = p.last != INT64_MAX;
        }
        if (!found) {
            break; /* p.last + 1 would not be a number */
        }
    }
    return err;
}

static enum err walk(struct mv *m, const char *verb, part_fn fn)
{
    enum err err = ERR_OK;
    m->verb = verb;
    m->n_walked = 0;
    m->walk_ns = m->said_ns = time_monotonic_ns();
    for (size_t i = 0; i < m->n_tables && err == ERR_OK; i++) {
        err = walk_table(m, &m->tables[i], fn);
    }
    if (err == ERR_OK) {
        say_progress(m, NULL, true);
    }
    return err;
}

/* ---- copying ---- */

static enum err copy_part(struct mv *m, const struct mv_part *p, int64_t *n_rows_out)
{
    struct mv_sum noted;
    struct mv_sum now = {0};
    struct mv_reader r;
    enum err err = mv_target_noted(m->target, p, &noted, m->info);
    if (err == ERR_OK && noted.n_rows >= 0) {
        mv_reader_open_sqlite(&r, m->source.h, p, m->info);
        err = mv_sum_of(&r, &now);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (noted.n_rows != now.n_rows || strcmp(noted.sha256, now.sha256) != 0) {
        mv_reader_open_sqlite(&r, m->source.h, p, m->info);
        err = mv_target_put(m->target, p, &r, &now, m->info);
        m->report.n_copied += err == ERR_OK;
    }
    m->report.n_parts += err == ERR_OK;
    *n_rows_out = now.n_rows;
    return err;
}

/* ---- comparing ---- */

/* Side by side, to the first line that differs. */
static enum err find_difference(struct mv *m, const struct mv_part *p)
{
    struct mv_reader a;
    struct mv_reader b;
    struct str line_a;
    struct str line_b;
    char key[128] = "no row";
    mv_reader_open_sqlite(&a, m->source.h, p, m->info);
    mv_reader_open_pg(&b, m->target, p, m->info);
    bool more_a = mv_reader_next(&a, &line_a);
    bool more_b = mv_reader_next(&b, &line_b);
    while (more_a && more_b && str_eq(line_a, line_b)) {
        more_a = mv_reader_next(&a, &line_a);
        more_b = mv_reader_next(&b, &line_b);
    }
    if (more_a || more_b) {
        mv_line_key(p->table, more_a ? line_a : line_b, key, sizeof(key));
    }
    enum err err = mv_reader_close(&a);
    enum err err_b = mv_reader_close(&b);
    err = err != ERR_OK ? err : err_b;
    if (err == ERR_OK) {
        err = mv_target_forget(m->target, p, m->info); /* another run copies it again */
    }
    return err != ERR_OK
               ? err
               : err_set(m->info, ERR_CONFLICT, "to", "differs",
                         "table %s differs, first at %s%s: run the move again, it copies this part "
                         "anew",
                         p->table->name, key, more_a ? "" : ", which the source has not");
}

static enum err compare_part(struct mv *m, const struct mv_part *p, int64_t *n_rows_out)
{
    struct mv_sum noted;
    struct mv_sum now = {0};
    struct mv_reader r;
    enum err err = mv_target_noted(m->target, p, &noted, m->info);
    if (err == ERR_OK) {
        mv_reader_open_pg(&r, m->target, p, m->info);
        err = mv_sum_of(&r, &now);
    }
    if (err == ERR_OK && (noted.n_rows != now.n_rows || strcmp(noted.sha256, now.sha256) != 0)) {
        err = find_difference(m, p);
    }
    *n_rows_out = now.n_rows;
    return err;
}

/* ---- the whole ---- */

static enum err set_counters(struct mv *m)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < m->n_tables && err == ERR_OK; i++) {
        int64_t highest = 0;
        err = mv_source_counter(&m->source, m->tables[i].name, &highest, m->info);
        if (err == ERR_OK) {
            err = mv_target_count_from(m->target, m->tables[i].name, highest, m->info);
        }
    }
    return err;
}

/* Compared before the constraints come: what is wrong is named by its row rather than by a foreign key. */
static enum err finish(struct mv *m)
{
    say(m, "reading the target back");
    enum err err = walk(m, "comparing", compare_part);
    m->report.n_rows = m->n_walked;
    if (err == ERR_OK) {
        say(m, "indexes and constraints");
        err = mv_target_dress(m->target, m->move, m->info);
    }
    if (err == ERR_OK) {
        err = set_counters(m);
    }
    if (err == ERR_OK) {
        say(m, "statistics");
        err = mv_target_finish(m->target, m->info);
    }
    return err;
}

static enum err run(struct mv *m)
{
    enum err err = mv_source_open(m->move, &m->source, m->info);
    if (err == ERR_OK) {
        err = mv_source_tables(&m->source, &m->tables, &m->n_tables, m->info);
    }
    if (err == ERR_OK) {
        err = mv_target_open(m->move, m->source.instance, &m->target, m->info);
    }
    if (err == ERR_OK) {
        err = mv_target_kinds(m->target, m->tables, m->n_tables, m->info);
    }
    for (size_t i = 0; i < m->n_tables; i++) {
        m->n_seen += m->tables[i].n_rows_seen;
    }
    if (err == ERR_OK) {
        err = mv_target_strip(m->target, m->info);
    }
    if (err == ERR_OK) {
        err = walk(m, "copying", copy_part);
    }
    m->report.n_rows = m->n_walked;
    m->report.n_tables = m->n_tables;
    return err == ERR_OK && !m->move->is_live ? finish(m) : err;
}

enum err db_move_run(const struct db_move *move, struct db_move_report *report_out,
                     struct errinfo *info)
{
    struct errinfo own = {0};
    struct mv m = {.move = move, .info = info != NULL ? info : &own};
    int64_t start_ns = time_monotonic_ns();
    enum err err = run(&m);
    PQfinish(m.target);
    mv_source_close(&m.source);
    mem_free(m.tables);
    if (err == ERR_OK && report_out != NULL) {
        m.report.ms = (time_monotonic_ns() - start_ns) / 1000000;
        *report_out = m.report;
    }
    return err;
}
