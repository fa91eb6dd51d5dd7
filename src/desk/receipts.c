/* A stack that any thread pushes on with one exchange; the thread below takes all of it, some 100 ms after the first mark came, folds it per conversation, and
 * writes it in one transaction. A lost power supply loses marks of the last moment: the next one makes up for it.
 *
 * This is the one thread of the desk: the platform has timers at the second, on the database, and this wants neither. */
#include "desk/receipts.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/mention.h"
#include "desk/presence.h"
#include "desk/tell.h"

#define AT_ONCE 500        /* frames in a notice */
#define MAX_WAITING 200000 /* marks; more are dropped, later ones stand for them */

struct mark {
    struct mark *next;
    enum receipt_kind kind;
    struct conversation_id conversation;
    struct customer_id customer;
    struct inbox_id inbox;
    struct agent_id agent;
    int64_t seq;
};

struct receipts {
    struct desk *desk;
    _Atomic(struct mark *) head;
    atomic_int n_waiting;
    pthread_t thread;
    sem_t wake;
    atomic_bool is_stopping;
    bool is_started;
};

/* One conversation's marks folded together. */
struct fold {
    struct conversation_id conversation;
    struct customer_id customer;
    struct inbox_id inbox;
    struct agent_id agent; /* who read; 0: a customer */
    int64_t customer_read, customer_delivered, agent_read;
    bool is_load; /* only the agent counts */
    /* result */
    bool is_changed;
    int64_t n_mentions_seen;
    int64_t out[3];
};
struct batch {
    struct desk *desk;
    VEC(struct fold) folds;
};

struct receipts *receipts_new(struct desk *desk)
{
    struct receipts *r = MEM_NEW(struct receipts);
    r->desk = desk;
    (void)sem_init(&r->wake, 0, 0);
    return r;
}

void receipts_add(struct receipts *r, enum receipt_kind kind, struct conversation_id conversation,
                  struct customer_id customer, struct inbox_id inbox, struct agent_id agent,
                  int64_t seq)
{
    if (seq <= 0 || atomic_load_explicit(&r->n_waiting, memory_order_relaxed) > MAX_WAITING) {
        return;
    }
    struct mark *m = MEM_NEW(struct mark);
    *m = (struct mark){NULL, kind, conversation, customer, inbox, agent, seq};
    struct mark *head = atomic_load_explicit(&r->head, memory_order_relaxed);
    do {
        m->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&r->head, &head, m, memory_order_release,
                                                    memory_order_relaxed));
    (void)atomic_fetch_add_explicit(&r->n_waiting, 1, memory_order_relaxed);
    if (head == NULL) { /* the first after the thread took everything */
        (void)sem_post(&r->wake);
    }
}

void receipts_add_load(struct receipts *r, struct agent_id agent)
{
    receipts_add(r, RECEIPT_AGENT_LOAD, (struct conversation_id){0}, (struct customer_id){0},
                 (struct inbox_id){0}, agent, 1);
}

static void fold_in(struct fold *f, const struct mark *m)
{
    if (m->kind == RECEIPT_AGENT_LOAD) {
        f->agent = m->agent;
        f->is_load = true;
        return;
    }
    int64_t *at = m->kind == RECEIPT_CUSTOMER_READ        ? &f->customer_read
                  : m->kind == RECEIPT_CUSTOMER_DELIVERED ? &f->customer_delivered
                                                          : &f->agent_read;
    *at = m->seq > *at ? m->seq : *at;
    if (m->kind == RECEIPT_AGENT_READ) {
        f->agent = m->agent;
    }
}

/* Agents' marks are folded by conversation and agent, since each has mentions of their own; customers' by conversation, or by customer when they name none. The
 * three never share a key: agents have the even ones (with room for 2^20 agents and 2^42 conversations; their loads those below 0), customers the odd ones on
 * both sides of 0. */
static int64_t key_of(const struct mark *m)
{
    if (m->kind == RECEIPT_AGENT_LOAD) {
        return m->agent.v * -2;
    }
    if (m->kind == RECEIPT_AGENT_READ) {
        return ((m->conversation.v << 20) | (m->agent.v & 0xfffff)) * 2;
    }
    return m->conversation.v != 0 ? m->conversation.v * 2 + 1 : -(m->customer.v * 2 + 1);
}

/* Rows are locked in the order of their numbers, as messages that share a transaction do (db_pg_batch.c): otherwise one has what the other waits for, and everybody who
 * writes there waits until the database looks for deadlocks. */
static int by_conversation(const void *a, const void *b)
{
    const struct fold *x = a, *y = b;
    return (x->conversation.v > y->conversation.v) - (x->conversation.v < y->conversation.v);
}

