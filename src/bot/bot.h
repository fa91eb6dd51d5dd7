/* The face of the room `bot`: answers customers of conversations whose handler is the bot, from published articles only, or hands over to a person.
 *
 * The desk tells it of messages (struct desk_bot) and forgets them at a restart; bot_start asks for what was left unanswered, every reply carries the client id
 * "bot-<message id>", and the state of the dialogue is kept per message: so a restart neither loses nor doubles an answer. */
#ifndef BOT_BOT_H
#define BOT_BOT_H

#include "base/timeutil.h"
#include "desk/desk.h"
#include "platform/db.h"

struct bot;
struct knowledge;
struct server;

struct bot_deps {
    struct db *db;
    struct clock clock;
    struct knowledge *knowledge;
};

/* Life: bot_new, then desk_new with bot_desk_table, then bot_use_desk, server start, desk_start, bot_start. */
ERR_MUST_USE enum err bot_new(const struct bot_deps *deps, struct bot **out,
                              struct errinfo *info); /* reads its settings: after the migrations */
struct desk_bot bot_desk_table(struct bot *bot);
void bot_use_desk(struct bot *bot, struct desk *desk);
/* One program of several: the switch may be thrown on another one. Before bot_start. */
struct node;
void bot_use_node(struct bot *bot, struct node *node);
/* Begins to work: jobs run on the workers of `server` (NULL, for tests: at once, in the caller's thread); takes up what was left unanswered. */
ERR_MUST_USE enum err bot_start(struct bot *bot, struct server *server);
/* After server_stop (no job runs any more). */
void bot_free(struct bot **bot);

#endif
