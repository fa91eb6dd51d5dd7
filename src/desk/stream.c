/* One frame is made per audience and shared by everyone in it. A message has the same bytes for agents and customers; a head has not.
 *
 * Rejected: one topic per conversation, team and view on the agents' side. A connection would be in several of them, would get some events twice, and the order
 * between topics would be lost; choosing the agents here (there are hundreds, not thousands) costs less. */
#include "desk/stream.h"

#include <pthread.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/viewing.h"

#define FRAME_MAX (512 * 1024)
#define MAX_TARGETS 4096

struct ear {
    struct conn_id conn;
    struct session_id session;
};
struct listener {
    struct actor actor; /* of the last one who came: all sessions of an agent may the same */
    VEC(struct ear) ears;
    int n_watch_all;
};
struct stream {
    struct idmap *by_agent; /* -> struct listener */
    VEC(struct listener *) listeners;
    struct idmap *unreachable; /* agent -> itself */
    /* Of by_agent, listeners and unreachable while they change: write functions, which may run beside the turn, look at them (stream_count,
     * stream_is_reachable). Whoever has the turn reads without it. */
    pthread_mutex_t lock;
    struct buf frame;
    uint64_t targets[MAX_TARGETS];
};

struct stream *stream_new(void)
{
    struct stream *s = MEM_NEW(struct stream);
    s->by_agent = idmap_new();
    s->unreachable = idmap_new();
    (void)pthread_mutex_init(&s->lock, NULL);
    buf_init(&s->frame, FRAME_MAX);
    return s;
}

void stream_free(struct stream **stream)
{
    struct stream *s = *stream;
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->listeners.len; i++) {
        VEC_RELEASE(&s->listeners.items[i]->ears);
        mem_free(s->listeners.items[i]);
    }
    VEC_RELEASE(&s->listeners);
    idmap_free(&s->by_agent);
    idmap_free(&s->unreachable);
    (void)pthread_mutex_destroy(&s->lock);
    buf_release(&s->frame);
    mem_free(s);
    *stream = NULL;
}

/* ---- frames ---- */

void stream_write_event(struct buf *out, const struct event *e, struct str data)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "event");
    json_put_key(&w, "event");
    json_object_begin(&w);
    json_kv_id(&w, "id", e->id.v);
    json_kv_id(&w, "conversation_id", e->conversation.v);
    json_kv_i64(&w, "seq", e->seq);
    json_kv_str(&w, "kind", e->kind);
    json_kv_time(&w, "at", e->at);
    json_kv_raw(&w, "data", str_is_empty(data) ? e->payload : data);
    json_object_end(&w);
    json_object_end(&w);
}

static bool is_head(const struct event *e)
{
    return str_starts(e->kind, STR("conversation."));
}

bool stream_write_visitor_event(const struct desk *desk, struct buf *out, const struct event *e)
{
    if (!e->is_public) {
        return false;
    }
    if (!is_head(e)) {
        stream_write_event(out, e, STR(""));
        return true;
    }
    BUF_AUTO data;
    buf_init(&data, FRAME_MAX);
    struct json_writer w;
    json_writer_init(&w, &data);
    if (visitor_conversation_from_head(desk, e->payload, &w) != ERR_OK) {
        return false;
    }
    stream_write_event(out, e, buf_str(&data));
    return true;
}

/* ---- who wants it ---- */

bool stream_is_wanted(const struct actor *actor, const struct event *e, bool is_viewing,
                      bool watches_all)
{
    if (e->conversation.v == 0 || !conversation_may_read(actor, e->assignee, e->team)) {
        return false;
    }
    bool is_mine = e->assignee.v != 0 && e->assignee.v == actor->agent.v;
    return is_mine || is_viewing || watches_all || is_head(e) ||
           str_starts(e->kind, STR("rating."));
}

