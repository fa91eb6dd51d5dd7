/* Presence is a row; who is connected is known by the stream's registry, on the writer's thread, and where there are several nodes by presence_nodes_service.c. The last socket's end sets a timer, the next hello cancels it:
 * when the timer fires and somebody is connected after all, nothing happens. "idle" is a timer, too, that looks at the row and moves itself on. */
#include "desk/presence.h"
#include "desk/stream.h"
#include "desk/tell.h"

#include "base/check.h"
#include "base/log.h"

#define LOOK_BACK_MS 1000
#define LOOK_BACK_LAST_MS 12000 /* no transaction lasts that long */

static struct presence_input input(struct desk *desk, enum presence_event event)
{
    return (struct presence_input){
        .event = event,
        .now = desk_now(desk),
        .auto_away_ms = (int64_t)atomic_load(&desk->auto_away_minutes) * TIME_MINUTE_MS,
    };
}

/* ---- telling the others ---- */

enum err presence_write_json(struct db_txn *txn, struct arena *arena, const struct presence *p,
                             struct json_writer *w)
{
    int64_t load = 0;
    struct agent agent = {0};
    enum err err = presence_load_of(txn, p->agent, &load);
    if (err == ERR_OK) {
        err = agent_load(txn, p->agent, arena, &agent);
    }
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        return err;
    }
    json_object_begin(w);
    json_kv_id(w, "agent_id", p->agent.v);
    json_kv_cstr(w, "status", presence_status_words[p->status]);
    json_kv_str(w, "reason", p->reason);
    json_kv_bool(w, "is_online", p->is_online);
    json_kv_time(w, "since", p->since > 0 ? p->since : agent.created_at > 0 ? agent.created_at : 1);
    json_kv_i64(w, "load", load);
    json_kv_i64(w, "capacity", agent.capacity);
    json_object_end(w);
    return ERR_OK;
}

enum err presence_write_all_json(struct db_txn *txn, struct arena *arena, struct json_writer *w)
{
    struct agent *agents = NULL;
    size_t n = 0;
    enum err err = agent_list(txn, arena, &agents, &n);
    json_array_begin(w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        struct presence p;
        if (agents[i].is_active) {
            err = presence_load(txn, agents[i].id, arena, &p);
            err = err != ERR_OK ? err : presence_write_json(txn, arena, &p, w);
        }
    }
    json_array_end(w);
    return err;
}

static enum err tell_on_commit(struct desk *desk, struct db_txn *txn, const struct presence *p)
{
    BUF_AUTO b;
    buf_init(&b, 8192);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "presence");
    json_put_key(&w, "presence");
    enum err err = presence_write_json(txn, db_txn_arena(txn), p, &w);
    json_object_end(&w);
    err = err != ERR_OK ? err : buf_err(&b);
    return err != ERR_OK ? err
                         : desk_tell_presence_on_commit(txn, desk, p->agent,
                                                        p->is_online && p->status != PRESENCE_AWAY,
                                                        buf_str(&b));
}

enum err presence_tell(struct desk *desk, struct db_txn *txn, struct agent_id agent)
{
    struct presence p;
    enum err err = presence_load(txn, agent, db_txn_arena(txn), &p);
    return err != ERR_OK ? err : tell_on_commit(desk, txn, &p);
}

/* ---- giving back ---- */

struct held {
    int64_t id;
    bool is_waiting;
};

/* The agent's open conversations, after `after`, locked: a message that is being counted into one of them was written for an agent who is there, and whoever leaves
 * waits for it and sees it. (A light function, db_submit_light: the database does not watch over the two.) */
static enum err lock_held(struct db_txn *txn, struct agent_id agent, int64_t after,
                          struct held *out, size_t max, size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, waiting_since IS NOT NULL FROM conversations WHERE "
                            "assignee_id = $1 AND state = 0 AND state <> 3 AND id > $2 ORDER BY id "
                            "LIMIT $3 FOR UPDATE",
                            db_i64(agent.v), db_i64(after), db_i64((int64_t)max));
    *n_out = 0;
    if (err != ERR_OK) {
        return err;
    }
    while (*n_out < max && db_rows_next(rows)) {
        out[(*n_out)++] = (struct held){db_rows_i64(rows, 0), db_rows_i64(rows, 1) != 0};
    }
    return db_rows_close(&rows);
}

