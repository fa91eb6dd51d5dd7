/* How the database finds what the console asks for. Every statement that ran is taken from the connection itself (sqlite_stmt), so that none is forgotten here,
 * and its plan is judged: what grows with the history of the desk is entered through an index, and never sorted. */
#include "fixture.h"

#include "desk/canned.h"
#include "desk/draft.h"
#include "desk/live.h"
#include "desk/mention.h"
#include "groups.h"

/* As long as the staff, not as the history. */
static const char *const small_tables[] = {
    "agents", "teams", "team_members", "roles", "inboxes", "presence", "workspace", "canned", NULL};
/* Partial indexes over what runs just now: reading one through, or sorting what it found, costs what is going on. */
static const char *const running_indexes[] = {
    "conversations_running",     "conversations_snoozed",
    "conversations_of_assignee", "conversations_by_handler",
    "conversations_current",     "offers_open",
    "offers_of_agent",           "timers_due",
    "mentions_unseen",           NULL};

static bool has_any(struct str s, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (str_find(s, str_from(words[i])) != SIZE_MAX) {
            return true;
        }
    }
    return false;
}

/* ---- what the console asks ---- */

struct asking {
    struct fixture *f;
    struct actor agent;
};

static enum err ask_rows_fn(struct db_txn *txn, void *arg)
{
    struct asking *a = arg;
    struct arena *arena = a->f->arena;
    struct conversation *list = NULL;
    struct routing_facts facts;
    struct message *messages = NULL;
    size_t n = 0;
    int64_t count = 0;
    enum err err = ERR_OK;
    for (int view = 0; view < CONVERSATION_N_VIEWS && err == ERR_OK; view++) {
        struct conversation_query q = {.view = (enum conversation_view)view,
                                       .me = a->agent.agent,
                                       .teams = STR(","),
                                       .limit = 60};
        err = conversation_list(txn, &q, arena, &list, &n);
        q.by_waiting = true;
        err = err != ERR_OK ? err : conversation_list(txn, &q, arena, &list, &n);
        if (view != VIEW_RESOLVED) { /* nobody counts those */
            err = err != ERR_OK ? err : conversation_count_view(txn, &q, &count);
        }
    }
    err = err != ERR_OK ? err
                        : conversation_list_of_customer(txn, (struct customer_id){1}, a->f->inbox,
                                                        0, 30, arena, &list, &n);
    err = err != ERR_OK
              ? err
              : conversation_load_latest(txn, (struct customer_id){1}, a->f->inbox, arena, list);
    err = err == ERR_NOT_FOUND ? ERR_OK : err;
    err = err != ERR_OK
              ? err
              : message_list(txn, (struct conversation_id){1}, 0, false, 30, arena, &messages, &n);
    return err != ERR_OK ? err : routing_load(a->f->desk, txn, arena, true, &facts);
}

/* The lists, each into an object of its own. */
static void ask_list(struct fixture *f, const struct actor *agent, int which)
{
    BUF_AUTO b;
    buf_init(&b, 1024 * 1024);
    struct json_writer w;
    json_writer_init(&w, &b);
    if (which == 0) {
        assert_int_equal(live_read(f->desk, agent, f->arena, &w, NULL), ERR_OK);
        return;
    }
    json_object_begin(&w);
    assert_int_equal(which == 3
                         ? draft_read_list(f->desk, agent, 0, 30, f->arena, &w, NULL)
                         : mention_read_list(f->desk, agent, which == 1, 0, 30, f->arena, &w, NULL),
                     ERR_OK);
    json_object_end(&w);
}

static void ask_everything(struct fixture *f, const struct actor *agent)
{
    struct asking a = {f, *agent};
    assert_int_equal(db_read(f->db.db, ask_rows_fn, &a), ERR_OK);
    for (int which = 0; which < 4; which++) {
        ask_list(f, agent, which);
    }
}

/* ---- what the database did ---- */

enum { MAX_STATEMENTS = 300 };
struct seen {
    struct arena *arena;
    struct str sql[MAX_STATEMENTS];
    struct str plan[MAX_STATEMENTS]; /* lines */
    size_t n;
};

static bool is_new(const struct seen *s, struct str sql)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_eq(s->sql[i], sql)) {
            return false;
        }
    }
    return true;
}

enum { MAX_PARAMS = 16 };

static size_t n_params(struct str sql)
{
    size_t max = 0;
    for (size_t i = 0; i + 1 < sql.len; i++) {
        size_t n = 0;
        for (size_t at = i + 1;
             sql.p[i] == '?' && at < sql.len && sql.p[at] >= '0' && sql.p[at] <= '9'; at++) {
            n = n * 10 + (size_t)(sql.p[at] - '0');
        }
        max = n > max ? n : max;
    }
    assert_true(max <= MAX_PARAMS);
    return max;
}

static enum err plan_fn(struct db_txn *txn, void *arg)
{
    struct seen *s = arg;
    struct db_rows *rows = NULL;
    size_t from = s->n;
    struct db_val none[MAX_PARAMS];
    for (size_t i = 0; i < MAX_PARAMS; i++) {
        none[i] = db_i64(0);
    }
    enum err err = db_query(
        txn,
        "SELECT sql FROM sqlite_stmt WHERE sql LIKE 'SELECT%' AND sql NOT LIKE '%sqlite_stmt%'",
        NULL, 0, &rows);
    if (err != ERR_OK) {
        return err;
    }
    while (s->n < MAX_STATEMENTS && db_rows_next(rows)) {
        if (is_new(s, db_rows_str(rows, 0))) {
            s->sql[s->n++] = db_rows_dup(rows, 0, s->arena);
        }
    }
    err = db_rows_close(&rows);
    for (size_t i = from; i < s->n && err == ERR_OK; i++) {
        struct str explain =
            str_printf(s->arena, "EXPLAIN QUERY PLAN " STR_FMT, STR_ARG(s->sql[i]));
        BUF_AUTO b;
        buf_init(&b, 8192);
        err = db_query(txn, explain.p, none, n_params(s->sql[i]), &rows);
        if (err != ERR_OK) {
            return err;
        }
        while (db_rows_next(rows)) {
            struct str line = db_rows_str(rows, 3);
            (void)buf_printf(&b, STR_FMT "\n", STR_ARG(line));
        }
        err = db_rows_close(&rows);
        s->plan[i] = str_dup(s->arena, buf_str(&b));
    }
    return err;
}