static size_t find_targets(const struct desk *desk, struct stream *s, const struct event *e)
{
    size_t n = 0;
    const struct viewers *viewers = viewing_find(desk->viewing, e->conversation);
    for (size_t i = 0; i < s->listeners.len && n < MAX_TARGETS - 1; i++) {
        const struct listener *l = s->listeners.items[i];
        if (stream_is_wanted(&l->actor, e, viewing_has(viewers, l->actor.agent),
                             l->n_watch_all > 0)) {
            s->targets[n++] = topic_of_agent(l->actor.agent);
        }
    }
    return n;
}

void stream_on_event(void *arg, const struct event *e)
{
    struct desk *desk = arg;
    struct stream *s = desk->stream;
    if (e->conversation.v == 0) {
        return; /* a notice between nodes */
    }
    size_t n = find_targets(desk, s, e);
    bool shares_bytes = e->is_public && !is_head(e);
    if (shares_bytes && e->customer.v != 0) {
        s->targets[n++] = topic_of_visitor(e->inbox, e->customer);
    }
    if (n > 0) {
        buf_clear(&s->frame);
        stream_write_event(&s->frame, e, STR(""));
        if (buf_err(&s->frame) == ERR_OK) {
            desk->wire.publish(desk->wire.arg, s->targets, n, e->id.v, buf_str(&s->frame), NULL);
        }
    }
    if (e->is_public && !shares_bytes && e->customer.v != 0) {
        buf_clear(&s->frame);
        uint64_t topic = topic_of_visitor(e->inbox, e->customer);
        if (stream_write_visitor_event(desk, &s->frame, e) && buf_err(&s->frame) == ERR_OK) {
            desk->wire.publish(desk->wire.arg, &topic, 1, e->id.v, buf_str(&s->frame), NULL);
        }
    }
}

/* ---- the registry ---- */

struct on_writer {
    struct desk *desk;
    void (*fn)(void *arg);
    void *arg;
};

static enum err do_nothing(struct db_txn *txn, void *arg)
{
    UNUSED(txn);
    UNUSED(arg);
    return ERR_OK;
}

/* Whatever became of the (empty) transaction: the place in the order is what counts. */
static void on_writer_done(enum err err, void *arg)
{
    UNUSED(err);
    struct on_writer *o = arg;
    o->fn(o->arg);
    mem_free(o);
}

static void on_writer_again(void *arg)
{
    struct on_writer *o = arg;
    while (db_submit_ordered(o->desk->db, topic_of_desk(), do_nothing, on_writer_done, o) ==
           ERR_LIMIT) {
        struct timespec ms = {.tv_nsec = 5000000};
        (void)nanosleep(&ms, NULL);
    }
}

void desk_on_writer(struct desk *desk, void (*fn)(void *arg), void *arg)
{
    struct on_writer *o = MEM_NEW(struct on_writer);
    *o = (struct on_writer){desk, fn, arg};
    enum err err = db_submit_ordered(desk->db, topic_of_desk(), do_nothing, on_writer_done, o);
    if (err == ERR_LIMIT && desk->wire.work(desk->wire.arg, 0, on_writer_again, o)) {
        return;
    }
    if (err != ERR_OK) {
        mem_free(o); /* the database is closing: nobody will hear of anything any more */
    }
}

void stream_join(struct desk *desk, const struct actor *actor, struct conn_id conn)
{
    struct stream *s = desk->stream;
    (void)pthread_mutex_lock(&s->lock);
    struct listener *l = idmap_find(s->by_agent, actor->agent.v);
    if (l == NULL) {
        l = MEM_NEW(struct listener);
        (void)idmap_put(s->by_agent, actor->agent.v, l);
        VEC_PUSH(&s->listeners, l);
    }
    l->actor = *actor;
    VEC_PUSH(&l->ears, ((struct ear){conn, actor->session}));
    (void)pthread_mutex_unlock(&s->lock);
}

