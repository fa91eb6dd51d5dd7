/* The hook that every request passes: cookies, CSRF proof, origins, API keys, visitor tokens. And the time-limited cache behind it. */
#include "fixture.h"

#include "platform/http_impl.h"

struct call {
    enum http_method method;
    enum route_auth auth;
    const char *operation;
    struct str cookie, bearer, csrf;
    const char *origin, *site;
    bool is_tls;
};

static enum err call(struct fixture *f, const struct call *c, struct actor *out)
{
    struct http_field fields[6];
    size_t n = 0;
    struct str cookie =
        str_printf(f->arena, "theme=x; %s=" STR_FMT, c->is_tls ? "__Host-sh_session" : "sh_session",
                   STR_ARG(c->cookie));
    fields[n++] = (struct http_field){STR("cookie"), cookie};
    if (c->bearer.len > 0) {
        fields[n++] = (struct http_field){
            STR("authorization"), str_printf(f->arena, "Bearer " STR_FMT, STR_ARG(c->bearer))};
    }
    if (c->csrf.len > 0) {
        fields[n++] = (struct http_field){STR("x-csrf-token"), c->csrf};
    }
    if (c->origin != NULL) {
        fields[n++] = (struct http_field){STR("origin"), str_from(c->origin)};
    }
    if (c->site != NULL) {
        fields[n++] = (struct http_field){STR("sec-fetch-site"), str_from(c->site)};
    }
    struct route route = {.method = c->method,
                          .auth = c->auth,
                          .operation = c->operation != NULL ? c->operation : "agent_http_list"};
    struct http_request hq = {.rq = {.arena = f->arena,
                                     .method = c->method,
                                     .route = &route,
                                     .host = STR("desk.example"),
                                     .is_tls = c->is_tls},
                              .fields = fields,
                              .n_fields = n};
    enum err err = identity_authenticate(f->identity, &hq.rq, &f->info);
    *out = *request_actor(&hq.rq);
    return err;
}

static void a_session_reads_by_cookie_and_writes_with_proof(void **state)
{
    struct fixture *f = *state;
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, anna);
    struct str csrf = identity_csrf_token(f->arena, token);
    struct str foreign = identity_csrf_token(f->arena, fixture_session(f, anna));
    struct actor actor;
    struct call c = {.method = HTTP_GET_METHOD, .auth = ROUTE_AGENT};
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "sign_in");
    c.cookie = token;
    ASSERT_OK(f, call(f, &c, &actor));
    assert_int_equal(actor.agent.v, anna.v);
    static const enum http_method writes[] = {HTTP_POST_METHOD, HTTP_PUT_METHOD, HTTP_PATCH_METHOD,
                                              HTTP_DELETE_METHOD};
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        c.method = writes[i];
        c.csrf = (struct str){0};
        ASSERT_CODE(f, call(f, &c, &actor), ERR_DENIED, "csrf");
        assert_int_equal(actor.kind, ACTOR_NONE);
        c.csrf = foreign;
        ASSERT_CODE(f, call(f, &c, &actor), ERR_DENIED, "csrf");
        c.csrf = csrf;
        ASSERT_OK(f, call(f, &c, &actor));
    }
    /* over TLS the cookie has its bound name; the plain one does not count there */
    c.is_tls = true;
    ASSERT_OK(f, call(f, &c, &actor));
}

