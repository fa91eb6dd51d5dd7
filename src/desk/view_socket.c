/* An agent opens a conversation, or closes it again: what was missed of it, and from then on everything. */
#include "desk/view_socket.h"

#include "base/mem.h"
#include "desk/stream.h"
#include "desk/viewing.h"

#define VIEW_REPLAY_MAX 200
#define VIEW_REPLAY_BYTES (256 * 1024)

struct view_job {
    struct peer *peer;
    struct conversation_id conversation;
    bool open;
    int64_t have;          /* < 0: no replay */
    int64_t seen;          /* the last that was replayed */
    struct event_id up_to; /* how far the replay went */
    enum err err;
    uint64_t visitor_topic;
    int64_t last_seq;
    struct buf frames;
};

static bool view_event(void *arg, const struct event *e)
{
    struct view_job *job = arg;
    size_t before = job->frames.len;
    stream_write_event(&job->frames, e, STR(""));
    (void)buf_add_char(&job->frames, '\0');
    if (buf_err(&job->frames) != ERR_OK) {
        job->frames.len = before; /* no half frame */
        return false;
    }
    job->seen = e->seq;
    return true;
}

static enum err view_fn(struct db_txn *txn, void *arg)
{
    struct view_job *job = arg;
    struct conversation c;
    buf_clear(&job->frames);
    if (!job->open) {
        return ERR_OK;
    }
    enum err err = actor_require(&job->peer->agent->actor, PERM_CONVERSATION_READ, NULL);
    if (err == ERR_OK) {
        err = conversation_load_for(txn, &job->peer->agent->actor, job->conversation,
                                    db_txn_arena(txn), &c, NULL);
    }
    if (err != ERR_OK) {
        return err;
    }
    job->visitor_topic = topic_of_visitor(c.inbox, c.customer);
    job->last_seq = c.last_seq;
    job->up_to = event_up_to(txn);
    job->seen = job->have;
    return job->have >= 0 && job->have < c.last_seq
               ? event_replay_conversation(txn, job->conversation, job->have, job->up_to, false,
                                           VIEW_REPLAY_MAX, view_event, job)
               : ERR_OK;
}

static enum err view_rest_fn(struct db_txn *txn, void *arg)
{
    struct view_job *job = arg;
    buf_clear(&job->frames);
    return event_replay_conversation(txn, job->conversation, job->seen, job->up_to, false,
                                     VIEW_REPLAY_MAX, view_event, job);
}

/* What was told between the replay and now, while nothing is being told. Where commits are told at once there is no such time. */
static void send_view_rest(struct view_job *job)
{
    struct event_id told = event_told(job->peer->desk->db);
    if (job->have < 0 || told.v == job->up_to.v) {
        return;
    }
    job->up_to = told;
    if (db_read(job->peer->desk->db, view_rest_fn, job) == ERR_OK) {
        peer_send_frames(job->peer, &job->frames);
    } else {
        job->peer->desk->wire.close(job->peer->desk->wire.arg, job->peer->conn, SOCKET_CLOSE_BEHIND,
                                    "view");
    }
}

struct peer_view *agent_view_find(struct peer *p, int64_t conversation)
{
    for (size_t i = 0; i < PEER_MAX_VIEWS; i++) {
        if (atomic_load_explicit(&p->agent->views[i].conversation, memory_order_acquire) ==
            conversation) {
            return &p->agent->views[i];
        }
    }
    return NULL;
}

static void send_viewed(const struct peer *p, const struct view_job *job)
{
    BUF_AUTO b;
    buf_init(&b, 256);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "viewed");
    json_kv_id(&w, "conversation_id", job->conversation.v);
    json_kv_i64(&w, "last_seq", job->last_seq);
    json_object_end(&w);
    peer_send(p, &b);
}

/* On the writer's thread, after the commits that the replay saw and before those it did not. */
static void view_done(enum err err, void *arg)
{
    struct view_job *job = arg;
    struct peer *p = job->peer;
    const struct wire *wire = &p->desk->wire;
    struct peer_view *v = agent_view_find(p, job->conversation.v);
    bool is_gone = atomic_load(&p->stage) == PEER_CLOSED;
    if (err != ERR_OK) {
        struct errinfo info = {0};
        peer_send_problem(p, err,
                          err == ERR_NOT_FOUND ? (err_set(&info, err, "conversation_id",
                                                          "not_found", "no such conversation"),
                                                  &info)
                                               : NULL);
    } else if (!job->open && v != NULL) {
        atomic_store(&v->conversation, 0);
        viewing_change(p->desk, p->agent->actor.agent, job->conversation, false);
        wire->leave(wire->arg, p->conn, topic_of_conversation(job->conversation));
    } else if (job->open && !is_gone) {
        peer_send_frames(p, &job->frames);
        send_view_rest(job);
        send_viewed(p, job);
        struct peer_view *place = v != NULL ? v : agent_view_find(p, 0);
        if (v == NULL && place != NULL) {
            atomic_store(&place->visitor_topic, job->visitor_topic);
            atomic_store_explicit(&place->conversation, job->conversation.v, memory_order_release);
            wire->join(wire->arg, p->conn, topic_of_conversation(job->conversation), false);
            viewing_change(p->desk, p->agent->actor.agent, job->conversation, true);
        }
    }
    buf_release(&job->frames);
    peer_unref(&job->peer);
    mem_free(job);
}

void agent_on_view(struct peer *p, const struct json *frame)
{
    struct view_job *job = MEM_NEW(struct view_job);
    job->open = json_bool(json_find(frame, "open"));
    buf_init(&job->frames, VIEW_REPLAY_BYTES);
    enum err err = json_get_id(frame, "conversation_id", &job->conversation.v, NULL);
    if (err == ERR_OK) {
        err = json_opt_i64(frame, "have", 0, INT64_MAX / 2, -1, &job->have, NULL);
    }
    job->peer = peer_ref(p);
    if (err != ERR_OK) {
        peer_close_bad_frame(p, "view");
    } else {
        err = db_submit_ordered(p->desk->db, peer_order(p), view_fn, view_done, job);
        if (err == ERR_OK) {
            return;
        }
        peer_send_problem(p, err, NULL);
    }
    peer_unref(&job->peer);
    mem_free(job);
}
