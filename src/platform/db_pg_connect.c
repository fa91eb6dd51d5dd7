/* Finding the server that may be written to, and noticing that it is another one by now.
 *
 * libpq takes the hosts of a url one after the other, and gives up altogether at a host that accepts and then closes; a host that hangs costs it the whole
 * time-out, on each connection. So the hosts are asked here: first the one that answered last, and as soon as it refuses, or has said nothing for a quarter of a
 * second, all others at the same time. The first that may be written to is taken. While nobody leads, one thread looks and the others are told what it found.
 *
 * A leader that was paused, or that nobody told, may still believe that it leads. Each promotion begins a new timeline of the log, so a connection remembers the
 * timeline of its server and db the highest it has met: a server of a lower one is refused. Who waits long for an answer asks all hosts (pg_suspect), and gives up
 * its connection when somebody with a higher timeline is found. Nothing runs in the background for that. */
#include "platform/db_pg.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timeutil.h"

#define PG_HOSTS_MAX 16
#define PG_OPTIONS_MAX 80
#define PG_HEAD_START_MS 250 /* of the host that answered last */
#define PG_CONNECT_MS 3000
#define PG_SETUP_MS 3000
#define PG_ASK_AGAIN_MS 150     /* who refused, while others have not answered yet */
#define PG_SEEK_AGAIN_MS 100    /* what a look that found nobody is good for */
#define PG_SUSPECT_EVERY_MS 500 /* between two looks for another leader */
#define PG_SUSPECT_MS 1000
#define PG_CONFIRM_MS 400

struct pg_option {
    const char *key;
    char *value;
};

/* One host of the url, on its way. */
struct pg_runner {
    PGconn *h; /* NULL: not started, or out */
    PostgresPollingStatusType wants;
    int64_t out_ms; /* when it refused; 0: it did not yet */
    bool is_started, is_ready;
};

struct pg_race {
    const struct pg_db *db;
    PQconninfoOption *parsed;
    char *hosts, *hostaddrs, *ports; /* comma-separated; NULL: none */
    size_t n;
    struct pg_runner runners[PG_HOSTS_MAX];
    char why[160]; /* the last refusal */
};

/* ---- the url ---- */

static char *pg_take_option(PQconninfoOption *options, const char *key)
{
    for (PQconninfoOption *o = options; o->keyword != NULL; o++) {
        if (strcmp(o->keyword, key) == 0 && o->val != NULL && o->val[0] != '\0') {
            return o->val;
        }
    }
    return NULL;
}

static size_t pg_count(const char *list)
{
    size_t n = 1;
    for (const char *p = list; p != NULL && *p != '\0'; p++) {
        n += *p == ',';
    }
    return n;
}

/* The i-th of a list; of a list of one, that one. */
static const char *pg_element(const char *list, size_t i, char *out, size_t size)
{
    if (list == NULL) {
        return NULL;
    }
    const char *from = list;
    for (size_t k = 0; k < i && pg_count(list) > 1; k++) {
        from = strchr(from, ',') + 1;
    }
    size_t len = strcspn(from, ",");
    (void)snprintf(out, size, "%.*s", (int)(len < size ? len : size - 1), from);
    return out;
}

static bool pg_race_init(struct pg_race *race, const struct pg_db *db)
{
    *race = (struct pg_race){.db = db};
    race->parsed = PQconninfoParse(db->conninfo, NULL);
    if (race->parsed == NULL) { /* libpq's own words may hold the password */
        (void)snprintf(race->why, sizeof(race->why),
                       "the url is not understood (special characters in a name or password are "
                       "written as %%XX)");
        return false;
    }
    race->hosts = pg_take_option(race->parsed, "host");
    race->hostaddrs = pg_take_option(race->parsed, "hostaddr");
    race->ports = pg_take_option(race->parsed, "port");
    race->n = pg_count(race->hostaddrs != NULL ? race->hostaddrs : race->hosts);
    /* An odd list is libpq's to complain about. */
    bool is_odd = race->n > PG_HOSTS_MAX ||
                  (pg_count(race->ports) != 1 && pg_count(race->ports) != race->n) ||
                  (race->hosts != NULL && pg_count(race->hosts) != race->n);
    race->n = is_odd ? 1 : race->n;
    return true;
}

