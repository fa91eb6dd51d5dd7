/* Changing a conversation: load, decide (conversation_apply), carry out the effects, append events, store; all in the caller's transaction.
 *
 * A use case works on one struct conversation in memory and stores it once, in conversation_finish. When assignee or team moved, the head is appended twice,
 * first under the former routing and then under the new one, so that those who lose sight of it learn that it left. */
#include "base/check.h"
#include "desk/desk_internal.h"
#include "desk/offer.h"
#include "desk/receipts.h"

#define HEAD_MAX (256 * 1024)

int64_t desk_now(const struct desk *desk)
{
    return clock_now(&desk->clock);
}

struct desk_work desk_work_begin(struct desk *desk, struct db_txn *txn,
                                 const struct conversation *c)
{
    return (struct desk_work){
        .desk = desk,
        .txn = txn,
        .arena = db_txn_arena(txn),
        .now = desk_now(desk),
        .former_assignee = c != NULL ? c->assignee : (struct agent_id){0},
        .former_team = c != NULL ? c->team : (struct team_id){0},
        .was_open = c != NULL && c->state == CONVERSATION_OPEN,
    };
}

bool conversation_may_read(const struct actor *actor, struct agent_id assignee, struct team_id team)
{
    return actor_may_see_conversation(actor, assignee, team);
}

enum err conversation_load_for(struct db_txn *txn, const struct actor *actor,
                               struct conversation_id id, struct arena *arena,
                               struct conversation *out, struct errinfo *info)
{
    enum err err = conversation_load(txn, id, arena, out);
    if (err == ERR_NOT_FOUND ||
        (err == ERR_OK && !conversation_may_read(actor, out->assignee, out->team))) {
        return err_set(info, ERR_NOT_FOUND, "id", "not_found", "no such conversation");
    }
    return err;
}

/* ---- events ---- */

enum err conversation_append(struct desk_work *w, struct conversation *c, struct str kind,
                             bool is_public, struct str payload)
{
    c->last_seq++;
    struct event e = {
        .conversation = c->id,
        .seq = c->last_seq,
        .kind = kind,
        .is_public = is_public,
        .payload = payload,
        .at = w->now,
        .assignee = c->assignee,
        .team = c->team,
        .customer = c->customer,
        .inbox = c->inbox,
    };
    return event_append(w->txn, &e);
}

enum err conversation_say(struct desk_work *w, struct conversation *c, const char *event,
                          struct str params, bool is_public)
{
    struct message m = {
        .conversation = c->id,
        .seq = c->last_seq + 1,
        .author_kind = AUTHOR_SYSTEM,
        .kind = MESSAGE_SYSTEM,
        .is_public = is_public,
        .meta = str_printf(w->arena, "{\"event\":\"%s\",\"params\":" STR_FMT "}", event,
                           STR_ARG(str_is_empty(params) ? STR("{}") : params)),
        .created_at = w->now,
    };
    enum err err = message_insert(w->txn, &m);
    if (err != ERR_OK) {
        return err;
    }
    BUF_AUTO b;
    buf_init(&b, HEAD_MAX);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    message_write_json(&jw, &m);
    err = buf_err(&b);
    return err != ERR_OK
               ? err
               : conversation_append(w, c, STR("message.created"), is_public, buf_str(&b));
}

enum err conversation_head(struct desk_work *w, const struct conversation *c, struct str *out)
{
    BUF_AUTO b;
    buf_init(&b, HEAD_MAX);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    enum err err = conversation_write_json(w->txn, w->arena, c, &jw);
    err = err != ERR_OK ? err : buf_err(&b);
    if (err == ERR_OK) {
        *out = str_dup(w->arena, buf_str(&b));
    }
    return err;
}

static void route_hook(void *arg)
{
    desk_route_soon(arg);
}

void desk_route_on_commit(struct db_txn *txn, struct desk *desk)
{
    db_on_commit(txn, route_hook, desk);
}

struct load_change {
    struct desk *desk;
    struct agent_id agents[2];
};

static void tell_loads(void *arg)
{
    const struct load_change *l = arg;
    for (int i = 0; i < 2; i++) {
        if (l->agents[i].v != 0) {
            receipts_add_load(l->desk->receipts, l->agents[i]);
        }
    }
}

