/* Search: the words, recall against a substring scan, the index thread over restarts and changes. */
#include "tmpdb.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "platform/db_tokens.h"

static const struct db_migration migrations[] = {
    {1, "docs",
     "CREATE TABLE docs (id {{ID}}, text TEXT NOT NULL) {{STRICT}};"
     "CREATE TABLE doc_changes (id {{ID}}, doc_id {{I64}} NOT NULL, old_text TEXT NOT NULL, "
     "new_text TEXT) {{STRICT}};"},
};
static const struct db_index_source sources[] = {
    {"doc", "SELECT id, text FROM docs WHERE id > $1 ORDER BY id LIMIT $2",
     "SELECT id, doc_id, old_text, new_text FROM doc_changes WHERE id > $1 ORDER BY id LIMIT $2"},
};
static const struct db_options options = {
    .migrations = migrations, .n_migrations = 1, .sources = sources, .n_sources = 1};

/* ---- words ---- */

static int collect(void *arg, struct str token, size_t from, size_t to)
{
    struct buf *b = arg;
    (void)from;
    (void)to;
    (void)buf_add_str(b, token);
    (void)buf_add_char(b, '|');
    return 0;
}

static void text_becomes_pairs_and_folded_words(void **state)
{
    (void)state;
    const struct {
        const char *name, *text, *doc, *query;
    } cases[] = {
        {"latin", "Hello, WORLD 42x", "hello|world|42x|", "hello|world|42x|"},
        {"han", "退款申请", "退款|款申|申请|请|", "退款|款申|申请|"},
        {"one han", "款", "款|", "款|"},
        {"mixed", "USDT提现failed", "usdt|提现|现|failed|", "usdt|提现|failed|"},
        {"punctuation cuts runs", "冻结，账户。", "冻结|结|账户|户|", "冻结|账户|"},
        {"full width", "ＡＢｃ１２", "abc12|", "abc12|"},
        {"kana", "カード", "カー|ード|ド|", "カー|ード|"},
        {"emoji separates", "冻\xF0\x9F\x98\x80结", "冻|结|", "冻|结|"},
        {"broken bytes separate", "ab\xFF\xE5冻", "ab|冻|", "ab|冻|"},
        {"empty", "", "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        BUF_AUTO b;
        buf_init(&b, 4096);
        assert_int_equal(db_tokens(str_from(cases[i].text), false, collect, &b), 0);
        if (!str_eq_cstr(buf_str(&b), cases[i].doc)) {
            fail_msg("%s: " STR_FMT, cases[i].name, STR_ARG(buf_str(&b)));
        }
        buf_clear(&b);
        assert_int_equal(db_tokens(str_from(cases[i].text), true, collect, &b), 0);
        if (!str_eq_cstr(buf_str(&b), cases[i].query)) {
            fail_msg("%s, query: " STR_FMT, cases[i].name, STR_ARG(buf_str(&b)));
        }
    }
}

static void a_match_is_found_where_it_stands(void **state)
{
    (void)state;
    const struct {
        const char *text, *query;
        int at, len; /* -1: none */
    } cases[] = {
        {"please REFUND me", "refund", 7, 6},
        {"prerefund refunds", "refund", 10, 6},
        {"the fee", "fe", -1, 0},
        {"我的账户被冻结了", "冻结", 15, 6},
        {"我的账户被冻结了", "结冻", -1, 0},
        {"冻,结", "冻结", -1, 0},
        {"ＵＳＤＴ到账", "usdt", 0, 12},
        {"到账 USDT", "usdt 提现", 7, 4},
        {"", "x", -1, 0},
        {"abc", "", -1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t at = 0;
        size_t len = 0;
        bool found = db_search_match(str_from(cases[i].text), str_from(cases[i].query), &at, &len);
        if (found != (cases[i].at >= 0) ||
            (found && ((int)at != cases[i].at || (int)len != cases[i].len))) {
            fail_msg("%s in %s: %d %zu %zu", cases[i].query, cases[i].text, found, at, len);
        }
    }
}

/* ---- recall ---- */

struct doc {
    int64_t id;
    struct str text;
};

struct change {
    int64_t id;
    struct str old_text, new_text; /* new_text.p NULL: removed */
};

struct corpus {
    struct arena *arena;
    VEC(struct doc) docs;
    size_t n_stored;
    struct change changes[60];
    size_t n_changes;
    struct rng rng;
};

/* Few different characters, so that short queries hit often and in every position. */
static struct str random_text(struct corpus *c, size_t max_chars)
{
    static const char *const alphabet[] = {"冻", "结", "款", "提", "现", "币", "账", "，",
                                           " ",  "a",  "b",  "1",  "é",  "の", "。"};
    struct buf b;
    buf_init(&b, 4096);
    size_t n = 1 + (size_t)rng_below(&c->rng, max_chars);
    for (size_t i = 0; i < n; i++) {
        (void)buf_add_cstr(
            &b, alphabet[rng_below(&c->rng, rng_below(&c->rng, 3) == 0 ? ARRAY_LEN(alphabet) : 7)]);
    }
    struct str s = str_dup(c->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

static enum err insert_docs(struct db_txn *txn, void *arg)
{
    struct corpus *c = arg;
    for (size_t i = c->n_stored; i < c->docs.len; i++) {
        struct doc *d = &c->docs.items[i];
        enum err err = DB_QUERY_I64(txn, &d->id, "INSERT INTO docs (text) VALUES ($1) RETURNING id",
                                    db_text(d->text));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err add_docs(struct db *db, struct corpus *c)
{
    for (int i = 0; i < 200; i++) {
        struct doc d = {.text = random_text(c, 40)};
        VEC_PUSH(&c->docs, d);
    }
    enum err err = db_write(db, insert_docs, c);
    c->n_stored = c->docs.len;
    return err;
}

static enum err apply_changes(struct db_txn *txn, void *arg)
{
    const struct corpus *c = arg;
    for (size_t i = 0; i < c->n_changes; i++) {
        const struct change *ch = &c->changes[i];
        bool is_removed = ch->new_text.p == NULL;
        enum err err = is_removed ? DB_EXEC(txn, "DELETE FROM docs WHERE id = $1", db_i64(ch->id))
                                  : DB_EXEC(txn, "UPDATE docs SET text = $2 WHERE id = $1",
                                            db_i64(ch->id), db_text(ch->new_text));
        if (err == ERR_OK) {
            err = DB_EXEC(
                txn, "INSERT INTO doc_changes (doc_id, old_text, new_text) VALUES ($1, $2, $3)",
                db_i64(ch->id), db_text(ch->old_text),
                is_removed ? db_null() : db_text(ch->new_text));
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err change_docs(struct db *db, struct corpus *c)
{
    c->n_changes = 0;
    for (size_t i = 0; i < ARRAY_LEN(c->changes); i++) {
        struct doc *d = &c->docs.items[rng_below(&c->rng, c->docs.len)];
        if (d->text.p == NULL) {
            continue;
        }
        struct change *ch = &c->changes[c->n_changes++];
        ch->id = d->id;
        ch->old_text = d->text;
        ch->new_text = rng_below(&c->rng, 4) == 0 ? (struct str){NULL, 0} : random_text(c, 40);
        d->text = ch->new_text;
    }
    return db_write(db, apply_changes, c);
}

struct ask {
    struct str query;
    int64_t before_id;
    size_t limit;
    int64_t ids[5000];
    size_t n;
};

static enum err do_ask(struct db_txn *txn, void *arg)
{
    struct ask *a = arg;
    return db_search(txn, "doc", a->query, a->before_id, a->limit, a->ids, &a->n);
}

/* Every query of 1 to 4 characters without separators must find exactly what a scan finds, newest first. */
static void check_recall(struct db *db, struct corpus *c, int n_queries)
{
    static const char *const han[] = {"冻", "结", "款", "提", "现", "币", "账"};
    static struct ask ask;
    for (int q = 0; q < n_queries; q++) {
        char query[64] = "";
        size_t n_chars = 1 + (size_t)rng_below(&c->rng, 4);
        size_t len = 0;
        for (size_t i = 0; i < n_chars; i++) {
            len += (size_t)snprintf(query + len, sizeof(query) - len, "%s",
                                    han[rng_below(&c->rng, ARRAY_LEN(han))]);
        }
        ask = (struct ask){.query = str_from(query), .limit = ARRAY_LEN(ask.ids)};
        assert_int_equal(db_read(db, do_ask, &ask), ERR_OK);
        size_t n_want = 0;
        for (size_t i = c->docs.len; i-- > 0;) {
            const struct doc *d = &c->docs.items[i];
            if (d->text.p != NULL && str_find(d->text, ask.query) != SIZE_MAX) {
                if (n_want >= ask.n || ask.ids[n_want] != d->id) {
                    fail_msg("%s: document %lld is missing", query, (long long)d->id);
                }
                n_want++;
                size_t at = 0;
                size_t match_len = 0;
                assert_true(db_search_match(d->text, ask.query, &at, &match_len));
                assert_int_equal(match_len, ask.query.len);
            }
        }
        assert_int_equal(ask.n, n_want);
    }
}

static void recall_equals_a_substring_scan(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct corpus c = {.arena = arena_new(0)};
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&c.rng, seed);
    tmpdb_dir(&t);
    tmpdb_reopen(&t, &options);
    for (int round = 0; round < 6; round++) {
        assert_int_equal(add_docs(t.db, &c), ERR_OK);
        if (round % 2 == 0) {
            assert_true(db_index_wait(
                t.db, 5000)); /* sometimes the index sees a row before it changes, sometimes not */
        }
        assert_int_equal(change_docs(t.db, &c), ERR_OK);
        assert_int_equal(change_docs(t.db, &c), ERR_OK);
        if (round == 3) {
            tmpdb_reopen(&t, &options);
        }
        assert_true(db_index_wait(t.db, 5000));
        check_recall(t.db, &c, 60);
    }
    assert_int_equal(db_index_rebuild(t.db), ERR_OK);
    assert_true(db_index_wait(t.db, 5000));
    check_recall(t.db, &c, 60);
    VEC_RELEASE(&c.docs);
    arena_free(&c.arena);
    tmpdb_close(&t);
}

/* ---- pages and words ---- */

static enum err insert_words(struct db_txn *txn, void *arg)
{
    const char *const *texts = arg;
    for (; *texts != NULL; texts++) {
        enum err err =
            DB_EXEC(txn, "INSERT INTO docs (text) VALUES ($1)", db_text(str_from(*texts)));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static void all_words_must_match_and_pages_follow_each_other(void **state)
{
    (void)state;
    static const char *texts[] = {"Refund of USDT",
                                  "the refunds are late",
                                  "退款 USDT 到账",
                                  "0xAbCdef0123456789abcdef hash",
                                  "\"quoted\" OR (evil* NEAR",
                                  NULL};
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    tmpdb_reopen(&t, &options);
    assert_int_equal(db_write(t.db, insert_words, texts), ERR_OK);
    assert_true(db_index_wait(t.db, 5000));
    const struct {
        const char *query;
        int64_t before;
        size_t limit, n;
        int64_t first;
    } cases[] = {
        {"refund", 0, 10, 2, 2}, /* with an s too */
        {"REFUNDS", 0, 10, 2, 2},
        {"refu", 0, 10, 2, 2}, /* nothing has it as a word: as the beginning of one */
        {"late refunds", 0, 10, 1, 2},
        {"lat usdt", 0, 10, 0, 0},
        {"usdt", 0, 10, 2, 3},
        {"usdt 退款", 0, 10, 1, 3},
        {"usdt", 3, 10, 1, 1},
        {"usdt", 0, 1, 1, 3},
        {"0xabcdef01", 0, 10, 1, 4},
        {"0XABCDEF0123456789ABCDEF", 0, 10, 1, 4},
        {"us", 0, 10, 0, 0},
        {"\" OR usdt", 0, 10, 0, 0}, /* no syntax: "or" is a word */
        {"evil* AND (", 0, 10, 0, 0},
        {"quoted", 0, 10, 1, 5},
        {"  ", 0, 10, 0, 0},
        {"，。", 0, 10, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        static struct ask ask;
        ask = (struct ask){.query = str_from(cases[i].query),
                           .before_id = cases[i].before,
                           .limit = cases[i].limit};
        assert_int_equal(db_read(t.db, do_ask, &ask), ERR_OK);
        if (ask.n != cases[i].n || (ask.n > 0 && ask.ids[0] != cases[i].first)) {
            fail_msg("%s: %zu hits", cases[i].query, ask.n);
        }
    }
    tmpdb_close(&t);
}

/* ---- crash ---- */

static enum err count_docs(struct db_txn *txn, void *arg)
{
    return db_query_i64(txn, "SELECT COUNT(*) FROM docs WHERE text LIKE '%冻结%'", NULL, 0, arg);
}

static void the_index_goes_on_after_a_kill_in_the_middle(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    tmpdb_dir(&t);
    for (int round = 0; round < 3; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct corpus c = {.arena = arena_new(0)};
            rng_init(&c.rng, rng_u64());
            tmpdb_reopen(&t, &options);
            for (;;) {
                (void)(add_docs(t.db, &c) == ERR_OK && rng_below(&c.rng, 3) == 0 &&
                       db_index_wait(t.db, 1000));
            }
        }
        struct timespec ts = {0, 60000000 + (long)(rng_u64() % 60000000)};
        ts.tv_nsec += tmpdb_pg() != NULL ? 500000000 : 0; /* connecting takes its time */
        (void)nanosleep(&ts, NULL);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
    }
    tmpdb_reopen(&t, &options);
    assert_true(db_index_wait(t.db, 5000));
    static struct ask ask;
    ask = (struct ask){.query = STR("冻结"), .limit = ARRAY_LEN(ask.ids)};
    int64_t n_scan = 0;
    assert_int_equal(db_read(t.db, do_ask, &ask), ERR_OK);
    assert_int_equal(db_read(t.db, count_docs, &n_scan), ERR_OK);
    assert_true(n_scan > 0);
    assert_int_equal(ask.n, n_scan < (int64_t)ask.limit ? n_scan : (int64_t)ask.limit);
    tmpdb_close(&t);
}

static void a_lost_or_broken_index_file_is_made_anew(void **state)
{
    (void)state;
    struct tmpdb t = {0};
    struct corpus c = {.arena = arena_new(0)};
    rng_init(&c.rng, 1);
    tmpdb_dir(&t);
    tmpdb_reopen(&t, &options);
    assert_int_equal(add_docs(t.db, &c), ERR_OK);
    assert_true(db_index_wait(t.db, 5000));
    for (int i = 0; i < 2; i++) {
        db_close(&t.db);
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/test-search.db", t.dir);
        if (i == 0) {
            assert_int_equal(unlink(path), 0);
        } else {
            FILE *f = fopen(path, "w");
            assert_non_null(f);
            (void)fputs("this is not a database, it only stands where one should be, and is long "
                        "enough to be looked at",
                        f);
            (void)fclose(f);
        }
        tmpdb_reopen(&t, &options);
        assert_true(db_index_wait(t.db, 5000));
        check_recall(t.db, &c, 10);
    }
    VEC_RELEASE(&c.docs);
    arena_free(&c.arena);
    tmpdb_close(&t);
}

/* ---- both engines ---- */

static const char *const vocabulary[] = {
    "refund",   "refunds",        "ref",      "Refunded",   "deposit",    "deposits", "USDT",
    "ＵＳＤＴ", "0x12ab34cd56ef", "0x12ab99", "TX998877",   "tx",         "s",        "cafe\u0301",
    "café",     "冻结",           "账户冻结", "冻结账户",   "提现",       "款",       "退款申请",
    "カード",   "한국어",         "a",        "withdrawal", "with",       "привет",   "100.50",
    "don't",    "网络USDT提现",   "验证码",   "验证",       "\U0001F600", "ETH-2.0",  "结"};

static struct str random_words(struct corpus *c, size_t max_words, bool may_be_cut)
{
    static const char *const between[] = {" ", "，", ". ", "", "\n", " - "};
    struct buf b;
    buf_init(&b, 8192);
    size_t n = 1 + (size_t)rng_below(&c->rng, max_words);
    for (size_t i = 0; i < n; i++) {
        struct str word = str_from(vocabulary[rng_below(&c->rng, ARRAY_LEN(vocabulary))]);
        if (may_be_cut && rng_below(&c->rng, 4) == 0) {
            word = utf8_cut(word, 1 + (size_t)rng_below(&c->rng, word.len));
        }
        (void)buf_add_str(&b, word);
        (void)buf_add_cstr(&b, between[rng_below(&c->rng, ARRAY_LEN(between))]);
    }
    struct str s = str_dup(c->arena, buf_str(&b));
    buf_release(&b);
    return s;
}

static enum err insert_with_ids(struct db_txn *txn, void *arg)
{
    const struct corpus *c = arg;
    for (size_t i = 0; i < c->docs.len; i++) {
        enum err err = DB_EXEC_LATER(txn, "INSERT INTO docs (id, text) VALUES ($1, $2)",
                                     db_i64(c->docs.items[i].id), db_text(c->docs.items[i].text));
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static void both_engines_find_the_same(void **state)
{
    (void)state;
    if (tmpdb_pg() == NULL) {
        skip();
    }
    struct tmpdb dbs[2] = {{.is_file = true}, {.is_file = false}};
    struct corpus c = {.arena = arena_new(0)};
    uint64_t seed = rng_u64();
    print_message("seed %llu\n", (unsigned long long)seed);
    rng_init(&c.rng, seed);
    for (int64_t id = 1; id <= 3000; id++) {
        struct doc d = {.id = id, .text = random_words(&c, 12, false)};
        VEC_PUSH(&c.docs, d);
    }
    for (int i = 0; i < 2; i++) {
        tmpdb_dir(&dbs[i]);
        tmpdb_reopen(&dbs[i], &options);
        assert_int_equal(db_write(dbs[i].db, insert_with_ids, &c), ERR_OK);
        assert_true(db_index_wait(dbs[i].db, 20000));
    }
    size_t n_hits = 0;
    for (int q = 0; q < 400; q++) {
        static struct ask asks[2];
        struct str query = random_words(&c, 1 + (size_t)rng_below(&c.rng, 3), true);
        int64_t before = rng_below(&c.rng, 3) == 0 ? 1 + (int64_t)rng_below(&c.rng, 3000) : 0;
        size_t limit = rng_below(&c.rng, 4) == 0 ? 5000 : 1 + (size_t)rng_below(&c.rng, 30);
        for (int i = 0; i < 2; i++) {
            asks[i] = (struct ask){.query = query, .before_id = before, .limit = limit};
            assert_int_equal(db_read(dbs[i].db, do_ask, &asks[i]), ERR_OK);
        }
        if (asks[0].n != asks[1].n ||
            memcmp(asks[0].ids, asks[1].ids, asks[0].n * sizeof(asks[0].ids[0])) != 0) {
            fail_msg("\"" STR_FMT "\" before %lld: %zu and %zu hits", STR_ARG(query),
                     (long long)before, asks[0].n, asks[1].n);
        }
        n_hits += asks[0].n;
    }
    assert_true(n_hits > 1000);
    for (int i = 0; i < 2; i++) {
        tmpdb_close(&dbs[i]);
    }
    VEC_RELEASE(&c.docs);
    arena_free(&c.arena);
}

static void the_index_file_may_be_lost(void **state)
{
    if (tmpdb_pg() != NULL) {
        skip(); /* there is none */
    }
    a_lost_or_broken_index_file_is_made_anew(state);
}

int main(void)
{
    log_setup(LOG_LEVEL_OFF, LOG_FORMAT_TEXT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_pairs_and_folded_words),
        cmocka_unit_test(a_match_is_found_where_it_stands),
        cmocka_unit_test(recall_equals_a_substring_scan),
        cmocka_unit_test(all_words_must_match_and_pages_follow_each_other),
        cmocka_unit_test(the_index_goes_on_after_a_kill_in_the_middle),
        cmocka_unit_test(the_index_file_may_be_lost),
        cmocka_unit_test(both_engines_find_the_same),
    };
    return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
