/* Statements are literals; the columns of a full row come from one macro so that reading and writing cannot part. */
#include "desk/conversation_store.h"

#include "base/check.h"
#include "base/mem.h"

#define COLUMNS                                                                                    \
    "c.id, c.customer_id, c.inbox_id, c.state, c.handler, c.priority, c.topic, c.language, "       \
    "c.tags, c.assignee_id, c.team_id, c.created_at, c.updated_at, "                               \
    "c.waiting_since, c.queued_at, c.snoozed_until, c.resolved_at, c.resolved_by, "                \
    "c.n_resolutions, c.last_seq, c.last_customer_seq, c.last_agent_seq, "                         \
    "c.last_agent_id, c.unread, c.customer_read_seq, c.customer_delivered_seq, c.agent_read_seq, " \
    "c.preview, c.preview_author, c.preview_kind, "                                                \
    "c.preview_at, c.version"

static void read_row(const struct db_rows *r, struct arena *arena, struct conversation *out)
{
    *out = (struct conversation){
        .id.v = db_rows_i64(r, 0),
        .customer.v = db_rows_i64(r, 1),
        .inbox.v = db_rows_i64(r, 2),
        .state = (enum conversation_state)db_rows_i64(r, 3),
        .handler = (enum conversation_handler)db_rows_i64(r, 4),
        .priority = (enum conversation_priority)db_rows_i64(r, 5),
        .topic = db_rows_dup(r, 6, arena),
        .language = db_rows_dup(r, 7, arena),
        .tags = db_rows_dup(r, 8, arena),
        .assignee.v = db_rows_i64(r, 9),
        .team.v = db_rows_i64(r, 10),
        .created_at = db_rows_i64(r, 11),
        .updated_at = db_rows_i64(r, 12),
        .waiting_since = db_rows_i64(r, 13),
        .queued_at = db_rows_i64(r, 14),
        .snoozed_until = db_rows_i64(r, 15),
        .resolved_at = db_rows_i64(r, 16),
        .resolved_by.v = db_rows_i64(r, 17),
        .n_resolutions = db_rows_i64(r, 18),
        .last_seq = db_rows_i64(r, 19),
        .last_customer_seq = db_rows_i64(r, 20),
        .last_agent_seq = db_rows_i64(r, 21),
        .last_agent.v = db_rows_i64(r, 22),
        .unread = db_rows_i64(r, 23),
        .customer_read_seq = db_rows_i64(r, 24),
        .customer_delivered_seq = db_rows_i64(r, 25),
        .agent_read_seq = db_rows_i64(r, 26),
        .preview = db_rows_dup(r, 27, arena),
        .preview_author = (int)db_rows_i64(r, 28),
        .preview_kind = (int)db_rows_i64(r, 29),
        .preview_at = db_rows_i64(r, 30),
        .version = db_rows_i64(r, 31),
    };
}

static enum err load_one(struct db_rows *rows, struct arena *arena, struct conversation *out)
{
    read_row(rows, arena, out);
    return db_rows_close(&rows);
}

/* A write function takes the row for itself: numbers are handed out by whoever has it. */
#define LOAD(txn, rows_out, where, ...)                                                            \
    (db_txn_is_write(txn)                                                                          \
         ? DB_QUERY_ONE((txn), (rows_out),                                                         \
                        "SELECT " COLUMNS " FROM conversations c WHERE " where " FOR UPDATE",      \
                        __VA_ARGS__)                                                               \
         : DB_QUERY_ONE((txn), (rows_out), "SELECT " COLUMNS " FROM conversations c WHERE " where, \
                        __VA_ARGS__))

enum err conversation_load(struct db_txn *txn, struct conversation_id id, struct arena *arena,
                           struct conversation *out)
{
    struct db_rows *rows = NULL;
    enum err err = LOAD(txn, &rows, "c.id = $1", db_i64(id.v));
    return err != ERR_OK ? err : load_one(rows, arena, out);
}

enum err conversation_load_current(struct db_txn *txn, struct customer_id customer,
                                   struct inbox_id inbox, struct arena *arena,
                                   struct conversation *out)
{
    struct db_rows *rows = NULL;
    enum err err = LOAD(txn, &rows, "c.customer_id = $1 AND c.inbox_id = $2 AND c.state <> 3",
                        db_i64(customer.v), db_i64(inbox.v));
    return err != ERR_OK ? err : load_one(rows, arena, out);
}

