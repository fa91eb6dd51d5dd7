/* Backup and restore on PostgreSQL, by its own tools: who knows all of a database is the database. Of ours are what is left out (the search tables: made anew), when it is refused, and what
 * becomes of what was there before.
 *
 * The dump is of one moment: a serializable, deferrable transaction, that is one which the desk itself could have seen. A restore is one transaction; what stood in the target is a schema named
 * replaced_TIME until somebody drops it, and comes back when the restore fails. */
#include "platform/db_pg_backup.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "base/vec.h"
#include "platform/db_pg.h"
#include "platform/db_pg_tools.h"

#define MAX_SKIPPED 8
#define LOCK_WAIT "60s"
#define GOODBYE_TRIES 20
#define GOODBYE_US 50000

struct pg_place {
    PGconn *h;
    struct arena *arena;
    const char *schema; /* quoted */
};

static enum err place_failed(PGconn *h, PGresult *result, struct errinfo *info)
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    enum err err = err_set(info, ERR_UNAVAILABLE, "db.url", "postgres", "%.160s",
                           text != NULL ? text : PQerrorMessage(h));
    PQclear(result);
    return err;
}

/* The first value of the first row, in the place's arena; "" when there is none. */
static enum err place_ask(struct pg_place *p, const char *sql, const char **out,
                          struct errinfo *info)
{
    PGresult *result = PQexec(p->h, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return place_failed(p->h, result, info);
    }
    *out = PQntuples(result) > 0 ? str_to_cstr(p->arena, str_from(PQgetvalue(result, 0, 0))) : "";
    PQclear(result);
    return ERR_OK;
}

static enum err place_run(struct pg_place *p, const char *sql, struct errinfo *info)
{
    const char *nothing = NULL;
    return place_ask(p, sql, &nothing, info);
}

static enum err place_open(const char *url, struct pg_place *out, struct errinfo *info)
{
    struct pg_db db = {.conninfo = mem_strdup(url)};
    *out = (struct pg_place){.arena = arena_new(0)};
    enum err err = pg_connect(&db, PG_HELPER, &out->h, info);
    mem_free(db.conninfo);
    return err != ERR_OK
               ? err
               : place_ask(out, "SELECT quote_ident(current_schema())", &out->schema, info);
}

static void place_close(struct pg_place *p)
{
    PQfinish(p->h);
    arena_free(&p->arena);
}

/* For pg_dump's patterns: quotes keep upper case. */
static const char *schema_pattern(struct pg_place *p, const char *option)
{
    bool is_quoted = p->schema[0] == '"';
    return str_to_cstr(p->arena, str_printf(p->arena, "%s=%s%s%s", option, is_quoted ? "" : "\"",
                                            p->schema, is_quoted ? "" : "\""));
}

/* ---- backup ---- */

static enum err load_about(struct pg_place *p, struct backup_about *out, struct errinfo *info)
{
    VEC(struct db_applied) list = {0};
    PGresult *result =
        PQexec(p->h, "SELECT number, name, sha256 FROM schema_migrations ORDER BY number");
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return place_failed(p->h, result, info);
    }
    for (int i = 0; i < PQntuples(result); i++) {
        struct db_applied a = {.number = (int)pg_result_i64(result, i, 0)};
        (void)snprintf(a.name, sizeof(a.name), "%s", PQgetvalue(result, i, 1));
        (void)snprintf(a.sha256, sizeof(a.sha256), "%s", PQgetvalue(result, i, 2));
        VEC_PUSH(&list, a);
    }
    PQclear(result);
    const char *oldest = "";
    int64_t v = (int64_t)list.len;
    enum err err = place_ask(p, "SELECT value FROM db_meta WHERE key = '" DB_OLDEST_PROGRAM "'",
                             &oldest, info);
    (void)str_to_i64(str_from(oldest), &v);
    *out = (struct backup_about){true, list.items, list.len, (int)v};
    return err;
}

static enum err dump(const struct db_cli *cli, struct pg_place *p, const char *path,
                     struct errinfo *info)
{
    const char *args[16 + MAX_SKIPPED] = {
        "--format=custom",           "--no-owner",
        "--no-privileges",           "--no-password",
        "--serializable-deferrable", ("--lock-wait-timeout=" LOCK_WAIT)};
    size_t n = 6;
    args[n++] = schema_pattern(p, "--schema");
    args[n++] = str_to_cstr(p->arena, str_printf(p->arena, "--file=%s", path));
    args[n++] = "--exclude-table-data=search_state";
    for (size_t i = 0; i < cli->n_sources && i < MAX_SKIPPED; i++) {
        args[n++] = str_to_cstr(
            p->arena, str_printf(p->arena, "--exclude-table-data=search_%s", cli->sources[i].name));
    }
    enum err err = pg_tool_check("pg_dump", PQserverVersion(p->h), info);
    return err == ERR_OK ? pg_tool_run("pg_dump", cli->url, args, info) : err;
}

enum err pg_backup(const struct db_cli *cli, const char *path, struct backup_about *about_out,
                   struct errinfo *info)
{
    struct pg_place p;
    const char *is_unfinished = "";
    enum err err = place_open(cli->url, &p, info);
    if (err == ERR_OK) {
        err = place_ask(&p, "SELECT to_regclass('stablehand_move') IS NOT NULL", &is_unfinished,
                        info);
    }
    if (err == ERR_OK && strcmp(is_unfinished, "t") == 0) {
        err = err_set(info, ERR_CONFLICT, "db.url", "unfinished_move",
                      "a move into this database is not finished");
    }
    if (err == ERR_OK) {
        err = load_about(&p, about_out, info);
    }
    if (err == ERR_OK) {
        err = dump(cli, &p, path, info);
    }
    place_close(&p);
    return err;
}

