/* Reading conversations: every way in goes through conversation_load_for or the VISIBLE clause of the lists, which say the same. */
#include "desk/conversation_use.h"
#include "desk/retention.h"

struct reading {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    struct message_id message;
    struct customer_id customer;
    const struct conversation_list_request *q;
    int64_t at; /* before, after, version */
    size_t limit;
    struct arena *arena;
    struct json_writer *w;
    struct errinfo *info;
};

static enum err begin(const struct reading *r)
{
    return actor_require(r->actor, PERM_CONVERSATION_READ, r->info);
}

/* ---- one ---- */

static enum err one_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation c;
    enum err err = conversation_load_for(txn, r->actor, r->id, r->arena, &c, r->info);
    r->at = err == ERR_OK ? c.version : 0;
    return err != ERR_OK ? err : conversation_write_json(txn, r->arena, &c, r->w);
}

enum err conversation_read_one(struct desk *desk, const struct actor *actor,
                               struct conversation_id id, struct arena *arena,
                               struct json_writer *w, int64_t *version_out, struct errinfo *info)
{
    struct reading r = {
        .desk = desk, .actor = actor, .id = id, .arena = arena, .w = w, .info = info};
    enum err err = begin(&r);
    err = err != ERR_OK ? err : db_read(desk->db, one_fn, &r);
    if (err == ERR_OK) {
        *version_out = r.at;
    }
    return err;
}

/* ---- lists ---- */

static struct str teams_of(const struct actor *actor, struct arena *arena)
{
    BUF_AUTO b;
    buf_init(&b, 4096);
    (void)buf_add_char(&b, ',');
    for (size_t i = 0; i < actor->n_teams; i++) {
        (void)buf_printf(&b, "%lld,", (long long)actor->teams[i].v);
    }
    return str_dup(arena, buf_str(&b));
}

static struct conversation_query query_of(const struct reading *r, enum conversation_view view)
{
    return (struct conversation_query){
        .view = view,
        .me = r->actor->agent,
        .sees_all = actor_may(r->actor, PERM_CONVERSATION_READ_ALL),
        .teams = teams_of(r->actor, r->arena),
    };
}

static int64_t sort_value(const struct conversation_list_request *q, const struct conversation *c)
{
    if (q->view == VIEW_RESOLVED) {
        return c->resolved_at;
    }
    return q->by_waiting ? (c->waiting_since > 0 ? c->waiting_since : 9000000000000)
                         : c->updated_at;
}

static enum err write_items(struct db_txn *txn, const struct reading *r,
                            const struct conversation *list, size_t n)
{
    enum err err = ERR_OK;
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = conversation_write_json(txn, r->arena, &list[i], r->w);
    }
    json_array_end(r->w);
    return err;
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation *list = NULL;
    size_t n = 0;
    struct conversation_query q = query_of(r, r->q->view);
    q.team = r->q->team;
    q.by_waiting = r->q->by_waiting;
    q.after = r->q->after;
    q.after_id = r->q->after_id;
    q.limit = r->q->limit + 1;
    enum err err = conversation_list(txn, &q, r->arena, &list, &n);
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n > r->q->limit;
    n = has_more ? r->q->limit : n;
    err = write_items(txn, r, list, n);
    json_kv_cursor(r->w, has_more, n > 0 ? sort_value(r->q, &list[n - 1]) : 0,
                   n > 0 ? list[n - 1].id.v : 0);
    return err;
}

enum err conversation_read_list(struct desk *desk, const struct actor *actor,
                                const struct conversation_list_request *q, struct arena *arena,
                                struct json_writer *w, struct errinfo *info)
{
    struct reading r = {.desk = desk, .actor = actor, .q = q, .arena = arena, .w = w, .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, list_fn, &r);
}

static enum err counts_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    static const enum conversation_view views[] = {VIEW_MINE,    VIEW_UNASSIGNED, VIEW_ALL,
                                                   VIEW_SNOOZED, VIEW_MENTIONS,   VIEW_BOT};
    enum err err = ERR_OK;
    json_object_begin(r->w);
    for (size_t i = 0; i < sizeof views / sizeof views[0] && err == ERR_OK; i++) {
        struct conversation_query q = query_of(r, views[i]);
        int64_t n = 0;
        err = conversation_count_view(txn, &q, &n);
        json_kv_i64(r->w, conversation_view_words[views[i]], n);
    }
    json_object_end(r->w);
    return err;
}

enum err conversation_read_counts(struct desk *desk, const struct actor *actor, struct arena *arena,
                                  struct json_writer *w, struct errinfo *info)
{
    struct reading r = {.desk = desk, .actor = actor, .arena = arena, .w = w, .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, counts_fn, &r);
}

/* Pages over what may be seen: those that may not are skipped, so a page can be shorter than asked for. */
static enum err of_customer_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation *list = NULL;
    size_t n = 0, n_seen = 0;
    enum err err = conversation_list_of_customer(txn, r->customer, (struct inbox_id){0}, r->at,
                                                 r->limit + 1, r->arena, &list, &n);
    if (err != ERR_OK) {
        return err;
    }
    bool has_more = n > r->limit;
    n = has_more ? r->limit : n;
    int64_t last = n > 0 ? list[n - 1].id.v : 0;
    for (size_t i = 0; i < n; i++) {
        if (conversation_may_read(r->actor, list[i].assignee, list[i].team)) {
            list[n_seen++] = list[i];
        }
    }
    err = write_items(txn, r, list, n_seen);
    json_kv_cursor(r->w, has_more, last, 0);
    return err;
}

