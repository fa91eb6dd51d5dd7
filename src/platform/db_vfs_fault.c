/* See db_vfs_fault.h. State is per process, because SQLite's list of VFSes is: one rule, and one node per file name that all connections share (what one
 * connection wrote but did not sync must be seen by the others). */
#include "platform/db_vfs_fault.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "base/vec.h"

#define SECTOR 512

struct pending {
    int64_t at;
    char *bytes;
    size_t len;
};

struct node {
    struct node *next;
    char *path;
    VEC(struct pending) pending; /* forgetful: in the order they were written */
    sqlite3_file *real; /* the connection that wrote last: the power cut writes through it */
};

struct fault_file {
    sqlite3_file base;
    struct node *node;
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    struct node *nodes;
    struct db_fault_rule rule;
    bool has_rule, is_forgetful, is_registered;
    int64_t n_seen, n_failed;
} fault = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the decision ---- */

/* The code that this operation must fail with, or SQLITE_OK. */
static int decide(unsigned op, const struct node *node, bool *is_short_out)
{
    int code = SQLITE_OK;
    (void)pthread_mutex_lock(&fault.lock);
    if (fault.has_rule && (fault.rule.ops & op) != 0 &&
        (fault.rule.suffix == NULL ||
         str_ends(str_from(node->path), str_from(fault.rule.suffix)))) {
        int64_t at = fault.n_seen++;
        if (at >= fault.rule.after &&
            (fault.rule.times < 0 || at < fault.rule.after + fault.rule.times)) {
            code = fault.rule.code;
            *is_short_out = fault.rule.is_short;
        }
    }
    fault.n_failed += code != SQLITE_OK;
    (void)pthread_mutex_unlock(&fault.lock);
    return code;
}

/* ---- forgetful writes; with the lock held ---- */

static int flush_pending(struct node *node, sqlite3_file *real)
{
    int rc = SQLITE_OK;
    for (size_t i = 0; i < node->pending.len; i++) {
        struct pending *p = &node->pending.items[i];
        if (rc == SQLITE_OK) {
            rc = real->pMethods->xWrite(real, p->bytes, (int)p->len, p->at);
        }
        mem_free(p->bytes);
    }
    VEC_CLEAR(&node->pending);
    return rc;
}

static int64_t pending_end(const struct node *node)
{
    int64_t end = 0;
    for (size_t i = 0; i < node->pending.len; i++) {
        int64_t e = node->pending.items[i].at + (int64_t)node->pending.items[i].len;
        end = e > end ? e : end;
    }
    return end;
}

static void overlay(const struct node *node, char *out, int64_t at, size_t len)
{
    for (size_t i = 0; i < node->pending.len; i++) {
        const struct pending *p = &node->pending.items[i];
        int64_t from = p->at > at ? p->at : at;
        int64_t to = p->at + (int64_t)p->len < at + (int64_t)len ? p->at + (int64_t)p->len
                                                                 : at + (int64_t)len;
        if (from < to) {
            memcpy(out + (from - at), p->bytes + (from - p->at), (size_t)(to - from));
        }
    }
}

/* ---- methods ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static int f_close(sqlite3_file *file)
{
    struct fault_file *f = (struct fault_file *)file;
    (void)pthread_mutex_lock(&fault.lock);
    if (f->node->real == f->real) {
        (void)flush_pending(f->node, f->real); /* an orderly close is no power cut */
        f->node->real = NULL;
    }
    (void)pthread_mutex_unlock(&fault.lock);
    return f->real->pMethods->xClose(f->real);
}

static int f_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    (void)pthread_mutex_lock(&fault.lock);
    int rc = f->real->pMethods->xRead(f->real, out, len, at);
    if (f->node->pending.len > 0 && (rc == SQLITE_OK || rc == SQLITE_IOERR_SHORT_READ)) {
        overlay(f->node, out, at, (size_t)len);
        rc = pending_end(f->node) >= at + len ? SQLITE_OK : rc;
    }
    (void)pthread_mutex_unlock(&fault.lock);
    return rc;
}

static int f_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
    struct fault_file *f = (struct fault_file *)file;
    bool is_short = false;
    int code = decide(DB_FAULT_WRITE, f->node, &is_short);
    if (code != SQLITE_OK) {
        if (is_short && len > 1) {
            (void)f->real->pMethods->xWrite(f->real, bytes, len / 2, at);
        }
        return code;
    }
    if (!fault.is_forgetful) {
        return f->real->pMethods->xWrite(f->real, bytes, len, at);
    }
    struct pending p = {.at = at, .bytes = mem_alloc((size_t)len), .len = (size_t)len};
    memcpy(p.bytes, bytes, (size_t)len);
    (void)pthread_mutex_lock(&fault.lock);
    VEC_PUSH(&f->node->pending, p);
    f->node->real = f->real;
    (void)pthread_mutex_unlock(&fault.lock);
    return SQLITE_OK;
}

