/* The real program with people in it, for bench_chat: agents who signed in and customers whose conversations those agents have, all made through the public API. */
#ifndef BENCH_CHAT_REAL_H
#define BENCH_CHAT_REAL_H

#include "chat_load.h"
#include "loadgen.h"
#include "real_server.h"

struct chat_agent {
    char headers[512]; /* Cookie and Origin */
    char csrf[128];
};

struct chat_real {
    struct real_server server;
    struct chat_agent owner;
    size_t n_agents, n_customers;
    struct chat_agent *agents;
    char (*tokens)[REAL_TOKEN_MAX];
    struct chat_load *load; /* while one runs: its frames go there */
    size_t n_live, n_begun, n_taken;
    struct loadgen *at_desk; /* the agents' sockets, which stay */
};

/* Starts the program on `dir`; every customer has a conversation that an agent took, customer k that of agent k % n_agents. */
void chat_real_start(struct chat_real *r, const char *argv0, const char *dir, size_t n_agents,
                     size_t n_customers);
void chat_real_stop(struct chat_real *r);
/* Sockets of the first n customers, all live. */
struct loadgen *chat_real_connect(struct chat_real *r, size_t n);
/* Answers the pings that came to the agents; to be called every ten seconds or so. */
void chat_real_tend(struct chat_real *r);
/* n more sockets, of the customers from `first` on (again from `first` when they are used up). */
void chat_real_connect_more(struct chat_real *r, struct loadgen *g, size_t first, size_t n);
/* A load of the first n customers of g, to be run by chat_load_closed or chat_load_paced. */
struct chat_load *chat_real_load(struct chat_real *r, struct loadgen *g, size_t n);
void chat_real_unload(struct chat_real *r);

#endif
