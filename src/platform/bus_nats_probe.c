/* The doctor's look at the message servers: each address by itself, since a connection to one of three says nothing of the other two. A server introduces itself
 * in one line of JSON before it asks who we are, and before TLS: that line has the version and the cluster, which the client library keeps to
 * itself, so it is read here. Whether we may come in is asked through the library, with all our credentials. */
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/json.h"
#include "platform/bus_nats.h"

#define GREETING_MAX 4096
#define GREETING_MS 2000

struct probe {
    const struct bus_options *options;
    struct arena *arena;
    struct buf *out;
    int n_good, n_bad;
};

/* ---- greeting ---- */

static int probe_dial(struct probe *p, struct str host, struct str port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int fd = -1;
    if (getaddrinfo(str_to_cstr(p->arena, host), str_to_cstr(p->arena, port), &hints, &all) != 0) {
        return -1;
    }
    for (struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0 &&
            poll(&ready, 1, GREETING_MS) != 1) {
            (void)close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(all);
    return fd;
}

static size_t probe_read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (len < size && (len == 0 || memchr(line, '\n', len) == NULL) &&
           poll(&ready, 1, GREETING_MS) == 1) {
        ssize_t n = read(fd, line + len, size - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    return len;
}

static void probe_greeting(struct probe *p, const struct nats_address *address)
{
    static const char word[] = "INFO ";
    char line[GREETING_MAX];
    struct json_doc *doc = NULL;
    int fd = probe_dial(p, address->host, address->port);
    size_t len = fd < 0 ? 0 : probe_read_line(fd, line, sizeof(line));
    if (fd >= 0) {
        (void)close(fd);
    }
    struct str text = str_trim((struct str){line, len});
    if (str_starts(text, STR("INFO ")) &&
        json_parse(str_sub(text, sizeof(word) - 1, SIZE_MAX), GREETING_MAX, &doc, NULL) == ERR_OK) {
        const struct json *info = json_root(doc);
        struct str cluster = json_str(json_find(info, "cluster"));
        size_t n_others = json_len(json_find(info, "connect_urls"));
        (void)buf_printf(p->out, " (%.20s",
                         str_to_cstr(p->arena, json_str(json_find(info, "version"))));
        if (cluster.len > 0) {
            (void)buf_printf(p->out, ", cluster %.40s", str_to_cstr(p->arena, cluster));
        }
        if (n_others > 0) {
            (void)buf_printf(p->out, " of %zu addresses", n_others);
        }
        (void)buf_add_cstr(p->out, ")");
    }
    json_doc_free(&doc);
}

/* ---- one after the other ---- */

static void probe_one(struct probe *p, const char *server)
{
    natsOptions *options = NULL;
    natsConnection *conn = NULL;
    struct bus_options one = *p->options;
    struct nats_address address;
    int64_t rtt_ns = 0;
    one.url = server;
    natsStatus status = nats_options_new(&one, &options, NULL) == ERR_OK ? NATS_OK : NATS_ERR;
    if (status == NATS_OK) {
        (void)natsOptions_SetAllowReconnect(options, false);
        (void)natsOptions_SetName(options, "stablehand doctor");
        status = natsConnection_Connect(&conn, options);
    }
    if (status == NATS_OK) {
        status = natsConnection_GetRTT(conn, &rtt_ns);
    }
    nats_address_split(str_from(server), &address);
    (void)buf_printf(p->out, "%s" STR_FMT ":" STR_FMT, p->n_good + p->n_bad > 0 ? "; " : "",
                     STR_ARG(address.host), STR_ARG(address.port));
    if (status == NATS_OK) {
        p->n_good++;
        (void)buf_printf(p->out, " answers in %.1f ms", (double)rtt_ns / 1e6);
    } else if (status == NATS_NO_SERVER) {
        p->n_bad++;
        (void)buf_add_cstr(p->out, " does not answer");
    } else {
        p->n_bad++;
        (void)buf_printf(p->out, " does not let us in: %s", natsStatus_GetText(status));
    }
    if (status != NATS_NO_SERVER) {
        probe_greeting(p, &address);
    }
    natsConnection_Close(conn);
    natsConnection_Destroy(conn);
    natsOptions_Destroy(options);
}

enum err nats_probe(const struct bus_options *o, struct buf *out, struct errinfo *info)
{
    struct probe p = {.options = o, .arena = arena_new(0), .out = out};
    const char *servers[NATS_SERVERS_MAX];
    int n = 0;
    natsOptions *options = NULL;
    enum err err = nats_options_new(o, &options, info);
    natsOptions_Destroy(options);
    if (err == ERR_OK) {
        err = nats_servers_parse(p.arena, o->url, servers, &n, info);
    }
    for (int i = 0; err == ERR_OK && i < n; i++) {
        probe_one(&p, servers[i]);
    }
    if (err == ERR_OK && p.n_bad > 0) {
        err = err_set(info, p.n_good > 0 ? ERR_AGAIN : ERR_UNAVAILABLE, NULL, "bus",
                      "%d of %d servers", p.n_bad, p.n_bad + p.n_good);
    }
    arena_free(&p.arena);
    return err;
}
