/* The whole program as one value: every part opened in the order in which it needs the others, closed in the opposite one.
 *
 * Subcommands that only work on data (user, demo content) open it without serving; `serve` and `demo` go on with program_serve.
 * One thread (main) calls these; the parts have threads of their own. */
#ifndef APP_PROGRAM_H
#define APP_PROGRAM_H

#include "app/routes.gen.h"
#include "bot/bot.h"
#include "desk/desk.h"
#include "identity/identity_admin.h"
#include "knowledge/knowledge.h"
#include "platform/files.h"
#include "platform/idempotency.h"
#include "platform/node.h"
#include "platform/notice.h"
#include "platform/server.h"
#include "platform/settings.h"
#include "platform/timers.h"

struct system_room;

struct program {
    struct settings *settings;
    struct str version;
    struct clock clock;
    uint8_t secret_key[32]; /* the installation's: seals secrets at rest */
    char setup_token[64];   /* asked of a first-start wizard that is opened from elsewhere */
    struct arena *arena;    /* strings that live as long as the program */
    struct db *db;
    struct db_answers answers;
    struct node *node; /* NULL: not serving, or the only process there can be */
    struct bus *bus;
    struct notices *notices;
    struct timers *timers;
    struct outbox *outbox;
    struct files *files;
    struct knowledge *knowledge;
    struct bot *bot;
    struct desk *desk;
    struct identity *identity;
    struct system_room *own;
    struct server *server;
    struct idempotency_gate gate; /* between the server and the handlers */
    void *rooms[ROOM_COUNT];
};

/* Command line after the subcommand: "--config=FILE", "--data=DIR" (short for --data.dir), "--key=value" for any setting. Everything else is ERR_INVALID. */
ERR_MUST_USE enum err program_open(struct program *p, char *const *args, struct errinfo *info);
/* The first step of it alone: settings and log. For commands that must not touch the data. */
ERR_MUST_USE enum err program_open_settings(struct program *p, char *const *args,
                                            struct errinfo *info);
const char *program_db_url(struct program *p);    /* db.url, or the file below data.dir */
const char *program_key_file(struct program *p);  /* data.key_file, or secret.key below data.dir */
const char *program_files_dir(struct program *p); /* files.dir, or the folder below data.dir */
bool program_has_bucket(
    const struct program *p); /* files.url names a bucket: there is no such folder */
/* The store of `url` ("": files.dir, "file:/path", "s3://bucket/prefix" with the settings for it). `is_beside`: a server may be running on it. */
ERR_MUST_USE enum err program_open_files(struct program *p, const char *url, bool is_beside,
                                         struct files **out, struct errinfo *info);
/* Listening when it returns; prints the line "listening" with address and port. */
ERR_MUST_USE enum err program_serve(struct program *p, struct errinfo *info);
/* Drains and closes whatever was opened; half-opened programs too. */
void program_close(struct program *p);

/* Waits for SIGTERM or SIGINT. Signals must have been blocked by program_block_signals before the first thread was made. */
void program_block_signals(void);
void program_wait_for_signal(void);
/* Serves on for http.drain while /readyz says no; a second signal ends that. After program_wait_for_signal. */
void program_drain(struct program *p);

/* Prints "stablehand: ..." for a failure to stderr; gives the exit code 1. */
int program_fail(const struct errinfo *info);

#endif
