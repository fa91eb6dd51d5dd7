/* The way of a message: the frame is decoded on the loop thread into an arena of its own, submitted to the writer, and answered from its `done`, which comes after
 * COMMIT. No worker is involved. */
#include "desk/socket_peer.h"

#include "base/check.h"
#include "base/mem.h"
#include "desk/typing.h"
#include "platform/problem.h"

#define SMALL_FRAME 8192

struct peer *peer_new(struct desk *desk, struct conn_id conn, bool is_agent)
{
    struct peer *p = MEM_NEW(struct peer);
    p->desk = desk;
    p->conn = conn;
    atomic_store(&p->refs, 1);
    if (is_agent) {
        p->agent = MEM_NEW(struct agent_part);
    } else {
        p->visitor = MEM_NEW(struct visitor_part);
    }
    return p;
}

struct peer *peer_ref(struct peer *p)
{
    (void)atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

static void drop(struct str s)
{
    union {
        const char *c;
        char *p;
    } u = {s.p};
    mem_free(s.len > 0 ? u.p : NULL);
}

void peer_unref(struct peer **peer)
{
    struct peer *p = *peer;
    *peer = NULL;
    if (p == NULL || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    drop(p->name);
    if (p->agent != NULL) {
        mem_wipe(p->agent->token, sizeof p->agent->token);
        drop(p->agent->csrf);
        mem_free(p->agent);
    }
    if (p->visitor != NULL) {
        drop(p->visitor->language);
        drop(p->visitor->token);
        mem_free(p->visitor);
    }
    mem_free(p);
}

struct str peer_keep(struct str s)
{
    if (s.len == 0) {
        return (struct str){0};
    }
    char *copy = mem_alloc(s.len);
    memcpy(copy, s.p, s.len);
    return (struct str){copy, s.len};
}

uint64_t peer_order(const struct peer *p)
{
    return p->agent != NULL ? topic_of_agent(p->agent->actor.agent)
                            : topic_of_visitor(p->visitor->inbox, p->visitor->customer);
}

uint64_t peer_key(const struct peer *p)
{
    return 1ULL << 63 | (uint64_t)p->conn.generation << 40 | (uint64_t)(p->conn.loop & 0xFF) << 32 |
           p->conn.slot;
}

/* ---- small frames ---- */

void peer_send(const struct peer *p, struct buf *b)
{
    if (buf_err(b) == ERR_OK) {
        p->desk->wire.send(p->desk->wire.arg, p->conn, buf_str(b));
    }
}

void peer_send_frames(const struct peer *p, const struct buf *frames)
{
    struct str rest = buf_str(frames), frame = {0};
    while (rest.len > 0 && str_split(&rest, '\0', &frame)) {
        if (frame.len > 0) {
            p->desk->wire.send(p->desk->wire.arg, p->conn, frame);
        }
    }
}

void peer_send_cstr(const struct peer *p, const char *json)
{
    p->desk->wire.send(p->desk->wire.arg, p->conn, str_from(json));
}

void peer_send_problem(const struct peer *p, enum err err, const struct errinfo *info)
{
    BUF_AUTO b;
    buf_init(&b, SMALL_FRAME);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "error");
    json_put_key(&w, "problem");
    problem_write(&w, problem_status(err, info), err, info, 0);
    json_object_end(&w);
    peer_send(p, &b);
}

void peer_close_bad_frame(const struct peer *p, const char *why)
{
    p->desk->wire.close(p->desk->wire.arg, p->conn, SOCKET_CLOSE_BAD_FRAME, why);
}

void peer_on_ping(const struct peer *p, const struct json *frame)
{
    const struct json *n = json_find(frame, "n");
    if (!json_is_number(n)) {
        peer_send_cstr(p, "{\"t\":\"pong\"}");
        return;
    }
    BUF_AUTO b;
    buf_init(&b, 128);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "pong");
    json_kv_i64(&w, "n", (int64_t)json_num(n));
    json_object_end(&w);
    peer_send(p, &b);
}

void peer_write_typing(struct buf *b, struct conversation_id c, const char *kind, int64_t id,
                       struct str name, bool on, bool is_note)
{
    struct json_writer w;
    json_writer_init(&w, b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "typing");
    json_kv_id(&w, "conversation_id", c.v);
    json_put_key(&w, "who");
    json_object_begin(&w);
    json_kv_cstr(&w, "kind", kind);
    json_kv_id(&w, "id", id);
    json_kv_str(&w, "name", name);
    json_object_end(&w);
    json_kv_bool(&w, "on", on);
    json_kv_bool(&w, "note", is_note);
    json_object_end(&w);
}

bool peer_may_type(struct peer *p, bool on)
{
    int64_t now = time_monotonic_ns() / 1000000;
    if (!on) {
        bool was_on = p->typing_at != 0;
        p->typing_at = 0;
        return was_on;
    }
    if (p->typing_at != 0 && now - p->typing_at < TYPING_EVERY_MS) {
        return false;
    }
    p->typing_at = now;
    return true;
}

/* ---- messages ---- */

struct send_job {
    struct peer *peer;
    struct arena *arena;
    struct message_in in;
    struct message_out out;
    struct errinfo info;
};

