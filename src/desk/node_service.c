/* The desk as one of several: what must be right although nobody tells, and what is let go of when a lease ends. */
#include "desk/desk_internal.h"

#include "base/check.h"
#include "desk/presence.h"
#include "desk/stream.h"
#include "desk/viewing.h"
#include "desk/workspace.h"
#include "platform/node.h"

/* ---- about once a second ---- */

static enum err tick_fn(struct db_txn *txn, void *arg)
{
    struct desk *desk = arg;
    ARENA_AUTO arena = arena_new(0);
    struct workspace ws;
    enum err err = workspace_load(txn, arena, &ws);
    if (err == ERR_OK) {
        workspace_remember(desk, &ws);
    }
    return err;
}

static void refresh_on_writer(void *arg)
{
    viewing_refresh(arg);
}

/* The queue moved. Whoever moved it routes at once, unless it died or could not; and its places are news for customers of this node, too. */
static void on_event(void *arg, const struct event *e)
{
    struct desk *desk = arg;
    if (e->conversation.v != 0 && str_starts(e->kind, STR("conversation."))) {
        atomic_store(&desk->is_look_wanted, true);
    }
}

static void on_tick(void *arg)
{
    struct desk *desk = arg;
    if (db_read(desk->db, tick_fn, desk) != ERR_OK) {
        return; /* the next one is near */
    }
    presence_compare(desk);
    int64_t now_ms = time_monotonic_ns() / 1000000;
    if (node_others(desk->node) > 0) {
        desk->refresh_until_ms = now_ms + 2 * VIEWING_TTL_MS; /* what the last one said runs out */
    }
    if (now_ms < desk->refresh_until_ms) {
        desk_on_writer(desk, refresh_on_writer, desk);
    }
    if (atomic_exchange(&desk->is_look_wanted, false)) {
        desk_route_soon(desk);
    }
}

/* ---- a lease ended ---- */

static void route(void *arg)
{
    desk_route_soon(arg); /* what that node was about to offer */
}

static enum err on_ended(struct db_txn *txn, void *arg, int64_t id)
{
    db_on_commit(txn, route, arg);
    return presence_node_ended(txn, arg, id);
}

/* ---- this lease was lost ---- */

static void close_all_on_writer(void *arg)
{
    stream_close(arg, (struct agent_id){0}, (struct session_id){0}, SOCKET_CLOSE_BEHIND);
}

/* What sockets were told stands, and the stream of events goes on where it was; but presence, who looks at what, and permissions may have moved. */
static void on_lost(void *arg)
{
    identity_forget_cached(((struct desk *)arg)->identity);
    desk_on_writer(arg, close_all_on_writer, arg);
    desk_route_soon(arg);
}

void desk_use_node(struct desk *desk, struct node *node)
{
    desk->node = node;
    bus_listen(desk->bus, on_event, desk);
    node_on_tick(node, on_tick, desk);
    node_on_ended(node, on_ended, desk);
    node_on_lost(node, on_lost, desk);
}
