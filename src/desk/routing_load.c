/* The view that routing decides on, from one snapshot. */
#include "desk/presence.h"
#include "desk/routing_service.h"

#include "base/map.h"
#include "base/rng.h"

#define WAITING_COLUMNS "id, priority, queued_at, language, topic, team_id, customer_id, inbox_id"

struct loading {
    struct arena *arena;
    struct routing_waiting *waiting;
    struct customer_id *customers;
    struct inbox_id *inboxes;
    size_t n, max;
};

static enum err collect_waiting(struct db_rows *rows, struct loading *l)
{
    while (l->n < l->max && db_rows_next(rows)) {
        l->waiting[l->n] = (struct routing_waiting){
            .id.v = db_rows_i64(rows, 0),
            .priority = (enum conversation_priority)db_rows_i64(rows, 1),
            .queued_at = db_rows_i64(rows, 2),
            .language = db_rows_dup(rows, 3, l->arena),
            .topic = db_rows_dup(rows, 4, l->arena),
            .team.v = db_rows_i64(rows, 5),
        };
        l->customers[l->n].v = db_rows_i64(rows, 6);
        l->inboxes[l->n].v = db_rows_i64(rows, 7);
        l->n++;
    }
    return db_rows_close(&rows);
}

static enum err load_waiting(struct db_txn *txn, struct arena *arena, struct routing_facts *out)
{
    enum { URGENT_MAX = 500 };
    size_t max = ROUTING_MAX_WAITING + URGENT_MAX;
    int64_t count = 0;
    struct db_rows *rows = NULL;
    enum err err = db_query_i64(
        txn, "SELECT COUNT(*) FROM conversations WHERE handler = 1 AND state = 0 AND state <> 3",
        NULL, 0, &count);
    if (err != ERR_OK) {
        return err;
    }
    max = (size_t)count < max ? (size_t)count : max;
    struct loading l = {.arena = arena,
                        .waiting = ARENA_ARRAY(arena, struct routing_waiting, max + 1),
                        .customers = ARENA_ARRAY(arena, struct customer_id, max + 1),
                        .inboxes = ARENA_ARRAY(arena, struct inbox_id, max + 1),
                        .max = max < ROUTING_MAX_WAITING ? max : ROUTING_MAX_WAITING};
    err = db_query(txn,
                   "SELECT " WAITING_COLUMNS " FROM conversations WHERE handler = 1 AND state = 0 "
                   "AND state <> 3 ORDER BY queued_at, id LIMIT 2000",
                   NULL, 0, &rows);
    if (err == ERR_OK) {
        err = collect_waiting(rows, &l);
    }
    if (err == ERR_OK && l.n == ROUTING_MAX_WAITING) {
        l.max = max;
        err = DB_QUERY(txn, &rows,
                       "SELECT " WAITING_COLUMNS
                       " FROM conversations WHERE handler = 1 AND state = 0 AND state <> 3 AND "
                       "queued_at > $1 AND priority >= 2 "
                       "ORDER BY queued_at, id LIMIT 500",
                       db_i64(l.waiting[l.n - 1].queued_at));
        err = err != ERR_OK ? err : collect_waiting(rows, &l);
    }
    out->view.waiting = l.waiting;
    out->view.n_waiting = l.n;
    out->customers = l.customers;
    out->inboxes = l.inboxes;
    return err;
}

/* Two columns into the agents' fields, by id. */
static enum err add_numbers(struct db_rows *rows, struct routing_agent *agents, size_t n,
                            bool is_load)
{
    while (db_rows_next(rows)) {
        for (size_t i = 0; i < n; i++) {
            if (agents[i].id.v == db_rows_i64(rows, 0)) {
                if (is_load) {
                    agents[i].load = (int)db_rows_i64(rows, 1);
                } else {
                    agents[i].last_offer_at = db_rows_i64(rows, 1);
                }
            }
        }
    }
    return db_rows_close(&rows);
}

static bool can_work(const struct agent *a)
{
    return a->is_active && permission_set_has(a->permissions, PERM_CONVERSATION_REPLY);
}

