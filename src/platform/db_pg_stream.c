/* Committed events to the bus, in the order of their ids: the one order that all nodes and all replays share.
 *
 * Ids come from a sequence before COMMIT, so 6 may be there while 5 is still under way: whoever reads on from 6 never sees 5. So nothing is read past the
 * horizon, below which every transaction is finished. It is found without a word from the writers: take the sequence's value S, then a transaction number X
 * of our own. All ids up to S belong to transactions with numbers below X (the column's default makes sure that a transaction has its number before
 * it takes an id). Once a snapshot's xmin has reached X they are all finished, committed or not, and S is the horizon. With nobody else writing that is
 * so at once, and a quiet desk waits for nothing. The snapshot's own xmax would not do for X: it is one past the highest number that has *finished*.
 *
 * One round trip asks for S, the snapshot with X (only if S has moved: an idle desk uses up no numbers), and the next events; the events' own
 * snapshot is the youngest of the three. After a commit of this node, or a hint of another one's (bus.h), it
 * looks at once, otherwise every second; five times a second while there is talk and the bus has no connection. The price: a long transaction anywhere in the cluster that writes (not pg_dump, which only
 * reads) holds the stream up; our own are bounded by statement and idle time limits.
 *
 * Rejected: NOTIFY (its queue is locked until the commit is on disk: one commit at a time); ordering by transaction number (means nothing after a restore into
 * another cluster); the horizon from shared advisory locks (a statement more in each transaction). */
#include "platform/db_pg.h"

#include <errno.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"
#include "platform/bus_impl.h"
#include "platform/db_migrate.h"

#define PG_STREAM_ROWS 500
#define PG_STREAM_IDLE_NS 1000000000LL
/* Between looks while there is talk (for so long after the last event) and nobody says when to look: no message server, or it is down. */
#define PG_STREAM_UNTOLD_NS 200000000LL
#define PG_STREAM_TALK_NS 10000000000LL
#define PG_STREAM_MARKS 16
#define PG_PLACE_TRIES 1000
#define PG_CATCH_UP_NS 100000000LL
/* Between two looks when they come thick: this for each event that the last one found, at most so long. One word is told at once, and thousands a second
 * are read some dozens at a time instead of a thousand times a second on each node. */
#define PG_STREAM_PAUSE_NS 1000000LL
#define PG_STREAM_PAUSE_MAX 5

struct pg_mark {
    int64_t id;  /* S */
    int64_t xid; /* X */
};

struct pg_stream {
    struct pg_db *db;
    struct pg_conn *conn;
    pthread_t thread;
    pthread_mutex_t lock; /* of the flags */
    pthread_cond_t wake;
    pthread_cond_t looked;
    bool is_stopping, is_kicked;
    uint64_t n_begun; /* looks */
    int64_t seen_id;  /* S of the last look that ended, which was the n_ended-th */
    uint64_t n_ended;
    atomic_int_fast64_t position; /* the last event that was told */
    atomic_int_fast64_t reached;  /* every event up to here is told, or there is none */
    int64_t horizon;
    int64_t timeline;                      /* of the server that the horizon is about */
    int n_found;                           /* events, by the last look */
    struct pg_mark marks[PG_STREAM_MARKS]; /* oldest first */
    size_t n_marks;
};

/* ---- asked by others ---- */

int64_t pg_stream_position(struct pg_db *db)
{
    return db->stream == NULL ? INT64_MAX : atomic_load(&db->stream->position);
}

int64_t pg_event_told(struct db *db)
{
    return pg_stream_position((struct pg_db *)db);
}

void pg_stream_look(struct pg_db *db)
{
    struct pg_stream *s = db->stream;
    if (s != NULL) {
        (void)pthread_mutex_lock(&s->lock);
        s->is_kicked = true;
        (void)pthread_cond_signal(&s->wake);
        (void)pthread_mutex_unlock(&s->lock);
    }
}

void pg_event_look(struct db *db)
{
    pg_stream_look((struct pg_db *)db);
}

