/* Between the files of the entity finder: each looks at one place of a text and says how many characters are its thing. Private to the room. */
#ifndef KNOWLEDGE_ENTITY_INTERNAL_H
#define KNOWLEDGE_ENTITY_INTERNAL_H

#include "knowledge/entity.h"
#include "knowledge/entity_words.h"

/* "2026-11-22 14:05", "11月22日下午3点", "14:05", "2 hours ago", "三天前", "yesterday". 0: none. */
size_t entity_time(const struct chars *t, size_t at, struct arena *arena, struct str *value_out);
/* "1,234.5 USDT", "$20", "3万u", "500U", "100". `*has_unit_out`: a coin, a currency or a multiplier was said. 0: none. */
size_t entity_amount(const struct chars *t, size_t at, struct arena *arena, struct str *value_out,
                     struct str *unit_out, bool *has_unit_out);
size_t entity_skip_spaces(const struct chars *t, size_t at); /* the next place that is no space */
/* Digits at `at`, at most `max` of them: how many, and their number. */
size_t entity_digits(const struct chars *t, size_t at, size_t max, uint32_t *out);

#endif
