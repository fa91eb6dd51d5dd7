#include "desk/presence.h"

const char *const presence_status_words[] = {"available", "busy", "away", NULL};

static void set(struct presence *p, enum presence_status status, struct str reason,
                bool is_automatic, int64_t now)
{
    p->status = status;
    p->reason = reason;
    p->is_automatic = is_automatic;
    p->since = now;
}

bool presence_takes_work(const struct presence *p)
{
    return p->is_online && p->status == PRESENCE_AVAILABLE;
}

static bool can_answer(const struct presence *p)
{
    return p->is_online && p->status != PRESENCE_AWAY;
}

struct presence_change presence_apply(struct presence before, struct presence_input in)
{
    struct presence p = before;
    bool is_noted = false;
    switch (in.event) {
    case PRESENCE_CONNECTED:
        if (!p.is_online) {
            p.is_online = true;
            p.since = in.now;
            p.n_missed = 0;
        }
        p.active_at = in.now;
        if (p.is_automatic) {
            set(&p, PRESENCE_AVAILABLE, STR(""), false, in.now);
        }
        is_noted = true;
        break;
    case PRESENCE_GONE:
        if (p.is_online) {
            p.is_online = false;
            p.since = in.now;
        }
        break;
    case PRESENCE_SET:
        set(&p, in.status, in.reason, false, in.now);
        p.active_at = in.now;
        p.n_missed = 0;
        is_noted = true;
        break;
    case PRESENCE_ACTIVE:
        p.active_at = in.now;
        is_noted = true;
        if (p.is_automatic) {
            set(&p, PRESENCE_AVAILABLE, STR(""), false, in.now);
        }
        break;
    case PRESENCE_IDLE:
        if (presence_takes_work(&p) && in.now - p.active_at >= in.auto_away_ms) {
            set(&p, PRESENCE_AWAY, STR("idle"), true, in.now);
        }
        break;
    case PRESENCE_MISSED_OFFER:
        p.n_missed++;
        is_noted = true;
        if (p.n_missed >= PRESENCE_MAX_MISSED && p.status == PRESENCE_AVAILABLE) {
            set(&p, PRESENCE_AWAY, STR("missed_offers"), false, in.now);
        }
        break;
    case PRESENCE_ANSWERED_OFFER:
        is_noted = p.n_missed != 0;
        p.n_missed = 0;
        break;
    }
    bool is_changed = p.status != before.status || p.is_online != before.is_online ||
                      !str_eq(p.reason, before.reason);
    return (struct presence_change){
        .after = p,
        .is_changed = is_changed,
        .is_noted = is_noted || is_changed,
        .gives_back = can_answer(&before) && !can_answer(&p),
    };
}
