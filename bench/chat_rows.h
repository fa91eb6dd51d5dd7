/* A database of chat messages for benchmarks, in a temporary folder, with the rows and indexes that the desk has. */
#ifndef BENCH_CHAT_ROWS_H
#define BENCH_CHAT_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/db.h"

/* Is "--NAME" among the arguments? */
bool bench_has(int argc, char **argv, const char *flag);
/* A temporary folder, made in --dir FOLDER (choose the disk; default: here). Removed by bench_dir_remove. */
void bench_dir_make(int argc, char **argv, char *dir_out, size_t size);
void bench_dir_remove(const char *dir);

/* Chat rows: message + event + update of the conversation, with the indexes that the desk has (migrations/0003_desk.sql). */
extern const struct db_migration bench_chat_migrations[];
#define BENCH_N_CHAT_MIGRATIONS 1
#define BENCH_CONVERSATIONS 100000
/* Fills with `n_messages` over all conversations; text of about 300 bytes, 60 % English, 40 % Chinese. */
void bench_chat_fill(struct db *db, int64_t n_messages);
/* Text of message number i: deterministic. NUL-terminated, cut at size. Returns the length. */
size_t bench_text(uint64_t i, char *out, size_t size);

#endif
