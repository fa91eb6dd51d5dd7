/* Two echo servers to compare: ours, and a bare libuv loop that does nothing but the frames. Both run in a child (process_start). */
#ifndef BENCH_ECHO_SERVER_H
#define BENCH_ECHO_SERVER_H

void echo_server_ours(void *arg, int ready_fd);
void echo_server_bare(void *arg, int ready_fd);

#endif
