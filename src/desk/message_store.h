/* Rows of `messages`, their files, mentions and trace. In the caller's transaction; text lives in the arena handed in. */
#ifndef DESK_MESSAGE_STORE_H
#define DESK_MESSAGE_STORE_H

#include "base/json.h"
#include "desk/message.h"
#include "platform/db.h"

struct file {
    struct file_id id;
    struct str name, content_type, sha256;
    int64_t size;
    bool is_image;
    int width, height;           /* 0: unknown */
    struct customer_id customer; /* uploader: one of the two */
    struct agent_id agent;
    struct conversation_id conversation; /* 0: a visitor's that is not sent yet */
    struct message_id message;           /* 0: not sent yet */
};

struct message {
    struct message_id id;
    struct conversation_id conversation;
    int64_t seq;
    struct str client_id; /* empty: none */
    enum author_kind author_kind;
    int64_t author_id; /* 0: bot, system */
    struct str author_name;
    enum message_kind kind;
    bool is_public;
    struct str body;
    struct message_id reply_to;
    struct str mentions; /* JSON array of id strings; empty: none */
    struct str meta;     /* JSON object; empty: none */
    int64_t created_at, edited_at, deleted_at;
    const struct file *files;
    size_t n_files;
};

/* Fills m->id. ERR_CONFLICT: the author has sent this client_id before. */
ERR_MUST_USE enum err message_insert(struct db_txn *txn, struct message *m);
/* With files. */
ERR_MUST_USE enum err message_load(struct db_txn *txn, struct message_id id, struct arena *arena,
                                   struct message *out);
ERR_MUST_USE enum err message_find_sent(struct db_txn *txn, enum author_kind kind,
                                        int64_t author_id, struct str client_id,
                                        struct arena *arena,
                                        struct message *out); /* ERR_NOT_FOUND */
/* Newest first, seq < before (0: from the end). With files. */
ERR_MUST_USE enum err message_list(struct db_txn *txn, struct conversation_id c, int64_t before,
                                   bool only_public, size_t limit, struct arena *arena,
                                   struct message **out, size_t *n_out);
ERR_MUST_USE enum err message_store_edit(struct db_txn *txn, struct message_id id,
                                         struct agent_id agent, struct str old_body,
                                         struct str new_body, int64_t now);
ERR_MUST_USE enum err message_store_deletion(struct db_txn *txn, struct message_id id,
                                             struct agent_id agent, struct str old_body,
                                             int64_t now);
/* What a reply or a mention may point to. */
ERR_MUST_USE enum err message_load_place(struct db_txn *txn, struct message_id id,
                                         struct conversation_id *conversation_out,
                                         bool *is_public_out);

/* ---- files ---- */

ERR_MUST_USE enum err file_insert(struct db_txn *txn, struct file *f, int64_t now);
ERR_MUST_USE enum err file_load(struct db_txn *txn, struct file_id id, struct arena *arena,
                                struct file *out);
/* Sends an uploaded file with a message: only the uploader's own, once. ERR_NOT_FOUND otherwise. */
ERR_MUST_USE enum err file_attach(struct db_txn *txn, struct file_id id, enum author_kind kind,
                                  int64_t author_id, struct message_id message,
                                  struct conversation_id c, int position);
/* May the customer have it: own upload, or part of a message that he can see. */
ERR_MUST_USE enum err file_is_visible_to_customer(struct db_txn *txn, struct file_id id,
                                                  struct customer_id customer, bool *out);

/* ---- JSON, the schemas of spec/openapi.yaml ---- */

void file_write_json(struct json_writer *w, const struct file *f);
void message_write_json(struct json_writer *w, const struct message *m);

#endif
