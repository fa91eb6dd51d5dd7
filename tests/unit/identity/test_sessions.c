/* Signing in, sessions, throttle, second factor, set-up and invitations, on a real database with a moved clock. */
#include "fixture.h"

#include "base/codec.h"

static enum err sign_in(struct fixture *f, const struct login_request *in, struct login_result *out)
{
    return login_with_password(f->identity, f->arena, in, out, &f->info);
}

static enum err who(struct fixture *f, struct str token, struct actor *out)
{
    return identity_session_actor(f->identity, token, identity_csrf_token(f->arena, token), out,
                                  &f->info);
}

static void the_first_start_makes_one_owner_only(void **state)
{
    struct fixture *f = *state;
    struct setup_request in = {.email = STR(" Owner@Example.com "),
                               .name = STR("Olga"),
                               .password = STR(GOOD_PASSWORD),
                               .brand = STR("Nova"),
                               .is_local = false};
    struct login_result login;
    ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_DENIED,
                "setup_token");
    in.token = STR("the-setup-tokex");
    ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_DENIED,
                "setup_token");
    in.token = STR("the-setup-token");
    in.password = STR("password1234");
    ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_INVALID,
                "weak");
    in.password = STR(GOOD_PASSWORD);
    ASSERT_OK(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info));
    struct actor actor;
    ASSERT_OK(f, who(f, login.session_token, &actor));
    assert_true(permission_set_covers(actor.permissions, permission_set_all()));
    in.is_local = true;
    in.email = STR("second@example.com");
    ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_CONFLICT,
                "setup_done");
}

static void set_up_tokens_cannot_be_guessed_at_speed(void **state)
{
    struct fixture *f = *state;
    struct setup_request in = {.email = STR("o@example.com"),
                               .name = STR("Olga"),
                               .password = STR(GOOD_PASSWORD),
                               .brand = STR("Nova"),
                               .token = STR("guess")};
    struct login_result login;
    for (int i = 0; i < 6; i++) {
        ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_DENIED,
                    "setup_token");
    }
    ASSERT_CODE(f, setup_create_owner(f->identity, f->arena, &in, &login, &f->info), ERR_LIMIT,
                "too_many_attempts");
}

