/* SQLSTATEs into our few words. */
#include "platform/db_pg.h"

#include <string.h>

#include "base/check.h"

static const struct {
    const char *state; /* five characters, or the first two: the class */
    enum err err;
    enum pg_outcome outcome;
} meanings[] = {
    {"40001", ERR_AGAIN, PG_AGAIN},        /* serialization failure */
    {"40P01", ERR_AGAIN, PG_AGAIN},        /* deadlock */
    {"55P03", ERR_TIMEOUT, PG_AGAIN},      /* a lock was not had in time */
    {"23505", ERR_CONFLICT, PG_FAILED},    /* unique */
    {"23503", ERR_CONFLICT, PG_FAILED},    /* foreign key */
    {"57014", ERR_TIMEOUT, PG_FAILED},     /* statement_timeout, or cancelled */
    {"25P03", ERR_TIMEOUT, PG_BROKEN},     /* idle in transaction for too long */
    {"22021", ERR_INVALID, PG_FAILED},     /* not UTF-8, or a NUL */
    {"22P05", ERR_INVALID, PG_FAILED},     /* a character that cannot be kept */
    {"22003", ERR_INVALID, PG_FAILED},     /* number out of range */
    {"25006", ERR_UNAVAILABLE, PG_BROKEN}, /* the server became a standby: find the new leader */
    {"57P0", ERR_UNAVAILABLE, PG_BROKEN},  /* shutting down, crashed, starting up */
    {"08", ERR_UNAVAILABLE, PG_BROKEN},    /* connection */
    {"53", ERR_UNAVAILABLE, PG_FAILED},    /* disk full, out of memory, too many connections */
    {"58", ERR_UNAVAILABLE, PG_FAILED},    /* I/O error */
    {"54", ERR_LIMIT, PG_FAILED},          /* too large, too complex */
};

enum pg_outcome pg_outcome_of(const PGresult *result, enum err *err_out)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        *err_out = ERR_OK;
        return PG_FINE;
    }
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (state == NULL) { /* libpq's own: the connection */
        *err_out = ERR_UNAVAILABLE;
        return PG_BROKEN;
    }
    for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0) {
            *err_out = meanings[i].err;
            return meanings[i].outcome;
        }
    }
    *err_out = ERR_INTERNAL;
    return PG_FAILED;
}
