/* What the bot may do: talk while it has the conversation, and hand it over. Its messages carry a client_id made from what they answer, under author bot: the
 * unique index on (author, client_id) makes a repeated answer harmless, here by looking first. */
#include "desk/desk_internal.h"

#include "base/check.h"
#include "desk/socket_peer.h"
#include "desk/typing.h"

#define BOT_ANSWER "bot_answer"
#define BOT_IDLE_MS (24 * TIME_HOUR_MS)
#define BOT_ANSWER_MS                                                                              \
    (4 * TIME_SECOND_MS) /* an answer takes milliseconds; a node that dies takes it along */
#define BOT_ANSWER_GIVE_UP_MS TIME_HOUR_MS

static enum err insert_bot_message(struct desk_work *w, struct conversation *c,
                                   enum message_kind kind, struct str client_id, struct str name,
                                   struct str body, struct str meta)
{
    struct message m = {
        .conversation = c->id,
        .seq = c->last_seq + 1,
        .client_id = client_id,
        .author_kind = AUTHOR_BOT,
        .author_name = name,
        .kind = kind,
        .is_public = kind == MESSAGE_PUBLIC,
        .body = message_clean(w->arena, body),
        .meta = meta,
        .created_at = w->now,
    };
    enum err err = message_insert(w->txn, &m);
    if (err != ERR_OK) {
        return err;
    }
    if (kind == MESSAGE_PUBLIC) {
        c->preview = message_preview(w->arena, m.body, 0);
        c->preview_author = AUTHOR_BOT;
        c->preview_kind = MESSAGE_PUBLIC;
        c->preview_at = w->now;
        c->last_agent_seq = m.seq;
        c->last_agent.v = 0;
    }
    BUF_AUTO b;
    buf_init(&b, 256 * 1024);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    message_write_json(&jw, &m);
    err = buf_err(&b);
    return err != ERR_OK
               ? err
               : conversation_append(w, c, STR("message.created"), m.is_public, buf_str(&b));
}