static void pg_race_release(struct pg_race *race)
{
    for (size_t i = 0; i < race->n; i++) {
        PQfinish(race->runners[i].h);
    }
    PQconninfoFree(race->parsed);
}

static void pg_keep_reason(struct pg_race *race, const PGconn *h)
{
    (void)snprintf(race->why, sizeof(race->why), "%s", PQerrorMessage(h));
    for (char *p = race->why; *p != '\0'; p++) {
        *p = *p == '\n' || *p == '\t' ? ' ' : *p;
    }
}

/* ---- the race ---- */

static int64_t pg_ms(void)
{
    return time_monotonic_ns() / 1000000;
}

static void pg_runner_out(struct pg_race *race, struct pg_runner *r)
{
    pg_keep_reason(race, r->h);
    PQfinish(r->h);
    r->h = NULL;
    r->out_ms = pg_ms();
}

/* What is ours stands first, what the url says wins; the host is one of the url's. */
static void pg_runner_start(struct pg_race *race, size_t i)
{
    static const char *const ours[][2] = {{"application_name", "stablehand tool"},
                                          {"keepalives_idle", "10"},
                                          {"keepalives_interval", "3"},
                                          {"keepalives_count", "3"},
                                          {"tcp_user_timeout", "10000"},
                                          {"client_encoding", "UTF8"},
                                          {"target_session_attrs", "read-write"}};
    const char *keys[PG_OPTIONS_MAX];
    const char *values[PG_OPTIONS_MAX];
    char host[256];
    char addr[256];
    char port[32];
    char name[48];
    size_t n = 0;
    for (size_t k = 0; k < ARRAY_LEN(ours); k++, n++) {
        keys[n] = ours[k][0];
        values[n] = ours[k][1];
    }
    if (race->db->n_migrations > 0) { /* a desk: others may see of which version (pg_count_older) */
        (void)snprintf(name, sizeof(name), PG_APPLICATION "%zu", race->db->n_migrations);
        values[0] = name;
    }
    for (PQconninfoOption *o = race->parsed; o->keyword != NULL; o++) {
        if (o->val == NULL || o->val[0] == '\0') {
            continue;
        }
        ASSERT(n + 1 < PG_OPTIONS_MAX);
        keys[n] = o->keyword;
        values[n] = o->val;
        if (race->n > 1 && o->val == race->hosts) {
            values[n] = pg_element(race->hosts, i, host, sizeof(host));
        } else if (race->n > 1 && o->val == race->hostaddrs) {
            values[n] = pg_element(race->hostaddrs, i, addr, sizeof(addr));
        } else if (race->n > 1 && o->val == race->ports) {
            values[n] = pg_element(race->ports, i, port, sizeof(port));
        }
        n++;
    }
    keys[n] = NULL;
    struct pg_runner *r = &race->runners[i];
    r->is_started = true;
    r->h = PQconnectStartParams(keys, values, 0);
    r->wants = PGRES_POLLING_WRITING;
    if (PQstatus(r->h) == CONNECTION_BAD) {
        pg_runner_out(race, r);
    }
}

static void pg_runner_step(struct pg_race *race, struct pg_runner *r)
{
    r->wants = PQconnectPoll(r->h);
    r->is_ready = r->wants == PGRES_POLLING_OK;
    if (r->wants == PGRES_POLLING_FAILED) {
        pg_runner_out(race, r);
    }
}

/* Lets everybody who can make a step; waits at most `ms` for that. */
static void pg_race_step(struct pg_race *race, int64_t ms)
{
    struct pollfd fds[PG_HOSTS_MAX];
    struct pg_runner *of[PG_HOSTS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < race->n; i++) {
        struct pg_runner *r = &race->runners[i];
        if (r->h != NULL && !r->is_ready) {
            short events = r->wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
            fds[n] = (struct pollfd){.fd = PQsocket(r->h), .events = events};
            of[n++] = r;
        }
    }
    if (poll(fds, n, (int)(ms < 0 ? 0 : ms)) <= 0) {
        return;
    }
    for (nfds_t i = 0; i < n; i++) {
        if (fds[i].revents != 0) {
            pg_runner_step(race, of[i]);
        }
    }
}

