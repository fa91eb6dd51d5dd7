/* The lease of this process and the watch over the others. One thread; what others ask for is atomic.
 *
 * Rejected: comparing seen_at with a clock (clocks differ, and jump); advisory locks held by a connection (a paused process keeps its connection and with it
 * the lock, and a connection that breaks loses it though nobody is gone); killing the process on a lost lease (its clients are better off told to come again). */
#include "platform/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/crypto.h"

#define NODES_MAX 64 /* watched at a time */
#define NODE_KEEP_MS TIME_DAY_MS
#define NODE_LISTED_MS TIME_HOUR_MS

struct node_call {
    void (*fn)(void *arg);
    enum err (*ended)(struct db_txn *txn, void *arg, int64_t id);
    void *arg;
};
/* Another node, as it was seen. */
struct watched {
    int64_t id, beat;
    int64_t since_ms; /* the beat stands since then, by our watch; 0: a free place */
    int64_t lease_ms;
    bool is_listed; /* in the look that runs */
};

struct node {
    struct db *db;
    struct clock clock;
    char *name, *version;
    int schema_version;
    int64_t lease_ms, beat_every_ms;
    VEC(struct node_call) on_ended;
    VEC(struct node_call) on_lost;
    VEC(struct node_call) on_tick;
    atomic_int_fast64_t id, beaten_at_ms;
    atomic_int n_others;
    atomic_int_fast64_t others[NODES_MAX]; /* the first n_others */
    struct watched watched[NODES_MAX];
    int64_t looked_at_ms;
    pthread_t thread;
    pthread_mutex_t lock; /* of the two below */
    pthread_cond_t wake;
    bool is_started, is_stopping;
};

/* Goes on while the machine sleeps, and does not jump. */
static int64_t watch_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- rows ---- */

struct taking {
    struct node *node;
    int64_t id;
};

static enum err take_fn(struct db_txn *txn, void *arg)
{
    struct taking *t = arg;
    const struct node *n = t->node;
    int64_t now = clock_now(&n->clock);
    enum err err = DB_EXEC(txn,
                           "DELETE FROM node_beats WHERE node_id IN (SELECT id FROM nodes WHERE "
                           "ended_at < $1)",
                           db_i64(now - NODE_KEEP_MS));
    if (err == ERR_OK) {
        err = DB_EXEC(txn, "DELETE FROM nodes WHERE ended_at < $1", db_i64(now - NODE_KEEP_MS));
    }
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &t->id,
                           "INSERT INTO nodes (name, version, schema_version, lease_ms, "
                           "started_at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
                           db_text(str_from(n->name)), db_text(str_from(n->version)),
                           db_i64(n->schema_version), db_i64(n->lease_ms), db_i64(now));
    }
    return err != ERR_OK
               ? err
               : DB_EXEC(txn, "INSERT INTO node_beats (node_id, beat, seen_at) VALUES ($1, 0, $2)",
                         db_i64(t->id), db_i64(now));
}

static enum err take(struct node *n)
{
    struct taking t = {.node = n};
    int64_t began_ms = watch_ms();
    enum err err = db_write(n->db, take_fn, &t);
    if (err == ERR_OK) {
        atomic_store(&n->id, t.id);
        atomic_store(&n->beaten_at_ms, began_ms);
        LOG_INFO("node", "lease", log_i64("id", t.id), log_cstr("name", n->name));
    }
    return err;
}

struct beating {
    const struct node *node;
    bool is_lost;
};

static enum err beat_fn(struct db_txn *txn, void *arg)
{
    struct beating *b = arg;
    int64_t n_changed = 0;
    enum err err =
        db_exec(txn,
                "UPDATE node_beats SET beat = beat + 1, seen_at = $2 WHERE node_id = $1 AND EXISTS "
                "(SELECT 1 FROM nodes WHERE id = $1 AND ended_at IS NULL)",
                DB_ARGS(db_i64(node_id(b->node)), db_i64(clock_now(&b->node->clock))), &n_changed);
    b->is_lost = err == ERR_OK && n_changed == 0;
    return err;
}

struct ending {
    struct node *node;
    int64_t id, beat; /* beat < 0: whatever it is */
    bool is_done;
};