static void writes_from_other_sites_are_refused_even_with_proof(void **state)
{
    struct fixture *f = *state;
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, anna);
    static const struct {
        const char *origin, *site;
        bool is_good;
    } rows[] = {
        {NULL, NULL, true},
        {"https://desk.example", "same-origin", true},
        {"http://DESK.example", NULL, true},
        {NULL, "none", true},
        {"https://other.example", "cross-site", true}, /* http.allowed_origins */
        {"https://evil.example", NULL, false},
        {"https://evil.example", "cross-site", false},
        {"https://desk.example.evil.example", NULL, false},
        {"https://desk.example:8443", NULL, false},
        {"https://sub.other.example", NULL, false},
        {"null", NULL, false},
        {NULL, "cross-site", false},
        {NULL, "same-site", false},
        {"https://desk.example", "cross-site", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct actor actor;
        struct call c = {.method = HTTP_POST_METHOD,
                         .auth = ROUTE_AGENT,
                         .cookie = token,
                         .csrf = identity_csrf_token(f->arena, token),
                         .origin = rows[i].origin,
                         .site = rows[i].site};
        f->info = (struct errinfo){0};
        enum err err = call(f, &c, &actor);
        if (err != (rows[i].is_good ? ERR_OK : ERR_DENIED)) {
            fail_msg("%s %s: %s", rows[i].origin, rows[i].site, err_name(err));
        }
    }
}

static void an_api_key_may_what_it_was_given_and_its_maker_still_has(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct agent_id adam = fixture_cheap_agent(f, "adam", "admin");
    struct actor admin = fixture_actor(f, adam);
    struct str scopes[] = {STR("customer.read"), STR("customer.edit"), STR("role.manage")};
    struct apikey_new in = {
        .name = STR("CRM"), .scopes = {scopes, 3}, .expires_at = f->now + TIME_DAY_MS};
    struct apikey key;
    struct str secret;
    struct actor actor;
    ASSERT_OK(f,
              apikey_service_create(f->identity, &admin, &in, f->arena, &key, &secret, &f->info));
    assert_int_equal(secret.len, 47);
    assert_true(str_starts(secret, key.prefix));
    struct call c = {.method = HTTP_POST_METHOD, .auth = ROUTE_AGENT, .bearer = secret};
    ASSERT_OK(f, call(f, &c, &actor)); /* no cookie, so no CSRF proof is needed */
    assert_int_equal(actor.kind, ACTOR_API_KEY);
    assert_int_equal(actor.agent.v, adam.v);
    assert_true(actor_may(&actor, PERM_CUSTOMER_EDIT) && actor_may(&actor, PERM_ROLE_MANAGE));
    assert_false(actor_may(&actor, PERM_AGENT_MANAGE));
    /* not for one's own account, and it makes no other keys */
    struct apikey other;
    struct str other_secret;
    ASSERT_CODE(f, account_change_password(f->identity, &actor, STR("x"), STR("y"), &f->info),
                ERR_DENIED, "session_needed");
    ASSERT_CODE(
        f,
        apikey_service_create(f->identity, &actor, &in, f->arena, &other, &other_secret, &f->info),
        ERR_DENIED, "permission");
    /* its maker loses a permission: so does the key, at once */
    struct role_id plain = fixture_role(f, "agent");
    struct agent_patch demote = {.role = &plain};
    struct agent a;
    ASSERT_OK(f,
              agent_service_update(f->identity, &olga, adam, 1, &demote, f->arena, &a, &f->info));
    ASSERT_OK(f, call(f, &c, &actor));
    assert_true(actor_may(&actor, PERM_CUSTOMER_EDIT));
    assert_false(actor_may(&actor, PERM_ROLE_MANAGE));
    /* expiry, revocation, nonsense */
    int64_t then = f->now;
    f->now += TIME_DAY_MS;
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "sign_in");
    f->now = then;
    ASSERT_OK(f, call(f, &c, &actor));
    ASSERT_OK(f, apikey_service_delete(f->identity, &olga, key.id, &f->info));
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "sign_in");
    c.bearer = STR("shk_short");
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "api_key");
}