static size_t pg_race_ready(const struct pg_race *race)
{
    for (size_t i = 0; i < race->n; i++) {
        if (race->runners[i].is_ready) {
            return i;
        }
    }
    return SIZE_MAX;
}

static bool pg_race_is_over(const struct pg_race *race)
{
    bool is_over = true;
    for (size_t i = 0; i < race->n; i++) {
        is_over = is_over && (race->runners[i].h == NULL || race->runners[i].is_ready);
    }
    return is_over;
}

/* Everybody who has not been asked, and who refused a while ago: a follower may have been promoted while somebody else hangs. False: nobody. */
static bool pg_race_join(struct pg_race *race)
{
    bool is_new = false;
    for (size_t i = 0; i < race->n; i++) {
        struct pg_runner *r = &race->runners[i];
        bool is_due = r->is_started && r->h == NULL && pg_ms() - r->out_ms >= PG_ASK_AGAIN_MS;
        if (!r->is_started || is_due) {
            pg_runner_start(race, i);
            is_new = true;
        }
    }
    return is_new;
}

/* The first that may be written to, or SIZE_MAX. */
static size_t pg_race_run(struct pg_race *race, size_t favourite)
{
    int64_t from = pg_ms();
    bool is_head_start = race->n > 1;
    pg_runner_start(race, favourite < race->n ? favourite : 0);
    for (;;) {
        size_t ready = pg_race_ready(race);
        int64_t spent = pg_ms() - from;
        if (ready != SIZE_MAX || spent >= PG_CONNECT_MS) {
            return ready;
        }
        bool is_over = pg_race_is_over(race);
        if (is_over && !is_head_start) {
            return SIZE_MAX;
        }
        if (is_over || spent >= PG_HEAD_START_MS) {
            is_head_start = false;
            (void)pg_race_join(race);
        }
        int64_t ms = PG_CONNECT_MS - spent;
        int64_t step = is_head_start ? PG_HEAD_START_MS - spent : PG_ASK_AGAIN_MS;
        pg_race_step(race, race->n > 1 && step < ms ? step : ms);
    }
}

/* ---- a new connection ---- */

bool pg_wait(PGconn *h, int64_t ms)
{
    int64_t until = pg_ms() + ms;
    for (;;) {
        int to_send = PQflush(h);
        if (to_send < 0 || PQisBusy(h) == 0) {
            return true; /* the answer is there, or the news that none will come */
        }
        int64_t left = until - pg_ms();
        if (left <= 0) {
            return false;
        }
        struct pollfd fd = {.fd = PQsocket(h),
                            .events = (short)(to_send > 0 ? POLLIN | POLLOUT : POLLIN)};
        int rc = poll(&fd, 1, (int)left);
        if (rc < 0 && errno != EINTR) {
            return true;
        }
        if (rc > 0 && PQconsumeInput(h) == 0) {
            return true;
        }
    }
}

/* The last result of some text; NULL: no answer in time. */
static PGresult *pg_ask_text(PGconn *h, const char *sql)
{
    PGresult *last = NULL;
    if (PQsendQuery(h, sql) != 1) {
        return NULL;
    }
    for (;;) {
        if (!pg_wait(h, PG_SETUP_MS)) {
            PQclear(last);
            return NULL;
        }
        PGresult *result = PQgetResult(h);
        if (result == NULL) {
            return last;
        }
        if (last != NULL && PQresultStatus(last) == PGRES_FATAL_ERROR) {
            PQclear(result); /* the first failure is the one to be told */
        } else {
            PQclear(last);
            last = result;
        }
    }
}

