/* What PostgreSQL gives to bare libpq for the rows of a chat message (conversation, message, event): the limit that the engine and the program stand beside. */
#ifndef BENCH_BARE_PG_H
#define BENCH_BARE_PG_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "platform/db.h"

#define BARE_PG_CONVERSATIONS 20000
#define BARE_PG_CONVERSATION                                                                       \
    "UPDATE conversations SET last_seq = last_seq + 1, last_customer_seq = last_seq + 1, unread "  \
    "= unread + 1, updated_at = $2, preview = $3, preview_at = $2 WHERE id = $1 RETURNING "        \
    "last_seq"
#define BARE_PG_MESSAGE                                                                            \
    "INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, author_name, " \
    "kind, is_public, body, created_at) VALUES ($1, $2, $3, 0, $1, 'Li Wei', 0, 1, $4, $5) "       \
    "RETURNING id"
#define BARE_PG_EVENT                                                                              \
    "INSERT INTO events (conversation_id, seq, kind, is_public, payload, at, assignee_id, "        \
    "team_id) VALUES ($1, $2, 'message.created', 1, $3, $4, 1, 1)"

struct bare_pg_row {
    int64_t conversation, seq, at;
    char client[32], text[512], payload[700];
};
void bare_pg_row_make(struct bare_pg_row *row, struct rng *rng);

/* The conversations that the rows belong to; `db` has bench_chat_migrations. */
void bare_pg_fill(struct db *db);
/* Rows a second: `n_connections` (8 at most) in pipeline mode, BEGIN, `per_txn` messages, COMMIT. READ COMMITTED, durable. */
double bare_pg_rate(const char *url, size_t n_connections, size_t per_txn, double seconds);
/* Another database of the same server; its url in `out`. */
void bare_pg_create(const char *url, const char *name, char *out, size_t size);

#endif
