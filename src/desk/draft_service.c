#include "desk/draft.h"

struct job {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    int kind;
    struct str body;
    struct errinfo *info;
};

static enum err put_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation c;
    enum err err = conversation_load_for(txn, j->actor, j->id, db_txn_arena(txn), &c, j->info);
    if (err != ERR_OK) {
        return err;
    }
    if (j->body.len == 0) {
        return DB_EXEC(txn, "DELETE FROM drafts WHERE agent_id = $1 AND conversation_id = $2",
                       db_i64(j->actor->agent.v), db_i64(j->id.v));
    }
    return DB_EXEC(txn,
                   "INSERT INTO drafts (agent_id, conversation_id, kind, body, updated_at) VALUES "
                   "($1, $2, $3, $4, $5) "
                   "ON CONFLICT (agent_id, conversation_id) DO UPDATE SET kind = excluded.kind, "
                   "body = excluded.body, updated_at = excluded.updated_at",
                   db_i64(j->actor->agent.v), db_i64(j->id.v), db_i64(j->kind), db_text(j->body),
                   db_i64(desk_now(j->desk)));
}

enum err draft_put(struct desk *desk, const struct actor *actor, struct conversation_id id,
                   enum message_kind kind, struct str body, struct errinfo *info)
{
    struct job j = {
        .desk = desk, .actor = actor, .id = id, .kind = (int)kind, .body = body, .info = info};
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    return err != ERR_OK ? err : db_write(desk->db, put_fn, &j);
}
