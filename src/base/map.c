/* Open addressing, linear probing, at most 3/4 full, power-of-two sizes; removal shifts back instead of leaving tombstones, so that a
 * map that lives for months does not silt up. The full hash is kept, so that growing does not hash again and most misses cost no memcmp. */
#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "base/rng.h"

#define FIRST_SIZE 16U

struct slot {
    void *value; /* NULL: free */
    char *key;
    size_t key_len;
    uint64_t hash;
};

struct map {
    struct slot *slots;
    size_t size; /* power of two, or 0 */
    size_t len;
};

struct map *map_new(void)
{
    return MEM_NEW(struct map);
}

void map_free(struct map **map)
{
    if (map == NULL || *map == NULL) {
        return;
    }
    for (size_t i = 0; i < (*map)->size; i++) {
        mem_free((*map)->slots[i].key);
    }
    mem_free((*map)->slots);
    mem_free(*map);
    *map = NULL;
}

/* The slot of `key`, or the free slot where it would go. size must not be 0. */
static size_t locate(const struct map *map, struct str key, uint64_t hash)
{
    size_t i = hash & (map->size - 1);
    while (map->slots[i].value != NULL) {
        const struct slot *s = &map->slots[i];
        if (s->hash == hash && s->key_len == key.len &&
            memcmp(s->key, key.p ? key.p : "", key.len) == 0) {
            break;
        }
        i = (i + 1) & (map->size - 1);
    }
    return i;
}

void *map_find(const struct map *map, struct str key)
{
    return map->len ? map->slots[locate(map, key, str_hash(key))].value : NULL;
}

static void resize(struct map *map, size_t size)
{
    struct slot *old = map->slots;
    size_t old_size = map->size;
    map->slots = MEM_NEW_ARRAY(struct slot, size);
    map->size = size;
    for (size_t k = 0; k < old_size; k++) {
        if (old[k].value != NULL) {
            size_t i = old[k].hash & (size - 1);
            while (map->slots[i].value != NULL) {
                i = (i + 1) & (size - 1);
            }
            map->slots[i] = old[k];
        }
    }
    mem_free(old);
}

void *map_put(struct map *map, struct str key, void *value)
{
    ASSERT(value != NULL);
    if (map->len * 4 >= map->size * 3) {
        resize(map, map->size ? map->size * 2 : FIRST_SIZE);
    }
    uint64_t hash = str_hash(key);
    struct slot *s = &map->slots[locate(map, key, hash)];
    void *before = s->value;
    if (before == NULL) {
        s->key = mem_alloc(key.len);
        if (key.len > 0) {
            memcpy(s->key, key.p, key.len);
        }
        s->key_len = key.len;
        s->hash = hash;
        map->len++;
    }
    s->value = value;
    return before;
}

void *map_remove(struct map *map, struct str key)
{
    if (map->len == 0) {
        return NULL;
    }
    size_t mask = map->size - 1;
    size_t hole = locate(map, key, str_hash(key));
    void *removed = map->slots[hole].value;
    if (removed == NULL) {
        return NULL;
    }
    mem_free(map->slots[hole].key);
    for (size_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) { /* its probe path passes the hole */
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct slot){0};
    map->len--;
    return removed;
}

size_t map_len(const struct map *map)
{
    return map->len;
}

bool map_next(const struct map *map, size_t *at, struct str *key_out, void **value_out)
{
    for (; *at < map->size; (*at)++) {
        const struct slot *s = &map->slots[*at];
        if (s->value != NULL) {
            *key_out = (struct str){s->key, s->key_len};
            *value_out = s->value;
            (*at)++;
            return true;
        }
    }
    return false;
}

struct idslot {
    int64_t key;
    void *value;
};

struct idmap {
    struct idslot *slots;
    size_t size;
    size_t len;
    uint64_t seed;
};

struct idmap *idmap_new(void)
{
    struct idmap *map = MEM_NEW(struct idmap);
    map->seed = rng_u64();
    return map;
}

void idmap_free(struct idmap **map)
{
    if (map == NULL || *map == NULL) {
        return;
    }
    mem_free((*map)->slots);
    mem_free(*map);
    *map = NULL;
}

static size_t idhome(const struct idmap *map, int64_t key)
{
    uint64_t h = ((uint64_t)key ^ map->seed) * 0x9e3779b97f4a7c15U;
    return (h ^ (h >> 32)) & (map->size - 1);
}

static size_t idlocate(const struct idmap *map, int64_t key)
{
    size_t i = idhome(map, key);
    while (map->slots[i].value != NULL && map->slots[i].key != key) {
        i = (i + 1) & (map->size - 1);
    }
    return i;
}

void *idmap_find(const struct idmap *map, int64_t key)
{
    return map->len ? map->slots[idlocate(map, key)].value : NULL;
}

void *idmap_put(struct idmap *map, int64_t key, void *value)
{
    ASSERT(value != NULL);
    if (map->len * 4 >= map->size * 3) {
        struct idmap bigger = {
            .size = map->size ? map->size * 2 : FIRST_SIZE, .len = map->len, .seed = map->seed};
        bigger.slots = MEM_NEW_ARRAY(struct idslot, bigger.size);
        for (size_t k = 0; k < map->size; k++) {
            if (map->slots[k].value != NULL) {
                bigger.slots[idlocate(&bigger, map->slots[k].key)] = map->slots[k];
            }
        }
        mem_free(map->slots);
        *map = bigger;
    }
    struct idslot *s = &map->slots[idlocate(map, key)];
    void *before = s->value;
    map->len += before == NULL;
    *s = (struct idslot){key, value};
    return before;
}

void *idmap_remove(struct idmap *map, int64_t key)
{
    if (map->len == 0) {
        return NULL;
    }
    size_t mask = map->size - 1;
    size_t hole = idlocate(map, key);
    void *removed = map->slots[hole].value;
    if (removed == NULL) {
        return NULL;
    }
    for (size_t i = (hole + 1) & mask; map->slots[i].value != NULL; i = (i + 1) & mask) {
        size_t home = idhome(map, map->slots[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            map->slots[hole] = map->slots[i];
            hole = i;
        }
    }
    map->slots[hole] = (struct idslot){0};
    map->len--;
    return removed;
}

size_t idmap_len(const struct idmap *map)
{
    return map->len;
}

bool idmap_next(const struct idmap *map, size_t *at, int64_t *key_out, void **value_out)
{
    for (; *at < map->size; (*at)++) {
        const struct idslot *s = &map->slots[*at];
        if (s->value != NULL) {
            if (key_out != NULL) {
                *key_out = s->key;
            }
            *value_out = s->value;
            (*at)++;
            return true;
        }
    }
    return false;
}
