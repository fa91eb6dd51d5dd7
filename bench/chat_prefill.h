/* The databases on which bench_chat runs: filled once, kept in a cache folder, cloned for every run, because the runs write into them. */
#ifndef BENCH_CHAT_PREFILL_H
#define BENCH_CHAT_PREFILL_H

#include <stddef.h>
#include <stdint.h>

/* The bare model's database ("bench.db", chat_rows.h), as a fresh clone below `dir`. */
void prefill_bare(const char *cache, const char *dir, int64_t n_messages, char *out, size_t size);
/* A data folder of the real program: the demo's content, and BENCH_CONVERSATIONS resolved conversations (ids from 1) with as many messages, searchable. */
void prefill_real(const char *argv0, const char *cache, const char *dir, int64_t n_messages,
                  char *out, size_t size);
/* The same rows in an empty PostgreSQL database; `dir` becomes the program's data folder. Not cached. */
void prefill_postgres(const char *argv0, const char *url, const char *dir, int64_t n_messages);

#endif
