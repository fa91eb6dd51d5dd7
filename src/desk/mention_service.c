/* A mention is told on the mentioned agent's own topic, unnumbered: who was not there finds it in the list, whose count every welcome says. */
#include "desk/mention.h"

#include "base/mem.h"
#include "desk/tell.h"

#define FRAME_MAX (16 * 1024)

/* ---- reading ---- */

static enum err write_mention(struct db_txn *txn, struct arena *arena, const struct mention *m,
                              struct json_writer *w)
{
    struct customer customer;
    enum err err = customer_load(txn, m->customer, arena, &customer);
    if (err != ERR_OK) {
        return err;
    }
    json_object_begin(w);
    json_kv_id(w, "message_id", m->message.v);
    json_kv_id(w, "conversation_id", m->conversation.v);
    json_kv_i64(w, "seq", m->seq);
    json_kv_cstr(w, "kind", message_kind_name(m->kind));
    json_kv_str(w, "author_name", m->author_name);
    json_kv_str(w, "customer_name", customer.name);
    json_kv_str(w, "preview", message_preview(arena, m->body, 0));
    json_kv_time(w, "at", m->created_at);
    json_kv_time(w, "seen_at", m->seen_at);
    json_object_end(w);
    return ERR_OK;
}

struct reading {
    const struct actor *actor;
    bool only_unseen;
    int64_t before;
    size_t limit;
    struct arena *arena;
    struct json_writer *w;
};

/* Those that may not be read (any more) are skipped: a page can be shorter than asked for. */
static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct mention *list = NULL;
    size_t n = 0;
    int64_t unseen = 0;
    enum err err = mention_list(txn, r->actor->agent, r->only_unseen, r->before, r->limit + 1,
                                r->arena, &list, &n);
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n > r->limit;
    n = has_more ? r->limit : n;
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        if (conversation_may_read(r->actor, list[i].assignee, list[i].team)) {
            err = write_mention(txn, r->arena, &list[i], r->w);
        }
    }
    json_array_end(r->w);
    err = err != ERR_OK ? err : mention_count_unseen(txn, r->actor, &unseen);
    json_kv_i64(r->w, "unseen", unseen);
    json_kv_cursor(r->w, has_more, n > 0 ? list[n - 1].message.v : 0, 0);
    return err;
}

enum err mention_read_list(struct desk *desk, const struct actor *actor, bool only_unseen,
                           int64_t before_message, size_t limit, struct arena *arena,
                           struct json_writer *w, struct errinfo *info)
{
    struct reading r = {actor, only_unseen, before_message, limit, arena, w};
    enum err err = actor_require(actor, PERM_CONVERSATION_READ, info);
    return err != ERR_OK ? err : db_read(desk->db, list_fn, &r);
}

/* ---- seeing ---- */

struct seeing {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id c;
    int64_t n, unseen;
};

static enum err see_fn(struct db_txn *txn, void *arg)
{
    struct seeing *s = arg;
    enum err err =
        mention_mark_seen(txn, s->actor->agent, s->c, INT64_MAX, desk_now(s->desk), &s->n);
    err = err != ERR_OK ? err : mention_count_unseen(txn, s->actor, &s->unseen);
    if (err == ERR_OK && s->n > 0) {
        struct desk_frame *f = ARENA_NEW(db_txn_arena(txn), struct desk_frame);
        *f = mention_seen_frame(s->actor->agent, s->c, db_txn_arena(txn));
        err = desk_tell_on_commit(txn, s->desk, f, 1);
    }
    return err;
}

enum err mention_see(struct desk *desk, const struct actor *actor, struct conversation_id c,
                     int64_t *unseen_out, struct errinfo *info)
{
    struct seeing s = {.desk = desk, .actor = actor, .c = c};
    enum err err = actor_require(actor, PERM_CONVERSATION_READ, info);
    err = err != ERR_OK ? err : db_write(desk->db, see_fn, &s);
    if (err == ERR_OK) {
        *unseen_out = s.unseen;
    }
    return err;
}

struct desk_frame mention_seen_frame(struct agent_id agent, struct conversation_id c,
                                     struct arena *arena)
{
    return (struct desk_frame){
        .topics = {topic_of_agent(agent)},
        .n_topics = 1,
        .bytes = str_printf(arena, "{\"t\":\"mentions_seen\",\"conversation_id\":\"%lld\"}",
                            (long long)c.v)};
}

/* ---- telling ---- */

enum err mention_tell_on_commit(struct desk *desk, struct db_txn *txn, const struct message *m,
                                const struct agent_id *agents, size_t n)
{
    struct arena *arena = db_txn_arena(txn);
    struct conversation c;
    enum err err = conversation_load(txn, m->conversation, arena, &c);
    if (err != ERR_OK) {
        return err;
    }
    BUF_AUTO b;
    buf_init(&b, FRAME_MAX);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "mention");
    json_put_key(&w, "mention");
    struct mention mention = {.message = m->id,
                              .conversation = m->conversation,
                              .seq = m->seq,
                              .created_at = m->created_at,
                              .kind = m->kind,
                              .author_name = m->author_name,
                              .body = m->body,
                              .customer = c.customer};
    err = write_mention(txn, arena, &mention, &w);
    json_object_end(&w);
    err = err != ERR_OK ? err : buf_err(&b);
    if (err == ERR_OK) {
        struct agent_id others[MESSAGE_MAX_MENTIONS];
        size_t n_others = 0;
        for (size_t i = 0; i < n && i < MESSAGE_MAX_MENTIONS; i++) {
            if (agents[i].v != m->author_id) {
                others[n_others++] = agents[i];
            }
        }
        err = desk_tell_readers_on_commit(txn, desk, others, n_others, c.assignee, c.team,
                                          buf_str(&b));
    }
    return err;
}
