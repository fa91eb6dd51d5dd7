/* Sort by weight and age, walk once, give each the best agent who has room. Quadratic only in (waiting x agents), both of which are capped by who asks.
 *
 * Rejected: optimal assignment (a better sum, but nobody could explain why *this* customer still waits), and keeping agents free for work that may come. */
#include "desk/routing.h"

#include <stdlib.h>

#include "base/rng.h"

static const int64_t weights_ms[] = {
    [PRIORITY_LOW] = 0,
    [PRIORITY_NORMAL] = 10 * 60000,
    [PRIORITY_HIGH] = 30 * 60000,
    [PRIORITY_URGENT] = 120 * 60000,
};

int64_t routing_weight_ms(enum conversation_priority p)
{
    return weights_ms[p];
}

static int64_t rank_of(const struct routing_waiting *w)
{
    return w->queued_at - weights_ms[w->priority];
}

static int by_rank(const void *a, const void *b)
{
    const struct routing_waiting *x = *(const struct routing_waiting *const *)a;
    const struct routing_waiting *y = *(const struct routing_waiting *const *)b;
    int64_t rx = rank_of(x), ry = rank_of(y);
    return rx != ry ? (rx < ry ? -1 : 1) : (x->id.v < y->id.v ? -1 : x->id.v > y->id.v);
}

/* ---- matching ---- */

/* "zh-CN" and "zh" understand each other. */
static bool is_same_language(struct str a, struct str b)
{
    struct str pa = {0}, pb = {0};
    return str_eq_nocase(a, b) ||
           (str_split(&a, '-', &pa) && str_split(&b, '-', &pb) && str_eq_nocase(pa, pb));
}

static bool speaks(const struct routing_agent *a, struct str language)
{
    bool yes = a->n_languages == 0 || language.len == 0;
    for (size_t i = 0; i < a->n_languages && !yes; i++) {
        yes = is_same_language(a->languages[i], language);
    }
    return yes;
}

static bool knows(const struct routing_agent *a, struct str topic)
{
    bool yes = a->n_skills == 0 || topic.len == 0;
    for (size_t i = 0; i < a->n_skills && !yes; i++) {
        yes = str_eq_nocase(a->skills[i], topic);
    }
    return yes;
}

static bool serves_team(const struct routing_agent *a, struct team_id team)
{
    bool yes = team.v == 0 || a->sees_all;
    for (size_t i = 0; i < a->n_teams && !yes; i++) {
        yes = a->teams[i].v == team.v;
    }
    return yes;
}

/* 0 language and topic, 1 language, 2 neither */
static int distance(const struct routing_agent *a, const struct routing_waiting *w)
{
    return !speaks(a, w->language) ? 2 : knows(a, w->topic) ? 0 : 1;
}

/* ---- deciding ---- */

struct deciding {
    const struct routing_view *view;
    int *loads; /* with open and planned offers */
    struct rng rng;
    int64_t look_again_at;
};

static void look_again(struct deciding *d, int64_t at)
{
    if (at > d->view->now && (d->look_again_at == 0 || at < d->look_again_at)) {
        d->look_again_at = at;
    }
}

/* The farthest match that is good enough by now. */
static int allowed_distance(struct deciding *d, const struct routing_waiting *w)
{
    int nearest = 3;
    for (size_t i = 0; i < d->view->n_agents; i++) {
        const struct routing_agent *a = &d->view->agents[i];
        if (a->takes_work && a->capacity > 0 && serves_team(a, w->team)) {
            int at = distance(a, w);
            nearest = at < nearest ? at : nearest;
        }
    }
    int64_t waited = d->view->now - w->queued_at;
    int by_time = waited >= ROUTING_WIDEN_LANGUAGE_MS ? 2
                  : waited >= ROUTING_WIDEN_TOPIC_MS  ? 1
                                                      : 0;
    if (by_time < 1) {
        look_again(d, w->queued_at + ROUTING_WIDEN_TOPIC_MS);
    } else if (by_time < 2) {
        look_again(d, w->queued_at + ROUTING_WIDEN_LANGUAGE_MS);
    }
    return nearest > 2 || by_time > nearest ? by_time : nearest;
}

