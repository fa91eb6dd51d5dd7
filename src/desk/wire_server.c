#include "desk/wire_server.h"

static void server_wire_publish(void *arg, const uint64_t *topics, size_t n, int64_t seq,
                                struct str payload, const struct conn_id *except)
{
    struct frame *f = frame_new_text(payload);
    for (size_t i = 0; i < n; i++) {
        socket_publish(arg, topics[i], seq, f, except);
    }
    frame_unref(&f);
}

static void server_wire_send(void *arg, struct conn_id conn, struct str payload)
{
    struct frame *f = frame_new_text(payload);
    socket_send(arg, conn, f);
    frame_unref(&f);
}

static void server_wire_accept(void *arg, struct conn_id conn)
{
    socket_accept(arg, conn);
}

static void server_wire_close(void *arg, struct conn_id conn, int code, const char *reason)
{
    socket_close(arg, conn, code, reason);
}

static void server_wire_join(void *arg, struct conn_id conn, uint64_t topic, bool held)
{
    socket_join(arg, conn, topic, held);
}

static void server_wire_release(void *arg, struct conn_id conn, uint64_t topic, int64_t after)
{
    socket_release(arg, conn, topic, after);
}

static void server_wire_leave(void *arg, struct conn_id conn, uint64_t topic)
{
    socket_leave(arg, conn, topic);
}

static bool server_wire_work(void *arg, uint64_t key, void (*fn)(void *arg), void *fn_arg)
{
    return server_work(arg, key, fn, fn_arg) == ERR_OK;
}

struct wire wire_of_server(struct server *server)
{
    return (struct wire){
        .arg = server,
        .publish = server_wire_publish,
        .send = server_wire_send,
        .accept = server_wire_accept,
        .close = server_wire_close,
        .join = server_wire_join,
        .release = server_wire_release,
        .leave = server_wire_leave,
        .work = server_wire_work,
    };
}
