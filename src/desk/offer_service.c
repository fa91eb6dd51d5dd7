#include "desk/offer.h"
#include "desk/presence.h"

struct answer {
    struct desk *desk;
    const struct actor *actor;
    int64_t id;
    bool accept;
    struct arena *arena;
    struct str *json_out;
    struct errinfo *info;
};

static enum err take_it(struct answer *a, struct db_txn *txn, const struct offer *o)
{
    struct conversation c;
    struct str head = {0};
    enum err err = conversation_load(txn, o->conversation, db_txn_arena(txn), &c);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(a->desk, txn, &c);
    err = conversation_give(&w, &c, o->agent, c.team, a->info);
    if (err == ERR_OK) {
        err = conversation_finish(&w, &c);
    }
    if (err == ERR_OK) {
        err = conversation_head(&w, &c, &head);
    }
    if (err == ERR_OK) {
        *a->json_out = str_dup(a->arena, head);
    }
    return err;
}

static enum err answer_fn(struct db_txn *txn, void *arg)
{
    struct answer *a = arg;
    struct offer o;
    bool done = false;
    int64_t now = desk_now(a->desk);
    enum err err = offer_load(txn, a->id, &o);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && o.agent.v != a->actor->agent.v)) {
        return err_set(a->info, ERR_NOT_FOUND, "id", "not_found", "no such offer");
    }
    if (err == ERR_OK) {
        err =
            offer_end(a->desk, txn, a->id, a->accept ? OFFER_ACCEPTED : OFFER_DECLINED, now, &done);
    }
    if (err != ERR_OK) {
        return err;
    }
    if (!done) {
        return err_set(a->info, ERR_CONFLICT, "id", "gone", "the offer is over");
    }
    err = presence_happened(a->desk, txn, o.agent,
                            (struct presence_input){.event = PRESENCE_ANSWERED_OFFER, .now = now});
    if (err == ERR_OK && a->accept) {
        err = take_it(a, txn, &o);
    }
    desk_route_on_commit(txn, a->desk);
    return err;
}

enum err offer_answer(struct desk *desk, const struct actor *actor, int64_t id, bool accept,
                      struct arena *arena, struct str *json_out, struct errinfo *info)
{
    enum err err = actor_require(actor, PERM_CONVERSATION_REPLY, info);
    if (err != ERR_OK) {
        return err;
    }
    struct answer a = {.desk = desk,
                       .actor = actor,
                       .id = id,
                       .accept = accept,
                       .arena = arena,
                       .json_out = json_out,
                       .info = info};
    return db_write(desk->db, answer_fn, &a);
}