/* An agent's load is its open conversations: whoever has one more or fewer now is told to the desk, a moment later and once. */
static void tell_loads_on_commit(const struct desk_work *w, const struct conversation *c)
{
    bool is_open = c->state == CONVERSATION_OPEN;
    struct agent_id before = {w->was_open ? w->former_assignee.v : 0};
    struct agent_id now = {is_open ? c->assignee.v : 0};
    if (before.v != now.v) {
        struct load_change *l = ARENA_NEW(w->arena, struct load_change);
        *l = (struct load_change){w->desk, {before, now}};
        db_on_commit(w->txn, tell_loads, l);
    }
}

enum err conversation_finish(struct desk_work *w, struct conversation *c)
{
    enum err err = ERR_OK;
    c->updated_at = w->now;
    if (w->is_head_changed) {
        bool is_moved = w->former_assignee.v != c->assignee.v || w->former_team.v != c->team.v;
        struct str head = {0};
        c->version++;
        c->last_seq += is_moved ? 2 : 1;
        err = conversation_head(w, c, &head); /* says the last_seq that will be true */
        c->last_seq -= is_moved ? 2 : 1;
        if (err == ERR_OK && is_moved) {
            struct agent_id assignee = c->assignee;
            struct team_id team = c->team;
            c->assignee = w->former_assignee;
            c->team = w->former_team;
            err = conversation_append(w, c, STR("conversation.updated"), false, head);
            c->assignee = assignee;
            c->team = team;
        }
        if (err == ERR_OK) {
            err = conversation_append(w, c, STR("conversation.updated"), w->is_public_change, head);
        }
    }
    if (err == ERR_OK) {
        err = conversation_store(w->txn, c);
    }
    if (err == ERR_OK) {
        tell_loads_on_commit(w, c);
    }
    if (err == ERR_OK && w->wants_route) {
        desk_route_on_commit(w->txn, w->desk);
    }
    return err;
}

/* ---- effects ---- */

static enum err apply_effects(struct desk_work *w, struct conversation *c, unsigned effects,
                              struct agent_id by, int64_t snoozed_until)
{
    enum err err = ERR_OK;
    if ((effects & EFFECT_SET_SNOOZE) != 0) {
        c->snoozed_until = snoozed_until;
        err = snoozed_until > 0 ? timer_set(w->txn, "snooze", c->id.v, snoozed_until, STR("{}"))
                                : timer_cancel(w->txn, "snooze", c->id.v);
    }
    if (err == ERR_OK && (effects & EFFECT_CANCEL_SNOOZE) != 0) {
        c->snoozed_until = 0;
        err = timer_cancel(w->txn, "snooze", c->id.v);
    }
    if ((effects & EFFECT_MARK_RESOLVED) != 0) {
        c->resolved_at = w->now;
        c->resolved_by = by;
        c->n_resolutions++;
        c->unread = 0;
    }
    if ((effects & EFFECT_CLEAR_RESOLVED) != 0) {
        c->resolved_at = 0;
        c->resolved_by.v = 0;
    }
    if ((effects & EFFECT_CLEAR_WAITING) != 0) {
        c->waiting_since = 0;
    }
    if ((effects & EFFECT_START_WAITING) != 0 && c->waiting_since == 0) {
        c->waiting_since = w->now;
    }
    if ((effects & EFFECT_ENTER_QUEUE) != 0) {
        /* Coming back (declined, the agent left) keeps the place in time: the customer has waited since then. */
        c->queued_at = c->waiting_since > 0 ? c->waiting_since : w->now;
    }
    if ((effects & EFFECT_LEAVE_QUEUE) != 0) {
        c->queued_at = 0;
    }
    if (err == ERR_OK && (effects & EFFECT_WITHDRAW_OFFER) != 0) {
        err = offer_withdraw_of(w->desk, w->txn, c->id, w->now);
    }
    w->wants_route |= (effects & EFFECT_ROUTE) != 0;
    return err;
}

