#include "app/system_metrics.h"

#include <stddef.h>
#include <stdio.h>

#include "base/check.h"
#include "platform/metrics.h"

/* One gauge per field of struct db_stats. */
static const struct gauge {
    const char *name, *help;
    size_t offset;
} gauges[] = {
    {"stablehand_db_commits", "Group commits since start", offsetof(struct db_stats, commits)},
    {"stablehand_db_writes", "Write functions committed since start",
     offsetof(struct db_stats, writes)},
    {"stablehand_db_failed_writes", "Write functions rolled back since start",
     offsetof(struct db_stats, failed_writes)},
    {"stablehand_db_reads", "Read functions since start", offsetof(struct db_stats, reads)},
    {"stablehand_db_queue", "Write functions waiting", offsetof(struct db_stats, queue_len)},
    {"stablehand_db_wal_bytes", "Size of the write-ahead log",
     offsetof(struct db_stats, wal_bytes)},
    {"stablehand_db_retries", "Write functions run again after a conflict or a lost connection",
     offsetof(struct db_stats, retries)},
    {"stablehand_db_index_lag", "Commits that the search index has not followed yet",
     offsetof(struct db_stats, index_lag)},
    {"stablehand_db_commit_us_total", "Time spent in commits, microseconds",
     offsetof(struct db_stats, commit_us_total)},
};

/* What a gauge's function gets: which field, of which database. Static, since metrics outlive the room that registers them. */
static struct bound {
    struct db *db;
    const struct gauge *gauge;
} bound[ARRAY_LEN(gauges)];

static int64_t read_gauge(void *arg)
{
    const struct bound *b = arg;
    struct db_stats stats = {0};
    db_stats_get(b->db, &stats);
    int64_t value = 0;
    memcpy(&value, (const char *)&stats + b->gauge->offset, sizeof(value));
    return value;
}

static int64_t read_nodes(void *arg)
{
    const struct program *p = arg;
    return p->node == NULL ? 1 : 1 + node_others(p->node);
}

static int64_t read_alive(void *arg)
{
    return node_is_alive(((const struct program *)arg)->node) ? 1 : 0;
}

static void show_program(struct program *p)
{
    char version[64];
    (void)snprintf(version, sizeof(version), STR_FMT, STR_ARG(p->version));
    metric_set(metric_gauge(metric_name_with("stablehand_build_info", "version", version),
                            "1; what runs is in the label"),
               1);
    metric_gauge_fn("stablehand_nodes", "Nodes with a lease, this one among them", read_nodes, p);
    metric_gauge_fn("stablehand_node_alive", "1: this node's lease is held and beaten in time",
                    read_alive, p);
}

void system_metrics_register(struct program *p)
{
    for (size_t i = 0; i < ARRAY_LEN(gauges); i++) {
        bound[i] = (struct bound){p->db, &gauges[i]};
        metric_gauge_fn(gauges[i].name, gauges[i].help, read_gauge, &bound[i]);
    }
    show_program(p);
}