static int64_t refused_at(const struct routing_view *v, struct conversation_id c, struct agent_id a)
{
    int64_t at = 0;
    for (size_t i = 0; i < v->n_refusals; i++) {
        const struct routing_refusal *r = &v->refusals[i];
        if (r->conversation.v == c.v && r->agent.v == a.v && r->at > at &&
            v->now - r->at < ROUTING_AGAIN_MS) {
            at = r->at;
        }
    }
    for (size_t i = 0; i < v->n_offers; i++) { /* ran out just now: not written yet */
        const struct routing_offer *o = &v->offers[i];
        if (o->conversation.v == c.v && o->agent.v == a.v && o->expires_at <= v->now &&
            o->expires_at > at) {
            at = o->expires_at;
        }
    }
    return at;
}

struct candidate {
    size_t index;
    int64_t refused_at;
    int distance;
    uint64_t chance;
};

/* Is x the better choice? */
static bool is_better(const struct deciding *d, struct candidate x, struct candidate y)
{
    const struct routing_agent *a = &d->view->agents[x.index], *b = &d->view->agents[y.index];
    if (x.refused_at != y.refused_at) {
        return x.refused_at < y.refused_at;
    }
    if (x.distance != y.distance) {
        return x.distance < y.distance;
    }
    int64_t share_a = (int64_t)d->loads[x.index] * b->capacity,
            share_b = (int64_t)d->loads[y.index] * a->capacity;
    if (share_a != share_b) {
        return share_a < share_b;
    }
    if (a->last_offer_at != b->last_offer_at) {
        return a->last_offer_at < b->last_offer_at;
    }
    return x.chance < y.chance;
}

static bool choose(struct deciding *d, const struct routing_waiting *w, size_t *out)
{
    int farthest = allowed_distance(d, w);
    struct candidate best = {0};
    bool found = false;
    for (size_t i = 0; i < d->view->n_agents; i++) {
        const struct routing_agent *a = &d->view->agents[i];
        if (!a->takes_work || d->loads[i] >= a->capacity || !serves_team(a, w->team)) {
            continue;
        }
        struct candidate c = {i, refused_at(d->view, w->id, a->id), distance(a, w),
                              rng_next(&d->rng)};
        if (c.distance <= farthest && (!found || is_better(d, c, best))) {
            best = c;
            found = true;
        }
    }
    *out = best.index;
    return found;
}