static void password_session_and_the_ways_it_ends(void **state)
{
    struct fixture *f = *state;
    struct agent_id id = fixture_agent(f, "anna", "agent");
    struct login_request in = fixture_login(" ANNA@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result login;
    struct actor actor;
    ASSERT_OK(f, sign_in(f, &in, &login));
    ASSERT_OK(f, who(f, login.session_token, &actor));
    assert_int_equal(actor.agent.v, id.v);
    assert_true(actor_may(&actor, PERM_CONVERSATION_REPLY));
    assert_false(actor_may(&actor, PERM_AGENT_MANAGE));
    /* another session's CSRF proof is none */
    struct str other = fixture_session(f, id);
    ASSERT_CODE(f,
                identity_session_actor(f->identity, login.session_token,
                                       identity_csrf_token(f->arena, other), &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
    /* idle: kept alive by use, dead without */
    f->now += 11 * TIME_HOUR_MS;
    ASSERT_OK(f, who(f, login.session_token, &actor));
    identity_session_touch(f->identity, actor.session);
    tmpdb_settle(&f->db);
    ASSERT_OK(f, account_update(f->identity, &actor, &(struct me_patch){0},
                                &f->info)); /* a write behind the touch */
    f->now += 11 * TIME_HOUR_MS;
    ASSERT_OK(f, who(f, login.session_token, &actor));
    ASSERT_CODE(f, who(f, other, &actor), ERR_UNAUTHORIZED, "sign_in");
    f->now += 13 * TIME_HOUR_MS;
    ASSERT_CODE(f, who(f, login.session_token, &actor), ERR_UNAUTHORIZED, "sign_in");
    ASSERT_CODE(f, who(f, STR("short"), &actor), ERR_UNAUTHORIZED, "sign_in");
}

static void a_session_ends_at_its_absolute_time_however_busy(void **state)
{
    struct fixture *f = *state;
    struct agent_id id = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, id);
    struct actor actor;
    int64_t end = f->now + 30 * TIME_DAY_MS;
    while (f->now + 10 * TIME_HOUR_MS < end) {
        f->now += 10 * TIME_HOUR_MS;
        ASSERT_OK(f, who(f, token, &actor));
        identity_session_touch(f->identity, actor.session);
        tmpdb_settle(&f->db);
        ASSERT_OK(f, account_update(f->identity, &actor, &(struct me_patch){0}, &f->info));
    }
    f->now = end;
    ASSERT_CODE(f, who(f, token, &actor), ERR_UNAUTHORIZED, "sign_in");
}

static void a_new_sign_in_replaces_the_browsers_old_session(void **state)
{
    struct fixture *f = *state;
    fixture_agent(f, "anna", "agent");
    struct login_request in = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result first;
    struct login_result second;
    struct actor actor;
    ASSERT_OK(f, sign_in(f, &in, &first));
    in.origin.old_session_token = first.session_token;
    in.origin.device_token = first.device_token;
    ASSERT_OK(f, sign_in(f, &in, &second));
    assert_false(str_eq(first.session_token, second.session_token));
    assert_true(str_eq(first.device_token, second.device_token));
    ASSERT_CODE(f, who(f, first.session_token, &actor), ERR_UNAUTHORIZED, "sign_in");
    ASSERT_OK(f, who(f, second.session_token, &actor));
    assert_int_equal(f->n_sessions_ended, 1);
}

static void an_attacker_cannot_lock_an_agent_out(void **state)
{
    struct fixture *f = *state;
    fixture_agent(f, "anna", "agent");
    struct login_request mine = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result login;
    ASSERT_OK(f, sign_in(f, &mine, &login));
    mine.origin.device_token = login.device_token;
    /* the same address even: a shared office, or a proxy that was not declared */
    struct login_request attack = fixture_login("anna@example.com", "wrong password", "10.0.0.1");
    for (int i = 0; i < 5; i++) {
        ASSERT_CODE(f, sign_in(f, &attack, &login), ERR_UNAUTHORIZED, "bad_credentials");
    }
    ASSERT_CODE(f, sign_in(f, &attack, &login), ERR_UNAUTHORIZED, "bad_credentials");
    ASSERT_CODE(f, sign_in(f, &attack, &login), ERR_LIMIT, "too_many_attempts");
    attack.password = STR(GOOD_PASSWORD);
    ASSERT_CODE(f, sign_in(f, &attack, &login), ERR_LIMIT,
                "too_many_attempts");        /* not even the right one, there */
    ASSERT_OK(f, sign_in(f, &mine, &login)); /* but Anna on her own browser */
    struct login_request elsewhere = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.2");
    ASSERT_OK(f, sign_in(f, &elsewhere, &login)); /* and from any other address */
    f->now += 2000;
    ASSERT_OK(f, sign_in(f, &attack, &login)); /* the delay is over */
}

static void an_unknown_account_is_throttled_and_answered_like_a_known_one(void **state)
{
    struct fixture *f = *state;
    struct login_request in = fixture_login("nobody@example.com", "wrong password", "10.0.0.1");
    struct login_result login;
    for (int i = 0; i < 6; i++) {
        ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "bad_credentials");
    }
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_LIMIT, "too_many_attempts");
    /* a device cookie made up by the attacker opens nothing */
    in.origin.device_token = crypto_token(f->arena);
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_LIMIT, "too_many_attempts");
}

static void addresses_of_one_ipv6_network_share_a_throttle(void **state)
{
    struct fixture *f = *state;
    assert_true(str_eq(gate_address(f->arena, STR("2001:db8:1:2:3::1")),
                       gate_address(f->arena, STR("2001:db8:1:2:ffff::9"))));
    assert_false(str_eq(gate_address(f->arena, STR("2001:db8:1:2::1")),
                        gate_address(f->arena, STR("2001:db8:1:3::1"))));
    assert_false(
        str_eq(gate_address(f->arena, STR("10.1.2.3")), gate_address(f->arena, STR("10.1.2.4"))));
    assert_true(str_eq(gate_address(f->arena, STR("10.1.2.3")),
                       gate_address(f->arena, STR("::ffff:10.1.2.3"))));
}

