/* What the server shows under /metrics: gauges read from its loops, answers by class, and how long requests took. */
#include "base/check.h"
#include "platform/metrics.h"
#include "platform/net.h"

static const struct {
    const char *name, *help;
    size_t offset; /* in struct server_stats */
} gauges[SERVER_GAUGES] = {
    {"stablehand_http_connections", "Open connections", offsetof(struct server_stats, connections)},
    {"stablehand_http_sockets", "Open WebSockets", offsetof(struct server_stats, sockets)},
    {"stablehand_http_requests_total", "Requests since start",
     offsetof(struct server_stats, requests)},
    {"stablehand_http_refused_total", "Requests and connections refused by a limit or a rule",
     offsetof(struct server_stats, refused)},
    {"stablehand_socket_messages_in_total", "Socket messages received",
     offsetof(struct server_stats, messages_in)},
    {"stablehand_socket_messages_out_total", "Socket messages sent",
     offsetof(struct server_stats, messages_out)},
    {"stablehand_net_bytes_in_total", "Bytes received", offsetof(struct server_stats, bytes_in)},
    {"stablehand_net_bytes_out_total", "Bytes sent", offsetof(struct server_stats, bytes_out)},
    {"stablehand_socket_behind_total", "Sockets closed because they read too slowly",
     offsetof(struct server_stats, behind_closed)},
    {"stablehand_worker_queue", "Jobs waiting for a worker",
     offsetof(struct server_stats, queue_len)},
};
static const char *const class_names[6] = {
    NULL,
    NULL,
    "stablehand_http_answers_2xx_total",
    "stablehand_http_answers_3xx_total",
    "stablehand_http_answers_4xx_total",
    "stablehand_http_answers_5xx_total",
};

static int64_t read_gauge(void *arg)
{
    const struct server_gauge *g = arg;
    struct server_stats stats;
    int64_t value;
    server_stats_get(g->server, &stats);
    memcpy(&value, (const char *)&stats + g->offset, sizeof(value));
    return value;
}

void server_metrics_add(struct server *s)
{
    for (size_t i = 0; i < SERVER_GAUGES; i++) {
        s->gauges[i] = (struct server_gauge){s, gauges[i].offset};
        metric_gauge_fn(gauges[i].name, gauges[i].help, read_gauge, &s->gauges[i]);
    }
    for (size_t i = 2; i < ARRAY_LEN(class_names); i++) {
        s->answers[i] =
            metric_counter(class_names[i], "Answers made by handlers, by class of status");
    }
    s->request_seconds =
        metric_histogram("stablehand_http_request_seconds",
                         "From the whole request to its answer, waiting for a worker included");
}

void server_metrics_remove(struct server *s)
{
    for (size_t i = 0; i < SERVER_GAUGES && s->gauges[i].server; i++) {
        metric_gauge_fn(gauges[i].name, gauges[i].help, NULL, NULL);
    }
}

void server_metrics_answer(struct server *s, int status, int64_t us)
{
    if (status >= 200 && status < 600) {
        metric_add(s->answers[status / 100], 1);
    }
    metric_observe_us(s->request_seconds, us);
}
