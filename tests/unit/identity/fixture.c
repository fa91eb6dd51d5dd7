#include "fixture.h"

#include "base/log.h"
#include "base/mem.h"
#include "identity/agent_store.h"
#include "identity/role_store.h"

static int64_t moved_clock(void *arg)
{
    return ((struct fixture *)arg)->now;
}

static enum err on_merge(void *arg, struct db_txn *txn, struct customer_id from,
                         struct customer_id into)
{
    (void)txn;
    struct fixture *f = arg;
    f->merged_from = from;
    f->merged_into = into;
    return ERR_OK;
}

static enum err on_customer(void *arg, struct db_txn *txn, struct customer_id id)
{
    (void)txn;
    ((struct fixture *)arg)->changed = id;
    return ERR_OK;
}

static void on_sessions(void *arg, struct agent_id agent, struct session_id session)
{
    (void)agent;
    (void)session;
    ((struct fixture *)arg)->n_sessions_ended++;
}

static void on_permissions(void *arg, struct agent_id agent)
{
    (void)agent;
    ((struct fixture *)arg)->n_permissions_changed++;
}

static void on_visitor(void *arg, struct customer_id id)
{
    (void)id;
    ((struct fixture *)arg)->n_visitor_ended++;
}

static void on_agent(void *arg, struct agent_id id)
{
    (void)id;
    ((struct fixture *)arg)->n_agent_changed++;
}

static void swallow(struct str line, void *arg)
{
    (void)line;
    (void)arg;
}

int fixture_setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);
    log_set_sink(swallow, NULL);
    tmpdb_open(&f->db);
    f->now = START_AT;
    f->arena = arena_new(0);
    struct identity_options o = {.db = f->db.db,
                                 .clock = {moved_clock, f},
                                 .secret_key = {7},
                                 .setup_token = "the-setup-token",
                                 .allowed_origins = "https://other.example",
                                 .hooks = {.arg = f,
                                           .customer_merge = on_merge,
                                           .customer_changed = on_customer,
                                           .sessions_ended = on_sessions,
                                           .permissions_changed = on_permissions,
                                           .visitor_ended = on_visitor,
                                           .agent_changed = on_agent}};
    ASSERT_OK(f, identity_new(&o, &f->identity, &f->info));
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    identity_free(&f->identity);
    arena_free(&f->arena);
    tmpdb_close(&f->db);
    mem_free(f);
    return 0;
}

struct agent_id fixture_agent(struct fixture *f, const char *name, const char *role_key)
{
    struct agent_id id = {0};
    struct identity_agent_spec spec = {.email = str_printf(f->arena, "%s@example.com", name),
                                       .name = str_from(name),
                                       .password = STR(GOOD_PASSWORD),
                                       .role_key = str_from(role_key)};
    ASSERT_OK(f, identity_create_agent(f->identity, &spec, &id, &f->info));
    return id;
}

struct cheap {
    struct agent_new in;
    const char *role_key;
    struct agent_id id;
    struct role_id role;
    struct actor actor;
    struct fixture *f;
    struct login_result login;
};

static enum err cheap_fn(struct db_txn *txn, void *arg)
{
    struct cheap *c = arg;
    enum err err = role_store_find_key(txn, str_from(c->role_key), &c->in.role);
    return err == ERR_OK ? agent_store_insert(txn, &c->in, &c->id) : err;
}

struct agent_id fixture_cheap_agent(struct fixture *f, const char *name, const char *role_key)
{
    struct cheap c = {.role_key = role_key};
    c.in = (struct agent_new){.email = str_printf(f->arena, "%s@example.com", name),
                              .name = str_from(name),
                              .password_hash = STR("none"),
                              .now = f->now};
    assert_int_equal(db_write(f->db.db, cheap_fn, &c), ERR_OK);
    return c.id;
}

static enum err actor_fn(struct db_txn *txn, void *arg)
{
    struct cheap *c = arg;
    return agent_load_actor(txn, c->id, &c->actor);
}

struct actor fixture_actor(struct fixture *f, struct agent_id id)
{
    struct cheap c = {.id = id};
    assert_int_equal(db_read(f->db.db, actor_fn, &c), ERR_OK);
    return c.actor;
}

static enum err session_fn(struct db_txn *txn, void *arg)
{
    struct cheap *c = arg;
    struct login_origin origin = {.ip = STR("10.0.0.1"), .user_agent = STR("test")};
    return login_open_session(c->f->identity, txn, c->f->arena, c->id, &origin, &c->login);
}

struct str fixture_session(struct fixture *f, struct agent_id id)
{
    struct cheap c = {.id = id, .f = f};
    assert_int_equal(db_write(f->db.db, session_fn, &c), ERR_OK);
    return c.login.session_token;
}

static enum err role_fn(struct db_txn *txn, void *arg)
{
    struct cheap *c = arg;
    return role_store_find_key(txn, str_from(c->role_key), &c->role);
}

struct role_id fixture_role(struct fixture *f, const char *key)
{
    struct cheap c = {.role_key = key};
    assert_int_equal(db_read(f->db.db, role_fn, &c), ERR_OK);
    return c.role;
}

struct login_request fixture_login(const char *email, const char *password, const char *ip)
{
    return (struct login_request){.email = str_from(email),
                                  .password = str_from(password),
                                  .origin = {.ip = str_from(ip), .user_agent = STR("test")}};
}
