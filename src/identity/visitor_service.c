/* How the widget opens (visitor_open of identity.h).
 *
 * A token is worth what it was given for: anonymous ones live while they are used, those of signed-in customers for a fixed time after the last signed identity.
 * Signing in always changes the token (a planted one gains nothing), and only ever merges an anonymous customer, never one who is signed in. */
#include "identity/customer_store.h"
#include "identity/identity_internal.h"

#define TOUCH_MS TIME_HOUR_MS

struct visit {
    int64_t token_id; /* 0: no good token */
    struct customer_id customer;
    bool is_verified;
    int64_t last_seen_at;
};

static enum err find_visit(const struct identity *identity, struct db_txn *txn,
                           const struct visitor_open *in, int64_t now, struct visit *out)
{
    *out = (struct visit){0};
    if (in->token.len != IDENTITY_TOKEN_LEN) {
        return ERR_OK;
    }
    struct token_hash hash = token_hash_of(in->token);
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT id, customer_id, CASE WHEN verified_until IS NULL THEN 0 "
                                "ELSE 1 END, last_seen_at FROM visitor_tokens "
                                "WHERE token_hash = $1 AND inbox_id = $2 AND ((verified_until IS "
                                "NULL AND last_seen_at > $3) OR verified_until > $4)",
                                token_hash_val(&hash), db_i64(in->inbox.v),
                                db_i64(now - identity->visitor_anonymous_ms), db_i64(now));
    if (err != ERR_OK) {
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    }
    *out = (struct visit){db_rows_i64(rows, 0),
                          {db_rows_i64(rows, 1)},
                          db_rows_i64(rows, 2) != 0,
                          db_rows_i64(rows, 3)};
    return db_rows_close(&rows);
}

static enum err give_token(const struct identity *identity, struct db_txn *txn, struct arena *arena,
                           const struct visitor_open *in, struct customer_id customer, int64_t now,
                           struct str *out)
{
    struct str token = crypto_token(arena);
    struct token_hash hash = token_hash_of(token);
    enum err err = DB_EXEC(
        txn,
        "INSERT INTO visitor_tokens (token_hash, customer_id, inbox_id, verified_until, "
        "created_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $5)",
        token_hash_val(&hash), db_id(customer.v), db_i64(in->inbox.v),
        in->claims != NULL ? db_i64(now + identity->visitor_verified_ms) : db_null(), db_i64(now));
    if (err == ERR_OK) {
        *out = token;
    }
    return err;
}

/* Text of the browser that is taken when it makes sense. */
static struct str sane_locale(struct str s)
{
    s = str_trim(s);
    return identity_is_locale(s) ? s : (struct str){"", 0};
}

static struct str sane_zone(struct str s)
{
    s = str_trim(s);
    return identity_is_zone(s) ? s : (struct str){"", 0};
}

/* ---- without claims ---- */

static enum err open_anonymous(struct identity *identity, struct db_txn *txn, struct arena *arena,
                               const struct visitor_open *in, const struct visit *visit,
                               int64_t now, struct visitor_opened *out)
{
    if (visit->token_id != 0) {
        out->token = str_dup(arena, in->token);
        out->customer.id = visit->customer;
        return now - visit->last_seen_at > TOUCH_MS
                   ? DB_EXEC(txn, "UPDATE visitor_tokens SET last_seen_at = $1 WHERE id = $2",
                             db_i64(now), db_id(visit->token_id))
                   : ERR_OK;
    }
    struct customer c = {.locale = sane_locale(in->locale), .zone = sane_zone(in->zone)};
    enum err err = customer_store_insert(txn, &c, now, &out->customer.id);
    out->is_new_customer = true;
    return err == ERR_OK ? give_token(identity, txn, arena, in, out->customer.id, now, &out->token)
                         : err;
}

/* ---- with claims ---- */

static enum err use_jti(struct db_txn *txn, const struct visitor_open *in, struct errinfo *info)
{
    if (in->claims->jti.len == 0) {
        return ERR_OK;
    }
    struct arena *arena = db_txn_arena(txn);
    struct token_hash hash = token_hash_of(
        str_printf(arena, "%lld:" STR_FMT, (long long)in->inbox.v, STR_ARG(in->claims->jti)));
    const struct db_val vals[] = {token_hash_val(&hash), db_i64(in->claims->expires_at)};
    int64_t n = 0;
    enum err err = db_exec(txn,
                           "INSERT INTO used_identity_tokens (hash, expires_at) VALUES ($1, $2) ON "
                           "CONFLICT DO NOTHING",
                           vals, 2, &n);
    return err == ERR_OK && n == 0
               ? err_set(info, ERR_UNAUTHORIZED, "identity", "identity_replayed",
                         "This identity was used already (jti).")
               : err;
}

