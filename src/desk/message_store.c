#include "desk/message_store.h"

#define COLUMNS                                                                                    \
    "m.id, m.conversation_id, m.seq, m.client_id, m.author_kind, m.author_id, m.author_name, "     \
    "m.kind, m.is_public, m.body, m.reply_to, m.n_files, m.mentions, "                             \
    "m.meta, m.created_at, m.edited_at, m.deleted_at"
#define FILE_COLUMNS                                                                               \
    "f.id, f.sha256, f.name, f.content_type, f.size, f.is_image, f.width, f.height, "              \
    "f.customer_id, f.agent_id, f.conversation_id, f.message_id"

static void read_message(const struct db_rows *r, struct arena *arena, struct message *out)
{
    *out = (struct message){
        .id.v = db_rows_i64(r, 0),
        .conversation.v = db_rows_i64(r, 1),
        .seq = db_rows_i64(r, 2),
        .client_id = db_rows_dup(r, 3, arena),
        .author_kind = (enum author_kind)db_rows_i64(r, 4),
        .author_id = db_rows_i64(r, 5),
        .author_name = db_rows_dup(r, 6, arena),
        .kind = (enum message_kind)db_rows_i64(r, 7),
        .is_public = db_rows_i64(r, 8) != 0,
        .body = db_rows_dup(r, 9, arena),
        .reply_to.v = db_rows_i64(r, 10),
        .n_files = (size_t)db_rows_i64(r, 11),
        .mentions = db_rows_dup(r, 12, arena),
        .meta = db_rows_dup(r, 13, arena),
        .created_at = db_rows_i64(r, 14),
        .edited_at = db_rows_i64(r, 15),
        .deleted_at = db_rows_i64(r, 16),
    };
}

static void read_file(const struct db_rows *r, struct arena *arena, struct file *out)
{
    *out = (struct file){
        .id.v = db_rows_i64(r, 0),
        .sha256 = db_rows_dup(r, 1, arena),
        .name = db_rows_dup(r, 2, arena),
        .content_type = db_rows_dup(r, 3, arena),
        .size = db_rows_i64(r, 4),
        .is_image = db_rows_i64(r, 5) != 0,
        .width = (int)db_rows_i64(r, 6),
        .height = (int)db_rows_i64(r, 7),
        .customer.v = db_rows_i64(r, 8),
        .agent.v = db_rows_i64(r, 9),
        .conversation.v = db_rows_i64(r, 10),
        .message.v = db_rows_i64(r, 11),
    };
}

/* n_files of the row says whether a look is worth it: most messages have none. A deleted message shows none. */
static enum err load_files(struct db_txn *txn, struct arena *arena, struct message *m)
{
    size_t expected = m->n_files;
    m->n_files = 0;
    if (expected == 0 || m->deleted_at != 0) {
        return ERR_OK;
    }
    struct file *files = ARENA_ARRAY(arena, struct file, expected);
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows,
                 "SELECT " FILE_COLUMNS " FROM message_files mf JOIN files f ON f.id = mf.file_id "
                 "WHERE mf.message_id = $1 ORDER BY mf.position",
                 db_i64(m->id.v));
    if (err != ERR_OK) {
        return err;
    }
    while (m->n_files < expected && db_rows_next(rows)) {
        read_file(rows, arena, &files[m->n_files++]);
    }
    m->files = files;
    return db_rows_close(&rows);
}

enum err message_insert(struct db_txn *txn, struct message *m)
{
    int64_t id = 0;
    enum err err = DB_QUERY_I64(
        txn, &id,
        "INSERT INTO messages (conversation_id, seq, client_id, author_kind, author_id, "
        "author_name, kind, is_public, body, reply_to, n_files, mentions, meta, "
        "created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON "
        "CONFLICT DO NOTHING RETURNING id",
        db_i64(m->conversation.v), db_i64(m->seq), db_opt_text(m->client_id),
        db_i64(m->author_kind), db_i64(m->author_id), db_text(m->author_name), db_i64(m->kind),
        db_bool(m->is_public), db_text(m->body), db_id(m->reply_to.v), db_i64((int64_t)m->n_files),
        db_opt_text(m->mentions), db_opt_text(m->meta), db_i64(m->created_at));
    if (err == ERR_NOT_FOUND) {
        return ERR_CONFLICT;
    }
    if (err == ERR_OK) {
        m->id.v = id;
    }
    return err;
}

enum err message_load(struct db_txn *txn, struct message_id id, struct arena *arena,
                      struct message *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " COLUMNS " FROM messages m WHERE m.id = $1",
                                db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    read_message(rows, arena, out);
    err = db_rows_close(&rows);
    return err != ERR_OK ? err : load_files(txn, arena, out);
}

enum err message_find_sent(struct db_txn *txn, enum author_kind kind, int64_t author_id,
                           struct str client_id, struct arena *arena, struct message *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows,
        "SELECT " COLUMNS
        " FROM messages m WHERE m.author_id = $1 AND m.author_kind = $2 AND m.client_id = $3",
        db_i64(author_id), db_i64(kind), db_text(client_id));
    if (err != ERR_OK) {
        return err;
    }
    read_message(rows, arena, out);
    err = db_rows_close(&rows);
    return err != ERR_OK ? err : load_files(txn, arena, out);
}

