#include "desk/tell.h"

#include "base/check.h"
#include "desk/message.h"
#include "desk/stream.h"
#include "platform/node.h"
#include "platform/notice.h"

#define NOTICE_BYTES (900 * 1024)

static void publish(struct desk *desk, const uint64_t *topics, size_t n, struct str frame)
{
    desk->wire.publish(desk->wire.arg, topics, n, 0, frame, NULL);
}

/* ---- plain frames ---- */

struct frames_here {
    struct desk *desk;
    const struct desk_frame *list;
    size_t n;
};

static void tell_here(void *arg)
{
    const struct frames_here *f = arg;
    for (size_t i = 0; i < f->n; i++) {
        publish(f->desk, f->list[i].topics, f->list[i].n_topics, f->list[i].bytes);
    }
}

static void put_frame(struct json_writer *w, const struct desk_frame *f)
{
    json_object_begin(w);
    json_put_key(w, "topics");
    json_array_begin(w);
    for (size_t i = 0; i < f->n_topics; i++) {
        json_put_id(w, (int64_t)f->topics[i]);
    }
    json_array_end(w);
    json_kv_str(w, "frame", f->bytes);
    json_object_end(w);
}

enum err desk_tell_others(struct db_txn *txn, struct desk *desk, const struct desk_frame *frames,
                          size_t n)
{
    if (!notice_is_wanted(txn) || n == 0) {
        return ERR_OK;
    }
    BUF_AUTO b;
    buf_init(&b, NOTICE_BYTES);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_put_key(&w, "list");
    json_array_begin(&w);
    for (size_t i = 0; i < n; i++) {
        put_frame(&w, &frames[i]);
    }
    json_array_end(&w);
    json_object_end(&w);
    return buf_err(&b) != ERR_OK ? buf_err(&b)
                                 : notice_add(txn, "frames", buf_str(&b), desk_now(desk));
}

enum err desk_tell_on_commit(struct db_txn *txn, struct desk *desk, const struct desk_frame *frames,
                             size_t n)
{
    struct frames_here *f = ARENA_NEW(db_txn_arena(txn), struct frames_here);
    *f = (struct frames_here){desk, frames, n};
    db_on_commit(txn, tell_here, f);
    return desk_tell_others(txn, desk, frames, n);
}

enum err desk_tell_agent_on_commit(struct db_txn *txn, struct desk *desk, struct agent_id agent,
                                   const struct buf *frame)
{
    if (buf_err(frame) != ERR_OK) {
        return ERR_OK;
    }
    struct desk_frame *f = ARENA_NEW(db_txn_arena(txn), struct desk_frame);
    *f = (struct desk_frame){.topics = {topic_of_agent(agent)},
                             .n_topics = 1,
                             .bytes = str_dup(db_txn_arena(txn), buf_str(frame))};
    return desk_tell_on_commit(txn, desk, f, 1);
}

static void on_frames(void *arg, const struct json *what)
{
    struct desk *desk = arg;
    const struct json *list = json_find(what, "list");
    for (const struct json *f = json_first(list); f != NULL; f = json_next(f)) {
        uint64_t topics[TELL_TOPICS_MAX];
        size_t n = 0;
        const struct json *t = json_first(json_find(f, "topics"));
        for (; t != NULL && n < TELL_TOPICS_MAX; t = json_next(t)) {
            int64_t topic = 0;
            if (str_to_i64(json_str(t), &topic)) {
                topics[n++] = (uint64_t)topic;
            }
        }
        publish(desk, topics, n, json_str(json_find(f, "frame")));
    }
}

/* ---- presence ---- */

struct presence_news {
    struct desk *desk;
    struct str frame;
    struct agent_id agent;
    bool is_reachable;
};

static void tell_presence(struct desk *desk, struct agent_id agent, bool is_reachable,
                          struct str frame)
{
    stream_set_reachable(desk, agent, is_reachable);
    uint64_t topic = topic_of_desk();
    publish(desk, &topic, 1, frame);
}

static void tell_presence_here(void *arg)
{
    const struct presence_news *n = arg;
    tell_presence(n->desk, n->agent, n->is_reachable, n->frame);
}

