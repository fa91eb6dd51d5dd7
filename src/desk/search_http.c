/* Search over messages: the index gives ids, newest first; the rows say who may see them. Hits that may not be seen are skipped, and the index is asked for more,
 * at most SEARCH_LOOKS times, so that somebody with little to see cannot make the desk read everything. */
#include "desk/desk_internal.h"
#include "desk/desk_routes.gen.h"
#include "desk/snippet.h"

#define SEARCH_BATCH 100
#define SEARCH_LOOKS 20
#define SNIPPET_MAX 160

struct search {
    struct desk *desk;
    const struct actor *actor;
    struct str query;
    int64_t before;
    int limit;
    struct arena *arena;
    struct json_writer *w;
    /* result */
    int n;
    int64_t last; /* id where the next page goes on */
    bool has_more;
};

static enum err write_hit(struct search *s, struct db_txn *txn, int64_t id, bool *seen_out)
{
    struct db_rows *rows = NULL;
    *seen_out = false;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT m.conversation_id, m.seq, m.author_kind, m.kind, m.body, "
                                "m.created_at, c.assignee_id, c.team_id, c.customer_id "
                                "FROM messages m JOIN conversations c ON c.id = m.conversation_id "
                                "WHERE m.id = $1 AND m.deleted_at IS NULL",
                                db_i64(id));
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err; /* deleted: the index follows a moment later */
    }
    if (!conversation_may_read(s->actor, (struct agent_id){db_rows_i64(rows, 6)},
                               (struct team_id){db_rows_i64(rows, 7)})) {
        return db_rows_close(&rows);
    }
    struct str body = db_rows_dup(rows, 4, s->arena);
    size_t at = 0, len = 0;
    if (!db_search_match(body, s->query, &at, &len)) {
        at = len = 0; /* edited since it was indexed */
    }
    struct snippet snippet = snippet_make(s->arena, body, at, len, SNIPPET_MAX);
    struct customer customer;
    err = customer_load(txn, (struct customer_id){db_rows_i64(rows, 8)}, s->arena, &customer);
    if (err == ERR_OK) {
        json_object_begin(s->w);
        json_kv_id(s->w, "message_id", id);
        json_kv_id(s->w, "conversation_id", db_rows_i64(rows, 0));
        json_kv_i64(s->w, "seq", db_rows_i64(rows, 1));
        json_kv_str(s->w, "customer_name", customer.name);
        json_kv_cstr(s->w, "author_kind", author_kind_name((enum author_kind)db_rows_i64(rows, 2)));
        json_kv_cstr(s->w, "kind", message_kind_name((enum message_kind)db_rows_i64(rows, 3)));
        json_kv_str(s->w, "snippet", snippet.text);
        json_kv_i64(s->w, "match_at", snippet.match_at);
        json_kv_i64(s->w, "match_len", snippet.match_len);
        json_kv_time(s->w, "at", db_rows_i64(rows, 5));
        json_object_end(s->w);
        *seen_out = true;
    }
    enum err closed = db_rows_close(&rows);
    return err != ERR_OK ? err : closed;
}

static enum err search_fn(struct db_txn *txn, void *arg)
{
    struct search *s = arg;
    int64_t ids[SEARCH_BATCH];
    size_t n = SEARCH_BATCH;
    s->last = s->before;
    enum err err = ERR_OK;
    for (int look = 0; look < SEARCH_LOOKS && n == SEARCH_BATCH && s->n < s->limit; look++) {
        err = db_search(txn, "message", s->query, s->last, SEARCH_BATCH, ids, &n);
        for (size_t i = 0; i < n && err == ERR_OK && s->n < s->limit; i++) {
            bool seen = false;
            err = write_hit(s, txn, ids[i], &seen);
            s->n += seen;
            s->last = ids[i];
            s->has_more = i + 1 < n || n == SEARCH_BATCH;
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    s->has_more = s->has_more && s->last > 1;
    return err;
}

enum err search_http_messages(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct desk *desk = rq->room;
    struct page page;
    struct str q = str_trim(request_query(rq, "q"));
    enum err err = actor_require(request_actor(rq), PERM_CONVERSATION_READ, info);
    if (err == ERR_OK && (q.len == 0 || q.len > 800)) {
        err = err_set(info, ERR_INVALID, "q", q.len == 0 ? "required" : "too_long",
                      "1 to 200 characters");
    }
    err = err != ERR_OK ? err : request_page(rq, &page, info);
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    struct search s = {.desk = desk,
                       .actor = request_actor(rq),
                       .query = q,
                       .before = page.after,
                       .limit = page.limit,
                       .arena = rq->arena,
                       .w = w};
    json_object_begin(w);
    json_put_key(w, "items");
    json_array_begin(w);
    err = db_read(desk->db, search_fn, &s);
    json_array_end(w);
    json_kv_cursor(w, s.has_more, s.last, 0);
    json_object_end(w);
    return err;
}
