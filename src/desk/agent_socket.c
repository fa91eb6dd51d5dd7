/* /api/v1/socket. Between hello and live:
 *   worker: session and CSRF token belong together -> submitted: presence says "connected" -> its done, on the writer's thread: into the stream's registry, join
 *   the agent's topic (held) -> worker: read what was missed, welcome, replay, release, live.
 * Every event committed after the registration comes through the topic, every one before it is in the snapshot that the replay reads. */
#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "desk/mention.h"
#include "desk/offer.h"
#include "desk/presence.h"
#include "desk/receipts.h"
#include "desk/socket_peer.h"
#include "desk/stream.h"
#include "desk/typing.h"
#include "desk/view_socket.h"
#include "desk/viewing.h"

#define REPLAY_MAX 2000
/* Read on the writer's thread, so that the place of `viewed` in the order is sure: short. The rest is fetched over HTTP. */

struct replay {
    struct peer *peer;
    struct arena *arena;
    struct buf welcome, events; /* events: frames, each ended by a NUL */
    struct event_id last;
    size_t n_events; /* read so far */
    bool is_resync;
};

static void close_with(struct peer *p, int code, const char *why)
{
    p->desk->wire.close(p->desk->wire.arg, p->conn, code, why);
}

/* ---- hello ---- */

static bool replay_event(void *arg, const struct event *e)
{
    struct replay *r = arg;
    if (++r->n_events > REPLAY_MAX) {
        return false;
    }
    if (stream_is_wanted(&r->peer->agent->actor, e, false, false)) {
        stream_write_event(&r->events, e, STR(""));
        (void)buf_add_char(&r->events, '\0');
    }
    return buf_err(&r->events) == ERR_OK;
}

static enum err write_welcome(struct db_txn *txn, struct replay *r)
{
    struct json_writer w;
    json_writer_init(&w, &r->welcome);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "welcome");
    json_kv_time(&w, "now", desk_now(r->peer->desk));
    json_put_key(&w, "last_event_id");
    json_put_str(&w, str_printf(r->arena, "%lld", (long long)r->last.v));
    json_put_key(&w, "presence");
    enum err err = presence_write_all_json(txn, r->arena, &w);
    json_put_key(&w, "offers");
    if (err == ERR_OK) {
        err = offer_write_open_json(txn, r->arena, r->peer->agent->actor.agent, &w);
    }
    int64_t unseen = 0;
    err = err != ERR_OK ? err : mention_count_unseen(txn, &r->peer->agent->actor, &unseen);
    json_kv_i64(&w, "mentions_unseen", unseen);
    json_object_end(&w);
    return err != ERR_OK ? err : buf_err(&r->welcome);
}

static enum err read_fn(struct db_txn *txn, void *arg)
{
    struct replay *r = arg;
    buf_clear(&r->welcome);
    buf_clear(&r->events);
    r->is_resync = false;
    r->n_events = 0;
    enum err err = event_last_id(txn, &r->last);
    if (err == ERR_OK) {
        err = write_welcome(txn, r);
    }
    struct event_id have = r->peer->agent->have;
    if (err != ERR_OK || have.v < 0 || have.v == r->last.v) {
        return err;
    }
    struct event_id floor = {0};
    err = event_floor_load(txn, &floor);
    if (err != ERR_OK) {
        return err;
    }
    /* How many there are is not told by their ids: a month of events begins far behind the one before. */
    if (have.v > r->last.v || have.v < floor.v) {
        r->is_resync = true;
        return ERR_OK;
    }
    err = event_replay_all(txn, have, REPLAY_MAX + 1, replay_event, r);
    if (err == ERR_OK && (r->n_events > REPLAY_MAX || buf_err(&r->events) != ERR_OK)) {
        r->is_resync = true;
    }
    return err;
}

/* Offers and presence are not numbered: what was told while the topic was held is asked for again. */
static enum err offers_again_fn(struct db_txn *txn, void *arg)
{
    struct replay *r = arg;
    buf_clear(&r->events);
    return offer_write_open_frames(txn, r->arena, r->peer->agent->actor.agent, &r->events);
}