enum err conversation_load_latest(struct db_txn *txn, struct customer_id customer,
                                  struct inbox_id inbox, struct arena *arena,
                                  struct conversation *out)
{
    struct db_rows *rows = NULL;
    enum err err =
        LOAD(txn, &rows, "c.customer_id = $1 AND c.inbox_id = $2 ORDER BY c.id DESC LIMIT 1",
             db_i64(customer.v), db_i64(inbox.v));
    return err != ERR_OK ? err : load_one(rows, arena, out);
}

enum err conversation_insert(struct db_txn *txn, struct conversation *c)
{
    int64_t id = 0;
    enum err err =
        DB_QUERY_I64(txn, &id,
                     "INSERT INTO conversations (customer_id, inbox_id, state, handler, priority, "
                     "topic, language, tags, assignee_id, team_id, created_at, updated_at, "
                     "waiting_since, queued_at, last_seq, last_customer_seq, unread, preview, "
                     "preview_author, preview_kind, preview_at, version) "
                     "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
                     "$16, $17, $18, $19, $20, $21, $22) "
                     "ON CONFLICT DO NOTHING RETURNING id",
                     db_i64(c->customer.v), db_i64(c->inbox.v), db_i64(c->state),
                     db_i64(c->handler), db_i64(c->priority), db_text(c->topic),
                     db_text(c->language), db_text(c->tags), db_id(c->assignee.v), db_id(c->team.v),
                     db_i64(c->created_at), db_i64(c->updated_at), db_id(c->waiting_since),
                     db_id(c->queued_at), db_i64(c->last_seq), db_i64(c->last_customer_seq),
                     db_i64(c->unread), db_text(c->preview), db_i64(c->preview_author),
                     db_i64(c->preview_kind), db_i64(c->preview_at), db_i64(c->version));
    if (err == ERR_NOT_FOUND) {
        return ERR_CONFLICT;
    }
    if (err == ERR_OK) {
        c->id.v = id;
    }
    return err;
}

enum err conversation_store(struct db_txn *txn, const struct conversation *c)
{
    return DB_EXEC(
        txn,
        "UPDATE conversations SET state = $2, handler = $3, priority = $4, topic = $5, language = "
        "$6, tags = $7, assignee_id = $8, team_id = $9, "
        "updated_at = $10, waiting_since = $11, queued_at = $12, snoozed_until = $13, resolved_at "
        "= $14, resolved_by = $15, n_resolutions = $16, "
        "last_seq = $17, last_customer_seq = $18, last_agent_seq = $19, last_agent_id = $20, "
        "unread = $21, preview = $22, preview_author = $23, "
        "preview_kind = $24, preview_at = $25, version = $26, customer_id = $27 WHERE id = $1",
        db_i64(c->id.v), db_i64(c->state), db_i64(c->handler), db_i64(c->priority),
        db_text(c->topic), db_text(c->language), db_text(c->tags), db_id(c->assignee.v),
        db_id(c->team.v), db_i64(c->updated_at), db_id(c->waiting_since), db_id(c->queued_at),
        db_id(c->snoozed_until), db_id(c->resolved_at), db_id(c->resolved_by.v),
        db_i64(c->n_resolutions), db_i64(c->last_seq), db_i64(c->last_customer_seq),
        db_i64(c->last_agent_seq), db_i64(c->last_agent.v), db_i64(c->unread), db_text(c->preview),
        db_i64(c->preview_author), db_i64(c->preview_kind), db_i64(c->preview_at),
        db_i64(c->version), db_i64(c->customer.v));
}

/* ---- the short way ---- */

static enum err read_slot(struct db_rows *rows, struct conversation_slot *out)
{
    *out = (struct conversation_slot){
        .id.v = db_rows_i64(rows, 0),
        .customer.v = db_rows_i64(rows, 1),
        .inbox.v = db_rows_i64(rows, 2),
        .state = (enum conversation_state)db_rows_i64(rows, 3),
        .handler = (enum conversation_handler)db_rows_i64(rows, 4),
        .assignee.v = db_rows_i64(rows, 5),
        .team.v = db_rows_i64(rows, 6),
        .seq = db_rows_i64(rows, 7),
    };
    return db_rows_close(&rows);
}

