/* The face of the room `bot`: answers customers of conversations whose handler is the bot, from published articles only, or hands over to a person.
 *
 * It listens to the desk's events as a hint, and works from the database: per conversation the last message it has dealt with. A restart therefore neither
 * loses nor doubles an answer: what was asked and not yet dealt with is found again at start, and every reply carries the client id "bot-<message id>". */
#ifndef BOT_BOT_H
#define BOT_BOT_H

#include "base/timeutil.h"
#include "platform/db.h"
#include "platform/event.h"

struct bot;
struct desk;
struct knowledge;
struct server;

struct bot_deps {
    struct db *db;
    struct clock clock;
    struct desk *desk;
    struct knowledge *knowledge;
    struct bus *bus;
    /* Where the work runs: server_work with this server. Set by bot_start. */
};

struct bot *bot_new(const struct bot_deps *deps); /* listens on the bus: before the server starts */
/* Begins to work: scans for what was left unanswered, then follows the bus. Jobs run on the workers of `server`. */
ERR_MUST_USE enum err bot_start(struct bot *bot, struct server *server);
/* After server_stop (no job is running any more). */
void bot_free(struct bot **bot);

#endif