static void nobody_makes_a_key_that_may_more_than_they_do(void **state)
{
    struct fixture *f = *state;
    struct actor admin = fixture_actor(f, fixture_cheap_agent(f, "adam", "admin"));
    struct str audit[] = {STR("audit.read")};
    struct str unknown[] = {STR("everything")};
    struct apikey key;
    struct str secret;
    struct apikey_new in = {.name = STR("x"), .scopes = {audit, 1}};
    ASSERT_CODE(f,
                apikey_service_create(f->identity, &admin, &in, f->arena, &key, &secret, &f->info),
                ERR_DENIED, "escalation");
    in.scopes = (struct text_list){unknown, 1};
    ASSERT_CODE(f,
                apikey_service_create(f->identity, &admin, &in, f->arena, &key, &secret, &f->info),
                ERR_INVALID, "unknown_permission");
    in.scopes = (struct text_list){unknown, 0};
    ASSERT_CODE(f,
                apikey_service_create(f->identity, &admin, &in, f->arena, &key, &secret, &f->info),
                ERR_INVALID, "required");
}

static void before_the_required_second_factor_only_ones_own_account_is_open(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct str none[] = {STR("live.read")};
    struct role_write w = {.name = STR("Careful"), .permissions = {none, 1}, .requires_totp = true};
    struct role role;
    struct agent a;
    ASSERT_OK(f, role_service_create(f->identity, &olga, &w, f->arena, &role, &f->info));
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, anna);
    ASSERT_OK(f, agent_service_update(f->identity, &olga, anna, 1,
                                      &(struct agent_patch){.role = &role.id}, f->arena, &a,
                                      &f->info));
    static const struct {
        const char *operation;
        bool is_open;
    } rows[] = {{"session_http_get", true},     {"me_http_totp_begin", true},
                {"me_http_totp_confirm", true}, {"session_http_delete", true},
                {"agent_http_list", false},     {"conversation_http_list", false},
                {"live_http_get", false},       {"workspace_http_get", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct actor actor;
        struct call c = {.method = HTTP_GET_METHOD,
                         .auth = ROUTE_AGENT,
                         .operation = rows[i].operation,
                         .cookie = token};
        if (rows[i].is_open) {
            ASSERT_OK(f, call(f, &c, &actor));
        } else {
            ASSERT_CODE(f, call(f, &c, &actor), ERR_DENIED, "totp_setup_required");
        }
    }
}

static void
public_routes_never_fail_for_bad_credentials_and_writes_there_are_anonymous(void **state)
{
    struct fixture *f = *state;
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, anna);
    struct actor actor;
    struct call c = {.method = HTTP_GET_METHOD, .auth = ROUTE_PUBLIC, .cookie = STR("nonsense")};
    ASSERT_OK(f, call(f, &c, &actor));
    assert_int_equal(actor.kind, ACTOR_NONE);
    c.cookie = token;
    ASSERT_OK(f, call(f, &c, &actor));
    assert_int_equal(actor.kind, ACTOR_AGENT);
    c.method = HTTP_POST_METHOD;
    ASSERT_OK(f, call(f, &c, &actor));
    assert_int_equal(actor.kind, ACTOR_NONE);
}

static void a_visitors_route_takes_no_agent_and_the_other_way_round(void **state)
{
    struct fixture *f = *state;
    struct str token = fixture_session(f, fixture_cheap_agent(f, "anna", "agent"));
    struct actor actor;
    struct call c = {.method = HTTP_GET_METHOD, .auth = ROUTE_VISITOR, .cookie = token};
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "visitor_token");
    c.bearer = token;
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED, "sign_in");
    c.auth = ROUTE_AGENT;
    ASSERT_CODE(f, call(f, &c, &actor), ERR_UNAUTHORIZED,
                "api_key"); /* a session is no bearer token */
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_session_reads_by_cookie_and_writes_with_proof),
        TEST(writes_from_other_sites_are_refused_even_with_proof),
        TEST(an_api_key_may_what_it_was_given_and_its_maker_still_has),
        TEST(nobody_makes_a_key_that_may_more_than_they_do),
        TEST(before_the_required_second_factor_only_ones_own_account_is_open),
        TEST(public_routes_never_fail_for_bad_credentials_and_writes_there_are_anonymous),
        TEST(a_visitors_route_takes_no_agent_and_the_other_way_round),
    };
    return crypto_init() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
