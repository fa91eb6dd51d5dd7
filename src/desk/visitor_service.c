#include "desk/visitor_service.h"

#include "desk/inbox.h"
#include "desk/presence.h"
#include "desk/rating.h"
#include "desk/file_type.h"
#include "desk/routing_service.h"
#include "desk/workspace.h"

enum err visitor_conversation_load_json(struct desk *desk, struct db_txn *txn, struct arena *arena,
                                        const struct conversation *c, struct json_writer *w)
{
    struct rating rating;
    struct visitor_view v = {.c = c, .agent_name = STR(""), .estimate_s = -1};
    enum err err = rating_load(txn, c->id, c->n_resolutions, arena, &rating);
    if (err == ERR_OK && c->assignee.v != 0) {
        err = agent_load_name(txn, c->assignee, arena, &v.agent_name);
    }
    if (err == ERR_OK && c->state == CONVERSATION_OPEN && c->handler == HANDLER_QUEUE) {
        err = routing_place_of(desk, txn, arena, c->id, &v.queue_position, &v.estimate_s);
    }
    if (err == ERR_OK) {
        v.score = rating.score;
        visitor_conversation_write_json(desk, w, &v);
    }
    return err;
}

/* ---- opening the widget ---- */

struct opening {
    struct desk *desk;
    const struct visitor_hello *hello;
    struct arena *arena;
    struct buf json;
    struct errinfo *info;
};

static bool is_chinese(struct str locale)
{
    return str_starts(locale, STR("zh"));
}

static enum err write_session(struct opening *o, struct db_txn *txn, const struct inbox *inbox,
                              const struct visitor_opened *v, struct arena *arena)
{
    struct workspace ws;
    struct conversation c;
    int64_t n_online = 0;
    struct json_writer w;
    enum err err = workspace_load(txn, arena, &ws);
    err =
        err != ERR_OK
            ? err
            : db_query_i64(txn, "SELECT COUNT(*) FROM presence WHERE is_online = 1 AND status <> 2",
                           NULL, 0, &n_online);
    if (err != ERR_OK) {
        return err;
    }
    struct str locale = o->hello->locale.len > 0 ? o->hello->locale : v->customer.locale;
    buf_clear(&o->json);
    json_writer_init(&w, &o->json);
    json_object_begin(&w);
    json_kv_str(&w, "token", v->token);
    json_put_key(&w, "customer");
    json_object_begin(&w);
    json_kv_id(&w, "id", v->customer.id.v);
    json_kv_str(&w, "name", v->customer.name);
    json_kv_str(&w, "email", v->customer.email);
    json_kv_bool(&w, "is_verified", v->customer.is_verified);
    json_kv_str(&w, "locale", v->customer.locale);
    json_object_end(&w);
    json_put_key(&w, "inbox");
    json_object_begin(&w);
    json_kv_str(&w, "name", inbox->name);
    json_kv_str(&w, "brand", ws.brand);
    json_kv_str(&w, "greeting",
                is_chinese(locale.len > 0 ? locale : ws.default_language) ? inbox->greeting_zh
                                                                          : inbox->greeting_en);
    json_kv_str(&w, "accent", inbox->accent);
    json_kv_bool(&w, "bot_enabled",
                 inbox->bot_enabled && o->desk->bot.is_on != NULL &&
                     o->desk->bot.is_on(o->desk->bot.arg));
    json_kv_bool(&w, "is_staffed", n_online > 0);
    json_kv_i64(&w, "max_file_bytes", FILE_MAX_VISITOR);
    json_kv_raw(&w, "prechat", inbox->prechat);
    json_object_end(&w);
    json_put_key(&w, "conversation");
    err = conversation_load_latest(txn, v->customer.id, inbox->id, arena, &c);
    if (err == ERR_OK) {
        err = visitor_conversation_load_json(o->desk, txn, arena, &c, &w);
    } else if (err == ERR_NOT_FOUND) {
        json_put_null(&w);
        err = ERR_OK;
    }
    json_object_end(&w);
    return err != ERR_OK ? err : buf_err(&o->json);
}

static enum err verify_identity(struct opening *o, const struct inbox *inbox, struct arena *arena,
                                struct customer_claims *out)
{
    struct customer_key keys[3];
    size_t n = 0;
    int64_t now = desk_now(o->desk);
    enum err err = inbox_keys(o->desk, inbox, now, arena, keys, &n);
    if (err != ERR_OK) {
        return err;
    }
    if (n == 0) {
        return err_set(o->info, ERR_UNAUTHORIZED, "identity", "identity_off",
                       "this inbox has no identity secret");
    }
    return identity_verify_customer_jwt(arena, keys, n, inbox->key, o->hello->identity, now, out,
                                        o->info);
}

static enum err open_fn(struct db_txn *txn, void *arg)
{
    struct opening *o = arg;
    struct arena *arena = db_txn_arena(txn);
    struct inbox inbox;
    struct customer_claims claims;
    struct visitor_opened opened;
    enum err err = inbox_load_by_key(txn, o->hello->inbox_key, arena, &inbox);
    if (err == ERR_NOT_FOUND) {
        return err_set(o->info, err, "inbox", "not_found", "no such inbox");
    }
    bool is_signed = o->hello->identity.len > 0;
    if (err == ERR_OK && is_signed) {
        err = verify_identity(o, &inbox, arena, &claims);
    }
    if (err != ERR_OK) {
        return err;
    }
    struct visitor_open in = {.inbox = inbox.id,
                              .token = o->hello->token,
                              .claims = is_signed ? &claims : NULL,
                              .locale = o->hello->locale,
                              .zone = o->hello->zone};
    err = visitor_open(o->desk->identity, txn, arena, &in, &opened, o->info);
    return err != ERR_OK ? err : write_session(o, txn, &inbox, &opened, arena);
}

