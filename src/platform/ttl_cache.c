/* Sets of four entries, chosen by the key's first bytes (keys are hashes). One lock: the work under it is a compare and a copy. */
#include "platform/ttl_cache.h"

#include <pthread.h>
#include <string.h>

#include "base/mem.h"

#define WAYS 4

struct entry {
    uint8_t key[32];
    int64_t expires_at; /* 0: empty */
};
struct ttl_cache {
    pthread_mutex_t lock;
    size_t value_size, n;
    uint64_t epoch;
    struct entry *entries;
    unsigned char *values;
};

struct ttl_cache *ttl_cache_new(size_t value_size, size_t n_entries)
{
    struct ttl_cache *c = MEM_NEW(struct ttl_cache);
    pthread_mutex_init(&c->lock, NULL);
    c->value_size = value_size;
    for (c->n = 8; c->n < n_entries;) {
        c->n *= 2;
    }
    c->entries = MEM_NEW_ARRAY(struct entry, c->n);
    c->values = mem_calloc(c->n, value_size);
    return c;
}

void ttl_cache_free(struct ttl_cache **cache)
{
    struct ttl_cache *c = *cache;
    if (c == NULL) {
        return;
    }
    pthread_mutex_destroy(&c->lock);
    mem_free(c->entries);
    mem_free(c->values);
    mem_free(c);
    *cache = NULL;
}

static size_t set_of(const struct ttl_cache *c, const uint8_t key[32])
{
    uint64_t h = 0;
    memcpy(&h, key, sizeof(h));
    return (size_t)(h & (c->n / WAYS - 1)) * WAYS;
}

bool ttl_cache_get(struct ttl_cache *cache, const uint8_t key[32], int64_t now, void *value_out)
{
    bool found = false;
    pthread_mutex_lock(&cache->lock);
    size_t set = set_of(cache, key);
    for (size_t i = set; i < set + WAYS && !found; i++) {
        if (cache->entries[i].expires_at > now && memcmp(cache->entries[i].key, key, 32) == 0) {
            memcpy(value_out, cache->values + i * cache->value_size, cache->value_size);
            found = true;
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return found;
}

uint64_t ttl_cache_epoch(struct ttl_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t epoch = cache->epoch;
    pthread_mutex_unlock(&cache->lock);
    return epoch;
}

void ttl_cache_put(struct ttl_cache *cache, const uint8_t key[32], uint64_t epoch,
                   int64_t expires_at, const void *value)
{
    pthread_mutex_lock(&cache->lock);
    if (cache->epoch == epoch && expires_at > 0) {
        size_t set = set_of(cache, key);
        size_t at = set;
        for (size_t i = set; i < set + WAYS; i++) {
            if (cache->entries[i].expires_at != 0 && memcmp(cache->entries[i].key, key, 32) == 0) {
                at = i;
                break;
            }
            if (cache->entries[i].expires_at < cache->entries[at].expires_at) {
                at = i;
            }
        }
        memcpy(cache->entries[at].key, key, 32);
        cache->entries[at].expires_at = expires_at;
        memcpy(cache->values + at * cache->value_size, value, cache->value_size);
    }
    pthread_mutex_unlock(&cache->lock);
}

void ttl_cache_remove(struct ttl_cache *cache, bool (*matches)(const void *value, void *arg),
                      void *arg)
{
    pthread_mutex_lock(&cache->lock);
    cache->epoch++;
    for (size_t i = 0; i < cache->n; i++) {
        if (cache->entries[i].expires_at != 0 &&
            (matches == NULL || matches(cache->values + i * cache->value_size, arg))) {
            cache->entries[i].expires_at = 0;
        }
    }
    pthread_mutex_unlock(&cache->lock);
}