/* The first eight digits of the name of a piece of the log. 0: it cannot be told. */
static int64_t pg_timeline_of(PGconn *h)
{
    PGresult *result = pg_ask_text(h, "SELECT CASE WHEN NOT pg_is_in_recovery() THEN "
                                      "pg_walfile_name(pg_current_wal_lsn()) END");
    int64_t timeline = 0;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQgetlength(result, 0, 0) == 24) {
        for (const char *p = PQgetvalue(result, 0, 0); p < PQgetvalue(result, 0, 0) + 8; p++) {
            timeline = timeline * 16 + (*p <= '9' ? *p - '0' : *p - 'A' + 10);
        }
    }
    PQclear(result);
    return timeline;
}

static void pg_no_notices(void *arg, const PGresult *result)
{
    UNUSED(arg);
    UNUSED(result);
}

static bool pg_ask_well(PGconn *h, const char *sql, ExecStatusType want)
{
    PGresult *result = pg_ask_text(h, sql);
    bool is_well = PQresultStatus(result) == want;
    PQclear(result);
    return is_well;
}

/* Acknowledged means on disk, whatever the server's default is. Text is compared as bytes everywhere (see pg_check_collation). */
static bool pg_set_up(PGconn *h, enum pg_mode mode, int64_t cap_ms)
{
    char set[512];
    (void)snprintf(
        set, sizeof(set),
        "SET statement_timeout = %lld; SET lock_timeout = %d; SET "
        "idle_in_transaction_session_timeout = 60000; SET client_min_messages = error; "
        "SET bytea_output = hex; SET standard_conforming_strings = on; SET "
        "default_transaction_isolation = 'read committed'; %s",
        (long long)(mode == PG_HELPER ? 0 : cap_ms), PG_LOCK_CAP_MS,
        /* a sequential scan of a small table would make everybody who writes there a conflict of a serializable transaction */
        mode == PG_WRITER ? "SET enable_seqscan = off" : "");
    (void)PQsetNoticeReceiver(h, pg_no_notices, NULL);
    return pg_ask_well(h, set, PGRES_COMMAND_OK) &&
           pg_ask_well(h,
                       "SELECT set_config('synchronous_commit', 'on', false) WHERE "
                       "current_setting('synchronous_commit') = 'off'",
                       PGRES_TUPLES_OK);
}

/* Never lower than it was. */
static void pg_raise_timeline(struct pg_db *db, int64_t timeline)
{
    int_fast64_t known = atomic_load(&db->timeline);
    while (timeline > known && !atomic_compare_exchange_weak(&db->timeline, &known, timeline)) {
    }
    if (known != 0 && timeline > known) {
        LOG_INFO("db", "another server leads", log_i64("timeline", timeline));
    }
}

static enum err pg_unavailable(struct errinfo *info, const char *why)
{
    return err_set(info, ERR_UNAVAILABLE, "db.url", "connect", "cannot open the database: %s", why);
}

/* Takes it, unless it was deposed. */
static bool pg_take_winner(struct pg_race *race, struct pg_db *db, size_t winner, enum pg_mode mode,
                           int64_t *timeline_out)
{
    PGconn *h = race->runners[winner].h;
    int64_t timeline = pg_timeline_of(h);
    if (!pg_set_up(h, mode, mode == PG_READER ? db->read_cap_ms : PG_WRITE_CAP_MS)) {
        pg_keep_reason(race, h);
        return false;
    }
    if (timeline != 0 && timeline < atomic_load(&db->timeline)) {
        (void)snprintf(race->why, sizeof(race->why), "this server does not lead any more");
        atomic_store(&db->favourite, (winner + 1) % race->n);
        return false;
    }
    pg_raise_timeline(db, timeline);
    atomic_store(&db->favourite, winner);
    *timeline_out = timeline;
    return true;
}

static enum err pg_connect_once(struct pg_db *db, enum pg_mode mode, PGconn **out,
                                int64_t *timeline_out, struct errinfo *info)
{
    struct pg_race race;
    if (!pg_race_init(&race, db)) {
        return pg_unavailable(info, race.why);
    }
    size_t winner = pg_race_run(&race, atomic_load(&db->favourite));
    enum err err = ERR_OK;
    if (winner != SIZE_MAX && pg_take_winner(&race, db, winner, mode, timeline_out)) {
        *out = race.runners[winner].h;
        race.runners[winner].h = NULL;
    } else {
        err = pg_unavailable(info, race.why[0] != '\0' ? race.why : "no answer in time");
    }
    pg_race_release(&race);
    return err;
}

