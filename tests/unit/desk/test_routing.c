/* The pure half of routing: tables of small desks, and random desks that must keep the promises. */
#include "groups.h"

#include "base/check.h"
#include "base/rng.h"
#include "desk/routing.h"

static const struct str EN = STR_INIT("en"), ZH = STR_INIT("zh-CN"), CARD = STR_INIT("card");

static struct routing_plan decide(struct arena *arena, struct routing_view v)
{
    struct routing_plan plan;
    v.seed = v.seed != 0 ? v.seed : 1;
    routing_decide(arena, &v, &plan);
    return plan;
}

static struct routing_agent agent(int64_t id, int capacity, int load)
{
    return (struct routing_agent){
        .id = {id}, .takes_work = true, .capacity = capacity, .load = load};
}

static void the_least_loaded_by_share_gets_it(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct routing_waiting w[] = {{.id = {1}, .priority = PRIORITY_NORMAL, .queued_at = 900}};
    struct routing_agent a[] = {agent(1, 2, 1), agent(2, 10, 4),
                                agent(3, 3, 3)}; /* 50 %, 40 %, full */
    struct routing_plan p =
        decide(arena, (struct routing_view){
                          .now = 1000, .waiting = w, .n_waiting = 1, .agents = a, .n_agents = 3});
    assert_int_equal(p.n_offers, 1);
    assert_int_equal(p.offers[0].agent.v, 2);
}

static void nobody_goes_above_capacity(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct routing_waiting w[] = {
        {.id = {1}, .queued_at = 1}, {.id = {2}, .queued_at = 2}, {.id = {3}, .queued_at = 3}};
    struct routing_agent a[] = {agent(1, 2, 0)};
    struct routing_offer o[] = {{.id = 7, .conversation = {1}, .agent = {1}, .expires_at = 5000}};
    struct routing_plan p = decide(arena, (struct routing_view){.now = 1000,
                                                                .waiting = w,
                                                                .n_waiting = 3,
                                                                .agents = a,
                                                                .n_agents = 1,
                                                                .offers = o,
                                                                .n_offers = 1});
    assert_int_equal(p.n_offers, 1); /* the open offer counts */
    assert_int_equal(p.offers[0].conversation.v, 2);
    assert_int_equal(p.n_places, 3);
    assert_int_equal(p.places[2].position, 3);
}

static void priority_goes_first_but_age_wins_in_the_end(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    int64_t now = 10 * 3600000;
    struct routing_waiting w[] = {
        {.id = {1}, .priority = PRIORITY_NORMAL, .queued_at = now - 60000},
        {.id = {2}, .priority = PRIORITY_URGENT, .queued_at = now}};
    struct routing_agent a[] = {agent(1, 1, 0)};
    struct routing_view v = {.now = now, .waiting = w, .n_waiting = 2, .agents = a, .n_agents = 1};
    assert_int_equal(decide(arena, v).offers[0].conversation.v, 2);
    w[0].queued_at =
        now - (routing_weight_ms(PRIORITY_URGENT) - routing_weight_ms(PRIORITY_NORMAL)) - 1;
    assert_int_equal(decide(arena, v).offers[0].conversation.v, 1);
}

static void matching_widens_with_time(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    int64_t now = 10000000;
    struct routing_waiting w[] = {{.id = {1}, .queued_at = now, .language = ZH, .topic = CARD}};
    struct routing_agent a[] = {agent(1, 5, 0), agent(2, 5, 0), agent(3, 5, 5)};
    a[0].languages = &EN;
    a[0].n_languages = 1;
    a[1].languages = &ZH;
    a[1].n_languages = 1;
    a[1].skills = &EN; /* knows something else */
    a[1].n_skills = 1;
    a[2].languages = &ZH;
    a[2].n_languages = 1;
    a[2].skills = &CARD; /* the right one, full just now */
    a[2].n_skills = 1;
    struct routing_view v = {.now = now, .waiting = w, .n_waiting = 1, .agents = a, .n_agents = 3};
    struct routing_plan p = decide(arena, v);
    assert_int_equal(p.n_offers, 0); /* the right one may be free in a moment */
    assert_int_equal(p.look_again_at, now + ROUTING_WIDEN_TOPIC_MS);
    w[0].queued_at = now - ROUTING_WIDEN_TOPIC_MS;
    assert_int_equal(decide(arena, v).offers[0].agent.v, 2); /* the language, then */
    a[1].load = 5;
    assert_int_equal(decide(arena, v).n_offers, 0);
    w[0].queued_at = now - ROUTING_WIDEN_LANGUAGE_MS;
    assert_int_equal(decide(arena, v).offers[0].agent.v, 1); /* anybody, then */
    /* Nobody there who could ever match: no use in waiting. */
    w[0].queued_at = now;
    a[1].takes_work = a[2].takes_work = false;
    assert_int_equal(decide(arena, v).offers[0].agent.v, 1);
}

