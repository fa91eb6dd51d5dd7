#include "identity/customer_store.h"

#include "base/utf8.h"
#include "identity/customer_fields.h"

#define COLUMNS                                                                                    \
    "c.id, c.uid, c.name, c.email, c.tier, c.locale, c.zone, c.notes, c.fields, c.created_at, "    \
    "c.last_seen_at, c.version"
#define NOTES_MAX 10000

static void read_customer(const struct db_rows *rows, struct arena *arena, struct customer *out)
{
    *out = (struct customer){.id = {db_rows_i64(rows, 0)},
                             .uid = db_rows_dup(rows, 1, arena),
                             .name = db_rows_dup(rows, 2, arena),
                             .email = db_rows_dup(rows, 3, arena),
                             .tier = db_rows_dup(rows, 4, arena),
                             .locale = db_rows_dup(rows, 5, arena),
                             .zone = db_rows_dup(rows, 6, arena),
                             .notes = db_rows_dup(rows, 7, arena),
                             .fields_json = db_rows_dup(rows, 8, arena),
                             .is_verified = !db_rows_is_null(rows, 1),
                             .created_at = db_rows_i64(rows, 9),
                             .last_seen_at = db_rows_i64(rows, 10),
                             .version = db_rows_i64(rows, 11)};
}

static enum err take_one(struct db_rows *rows, struct arena *arena, struct customer *out)
{
    struct customer c;
    read_customer(rows, arena, &c);
    enum err err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *out = c;
    }
    return err;
}

enum err customer_load(struct db_txn *txn, struct customer_id id, struct arena *arena,
                       struct customer *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows,
                                "SELECT " COLUMNS " FROM customers g JOIN customers c ON c.id = "
                                "COALESCE(g.merged_into, g.id) WHERE g.id = $1",
                                db_i64(id.v));
    return err == ERR_OK ? take_one(rows, arena, out) : err;
}

enum err customer_store_find_uid(struct db_txn *txn, struct str uid, struct arena *arena,
                                 struct customer *out)
{
    struct db_rows *rows;
    enum err err = DB_QUERY_ONE(txn, &rows, "SELECT " COLUMNS " FROM customers c WHERE c.uid = $1",
                                db_text(uid));
    return err == ERR_OK ? take_one(rows, arena, out) : err;
}

/* ---- search ---- */

static struct str fold(struct arena *arena, struct str s)
{
    char *out = arena_alloc(arena, s.len * 4 + 1);
    size_t n = 0;
    for (size_t at = 0; at < s.len;) {
        n += utf8_put(utf8_lower(utf8_next(s, &at)), out + n);
    }
    return (struct str){out, n};
}

/* The first text behind every text that begins with `prefix`, in byte order (0xF8 never occurs in UTF-8; U+10FFFF is the last there is). */
static struct str prefix_end(struct arena *arena, struct str prefix)
{
    return str_printf(arena, STR_FMT "\xF4\x8F\xBF\xBF", STR_ARG(prefix));
}

enum err customer_store_search(struct db_txn *txn, struct str query, int64_t before_id,
                               size_t limit, struct arena *arena, struct customer *out,
                               size_t *n_out)
{
    struct db_rows *rows;
    enum err err;
    query = str_trim(query);
    int64_t before = before_id > 0 ? before_id : INT64_MAX;
    if (query.len == 0) {
        err = DB_QUERY(txn, &rows,
                       "SELECT " COLUMNS " FROM customers c WHERE c.id < $1 AND c.merged_into IS "
                       "NULL ORDER BY c.id DESC LIMIT $2",
                       db_i64(before), db_i64((int64_t)limit));
    } else {
        struct str key = fold(arena, query);
        err = DB_QUERY(txn, &rows,
                       "SELECT " COLUMNS " FROM customers c WHERE c.id < $1 AND c.merged_into IS "
                       "NULL AND ((c.uid >= $2 AND c.uid < $3) OR "
                       "(c.name_key >= $4 AND c.name_key < $5) OR (c.email_key >= $4 AND "
                       "c.email_key < $5)) ORDER BY c.id DESC LIMIT $6",
                       db_i64(before), db_text(query), db_text(prefix_end(arena, query)),
                       db_text(key), db_text(prefix_end(arena, key)), db_i64((int64_t)limit));
    }
    if (err != ERR_OK) {
        return err;
    }
    size_t n = 0;
    while (n < limit && db_rows_next(rows)) {
        read_customer(rows, arena, &out[n++]);
    }
    err = db_rows_close(&rows);
    if (err == ERR_OK) {
        *n_out = n;
    }
    return err;
}

