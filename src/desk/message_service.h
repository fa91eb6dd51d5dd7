/* Sending, editing and deleting messages. */
#ifndef DESK_MESSAGE_SERVICE_H
#define DESK_MESSAGE_SERVICE_H

#include "desk/desk_internal.h"

enum message_then { THEN_NOTHING, THEN_RESOLVE, THEN_WAIT };

/* What its author wants to say. Bytes must live until the transaction is over; `body` and `preview` are cleaned and cut beforehand (message_in_prepare), so that
 * the writer's thread has less to do. */
struct message_in {
    const struct actor *actor; /* agents: asked for permission */
    enum author_kind author_kind;
    int64_t author_id;
    struct str author_name;
    bool
        is_name_old; /* customers: the profile may have changed since author_name was read: read it again */
    /* customers: into the current conversation of */
    struct customer_id customer;
    struct inbox_id inbox;
    struct str language; /* of a conversation that begins with it */
    /* agents */
    struct conversation_id conversation;
    enum message_kind kind; /* public or note */
    int64_t expect_seq;     /* < 0: does not matter */
    enum message_then then;
    struct agent_id mentions[MESSAGE_MAX_MENTIONS];
    size_t n_mentions;
    /* both */
    struct str client_id, body, preview;
    struct str meta;   /* JSON object; empty: none */
    struct str topic;  /* customers: what they chose in the form before a conversation begins */
    struct str button; /* customers: which was pressed; stands in meta, too */
    struct message_id reply_to;
    struct file_id files[MESSAGE_MAX_FILES];
    size_t n_files;
    /* Look for an earlier try first. Set by the caller after ERR_AGAIN: the short way assumes that there is none, and is undone when there is. */
    bool is_retry;
};
struct message_out {
    struct conversation_id conversation;
    struct message_id message;
    int64_t seq, created_at;
    bool is_duplicate;
    struct str
        json; /* the schema Message, in the transaction's arena: copy it before the function returns, or leave it */
};

/* Checks and cleans client_id, body, files (nothing at all is refused), button. Makes the preview. */
ERR_MUST_USE enum err message_in_prepare(struct arena *arena, struct message_in *in,
                                         size_t max_body, struct errinfo *info);
/* The fields of VisitorMessageWrite / MessageWrite into `in`; text points into the document. */
ERR_MUST_USE enum err message_in_decode(const struct json *o, bool is_agent, struct arena *arena,
                                        struct message_in *in, struct errinfo *info);
/* Inside a write transaction. ERR_AGAIN: try once more with is_retry. Others: ERR_NOT_FOUND, ERR_DENIED, ERR_CONFLICT (codes stale, state, newer). */
ERR_MUST_USE enum err message_send(struct desk *desk, struct db_txn *txn,
                                   const struct message_in *in, struct message_out *out,
                                   struct errinfo *info);
/* Opens the transaction, tries again when asked to; json in `arena`. */
ERR_MUST_USE enum err message_send_now(struct desk *desk, struct message_in *in,
                                       struct arena *arena, struct message_out *out,
                                       struct errinfo *info);

/* An agent's own public messages and notes; with conversation.assign also the colleagues'. Customers' messages can be deleted (not edited) by those who may assign. */
ERR_MUST_USE enum err message_edit(struct desk *desk, const struct actor *actor,
                                   struct message_id id, struct str body, struct arena *arena,
                                   struct str *json_out, struct errinfo *info);
ERR_MUST_USE enum err message_delete(struct desk *desk, const struct actor *actor,
                                     struct message_id id, struct arena *arena,
                                     struct str *json_out, struct errinfo *info);

#endif
