/* struct identity_hooks: customers that become one, names that change, sessions that end. */
#include "desk/desk_internal.h"

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/receipts.h"
#include "desk/stream.h"
#include "desk/tell.h"
#include "desk/workspace.h"

/* ---- customers ---- */

enum { MERGE_MAX = 1000 };

static enum err list_conversations(struct db_txn *txn, struct customer_id customer,
                                   struct conversation **out, size_t *n_out)
{
    return conversation_list_of_customer(txn, customer, (struct inbox_id){0}, 0, MERGE_MAX,
                                         db_txn_arena(txn), out, n_out);
}

/* The signed-in customer may have an open conversation in the same inbox already. The one that goes on is the visitor's, where the customer is writing just now; the
 * other is resolved with a line that says why. */
static enum err make_room(struct desk *desk, struct db_txn *txn, const struct conversation *moving,
                          struct customer_id into)
{
    struct conversation other;
    if (moving->state == CONVERSATION_RESOLVED) {
        return ERR_OK;
    }
    enum err err = conversation_load_current(txn, into, moving->inbox, db_txn_arena(txn), &other);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    struct desk_work w = desk_work_begin(desk, txn, &other);
    struct str params =
        str_printf(w.arena, "{\"conversation_id\":\"%lld\"}", (long long)moving->id.v);
    err = conversation_say(&w, &other, "continued_elsewhere", params, true);
    if (err == ERR_OK) {
        err = conversation_do(&w, &other, ON_RESOLVE, (struct agent_id){0}, STR(""), 0, NULL);
    }
    return err != ERR_OK ? err : conversation_finish(&w, &other);
}

static enum err move_conversation(struct desk *desk, struct db_txn *txn, struct conversation *c,
                                  struct customer_id into)
{
    enum err err = make_room(desk, txn, c, into);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(desk, txn, c);
    c->customer = into;
    w.is_head_changed = true;
    w.is_public_change = true;
    err = conversation_say(&w, c, "signed_in", STR(""), false);
    return err != ERR_OK ? err : conversation_finish(&w, c);
}

static enum err on_customer_merge(void *arg, struct db_txn *txn, struct customer_id from,
                                  struct customer_id into)
{
    struct desk *desk = arg;
    struct conversation *list = NULL;
    size_t n = 0;
    enum err err = list_conversations(txn, from, &list, &n);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = move_conversation(desk, txn, &list[i], into);
    }
    if (err == ERR_OK) {
        err = DB_EXEC(txn, "UPDATE files SET customer_id = $2 WHERE customer_id = $1",
                      db_i64(from.v), db_i64(into.v));
    }
    if (err == ERR_OK) {
        err = DB_EXEC(txn, "UPDATE ratings SET customer_id = $2 WHERE customer_id = $1",
                      db_i64(from.v), db_i64(into.v));
    }
    /* Messages keep a retry recognisable: the same client_id under the new name. */
    if (err == ERR_OK) {
        err = DB_EXEC(txn,
                      "UPDATE messages SET author_id = $2 WHERE author_id = $1 AND author_kind = 0",
                      db_i64(from.v), db_i64(into.v));
    }
    return err;
}

static enum err on_customer_changed(void *arg, struct db_txn *txn, struct customer_id customer)
{
    struct desk *desk = arg;
    struct conversation *list = NULL;
    size_t n = 0;
    enum err err = desk_tell_names(txn, desk);
    if (err != ERR_OK) {
        return err;
    }
    err = conversation_list_of_customer(txn, customer, (struct inbox_id){0}, 0, 20,
                                        db_txn_arena(txn), &list, &n);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        if (list[i].state != CONVERSATION_RESOLVED) {
            struct desk_work w = desk_work_begin(desk, txn, &list[i]);
            w.is_head_changed = true;
            err = conversation_finish(&w, &list[i]);
        }
    }
    return err;
}

/* ---- sessions ---- */

struct ended {
    struct desk *desk;
    struct agent_id agent;
    struct session_id session;
    int code;
};

static void close_on_writer(void *arg)
{
    struct ended *e = arg;
    stream_close(e->desk, e->agent, e->session, e->code);
    mem_free(e);
}

static void on_sessions_ended(void *arg, struct agent_id agent, struct session_id session)
{
    struct desk *desk = arg;
    struct ended *e = MEM_NEW(struct ended);
    *e = (struct ended){desk, agent, session, SOCKET_CLOSE_NOT_SIGNED_IN};
    desk_on_writer(desk, close_on_writer, e);
}

