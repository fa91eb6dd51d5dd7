/* The room on a real SQLite database in a folder of its own, with a clock moved by hand and hooks that count. */
#ifndef TEST_IDENTITY_FIXTURE_H
#define TEST_IDENTITY_FIXTURE_H

#include "../platform/tmpdb.h"

#include "identity/account_service.h"
#include "identity/agent_service.h"
#include "identity/apikey_service.h"
#include "identity/auth_service.h"
#include "identity/customer_service.h"
#include "identity/identity_admin.h"
#include "identity/gate_store.h"
#include "identity/invitation_service.h"
#include "identity/login_service.h"
#include "identity/role_service.h"
#include "identity/setup_service.h"
#include "identity/team_service.h"

#define GOOD_PASSWORD "otter lantern gravel 41"
#define START_AT 1800000000000LL

struct fixture {
    struct tmpdb db;
    struct identity *identity;
    struct arena *arena;
    int64_t now;
    struct errinfo info;
    int n_sessions_ended, n_permissions_changed, n_visitor_ended, n_agent_changed;
    struct customer_id changed; /* told inside the transaction, which may run more than once */
    struct customer_id merged_from, merged_into;
};

/* Opens and closes per test. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A built-in role's agent with GOOD_PASSWORD; e-mail is "<name>@example.com". Argon2id is the cost of a test: make few. */
struct agent_id fixture_agent(struct fixture *f, const char *name, const char *role_key);
/* Without Argon2id: cannot sign in by password. */
struct agent_id fixture_cheap_agent(struct fixture *f, const char *name, const char *role_key);
struct actor fixture_actor(struct fixture *f, struct agent_id id);
/* A session without a password; gives the token. */
struct str fixture_session(struct fixture *f, struct agent_id id);
struct role_id fixture_role(struct fixture *f, const char *key);
struct login_request fixture_login(const char *email, const char *password, const char *ip);

#define ASSERT_CODE(f, expr, want_err, want_code)                                                  \
    do {                                                                                           \
        (f)->info = (struct errinfo){0};                                                           \
        enum err got_ = (expr);                                                                    \
        if (got_ != (want_err) || strcmp((f)->info.code, (want_code)) != 0) {                      \
            fail_msg("%s: %s %s (%s)", #expr, err_name(got_), (f)->info.code, (f)->info.message);  \
        }                                                                                          \
    } while (0)
#define ASSERT_OK(f, expr) ASSERT_CODE(f, expr, ERR_OK, "")

#endif