static void take(struct receipts *r, struct batch *b)
{
    struct mark *m = atomic_exchange_explicit(&r->head, NULL, memory_order_acquire);
    struct idmap *index = idmap_new(); /* key -> place + 1 */
    int n = 0;
    while (m != NULL) {
        struct mark *next = m->next;
        uintptr_t at = (uintptr_t)idmap_find(index, key_of(m));
        if (at == 0) {
            VEC_PUSH(&b->folds, ((struct fold){.conversation = m->conversation,
                                               .customer = m->customer,
                                               .inbox = m->inbox}));
            at = b->folds.len;
            (void)idmap_put(index, key_of(m), (void *)at);
        }
        fold_in(&b->folds.items[at - 1], m);
        mem_free(m);
        m = next;
        n++;
    }
    idmap_free(&index);
    if (b->folds.len > 1) {
        qsort(b->folds.items, b->folds.len, sizeof b->folds.items[0], by_conversation);
    }
    (void)atomic_fetch_sub_explicit(&r->n_waiting, n, memory_order_relaxed);
}

static enum err write_customer(struct db_txn *txn, struct fold *f)
{
    struct db_rows *rows = NULL;
    enum err err =
        f->conversation.v != 0
            ? DB_QUERY_ONE(
                  txn, &rows,
                  "UPDATE conversations SET customer_read_seq = CASE WHEN $3 > last_seq THEN "
                  "last_seq WHEN $3 > customer_read_seq THEN $3 ELSE customer_read_seq END, "
                  "customer_delivered_seq = CASE WHEN $4 > last_seq THEN last_seq WHEN $4 > "
                  "customer_delivered_seq THEN $4 ELSE customer_delivered_seq END "
                  "WHERE id = $1 AND customer_id = $2 AND (customer_read_seq < $3 OR "
                  "customer_delivered_seq < $4) "
                  "RETURNING id, customer_id, inbox_id, customer_read_seq, customer_delivered_seq, "
                  "agent_read_seq",
                  db_i64(f->conversation.v), db_i64(f->customer.v), db_i64(f->customer_read),
                  db_i64(f->customer_delivered > f->customer_read ? f->customer_delivered
                                                                  : f->customer_read))
            : DB_QUERY_ONE(
                  txn, &rows,
                  "UPDATE conversations SET customer_read_seq = CASE WHEN $3 > last_seq THEN "
                  "last_seq WHEN $3 > customer_read_seq THEN $3 ELSE customer_read_seq END, "
                  "customer_delivered_seq = CASE WHEN $4 > last_seq THEN last_seq WHEN $4 > "
                  "customer_delivered_seq THEN $4 ELSE customer_delivered_seq END "
                  "WHERE customer_id = $1 AND inbox_id = $2 AND state <> 3 AND (customer_read_seq "
                  "< $3 OR customer_delivered_seq < $4) "
                  "RETURNING id, customer_id, inbox_id, customer_read_seq, customer_delivered_seq, "
                  "agent_read_seq",
                  db_i64(f->customer.v), db_i64(f->inbox.v), db_i64(f->customer_read),
                  db_i64(f->customer_delivered > f->customer_read ? f->customer_delivered
                                                                  : f->customer_read));
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    f->conversation.v = db_rows_i64(rows, 0);
    f->customer.v = db_rows_i64(rows, 1);
    f->inbox.v = db_rows_i64(rows, 2);
    for (int i = 0; i < 3; i++) {
        f->out[i] = db_rows_i64(rows, 3 + i);
    }
    f->is_changed = true;
    return db_rows_close(&rows);
}

static enum err write_agent(struct db_txn *txn, struct fold *f, int64_t now)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "UPDATE conversations SET agent_read_seq = CASE WHEN $2 > last_seq THEN last_seq ELSE $2 "
        "END, "
        "unread = CASE WHEN $2 >= last_customer_seq THEN 0 ELSE (SELECT COUNT(*) FROM messages m "
        "WHERE m.conversation_id = $1 AND m.seq > $2 AND m.author_kind = 0) "
        "END WHERE id = $1 AND agent_read_seq < $2 RETURNING id, customer_id, inbox_id, "
        "customer_read_seq, customer_delivered_seq, agent_read_seq",
        db_i64(f->conversation.v), db_i64(f->agent_read));
    if (err == ERR_OK) {
        f->customer.v = db_rows_i64(rows, 1);
        f->inbox.v = db_rows_i64(rows, 2);
        for (int i = 0; i < 3; i++) {
            f->out[i] = db_rows_i64(rows, 3 + i);
        }
        f->is_changed = true;
        err = db_rows_close(&rows);
    } else if (err == ERR_NOT_FOUND) {
        err = ERR_OK;
    }
    return err != ERR_OK || f->agent.v == 0
               ? err
               : mention_mark_seen(txn, f->agent, f->conversation, f->agent_read, now,
                                   &f->n_mentions_seen);
}

