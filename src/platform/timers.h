/* Timers: rows with a due time, one wheel over them; they fire at the second, survive restarts, and at most once with effect (the handler runs in the
 * transaction that deletes the row).
 *
 * Outbox: whatever leaves the program is a row written in the same transaction and sent by a job with retries, back-off with jitter and an idempotency key. */
#ifndef PLATFORM_TIMERS_H
#define PLATFORM_TIMERS_H

#include "base/timeutil.h"
#include "platform/db.h"

struct timers;
/* `kind` names the handler ("snooze", "offer"), `subject` its id. One row per (kind, subject): setting again moves it. */
ERR_MUST_USE enum err timer_set(struct db_txn *txn, const char *kind, int64_t subject,
                                int64_t due_at, struct str payload);
ERR_MUST_USE enum err timer_cancel(struct db_txn *txn, const char *kind, int64_t subject);
/* Only if it is the one that was set with this payload. */
ERR_MUST_USE enum err timer_cancel_if(struct db_txn *txn, const char *kind, int64_t subject,
                                      struct str payload);

typedef enum err (*timer_fn)(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                             int64_t now);
ERR_MUST_USE enum err timers_new(struct db *db, struct clock clock, struct timers **out);
void timers_handle(struct timers *t, const char *kind, timer_fn fn,
                   void *arg); /* before timers_start */
ERR_MUST_USE enum err timers_start(struct timers *t);
void timers_kick(struct timers *t); /* after the clock was moved by a test: look now */
void timers_free(struct timers **t);

ERR_MUST_USE enum err outbox_add(struct db_txn *txn, const char *kind, struct str idempotency_key,
                                 struct str payload, int64_t not_before_at);
enum outbox_result { OUTBOX_SENT, OUTBOX_RETRY, OUTBOX_DEAD };
typedef enum outbox_result (*outbox_fn)(void *arg, struct str idempotency_key, struct str payload,
                                        int attempt);
struct outbox;
ERR_MUST_USE enum err outbox_new(struct db *db, struct clock clock, struct outbox **out);
void outbox_handle(struct outbox *o, const char *kind, outbox_fn fn, void *arg);
ERR_MUST_USE enum err outbox_start(struct outbox *o);
void outbox_kick(struct outbox *o);
void outbox_free(struct outbox **o);

#endif