enum err desk_tell_presence_on_commit(struct db_txn *txn, struct desk *desk, struct agent_id agent,
                                      bool is_reachable, struct str frame)
{
    struct presence_news *n = ARENA_NEW(db_txn_arena(txn), struct presence_news);
    *n = (struct presence_news){desk, str_dup(db_txn_arena(txn), frame), agent, is_reachable};
    db_on_commit(txn, tell_presence_here, n);
    if (!notice_is_wanted(txn)) {
        return ERR_OK;
    }
    BUF_AUTO b;
    buf_init(&b, 32 * 1024);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_id(&w, "agent", agent.v);
    json_kv_bool(&w, "reachable", is_reachable);
    json_kv_str(&w, "frame", frame);
    json_object_end(&w);
    return buf_err(&b) != ERR_OK ? buf_err(&b)
                                 : notice_add(txn, "presence", buf_str(&b), desk_now(desk));
}

static void on_presence(void *arg, const struct json *what)
{
    struct agent_id agent = {0};
    if (json_get_id(what, "agent", &agent.v, NULL) == ERR_OK) {
        tell_presence(arg, agent, json_bool(json_find(what, "reachable")),
                      json_str(json_find(what, "frame")));
    }
}

/* ---- those who may read it ---- */

struct reader_news {
    struct desk *desk;
    struct str frame;
    struct agent_id agents[MESSAGE_MAX_MENTIONS];
    size_t n;
    struct agent_id assignee;
    struct team_id team;
};

static void tell_readers(void *arg)
{
    const struct reader_news *n = arg;
    for (size_t i = 0; i < n->n; i++) {
        uint64_t topic = topic_of_agent(n->agents[i]);
        if (stream_may_hear(n->desk, n->agents[i], n->assignee, n->team)) {
            publish(n->desk, &topic, 1, n->frame);
        }
    }
}

enum err desk_tell_readers_on_commit(struct db_txn *txn, struct desk *desk,
                                     const struct agent_id *agents, size_t n,
                                     struct agent_id assignee, struct team_id team,
                                     struct str frame)
{
    struct reader_news *news = ARENA_NEW(db_txn_arena(txn), struct reader_news);
    *news = (struct reader_news){.desk = desk,
                                 .frame = str_dup(db_txn_arena(txn), frame),
                                 .assignee = assignee,
                                 .team = team};
    BUF_AUTO b;
    buf_init(&b, NOTICE_BYTES);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_id(&w, "assignee", assignee.v);
    json_kv_id(&w, "team", team.v);
    json_kv_str(&w, "frame", frame);
    json_put_key(&w, "agents");
    json_array_begin(&w);
    for (size_t i = 0; i < n && i < MESSAGE_MAX_MENTIONS; i++) {
        news->agents[news->n++] = agents[i];
        json_put_id(&w, agents[i].v);
    }
    json_array_end(&w);
    json_object_end(&w);
    db_on_commit(txn, tell_readers, news);
    return buf_err(&b) != ERR_OK ? buf_err(&b)
                                 : notice_add(txn, "readers", buf_str(&b), desk_now(desk));
}

static void on_readers(void *arg, const struct json *what)
{
    struct reader_news n = {.desk = arg, .frame = json_str(json_find(what, "frame"))};
    if (json_opt_id(what, "assignee", &n.assignee.v, NULL) != ERR_OK ||
        json_opt_id(what, "team", &n.team.v, NULL) != ERR_OK) {
        return;
    }
    const struct json *a = json_first(json_find(what, "agents"));
    for (; a != NULL && n.n < MESSAGE_MAX_MENTIONS; a = json_next(a)) {
        if (str_to_i64(json_str(a), &n.agents[n.n].v)) {
            n.n++;
        }
    }
    tell_readers(&n);
}

/* ---- names ---- */

static void names_changed(void *arg)
{
    struct desk *desk = arg;
    (void)atomic_fetch_add(&desk->names_version, 1);
}

static void on_names(void *arg, const struct json *what)
{
    UNUSED(what);
    names_changed(arg);
}

enum err desk_tell_names(struct db_txn *txn, struct desk *desk)
{
    db_on_commit(txn, names_changed, desk);
    return notice_add(txn, "names", STR("{}"), desk_now(desk));
}

/* ---- wiring ---- */

bool desk_has_others(const struct desk *desk)
{
    return node_others(desk->node) > 0;
}

void desk_tell_handle(struct desk *desk, struct notices *notices)
{
    notices_handle(notices, "frames", on_frames, desk);
    notices_handle(notices, "presence", on_presence, desk);
    notices_handle(notices, "readers", on_readers, desk);
    notices_handle(notices, "names", on_names, desk);
}