enum err visitor_session_open(struct desk *desk, const struct visitor_hello *hello,
                              struct arena *arena, struct json_writer *w, struct errinfo *info)
{
    struct opening o = {.desk = desk, .hello = hello, .arena = arena, .info = info};
    buf_init(&o.json, 256 * 1024);
    enum err err = db_write(desk->db, open_fn, &o);
    if (err == ERR_OK) {
        json_put_raw(w, buf_str(&o.json));
    }
    buf_release(&o.json);
    return err;
}

/* ---- own conversations ---- */

enum err visitor_conversation_load(struct db_txn *txn, const struct actor *actor,
                                   struct conversation_id id, struct arena *arena,
                                   struct conversation *out, struct errinfo *info)
{
    enum err err = conversation_load(txn, id, arena, out);
    if (err == ERR_NOT_FOUND || (err == ERR_OK && (out->customer.v != actor->customer.v ||
                                                   out->inbox.v != actor->inbox.v))) {
        return err_set(info, ERR_NOT_FOUND, "id", "not_found", "no such conversation");
    }
    return err;
}

struct current {
    struct desk *desk;
    const struct actor *actor;
    enum conversation_event event;
    struct arena *arena;
    struct str *json_out;
    struct errinfo *info;
};

static enum err current_fn(struct db_txn *txn, void *arg)
{
    struct current *u = arg;
    struct arena *arena = db_txn_arena(txn);
    struct conversation c;
    enum err err = conversation_load_latest(txn, u->actor->customer, u->actor->inbox, arena, &c);
    if (err == ERR_NOT_FOUND) {
        return err_set(u->info, err, "", "not_found", "there is no conversation");
    }
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(u->desk, txn, &c);
    err = conversation_do(&w, &c, u->event, (struct agent_id){0}, STR(""), 0, u->info);
    if (err == ERR_OK && w.is_head_changed) {
        err = conversation_finish(&w, &c);
    }
    if (err != ERR_OK) {
        return err;
    }
    BUF_AUTO b;
    buf_init(&b, 64 * 1024);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    err = visitor_conversation_load_json(u->desk, txn, arena, &c, &jw);
    if (err == ERR_OK) {
        *u->json_out = str_dup(u->arena, buf_str(&b));
    }
    return err;
}

enum err visitor_current_do(struct desk *desk, const struct actor *actor,
                            enum conversation_event event, struct arena *arena,
                            struct str *json_out, struct errinfo *info)
{
    struct current u = {desk, actor, event, arena, json_out, info};
    return db_write(desk->db, current_fn, &u);
}

/* ---- rating ---- */

struct rate {
    struct desk *desk;
    const struct actor *actor;
    struct conversation_id id;
    struct rating rating;
    struct errinfo *info;
};

static enum err append_rating_event(struct desk_work *w, struct conversation *c,
                                    const struct rating *r)
{
    BUF_AUTO b;
    buf_init(&b, 16384);
    struct json_writer jw;
    json_writer_init(&jw, &b);
    json_object_begin(&jw);
    json_kv_id(&jw, "conversation_id", c->id.v);
    json_kv_i64(&jw, "score", r->score);
    json_kv_str(&jw, "comment", r->comment);
    json_object_end(&jw);
    enum err err = buf_err(&b);
    return err != ERR_OK ? err
                         : conversation_append(w, c, STR("rating.created"), false, buf_str(&b));
}

static enum err rate_fn(struct db_txn *txn, void *arg)
{
    struct rate *r = arg;
    struct arena *arena = db_txn_arena(txn);
    struct conversation c;
    struct rating there;
    enum err err = visitor_conversation_load(txn, r->actor, r->id, arena, &c, r->info);
    err = err != ERR_OK ? err : rating_load(txn, c.id, c.n_resolutions, arena, &there);
    if (err != ERR_OK) {
        return err;
    }
    struct desk_work w = desk_work_begin(r->desk, txn, &c);
    if (there.score != 0) {
        return err_set(r->info, ERR_CONFLICT, "", "rated", "this was rated already");
    }
    if (!conversation_may_be_rated(c.state, c.resolved_at, false,
                                   atomic_load(&r->desk->csat_enabled) != 0, w.now)) {
        return err_set(r->info, ERR_CONFLICT, "", "not_now", "only after the end, within a week");
    }
    r->rating.at = w.now;
    err = rating_insert(txn, c.id, c.n_resolutions, c.customer, c.assignee, &r->rating);
    err = err != ERR_OK ? err : append_rating_event(&w, &c, &r->rating);
    w.is_head_changed = true;
    w.is_public_change = true;
    return err != ERR_OK ? err : conversation_finish(&w, &c);
}

enum err visitor_rate(struct desk *desk, const struct actor *actor, struct conversation_id id,
                      int64_t score, struct str comment, struct errinfo *info)
{
    struct rate r = {.desk = desk,
                     .actor = actor,
                     .id = id,
                     .rating = {.score = (int)score, .comment = comment},
                     .info = info};
    return db_write(desk->db, rate_fn, &r);
}

/* ---- profile ---- */

struct profile {
    struct desk *desk;
    const struct actor *actor;
    const struct customer_patch *patch;
    struct errinfo *info;
};

static enum err update_me_fn(struct db_txn *txn, void *arg)
{
    struct profile *p = arg;
    return customer_update(p->desk->identity, txn, p->actor->customer, -1, p->patch, p->info);
}

enum err visitor_update_me(struct desk *desk, const struct actor *actor,
                           const struct customer_patch *patch, struct errinfo *info)
{
    struct profile p = {desk, actor, patch, info};
    return actor_is_customer(actor) ? db_write(desk->db, update_me_fn, &p) : ERR_UNAUTHORIZED;
}
