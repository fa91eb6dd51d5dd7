/* Between nodes only ids travel (bus.h); who hears of it reads the name and the place from the rows, on a worker. */
#include "desk/typing.h"

#include "desk/signal.h"
#include "desk/socket_peer.h"
#include "platform/bus.h"

#define SIGNAL "typing"

static const char *const kinds[] = {"agent", "customer", "bot", NULL};
enum { KIND_AGENT, KIND_CUSTOMER, KIND_BOT };

void typing_tell_others(struct desk *desk, const struct typing *t)
{
    BUF_AUTO b;
    buf_init(&b, 1024);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "kind", t->kind);
    json_kv_id(&w, "id", t->id);
    json_kv_bool(&w, "on", t->on);
    json_kv_bool(&w, "note", t->is_note);
    if (strcmp(t->kind, kinds[KIND_BOT]) == 0) {
        json_kv_str(&w, "name", t->name);
    }
    json_object_end(&w);
    if (desk->node != NULL && buf_err(&b) == ERR_OK) {
        signal_send(desk, t->conversation, SIGNAL, buf_str(&b));
    }
}

/* ---- who wants to know ---- */

static void follow(struct peer *p, struct conversation_id c)
{
    if (c.v != 0) {
        bus_follow(p->desk->bus, bus_of_conversation(c));
    }
    struct conversation_id before = {atomic_exchange(&p->visitor->followed, c.v)};
    if (before.v != 0) {
        bus_unfollow(p->desk->bus, bus_of_conversation(before));
    }
}

void typing_follow(struct peer *p, struct conversation_id c)
{
    if (p->desk->node == NULL || p->desk->bus == NULL ||
        atomic_load(&p->visitor->followed) == c.v) {
        return;
    }
    follow(p, c);
    if (c.v != 0 && atomic_load(&p->stage) == PEER_CLOSED) {
        follow(p, (struct conversation_id){0}); /* it ended meanwhile, and saw nothing to end */
    }
}

/* ---- of other nodes ---- */

struct heard {
    struct desk *desk;
    struct arena *arena;
    struct conversation_id id;
    struct conversation c;
    int kind;
    int64_t who;
    struct str name;
    bool on, is_note;
};

static enum err read_fn(struct db_txn *txn, void *arg)
{
    struct heard *h = arg;
    struct customer customer;
    enum err err = conversation_load(txn, h->id, h->arena, &h->c);
    if (err == ERR_OK && h->kind == KIND_AGENT) {
        err = agent_load_name(txn, (struct agent_id){h->who}, h->arena, &h->name);
    } else if (err == ERR_OK && h->kind == KIND_CUSTOMER) {
        err = customer_load(txn, (struct customer_id){h->who}, h->arena, &customer);
        h->name = err == ERR_OK ? customer.name : h->name;
    }
    return err;
}

/* What the customer types is for agents; what others type for both, and notes are not for the customer. */
static void show(void *arg)
{
    struct heard *h = arg;
    if (db_read(h->desk->db, read_fn, h) == ERR_OK) {
        BUF_AUTO b;
        buf_init(&b, 4096);
        peer_write_typing(&b, h->id, kinds[h->kind], h->who, h->name, h->on, h->is_note);
        uint64_t topics[2] = {topic_of_conversation(h->id),
                              topic_of_visitor(h->c.inbox, h->c.customer)};
        bool is_public = h->kind != KIND_CUSTOMER && !h->is_note;
        h->desk->wire.publish(h->desk->wire.arg, topics, is_public ? 2 : 1, 0, buf_str(&b), NULL);
    }
    struct arena *arena = h->arena;
    arena_free(&arena);
}

static void on_signal(struct desk *desk, const struct signal_heard *s)
{
    struct arena *arena = arena_new(0);
    struct heard *h = ARENA_NEW(arena, struct heard);
    *h = (struct heard){.desk = desk, .arena = arena, .id = s->conversation};
    bool is_good = json_get_enum(s->what, "kind", kinds, &h->kind, NULL) == ERR_OK &&
                   json_opt_id(s->what, "id", &h->who, NULL) == ERR_OK;
    h->on = json_bool(json_find(s->what, "on"));
    h->is_note = json_bool(json_find(s->what, "note"));
    h->name = str_dup(arena, json_str(json_find(s->what, "name")));
    if (!is_good ||
        !desk->wire.work(desk->wire.arg, WORK_TYPING | (uint64_t)s->conversation.v, show, h)) {
        arena_free(&arena);
    }
}

void typing_listen(struct desk *desk, struct notices *notices)
{
    signal_handle(desk, notices, SIGNAL, on_signal);
}