/* ---- second factor ---- */

static struct str code_at(struct fixture *f, struct str secret, int64_t at)
{
    struct str seed;
    assert_int_equal(codec_unbase32(f->arena, secret, &seed), ERR_OK);
    return str_printf(f->arena, "%06u", crypto_totp(seed, at));
}

static void second_factor_from_set_up_to_recovery(void **state)
{
    struct fixture *f = *state;
    struct agent_id id = fixture_agent(f, "anna", "agent");
    struct login_request in = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result login;
    struct actor actor;
    struct totp_offer offer;
    struct str codes[LOGIN_RECOVERY_CODES];
    ASSERT_OK(f, sign_in(f, &in, &login));
    ASSERT_OK(f, who(f, login.session_token, &actor));
    ASSERT_CODE(f,
                account_totp_confirm(f->identity, &actor, STR("123456"), f->arena, codes, &f->info),
                ERR_CONFLICT, "totp_not_begun");
    ASSERT_CODE(f,
                account_totp_begin(f->identity, &actor, STR("wrong"), f->arena, &offer, &f->info),
                ERR_INVALID, "wrong");
    ASSERT_OK(
        f, account_totp_begin(f->identity, &actor, STR(GOOD_PASSWORD), f->arena, &offer, &f->info));
    assert_int_equal(offer.secret.len, 32);
    assert_true(str_starts(offer.uri, STR("otpauth://totp/Stablehand:anna%40example.com?secret=")));
    ASSERT_CODE(f,
                account_totp_confirm(f->identity, &actor, STR("000000"), f->arena, codes, &f->info),
                ERR_INVALID, "wrong");
    ASSERT_OK(f, account_totp_confirm(f->identity, &actor, code_at(f, offer.secret, f->now),
                                      f->arena, codes, &f->info));
    /* asked for now; the code that confirmed is used up */
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "totp_required");
    in.code = code_at(f, offer.secret, f->now);
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "bad_code");
    f->now += 30000;
    in.code = code_at(f, offer.secret, f->now);
    ASSERT_OK(f, sign_in(f, &in, &login));
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "bad_code");
    /* a recovery code works once, however it is typed */
    char typed[32];
    snprintf(typed, sizeof(typed), " %.4s %.4s%.4s ", codes[3].p, codes[3].p + 5, codes[3].p + 10);
    typed[1] = (char)(typed[1] >= 'a' ? typed[1] - 'a' + 'A' : typed[1]);
    in.code = str_from(typed);
    ASSERT_OK(f, sign_in(f, &in, &login));
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "bad_code");
    in.code = codes[4];
    ASSERT_OK(f, sign_in(f, &in, &login));
    /* removed with password and a code, then not asked for any more */
    ASSERT_OK(f, who(f, login.session_token, &actor));
    ASSERT_CODE(f, account_totp_remove(f->identity, &actor, STR(GOOD_PASSWORD), codes[4], &f->info),
                ERR_INVALID, "wrong");
    ASSERT_OK(f, account_totp_remove(f->identity, &actor, STR(GOOD_PASSWORD), codes[5], &f->info));
    in.code = (struct str){0};
    ASSERT_OK(f, sign_in(f, &in, &login));
    assert_int_equal(login.agent.v, id.v);
}