enum err message_list(struct db_txn *txn, struct conversation_id c, int64_t before,
                      bool only_public, size_t limit, struct arena *arena, struct message **out,
                      size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows,
                 "SELECT " COLUMNS " FROM messages m WHERE m.conversation_id = $1 AND m.seq < $2 "
                 "AND m.is_public >= $3 ORDER BY m.seq DESC LIMIT $4",
                 db_i64(c.v), db_i64(before > 0 ? before : INT64_MAX), db_bool(only_public),
                 db_i64((int64_t)limit));
    if (err != ERR_OK) {
        return err;
    }
    struct message *list = ARENA_ARRAY(arena, struct message, limit + 1);
    size_t n = 0;
    while (n < limit && db_rows_next(rows)) {
        read_message(rows, arena, &list[n++]);
    }
    err = db_rows_close(&rows);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = load_files(txn, arena, &list[i]);
    }
    if (err == ERR_OK) {
        *out = list;
        *n_out = n;
    }
    return err;
}

enum err message_store_edit(struct db_txn *txn, struct message_id id, struct agent_id agent,
                            struct str old_body, struct str new_body, int64_t now)
{
    enum err err =
        DB_EXEC(txn,
                "INSERT INTO message_edits (message_id, agent_id, action, old_body, new_body, at) "
                "VALUES ($1, $2, 0, $3, $4, $5)",
                db_i64(id.v), db_id(agent.v), db_text(old_body), db_text(new_body), db_i64(now));
    return err != ERR_OK
               ? err
               : DB_EXEC(txn, "UPDATE messages SET body = $2, edited_at = $3 WHERE id = $1",
                         db_i64(id.v), db_text(new_body), db_i64(now));
}

enum err message_store_deletion(struct db_txn *txn, struct message_id id, struct agent_id agent,
                                struct str old_body, int64_t now)
{
    enum err err = DB_EXEC(txn,
                           "INSERT INTO message_edits (message_id, agent_id, action, old_body, "
                           "new_body, at) VALUES ($1, $2, 1, $3, NULL, $4)",
                           db_i64(id.v), db_id(agent.v), db_text(old_body), db_i64(now));
    return err != ERR_OK
               ? err
               : DB_EXEC(
                     txn,
                     "UPDATE messages SET body = '', meta = NULL, deleted_at = $2 WHERE id = $1",
                     db_i64(id.v), db_i64(now));
}

enum err message_load_place(struct db_txn *txn, struct message_id id,
                            struct conversation_id *conversation_out, bool *is_public_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(
        txn, &rows, "SELECT conversation_id, is_public FROM messages WHERE id = $1", db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    conversation_out->v = db_rows_i64(rows, 0);
    *is_public_out = db_rows_i64(rows, 1) != 0;
    return db_rows_close(&rows);
}

/* ---- files ---- */

enum err file_insert(struct db_txn *txn, struct file *f, int64_t now)
{
    return DB_QUERY_I64(txn, &f->id.v,
                        "INSERT INTO files (sha256, name, content_type, size, is_image, width, "
                        "height, customer_id, agent_id, conversation_id, created_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
                        db_text(f->sha256), db_text(f->name), db_text(f->content_type),
                        db_i64(f->size), db_bool(f->is_image), db_id(f->width), db_id(f->height),
                        db_id(f->customer.v), db_id(f->agent.v), db_id(f->conversation.v),
                        db_i64(now));
}

enum err file_load(struct db_txn *txn, struct file_id id, struct arena *arena, struct file *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " FILE_COLUMNS " FROM files f WHERE f.id = $1",
                                db_i64(id.v));
    if (err != ERR_OK) {
        return err;
    }
    read_file(rows, arena, out);
    return db_rows_close(&rows);
}

enum err file_attach(struct db_txn *txn, struct file_id id, enum author_kind kind,
                     int64_t author_id, struct message_id message, struct conversation_id c,
                     int position)
{
    int64_t n = 0;
    enum err err = db_exec(
        txn,
        "UPDATE files SET message_id = $2, conversation_id = $3 WHERE id = $1 AND message_id IS "
        "NULL AND (conversation_id IS NULL OR conversation_id = $3) "
        "AND (($4 = 0 AND customer_id = $5) OR ($4 = 1 AND agent_id = $5))",
        DB_ARGS(db_i64(id.v), db_i64(message.v), db_i64(c.v), db_i64(kind), db_i64(author_id)), &n);
    if (err == ERR_OK && n == 0) {
        err = ERR_NOT_FOUND;
    }
    return err != ERR_OK ? err
                         : DB_EXEC(txn,
                                   "INSERT INTO message_files (message_id, position, file_id) "
                                   "VALUES ($1, $2, $3)",
                                   db_i64(message.v), db_i64(position), db_i64(id.v));
}

enum err file_is_visible_to_customer(struct db_txn *txn, struct file_id id,
                                     struct customer_id customer, bool *out)
{
    int64_t n = 0;
    enum err err =
        DB_QUERY_I64(txn, &n,
                     "SELECT COUNT(*) FROM files f LEFT JOIN messages m ON m.id = f.message_id "
                     "LEFT JOIN conversations c ON c.id = m.conversation_id "
                     "WHERE f.id = $1 AND ((f.message_id IS NULL AND f.customer_id = $2) OR "
                     "(c.customer_id = $2 AND m.is_public = 1 AND m.deleted_at IS NULL))",
                     db_i64(id.v), db_i64(customer.v));
    if (err == ERR_OK) {
        *out = n > 0;
    }
    return err;
}