/* What the exchange says wins; what it does not say stays. True when something changed. */
static bool refresh(struct arena *arena, const struct visitor_open *in, struct customer *c)
{
    const struct customer_claims *claims = in->claims;
    struct customer before = *c;
    struct str email;
    c->uid = claims->uid;
    c->name = claims->name.len > 0 ? claims->name : c->name;
    c->tier = claims->tier.len > 0 ? claims->tier : c->tier;
    if (claims->email.len > 0 &&
        identity_check_email(arena, claims->email, "email", &email, NULL) == ERR_OK) {
        c->email = email;
    }
    if (sane_locale(claims->locale).len > 0) {
        c->locale = sane_locale(claims->locale);
    } else if (c->locale.len == 0) {
        c->locale = sane_locale(in->locale);
    }
    c->zone = c->zone.len > 0 ? c->zone : sane_zone(in->zone);
    return !str_eq(before.uid, c->uid) || !str_eq(before.name, c->name) ||
           !str_eq(before.tier, c->tier) || !str_eq(before.email, c->email) ||
           !str_eq(before.locale, c->locale) || !str_eq(before.zone, c->zone);
}

static enum err save_refreshed(struct identity *identity, struct db_txn *txn, struct arena *arena,
                               const struct visitor_open *in, struct customer *c)
{
    const struct identity_hooks *h = &identity->hooks;
    if (!refresh(arena, in, c)) {
        return ERR_OK;
    }
    enum err err = customer_store_save(txn, c);
    return err == ERR_OK && h->customer_changed != NULL ? h->customer_changed(h->arg, txn, c->id)
                                                        : err;
}

static enum err merge(struct identity *identity, struct db_txn *txn, struct arena *arena,
                      struct customer_id from, struct customer_id into)
{
    const struct identity_hooks *h = &identity->hooks;
    enum err err = h->customer_merge != NULL ? h->customer_merge(h->arg, txn, from, into) : ERR_OK;
    err = err == ERR_OK ? customer_store_merge(txn, arena, from, into) : err;
    identity_on_visitor_ended(identity, txn, from);
    return err;
}

/* The customer of the uid; the anonymous one of the visit becomes it, or is merged into it. */
static enum err find_signed_in(struct identity *identity, struct db_txn *txn, struct arena *arena,
                               const struct visitor_open *in, const struct visit *visit,
                               int64_t now, struct visitor_opened *out)
{
    bool has_anonymous = visit->token_id != 0 && !visit->is_verified;
    struct customer c = {0};
    enum err err = customer_store_find_uid(txn, in->claims->uid, arena, &c);
    if (err == ERR_OK && has_anonymous) {
        out->merged_from = visit->customer;
        err = merge(identity, txn, arena, visit->customer, c.id);
        err = err == ERR_OK ? customer_load(txn, c.id, arena, &c) : err;
    } else if (err == ERR_NOT_FOUND && has_anonymous) {
        err = DB_EXEC(txn, "DELETE FROM visitor_tokens WHERE customer_id = $1",
                      db_id(visit->customer.v));
        err = err == ERR_OK ? customer_load(txn, visit->customer, arena, &c) : err;
        identity_on_visitor_ended(identity, txn, visit->customer);
    } else if (err == ERR_NOT_FOUND) {
        refresh(arena, in, &c);
        out->is_new_customer = true;
        err = customer_store_insert(txn, &c, now, &out->customer.id);
        return err;
    }
    err = err == ERR_OK ? save_refreshed(identity, txn, arena, in, &c) : err;
    out->customer.id = c.id;
    return err;
}

static enum err open_signed_in(struct identity *identity, struct db_txn *txn, struct arena *arena,
                               const struct visitor_open *in, const struct visit *visit,
                               int64_t now, struct visitor_opened *out, struct errinfo *info)
{
    enum err err = use_jti(txn, in, info);
    err = err == ERR_OK ? find_signed_in(identity, txn, arena, in, visit, now, out) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (visit->is_verified && visit->customer.v == out->customer.id.v) {
        out->token = str_dup(arena, in->token);
        return DB_EXEC(
            txn, "UPDATE visitor_tokens SET verified_until = $1, last_seen_at = $2 WHERE id = $3",
            db_i64(now + identity->visitor_verified_ms), db_i64(now), db_id(visit->token_id));
    }
    return give_token(identity, txn, arena, in, out->customer.id, now, &out->token);
}

enum err visitor_open(struct identity *identity, struct db_txn *txn, struct arena *arena,
                      const struct visitor_open *in, struct visitor_opened *out,
                      struct errinfo *info)
{
    int64_t now = identity_now(identity);
    struct visitor_opened opened = {0};
    struct visit visit;
    enum err err = find_visit(identity, txn, in, now, &visit);
    if (err == ERR_OK) {
        err = in->claims != NULL
                  ? open_signed_in(identity, txn, arena, in, &visit, now, &opened, info)
                  : open_anonymous(identity, txn, arena, in, &visit, now, &opened);
    }
    err = err == ERR_OK ? customer_touch(txn, opened.customer.id, now) : err;
    err = err == ERR_OK ? customer_load(txn, opened.customer.id, arena, &opened.customer) : err;
    if (err == ERR_OK) {
        *out = opened;
    }
    return err;
}
