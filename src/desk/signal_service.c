#include "desk/signal.h"

#include "base/check.h"
#include "base/mem.h"
#include "platform/bus.h"
#include "platform/node.h"
#include "platform/notice.h"

struct signal_handler {
    struct desk *desk;
    const char *kind;
    signal_fn fn;
};

bool signal_is_quick(const struct desk *desk)
{
    return desk->bus != NULL && bus_is_carrying(desk->bus);
}

/* ---- sending ---- */

struct sending {
    struct desk *desk;
    const char *kind;
    struct conversation_id c;
    struct arena *arena;
    struct str what;
};

static enum err send_fn(struct db_txn *txn, void *arg)
{
    const struct sending *s = arg;
    struct str text =
        str_printf(db_txn_arena(txn), "{\"conversation\":\"%lld\",\"what\":" STR_FMT "}",
                   (long long)s->c.v, STR_ARG(s->what));
    return notice_add(txn, s->kind, text, desk_now(s->desk));
}

static void sent(enum err err, void *arg)
{
    UNUSED(err);
    struct sending *s = arg;
    struct arena *arena = s->arena;
    arena_free(&arena);
}

void signal_send(struct desk *desk, struct conversation_id c, const char *kind, struct str what)
{
    if (desk->node == NULL || desk->bus == NULL || c.v <= 0) {
        return;
    }
    if (signal_is_quick(desk)) {
        bus_signal(desk->bus, bus_of_conversation(c), kind, what);
    } else if (node_others(desk->node) > 0) {
        struct arena *arena = arena_new(0);
        struct sending *s = ARENA_NEW(arena, struct sending);
        *s = (struct sending){desk, kind, c, arena, str_dup(arena, what)};
        if (db_submit_ordered(desk->db, topic_of_conversation(c), send_fn, sent, s) != ERR_OK) {
            arena_free(&arena);
        }
    }
}

/* ---- hearing ---- */

static void on_signal(void *arg, const struct bus_signal *s)
{
    const struct signal_handler *h = arg;
    struct json_doc *doc = NULL;
    if (s->topic.scope == BUS_CONVERSATION && json_parse(s->payload, 0, &doc, NULL) == ERR_OK) {
        h->fn(h->desk, &(struct signal_heard){{s->topic.id}, json_root(doc), false});
    }
    json_doc_free(&doc);
}

static void on_notice(void *arg, const struct json *what)
{
    const struct signal_handler *h = arg;
    struct conversation_id c = {0};
    if (json_get_id(what, "conversation", &c.v, NULL) == ERR_OK &&
        bus_is_followed(h->desk->bus, bus_of_conversation(c))) {
        h->fn(h->desk, &(struct signal_heard){c, json_find(what, "what"), true});
    }
}

void signal_handle(struct desk *desk, struct notices *notices, const char *kind, signal_fn fn)
{
    ASSERT(desk->n_signals < SIGNALS_MAX && desk->bus != NULL);
    struct signal_handler *h = MEM_NEW(struct signal_handler);
    *h = (struct signal_handler){desk, kind, fn};
    desk->signals[desk->n_signals++] = h;
    bus_on_signal(desk->bus, kind, on_signal, h);
    if (notices != NULL) {
        notices_handle(notices, kind, on_notice, h);
    }
}
