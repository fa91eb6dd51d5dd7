/* Rows of `offers`, and the frames about them: the agent learns of an offer, and of its end, after the commit that made it so. */
#include "desk/message.h"
#include "desk/offer.h"
#include "desk/tell.h"

static const char *const end_words[] = {"", "accepted", "declined", "expired", "withdrawn"};

/* ---- frames ---- */

/* What the customer wants, in their words: of the last few messages the longest, since the very last is often just "agent please". */
static enum err customer_words(struct db_txn *txn, struct arena *arena,
                               const struct conversation *c, struct str *out)
{
    *out = c->preview;
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT body, n_files FROM (SELECT seq, body, n_files FROM "
                                "messages WHERE conversation_id = $1 AND author_kind = 0 AND "
                                "deleted_at IS NULL ORDER BY seq DESC LIMIT 5) AS recent "
                                "ORDER BY LENGTH(body) DESC, seq DESC LIMIT 1",
                                db_id(c->id.v));
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    *out = message_preview(arena, db_rows_str(rows, 0), (int)db_rows_i64(rows, 1));
    return db_rows_close(&rows);
}

static enum err write_body(struct db_txn *txn, struct arena *arena, const struct offer *o,
                           const struct conversation *c, struct json_writer *w)
{
    struct customer customer;
    struct str words;
    enum err err = customer_load(txn, c->customer, arena, &customer);
    err = err == ERR_OK ? customer_words(txn, arena, c, &words) : err;
    if (err != ERR_OK) {
        return err;
    }
    json_object_begin(w);
    json_kv_id(w, "id", o->id);
    json_kv_id(w, "conversation_id", c->id.v);
    json_kv_str(w, "customer_name", customer.name);
    json_kv_str(w, "preview", words);
    json_kv_cstr(w, "priority", conversation_priority_name(c->priority));
    json_kv_str(w, "language", c->language);
    json_kv_time(w, "waiting_since",
                 c->waiting_since > 0 ? c->waiting_since
                 : c->queued_at > 0   ? c->queued_at
                                      : o->made_at);
    json_kv_time(w, "expires_at", o->expires_at);
    json_object_end(w);
    return ERR_OK;
}

static enum err write_frame(struct db_txn *txn, struct arena *arena, const struct offer *o,
                            const struct conversation *c, struct buf *b)
{
    struct json_writer w;
    json_writer_init(&w, b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "offer");
    json_put_key(&w, "offer");
    enum err err = write_body(txn, arena, o, c, &w);
    json_object_end(&w);
    return err;
}

/* ---- rows ---- */

enum err offer_make(struct desk *desk, struct db_txn *txn, const struct conversation *c,
                    struct agent_id agent, int64_t expires_at, int64_t now)
{
    struct offer o = {
        .conversation = c->id, .agent = agent, .made_at = now, .expires_at = expires_at};
    int64_t waited_ms = c->queued_at > 0 ? now - c->queued_at : 0;
    enum err err = DB_QUERY_I64(
        txn, &o.id,
        "INSERT INTO offers (conversation_id, agent_id, state, made_at, expires_at, waited_ms) "
        "VALUES ($1, $2, 0, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id",
        db_i64(c->id.v), db_i64(agent.v), db_i64(now), db_i64(expires_at), db_i64(waited_ms));
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_CONFLICT : err;
    }
    BUF_AUTO b;
    buf_init(&b, 16384);
    err = write_frame(txn, db_txn_arena(txn), &o, c, &b);
    if (err == ERR_OK) {
        err = desk_tell_agent_on_commit(txn, desk, agent, &b);
    }
    if (err == ERR_OK) {
        err = timer_set(txn, "offer", o.id, expires_at, STR("{}"));
    }
    return err;
}