static void teams_are_not_widened(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct team_id vip = {7};
    struct routing_waiting w[] = {{.id = {1}, .queued_at = 0, .team = vip}};
    struct routing_agent a[] = {agent(1, 5, 0), agent(2, 5, 4)};
    a[1].teams = &vip;
    a[1].n_teams = 1;
    struct routing_view v = {
        .now = 100 * 3600000LL, .waiting = w, .n_waiting = 1, .agents = a, .n_agents = 2};
    assert_int_equal(decide(arena, v).offers[0].agent.v, 2);
    a[1].load = 5;
    assert_int_equal(decide(arena, v).n_offers, 0);
}

static void an_offer_runs_out_and_goes_to_the_next(void **state)
{
    (void)state;
    ARENA_AUTO arena = arena_new(0);
    struct routing_waiting w[] = {{.id = {1}, .queued_at = 0}};
    struct routing_agent a[] = {agent(1, 5, 0), agent(2, 5, 4)};
    struct routing_offer o[] = {{.id = 9, .conversation = {1}, .agent = {1}, .expires_at = 30000}};
    struct routing_view v = {.now = 29999,
                             .waiting = w,
                             .n_waiting = 1,
                             .agents = a,
                             .n_agents = 2,
                             .offers = o,
                             .n_offers = 1};
    struct routing_plan p = decide(arena, v);
    assert_int_equal(p.n_offers + p.n_expired, 0);
    assert_int_equal(p.look_again_at, 30000);
    v.now = 30000;
    p = decide(arena, v);
    assert_int_equal(p.n_expired, 1);
    assert_int_equal(p.offers[0].agent.v, 2);
    a[1].takes_work = false; /* nobody else is left: the same one again */
    p = decide(arena, v);
    assert_int_equal(p.offers[0].agent.v, 1);
    a[0].takes_work = false;
    p = decide(arena, v);
    assert_int_equal(p.n_withdrawn, 1);
    assert_int_equal(p.n_offers, 0);
}

static void estimates_are_honest(void **state)
{
    (void)state;
    static const struct {
        int capacity, load;
        int64_t position, spent_s, n_done, want_s;
    } cases[] = {
        {5, 0, 1, 0, 0, ROUTING_MOMENT_S},      /* next, and there is room */
        {5, 0, 1, 90000, 3, ROUTING_MOMENT_S},  /* ... however slow they are */
        {5, 2, 3, 0, 0, ROUTING_MOMENT_S},      /* the last of the free room */
        {5, 2, 4, 0, 0, 120},                   /* one of five must end: ten minutes a piece */
        {5, 5, 1, 0, 0, 120},                   /* nothing seen yet: the prior */
        {5, 5, 1, 1000, 10, 60},                /* quick ones: (3000 + 1000) / 15 / 5 */
        {5, 5, 1, 27000, 10, 420},              /* slow ones: (3000 + 27000) / 15 / 5 */
        {5, 5, 1, 1800, 0, 240},                /* none has ended: (3000 + 1800) / 5 / 5 = 192 */
        {5, 5, 1, 6000, 200, ROUTING_MOMENT_S}, /* never less than a moment */
        {5, 7, 1, 0, 0, 120},                   /* above the capacity, by hand */
        {5, 5, 10, 0, 0, 1200},
        {5, 5, 0, 0, 0, -1}, /* no place */
        {0, 0, 1, 0, 0, -1}, /* there, but takes nothing */
    };
    struct routing_waiting w = {.id = {1}, .queued_at = 1000};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct routing_agent a[] = {agent(1, cases[i].capacity, cases[i].load), agent(2, 50, 0)};
        a[1].takes_work = false;
        struct routing_view v = {.now = 1000, .agents = a, .n_agents = 2};
        int64_t s =
            routing_estimate_s(&v, &w, cases[i].position,
                               (struct routing_pace){cases[i].spent_s * 1000, cases[i].n_done});
        print_message("case %zu: %lld\n", i, (long long)s);
        assert_int_equal(s, cases[i].want_s);
        v.n_agents = 0;
        assert_int_equal(routing_estimate_s(&v, &w, 1, (struct routing_pace){0}), -1);
    }
}

