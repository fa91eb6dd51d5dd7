/* pg_dump and pg_restore of PostgreSQL's own client package, found on PATH. */
#ifndef PLATFORM_DB_PG_TOOLS_H
#define PLATFORM_DB_PG_TOOLS_H

#include "base/err.h"

/* ERR_UNAVAILABLE: it is not there, or older than the server (as PQserverVersion says), with the name of the package in the message. */
ERR_MUST_USE enum err pg_tool_check(const char *tool, int server_version, struct errinfo *info);
/* Runs it to its end; what it says goes to our stderr. The connection travels in the environment (PGHOST, PGPASSWORD ...), so that no password stands on a command line for
 * everybody on the machine to read. `args` without the name of the tool, NULL at the end. */
ERR_MUST_USE enum err pg_tool_run(const char *tool, const char *url, const char *const *args,
                                  struct errinfo *info);

#endif