static void replay_job(void *arg)
{
    struct peer *p = arg;
    const struct wire *wire = &p->desk->wire;
    ARENA_AUTO arena = arena_new(0);
    struct replay r = {.peer = p, .arena = arena};
    buf_init(&r.welcome, 4 * 1024 * 1024);
    buf_init(&r.events, 4 * 1024 * 1024);
    event_catch_up(p->desk->db);
    enum err err = db_read(p->desk->db, read_fn, &r);
    if (err == ERR_OK) {
        int greeting = PEER_GREETING;
        (void)atomic_compare_exchange_strong(&p->stage, &greeting, PEER_LIVE);
        peer_send(p, &r.welcome);
        if (r.is_resync) {
            struct str s = str_printf(arena, "{\"t\":\"resync\",\"last_event_id\":\"%lld\"}",
                                      (long long)r.last.v);
            wire->send(wire->arg, p->conn, s);
        } else {
            peer_send_frames(p, &r.events);
        }
        peer_send_cstr(p, "{\"t\":\"live\"}");
        wire->release(wire->arg, p->conn, topic_of_agent(p->agent->actor.agent), r.last.v);
        if (db_read(p->desk->db, offers_again_fn, &r) == ERR_OK) {
            peer_send_frames(p, &r.events);
        }
    } else {
        LOG_WARN("desk", "agent not welcomed", log_cstr("err", err_name(err)));
        close_with(p, 1013, "try again later");
    }
    buf_release(&r.welcome);
    buf_release(&r.events);
    peer_unref(&p);
}

/* Who signs in is remembered for a moment, and an end of the session that another node is about to tell closes only sockets that are registered: so the row is asked. */
static enum err connect_fn(struct db_txn *txn, void *arg)
{
    struct peer *p = arg;
    bool is_signed_in = false;
    enum err err = session_is_there(txn, p->agent->actor.session, &is_signed_in);
    if (err == ERR_OK && !is_signed_in) {
        err = ERR_UNAUTHORIZED;
    }
    return err != ERR_OK ? err : presence_connected(p->desk, txn, p->agent->actor.agent);
}

static void forget_views(struct peer *p)
{
    for (size_t i = 0; i < PEER_MAX_VIEWS; i++) {
        struct conversation_id c = {atomic_exchange(&p->agent->views[i].conversation, 0)};
        if (c.v != 0) {
            viewing_change(p->desk, p->agent->actor.agent, c, false);
        }
    }
    if (atomic_exchange(&p->agent->watches_all, false)) {
        stream_watch_all(p->desk, p->agent->actor.agent, false);
    }
}

static enum err leave_fn(struct db_txn *txn, void *arg)
{
    struct peer *p = arg;
    p->agent->is_last = stream_count(p->desk, p->agent->actor.agent) <= 1;
    return presence_disconnecting(p->desk, txn, p->agent->actor.agent, p->agent->actor.session,
                                  p->agent->is_last);
}

static enum err last_left_fn(struct db_txn *txn, void *arg)
{
    struct peer *p = arg;
    return presence_disconnecting(p->desk, txn, p->agent->actor.agent, p->agent->actor.session,
                                  true);
}

static void last_left_done(enum err err, void *arg)
{
    UNUSED(err);
    struct peer *p = arg;
    peer_unref(&p);
}

/* Two sockets that leave at once may both have seen the other: then it shows here that nobody is left. */
static void leave_done(enum err err, void *arg)
{
    UNUSED(err);
    struct peer *p = arg;
    forget_views(p);
    bool is_empty = atomic_exchange(&p->agent->is_counted, false) &&
                    stream_leave(p->desk, p->agent->actor.agent, p->conn) == 0;
    if (is_empty && !p->agent->is_last &&
        db_submit_ordered(p->desk->db, peer_order(p), last_left_fn, last_left_done, p) == ERR_OK) {
        return;
    }
    peer_unref(&p);
}

static void leave_again(void *arg)
{
    struct peer *p = arg;
    while (db_submit_ordered(p->desk->db, peer_order(p), leave_fn, leave_done, p) == ERR_LIMIT) {
        struct timespec ms = {.tv_nsec = 5000000};
        (void)nanosleep(&ms, NULL);
    }
}

static void leave(struct peer *p)
{
    struct peer *ref = peer_ref(p);
    enum err err = db_submit_ordered(p->desk->db, peer_order(p), leave_fn, leave_done, ref);
    if (err == ERR_LIMIT && p->desk->wire.work(p->desk->wire.arg, 0, leave_again, ref)) {
        return;
    }
    if (err != ERR_OK) {
        peer_unref(&ref); /* the database is closing */
    }
}

