/* Read a view, decide, apply; each step of the plan is checked again when it is applied, because between snapshot and write the world may have moved. What does
 * not fit any more is left out, and routing runs again. */
#include "desk/routing_service.h"

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/offer.h"
#include "desk/presence.h"

#define ROUTING_SPACE_MS 30 /* between two runs: many changes at once are one decision */

struct told {
    int64_t position, estimate_s;
    uint64_t run; /* in which it was last seen waiting */
};
struct routing_state {
    struct idmap *told; /* conversation -> struct told */
    int64_t look_again_at;
    uint64_t run;
};

struct routing_state *routing_state_new(void)
{
    struct routing_state *s = MEM_NEW(struct routing_state);
    s->told = idmap_new();
    return s;
}

void routing_state_free(struct routing_state **state)
{
    if (*state == NULL) {
        return;
    }
    size_t at = 0;
    int64_t key = 0;
    void *value = NULL;
    while (idmap_next((*state)->told, &at, &key, &value)) {
        mem_free(value);
    }
    idmap_free(&(*state)->told);
    mem_free(*state);
    *state = NULL;
}

/* ---- applying ---- */

struct run {
    struct desk *desk;
    struct arena *arena;
    struct routing_facts facts;
    struct routing_plan plan;
    bool is_stale; /* something did not fit any more */
};

static enum err apply_ends(struct run *r, struct db_txn *txn)
{
    enum err err = ERR_OK;
    bool done = false;
    for (size_t i = 0; i < r->plan.n_withdrawn && err == ERR_OK; i++) {
        err = offer_end(r->desk, txn, r->plan.withdrawn[i], OFFER_WITHDRAWN, r->facts.view.now,
                        &done);
    }
    for (size_t i = 0; i < r->plan.n_expired && err == ERR_OK; i++) {
        struct offer o;
        err = offer_end(r->desk, txn, r->plan.expired[i], OFFER_EXPIRED, r->facts.view.now, &done);
        if (err == ERR_OK && done) {
            err = offer_load(txn, r->plan.expired[i], &o);
            err = err != ERR_OK
                      ? err
                      : presence_happened(r->desk, txn, o.agent,
                                          (struct presence_input){.event = PRESENCE_MISSED_OFFER,
                                                                  .now = r->facts.view.now});
        }
    }
    return err;
}

static int capacity_of(const struct routing_view *v, struct agent_id id)
{
    for (size_t i = 0; i < v->n_agents; i++) {
        if (v->agents[i].id.v == id.v) {
            return v->agents[i].capacity;
        }
    }
    return 0;
}

enum err routing_offer(struct desk *desk, struct db_txn *txn, struct routing_match m, int capacity,
                       int64_t now, bool *made_out)
{
    struct conversation c;
    struct presence p;
    int64_t load = 0, held_out = 0;
    *made_out = false;
    enum err err = conversation_load(txn, m.conversation, db_txn_arena(txn), &c);
    if (err == ERR_OK) {
        err = presence_load(txn, m.agent, db_txn_arena(txn), &p);
    }
    if (err == ERR_OK) {
        err = presence_load_of(txn, m.agent, &load);
    }
    if (err == ERR_OK) {
        err = DB_QUERY_I64(txn, &held_out,
                           "SELECT COUNT(*) FROM offers WHERE agent_id = $1 AND state = 0",
                           db_i64(m.agent.v));
    }
    bool fits = err == ERR_OK && c.state == CONVERSATION_OPEN && c.handler == HANDLER_QUEUE &&
                presence_takes_work(&p) && load + held_out < capacity;
    if (!fits) {
        return err;
    }
    int64_t expires_at = now + (int64_t)atomic_load(&desk->offer_timeout_s) * 1000;
    err = offer_make(desk, txn, &c, m.agent, expires_at, now);
    *made_out = err == ERR_OK;
    return err == ERR_CONFLICT ? ERR_OK : err; /* somebody else's is open already */
}

static enum err apply_offer(struct run *r, struct db_txn *txn, struct routing_match m)
{
    bool made = false;
    enum err err = routing_offer(r->desk, txn, m, capacity_of(&r->facts.view, m.agent),
                                 r->facts.view.now, &made);
    r->is_stale = r->is_stale || (err == ERR_OK && !made);
    return err;
}

static enum err apply_fn(struct db_txn *txn, void *arg)
{
    struct run *r = arg;
    r->is_stale = false;
    enum err err = apply_ends(r, txn);
    for (size_t i = 0; i < r->plan.n_offers && err == ERR_OK; i++) {
        err = apply_offer(r, txn, r->plan.offers[i]);
    }
    if (err == ERR_OK && r->plan.look_again_at > 0) {
        err = timer_set(txn, "routing", 0, r->plan.look_again_at, STR("{}"));
    }
    return err;
}

/* ---- what customers are told ---- */

