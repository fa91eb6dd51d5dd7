/* Events: one row each, and on commit a hint on the bus. The copy that the hook publishes lives in the transaction's arena, so that the caller's
 * bytes need not outlive event_append. */
#include "platform/event.h"

#include "base/check.h"
#include "platform/bus.h"
#include "platform/db_engine.h"

struct published {
    struct bus *bus;
    struct event e;
};

static void publish(void *arg)
{
    struct published *p = arg;
    p->bus->ops->publish(p->bus, &p->e);
}

enum err event_append(struct db_txn *txn, struct event *e)
{
    ASSERT(e->conversation.v == 0 || e->seq > 0);
    int64_t id = 0;
    enum err err = DB_QUERY_I64(txn, &id,
                                "INSERT INTO events (conversation_id, seq, kind, is_public, "
                                "payload, at, assignee_id, team_id) "
                                "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
                                db_id(e->conversation.v), db_i64(e->seq), db_text(e->kind),
                                db_bool(e->is_public), db_text(e->payload), db_i64(e->at),
                                db_id(e->assignee.v), db_id(e->team.v));
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

enum err event_replay_conversation(struct db_txn *txn, struct conversation_id c, int64_t after_seq,
                                   bool only_public, size_t limit, event_row_fn fn, void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(
        txn, &rows,
        "SELECT id, conversation_id, seq, kind, is_public, payload, at, assignee_id, team_id FROM "
        "events "
        "WHERE conversation_id = $1 AND seq > $2 AND is_public >= $3 ORDER BY seq LIMIT $4",
        db_i64(c.v), db_i64(after_seq), db_bool(only_public), db_i64((int64_t)limit));
    return err != ERR_OK ? err : replay(rows, fn, arg);
}

enum err event_replay_all(struct db_txn *txn, struct event_id after, size_t limit, event_row_fn fn,
                          void *arg)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, conversation_id, seq, kind, is_public, payload, at, "
                            "assignee_id, team_id FROM events "
                            "WHERE id > $1 ORDER BY id LIMIT $2",
                            db_i64(after.v), db_i64((int64_t)limit));
    return err != ERR_OK ? err : replay(rows, fn, arg);
}

enum err event_last_id(struct db_txn *txn, struct event_id *out)
{
    return db_query_i64(txn, "SELECT COALESCE(MAX(id), 0) FROM events", NULL, 0, &out->v);
}