static struct str params_of(struct desk_work *w, struct agent_id by, struct str by_name,
                            int64_t until)
{
    BUF_AUTO b;
    buf_init(&b, 4096);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    json_object_begin(&jw);
    if (by.v != 0) {
        json_kv_id(&jw, "agent_id", by.v);
        json_kv_str(&jw, "name", by_name);
    }
    if (until > 0) {
        json_kv_time(&jw, "until", until);
    }
    json_object_end(&jw);
    return str_dup(w->arena, buf_str(&b));
}

/* What is worth a line in the conversation. */
static enum err say_what_happened(struct desk_work *w, struct conversation *c,
                                  enum conversation_event event, struct conversation_change change,
                                  enum conversation_state from,
                                  enum conversation_handler from_handler, struct agent_id by,
                                  struct str by_name)
{
    struct str params =
        params_of(w, by, by_name, change.state == CONVERSATION_SNOOZED ? c->snoozed_until : 0);
    if ((change.effects & EFFECT_MARK_RESOLVED) != 0) {
        return conversation_say(w, c, event == ON_END ? "ended" : "resolved", params, true);
    }
    if ((change.effects & EFFECT_CLEAR_RESOLVED) != 0) {
        return conversation_say(w, c, "reopened", params, true);
    }
    if (event == ON_SNOOZE) {
        return conversation_say(w, c, "snoozed", params, false);
    }
    if (event == ON_WAKE && from == CONVERSATION_SNOOZED) {
        return conversation_say(w, c, "woken", params, false);
    }
    if (event == ON_HANDOVER && from_handler == HANDLER_BOT) {
        return conversation_say(w, c, "handover", params, true);
    }
    return ERR_OK;
}

enum err conversation_do(struct desk_work *w, struct conversation *c, enum conversation_event event,
                         struct agent_id by, struct str by_name, int64_t snoozed_until,
                         struct errinfo *info)
{
    struct conversation_change change =
        conversation_apply((struct conversation_facts){c->state, c->handler}, event);
    if (change.is_refused) {
        return err_set(info, ERR_CONFLICT, "state", "state",
                       "not possible while the conversation is %s and with the %s",
                       conversation_state_name(c->state), conversation_handler_name(c->handler));
    }
    enum conversation_state from = c->state;
    enum conversation_handler from_handler = c->handler;
    int64_t former_snooze = c->snoozed_until;
    c->state = change.state;
    c->handler = change.handler;
    enum err err = apply_effects(w, c, change.effects, by, snoozed_until);
    if (err != ERR_OK) {
        return err;
    }
    if (c->handler != HANDLER_AGENT) {
        c->assignee.v = 0;
    }
    bool is_snooze_moved = former_snooze != c->snoozed_until;
    if (change.is_changed || is_snooze_moved) {
        w->is_head_changed = true;
        w->is_public_change |= change.is_changed;
        return say_what_happened(w, c, event, change, from, from_handler, by, by_name);
    }
    return ERR_OK;
}

enum err conversation_give(struct desk_work *w, struct conversation *c, struct agent_id agent,
                           struct team_id team, struct errinfo *info)
{
    if (agent.v == c->assignee.v && team.v == c->team.v &&
        (agent.v != 0 || c->handler == HANDLER_QUEUE)) {
        return ERR_OK;
    }
    struct agent_id former = c->assignee;
    enum err err =
        conversation_do(w, c, agent.v != 0 ? ON_ASSIGN : ON_QUEUE, agent, STR(""), 0, info);
    if (err != ERR_OK) {
        return err;
    }
    bool is_team_moved = c->team.v != team.v;
    c->assignee = agent;
    c->team = team;
    w->is_head_changed = true;
    w->is_public_change = true;
    w->wants_route = true;
    if (agent.v != 0 && agent.v != former.v) {
        struct str name = {0};
        err = agent_load_name(w->txn, agent, w->arena, &name);
        return err != ERR_OK
                   ? err
                   : conversation_say(w, c, "assigned", params_of(w, agent, name, 0), true);
    }
    if (is_team_moved || former.v != 0) {
        /* An offer made to the former team's people is void. */
        err = offer_withdraw_of(w->desk, w->txn, c->id, w->now);
        return err != ERR_OK ? err : conversation_say(w, c, "queued", STR(""), false);
    }
    return ERR_OK;
}