/* Who has read it has other tabs, which show the list and not the conversation. */
static struct desk_frame frame_of(const struct fold *f, struct arena *arena)
{
    BUF_AUTO b;
    buf_init(&b, 1024);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "receipt");
    json_kv_id(&w, "conversation_id", f->conversation.v);
    json_kv_i64(&w, "customer_read_seq", f->out[0]);
    json_kv_i64(&w, "customer_delivered_seq", f->out[1]);
    json_kv_i64(&w, "agent_read_seq", f->out[2]);
    json_object_end(&w);
    return (struct desk_frame){.topics = {topic_of_conversation(f->conversation),
                                          topic_of_visitor(f->inbox, f->customer),
                                          topic_of_agent(f->agent)},
                               .n_topics = f->agent.v != 0 ? 3 : 2,
                               .bytes = str_dup(arena, buf_str(&b))};
}

/* All frames of a batch are one notice; a node that has just come misses nothing that its clients do not load. */
static enum err tell_others(const struct batch *b, struct db_txn *txn)
{
    if (!desk_has_others(b->desk)) {
        return ERR_OK;
    }
    struct arena *arena = db_txn_arena(txn);
    struct desk_frame *frames = ARENA_ARRAY(arena, struct desk_frame, AT_ONCE);
    enum err err = ERR_OK;
    size_t n = 0;
    for (size_t i = 0; i < b->folds.len && err == ERR_OK; i++) {
        const struct fold *f = &b->folds.items[i];
        if (f->is_changed) {
            frames[n++] = frame_of(f, arena);
        }
        if (f->n_mentions_seen > 0) {
            frames[n++] = mention_seen_frame(f->agent, f->conversation, arena);
        }
        if (n + 2 > AT_ONCE || i + 1 == b->folds.len) {
            err = desk_tell_others(txn, b->desk, frames, n);
            n = 0;
        }
    }
    return err;
}

static enum err write_fn(struct db_txn *txn, void *arg)
{
    struct batch *b = arg;
    enum err err = ERR_OK;
    for (size_t i = 0; i < b->folds.len && err == ERR_OK; i++) {
        struct fold *f = &b->folds.items[i];
        f->is_changed = false;
        f->n_mentions_seen = 0;
        err = f->is_load          ? presence_tell(b->desk, txn, f->agent)
              : f->agent_read > 0 ? write_agent(txn, f, desk_now(b->desk))
                                  : write_customer(txn, f);
    }
    return err != ERR_OK ? err : tell_others(b, txn);
}

static void tell_here(struct desk *desk, const struct fold *f, struct arena *arena)
{
    struct desk_frame frame = frame_of(f, arena);
    desk->wire.publish(desk->wire.arg, frame.topics, frame.n_topics, 0, frame.bytes, NULL);
}

enum err receipts_flush(struct receipts *r)
{
    struct batch b = {.desk = r->desk};
    take(r, &b);
    ARENA_AUTO arena = arena_new(0);
    enum err err = b.folds.len > 0 ? db_write(r->desk->db, write_fn, &b) : ERR_OK;
    for (size_t i = 0; i < b.folds.len && err == ERR_OK; i++) {
        if (b.folds.items[i].is_changed) {
            tell_here(r->desk, &b.folds.items[i], arena);
        }
        if (b.folds.items[i].n_mentions_seen > 0) {
            struct desk_frame f =
                mention_seen_frame(b.folds.items[i].agent, b.folds.items[i].conversation, arena);
            r->desk->wire.publish(r->desk->wire.arg, f.topics, f.n_topics, 0, f.bytes, NULL);
        }
    }
    VEC_RELEASE(&b.folds);
    return err;
}

static void *run(void *arg)
{
    struct receipts *r = arg;
    for (;;) {
        while (sem_wait(&r->wake) != 0 && errno == EINTR) {
        }
        if (atomic_load(&r->is_stopping)) {
            return NULL;
        }
        struct timespec delay = {.tv_nsec = RECEIPTS_DELAY_MS * 1000000L};
        (void)nanosleep(&delay, NULL);
        enum err err = receipts_flush(r);
        if (err != ERR_OK) {
            LOG_WARN("desk", "receipts not written", log_cstr("err", err_name(err)));
        }
    }
}

void receipts_start(struct receipts *r)
{
    ASSERT(!r->is_started);
    r->is_started = pthread_create(&r->thread, NULL, run, r) == 0;
    ASSERT(r->is_started);
}

void receipts_stop(struct receipts *r)
{
    if (r->is_started) {
        atomic_store(&r->is_stopping, true);
        (void)sem_post(&r->wake);
        (void)pthread_join(r->thread, NULL);
        r->is_started = false;
    }
    enum err err = receipts_flush(r);
    if (err != ERR_OK) {
        LOG_WARN("desk", "receipts not written", log_cstr("err", err_name(err)));
    }
}

void receipts_free(struct receipts **receipts)
{
    struct receipts *r = *receipts;
    if (r == NULL) {
        return;
    }
    ASSERT(!r->is_started);
    struct batch left = {.desk = r->desk};
    take(r, &left);
    VEC_RELEASE(&left.folds);
    (void)sem_destroy(&r->wake);
    mem_free(r);
    *receipts = NULL;
}