static void guessing_codes_is_throttled_on_the_account_whatever_the_address(void **state)
{
    struct fixture *f = *state;
    fixture_agent(f, "anna", "agent");
    struct login_request in = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result login;
    struct actor actor;
    struct totp_offer offer;
    struct str codes[LOGIN_RECOVERY_CODES];
    ASSERT_OK(f, sign_in(f, &in, &login));
    ASSERT_OK(f, who(f, login.session_token, &actor));
    ASSERT_OK(
        f, account_totp_begin(f->identity, &actor, STR(GOOD_PASSWORD), f->arena, &offer, &f->info));
    ASSERT_OK(f, account_totp_confirm(f->identity, &actor, code_at(f, offer.secret, f->now),
                                      f->arena, codes, &f->info));
    enum err err = ERR_OK;
    int tries = 0;
    for (; tries < 20 && err != ERR_LIMIT; tries++) {
        struct login_request guess = fixture_login("anna@example.com", GOOD_PASSWORD, "");
        guess.origin.ip = str_printf(f->arena, "10.0.1.%d", tries);
        guess.code = STR("000000");
        err = sign_in(f, &guess, &login);
    }
    assert_int_equal(err, ERR_LIMIT);
    assert_int_equal(tries, 12); /* ten free, one that starts the delay, one that meets it */
    f->now += 60000;
    in.origin.device_token = crypto_token(f->arena);
    in.code = code_at(f, offer.secret, f->now);
    ASSERT_OK(f, sign_in(f, &in, &login));
}

static void a_role_that_requires_the_second_factor_opens_nothing_else_before(void **state)
{
    struct fixture *f = *state;
    struct actor owner = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct agent_id anna = fixture_cheap_agent(f, "anna", "auditor");
    struct str token = fixture_session(f, anna);
    struct actor actor;
    ASSERT_OK(f, who(f, token, &actor));
    struct role role;
    ASSERT_OK(f,
              role_service_get(f->identity, fixture_role(f, "auditor"), f->arena, &role, &f->info));
    struct str names[PERM_COUNT];
    size_t n = 0;
    for (int p = 0; p < PERM_COUNT; p++) {
        if (permission_set_has(role.permissions, (enum permission)p)) {
            names[n++] = str_from(permission_get((enum permission)p)->name);
        }
    }
    struct role_write w = {.name = role.name, .permissions = {names, n}, .requires_totp = true};
    ASSERT_OK(f, role_service_update(f->identity, &owner, role.id, role.version, &w, f->arena,
                                     &role, &f->info));
    assert_int_equal(f->n_permissions_changed, 1);
    ASSERT_CODE(f, who(f, token, &actor), ERR_UNAUTHORIZED,
                "totp_setup_required"); /* at once, not after the cache's time */
    actor = fixture_actor(f, anna);
    assert_true(actor.needs_totp_setup);
    assert_int_equal(actor.permissions.bits, 0);
}

/* ---- password ---- */

static void changing_the_password_ends_the_other_sessions(void **state)
{
    struct fixture *f = *state;
    struct agent_id id = fixture_agent(f, "anna", "agent");
    struct str mine = fixture_session(f, id);
    struct str other = fixture_session(f, id);
    struct actor actor;
    ASSERT_OK(f, who(f, other, &actor));
    ASSERT_OK(f, who(f, mine, &actor));
    ASSERT_CODE(f,
                account_change_password(f->identity, &actor, STR("wrong"),
                                        STR("pebble saxophone tundra"), &f->info),
                ERR_INVALID, "wrong");
    assert_string_equal(f->info.field, "current");
    ASSERT_CODE(f,
                account_change_password(f->identity, &actor, STR(GOOD_PASSWORD), STR(GOOD_PASSWORD),
                                        &f->info),
                ERR_INVALID, "same");
    ASSERT_OK(f, account_change_password(f->identity, &actor, STR(GOOD_PASSWORD),
                                         STR("pebble saxophone tundra"), &f->info));
    ASSERT_CODE(f, who(f, other, &actor), ERR_UNAUTHORIZED, "sign_in");
    ASSERT_OK(f, who(f, mine, &actor));
    assert_int_equal(f->n_sessions_ended, 1);
    struct login_request in = fixture_login("anna@example.com", GOOD_PASSWORD, "10.0.0.1");
    struct login_result login;
    ASSERT_CODE(f, sign_in(f, &in, &login), ERR_UNAUTHORIZED, "bad_credentials");
    in.password = STR("pebble saxophone tundra");
    ASSERT_OK(f, sign_in(f, &in, &login));
}