static void send_job_free(struct send_job *job)
{
    struct arena *arena = job->arena;
    peer_unref(&job->peer);
    arena_free(&arena); /* the job lives in it */
}

static void nack(const struct peer *p, struct str client_id, enum err err,
                 const struct errinfo *info)
{
    BUF_AUTO b;
    buf_init(&b, SMALL_FRAME);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "nack");
    json_kv_str(&w, "client_id", client_id);
    json_put_key(&w, "problem");
    problem_write(&w, problem_status(err, info), err, info, 0);
    json_kv_bool(&w, "retry",
                 err == ERR_UNAVAILABLE || err == ERR_LIMIT || err == ERR_AGAIN ||
                     err == ERR_TIMEOUT || err == ERR_UNKNOWN);
    json_object_end(&w);
    peer_send(p, &b);
}

void peer_send_nack_early(const struct peer *p, struct str client_id)
{
    struct errinfo info = {0};
    nack(p, client_id, err_set(&info, ERR_AGAIN, "", "too_early", "wait for welcome"), &info);
}

static void ack(const struct peer *p, struct str client_id, const struct message_out *out)
{
    BUF_AUTO b;
    buf_init(&b, SMALL_FRAME);
    struct json_writer w;
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_kv_cstr(&w, "t", "ack");
    json_kv_str(&w, "client_id", client_id);
    json_kv_id(&w, "conversation_id", out->conversation.v);
    json_kv_id(&w, "message_id", out->message.v);
    json_kv_i64(&w, "seq", out->seq);
    json_kv_time(&w, "created_at", out->created_at);
    json_kv_bool(&w, "duplicate", out->is_duplicate);
    json_object_end(&w);
    peer_send(p, &b);
}

static enum err send_fn(struct db_txn *txn, void *arg)
{
    struct send_job *job = arg;
    job->out = (struct message_out){0};
    job->info = (struct errinfo){0};
    return message_send(job->peer->desk, txn, &job->in, &job->out, &job->info);
}

/* The conversation's row, which the message is counted into first. */
static int64_t row_of(const struct send_job *job)
{
    const struct peer *p = job->peer;
    return p->visitor != NULL
               ? atomic_load_explicit(&p->visitor->conversation, memory_order_relaxed)
               : job->in.conversation.v;
}

static void send_done(enum err err, void *arg)
{
    struct send_job *job = arg;
    struct peer *p = job->peer;
    if ((err == ERR_AGAIN || err == ERR_UNKNOWN) && !job->in.is_retry) {
        /* Looks for the client_id first; if the lost one commits only now, the unique index has the last word. */
        job->in.is_retry = true;
        err = db_submit_light(p->desk->db, peer_order(p), row_of(job), send_fn, send_done, job);
        if (err == ERR_OK) {
            return;
        }
    }
    if (err == ERR_OK) {
        if (p->visitor != NULL) {
            atomic_store_explicit(&p->visitor->conversation, job->out.conversation.v,
                                  memory_order_relaxed);
            typing_follow(p, job->out.conversation);
        }
        ack(p, job->in.client_id, &job->out);
    } else {
        nack(p, job->in.client_id, err, &job->info);
    }
    send_job_free(job);
}

/* The document is freed before the transaction runs. What message_clean made anew is in the arena already, but copying it again is rare and harmless. */
static void keep_text(struct message_in *in, struct arena *arena)
{
    in->client_id = str_dup(arena, in->client_id);
    in->body = str_dup(arena, in->body);
    in->button = str_dup(arena, in->button);
    in->topic = str_dup(arena, in->topic);
}

static void fill_author(const struct peer *p, struct message_in *in)
{
    in->author_name = p->name;
    if (p->visitor != NULL) {
        in->author_kind = AUTHOR_CUSTOMER;
        in->author_id = p->visitor->customer.v;
        in->customer = p->visitor->customer;
        in->inbox = p->visitor->inbox;
        in->language = p->visitor->language;
        in->is_name_old =
            p->names_version != atomic_load_explicit(&p->desk->names_version, memory_order_relaxed);
    } else {
        in->author_kind = AUTHOR_AGENT;
        in->author_id = p->agent->actor.agent.v;
        in->actor = &p->agent->actor;
    }
}

void peer_on_send(struct peer *p, const struct json *frame)
{
    struct arena *arena = arena_new(2048);
    struct send_job *job = ARENA_NEW(arena, struct send_job);
    job->arena = arena;
    job->peer = peer_ref(p);
    const struct json *message = json_find(frame, "message");
    struct str client_id = json_str(json_find(message, "client_id"));
    enum err err = message_in_decode(message, p->agent != NULL, arena, &job->in, &job->info);
    if (err == ERR_OK && p->agent != NULL) {
        err = json_get_id(frame, "conversation_id", &job->in.conversation.v, &job->info);
    }
    if (!message_client_id_is_valid(client_id)) {
        peer_close_bad_frame(p,
                             "send without client_id"); /* no answer could name what it answers */
        send_job_free(job);
        return;
    }
    if (err == ERR_OK) {
        fill_author(p, &job->in);
        keep_text(&job->in, arena);
        err = db_submit_light(p->desk->db, peer_order(p), row_of(job), send_fn, send_done, job);
    }
    if (err != ERR_OK) {
        nack(p, client_id, err, &job->info);
        send_job_free(job);
    }
}
