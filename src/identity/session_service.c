#include "identity/session_service.h"

#include "identity/auth_service.h"
#include "identity/session_store.h"

struct listing {
    const struct identity *identity;
    struct agent_id agent;
    struct arena *arena;
    struct session *list;
    size_t n;
};

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct listing *l = arg;
    return session_store_list(txn, l->agent, identity_now(l->identity),
                              l->identity->session_idle_ms, l->arena, &l->list, &l->n);
}

enum err session_list(struct identity *identity, const struct actor *actor, struct arena *arena,
                      struct session **out, size_t *n_out, struct errinfo *info)
{
    struct listing l = {.identity = identity, .agent = actor->agent, .arena = arena};
    enum err err = auth_need_session(actor, info);
    err = err == ERR_OK ? db_read(identity->db, list_fn, &l) : err;
    if (err == ERR_OK) {
        *out = l.list;
        *n_out = l.n;
    }
    return err;
}

struct ending {
    struct identity *identity;
    struct agent_id agent;
    struct session_id session;
    bool found;
};

static enum err end_fn(struct db_txn *txn, void *arg)
{
    struct ending *e = arg;
    enum err err = session_store_delete(txn, e->session, e->agent, &e->found);
    if (err == ERR_OK && e->found) {
        identity_on_sessions_ended(e->identity, txn, e->agent, e->session);
    }
    return err;
}

enum err session_end(struct identity *identity, const struct actor *actor, struct session_id id,
                     struct errinfo *info)
{
    struct ending e = {.identity = identity, .agent = actor->agent, .session = id};
    enum err err = auth_need_session(actor, info);
    err = err == ERR_OK ? db_write(identity->db, end_fn, &e) : err;
    return err == ERR_OK && !e.found ? err_set(info, ERR_NOT_FOUND, "id", "not_found",
                                               "There is no such session of yours.")
                                     : err;
}