/* Sockets carry the facts of their hello: a new one brings the new facts, and loses nothing. */
static void on_permissions_changed(void *arg, struct agent_id agent)
{
    struct desk *desk = arg;
    struct ended *e = MEM_NEW(struct ended);
    *e = (struct ended){desk, agent, {0}, SOCKET_CLOSE_BEHIND};
    desk_on_writer(desk, close_on_writer, e);
}

/* Nobody keeps a list of visitors' sockets; the frame goes to every inbox that the customer may have open and tells the widget to open its session again. What an
 * old socket still sends is stored under the customer that stayed. */
struct visitor_end {
    struct desk *desk;
    struct customer_id customer;
    VEC(int64_t) inboxes;
};

static enum err list_inboxes_fn(struct db_txn *txn, void *arg)
{
    struct visitor_end *v = arg;
    struct db_rows *rows = NULL;
    v->inboxes.len = 0;
    enum err err = db_query(txn, "SELECT id FROM inboxes ORDER BY id", NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    while (db_rows_next(rows)) {
        VEC_PUSH(&v->inboxes, db_rows_i64(rows, 0));
    }
    return db_rows_close(&rows);
}

static void tell_visitor_end(void *arg)
{
    enum { AT_ONCE = 32 };
    static const char frame[] = "{\"t\":\"error\",\"problem\":{\"type\":\"about:blank\",\"title\":"
                                "\"Unauthorized\",\"status\":401,\"code\":\"session_ended\"}}";
    struct visitor_end *v = arg;
    const struct wire *wire = &v->desk->wire;
    enum err err = db_read(v->desk->db, list_inboxes_fn, v);
    if (err != ERR_OK) {
        LOG_WARN("desk", "end of a session not told", log_cstr("err", err_name(err)));
    }
    uint64_t topics[AT_ONCE];
    for (size_t i = 0; i < v->inboxes.len; i++) {
        topics[i % AT_ONCE] = topic_of_visitor((struct inbox_id){v->inboxes.items[i]}, v->customer);
        if (i % AT_ONCE == AT_ONCE - 1 || i + 1 == v->inboxes.len) {
            wire->publish(wire->arg, topics, i % AT_ONCE + 1, 0, str_from(frame), NULL);
        }
    }
    VEC_RELEASE(&v->inboxes);
    mem_free(v);
}

static void on_visitor_ended(void *arg, struct customer_id customer)
{
    struct desk *desk = arg;
    struct visitor_end *v = MEM_NEW(struct visitor_end);
    v->desk = desk;
    v->customer = customer;
    if (!desk->wire.work(desk->wire.arg, 0, tell_visitor_end, v)) {
        mem_free(v); /* more work than fits: the token is refused all the same */
    }
}

static void on_agent_changed(void *arg, struct agent_id agent)
{
    struct desk *desk = arg;
    receipts_add_load(desk->receipts, agent); /* another capacity, perhaps */
    desk_route_soon(desk);
}

/* ---- workspace ---- */

static enum err on_brand_load(void *arg, struct db_txn *txn, struct arena *arena, struct str *out)
{
    UNUSED(arg);
    struct workspace ws;
    enum err err = workspace_load(txn, arena, &ws);
    if (err == ERR_OK) {
        *out = ws.brand;
    }
    return err;
}

static enum err on_brand_store(void *arg, struct db_txn *txn, struct str brand)
{
    struct desk *desk = arg;
    struct workspace ws;
    enum err err = workspace_load(txn, db_txn_arena(txn), &ws);
    ws.brand = brand;
    return err != ERR_OK ? err : workspace_store(desk, txn, &ws);
}

static enum err on_public_url_load(void *arg, struct db_txn *txn, struct arena *arena,
                                   struct str *out)
{
    UNUSED(arg);
    struct workspace ws;
    enum err err = workspace_load(txn, arena, &ws);
    if (err == ERR_OK) {
        *out = ws.public_url;
    }
    return err;
}

struct identity_hooks desk_identity_hooks(struct desk *desk)
{
    return (struct identity_hooks){
        .arg = desk,
        .customer_merge = on_customer_merge,
        .customer_changed = on_customer_changed,
        .sessions_ended = on_sessions_ended,
        .permissions_changed = on_permissions_changed,
        .visitor_ended = on_visitor_ended,
        .agent_changed = on_agent_changed,
        .brand_load = on_brand_load,
        .brand_store = on_brand_store,
        .public_url_load = on_public_url_load,
    };
}
