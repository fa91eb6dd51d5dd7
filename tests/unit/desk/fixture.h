/* The room on a real SQLite database, with identity beside it, a clock moved by hand, and a network that only remembers what it was asked to send. */
#ifndef TEST_DESK_FIXTURE_H
#define TEST_DESK_FIXTURE_H

#include <pthread.h>

#include "../platform/tmpdb.h"

#include "desk/conversation_use.h"
#include "desk/inbox.h"
#include "desk/message_service.h"
#include "desk/offer.h"
#include "desk/presence.h"
#include "desk/receipts.h"
#include "desk/routing_service.h"
#include "desk/socket_peer.h"
#include "desk/stream.h"
#include "desk/visitor_service.h"

#define START_AT 1800000000000LL

struct sent {
    uint64_t topic; /* 0: to one connection */
    uint32_t slot;
    int64_t seq;
    struct str text;
};
struct fixture {
    struct tmpdb db;
    struct bus *bus;
    struct timers *timers;
    struct files *files;
    struct identity *identity;
    struct desk *desk;
    struct arena *arena;
    _Atomic int64_t now; /* the timers read it on their own thread */
    struct inbox_id inbox;
    struct errinfo info;
    /* the network */
    pthread_mutex_t lock;
    struct sent sent[4096];
    size_t n_sent;
    struct {
        void (*fn)(void *arg);
        void *arg;
    } jobs[256];
    size_t n_jobs;
    int last_close;
    bool bot_is_on;
    int n_bot_calls;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Runs jobs until nothing waits any more, and everything submitted has been committed. */
void fixture_settle(struct fixture *f);
/* Moves the clock and lets timers fire. */
void fixture_pass(struct fixture *f, int64_t ms);

struct actor fixture_visitor(struct fixture *f); /* a new anonymous customer */
struct actor fixture_agent(struct fixture *f, const char *name, const char *role_key,
                           struct team_id team);
struct actor fixture_reload(struct fixture *f, struct agent_id id);
struct team_id fixture_team(struct fixture *f, const char *name);
/* As if a socket had connected. */
void fixture_online(struct fixture *f, const struct actor *agent);
enum err fixture_presence(struct fixture *f, struct agent_id agent, struct presence_input in);

/* Sends; asserts nothing. */
enum err fixture_say(struct fixture *f, const struct actor *visitor, const char *client_id,
                     const char *body, struct message_out *out);
enum err fixture_answer(struct fixture *f, const struct actor *agent, struct conversation_id c,
                        const char *client_id, const char *body, int64_t expect_seq,
                        struct message_out *out);
enum err fixture_note(struct fixture *f, const struct actor *agent, struct conversation_id c,
                      const char *client_id, const char *body);
struct conversation fixture_conversation(struct fixture *f, struct conversation_id id);
int64_t fixture_count(struct fixture *f, const char *sql);
struct str fixture_read_one(struct fixture *f, const struct actor *agent, struct conversation_id id,
                            enum err *err_out);
size_t fixture_find_sent(struct fixture *f, uint64_t topic,
                         const char *needle); /* how many frames to it contain this */

#endif
