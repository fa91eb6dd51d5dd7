/* The schemas Conversation (agents) and VisitorConversation (customers). The head that agents get is also what is kept as the event's payload; what a customer
 * gets is made from it, so that a replay needs nothing but the event. */
#include "desk/desk_internal.h"
#include "desk/rating.h"

static void write_last_message(const struct conversation *c, struct json_writer *w)
{
    json_put_key(w, "last_message");
    if (c->preview_at == 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_kv_str(w, "preview", c->preview);
    json_kv_cstr(w, "author_kind", author_kind_name((enum author_kind)c->preview_author));
    json_kv_cstr(w, "kind", message_kind_name((enum message_kind)c->preview_kind));
    json_kv_time(w, "at", c->preview_at);
    json_object_end(w);
}

static void write_rating(const struct rating *r, struct json_writer *w)
{
    json_put_key(w, "rating");
    if (r->score == 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_kv_i64(w, "score", r->score);
    json_kv_str(w, "comment", r->comment);
    json_kv_time(w, "at", r->at);
    json_object_end(w);
}

enum err conversation_write_json(struct db_txn *txn, struct arena *arena,
                                 const struct conversation *c, struct json_writer *w)
{
    struct customer customer = {0};
    struct str name = {0};
    struct rating rating = {0};
    enum err err = customer_load(txn, c->customer, arena, &customer);
    if (err == ERR_OK && c->assignee.v != 0) {
        err = agent_load_name(txn, c->assignee, arena, &name);
    }
    if (err == ERR_OK) {
        err = rating_load(txn, c->id, c->n_resolutions, arena, &rating);
    }
    if (err != ERR_OK) {
        return err;
    }
    json_object_begin(w);
    json_kv_id(w, "id", c->id.v);
    json_kv_id(w, "inbox_id", c->inbox.v);
    json_put_key(w, "customer");
    customer_write_json(w, &customer);
    json_kv_cstr(w, "state", conversation_state_name(c->state));
    json_kv_cstr(w, "handler", conversation_handler_name(c->handler));
    json_kv_cstr(w, "priority", conversation_priority_name(c->priority));
    json_kv_str(w, "topic", c->topic);
    json_kv_str(w, "language", c->language);
    json_kv_raw(w, "tags", c->tags);
    json_kv_id(w, "assignee_id", c->assignee.v);
    json_kv_opt_str(w, "assignee_name", name);
    json_kv_id(w, "team_id", c->team.v);
    json_kv_time(w, "created_at", c->created_at);
    json_kv_time(w, "updated_at", c->updated_at);
    json_kv_time(w, "waiting_since", c->waiting_since);
    json_kv_time(w, "snoozed_until", c->snoozed_until);
    json_kv_time(w, "resolved_at", c->resolved_at);
    write_last_message(c, w);
    json_kv_i64(w, "last_seq", c->last_seq);
    json_kv_i64(w, "unread", c->unread);
    json_kv_i64(w, "customer_read_seq", c->customer_read_seq);
    json_kv_i64(w, "customer_delivered_seq", c->customer_delivered_seq);
    json_kv_i64(w, "agent_read_seq", c->agent_read_seq);
    write_rating(&rating, w);
    json_kv_i64(w, "version", c->version);
    json_object_end(w);
    return ERR_OK;
}

/* A snooze is the agents' own affair. */
static const char *visible_state(struct str state)
{
    return str_eq_cstr(state, "snoozed")    ? "open"
           : str_eq_cstr(state, "waiting")  ? "waiting"
           : str_eq_cstr(state, "resolved") ? "resolved"
                                            : "open";
}

static void write_queue(struct json_writer *w, int64_t position, int64_t estimate_s)
{
    json_put_key(w, "queue");
    if (position <= 0) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_kv_i64(w, "position", position);
    json_put_key(w, "estimate_s");
    if (estimate_s >= 0) {
        json_put_i64(w, estimate_s);
    } else {
        json_put_null(w);
    }
    json_object_end(w);
}

static void write_score(struct json_writer *w, int64_t score)
{
    json_put_key(w, "rating");
    if (score > 0) {
        json_put_i64(w, score);
    } else {
        json_put_null(w);
    }
}

void visitor_conversation_write_json(const struct desk *desk, struct json_writer *w,
                                     const struct visitor_view *v)
{
    const struct conversation *c = v->c;
    json_object_begin(w);
    json_kv_id(w, "id", c->id.v);
    json_kv_cstr(w, "state", visible_state(str_from(conversation_state_name(c->state))));
    json_kv_cstr(w, "handler", conversation_handler_name(c->handler));
    json_kv_opt_str(w, "agent_name", c->handler == HANDLER_AGENT ? v->agent_name : STR(""));
    json_kv_i64(w, "last_seq", c->last_seq);
    json_kv_i64(w, "read_seq", c->customer_read_seq);
    json_kv_i64(w, "agent_read_seq", c->agent_read_seq);
    write_queue(w, v->queue_position, v->estimate_s);
    json_kv_bool(w, "can_rate",
                 conversation_may_be_rated(c->state, c->resolved_at, v->score > 0,
                                           atomic_load(&desk->csat_enabled) != 0, desk_now(desk)));
    write_score(w, v->score);
    json_kv_time(w, "created_at", c->created_at);
    json_kv_time(w, "updated_at", c->updated_at);
    json_kv_str(w, "preview", c->preview);
    json_object_end(w);
}

enum err visitor_conversation_from_head(const struct desk *desk, struct str head,
                                        struct json_writer *w)
{
    struct json_doc *doc = NULL;
    enum err err = json_parse(head, 0, &doc, NULL);
    if (err != ERR_OK) {
        return err;
    }
    const struct json *o = json_root(doc);
    struct str state = json_str(json_find(o, "state"));
    struct str handler = json_str(json_find(o, "handler"));
    const struct json *rating = json_find(o, "rating");
    int64_t score = json_is_object(rating) ? (int64_t)json_num(json_find(rating, "score")) : 0;
    int64_t resolved_at = 0;
    if (time_parse(json_str(json_find(o, "resolved_at")), &resolved_at) != ERR_OK) {
        resolved_at = 0;
    }
    enum conversation_state number =
        str_eq_cstr(state, "resolved") ? CONVERSATION_RESOLVED : CONVERSATION_OPEN;
    json_object_begin(w);
    json_kv_str(w, "id", json_str(json_find(o, "id")));
    json_kv_cstr(w, "state", visible_state(state));
    json_kv_str(w, "handler", handler);
    json_kv_opt_str(w, "agent_name",
                    str_eq_cstr(handler, "agent") ? json_str(json_find(o, "assignee_name"))
                                                  : STR(""));
    json_kv_i64(w, "last_seq", (int64_t)json_num(json_find(o, "last_seq")));
    json_kv_i64(w, "read_seq", (int64_t)json_num(json_find(o, "customer_read_seq")));
    json_kv_i64(w, "agent_read_seq", (int64_t)json_num(json_find(o, "agent_read_seq")));
    write_queue(w, 0, -1);
    json_kv_bool(w, "can_rate",
                 conversation_may_be_rated(number, resolved_at, score > 0,
                                           atomic_load(&desk->csat_enabled) != 0, desk_now(desk)));
    write_score(w, score);
    json_kv_str(w, "created_at", json_str(json_find(o, "created_at")));
    json_kv_str(w, "updated_at", json_str(json_find(o, "updated_at")));
    json_kv_str(w, "preview", json_str(json_find(json_find(o, "last_message"), "preview")));
    json_object_end(w);
    json_doc_free(&doc);
    return ERR_OK;
}
