/* Rules without a database: permissions, actors, throttles, passwords, signed identities. */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/check.h"
#include "base/codec.h"
#include "identity/escalation.h"
#include "identity/identity.h"
#include "identity/password.h"
#include "identity/throttle.h"
#include "base/timeutil.h"

/* ---- permissions ---- */

static void every_permission_has_a_name_of_its_own_and_both_descriptions(void **state)
{
    UNUSED(state);
    for (int p = 0; p < PERM_COUNT; p++) {
        const struct permission_info *info = permission_get((enum permission)p);
        enum permission found = PERM_COUNT;
        assert_true(strlen(info->description_en) > 3 && strlen(info->description_zh) > 3);
        assert_true(permission_parse(str_from(info->name), &found));
        assert_int_equal(found, p);
        assert_true(permission_set_has(permission_set_all(), (enum permission)p));
    }
    enum permission p;
    assert_false(permission_parse(STR("conversation"), &p));
    assert_false(permission_parse(STR(""), &p));
}

static struct permission_set set_of(enum permission a, enum permission b)
{
    return permission_set_with(permission_set_with((struct permission_set){0}, a), b);
}

static void nobody_grants_what_they_do_not_have(void **state)
{
    UNUSED(state);
    struct actor admin = {.kind = ACTOR_AGENT,
                          .permissions = set_of(PERM_ROLE_MANAGE, PERM_CUSTOMER_READ)};
    struct errinfo info = {0};
    assert_int_equal(
        escalation_check(&admin, set_of(PERM_CUSTOMER_READ, PERM_CUSTOMER_READ), "x", &info),
        ERR_OK);
    assert_int_equal(
        escalation_check(&admin, set_of(PERM_CUSTOMER_READ, PERM_AUDIT_READ), "x", &info),
        ERR_DENIED);
    assert_string_equal(info.code, "escalation");
    assert_non_null(strstr(info.message, "audit.read"));
    assert_true(
        permission_set_covers(admin.permissions, set_of(PERM_ROLE_MANAGE, PERM_CUSTOMER_READ)));
    assert_false(
        permission_set_covers(admin.permissions, set_of(PERM_ROLE_MANAGE, PERM_CUSTOMER_EDIT)));
}

static void requiring_tells_nobody_from_somebody_without_the_permission(void **state)
{
    UNUSED(state);
    struct actor nobody = {0};
    struct actor customer = {.kind = ACTOR_CUSTOMER, .permissions = permission_set_all()};
    struct actor agent = {.kind = ACTOR_AGENT};
    assert_int_equal(actor_require(NULL, PERM_LIVE_READ, NULL), ERR_UNAUTHORIZED);
    assert_int_equal(actor_require(&nobody, PERM_LIVE_READ, NULL), ERR_UNAUTHORIZED);
    assert_int_equal(actor_require(&customer, PERM_LIVE_READ, NULL), ERR_UNAUTHORIZED);
    assert_int_equal(actor_require(&agent, PERM_LIVE_READ, NULL), ERR_DENIED);
    assert_int_equal(actor_require(actor_system(), PERM_LIVE_READ, NULL), ERR_OK);
}

