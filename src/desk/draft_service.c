#include "desk/draft.h"
#include "desk/tell.h"

struct job {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    int kind;
    struct str body;
    struct errinfo *info;
};

/* ---- telling my other tabs ---- */

static void write_place(struct json_writer *w, int64_t conversation, int64_t kind,
                        int64_t updated_at, struct str preview)
{
    json_object_begin(w);
    json_kv_id(w, "conversation_id", conversation);
    json_kv_cstr(w, "kind", message_kind_name((enum message_kind)kind));
    json_kv_str(w, "preview", preview);
    json_kv_time(w, "updated_at", updated_at);
    json_object_end(w);
}

static enum err tell_on_commit(struct db_txn *txn, const struct job *j, bool is_kept, int64_t now)
{
    struct arena *arena = db_txn_arena(txn);
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "draft");
    json_kv_id(&w, "conversation_id", j->id.v);
    json_put_key(&w, "draft");
    if (is_kept) {
        write_place(&w, j->id.v, j->kind, now, message_preview(arena, j->body, 0));
    } else {
        json_put_null(&w);
    }
    json_object_end(&w);
    return desk_tell_agent_on_commit(txn, j->desk, j->actor->agent, &b);
}

/* ---- keeping ---- */

static enum err put_fn(struct db_txn *txn, void *arg)
{
    struct job *j = arg;
    struct conversation c;
    enum err err = conversation_load_for(txn, j->actor, j->id, db_txn_arena(txn), &c, j->info);
    if (err != ERR_OK) {
        return err;
    }
    int64_t kind_before = -1, n = 0;
    err = DB_QUERY_I64(txn, &kind_before,
                       "SELECT kind FROM drafts WHERE agent_id = $1 AND conversation_id = $2",
                       db_i64(j->actor->agent.v), db_i64(j->id.v));
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    int64_t now = desk_now(j->desk);
    bool is_kept = j->body.len > 0;
    err = is_kept
              ? DB_EXEC(txn,
                        "INSERT INTO drafts (agent_id, conversation_id, kind, body, updated_at) "
                        "VALUES ($1, $2, $3, $4, $5) "
                        "ON CONFLICT (agent_id, conversation_id) DO UPDATE SET kind = "
                        "excluded.kind, body = excluded.body, updated_at = excluded.updated_at",
                        db_i64(j->actor->agent.v), db_i64(j->id.v), db_i64(j->kind),
                        db_text(j->body), db_i64(now))
              : db_exec(txn, "DELETE FROM drafts WHERE agent_id = $1 AND conversation_id = $2",
                        DB_ARGS(db_i64(j->actor->agent.v), db_i64(j->id.v)), &n);
    if (err == ERR_OK && kind_before != (is_kept ? j->kind : -1)) {
        err = tell_on_commit(txn, j, is_kept, now);
    }
    return err;
}

enum err draft_put(struct desk *desk, const struct actor *actor, struct conversation_id id,
                   enum message_kind kind, struct str body, struct errinfo *info)
{
    struct job j = {
        .desk = desk, .actor = actor, .id = id, .kind = (int)kind, .body = body, .info = info};
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    return err != ERR_OK ? err : db_write(desk->db, put_fn, &j);
}

/* ---- all of mine ---- */

struct reading {
    const struct actor *actor;
    int64_t before;
    size_t limit;
    struct arena *arena;
    struct json_writer *w;
};

/* Of conversations that I may no longer see nothing is told: a page can be shorter than asked for. */
static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct db_rows *rows = NULL;
    size_t n = 0;
    int64_t last = 0;
    bool has_more = false;
    enum err err = DB_QUERY(
        txn, &rows,
        "SELECT d.conversation_id, d.kind, d.updated_at, d.body, c.assignee_id, c.team_id FROM "
        "drafts d JOIN conversations c ON c.id = d.conversation_id WHERE d.agent_id = $1 AND "
        "d.conversation_id < $2 ORDER BY d.conversation_id DESC LIMIT $3",
        db_i64(r->actor->agent.v), db_i64(r->before > 0 ? r->before : INT64_MAX),
        db_i64((int64_t)r->limit + 1));
    if (err != ERR_OK) {
        return err;
    }
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    while (db_rows_next(rows)) {
        has_more = n++ == r->limit;
        if (has_more) {
            break;
        }
        last = db_rows_i64(rows, 0);
        if (conversation_may_read(r->actor, (struct agent_id){db_rows_i64(rows, 4)},
                                  (struct team_id){db_rows_i64(rows, 5)})) {
            write_place(r->w, last, db_rows_i64(rows, 1), db_rows_i64(rows, 2),
                        message_preview(r->arena, db_rows_str(rows, 3), 0));
        }
    }
    json_array_end(r->w);
    json_kv_cursor(r->w, has_more, last, 0);
    return db_rows_close(&rows);
}

enum err draft_read_list(struct desk *desk, const struct actor *actor, int64_t before_conversation,
                         size_t limit, struct arena *arena, struct json_writer *w,
                         struct errinfo *info)
{
    struct reading r = {actor, before_conversation, limit, arena, w};
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    return err != ERR_OK ? err : db_read(desk->db, list_fn, &r);
}