enum err offer_load(struct db_txn *txn, int64_t id, struct offer *out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT id, conversation_id, agent_id, state, made_at, expires_at "
                                "FROM offers WHERE id = $1",
                                db_i64(id));
    if (err != ERR_OK) {
        return err;
    }
    *out = (struct offer){
        .id = db_rows_i64(rows, 0),
        .conversation.v = db_rows_i64(rows, 1),
        .agent.v = db_rows_i64(rows, 2),
        .state = (enum offer_state)db_rows_i64(rows, 3),
        .made_at = db_rows_i64(rows, 4),
        .expires_at = db_rows_i64(rows, 5),
    };
    return db_rows_close(&rows);
}

enum err offer_end(struct desk *desk, struct db_txn *txn, int64_t id, enum offer_state state,
                   int64_t now, bool *done_out)
{
    struct agent_id agent = {0};
    enum err err = DB_QUERY_I64(txn, &agent.v,
                                "UPDATE offers SET state = $2, answered_at = $3 WHERE id = $1 AND "
                                "state = 0 RETURNING agent_id",
                                db_i64(id), db_i64(state), db_i64(now));
    *done_out = err == ERR_OK;
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    BUF_AUTO b;
    buf_init(&b, 256);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "offer_gone");
    json_kv_id(&w, "id", id);
    json_kv_cstr(&w, "reason", end_words[state]);
    json_object_end(&w);
    err = desk_tell_agent_on_commit(txn, desk, agent, &b);
    return err != ERR_OK ? err : timer_cancel(txn, "offer", id);
}

enum err offer_withdraw_of(struct desk *desk, struct db_txn *txn, struct conversation_id c,
                           int64_t now)
{
    int64_t id = 0;
    bool done = false;
    enum err err = DB_QUERY_I64(
        txn, &id, "SELECT id FROM offers WHERE conversation_id = $1 AND state = 0", db_i64(c.v));
    return err == ERR_NOT_FOUND ? ERR_OK
           : err != ERR_OK      ? err
                                : offer_end(desk, txn, id, OFFER_WITHDRAWN, now, &done);
}

/* ---- what is open for an agent ---- */

enum { MAX_OPEN = 64 };

static enum err list_open(struct db_txn *txn, struct agent_id agent, struct offer *out,
                          size_t *n_out)
{
    struct db_rows *rows = NULL;
    enum err err = DB_QUERY(txn, &rows,
                            "SELECT id, conversation_id, agent_id, state, made_at, expires_at FROM "
                            "offers WHERE agent_id = $1 AND state = 0 ORDER BY id LIMIT 64",
                            db_i64(agent.v));
    if (err != ERR_OK) {
        return err;
    }
    size_t n = 0;
    while (n < MAX_OPEN && db_rows_next(rows)) {
        out[n++] = (struct offer){
            .id = db_rows_i64(rows, 0),
            .conversation.v = db_rows_i64(rows, 1),
            .agent.v = db_rows_i64(rows, 2),
            .made_at = db_rows_i64(rows, 4),
            .expires_at = db_rows_i64(rows, 5),
        };
    }
    *n_out = n;
    return db_rows_close(&rows);
}

enum err offer_write_open_json(struct db_txn *txn, struct arena *arena, struct agent_id agent,
                               struct json_writer *w)
{
    struct offer offers[MAX_OPEN];
    size_t n = 0;
    enum err err = list_open(txn, agent, offers, &n);
    json_array_begin(w);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        struct conversation c;
        err = conversation_load(txn, offers[i].conversation, arena, &c);
        err = err != ERR_OK ? err : write_body(txn, arena, &offers[i], &c, w);
    }
    json_array_end(w);
    return err;
}

enum err offer_write_open_frames(struct db_txn *txn, struct arena *arena, struct agent_id agent,
                                 struct buf *out)
{
    struct offer offers[MAX_OPEN];
    size_t n = 0;
    enum err err = list_open(txn, agent, offers, &n);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        struct conversation c;
        err = conversation_load(txn, offers[i].conversation, arena, &c);
        err = err != ERR_OK ? err : write_frame(txn, arena, &offers[i], &c, out);
        (void)buf_add_char(out, '\0');
    }
    return err;
}