/* One line of a plan; NULL: fine. */
static const char *judge(struct str line, struct str plan)
{
    bool is_scan = str_starts(line, STR("SCAN "));
    bool is_sort = str_starts(line, STR("USE TEMP B-TREE"));
    if (is_scan && !str_eq(line, STR("SCAN a")) /* agents */ && !has_any(line, running_indexes) &&
        !has_any(line, small_tables) && str_find(line, STR("CONSTANT ROW")) == SIZE_MAX &&
        str_find(line, STR("sqlite_")) == SIZE_MAX && str_find(line, STR("recent")) == SIZE_MAX &&
        str_find(line, STR("SCAN offers")) == SIZE_MAX) {
        return "reads all of it";
    }
    /* Offers are read from the newest on, and no further than the limit. */
    bool is_bounded = has_any(plan, running_indexes) || has_any(plan, small_tables) ||
                      str_find(plan, STR("recent")) != SIZE_MAX ||
                      str_find(plan, STR("created_at>?")) != SIZE_MAX ||
                      str_find(plan, STR("resolved_at>?")) != SIZE_MAX ||
                      str_find(plan, STR("answered_at>?")) != SIZE_MAX;
    return is_sort && !is_bounded ? "sorts what grows" : NULL;
}

static const struct str *plan_of(const struct seen *s, const char *needle_a, const char *needle_b)
{
    for (size_t i = 0; i < s->n; i++) {
        if (str_find(s->sql[i], str_from(needle_a)) != SIZE_MAX &&
            str_find(s->sql[i], str_from(needle_b)) != SIZE_MAX) {
            return &s->plan[i];
        }
    }
    return NULL;
}

static struct seen *see(struct fixture *f)
{
    struct actor agent = fixture_agent(f, "Sue", "supervisor", (struct team_id){0});
    struct seen *s = ARENA_NEW(f->arena, struct seen);
    s->arena = f->arena;
    /* Readers are several; whichever answered has its statements. */
    for (int i = 0; i < 16; i++) {
        ask_everything(f, &agent);
        assert_int_equal(db_read(f->db.db, plan_fn, s), ERR_OK);
    }
    return s;
}

static void nothing_that_grows_is_read_through_or_sorted(void **state)
{
    struct fixture *f = *state;
    struct seen *s = see(f);
    int n_bad = 0;
    for (size_t i = 0; i < s->n; i++) {
        struct str rest = s->plan[i], line = {0};
        while (rest.len > 0 && str_split(&rest, '\n', &line)) {
            const char *why = line.len > 0 ? judge(line, s->plan[i]) : NULL;
            if (why != NULL) {
                n_bad++;
                print_error("%s: " STR_FMT "\n    " STR_FMT "\n", why, STR_ARG(line),
                            STR_ARG(s->sql[i]));
            }
        }
    }
    assert_int_equal(n_bad, 0);
    assert_true(s->n >= 40); /* it looked at something */
}

/* The lists that get long are read in the order of their index, entered at the cursor. */
static void long_lists_come_in_the_order_of_an_index(void **state)
{
    struct fixture *f = *state;
    struct seen *s = see(f);
    static const struct {
        const char *where, *order, *index;
    } lists[] = {
        {"c.state IN (0, 1) AND c.handler >= 1 AND", "ORDER BY c.updated_at DESC",
         "conversations_running (updated_at<?)"},
        {"WHERE c.state = 2 AND", "ORDER BY c.updated_at DESC",
         "conversations_snoozed (updated_at<?)"},
        {"WHERE c.state = 3 AND", "ORDER BY c.resolved_at DESC",
         "conversations_resolved (resolved_at<?)"},
        {"FROM messages m", "ORDER BY m.seq DESC", "(conversation_id=? AND seq<?)"},
        {"FROM mentions t", "AND t.seen_at IS NULL ORDER BY",
         "mentions_unseen_recent (agent_id=? AND message_id<?)"},
        {"FROM mentions t", "< ?2 ORDER BY", "(agent_id=? AND message_id<?)"},
        {"FROM drafts d", "ORDER BY d.conversation_id DESC", "(agent_id=? AND conversation_id<?)"},
        {"FROM messages WHERE author_id",
         "created_at >=", "INDEX messages_replies (author_id=? AND created_at>?)"},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const struct str *plan = plan_of(s, lists[i].where, lists[i].order);
        if (plan == NULL) {
            fail_msg("%s %s was not asked", lists[i].where, lists[i].order);
            return;
        }
        if (str_find(*plan, str_from(lists[i].index)) == SIZE_MAX ||
            str_find(*plan, STR("ORDER BY")) != SIZE_MAX) {
            fail_msg("%s %s:\n" STR_FMT, lists[i].where, lists[i].order, STR_ARG(*plan));
        }
    }
}

int test_plans(void)
{
    if (tmpdb_pg() != NULL) {
        print_message("skipped: the plans are SQLite's\n");
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_that_grows_is_read_through_or_sorted, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(long_lists_come_in_the_order_of_an_index, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