static enum err end_fn(struct db_txn *txn, void *arg)
{
    struct ending *e = arg;
    int64_t n_changed = 0;
    enum err err = db_exec(
        txn,
        "UPDATE nodes SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND EXISTS (SELECT 1 "
        "FROM node_beats WHERE node_id = $1 AND ($3 < 0 OR beat = $3))",
        DB_ARGS(db_i64(e->id), db_i64(clock_now(&e->node->clock)), db_i64(e->beat)), &n_changed);
    e->is_done = n_changed > 0;
    for (size_t i = 0; i < e->node->on_ended.len && err == ERR_OK && e->is_done; i++) {
        const struct node_call *c = &e->node->on_ended.items[i];
        err = c->ended(txn, c->arg, e->id);
    }
    return err;
}

enum err node_check(struct db_txn *txn, int64_t id)
{
    int64_t n = 0;
    enum err err = DB_QUERY_I64(
        txn, &n, "SELECT COUNT(*) FROM nodes WHERE id = $1 AND ended_at IS NULL", db_i64(id));
    return err == ERR_OK && n == 0 ? ERR_AGAIN : err;
}

/* ---- watching the others ---- */

struct looking {
    struct node *node;
    struct watched seen[NODES_MAX];
    size_t n;
};

static enum err look_fn(struct db_txn *txn, void *arg)
{
    struct looking *l = arg;
    struct db_rows *rows = NULL;
    l->n = 0;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT n.id, b.beat, n.lease_ms FROM nodes n JOIN node_beats b ON "
                            "b.node_id = n.id WHERE n.ended_at IS NULL AND n.id <> $1 ORDER BY "
                            "n.id LIMIT 64",
                            db_i64(node_id(l->node)));
    if (err != ERR_OK) {
        return err;
    }
    while (l->n < NODES_MAX && db_rows_next(rows)) {
        l->seen[l->n++] = (struct watched){.id = db_rows_i64(rows, 0),
                                           .beat = db_rows_i64(rows, 1),
                                           .lease_ms = db_rows_i64(rows, 2)};
    }
    return db_rows_close(&rows);
}

/* The place of this id, or a free one. */
static struct watched *place_of(struct node *n, int64_t id)
{
    struct watched *free_place = NULL;
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (n->watched[i].since_ms != 0 && n->watched[i].id == id) {
            return &n->watched[i];
        }
        if (n->watched[i].since_ms == 0) {
            free_place = &n->watched[i];
        }
    }
    return free_place;
}

static void end_if_still(struct node *n, struct watched *w, int64_t now_ms)
{
    if (now_ms - w->since_ms <= w->lease_ms) {
        return;
    }
    struct ending e = {.node = n, .id = w->id, .beat = w->beat};
    enum err err = db_write(n->db, end_fn, &e);
    if (err != ERR_OK) {
        LOG_WARN("node", "a lease that is over cannot be ended", log_i64("id", w->id),
                 log_cstr("err", err_name(err)));
    } else if (e.is_done) {
        LOG_WARN("node", "lease ended: no beat", log_i64("id", w->id),
                 log_i64("silent_ms", now_ms - w->since_ms));
        *w = (struct watched){0};
    }
}

/* Whoever could not look for a while (no database, a pause) has seen nothing stand still. */
static void look(struct node *n)
{
    struct looking l = {.node = n};
    if (db_read(n->db, look_fn, &l) != ERR_OK) {
        return;
    }
    int64_t now_ms = watch_ms();
    bool was_blind = now_ms - n->looked_at_ms > 4 * n->beat_every_ms;
    n->looked_at_ms = now_ms;
    for (size_t i = 0; i < l.n; i++) {
        atomic_store(&n->others[i], l.seen[i].id);
    }
    atomic_store(&n->n_others, (int)l.n);
    for (size_t i = 0; i < NODES_MAX; i++) {
        n->watched[i].is_listed = false;
    }
    for (size_t i = 0; i < l.n; i++) {
        struct watched *w = place_of(n, l.seen[i].id);
        if (w == NULL) {
            continue;
        }
        if (w->since_ms == 0 || w->beat != l.seen[i].beat || was_blind) {
            *w = l.seen[i];
            w->since_ms = now_ms;
        }
        w->is_listed = true;
        end_if_still(n, w, now_ms);
    }
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (!n->watched[i].is_listed) {
            n->watched[i] = (struct watched){0};
        }
    }
}

