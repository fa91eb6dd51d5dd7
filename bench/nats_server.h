/* A private nats-server of Debian's package on a free port. */
#ifndef BENCH_NATS_SERVER_H
#define BENCH_NATS_SERVER_H

struct nats_server {
    int pid, port;
};
/* Ends the benchmark when there is none. */
void nats_server_start(struct nats_server *s);
void nats_server_stop(struct nats_server *s);

#endif