static size_t find_agent(const struct routing_view *v, struct agent_id id)
{
    for (size_t i = 0; i < v->n_agents; i++) {
        if (v->agents[i].id.v == id.v) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool is_offered(const struct routing_offer *kept, size_t n, struct conversation_id c)
{
    for (size_t i = 0; i < n; i++) {
        if (kept[i].conversation.v == c.v) {
            return true;
        }
    }
    return false;
}

static bool is_waiting(const struct routing_view *v, struct conversation_id c)
{
    for (size_t i = 0; i < v->n_waiting; i++) {
        if (v->waiting[i].id.v == c.v) {
            return true;
        }
    }
    return false;
}

/* Splits the open offers into those that stay (returned) and those that are over. */
static size_t sort_offers(struct deciding *d, struct routing_offer *kept, int64_t *expired,
                          size_t *n_expired, int64_t *withdrawn, size_t *n_withdrawn)
{
    size_t n = 0;
    for (size_t i = 0; i < d->view->n_offers; i++) {
        const struct routing_offer *o = &d->view->offers[i];
        size_t at = find_agent(d->view, o->agent);
        if (at == SIZE_MAX || !d->view->agents[at].takes_work ||
            !is_waiting(d->view, o->conversation)) {
            withdrawn[(*n_withdrawn)++] = o->id;
        } else if (o->expires_at <= d->view->now) {
            expired[(*n_expired)++] = o->id;
        } else {
            kept[n++] = *o;
            d->loads[at]++;
            look_again(d, o->expires_at);
        }
    }
    return n;
}

static void fill_places(struct arena *arena, const struct routing_waiting *const *order, size_t n,
                        struct routing_plan *out)
{
    struct routing_place *places = ARENA_ARRAY(arena, struct routing_place, n + 1);
    struct team_id *teams = ARENA_ARRAY(arena, struct team_id, n + 1);
    int64_t *counts = ARENA_ARRAY(arena, int64_t, n + 1);
    size_t n_teams = 0;
    for (size_t i = 0; i < n; i++) {
        size_t t = 0;
        while (t < n_teams && teams[t].v != order[i]->team.v) {
            t++;
        }
        if (t == n_teams) {
            teams[n_teams++] = order[i]->team;
        }
        places[i] = (struct routing_place){order[i]->id, ++counts[t]};
    }
    out->places = places;
    out->n_places = n;
}

void routing_decide(struct arena *arena, const struct routing_view *view, struct routing_plan *out)
{
    struct deciding d = {.view = view, .loads = ARENA_ARRAY(arena, int, view->n_agents + 1)};
    rng_init(&d.rng, view->seed);
    for (size_t i = 0; i < view->n_agents; i++) {
        d.loads[i] = view->agents[i].load;
    }
    *out = (struct routing_plan){0};
    int64_t *expired = ARENA_ARRAY(arena, int64_t, view->n_offers + 1),
            *withdrawn = ARENA_ARRAY(arena, int64_t, view->n_offers + 1);
    struct routing_offer *kept = ARENA_ARRAY(arena, struct routing_offer, view->n_offers + 1);
    size_t n_kept = sort_offers(&d, kept, expired, &out->n_expired, withdrawn, &out->n_withdrawn);
    out->expired = expired;
    out->withdrawn = withdrawn;

    const struct routing_waiting **order =
        ARENA_ARRAY(arena, const struct routing_waiting *, view->n_waiting + 1);
    for (size_t i = 0; i < view->n_waiting; i++) {
        order[i] = &view->waiting[i];
    }
    qsort(order, view->n_waiting, sizeof(struct routing_waiting *), by_rank);
    struct routing_match *matches = ARENA_ARRAY(arena, struct routing_match, view->n_waiting + 1);
    for (size_t i = 0; i < view->n_waiting; i++) {
        size_t agent = 0;
        if (!is_offered(kept, n_kept, order[i]->id) && choose(&d, order[i], &agent)) {
            matches[out->n_offers++] = (struct routing_match){order[i]->id, view->agents[agent].id};
            d.loads[agent]++;
        }
    }
    out->offers = matches;
    fill_places(arena, order, view->n_waiting, out);
    out->look_again_at = d.look_again_at;
}

/* ---- what to say ---- */

static int64_t round_up(int64_t s)
{
    int64_t step = s <= 180 ? 30 : s <= 900 ? 60 : 300;
    return (s + step - 1) / step * step;
}

int64_t routing_estimate_s(const struct routing_view *view, const struct routing_waiting *w,
                           int64_t position, struct routing_pace pace)
{
    struct deciding d = {.view = view};
    int64_t near_room = 0, room = 0, slots = 0;
    int allowed = allowed_distance(&d, w);
    for (size_t i = 0; i < view->n_agents; i++) {
        const struct routing_agent *a = &view->agents[i];
        if (a->takes_work && a->capacity > 0 && serves_team(a, w->team)) {
            int64_t here = a->capacity > a->load ? a->capacity - a->load : 0;
            near_room += distance(a, w) <= allowed ? here : 0;
            room += here;
            slots += a->capacity;
        }
    }
    if (slots == 0 || position <= 0) {
        return -1;
    }
    if (position <= near_room) {
        return ROUTING_MOMENT_S;
    }
    int64_t mean_ms = (ROUTING_PRIOR_N * ROUTING_PRIOR_HANDLING_S * 1000 + pace.spent_ms) /
                      (ROUTING_PRIOR_N + pace.n_done);
    int64_t ms = (position - near_room) * mean_ms / slots;
    if (position <= room) { /* anybody will do by then */
        int64_t widens_ms = w->queued_at + ROUTING_WIDEN_LANGUAGE_MS - view->now;
        ms = widens_ms < ms ? widens_ms : ms;
    }
    int64_t s = (ms + 999) / 1000;
    return round_up(s < ROUTING_MOMENT_S ? ROUTING_MOMENT_S : s);
}
