/* Roles, agents, teams, API keys, customers and visitors, on a real database. */
#include "fixture.h"

/* ---- roles ---- */

static const char *const supervisor_names[] = {"conversation.read", "conversation.read_all",
                                               "conversation.reply", "customer.read", "live.read"};

static struct text_list names_of(struct fixture *f, const char *const *names, size_t n)
{
    struct str *items = ARENA_ARRAY(f->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++) {
        items[i] = str_from(names[i]);
    }
    return (struct text_list){items, n};
}

static void the_other_roles_of_the_trade_fit_without_code(void **state)
{
    struct fixture *f = *state;
    struct actor owner = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    static const struct {
        const char *name, *permissions[9];
        bool requires_totp;
    } roles[] = {
        {"Senior agent",
         {"conversation.read", "conversation.reply", "conversation.assign", "customer.read",
          "customer.edit", "canned.manage", "article.read", "bot.read"},
         false},
        {"Quality assurance",
         {"conversation.read", "conversation.read_all", "customer.read", "article.read",
          "live.read"},
         false},
        {"Trainer",
         {"conversation.read", "article.read", "article.manage", "canned.manage", "bot.read"},
         false},
        {"Workforce planner", {"live.read"}, false},
        {"Risk",
         {"conversation.read", "conversation.read_all", "conversation.reply", "customer.read",
          "customer.edit", "audit.read"},
         true},
        {"Technical support",
         {"conversation.read", "conversation.reply", "customer.read", "article.read"},
         false},
        {"Trade analyst", {"conversation.read", "conversation.reply", "customer.read"}, false},
        {"Legal and compliance",
         {"conversation.read", "conversation.read_all", "customer.read", "audit.read"},
         true},
        {"Bot", {"conversation.read", "conversation.reply", "article.read", "bot.read"}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        size_t n = 0;
        while (n < 9 && roles[i].permissions[n] != NULL) {
            n++;
        }
        struct role_write w = {.name = str_from(roles[i].name),
                               .permissions = names_of(f, roles[i].permissions, n),
                               .requires_totp = roles[i].requires_totp};
        struct role role;
        ASSERT_OK(f, role_service_create(f->identity, &owner, &w, f->arena, &role, &f->info));
        assert_int_equal(role.key.len, 0);
        assert_int_equal(role.requires_totp, roles[i].requires_totp);
        size_t n_kept = 0;
        for (int p = 0; p < PERM_COUNT; p++) {
            n_kept += permission_set_has(role.permissions, (enum permission)p);
        }
        assert_int_equal(n_kept, n);
        /* somebody gets it, and may exactly that */
        struct agent_id id = fixture_cheap_agent(
            f, str_to_cstr(f->arena, str_printf(f->arena, "agent%zu", i)), "agent");
        struct agent agent;
        ASSERT_OK(f, agent_service_get(f->identity, &owner, id, f->arena, &agent, &f->info));
        struct agent_patch patch = {.role = &role.id};
        ASSERT_OK(f, agent_service_update(f->identity, &owner, id, agent.version, &patch, f->arena,
                                          &agent, &f->info));
        struct actor actor = fixture_actor(f, id);
        assert_int_equal(actor.permissions.bits,
                         roles[i].requires_totp ? 0 : role.permissions.bits);
        assert_int_equal(actor.needs_totp_setup, roles[i].requires_totp);
    }
    struct role *list;
    size_t n;
    ASSERT_OK(f, role_service_list(f->identity, &owner, f->arena, &list, &n, &f->info));
    assert_int_equal(n, 5 + ARRAY_LEN(roles));
    assert_true(str_eq_cstr(list[0].key, "owner"));
    assert_true(permission_set_covers(list[0].permissions, permission_set_all()));
}

static void rules_of_roles(void **state)
{
    struct fixture *f = *state;
    struct actor owner = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct actor admin = fixture_actor(f, fixture_cheap_agent(f, "adam", "admin"));
    struct actor agent = fixture_actor(f, fixture_cheap_agent(f, "anna", "agent"));
    struct role role;
    struct role other;
    struct role_write w = {.name = STR("Night shift"),
                           .permissions =
                               names_of(f, supervisor_names, ARRAY_LEN(supervisor_names))};
    ASSERT_CODE(f, role_service_create(f->identity, &agent, &w, f->arena, &role, &f->info),
                ERR_DENIED, "permission");
    ASSERT_OK(f, role_service_create(f->identity, &admin, &w, f->arena, &role, &f->info));
    ASSERT_CODE(f, role_service_create(f->identity, &admin, &w, f->arena, &other, &f->info),
                ERR_CONFLICT, "name_taken");
    w.name = STR("Spies");
    w.permissions = names_of(f, (const char *const[]){"audit.read"}, 1);
    ASSERT_CODE(f, role_service_create(f->identity, &admin, &w, f->arena, &other, &f->info),
                ERR_DENIED, "escalation"); /* admins do not read the audit log */
    ASSERT_OK(f, role_service_create(f->identity, &owner, &w, f->arena, &other, &f->info));
    w.permissions = names_of(f, (const char *const[]){"live.read"}, 1);
    ASSERT_CODE(f,
                role_service_update(f->identity, &admin, other.id, other.version, &w, f->arena,
                                    &other, &f->info),
                ERR_DENIED, "escalation");
    ASSERT_CODE(f, role_service_delete(f->identity, &admin, other.id, &f->info), ERR_DENIED,
                "escalation");
    w.permissions = names_of(f, (const char *const[]){"live.reed"}, 1);
    ASSERT_CODE(f,
                role_service_update(f->identity, &owner, other.id, other.version, &w, f->arena,
                                    &other, &f->info),
                ERR_INVALID, "unknown_permission");
    w.permissions = names_of(f, (const char *const[]){"live.read"}, 1);
    ASSERT_CODE(f,
                role_service_update(f->identity, &owner, other.id, other.version + 1, &w, f->arena,
                                    &other, &f->info),
                ERR_CONFLICT, "version_mismatch");
    /* built-in ones */
    ASSERT_CODE(f,
                role_service_update(f->identity, &owner, fixture_role(f, "owner"), 1, &w, f->arena,
                                    &other, &f->info),
                ERR_DENIED, "builtin");
    ASSERT_CODE(f, role_service_delete(f->identity, &owner, fixture_role(f, "agent"), &f->info),
                ERR_DENIED, "builtin");
    /* in use */
    struct agent a;
    struct agent_patch patch = {.role = &role.id};
    ASSERT_OK(f, agent_service_update(f->identity, &owner, agent.agent, 1, &patch, f->arena, &a,
                                      &f->info));
    ASSERT_CODE(f, role_service_delete(f->identity, &owner, role.id, &f->info), ERR_CONFLICT,
                "in_use");
    struct role_id plain = fixture_role(f, "agent");
    patch.role = &plain;
    ASSERT_OK(f, agent_service_update(f->identity, &owner, agent.agent, a.version, &patch, f->arena,
                                      &a, &f->info));
    ASSERT_OK(f, role_service_delete(f->identity, &owner, role.id, &f->info));
    ASSERT_CODE(f, role_service_delete(f->identity, &owner, role.id, &f->info), ERR_NOT_FOUND,
                "not_found");
}

/* ---- agents ---- */

static void there_is_always_an_owner(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct agent a;
    struct role_id plain = fixture_role(f, "agent");
    struct role_id owner = fixture_role(f, "owner");
    bool off = false;
    struct agent_patch demote = {.role = &plain};
    struct agent_patch end = {.is_active = &off};
    ASSERT_CODE(
        f, agent_service_update(f->identity, &olga, olga.agent, 1, &demote, f->arena, &a, &f->info),
        ERR_INVALID, "self");
    ASSERT_CODE(
        f, agent_service_update(f->identity, &olga, olga.agent, 1, &end, f->arena, &a, &f->info),
        ERR_INVALID, "self");
    /* not even by somebody else who may do everything */
    ASSERT_CODE(f,
                agent_service_update(f->identity, actor_system(), olga.agent, 1, &demote, f->arena,
                                     &a, &f->info),
                ERR_CONFLICT, "last_owner");
    ASSERT_CODE(f,
                agent_service_update(f->identity, actor_system(), olga.agent, 1, &end, f->arena, &a,
                                     &f->info),
                ERR_CONFLICT, "last_owner");
    struct agent_id otto = fixture_cheap_agent(f, "otto", "agent");
    struct agent_patch promote = {.role = &owner};
    ASSERT_OK(f,
              agent_service_update(f->identity, &olga, otto, 1, &promote, f->arena, &a, &f->info));
    struct actor otto_actor = fixture_actor(f, otto);
    ASSERT_OK(f, agent_service_update(f->identity, &otto_actor, olga.agent, 1, &demote, f->arena,
                                      &a, &f->info));
}

static void an_admin_has_no_power_over_an_owner(void **state)
{
    struct fixture *f = *state;
    struct agent_id olga = fixture_cheap_agent(f, "olga", "owner");
    fixture_cheap_agent(f, "otto", "owner");
    struct actor admin = fixture_actor(f, fixture_cheap_agent(f, "adam", "admin"));
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct agent a;
    struct role_id plain = fixture_role(f, "agent");
    struct role_id owner = fixture_role(f, "owner");
    struct role_id auditor = fixture_role(f, "auditor");
    struct agent_patch demote = {.role = &plain};
    struct agent_patch promote = {.role = &owner};
    struct agent_patch audit = {.role = &auditor};
    ASSERT_CODE(f,
                agent_service_update(f->identity, &admin, olga, 1, &demote, f->arena, &a, &f->info),
                ERR_DENIED, "escalation");
    ASSERT_CODE(
        f, agent_service_update(f->identity, &admin, anna, 1, &promote, f->arena, &a, &f->info),
        ERR_DENIED, "escalation");
    ASSERT_CODE(f,
                agent_service_update(f->identity, &admin, anna, 1, &audit, f->arena, &a, &f->info),
                ERR_DENIED, "escalation");
    ASSERT_CODE(
        f,
        agent_service_update(f->identity, &admin, admin.agent, 1, &promote, f->arena, &a, &f->info),
        ERR_INVALID, "self");
    struct invitation_new in = {.email = STR("n@example.com"), .role = owner};
    struct invitation made;
    struct str link;
    ASSERT_CODE(f, invitation_create(f->identity, &admin, f->arena, &in, &made, &link, &f->info),
                ERR_DENIED, "escalation");
    struct actor agent = fixture_actor(f, anna);
    ASSERT_CODE(f,
                agent_service_update(f->identity, &agent, olga, 1, &demote, f->arena, &a, &f->info),
                ERR_DENIED, "permission");
}

static void a_deactivated_agent_is_out_at_once(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct agent_id admin = fixture_cheap_agent(f, "adam", "admin");
    struct str token = fixture_session(f, admin);
    struct str csrf = identity_csrf_token(f->arena, token);
    struct actor actor;
    ASSERT_OK(f, identity_session_actor(f->identity, token, csrf, &actor, &f->info));
    bool off = false;
    struct agent a;
    struct agent_patch end = {.is_active = &off};
    ASSERT_OK(f, agent_service_update(f->identity, &olga, admin, 1, &end, f->arena, &a, &f->info));
    assert_false(a.is_active);
    assert_int_equal(a.permissions.bits, 0);
    assert_int_equal(f->n_sessions_ended, 1);
    ASSERT_CODE(f, identity_session_actor(f->identity, token, csrf, &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
}

static void what_routing_needs_of_agents(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct team_id deposits;
    struct team_id p2p;
    ASSERT_OK(f, identity_create_team(f->identity, STR("Deposits"), &anna, 1, &deposits, &f->info));
    ASSERT_OK(f, identity_create_team(f->identity, STR("P2P"), NULL, 0, &p2p, &f->info));
    struct text_list languages = names_of(f, (const char *const[]){"zh-CN", "en"}, 2);
    struct text_list skills = names_of(f, (const char *const[]){"deposit"}, 1);
    struct id_list teams = {(const int64_t[]){p2p.v, deposits.v}, 2};
    int capacity = 9;
    struct agent_patch patch = {
        .languages = &languages, .skills = &skills, .teams = &teams, .capacity = &capacity};
    struct agent a;
    f->n_agent_changed = 0;
    ASSERT_OK(f, agent_service_update(f->identity, &olga, anna, 1, &patch, f->arena, &a, &f->info));
    assert_int_equal(f->n_agent_changed, 1);
    struct agent *list;
    size_t n;
    ASSERT_OK(f, agent_service_list(f->identity, &olga, f->arena, &list, &n, &f->info));
    assert_int_equal(n, 2);
    assert_int_equal(list[1].id.v, anna.v);
    assert_int_equal(list[0].n_teams, 0);
    assert_int_equal(list[1].n_teams, 2);
    assert_int_equal(list[1].teams[0].v, deposits.v);
    assert_int_equal(list[1].n_languages, 2);
    assert_true(str_eq_cstr(list[1].languages[0], "zh-CN") &&
                str_eq_cstr(list[1].skills[0], "deposit"));
    assert_int_equal(list[1].capacity, 9);
    assert_true(permission_set_has(list[1].permissions, PERM_CONVERSATION_REPLY));
    struct id_list bad = {(const int64_t[]){999}, 1};
    struct agent_patch wrong = {.teams = &bad};
    ASSERT_CODE(
        f,
        agent_service_update(f->identity, &olga, anna, a.version, &wrong, f->arena, &a, &f->info),
        ERR_INVALID, "not_found");
}

static void a_change_of_team_reaches_the_session_at_once(void **state)
{
    struct fixture *f = *state;
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str token = fixture_session(f, anna);
    struct str csrf = identity_csrf_token(f->arena, token);
    struct actor actor;
    struct team_id team;
    ASSERT_OK(f, identity_create_team(f->identity, STR("Risk"), NULL, 0, &team, &f->info));
    ASSERT_OK(f, identity_session_actor(f->identity, token, csrf, &actor, &f->info));
    assert_false(actor_is_in_team(&actor, team));
    struct id_list members = {&anna.v, 1};
    struct team_write w = {.name = STR("Risk"), .agents = &members};
    struct team_detail detail;
    ASSERT_OK(f, team_service_save(f->identity, actor_system(), team, 1, &w, f->arena, &detail,
                                   &f->info));
    ASSERT_OK(f, identity_session_actor(f->identity, token, csrf, &actor, &f->info));
    assert_true(actor_is_in_team(&actor, team));
    ASSERT_CODE(
        f, team_service_save(f->identity, actor_system(), team, 1, &w, f->arena, &detail, &f->info),
        ERR_CONFLICT, "version_mismatch");
    ASSERT_OK(f, team_service_delete(f->identity, actor_system(), team, &f->info));
    ASSERT_OK(f, identity_session_actor(f->identity, token, csrf, &actor, &f->info));
    assert_false(actor_is_in_team(&actor, team));
}

/* ---- customers and visitors ---- */

struct opening {
    struct fixture *f;
    struct visitor_open in;
    struct visitor_opened out;
    const struct customer_patch *patch;
    struct customer_id id;
    int64_t version;
};

static enum err open_fn(struct db_txn *txn, void *arg)
{
    struct opening *o = arg;
    return visitor_open(o->f->identity, txn, o->f->arena, &o->in, &o->out, &o->f->info);
}

static enum err open_widget(struct fixture *f, struct str token,
                            const struct customer_claims *claims, struct visitor_opened *out)
{
    struct opening o = {.f = f,
                        .in = {.inbox = {1},
                               .token = token,
                               .claims = claims,
                               .locale = STR("zh-CN"),
                               .zone = STR("Asia/Shanghai")}};
    enum err err = db_write(f->db.db, open_fn, &o);
    *out = o.out;
    return err;
}

static struct customer_claims claims_of(const char *uid, const char *name)
{
    return (struct customer_claims){
        .uid = str_from(uid), .name = str_from(name), .expires_at = START_AT + 300000};
}

static void an_anonymous_visitor_comes_back(void **state)
{
    struct fixture *f = *state;
    struct visitor_opened first;
    struct visitor_opened again;
    struct actor actor;
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &first));
    assert_true(first.is_new_customer);
    assert_int_equal(first.token.len, IDENTITY_TOKEN_LEN);
    assert_true(str_eq_cstr(first.customer.locale, "zh-CN") &&
                str_eq_cstr(first.customer.zone, "Asia/Shanghai"));
    assert_false(first.customer.is_verified);
    ASSERT_OK(f, open_widget(f, first.token, NULL, &again));
    assert_int_equal(again.customer.id.v, first.customer.id.v);
    assert_true(str_eq(again.token, first.token));
    ASSERT_OK(f, identity_visitor_actor(f->identity, first.token, &actor, &f->info));
    assert_int_equal(actor.customer.v, first.customer.id.v);
    assert_int_equal(actor.inbox.v, 1);
    assert_int_equal(actor.permissions.bits, 0);
    ASSERT_CODE(f, identity_visitor_actor(f->identity, crypto_token(f->arena), &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
    ASSERT_CODE(f, identity_visitor_actor(f->identity, STR(""), &actor, &f->info), ERR_UNAUTHORIZED,
                "visitor_token");
    /* kept alive by visits, forgotten without */
    f->now += 170 * TIME_DAY_MS;
    ASSERT_OK(f, open_widget(f, first.token, NULL, &again));
    f->now += 170 * TIME_DAY_MS;
    ASSERT_OK(f, open_widget(f, first.token, NULL, &again));
    assert_int_equal(again.customer.id.v, first.customer.id.v);
    f->now += 181 * TIME_DAY_MS;
    ASSERT_CODE(f, identity_visitor_actor(f->identity, first.token, &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
    ASSERT_OK(f, open_widget(f, first.token, NULL, &again));
    assert_int_not_equal(again.customer.id.v, first.customer.id.v);
}

static void a_token_is_good_for_its_inbox_only(void **state)
{
    struct fixture *f = *state;
    struct visitor_opened first;
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &first));
    struct opening o = {.f = f, .in = {.inbox = {2}, .token = first.token}};
    assert_int_equal(db_write(f->db.db, open_fn, &o), ERR_OK);
    assert_int_not_equal(o.out.customer.id.v, first.customer.id.v);
    assert_false(str_eq(o.out.token, first.token));
}

static void a_session_token_and_a_visitor_token_are_not_the_same_thing(void **state)
{
    struct fixture *f = *state;
    struct agent_id anna = fixture_cheap_agent(f, "anna", "agent");
    struct str session = fixture_session(f, anna);
    struct visitor_opened visit;
    struct actor actor;
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &visit));
    /* warm the cache with both, then swap them */
    ASSERT_OK(f, identity_visitor_actor(f->identity, visit.token, &actor, &f->info));
    ASSERT_OK(f, identity_session_actor(f->identity, session,
                                        identity_csrf_token(f->arena, session), &actor, &f->info));
    ASSERT_CODE(f, identity_visitor_actor(f->identity, session, &actor, &f->info), ERR_UNAUTHORIZED,
                "sign_in");
    ASSERT_CODE(f,
                identity_session_actor(f->identity, visit.token,
                                       identity_csrf_token(f->arena, visit.token), &actor,
                                       &f->info),
                ERR_UNAUTHORIZED, "sign_in");
}

static void a_visitor_who_signs_in_keeps_the_conversation(void **state)
{
    struct fixture *f = *state;
    struct visitor_opened anonymous;
    struct visitor_opened signed_in;
    struct actor actor;
    struct customer_claims claims = claims_of("u-1", "Wang");
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &anonymous));
    ASSERT_OK(f, identity_visitor_actor(f->identity, anonymous.token, &actor, &f->info));
    ASSERT_OK(f, open_widget(f, anonymous.token, &claims, &signed_in));
    /* the uid is new: the anonymous one becomes it */
    assert_int_equal(signed_in.customer.id.v, anonymous.customer.id.v);
    assert_true(signed_in.customer.is_verified && str_eq_cstr(signed_in.customer.uid, "u-1") &&
                str_eq_cstr(signed_in.customer.name, "Wang"));
    assert_int_equal(signed_in.merged_from.v, 0);
    assert_int_equal(f->merged_from.v, 0);
    /* under a new token: a planted one gains nothing */
    assert_false(str_eq(signed_in.token, anonymous.token));
    ASSERT_CODE(f, identity_visitor_actor(f->identity, anonymous.token, &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
    ASSERT_OK(f, identity_visitor_actor(f->identity, signed_in.token, &actor, &f->info));
    assert_true(actor.is_verified);
    assert_int_equal(f->n_visitor_ended, 1);
    assert_int_equal(f->changed.v, signed_in.customer.id.v);
}

static enum err patch_fn(struct db_txn *txn, void *arg)
{
    struct opening *o = arg;
    return customer_update(o->f->identity, txn, o->id, o->version, o->patch, &o->f->info);
}

static void an_anonymous_visitor_is_merged_into_a_known_customer(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct customer_claims claims = claims_of("u-1", "Wang");
    struct visitor_opened phone;
    struct visitor_opened laptop;
    struct visitor_opened merged;
    ASSERT_OK(f, open_widget(f, STR(""), &claims, &phone));
    assert_true(phone.is_new_customer);
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &laptop));
    struct str notes = STR("asked about memo");
    struct str fields = STR("{\"vip\":\"no\",\"desk\":\"b\"}");
    struct opening patch = {.f = f,
                            .id = laptop.customer.id,
                            .version = -1,
                            .patch =
                                &(struct customer_patch){.notes = &notes, .fields_json = &fields}};
    ASSERT_OK(f, db_write(f->db.db, patch_fn, &patch));
    struct str vip = STR("{\"vip\":\"yes\"}");
    patch = (struct opening){.f = f,
                             .id = phone.customer.id,
                             .version = -1,
                             .patch = &(struct customer_patch){.fields_json = &vip}};
    ASSERT_OK(f, db_write(f->db.db, patch_fn, &patch));
    ASSERT_OK(f, open_widget(f, laptop.token, &claims, &merged));
    assert_int_equal(merged.customer.id.v, phone.customer.id.v);
    assert_int_equal(merged.merged_from.v, laptop.customer.id.v);
    assert_int_equal(f->merged_from.v, laptop.customer.id.v);
    assert_int_equal(f->merged_into.v, phone.customer.id.v);
    assert_true(str_eq_cstr(merged.customer.notes, "asked about memo"));
    assert_true(str_eq_cstr(merged.customer.fields_json, "{\"vip\":\"yes\",\"desk\":\"b\"}"));
    /* links to the one that is gone lead to the one that stayed */
    struct customer c;
    ASSERT_OK(f,
              customer_service_get(f->identity, &olga, laptop.customer.id, f->arena, &c, &f->info));
    assert_int_equal(c.id.v, phone.customer.id.v);
    /* the phone is still signed in */
    struct actor actor;
    ASSERT_OK(f, identity_visitor_actor(f->identity, phone.token, &actor, &f->info));
    ASSERT_CODE(f, identity_visitor_actor(f->identity, laptop.token, &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
}

static void signing_in_never_merges_somebody_who_is_signed_in(void **state)
{
    struct fixture *f = *state;
    struct customer_claims wang = claims_of("u-1", "Wang");
    struct customer_claims li = claims_of("u-2", "Li");
    struct visitor_opened first;
    struct visitor_opened second;
    struct actor actor;
    ASSERT_OK(f, open_widget(f, STR(""), &wang, &first));
    ASSERT_OK(f, open_widget(f, first.token, &li, &second)); /* the family's computer */
    assert_int_not_equal(first.customer.id.v, second.customer.id.v);
    assert_int_equal(f->merged_from.v, 0);
    assert_false(str_eq(first.token, second.token));
    ASSERT_OK(f, identity_visitor_actor(f->identity, second.token, &actor, &f->info));
    assert_int_equal(actor.customer.v, second.customer.id.v);
}

static void a_signed_in_widget_needs_a_fresh_identity_after_a_day(void **state)
{
    struct fixture *f = *state;
    struct customer_claims wang = claims_of("u-1", "Wang");
    struct visitor_opened first;
    struct visitor_opened again;
    struct actor actor;
    ASSERT_OK(f, open_widget(f, STR(""), &wang, &first));
    f->now += 20 * TIME_HOUR_MS;
    ASSERT_OK(
        f, open_widget(f, first.token, &wang, &again)); /* signed again: another day, same token */
    assert_true(str_eq(again.token, first.token));
    f->now += 20 * TIME_HOUR_MS;
    ASSERT_OK(f, identity_visitor_actor(f->identity, first.token, &actor, &f->info));
    f->now += 5 * TIME_HOUR_MS;
    ASSERT_CODE(f, identity_visitor_actor(f->identity, first.token, &actor, &f->info),
                ERR_UNAUTHORIZED, "sign_in");
    ASSERT_OK(f, open_widget(f, first.token, NULL, &again));
    assert_true(again.is_new_customer); /* nobody known: not Wang */
}

static void an_identity_with_a_jti_works_once(void **state)
{
    struct fixture *f = *state;
    struct customer_claims wang = claims_of("u-1", "Wang");
    struct visitor_opened out;
    wang.jti = STR("one");
    ASSERT_OK(f, open_widget(f, STR(""), &wang, &out));
    ASSERT_CODE(f, open_widget(f, STR(""), &wang, &out), ERR_UNAUTHORIZED, "identity_replayed");
    wang.jti = STR("two");
    ASSERT_OK(f, open_widget(f, STR(""), &wang, &out));
}

static void customers_are_found_by_prefix(void **state)
{
    struct fixture *f = *state;
    struct actor olga = fixture_actor(f, fixture_cheap_agent(f, "olga", "owner"));
    struct customer_claims rows[] = {claims_of("u-100", "Wang Wei"), claims_of("u-101", "王小明"),
                                     claims_of("x-7", "Élodie")};
    struct visitor_opened out;
    rows[0].email = STR("Wei@Example.com");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ASSERT_OK(f, open_widget(f, STR(""), &rows[i], &out));
    }
    static const struct {
        const char *query;
        size_t n;
    } cases[] = {{"", 3},       {"u-10", 2}, {"u-101", 1}, {"wang", 1},
                 {"WANG W", 1}, {"王", 1},   {"小明", 0},  {"wei@ex", 1},
                 {"éLO", 1},    {"%", 0},    {"u_1", 0},   {"' OR 1=1 --", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct customer *list;
        size_t n;
        ASSERT_OK(f, customer_service_search(f->identity, &olga, str_from(cases[i].query), 0, 10,
                                             f->arena, &list, &n, &f->info));
        if (n != cases[i].n) {
            fail_msg("%s: %zu", cases[i].query, n);
        }
    }
    struct customer *list;
    size_t n;
    ASSERT_OK(f, customer_service_search(f->identity, &olga, STR(""), 0, 2, f->arena, &list, &n,
                                         &f->info));
    assert_int_equal(n, 2);
    ASSERT_OK(f, customer_service_search(f->identity, &olga, STR(""), list[1].id.v, 2, f->arena,
                                         &list, &n, &f->info));
    assert_int_equal(n, 1);
}

static void a_profile_is_checked_and_not_overwritten_blindly(void **state)
{
    struct fixture *f = *state;
    struct actor anna = fixture_actor(f, fixture_cheap_agent(f, "anna", "agent"));
    struct actor audit = fixture_actor(f, fixture_cheap_agent(f, "otto", "auditor"));
    struct visitor_opened v;
    struct customer c;
    ASSERT_OK(f, open_widget(f, STR(""), NULL, &v));
    struct str bad_mail = STR("not an address");
    struct str bad_zone = STR("../../etc/passwd");
    struct str name = STR("  Wang  ");
    ASSERT_CODE(f,
                customer_service_update(f->identity, &anna, v.customer.id, 1,
                                        &(struct customer_patch){.email = &bad_mail}, f->arena, &c,
                                        &f->info),
                ERR_INVALID, "format");
    ASSERT_CODE(f,
                customer_service_update(f->identity, &anna, v.customer.id, 1,
                                        &(struct customer_patch){.zone = &bad_zone}, f->arena, &c,
                                        &f->info),
                ERR_INVALID, "format");
    ASSERT_CODE(f,
                customer_service_update(f->identity, &audit, v.customer.id, 1,
                                        &(struct customer_patch){.name = &name}, f->arena, &c,
                                        &f->info),
                ERR_DENIED, "permission");
    ASSERT_OK(f, customer_service_update(f->identity, &anna, v.customer.id, 1,
                                         &(struct customer_patch){.name = &name}, f->arena, &c,
                                         &f->info));
    assert_true(str_eq_cstr(c.name, "Wang"));
    assert_int_equal(c.version, 2);
    ASSERT_CODE(f,
                customer_service_update(f->identity, &anna, v.customer.id, 1,
                                        &(struct customer_patch){.name = &name}, f->arena, &c,
                                        &f->info),
                ERR_CONFLICT, "version_mismatch");
    ASSERT_CODE(f,
                customer_service_update(f->identity, &anna, (struct customer_id){999}, 1,
                                        &(struct customer_patch){.name = &name}, f->arena, &c,
                                        &f->info),
                ERR_NOT_FOUND, "not_found");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_other_roles_of_the_trade_fit_without_code),
        TEST(rules_of_roles),
        TEST(there_is_always_an_owner),
        TEST(an_admin_has_no_power_over_an_owner),
        TEST(a_deactivated_agent_is_out_at_once),
        TEST(what_routing_needs_of_agents),
        TEST(a_change_of_team_reaches_the_session_at_once),
        TEST(an_anonymous_visitor_comes_back),
        TEST(a_token_is_good_for_its_inbox_only),
        TEST(a_session_token_and_a_visitor_token_are_not_the_same_thing),
        TEST(a_visitor_who_signs_in_keeps_the_conversation),
        TEST(an_anonymous_visitor_is_merged_into_a_known_customer),
        TEST(signing_in_never_merges_somebody_who_is_signed_in),
        TEST(a_signed_in_widget_needs_a_fresh_identity_after_a_day),
        TEST(an_identity_with_a_jti_works_once),
        TEST(customers_are_found_by_prefix),
        TEST(a_profile_is_checked_and_not_overwritten_blindly),
    };
    return crypto_init() == ERR_OK ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
