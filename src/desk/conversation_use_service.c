/* Agents' changes to a conversation, and the timer that ends a snooze. */
#include "desk/conversation_use.h"

#include "base/check.h"
#include "desk/presence.h"
#include "desk/receipts.h"

struct use {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    struct arena *arena;
    struct str *json_out;
    struct errinfo *info;
    /* one of */
    enum { USE_PATCH, USE_STATE, USE_ASSIGN } what;
    const struct conversation_patch *patch;
    int64_t version;
    enum conversation_state state;
    int64_t snoozed_until;
    struct agent_id agent;
    struct team_id team;
    bool has_team;
};

static enum err do_patch(const struct use *u, struct desk_work *w, struct conversation *c)
{
    const struct conversation_patch *p = u->patch;
    if (u->version >= 0 && u->version != c->version) {
        return err_set(u->info, ERR_CONFLICT, "", "version_mismatch",
                       "somebody was faster: version %lld", (long long)c->version);
    }
    if (p->priority >= 0 && (enum conversation_priority)p->priority != c->priority) {
        c->priority = (enum conversation_priority)p->priority;
        w->wants_route = w->is_head_changed = true;
    }
    if (p->topic != NULL && !str_eq(*p->topic, c->topic)) {
        c->topic = *p->topic;
        w->wants_route = w->is_head_changed = true;
    }
    if (p->language != NULL && !str_eq(*p->language, c->language)) {
        c->language = *p->language;
        w->wants_route = w->is_head_changed = true;
    }
    if (p->tags != NULL && !str_eq(*p->tags, c->tags)) {
        c->tags = *p->tags;
        w->is_head_changed = true;
    }
    return ERR_OK;
}

static enum err do_state(const struct use *u, struct desk_work *w, struct conversation *c)
{
    static const enum conversation_event events[CONVERSATION_N_STATES] = {
        [CONVERSATION_OPEN] = ON_OPEN,
        [CONVERSATION_WAITING] = ON_WAIT,
        [CONVERSATION_SNOOZED] = ON_SNOOZE,
        [CONVERSATION_RESOLVED] = ON_RESOLVE,
    };
    struct str name = {0};
    enum err err = agent_load_name(w->txn, u->actor->agent, w->arena, &name);
    return err != ERR_OK ? err
                         : conversation_do(w, c, events[u->state], u->actor->agent, name,
                                           u->snoozed_until, u->info);
}

/* The new assignee must be somebody who can see and answer it. */
static enum err check_assignee(const struct use *u, struct db_txn *txn, struct team_id team)
{
    struct actor there;
    bool exists = team.v == 0;
    enum err err = team.v == 0 ? ERR_OK : team_exists(txn, team, &exists);
    if (err == ERR_OK && !exists) {
        return err_set(u->info, ERR_INVALID, "team_id", "not_found", "no such team");
    }
    if (err != ERR_OK || u->agent.v == 0) {
        return err;
    }
    err = agent_load_actor(txn, u->agent, &there);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && !actor_may(&there, PERM_CONVERSATION_REPLY))) {
        return err_set(u->info, ERR_INVALID, "agent_id", "not_found",
                       "no such agent, or may not answer");
    }
    return err;
}

static enum err do_assign(const struct use *u, struct desk_work *w, struct conversation *c)
{
    /* Naming an agent leaves the team as it is; naming neither gives it to everybody. */
    struct team_id team = u->has_team || u->agent.v == 0 ? u->team : c->team;
    enum err err = check_assignee(u, w->txn, team);
    return err != ERR_OK ? err : conversation_give(w, c, u->agent, team, u->info);
}

static enum err use_fn(struct db_txn *txn, void *arg)
{
    struct use *u = arg;
    struct conversation c;
    struct str head = {0};
    enum err err = conversation_load_for(txn, u->actor, u->id, db_txn_arena(txn), &c, u->info);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(u->desk, txn, &c);
    err = u->what == USE_PATCH   ? do_patch(u, &w, &c)
          : u->what == USE_STATE ? do_state(u, &w, &c)
                                 : do_assign(u, &w, &c);
    if (err == ERR_OK && w.is_head_changed) {
        err = conversation_finish(&w, &c);
        if (err == ERR_CONFLICT) {
            return err_set(u->info, ERR_CONFLICT, "state", "newer",
                           "the customer has a newer conversation");
        }
    }
    if (err == ERR_OK) {
        err = conversation_head(&w, &c, &head);
    }
    if (err == ERR_OK) {
        *u->json_out = str_dup(u->arena, head);
    }
    return err;
}

static enum err use(struct use *u, enum permission p)
{
    enum err err = actor_require(u->actor, PERM_CONVERSATION_READ, u->info);
    err = err != ERR_OK ? err : actor_require(u->actor, p, u->info);
    return err != ERR_OK ? err : db_write(u->desk->db, use_fn, u);
}

