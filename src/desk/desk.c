/* Life of the room, and what identity must tell it. */
#include "desk/desk_internal.h"

#include "base/check.h"
#include "base/map.h"
#include "base/mem.h"
#include "desk/inbox.h"
#include "desk/presence.h"
#include "desk/receipts.h"
#include "desk/retention.h"
#include "desk/routing_service.h"
#include "desk/socket_peer.h"
#include "desk/stream.h"
#include "desk/tell.h"
#include "desk/typing.h"
#include "desk/viewing.h"
#include "desk/wire_server.h"
#include "desk/workspace.h"

const struct db_index_source desk_index_source = {
    .name = "message",
    .added_sql = "SELECT id, body FROM messages WHERE id > $1 ORDER BY id LIMIT $2",
    .changed_sql = "SELECT id, message_id, old_body, new_body FROM message_edits WHERE id > $1 "
                   "ORDER BY id LIMIT $2",
};

static enum err load_workspace_fn(struct db_txn *txn, void *arg)
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

enum err desk_new(const struct desk_deps *deps, struct desk **out, struct errinfo *info)
{
    ASSERT(deps->db != NULL && deps->timers != NULL);
    struct desk *desk = MEM_NEW(struct desk);
    desk->db = deps->db;
    desk->bus = deps->bus;
    desk->timers = deps->timers;
    desk->files = deps->files;
    desk->clock = deps->clock;
    memcpy(desk->secret_key, deps->secret_key, sizeof desk->secret_key);
    desk->bot = deps->bot;
    desk->visitor_frames_per_s = deps->visitor_frames_per_s > 0 ? deps->visitor_frames_per_s : 50;
    desk->agent_frames_per_s = deps->agent_frames_per_s > 0 ? deps->agent_frames_per_s : 100;
    desk->events_keep_ms = deps->events_keep_ms > 0 ? deps->events_keep_ms : 90 * TIME_DAY_MS;
    desk->presence_grace_ms =
        deps->presence_grace_ms > 0 ? deps->presence_grace_ms : PRESENCE_GRACE_MS;
    desk->wire = wire_null;
    desk->stream = stream_new();
    desk->viewing = viewing_new();
    desk->receipts = receipts_new(desk);
    desk->routing = routing_state_new();
    enum err err = db_read(desk->db, load_workspace_fn, desk);
    if (err != ERR_OK) {
        desk_free(&desk);
        return err_set(info, err, "", "workspace", "the workspace cannot be read");
    }
    if (desk->bus != NULL) {
        bus_listen(desk->bus, stream_on_event, desk);
        viewing_listen(desk, deps->notices);
        typing_listen(desk, deps->notices);
    }
    if (deps->notices != NULL) {
        desk_tell_handle(desk, deps->notices);
    }
    presence_register_timers(desk);
    retention_register_timers(desk);
    routing_register_timers(desk);
    conversation_register_timers(desk);
    bot_register_timers(desk);
    *out = desk;
    return ERR_OK;
}

void desk_use_identity(struct desk *desk, struct identity *identity)
{
    desk->identity = identity;
}

void desk_endpoints(struct desk *desk, struct server *server)
{
    desk->server = server;
    desk->wire = wire_of_server(server);
    struct socket_endpoint visitor = visitor_socket_endpoint(desk);
    struct socket_endpoint agent = agent_socket_endpoint(desk);
    server_add_endpoint(server, &visitor);
    server_add_endpoint(server, &agent);
}

enum err desk_start(struct desk *desk, struct errinfo *info)
{
    receipts_start(desk->receipts);
    enum err err = presence_after_restart(desk);
    if (err != ERR_OK) {
        return err_set(info, err, "", "presence", "presence cannot be written");
    }
    err = retention_start(desk);
    if (err != ERR_OK) {
        return err_set(info, err, "", "retention", "the retention timer cannot be set");
    }
    desk_route_soon(desk);
    return ERR_OK;
}

void desk_stop(struct desk *desk)
{
    atomic_store(&desk->is_stopping, true);
    if (receipts_flush(desk->receipts) != ERR_OK) {
        return; /* logged where it happens; marks of the last moment are not worth more */
    }
}

void desk_finish(struct desk *desk)
{
    atomic_store(&desk->is_stopping, true);
    receipts_stop(desk->receipts);
}

void desk_free(struct desk **desk)
{
    struct desk *d = *desk;
    if (d == NULL) {
        return;
    }
    receipts_free(&d->receipts);
    stream_free(&d->stream);
    viewing_free(&d->viewing);
    for (size_t i = 0; i < d->n_signals; i++) {
        mem_free(d->signals[i]);
    }
    routing_state_free(&d->routing);
    idmap_free(&d->differed);
    mem_wipe(d->secret_key, sizeof d->secret_key);
    mem_free(d);
    *desk = NULL;
}

/* ---- small services ---- */

struct name_job {
    struct agent_id agent;
    struct arena *arena;
    struct str *out;
};

static enum err name_fn(struct db_txn *txn, void *arg)
{
    struct name_job *j = arg;
    return agent_load_name(txn, j->agent, j->arena, j->out);
}

enum err desk_agent_name(struct desk *desk, struct agent_id agent, struct arena *arena,
                         struct str *out)
{
    struct name_job j = {agent, arena, out};
    return db_read(desk->db, name_fn, &j);
}

enum err desk_workspace_load(struct db_txn *txn, struct arena *arena, struct desk_workspace *out)
{
    struct workspace ws;
    enum err err = workspace_load(txn, arena, &ws);
    if (err == ERR_OK) {
        *out = (struct desk_workspace){.brand = ws.brand,
                                       .default_language = ws.default_language,
                                       .public_url = ws.public_url};
    }
    return err;
}
