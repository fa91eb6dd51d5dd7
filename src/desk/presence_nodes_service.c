/* Sockets of one agent may sit on several nodes. Each node has a row for every agent that it has sockets of; the rows of a node go with its lease, in one
 * transaction with the timers that its agents' absence begins with. So an agent is connected exactly while a row is there, and no message between nodes is needed.
 *
 * A row is written by the transaction of a hello and removed by that of the last socket's end; jobs of one agent never run at the same time on one node
 * (peer_order), so registry and row agree. Should such a transaction have failed they part: presence_compare mends that. */
#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/presence.h"
#include "desk/stream.h"
#include "platform/node.h"

#define AGENTS_MAX 4096

enum err presence_hold(struct desk *desk, struct db_txn *txn, struct agent_id agent)
{
    if (desk->node == NULL) {
        return ERR_OK;
    }
    int64_t id = node_id(desk->node);
    enum err err = node_check(txn, id);
    return err != ERR_OK
               ? err
               : DB_EXEC(txn,
                         "INSERT INTO presence_nodes (agent_id, node_id) VALUES ($1, $2) ON "
                         "CONFLICT (agent_id, node_id) DO NOTHING",
                         db_i64(agent.v), db_i64(id));
}

static enum err count_rows(struct db_txn *txn, struct agent_id agent, bool *out)
{
    int64_t n = 0;
    enum err err = DB_QUERY_I64(txn, &n, "SELECT COUNT(*) FROM presence_nodes WHERE agent_id = $1",
                                db_i64(agent.v));
    *out = err == ERR_OK && n > 0;
    return err;
}

enum err presence_let_go(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                         bool *is_elsewhere_out)
{
    *is_elsewhere_out = false;
    if (desk->node == NULL) {
        return ERR_OK;
    }
    enum err err = DB_EXEC(txn, "DELETE FROM presence_nodes WHERE agent_id = $1 AND node_id = $2",
                           db_i64(agent.v), db_i64(node_id(desk->node)));
    return err != ERR_OK ? err : count_rows(txn, agent, is_elsewhere_out);
}

enum err presence_is_connected(struct desk *desk, struct db_txn *txn, struct agent_id agent,
                               bool *out)
{
    if (desk->node == NULL) {
        *out = stream_count(desk, agent) > 0;
        return ERR_OK;
    }
    return count_rows(txn, agent, out);
}

/* ---- a node is gone ---- */

static enum err begin_absence(struct desk *desk, struct db_txn *txn, struct agent_id agent)
{
    bool is_elsewhere = false;
    struct presence p;
    enum err err = count_rows(txn, agent, &is_elsewhere);
    err = err != ERR_OK ? err : presence_load(txn, agent, db_txn_arena(txn), &p);
    return err != ERR_OK || is_elsewhere || !p.is_online
               ? err
               : timer_set(txn, "presence_grace", agent.v, desk_now(desk) + desk->presence_grace_ms,
                           STR("{}"));
}

enum err presence_node_ended(struct db_txn *txn, void *arg, int64_t node)
{
    struct desk *desk = arg;
    int64_t agents[AGENTS_MAX];
    size_t n = 0;
    struct db_rows *rows = NULL;
    enum err err =
        DB_QUERY(txn, &rows, "DELETE FROM presence_nodes WHERE node_id = $1 RETURNING agent_id",
                 db_i64(node));
    if (err != ERR_OK) {
        return err;
    }
    while (n < AGENTS_MAX && db_rows_next(rows)) {
        agents[n++] = db_rows_i64(rows, 0);
    }
    err = db_rows_close(&rows);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = begin_absence(desk, txn, (struct agent_id){agents[i]});
    }
    return err;
}

/* ---- rows and registry ---- */

struct comparing {
    struct desk *desk;
    int64_t rows[AGENTS_MAX];
    size_t n;
};

static enum err rows_fn(struct db_txn *txn, void *arg)
{
    struct comparing *c = arg;
    struct db_rows *rows = NULL;
    c->n = 0;
    enum err err = DB_QUERY(txn, &rows, "SELECT agent_id FROM presence_nodes WHERE node_id = $1",
                            db_i64(node_id(c->desk->node)));
    if (err != ERR_OK) {
        return err;
    }
    while (c->n < AGENTS_MAX && db_rows_next(rows)) {
        c->rows[c->n++] = db_rows_i64(rows, 0);
    }
    return db_rows_close(&rows);
}

struct mending {
    struct desk *desk;
    struct agent_id agent;
};

/* In the order of this agent's hellos and goodbyes, so the registry does not move meanwhile. */
static enum err mend_fn(struct db_txn *txn, void *arg)
{
    const struct mending *m = arg;
    bool is_elsewhere = false;
    if (stream_count(m->desk, m->agent) > 0) {
        return presence_connected(m->desk, txn, m->agent);
    }
    enum err err = presence_let_go(m->desk, txn, m->agent, &is_elsewhere);
    return err != ERR_OK || is_elsewhere ? err : begin_absence(m->desk, txn, m->agent);
}

static void mended(enum err err, void *arg)
{
    struct mending *m = arg;
    if (err != ERR_OK) {
        LOG_WARN("desk", "presence not mended", log_i64("agent", m->agent.v),
                 log_cstr("err", err_name(err)));
    }
    mem_free(m);
}

static void mend(struct desk *desk, struct agent_id agent)
{
    struct mending *m = MEM_NEW(struct mending);
    *m = (struct mending){desk, agent};
    if (db_submit_ordered(desk->db, topic_of_agent(agent), mend_fn, mended, m) != ERR_OK) {
        mem_free(m);
    }
}

/* A hello under way differs once; what differs in two looks does not heal by itself. */
static void note_difference(struct desk *desk, struct idmap *now, int64_t agent)
{
    (void)idmap_put(now, agent, desk);
    if (desk->differed != NULL && idmap_find(desk->differed, agent) != NULL) {
        (void)idmap_remove(now, agent);
        mend(desk, (struct agent_id){agent});
    }
}

void presence_compare(struct desk *desk)
{
    struct comparing *c = MEM_NEW(struct comparing);
    c->desk = desk;
    struct agent_id *here = MEM_NEW_ARRAY(struct agent_id, AGENTS_MAX);
    if (db_read(desk->db, rows_fn, c) == ERR_OK) {
        size_t n = stream_agents(desk, here, AGENTS_MAX);
        struct idmap *now = idmap_new(), *rows = idmap_new(), *ears = idmap_new();
        for (size_t i = 0; i < c->n; i++) {
            (void)idmap_put(rows, c->rows[i], c);
        }
        for (size_t i = 0; i < n; i++) {
            (void)idmap_put(ears, here[i].v, c);
            if (idmap_find(rows, here[i].v) == NULL) {
                note_difference(desk, now, here[i].v);
            }
        }
        for (size_t i = 0; i < c->n; i++) {
            if (idmap_find(ears, c->rows[i]) == NULL) {
                note_difference(desk, now, c->rows[i]);
            }
        }
        idmap_free(&rows);
        idmap_free(&ears);
        idmap_free(&desk->differed);
        desk->differed = now;
    }
    mem_free(here);
    mem_free(c);
}
