/* What is taken off the target's tables while rows come, and put on again: indexes, unique constraints, foreign keys. Without them rows come faster, in any order of tables, and a part may
 * be replaced while another one still holds a value that has moved between the two. The statements that bring them back stand in stablehand_move_ddl from the moment they
 * are gone. */
#include "platform/db_move_impl.h"

#include <string.h>

#include "base/check.h"
#include "platform/db_pg.h"

#define NAMES                                                                                      \
    "WITH c AS (SELECT oid FROM pg_class WHERE relnamespace = "                                    \
    "quote_ident(current_schema())::regnamespace AND "                                             \
    "relkind IN ('r', 'p') AND NOT relispartition AND relname NOT LIKE 'stablehand\\_move%') "

enum err mv_target_strip(PGconn *h, struct errinfo *info)
{
    PGresult *drops = NULL;
    enum err err = mv_pg_run(
        h,
        "BEGIN; " NAMES "INSERT INTO stablehand_move_ddl (rank, name, ddl) "
        "SELECT CASE contype WHEN 'f' THEN 2 ELSE 1 END, conname, format('ALTER TABLE %s ADD "
        "CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM "
        "pg_constraint WHERE conrelid IN (SELECT oid FROM c) AND contype IN ('f', 'u') AND "
        "conparentid = 0 ORDER BY conname; " NAMES
        "INSERT INTO stablehand_move_ddl (rank, name, ddl) SELECT 0, indexrelid::regclass, "
        "pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN (SELECT oid FROM c) AND NOT "
        "EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f') ORDER "
        "BY indrelid, indexrelid",
        info);
    if (err == ERR_OK) {
        err = mv_pg_query(
            h,
            NAMES
            "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), "
            "CASE contype WHEN 'f' THEN 0 ELSE 1 END FROM pg_constraint WHERE conrelid IN "
            "(SELECT oid FROM c) AND contype IN ('f', 'u') AND conparentid = 0 UNION ALL "
            "SELECT format('DROP INDEX %s', indexrelid::regclass), 2 FROM pg_index WHERE "
            "indrelid IN (SELECT oid FROM c) AND NOT EXISTS (SELECT 1 FROM pg_constraint "
            "WHERE conindid = indexrelid AND contype <> 'f') ORDER BY 2",
            NULL, 0, &drops, info);
    }
    for (int i = 0; err == ERR_OK && i < PQntuples(drops); i++) {
        err = mv_pg_run(h, PQgetvalue(drops, i, 0), info);
    }
    PQclear(drops);
    if (err == ERR_OK) {
        return mv_pg_run(h, "COMMIT", info);
    }
    mv_pg_abort(h);
    return err;
}

static enum err put_on(PGconn *h, const char *id, const char *ddl, struct errinfo *info)
{
    const char *const values[] = {id};
    PGresult *result = NULL;
    enum err err = mv_pg_run(h, "BEGIN", info);
    if (err == ERR_OK) {
        err = mv_pg_run(h, ddl, info);
    }
    if (err == ERR_OK) {
        err = mv_pg_query(h, "DELETE FROM stablehand_move_ddl WHERE id = $1", values, 1, &result,
                          info);
        PQclear(result);
    }
    if (err == ERR_OK) {
        return mv_pg_run(h, "COMMIT", info);
    }
    mv_pg_abort(h);
    return err;
}

enum err mv_target_dress(PGconn *h, const struct db_move *move, struct errinfo *info)
{
    PGresult *rows = NULL;
    enum err err = mv_pg_run(h, "SET maintenance_work_mem = '256MB'", info);
    if (err == ERR_OK) {
        err = mv_pg_query(h, "SELECT id, ddl, name FROM stablehand_move_ddl ORDER BY rank, id",
                          NULL, 0, &rows, info);
    }
    for (int i = 0; err == ERR_OK && i < PQntuples(rows); i++) {
        if (move->goes_on != NULL && !move->goes_on(move->arg)) {
            err = err_set(info, ERR_AGAIN, NULL, "stopped", "stopped");
            break;
        }
        err = put_on(h, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), info);
    }
    PQclear(rows);
    return err;
}

enum err mv_target_count_from(PGconn *h, const char *table, int64_t highest, struct errinfo *info)
{
    char number[24];
    PGresult *columns = NULL;
    (void)snprintf(number, sizeof(number), "%lld", (long long)highest);
    const char *const of[] = {table};
    enum err err = mv_pg_query(
        h,
        "SELECT pg_get_serial_sequence(quote_ident(c.relname), a.attname) FROM pg_class c JOIN "
        "pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = "
        "quote_ident(current_schema())::regnamespace AND c.relname = $1 AND a.attnum > 0 AND NOT "
        "a.attisdropped "
        "AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL",
        of, 1, &columns, info);
    for (int i = 0; err == ERR_OK && i < PQntuples(columns); i++) {
        PGresult *result = NULL;
        const char *const values[] = {PQgetvalue(columns, i, 0), number};
        err = mv_pg_query(h, "SELECT setval($1::regclass, GREATEST($2::bigint, 1), $2::bigint > 0)",
                          values, 2, &result, info);
        PQclear(result);
    }
    PQclear(columns);
    return err;
}

enum err mv_target_finish(PGconn *h, struct errinfo *info)
{
    enum err err = mv_pg_run(h, "ANALYZE", info);
    return err != ERR_OK ? err
                         : mv_pg_run(h,
                                     "BEGIN; DROP TABLE stablehand_move_ddl, stablehand_move_part, "
                                     "stablehand_move; COMMIT",
                                     info);
}
