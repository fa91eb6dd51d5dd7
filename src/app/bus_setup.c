#include "app/bus_setup.h"

#include <stddef.h>

#include "base/check.h"
#include "base/mem.h"
#include "platform/crypto.h"
#include "platform/metrics.h"

/* One gauge per field of struct bus_stats. */
static const struct gauge {
    const char *name, *help;
    size_t offset;
} gauges[] = {
    {"stablehand_bus_connected", "1: the bus has a connection, or needs none",
     offsetof(struct bus_stats, is_connected)},
    {"stablehand_bus_reconnects", "Connections made again since start",
     offsetof(struct bus_stats, reconnects)},
    {"stablehand_bus_sent", "Signals and hints sent to other nodes since start",
     offsetof(struct bus_stats, sent)},
    {"stablehand_bus_sent_bytes", "Their bytes", offsetof(struct bus_stats, sent_bytes)},
    {"stablehand_bus_received", "Signals and hints of other nodes since start",
     offsetof(struct bus_stats, received)},
    {"stablehand_bus_received_bytes", "Their bytes", offsetof(struct bus_stats, received_bytes)},
    {"stablehand_bus_hints_received", "Hints among them", offsetof(struct bus_stats, hints_in)},
    {"stablehand_bus_dropped", "Signals and hints that could not be sent since start",
     offsetof(struct bus_stats, dropped)},
    {"stablehand_bus_overrun",
     "Signals dropped because they came faster than this node could tell them",
     offsetof(struct bus_stats, overrun)},
    {"stablehand_bus_rejected", "Messages on our subjects that no node of this desk can have sent",
     offsetof(struct bus_stats, rejected)},
    {"stablehand_bus_followed", "Conversations and teams that sockets of this node follow",
     offsetof(struct bus_stats, followed)},
};

/* What a gauge's function gets. Static, since metrics outlive the program value that registers them. */
static struct bound {
    struct bus *bus;
    const struct gauge *gauge;
} bound[ARRAY_LEN(gauges)];

static int64_t read_gauge(void *arg)
{
    const struct bound *b = arg;
    struct bus_stats stats = {0};
    bus_stats_get(b->bus, &stats);
    int64_t value = 0;
    memcpy(&value, (const char *)&stats + b->gauge->offset, sizeof(value));
    return value;
}

void bus_setup_options(const struct program *p, struct bus_options *out)
{
    const struct settings *s = p->settings;
    *out = (struct bus_options){
        .url = settings_str(s, "bus.url"),
        .prefix = settings_str(s, "bus.prefix"),
        .node_name = settings_str(s, "node.name"),
        .tls_ca = settings_str(s, "bus.tls_ca"),
        .tls_cert = settings_str(s, "bus.tls_cert"),
        .tls_key = settings_str(s, "bus.tls_key"),
        .credentials = settings_str(s, "bus.credentials"),
    };
    crypto_hmac_sha256((struct str){(const char *)p->secret_key, sizeof(p->secret_key)}, STR("bus"),
                       out->key);
}

enum err bus_setup(struct program *p, struct errinfo *info)
{
    struct bus_options o;
    bus_setup_options(p, &o);
    if (o.url[0] != '\0' && db_is_single_node(p->db)) {
        return err_set(info, ERR_INVALID, "bus.url", "one_node",
                       "SQLite has one node, and nobody to tell: set db.url to PostgreSQL, or no "
                       "bus.url");
    }
    enum err err = bus_open(&o, &p->bus, info);
    mem_wipe(o.key, sizeof(o.key));
    for (size_t i = 0; err == ERR_OK && i < ARRAY_LEN(gauges); i++) {
        bound[i] = (struct bound){p->bus, &gauges[i]};
        metric_gauge_fn(gauges[i].name, gauges[i].help, read_gauge, &bound[i]);
    }
    return err;
}