static void an_estimate_counts_those_who_match(void **state)
{
    (void)state;
    struct team_id vip = {7};
    struct routing_waiting w = {.id = {1}, .queued_at = 1000, .language = ZH};
    struct routing_agent a[] = {agent(1, 1, 1), agent(2, 3, 0)};
    a[0].languages = &ZH;
    a[0].n_languages = 1;
    a[1].languages = &EN;
    a[1].n_languages = 1;
    struct routing_view v = {.now = 1000, .agents = a, .n_agents = 2};
    struct routing_pace slow = {36000000, 5}; /* (3000 + 36000) / 10 / 4 = 975 s */
    /* Who speaks it is taken; after three minutes anybody will do. */
    assert_int_equal(routing_estimate_s(&v, &w, 1, slow), 180);
    v.now += 100000;
    assert_int_equal(routing_estimate_s(&v, &w, 1, slow), 90);
    v.now += 80000;
    assert_int_equal(routing_estimate_s(&v, &w, 1, slow), ROUTING_MOMENT_S);
    assert_int_equal(routing_estimate_s(&v, &w, 4, slow), 1200);
    w.team = vip;
    assert_int_equal(routing_estimate_s(&v, &w, 1, slow), -1); /* nobody of the team is there */
    a[0].sees_all = true;
    assert_int_equal(routing_estimate_s(&v, &w, 1, slow), 3900);
}

/* Random desks: whatever comes in, the plan keeps capacity, takes no agent who does not work, offers nothing twice, and leaves nobody who fits waiting behind
 * somebody of lower rank with the same needs. */
static void random_desks_keep_the_promises(void **state)
{
    (void)state;
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    struct rng r;
    rng_init(&r, seed);
    ARENA_AUTO arena = arena_new(0);
    for (int round = 0; round < 2000; round++) {
        enum { W = 30, A = 8 };
        struct routing_waiting w[W];
        struct routing_agent a[A];
        int64_t now = 100 * 3600000LL;
        size_t n_w = (size_t)rng_below(&r, W), n_a = (size_t)rng_below(&r, A);
        for (size_t i = 0; i < n_w; i++) {
            w[i] =
                (struct routing_waiting){.id = {(int64_t)i + 1},
                                         .priority = (enum conversation_priority)rng_below(&r, 4),
                                         .queued_at = now - (int64_t)rng_below(&r, 7200000),
                                         .language = rng_below(&r, 2) ? EN : ZH};
        }
        for (size_t i = 0; i < n_a; i++) {
            a[i] = agent((int64_t)i + 1, (int)rng_below(&r, 5), 0);
            a[i].load = (int)rng_below(&r, (uint64_t)a[i].capacity + 1);
            a[i].takes_work = rng_below(&r, 4) != 0;
            if (rng_below(&r, 2)) {
                a[i].languages = rng_below(&r, 2) ? &EN : &ZH;
                a[i].n_languages = 1;
            }
        }
        struct routing_plan p = decide(arena, (struct routing_view){.now = now,
                                                                    .seed = rng_next(&r),
                                                                    .waiting = w,
                                                                    .n_waiting = n_w,
                                                                    .agents = a,
                                                                    .n_agents = n_a});
        int load[A + 1] = {0};
        bool offered[W + 1] = {0};
        for (size_t i = 0; i < p.n_offers; i++) {
            size_t at = (size_t)p.offers[i].agent.v - 1;
            assert_true(a[at].takes_work);
            load[at]++;
            assert_true(a[at].load + load[at] <= a[at].capacity);
            assert_false(offered[p.offers[i].conversation.v]);
            offered[p.offers[i].conversation.v] = true;
        }
        for (size_t i = 0; i < n_w; i++) {
            for (size_t k = 0; k < n_w; k++) {
                int64_t ri = w[i].queued_at - routing_weight_ms(w[i].priority),
                        rk = w[k].queued_at - routing_weight_ms(w[k].priority);
                bool both_wide = now - w[i].queued_at >= ROUTING_WIDEN_LANGUAGE_MS &&
                                 now - w[k].queued_at >= ROUTING_WIDEN_LANGUAGE_MS;
                if (ri < rk && both_wide && offered[k + 1]) {
                    assert_true(offered[i + 1]);
                }
            }
        }
        assert_int_equal(p.n_places, n_w);
        arena_reset(arena);
    }
}

int test_routing(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_loaded_by_share_gets_it),
        cmocka_unit_test(nobody_goes_above_capacity),
        cmocka_unit_test(priority_goes_first_but_age_wins_in_the_end),
        cmocka_unit_test(matching_widens_with_time),
        cmocka_unit_test(teams_are_not_widened),
        cmocka_unit_test(an_offer_runs_out_and_goes_to_the_next),
        cmocka_unit_test(estimates_are_honest),
        cmocka_unit_test(an_estimate_counts_those_who_match),
        cmocka_unit_test(random_desks_keep_the_promises),
    };
    return cmocka_run_group_tests_name("routing", tests, NULL, NULL);
}
