#include "platform/rate_limit.h"

#include <pthread.h>

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"

#define GROUPS 4096
#define PLACES 8

struct place {
    uint64_t key; /* 0: free. A keyed hash of the address: strangers cannot aim at a group */
    int64_t at_ms;
    float tokens[RATE_CLASSES];
};

struct rate_limit {
    pthread_mutex_t mutex;
    int per_s, burst;
    size_t max_connections;
    struct place *places; /* GROUPS x PLACES, zero pages until used */
    struct idmap *connections;
};

struct rate_limit *rate_limit_new(int per_s, int burst, size_t max_connections_per_ip)
{
    struct rate_limit *r = MEM_NEW(struct rate_limit);
    pthread_mutex_init(&r->mutex, NULL);
    r->per_s = per_s;
    r->burst = burst > per_s ? burst : per_s;
    r->max_connections = max_connections_per_ip;
    r->connections = idmap_new();
    if (per_s > 0) {
        r->places = MEM_NEW_ARRAY(struct place, (size_t)GROUPS * PLACES);
    }
    return r;
}

void rate_limit_free(struct rate_limit **r)
{
    if (*r) {
        pthread_mutex_destroy(&(*r)->mutex);
        idmap_free(&(*r)->connections);
        mem_free((*r)->places);
        mem_free(*r);
        *r = NULL;
    }
}

static uint64_t ip_key(const struct ip *ip)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    size_t len = memcmp(ip->b, v4, 12) == 0 ? 16 : 8;
    return str_hash((struct str){(const char *)ip->b, len}) | 1;
}

static float class_rate(int per_s, int rate_class)
{
    return (float)per_s * (rate_class == 1 ? 0.1F : rate_class == 2 ? 4.0F : 1.0F);
}

static float class_burst(const struct rate_limit *r, int rate_class)
{
    float b = class_rate(r->burst, rate_class);
    return b < 1.0F ? 1.0F : b;
}

static struct place *place_find(struct rate_limit *r, uint64_t key, int64_t now_ms)
{
    struct place *group = &r->places[(key >> 16) % GROUPS * PLACES];
    struct place *oldest = group;
    for (size_t i = 0; i < PLACES; i++) {
        if (group[i].key == key) {
            return &group[i];
        }
        if (group[i].key == 0 || (oldest->key != 0 && group[i].at_ms < oldest->at_ms)) {
            oldest = &group[i];
        }
    }
    *oldest = (struct place){.key = key, .at_ms = now_ms};
    for (int c = 0; c < RATE_CLASSES; c++) {
        oldest->tokens[c] = class_burst(r, c);
    }
    return oldest;
}

bool rate_limit_take(struct rate_limit *r, const struct ip *ip, int rate_class, int64_t now_ms,
                     int *retry_s_out)
{
    ASSERT(rate_class >= 0 && rate_class < RATE_CLASSES);
    if (r->per_s <= 0) {
        return true;
    }
    pthread_mutex_lock(&r->mutex);
    struct place *p = place_find(r, ip_key(ip), now_ms);
    float elapsed_s = now_ms > p->at_ms ? (float)(now_ms - p->at_ms) / 1000.0F : 0.0F;
    for (int c = 0; c < RATE_CLASSES; c++) {
        float full = class_burst(r, c), t = p->tokens[c] + elapsed_s * class_rate(r->per_s, c);
        p->tokens[c] = t > full ? full : t;
    }
    p->at_ms = now_ms > p->at_ms ? now_ms : p->at_ms;
    bool has = p->tokens[rate_class] >= 1.0F;
    if (has) {
        p->tokens[rate_class] -= 1.0F;
    } else {
        *retry_s_out = 1 + (int)((1.0F - p->tokens[rate_class]) / class_rate(r->per_s, rate_class));
    }
    pthread_mutex_unlock(&r->mutex);
    return has;
}

bool rate_limit_enter(struct rate_limit *r, const struct ip *ip)
{
    if (r->max_connections == 0) {
        return true;
    }
    int64_t key = (int64_t)ip_key(ip);
    pthread_mutex_lock(&r->mutex);
    uintptr_t n = (uintptr_t)idmap_find(r->connections, key);
    bool may = n < r->max_connections;
    if (may) {
        idmap_put(r->connections, key, (void *)(n + 1)); /* the count itself, not a pointer */
    }
    pthread_mutex_unlock(&r->mutex);
    return may;
}

void rate_limit_leave(struct rate_limit *r, const struct ip *ip)
{
    if (r->max_connections == 0) {
        return;
    }
    int64_t key = (int64_t)ip_key(ip);
    pthread_mutex_lock(&r->mutex);
    uintptr_t n = (uintptr_t)idmap_find(r->connections, key);
    if (n > 1) {
        idmap_put(r->connections, key, (void *)(n - 1));
    } else {
        idmap_remove(r->connections, key);
    }
    pthread_mutex_unlock(&r->mutex);
}