/* ---- restore ---- */

static enum err count_desks(struct pg_place *p, const char **n_out, struct errinfo *info)
{
    return place_ask(p,
                     "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                     "application_name LIKE '" PG_APPLICATION "%' AND pid <> pg_backend_pid()",
                     n_out, info);
}

static enum err refuse_in_use(struct pg_place *p, struct errinfo *info)
{
    const char *n = "";
    enum err err = count_desks(p, &n, info);
    for (int i = 0; i < GOODBYE_TRIES && err == ERR_OK && strcmp(n, "0") != 0; i++) {
        (void)usleep(GOODBYE_US); /* a server notices a little later that somebody has gone */
        err = count_desks(p, &n, info);
    }
    return err == ERR_OK && strcmp(n, "0") != 0
               ? err_set(info, ERR_CONFLICT, "db.url", "in_use",
                         "a desk is connected to the database: stop every node first")
               : err;
}

static enum err is_empty(struct pg_place *p, bool *out, struct errinfo *info)
{
    const char *n = "";
    enum err err = place_ask(p,
                             "SELECT COUNT(*) FROM pg_class WHERE relnamespace = "
                             "quote_ident(current_schema())::regnamespace AND relkind IN ('r', "
                             "'p', 'v', 'm', 'S')",
                             &n, info);
    *out = strcmp(n, "0") == 0;
    return err;
}

/* Names of schemas cannot be parameters: these are quoted by the server, and ours. */
static enum err run_on_schemas(struct pg_place *p, const char *aside, const char *format,
                               struct errinfo *info)
{
    const char *const values[] = {format, p->schema, aside};
    PGresult *result = PQexecParams(p->h, "SELECT replace(replace($1, '@here', $2), '@aside', $3)",
                                    3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        return place_failed(p->h, result, info);
    }
    const char *sql = str_to_cstr(p->arena, str_from(PQgetvalue(result, 0, 0)));
    PQclear(result);
    return place_run(p, sql, info);
}

static enum err load(const struct db_cli *cli, struct pg_place *p, const char *path,
                     struct errinfo *info)
{
    const char *args[] = {"--no-owner",
                          "--no-privileges",
                          "--no-password",
                          "--single-transaction",
                          "--exit-on-error",
                          NULL,
                          NULL,
                          path,
                          NULL};
    char schema[256];
    /* Here the name stands as it is, without quotes: no pattern. */
    size_t len = strlen(p->schema);
    bool is_quoted = p->schema[0] == '"';
    (void)snprintf(schema, sizeof(schema), "--schema=%.*s", (int)(len - (is_quoted ? 2 : 0)),
                   p->schema + is_quoted);
    args[5] = schema;
    args[6] = str_to_cstr(p->arena, str_printf(p->arena, "--dbname=%s", PQdb(p->h)));
    enum err err = pg_tool_run("pg_restore", cli->url, args, info);
    size_t n_applied = 0;
    if (err == ERR_OK) {
        err = pg_check_migrations(p->h, cli->migrations, cli->n_migrations, &n_applied, info);
    }
    return err == ERR_OK ? place_run(p, "ANALYZE", info) : err;
}

static enum err replace(const struct db_cli *cli, struct pg_place *p, const char *path,
                        char *aside_out, size_t size, struct errinfo *info)
{
    bool is_new = true;
    struct clock clock = clock_system();
    enum err err = is_empty(p, &is_new, info);
    if (err == ERR_OK && !is_new) {
        (void)snprintf(aside_out, size, "replaced_%lld", (long long)clock_now(&clock));
        err = run_on_schemas(
            p, aside_out, "BEGIN; ALTER SCHEMA @here RENAME TO @aside; CREATE SCHEMA @here; COMMIT",
            info);
    }
    if (err != ERR_OK) {
        return err;
    }
    err = load(cli, p, path, info);
    if (err != ERR_OK && !is_new) {
        enum err back = run_on_schemas(
            p, aside_out,
            "BEGIN; DROP SCHEMA @here CASCADE; ALTER SCHEMA @aside RENAME TO @here; COMMIT", NULL);
        if (back != ERR_OK) {
            err = err_set(info, err, "db.url", "restore",
                          "the restore failed; what was there before is the schema %s", aside_out);
        }
    }
    return err;
}

enum err pg_restore(const struct db_cli *cli, const char *path, const struct backup_about *about,
                    bool force, char *aside_out, size_t size, struct errinfo *info)
{
    struct pg_place p;
    bool is_new = false;
    size_t n_done = 0;
    aside_out[0] = '\0';
    struct db_state state = {about->migrations, about->n_migrations, about->oldest_program};
    enum err err = db_migrate_decide(cli->migrations, cli->n_migrations, &state, &n_done, info);
    if (err != ERR_OK) {
        return err;
    }
    err = place_open(cli->url, &p, info);
    if (err == ERR_OK) {
        err = pg_check_server(p.h, info);
    }
    if (err == ERR_OK) {
        err = refuse_in_use(&p, info);
    }
    if (err == ERR_OK) {
        err = is_empty(&p, &is_new, info);
    }
    if (err == ERR_OK && !is_new && !force) {
        err = err_set(info, ERR_CONFLICT, "db.url", "not_empty",
                      "the database is not empty: use --force to replace what is there (it is kept "
                      "as a schema of another name)");
    }
    if (err == ERR_OK) {
        err = pg_tool_check("pg_restore", PQserverVersion(p.h), info);
    }
    if (err == ERR_OK) {
        err = replace(cli, &p, path, aside_out, size, info);
    }
    place_close(&p);
    return err;
}