#define SLOT " RETURNING id, customer_id, inbox_id, state, handler, assignee_id, team_id, last_seq"

enum err conversation_count_customer(struct db_txn *txn, struct customer_id customer,
                                     struct inbox_id inbox, int64_t now, struct str preview,
                                     struct conversation_slot *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "UPDATE conversations SET last_seq = last_seq + 1, last_customer_seq = last_seq + 1, "
        "unread = unread + 1, waiting_since = COALESCE(waiting_since, $3), "
        "updated_at = $3, preview = $4, preview_author = 0, preview_kind = 0, preview_at = $3 "
        "WHERE customer_id = $1 AND inbox_id = $2 AND state <> 3" SLOT,
        db_i64(customer.v), db_i64(inbox.v), db_i64(now), db_text(preview));
    return err != ERR_OK ? err : read_slot(rows, out);
}

enum err conversation_count_agent(struct db_txn *txn, struct conversation_id id,
                                  struct agent_id agent, int64_t expect_seq, int64_t now,
                                  struct str preview, struct conversation_slot *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "UPDATE conversations SET last_seq = last_seq + 1, last_agent_seq = last_seq + 1, "
        "last_agent_id = $2, agent_read_seq = last_seq + 1, unread = 0, "
        "waiting_since = NULL, updated_at = $4, preview = $5, preview_author = 1, preview_kind = "
        "0, preview_at = $4 "
        "WHERE id = $1 AND ($3 < 0 OR (last_customer_seq <= $3 AND (last_agent_seq <= $3 OR "
        "last_agent_id = $2)))" SLOT,
        db_i64(id.v), db_i64(agent.v), db_i64(expect_seq), db_i64(now), db_text(preview));
    return err != ERR_OK ? err : read_slot(rows, out);
}

enum err conversation_count_note(struct db_txn *txn, struct conversation_id id, int64_t now,
                                 struct conversation_slot *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "UPDATE conversations SET last_seq = last_seq + 1, updated_at = $2 WHERE id = $1" SLOT,
        db_i64(id.v), db_i64(now));
    return err != ERR_OK ? err : read_slot(rows, out);
}

/* ---- lists ---- */

const char *const conversation_view_words[] = {"mine",     "unassigned", "all", "snoozed",
                                               "resolved", "mentions",   "bot", NULL};

/* Parameters: $1 me, $2 team, $3 sees all, $4 my teams, $5 cursor, $6 cursor id, $7 limit. Visibility as actor_may_see_conversation decides it. The cursor is a bound
 * that an index can be entered at; the first page has the outermost one. */
#define VISIBLE                                                                                    \
    " AND ($3 <> 0 OR c.assignee_id = $1 OR c.team_id IS NULL OR $4 LIKE '%,' || CAST(c.team_id "  \
    "AS TEXT) || ',%')"                                                                            \
    " AND ($2 = 0 OR c.team_id = $2)"
#define RECENT                                                                                     \
    " AND c.updated_at <= $5 AND (c.updated_at < $5 OR c.id < $6) ORDER BY c.updated_at DESC, "    \
    "c.id DESC LIMIT $7"
#define WAITING                                                                                    \
    " AND COALESCE(c.waiting_since, 9000000000000) >= $5 AND (COALESCE(c.waiting_since, "          \
    "9000000000000) > $5 OR c.id > $6)"                                                            \
    " ORDER BY COALESCE(c.waiting_since, 9000000000000), c.id LIMIT $7"
#define RESOLVED_RECENT                                                                            \
    " AND c.resolved_at <= $5 AND (c.resolved_at < $5 OR c.id < $6) ORDER BY c.resolved_at DESC, " \
    "c.id DESC LIMIT $7"

#define MINE "c.assignee_id = $1 AND c.state IN (0, 1) AND c.state <> 3"
#define UNASSIGNED "c.handler = 1 AND c.state IN (0, 1) AND c.state <> 3"
#define ALL "c.state IN (0, 1) AND c.handler >= 1"
#define SNOOZED "c.state = 2"
#define RESOLVED "c.state = 3"
#define MENTIONS                                                                                   \
    "c.id IN (SELECT m.conversation_id FROM mentions m WHERE m.agent_id = $1 AND m.seen_at IS "    \
    "NULL)"