/* ---- writing ---- */

enum err customer_store_insert(struct db_txn *txn, const struct customer *c, int64_t now,
                               struct customer_id *out)
{
    struct arena *arena = db_txn_arena(txn);
    return DB_QUERY_I64(txn, &out->v,
                        "INSERT INTO customers (uid, name, email, tier, locale, zone, name_key, "
                        "email_key, created_at, last_seen_at) "
                        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING id",
                        db_opt_text(c->uid), db_text(c->name), db_text(c->email), db_text(c->tier),
                        db_text(c->locale), db_text(c->zone), db_text(fold(arena, c->name)),
                        db_text(fold(arena, c->email)), db_i64(now));
}

enum err customer_store_save(struct db_txn *txn, const struct customer *c)
{
    struct arena *arena = db_txn_arena(txn);
    return DB_EXEC(txn,
                   "UPDATE customers SET uid = $1, name = $2, email = $3, tier = $4, locale = $5, "
                   "zone = $6, notes = $7, fields = $8, name_key = $9, "
                   "email_key = $10, version = version + 1 WHERE id = $11",
                   db_opt_text(c->uid), db_text(c->name), db_text(c->email), db_text(c->tier),
                   db_text(c->locale), db_text(c->zone), db_text(c->notes), db_text(c->fields_json),
                   db_text(fold(arena, c->name)), db_text(fold(arena, c->email)), db_id(c->id.v));
}

enum err customer_touch(struct db_txn *txn, struct customer_id id, int64_t now)
{
    return DB_EXEC(txn,
                   "UPDATE customers SET last_seen_at = $1 WHERE id = $2 AND (last_seen_at IS NULL "
                   "OR last_seen_at < $3)",
                   db_i64(now), db_id(id.v), db_i64(now - IDENTITY_SEEN_EVERY_MS));
}

/* ---- merge ---- */

enum err customer_store_merge(struct db_txn *txn, struct arena *arena, struct customer_id from,
                              struct customer_id into)
{
    struct customer a;
    struct customer b;
    enum err err = customer_load(txn, from, arena, &a);
    err = err == ERR_OK ? customer_load(txn, into, arena, &b) : err;
    if (err != ERR_OK) {
        return err;
    }
    if (a.notes.len > 0) {
        struct str both = b.notes.len > 0 ? str_printf(arena, STR_FMT "\n\n" STR_FMT,
                                                       STR_ARG(b.notes), STR_ARG(a.notes))
                                          : a.notes;
        b.notes = utf8_count(both) <= NOTES_MAX ? both : utf8_cut(both, NOTES_MAX);
    }
    b.fields_json = customer_fields_merge(arena, b.fields_json, a.fields_json);
    b.locale = b.locale.len > 0 ? b.locale : a.locale;
    b.zone = b.zone.len > 0 ? b.zone : a.zone;
    b.email = b.email.len > 0 ? b.email : a.email;
    err = customer_store_save(txn, &b);
    err = err == ERR_OK
              ? DB_EXEC(txn, "DELETE FROM visitor_tokens WHERE customer_id = $1", db_id(from.v))
              : err;
    /* those merged into `from` before lead to `into` directly: one hop is always enough */
    err = err == ERR_OK
              ? DB_EXEC(txn, "UPDATE customers SET merged_into = $1 WHERE merged_into = $2",
                        db_id(into.v), db_id(from.v))
              : err;
    return err == ERR_OK ? DB_EXEC(txn,
                                   "UPDATE customers SET merged_into = $1, name = '', email = '', "
                                   "notes = '', fields = '{}', name_key = '', email_key = '' "
                                   "WHERE id = $2",
                                   db_id(into.v), db_id(from.v))
                         : err;
}

void customer_write_json(struct json_writer *w, const struct customer *c)
{
    json_object_begin(w);
    json_kv_id(w, "id", c->id.v);
    json_kv_opt_str(w, "uid", c->uid);
    json_kv_str(w, "name", c->name);
    json_kv_str(w, "email", c->email);
    json_kv_str(w, "tier", c->tier);
    json_kv_str(w, "locale", c->locale);
    json_kv_str(w, "zone", c->zone);
    json_kv_bool(w, "is_verified", c->is_verified);
    json_kv_str(w, "notes", c->notes);
    json_kv_raw(w, "fields", c->fields_json.len > 0 ? c->fields_json : STR("{}"));
    json_kv_time(w, "created_at", c->created_at);
    json_kv_time(w, "last_seen_at", c->last_seen_at);
    json_kv_i64(w, "version", c->version);
    json_object_end(w);
}