/* ---- beating ---- */

static void lost(struct node *n)
{
    LOG_WARN("node", "the lease was lost: this process was silent for too long",
             log_i64("id", node_id(n)));
    if (take(n) != ERR_OK) {
        return; /* the next beat finds the old one lost again */
    }
    for (size_t i = 0; i < n->on_lost.len; i++) {
        n->on_lost.items[i].fn(n->on_lost.items[i].arg);
    }
}

void node_beat_now(struct node *n)
{
    struct beating b = {.node = n};
    int64_t began_ms = watch_ms();
    enum err err = db_write(n->db, beat_fn, &b);
    if (err != ERR_OK) {
        LOG_WARN("node", "no beat", log_cstr("err", err_name(err)));
        return;
    }
    if (b.is_lost) {
        lost(n);
    } else {
        atomic_store(&n->beaten_at_ms, began_ms);
    }
    look(n);
    for (size_t i = 0; i < n->on_tick.len; i++) {
        n->on_tick.items[i].fn(n->on_tick.items[i].arg);
    }
}

static bool sleep_until_beat(struct node *n, int64_t next_ms)
{
    (void)pthread_mutex_lock(&n->lock);
    while (!n->is_stopping) {
        int64_t left_ms = next_ms - watch_ms();
        if (left_ms <= 0) {
            break;
        }
        int64_t at = time_monotonic_ns() + left_ms * 1000000;
        struct timespec ts = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
        (void)pthread_cond_timedwait(&n->wake, &n->lock, &ts);
    }
    bool goes_on = !n->is_stopping;
    (void)pthread_mutex_unlock(&n->lock);
    return goes_on;
}

static void *node_main(void *arg)
{
    struct node *n = arg;
    int64_t next_ms = 0;
    do {
        next_ms = watch_ms() + n->beat_every_ms;
        node_beat_now(n);
    } while (sleep_until_beat(n, next_ms));
    return NULL;
}

/* ---- life ---- */

enum err node_open(const struct node_options *options, struct node **out, struct errinfo *info)
{
    ASSERT(!db_is_single_node(options->db));
    struct node *n = MEM_NEW(struct node);
    n->db = options->db;
    n->clock = options->clock;
    ARENA_AUTO arena = arena_new(0);
    n->name = mem_strdup(str_to_cstr(arena, options->name));
    n->version = mem_strdup(str_to_cstr(arena, options->version));
    n->schema_version = options->schema_version;
    n->lease_ms = options->lease_ms > 0 ? options->lease_ms : NODE_LEASE_MS;
    n->beat_every_ms = n->lease_ms / 10 > 1000 ? 1000 : n->lease_ms / 10;
    n->looked_at_ms = watch_ms();
    (void)pthread_mutex_init(&n->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&n->wake, &attr);
    (void)pthread_condattr_destroy(&attr);
    enum err err = take(n);
    if (err != ERR_OK) {
        node_free(&n);
        return err_set(info, err, "node", "lease", "no lease can be taken in the database");
    }
    *out = n;
    return ERR_OK;
}

void node_on_ended(struct node *n, enum err (*fn)(struct db_txn *txn, void *arg, int64_t id),
                   void *arg)
{
    ASSERT(!n->is_started);
    VEC_PUSH(&n->on_ended, ((struct node_call){.ended = fn, .arg = arg}));
}

void node_on_lost(struct node *n, void (*fn)(void *arg), void *arg)
{
    ASSERT(!n->is_started);
    VEC_PUSH(&n->on_lost, ((struct node_call){.fn = fn, .arg = arg}));
}

void node_on_tick(struct node *n, void (*fn)(void *arg), void *arg)
{
    ASSERT(!n->is_started);
    VEC_PUSH(&n->on_tick, ((struct node_call){.fn = fn, .arg = arg}));
}

enum err node_start(struct node *n)
{
    if (pthread_create(&n->thread, NULL, node_main, n) != 0) {
        return ERR_UNAVAILABLE;
    }
    n->is_started = true;
    return ERR_OK;
}

