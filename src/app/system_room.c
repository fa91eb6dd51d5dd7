#include "app/system_room.h"

#include <stdatomic.h>

#include "app/app_routes.gen.h"
#include "app/demo_people.h"
#include "app/system_metrics.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/metrics.h"
#include "platform/proxy.h"

extern const struct asset assets_embedded[];
extern const size_t n_assets_embedded;

#define SPEC_ASSET "/api-docs/openapi.yaml"

struct system_room {
    struct program *program;
    atomic_bool is_ready;
    int64_t ready_grace_ms;
    atomic_int_fast64_t
        failing_since_ms;          /* by a monotonic clock; 0: the database can be written to */
    struct proxies *metrics_allow; /* networks, by the same rules as trusted proxies */
    struct str demo_inbox, demo_secret; /* empty: this is no demo */
};

/* Has writing been impossible for longer than load balancers shall know of? A failover takes writing from all nodes at once: sending visitors round would help nobody,
 * and each node answers what it can. */
static bool fails_for_long(struct system_room *room, struct errinfo *info)
{
    int64_t now = time_monotonic_ns() / 1000000;
    if (db_health(room->program->db, info)) {
        atomic_store(&room->failing_since_ms, 0);
        return false;
    }
    int64_t since = 0;
    if (atomic_compare_exchange_strong(&room->failing_since_ms, &since, now)) {
        since = now;
    }
    return now - since >= room->ready_grace_ms;
}

static enum err look_ready(struct system_room *room, struct errinfo *info)
{
    if (!atomic_load(&room->is_ready)) {
        return err_set(info, ERR_UNAVAILABLE, NULL, "not_ready", "Starting or stopping.");
    }
    struct errinfo why = {0};
    bool is_long = fails_for_long(room, &why);
    if (strcmp(why.code, "contracted") == 0) {
        return err_hand_on(&why, ERR_UNAVAILABLE, info); /* that does not pass */
    }
    return is_long ? err_set(info, ERR_UNAVAILABLE, NULL, "database", "The database cannot write.")
                   : ERR_OK;
}

static int64_t read_ready(void *arg)
{
    return look_ready(arg, NULL) == ERR_OK ? 1 : 0;
}

struct system_room *system_room_new(struct program *program)
{
    struct system_room *room = MEM_NEW(struct system_room);
    room->program = program;
    struct errinfo info = {0};
    if (proxies_parse(settings_str(program->settings, "metrics.allow"), &room->metrics_allow,
                      &info) != ERR_OK) {
        LOG_WARN("app", "metrics.allow is not understood: nobody may read them",
                 log_cstr("why", info.message));
    }
    room->ready_grace_ms = settings_int(program->settings, "http.ready_grace");
    system_metrics_register(program);
    metric_gauge_fn("stablehand_ready", "1: /readyz says yes", read_ready, room);
    return room;
}

void system_room_free(struct system_room **room)
{
    if (*room != NULL) {
        metric_gauge_fn("stablehand_ready", "1: /readyz says yes", NULL, NULL);
        proxies_free(&(*room)->metrics_allow);
        mem_free(*room);
        *room = NULL;
    }
}

void system_room_set_ready(struct system_room *room, bool is_ready)
{
    atomic_store(&room->is_ready, is_ready);
}

void system_room_set_demo(struct system_room *room, struct str inbox_key, struct str inbox_secret)
{
    room->demo_inbox = inbox_key;
    room->demo_secret = inbox_secret;
}

static enum err answer_status(struct response *rs, const char *status)
{
    response_header(rs, "Cache-Control", STR("no-store"));
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_cstr(w, "status", status);
    json_object_end(w);
    return ERR_OK;
}

/* Ready, but somebody should look: several nodes, and what is uploaded to one is not there on the others. */
static bool has_lonely_files(const struct program *p)
{
    return node_others(p->node) > 0 && !program_has_bucket(p);
}

