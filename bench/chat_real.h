/* The real program with people in it: agents who signed in and customers whose conversations those agents have, all made through the public API. On one node or on
 * several that share a database; agents and customers are spread over them, so that with N nodes all but one in N messages cross from node to node. */
#ifndef BENCH_CHAT_REAL_H
#define BENCH_CHAT_REAL_H

#include "chat_load.h"
#include "loadgen.h"
#include "real_server.h"

struct chat_agent {
    char cookie[300]; /* "Cookie: ...\r\n" */
    char csrf[128];
};

#define CHAT_NODES_MAX 3

struct chat_real_setup {
    const char *dir; /* data folder of the first node; the others make theirs beside it */
    const char *const *settings; /* "--key=value" for every node, NULL at the end; may be NULL */
    size_t n_nodes, n_agents, n_customers;
};

struct chat_real {
    struct real_server nodes[CHAT_NODES_MAX]; /* requests go to the first */
    size_t n_nodes;
    struct chat_agent owner;
    size_t n_agents, n_customers;
    struct chat_agent *agents;
    char (*tokens)[REAL_TOKEN_MAX];
    struct chat_load *load; /* while one runs: its frames go there */
    size_t n_live, n_begun, n_taken;
    struct loadgen
        *at_desk[CHAT_NODES_MAX]; /* the agents' sockets, which stay: agent k on node k % n_nodes */
};

/* Starts the program; every customer has a conversation that an agent took, customer k that of agent k % n_agents. */
void chat_real_start(struct chat_real *r, const char *argv0, const struct chat_real_setup *setup);
void chat_real_stop(struct chat_real *r);
/* Sockets of n customers from `first` on, on this node, all live. */
struct loadgen *chat_real_connect(struct chat_real *r, size_t node, size_t first, size_t n);
/* Answers the pings that came to the agents; to be called every ten seconds or so. */
void chat_real_tend(struct chat_real *r);
/* n more sockets, of the customers from `first` on (again from `first` when they are used up). */
void chat_real_connect_more(struct chat_real *r, struct loadgen *g, size_t first, size_t n);
/* A load of the first n customers of g, to be run by chat_load_closed or chat_load_paced; further customers by chat_load_add. */
struct chat_load *chat_real_load(struct chat_real *r, struct loadgen *g, size_t n);
void chat_real_unload(struct chat_real *r);

#endif