void node_stop(struct node *n)
{
    (void)pthread_mutex_lock(&n->lock);
    n->is_stopping = true;
    (void)pthread_cond_signal(&n->wake);
    (void)pthread_mutex_unlock(&n->lock);
    if (n->is_started) {
        (void)pthread_join(n->thread, NULL);
    }
    n->is_started = false;
    struct ending e = {.node = n, .id = node_id(n), .beat = -1};
    enum err err = db_write(n->db, end_fn, &e);
    if (err != ERR_OK) {
        LOG_WARN("node", "the lease runs out by itself", log_cstr("err", err_name(err)));
    }
}

void node_free(struct node **node)
{
    struct node *n = *node;
    if (n == NULL) {
        return;
    }
    ASSERT(!n->is_started);
    VEC_RELEASE(&n->on_ended);
    VEC_RELEASE(&n->on_lost);
    VEC_RELEASE(&n->on_tick);
    (void)pthread_cond_destroy(&n->wake);
    (void)pthread_mutex_destroy(&n->lock);
    mem_free(n->name);
    mem_free(n->version);
    mem_free(n);
    *node = NULL;
}

/* ---- asked by others ---- */

int64_t node_id(const struct node *n)
{
    return n == NULL ? 0 : atomic_load(&n->id);
}

bool node_is_alive(const struct node *n)
{
    return n == NULL || watch_ms() - atomic_load(&n->beaten_at_ms) < n->lease_ms;
}

int node_others(const struct node *n)
{
    return n == NULL ? 0 : atomic_load(&n->n_others);
}

bool node_is_other(const struct node *n, int64_t id)
{
    for (int i = 0; i < node_others(n); i++) {
        if (atomic_load(&n->others[i]) == id) {
            return true;
        }
    }
    return false;
}

enum err node_write_json(const struct node *n, struct db_txn *txn, struct json_writer *w)
{
    struct db_rows *rows = NULL;
    json_array_begin(w);
    enum err err =
        n == NULL ? ERR_OK
                  : DB_QUERY(txn, &rows,
                             "SELECT n.id, n.name, n.version, n.schema_version, n.started_at, "
                             "n.ended_at, b.seen_at FROM nodes n JOIN node_beats b ON b.node_id = "
                             "n.id WHERE n.ended_at IS NULL OR n.ended_at > $1 ORDER BY n.id DESC "
                             "LIMIT 200",
                             db_i64(clock_now(&n->clock) - NODE_LISTED_MS));
    while (err == ERR_OK && n != NULL && db_rows_next(rows)) {
        json_object_begin(w);
        json_kv_id(w, "id", db_rows_i64(rows, 0));
        json_kv_str(w, "name", db_rows_str(rows, 1));
        json_kv_str(w, "version", db_rows_str(rows, 2));
        json_kv_i64(w, "schema_version", db_rows_i64(rows, 3));
        json_kv_time(w, "started_at", db_rows_i64(rows, 4));
        json_kv_time(w, "seen_at", db_rows_i64(rows, 6));
        json_kv_time(w, "ended_at", db_rows_i64(rows, 5));
        json_kv_bool(w, "is_this", db_rows_i64(rows, 0) == node_id(n));
        json_object_end(w);
    }
    json_array_end(w);
    return rows == NULL ? err : db_rows_close(&rows);
}

/* ---- the key ---- */

enum err node_check_key(struct db_txn *txn, const uint8_t key[32])
{
    uint8_t mac[32];
    struct arena *arena = db_txn_arena(txn);
    crypto_hmac_sha256((struct str){(const char *)key, 32}, STR("stablehand key check"), mac);
    struct str mine = codec_hex(arena, mac, 16);
    enum err err = DB_EXEC(
        txn, "INSERT INTO installation (id, key_check) VALUES (1, $1) ON CONFLICT (id) DO NOTHING",
        db_text(mine));
    int64_t n = 0;
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &n,
                           "SELECT COUNT(*) FROM installation WHERE id = 1 AND key_check = $1",
                           db_text(mine));
    }
    return err == ERR_OK && n == 0 ? ERR_CONFLICT : err;
}