static int leave_locked(struct stream *s, struct agent_id agent, struct conn_id conn)
{
    struct listener *l = idmap_find(s->by_agent, agent.v);
    if (l == NULL) {
        return 0;
    }
    for (size_t i = 0; i < l->ears.len; i++) {
        struct conn_id at = l->ears.items[i].conn;
        if (at.loop == conn.loop && at.slot == conn.slot && at.generation == conn.generation) {
            VEC_SWAP_REMOVE(&l->ears, i);
            break;
        }
    }
    if (l->ears.len > 0) {
        return (int)l->ears.len;
    }
    (void)idmap_remove(s->by_agent, agent.v);
    for (size_t i = 0; i < s->listeners.len; i++) {
        if (s->listeners.items[i] == l) {
            VEC_SWAP_REMOVE(&s->listeners, i);
            break;
        }
    }
    VEC_RELEASE(&l->ears);
    mem_free(l);
    return 0;
}

int stream_leave(struct desk *desk, struct agent_id agent, struct conn_id conn)
{
    (void)pthread_mutex_lock(&desk->stream->lock);
    int n_left = leave_locked(desk->stream, agent, conn);
    (void)pthread_mutex_unlock(&desk->stream->lock);
    return n_left;
}

static void close_ears(struct desk *desk, const struct listener *l, struct session_id session,
                       int code)
{
    for (size_t i = 0; i < l->ears.len; i++) {
        if (session.v == 0 || l->ears.items[i].session.v == session.v) {
            desk->wire.close(desk->wire.arg, l->ears.items[i].conn, code, "session");
        }
    }
}

void stream_close(struct desk *desk, struct agent_id agent, struct session_id session, int code)
{
    for (size_t i = 0; i < desk->stream->listeners.len; i++) {
        const struct listener *l = desk->stream->listeners.items[i];
        if (agent.v == 0 || l->actor.agent.v == agent.v) {
            close_ears(desk, l, session, code);
        }
    }
}

void stream_watch_all(struct desk *desk, struct agent_id agent, bool on)
{
    struct listener *l = idmap_find(desk->stream->by_agent, agent.v);
    if (l != NULL) {
        l->n_watch_all += on ? 1 : l->n_watch_all > 0 ? -1 : 0;
    }
}

void stream_set_reachable(struct desk *desk, struct agent_id agent, bool is_reachable)
{
    (void)pthread_mutex_lock(&desk->stream->lock);
    if (is_reachable) {
        (void)idmap_remove(desk->stream->unreachable, agent.v);
    } else {
        (void)idmap_put(desk->stream->unreachable, agent.v, desk);
    }
    (void)pthread_mutex_unlock(&desk->stream->lock);
}

bool stream_is_reachable(const struct desk *desk, struct agent_id agent)
{
    (void)pthread_mutex_lock(&desk->stream->lock);
    bool is_reachable = idmap_find(desk->stream->unreachable, agent.v) == NULL;
    (void)pthread_mutex_unlock(&desk->stream->lock);
    return is_reachable;
}

bool stream_may_hear(const struct desk *desk, struct agent_id agent, struct agent_id assignee,
                     struct team_id team)
{
    const struct listener *l = idmap_find(desk->stream->by_agent, agent.v);
    return l != NULL && actor_may(&l->actor, PERM_CONVERSATION_READ) &&
           conversation_may_read(&l->actor, assignee, team);
}

int stream_count(const struct desk *desk, struct agent_id agent)
{
    (void)pthread_mutex_lock(&desk->stream->lock);
    const struct listener *l = idmap_find(desk->stream->by_agent, agent.v);
    int n = l == NULL ? 0 : (int)l->ears.len;
    (void)pthread_mutex_unlock(&desk->stream->lock);
    return n;
}

size_t stream_agents(const struct desk *desk, struct agent_id *out, size_t max)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&desk->stream->lock);
    for (; n < desk->stream->listeners.len && n < max; n++) {
        out[n] = desk->stream->listeners.items[n]->actor.agent;
    }
    (void)pthread_mutex_unlock(&desk->stream->lock);
    return n;
}
