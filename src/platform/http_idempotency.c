/* Look, run with the claim riding on the first write that succeeds, look again when nothing was written, keep the answer.
 *
 * The look before is a courtesy: it saves work, the claim decides. A handler that lost the race sees its write refused with ERR_CONFLICT like any other and
 * may say what it likes; the second look finds the row of the winner, and that is what the client hears of.
 *
 * Rejected: claiming before the handler runs (a crash in between leaves a key without an effect, and nobody knows whether to run it again), and writing
 * the answer in the transaction of the effect (the handler makes it from what it reads after the commit). */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "platform/crypto.h"
#include "platform/db_engine.h"
#include "platform/http_impl.h"
#include "platform/idempotency.h"

#define HEADER "Idempotency-Key"

struct attempt {
    const struct idempotency_gate *gate;
    struct arena *arena;
    struct idempotency_id id;
    int64_t now;
    enum idempotency verdict;
    struct idempotency_answer answer;
};

static bool is_key(struct str key)
{
    for (size_t i = 0; i < key.len; i++) {
        if (key.p[i] < 0x21 || key.p[i] > 0x7e) {
            return false;
        }
    }
    return key.len <= IDEMPOTENCY_KEY_MAX;
}

/* ---- what was asked ---- */

static enum err add_file(struct crypto_sha256_stream *s, const char *path)
{
    char piece[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, piece, sizeof(piece));
    while (n > 0) {
        crypto_sha256_add(s, (struct str){piece, (size_t)n});
        n = read(fd, piece, sizeof(piece));
    }
    if (fd >= 0) {
        close(fd);
    }
    return n < 0 ? ERR_UNAVAILABLE : ERR_OK;
}

static enum err hash_request(const struct request *rq, char hex_out[65])
{
    struct crypto_sha256_stream s;
    crypto_sha256_begin(&s);
    struct str head = str_printf(rq->arena, "%d " STR_FMT "?" STR_FMT "\n", (int)rq->method,
                                 STR_ARG(rq->path), STR_ARG(rq->query));
    crypto_sha256_add(&s, head);
    /* The version that is to be changed is part of what is asked. */
    crypto_sha256_add(&s, request_header(rq, "if-match"));
    crypto_sha256_add(&s, STR("\n"));
    crypto_sha256_add(&s, rq->body);
    enum err err = rq->body_path != NULL ? add_file(&s, rq->body_path) : ERR_OK;
    crypto_sha256_end(&s, hex_out);
    return err;
}

static struct str context_of(const struct attempt *a)
{
    return str_printf(a->arena, "idempotency " STR_FMT " " STR_FMT, STR_ARG(a->id.actor),
                      STR_ARG(a->id.key));
}

/* ---- transactions ---- */

static enum err find_fn(struct db_txn *txn, void *arg)
{
    struct attempt *a = arg;
    bool is_single = (a->gate->db->engine->caps & DB_CAP_SINGLE_NODE) != 0;
    int64_t stale = a->now - IDEMPOTENCY_UNDER_WAY_MS;
    int64_t lost_before = is_single && a->gate->started_at > stale ? a->gate->started_at : stale;
    return idempotency_find(txn, a->arena, &a->id, a->now, lost_before, &a->verdict, &a->answer);
}

static enum err claim_fn(struct db_txn *txn, void *arg)
{
    const struct attempt *a = arg;
    return idempotency_claim(txn, &a->id, a->now);
}

static enum err finish_fn(struct db_txn *txn, void *arg)
{
    const struct attempt *a = arg;
    return idempotency_finish(txn, &a->id, &a->answer);
}

static enum err look(struct attempt *a)
{
    a->now = clock_now(&a->gate->clock);
    return db_read(a->gate->db, find_fn, a);
}

/* ---- answers ---- */

static enum err replay(const struct attempt *a, struct response *rs, struct errinfo *info)
{
    struct str body = {0};
    if (a->answer.body.len > 0 && crypto_open(a->arena, a->gate->secret_key, context_of(a),
                                              a->answer.body, &body) != ERR_OK) {
        return err_set(info, ERR_INTERNAL, HEADER, "sealed", "the kept answer cannot be opened");
    }
    response_release(rs);
    response_init(rs, rs->arena, rs->is_tls);
    rs->status = a->answer.status;
    if (a->answer.content_type.len > 0) {
        response_body(rs, a->answer.content_type, body);
    }
    if (a->answer.etag.len > 0) {
        response_header(rs, "ETag", a->answer.etag);
    }
    response_header(rs, "Idempotency-Replayed", STR("true"));
    return ERR_OK;
}

static struct str etag_of(const struct response *rs)
{
    for (const struct response_header *h = rs->headers; h != NULL; h = h->next) {
        if (str_eq_nocase(str_from(h->name), STR("etag"))) {
            return h->value;
        }
    }
    return (struct str){0};
}