/* A look that begins after now sees everything committed before; then the position must reach what it saw. */
void pg_event_catch_up(struct db *base)
{
    struct pg_stream *s = ((struct pg_db *)base)->stream;
    if (s == NULL) {
        return;
    }
    int64_t at = time_monotonic_ns() + PG_CATCH_UP_NS;
    struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    (void)pthread_mutex_lock(&s->lock);
    uint64_t wanted = s->n_begun + 1;
    s->is_kicked = true;
    (void)pthread_cond_signal(&s->wake);
    int rc = 0;
    while (rc != ETIMEDOUT && s->n_ended < wanted) {
        rc = pthread_cond_timedwait(&s->looked, &s->lock, &until);
    }
    int64_t wanted_id = s->seen_id;
    while (rc != ETIMEDOUT && atomic_load(&s->reached) < wanted_id) {
        rc = pthread_cond_timedwait(&s->looked, &s->lock, &until);
    }
    (void)pthread_mutex_unlock(&s->lock);
    pg_turn_begin(s->db); /* the position moves first: what is being told now has been told then */
    pg_turn_end(s->db);
}

void pg_event_added(struct db_txn *txn)
{
    ((struct pg_txn *)txn)->has_events = true;
}

int64_t pg_event_end(struct db_txn *txn)
{
    const struct pg_conn *conn = ((struct pg_txn *)txn)->conn;
    return conn->txn.is_begun ? conn->txn_start_id : pg_stream_position(conn->db);
}

/* ---- horizon ---- */

/* xid 0: S had not moved. */
static void pg_move_horizon(struct pg_stream *s, int64_t id, int64_t xmin, int64_t xid)
{
    if (xid != 0 && s->n_marks < PG_STREAM_MARKS) {
        s->marks[s->n_marks++] = (struct pg_mark){id, xid};
    }
    size_t n_passed = 0;
    while (n_passed < s->n_marks && s->marks[n_passed].xid <= xmin) {
        s->horizon = s->marks[n_passed++].id;
    }
    s->n_marks -= n_passed;
    memmove(s->marks, s->marks + n_passed, s->n_marks * sizeof(s->marks[0]));
}

/* The answers to S and the snapshot. */
static void pg_take_marks(struct pg_stream *s, PGresult *const out[3])
{
    pg_move_horizon(s, pg_result_i64(out[0], 0, 0), pg_result_i64(out[1], 0, 0),
                    pg_result_i64(out[1], 0, 1));
}

static void pg_pause(int64_t ns)
{
    struct timespec ts = {.tv_sec = 0, .tv_nsec = ns};
    (void)nanosleep(&ts, NULL);
}

/* ---- one look ---- */

static void pg_publish_row(struct pg_stream *s, const PGresult *rows, int i)
{
    struct bus *bus = s->db->base.bus;
    struct event e = {
        .id.v = pg_result_i64(rows, i, 0),
        .conversation.v = pg_result_i64(rows, i, 1),
        .seq = pg_result_i64(rows, i, 2),
        .kind = str_from(PQgetvalue(rows, i, 3)),
        .is_public = pg_result_i64(rows, i, 4) != 0,
        .payload = {PQgetvalue(rows, i, 5), (size_t)PQgetlength(rows, i, 5)},
        .at = pg_result_i64(rows, i, 6),
        .assignee.v = pg_result_i64(rows, i, 7),
        .team.v = pg_result_i64(rows, i, 8),
        .customer.v = pg_result_i64(rows, i, 9),
        .inbox.v = pg_result_i64(rows, i, 10),
    };
    bus_publish(bus, &e);
}

/* The position moves before the events are told: whoever joins and then reads up to the position must not miss one that is told in between (one that comes
 * both ways is recognised by its id).
 *
 * It is the id of an event and not the horizon, though nothing lies between the two: ids that a failed server had handed out and nobody saw are handed out
 * again by its successor. */
static bool pg_publish(struct pg_stream *s, const PGresult *rows)
{
    int n = 0;
    while (n < PQntuples(rows) && pg_result_i64(rows, n, 0) <= s->horizon) {
        n++;
    }
    bool is_full = PQntuples(rows) == PG_STREAM_ROWS && n == PG_STREAM_ROWS;
    s->n_found = is_full ? 0 : n; /* behind: no pause */
    if (n > 0) {
        pg_turn_begin(s->db);
        atomic_store(&s->position, pg_result_i64(rows, n - 1, 0));
        for (int i = 0; i < n; i++) {
            pg_publish_row(s, rows, i);
        }
        pg_turn_end(s->db);
    }
    atomic_store(&s->reached, is_full ? pg_result_i64(rows, n - 1, 0) : s->horizon);
    return is_full;
}

