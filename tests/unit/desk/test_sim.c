/* Simulated days of the pure router on a virtual clock: arrivals follow the hour, agents come and go in shifts, take some time to accept, miss some offers. Nobody
 * may exceed the capacity, nobody may starve, and a higher priority may not wait longer on average than a lower one. */
#include "groups.h"

#include "base/check.h"
#include "base/rng.h"
#include "desk/routing.h"

enum {
    N_AGENTS = 12,
    MAX_WAITING = 3000,
    MAX_BUSY = 200,
    DAYS = 3,
    STEP_MS = 5000,
    OFFER_MS = 30000
};

struct work {
    int agent;
    int64_t ends_at;
};
struct sim {
    struct rng rng;
    int64_t now, next_id, next_offer;
    struct routing_waiting waiting[MAX_WAITING];
    size_t n_waiting;
    struct routing_agent agents[N_AGENTS];
    struct routing_offer offers[N_AGENTS * 8];
    int64_t answers_at[N_AGENTS * 8];
    size_t n_offers;
    struct work busy[MAX_BUSY];
    size_t n_busy;
    int64_t waited[4], served[4], longest, arrived;
};

static const struct str languages[] = {STR_INIT("en"), STR_INIT("zh-CN")};

static void arrive(struct sim *s)
{
    int64_t hour = s->now / 3600000 % 24;
    double per_step = hour >= 8 && hour < 22 ? 0.27 : 0.015;
    if (rng_unit(&s->rng) < per_step && s->n_waiting < MAX_WAITING) {
        uint64_t dice = rng_below(&s->rng, 20);
        s->waiting[s->n_waiting++] =
            (struct routing_waiting){.id = {++s->next_id},
                                     .queued_at = s->now,
                                     .language = languages[rng_below(&s->rng, 2)],
                                     .priority = dice == 0   ? PRIORITY_URGENT
                                                 : dice < 4  ? PRIORITY_HIGH
                                                 : dice < 16 ? PRIORITY_NORMAL
                                                             : PRIORITY_LOW};
        s->arrived++;
    }
}

static void shifts(struct sim *s)
{
    int64_t hour = s->now / 3600000 % 24;
    for (int i = 0; i < N_AGENTS; i++) {
        s->agents[i].takes_work = i < 2 || (hour >= (i % 2 ? 6 : 12) &&
                                            hour < (i % 2 ? 16 : 23)); /* two through the night */
    }
}

static void finish_work(struct sim *s)
{
    for (size_t i = 0; i < s->n_busy;) {
        if (s->busy[i].ends_at <= s->now) {
            s->agents[s->busy[i].agent].load--;
            s->busy[i] = s->busy[--s->n_busy];
        } else {
            i++;
        }
    }
}

static void drop_offer(struct sim *s, size_t i)
{
    s->n_offers--;
    s->offers[i] = s->offers[s->n_offers];
    s->answers_at[i] = s->answers_at[s->n_offers];
}

static void accept(struct sim *s, const struct routing_offer *o)
{
    for (size_t i = 0; i < s->n_waiting; i++) {
        if (s->waiting[i].id.v == o->conversation.v) {
            int64_t waited = s->now - s->waiting[i].queued_at;
            s->waited[s->waiting[i].priority] += waited;
            s->served[s->waiting[i].priority]++;
            s->longest = waited > s->longest ? waited : s->longest;
            s->waiting[i] = s->waiting[--s->n_waiting];
            int at = (int)o->agent.v - 1;
            s->agents[at].load++;
            assert_true(s->agents[at].load <= s->agents[at].capacity);
            assert_true(s->n_busy < MAX_BUSY);
            s->busy[s->n_busy++] =
                (struct work){at, s->now + 120000 + (int64_t)rng_below(&s->rng, 600000)};
            return;
        }
    }
    fail_msg("accepted somebody who does not wait");
}

static void answer_offers(struct sim *s)
{
    for (size_t i = 0; i < s->n_offers;) {
        if (s->answers_at[i] <= s->now && s->offers[i].expires_at > s->now) {
            struct routing_offer o = s->offers[i];
            drop_offer(s, i);
            accept(s, &o);
        } else {
            i++;
        }
    }
}

static void route(struct sim *s, struct arena *arena)
{
    struct routing_view v = {.now = s->now,
                             .seed = rng_next(&s->rng),
                             .waiting = s->waiting,
                             .n_waiting = s->n_waiting,
                             .agents = s->agents,
                             .n_agents = N_AGENTS,
                             .offers = s->offers,
                             .n_offers = s->n_offers};
    struct routing_plan p;
    routing_decide(arena, &v, &p);
    for (size_t k = 0; k < p.n_expired + p.n_withdrawn; k++) {
        int64_t id = k < p.n_expired ? p.expired[k] : p.withdrawn[k - p.n_expired];
        for (size_t i = 0; i < s->n_offers; i++) {
            if (s->offers[i].id == id) {
                drop_offer(s, i);
                break;
            }
        }
    }
    for (size_t i = 0; i < p.n_offers; i++) {
        assert_true(s->n_offers < ARRAY_LEN(s->offers));
        bool misses = rng_below(&s->rng, 10) == 0;
        s->answers_at[s->n_offers] =
            misses ? INT64_MAX : s->now + 2000 + (int64_t)rng_below(&s->rng, 15000);
        s->offers[s->n_offers++] = (struct routing_offer){++s->next_offer, p.offers[i].conversation,
                                                          p.offers[i].agent, s->now + OFFER_MS};
        s->agents[p.offers[i].agent.v - 1].last_offer_at = s->now;
    }
}

static void days_pass_and_nobody_starves(void **state)
{
    (void)state;
    uint64_t seed = rng_u64();
    static struct sim s;
    s = (struct sim){0};
    rng_init(&s.rng, seed);
    for (int i = 0; i < N_AGENTS; i++) {
        s.agents[i] = (struct routing_agent){.id = {i + 1},
                                             .capacity = 2 + i % 3,
                                             .languages = i % 3 == 2 ? NULL : &languages[i % 2],
                                             .n_languages = i % 3 == 2 ? 0 : 1};
    }
    ARENA_AUTO arena = arena_new(1 << 20);
    int64_t end = DAYS * 24 * 3600000LL;
    for (s.now = 0; s.now < end || (s.n_waiting > 0 && s.now < end + 12 * 3600000LL);
         s.now += STEP_MS) {
        if (s.now < end) {
            arrive(&s);
        }
        shifts(&s);
        finish_work(&s);
        answer_offers(&s);
        route(&s, arena);
        arena_reset(arena);
    }
    double mean[4];
    for (int p = 0; p < 4; p++) {
        mean[p] = s.served[p] > 0 ? (double)s.waited[p] / (double)s.served[p] / 1000.0 : 0;
    }
    print_message("seed %llu: %lld arrived, longest wait %lld s; mean s: low %.0f normal %.0f high "
                  "%.0f urgent %.0f\n",
                  (unsigned long long)seed, (long long)s.arrived, (long long)(s.longest / 1000),
                  mean[0], mean[1], mean[2], mean[3]);
    assert_int_equal(s.n_waiting, 0); /* everybody was served */
    assert_int_equal(s.served[0] + s.served[1] + s.served[2] + s.served[3], s.arrived);
    assert_true(s.longest <
                4 * 3600000LL); /* at most the weight of "urgent" and the time of a peak */
    assert_true(mean[3] <= mean[2] && mean[2] <= mean[1] && mean[1] <= mean[0]);
}

int test_sim(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(days_pass_and_nobody_starves)};
    return cmocka_run_group_tests_name("simulated days", tests, NULL, NULL);
}
