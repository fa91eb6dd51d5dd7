/* Hash maps: outside keys are safe (seeded hash). Keys are copied in; values are the caller's pointers, never freed here.
 * Not for several threads at once. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map; /* str -> void * */

struct map *map_new(void);
void map_free(struct map **map);
void *map_find(const struct map *map, struct str key); /* NULL: absent */
void *map_put(struct map *map, struct str key,
              void *value); /* returns the value that was there, or NULL; value must not be NULL */
void *map_remove(struct map *map, struct str key); /* returns what was removed, or NULL */
size_t map_len(const struct map *map);
/* Iterate: size_t at = 0; while (map_next(map, &at, &key, &value)) ... Do not change the map meanwhile. */
bool map_next(const struct map *map, size_t *at, struct str *key_out, void **value_out);

struct idmap; /* int64_t -> void * */

struct idmap *idmap_new(void);
void idmap_free(struct idmap **map);
void *idmap_find(const struct idmap *map, int64_t key);
void *idmap_put(struct idmap *map, int64_t key, void *value);
void *idmap_remove(struct idmap *map, int64_t key);
size_t idmap_len(const struct idmap *map);
/* key_out may be NULL. */
bool idmap_next(const struct idmap *map, size_t *at, int64_t *key_out, void **value_out);

#endif
