/* /api/v1/visitor/socket. hello carries the token: a worker finds the customer, joins the topic (held), reads what was missed, releases. */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/receipts.h"
#include "desk/retention.h"
#include "desk/socket_peer.h"
#include "desk/stream.h"
#include "desk/typing.h"

#define REPLAY_MAX 1000000 /* rows; the bytes are what limits */
#define REPLAY_BYTES                                                                               \
    (3 * 1024 * 1024) /* below max_queue: what does not fit comes on the next connection */
#define WELCOME_MAX (64 * 1024)

struct replay {
    struct peer *peer;
    struct arena *arena;
    struct buf welcome;
    struct buf events; /* frames, each ended by a NUL: JSON text never holds one */
    struct event_id last;
    bool is_resync; /* what is missing was forgotten */
    size_t n;
};

static bool replay_event(void *arg, const struct event *e)
{
    struct replay *r = arg;
    size_t before = r->events.len;
    if (stream_write_visitor_event(r->peer->desk, &r->events, e)) {
        (void)buf_add_char(&r->events, '\0');
        r->n++;
    } else {
        r->events.len = before;
    }
    if (buf_err(&r->events) != ERR_OK) {
        r->events.len = before; /* no half frame */
        return false;
    }
    return true;
}

static enum err read_fn(struct db_txn *txn, void *arg)
{
    struct replay *r = arg;
    struct peer *p = r->peer;
    struct visitor_part *v = p->visitor;
    struct customer customer;
    struct conversation c = {0};
    buf_clear(&r->events);
    buf_clear(&r->welcome);
    enum err err = customer_load(txn, v->customer, r->arena, &customer);
    if (err == ERR_OK) {
        err = event_last_id(txn, &r->last);
    }
    if (err == ERR_OK) {
        err = conversation_load_latest(txn, v->customer, v->inbox, r->arena, &c);
        err = err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (err != ERR_OK) {
        return err;
    }
    p->name = customer.name; /* arena; kept by the caller */
    v->language = customer.locale;
    struct json_writer w;
    json_writer_init(&w, &r->welcome);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "welcome");
    json_kv_time(&w, "now", desk_now(p->desk));
    json_kv_id(&w, "conversation_id", c.id.v);
    json_kv_i64(&w, "last_seq", c.last_seq);
    json_put_key(&w, "conversation");
    if (c.id.v == 0) {
        json_put_null(&w);
    } else {
        err = visitor_conversation_load_json(p->desk, txn, r->arena, &c, &w);
    }
    json_object_end(&w);
    atomic_store(&v->conversation, c.id.v);
    int64_t have = v->have_conversation.v == c.id.v && v->have <= c.last_seq ? v->have : 0;
    r->is_resync = false;
    if (err == ERR_OK && c.id.v != 0 && have < c.last_seq) {
        err = retention_has_hole(txn, c.id, have, &r->is_resync);
    }
    if (err == ERR_OK && c.id.v != 0 && have < c.last_seq && !r->is_resync) {
        err =
            event_replay_conversation(txn, c.id, have, r->last, true, REPLAY_MAX, replay_event, r);
    }
    return err != ERR_OK ? err : buf_err(&r->welcome);
}

static void greet(struct peer *p, const struct actor *actor)
{
    struct desk *desk = p->desk;
    const struct wire *wire = &desk->wire;
    p->visitor->customer = actor->customer;
    p->visitor->inbox = actor->inbox;
    p->names_version = atomic_load(&desk->names_version);
    uint64_t topic = topic_of_visitor(actor->inbox, actor->customer);
    wire->join(wire->arg, p->conn, topic, true);
    ARENA_AUTO arena = arena_new(0);
    struct replay r = {.peer = p, .arena = arena};
    buf_init(&r.welcome, WELCOME_MAX);
    buf_init(&r.events, REPLAY_BYTES);
    event_catch_up(desk->db);
    enum err err = db_read(desk->db, read_fn, &r);
    if (err == ERR_OK) {
        p->name = peer_keep(p->name);
        p->visitor->language = peer_keep(p->visitor->language);
        atomic_store_explicit(&p->stage, PEER_LIVE, memory_order_release);
        typing_follow(p, (struct conversation_id){atomic_load(&p->visitor->conversation)});
        wire->accept(wire->arg, p->conn);
        peer_send(p, &r.welcome);
        if (r.is_resync) {
            peer_send_cstr(p, "{\"t\":\"resync\"}");
        }
        peer_send_frames(p, &r.events);
        if (buf_err(&r.events) == ERR_OK) {
            peer_send_cstr(p, "{\"t\":\"live\"}");
            wire->release(wire->arg, p->conn, topic, r.last.v);
        } else {
            wire->close(wire->arg, p->conn, SOCKET_CLOSE_BEHIND, "more to come");
        }
    } else {
        p->name = (struct str){0};
        p->visitor->language = (struct str){0};
        LOG_WARN("desk", "visitor not welcomed", log_cstr("err", err_name(err)));
        wire->close(wire->arg, p->conn, 1013, "try again later");
    }
    buf_release(&r.welcome);
    buf_release(&r.events);
}

static void hello_job(void *arg)
{
    struct peer *p = arg;
    struct actor actor;
    enum err err = identity_visitor_actor(p->desk->identity, p->visitor->token, &actor, NULL);
    if (err == ERR_OK) {
        greet(p, &actor);
    } else {
        p->desk->wire.close(p->desk->wire.arg, p->conn,
                            err == ERR_UNAUTHORIZED ? SOCKET_CLOSE_NOT_SIGNED_IN : 1013, "token");
    }
    peer_unref(&p);
}

