/* Questions that the bot could not answer, for review. The words are the messages': who may not read a conversation sees the miss without its text. */
#ifndef BOT_MISS_H
#define BOT_MISS_H

#include "bot/bot_internal.h"

#define MISS_COUNT_DAYS 30
#define MISS_COUNT_MAX 50 /* rows of the counts */

/* The answer of GET /api/v1/bot/misses into the open object. `lang` NULL: both. Requires bot.read. */
ERR_MUST_USE enum err bot_misses_read(struct bot *bot, const struct actor *actor,
                                      const enum lang *lang, int64_t before_id, size_t limit,
                                      struct arena *arena, struct json_writer *w,
                                      struct errinfo *info);

#endif