static void who_sees_which_conversation(void **state)
{
    UNUSED(state);
    struct actor a = {.kind = ACTOR_AGENT,
                      .agent = {7},
                      .teams = {{3}},
                      .n_teams = 1,
                      .permissions = set_of(PERM_CONVERSATION_READ, PERM_CONVERSATION_READ)};
    static const struct {
        int64_t assignee, team;
        bool want;
    } rows[] = {{0, 0, true},  {8, 0, true},  {0, 3, true}, {8, 3, true},
                {0, 4, false}, {8, 4, false}, {7, 4, true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool got = actor_may_see_conversation(&a, (struct agent_id){rows[i].assignee},
                                              (struct team_id){rows[i].team});
        if (got != rows[i].want) {
            fail_msg("assignee %d team %d", (int)rows[i].assignee, (int)rows[i].team);
        }
    }
    struct actor all = {.kind = ACTOR_AGENT,
                        .permissions =
                            set_of(PERM_CONVERSATION_READ_ALL, PERM_CONVERSATION_READ_ALL)};
    assert_true(actor_may_see_conversation(&all, (struct agent_id){8}, (struct team_id){4}));
    struct actor none = {.kind = ACTOR_AGENT, .agent = {7}};
    assert_false(actor_may_see_conversation(&none, (struct agent_id){7}, (struct team_id){0}));
}

/* ---- throttle ---- */

static void throttle_lets_the_free_ones_pass_and_then_doubles(void **state)
{
    UNUSED(state);
    const struct throttle_policy *p = throttle_policy_get(THROTTLE_PAIR);
    struct throttle t = {0};
    int64_t now = 1000000000;
    for (int i = 0; i < p->free; i++) {
        assert_int_equal(throttle_wait(&t, now), 0);
        t = throttle_count(&t, p, now);
    }
    assert_int_equal(throttle_wait(&t, now), 0);
    int64_t want = p->base_ms;
    for (int i = 0; i < 20; i++) {
        t = throttle_count(&t, p, now);
        assert_int_equal(throttle_wait(&t, now), want);
        now += want;
        assert_int_equal(throttle_wait(&t, now), 0);
        want = want * 2 < p->max_ms ? want * 2 : p->max_ms;
        if (now % p->decay_ms == 0 || want == p->max_ms) {
            break; /* from here on failures are forgotten between the tries */
        }
    }
    assert_int_equal(throttle_wait(&(struct throttle){.blocked_until = 5}, 10), 0);
}

static void throttle_forgets_with_time_and_gives_back(void **state)
{
    UNUSED(state);
    const struct throttle_policy *p = throttle_policy_get(THROTTLE_PAIR);
    int64_t now = 1000000000;
    struct throttle t = {.failures = 8, .updated_at = now};
    t = throttle_count(&t, p, now + 3 * p->decay_ms + 1);
    assert_int_equal(t.failures, 6);
    t = throttle_count(&t, p, now + 100 * p->decay_ms);
    assert_int_equal(t.failures, 1);
    assert_int_equal(t.blocked_until <= now + 100 * p->decay_ms, true);
    t = throttle_give_back(&t, p, now + 100 * p->decay_ms);
    assert_int_equal(t.failures, 0);
    t = throttle_give_back(&t, p, now + 100 * p->decay_ms);
    assert_int_equal(t.failures, 0);
}

static void no_throttle_closes_longer_than_its_maximum(void **state)
{
    UNUSED(state);
    for (int k = THROTTLE_DEVICE; k <= THROTTLE_SESSION; k++) {
        const struct throttle_policy *p = throttle_policy_get((enum throttle_kind)k);
        struct throttle t = {.failures = 1000000000, .updated_at = 5000};
        t = throttle_count(&t, p, 5000);
        assert_int_equal(throttle_wait(&t, 5000), p->max_ms);
    }
    /* a stranger can close the shared one for a second at most */
    assert_int_equal(throttle_policy_get(THROTTLE_GLOBAL)->max_ms, 1000);
}

/* ---- passwords ---- */

static void passwords_are_judged_by_guessing_not_by_shape(void **state)
{
    UNUSED(state);
    static const struct {
        const char *password, *code;
    } rows[] = {
        {"short", "too_short"},
        {"elevenchars", "too_short"},
        {"otter lantern gravel", ""},
        {"zq8vyk2mwb4t", ""},
        {"我的密码是一只很大的海獭呀", ""},
        {"我的密码是一只", "too_short"},
        {"password1234", "weak"},
        {"P@ssw0rd!!!!", "weak"},
        {"Password2026", "weak"},
        {"qwertyuiop123", "weak"},
        {"Stablehand2026!", "weak"},
        {"aaaaaaaaaaaaaaaa", "weak"},
        {"abababababab", "weak"},
        {"123456789012", "weak"},
        {"abcdefghijklmnop", "weak"},
        {"marguerite12", "weak"},
        {"nova exchange", "weak"},
        {"Eleanor Rigby1", "weak"},
        {"correct horse battery staple", "weak"},
        /* the list: as it stands, with case, leet, signs and digits, and two of its words side by side */
        {"1q2w3e4r5t6y", "weak"},
        {"1qaz2wsx3edc", "weak"},
        {"123456qwerty", "weak"},
        {"Sony-Ericsson#7", "weak"},
        {"F1nalF4ntasy!!", "weak"},
        {"Monkey-Dragon-77", "weak"},
        {"b@seb@ll m4ster", "weak"},
        {"monkey dragon ferry 77", ""},
        {"plum-tram-velvet-93 orbit", ""},
        {"stablehand demo", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct errinfo info = {0};
        enum err err =
            password_check(str_from(rows[i].password), STR("marguerite@example.com"),
                           STR("Eleanor Rigby"), STR("Nova Exchange"), "password", &info);
        if ((err == ERR_OK) != (rows[i].code[0] == 0) || strcmp(info.code, rows[i].code) != 0) {
            fail_msg("%s: %s", rows[i].password, info.code);
        }
    }
    char longest[400];
    for (size_t i = 0; i < sizeof(longest); i++) {
        longest[i] = (char)('a' + (i * 7 + i / 26) % 26);
    }
    struct errinfo info = {0};
    assert_int_equal(password_check((struct str){longest, 256}, STR("x@y.z"), STR(""), STR(""),
                                    "password", &info),
                     ERR_OK);
    assert_int_equal(password_check((struct str){longest, 257}, STR("x@y.z"), STR(""), STR(""),
                                    "password", &info),
                     ERR_INVALID);
    assert_string_equal(info.code, "too_long");
}

/* ---- signed identities ---- */

#define NOW_S 1800000000LL
#define KEY "0123456789abcdef0123456789abcdef"
#define STD "\"aud\":\"inbox-1\",\"iat\":1800000000,\"exp\":1800000300"

static enum err verify(struct arena *a, struct str token, struct customer_claims *out,
                       struct errinfo *info)
{
    const struct customer_key keys[] = {{JWT_HS256, STR(KEY)},
                                        {JWT_HS256, STR("the former secret of 24 hours")}};
    return identity_verify_customer_jwt(a, keys, 2, STR("inbox-1"), token, NOW_S * 1000, out, info);
}

static void a_good_identity_gives_its_claims(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct customer_claims c = {0};
    struct errinfo info = {0};
    struct str claims = STR(
        "{\"sub\":\"u-77\",\"name\":\" 王小明 "
        "\",\"email\":\"w@example.com\",\"tier\":\"vip2\",\"locale\":\"zh-CN\",\"jti\":\"j1\"," STD
        "}");
    assert_int_equal(verify(a, crypto_jwt_sign_hs256(a, STR(KEY), claims), &c, &info), ERR_OK);
    assert_true(str_eq_cstr(c.uid, "u-77") && str_eq_cstr(c.name, "王小明") &&
                str_eq_cstr(c.tier, "vip2") && str_eq_cstr(c.jti, "j1"));
    assert_int_equal(c.expires_at, (NOW_S + 300) * 1000);
    /* the former secret is good too */
    assert_int_equal(verify(a,
                            crypto_jwt_sign_hs256(a, STR("the former secret of 24 hours"), claims),
                            &c, &info),
                     ERR_OK);
}

static void bad_identities_are_refused_with_a_clear_code(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    static const struct {
        const char *name, *claims, *code;
    } rows[] = {
        {"least", "{\"sub\":\"u\"," STD "}", ""},
        {"several sites, ours among them",
         "{\"sub\":\"u\",\"aud\":[\"x\",\"inbox-1\"],\"iat\":1800000000,\"exp\":1800000300}", ""},
        {"a minute late is forgiven",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1799999700,\"exp\":1799999950}", ""},
        {"fractional seconds",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000.5,\"exp\":1800000300.25}", ""},
        {"replayed for another site",
         "{\"sub\":\"u\",\"aud\":\"inbox-2\",\"iat\":1800000000,\"exp\":1800000300}",
         "identity_audience"},
        {"prefix of the site",
         "{\"sub\":\"u\",\"aud\":\"inbox-\",\"iat\":1800000000,\"exp\":1800000300}",
         "identity_audience"},
        {"no aud", "{\"sub\":\"u\",\"iat\":1800000000,\"exp\":1800000300}", "identity_audience"},
        {"aud is a number", "{\"sub\":\"u\",\"aud\":1,\"iat\":1800000000,\"exp\":1800000300}",
         "identity_audience"},
        {"other sites",
         "{\"sub\":\"u\",\"aud\":[\"x\",\"y\"],\"iat\":1800000000,\"exp\":1800000300}",
         "identity_audience"},
        {"expired", "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1799999600,\"exp\":1799999939}",
         "identity_expired"},
        {"no exp", "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000}", "identity_claims"},
        {"exp is text",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000,\"exp\":\"1800000300\"}",
         "identity_claims"},
        {"exp is huge", "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000,\"exp\":1e300}",
         "identity_claims"},
        {"exp is negative", "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000,\"exp\":-1}",
         "identity_claims"},
        {"no iat", "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"exp\":1800000300}", "identity_claims"},
        {"from the future",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000120,\"exp\":1800000300}",
         "identity_not_yet"},
        {"not before", "{\"sub\":\"u\",\"nbf\":1800000120," STD "}", "identity_not_yet"},
        {"good for a day",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1800000000,\"exp\":1800086400}",
         "identity_too_long"},
        {"a day of which most is over",
         "{\"sub\":\"u\",\"aud\":\"inbox-1\",\"iat\":1799914000,\"exp\":1800000300}",
         "identity_too_long"},
        {"no sub", "{" STD "}", "identity_claims"},
        {"empty sub", "{\"sub\":\"\"," STD "}", "identity_claims"},
        {"blank sub", "{\"sub\":\"  \"," STD "}", "identity_claims"},
        {"sub is a number", "{\"sub\":77," STD "}", "identity_claims"},
        {"two lines of name", "{\"sub\":\"u\",\"name\":\"a\\nb\"," STD "}", "identity_claims"},
        {"name is an object", "{\"sub\":\"u\",\"name\":{}," STD "}", "identity_claims"},
        {"tier too long", "{\"sub\":\"u\",\"tier\":\"123456789012345678901\"," STD "}",
         "identity_claims"},
        {"an array", "[1]", "identity_malformed"},
        {"not JSON", "sub=u", "identity_malformed"},
        {"empty", "", "identity_malformed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct errinfo info = {0};
        struct customer_claims c = {0};
        enum err err =
            verify(a, crypto_jwt_sign_hs256(a, STR(KEY), str_from(rows[i].claims)), &c, &info);
        if (strcmp(info.code, rows[i].code) != 0 ||
            err != (rows[i].code[0] == 0 ? ERR_OK : ERR_UNAUTHORIZED)) {
            fail_msg("%s: %s %s", rows[i].name, err_name(err), info.code);
        }
    }
}

static void forged_identities_are_refused(void **state)
{
    UNUSED(state);
    ARENA_AUTO a = arena_new(0);
    struct str claims = STR("{\"sub\":\"u\"," STD "}");
    struct str payload = codec_base64url(a, claims.p, claims.len);
    struct str none = codec_base64url(a, "{\"alg\":\"none\"}", 14);
    struct str eddsa = codec_base64url(a, "{\"alg\":\"EdDSA\"}", 15);
    struct str zeros =
        codec_base64url(a, "0123456789012345678901234567890123456789012345678901234567890123", 64);
    const struct {
        const char *name;
        struct str token;
        const char *code;
    } rows[] = {
        {"other secret", crypto_jwt_sign_hs256(a, STR("another secret of another shop!!"), claims),
         "identity_signature"},
        {"alg none, no signature",
         str_printf(a, STR_FMT "." STR_FMT ".", STR_ARG(none), STR_ARG(payload)),
         "identity_algorithm"},
        {"alg EdDSA where the inbox has HS256 only",
         str_printf(a, STR_FMT "." STR_FMT "." STR_FMT, STR_ARG(eddsa), STR_ARG(payload),
                    STR_ARG(zeros)),
         "identity_algorithm"},
        {"unsigned", str_printf(a, STR_FMT "." STR_FMT, STR_ARG(none), STR_ARG(payload)),
         "identity_malformed"},
        {"nothing", STR(""), "identity_malformed"},
        {"words", STR("let me in"), "identity_malformed"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct errinfo info = {0};
        struct customer_claims c = {0};
        assert_int_equal(verify(a, rows[i].token, &c, &info), ERR_UNAUTHORIZED);
        if (strcmp(info.code, rows[i].code) != 0) {
            fail_msg("%s: %s", rows[i].name, info.code);
        }
    }
    struct errinfo info = {0};
    struct customer_claims c = {0};
    struct str good = crypto_jwt_sign_hs256(a, STR(KEY), claims);
    assert_int_equal(
        identity_verify_customer_jwt(a, NULL, 0, STR("inbox-1"), good, NOW_S * 1000, &c, &info),
        ERR_UNAUTHORIZED);
    assert_string_equal(info.code, "identity_signature");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_permission_has_a_name_of_its_own_and_both_descriptions),
        cmocka_unit_test(nobody_grants_what_they_do_not_have),
        cmocka_unit_test(requiring_tells_nobody_from_somebody_without_the_permission),
        cmocka_unit_test(who_sees_which_conversation),
        cmocka_unit_test(throttle_lets_the_free_ones_pass_and_then_doubles),
        cmocka_unit_test(throttle_forgets_with_time_and_gives_back),
        cmocka_unit_test(no_throttle_closes_longer_than_its_maximum),
        cmocka_unit_test(passwords_are_judged_by_guessing_not_by_shape),
        cmocka_unit_test(a_good_identity_gives_its_claims),
        cmocka_unit_test(bad_identities_are_refused_with_a_clear_code),
        cmocka_unit_test(forged_identities_are_refused),
    };
    return crypto_init() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