/* The registration itself does not depend on the row: an agent whose presence could not be written still gets its events. */
static void connect_done(enum err err, void *arg)
{
    struct peer *p = arg;
    const struct wire *wire = &p->desk->wire;
    if (err == ERR_UNAUTHORIZED) {
        close_with(p, SOCKET_CLOSE_NOT_SIGNED_IN, "session");
        peer_unref(&p);
        return;
    }
    if (err != ERR_OK) {
        LOG_WARN("desk", "presence not written", log_cstr("err", err_name(err)));
    }
    if (atomic_load(&p->stage) == PEER_CLOSED) {
        peer_unref(&p);
        return;
    }
    stream_join(p->desk, &p->agent->actor, p->conn);
    atomic_store(&p->agent->is_counted, true);
    if (atomic_load(&p->stage) == PEER_CLOSED) {
        leave(p); /* closed in between: on_close may have come too early to see is_counted */
    }
    wire->join(wire->arg, p->conn, topic_of_agent(p->agent->actor.agent), true);
    wire->join(wire->arg, p->conn, topic_of_desk(), false);
    wire->accept(wire->arg, p->conn);
    if (!wire->work(wire->arg, peer_key(p), replay_job, p)) {
        close_with(p, 1013, "try again later");
        peer_unref(&p);
    }
}

static void hello_job(void *arg)
{
    struct peer *p = arg;
    enum err err = identity_session_actor(p->desk->identity, str_from(p->agent->token),
                                          p->agent->csrf, &p->agent->actor, NULL);
    if (err == ERR_OK && p->agent->actor.needs_totp_setup) {
        err = ERR_UNAUTHORIZED;
    }
    if (err == ERR_OK) {
        ARENA_AUTO arena = arena_new(0);
        struct str name = {0};
        err = desk_agent_name(p->desk, p->agent->actor.agent, arena, &name);
        p->name = peer_keep(name);
    }
    if (err == ERR_OK) {
        err = db_submit_ordered(p->desk->db, peer_order(p), connect_fn, connect_done, p);
        if (err == ERR_OK) {
            return;
        }
    }
    close_with(p, err == ERR_UNAUTHORIZED ? SOCKET_CLOSE_NOT_SIGNED_IN : 1013, "hello");
    peer_unref(&p);
}

static void on_hello(struct peer *p, const struct json *frame)
{
    struct str csrf = json_str(json_find(frame, "csrf_token"));
    const struct json *have = json_find(frame, "have");
    p->agent->have.v = -1;
    bool is_good = csrf.len > 0 && csrf.len <= 200;
    if (is_good && have != NULL && !json_is_null(have)) {
        is_good = json_is_string(have) && str_to_i64(json_str(have), &p->agent->have.v) &&
                  p->agent->have.v >= 0;
    }
    if (!is_good) {
        peer_close_bad_frame(p, "hello");
        return;
    }
    p->agent->csrf = peer_keep(csrf);
    atomic_store(&p->stage, PEER_GREETING);
    struct peer *ref = peer_ref(p);
    if (!p->desk->wire.work(p->desk->wire.arg, peer_key(p), hello_job, ref)) {
        close_with(p, 1013, "try again later");
        peer_unref(&ref);
    }
}

/* ---- the small ones ---- */

static void on_typing(struct peer *p, const struct json *frame)
{
    struct conversation_id c = {0};
    bool on = json_bool(json_find(frame, "on"));
    bool is_note = str_eq_cstr(json_str(json_find(frame, "kind")), "note");
    if (json_get_id(frame, "conversation_id", &c.v, NULL) != ERR_OK ||
        !actor_may(&p->agent->actor, PERM_CONVERSATION_REPLY) || !peer_may_type(p, on)) {
        return;
    }
    const struct peer_view *v = agent_view_find(p, c.v); /* only where it was allowed to look */
    if (v == NULL) {
        return;
    }
    uint64_t topics[2] = {topic_of_conversation(c), atomic_load(&v->visitor_topic)};
    if (atomic_load(&v->conversation) != c.v) {
        return; /* closed and re-used in this very moment */
    }
    BUF_AUTO b;
    buf_init(&b, 4096);
    peer_write_typing(&b, c, "agent", p->agent->actor.agent.v, p->name, on, is_note);
    p->desk->wire.publish(p->desk->wire.arg, topics, is_note ? 1 : 2, 0, buf_str(&b), &p->conn);
    typing_tell_others(p->desk, &(struct typing){.conversation = c,
                                                 .kind = "agent",
                                                 .id = p->agent->actor.agent.v,
                                                 .on = on,
                                                 .is_note = is_note});
}

static void on_read(struct peer *p, const struct json *frame)
{
    struct conversation_id c = {0};
    int64_t seq = 0;
    if (json_get_id(frame, "conversation_id", &c.v, NULL) != ERR_OK ||
        json_get_i64(frame, "seq", 0, INT64_MAX / 2, &seq, NULL) != ERR_OK) {
        peer_close_bad_frame(p, "read");
    } else if (agent_view_find(p, c.v) != NULL) {
        receipts_add(p->desk->receipts, RECEIPT_AGENT_READ, c, (struct customer_id){0},
                     (struct inbox_id){0}, p->agent->actor.agent, seq);
    }
}