enum err pg_connect_leader(struct pg_db *db, enum pg_mode mode, PGconn **out, int64_t *timeline_out,
                           struct errinfo *info)
{
    /* While all is well everybody connects at the same time; while nobody leads, one looks, and the others wait for what it finds. */
    bool is_alone = atomic_load(&db->seek_failed_ms) != 0;
    if (is_alone) {
        (void)pthread_mutex_lock(&db->seek);
    }
    int64_t failed_ms = atomic_load(&db->seek_failed_ms);
    int64_t timeline = 0;
    enum err err = ERR_OK;
    if (failed_ms != 0 && pg_ms() - failed_ms < PG_SEEK_AGAIN_MS) {
        err = pg_unavailable(info, "nobody led a moment ago");
    } else {
        err = pg_connect_once(db, mode, out, &timeline, info);
        atomic_store(&db->seek_failed_ms, err == ERR_OK ? 0 : pg_ms());
    }
    if (is_alone) {
        (void)pthread_mutex_unlock(&db->seek);
    }
    *timeline_out = err == ERR_OK ? timeline : *timeline_out;
    return err;
}

enum err pg_connect(struct pg_db *db, enum pg_mode mode, PGconn **out, struct errinfo *info)
{
    int64_t timeline = 0;
    return pg_connect_leader(db, mode, out, &timeline, info);
}

/* ---- another leader? ---- */

/* Those that are ready are asked and let go. */
static void pg_ask_ready(struct pg_race *race, struct pg_db *db)
{
    for (size_t i = pg_race_ready(race); i != SIZE_MAX; i = pg_race_ready(race)) {
        struct pg_runner *r = &race->runners[i];
        int64_t timeline = pg_timeline_of(r->h);
        if (timeline > atomic_load(&db->timeline)) {
            atomic_store(&db->favourite, i);
            pg_raise_timeline(db, timeline);
        }
        PQfinish(r->h);
        *r = (struct pg_runner){.is_started = true};
    }
}

/* Asks every host that answers within the time, whatever the others do. Under the lock. */
static void pg_look_for_leader(struct pg_db *db, int64_t within_ms)
{
    struct pg_race race;
    int64_t from = pg_ms();
    if (!pg_race_init(&race, db)) {
        return;
    }
    for (size_t i = 0; i < race.n && race.n > 1; i++) {
        pg_runner_start(&race, i);
    }
    int64_t spent = 0;
    while (race.n > 1 && !pg_race_is_over(&race) && spent < within_ms) {
        pg_race_step(&race, within_ms - spent);
        pg_ask_ready(&race, db);
        spent = pg_ms() - from;
    }
    pg_race_release(&race);
    atomic_store(&db->suspected_ms, from);
}

bool pg_suspect(struct pg_db *db, int64_t timeline)
{
    if (pthread_mutex_trylock(&db->seek) == 0) {
        if (pg_ms() - atomic_load(&db->suspected_ms) >= PG_SUSPECT_EVERY_MS) {
            pg_look_for_leader(db, PG_SUSPECT_MS);
        }
        (void)pthread_mutex_unlock(&db->seek);
    }
    return timeline != 0 && timeline < atomic_load(&db->timeline);
}

bool pg_is_overtaken(struct pg_db *db, int64_t timeline)
{
    int64_t asked_ms = pg_ms();
    (void)pthread_mutex_lock(&db->seek);
    if (atomic_load(&db->suspected_ms) <= asked_ms) { /* nobody has begun to look since */
        pg_look_for_leader(db, PG_CONFIRM_MS);
    }
    (void)pthread_mutex_unlock(&db->seek);
    return timeline != 0 && timeline < atomic_load(&db->timeline);
}
