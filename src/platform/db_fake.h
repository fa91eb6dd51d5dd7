/* A database that answers from a script, for unit tests of services: each statement must come as expected, in order, and gets the rows or the error that the
 * test wrote down. So a service's reaction to a conflict or a dead disk can be tested in a line, without making one happen.
 *
 *     struct db *db = db_fake_new();
 *     db_fake_expect(db, "SELECT id, state FROM conversations", DB_ARGS(db_i64(7)));
 *     db_fake_row(db, DB_ARGS(db_i64(7), db_text(STR("open"))));
 *     db_fake_expect(db, "UPDATE conversations", NULL, 0);       // any arguments
 *     db_fake_fail(db, ERR_CONFLICT);
 *     assert_int_equal(service_under_test(db), ERR_AGAIN);
 *     assert_string_equal(db_fake_problem(db), "");               // everything came, nothing else did
 *     db_close(&db);
 *
 * Functions run at once on the caller's thread; hooks and done calls as on a real engine. Not part of the program. */
#ifndef PLATFORM_DB_FAKE_H
#define PLATFORM_DB_FAKE_H

#include "platform/db.h"

struct db *db_fake_new(void);
/* The next statement: how its text begins (a literal), and its arguments (copied; NULL: whatever they are). */
void db_fake_expect(struct db *db, const char *sql_start, const struct db_val *vals, size_t n);
/* About the statement expected last: */
void db_fake_row(struct db *db, const struct db_val *vals, size_t n); /* one more row */
void db_fake_changed(struct db *db, int64_t n_changed);               /* for db_exec; default 1 */
void db_fake_fail(struct db *db, enum err err);
/* The next COMMIT fails: the function's success is turned into ERR_UNAVAILABLE, hooks do not run. */
void db_fake_fail_commit(struct db *db);
/* "" if all that was expected came and nothing else did; otherwise the first thing that went wrong, or what is missing. */
const char *db_fake_problem(struct db *db);

#endif
