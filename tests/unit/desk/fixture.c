#include "fixture.h"

#include "base/log.h"
#include "base/mem.h"
#include "identity/agent_store.h"
#include "identity/identity_admin.h"
#include "identity/role_store.h"

/* ---- the network that remembers ---- */

static void remember(struct fixture *f, uint64_t topic, uint32_t slot, int64_t seq, struct str text)
{
    pthread_mutex_lock(&f->lock);
    if (f->n_sent < ARRAY_LEN(f->sent)) {
        char *copy = mem_alloc(text.len + 1);
        memcpy(copy, text.p, text.len);
        f->sent[f->n_sent++] = (struct sent){topic, slot, seq, {copy, text.len}};
    }
    pthread_mutex_unlock(&f->lock);
}

static void w_publish(void *arg, const uint64_t *topics, size_t n, int64_t seq, struct str payload,
                      const struct conn_id *except)
{
    UNUSED(except);
    for (size_t i = 0; i < n; i++) {
        remember(arg, topics[i], 0, seq, payload);
    }
}

static void w_send(void *arg, struct conn_id conn, struct str payload)
{
    remember(arg, 0, conn.slot, 0, payload);
}

static void w_accept(void *arg, struct conn_id conn)
{
    UNUSED(arg);
    UNUSED(conn);
}

static void w_close(void *arg, struct conn_id conn, int code, const char *reason)
{
    UNUSED(conn);
    UNUSED(reason);
    ((struct fixture *)arg)->last_close = code;
}

static void w_join(void *arg, struct conn_id conn, uint64_t topic, bool held)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(topic);
    UNUSED(held);
}

static void w_release(void *arg, struct conn_id conn, uint64_t topic, int64_t after)
{
    remember(arg, topic, conn.slot, after, STR("release"));
}

static void w_leave(void *arg, struct conn_id conn, uint64_t topic)
{
    UNUSED(arg);
    UNUSED(conn);
    UNUSED(topic);
}

static bool w_work(void *arg, uint64_t key, void (*fn)(void *arg), void *fn_arg)
{
    UNUSED(key);
    struct fixture *f = arg;
    pthread_mutex_lock(&f->lock);
    bool fits = f->n_jobs < ARRAY_LEN(f->jobs);
    if (fits) {
        f->jobs[f->n_jobs].fn = fn;
        f->jobs[f->n_jobs++].arg = fn_arg;
    }
    pthread_mutex_unlock(&f->lock);
    return fits;
}

static enum err nothing_fn(struct db_txn *txn, void *arg)
{
    UNUSED(txn);
    UNUSED(arg);
    return ERR_OK;
}

void fixture_settle(struct fixture *f)
{
    for (;;) {
        assert_int_equal(db_write(f->db.db, nothing_fn, NULL), ERR_OK);
        tmpdb_settle(&f->db);
        pthread_mutex_lock(&f->lock);
        if (f->n_jobs == 0) {
            pthread_mutex_unlock(&f->lock);
            return;
        }
        void (*fn)(void *) = f->jobs[0].fn;
        void *arg = f->jobs[0].arg;
        memmove(f->jobs, f->jobs + 1, --f->n_jobs * sizeof f->jobs[0]);
        pthread_mutex_unlock(&f->lock);
        fn(arg);
    }
}

/* ---- life ---- */

static int64_t moved_clock(void *arg)
{
    return ((struct fixture *)arg)->now;
}

static bool bot_is_on(void *arg)
{
    return ((struct fixture *)arg)->bot_is_on;
}

static void bot_hears(void *arg, const struct desk_customer_message *m)
{
    UNUSED(m);
    ((struct fixture *)arg)->n_bot_calls++;
}

static void swallow(struct str line, void *arg)
{
    UNUSED(line);
    UNUSED(arg);
}

