/* Members of a topic are a vector; a running fan-out has a cursor into it. Removal keeps "before the cursor: served" true by moving the last served
 * member into the hole and the last member of all into its place. */
#include "platform/hub.h"

#include "base/check.h"
#include "base/map.h"
#include "base/vec.h"
#include "platform/frame.h"

struct held {
    int64_t seq;
    struct frame *frame;
};

struct member {
    struct member *next; /* of the connection */
    struct topic *topic;
    void *conn;
    int64_t last_seq;
    uint32_t index; /* in topic->members */
    bool is_held;
    size_t held_bytes;
    VEC(struct held) held;
};

struct topic {
    int64_t key;
    VEC(struct member *) members;
};

struct publication {
    struct publication *next;
    uint64_t topic;
    int64_t seq;
    struct frame *frame;
    struct conn_id except;
    bool has_except;
};

struct hub {
    const struct hub_ops *ops;
    size_t max_held_bytes;
    struct idmap *topics;
    struct publication *first, **last;
    struct topic *running; /* topic of `first` once begun */
    uint32_t cursor;
};

struct hub *hub_new(const struct hub_ops *ops, size_t max_held_bytes)
{
    struct hub *hub = MEM_NEW(struct hub);
    hub->ops = ops;
    hub->max_held_bytes = max_held_bytes;
    hub->topics = idmap_new();
    hub->last = &hub->first;
    return hub;
}

static void publication_drop(struct hub *hub)
{
    struct publication *p = hub->first;
    hub->first = p->next;
    if (!hub->first) {
        hub->last = &hub->first;
    }
    frame_unref(&p->frame);
    mem_free(p);
    hub->running = NULL;
    hub->cursor = 0;
}

void hub_free(struct hub **hub)
{
    if (*hub) {
        while ((*hub)->first) {
            publication_drop(*hub);
        }
        ASSERT(idmap_len((*hub)->topics) == 0);
        idmap_free(&(*hub)->topics);
        mem_free(*hub);
        *hub = NULL;
    }
}

static struct member **member_find(struct memberships *of, uint64_t topic)
{
    struct member **at = &of->first;
    while (*at && (*at)->topic->key != (int64_t)topic) {
        at = &(*at)->next;
    }
    return at;
}

static void held_drop(struct member *m)
{
    for (size_t i = 0; i < m->held.len; i++) {
        frame_unref(&m->held.items[i].frame);
    }
    VEC_RELEASE(&m->held);
    m->held_bytes = 0;
}

void hub_join(struct hub *hub, struct memberships *of, void *conn, uint64_t topic, bool held)
{
    struct member *m = *member_find(of, topic);
    if (m) {
        m->is_held = m->is_held || held;
        return;
    }
    struct topic *t = idmap_find(hub->topics, (int64_t)topic);
    if (!t) {
        t = MEM_NEW(struct topic);
        t->key = (int64_t)topic;
        idmap_put(hub->topics, t->key, t);
    }
    m = MEM_NEW(struct member);
    m->topic = t;
    m->conn = conn;
    m->is_held = held;
    m->index = (uint32_t)t->members.len;
    m->next = of->first;
    of->first = m;
    VEC_PUSH(&t->members, m);
}

static void put_at(struct topic *t, uint32_t index, struct member *m)
{
    t->members.items[index] = m;
    m->index = index;
}

static void member_remove(struct hub *hub, struct member **at)
{
    struct member *m = *at;
    struct topic *t = m->topic;
    *at = m->next;
    uint32_t hole = m->index;
    if (hub->running == t && hole < hub->cursor) {
        hub->cursor--;
        put_at(t, hole, t->members.items[hub->cursor]);
        hole = hub->cursor;
    }
    uint32_t end = (uint32_t)t->members.len - 1;
    if (hole != end) { /* else the one at the end has just been moved, or is the one that leaves */
        put_at(t, hole, t->members.items[end]);
    }
    t->members.len--;
    if (t->members.len == 0) {
        if (hub->running == t) {
            publication_drop(hub);
        }
        idmap_remove(hub->topics, t->key);
        VEC_RELEASE(&t->members);
        mem_free(t);
    }
    held_drop(m);
    mem_free(m);
}

void hub_leave(struct hub *hub, struct memberships *of, uint64_t topic)
{
    struct member **at = member_find(of, topic);
    if (*at) {
        member_remove(hub, at);
    }
}

void hub_leave_all(struct hub *hub, struct memberships *of)
{
    while (of->first) {
        member_remove(hub, &of->first);
    }
}

void hub_release(struct hub *hub, struct memberships *of, uint64_t topic, int64_t after)
{
    struct member *m = *member_find(of, topic);
    if (!m) {
        return;
    }
    m->is_held = false;
    if (after > m->last_seq) {
        m->last_seq = after;
    }
    for (size_t i = 0; i < m->held.len; i++) {
        const struct held *h = &m->held.items[i];
        if (h->seq > m->last_seq) {
            m->last_seq = h->seq;
            hub->ops->send(m->conn, h->frame);
        }
    }
    held_drop(m);
}

void hub_publish(struct hub *hub, uint64_t topic, int64_t seq, struct frame *frame,
                 const struct conn_id *except)
{
    if (!idmap_find(hub->topics, (int64_t)topic)) {
        return; /* nobody here; a later joiner reads it from the database */
    }
    struct publication *p = MEM_NEW(struct publication);
    p->topic = topic;
    p->seq = seq;
    p->frame = frame_ref(frame);
    if (except) {
        p->has_except = true;
        p->except = *except;
    }
    *hub->last = p;
    hub->last = &p->next;
}

static void deliver(struct hub *hub, struct member *m, const struct publication *p)
{
    if (p->has_except && hub->ops->is_same(m->conn, p->except)) {
        if (p->seq > m->last_seq && !m->is_held) {
            m->last_seq = p->seq;
        }
        return;
    }
    if (p->seq == 0) {
        if (!m->is_held && !hub->ops->is_behind(m->conn)) {
            hub->ops->send(m->conn, p->frame);
        }
        return;
    }
    if (p->seq <= m->last_seq) {
        return;
    }
    if (!m->is_held) {
        m->last_seq = p->seq;
        hub->ops->send(m->conn, p->frame);
        return;
    }
    m->held_bytes += p->frame->len + sizeof(struct held);
    if (m->held_bytes > hub->max_held_bytes) {
        held_drop(m);
        hub->ops->overflow(m->conn);
        return;
    }
    struct held h = {p->seq, frame_ref(p->frame)};
    VEC_PUSH(&m->held, h);
}

bool hub_step(struct hub *hub, size_t max)
{
    while (hub->first && max > 0) {
        struct publication *p = hub->first;
        if (!hub->running) {
            hub->running = idmap_find(hub->topics, (int64_t)p->topic);
            hub->cursor = 0;
        }
        struct topic *t = hub->running;
        if (!t || hub->cursor >= t->members.len) {
            publication_drop(hub);
            continue;
        }
        max--;
        struct member *m = t->members.items[hub->cursor++];
        deliver(hub, m, p);
    }
    return hub->first != NULL;
}

size_t hub_topics(const struct hub *hub)
{
    return idmap_len(hub->topics);
}
