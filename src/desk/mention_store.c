#include "desk/mention.h"

enum err mention_insert(struct db_txn *txn, struct agent_id agent, struct message_id message,
                        struct conversation_id c)
{
    return DB_EXEC(txn,
                   "INSERT INTO mentions (agent_id, message_id, conversation_id) VALUES ($1, $2, "
                   "$3) ON CONFLICT DO NOTHING",
                   db_i64(agent.v), db_i64(message.v), db_i64(c.v));
}

#define LIST                                                                                       \
    "SELECT t.message_id, t.conversation_id, m.seq, m.created_at, t.seen_at, m.kind, "             \
    "m.author_name, m.body, c.customer_id, c.assignee_id, c.team_id FROM mentions t JOIN "         \
    "messages m ON m.id = t.message_id JOIN conversations c ON c.id = t.conversation_id WHERE "    \
    "t.agent_id = $1 AND t.message_id < $2"
#define NEWEST " ORDER BY t.message_id DESC LIMIT $3"

static void read_mention(const struct db_rows *r, struct arena *arena, struct mention *out)
{
    *out = (struct mention){
        .message.v = db_rows_i64(r, 0),
        .conversation.v = db_rows_i64(r, 1),
        .seq = db_rows_i64(r, 2),
        .created_at = db_rows_i64(r, 3),
        .seen_at = db_rows_i64(r, 4),
        .kind = (enum message_kind)db_rows_i64(r, 5),
        .author_name = db_rows_dup(r, 6, arena),
        .body = db_rows_dup(r, 7, arena),
        .customer.v = db_rows_i64(r, 8),
        .assignee.v = db_rows_i64(r, 9),
        .team.v = db_rows_i64(r, 10),
    };
}

enum err mention_list(struct db_txn *txn, struct agent_id agent, bool only_unseen,
                      int64_t before_message, size_t limit, struct arena *arena,
                      struct mention **out, size_t *n_out)
{
    static const char *const sql[] = {LIST NEWEST, LIST " AND t.seen_at IS NULL" NEWEST};
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows, sql[only_unseen], db_i64(agent.v),
                 db_i64(before_message > 0 ? before_message : INT64_MAX), db_i64((int64_t)limit));
    if (err != ERR_OK) {
        return err;
    }
    struct mention *list = ARENA_ARRAY(arena, struct mention, limit + 1);
    size_t n = 0;
    while (n < limit && db_rows_next(rows)) {
        read_mention(rows, arena, &list[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err mention_count_unseen(struct db_txn *txn, const struct actor *actor, int64_t *out)
{
    struct db_rows *rows = NULL;
    int64_t n = 0;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT c.assignee_id, c.team_id FROM mentions t JOIN conversations c "
                            "ON c.id = t.conversation_id WHERE t.agent_id = $1 AND t.seen_at IS "
                            "NULL LIMIT 999",
                            db_i64(actor->agent.v));
    if (err != ERR_OK) {
        return err;
    }
    while (db_rows_next(rows)) {
        n += conversation_may_read(actor, (struct agent_id){db_rows_i64(rows, 0)},
                                   (struct team_id){db_rows_i64(rows, 1)});
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = n;
    }
    return err;
}

enum err mention_mark_seen(struct db_txn *txn, struct agent_id agent, struct conversation_id c,
                           int64_t up_to_seq, int64_t now, int64_t *n_out)
{
    if (c.v == 0) {
        return db_exec(txn,
                       "UPDATE mentions SET seen_at = $2 WHERE agent_id = $1 AND seen_at IS NULL",
                       DB_ARGS(db_i64(agent.v), db_i64(now)), n_out);
    }
    return db_exec(txn,
                   "UPDATE mentions SET seen_at = $4 WHERE agent_id = $1 AND conversation_id = $2 "
                   "AND seen_at IS NULL AND (SELECT m.seq FROM messages m WHERE m.id = message_id) "
                   "<= $3",
                   DB_ARGS(db_i64(agent.v), db_i64(c.v), db_i64(up_to_seq), db_i64(now)), n_out);
}

enum err mention_delete_of(struct db_txn *txn, struct message_id message)
{
    return DB_EXEC(txn, "DELETE FROM mentions WHERE message_id = $1", db_i64(message.v));
}
