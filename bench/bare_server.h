/* The bare chat server: sockets, one writer with group commit of the same rows as the desk's, a search index that follows, and nothing else: no HTTP, no
 * accounts, no permissions, no JSON reading. The limit that the real server is measured against. Runs in a child (process_start); arg: folder with bench.db. */
#ifndef BENCH_BARE_SERVER_H
#define BENCH_BARE_SERVER_H

void bare_chat_server(void *dir, int ready_fd);

#endif
