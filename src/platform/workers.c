/* One mutex, one run queue. A keyed job whose key is busy waits in the list of that key; when the running one ends, the next of the list goes to the
 * end of the run queue, so that one busy connection cannot starve the others. */
#include "platform/workers.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/map.h"
#include "base/vec.h"

struct job {
    struct job *next;
    uint64_t key;
    void (*fn)(void *arg);
    void *arg;
};

struct job_list {
    struct job *first, *last;
};

struct workers {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct job_list run;
    struct idmap *busy; /* key -> struct job_list of what waits behind the running one */
    struct job *free;
    size_t n_queued, max_queued;
    int n_sleeping;
    bool is_stopping;
    VEC(pthread_t) threads;
};

static void list_push(struct job_list *l, struct job *j)
{
    j->next = NULL;
    if (l->first) {
        l->last->next = j;
    } else {
        l->first = j;
    }
    l->last = j;
}

static struct job *list_pop(struct job_list *l)
{
    struct job *j = l->first;
    if (j) {
        l->first = j->next;
    }
    return j;
}

static void key_done(struct workers *w, uint64_t key)
{
    struct job_list *waiting = idmap_find(w->busy, (int64_t)key);
    struct job *next = list_pop(waiting);
    if (next) {
        list_push(&w->run, next);
    } else {
        idmap_remove(w->busy, (int64_t)key);
        mem_free(waiting);
    }
}

static void *worker_main(void *arg)
{
    struct workers *w = arg;
    pthread_setname_np(pthread_self(), "worker");
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        struct job *j = list_pop(&w->run);
        if (!j) {
            if (w->is_stopping && w->n_queued == 0) {
                break;
            }
            w->n_sleeping++;
            pthread_cond_wait(&w->cond, &w->mutex);
            w->n_sleeping--;
            continue;
        }
        struct job job = *j;
        j->next = w->free;
        w->free = j;
        w->n_queued--;
        pthread_mutex_unlock(&w->mutex);
        job.fn(job.arg);
        pthread_mutex_lock(&w->mutex);
        if (job.key) {
            key_done(w, job.key);
        }
    }
    pthread_cond_broadcast(&w->cond); /* whoever sleeps may see now that nothing is left */
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

struct workers *workers_new(int n_threads, size_t max_queued)
{
    struct workers *w = MEM_NEW(struct workers);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->cond, NULL);
    w->busy = idmap_new();
    w->max_queued = max_queued;
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 1024UL * 1024);
    sigset_t all, old;
    sigfillset(&all); /* signals belong to the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (int i = 0; i < n_threads; i++) {
        pthread_t t;
        ASSERT(pthread_create(&t, &attr, worker_main, w) == 0);
        VEC_PUSH(&w->threads, t);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return w;
}

void workers_stop(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    w->is_stopping = true;
    pthread_cond_broadcast(&w->cond);
    pthread_mutex_unlock(&w->mutex);
    for (size_t i = 0; i < w->threads.len; i++) {
        pthread_join(w->threads.items[i], NULL);
    }
    VEC_RELEASE(&w->threads);
}

void workers_free(struct workers **workers)
{
    struct workers *w = *workers;
    if (!w) {
        return;
    }
    workers_stop(w);
    while (w->free) {
        struct job *j = w->free;
        w->free = j->next;
        mem_free(j);
    }
    idmap_free(&w->busy);
    pthread_cond_destroy(&w->cond);
    pthread_mutex_destroy(&w->mutex);
    mem_free(w);
    *workers = NULL;
}

static void place(struct workers *w, struct job *j)
{
    if (j->key) {
        struct job_list *waiting = idmap_find(w->busy, (int64_t)j->key);
        if (waiting) {
            list_push(waiting, j);
            return;
        }
        idmap_put(w->busy, (int64_t)j->key, MEM_NEW(struct job_list));
    }
    list_push(&w->run, j);
    if (w->n_sleeping > 0) {
        pthread_cond_signal(&w->cond);
    }
}

enum err workers_submit(struct workers *w, uint64_t key, void (*fn)(void *arg), void *arg)
{
    enum err err = ERR_OK;
    pthread_mutex_lock(&w->mutex);
    if (w->is_stopping) {
        err = ERR_UNAVAILABLE;
    } else if (w->n_queued >= w->max_queued) {
        err = ERR_LIMIT;
    } else {
        struct job *j = w->free;
        if (j) {
            w->free = j->next;
        } else {
            j = MEM_NEW(struct job);
        }
        *j = (struct job){.key = key, .fn = fn, .arg = arg};
        w->n_queued++;
        place(w, j);
    }
    pthread_mutex_unlock(&w->mutex);
    return err;
}

size_t workers_queued(struct workers *w)
{
    pthread_mutex_lock(&w->mutex);
    size_t n = w->n_queued;
    pthread_mutex_unlock(&w->mutex);
    return n;
}
