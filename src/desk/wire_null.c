/* Nobody listens, and nobody runs jobs. */
#include "base/check.h"
#include "desk/wire.h"

static void null_publish(void *arg, const uint64_t *topics, size_t n, int64_t seq,
                         struct str payload, const struct conn_id *except)
{
    UNUSED(arg);
    UNUSED(topics);
    UNUSED(n);
    UNUSED(seq);
    UNUSED(payload);
    UNUSED(except);
}

static void null_send(void *arg, struct conn_id conn, struct str payload)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(payload);
}

static void null_accept(void *arg, struct conn_id conn)
{
    UNUSED(arg);
    UNUSED(conn);
}

static void null_close(void *arg, struct conn_id conn, int code, const char *reason)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(code);
    UNUSED(reason);
}

static void null_join(void *arg, struct conn_id conn, uint64_t topic, bool held)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(topic);
    UNUSED(held);
}

static void null_release(void *arg, struct conn_id conn, uint64_t topic, int64_t after)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(topic);
    UNUSED(after);
}

static void null_leave(void *arg, struct conn_id conn, uint64_t topic)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(topic);
}

static bool null_work(void *arg, uint64_t key, void (*fn)(void *arg), void *fn_arg)
{
    UNUSED(arg);
    UNUSED(key);
    UNUSED(fn);
    UNUSED(fn_arg);
    return false;
}

const struct wire wire_null = {
    .publish = null_publish,
    .send = null_send,
    .accept = null_accept,
    .close = null_close,
    .join = null_join,
    .release = null_release,
    .leave = null_leave,
    .work = null_work,
};