#define BOT "c.handler = 0 AND c.state IN (0, 1) AND c.state <> 3"

#define LIST(where, order) "SELECT " COLUMNS " FROM conversations c WHERE " where VISIBLE order
#define COUNT(where) "SELECT COUNT(*) FROM conversations c WHERE " where VISIBLE

static const char *const list_sql[CONVERSATION_N_VIEWS][2] = {
    [VIEW_MINE] = {LIST(MINE, RECENT), LIST(MINE, WAITING)},
    [VIEW_UNASSIGNED] = {LIST(UNASSIGNED, RECENT), LIST(UNASSIGNED, WAITING)},
    [VIEW_ALL] = {LIST(ALL, RECENT), LIST(ALL, WAITING)},
    [VIEW_SNOOZED] = {LIST(SNOOZED, RECENT), LIST(SNOOZED, WAITING)},
    [VIEW_RESOLVED] = {LIST(RESOLVED, RESOLVED_RECENT), LIST(RESOLVED, RESOLVED_RECENT)},
    [VIEW_MENTIONS] = {LIST(MENTIONS, RECENT), LIST(MENTIONS, WAITING)},
    [VIEW_BOT] = {LIST(BOT, RECENT), LIST(BOT, WAITING)},
};
static const char *const count_sql[CONVERSATION_N_VIEWS] = {
    [VIEW_MINE] = COUNT(MINE),         [VIEW_UNASSIGNED] = COUNT(UNASSIGNED),
    [VIEW_ALL] = COUNT(ALL),           [VIEW_SNOOZED] = COUNT(SNOOZED),
    [VIEW_RESOLVED] = COUNT(RESOLVED), [VIEW_MENTIONS] = COUNT(MENTIONS),
    [VIEW_BOT] = COUNT(BOT),
};

static enum err collect(struct db_rows *rows, size_t limit, struct arena *arena,
                        struct conversation **out, size_t *n_out)
{
    struct conversation *list = ARENA_ARRAY(arena, struct conversation, limit + 1);
    size_t n = 0;
    while (n < limit && db_rows_next(rows)) {
        read_row(rows, arena, &list[n++]);
    }
    enum err err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err conversation_list(struct db_txn *txn, const struct conversation_query *q,
                           struct arena *arena, struct conversation **out, size_t *n_out)
{
    ASSERT((unsigned)q->view < CONVERSATION_N_VIEWS);
    struct db_rows *rows = NULL;
    bool is_first = q->after == 0 && q->after_id == 0;
    int64_t outermost = q->by_waiting && q->view != VIEW_RESOLVED ? 0 : INT64_MAX;
    enum err err =
        DB_QUERY(txn, &rows, list_sql[q->view][q->by_waiting], db_i64(q->me.v), db_i64(q->team.v),
                 db_bool(q->sees_all), db_text(q->teams), db_i64(is_first ? outermost : q->after),
                 db_i64(is_first ? outermost : q->after_id), db_i64((int64_t)q->limit));
    return err != ERR_OK ? err : collect(rows, q->limit, arena, out, n_out);
}

enum err conversation_count_view(struct db_txn *txn, const struct conversation_query *q,
                                 int64_t *out)
{
    return DB_QUERY_I64(txn, out, count_sql[q->view], db_i64(q->me.v), db_i64(q->team.v),
                        db_bool(q->sees_all), db_text(q->teams));
}

enum err conversation_list_of_customer(struct db_txn *txn, struct customer_id customer,
                                       struct inbox_id inbox, int64_t before_id, size_t limit,
                                       struct arena *arena, struct conversation **out,
                                       size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows,
                 "SELECT " COLUMNS " FROM conversations c WHERE c.customer_id = $1 AND ($2 = 0 OR "
                 "c.inbox_id = $2) AND ($3 = 0 OR c.id < $3) ORDER BY c.id DESC LIMIT $4",
                 db_i64(customer.v), db_i64(inbox.v), db_i64(before_id), db_i64((int64_t)limit));
    return err != ERR_OK ? err : collect(rows, limit, arena, out, n_out);
}
