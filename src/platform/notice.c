/* {"from":"<node>","what":{...}} under the kind "notice.<kind>". */
#include "platform/notice.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "platform/bus_impl.h"
#include "platform/db_engine.h"

#define NOTICE_MAX (1 << 20)
#define PREFIX "notice."

struct notice_handler {
    const char *kind;
    notice_fn fn;
    void *arg;
};
struct notices {
    struct bus *bus;
    VEC(struct notice_handler) handlers;
};

bool notice_is_wanted(const struct db_txn *txn)
{
    return (txn->db->engine->caps & DB_CAP_SINGLE_NODE) == 0;
}

enum err notice_add(struct db_txn *txn, const char *kind, struct str what, int64_t now)
{
    if (!notice_is_wanted(txn)) {
        return ERR_OK;
    }
    BUF_AUTO b;
    buf_init(&b, NOTICE_MAX);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "from", txn->db->bus != NULL ? bus_node(txn->db->bus)->id : "");
    json_kv_raw(&w, "what", what);
    json_object_end(&w);
    if (buf_err(&b) != ERR_OK) {
        return buf_err(&b);
    }
    struct event e = {.seq = 1,
                      .kind = str_printf(txn->arena, PREFIX "%s", kind),
                      .payload = str_dup(txn->arena, buf_str(&b)),
                      .at = now};
    return event_append(txn, &e);
}

static void hear(const struct notices *n, struct str kind, const struct json *what)
{
    for (size_t i = 0; i < n->handlers.len; i++) {
        const struct notice_handler *h = &n->handlers.items[i];
        if (str_eq_cstr(kind, h->kind)) {
            h->fn(h->arg, what);
        }
    }
}

static void on_event(void *arg, const struct event *e)
{
    const struct notices *n = arg;
    if (e->conversation.v != 0 || !str_starts(e->kind, STR(PREFIX))) {
        return;
    }
    struct json_doc *doc = NULL;
    if (json_parse(e->payload, 0, &doc, NULL) != ERR_OK) {
        LOG_WARN("notice", "not understood", log_str("kind", e->kind));
    } else if (!str_eq_cstr(json_str(json_find(json_root(doc), "from")), bus_node(n->bus)->id)) {
        hear(n, str_sub(e->kind, strlen(PREFIX), e->kind.len), json_find(json_root(doc), "what"));
    }
    json_doc_free(&doc);
}

struct notices *notices_new(struct bus *bus)
{
    struct notices *n = MEM_NEW(struct notices);
    n->bus = bus;
    bus_listen(bus, on_event, n);
    return n;
}

void notices_free(struct notices **n)
{
    if (*n != NULL) {
        VEC_RELEASE(&(*n)->handlers);
        mem_free(*n);
        *n = NULL;
    }
}

void notices_handle(struct notices *n, const char *kind, notice_fn fn, void *arg)
{
    struct notice_handler h = {.kind = kind, .fn = fn, .arg = arg};
    VEC_PUSH(&n->handlers, h);
}

enum err notice_prune(struct db_txn *txn, int64_t now, int64_t limit, int64_t *n_removed_out)
{
    return db_exec(txn,
                   "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE conversation_id IS "
                   "NULL AND at < $1 ORDER BY at LIMIT $2)",
                   DB_ARGS(db_i64(now - NOTICE_KEEP_MS), db_i64(limit)), n_removed_out);
}
