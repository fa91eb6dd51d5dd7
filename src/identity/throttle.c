#include "identity/throttle.h"

#include "base/check.h"
#include "base/timeutil.h"

static const struct throttle_policy policies[] = {
    [THROTTLE_DEVICE] = {10, TIME_SECOND_MS, TIME_MINUTE_MS, 5 * TIME_MINUTE_MS},
    [THROTTLE_PAIR] = {5, 2 * TIME_SECOND_MS, 15 * TIME_MINUTE_MS, 10 * TIME_MINUTE_MS},
    [THROTTLE_ADDRESS] = {30, TIME_SECOND_MS, 5 * TIME_MINUTE_MS, TIME_MINUTE_MS},
    /* Never closed for longer than a second: past 300 open failures the whole world gets a try a second, and agents on their own browsers are not asked. */
    [THROTTLE_GLOBAL] = {300, TIME_SECOND_MS, TIME_SECOND_MS, 200},
    [THROTTLE_TOTP] = {10, 5 * TIME_SECOND_MS, 15 * TIME_MINUTE_MS, 30 * TIME_MINUTE_MS},
    [THROTTLE_SESSION] = {5, 2 * TIME_SECOND_MS, 5 * TIME_MINUTE_MS, 10 * TIME_MINUTE_MS},
};

const struct throttle_policy *throttle_policy_get(enum throttle_kind kind)
{
    ASSERT((size_t)kind < ARRAY_LEN(policies));
    return &policies[kind];
}

int64_t throttle_wait(const struct throttle *t, int64_t now)
{
    return t->blocked_until > now ? t->blocked_until - now : 0;
}

/* What is left of the failures; `updated_at` moves by whole steps, so that no time is lost between calls. */
static struct throttle leak(const struct throttle *t, const struct throttle_policy *policy,
                            int64_t now)
{
    struct throttle left = *t;
    if (now <= t->updated_at) {
        return left;
    }
    int64_t steps = (now - t->updated_at) / policy->decay_ms;
    if (t->failures == 0 || steps >= t->failures) {
        left.failures = 0;
        left.updated_at = now;
    } else {
        left.failures -= steps;
        left.updated_at += steps * policy->decay_ms;
    }
    return left;
}

struct throttle throttle_count(const struct throttle *t, const struct throttle_policy *policy,
                               int64_t now)
{
    struct throttle next = leak(t, policy, now);
    next.failures++;
    if (next.failures <= policy->free) {
        return next;
    }
    int64_t delay = policy->base_ms;
    for (int64_t i = policy->free + 1; i < next.failures && delay < policy->max_ms; i++) {
        delay *= 2;
    }
    next.blocked_until = now + (delay < policy->max_ms ? delay : policy->max_ms);
    return next;
}

struct throttle throttle_give_back(const struct throttle *t, const struct throttle_policy *policy,
                                   int64_t now)
{
    struct throttle next = leak(t, policy, now);
    next.failures = next.failures > 0 ? next.failures - 1 : 0;
    next.blocked_until = 0;
    return next;
}
