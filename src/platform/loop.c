/* A loop: one thread, one libuv loop, one listener, its connections and its inbox.
 *
 * The inbox is a stack of commands with one atomic pointer: producers push, the loop takes all and turns the order round. Only the push that finds it
 * empty wakes the loop. Deadlines hang in a wheel of 250 ms slots: moving one later costs a store (the slot finds out when it comes up), so a
 * busy connection does not touch the wheel. */
#include <errno.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "platform/net.h"

#define FREE_NONE UINT32_MAX

static _Thread_local struct loop
    *current; /* which loop's thread this is: calls from it need no inbox */

struct loop *loop_current(void)
{
    return current;
}

int64_t loop_now(const struct loop *loop)
{
    return (int64_t)uv_now(&loop->uv);
}

void loop_post_chain(struct loop *loop, struct command *newest, struct command *oldest)
{
    struct command *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
    do {
        oldest->next = head;
    } while (!atomic_compare_exchange_weak_explicit(&loop->inbox, &head, newest,
                                                    memory_order_release, memory_order_relaxed));
    if (!head) {
        uv_async_send(&loop->wake);
    }
}

void loop_post(struct loop *loop, struct command *command)
{
    loop_post_chain(loop, command, command);
}

static struct command *inbox_take(struct loop *loop)
{
    struct command *newest = atomic_exchange_explicit(&loop->inbox, NULL, memory_order_acquire),
                   *oldest = NULL;
    while (newest) {
        struct command *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

struct conn *loop_find(struct loop *loop, struct conn_id id)
{
    if (id.loop != loop->index || id.slot >= loop->n_slots ||
        loop->slots[id.slot].generation != id.generation) {
        return NULL;
    }
    return loop->slots[id.slot].conn;
}

static void command_free(struct command *c)
{
    if (c->reply) {
        frame_unref(&c->reply->frames[0]);
        frame_unref(&c->reply->frames[1]);
        mem_free(c->reply->file);
        file_source_close(&c->reply->source);
        mem_free(c->reply);
    }
    frame_unref(&c->frame);
    mem_free(c->text);
    mem_free(c);
}

static void begin_stop(struct loop *loop)
{
    loop->is_stopping = true;
    loop->stop_ms = loop_now(loop) + NET_DRAIN_MS;
    if (loop->is_listening) {
        loop->is_listening = false;
        uv_close((uv_handle_t *)&loop->listener, NULL);
    }
    for (uint32_t i = 0; i < loop->n_slots; i++) {
        struct conn *conn = loop->slots[i].conn;
        if (!conn) {
            continue;
        }
        if (conn->mode == CONN_WS) {
            ws_close(conn, WS_CLOSE_GOING_AWAY, "server restarts");
        } else if (conn->mode == CONN_HTTP && conn->http.phase == HTTP_IN_HEAD) {
            conn_finish(
                conn); /* answers under way are finished first; the others see is_stopping */
        }
    }
}

void loop_run_command(struct loop *loop, struct command *c)
{
    struct conn *conn =
        c->kind == CMD_PUBLISH || c->kind == CMD_STOP ? NULL : loop_find(loop, c->conn);
    bool is_ws = conn && conn->mode == CONN_WS;
    if (c->kind == CMD_PUBLISH) {
        hub_publish(loop->hub, c->topic, c->seq, c->frame, c->flag ? &c->conn : NULL);
        loop_fanout(loop);
    } else if (c->kind == CMD_STOP) {
        begin_stop(loop);
    } else if (c->kind == CMD_REPLY && conn && conn->mode == CONN_HTTP) {
        http_on_reply(conn, c->reply);
    } else if (c->kind == CMD_FILE && conn && conn->mode == CONN_HTTP) {
        file_stream_on_ready(conn);
    } else if (c->kind == CMD_SEND && is_ws) {
        ws_send(conn, c->frame);
    } else if (c->kind == CMD_CLOSE && is_ws) {
        ws_close(conn, (int)c->seq, c->text);
    } else if (c->kind == CMD_ACCEPT && is_ws) {
        ws_accept(conn);
    } else if (c->kind == CMD_JOIN && is_ws) {
        hub_join(loop->hub, &conn->ws.topics, conn, c->topic, c->flag);
    } else if (c->kind == CMD_RELEASE && is_ws) {
        hub_release(loop->hub, &conn->ws.topics, c->topic, c->seq);
    } else if (c->kind == CMD_LEAVE && is_ws) {
        hub_leave(loop->hub, &conn->ws.topics, c->topic);
    }
    command_free(c);
}

void loop_flush(struct loop *loop)
{
    while (loop->dirty) {
        struct conn *conn = loop->dirty;
        loop->dirty = conn->next_dirty;
        conn->is_dirty = false;
        conn_flush(conn);
    }
}

static void on_fanout(uv_idle_t *idle)
{
    struct loop *loop = idle->data;
    if (!hub_step(loop->hub, NET_FANOUT_SLICE)) {
        uv_idle_stop(idle);
        loop->is_fanout_on = false;
    }
    loop_flush(loop);
}

/* Small fan-outs are done at once; what is more than a slice goes on in later turns, so that reading and answering go on between. */
void loop_fanout(struct loop *loop)
{
    if (!loop->is_fanout_on && hub_step(loop->hub, NET_FANOUT_SLICE)) {
        loop->is_fanout_on = true;
        uv_idle_start(&loop->fanout, on_fanout);
    }
}

static void stop_if_empty(struct loop *loop)
{
    if (!loop->is_stopping) {
        return;
    }
    if (loop_now(loop) >= loop->stop_ms) {
        for (uint32_t i = 0; i < loop->n_slots; i++) {
            if (loop->slots[i].conn) {
                conn_kill(loop->slots[i].conn);
            }
        }
    }
    if (loop->n_conns == 0 && !uv_is_closing((uv_handle_t *)&loop->wake)) {
        uv_close((uv_handle_t *)&loop->wake, NULL);
        uv_close((uv_handle_t *)&loop->tick, NULL);
        uv_close((uv_handle_t *)&loop->fanout, NULL);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    struct command *c = inbox_take(loop);
    while (c) {
        struct command *next = c->next;
        loop_run_command(loop, c);
        c = next;
    }
    loop_flush(loop);
    stop_if_empty(loop);
}

static void wheel_run(struct loop *loop, int64_t slot_ms)
{
    struct conn *conn = loop->wheel[slot_ms / WHEEL_TICK_MS % WHEEL_SLOTS];
    int64_t now = loop_now(loop);
    while (conn) {
        struct conn *next = conn->wheel_next;
        if (conn->wheel_ms <= slot_ms) {
            conn_wheel_unlink(conn);
            if (conn->deadline_ms > 0 && conn->deadline_ms <= now) {
                conn->deadline_ms = 0;
                conn_on_tick(conn);
            } else if (conn->deadline_ms > 0) {
                conn_deadline(conn, conn->deadline_ms);
            }
        }
        conn = next;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    int64_t now = loop_now(loop);
    while (loop->wheel_at_ms + WHEEL_TICK_MS <= now) {
        loop->wheel_at_ms += WHEEL_TICK_MS;
        wheel_run(loop, loop->wheel_at_ms);
    }
    loop_flush(loop);
    stop_if_empty(loop);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct loop *loop = listener->data;
    if (status == 0) {
        conn_accept(loop, listener);
    }
}

enum err loop_new(struct server *server, uint32_t index, int fd, struct loop **out,
                  struct errinfo *info)
{
    struct loop *loop = MEM_NEW(struct loop);
    loop->server = server;
    loop->index = index;
    loop->free_slot = FREE_NONE;
    loop->next_request = (uint64_t)index << 48;
    loop->read_buf = mem_alloc(NET_READ_BUF);
    loop->hub = hub_new(&ws_hub_ops, 512UL * 1024);
    uv_loop_init(&loop->uv);
    loop->uv.data = loop;
    loop->wheel_at_ms = loop_now(loop) / WHEEL_TICK_MS * WHEEL_TICK_MS;
    uv_tcp_init(&loop->uv, &loop->listener);
    uv_async_init(&loop->uv, &loop->wake, on_wake);
    uv_timer_init(&loop->uv, &loop->tick);
    uv_idle_init(&loop->uv, &loop->fanout);
    loop->listener.data = loop->wake.data = loop->tick.data = loop->fanout.data = loop;
    uv_timer_start(&loop->tick, on_tick, WHEEL_TICK_MS, WHEEL_TICK_MS);
    int r = uv_tcp_open(&loop->listener, fd);
    r = r == 0 ? uv_listen((uv_stream_t *)&loop->listener, 1024, on_connection) : r;
    loop->is_listening = true;
    *out = loop;
    return r == 0 ? ERR_OK
                  : err_set(info, ERR_UNAVAILABLE, "http.listen", "listen", "cannot listen: %s",
                            uv_strerror(r));
}

static void *loop_main(void *arg)
{
    struct loop *loop = arg;
    current = loop;
    pthread_setname_np(pthread_self(), "loop");
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    current = NULL;
    return NULL;
}

enum err loop_start(struct loop *loop)
{
    sigset_t all, old;
    sigfillset(&all); /* signals belong to the main thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int r = pthread_create(&loop->thread, NULL, loop_main, loop);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r == 0 ? ERR_OK : ERR_UNAVAILABLE;
}

void loop_join(struct loop *loop)
{
    pthread_join(loop->thread, NULL);
}

static void close_walk(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void loop_free(struct loop **loop_ref)
{
    struct loop *loop = *loop_ref;
    if (!loop) {
        return;
    }
    uv_walk(&loop->uv, close_walk,
            NULL); /* only a loop that never ran still has handles: no connections among them */
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    ASSERT(uv_loop_close(&loop->uv) == 0);
    struct command *c = inbox_take(loop);
    while (c) {
        struct command *next = c->next;
        command_free(c);
        c = next;
    }
    hub_free(&loop->hub);
    outq_pool_release(&loop->pool);
    mem_free(loop->slots);
    mem_free(loop->read_buf);
    mem_free(loop);
    *loop_ref = NULL;
}
