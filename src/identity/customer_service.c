#include "identity/customer_service.h"

#include "base/utf8.h"
#include "identity/customer_store.h"
#include "platform/version.h"

struct work {
    struct identity *identity;
    struct arena *arena;
    struct str query;
    int64_t before;
    size_t limit;
    struct customer_id id;
    int64_t version;
    const struct customer_patch *patch;
    struct customer customer;
    struct customer *list;
    size_t n;
    struct errinfo info;
};

static enum err search_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    return customer_store_search(txn, w->query, w->before, w->limit, w->arena, w->list, &w->n);
}

enum err customer_service_search(struct identity *identity, const struct actor *actor,
                                 struct str query, int64_t before, size_t limit,
                                 struct arena *arena, struct customer **out, size_t *n_out,
                                 struct errinfo *info)
{
    struct work w = {.arena = arena,
                     .query = query,
                     .before = before,
                     .limit = limit,
                     .list = ARENA_ARRAY(arena, struct customer, limit + 1)};
    enum err err = actor_require(actor, PERM_CUSTOMER_READ, info);
    err = err == ERR_OK ? db_read(identity->db, search_fn, &w) : err;
    if (err == ERR_OK) {
        *out = w.list;
        *n_out = w.n;
    }
    return err;
}

static enum err get_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = customer_load(txn, w->id, w->arena, &w->customer);
    return err == ERR_NOT_FOUND
               ? err_set(&w->info, err, "id", "not_found", "There is no such customer.")
               : err;
}

enum err customer_service_get(struct identity *identity, const struct actor *actor,
                              struct customer_id id, struct arena *arena, struct customer *out,
                              struct errinfo *info)
{
    struct work w = {.arena = arena, .id = id};
    enum err err = actor_require(actor, PERM_CUSTOMER_READ, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_read(identity->db, get_fn, &w);
    if (err == ERR_OK) {
        *out = w.customer;
    }
    return err_hand_on(&w.info, err, info);
}

/* ---- update ---- */

struct text_rule {
    const char *field;
    const struct str *in;
    struct str *out;
    size_t max;
};

static enum err apply_text(const struct text_rule *r, struct errinfo *info)
{
    if (r->in == NULL) {
        return ERR_OK;
    }
    struct str s = str_trim(*r->in);
    if (utf8_count(s) > r->max) {
        return err_set(info, ERR_INVALID, r->field, "too_long",
                       "%s must have at most %zu characters.", r->field, r->max);
    }
    *r->out = s;
    return ERR_OK;
}

static enum err apply_patch(struct arena *arena, const struct customer_patch *p, struct customer *c,
                            struct errinfo *info)
{
    const struct text_rule rules[] = {
        {"name", p->name, &c->name, 80},
        {"tier", p->tier, &c->tier, 20},
        {"notes", p->notes, &c->notes, 10000},
    };
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && err == ERR_OK; i++) {
        err = apply_text(&rules[i], info);
    }
    if (err == ERR_OK && p->email != NULL) {
        c->email = (struct str){"", 0};
        err = str_trim(*p->email).len > 0
                  ? identity_check_email(arena, *p->email, "email", &c->email, info)
                  : ERR_OK;
    }
    if (err == ERR_OK && p->locale != NULL) {
        c->locale = str_trim(*p->locale);
        err = c->locale.len == 0 || identity_is_locale(c->locale)
                  ? ERR_OK
                  : err_set(info, ERR_INVALID, "locale", "format",
                            "This is not a language such as zh-CN.");
    }
    if (err == ERR_OK && p->zone != NULL) {
        c->zone = str_trim(*p->zone);
        err = identity_is_zone(c->zone) ? ERR_OK
                                        : err_set(info, ERR_INVALID, "zone", "format",
                                                  "This is not a time zone such as Asia/Shanghai.");
    }
    c->fields_json = p->fields_json != NULL ? *p->fields_json : c->fields_json;
    return err;
}

enum err customer_update(struct identity *identity, struct db_txn *txn, struct customer_id id,
                         int64_t version, const struct customer_patch *patch, struct errinfo *info)
{
    struct arena *arena = db_txn_arena(txn);
    struct customer c;
    enum err err = customer_load(txn, id, arena, &c);
    if (err == ERR_NOT_FOUND) {
        return err_set(info, err, "id", "not_found", "There is no such customer.");
    }
    err = err == ERR_OK ? version_check(version, c.version, info) : err;
    err = err == ERR_OK ? apply_patch(arena, patch, &c, info) : err;
    err = err == ERR_OK ? customer_store_save(txn, &c) : err;
    const struct identity_hooks *h = &identity->hooks;
    return err == ERR_OK && h->customer_changed != NULL ? h->customer_changed(h->arg, txn, c.id)
                                                        : err;
}

static enum err update_fn(struct db_txn *txn, void *arg)
{
    struct work *w = arg;
    enum err err = customer_update(w->identity, txn, w->id, w->version, w->patch, &w->info);
    return err == ERR_OK ? customer_load(txn, w->id, w->arena, &w->customer) : err;
}

enum err customer_service_update(struct identity *identity, const struct actor *actor,
                                 struct customer_id id, int64_t version,
                                 const struct customer_patch *patch, struct arena *arena,
                                 struct customer *out, struct errinfo *info)
{
    struct work w = {
        .identity = identity, .arena = arena, .id = id, .version = version, .patch = patch};
    enum err err = actor_require(actor, PERM_CUSTOMER_EDIT, info);
    if (err != ERR_OK) {
        return err;
    }
    err = db_write(identity->db, update_fn, &w);
    if (err == ERR_OK) {
        *out = w.customer;
    }
    return err_hand_on(&w.info, err, info);
}
