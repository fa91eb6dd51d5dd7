/* How fast somebody may guess. Pure: a bucket of failures that leaks, and a delay that doubles with each failure past the free ones.
 *
 * An attempt is counted as a failure before the password is looked at (so that parallel guesses do not slip through) and given back when it was right. */
#ifndef IDENTITY_THROTTLE_H
#define IDENTITY_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_policy {
    int64_t free;    /* failures without a delay */
    int64_t base_ms; /* delay after the first one past them; doubles */
    int64_t max_ms;
    int64_t decay_ms; /* one failure is forgotten after this time */
};

struct throttle {
    int64_t failures;
    int64_t blocked_until;
    int64_t updated_at;
};

enum throttle_kind {
    THROTTLE_DEVICE, /* a browser in which this agent has signed in before: only this one counts there */
    THROTTLE_PAIR,    /* address and account */
    THROTTLE_ADDRESS, /* address, whatever the account (IPv6: its /64) */
    THROTTLE_GLOBAL,  /* all unknown browsers together */
    THROTTLE_TOTP, /* second factor of one account from unknown browsers: whoever gets here knows the password */
    THROTTLE_SESSION, /* password asked again inside a session */
};
const struct throttle_policy *throttle_policy_get(enum throttle_kind kind);

/* 0: go ahead; otherwise milliseconds to wait. */
int64_t throttle_wait(const struct throttle *t, int64_t now);
/* Counts one attempt. */
struct throttle throttle_count(const struct throttle *t, const struct throttle_policy *policy,
                               int64_t now);
/* Takes one attempt back: it was right. */
struct throttle throttle_give_back(const struct throttle *t, const struct throttle_policy *policy,
                                   int64_t now);

#endif