static enum err load_agents(struct db_txn *txn, struct arena *arena, struct routing_facts *out)
{
    struct agent *all = NULL;
    struct presence *present = NULL;
    size_t n_all = 0, n_present = 0, n = 0;
    enum err err = agent_list(txn, arena, &all, &n_all);
    if (err == ERR_OK) {
        err = presence_list(txn, arena, &present, &n_present);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct routing_agent *agents = ARENA_ARRAY(arena, struct routing_agent, n_all + 1);
    for (size_t i = 0; i < n_all; i++) {
        if (!can_work(&all[i])) {
            continue;
        }
        struct routing_agent *a = &agents[n++];
        *a = (struct routing_agent){
            .id = all[i].id,
            .languages = all[i].languages,
            .n_languages = all[i].n_languages,
            .skills = all[i].skills,
            .n_skills = all[i].n_skills,
            .teams = all[i].teams,
            .n_teams = all[i].n_teams,
            .sees_all = all[i].n_teams == 0 &&
                        permission_set_has(all[i].permissions, PERM_CONVERSATION_READ_ALL),
            .capacity = all[i].capacity,
        };
        for (size_t k = 0; k < n_present; k++) {
            if (present[k].agent.v == a->id.v) {
                a->takes_work = presence_takes_work(&present[k]);
            }
        }
    }
    struct db_rows *rows = NULL;
    err = db_query(txn,
                   "SELECT assignee_id, COUNT(*) FROM conversations WHERE assignee_id IS NOT NULL "
                   "AND state = 0 AND state <> 3 GROUP BY assignee_id",
                   NULL, 0, &rows);
    err = err != ERR_OK ? err : add_numbers(rows, agents, n, true);
    if (err == ERR_OK) {
        err = db_query(txn,
                       "SELECT agent_id, MAX(made_at) FROM (SELECT agent_id, made_at FROM offers "
                       "ORDER BY id DESC LIMIT 500) AS recent GROUP BY agent_id",
                       NULL, 0, &rows);
        err = err != ERR_OK ? err : add_numbers(rows, agents, n, false);
    }
    out->view.agents = agents;
    out->view.n_agents = n;
    return err;
}

static enum err load_offers(struct db_txn *txn, struct arena *arena, int64_t now,
                            struct routing_facts *out)
{
    enum { MAX = 5000, RECENT = 1000 };
    struct routing_offer *offers = ARENA_ARRAY(arena, struct routing_offer, MAX);
    struct routing_refusal *refusals = ARENA_ARRAY(arena, struct routing_refusal, RECENT);
    struct db_rows *rows = NULL;
    enum err err = db_query(txn,
                            "SELECT id, conversation_id, agent_id, expires_at FROM offers WHERE "
                            "state = 0 ORDER BY id LIMIT 5000",
                            NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    size_t n = 0;
    while (n < MAX && db_rows_next(rows)) {
        offers[n++] = (struct routing_offer){.id = db_rows_i64(rows, 0),
                                             .conversation.v = db_rows_i64(rows, 1),
                                             .agent.v = db_rows_i64(rows, 2),
                                             .expires_at = db_rows_i64(rows, 3)};
    }
    out->view.offers = offers;
    out->view.n_offers = n;
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        err = DB_QUERY(
            txn, &rows,
            "SELECT conversation_id, agent_id, answered_at FROM (SELECT conversation_id, agent_id, "
            "answered_at, state FROM offers ORDER BY id DESC LIMIT 1000) AS recent "
            "WHERE state IN (2, 3) AND answered_at > $1",
            db_i64(now - ROUTING_AGAIN_MS));
    }
    if (err != ERR_OK) {
        return err;
    }
    n = 0;
    while (n < RECENT && db_rows_next(rows)) {
        refusals[n++] = (struct routing_refusal){.conversation.v = db_rows_i64(rows, 0),
                                                 .agent.v = db_rows_i64(rows, 1),
                                                 .at = db_rows_i64(rows, 2)};
    }
    out->view.refusals = refusals;
    out->view.n_refusals = n;
    return db_rows_close(&rows);
}

/* What was put off or given back takes nobody's room, so its time is not counted. */
static enum err load_pace(struct db_txn *txn, int64_t now, struct routing_facts *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(
        txn, &rows,
        "SELECT CAST(COALESCE(SUM(CASE WHEN c.state = 3 THEN c.resolved_at ELSE $1 END - "
        "recent.answered_at), 0) AS BIGINT), COALESCE(SUM(CASE WHEN c.state = 3 THEN 1 END), 0) "
        "FROM "
        "(SELECT conversation_id, agent_id, answered_at FROM offers WHERE state = 1 AND "
        "answered_at > $2 ORDER BY answered_at DESC LIMIT 300) AS recent "
        "JOIN conversations c ON c.id = recent.conversation_id AND "
        "c.assignee_id = recent.agent_id "
        "WHERE c.state = 3 AND c.resolved_at >= recent.answered_at OR c.state = 0",
        db_i64(now), db_i64(now - ROUTING_PACE_MS));
    if (err == ERR_OK && db_rows_next(rows)) {
        out->pace = (struct routing_pace){db_rows_i64(rows, 0), db_rows_i64(rows, 1)};
    }
    return err != ERR_OK ? err : db_rows_close(&rows);
}

enum err routing_load(struct desk *desk, struct db_txn *txn, struct arena *arena, bool with_offers,
                      struct routing_facts *out)
{
    *out = (struct routing_facts){.view = {.now = desk_now(desk), .seed = rng_u64()}};
    enum err err = load_waiting(txn, arena, out);
    if (err == ERR_OK) {
        err = load_pace(txn, out->view.now, out);
    }
    if (err == ERR_OK) {
        err = load_agents(txn, arena, out);
    }
    if (err == ERR_OK && with_offers) {
        err = load_offers(txn, arena, out->view.now, out);
    }
    return err;
}

enum err routing_place_of(struct desk *desk, struct db_txn *txn, struct arena *arena,
                          struct conversation_id c, int64_t *position_out, int64_t *estimate_s_out)
{
    struct routing_facts facts;
    struct routing_plan plan;
    *position_out = 0;
    *estimate_s_out = -1;
    enum err err = routing_load(desk, txn, arena, false, &facts);
    if (err != ERR_OK) {
        return err;
    }
    struct routing_view queue = facts.view; /* the order alone: nobody is matched */
    queue.n_agents = 0;
    routing_decide(arena, &queue, &plan);
    for (size_t i = 0; i < plan.n_places; i++) {
        if (plan.places[i].conversation.v == c.v) {
            *position_out = plan.places[i].position;
        }
    }
    for (size_t i = 0; i < queue.n_waiting; i++) {
        if (queue.waiting[i].id.v == c.v) {
            *estimate_s_out =
                routing_estimate_s(&facts.view, &queue.waiting[i], *position_out, facts.pace);
        }
    }
    return ERR_OK;
}
