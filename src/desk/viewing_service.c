#include "desk/viewing.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/signal.h"
#include "platform/bus.h"
#include "platform/node.h"

#define SIGNAL "viewing"
#define WHO "viewing_who"
#define AGENTS_MAX 100 /* of one node with one conversation open, as others are told */

struct viewer {
    struct agent_id agent;
    int n; /* tabs */
};
struct far_viewer {
    struct agent_id agent;
    int64_t node;     /* its lease */
    int64_t until_ms; /* INT64_MAX: as long as the lease */
};
struct viewers {
    VEC(struct viewer) here;
    VEC(struct far_viewer) far;
};
struct viewing {
    struct idmap *by_conversation; /* -> struct viewers */
    bool was_quick;                /* the bus carried, at the last refresh */
};

static int64_t watch_ms(void)
{
    return time_monotonic_ns() / 1000000;
}

struct viewing *viewing_new(void)
{
    struct viewing *v = MEM_NEW(struct viewing);
    v->by_conversation = idmap_new();
    return v;
}

static void viewers_free(struct viewers *v)
{
    VEC_RELEASE(&v->here);
    VEC_RELEASE(&v->far);
    mem_free(v);
}

void viewing_free(struct viewing **viewing)
{
    struct viewing *v = *viewing;
    if (v == NULL) {
        return;
    }
    size_t at = 0;
    int64_t key = 0;
    void *value = NULL;
    while (idmap_next(v->by_conversation, &at, &key, &value)) {
        viewers_free(value);
    }
    idmap_free(&v->by_conversation);
    mem_free(v);
    *viewing = NULL;
}

const struct viewers *viewing_find(const struct viewing *viewing, struct conversation_id c)
{
    return idmap_find(viewing->by_conversation, c.v);
}

static struct viewers *make(struct desk *desk, struct conversation_id c)
{
    struct viewers *v = idmap_find(desk->viewing->by_conversation, c.v);
    if (v == NULL) {
        v = MEM_NEW(struct viewers);
        (void)idmap_put(desk->viewing->by_conversation, c.v, v);
    }
    return v;
}

static void drop_if_empty(struct desk *desk, struct conversation_id c, struct viewers *v)
{
    if (v->here.len == 0 && v->far.len == 0) {
        (void)idmap_remove(desk->viewing->by_conversation, c.v);
        viewers_free(v);
    }
}

static struct viewer *find_here(const struct viewers *v, struct agent_id agent)
{
    for (size_t i = 0; v != NULL && i < v->here.len; i++) {
        if (v->here.items[i].agent.v == agent.v) {
            return &v->here.items[i];
        }
    }
    return NULL;
}

bool viewing_has(const struct viewers *viewers, struct agent_id agent)
{
    return find_here(viewers, agent) != NULL;
}

/* ---- telling ---- */

static bool is_listed_before(const struct viewers *v, size_t i)
{
    struct agent_id agent = v->far.items[i].agent;
    for (size_t k = 0; k < i; k++) {
        if (v->far.items[k].agent.v == agent.v) {
            return true;
        }
    }
    return find_here(v, agent) != NULL;
}

static void tell_here(struct desk *desk, struct conversation_id c, const struct viewers *v)
{
    BUF_AUTO b;
    buf_init(&b, 64 * 1024);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "viewing");
    json_kv_id(&w, "conversation_id", c.v);
    json_put_key(&w, "agent_ids");
    json_array_begin(&w);
    for (size_t i = 0; i < v->here.len; i++) {
        json_put_id(&w, v->here.items[i].agent.v);
    }
    for (size_t i = 0; i < v->far.len; i++) {
        if (!is_listed_before(v, i)) {
            json_put_id(&w, v->far.items[i].agent.v);
        }
    }
    json_array_end(&w);
    json_object_end(&w);
    uint64_t topic = topic_of_conversation(c);
    desk->wire.publish(desk->wire.arg, &topic, 1, 0, buf_str(&b), NULL);
}

static void tell_others(struct desk *desk, struct conversation_id c, const struct viewers *v)
{
    BUF_AUTO b;
    buf_init(&b, BUS_PAYLOAD_MAX);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_id(&w, "node", node_id(desk->node));
    json_put_key(&w, "agents");
    json_array_begin(&w);
    for (size_t i = 0; i < v->here.len && i < AGENTS_MAX; i++) {
        json_put_id(&w, v->here.items[i].agent.v);
    }
    json_array_end(&w);
    json_object_end(&w);
    signal_send(desk, c, SIGNAL, buf_str(&b));
}