int fixture_setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);
    struct db_options o = {.sources = &desk_index_source, .n_sources = 1};
    log_set_sink(swallow, NULL);
    pthread_mutex_init(&f->lock, NULL);
    f->now = START_AT;
    f->arena = arena_new(0);
    o.migrations = migrations_all(&o.n_migrations);
    tmpdb_dir(&f->db);
    tmpdb_reopen(&f->db, &o);
    f->bus = bus_new_local();
    event_use_bus(f->db.db, f->bus);
    assert_int_equal(timers_new(f->db.db, (struct clock){moved_clock, f}, &f->timers), ERR_OK);
    assert_int_equal(files_open_local(f->db.dir, &f->files, NULL), ERR_OK);
    struct desk_deps deps = {.db = f->db.db,
                             .bus = f->bus,
                             .timers = f->timers,
                             .files = f->files,
                             .clock = {moved_clock, f},
                             .secret_key = {9},
                             .bot = {f, bot_is_on, bot_hears}};
    assert_int_equal(desk_new(&deps, &f->desk, &f->info), ERR_OK);
    f->desk->wire =
        (struct wire){f, w_publish, w_send, w_accept, w_close, w_join, w_release, w_leave, w_work};
    struct identity_options io = {.db = f->db.db,
                                  .clock = {moved_clock, f},
                                  .secret_key = {9},
                                  .hooks = desk_identity_hooks(f->desk)};
    assert_int_equal(identity_new(&io, &f->identity, &f->info), ERR_OK);
    desk_use_identity(f->desk, f->identity);
    assert_int_equal(timers_start(f->timers), ERR_OK);
    struct desk_inbox_new inbox = {.key = STR("web"),
                                   .name = STR("Web"),
                                   .greeting_en = STR("Hi"),
                                   .greeting_zh = STR("Hao"),
                                   .accent = STR("#112233"),
                                   .bot_enabled = true};
    assert_int_equal(desk_inbox_create(f->desk, &inbox, &f->inbox, &f->info), ERR_OK);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    fixture_settle(f);
    timers_free(&f->timers);
    desk_stop(f->desk);
    db_close(&f->db.db); /* before those whom it calls */
    desk_finish(f->desk);
    desk_free(&f->desk);
    identity_free(&f->identity);
    f->files->ops->free(f->files);
    tmpdb_close(&f->db);
    bus_free(&f->bus);
    for (size_t i = 0; i < f->n_sent; i++) {
        union {
            const char *c;
            char *p;
        } u = {f->sent[i].text.p};
        mem_free(u.p);
    }
    arena_free(&f->arena);
    mem_free(f);
    return 0;
}

void fixture_pass(struct fixture *f, int64_t ms)
{
    f->now += ms;
    int64_t now = moved_clock(f);
    char sql_due = 0;
    UNUSED(sql_due);
    for (int i = 0; i < 400; i++) { /* timers fire on a thread of their own */
        timers_kick(f->timers);
        fixture_settle(f);
        int64_t due = fixture_count(f, "SELECT COALESCE(MIN(due_at), 9000000000000) FROM timers");
        if (due > now) {
            fixture_settle(f);
            return;
        }
        struct timespec t = {.tv_nsec = 5000000};
        (void)nanosleep(&t, NULL);
    }
    fail_msg("timers did not fire");
}

/* ---- people ---- */

struct open_visitor {
    struct fixture *f;
    struct visitor_opened out;
};

static enum err open_fn(struct db_txn *txn, void *arg)
{
    struct open_visitor *o = arg;
    struct visitor_open in = {.inbox = o->f->inbox, .locale = STR("en")};
    return visitor_open(o->f->identity, txn, o->f->arena, &in, &o->out, &o->f->info);
}

struct actor fixture_visitor(struct fixture *f)
{
    struct open_visitor o = {.f = f};
    assert_int_equal(db_write(f->db.db, open_fn, &o), ERR_OK);
    return (struct actor){.kind = ACTOR_CUSTOMER, .customer = o.out.customer.id, .inbox = f->inbox};
}

struct new_agent {
    struct agent_new in;
    const char *role_key;
    struct agent_id id;
    struct team_id team;
    struct actor actor;
};

static enum err agent_fn(struct db_txn *txn, void *arg)
{
    struct new_agent *a = arg;
    enum err err = role_store_find_key(txn, str_from(a->role_key), &a->in.role);
    return err == ERR_OK ? agent_store_insert(txn, &a->in, &a->id) : err;
}

static enum err actor_fn(struct db_txn *txn, void *arg)
{
    struct new_agent *a = arg;
    return agent_load_actor(txn, a->id, &a->actor);
}

struct actor fixture_reload(struct fixture *f, struct agent_id id)
{
    struct new_agent a = {.id = id};
    assert_int_equal(db_read(f->db.db, actor_fn, &a), ERR_OK);
    return a.actor;
}

struct actor fixture_agent(struct fixture *f, const char *name, const char *role_key,
                           struct team_id team)
{
    struct new_agent a = {.role_key = role_key,
                          .in = {.email = str_printf(f->arena, "%s@example.com", name),
                                 .name = str_from(name),
                                 .password_hash = STR("none"),
                                 .now = f->now}};
    assert_int_equal(db_write(f->db.db, agent_fn, &a), ERR_OK);
    struct actor actor = fixture_reload(f, a.id);
    if (team.v != 0) { /* what a session of this agent would carry */
        actor.teams[actor.n_teams++] = team;
    }
    return actor;
}

struct team_id fixture_team(struct fixture *f, const char *name)
{
    struct team_id id = {0};
    assert_int_equal(identity_create_team(f->identity, str_from(name), NULL, 0, &id, &f->info),
                     ERR_OK);
    return id;
}

struct presence_job {
    struct fixture *f;
    struct agent_id agent;
    struct presence_input in;
};