/* A handler may fail after it has changed something: then its problem is the answer. */
static void keep(struct attempt *a, struct response *rs, enum err err, const struct errinfo *info,
                 uint64_t request_id)
{
    if (err != ERR_OK) {
        response_problem(rs, err, info, request_id);
    }
    struct str body = rs->has_json ? buf_str(&rs->json) : rs->body;
    if (body.len > IDEMPOTENCY_ANSWER_MAX || rs->file != NULL || rs->source != NULL ||
        (rs->has_json && buf_err(&rs->json) != ERR_OK)) {
        return;
    }
    a->answer = (struct idempotency_answer){
        .status = rs->status, .content_type = rs->content_type, .etag = etag_of(rs)};
    if (body.len > 0) {
        a->answer.body = crypto_seal(a->arena, a->gate->secret_key, context_of(a), body);
    }
    enum err kept = db_write(a->gate->db, finish_fn, a);
    if (kept != ERR_OK) {
        /* The effect stands and the client hears of it now; only a repetition will be told that the answer is lost. */
        LOG_WARN("http", "answer not kept", log_cstr("error", err_name(kept)),
                 log_i64("request", (int64_t)request_id));
    }
}

static enum err run_fresh(struct attempt *a, struct request *rq, struct response *rs,
                          struct errinfo *info)
{
    struct db_rider rider = {.db = a->gate->db, .fn = claim_fn, .arg = a};
    struct db_rider *former = db_ride(&rider);
    enum err err = rq->route->handler(rq, rs, info);
    (void)db_ride(former);
    if (rider.is_done) {
        keep(a, rs, err, info, rq->id);
        a->verdict = IDEMPOTENCY_FRESH;
        return err;
    }
    /* Nothing was written. If somebody else holds the key by now, that is the reason. */
    if (err != ERR_OK && look(a) != ERR_OK) {
        a->verdict = IDEMPOTENCY_FRESH;
    }
    return err;
}

static enum err refuse(enum idempotency verdict, struct errinfo *info)
{
    switch (verdict) {
    case IDEMPOTENCY_MISMATCH:
        return err_set(info, ERR_INVALID, HEADER, "idempotency_mismatch",
                       "this key was used for another request; a new request needs a new key");
    case IDEMPOTENCY_UNDER_WAY:
        (void)err_set(info, ERR_CONFLICT, HEADER, "idempotency_under_way",
                      "the first request with this key is being carried out; ask again");
        return err_retry_after(info, ERR_CONFLICT, 1000);
    case IDEMPOTENCY_LOST:
        return err_set(info, ERR_CONFLICT, HEADER, "idempotency_answer_lost",
                       "the first request with this key was carried out and its answer is lost; "
                       "look at what is there before you send a new one");
    case IDEMPOTENCY_FRESH:
    case IDEMPOTENCY_REPLAY:
        break;
    }
    return ERR_INTERNAL;
}

/* Carried out before; the operation recognises that by itself and gives the answer anew. */
static enum err run_again(struct attempt *a, struct request *rq, struct response *rs,
                          struct errinfo *info)
{
    enum err err = rq->route->handler(rq, rs, info);
    if (err == ERR_OK) {
        keep(a, rs, err, info, rq->id);
    }
    return err;
}

enum err idempotency_run(void *arg, struct request *rq, struct response *rs, struct errinfo *info)
{
    struct attempt a = {.gate = arg, .arena = rq->arena};
    struct str key = request_header(rq, "idempotency-key");
    if (rq->route->takes_key == ROUTE_NO_KEY || key.len == 0 || rq->actor == NULL) {
        return rq->route->handler(rq, rs, info);
    }
    if (!is_key(key)) {
        return err_set(info, ERR_INVALID, HEADER, "format", "at most %d visible ASCII characters",
                       IDEMPOTENCY_KEY_MAX);
    }
    char hash[65];
    a.id.actor = a.gate->principal(rq->actor, a.arena);
    a.id.key = key;
    if (a.id.actor.len == 0) {
        return rq->route->handler(rq, rs, info);
    }
    enum err err = hash_request(rq, hash);
    a.id.request_sha256 = str_from(hash);
    err = err == ERR_OK ? look(&a) : err;
    if (err != ERR_OK) {
        return err_set(info, err, NULL, NULL, "the key cannot be looked up now");
    }
    if (a.verdict == IDEMPOTENCY_FRESH) {
        err = run_fresh(&a, rq, rs, info);
        if (a.verdict == IDEMPOTENCY_FRESH) {
            return err;
        }
    }
    if (a.verdict == IDEMPOTENCY_LOST && rq->route->takes_key == ROUTE_KEY_HARMLESS) {
        return run_again(&a, rq, rs, info);
    }
    return a.verdict == IDEMPOTENCY_REPLAY ? replay(&a, rs, info) : refuse(a.verdict, info);
}