static void the_operator_resets_a_lost_password(void **state)
{
    struct fixture *f = *state;
    struct agent_id id = fixture_agent(f, "anna", "agent");
    struct str token = fixture_session(f, id);
    struct actor actor;
    ASSERT_OK(f, who(f, token, &actor));
    ASSERT_CODE(f,
                identity_reset_password(f->identity, STR("bob@example.com"),
                                        STR("pebble saxophone tundra"), true, &f->info),
                ERR_NOT_FOUND, "not_found");
    ASSERT_OK(f, identity_reset_password(f->identity, STR("anna@example.com"),
                                         STR("pebble saxophone tundra"), true, &f->info));
    ASSERT_CODE(f, who(f, token, &actor), ERR_UNAUTHORIZED, "sign_in");
}

/* ---- invitations ---- */

static void an_invitation_works_once_and_for_a_week(void **state)
{
    struct fixture *f = *state;
    struct actor owner = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct team_id team;
    ASSERT_OK(f, identity_create_team(f->identity, STR("Deposits"), NULL, 0, &team, &f->info));
    struct invitation_new in = {
        .email = STR("New@Example.com"), .role = fixture_role(f, "agent"), .teams = {&team.v, 1}};
    struct invitation made;
    struct str link;
    struct str brand;
    struct login_result login;
    ASSERT_OK(f, invitation_create(f->identity, &owner, f->arena, &in, &made, &link, &f->info));
    struct str first = str_sub(link, link.len - IDENTITY_TOKEN_LEN, IDENTITY_TOKEN_LEN);
    ASSERT_OK(f, invitation_create(f->identity, &owner, f->arena, &in, &made, &link,
                                   &f->info)); /* replaces the first */
    struct invitation_acceptance a = {
        .token = first, .name = STR("Nia"), .password = STR(GOOD_PASSWORD)};
    ASSERT_CODE(f, invitation_accept(f->identity, f->arena, &a, &login, &f->info), ERR_NOT_FOUND,
                "invitation_gone");
    a.token = str_sub(link, link.len - IDENTITY_TOKEN_LEN, IDENTITY_TOKEN_LEN);
    ASSERT_OK(f, invitation_check(f->identity, f->arena, a.token, &made, &brand, &f->info));
    assert_true(str_eq_cstr(made.email, "new@example.com"));
    int64_t then = f->now;
    f->now += 7 * TIME_DAY_MS;
    ASSERT_CODE(f, invitation_check(f->identity, f->arena, a.token, &made, &brand, &f->info),
                ERR_NOT_FOUND, "invitation_gone");
    f->now = then;
    ASSERT_OK(f, invitation_accept(f->identity, f->arena, &a, &login, &f->info));
    struct actor actor;
    ASSERT_OK(f, who(f, login.session_token, &actor));
    assert_true(actor_is_in_team(&actor, team));
    ASSERT_CODE(f, invitation_accept(f->identity, f->arena, &a, &login, &f->info), ERR_NOT_FOUND,
                "invitation_gone");
    ASSERT_CODE(f, invitation_create(f->identity, &owner, f->arena, &in, &made, &link, &f->info),
                ERR_CONFLICT, "email_taken");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_first_start_makes_one_owner_only),
        TEST(set_up_tokens_cannot_be_guessed_at_speed),
        TEST(password_session_and_the_ways_it_ends),
        TEST(a_session_ends_at_its_absolute_time_however_busy),
        TEST(a_new_sign_in_replaces_the_browsers_old_session),
        TEST(an_attacker_cannot_lock_an_agent_out),
        TEST(an_unknown_account_is_throttled_and_answered_like_a_known_one),
        TEST(addresses_of_one_ipv6_network_share_a_throttle),
        TEST(second_factor_from_set_up_to_recovery),
        TEST(guessing_codes_is_throttled_on_the_account_whatever_the_address),
        TEST(a_role_that_requires_the_second_factor_opens_nothing_else_before),
        TEST(changing_the_password_ends_the_other_sessions),
        TEST(the_operator_resets_a_lost_password),
        TEST(an_invitation_works_once_and_for_a_week),
    };
    return crypto_init() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