static void on_hello(struct peer *p, const struct json *frame)
{
    struct visitor_part *v = p->visitor;
    struct str token = json_str(json_find(frame, "token"));
    int64_t have = 0;
    if (token.len == 0 || token.len > 100 ||
        json_opt_id(frame, "conversation_id", &v->have_conversation.v, NULL) != ERR_OK ||
        json_opt_i64(frame, "have", 0, INT64_MAX / 2, 0, &have, NULL) != ERR_OK) {
        peer_close_bad_frame(p, "hello");
        return;
    }
    v->have = have;
    v->token = peer_keep(token);
    atomic_store(&p->stage, PEER_GREETING);
    struct peer *ref = peer_ref(p);
    if (!p->desk->wire.work(p->desk->wire.arg, peer_key(p), hello_job, ref)) {
        p->desk->wire.close(p->desk->wire.arg, p->conn, 1013, "try again later");
        peer_unref(&ref);
    }
}

static void publish_typing(struct peer *p, bool on)
{
    struct conversation_id c = {
        atomic_load_explicit(&p->visitor->conversation, memory_order_relaxed)};
    if (c.v == 0) {
        return;
    }
    BUF_AUTO b;
    buf_init(&b, 4096);
    peer_write_typing(&b, c, "customer", p->visitor->customer.v, p->name, on, false);
    uint64_t topic = topic_of_conversation(c);
    p->desk->wire.publish(p->desk->wire.arg, &topic, 1, 0, buf_str(&b), NULL);
    typing_tell_others(p->desk, &(struct typing){.conversation = c,
                                                 .kind = "customer",
                                                 .id = p->visitor->customer.v,
                                                 .on = on});
}

static void on_mark(struct peer *p, const struct json *frame, enum receipt_kind kind)
{
    int64_t seq = 0;
    struct conversation_id c = {0};
    if (json_get_i64(frame, "seq", 0, INT64_MAX / 2, &seq, NULL) != ERR_OK ||
        json_opt_id(frame, "conversation_id", &c.v, NULL) != ERR_OK) {
        peer_close_bad_frame(p, "seq");
        return;
    }
    if (c.v == 0) {
        c.v = atomic_load_explicit(&p->visitor->conversation, memory_order_relaxed);
    }
    receipts_add(p->desk->receipts, kind, c, p->visitor->customer, p->visitor->inbox,
                 (struct agent_id){0}, seq);
}

static void on_frame(struct peer *p, const struct json *frame)
{
    struct str t = json_str(json_find(frame, "t"));
    int stage = atomic_load_explicit(&p->stage, memory_order_acquire);
    if (str_eq_cstr(t, "ping")) {
        peer_on_ping(p, frame);
    } else if (stage == PEER_NEW && str_eq_cstr(t, "hello")) {
        on_hello(p, frame);
    } else if (stage == PEER_NEW || str_eq_cstr(t, "hello")) {
        peer_close_bad_frame(p, "hello first, once");
    } else if (stage != PEER_LIVE) {
        /* Between hello and welcome: what is sent too early is sent again. */
        struct str client_id = json_str(json_find(json_find(frame, "message"), "client_id"));
        if (str_eq_cstr(t, "send") && message_client_id_is_valid(client_id)) {
            peer_send_nack_early(p, client_id);
        }
    } else if (str_eq_cstr(t, "send")) {
        peer_on_send(p, frame);
    } else if (str_eq_cstr(t, "typing")) {
        bool on = json_bool(json_find(frame, "on"));
        if (peer_may_type(p, on)) {
            publish_typing(p, on);
        }
    } else if (str_eq_cstr(t, "read")) {
        on_mark(p, frame, RECEIPT_CUSTOMER_READ);
    } else if (str_eq_cstr(t, "delivered")) {
        on_mark(p, frame, RECEIPT_CUSTOMER_DELIVERED);
    } else {
        peer_close_bad_frame(p, "unknown frame");
    }
}

static enum err visitor_on_open(void *arg, const struct request *rq, struct conn_id conn,
                                void **user_out, struct errinfo *info)
{
    UNUSED(rq);
    UNUSED(info);
    *user_out = peer_new(arg, conn, false);
    return ERR_OK;
}

static void visitor_on_message(void *arg, struct conn_id conn, void *user, struct str text)
{
    UNUSED(arg);
    UNUSED(conn);
    struct peer *p = user;
    struct json_doc *doc = NULL;
    if (json_parse(text, 16 * 1024, &doc, NULL) != ERR_OK || !json_is_object(json_root(doc))) {
        peer_close_bad_frame(p, "not a JSON object");
    } else {
        on_frame(p, json_root(doc));
    }
    json_doc_free(&doc);
}

static void visitor_on_close(void *arg, struct conn_id conn, void *user, int code)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(code);
    struct peer *p = user;
    if (atomic_exchange(&p->stage, PEER_CLOSED) == PEER_LIVE && p->typing_at != 0) {
        publish_typing(p, false);
    }
    typing_follow(p, (struct conversation_id){0});
    peer_unref(&p);
}

struct socket_endpoint visitor_socket_endpoint(struct desk *desk)
{
    return (struct socket_endpoint){
        .path = "/api/v1/visitor/socket",
        .max_frame = 16 * 1024,
        .max_queue = 4 * 1024 * 1024,
        .max_frames_per_s = desk->visitor_frames_per_s,
        .hello_timeout_ms = 5000,
        .check_origin =
            false, /* any page may carry the widget; the token is the proof, and the iframe is ours */
        .arg = desk,
        .on_open = visitor_on_open,
        .on_message = visitor_on_message,
        .on_close = visitor_on_close,
    };
}
