/* Sending a message.
 *
 * The short way (an open conversation that an agent or the bot has) is three statements, which all hang on the conversation's row, so that it may run as a light
 * function (db_submit_light): count it into the conversation, insert it, append the event. It does
 * not look whether the same client_id came before: the unique index does, the transaction of this one message is undone (ERR_AGAIN), and the caller comes again
 * with is_retry. Everything rarer - a first message, a reopening, a message that takes the conversation or resolves it - goes on from the same first statement with
 * the whole row in memory. */
#include "desk/message_service.h"

#include "base/check.h"
#include "desk/mention.h"
#include "desk/prechat.h"
#include "desk/presence.h"
#include "desk/stream.h"

#define PAYLOAD_MAX (256 * 1024)

static enum err write_payload(const struct message *m, struct arena *arena, struct str *out)
{
    BUF_AUTO b;
    buf_init(&b, PAYLOAD_MAX);
    struct json_writer w;
    json_writer_init(&w, &b);
    message_write_json(&w, m);
    enum err err = buf_err(&b);
    if (err == ERR_OK) {
        *out = str_dup(arena, buf_str(&b));
    }
    return err;
}

static struct str mentions_json(struct arena *arena, const struct message_in *in)
{
    if (in->n_mentions == 0) {
        return (struct str){0};
    }
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_array_begin(&w);
    for (size_t i = 0; i < in->n_mentions; i++) {
        json_put_id(&w, in->mentions[i].v);
    }
    json_array_end(&w);
    return str_dup(arena, buf_str(&b));
}

static enum err check_reply_to(struct db_txn *txn, const struct message_in *in,
                               struct conversation_id c, struct errinfo *info)
{
    if (in->reply_to.v == 0) {
        return ERR_OK;
    }
    struct conversation_id there = {0};
    bool is_public = false;
    enum err err = message_load_place(txn, in->reply_to, &there, &is_public);
    bool may = err == ERR_OK && there.v == c.v && (is_public || in->author_kind == AUTHOR_AGENT);
    if (err == ERR_OK && !may) {
        err = ERR_NOT_FOUND;
    }
    /* A public answer must not quote a note. */
    if (err == ERR_OK && !is_public && in->kind == MESSAGE_PUBLIC) {
        err = ERR_NOT_FOUND;
    }
    return err == ERR_NOT_FOUND ? err_set(info, ERR_INVALID, "reply_to", "not_found",
                                          "no such message in this conversation")
                                : err;
}