void viewing_change(struct desk *desk, struct agent_id agent, struct conversation_id c, bool open)
{
    struct viewers *v = make(desk, c);
    struct viewer *mine = find_here(v, agent);
    if (open && v->here.len == 0 && desk->node != NULL) {
        bus_follow(desk->bus, bus_of_conversation(c));
    }
    if (open && mine != NULL) {
        mine->n++;
    } else if (open) {
        VEC_PUSH(&v->here, ((struct viewer){agent, 1}));
    } else if (mine != NULL && --mine->n <= 0) {
        VEC_SWAP_REMOVE(&v->here, (size_t)(mine - v->here.items));
        if (v->here.len == 0 && desk->node != NULL) {
            bus_unfollow(desk->bus, bus_of_conversation(c));
            v->far.len = 0; /* nobody here to see them */
        }
    }
    tell_here(desk, c, v);
    if (desk->node != NULL) {
        tell_others(desk, c, v);
        if (open && v->here.len == 1) {
            signal_send(desk, c, WHO, STR("{}")); /* what they said before was not for us */
        }
    }
    drop_if_empty(desk, c, v);
}

/* ---- other nodes ---- */

/* The whole list of that node; true: it differs from what it said before. */
static bool replace_far(struct viewers *v, int64_t node, int64_t until_ms,
                        const struct json *agents)
{
    bool is_changed = false;
    size_t n_before = 0, n_now = 0;
    for (size_t i = 0; i < v->far.len; i++) {
        n_before += v->far.items[i].node == node ? 1 : 0;
        v->far.items[i].until_ms = v->far.items[i].node == node ? 0 : v->far.items[i].until_ms;
    }
    for (const struct json *a = json_first(agents); a != NULL && n_now < AGENTS_MAX;
         a = json_next(a)) {
        struct far_viewer f = {.node = node, .until_ms = until_ms};
        bool is_known = false;
        if (!str_to_i64(json_str(a), &f.agent.v)) {
            continue;
        }
        n_now++;
        for (size_t i = 0; i < v->far.len && !is_known; i++) {
            is_known = v->far.items[i].node == node && v->far.items[i].agent.v == f.agent.v;
            v->far.items[i].until_ms = is_known ? until_ms : v->far.items[i].until_ms;
        }
        if (!is_known) {
            VEC_PUSH(&v->far, f);
            is_changed = true;
        }
    }
    return is_changed || n_now != n_before;
}

/* What replace_far left behind. */
static void drop_unsaid(struct viewers *v)
{
    for (size_t i = v->far.len; i > 0; i--) {
        if (v->far.items[i - 1].until_ms == 0) {
            VEC_SWAP_REMOVE(&v->far, i - 1);
        }
    }
}

static bool is_over(const struct desk *desk, const struct far_viewer *f)
{
    return f->until_ms == INT64_MAX ? !node_is_other(desk->node, f->node)
                                    : f->until_ms <= watch_ms();
}

static bool forget_far(const struct desk *desk, struct viewers *v)
{
    size_t n_before = v->far.len;
    for (size_t i = v->far.len; i > 0; i--) {
        if (is_over(desk, &v->far.items[i - 1])) {
            VEC_SWAP_REMOVE(&v->far, i - 1);
        }
    }
    return v->far.len != n_before;
}

static void on_signal(struct desk *desk, const struct signal_heard *s)
{
    struct viewers *v = idmap_find(desk->viewing->by_conversation, s->conversation.v);
    int64_t node = 0;
    if (v == NULL || v->here.len == 0 || json_get_id(s->what, "node", &node, NULL) != ERR_OK) {
        return; /* nobody here has it open */
    }
    int64_t until_ms = s->is_sure ? INT64_MAX : watch_ms() + VIEWING_TTL_MS;
    bool is_changed = replace_far(v, node, until_ms, json_find(s->what, "agents"));
    drop_unsaid(v);
    if (is_changed) {
        tell_here(desk, s->conversation, v);
    }
}

static void on_who(struct desk *desk, const struct signal_heard *s)
{
    const struct viewers *v = idmap_find(desk->viewing->by_conversation, s->conversation.v);
    if (v != NULL && v->here.len > 0) {
        tell_others(desk, s->conversation, v);
    }
}

void viewing_listen(struct desk *desk, struct notices *notices)
{
    signal_handle(desk, notices, SIGNAL, on_signal);
    signal_handle(desk, notices, WHO, on_who);
}

/* Rows are not said again, but once when the bus went away: what was said on it runs out. */
void viewing_refresh(struct desk *desk)
{
    bool is_quick = signal_is_quick(desk);
    bool is_told = is_quick || desk->viewing->was_quick;
    size_t at = 0;
    int64_t key = 0;
    void *value = NULL;
    desk->viewing->was_quick = is_quick;
    while (idmap_next(desk->viewing->by_conversation, &at, &key, &value)) {
        struct viewers *v = value;
        struct conversation_id c = {key};
        if (forget_far(desk, v)) {
            tell_here(desk, c, v);
        }
        if (v->here.len > 0 && is_told) {
            tell_others(desk, c, v);
        }
    }
}