struct watch_job {
    struct peer *peer;
    bool on;
};

static void watch_on_writer(void *arg)
{
    struct watch_job *job = arg;
    if (atomic_load(&job->peer->stage) == PEER_LIVE &&
        atomic_exchange(&job->peer->agent->watches_all, job->on) != job->on) {
        stream_watch_all(job->peer->desk, job->peer->agent->actor.agent, job->on);
    }
    peer_unref(&job->peer);
    mem_free(job);
}

static void on_watch_all(struct peer *p, const struct json *frame)
{
    struct watch_job *job = MEM_NEW(struct watch_job);
    *job = (struct watch_job){peer_ref(p), json_bool(json_find(frame, "on"))};
    desk_on_writer(p->desk, watch_on_writer, job);
}

static enum err activity_fn(struct db_txn *txn, void *arg)
{
    struct peer *p = arg;
    return presence_happened(
        p->desk, txn, p->agent->actor.agent,
        (struct presence_input){.event = PRESENCE_ACTIVE, .now = desk_now(p->desk)});
}

static void activity_done(enum err err, void *arg)
{
    UNUSED(err);
    struct peer *p = arg;
    peer_unref(&p);
}

static void on_activity(struct peer *p)
{
    int64_t now = time_monotonic_ns() / 1000000;
    if (p->active_at != 0 && now - p->active_at < 10000) {
        return;
    }
    p->active_at = now;
    struct peer *ref = peer_ref(p);
    if (db_submit_ordered(p->desk->db, peer_order(p), activity_fn, activity_done, ref) != ERR_OK) {
        peer_unref(&ref);
    }
}

static void on_live_frame(struct peer *p, struct str t, const struct json *frame)
{
    int64_t expires_at = p->agent->actor.expires_at;
    if (expires_at != 0 && desk_now(p->desk) > expires_at) {
        close_with(p, SOCKET_CLOSE_NOT_SIGNED_IN, "session ended");
    } else if (str_eq_cstr(t, "send")) {
        peer_on_send(p, frame);
    } else if (str_eq_cstr(t, "typing")) {
        on_typing(p, frame);
    } else if (str_eq_cstr(t, "read")) {
        on_read(p, frame);
    } else if (str_eq_cstr(t, "view")) {
        agent_on_view(p, frame);
    } else if (str_eq_cstr(t, "watch_all")) {
        on_watch_all(p, frame);
    } else if (str_eq_cstr(t, "activity")) {
        on_activity(p);
    } else {
        peer_close_bad_frame(p, "unknown frame");
    }
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
    } else if (stage == PEER_LIVE) {
        on_live_frame(p, t, frame);
    } else {
        struct str client_id = json_str(json_find(json_find(frame, "message"), "client_id"));
        if (str_eq_cstr(t, "send") && message_client_id_is_valid(client_id)) {
            peer_send_nack_early(p, client_id);
        }
    }
}

static enum err agent_on_open(void *arg, const struct request *rq, struct conn_id conn,
                              void **user_out, struct errinfo *info)
{
    struct peer *p = peer_new(arg, conn, true);
    if (!identity_cookie_token(rq, p->agent->token)) {
        peer_unref(&p);
        return err_set(info, ERR_UNAUTHORIZED, "", "sign_in", "sign in first");
    }
    *user_out = p;
    return ERR_OK;
}

static void agent_on_message(void *arg, struct conn_id conn, void *user, struct str text)
{
    UNUSED(arg);
    UNUSED(conn);
    struct peer *p = user;
    struct json_doc *doc = NULL;
    if (json_parse(text, 64 * 1024, &doc, NULL) != ERR_OK || !json_is_object(json_root(doc))) {
        peer_close_bad_frame(p, "not a JSON object");
    } else {
        on_frame(p, json_root(doc));
    }
    json_doc_free(&doc);
}

static void agent_on_close(void *arg, struct conn_id conn, void *user, int code)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(code);
    struct peer *p = user;
    atomic_store(&p->stage, PEER_CLOSED);
    if (atomic_load(&p->agent->is_counted)) {
        leave(p);
    }
    peer_unref(&p);
}

struct socket_endpoint agent_socket_endpoint(struct desk *desk)
{
    return (struct socket_endpoint){
        .path = "/api/v1/socket",
        .max_frame = 64 * 1024,
        .max_queue = 8 * 1024 * 1024,
        .max_frames_per_s = desk->agent_frames_per_s,
        .hello_timeout_ms = 5000,
        .check_origin = true,
        .arg = desk,
        .on_open = agent_on_open,
        .on_message = agent_on_message,
        .on_close = agent_on_close,
    };
}
