/* Editing and deleting: the former text stays in message_edits, the search index follows it, and an event tells every client. */
#include "desk/mention.h"
#include "desk/message_service.h"

#include "base/utf8.h"

struct edit {
    struct desk *desk;
    const struct actor *actor;
    struct message_id id;
    struct str body; /* edits */
    bool is_deletion;
    struct arena *arena;
    struct str *json_out;
    struct errinfo *info;
};

static enum err may_change(const struct edit *e, const struct message *m, struct errinfo *info)
{
    bool is_mine = m->author_kind == AUTHOR_AGENT && m->author_id == e->actor->agent.v;
    bool may_others = actor_may(e->actor, PERM_CONVERSATION_ASSIGN);
    if (m->kind == MESSAGE_SYSTEM || m->author_kind == AUTHOR_SYSTEM) {
        return err_set(info, ERR_DENIED, "id", "system_message",
                       "what the desk itself noted stays");
    }
    if (m->deleted_at != 0) {
        return err_set(info, ERR_CONFLICT, "id", "deleted", "the message was deleted");
    }
    if (!e->is_deletion && m->author_kind != AUTHOR_AGENT) {
        return err_set(info, ERR_DENIED, "id", "not_yours",
                       "only messages of agents can be edited");
    }
    return is_mine || may_others
               ? ERR_OK
               : err_set(info, ERR_DENIED, "id", "not_yours", "only your own messages");
}

/* The list shows the text of the last message: it must not keep what was taken back. */
static void mend_preview(struct conversation *c, const struct message *m, struct arena *arena)
{
    if (m->kind == MESSAGE_PUBLIC && c->preview_at == m->created_at) {
        c->preview =
            m->deleted_at != 0 ? STR("") : message_preview(arena, m->body, (int)m->n_files);
    }
}

static enum err edit_fn(struct db_txn *txn, void *arg)
{
    struct edit *e = arg;
    struct arena *arena = db_txn_arena(txn);
    struct message m;
    struct conversation c;
    enum err err = message_load(txn, e->id, arena, &m);
    if (err == ERR_NOT_FOUND) {
        return err_set(e->info, ERR_NOT_FOUND, "id", "not_found", "no such message");
    }
    if (err == ERR_OK) {
        err = conversation_load_for(txn, e->actor, m.conversation, arena, &c, e->info);
    }
    if (err == ERR_OK) {
        err = may_change(e, &m, e->info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(e->desk, txn, &c);
    if (e->is_deletion) {
        err = message_store_deletion(txn, m.id, e->actor->agent, m.body, w.now);
        err = err != ERR_OK ? err : mention_delete_of(txn, m.id);
        m.deleted_at = w.now;
        m.body = STR("");
    } else {
        err = message_store_edit(txn, m.id, e->actor->agent, m.body, e->body, w.now);
        m.edited_at = w.now;
        m.body = e->body;
    }
    if (err != ERR_OK) {
        return err;
    }
    BUF_AUTO b;
    buf_init(&b, 256 * 1024);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    message_write_json(&jw, &m);
    err = buf_err(&b);
    if (err == ERR_OK) {
        mend_preview(&c, &m, arena);
        err = conversation_append(&w, &c,
                                  e->is_deletion ? STR("message.deleted") : STR("message.edited"),
                                  m.is_public, buf_str(&b));
    }
    if (err == ERR_OK) {
        err = conversation_finish(&w, &c);
    }
    if (err == ERR_OK) {
        *e->json_out = str_dup(e->arena, buf_str(&b));
    }
    return err;
}

enum err message_edit(struct desk *desk, const struct actor *actor, struct message_id id,
                      struct str body, struct arena *arena, struct str *json_out,
                      struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    if (err != ERR_OK) {
        return err;
    }
    body = message_clean(arena, body);
    if (str_is_empty(body) || utf8_count(body) > MESSAGE_MAX_AGENT) {
        return err_set(info, ERR_INVALID, "body", str_is_empty(body) ? "required" : "too_long",
                       "1 to %d characters", MESSAGE_MAX_AGENT);
    }
    struct edit e = {.desk = desk,
                     .actor = actor,
                     .id = id,
                     .body = body,
                     .arena = arena,
                     .json_out = json_out,
                     .info = info};
    return db_write(desk->db, edit_fn, &e);
}

enum err message_delete(struct desk *desk, const struct actor *actor, struct message_id id,
                        struct arena *arena, struct str *json_out, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    if (err != ERR_OK) {
        return err;
    }
    struct edit e = {.desk = desk,
                     .actor = actor,
                     .id = id,
                     .is_deletion = true,
                     .arena = arena,
                     .json_out = json_out,
                     .info = info};
    return db_write(desk->db, edit_fn, &e);
}