/* What was known about one server's transactions means nothing on its successor. */
static void pg_notice_successor(struct pg_stream *s)
{
    if (s->timeline != s->conn->timeline) {
        s->timeline = s->conn->timeline;
        s->n_marks = 0;
        s->horizon = atomic_load(&s->position);
        atomic_store(&s->reached, s->horizon);
    }
}

/* S, the snapshot, and the events after from[0]; false: no answer. */
static bool pg_ask(struct pg_stream *s, const struct db_val from[2], PGresult *out[3])
{
    int64_t last_mark = s->n_marks > 0 ? s->marks[s->n_marks - 1].id : s->horizon;
    struct db_val marked[] = {db_i64(s->n_marks < PG_STREAM_MARKS ? last_mark : INT64_MAX)};
    const struct pg_call calls[] = {
        {"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM events_id_seq",
         NULL, 0},
        {"SELECT pg_snapshot_xmin(s), CASE WHEN (SELECT last_value FROM events_id_seq) > $1 THEN "
         "pg_current_xact_id() END FROM pg_current_snapshot() AS s",
         marked, 1},
        {"SELECT id, conversation_id, seq, kind, is_public, payload, at, assignee_id, team_id, "
         "customer_id, inbox_id FROM events WHERE id > $1 ORDER BY id LIMIT $2",
         from, 2},
    };
    s->conn->txn.outcome = PG_FINE;
    if (pg_conn_batch(s->conn, calls, ARRAY_LEN(calls), out) != PG_FINE) {
        pg_conn_drop(s->conn);
        return false;
    }
    return true;
}

static void pg_clear(PGresult *out[3])
{
    for (size_t i = 0; i < 3; i++) {
        PQclear(out[i]);
    }
}

/* True: there is more, now or as soon as somebody's transaction ends. */
static bool pg_look(struct pg_stream *s)
{
    PGresult *out[3];
    if (pg_conn_ensure(s->conn, NULL) != ERR_OK) {
        return false;
    }
    pg_notice_successor(s);
    struct db_val from[] = {db_i64(atomic_load(&s->position)), db_i64(PG_STREAM_ROWS)};
    bool has_more = false;
    (void)pthread_mutex_lock(&s->lock);
    s->n_begun++;
    (void)pthread_mutex_unlock(&s->lock);
    int64_t seen_id = 0;
    if (pg_ask(s, from, out)) {
        seen_id = pg_result_i64(out[0], 0, 0);
        pg_note_answer(s->db);
        pg_take_marks(s, out);
        has_more = pg_publish(s, out[2]) || s->n_marks > 0;
    }
    pg_clear(out);
    (void)pthread_mutex_lock(&s->lock);
    s->n_ended = s->n_begun;
    s->seen_id = seen_id;
    (void)pthread_cond_broadcast(&s->looked);
    (void)pthread_mutex_unlock(&s->lock);
    return has_more;
}

/* On the stream's own connection: readers may all be busy for seconds, and who told events would wait for them. */
static void pg_look_for_version(struct pg_stream *s)
{
    const struct pg_call call = {PG_LOAD_OLDEST, NULL, 0};
    PGresult *out = NULL;
    if (s->conn->h == NULL || !pg_is_version_due(s->db)) {
        return;
    }
    s->conn->txn.outcome = PG_FINE;
    if (pg_conn_batch(s->conn, &call, 1, &out) != PG_FINE) {
        pg_conn_drop(s->conn);
    } else if (PQntuples(out) > 0) {
        pg_hear_oldest(s->db, pg_result_i64(out, 0, 0));
    }
    PQclear(out);
}

/* ---- thread ---- */

/* Waits for a kick, at most this long. False: stop. */
static bool pg_stream_wait(struct pg_stream *s, int64_t ns)
{
    int64_t at = time_monotonic_ns() + ns;
    struct timespec until = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000};
    (void)pthread_mutex_lock(&s->lock);
    while (!s->is_stopping && !s->is_kicked &&
           pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT) {
    }
    s->is_kicked = false;
    bool goes_on = !s->is_stopping;
    (void)pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static int64_t pg_stream_rest_ns(const struct pg_stream *s, int64_t moved_ns)
{
    bool is_talk = moved_ns != 0 && time_monotonic_ns() - moved_ns < PG_STREAM_TALK_NS;
    return is_talk && !bus_is_prompt(s->db->base.bus) ? PG_STREAM_UNTOLD_NS : PG_STREAM_IDLE_NS;
}

