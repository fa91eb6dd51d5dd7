/* A small cache of values by 32-byte key, for answers that every request needs (whose session is this?). Any thread.
 *
 * Fixed size, no allocation after ttl_cache_new; values are copied in and out; a full set drops its oldest. A value is never older than its time, and
 * removal beats a slower look-up: take ttl_cache_epoch before reading the truth, and ttl_cache_put drops the value if anything was removed since. */
#ifndef PLATFORM_TTL_CACHE_H
#define PLATFORM_TTL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ttl_cache;

struct ttl_cache *
ttl_cache_new(size_t value_size,
              size_t n_entries); /* n_entries is rounded up to a power of two, at least 8 */
void ttl_cache_free(struct ttl_cache **cache);
bool ttl_cache_get(struct ttl_cache *cache, const uint8_t key[32], int64_t now, void *value_out);
uint64_t ttl_cache_epoch(struct ttl_cache *cache);
void ttl_cache_put(struct ttl_cache *cache, const uint8_t key[32], uint64_t epoch,
                   int64_t expires_at, const void *value);
/* Removes every value for which `matches` says so; NULL: all. */
void ttl_cache_remove(struct ttl_cache *cache, bool (*matches)(const void *value, void *arg),
                      void *arg);

#endif
