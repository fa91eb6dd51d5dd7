/* Leases, with two nodes in one process. Real time, but short leases: what is measured is a watch, not a clock. */
#include "tmpdb.h"

#include <time.h>

#include "base/buf.h"
#include "platform/node.h"

static void nap_ms(int64_t ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&ts, NULL);
}

struct seen {
    int64_t ended[8];
    int n_ended, n_lost, n_ticks;
};

static enum err note_ended(struct db_txn *txn, void *arg, int64_t id)
{
    (void)txn;
    struct seen *s = arg;
    s->ended[s->n_ended++] = id;
    return ERR_OK;
}

static void note_lost(void *arg)
{
    ((struct seen *)arg)->n_lost++;
}

static void note_tick(void *arg)
{
    ((struct seen *)arg)->n_ticks++;
}

static struct node *open_node(struct tmpdb *t, const char *name, struct seen *seen)
{
    struct node *n = NULL;
    struct node_options o = {.db = t->db,
                             .clock = clock_system(),
                             .name = str_from(name),
                             .version = STR("1"),
                             .schema_version = 13,
                             .lease_ms = 300};
    assert_int_equal(node_open(&o, &n, NULL), ERR_OK);
    node_on_ended(n, note_ended, seen);
    node_on_lost(n, note_lost, seen);
    node_on_tick(n, note_tick, seen);
    return n;
}

struct asked {
    int64_t id;
    const uint8_t *key;
};

static enum err check_fn(struct db_txn *txn, void *arg)
{
    const struct asked *a = arg;
    return node_check(txn, a->id);
}

static enum err key_fn(struct db_txn *txn, void *arg)
{
    const struct asked *a = arg;
    return node_check_key(txn, a->key);
}

static bool is_held(struct tmpdb *t, int64_t id)
{
    struct asked a = {.id = id};
    enum err err = db_write(t->db, check_fn, &a);
    assert_true(err == ERR_OK || err == ERR_AGAIN);
    return err == ERR_OK;
}

/* Beats of `n` for so long, as its thread would. */
static void beat_for(struct node *n, int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 30) {
        node_beat_now(n);
        nap_ms(30);
    }
}

static bool is_shared(struct tmpdb *t)
{
    if (db_is_single_node(t->db)) {
        print_message("skipped: one process has this database for itself\n");
        return false;
    }
    return true;
}

static void a_silent_node_is_given_up(void **state)
{
    (void)state;
    struct tmpdb db = {0}, *t = &db;
    tmpdb_open(t);
    if (!is_shared(t)) {
        tmpdb_close(t);
        return;
    }
    struct seen a_seen = {0}, b_seen = {0};
    struct node *a = open_node(t, "a", &a_seen), *b = open_node(t, "b", &b_seen);
    int64_t a_id = node_id(a), b_id = node_id(b);
    assert_true(b_id > a_id);
    node_beat_now(a);
    node_beat_now(b);
    assert_int_equal(node_others(a), 1);
    assert_int_equal(a_seen.n_ticks, 1);
    for (int i = 0; i < 8; i++) { /* both beat: nobody is given up */
        node_beat_now(a);
        node_beat_now(b);
        nap_ms(60);
    }
    assert_int_equal(b_seen.n_ended, 0);
    assert_true(is_held(t, a_id));
    assert_true(node_is_alive(a));

    beat_for(b, 450); /* `a` is paused */
    assert_int_equal(b_seen.n_ended, 1);
    assert_true(b_seen.ended[0] == a_id);
    assert_false(is_held(t, a_id));
    assert_false(node_is_alive(a));
    assert_int_equal(node_others(b), 0);

    node_beat_now(a); /* and goes on */
    assert_int_equal(a_seen.n_lost, 1);
    assert_true(node_id(a) > b_id);
    assert_true(node_is_alive(a));
    assert_true(is_held(t, node_id(a)));
    assert_true(is_held(t, b_id)); /* it did not take its own blindness for b's silence */
    assert_int_equal(a_seen.n_ended, 0);
    node_stop(b);
    assert_false(is_held(t, b_id));
    assert_int_equal(b_seen.n_ended, 2);
    node_stop(a);
    node_free(&a);
    node_free(&b);
    tmpdb_close(t);
}

/* Nobody could beat while the database was away: whoever comes back first must not end the others. */
static void blindness_is_not_silence(void **state)
{
    (void)state;
    struct tmpdb db = {0}, *t = &db;
    tmpdb_open(t);
    if (!is_shared(t)) {
        tmpdb_close(t);
        return;
    }
    struct seen a_seen = {0}, b_seen = {0};
    struct node *a = open_node(t, "a", &a_seen), *b = open_node(t, "b", &b_seen);
    node_beat_now(a);
    node_beat_now(b);
    nap_ms(600);
    node_beat_now(a);
    node_beat_now(a);
    assert_int_equal(a_seen.n_ended, 0);
    node_beat_now(b);
    assert_int_equal(b_seen.n_lost, 0);
    node_stop(a);
    node_stop(b);
    node_free(&a);
    node_free(&b);
    tmpdb_close(t);
}

static enum err list_fn(struct db_txn *txn, void *arg)
{
    struct buf *b = arg;
    struct json_writer w;
    buf_clear(b);
    json_writer_init(&w, b);
    return node_write_json(NULL, txn, &w);
}

static void one_key_for_all(void **state)
{
    (void)state;
    struct tmpdb db = {0}, *t = &db;
    tmpdb_open(t);
    const uint8_t key[32] = {1, 2, 3}, other[32] = {1, 2, 4};
    struct asked mine = {.key = key}, wrong = {.key = other};
    assert_int_equal(db_write(t->db, key_fn, &mine), ERR_OK);
    assert_int_equal(db_write(t->db, key_fn, &mine), ERR_OK);
    assert_int_equal(db_write(t->db, key_fn, &wrong), ERR_CONFLICT);
    BUF_AUTO b;
    buf_init(&b, 1000);
    assert_int_equal(db_read(t->db, list_fn, &b), ERR_OK);
    assert_true(str_eq_cstr(buf_str(&b), "[]"));
    tmpdb_close(t);
}

int main(void)
{
    (void)unsetenv("SH_TEST_DB_REHEARSE"); /* note_ended counts how often it ran */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_node_is_given_up),
        cmocka_unit_test(blindness_is_not_silence),
        cmocka_unit_test(one_key_for_all),
    };
    return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
