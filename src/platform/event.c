/* Events: one row each, and after the commit the bus hears of it. On an engine that tells events itself (db_engine.h) that is all; otherwise a commit hook
 * publishes a copy, which lives in the transaction's arena, so that the caller's bytes need not outlive event_append. */
#include "platform/event.h"

#include "base/check.h"
#include "base/log.h"
#include "platform/bus_impl.h"
#include "platform/db_engine.h"

struct published {
    struct bus *bus;
    struct event e;
};

static void publish(void *arg)
{
    struct published *p = arg;
    bus_publish(p->bus, &p->e);
}

struct hinted {
    struct bus *bus;
    struct conversation_id conversation;
    struct team_id team;
};

static void hint(void *arg)
{
    const struct hinted *h = arg;
    bus_hint(h->bus, h->conversation, h->team);
}

/* The engine tells the event to this node; the other nodes are told to look. */
static void hint_on_commit(struct db_txn *txn, const struct event *e)
{
    struct bus *bus = txn->db->bus;
    if (bus != NULL && bus_has_hints(bus)) {
        struct hinted *h = ARENA_NEW(txn->arena, struct hinted);
        *h = (struct hinted){.bus = bus, .conversation = e->conversation, .team = e->team};
        db_on_commit(txn, hint, h);
    }
}

#define INSERT                                                                                     \
    "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, assignee_id, "        \
    "team_id, customer_id, inbox_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
#define EVENT_VALUES(e)                                                                            \
    db_id((e)->conversation.v), db_i64((e)->seq), db_text((e)->kind), db_bool((e)->is_public),     \
        db_text((e)->payload), db_i64((e)->at), db_id((e)->assignee.v), db_id((e)->team.v),        \
        db_id((e)->customer.v), db_id((e)->inbox.v)

enum err event_append(struct db_txn *txn, struct event *e)
{
    ASSERT(e->conversation.v == 0 || e->seq > 0);
    if (txn->db->engine->event_added != NULL) {
        txn->db->engine->event_added(txn);
        hint_on_commit(txn, e);
        return DB_EXEC_LATER(txn, INSERT, EVENT_VALUES(e));
    }
    int64_t id = 0;
    enum err err = DB_QUERY_I64(txn, &id, INSERT " RETURNING id", EVENT_VALUES(e));
    if (err != ERR_OK) {
        return err;
    }
    e->id.v = id;
    if (txn->db->bus != NULL) {
        struct published *p = ARENA_NEW(txn->arena, struct published);
        p->bus = txn->db->bus;
        p->e = *e;
        p->e.kind = str_dup(txn->arena, e->kind);
        p->e.payload = str_dup(txn->arena, e->payload);
        db_on_commit(txn, publish, p);
    }
    return ERR_OK;
}

void event_use_bus(struct db *db, struct bus *bus)
{
    db->bus = bus;
    if (db->engine->listen != NULL && db->engine->listen(db) != ERR_OK) {
        LOG_ERROR("db", "events cannot be followed");
    }
    if (!atomic_load(&bus->is_stopped)) {
        atomic_store(&bus->db, db);
    }
}

void event_catch_up(struct db *db)
{
    if (db->engine->event_catch_up != NULL) {
        db->engine->event_catch_up(db);
    }
}

static enum err replay(struct db_rows *rows, event_row_fn fn, void *arg)
{
    while (db_rows_next(rows)) {
        struct event e = {
            .id.v = db_rows_i64(rows, 0),
            .conversation.v = db_rows_i64(rows, 1),
            .seq = db_rows_i64(rows, 2),
            .kind = db_rows_str(rows, 3),
            .is_public = db_rows_i64(rows, 4) != 0,
            .payload = db_rows_str(rows, 5),
            .at = db_rows_i64(rows, 6),
            .assignee.v = db_rows_i64(rows, 7),
            .team.v = db_rows_i64(rows, 8),
        };
        if (!fn(arg, &e)) {
            break;
        }
    }
    return db_rows_close(&rows);
}

/* How far a reader may go: the engine's word, or everything that this snapshot shows. */
static int64_t event_end(struct db_txn *txn)
{
    return txn->db->engine->event_end == NULL ? INT64_MAX : txn->db->engine->event_end(txn);
}

struct event_id event_up_to(struct db_txn *txn)
{
    return (struct event_id){event_end(txn)};
}

struct event_id event_told(struct db *db)
{
    return db->engine->event_told == NULL ? EVENT_ALL
                                          : (struct event_id){db->engine->event_told(db)};
}

enum err event_replay_conversation(struct db_txn *txn, struct conversation_id c, int64_t after_seq,
                                   struct event_id up_to, bool only_public, size_t limit,
                                   event_row_fn fn, void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(
        txn, &rows,
        "SELECT id, conversation_id, seq, kind, is_public, payload, at, assignee_id, team_id FROM "
        "events "
        "WHERE conversation_id = $1 AND seq > $2 AND is_public >= $3 AND id <= $5 ORDER BY seq "
        "LIMIT "
        "$4",
        db_i64(c.v), db_i64(after_seq), db_bool(only_public), db_i64((int64_t)limit),
        db_i64(up_to.v));
    return err != ERR_OK ? err : replay(rows, fn, arg);
}

enum err event_replay_all(struct db_txn *txn, struct event_id after, size_t limit, event_row_fn fn,
                          void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, conversation_id, seq, kind, is_public, payload, at, "
                            "assignee_id, team_id FROM events "
                            "WHERE id > $1 AND id <= $3 ORDER BY id LIMIT $2",
                            db_i64(after.v), db_i64((int64_t)limit), db_i64(event_end(txn)));
    return err != ERR_OK ? err : replay(rows, fn, arg);
}

enum err event_last_id(struct db_txn *txn, struct event_id *out)
{
    int64_t end = event_end(txn);
    if (end != INT64_MAX) {
        out->v = end;
        return ERR_OK;
    }
    return db_query_i64(txn, "SELECT COALESCE(MAX(id), 0) FROM events", NULL, 0, &out->v);
}

/* ---- forgetting ---- */

enum err event_prune(struct db_txn *txn, struct conversation_id c, int64_t before_seq)
{
    int64_t highest = 0;
    enum err err = DB_QUERY_I64(
        txn, &highest,
        "SELECT COALESCE(MAX(id), 0) FROM events WHERE conversation_id = $1 AND seq < $2",
        db_i64(c.v), db_i64(before_seq));
    if (err != ERR_OK || highest == 0) {
        return err;
    }
    err = DB_EXEC(txn, "DELETE FROM events WHERE conversation_id = $1 AND seq < $2", db_i64(c.v),
                  db_i64(before_seq));
    return err != ERR_OK
               ? err
               : DB_EXEC(txn, "UPDATE event_floor SET event_id = $1 WHERE id = 1 AND event_id < $1",
                         db_i64(highest));
}

enum err event_floor_load(struct db_txn *txn, struct event_id *out)
{
    return db_query_i64(txn, "SELECT event_id FROM event_floor WHERE id = 1", NULL, 0, &out->v);
}

enum err event_first_seq(struct db_txn *txn, struct conversation_id c, int64_t *out)
{
    return DB_QUERY_I64(txn, out,
                        "SELECT COALESCE(MIN(seq), 0) FROM events WHERE conversation_id = $1",
                        db_i64(c.v));
}
