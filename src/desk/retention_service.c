/* A batch an hour when there is nothing to do, a batch a second while there is. */
#include "desk/retention.h"

#include "base/check.h"

#define KIND "event_retention"

static enum err on_time(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                        int64_t now)
{
    const struct desk *desk = arg;
    UNUSED(payload);
    size_t n = 0;
    if (db_sweeps(desk->db)) { /* by desk_event_partition, a month at a time */
        return ERR_OK;
    }
    enum err err = retention_prune(txn, now - desk->events_keep_ms, &n);
    int64_t pause = n == RETENTION_BATCH ? TIME_SECOND_MS : TIME_HOUR_MS;
    return err == ERR_OK ? timer_set(txn, KIND, subject, now + pause, STR("")) : err;
}

static enum err set_fn(struct db_txn *txn, void *arg)
{
    const struct desk *desk = arg;
    return timer_set(txn, KIND, 0, desk_now(desk) + TIME_SECOND_MS, STR(""));
}

void retention_register_timers(struct desk *desk)
{
    timers_handle(desk->timers, KIND, on_time, desk);
}

enum err retention_start(struct desk *desk)
{
    return db_write(desk->db, set_fn, desk);
}