static enum err answer_ready(const struct system_room *room, struct response *rs)
{
    response_header(rs, "Cache-Control", STR("no-store"));
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_cstr(w, "status", "ready");
    json_put_key(w, "warnings");
    json_array_begin(w);
    if (has_lonely_files(room->program)) {
        json_put_str(w, STR("Uploaded files are in a folder, and other nodes run: unless all of "
                            "them have the same folder mounted, set files.url to a bucket."));
    }
    json_array_end(w);
    json_object_end(w);
    return ERR_OK;
}

enum err system_http_root(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq;
    (void)info;
    response_status(rs, 302);
    response_header(rs, "Location", STR("/console/"));
    return ERR_OK;
}

enum err system_http_health(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq;
    (void)info;
    return answer_status(rs, "ok");
}

enum err system_http_ready(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct system_room *room = rq->room;
    enum err err = look_ready(room, info);
    return err != ERR_OK ? err : answer_ready(room, rs);
}

struct nodes_job {
    const struct node *node;
    struct json_writer *w;
};

static enum err nodes_fn(struct db_txn *txn, void *arg)
{
    struct nodes_job *j = arg;
    return node_write_json(j->node, txn, j->w);
}

enum err nodes_http_list(struct request *rq, struct response *rs, struct errinfo *info)
{
    const struct system_room *room = rq->room;
    enum err err = actor_require(request_actor(rq), PERM_WORKSPACE_MANAGE, info);
    if (err != ERR_OK) {
        return err;
    }
    struct nodes_job j = {room->program->node, response_json(rs)};
    json_object_begin(j.w);
    json_put_key(j.w, "items");
    err = db_read(room->program->db, nodes_fn, &j);
    json_object_end(j.w);
    return err;
}

enum err system_http_metrics(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct system_room *room = rq->room;
    struct ip ip;
    if (!ip_parse(rq->remote_ip, &ip) || !proxies_trusts(room->metrics_allow, &ip)) {
        return err_set(info, ERR_DENIED, NULL, "network",
                       "Metrics are for the networks of metrics.allow.");
    }
    struct buf text;
    buf_init(&text, 1 << 20);
    metrics_write(&text);
    struct str body = str_dup(response_arena(rs), buf_str(&text));
    buf_release(&text);
    response_body(rs, STR("text/plain; version=0.0.4"), body);
    return ERR_OK;
}

enum err system_http_openapi(struct request *rq, struct response *rs, struct errinfo *info)
{
    (void)rq;
    for (size_t i = 0; i < n_assets_embedded; i++) {
        const struct asset *a = &assets_embedded[i];
        if (strcmp(a->path, SPEC_ASSET) == 0) {
            response_body(rs, STR("application/yaml"),
                          (struct str){(const char *)a->bytes, a->len});
            return ERR_OK;
        }
    }
    return err_set(info, ERR_NOT_FOUND, NULL, "not_built",
                   "The web apps were not built into this program.");
}

/* ---- the demo: signed identities for two people who do not exist ---- */

enum err demo_http_get(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct system_room *room = rq->room;
    if (str_is_empty(room->demo_inbox)) {
        return err_set(info, ERR_NOT_FOUND, NULL, "no_demo", "This is no demo.");
    }
    demo_people_write(response_json(rs), room->demo_inbox);
    return ERR_OK;
}

enum err demo_http_identity(struct request *rq, struct response *rs, struct errinfo *info)
{
    struct system_room *room = rq->room;
    if (str_is_empty(room->demo_inbox)) {
        return err_set(info, ERR_NOT_FOUND, NULL, "no_demo", "This is no demo.");
    }
    const struct json *body = NULL;
    enum err err = request_json(rq, &body, info);
    struct str uid = {0};
    if (err == ERR_OK) {
        err = json_get_str(body, "uid", 1, 40, &uid, info);
    }
    struct str token = {0};
    if (err == ERR_OK) {
        err = demo_people_sign(response_arena(rs), uid, room->demo_inbox, room->demo_secret,
                               clock_now(&room->program->clock), &token, info);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct json_writer *w = response_json(rs);
    json_object_begin(w);
    json_kv_str(w, "identity", token);
    json_object_end(w);
    return ERR_OK;
}
