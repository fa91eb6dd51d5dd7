/* The doctor's checks of what stands around several nodes: the clocks, the nodes themselves, the standbys of the database. A separate file from db_pg_doctor.c, which looks at the
 * database alone. */
#include "platform/db_pg_doctor.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/timeutil.h"

#define CLOCK_WARN_MS 2000
#define CLOCK_BAD_MS 60000
#define LAG_WARN_MB 64
#define NODES_TOLD_MAX 20

static int64_t database_now(PGconn *h)
{
    return pg_number(h, "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint", 0);
}

/* Half of what the question took is the error of the answer. */
void pg_exam_clock(struct pg_exam *e)
{
    struct clock clock = clock_system();
    int64_t before = clock_now(&clock);
    int64_t theirs = database_now(e->h);
    int64_t ours = (before + clock_now(&clock)) / 2;
    int64_t by = ours - theirs;
    enum doctor_level level = llabs(by) >= CLOCK_BAD_MS    ? DOCTOR_BAD
                              : llabs(by) >= CLOCK_WARN_MS ? DOCTOR_WARNING
                                                           : DOCTOR_GOOD;
    doctor_note(&e->report, "clocks", level, "this machine's is %lld.%03lld s %s the database's%s",
                llabs(by) / 1000, llabs(by) % 1000, by < 0 ? "behind" : "ahead of",
                level == DOCTOR_GOOD ? "" : ": let NTP set both");
}

struct seen_nodes {
    struct buf text;
    int n, n_skewed;
    bool is_mixed;
};

static void see_node(struct seen_nodes *s, const PGresult *r, int row, int64_t now)
{
    const char *version = PQgetvalue(r, row, 1);
    int64_t since = now - pg_result_i64(r, row, 3);
    int64_t lease = pg_result_i64(r, row, 4);
    bool is_ahead = since < -CLOCK_WARN_MS;
    bool is_silent = since > lease + CLOCK_WARN_MS;
    s->n++;
    s->n_skewed += is_ahead || is_silent;
    s->is_mixed = s->is_mixed || strcmp(version, PQgetvalue(r, 0, 1)) != 0 ||
                  strcmp(PQgetvalue(r, row, 2), PQgetvalue(r, 0, 2)) != 0;
    (void)buf_printf(&s->text, "%s%.40s %.20s", row == 0 ? "" : ", ", PQgetvalue(r, row, 0),
                     version);
    if (is_ahead) {
        (void)buf_printf(&s->text, " (its clock is %lld s ahead)", (long long)(-since / 1000));
    } else if (is_silent) {
        (void)buf_printf(&s->text, " (silent for %lld s, or its clock is behind)",
                         (long long)(since / 1000));
    }
}

void pg_exam_nodes(struct pg_exam *e)
{
    int64_t now = database_now(e->h);
    PGresult *r = PQexec(
        e->h, "SELECT n.name, n.version, n.schema_version, b.seen_at, n.lease_ms FROM nodes n JOIN "
              "node_beats b ON b.node_id = n.id WHERE n.ended_at IS NULL ORDER BY n.name LIMIT 20");
    struct seen_nodes s = {0};
    buf_init(&s.text, 4096);
    int n = PQresultStatus(r) == PGRES_TUPLES_OK ? PQntuples(r) : -1;
    for (int i = 0; i < n && i < NODES_TOLD_MAX; i++) {
        see_node(&s, r, i, now);
    }
    if (n >= 0) {
        doctor_note(&e->report, "nodes",
                    s.n_skewed > 0 || s.is_mixed ? DOCTOR_WARNING : DOCTOR_GOOD,
                    "%d: " STR_FMT "%s", s.n, STR_ARG(buf_str(&s.text)),
                    s.is_mixed ? "; two versions side by side: finish the upgrade" : "");
    }
    buf_release(&s.text);
    PQclear(r);
}

/* Who may not see the figures of others (pg_monitor) sees how many standbys there are. */
void pg_exam_replication(struct pg_exam *e)
{
    bool has_several_hosts = strchr(e->cli->url, ',') != NULL;
    int64_t n = pg_number(e->h, "SELECT COUNT(*) FROM pg_stat_replication", 0);
    int64_t n_told =
        pg_number(e->h, "SELECT COUNT(*) FROM pg_stat_replication WHERE replay_lsn IS NOT NULL", 0);
    int64_t n_sync = pg_number(
        e->h, "SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')", 0);
    int64_t lag_mb = pg_number(e->h,
                               "SELECT COALESCE(MAX(pg_wal_lsn_diff(pg_current_wal_lsn(), "
                               "replay_lsn)), 0)::bigint / 1048576 FROM pg_stat_replication",
                               0);
    if (n == 0) {
        doctor_note(&e->report, "replication", has_several_hosts ? DOCTOR_WARNING : DOCTOR_GOOD,
                    has_several_hosts ? "no standby follows: there is nobody to fail over to"
                                      : "a single server, no standby");
    } else if (n_told < n) {
        doctor_note(&e->report, "replication", DOCTOR_GOOD,
                    "%lld standbys; GRANT pg_monitor TO the desk's role tells how far behind they "
                    "are",
                    (long long)n);
    } else {
        bool is_behind = lag_mb >= LAG_WARN_MB;
        doctor_note(
            &e->report, "replication", is_behind || n_sync == 0 ? DOCTOR_WARNING : DOCTOR_GOOD,
            "%lld standbys, the last %lld MB behind%s", (long long)n, (long long)lag_mb,
            n_sync == 0 ? "; none is synchronous: a failover may lose what was acknowledged" : "");
    }
}