enum err conversation_read_of_customer(struct desk *desk, const struct actor *actor,
                                       struct customer_id customer, int64_t before_id, size_t limit,
                                       struct arena *arena, struct json_writer *w,
                                       struct errinfo *info)
{
    struct reading r = {.desk = desk,
                        .actor = actor,
                        .customer = customer,
                        .at = before_id,
                        .limit = limit,
                        .arena = arena,
                        .w = w,
                        .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, of_customer_fn, &r);
}

/* ---- inside one ---- */

static enum err messages_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation c;
    struct message *list = NULL;
    size_t n = 0;
    enum err err = conversation_load_for(txn, r->actor, r->id, r->arena, &c, r->info);
    if (err == ERR_OK) {
        err = message_list(txn, r->id, r->at, false, r->limit + 1, r->arena, &list, &n);
    }
    if (err != ERR_OK) {
        return err;
    }
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    for (size_t i = 0; i < n && i < r->limit; i++) {
        message_write_json(r->w, &list[i]);
    }
    json_array_end(r->w);
    json_kv_bool(r->w, "has_more", n > r->limit);
    return ERR_OK;
}

enum err conversation_read_messages(struct desk *desk, const struct actor *actor,
                                    struct conversation_id id, int64_t before, size_t limit,
                                    struct arena *arena, struct json_writer *w,
                                    struct errinfo *info)
{
    struct reading r = {.desk = desk,
                        .actor = actor,
                        .id = id,
                        .at = before,
                        .limit = limit,
                        .arena = arena,
                        .w = w,
                        .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, messages_fn, &r);
}

struct events {
    struct reading *r;
    size_t n;
};

static bool write_event(void *arg, const struct event *e)
{
    struct events *s = arg;
    if (s->n == s->r->limit) {
        s->n++;
        return false;
    }
    struct json_writer *w = s->r->w;
    json_object_begin(w);
    json_kv_id(w, "id", e->id.v);
    json_kv_id(w, "conversation_id", e->conversation.v);
    json_kv_i64(w, "seq", e->seq);
    json_kv_str(w, "kind", e->kind);
    json_kv_time(w, "at", e->at);
    json_kv_raw(w, "data", e->payload);
    json_object_end(w);
    s->n++;
    return true;
}

static enum err events_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation c;
    struct events s = {.r = r};
    enum err err = conversation_load_for(txn, r->actor, r->id, r->arena, &c, r->info);
    if (err != ERR_OK) {
        return err;
    }
    bool has_hole = false;
    err = retention_has_hole(txn, r->id, r->at, &has_hole);
    if (err == ERR_OK && has_hole) {
        return err_set(r->info, ERR_NOT_FOUND, "after", "events_pruned",
                       "events this old are not kept; load the conversation again");
    }
    if (err != ERR_OK) {
        return err;
    }
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    err = event_replay_conversation(txn, r->id, r->at, EVENT_ALL, false, r->limit + 1, write_event,
                                    &s);
    json_array_end(r->w);
    json_kv_bool(r->w, "has_more", s.n > r->limit);
    return err;
}

enum err conversation_read_events(struct desk *desk, const struct actor *actor,
                                  struct conversation_id id, int64_t after, size_t limit,
                                  struct arena *arena, struct json_writer *w, struct errinfo *info)
{
    struct reading r = {.desk = desk,
                        .actor = actor,
                        .id = id,
                        .at = after,
                        .limit = limit,
                        .arena = arena,
                        .w = w,
                        .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, events_fn, &r);
}

static enum err history_fn(struct db_txn *txn, void *arg)
{
    struct reading *r = arg;
    struct conversation c;
    struct conversation_id place = {0};
    bool is_public = false;
    struct db_rows *rows = NULL;
    enum err err = message_load_place(txn, r->message, &place, &is_public);
    if (err == ERR_NOT_FOUND) {
        return err_set(r->info, ERR_NOT_FOUND, "id", "not_found", "no such message");
    }
    if (err == ERR_OK) {
        err = conversation_load_for(txn, r->actor, place, r->arena, &c, r->info);
    }
    if (err == ERR_OK) {
        err = DB_QUERY(txn, &rows,
                       "SELECT old_body, at, agent_id, action FROM message_edits WHERE message_id "
                       "= $1 ORDER BY id DESC LIMIT 100",
                       db_i64(r->message.v));
    }
    if (err != ERR_OK) {
        return err;
    }
    json_put_key(r->w, "items");
    json_array_begin(r->w);
    while (db_rows_next(rows)) {
        json_object_begin(r->w);
        json_kv_str(r->w, "body", db_rows_str(rows, 0));
        json_kv_time(r->w, "at", db_rows_i64(rows, 1));
        json_kv_id(r->w, "agent_id", db_rows_i64(rows, 2));
        json_kv_cstr(r->w, "action", db_rows_i64(rows, 3) == 0 ? "edited" : "deleted");
        json_object_end(r->w);
    }
    json_array_end(r->w);
    return db_rows_close(&rows);
}

enum err message_read_history(struct desk *desk, const struct actor *actor, struct message_id id,
                              struct arena *arena, struct json_writer *w, struct errinfo *info)
{
    struct reading r = {
        .desk = desk, .actor = actor, .message = id, .arena = arena, .w = w, .info = info};
    enum err err = begin(&r);
    return err != ERR_OK ? err : db_read(desk->db, history_fn, &r);
}