static int f_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct fault_file *f = (struct fault_file *)file;
    (void)pthread_mutex_lock(&fault.lock);
    (void)flush_pending(f->node, f->real);
    (void)pthread_mutex_unlock(&fault.lock);
    return f->real->pMethods->xTruncate(f->real, size);
}

static int f_sync(sqlite3_file *file, int flags)
{
    struct fault_file *f = (struct fault_file *)file;
    bool is_short = false;
    int code = decide(DB_FAULT_SYNC, f->node, &is_short);
    if (code != SQLITE_OK) {
        return code;
    }
    (void)pthread_mutex_lock(&fault.lock);
    int rc = flush_pending(f->node, f->real);
    (void)pthread_mutex_unlock(&fault.lock);
    return rc != SQLITE_OK ? rc : f->real->pMethods->xSync(f->real, flags);
}

static int f_file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    struct fault_file *f = (struct fault_file *)file;
    (void)pthread_mutex_lock(&fault.lock);
    int rc = f->real->pMethods->xFileSize(f->real, out);
    int64_t end = pending_end(f->node);
    *out = end > *out ? end : *out;
    (void)pthread_mutex_unlock(&fault.lock);
    return rc;
}

static int f_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int f_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int f_check_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int f_control(sqlite3_file *file, int op, void *arg)
{
    /* A size hint would grow the file behind the rule's back. */
    return op == SQLITE_FCNTL_SIZE_HINT
               ? SQLITE_OK
               : real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int f_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int f_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int f_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int f_shm_lock(sqlite3_file *file, int at, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), at, n, flags);
}

static void f_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int f_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = f_close,
    .xRead = f_read,
    .xWrite = f_write,
    .xTruncate = f_truncate,
    .xSync = f_sync,
    .xFileSize = f_file_size,
    .xLock = f_lock,
    .xUnlock = f_unlock,
    .xCheckReservedLock = f_check_lock,
    .xFileControl = f_control,
    .xSectorSize = f_sector,
    .xDeviceCharacteristics = f_device,
    .xShmMap = f_shm_map,
    .xShmLock = f_shm_lock,
    .xShmBarrier = f_shm_barrier,
    .xShmUnmap = f_shm_unmap,
};

static struct node *node_of(const char *path)
{
    (void)pthread_mutex_lock(&fault.lock);
    struct node *n = fault.nodes;
    while (n != NULL && strcmp(n->path, path) != 0) {
        n = n->next;
    }
    if (n == NULL) {
        n = MEM_NEW(struct node);
        n->path = mem_strdup(path);
        n->next = fault.nodes;
        fault.nodes = n;
    }
    (void)pthread_mutex_unlock(&fault.lock);
    return n;
}

static int f_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *flags_out)
{
    struct fault_file *f = (struct fault_file *)file;
    UNUSED(vfs);
    f->base.pMethods = NULL;
    f->real = (sqlite3_file *)(f + 1);
    int rc = fault.real->xOpen(fault.real, path, f->real, flags, flags_out);
    if (rc == SQLITE_OK) {
        f->node = node_of(path != NULL ? path : "");
        f->base.pMethods = &methods;
    }
    return rc;
}

/* ---- from outside ---- */

void db_vfs_fault_register(void)
{
    if (fault.is_registered) {
        return;
    }
    fault.real = sqlite3_vfs_find(NULL);
    fault.vfs = *fault.real;
    fault.vfs.zName = "fault";
    fault.vfs.pNext = NULL;
    fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
    fault.vfs.xOpen = f_open;
    ASSERT(sqlite3_vfs_register(&fault.vfs, 0) == SQLITE_OK);
    fault.is_registered = true;
}

void db_vfs_fault_set(const struct db_fault_rule *rule)
{
    (void)pthread_mutex_lock(&fault.lock);
    fault.has_rule = rule != NULL;
    fault.n_seen = 0;
    fault.n_failed = 0;
    if (rule != NULL) {
        fault.rule = *rule;
    }
    (void)pthread_mutex_unlock(&fault.lock);
}

int64_t db_vfs_fault_count(void)
{
    (void)pthread_mutex_lock(&fault.lock);
    int64_t n = fault.n_failed;
    (void)pthread_mutex_unlock(&fault.lock);
    return n;
}

void db_vfs_fault_forgetful(void)
{
    fault.is_forgetful = true;
}

_Noreturn void db_vfs_fault_power_cut(uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    (void)pthread_mutex_lock(&fault.lock); /* for ever */
    for (struct node *n = fault.nodes; n != NULL; n = n->next) {
        for (size_t tries = n->pending.len; tries > 0 && n->real != NULL; tries--) {
            const struct pending *p = &n->pending.items[rng_below(&rng, n->pending.len)];
            size_t len = rng_below(&rng, 4) == 0 ? p->len / 2 / SECTOR * SECTOR : p->len;
            if (rng_below(&rng, 2) == 0 && len > 0) {
                (void)n->real->pMethods->xWrite(n->real, p->bytes, (int)len, p->at);
            }
        }
    }
    _exit(9);
}