enum err conversation_update(struct desk *desk, const struct actor *actor,
                             struct conversation_id id, int64_t version,
                             const struct conversation_patch *patch, struct arena *arena,
                             struct str *json_out, struct errinfo *info)
{
    struct use u = {.desk = desk,
                    .actor = actor,
                    .id = id,
                    .arena = arena,
                    .json_out = json_out,
                    .info = info,
                    .what = USE_PATCH,
                    .patch = patch,
                    .version = version};
    return use(&u, PERM_CONVERSATION_REPLY);
}

enum err conversation_set_state(struct desk *desk, const struct actor *actor,
                                struct conversation_id id, enum conversation_state state,
                                int64_t snoozed_until, struct arena *arena, struct str *json_out,
                                struct errinfo *info)
{
    int64_t now = desk_now(desk);
    if (state == CONVERSATION_SNOOZED && snoozed_until != 0 &&
        (snoozed_until <= now || snoozed_until > now + 366 * TIME_DAY_MS)) {
        return err_set(info, ERR_INVALID, "snoozed_until", "range",
                       "must be in the future, at most a year ahead");
    }
    struct use u = {.desk = desk,
                    .actor = actor,
                    .id = id,
                    .arena = arena,
                    .json_out = json_out,
                    .info = info,
                    .what = USE_STATE,
                    .state = state,
                    .snoozed_until = snoozed_until};
    return use(&u, PERM_CONVERSATION_REPLY);
}

enum err conversation_assign(struct desk *desk, const struct actor *actor,
                             struct conversation_id id, struct agent_id agent, struct team_id team,
                             bool has_team, struct arena *arena, struct str *json_out,
                             struct errinfo *info)
{
    struct use u = {.desk = desk,
                    .actor = actor,
                    .id = id,
                    .arena = arena,
                    .json_out = json_out,
                    .info = info,
                    .what = USE_ASSIGN,
                    .agent = agent,
                    .team = team,
                    .has_team = has_team};
    return use(&u, PERM_CONVERSATION_ASSIGN);
}

/* ---- read marks over HTTP ---- */

struct mark {
    const struct actor *actor;
    struct conversation_id id;
    struct errinfo *info;
};

static enum err may_mark_fn(struct db_txn *txn, void *arg)
{
    struct mark *m = arg;
    struct conversation c;
    ARENA_AUTO arena = arena_new(0);
    return conversation_load_for(txn, m->actor, m->id, arena, &c, m->info);
}

enum err conversation_mark_read(struct desk *desk, const struct actor *actor,
                                struct conversation_id id, int64_t seq, struct errinfo *info)
{
    struct mark m = {actor, id, info};
    enum err err = actor_require(actor, PERM_CONVERSATION_READ, info);
    err = err != ERR_OK ? err : db_read(desk->db, may_mark_fn, &m);
    if (err == ERR_OK) {
        receipts_add(desk->receipts, RECEIPT_AGENT_READ, id, (struct customer_id){0},
                     (struct inbox_id){0}, actor->agent, seq);
    }
    return err;
}

/* ---- timers ---- */

enum err conversation_requeue_if_unreachable(struct desk_work *w, struct conversation *c)
{
    bool is_reachable = true;
    if (c->state != CONVERSATION_OPEN || c->handler != HANDLER_AGENT) {
        return ERR_OK;
    }
    enum err err = presence_is_reachable(w->txn, c->assignee, &is_reachable);
    return err != ERR_OK || is_reachable
               ? err
               : conversation_give(w, c, (struct agent_id){0}, c->team, NULL);
}

static enum err on_snooze_over(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                               int64_t now)
{
    UNUSED(payload);
    UNUSED(now);
    struct desk *desk = arg;
    struct conversation c;
    enum err err = conversation_load(txn, (struct conversation_id){subject}, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    struct desk_work w = desk_work_begin(desk, txn, &c);
    err = conversation_do(&w, &c, ON_WAKE, (struct agent_id){0}, STR(""), 0, NULL);
    if (err == ERR_OK) {
        err = conversation_requeue_if_unreachable(&w, &c);
    }
    return err != ERR_OK || !w.is_head_changed ? err : conversation_finish(&w, &c);
}

/* The bot answered, and the customer said no more. */
static enum err on_bot_idle(struct db_txn *txn, void *arg, int64_t subject, struct str payload,
                            int64_t now)
{
    UNUSED(payload);
    UNUSED(now);
    struct desk *desk = arg;
    struct conversation c;
    enum err err = conversation_load(txn, (struct conversation_id){subject}, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    if (c.handler != HANDLER_BOT || c.state == CONVERSATION_RESOLVED || c.waiting_since != 0) {
        return ERR_OK;
    }
    struct desk_work w = desk_work_begin(desk, txn, &c);
    err = conversation_do(&w, &c, ON_RESOLVE, (struct agent_id){0}, STR(""), 0, NULL);
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

void conversation_register_timers(struct desk *desk)
{
    timers_handle(desk->timers, "snooze", on_snooze_over, desk);
    timers_handle(desk->timers, "bot_idle", on_bot_idle, desk);
}
