#include "app/maintenance.h"

#include "platform/idempotency.h"
#include "platform/notice.h"

#define KIND "maintenance"
#define BATCH 500 /* rows in one transaction */

static enum err on_time(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                        int64_t now)
{
    (void)arg;
    (void)payload;
    int64_t n = 0, n_notices = 0;
    enum err err = idempotency_prune(txn, now, BATCH, &n);
    err = err != ERR_OK ? err : notice_prune(txn, now, BATCH, &n_notices);
    int64_t pause = n == BATCH || n_notices == BATCH ? TIME_SECOND_MS : TIME_HOUR_MS;
    return err == ERR_OK ? timer_set(txn, KIND, subject, now + pause, STR("")) : err;
}

static enum err set_fn(struct db_txn *txn, void *arg)
{
    const struct clock *clock = arg;
    return timer_set(txn, KIND, 0, clock_now(clock) + TIME_MINUTE_MS, STR(""));
}

enum err maintenance_use_timers(struct db *db, struct clock *clock, struct timers *timers)
{
    timers_handle(timers, KIND, on_time, NULL);
    return db_write(db, set_fn, clock);
}
