/* Light functions that wait, together in one transaction: under load most of what a message costs is a BEGIN and COMMIT of its own.
 *
 * Each has named the row that it locks first. They run in the order of those rows, so that no two batches wait for each other in a circle. All or nothing: when one of
 * them fails or asks for more (db_be_serializable) the transaction is undone and each runs alone, as it would have without this; then for a while none are put
 * together, because the next ones may well be of the same kind. */
#include "platform/db_pg.h"

#include "base/check.h"

#define PG_BATCH_PAUSE 64 /* light functions that run alone after a batch was undone */

bool pg_batch_takes(struct pg_db *db, const struct pg_job *job)
{
    return job->is_light && job->row != 0 && !db->rehearses;
}

bool pg_batch_is_paused(struct pg_db *db)
{
    int left = atomic_load_explicit(&db->batch_pause, memory_order_relaxed);
    return left > 0 && atomic_fetch_sub_explicit(&db->batch_pause, 1, memory_order_relaxed) > 0;
}

/* By row; of one row in the order they came. */
static void sort_by_row(struct pg_job **jobs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct pg_job *job = jobs[i];
        size_t k = i;
        for (; k > 0 && jobs[k - 1]->row > job->row; k--) {
            jobs[k] = jobs[k - 1];
        }
        jobs[k] = job;
    }
}

/* Inside the transaction that is begun. */
static bool run_one(struct pg_conn *conn, struct pg_job *job)
{
    enum err err = pg_job_call(conn, job);
    job->is_light = !conn->txn.base.wants_serializable;
    job->hooks = conn->txn.base.hooks;
    job->has_events = conn->txn.has_events;
    return err == ERR_OK && conn->txn.outcome == PG_FINE;
}

static bool run_all(struct pg_conn *conn, struct pg_job **jobs, size_t n)
{
    pg_txn_init(conn, jobs[0]->arena, true);
    bool is_fine = conn->txn.outcome == PG_FINE;
    for (size_t i = 0; i < n && is_fine; i++) {
        is_fine = run_one(conn, jobs[i]);
    }
    return is_fine;
}

/* True: they were told, and are not ours any more. */
static bool run_and_tell(struct pg_conn *conn, struct pg_job **jobs, size_t n)
{
    struct pg_db *db = conn->db;
    uint64_t tickets[PG_BATCH_MAX];
    if (!run_all(conn, jobs, n)) {
        pg_txn_abort(conn);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        tickets[i] = pg_ticket_take(db);
    }
    enum pg_outcome outcome = pg_commit(conn);
    bool is_decided = outcome == PG_FINE || outcome == PG_BROKEN;
    for (size_t i = 0; i < n; i++) {
        if (is_decided) {
            jobs[i]->err = outcome == PG_FINE ? ERR_OK : ERR_UNKNOWN;
            jobs[i]->has_events = jobs[i]->has_events && outcome == PG_FINE;
            pg_job_tell(db, jobs[i], tickets[i]);
        } else {
            pg_ticket_done(db, tickets[i], NULL);
        }
    }
    return is_decided;
}

bool pg_batch_run(struct pg_db *db, struct pg_job **jobs, size_t n)
{
    ASSERT(n <= PG_BATCH_MAX);
    struct pg_conn *conn = pg_pool_borrow(&db->writers);
    bool is_told = false;
    sort_by_row(jobs, n);
    if (conn != NULL) {
        if (pg_conn_ensure(conn, NULL) == ERR_OK) {
            (void)pthread_rwlock_rdlock(&db->lane);
            is_told = run_and_tell(conn, jobs, n);
            (void)pthread_rwlock_unlock(&db->lane);
        }
        pg_pool_give_back(&db->writers, conn);
    }
    if (!is_told) {
        atomic_store_explicit(&db->batch_pause, PG_BATCH_PAUSE, memory_order_relaxed);
    }
    return is_told;
}