static enum err presence_fn(struct db_txn *txn, void *arg)
{
    struct presence_job *j = arg;
    return presence_happened(j->f->desk, txn, j->agent, j->in);
}

enum err fixture_presence(struct fixture *f, struct agent_id agent, struct presence_input in)
{
    struct presence_job j = {f, agent, in};
    in.now = f->now;
    j.in.now = f->now;
    enum err err = db_write(f->db.db, presence_fn, &j);
    fixture_settle(f);
    return err;
}

void fixture_online(struct fixture *f, const struct actor *agent)
{
    assert_int_equal(
        fixture_presence(f, agent->agent, (struct presence_input){.event = PRESENCE_CONNECTED}),
        ERR_OK);
}

/* ---- talking ---- */

enum err fixture_say(struct fixture *f, const struct actor *visitor, const char *client_id,
                     const char *body, struct message_out *out)
{
    struct message_in in = {.author_kind = AUTHOR_CUSTOMER,
                            .author_id = visitor->customer.v,
                            .customer = visitor->customer,
                            .inbox = visitor->inbox,
                            .language = STR("en"),
                            .client_id = str_from(client_id),
                            .body = str_from(body)};
    struct message_out mine = {0};
    f->info = (struct errinfo){0};
    assert_int_equal(message_in_prepare(f->arena, &in, MESSAGE_MAX_CUSTOMER, &f->info), ERR_OK);
    enum err err = message_send_now(f->desk, &in, f->arena, out != NULL ? out : &mine, &f->info);
    fixture_settle(f);
    return err;
}

static enum err agent_says(struct fixture *f, const struct actor *agent, struct conversation_id c,
                           const char *client_id, const char *body, int64_t expect_seq,
                           enum message_kind kind, struct message_out *out)
{
    struct message_in in = {.actor = agent,
                            .author_kind = AUTHOR_AGENT,
                            .author_id = agent->agent.v,
                            .author_name = STR("Agent"),
                            .conversation = c,
                            .kind = kind,
                            .expect_seq = expect_seq,
                            .client_id = str_from(client_id),
                            .body = str_from(body)};
    struct message_out mine = {0};
    f->info = (struct errinfo){0};
    assert_int_equal(message_in_prepare(f->arena, &in, MESSAGE_MAX_AGENT, &f->info), ERR_OK);
    enum err err = message_send_now(f->desk, &in, f->arena, out != NULL ? out : &mine, &f->info);
    fixture_settle(f);
    return err;
}

enum err fixture_answer(struct fixture *f, const struct actor *agent, struct conversation_id c,
                        const char *client_id, const char *body, int64_t expect_seq,
                        struct message_out *out)
{
    return agent_says(f, agent, c, client_id, body, expect_seq, MESSAGE_PUBLIC, out);
}

enum err fixture_note(struct fixture *f, const struct actor *agent, struct conversation_id c,
                      const char *client_id, const char *body)
{
    return agent_says(f, agent, c, client_id, body, -1, MESSAGE_NOTE, NULL);
}

/* ---- looking ---- */

struct looking {
    struct fixture *f;
    struct conversation_id id;
    struct conversation c;
    const char *sql;
    int64_t n;
};

static enum err load_fn(struct db_txn *txn, void *arg)
{
    struct looking *l = arg;
    return conversation_load(txn, l->id, l->f->arena, &l->c);
}

struct conversation fixture_conversation(struct fixture *f, struct conversation_id id)
{
    struct looking l = {.f = f, .id = id};
    assert_int_equal(db_read(f->db.db, load_fn, &l), ERR_OK);
    return l.c;
}

static enum err count_fn(struct db_txn *txn, void *arg)
{
    struct looking *l = arg;
    return db_query_i64(txn, l->sql, NULL, 0, &l->n);
}

int64_t fixture_count(struct fixture *f, const char *sql)
{
    struct looking l = {.sql = sql};
    assert_int_equal(db_read(f->db.db, count_fn, &l), ERR_OK);
    return l.n;
}

struct str fixture_read_one(struct fixture *f, const struct actor *agent, struct conversation_id id,
                            enum err *err_out)
{
    BUF_AUTO b;
    buf_init(&b, 1 << 20);
    struct json_writer w;
    json_writer_init(&w, &b);
    int64_t version = 0;
    *err_out = conversation_read_one(f->desk, agent, id, f->arena, &w, &version, &f->info);
    return str_dup(f->arena, buf_str(&b));
}

size_t fixture_find_sent(struct fixture *f, uint64_t topic, const char *needle)
{
    size_t n = 0;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->n_sent; i++) {
        n += f->sent[i].topic == topic && str_find(f->sent[i].text, str_from(needle)) != SIZE_MAX;
    }
    pthread_mutex_unlock(&f->lock);
    return n;
}
