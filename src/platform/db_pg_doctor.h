/* Inside of the doctor on PostgreSQL: shared by its two files. Each check fills one result. */
#ifndef PLATFORM_DB_PG_DOCTOR_H
#define PLATFORM_DB_PG_DOCTOR_H

#include "platform/db_cli.h"
#include "platform/db_pg.h"

struct pg_exam {
    const struct db_cli *cli;
    PGconn *h;
    struct doctor_report report;
};

/* One integer; `fallback` when the query fails or has no row. */
int64_t pg_number(PGconn *h, const char *sql, int64_t fallback);

void pg_exam_clock(struct pg_exam *e);
void pg_exam_nodes(struct pg_exam *e);
void pg_exam_replication(struct pg_exam *e);

#endif
