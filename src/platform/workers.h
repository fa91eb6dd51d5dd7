/* Threads that run jobs. Jobs with the same non-zero key run one after another, in order of submission, never two at once. */
#ifndef PLATFORM_WORKERS_H
#define PLATFORM_WORKERS_H

#include "base/err.h"

struct workers;
struct workers *workers_new(int n_threads, size_t max_queued);
void workers_stop(
    struct workers *w); /* runs what is queued, then joins; later submissions get ERR_UNAVAILABLE */
void workers_free(struct workers **w); /* stops first */
ERR_MUST_USE enum err workers_submit(struct workers *w, uint64_t key, void (*fn)(void *arg),
                                     void *arg); /* ERR_LIMIT: queue full */
size_t workers_queued(struct workers *w);

#endif