static enum err is_said(struct db_txn *txn, struct str client_id, bool *out)
{
    struct message m;
    enum err err = message_find_sent(txn, AUTHOR_BOT, 0, client_id, db_txn_arena(txn), &m);
    *out = err == ERR_OK;
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void take_over(struct desk_work *w, struct conversation *c, struct str language,
                      struct str topic)
{
    if (language.len > 0 && !str_eq(language, c->language)) {
        c->language = language;
        w->is_head_changed = true;
    }
    if (topic.len > 0 && !str_eq(topic, c->topic)) {
        c->topic = topic;
        w->is_head_changed = true;
    }
}

/* ---- the answer that is owed ----
 * The node that stored a customer's message tells its bot. Where several nodes share the database a timer stands behind that, set with the message and cancelled with
 * the answer: if it fires, whichever node has it asks its own bot. Two answers at once are one: both carry the client_id of the message. */

enum err bot_answer_owed(struct desk *desk, struct db_txn *txn, struct conversation_id c,
                         struct message_id m, int64_t now)
{
    return db_is_single_node(desk->db)
               ? ERR_OK
               : timer_set(txn, BOT_ANSWER, c.v, now + BOT_ANSWER_MS,
                           str_printf(db_txn_arena(txn), "bot-%012lld", (long long)m.v));
}

/* A newer message's timer stays. */
static enum err answered(struct desk *desk, struct db_txn *txn, struct conversation_id c,
                         struct str client_id)
{
    return db_is_single_node(desk->db) ? ERR_OK : timer_cancel_if(txn, BOT_ANSWER, c.v, client_id);
}

/* ---- reply ---- */

struct reply {
    struct desk *desk;
    const struct desk_bot_message *m;
    struct errinfo *info;
};

static enum err reply_fn(struct db_txn *txn, void *arg)
{
    struct reply *r = arg;
    struct conversation c;
    bool said = false;
    enum err err = conversation_load(txn, r->m->conversation, db_txn_arena(txn), &c);
    err = err != ERR_OK ? err : is_said(txn, r->m->client_id, &said);
    if (err != ERR_OK || said) {
        return err;
    }
    struct desk_work w = desk_work_begin(r->desk, txn, &c);
    err = conversation_do(&w, &c, ON_BOT_REPLY, (struct agent_id){0}, STR(""), 0, r->info);
    if (err == ERR_OK) {
        take_over(&w, &c, r->m->language, r->m->topic);
        err = insert_bot_message(&w, &c, MESSAGE_PUBLIC, r->m->client_id, r->m->name, r->m->body,
                                 r->m->meta);
    }
    err = err != ERR_OK ? err : timer_set(txn, "bot_idle", c.id.v, w.now + BOT_IDLE_MS, STR("{}"));
    err = err != ERR_OK ? err : answered(r->desk, txn, c.id, r->m->client_id);
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

enum err desk_bot_reply(struct desk *desk, const struct desk_bot_message *m, struct errinfo *info)
{
    ASSERT(message_client_id_is_valid(m->client_id));
    struct reply r = {desk, m, info};
    return db_write(desk->db, reply_fn, &r);
}

/* ---- typing ---- */

struct where {
    struct conversation_id id;
    struct conversation c;
    struct arena *arena;
};

static enum err where_fn(struct db_txn *txn, void *arg)
{
    struct where *t = arg;
    return conversation_load(txn, t->id, t->arena, &t->c);
}

void desk_bot_typing(struct desk *desk, struct conversation_id conversation, struct str name,
                     bool on)
{
    ARENA_AUTO arena = arena_new(0);
    struct where t = {.id = conversation, .arena = arena};
    if (db_read(desk->db, where_fn, &t) != ERR_OK) {
        return;
    }
    BUF_AUTO b;
    buf_init(&b, 4096);
    peer_write_typing(&b, conversation, "bot", 0, name, on, false);
    uint64_t topics[2] = {topic_of_visitor(t.c.inbox, t.c.customer),
                          topic_of_conversation(conversation)};
    desk->wire.publish(desk->wire.arg, topics, 2, 0, buf_str(&b), NULL);
    typing_tell_others(
        desk,
        &(struct typing){.conversation = conversation, .kind = "bot", .name = name, .on = on});
}

/* ---- handover ---- */

struct handover {
    struct desk *desk;
    const struct desk_handover *h;
    struct errinfo *info;
};

static enum err handover_fn(struct db_txn *txn, void *arg)
{
    struct handover *o = arg;
    const struct desk_handover *h = o->h;
    struct conversation c;
    enum err err = conversation_load(txn, h->conversation, db_txn_arena(txn), &c);
    if (err != ERR_OK || c.handler != HANDLER_BOT || c.state == CONVERSATION_RESOLVED) {
        return err; /* a person has it, or it is over: nothing to hand over */
    }
    struct desk_work w = desk_work_begin(o->desk, txn, &c);
    bool said = false;
    int64_t waiting_since = c.waiting_since;
    if (h->client_id.len > 0) {
        err = is_said(txn, h->client_id, &said);
        if (err != ERR_OK || said) {
            return err; /* the message was answered already: by another node, differently */
        }
    }
    take_over(&w, &c, h->language, h->topic);
    if (h->priority > c.priority) {
        c.priority = h->priority;
        w.is_head_changed = true;
    }
    if (h->body.len > 0) {
        err = insert_bot_message(&w, &c, MESSAGE_PUBLIC, h->client_id, h->name, h->body, h->meta);
    }
    if (err == ERR_OK && h->note.len > 0) {
        err = insert_bot_message(
            &w, &c, MESSAGE_NOTE, STR(""), h->name, h->note,
            str_printf(w.arena, "{\"event\":\"handover\",\"params\":{\"reason\":\"" STR_FMT "\"}}",
                       STR_ARG(h->reason)));
    }
    /* Whoever asked for a person waits since then, whatever the bot said meanwhile. */
    c.waiting_since = waiting_since > 0 ? waiting_since : w.now;
    if (err == ERR_OK) {
        err = conversation_do(&w, &c, ON_HANDOVER, (struct agent_id){0}, STR(""), 0, o->info);
    }
    err = err != ERR_OK ? err : timer_cancel(txn, "bot_idle", c.id.v);
    err = err != ERR_OK ? err : answered(o->desk, txn, c.id, h->client_id);
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

enum err desk_handover(struct desk *desk, const struct desk_handover *h, struct errinfo *info)
{
    struct handover o = {desk, h, info};
    return db_write(desk->db, handover_fn, &o);
}

/* ---- reading for the bot ---- */

enum err desk_recent_messages(struct db_txn *txn, struct conversation_id conversation, size_t limit,
                              struct arena *arena, struct desk_message **out, size_t *n_out)
{
    struct message *list = NULL;
    size_t n = 0;
    enum err err = message_list(txn, conversation, 0, true, limit, arena, &list, &n);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_message *m = ARENA_ARRAY(arena, struct desk_message, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct message *from = &list[n - 1 - i];
        m[i] = (struct desk_message){.id = from->id,
                                     .seq = from->seq,
                                     .at = from->created_at,
                                     .author_kind = (int)from->author_kind,
                                     .body = from->body,
                                     .meta = from->meta};
    }
    *out = m;
    *n_out = n;
    return ERR_OK;
}

enum err desk_is_attended(struct db_txn *txn, bool *out)
{
    int64_t n = 0;
    enum err err = db_query_i64(
        txn, "SELECT COUNT(*) FROM presence WHERE is_online = 1 AND status <> 2", NULL, 0, &n);
    if (err == ERR_OK) {
        *out = n > 0;
    }
    return err;
}

enum err desk_message_body(struct db_txn *txn, const struct actor *actor, struct message_id id,
                           struct arena *arena, struct str *out)
{
    struct message m;
    struct conversation c;
    enum err err = message_load(txn, id, arena, &m);
    err = err != ERR_OK ? err : conversation_load_for(txn, actor, m.conversation, arena, &c, NULL);
    if (err == ERR_OK && m.deleted_at != 0) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_OK) {
        *out = m.body;
    }
    return err;
}

/* ---- after a restart, and at the switch ---- */

struct sweep {
    struct desk *desk;
    struct arena *arena;
    int64_t *ids;
    size_t n;
    struct desk_customer_message *pending;
    size_t n_pending;
};

enum { SWEEP_MAX = 10000 };

static enum err of_the_bot_fn(struct db_txn *txn, void *arg)
{
    struct sweep *s = arg;
    struct db_rows *rows = NULL;
    s->n = 0;
    enum err err = db_query(txn,
                            "SELECT id FROM conversations WHERE handler = 0 AND state IN (0, 1) "
                            "AND state <> 3 ORDER BY id LIMIT 10000",
                            NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    while (s->n < SWEEP_MAX && db_rows_next(rows)) {
        s->ids[s->n++] = db_rows_i64(rows, 0);
    }
    return db_rows_close(&rows);
}

static struct str button_of(struct str meta, struct arena *arena)
{
    struct json_doc *doc = NULL;
    struct str out = STR("");
    if (meta.len > 0 && json_parse(meta, 0, &doc, NULL) == ERR_OK) {
        out = str_dup(arena, json_str(json_find(json_root(doc), "button")));
    }
    json_doc_free(&doc);
    return out;
}

/* The customer's last message, if the bot has the conversation and has not answered. */
static enum err load_owed(struct db_txn *txn, struct conversation_id id, struct arena *arena,
                          struct desk_customer_message *out, bool *is_owed_out)
{
    struct conversation c;
    struct message *last = NULL;
    size_t n = 0;
    *is_owed_out = false;
    enum err err = conversation_load(txn, id, arena, &c);
    err = err != ERR_OK ? err : message_list(txn, c.id, 0, true, 1, arena, &last, &n);
    bool has_bot =
        err == ERR_OK && c.handler == HANDLER_BOT && c.state != CONVERSATION_RESOLVED && n == 1;
    if (!has_bot || last->author_kind != AUTHOR_CUSTOMER) {
        return err;
    }
    *is_owed_out = true;
    *out = (struct desk_customer_message){.conversation = c.id,
                                          .message = last->id,
                                          .seq = last->seq,
                                          .customer = c.customer,
                                          .inbox = c.inbox,
                                          .body = last->body,
                                          .button = button_of(last->meta, arena),
                                          .language = c.language,
                                          .n_files = (int)last->n_files,
                                          .at = last->created_at};
    return ERR_OK;
}

struct owed {
    struct desk *desk;
    struct desk_customer_message m;
};

static void tell_owed(void *arg)
{
    struct owed *o = arg;
    o->desk->bot.customer_message(o->desk->bot.arg, &o->m);
}

/* Nobody answered in time. Again later, and less and less often. */
static enum err on_answer_owed(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                               int64_t now)
{
    struct owed *o = ARENA_NEW(db_txn_arena(txn), struct owed);
    bool is_owed = false;
    o->desk = arg;
    enum err err =
        load_owed(txn, (struct conversation_id){subject}, db_txn_arena(txn), &o->m, &is_owed);
    if (err != ERR_OK || !is_owed) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (o->desk->bot.is_on == NULL || !o->desk->bot.is_on(o->desk->bot.arg)) {
        struct desk_handover h = {
            .conversation = {subject}, .priority = PRIORITY_LOW, .reason = STR("bot_off")};
        return handover_fn(txn, &(struct handover){.desk = o->desk, .h = &h});
    }
    db_on_commit(txn, tell_owed, o);
    int64_t age_ms = now - o->m.at;
    return age_ms > BOT_ANSWER_GIVE_UP_MS
               ? ERR_OK
               : timer_set(txn, BOT_ANSWER, subject,
                           now + (age_ms > BOT_ANSWER_MS ? age_ms : BOT_ANSWER_MS), payload);
}

void bot_register_timers(struct desk *desk)
{
    timers_handle(desk->timers, BOT_ANSWER, on_answer_owed, desk);
}

static enum err pending_fn(struct db_txn *txn, void *arg)
{
    struct sweep *s = arg;
    enum err err = of_the_bot_fn(txn, s);
    s->pending = ARENA_ARRAY(s->arena, struct desk_customer_message, s->n + 1);
    s->n_pending = 0;
    for (size_t i = 0; i < s->n && err == ERR_OK; i++) {
        bool is_owed = false;
        err = load_owed(txn, (struct conversation_id){s->ids[i]}, s->arena,
                        &s->pending[s->n_pending], &is_owed);
        s->n_pending += is_owed ? 1 : 0;
    }
    return err;
}

enum err desk_bot_pending(struct desk *desk)
{
    ARENA_AUTO arena = arena_new(64 * 1024);
    struct sweep s = {.desk = desk, .arena = arena, .ids = ARENA_ARRAY(arena, int64_t, SWEEP_MAX)};
    enum err err = db_read(desk->db, pending_fn, &s);
    for (size_t i = 0; i < s.n_pending && err == ERR_OK && desk->bot.customer_message != NULL;
         i++) {
        desk->bot.customer_message(desk->bot.arg, &s.pending[i]);
    }
    return err;
}

enum err desk_bot_release(struct desk *desk)
{
    ARENA_AUTO arena = arena_new(0);
    struct sweep s = {.desk = desk, .arena = arena, .ids = ARENA_ARRAY(arena, int64_t, SWEEP_MAX)};
    enum err err = db_read(desk->db, of_the_bot_fn, &s);
    for (size_t i = 0; i < s.n && err == ERR_OK; i++) {
        struct desk_handover h = {
            .conversation = {s.ids[i]}, .priority = PRIORITY_LOW, .reason = STR("bot_off")};
        err = desk_handover(desk, &h, NULL);
    }
    return err;
}