static void tell_place(struct desk *desk, struct inbox_id inbox, struct customer_id customer,
                       struct conversation_id c, const struct told *t)
{
    BUF_AUTO b;
    buf_init(&b, 512);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "queue");
    json_kv_id(&w, "conversation_id", c.v);
    json_put_key(&w, "queue");
    json_object_begin(&w);
    json_kv_i64(&w, "position", t->position);
    json_put_key(&w, "estimate_s");
    if (t->estimate_s >= 0) {
        json_put_i64(&w, t->estimate_s);
    } else {
        json_put_null(&w);
    }
    json_object_end(&w);
    json_object_end(&w);
    uint64_t topic = topic_of_visitor(inbox, customer);
    desk->wire.publish(desk->wire.arg, &topic, 1, 0, buf_str(&b), NULL);
}

/* Drops those who do not wait any more. A conversation that left and came back is told anew. */
static void forget_the_gone(struct routing_state *s, struct arena *arena)
{
    int64_t *gone = ARENA_ARRAY(arena, int64_t, idmap_len(s->told) + 1);
    size_t n = 0, at = 0;
    int64_t key = 0;
    void *value = NULL;
    while (idmap_next(s->told, &at, &key, &value)) {
        if (((const struct told *)value)->run != s->run) {
            gone[n++] = key;
        }
    }
    for (size_t i = 0; i < n; i++) {
        mem_free(idmap_remove(s->told, gone[i]));
    }
}

static void tell_places(struct run *r)
{
    struct routing_state *s = r->desk->routing;
    s->run++;
    struct idmap *index = idmap_new();
    for (size_t i = 0; i < r->facts.view.n_waiting; i++) {
        (void)idmap_put(index, r->facts.view.waiting[i].id.v, (void *)(uintptr_t)(i + 1));
    }
    for (size_t i = 0; i < r->plan.n_places; i++) {
        struct conversation_id c = r->plan.places[i].conversation;
        size_t at = (size_t)(uintptr_t)idmap_find(index, c.v) - 1;
        int64_t estimate = routing_estimate_s(&r->facts.view, &r->facts.view.waiting[at],
                                              r->plan.places[i].position, r->facts.pace);
        struct told *t = idmap_find(s->told, c.v);
        bool is_news =
            t == NULL || t->position != r->plan.places[i].position || t->estimate_s != estimate;
        if (t == NULL) {
            t = MEM_NEW(struct told);
            (void)idmap_put(s->told, c.v, t);
        }
        *t = (struct told){r->plan.places[i].position, estimate, s->run};
        if (is_news) {
            tell_place(r->desk, r->facts.inboxes[at], r->facts.customers[at], c, t);
        }
    }
    idmap_free(&index);
    forget_the_gone(s, r->arena);
}

/* ---- running ---- */

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct run *r = arg;
    return routing_load(r->desk, txn, r->arena, true, &r->facts);
}

enum err desk_route_now(struct desk *desk)
{
    enum err err = ERR_OK;
    bool again = true;
    for (int tries = 0; again && err == ERR_OK && tries < 3; tries++) {
        ARENA_AUTO arena = arena_new(64 * 1024);
        struct run r = {.desk = desk, .arena = arena};
        err = db_read(desk->db, load_fn, &r);
        if (err != ERR_OK) {
            return err;
        }
        routing_decide(arena, &r.facts.view, &r.plan);
        bool is_new_look =
            r.plan.look_again_at > 0 && r.plan.look_again_at != desk->routing->look_again_at;
        if (r.plan.n_offers + r.plan.n_expired + r.plan.n_withdrawn > 0 || is_new_look) {
            err = db_write(desk->db, apply_fn, &r);
            desk->routing->look_again_at = err == ERR_OK ? r.plan.look_again_at : 0;
        }
        if (err == ERR_OK) {
            tell_places(&r);
        }
        again = r.is_stale;
    }
    return err;
}

static void route_job(void *arg)
{
    struct desk *desk = arg;
    if (atomic_load(&desk->is_stopping)) {
        return;
    }
    struct timespec space = {.tv_nsec = ROUTING_SPACE_MS * 1000000L};
    (void)nanosleep(&space, NULL);
    atomic_store(&desk->is_route_wanted, false);
    enum err err = desk_route_now(desk);
    if (err != ERR_OK) {
        LOG_WARN("desk", "routing did not run", log_cstr("err", err_name(err)));
    }
}

void desk_route_soon(struct desk *desk)
{
    if (!atomic_exchange(&desk->is_route_wanted, true) &&
        !desk->wire.work(desk->wire.arg, WORK_ROUTING, route_job, desk)) {
        atomic_store(&desk->is_route_wanted, false);
    }
}

static enum err on_time(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                        int64_t now)
{
    UNUSED(subject);
    UNUSED(payload);
    UNUSED(now);
    desk_route_on_commit(txn, arg);
    return ERR_OK;
}

void routing_register_timers(struct desk *desk)
{
    timers_handle(desk->timers, "offer", on_time, desk);
    timers_handle(desk->timers, "routing", on_time, desk);
}
