/* Mentions: who was named in a note, until they have seen it. Only what the mentioned agent may read is told, listed and counted, asked anew each time. */
#ifndef DESK_MENTION_H
#define DESK_MENTION_H

#include "desk/desk_internal.h"
#include "desk/tell.h"

#define MENTION_COUNT_MAX 999 /* more unseen ones are counted as this many */

struct mention {
    struct message_id message;
    struct conversation_id conversation;
    int64_t seq, created_at, seen_at; /* 0: not seen */
    enum message_kind kind;
    struct str author_name, body;
    struct customer_id customer;
    struct agent_id assignee;
    struct team_id team;
};

/* ---- rows ---- */

ERR_MUST_USE enum err mention_insert(struct db_txn *txn, struct agent_id agent,
                                     struct message_id message, struct conversation_id c);
/* Mine, newest first, whoever may read them. */
ERR_MUST_USE enum err mention_list(struct db_txn *txn, struct agent_id agent, bool only_unseen,
                                   int64_t before_message, size_t limit, struct arena *arena,
                                   struct mention **out, size_t *n_out);
ERR_MUST_USE enum err mention_count_unseen(struct db_txn *txn, const struct actor *actor,
                                           int64_t *out);
/* Those of one conversation (0: of all) up to this event number. */
ERR_MUST_USE enum err mention_mark_seen(struct db_txn *txn, struct agent_id agent,
                                        struct conversation_id c, int64_t up_to_seq, int64_t now,
                                        int64_t *n_out);
/* Nobody is mentioned by a message that is gone. */
ERR_MUST_USE enum err mention_delete_of(struct db_txn *txn, struct message_id message);

/* ---- use cases ---- */

/* {"items": [...], "next_cursor"} into the open object. */
ERR_MUST_USE enum err mention_read_list(struct desk *desk, const struct actor *actor,
                                        bool only_unseen, int64_t before_message, size_t limit,
                                        struct arena *arena, struct json_writer *w,
                                        struct errinfo *info);
ERR_MUST_USE enum err mention_see(struct desk *desk, const struct actor *actor,
                                  struct conversation_id c, int64_t *unseen_out,
                                  struct errinfo *info);

/* ---- telling, after the commit ---- */

/* To the mentioned agents who are there and may read it: a `mention` frame. In the transaction that stored the message. */
ERR_MUST_USE enum err mention_tell_on_commit(struct desk *desk, struct db_txn *txn,
                                             const struct message *m, const struct agent_id *agents,
                                             size_t n);
/* For all of this agent's sockets: seen, here or in another tab. */
struct desk_frame mention_seen_frame(struct agent_id agent, struct conversation_id c,
                                     struct arena *arena);

#endif