static enum err give_one_back(struct desk *desk, struct db_txn *txn, int64_t id)
{
    struct conversation c;
    enum err err = conversation_load(txn, (struct conversation_id){id}, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(desk, txn, &c);
    err = conversation_give(&w, &c, (struct agent_id){0}, c.team, NULL);
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

/* Conversations whose customer waits for an answer; the others keep their agent. */
static enum err give_back(struct desk *desk, struct db_txn *txn, struct agent_id agent)
{
    enum { PAGE = 100 };
    struct held held[PAGE];
    size_t n = PAGE;
    enum err err = ERR_OK;
    for (int64_t after = 0; n == PAGE && err == ERR_OK; after = held[PAGE - 1].id) {
        err = lock_held(txn, agent, after, held, PAGE, &n);
        for (size_t i = 0; i < n && err == ERR_OK; i++) {
            err = held[i].is_waiting ? give_one_back(desk, txn, held[i].id) : ERR_OK;
        }
    }
    return err;
}

/* A message that was under way may have counted on this agent: its transaction and ours did not see each other where they run side by side (db_submit_light). So it is
 * looked once more when it must have ended, and once when none can be left. */
static enum err look_back_later(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                                int64_t ms, const char *which)
{
    return db_is_one_writer(desk->db)
               ? ERR_OK
               : timer_set(txn, "presence_left", agent.v, desk_now(desk) + ms, str_from(which));
}

static enum err on_left(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                        int64_t now)
{
    UNUSED(now);
    struct desk *desk = arg;
    struct agent_id agent = {subject};
    bool is_reachable = true;
    enum err err = presence_is_reachable(txn, agent, &is_reachable);
    if (err != ERR_OK || is_reachable) {
        return err;
    }
    err = give_back(desk, txn, agent);
    return err != ERR_OK || !str_eq_cstr(payload, "soon")
               ? err
               : look_back_later(desk, txn, agent, LOOK_BACK_LAST_MS, "last");
}

enum err presence_happened(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                           struct presence_input in)
{
    struct presence before;
    enum err err = presence_load(txn, agent, db_txn_arena(txn), &before);
    if (err != ERR_OK) {
        return err;
    }
    struct presence_change change = presence_apply(before, in);
    if (change.is_noted) {
        err = presence_store(txn, &change.after);
    }
    if (err == ERR_OK && change.gives_back) {
        err = give_back(desk, txn, agent);
        err = err != ERR_OK ? err : look_back_later(desk, txn, agent, LOOK_BACK_MS, "soon");
    }
    if (err == ERR_OK && change.is_changed) {
        err = tell_on_commit(desk, txn, &change.after);
        desk_route_on_commit(txn, desk);
    }
    return err;
}

struct setting {
    struct desk *desk;
    struct agent_id agent;
    struct presence_input in;
};

static enum err set_fn(struct db_txn *txn, void *arg)
{
    struct setting *s = arg;
    return presence_happened(s->desk, txn, s->agent, s->in);
}

enum err presence_set(struct desk *desk, const struct actor *actor, struct presence_input in)
{
    struct setting s = {desk, actor->agent, in};
    return actor_is_agent(actor) ? db_write(desk->db, set_fn, &s) : ERR_UNAUTHORIZED;
}

/* ---- sockets ---- */

enum err presence_connected(struct desk *desk, struct db_txn *txn, struct agent_id agent)
{
    struct presence_input in = input(desk, PRESENCE_CONNECTED);
    enum err err = presence_hold(desk, txn, agent);
    if (err == ERR_OK) {
        err = timer_cancel(txn, "presence_grace", agent.v);
    }
    if (err == ERR_OK) {
        err = presence_happened(desk, txn, agent, in);
    }
    return err != ERR_OK
               ? err
               : timer_set(txn, "presence_idle", agent.v, in.now + in.auto_away_ms, STR("{}"));
}

enum err presence_disconnecting(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                                struct session_id session, bool is_last)
{
    bool may_return = false, is_elsewhere = false;
    enum err err = is_last ? session_is_there(txn, session, &may_return) : ERR_OK;
    if (err != ERR_OK || !is_last) {
        return err;
    }
    err = presence_let_go(desk, txn, agent, &is_elsewhere);
    if (err != ERR_OK || is_elsewhere) {
        return err;
    }
    int64_t grace_ms = may_return ? desk->presence_grace_ms : PRESENCE_SIGNED_OUT_GRACE_MS;
    return timer_set(txn, "presence_grace", agent.v, desk_now(desk) + grace_ms, STR("{}"));
}

static enum err on_grace_over(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                              int64_t now)
{
    (void)payload;
    (void)now;
    struct desk *desk = arg;
    struct agent_id agent = {subject};
    bool is_here = false;
    enum err err = presence_is_connected(desk, txn, agent, &is_here);
    if (err != ERR_OK || is_here) {
        return err;
    }
    err = timer_cancel(txn, "presence_idle", subject);
    return err != ERR_OK ? err : presence_happened(desk, txn, agent, input(desk, PRESENCE_GONE));
}

static enum err on_idle(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                        int64_t now)
{
    (void)payload;
    struct desk *desk = arg;
    struct presence p;
    enum err err = presence_load(txn, (struct agent_id){subject}, db_txn_arena(txn), &p);
    if (err != ERR_OK || !p.is_online) {
        return err;
    }
    struct presence_input in = input(desk, PRESENCE_IDLE);
    int64_t due_at = p.active_at + in.auto_away_ms;
    err = presence_happened(desk, txn, p.agent, in);
    return err != ERR_OK ? err
                         : timer_set(txn, "presence_idle", subject,
                                     due_at > now ? due_at : now + in.auto_away_ms, STR("{}"));
}

void presence_register_timers(struct desk *desk)
{
    timers_handle(desk->timers, "presence_grace", on_grace_over, desk);
    timers_handle(desk->timers, "presence_idle", on_idle, desk);
    timers_handle(desk->timers, "presence_left", on_left, desk);
}

static enum err after_restart_fn(struct db_txn *txn, void *arg)
{
    struct desk *desk = arg;
    struct presence *list = NULL;
    size_t n = 0;
    enum err err = presence_list(txn, db_txn_arena(txn), &list, &n);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        stream_set_reachable(desk, list[i].agent,
                             list[i].is_online && list[i].status != PRESENCE_AWAY);
        bool is_here = false;
        if (list[i].is_online) {
            err = presence_is_connected(desk, txn, list[i].agent, &is_here);
        }
        if (err == ERR_OK && list[i].is_online && !is_here) {
            err = timer_set(txn, "presence_grace", list[i].agent.v,
                            desk_now(desk) + desk->presence_grace_ms, STR("{}"));
        }
    }
    return err;
}

enum err presence_after_restart(struct desk *desk)
{
    return db_write(desk->db, after_restart_fn, desk);
}