static enum err attach_files(struct db_txn *txn, const struct message_in *in, struct arena *arena,
                             struct message *m, struct errinfo *info)
{
    struct file *files = in->n_files > 0 ? ARENA_ARRAY(arena, struct file, in->n_files) : NULL;
    for (size_t i = 0; i < in->n_files; i++) {
        enum err err = file_attach(txn, in->files[i], in->author_kind, in->author_id, m->id,
                                   m->conversation, (int)i);
        if (err == ERR_OK) {
            err = file_load(txn, in->files[i], arena, &files[i]);
        }
        if (err == ERR_NOT_FOUND) {
            return err_set(info, ERR_INVALID, "file_ids", "not_found",
                           "file %zu is not yours, or was sent already", i + 1);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    m->files = files;
    return ERR_OK;
}

/* Inserts the message with the number it was given, its files and mentions, and writes the event's payload. */
static enum err put_message(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                            struct conversation_id c, int64_t seq, int64_t now, struct message *m,
                            struct str *payload_out, struct errinfo *info)
{
    struct arena *arena = db_txn_arena(txn);
    enum err err = check_reply_to(txn, in, c, info);
    if (err != ERR_OK) {
        return err;
    }
    *m = (struct message){
        .conversation = c,
        .seq = seq,
        .client_id = in->client_id,
        .author_kind = in->author_kind,
        .author_id = in->author_id,
        .author_name = in->author_name,
        .kind = in->kind,
        .is_public = in->kind != MESSAGE_NOTE,
        .body = in->body,
        .reply_to = in->reply_to,
        .n_files = in->n_files,
        .mentions = mentions_json(arena, in),
        .meta = in->meta,
        .created_at = now,
    };
    err = message_insert(txn, m);
    if (err != ERR_OK) {
        return err == ERR_CONFLICT ? ERR_AGAIN : err;
    }
    err = attach_files(txn, in, arena, m, info);
    for (size_t i = 0; i < in->n_mentions && err == ERR_OK; i++) {
        if (in->mentions[i].v != in->author_id) {
            err = mention_insert(txn, in->mentions[i], m->id, c);
        }
    }
    if (err == ERR_OK && in->n_mentions > 0) {
        err = mention_tell_on_commit(desk, txn, m, in->mentions, in->n_mentions);
    }
    return err != ERR_OK ? err : write_payload(m, arena, payload_out);
}

/* ---- the bot hears of it after the commit ---- */

struct bot_hint {
    struct desk *desk;
    struct desk_customer_message m;
};

static void tell_bot(void *arg)
{
    struct bot_hint *h = arg;
    h->desk->bot.customer_message(h->desk->bot.arg, &h->m);
}

static enum err tell_bot_on_commit(struct desk *desk, struct db_txn *txn,
                                   const struct message_in *in, const struct message *m,
                                   struct str language)
{
    if (desk->bot.customer_message == NULL || in->author_kind != AUTHOR_CUSTOMER) {
        return ERR_OK;
    }
    struct arena *arena = db_txn_arena(txn);
    struct bot_hint *h = ARENA_NEW(arena, struct bot_hint);
    h->desk = desk;
    h->m = (struct desk_customer_message){
        .conversation = m->conversation,
        .message = m->id,
        .seq = m->seq,
        .customer = in->customer,
        .inbox = in->inbox,
        .body = str_dup(arena, in->body),
        .button = str_dup(arena, in->button),
        .language = str_dup(arena, language),
        .n_files = (int)in->n_files,
        .at = m->created_at,
    };
    db_on_commit(txn, tell_bot, h);
    return bot_answer_owed(desk, txn, m->conversation, m->id, m->created_at);
}

/* ---- the short way ---- */

static void fill_out(struct message_out *out, const struct message *m, struct str payload)
{
    *out = (struct message_out){.conversation = m->conversation,
                                .message = m->id,
                                .seq = m->seq,
                                .created_at = m->created_at,
                                .json = payload};
}

static enum err send_short(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                           const struct conversation_slot *slot, int64_t now,
                           struct message_out *out, struct errinfo *info)
{
    struct message m;
    struct str payload = {0};
    enum err err = put_message(desk, txn, in, slot->id, slot->seq, now, &m, &payload, info);
    if (err != ERR_OK) {
        return err;
    }
    struct event e = {
        .conversation = slot->id,
        .seq = slot->seq,
        .kind = STR("message.created"),
        .is_public = m.is_public,
        .payload = payload,
        .at = now,
        .assignee = slot->assignee,
        .team = slot->team,
        .customer = slot->customer,
        .inbox = slot->inbox,
    };
    err = event_append(txn, &e);
    if (err == ERR_OK) {
        fill_out(out, &m, payload);
    }
    return err == ERR_OK && slot->handler == HANDLER_BOT
               ? tell_bot_on_commit(desk, txn, in, &m, in->language)
               : err;
}

/* ---- the long way: the whole row in memory ---- */

/* `c` as it is before this message is counted. */
static void count_in(struct conversation *c, const struct message_in *in, int64_t now)
{
    if (in->kind == MESSAGE_NOTE) {
        return;
    }
    int64_t seq = c->last_seq + 1;
    c->preview = in->preview;
    c->preview_author = (int)in->author_kind;
    c->preview_kind = MESSAGE_PUBLIC;
    c->preview_at = now;
    if (in->author_kind == AUTHOR_CUSTOMER) {
        c->last_customer_seq = seq;
        c->unread++;
    } else {
        c->last_agent_seq = seq;
        c->last_agent.v = in->author_kind == AUTHOR_AGENT ? in->author_id : 0;
    }
}

static enum err append_message(struct desk_work *w, struct conversation *c,
                               const struct message_in *in, struct message_out *out,
                               struct errinfo *info)
{
    struct message m;
    struct str payload = {0};
    count_in(c, in, w->now);
    enum err err =
        put_message(w->desk, w->txn, in, c->id, c->last_seq + 1, w->now, &m, &payload, info);
    if (err == ERR_OK) {
        err = conversation_append(w, c, STR("message.created"), m.is_public, payload);
    }
    if (err == ERR_OK) {
        fill_out(out, &m, payload);
        if (c->handler == HANDLER_BOT && c->state != CONVERSATION_RESOLVED) {
            err = tell_bot_on_commit(w->desk, w->txn, in, &m, c->language);
        }
    }
    return err;
}

/* `topic`: what the customer chose; emptied when the inbox's form does not offer it. */
static enum err load_inbox(struct db_txn *txn, struct inbox_id id, struct team_id *team_out,
                           bool *bot_out, struct str *topic)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY_ONE(txn, &rows, "SELECT team_id, bot_enabled, prechat FROM inboxes WHERE id = $1",
                     db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    team_out->v = db_rows_i64(rows, 0);
    *bot_out = db_rows_i64(rows, 1) != 0;
    if (topic->len > 0 && !prechat_offers(db_rows_str(rows, 2), *topic)) {
        *topic = STR("");
    }
    return db_rows_close(&rows);
}

static enum err begin_conversation(struct desk *desk, struct db_txn *txn,
                                   const struct message_in *in, struct message_out *out,
                                   struct errinfo *info)
{
    struct desk_work w = desk_work_begin(desk, txn, NULL);
    struct team_id team = {0};
    bool bot_enabled = false;
    struct str topic = in->topic;
    enum err err = load_inbox(txn, in->inbox, &team, &bot_enabled, &topic);
    if (err != ERR_OK) {
        return err;
    }
    bool has_bot = bot_enabled && desk->bot.is_on != NULL && desk->bot.is_on(desk->bot.arg);
    struct conversation c = {
        .customer = in->customer,
        .inbox = in->inbox,
        .state = CONVERSATION_OPEN,
        .handler = has_bot ? HANDLER_BOT : HANDLER_QUEUE,
        .priority = PRIORITY_NORMAL,
        .topic = topic,
        .language = in->language,
        .tags = STR("[]"),
        .team = team,
        .created_at = w.now,
        .updated_at = w.now,
        .waiting_since = w.now,
        .queued_at = has_bot ? 0 : w.now,
        .version = 1,
    };
    c.last_seq = 1; /* conversation.created takes 1, the message 2 */
    count_in(&c, in, w.now);
    c.last_seq = 2;
    struct str head = {0};
    err = conversation_insert(txn, &c);
    if (err == ERR_CONFLICT) {
        return ERR_AGAIN; /* another first message was faster (not on one writer) */
    }
    if (err == ERR_OK) {
        err = conversation_head(&w, &c, &head);
    }
    c.last_seq = 0;
    if (err == ERR_OK) {
        err = conversation_append(&w, &c, STR("conversation.created"), true, head);
    }
    struct message m;
    struct str payload = {0};
    if (err == ERR_OK) {
        err = put_message(desk, txn, in, c.id, 2, w.now, &m, &payload, info);
    }
    if (err == ERR_OK) {
        err = conversation_append(&w, &c, STR("message.created"), true, payload);
    }
    if (err != ERR_OK) {
        return err;
    }
    fill_out(out, &m, payload);
    if (has_bot) {
        return tell_bot_on_commit(desk, txn, in, &m, c.language);
    }
    desk_route_on_commit(txn, desk);
    return ERR_OK;
}

/* Nothing of this customer's is open: a resolved one is reopened within the window, otherwise a conversation begins. */
static enum err send_first(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                           struct message_out *out, struct errinfo *info)
{
    struct conversation c;
    enum err err = conversation_load_latest(txn, in->customer, in->inbox, db_txn_arena(txn), &c);
    int64_t reopen_ms = (int64_t)atomic_load(&desk->reopen_hours) * TIME_HOUR_MS;
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !conversation_is_reopened_by_message(
                                                      c.resolved_at, desk_now(desk), reopen_ms))) {
        return begin_conversation(desk, txn, in, out, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(desk, txn, &c);
    err = conversation_do(&w, &c, ON_CUSTOMER_MESSAGE, (struct agent_id){0}, STR(""), 0, info);
    if (err == ERR_OK) {
        err = append_message(&w, &c, in, out, info);
    }
    if (err == ERR_OK) {
        err = conversation_requeue_if_unreachable(&w, &c);
    }
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

/* A socket may still speak for a customer who has signed in meanwhile: it counts for the one that stayed. */
static enum err follow_merge(struct db_txn *txn, const struct message_in *in,
                             struct message_in *out)
{
    struct customer customer;
    enum err err = customer_load(txn, in->customer, db_txn_arena(txn), &customer);
    *out = *in;
    out->customer = customer.id;
    out->author_id = customer.id.v;
    return err;
}

/* What the hooks of presence keep in memory is as good as the row where functions run one after the other; elsewhere an agent may be leaving in this moment:
 * who leaves takes the rows of its conversations first, one of which is ours by now, so that either it sees this message or this sees it gone. */
static enum err is_reachable(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                             bool *out)
{
    *out = stream_is_reachable(desk, agent);
    return *out && !db_is_one_writer(desk->db) ? presence_is_reachable(txn, agent, out) : ERR_OK;
}

static enum err send_customer(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                              struct message_out *out, struct errinfo *info)
{
    int64_t now = desk_now(desk);
    struct conversation_slot slot;
    enum err err =
        conversation_count_customer(txn, in->customer, in->inbox, now, in->preview, &slot);
    struct message_in followed;
    if (err == ERR_NOT_FOUND) {
        err = db_be_serializable(txn);
        if (err == ERR_OK) {
            err = follow_merge(txn, in, &followed);
        }
        if (err == ERR_OK && followed.customer.v != in->customer.v) {
            return send_customer(desk, txn, &followed, out, info);
        }
        return err != ERR_OK ? err : send_first(desk, txn, in, out, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    bool is_kept = slot.handler == HANDLER_BOT;
    if (slot.handler == HANDLER_AGENT) {
        err = is_reachable(desk, txn, slot.assignee, &is_kept);
        if (err != ERR_OK) {
            return err;
        }
    }
    if (slot.state == CONVERSATION_OPEN && is_kept) {
        return send_short(desk, txn, in, &slot, now, out, info);
    }
    err = db_be_serializable(txn);
    if (err != ERR_OK) {
        return err;
    }
    struct conversation c;
    err = conversation_load(txn, slot.id, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(desk, txn, &c);
    w.is_head_changed = c.handler == HANDLER_QUEUE;
    c.last_seq--; /* counted already, counted again by append_message */
    c.unread--;
    err = append_message(&w, &c, in, out, info);
    if (err == ERR_OK) {
        err = conversation_do(&w, &c, ON_CUSTOMER_MESSAGE, (struct agent_id){0}, STR(""), 0, info);
    }
    if (err == ERR_OK) {
        err = conversation_requeue_if_unreachable(&w, &c);
    }
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

/* ---- agents ---- */

static enum err why_not(struct db_txn *txn, const struct message_in *in, struct errinfo *info)
{
    struct conversation c;
    enum err err =
        conversation_load_for(txn, in->actor, in->conversation, db_txn_arena(txn), &c, info);
    return err != ERR_OK
               ? err
               : err_set(info, ERR_CONFLICT, "expect_seq", "stale",
                         "something arrived since: seq %lld",
                         (long long)(c.last_customer_seq > c.last_agent_seq ? c.last_customer_seq
                                                                            : c.last_agent_seq));
}

/* A reply that also changes something: takes the conversation, reopens it, resolves it, waits. */
static enum err send_long(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                          struct message_out *out, struct errinfo *info)
{
    struct conversation c;
    enum err err = conversation_load(txn, in->conversation, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err;
    }
    struct agent_id me = {in->author_id};
    struct desk_work w = desk_work_begin(desk, txn, &c);
    c.last_seq--; /* counted by the statement before */
    bool is_public = in->kind == MESSAGE_PUBLIC;
    if (is_public && c.assignee.v == 0) {
        err = conversation_give(&w, &c, me, c.team, info);
    }
    if (err == ERR_OK && is_public) {
        err = conversation_do(&w, &c, ON_AGENT_REPLY, me, in->author_name, 0, info);
    }
    if (err == ERR_OK) {
        err = append_message(&w, &c, in, out, info);
    }
    if (err == ERR_OK && in->then != THEN_NOTHING) {
        err = conversation_do(&w, &c, in->then == THEN_RESOLVE ? ON_RESOLVE : ON_WAIT, me,
                              in->author_name, 0, info);
    }
    err = err != ERR_OK ? err : conversation_finish(&w, &c);
    /* Reopening beside a newer conversation of the same customer: the unique index refuses. */
    return err == ERR_CONFLICT && (info == NULL || info->code[0] == '\0')
               ? err_set(info, ERR_CONFLICT, "conversation_id", "newer",
                         "the customer has a newer conversation")
               : err;
}

static enum err send_agent(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                           struct message_out *out, struct errinfo *info)
{
    enum err err = actor_require(in->actor, PERM_CONVERSATION_REPLY, info);
    if (err != ERR_OK) {
        return err;
    }
    int64_t now = desk_now(desk);
    bool is_public = in->kind == MESSAGE_PUBLIC;
    struct conversation_slot slot;
    err = is_public
              ? conversation_count_agent(txn, in->conversation, (struct agent_id){in->author_id},
                                         in->expect_seq, now, in->preview, &slot)
              : conversation_count_note(txn, in->conversation, now, &slot);
    if (err == ERR_NOT_FOUND) {
        return why_not(txn, in, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (!conversation_may_read(in->actor, slot.assignee, slot.team)) {
        return err_set(info, ERR_NOT_FOUND, "conversation_id", "not_found", "no such conversation");
    }
    bool is_plain =
        in->then == THEN_NOTHING &&
        (!is_public || (slot.handler == HANDLER_AGENT && slot.state != CONVERSATION_RESOLVED));
    if (is_plain) {
        return send_short(desk, txn, in, &slot, now, out, info);
    }
    err = db_be_serializable(txn);
    return err != ERR_OK ? err : send_long(desk, txn, in, out, info);
}

enum err message_send(struct desk *desk, struct db_txn *txn, const struct message_in *in,
                      struct message_out *out, struct errinfo *info)
{
    ASSERT(in->author_kind == AUTHOR_CUSTOMER || in->author_kind == AUTHOR_AGENT);
    struct message_in renamed;
    if (in->is_name_old) {
        struct customer customer;
        enum err err = customer_load(txn, in->customer, db_txn_arena(txn), &customer);
        if (err != ERR_OK) {
            return err;
        }
        renamed = *in;
        renamed.author_name = customer.name;
        renamed.language = in->language.len > 0 ? in->language : customer.locale;
        in = &renamed;
    }
    if (in->is_retry) {
        struct message m;
        enum err err = message_find_sent(txn, in->author_kind, in->author_id, in->client_id,
                                         db_txn_arena(txn), &m);
        if (err == ERR_OK) {
            err = write_payload(&m, db_txn_arena(txn), &out->json);
            out->conversation = m.conversation;
            out->message = m.id;
            out->seq = m.seq;
            out->created_at = m.created_at;
            out->is_duplicate = true;
            return err;
        }
        if (err != ERR_NOT_FOUND) {
            return err;
        }
    }
    return in->author_kind == AUTHOR_CUSTOMER ? send_customer(desk, txn, in, out, info)
                                              : send_agent(desk, txn, in, out, info);
}

struct send_now {
    struct desk *desk;
    struct message_in *in;
    struct arena *arena;
    struct message_out *out;
    struct errinfo *info;
};

static enum err send_now_fn(struct db_txn *txn, void *arg)
{
    struct send_now *s = arg;
    struct message_out out = {0};
    struct errinfo info = {0};
    enum err err = message_send(s->desk, txn, s->in, &out, &info);
    if (err == ERR_OK) {
        out.json = str_dup(s->arena, out.json);
        *s->out = out;
    } else if (s->info != NULL) {
        *s->info = info;
    }
    return err;
}

enum err message_send_now(struct desk *desk, struct message_in *in, struct arena *arena,
                          struct message_out *out, struct errinfo *info)
{
    struct send_now s = {.desk = desk, .in = in, .arena = arena, .out = out, .info = info};
    enum err err = db_write(desk->db, send_now_fn, &s);
    if (err == ERR_AGAIN || err == ERR_UNKNOWN) {
        in->is_retry = true;
        err = db_write(desk->db, send_now_fn, &s);
    }
    return err;
}