static int64_t pg_stream_pause_ns(const struct pg_stream *s)
{
    int n = s->n_found > PG_STREAM_PAUSE_MAX ? PG_STREAM_PAUSE_MAX : s->n_found;
    return PG_STREAM_PAUSE_NS * (n > 1 ? n : 1);
}

static void *pg_stream_main(void *arg)
{
    struct pg_stream *s = arg;
    bool has_more = false;
    int n_vain = 0; /* looks in a row that waited for somebody else's transaction */
    int64_t looked_ns = 0;
    int64_t moved_ns = 0; /* when the last look ended that found something */
    while (pg_stream_wait(s, has_more ? 0 : pg_stream_rest_ns(s, moved_ns))) {
        int64_t since_ns = time_monotonic_ns() - looked_ns;
        int64_t pause_ns = pg_stream_pause_ns(s);
        if (since_ns < pause_ns) {
            pg_pause(pause_ns - since_ns);
        }
        looked_ns = time_monotonic_ns();
        int64_t before = atomic_load(&s->position);
        has_more = pg_look(s);
        pg_look_for_version(s);
        if (atomic_load(&s->position) != before) {
            moved_ns = time_monotonic_ns();
        }
        n_vain = has_more && atomic_load(&s->position) == before ? n_vain + 1 : 0;
        if (n_vain > 20) { /* a long one: no need to hurry */
            pg_pause(n_vain > 100 ? 50000000 : 5000000);
        }
    }
    return NULL;
}

/* At the last event below the horizon. */
static enum err pg_stream_begin(struct pg_stream *s)
{
    struct db_val below[] = {db_i64(s->horizon)};
    const struct pg_call call = {"SELECT COALESCE(MAX(id), 0) FROM events WHERE id <= $1", below,
                                 1};
    PGresult *out = NULL;
    s->conn->txn.outcome = PG_FINE;
    enum err err = pg_conn_batch(s->conn, &call, 1, &out) == PG_FINE ? ERR_OK : ERR_UNAVAILABLE;
    if (err == ERR_OK) {
        atomic_store(&s->position, pg_result_i64(out, 0, 0));
        atomic_store(&s->reached, s->horizon);
        s->timeline = s->conn->timeline;
    }
    PQclear(out);
    return err;
}

/* Where the stream begins: at the horizon. What is below it is for replays. */
static enum err pg_stream_place(struct pg_stream *s)
{
    s->horizon = -1;
    pg_txn_init(s->conn, s->conn->arena, false);
    for (int i = 0; i < PG_PLACE_TRIES && s->horizon < 0; i++) {
        PGresult *out[3];
        struct db_val none[] = {db_i64(INT64_MAX), db_i64(0)};
        enum err err = pg_conn_ensure(s->conn, NULL);
        if (err != ERR_OK) {
            return err;
        }
        if (pg_ask(s, none, out)) {
            pg_move_horizon(s, pg_result_i64(out[0], 0, 0), pg_result_i64(out[1], 0, 0),
                            pg_result_i64(out[1], 0, 1));
        }
        pg_clear(out);
        if (s->horizon < 0) {
            pg_pause(10000000);
        }
    }
    return s->horizon < 0 ? ERR_UNAVAILABLE : pg_stream_begin(s);
}

enum err pg_stream_start(struct db *base)
{
    struct pg_db *db = (struct pg_db *)base;
    ASSERT(db->stream == NULL);
    struct pg_stream *s = MEM_NEW(struct pg_stream);
    s->db = db;
    s->conn = pg_conn_new(db, PG_HELPER);
    (void)pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->wake, &attr);
    (void)pthread_cond_init(&s->looked, &attr);
    (void)pthread_condattr_destroy(&attr);
    enum err err = pg_stream_place(s);
    if (err == ERR_OK && pthread_create(&s->thread, NULL, pg_stream_main, s) != 0) {
        err = ERR_UNAVAILABLE;
    }
    if (err != ERR_OK) {
        pg_conn_free(&s->conn);
        mem_free(s);
        return err;
    }
    db->stream = s;
    return ERR_OK;
}

void pg_stream_stop(struct pg_db *db)
{
    struct pg_stream *s = db->stream;
    if (s == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->is_stopping = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    db->stream = NULL;
    pg_conn_free(&s->conn);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_cond_destroy(&s->looked);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
